//! Findings as workflow commands of GitHub Actions, which shows them beside the lines they are
//! about: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cairn_ruleset::lang::{Diagnostic, Source};

use crate::diagnostics;
use crate::sources;

/// One line for each finding. `places` are the real paths of the sources by their names; they are
/// shown relative to where the command runs, which in a workflow is the repository.
pub fn annotations(
    places: &BTreeMap<String, PathBuf>,
    read: &[Source],
    found: &[Diagnostic],
) -> String {
    let lines: Vec<String> = diagnostics::findings(read, found)
        .into_iter()
        .map(|finding| {
            let place = &finding.place;
            let path =
                places.get(&place.file).map_or(Path::new(&place.file), |p| sources::shown(p));
            let path = path.display().to_string();
            let mut properties = format!("file={},line={}", property(&path), place.line);
            // GitHub takes columns only for what lies on one line.
            if place.line == place.end_line {
                let end = place.end_column.max(place.column);
                properties.push_str(&format!(",col={},endColumn={end}", place.column));
            } else {
                properties.push_str(&format!(",endLine={}", place.end_line));
            }
            let title = property(&finding.code);
            let text = data(&format!(
                "{}\ncause: {}\nfix: {}\nexplain: cairn explain {}",
                finding.message, finding.cause, finding.fix, finding.code
            ));
            format!("::{} {properties},title={title}::{text}", finding.severity)
        })
        .collect();
    lines.join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_is_made_of_is_escaped() {
        assert_eq!(data("50 %\r\nmore: a, b"), "50 %25%0D%0Amore: a, b");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }

    #[test]
    fn a_finding_is_one_line_with_its_place() {
        let text = "ruleset \"x\" {\n  dialect = 2\n  context = \"x@1\"\n}\n";
        let source = [Source { name: "a.rules.hcl".to_owned(), text: text.to_owned() }];
        let checked = cairn_ruleset::lang::check(&source);
        let here = std::env::current_dir().unwrap();
        let places = [("a.rules.hcl".to_owned(), here.join("rules/a.rules.hcl"))].into();
        let lines = annotations(&places, &source, &checked.diagnostics);
        assert!(
            lines.starts_with(
                "::error file=rules/a.rules.hcl,line=2,col=13,endColumn=14,title=C0310::dialect 2"
            ),
            "{lines}"
        );
        assert_eq!(lines.lines().count(), 1);
        assert!(lines.ends_with("%0Aexplain: cairn explain C0310"), "{lines}");
    }
}
