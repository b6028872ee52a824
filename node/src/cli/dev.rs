//! `cairn dev`: a whole fleet on this machine that follows the designer's edits.

use std::path::PathBuf;

use super::exit::Exit;
use super::failure::Failure;
use super::output::Format;
use super::place;
use crate::agent::Defects;
use crate::dev::{self, Options};

const EXAMPLES: &str = "Examples:
  cairn dev examples/treasure-hunt --nodes 5         edit a rule, save, see it live on all five
  cairn dev rules/ --nodes 4 --zone eu-west,us-east  two nodes in each zone
  cairn dev rules/ --ready-file ready.json           for a test: the file names every node";

/// Run a local fleet that follows every edit of a rule folder
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Folder with *.rules.hcl files
    rules: PathBuf,
    /// How many nodes, 1 to 32
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=32))]
    nodes: u16,
    /// Zones that the nodes take in turn, for parameters with overrides; repeat it or separate by
    /// commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = place::zone)]
    zone: Vec<String>,
    /// File to write, once every node is active
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// End as soon as every node is active
    #[arg(long)]
    exit_after_ready: bool,
}

/// Runs until SIGINT or SIGTERM and leaves nothing behind.
///
/// # Errors
/// Exit code 3 when the folder has mistakes at the start.
pub async fn run(args: Args, format: Format, defects: Defects) -> Result<Exit, Failure> {
    let options = Options {
        rules: args.rules,
        node_count: usize::from(args.nodes),
        zones: args.zone,
        ready_file: args.ready_file,
        exit_after_ready: args.exit_after_ready,
        format,
        defects,
    };
    dev::run(options).await
}
