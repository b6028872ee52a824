//! The report as JUnit's XML: one suite per file, one test case per case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{CaseResult, Report};

/// The whole document, without a line break at the end.
#[must_use]
pub fn document(report: &Report<'_>) -> String {
    let mut suites: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for result in report.results {
        suites.entry(&result.place.file).or_default().push(result);
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"{:.6}\">",
        escape(report.ruleset),
        report.results.len(),
        report.failed(),
        report.took.as_secs_f64()
    );
    for (file, results) in suites {
        let failed = results.iter().filter(|result| !result.differences.is_empty()).count();
        let seconds: f64 = results.iter().map(|result| result.took.as_secs_f64()).sum();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{seconds:.6}\">",
            escape(file),
            results.len(),
        );
        for result in results {
            case(result, &mut xml);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>");
    xml
}

fn case(result: &CaseResult, xml: &mut String) {
    let stem = result.place.file.trim_end_matches(".hcl").replace('/', ".");
    let _ = write!(
        xml,
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.6}\"",
        escape(&result.name),
        escape(&stem),
        escape(&result.place.file),
        result.place.line,
        result.took.as_secs_f64()
    );
    let Some(first) = result.differences.first() else {
        xml.push_str("/>\n");
        return;
    };
    let message = format!("{}: expected {}, actual {}", first.what, first.expected, first.actual);
    let _ = write!(xml, ">\n      <failure message=\"{}\" type=\"difference\">", escape(&message));
    for d in &result.differences {
        let line =
            format!("{}: {}: expected {}, actual {}\n", d.place, d.what, d.expected, d.actual);
        xml.push_str(&escape(&line));
    }
    xml.push_str("</failure>\n    </testcase>\n");
}

/// Text for an attribute or an element. What XML cannot hold at all becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", c as u32);
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_breaks_out_of_an_attribute() {
        assert_eq!(escape("a\"<b>&\u{1}\n'"), "a&quot;&lt;b&gt;&amp;\u{fffd}&#10;'");
    }
}
