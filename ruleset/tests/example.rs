//! The example rule set: it checks clean, is as large as it says, builds to one digest from
//! sources in any order, and its hot-fix changes a handful of fragments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cairn_merkle::Digest;
use cairn_ruleset::emit::{self, Built};
use cairn_ruleset::envelope::{Envelope, MANIFEST_DOMAIN};
use cairn_ruleset::inclusion;
use cairn_ruleset::ir::{Audience, Expr, Loot, On, OutcomeDef, Program, Schedule};
use cairn_ruleset::key::SecretKey;
use cairn_ruleset::lang::{self, Source};
use cairn_ruleset::manifest::{FragmentKind, Provenance};
use cairn_ruleset::trust::{KeyEntry, KeyList, Role, SignedKeyList, Trust};
use cairn_ruleset::upload::Upload;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn read(folder: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".rules.hcl") {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
                sources.push(Source { name, text: std::fs::read_to_string(path).unwrap() });
            }
        }
    }
    sources.sort();
    sources
}

fn example() -> Vec<Source> {
    read(&examples().join("treasure-hunt"))
}

fn program(sources: &[Source]) -> Program {
    let checked = lang::check(sources);
    let mut report = String::new();
    for found in &checked.diagnostics {
        let name = &checked.files[found.span.file as usize];
        let text = &sources.iter().find(|source| source.name == *name).unwrap().text;
        let line = text[..found.span.start as usize].matches('\n').count() + 1;
        report.push_str(&format!(
            "{name}:{line}: {} {}\n    {}\n    {}\n",
            found.code, found.message, found.cause, found.help
        ));
    }
    assert!(checked.diagnostics.is_empty(), "{report}");
    checked.program.unwrap()
}

fn build(sources: &[Source]) -> Built {
    let provenance = Provenance { revision: String::new(), builder: "cairn test".to_owned() };
    emit::bundle(&program(sources), "1.0.0", provenance).unwrap()
}

fn digest(built: &Built) -> Digest {
    Digest::derive(MANIFEST_DOMAIN, &[&built.manifest.encode()])
}

fn outcomes(program: &Program) -> impl Iterator<Item = (On, &OutcomeDef)> {
    program.fragments.iter().flat_map(|fragment| {
        let rules = fragment.rules.iter();
        rules.flat_map(|rule| &rule.outcomes).map(|outcome| (fragment.on, outcome))
    })
}

#[test]
fn is_as_large_as_a_game_needs() {
    let sources = example();
    let program = program(&sources);
    let rules: usize = program.fragments.iter().map(|fragment| fragment.rules.len()).sum();
    // Conditions are put in their places by the checker: only the source still counts them.
    let conditions = sources
        .iter()
        .flat_map(|source| source.text.lines())
        .filter(|line| line.starts_with("condition \""))
        .count();
    let tables = &program.tables;
    let nested = tables
        .iter()
        .filter(|table| table.entries.iter().any(|entry| matches!(entry.loot, Loot::Table(_))))
        .count();
    let conditional =
        tables.iter().filter(|table| table.entries.iter().any(|entry| entry.conditional)).count();
    let pities = tables.iter().filter(|table| !table.pities.is_empty()).count();
    let rolling = tables.iter().filter(|table| table.rolls != (1, 1)).count();
    let giving =
        tables.iter().filter(|table| table.entries.iter().any(|entry| entry.guaranteed)).count();
    let overridden = program.params.iter().filter(|param| !param.overrides.is_empty()).count();
    let jittered = program.timers.iter().filter(|timer| timer.jitter_ms > 0).count();
    let excepted = program.timers.iter().filter(|timer| !timer.except.days.is_empty()).count();
    let broadcasting = program
        .fragments
        .iter()
        .flat_map(|fragment| &fragment.rules)
        .filter(|rule| rule.outcomes.iter().any(|o| o.audience == Audience::Cluster))
        .count();
    let found = [
        ("files", sources.len(), 12),
        ("parameters", program.params.len(), 60),
        ("parameters with overrides", overridden, 1),
        ("conditions", conditions, 140),
        ("rules", rules, 160),
        ("conditions and rules", conditions + rules, 300),
        ("loot tables", tables.len(), 40),
        ("nested loot tables", nested, 10),
        ("loot tables with conditional entries", conditional, 10),
        ("loot tables with a pity", pities, 3),
        ("loot tables with rolls", rolling, 1),
        ("loot tables with guaranteed entries", giving, 1),
        ("timers", program.timers.len(), 20),
        ("timers with a jitter", jittered, 1),
        ("timers with exceptions", excepted, 1),
        ("rules that broadcast", broadcasting, 20),
        ("counters", program.counters.len(), 5),
        ("enums", program.enums.len(), 5),
    ];
    for (what, actual, least) in found {
        assert!(actual >= least, "{actual} {what}, at least {least}");
    }
}

/// Loot is rolled somewhere, every timer matters, and what is broadcast comes from both sides.
#[test]
fn nothing_in_it_is_dead() {
    let program = program(&example());
    let mut reached = BTreeSet::new();
    let mut open: Vec<u16> =
        outcomes(&program).filter_map(|(_, outcome)| Some(outcome.loot.as_ref()?.table)).collect();
    while let Some(table) = open.pop() {
        if reached.insert(table) {
            for entry in &program.tables[usize::from(table)].entries {
                if let Loot::Table(inner) = entry.loot {
                    open.push(inner);
                }
            }
        }
    }
    assert_eq!(reached.len(), program.tables.len(), "tables that no rule reaches");

    let cluster: Vec<_> = outcomes(&program)
        .filter(|(_, outcome)| outcome.audience == Audience::Cluster)
        .map(|(on, _)| on)
        .collect();
    assert!(cluster.iter().filter(|on| matches!(on, On::Timer(_))).count() >= 20);
    assert!(cluster.iter().filter(|on| matches!(on, On::Trigger(_))).count() >= 5);
}

/// The clock of the whole fleet: tests count its ticks.
#[test]
fn one_rule_broadcasts_every_second() {
    let program = program(&example());
    let ticking: Vec<_> = (0..)
        .zip(&program.timers)
        .filter(|(_, timer)| timer.schedule == Schedule::Every { period_ms: 1_000 })
        .collect();
    let [(index, timer)] = ticking[..] else { panic!("{} timers tick", ticking.len()) };
    assert_eq!(timer.name, "tide_tick");
    let fragments: Vec<_> =
        program.fragments.iter().filter(|fragment| fragment.on == On::Timer(index)).collect();
    let [fragment] = fragments[..] else { panic!("{} fragments", fragments.len()) };
    let [rule] = &fragment.rules[..] else { panic!("{} rules", fragment.rules.len()) };
    assert_eq!(rule.when, Expr::Const(1));
    assert_eq!(rule.outcomes.len(), 1);
    assert_eq!(rule.outcomes[0].audience, Audience::Cluster);
}

#[test]
fn ten_builds_of_shuffled_sources_have_one_digest() {
    let mut sources = example();
    let first = build(&sources);
    for round in 0..10u64 {
        let keyed = |source: &Source| {
            Digest::derive("shuffle", &[&round.to_le_bytes(), source.name.as_bytes()])
        };
        sources.sort_by_key(keyed);
        let built = build(&sources);
        assert_eq!(digest(&built), digest(&first));
        assert_eq!(built, first);
    }
}

const CHILD: &str = "CAIRN_TEST_PRINT_DIGEST";

/// Addresses, hash seeds and thread timings differ between processes; the digest must not.
#[test]
fn another_process_builds_the_same_digest() {
    let digest = digest(&build(&example())).to_string();
    if std::env::var_os(CHILD).is_some() {
        println!("digest {digest}");
        return;
    }
    for _ in 0..2 {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "another_process_builds_the_same_digest", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(text.contains(&format!("digest {digest}")), "{text}");
    }
}

/// Applies a unified diff as `patch -p1` does, without fuzz.
fn patched(sources: &[Source], patch: &str) -> Vec<Source> {
    let mut sources = sources.to_vec();
    for file in patch.split("--- a/").skip(1) {
        let mut lines = file.lines();
        let name = lines.next().unwrap().trim_end();
        assert_eq!(lines.next().unwrap().trim_end(), format!("+++ b/{name}"));
        let source = sources.iter_mut().find(|source| source.name == name).unwrap();
        let old: Vec<_> = source.text.lines().collect();
        let (mut new, mut at) = (Vec::new(), 0);
        for line in lines {
            if let Some(hunk) = line.strip_prefix("@@ -") {
                let start: usize = hunk.split([',', ' ']).next().unwrap().parse().unwrap();
                new.extend(&old[at..start - 1]);
                at = start - 1;
            } else if let Some(added) = line.strip_prefix('+') {
                new.push(added);
            } else {
                let kept = &line[1..];
                assert_eq!(old[at], kept, "{name}:{}", at + 1);
                if line.starts_with(' ') {
                    new.push(kept);
                }
                at += 1;
            }
        }
        new.extend(&old[at..]);
        source.text = new.join("\n") + "\n";
    }
    sources
}

#[test]
fn the_hotfix_changes_a_handful_of_fragments() {
    let sources = example();
    let patch = std::fs::read_to_string(examples().join("treasure-hunt.hotfix.patch")).unwrap();
    let next = patched(&sources, &patch);
    let rules = |sources: &[Source]| -> BTreeMap<String, String> {
        let fragments = program(sources).fragments.into_iter();
        let rules = fragments.flat_map(|fragment| fragment.rules);
        rules.map(|rule| (rule.name.clone(), format!("{rule:?}"))).collect()
    };
    let (before, after) = (rules(&sources), rules(&next));
    let changed: Vec<_> =
        before.iter().filter(|(name, rule)| after[*name] != **rule).map(|(name, _)| name).collect();
    assert_eq!(changed, ["crypt_drop", "kraken_falls", "lich_falls", "lich_lured", "raid_roll"]);
    assert_eq!(before.len(), after.len());

    let (before, after) = (build(&sources), build(&next));
    assert_ne!(digest(&before), digest(&after));
    let fetched: Vec<_> = after
        .manifest
        .fragments
        .iter()
        .filter(|entry| !before.blobs.contains_key(&entry.digest))
        .map(|entry| entry.name.as_str())
        .collect();
    assert_eq!(
        fetched,
        ["bosses/boss_kill", "loot", "party/boss_kill", "zones/crypt/boss_kill"],
        "only these travel"
    );
}

/// A changed parameter ships its page and leaves all code alone.
#[test]
fn a_parameter_leaves_the_code_alone() {
    let mut sources = example();
    let before = build(&sources);
    let crypt = sources.iter_mut().find(|source| source.name == "zones/crypt.rules.hcl").unwrap();
    let changed = crypt.text.replace("default = 1.25", "default = 1.5");
    assert_ne!(crypt.text, changed);
    crypt.text = changed;
    let after = build(&sources);
    for (old, new) in before.manifest.fragments.iter().zip(&after.manifest.fragments) {
        assert_eq!(old.digest != new.digest, new.kind == FragmentKind::Params, "{}", new.name);
    }
}

/// Source to bundle to node: signed, carried as one file, opened by a node's order of checks.
#[test]
fn travels_as_a_signed_bundle() {
    let built = build(&example());
    let (root, publisher) = (SecretKey::from_seed([1; 32]), SecretKey::from_seed([2; 32]));
    let entry = KeyEntry {
        key: publisher.public(),
        name: "release".to_owned(),
        roles: vec![Role::Publisher],
    };
    let list = SignedKeyList::sign(&root, &KeyList::new(1, vec![entry])).unwrap();
    let trust = Trust::open(root.public(), &list).unwrap();

    let envelope = Envelope::seal(&built.manifest, &[&publisher]).unwrap();
    let file = Upload::new(envelope, built.blobs.clone()).unwrap().encode();
    let opened = Upload::open(&file, &trust).unwrap();
    assert_eq!(opened.envelope.digest(), digest(&built));
    assert_eq!((opened.manifest, opened.blobs), (built.manifest.clone(), built.blobs.clone()));

    assert_eq!(built.manifest.root, inclusion::root(&built.manifest.fragments));
    for (index, entry) in built.manifest.fragments.iter().enumerate() {
        let proof = built.manifest.proof(index).unwrap();
        proof.verify_bytes(&built.manifest.root, &built.blobs[&entry.digest]).unwrap();
    }
    let code = built.manifest.fragments.iter().filter(|entry| entry.kind == FragmentKind::Code);
    println!(
        "{} fragments ({} of code), {} bytes; bundle file {} bytes; manifest {} bytes",
        built.manifest.fragments.len(),
        code.count(),
        built.manifest.total_bytes(),
        file.len(),
        built.manifest.encode().len(),
    );
}
