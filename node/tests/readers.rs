//! A build script reads a folder as `cairn build` does: over one matrix of folders, the same bundle
//! comes out of both, or both refuse it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const MAIN: &str = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\n\
    trigger \"kill\" { fields = {} }\nrule \"r\" {\n  on = kill\n  emit \"a\" {}\n}\n";
const MORE: &str = "rule \"more\" {\n  on = kill\n  emit \"b\" {}\n}\n";

/// A folder: its files, and links as name and target.
type Layout = (&'static str, Vec<(&'static str, String)>, Vec<(&'static str, &'static str)>);

fn layouts() -> Vec<Layout> {
    let main = || ("rules/a.rules.hcl", MAIN.to_owned());
    let more = |name| (name, MORE.to_owned());
    let importing = |path: &str| ("rules/a.rules.hcl", format!("{MAIN}import \"{path}\" {{}}\n"));
    vec![
        ("one file", vec![main()], vec![]),
        ("nested", vec![main(), more("rules/deep/er/b.rules.hcl")], vec![]),
        ("hidden file", vec![main(), more("rules/.wip.rules.hcl")], vec![]),
        ("hidden folder", vec![main(), more("rules/.git/b.rules.hcl")], vec![]),
        ("import", vec![importing("../shared/b.rules.hcl"), more("shared/b.rules.hcl")], vec![]),
        ("import of nothing", vec![importing("../shared/b.rules.hcl")], vec![]),
        ("link", vec![main(), more("b.rules.hcl")], vec![("rules/b.rules.hcl", "../b.rules.hcl")]),
        (
            "imported link",
            vec![importing("../shared/b.rules.hcl"), more("shared/c.rules.hcl")],
            vec![("shared/b.rules.hcl", "c.rules.hcl")],
        ),
        ("linked folder", vec![main(), more("other/b.rules.hcl")], vec![("rules/in", "../other")]),
        ("no rules", vec![("rules/README.md", String::new())], vec![]),
        ("too long", vec![main(), ("rules/b.rules.hcl", "#".repeat((1 << 20) + 1))], vec![]),
        ("mistake", vec![main(), ("rules/b.rules.hcl", "rule \"x\" {}\n".to_owned())], vec![]),
    ]
}

/// The digest that `cairn build` gives, `None` when it refuses.
fn of_command(rules: &Path) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_cairn"))
        .args(["build", "--version", "1.0.0", "-o", "json"])
        .arg(rules)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    output.status.success().then(|| report["digest"].as_str().unwrap().to_owned())
}

fn of_build_script(rules: &Path) -> Option<String> {
    use cairn_merkle::Digest;
    use cairn_ruleset::envelope::MANIFEST_DOMAIN;
    let program = cairn_build::program(rules).ok()?;
    let built = cairn::compile::bundle(&program, "1.0.0", "").unwrap();
    Some(Digest::derive(MANIFEST_DOMAIN, &[&built.manifest.encode()]).to_string())
}

#[test]
fn a_build_script_reads_what_the_command_reads() {
    let mut accepted = Vec::new();
    for (what, files, links) in layouts() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for (name, target) in links {
            std::os::unix::fs::symlink(target, dir.path().join(name)).unwrap();
        }
        let rules = dir.path().join("rules");
        let command = of_command(&rules);
        assert_eq!(of_build_script(&rules), command, "{what}");
        accepted.extend(command.map(|digest| (what, digest)));
    }
    let names: Vec<&str> = accepted.iter().map(|(what, _)| *what).collect();
    assert_eq!(
        names,
        ["one file", "nested", "hidden file", "hidden folder", "import", "linked folder"]
    );
    // What is passed over changes nothing; what is read does.
    let digest = |of: &str| accepted.iter().find(|(what, _)| *what == of).map(|(_, d)| d.as_str());
    assert_eq!(digest("hidden file"), digest("one file"));
    assert_ne!(digest("import"), digest("one file"));
}
