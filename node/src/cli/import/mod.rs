//! `cairn import`: rules from what other formats say.

mod folder;
mod write;

use std::path::{Path, PathBuf};

use cairn_ruleset::import::{self, Fate, ImportError, Imported, Input, Item, Report, Target};
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::output::{self, Format};
use crate::diagnostics::plural;

const EXAMPLES: &str = "Examples:
  cairn import minecraft data/                      what would be carried over, and what not
  cairn import minecraft data/ --out rules/         write it: *.rules.hcl, formatted and checked
  cairn import minecraft crypt.json --out rules/ --strict    exit code 3 when anything is left out
  cairn import values game.yaml --suggest > map.yaml         a first mapping, to be reviewed
  cairn import values game.yaml --mapping map.yaml --out rules/";

const MINECRAFT_EXAMPLES: &str = "Examples:
  cairn import minecraft data/                              what would be carried over, and what not
  cairn import minecraft data/ --out rules/                 write it: *.rules.hcl, formatted and checked
  cairn import minecraft crypt.json mine.json --out rules/  some tables
  cairn import minecraft data/ --out rules/ --strict        exit code 3 when anything is left out
  cairn import minecraft data/ --all -o json                every item with its place, for programs";

const VALUES_EXAMPLES: &str = "Examples:
  cairn import values game.yaml --suggest > map.yaml               a first mapping, to be reviewed
  cairn import values game.yaml --mapping map.yaml                 what would be carried over, and what not
  cairn import values game.json --mapping map.yaml --out rules/    write it: *.rules.hcl, formatted and checked";

/// Most items that are listed for people; JSON has them all.
const LISTED_COUNT_MAX: usize = 200;

/// Carry tables and values of other formats over; what has no counterpart is listed with its place
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// Loot tables in Minecraft's JSON: pools, rolls, weights, counts and conditions
    #[command(before_help = MINECRAFT_EXAMPLES)]
    Minecraft(MinecraftArgs),
    /// Parameters, weights and conditions of a YAML or JSON file, by a mapping
    #[command(before_help = VALUES_EXAMPLES)]
    Values(ValuesArgs),
}

#[derive(Debug, clap::Args)]
struct ValuesArgs {
    /// The document: JSON when it ends in .json, else YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which path is which parameter, weight or condition
    #[arg(long, value_name = "FILE", required_unless_present = "suggest")]
    mapping: Option<PathBuf>,
    /// Print a first mapping for the document instead: types and ranges are guesses
    #[arg(long, conflicts_with_all = ["mapping", "out"])]
    suggest: bool,
    #[command(flatten)]
    into: Into,
}

#[derive(Debug, clap::Args)]
struct MinecraftArgs {
    /// Loot tables, or folders with loot tables; a folder `data` gives them their ids
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    into: Into,
}

/// Where the result goes.
#[derive(Debug, clap::Args)]
struct Into {
    /// Folder to write the rules to; nothing is written without it
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Name of the rule set
    #[arg(long, value_name = "NAME", default_value = "imported")]
    ruleset: String,
    /// Name and version of the context that games supply [default: the rule set's name, version 1]
    #[arg(long, value_name = "NAME@VERSION")]
    context: Option<String>,
    /// Write nothing and exit with 3 when anything is left out
    #[arg(long)]
    strict: bool,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// List what was carried over, too
    #[arg(long)]
    all: bool,
}

impl Into {
    fn target(&self) -> Target {
        let context = self.context.clone().unwrap_or_else(|| format!("{}@1", self.ruleset));
        Target { ruleset: self.ruleset.clone(), context }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    /// Written, or to be written.
    files: Vec<&'a str>,
    written: bool,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Serialize)]
struct Suggested<'a> {
    mapping: &'a str,
}

/// Imports; exit code 3 with `--strict` when something was left out.
///
/// # Errors
/// Exit code 3 for documents that cannot be read, 2 for paths that hold none, 7 for files that
/// exist already. Nothing is written then.
pub fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    match &args.from {
        From::Minecraft(args) => {
            let inputs = folder::read(&args.paths)?;
            let imported = import::loot_tables(&inputs, &args.into.target())
                .map_err(|error| failed(&error))?;
            finish(&imported, &args.into, format)
        }
        From::Values(args) => {
            let input = single(&args.file)?;
            let Some(mapping) = &args.mapping else {
                let text = import::suggest(&input)
                    .map_err(|error| failed(&ImportError::Unreadable(vec![error])))?;
                match format {
                    Format::Json => output::json(&Suggested { mapping: &text })?,
                    Format::Table => output::raw(&text),
                }
                return Ok(Exit::Ok);
            };
            let imported = import::values(&input, &single(mapping)?, &args.into.target())
                .map_err(|error| failed(&error))?;
            finish(&imported, &args.into, format)
        }
    }
}

fn single(path: &Path) -> Result<Input, Failure> {
    let shown = path.display().to_string();
    Ok(Input { path: shown.clone(), id: shown, text: folder::text(path)? })
}

fn finish(imported: &Imported, into: &Into, format: Format) -> Result<Exit, Failure> {
    let report = &imported.report;
    let refused = into.strict && report.with(Fate::LeftOut).next().is_some();
    let out = into.out.as_deref().filter(|_| !refused);
    if let Some(out) = out {
        write::files(out, &imported.files, into.force)?;
    }
    match format {
        Format::Json => {
            let files = imported.files.iter().map(|file| file.name.as_str()).collect();
            let mut shown = report.clone();
            shown.items.retain(|item| into.all || item.fate != Fate::Carried);
            output::json(&Document { files, written: out.is_some(), report: &shown })?;
        }
        Format::Table => {
            show(report, into.all);
            if let Some(out) = out {
                for file in &imported.files {
                    output::line(&out.join(&file.name).display().to_string());
                }
            }
            summary(report, into, refused);
        }
    }
    Ok(if refused { Exit::Findings } else { Exit::Ok })
}

/// Lists items on stderr, what was lost first.
fn show(report: &Report, all: bool) {
    for (fate, head) in [
        (Fate::LeftOut, "left out"),
        (Fate::Adapted, "in another form"),
        (Fate::Carried, "carried over"),
    ] {
        if fate == Fate::Carried && !all {
            continue;
        }
        let items: Vec<&Item> = report.with(fate).collect();
        for item in items.iter().take(LISTED_COUNT_MAX) {
            output::note(&line(head, item));
        }
        if let Some(more) = items.len().checked_sub(LISTED_COUNT_MAX).filter(|more| *more > 0) {
            output::note(&format!("{head}: {more} more; -o json lists all"));
        }
    }
}

fn line(head: &str, item: &Item) -> String {
    let Item { path, line, column, pointer, value, .. } = item;
    let pointer = if pointer.is_empty() { "/" } else { pointer };
    let value: String = match value.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.clone(),
    };
    let effect = item.effect.map_or(String::new(), |effect| format!(" ({})", effect.word()));
    let mut text = format!("{head}{effect}: {path}:{line}:{column} {pointer} = {value}");
    if let Some(to) = &item.to {
        text.push_str(&format!("\n  became: {to}"));
    }
    if let Some(reason) = &item.reason {
        text.push_str(&format!("\n  reason: {reason}"));
    }
    if let Some(hint) = item.hint.as_ref().filter(|hint| *hint != "nothing") {
        text.push_str(&format!("\n  by hand: {hint}"));
    }
    text
}

fn summary(report: &Report, into: &Into, refused: bool) {
    let count = |fate| report.with(fate).count();
    let made = [
        (report.table_count, "loot table"),
        (report.rule_count, "rule"),
        (report.param_count, "parameter"),
        (report.condition_count, "condition"),
    ];
    let made: Vec<String> =
        made.iter().filter(|(n, _)| *n > 0).map(|(n, what)| plural(*n, what)).collect();
    let made = if made.is_empty() { "nothing".to_owned() } else { made.join(", ") };
    output::note(&format!(
        "{made}; {} carried over, {} in another form, {} left out",
        plural(count(Fate::Carried), "value"),
        count(Fate::Adapted),
        count(Fate::LeftOut)
    ));
    if refused {
        output::note("  hint: --strict writes nothing while something is left out");
    } else if into.out.is_none() {
        output::note("  hint: --out FOLDER writes the rules");
    }
}

fn failed(error: &ImportError) -> Failure {
    let exit = match error {
        ImportError::Name { .. } | ImportError::TooMany { .. } | ImportError::TooLarge { .. } => {
            Exit::Usage
        }
        ImportError::Unsound { .. } => Exit::Internal,
        _ => Exit::Findings,
    };
    Failure::new(exit, error.to_string()).hint(error.hint())
}
