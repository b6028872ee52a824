//! `cairn lsp`: the language server on stdin and stdout.

use std::io::{self, BufReader};

use super::exit::Exit;
use super::failure::Failure;
use crate::lsp;

const EXAMPLES: &str = "Examples:
  cairn lsp                          started by an editor; see editors/README.md

Settings, as the editor's initialization options:
  { \"rules\": [\"rules\"] }            folders that are rule sets; without it, the nearest folder
                                     at or above a file with the `ruleset` block";

/// Serve an editor: diagnostics while typing, hover, completion, rename and more
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// What editors pass that speak over stdin and stdout; there is no other way
    #[arg(long)]
    stdio: bool,
}

/// Serves until the editor goes; exit code 0 when it said `shutdown` before, as the protocol has
/// it, else 1.
///
/// # Errors
/// What the editor sends is out of step, or it cannot be written to.
pub fn run(_: &Args) -> Result<Exit, Failure> {
    let input = BufReader::new(io::stdin());
    match lsp::run(input, &mut io::stdout().lock()) {
        Ok(true) => Ok(Exit::Ok),
        Ok(false) => Ok(Exit::Internal),
        // Nothing may be printed where the editor reads messages.
        Err(error) => {
            eprintln!("cairn lsp: {error}");
            Ok(Exit::Internal)
        }
    }
}
