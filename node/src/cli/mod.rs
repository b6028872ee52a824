//! The command line: one binary, `cairn`, one file per verb.
//!
//! Data goes to stdout, progress and hints to stderr, and the exit code says how it ended, see
//! [`exit::Exit`]. With `-o json` an error is one JSON document on stdout.

pub mod address;
pub mod agent;
pub mod bill;
pub mod breaking;
pub mod build;
pub mod calendar;
pub mod channel;
pub mod check;
pub mod client;
pub mod codegen;
pub mod dev;
pub mod directive;
pub mod eval;
pub mod events;
pub mod exit;
pub mod explain;
pub mod failure;
pub mod fmt;
pub mod given;
pub mod import;
pub mod keys;
pub mod local;
pub mod lsp;
pub mod node;
pub mod opened;
pub mod output;
pub mod place;
pub mod plan;
pub mod progress;
pub mod publish;
mod replace;
pub mod roll;
pub mod rollback;
pub mod rollout;
pub mod signal;
pub mod sim;
pub mod status;
pub mod test;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::agent::Defects;
use exit::Exit;
use failure::Failure;
use output::{Format, Output};

/// Examples come first: most people copy one and change it.
const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}\n";

const EXAMPLES: &str = "Examples:
  cairn dev examples/treasure-hunt --nodes 5     a fleet on this machine that follows your edits
  cairn import minecraft data/ --out rules/      loot tables of another format as rules
  cairn check rules/                             every mistake at once, with cause and fix
  cairn test rules/                              the cases of *.test.hcl, with what differs
  cairn publish rules/ --version 1.4.2           compile, sign, upload
  cairn rollout 1.4.2 --reason \"autumn event\"    make it live on the whole channel
  cairn rollback --reason \"drops too high\"       go back, without a download
  cairn status                                   what is live, and who is behind";

const EXITS: &str = "Exit codes: 0 ok, 1 internal, 2 usage, 3 findings or difference, \
                     4 rollout failed, 5 timeout, 6 unreachable, 7 conflict";

/// Rules for live games: authored, checked, released and rolled back without a restart.
#[derive(Debug, Parser)]
#[command(name = "cairn", version, before_help = EXAMPLES, after_help = EXITS)]
struct Cli {
    /// How to print the answer, errors included
    #[arg(short = 'o', long = "output", value_name = "FORMAT", global = true, value_enum)]
    #[arg(default_value_t)]
    output: Output,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Args),
    Fmt(fmt::Args),
    Import(import::Args),
    Explain(explain::Args),
    Test(test::Args),
    Plan(plan::Args),
    Breaking(breaking::Args),
    Calendar(calendar::Args),
    Codegen(codegen::Args),
    Build(build::Args),
    Publish(publish::Args),
    Rollout(rollout::Args),
    Rollback(rollback::Args),
    Status(status::Args),
    Eval(eval::Args),
    Roll(roll::Args),
    Sim(sim::Args),
    Events(events::Args),
    Dev(dev::Args),
    Agent(agent::Args),
    Keys(keys::Args),
    Lsp(lsp::Args),
    /// Compile fragments to machine code (used by the agent itself)
    #[command(name = "__compile", hide = true)]
    Compile {
        /// Pairs of input and output files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    main_with(Defects::default())
}

/// Runs the command line with fixed bugs put back into the agents that it starts. The shipped
/// binary never does; tests use it to prove that they see such bugs.
#[doc(hidden)]
pub fn main_with(defects: Defects) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.len() <= 1 {
        output::line(command().render_help().to_string().trim_end());
        return output::ending(Exit::Ok).into();
    }
    let parsed = command()
        .try_get_matches_from(&arguments)
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return refused(&error, &arguments).into(),
    };
    let format = cli.output.of_errors();
    let exit = run(cli, defects).unwrap_or_else(|failure| {
        output::failure(format, &failure);
        failure.exit
    });
    output::ending(exit).into()
}

fn run(cli: Cli, defects: Defects) -> Result<Exit, Failure> {
    // Verbs with formats of their own.
    let verb = match cli.verb {
        Verb::Test(args) => return test::run(&args, cli.output),
        Verb::Check(args) => return check::run(&args, cli.output),
        verb => verb,
    };
    let format = cli.output.format()?;
    match verb {
        Verb::Compile { files } => {
            // Its exit code is a message to the agent that started it.
            let code = crate::stage::compile_main(&files);
            Ok(if code == ExitCode::SUCCESS { Exit::Ok } else { Exit::Internal })
        }
        Verb::Fmt(args) => fmt::run(&args, format),
        Verb::Import(args) => import::run(&args, format),
        Verb::Explain(args) => explain::run(&args, format),
        Verb::Build(args) => build::run(&args, format),
        Verb::Breaking(args) => breaking::run(&args, format),
        Verb::Calendar(args) => calendar::run(&args, format),
        Verb::Codegen(args) => codegen::run(&args, format),
        Verb::Keys(args) => keys::run(&args, format),
        Verb::Lsp(args) => lsp::run(&args),
        verb => runtime()?.block_on(async {
            match verb {
                Verb::Plan(args) => plan::run(&args, format).await,
                Verb::Publish(args) => publish::run(&args, format).await,
                Verb::Rollout(args) => rollout::run(&args, format).await,
                Verb::Rollback(args) => rollback::run(&args, format).await,
                Verb::Status(args) => status::run(&args, format).await,
                Verb::Eval(args) => eval::run(&args, format).await,
                Verb::Roll(args) => roll::run(&args, format).await,
                Verb::Sim(args) => sim::run(&args, format).await,
                Verb::Events(args) => events::run(&args, format).await,
                Verb::Dev(args) => dev::run(args, format, defects).await,
                Verb::Agent(args) => agent::run(args, format, defects).await,
                _ => Err(Failure::internal("this verb needs no runtime")),
            }
        }),
    }
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("cannot start the runtime: {error}")))
}

fn command() -> clap::Command {
    with_template(Cli::command())
}

fn with_template(command: clap::Command) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let mut command = command.help_template(TEMPLATE);
    for name in names {
        command = command.mut_subcommand(name, with_template);
    }
    command
}

/// Help and version are answers; anything else is a mistake on the command line.
fn refused(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::line(text.trim_end());
            return output::ending(Exit::Ok);
        }
        _ => {}
    }
    let wants_json = arguments
        .windows(2)
        .any(|pair| (pair[0] == "-o" || pair[0] == "--output") && pair[1] == "json")
        || arguments.iter().any(|argument| argument == "-ojson" || argument == "--output=json");
    let text = text.trim().strip_prefix("error: ").unwrap_or(text.trim());
    let format = if wants_json { Format::Json } else { Format::Table };
    output::failure(format, &Failure::usage(text));
    Exit::Usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_holds() {
        command().debug_assert();
    }

    #[test]
    fn every_verb_shows_an_example_before_its_usage() {
        let mut command = command();
        command.build();
        for verb in command.get_subcommands_mut() {
            if verb.is_hide_set() || verb.get_name() == "help" {
                continue;
            }
            let help = verb.render_help().to_string();
            let (example, usage) = (help.find("Example"), help.find("Usage:"));
            assert!(example.is_some() && example < usage, "{}", verb.get_name());
        }
    }
}
