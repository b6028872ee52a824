//! `cairn codegen`: source code for games that hold a rule set's names as types.

use std::path::PathBuf;

use cairn_ruleset::codegen::{Language, generate, schema_hash};
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::opened::Opened;
use super::output::{self, Format};

const EXAMPLES: &str = "Examples:
  cairn codegen rules/ --lang rust --out src/hunt.rs
  cairn codegen hunt-1.4.1.bundle --lang ts > hunt.ts
  cairn codegen rules/ --lang cpp --out include/hunt.hpp --check    exit code 3 when it is out of date";

/// Generate enums, contexts, parameters and outcomes as types of a programming language
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// A folder of rules, a rule file or a bundle file
    rules: PathBuf,
    /// The language
    #[arg(long, value_enum)]
    lang: Lang,
    /// File to write; stdout when left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write nothing: exit with 3 when the file differs from what would be generated
    #[arg(long, requires = "out")]
    check: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Lang {
    /// no_std, no allocation
    Rust,
    /// TypeScript, ES2020
    Ts,
    /// Go 1.18
    Go,
    /// C# 7.2
    Csharp,
    /// C++17, one header
    Cpp,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Language {
        match lang {
            Lang::Rust => Language::Rust,
            Lang::Ts => Language::TypeScript,
            Lang::Go => Language::Go,
            Lang::Csharp => Language::CSharp,
            Lang::Cpp => Language::Cpp,
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    ruleset: &'a str,
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
}

/// Generates, and writes the file when one is named.
///
/// # Errors
/// Exit code 3 for rules that do not hold and for a file that is out of date, 1 when it cannot be
/// written.
pub fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let contents = Opened::at(&args.rules)?.contents;
    let source = generate(&contents, args.lang.into());
    let schema = schema_hash(&contents).to_string();
    let mut current = None;
    if let Some(path) = &args.out {
        if args.check {
            // A file that cannot be read is not current either; one much larger is not ours.
            let stands = std::fs::metadata(path).is_ok_and(|m| m.len() == source.len() as u64)
                && std::fs::read(path).is_ok_and(|found| found == source.as_bytes());
            current = Some(stands);
        } else {
            std::fs::write(path, &source).map_err(|error| {
                Failure::internal(format!("cannot write {}: {error}", path.display()))
                    .hint("name a file in a folder that exists and may be written")
            })?;
        }
    }
    let file = args.out.as_ref().map(|path| path.display().to_string());
    match format {
        Format::Json => {
            let source = args.out.is_none().then_some(source.as_str());
            let ruleset = &contents.schema.ruleset;
            output::json(&Report { ruleset, schema, file, current, source })?;
        }
        Format::Table => match (&file, current) {
            (None, _) => output::raw(&source),
            (Some(file), None) => output::line(&format!("{file}: schema {schema}")),
            (Some(file), Some(true)) => output::line(&format!("{file} is current")),
            (Some(file), Some(false)) => {
                output::line(&format!("{file} is out of date"));
                output::note("  hint: run the same command without --check");
            }
        },
    }
    Ok(if current == Some(false) { Exit::Findings } else { Exit::Ok })
}
