//! Tests of the front end through [`check`](super::check) alone.

mod case_limits;
mod cases;
mod errors;
mod format;
mod habits;
mod hcl;
mod help;
mod idle;
mod limits;
mod lowering;
mod overrides;
mod repairs;
mod settled;
mod trace;

use super::{Checked, Code, Source, check, line_col};
use crate::ir::Program;

/// The example of the language's design and one use of everything else.
const GAME: &str = include_str!("game.rules.hcl");

/// A minimal rule set that tests add declarations to.
const BASE: &str = r#"ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
enum "zone" { values = ["meadow", "crypt"] }
trigger "kill" {
  fields = { level = int(1, 100), zone = zone, bonus = decimal(0.0, 5.0), flag = bool }
}
trigger "claim" {
  fields = { level = int(50, 60) }
}
timer "night" {
  every    = "1h"
  duration = "10m"
}
param "factor" {
  type    = int
  default = 5
  range   = [0, 10]
}
loot_table "gold" {
  entry "coin" { weight = 1 }
}
"#;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

/// Checks `text` in a file of its own beside [`BASE`].
fn beside_base(text: &str) -> Checked {
    check(&[source("a_base.rules.hcl", BASE), source("b.rules.hcl", text)])
}

/// `C0405 3:7 message` for every diagnostic about `text`, in order.
fn found(text: &str) -> Vec<String> {
    let checked = beside_base(text);
    assert_eq!(checked.program.is_none(), checked.errors().next().is_some());
    // What stands beside a test's subject need not be used.
    let relevant = checked.diagnostics.iter().filter(|found| found.code != Code::Unused);
    let lines = relevant.map(|found| {
        let text = if found.span.file == 1 { text } else { BASE };
        let (line, column) = line_col(text, found.span.start);
        assert!(!found.cause.is_empty() && !found.help.is_empty(), "{found:?}");
        assert!(found.span.start <= found.span.end && found.span.end as usize <= text.len());
        format!("{} {line}:{column} {}", found.code, found.message)
    });
    lines.collect()
}

/// The program of sources without a mistake.
fn program(sources: &[Source]) -> Program {
    let checked = check(sources);
    match checked.program {
        Some(program) => program,
        None => panic!("{:#?}", checked.diagnostics),
    }
}
