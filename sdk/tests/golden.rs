//! The golden corpus: every released bundle format is decoded, verified and evaluated, and gives
//! what it gave when it was written, byte for byte.
//!
//! `golden/README.md` says what a corpus holds and when to add one. `cargo xtask golden` writes the
//! corpus of the current format and never touches one that exists.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_ruleset::envelope::{ENVELOPE_FORMAT, Envelope};
use cairn_ruleset::ir::{Audience, Program};
use cairn_ruleset::key::{PublicKey, SecretKey};
use cairn_ruleset::lang::{self, Source};
use cairn_ruleset::layout::ABI;
use cairn_ruleset::limits::DIALECT;
use cairn_ruleset::manifest::{FragmentKind, MANIFEST_FORMAT};
use cairn_ruleset::meta::{self, LootTables, Params, Schema, Segment, Timers};
use cairn_ruleset::trust::{KeyEntry, KeyList, Role, SignedKeyList, Trust};
use cairn_ruleset::upload::{UPLOAD_FORMAT, Upload};
use cairn_sdk::{Context, Evaluator, On, Outcome, Pity, Scope, Slot, Version};
use serde::{Deserialize, Serialize};
use support::{Fixture, Stream, build, fill};

const BUNDLE: &str = "bundle.cairn";
const KEY: &str = "publisher.pub";
const CASES: &str = "cases.json";
const SOURCE: &str = "hunt.rules.hcl";

/// Contexts of each trigger and timer.
const CASES_EACH: usize = 24;
/// Zone and shard where they happen, in turn.
const PLACES: [(Option<&str>, Option<&str>); 4] = [
    (None, None),
    (Some("eu-west"), None),
    (None, Some("newcomers")),
    (Some("eu-west"), Some("newcomers")),
];

/// An input, and all that came of it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    /// A trigger's name, or `timer.` and a timer's.
    on: String,
    /// Values in their representation.
    fields: BTreeMap<String, i64>,
    rates: BTreeMap<String, i64>,
    active: Vec<String>,
    seed: u64,
    player: u64,
    now_ms: i64,
    /// Where the game runs; nowhere in formats before there were overrides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    /// Table, entry and misses.
    pity: Vec<(String, String, u32)>,
    expect: Expect,
}

impl Case {
    fn scope(&self) -> Scope {
        Scope::new(self.zone.as_deref(), self.shard.as_deref()).unwrap()
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Expect {
    /// The context's bytes.
    context: String,
    /// Output bytes by fragment.
    outputs: BTreeMap<String, String>,
    fired: Vec<String>,
    emitted: Vec<Emitted>,
    /// Item and count.
    drops: Vec<(String, u32)>,
    /// As in the case, afterwards.
    pity: Vec<(String, String, u32)>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Emitted {
    rule: String,
    name: String,
    cluster: bool,
    /// Name and value as people write it.
    payload: Vec<(String, String)>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Where a bundle of the formats that this build writes belongs.
fn current() -> String {
    let (upload, envelope, manifest) = (UPLOAD_FORMAT, ENVELOPE_FORMAT, MANIFEST_FORMAT);
    let (segments, params) = (meta::FORMAT, meta::PARAMS_FORMAT);
    format!(
        "upload{upload}-envelope{envelope}-manifest{manifest}-segments{segments}-params{params}-abi{ABI}-dialect{DIALECT}"
    )
}

fn corpora() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut corpora: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    corpora.sort();
    corpora
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One publisher, listed by a root of this process.
fn trust(publisher: PublicKey) -> Trust {
    let root = SecretKey::from_seed([1; 32]);
    let roles = vec![Role::Publisher];
    let entry = KeyEntry { key: publisher, name: "golden".to_owned(), roles };
    let list = SignedKeyList::sign(&root, &KeyList::new(1, vec![entry])).unwrap();
    Trust::open(root.public(), &list).unwrap()
}

fn compile(text: &str) -> Program {
    let source = Source { name: SOURCE.to_owned(), text: text.to_owned() };
    let checked = lang::check(&[source]);
    checked.program.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

fn on(version: &Version, name: &str) -> On {
    match name.strip_prefix("timer.") {
        Some(timer) => version.timer(timer).unwrap(),
        None => version.trigger(name).unwrap(),
    }
}

/// The slots of the trigger's fields, with their names.
fn fields(version: &Version, on: On) -> Vec<(String, Slot)> {
    match on {
        On::Trigger(index) => {
            let fields = version.image().fields(index);
            fields.map(|field| (field.name.to_owned(), field.slot)).collect()
        }
        On::Timer(_) => Vec::new(),
    }
}

fn context(version: &Arc<Version>, case: &Case) -> Context {
    let mut context = Context::new(version, on(version, &case.on)).unwrap();
    for (name, value) in &case.fields {
        context.set_named(name, *value).unwrap();
    }
    for (name, count) in &case.rates {
        context.rate_named(name, *count).unwrap();
    }
    for name in &case.active {
        context.active_named(name, true).unwrap();
    }
    context.seed(case.seed).player(case.player);
    context.now_ms(case.now_ms).unwrap();
    context
}

fn kept(pity: &Pity, version: &Version) -> Vec<(String, String, u32)> {
    let counts = pity.iter(version);
    counts.map(|(table, entry, misses)| (table.to_owned(), entry.to_owned(), misses)).collect()
}

/// Evaluates a case and says everything that came of it.
fn observe(evaluator: &mut Evaluator, case: &Case) -> Expect {
    let version = Arc::clone(evaluator.version());
    evaluator.relocate(&case.scope());
    let context = context(&version, case);
    let bytes = context.bytes().unwrap();
    let mut expect = Expect { context: hex(bytes), ..Expect::default() };
    for fragment in version.fragments_on(context.on()).collect::<Vec<_>>() {
        let name = version.fragments()[usize::from(fragment)].name.clone();
        expect.outputs.insert(name, hex(evaluator.eval_raw(fragment, bytes).unwrap()));
    }
    let mut outcome = Outcome::new();
    evaluator.eval(&context, &mut outcome).unwrap();
    expect.fired = outcome.fired(&version).map(str::to_owned).collect();
    let mut pity = Pity::new(&version);
    for (table, entry, misses) in &case.pity {
        pity.set(&version, table, entry, u64::from(*misses)).unwrap();
    }
    for emitted in outcome.emitted(&version) {
        if let Some(loot) = &emitted.loot {
            let mut drops = Vec::new();
            version.roll_request(loot, &mut pity, &mut drops).unwrap();
            expect.drops.extend(drops.iter().map(|drop| (drop.item.to_owned(), drop.count)));
        }
        let values = emitted.payload();
        expect.emitted.push(Emitted {
            rule: emitted.rule.to_owned(),
            name: emitted.name.to_owned(),
            cluster: emitted.audience == Audience::Cluster,
            payload: values.map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
        });
    }
    expect.pity = kept(&pity, &version);
    expect
}

/// Decodes and encodes again: the encoder still writes what the format number promises.
fn writes_the_same<S: Segment>(bytes: &[u8]) {
    assert_eq!(S::decode(bytes).unwrap().encode(), bytes, "the {} changed its form", S::WHAT);
}

fn replay(corpus: &Path) {
    let file = fs::read(corpus.join(BUNDLE)).unwrap();
    let key = PublicKey::from_file(&fs::read_to_string(corpus.join(KEY)).unwrap()).unwrap();
    let upload = Upload::open(&file, &trust(key)).unwrap();
    assert!(Upload::open(&file, &trust(SecretKey::from_seed([9; 32]).public())).is_err());
    if corpus.ends_with(current()) {
        assert_eq!(upload.encode(), file, "the file changed its form");
        for entry in &upload.manifest.fragments {
            let bytes = &upload.blobs[&entry.digest];
            match entry.kind {
                FragmentKind::Code => {}
                FragmentKind::Schema => writes_the_same::<Schema>(bytes),
                FragmentKind::Params => writes_the_same::<Params>(bytes),
                FragmentKind::Loot => writes_the_same::<LootTables>(bytes),
                FragmentKind::Timers => writes_the_same::<Timers>(bytes),
            }
        }
    }

    // The committed bytes run on both back ends of the SDK; the committed text, compiled anew, is
    // the reference interpreter's program.
    let program = compile(&fs::read_to_string(corpus.join(SOURCE)).unwrap());
    let built = cairn_ruleset::emit::Built { manifest: upload.manifest, blobs: upload.blobs };
    let mut fixture = Fixture::of(program, &built, Scope::default());
    let cases: Vec<Case> = serde_json::from_slice(&fs::read(corpus.join(CASES)).unwrap()).unwrap();
    assert!(!cases.is_empty());
    for (index, case) in cases.iter().enumerate() {
        for evaluator in [&mut fixture.evaluator, &mut fixture.interpreted] {
            let actual = observe(evaluator, case);
            assert_eq!(actual, case.expect, "case {index} of {}", corpus.display());
        }
        let version = Arc::clone(&fixture.version);
        let context = context(&version, case);
        fixture.params = fixture.program.page(&case.scope()).values;
        for fragment in version.fragments_on(context.on()) {
            fixture.agree(fragment, context.bytes().unwrap());
        }
    }
    // A corpus of which nothing ever fires would say little.
    let every = |seen: &dyn Fn(&Expect) -> bool| cases.iter().filter(|c| seen(&c.expect)).count();
    let names: std::collections::BTreeSet<_> =
        cases.iter().flat_map(|case| &case.expect.fired).collect();
    let rules = fixture.metas.iter().map(|meta| meta.rules.len()).sum::<usize>();
    assert_eq!(names.len(), rules, "every rule fires somewhere: {names:?}");
    assert!(every(&|e| e.fired.is_empty()) > 0 && every(&|e| !e.drops.is_empty()) > 0);
}

#[test]
fn every_format_gives_what_it_gave() {
    let corpora = corpora();
    assert!(!corpora.is_empty());
    corpora.iter().for_each(|corpus| replay(corpus));
}

#[test]
fn a_raised_format_has_its_corpus() {
    let wanted = folder().join(current());
    for file in [BUNDLE, KEY, CASES, SOURCE] {
        let there = wanted.join(file).is_file();
        assert!(there, "{} has no {file}: run `cargo xtask golden`", wanted.display());
    }
}

/// What a designer's edit would do to a case is seen: the comparison is not of nothing with nothing.
#[test]
fn another_outcome_is_noticed() {
    let text = fs::read_to_string(folder().join(SOURCE)).unwrap();
    let other = compile(&text.replace("weight = 900", "weight = 1"));
    let mut fixture = Fixture::new(other);
    let cases = fs::read(folder().join(current()).join(CASES)).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    let same = |case: &Case| observe(&mut fixture.evaluator, case) == case.expect;
    assert!(!cases.iter().all(same));
}

/// Contexts from one seed, values at the ends of their ranges often among them.
fn draft(version: &Arc<Version>) -> Vec<Case> {
    let image = version.image();
    let triggers = (0..image.trigger_count() as u16).map(|index| {
        let name = image.trigger(index).unwrap().name.to_owned();
        (On::Trigger(index), name)
    });
    let timers = (0..image.timer_count() as u16)
        .map(|index| (On::Timer(index), format!("timer.{}", image.timer_name(index).unwrap())));
    let mut stream = Stream(20_261_121);
    let mut cases = Vec::new();
    for (on, name) in triggers.chain(timers) {
        let named = fields(version, on);
        let slots: Vec<Slot> = named.iter().map(|(_, slot)| *slot).collect();
        for number in 0..CASES_EACH {
            let (zone, shard) = PLACES[number % PLACES.len()];
            let mut context = Context::new(version, on).unwrap();
            fill(&mut context, &slots, &mut stream);
            let bytes = context.bytes().unwrap();
            let view = cairn_ruleset::context::ContextView::new(bytes, 0).unwrap();
            let slot = |at: usize| view.slot(at);
            let mut values = (0..).map(slot);
            let fields = named.iter().map(|(name, _)| name.clone()).zip(values.by_ref()).collect();
            let rates = (0..image.counter_count() as u16)
                .map(|index| image.counter_limit(index).unwrap().0.to_owned())
                .zip(values.by_ref())
                .collect();
            let active = (0..image.timer_count() as u16)
                .zip(values)
                .filter(|(_, active)| *active == 1)
                .map(|(index, _)| image.timer_name(index).unwrap().to_owned())
                .collect();
            let pity = kept(&Pity::new(version), version)
                .into_iter()
                .map(|(table, entry, _)| (table, entry, stream.below(6) as u32))
                .collect();
            cases.push(Case {
                on: name.clone(),
                fields,
                rates,
                active,
                seed: view.seed(),
                player: view.player(),
                now_ms: view.now_ms(),
                zone: zone.map(str::to_owned),
                shard: shard.map(str::to_owned),
                pity,
                expect: Expect::default(),
            });
        }
    }
    cases
}

#[test]
#[ignore = "writes the corpus of the current format: cargo xtask golden"]
fn write_the_current_format() {
    let corpus = folder().join(current());
    // Not `create_dir_all`: what is released is never written again.
    if let Err(error) = fs::create_dir(&corpus) {
        panic!("{}: {error}; a corpus is written once", corpus.display());
    }
    let text = fs::read_to_string(folder().join(SOURCE)).unwrap();
    let program = compile(&text);
    let built = build(&program);
    let publisher = SecretKey::from_seed([2; 32]);
    let envelope = Envelope::seal(&built.manifest, &[&publisher]).unwrap();
    let upload = Upload::new(envelope, built.blobs.clone()).unwrap();
    let mut fixture = Fixture::of(program, &built, Scope::default());
    let mut cases = draft(&fixture.version);
    for case in &mut cases {
        case.expect = observe(&mut fixture.evaluator, case);
    }
    fs::write(corpus.join(SOURCE), text).unwrap();
    fs::write(corpus.join(BUNDLE), upload.encode()).unwrap();
    fs::write(corpus.join(KEY), publisher.public().to_file()).unwrap();
    // A line each, so that a difference names its case.
    let lines: Vec<_> = cases.iter().map(|case| serde_json::to_string(case).unwrap()).collect();
    fs::write(corpus.join(CASES), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    replay(&corpus);
}
