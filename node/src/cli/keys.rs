//! `cairn keys new`: the keys of a new cluster.

use std::path::PathBuf;

use cairn_ruleset::trust::Role;
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::output::{self, Format};
use crate::trust::{self, TrustDirError};

const EXAMPLES: &str = "Example:
  cairn keys new keys/     root, publisher, operator and controller keys in a new directory";

/// Make the keys of a new cluster
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make root, publisher, operator and controller keys and the list that the root signs
    #[command(before_help = EXAMPLES)]
    New {
        /// A directory that is empty or does not exist yet
        dir: PathBuf,
    },
}

#[derive(Serialize)]
struct Made {
    dir: String,
    root: String,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    name: String,
    id: String,
    roles: Vec<String>,
}

/// Makes them.
///
/// # Errors
/// Exit code 7 when the directory holds something.
pub fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let Action::New { dir } = &args.action;
    let made = trust::create(dir).map_err(|error| failed(&error))?;
    let keys: Vec<Key> = made
        .list
        .entries
        .iter()
        .map(|entry| Key {
            name: entry.name.clone(),
            id: entry.key.id().to_string(),
            roles: entry.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect(),
        })
        .collect();
    let root = made.root.id().to_string();
    match format {
        Format::Json => output::json(&Made { dir: dir.display().to_string(), root, keys })?,
        Format::Table => {
            let mut rows = vec![vec!["root".to_owned(), root, "lists the keys".to_owned()]];
            rows.extend(keys.into_iter().map(|key| vec![key.name, key.id, key.roles.join(", ")]));
            output::line(&output::table(&["KEY", "ID", "MAY"], &rows));
            output::note(&format!(
                "keep {0}/root.key offline; agents need {0}/root.pub and {0}/keys.list, and \
                 {1} where they may lead",
                dir.display(),
                trust::key_file(Role::Controller)
            ));
        }
    }
    Ok(Exit::Ok)
}

/// A trust directory's error as a failure.
pub fn failed(error: &TrustDirError) -> Failure {
    let exit = match error {
        TrustDirError::NotEmpty { .. } => Exit::Conflict,
        TrustDirError::File { .. } | TrustDirError::Exposed { .. } => Exit::Usage,
        TrustDirError::Content { .. } => Exit::Findings,
    };
    Failure::new(exit, error.to_string()).hint(error.hint())
}
