//! `import "../shared/zones.rules.hcl" {}`: a file outside the rule set's folder becomes part of it.
//!
//! The compiler reads no files. [`imports`] says what a source asks for; whoever reads files supplies
//! each under the name that it is asked for by, which is relative to the rule set's folder. So a
//! bundle depends on how folders lie to each other, never on where they stand. Importing a file
//! twice, or in a circle, is importing it once: all files share one set of names.

use super::declare::schema;
use super::session::{At, Session};
use super::shape::{self, Schema};
use super::tree::{NodeKind, Tree};
use super::{Code, SUFFIX, Source, limits, literal, parser};

pub(super) const IMPORT: Schema = schema("import", &[], &[], &[]);

/// Names, relative to the rule set's folder, of the files that a source imports; each once, in order.
/// What cannot name a file is left out: [`super::check`] reports it. Parses the source when it has
/// the word in it.
pub fn imports(source: &Source) -> Vec<String> {
    let text = &source.text;
    if text.len() > limits::SOURCE_BYTES_MAX || !text.contains("import") {
        return Vec::new();
    }
    let tree = parser::parse(text, 0).tree;
    let slice = |(start, end): (u32, u32)| text.get(start as usize..end as usize).unwrap_or("");
    let mut names = Vec::new();
    for block in tree.children(Tree::ROOT) {
        let (Some(kind), Some(label)) = (tree.child(block, 0), tree.child(block, 1)) else {
            continue;
        };
        let is = tree.kind(block) == NodeKind::Block && tree.kind(label) == NodeKind::Text;
        if is && slice(tree.bytes(kind)) == "import" {
            let path = literal::string(slice(tree.bytes(label)));
            names.extend(resolve(&source.name, &path).ok().filter(|name| !names.contains(name)));
        }
    }
    names
}

/// The file that `path`, written in the file `from`, means: both are relative to the rule set's
/// folder. The folder above that is as far as it goes.
fn resolve(from: &str, path: &str) -> Result<String, &'static str> {
    if path.starts_with('/') || path.contains(['\\', ':']) {
        return Err("it is not relative: a rule set is the same wherever its folder stands");
    }
    if !path.ends_with(SUFFIX) {
        return Err("it does not end in .rules.hcl");
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_none_or(|last| *last == "..") => parts.push(".."),
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.iter().filter(|part| **part == "..").count() > 1 {
        return Err("it leaves the folder above the rule set's own");
    }
    let name = parts.join("/");
    if super::is_file_name(&name) { Ok(name) } else { Err("it cannot name a source file") }
}

/// Checks that the import at `at` names a file that is there.
pub(super) fn read(session: &mut Session<'_>, at: At) {
    let block = shape::read(session, at, &IMPORT);
    let Some(&label) = block.labels.first() else { return };
    if session.is_flawed(label) {
        return;
    }
    let path = session.string(label);
    let from = session.files.get(at.file as usize).map_or("", |file| file.name);
    match resolve(from, &path) {
        Err(reason) => session.error(
            Code::ImportPath,
            label,
            format!("\"{}\" cannot be imported: {reason}", super::constant::shorten(&path)),
            "an import names one file, beside the rule set's folder or in it",
            "write for example import \"../shared/zones.rules.hcl\" {}",
        ),
        Ok(name) if session.files.iter().all(|file| file.name != name) => session.error(
            Code::ImportMissing,
            label,
            format!("there is no file {name}"),
            "the path counts from the folder of the file that it is written in",
            "correct the path; files below the rule set's own folder need no import",
        ),
        Ok(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::{Checked, check};

    #[test]
    fn paths_count_from_the_file_that_they_are_written_in() {
        for (from, path, expected) in [
            ("a.rules.hcl", "../shared/z.rules.hcl", Some("../shared/z.rules.hcl")),
            ("x/a.rules.hcl", "../../shared/z.rules.hcl", Some("../shared/z.rules.hcl")),
            ("x/a.rules.hcl", "../z.rules.hcl", Some("z.rules.hcl")),
            ("x/a.rules.hcl", "./z.rules.hcl", Some("x/z.rules.hcl")),
            ("../shared/a.rules.hcl", "z.rules.hcl", Some("../shared/z.rules.hcl")),
            ("../shared/a.rules.hcl", "../more/z.rules.hcl", Some("../more/z.rules.hcl")),
            ("a.rules.hcl", "../../z.rules.hcl", None),
            ("../shared/a.rules.hcl", "../../z.rules.hcl", None),
            ("a.rules.hcl", "/etc/z.rules.hcl", None),
            ("a.rules.hcl", "C:/z.rules.hcl", None),
            ("a.rules.hcl", "..\\z.rules.hcl", None),
            ("a.rules.hcl", "../z.hcl", None),
            ("a.rules.hcl", "../.z/z.rules.hcl", None),
            ("a.rules.hcl", "../x/../../../z.rules.hcl", None),
        ] {
            assert_eq!(resolve(from, path).ok().as_deref(), expected, "{from} {path}");
        }
    }

    const MAIN: &str = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\nimport \"../shared/t.rules.hcl\" {}\nrule \"r\" {\n  on = kill\n  emit \"a\" {}\n}\n";

    fn run(files: &[(&str, &str)]) -> Checked {
        let source = |(name, text): &(&str, &str)| Source {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        };
        check(&files.iter().map(source).collect::<Vec<_>>())
    }

    #[test]
    fn imported_declarations_are_part_of_the_rule_set() {
        // Back and twice: once is enough.
        let shared = "import \"../shared/t.rules.hcl\" {}\ntrigger \"kill\" { fields = {} }\n";
        let checked = run(&[("a.rules.hcl", MAIN), ("../shared/t.rules.hcl", shared)]);
        assert_eq!(checked.diagnostics, []);
        let source = Source { name: "a.rules.hcl".to_owned(), text: MAIN.to_owned() };
        assert_eq!(imports(&source), ["../shared/t.rules.hcl"]);
    }

    #[test]
    fn what_is_missing_or_out_of_bounds_is_an_error_at_the_import() {
        let codes = |main: &str| -> Vec<String> {
            let checked = run(&[("a.rules.hcl", main)]);
            checked.diagnostics.iter().map(|found| found.code.to_string()).collect()
        };
        assert_eq!(codes(&MAIN.replace("kill\n", "kil\n")), ["C1003", "C0405"]);
        assert_eq!(codes(&MAIN.replace("../shared", "../..")), ["C1002", "C0405"]);
    }
}
