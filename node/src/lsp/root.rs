//! One rule set as documents and sources know it: where it lies, and what its files are called.

use std::path::{Path, PathBuf};

use cairn_ruleset::lang::{SUFFIX, TEST_SUFFIX};
use lsp_types::Uri;

use super::uri;
use crate::sources;

/// One rule set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Root {
    /// All files below a folder.
    Folder(PathBuf),
    /// The files of a folder without those farther down: no `ruleset` block says that they belong
    /// together, and farther down there may be whole rule sets.
    Flat(PathBuf),
    /// A document that is no file yet.
    Alone(Uri),
}

impl Root {
    /// The folder that names are relative to.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Root::Folder(folder) | Root::Flat(folder) => Some(folder),
            Root::Alone(_) => None,
        }
    }

    /// Where a source lies.
    pub(super) fn uri(&self, name: &str) -> Option<Uri> {
        match self {
            Root::Alone(uri) => Some(uri.clone()),
            Root::Folder(folder) | Root::Flat(folder) => {
                uri::of(&sources::import_path(folder, name))
            }
        }
    }

    /// The name of a document, whether or not the rule set holds it.
    pub(super) fn name(&self, uri: &Uri) -> Option<String> {
        match self.folder() {
            None => (*self == Root::Alone(uri.clone())).then(|| format!("untitled{SUFFIX}")),
            Some(folder) => relative(folder, &uri::path(uri)?),
        }
    }
}

/// Whether a document is one of ours.
pub(super) fn is_ours(uri: &Uri) -> bool {
    match uri::path(uri) {
        Some(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|name| name.ends_with(SUFFIX) || name.ends_with(TEST_SUFFIX))
        }
        None => uri.as_str().starts_with("untitled:"),
    }
}

/// The name that a file has, or would have if it were imported, in a rule set; `None` for files
/// farther away than an import reaches and for hidden ones.
pub(super) fn relative(folder: &Path, path: &Path) -> Option<String> {
    let (within, base) = match path.strip_prefix(folder) {
        Ok(within) => (within, ""),
        Err(_) => (path.strip_prefix(folder.parent()?).ok()?, "../"),
    };
    let parts: Option<Vec<&str>> = within.iter().map(|part| part.to_str()).collect();
    let parts = parts?;
    (!parts.iter().any(|part| part.starts_with('.'))).then(|| base.to_owned() + &parts.join("/"))
}
