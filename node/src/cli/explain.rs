//! `cairn explain`: what an error code means and how to fix it, without a network.

use cairn_ruleset::lang::{self, Code};
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::output::{self, Format};
use crate::diagnostics;

const EXAMPLES: &str = "Examples:
  cairn explain C0412                what the code means, an example, the fix
  cairn explain 412 602              short forms, several at once
  cairn explain                      all codes";

/// Most codes of one call: all of them, once.
const CODE_COUNT_MAX: usize = Code::ALL.len();

/// Explain an error code: what it means, why the language refuses it, how to fix it
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Codes such as C0412, c412 or 412; all are listed when none is given
    #[arg(value_name = "CODE")]
    codes: Vec<String>,
}

/// A line of the list.
#[derive(Serialize)]
struct Row {
    code: String,
    title: &'static str,
}

/// A page as JSON: the Markdown as it stands in `docs/errors`.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    row: Row,
    page: &'static str,
}

/// Prints the pages, or the list of all codes.
///
/// # Errors
/// Exit code 2 for a code that does not exist, with the nearest ones.
pub fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    if args.codes.len() > CODE_COUNT_MAX {
        let count = args.codes.len();
        return Err(Failure::usage(format!("{count} codes, limit {CODE_COUNT_MAX}"))
            .hint("`cairn explain` without a code lists them all"));
    }
    if args.codes.is_empty() {
        return list(format);
    }
    let codes = args.codes.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
    match format {
        Format::Json => {
            for code in codes {
                output::json(&Document { row: row(code), page: text(code)? })?;
            }
        }
        Format::Table => {
            let colour = diagnostics::colour_on_stdout();
            for (number, code) in codes.into_iter().enumerate() {
                if number > 0 {
                    output::line("");
                }
                output::line(&plain(text(code)?, colour));
            }
        }
    }
    Ok(Exit::Ok)
}

fn list(format: Format) -> Result<Exit, Failure> {
    let rows = Code::ALL.iter().map(|code| row(*code));
    match format {
        Format::Json => output::json(&rows.collect::<Vec<_>>())?,
        Format::Table => {
            let rows: Vec<Vec<String>> =
                rows.map(|row| vec![row.code, row.title.to_owned()]).collect();
            output::line(&output::table(&["CODE", "MISTAKE"], &rows));
        }
    }
    Ok(Exit::Ok)
}

fn row(code: Code) -> Row {
    Row { code: code.to_string(), title: code.title() }
}

fn text(code: Code) -> Result<&'static str, Failure> {
    lang::page(code).ok_or_else(|| Failure::internal(format!("{code} has no page")))
}

fn parse(text: &str) -> Result<Code, Failure> {
    Code::parse(text).map_err(|near| {
        let shown: String = text.chars().take(40).collect();
        let failure = Failure::usage(format!("there is no error code `{shown}`"));
        if near.is_empty() {
            return failure.hint("codes are written C0412, c412 or 412; `cairn explain` lists all");
        }
        let near: Vec<String> =
            near.iter().map(|code| format!("{code} ({})", code.title())).collect();
        failure.hint(format!("the nearest are {}", near.join(", ")))
    })
}

/// Markdown for a terminal: examples indented instead of fenced, headings without their signs.
fn plain(page: &str, colour: bool) -> String {
    let mut lines = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            lines.push(if line.is_empty() { String::new() } else { format!("    {line}") });
        } else if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim_start();
            lines.push(if colour {
                format!("\x1b[1m{heading}\x1b[0m")
            } else {
                heading.to_owned()
            });
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_without_markdown() {
        let page =
            "# C0001: too large\n\nWhy.\n\n```hcl,error C0001\nrule \"x\" {\n\n  on = y\n}\n```\n";
        assert_eq!(
            plain(page, false),
            "C0001: too large\n\nWhy.\n\n    rule \"x\" {\n\n      on = y\n    }"
        );
        assert!(plain(page, true).starts_with("\x1b[1mC0001"));
    }

    #[test]
    fn a_code_that_does_not_exist_names_the_nearest() {
        let failure = parse("C0705").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        let hint = failure.hint.unwrap();
        assert!(hint.contains("C0704 (weights too large), C0706"), "{hint}");
        assert!(parse("crypt").unwrap_err().hint.unwrap().contains("lists all"));
    }
}
