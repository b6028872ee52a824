//! What the HTTP batch and `cairn eval` answer is what the reference interpreter says, for random
//! contexts over every fragment of the example, byte by byte.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cairn_ruleset::context::{self, ContextView};
use cairn_ruleset::ir::{Audience, INSTANT_MAX, On, Program, Slot, Type};
use cairn_ruleset::layout::OutShape;
use cairn_ruleset::loot::{self, Roll, Tables as _};
use cairn_ruleset::meta::FragmentMeta;
use cairn_ruleset::pity::Misses;
use cairn_ruleset::scope::Scope;
use cairn_ruleset::value::decimal_text;
use cairn_ruleset::{interp, rng};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Random contexts through each way in.
const CONTEXTS: usize = 10_000;
/// Runs of the whole program, one evaluation each.
const PROCESSES: usize = 64;
/// What an agent takes at once.
const BATCH: usize = 1_024;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/treasure-hunt")
}

fn cairn() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(name);
        }
    }
    command
}

/// One node with the example live, until it is dropped.
struct Node {
    child: Child,
    api: String,
    _home: tempfile::TempDir,
}

impl Node {
    fn start() -> Node {
        let home = tempfile::tempdir().unwrap();
        let ready = home.path().join("ready.json");
        let mut child = cairn()
            .arg("dev")
            .arg(example())
            .args(["--nodes", "1", "--ready-file"])
            .arg(&ready)
            .env("TMPDIR", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find(|line| line.as_ref().unwrap().starts_with("ready"));
        assert!(said.is_some(), "dev ended before it was ready");
        let ready: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let api = ready["nodes"][0]["api"].as_str().unwrap().to_owned();
        // Whatever it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Node { child, api, _home: home }
    }

    /// The results of a batch, as they were written.
    fn evaluate(&self, requests: &[String]) -> Vec<String> {
        #[derive(Deserialize)]
        struct Answer {
            results: Vec<Box<RawValue>>,
        }
        let host = self.api.strip_prefix("http://").unwrap();
        let body = format!("{{\"requests\":[{}]}}", requests.join(","));
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        let head = format!(
            "POST /v1/evaluate HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        let answer: Answer = serde_json::from_str(body).unwrap();
        answer.results.iter().map(|result| result.get().to_owned()).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        // It ends by itself and removes what it made.
        let asked = Command::new("kill").args(["-INT", &id]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(rng::GAMMA);
        rng::mix(self.0)
    }

    fn below(&mut self, n: u64) -> u64 {
        rng::scale(self.next(), n)
    }

    /// In the range, often at one of its ends.
    fn within(&mut self, min: i64, max: i64) -> i64 {
        match self.below(8) {
            0 => min,
            1 => max,
            _ => match (max.wrapping_sub(min) as u64).checked_add(1) {
                Some(span) => min.wrapping_add((self.next() % span) as i64),
                None => self.next() as i64,
            },
        }
    }
}

/// One request, and the same as a context of the interpreter.
struct Case {
    on: On,
    request: String,
    context: Vec<u8>,
    seed: u64,
    pity: PityMap,
    scope: Scope,
}

/// Table, entry, misses.
type PityMap = BTreeMap<String, BTreeMap<String, u32>>;

fn text(program: &Program, slot: &Slot, raw: i64) -> String {
    match slot.ty {
        Type::Bool => (raw != 0).to_string(),
        Type::Int | Type::Instant => raw.to_string(),
        Type::Decimal => decimal_text(raw),
        Type::Duration => format!("\"{raw}ms\""),
        Type::Enum(index) => {
            format!("{:?}", program.enums[usize::from(index)].values[raw as usize])
        }
        Type::Symbol => format!("{:?}", program.symbols[raw as usize]),
    }
}

fn case(program: &Program, on: On, stream: &mut Stream) -> Case {
    let (name, number, fields) = match on {
        On::Trigger(index) => {
            let trigger = &program.triggers[usize::from(index)];
            (trigger.name.clone(), u32::from(index), trigger.fields.as_slice())
        }
        On::Timer(index) => {
            (format!("timer.{}", program.timers[usize::from(index)].name), 0, &[][..])
        }
    };
    let mut slots = Vec::new();
    let mut members = Vec::new();
    for field in fields {
        let raw = stream.within(field.slot.min, field.slot.max);
        members.push(format!("{:?}:{}", field.name, text(program, &field.slot, raw)));
        slots.push(raw);
    }
    let mut counters = Vec::new();
    for counter in &program.counters {
        let count = stream.within(0, counter.max);
        counters.push(format!("{:?}:{count}", counter.name));
        slots.push(count);
    }
    let mut active = Vec::new();
    for timer in &program.timers {
        let on = stream.below(2) as i64;
        active.push(format!("{:?}:{}", timer.name, on == 1));
        slots.push(on);
    }
    let (seed, player) = (stream.next(), stream.next());
    let now_ms = stream.within(0, INSTANT_MAX);
    // Some of what a player may have missed: nothing, a little, and more than any pity takes.
    let mut pity = PityMap::new();
    for slot in 0..program.tables.as_slice().pity_count() {
        let (table, entry) = program.tables.as_slice().pity_name(slot).unwrap();
        if stream.below(2) == 1 {
            let misses = stream.within(0, 700) as u32;
            pity.entry(table.to_owned()).or_default().insert(entry.to_owned(), misses);
        }
    }
    // Where the overrides of the example hold, where none does, and nowhere.
    let zone = [None, Some("sa-east"), Some("eu-west")][stream.below(3) as usize];
    let shard = [None, Some("sa-east-1"), Some("7")][stream.below(3) as usize];
    let place = |word: &str, name: Option<&str>| {
        name.map_or_else(String::new, |name| format!(",\"{word}\":\"{name}\""))
    };
    let (in_zone, in_shard) = (place("zone", zone), place("shard", shard));
    let scope = Scope::new(zone, shard).unwrap();
    let mut context = Vec::new();
    context::write(&mut context, number, now_ms, seed, player, &slots);
    let request = format!(
        "{{\"trigger\":{name:?},\"seed\":{seed},\"player\":{player},\"now_ms\":{now_ms},\
         \"context\":{{{}}},\"counters\":{{{}}},\"active\":{{{}}},\"pity\":{}{in_zone}{in_shard}}}",
        members.join(","),
        counters.join(","),
        active.join(","),
        serde_json::to_string(&pity).unwrap(),
    );
    Case { on, request, context, seed, pity, scope }
}

/// What the interpreter decides, written as the API writes it.
fn reference(program: &Program, metas: &[FragmentMeta], case: &Case) -> String {
    let params = program.page(&case.scope).values;
    let (mut fired, mut outcomes) = (Vec::new(), Vec::new());
    let tables = program.tables.as_slice();
    let mut misses = Misses::new(tables);
    for (table, entries) in &case.pity {
        for (entry, count) in entries {
            misses.set(tables, table, entry, (*count).into()).unwrap();
        }
    }
    for (def, meta) in program.fragments.iter().zip(metas).filter(|(def, _)| def.on == case.on) {
        let view = ContextView::new(&case.context, meta.slots()).unwrap();
        let slots = interp::run(def, meta, &view, &params).unwrap();
        let shape = OutShape::of(meta);
        let mut records = shape.records.iter();
        for (index, rule) in def.rules.iter().enumerate() {
            let fires = slots[index / 64] >> (index % 64) & 1 == 1;
            if fires {
                fired.push(format!("{:?}", rule.name));
            }
            for outcome in &rule.outcomes {
                let record = records.next().unwrap();
                if !fires {
                    continue;
                }
                let audience = match outcome.audience {
                    Audience::Caller => "caller",
                    Audience::Cluster => "cluster",
                };
                let mut shown = format!(
                    "{{\"rule\":{:?},\"name\":{:?},\"audience\":{audience:?}",
                    rule.name, outcome.name
                );
                if let Some(asked) = &outcome.loot {
                    let masks = |table: u16| {
                        let at = meta.masks.iter().position(|of| *of == table);
                        at.map_or(u64::MAX, |at| slots[shape.mask_slot(at)] as u64)
                    };
                    let roll = Roll {
                        table: asked.table,
                        count: slots[record.slot as usize + 2] as u32,
                        seed: case.seed,
                        rule_hash: rule.hash,
                        draw_base: asked.draw_base,
                        masks: &masks,
                    };
                    let mut drops = Vec::new();
                    loot::roll(tables, &roll, misses.counts_mut(), &mut drops).unwrap();
                    let drops: Vec<String> = drops
                        .iter()
                        .map(|drop| {
                            format!("{{\"item\":{:?},\"count\":{}}}", drop.item, drop.count)
                        })
                        .collect();
                    if !drops.is_empty() {
                        write!(shown, ",\"loot\":[{}]", drops.join(",")).unwrap();
                    }
                }
                let mut payload = BTreeMap::new();
                for (at, value) in outcome.payload.iter().enumerate() {
                    let raw = slots[record.payload_slot() + at];
                    let mut text = match value.ty {
                        Type::Duration => raw.to_string(),
                        ty => text(program, &Slot { ty, min: raw, max: raw }, raw),
                    };
                    if value.ty == Type::Decimal && !text.contains('.') {
                        text.push_str(".0");
                    }
                    payload.insert(&value.name, text);
                }
                let payload: Vec<String> =
                    payload.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
                write!(shown, ",\"payload\":{{{}}}}}", payload.join(",")).unwrap();
                outcomes.push(shown);
            }
        }
    }
    // What was given, and whatever is not 0.
    let mut kept = case.pity.clone();
    for (table, entry, count) in misses.iter(tables) {
        let given = kept.get(table).is_some_and(|entries| entries.contains_key(entry));
        if given || count > 0 {
            kept.entry(table.to_owned()).or_default().insert(entry.to_owned(), count);
        }
    }
    let mut text =
        format!("{{\"fired\":[{}],\"outcomes\":[{}]", fired.join(","), outcomes.join(","));
    if !kept.is_empty() {
        write!(text, ",\"pity\":{}", serde_json::to_string(&kept).unwrap()).unwrap();
    }
    text + "}"
}

/// `cairn eval` on a batch of lines: its results without the version in front.
fn lines(arguments: &[&str], requests: &[String]) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), requests.join("\n")).unwrap();
    let output =
        cairn().args(["eval", "--batch"]).arg(file.path()).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let results = text.lines().map(|line| {
        let (version, rest) = line.split_once(',').unwrap();
        assert!(version.starts_with("{\"version\":\"0.0."), "{line}");
        format!("{{{rest}")
    });
    results.collect()
}

#[test]
fn http_and_command_line_answer_like_the_interpreter() {
    let judged = cairn::compile::judge(&example()).unwrap();
    let program = judged.program.expect("the example compiles");
    let metas: Vec<_> =
        program.fragments.iter().map(|def| FragmentMeta::of(&program, def)).collect();
    let mut ons: Vec<On> = program.fragments.iter().map(|def| def.on).collect();
    ons.sort_by_key(|on| match on {
        On::Trigger(index) => (0, *index),
        On::Timer(index) => (1, *index),
    });
    ons.dedup();
    let mut stream = Stream(20_261_121);
    let cases: Vec<Case> =
        (0..CONTEXTS).map(|at| case(&program, ons[at % ons.len()], &mut stream)).collect();
    let requests: Vec<String> = cases.iter().map(|case| case.request.clone()).collect();
    let expected: Vec<String> =
        cases.iter().map(|case| reference(&program, &metas, case)).collect();
    // The contexts must tell something: rules that fire, loot that falls.
    for part in ["\"loot\":[", "\"caller\"", "\"cluster\"", "\"fired\":[]", "\"pity\":{"] {
        assert!(expected.iter().any(|result| result.contains(part)), "never {part}");
    }
    let given = |case: &Case| serde_json::to_string(&case.pity).unwrap();
    let gave = cases.iter().zip(&expected).filter(|(case, after)| !after.contains(&given(case)));
    assert!(gave.count() > 50, "rolls change the misses");

    let node = Node::start();
    let agree = |way: &str, actual: &[String]| {
        assert_eq!(actual.len(), expected.len(), "{way}");
        for ((actual, expected), case) in actual.iter().zip(&expected).zip(&cases) {
            assert_eq!(actual, expected, "{way}: {}", case.request);
        }
    };
    let over_http: Vec<String> =
        requests.chunks(BATCH).flat_map(|chunk| node.evaluate(chunk)).collect();
    agree("HTTP batch", &over_http);
    agree("cairn eval, agent", &lines(&["--addr", &node.api], &requests));
    let folder = example();
    agree("cairn eval, folder", &lines(&["--rules", folder.to_str().unwrap()], &requests));

    // And as people call it, one evaluation a process.
    for (case, expected) in cases.iter().zip(&expected).take(PROCESSES) {
        assert_eq!(single(&node.api, case), *expected, "{}", case.request);
    }
}

/// `cairn eval` with the parts of a request as its options.
fn single(api: &str, case: &Case) -> String {
    #[derive(Deserialize)]
    struct Parts {
        trigger: String,
        seed: u64,
        player: u64,
        now_ms: i64,
        context: Box<RawValue>,
        counters: BTreeMap<String, u64>,
        active: BTreeMap<String, bool>,
        pity: Box<RawValue>,
        zone: Option<String>,
        shard: Option<String>,
    }
    #[derive(Deserialize)]
    struct Answer {
        results: Vec<Box<RawValue>>,
    }
    let parts: Parts = serde_json::from_str(&case.request).unwrap();
    let mut command = cairn();
    command.args(["eval", "-o", "json", "--addr", api, "--trigger", &parts.trigger]);
    command.args(["--seed", &parts.seed.to_string(), "--player", &parts.player.to_string()]);
    command.args(["--at", &parts.now_ms.to_string(), "--context", parts.context.get()]);
    command.args(["--pity", parts.pity.get()]);
    for (option, name) in [("--zone", &parts.zone), ("--shard", &parts.shard)] {
        command.args(name.iter().flat_map(|name| [option, name.as_str()]));
    }
    for (name, count) in &parts.counters {
        command.args(["--counter", &format!("{name}={count}")]);
    }
    for (name, on) in &parts.active {
        command.args(["--active", &format!("{name}={on}")]);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}{errors}");
    let answer: Answer = serde_json::from_str(&text).unwrap();
    answer.results[0].get().to_owned()
}

#[test]
fn a_wrong_line_of_a_batch_is_named() {
    let folder = example();
    let good = r#"{"trigger":"login","context":{}}"#;
    let long = format!("{{\"trigger\":\"{}\"}}", "x".repeat(1 << 20));
    for (wrong, says) in [
        ("{oops", &["line 3 is not JSON"][..]),
        (r#"{"rule":"no_such_rule"}"#, &["line 3, rule", "no_such_rule"]),
        (r#"{"seed":-1}"#, &["line 3, seed"]),
        (long.as_str(), &["line 3 is longer than 1048576 bytes"]),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("\n\n{wrong}\n{good}\n")).unwrap();
        let output = cairn()
            .args(["eval", "--rules", folder.to_str().unwrap(), "--batch"])
            .arg(file.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{wrong:.80}: {errors}");
        for part in says {
            assert!(errors.contains(part), "{part:?} is not in {errors:.400}");
        }
    }
}
