//! Findings as SARIF 2.1.0, for code scanning:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cairn_ruleset::lang::{self, Code, Diagnostic, Severity, Source, Span};
use serde_json::{Value, json};

use crate::sources;

type Places = BTreeMap<String, PathBuf>;

/// One document with one run. Every code that was found is a rule with its page as help; columns
/// count UTF-16 code units, as the document says and viewers expect. `places` are the real paths of
/// the sources by their names.
pub fn document(places: &Places, read: &[Source], found: &[Diagnostic]) -> Value {
    let mut codes: Vec<Code> = found.iter().map(|found| found.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let results: Vec<Value> =
        found.iter().map(|found| result(places, read, &codes, found)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "cairn",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": codes.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
                },
            },
            "columnKind": "utf16CodeUnits",
            "invocations": [{ "executionSuccessful": true }],
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    let text = format!("{}. More: cairn explain {code}", code.title());
    json!({
        "id": code.to_string(),
        "name": format!("{code:?}"),
        "shortDescription": { "text": code.title() },
        "help": { "text": text, "markdown": lang::page(code).unwrap_or(code.title()) },
    })
}

fn result(places: &Places, read: &[Source], codes: &[Code], found: &Diagnostic) -> Value {
    let related: Vec<Value> = (found.labels.iter().enumerate())
        .map(|(index, (span, note))| {
            let mut place = location(places, read, *span);
            place["id"] = json!(index + 1);
            place["message"] = json!({ "text": note });
            place
        })
        .collect();
    let message = format!("{}\ncause: {}\nfix: {}", found.message, found.cause, found.help);
    let mut result = json!({
        "ruleId": found.code.to_string(),
        "ruleIndex": codes.binary_search(&found.code).unwrap_or(0),
        "level": match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": { "text": message },
        "locations": [location(places, read, found.span)],
        "relatedLocations": related,
    });
    if let Some(fix) = &found.fix {
        let place = location(places, read, fix.span);
        let place = &place["physicalLocation"];
        result["fixes"] = json!([{
            "description": { "text": found.help },
            "artifactChanges": [{
                "artifactLocation": place["artifactLocation"],
                "replacements": [{
                    "deletedRegion": place["region"],
                    "insertedContent": { "text": fix.text },
                }],
            }],
        }]);
    }
    result
}

fn location(places: &Places, read: &[Source], span: Span) -> Value {
    let source = read.get(span.file as usize);
    let (name, text) = source.map_or(("", ""), |source| (&*source.name, &*source.text));
    let path = places.get(name).map_or(Path::new(name), |path| sources::shown(path));
    let (start_line, start_column) = position(text, span.start);
    let (end_line, end_column) = position(text, span.end.max(span.start));
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(path) },
            "region": {
                "startLine": start_line,
                "startColumn": start_column,
                "endLine": end_line,
                "endColumn": end_column,
            },
        },
    })
}

/// Line and column from 1; the column counts UTF-16 code units.
fn position(text: &str, offset: u32) -> (usize, usize) {
    let mut offset = (offset as usize).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
    (line, 1 + before[start..].encode_utf16().count())
}

/// A path as a URI reference: relative as it was given, or `file://`.
fn uri(path: &Path) -> String {
    let text = path.display().to_string();
    let text = text.strip_prefix("./").unwrap_or(&text);
    let mut uri = String::from(if text.starts_with('/') { "file://" } else { "" });
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf_16_code_units() {
        let text = "a\n\"é😀\" x";
        let at = u32::try_from(text.find('x').unwrap()).unwrap();
        // One for the quote, one for é, two for the smile, one each for quote and blank.
        assert_eq!(position(text, at), (2, 7));
        assert_eq!(position(text, 999), (2, 8));
        assert_eq!(position("", 0), (1, 1));
    }

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri(Path::new("./rules/a b.rules.hcl")), "rules/a%20b.rules.hcl");
        assert_eq!(uri(Path::new("/srv/é.hcl")), "file:///srv/%C3%A9.hcl");
    }
}
