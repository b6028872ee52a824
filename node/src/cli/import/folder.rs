//! Loot tables of folders and files, with the ids that others know them by.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cairn_ruleset::import::{DOCUMENT_BYTES_MAX, DOCUMENT_COUNT_MAX, Input};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Deepest folder that is entered.
const FOLDER_DEPTH_MAX: usize = 32;
/// Most entries of folders that are looked at; a folder of something else ends there.
const ENTRY_COUNT_MAX: usize = 100_000;

/// Reads every `*.json` below the paths, in order of names.
///
/// # Errors
/// Exit code 2 for a path that cannot be read or holds none, 3 for a file that is no text.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut walk = Walk { files: Vec::new(), seen: 0 };
    for path in paths {
        let about = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        match about.is_dir() {
            true => walk.folder(path, path, 0)?,
            false => {
                walk.files.push((path.clone(), PathBuf::from(path.file_name().unwrap_or_default())))
            }
        }
    }
    walk.files.sort();
    walk.files.dedup_by(|a, b| a.0 == b.0);
    if walk.files.is_empty() {
        return Err(Failure::usage("no *.json file in what was named")
            .hint("name loot tables, or the folder that holds them"));
    }
    if walk.files.len() > DOCUMENT_COUNT_MAX {
        let count = walk.files.len();
        return Err(Failure::usage(format!("{count} documents, limit {DOCUMENT_COUNT_MAX}"))
            .hint("import folder by folder, each to a rule set of its own"));
    }
    let mut inputs = Vec::new();
    for (path, below) in &walk.files {
        inputs.push(Input {
            path: path.display().to_string(),
            id: id(path, below),
            text: text(path)?,
        });
    }
    Ok(inputs)
}

/// Reads one document, at most a byte more than may be: the import refuses it then.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(DOCUMENT_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    // Where the limit cuts a character in two, the length is what is wrong.
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let message = format!("{}: byte {offset} is not UTF-8", path.display());
        Failure::new(Exit::Findings, message).hint("save the file as UTF-8")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display())).hint("check the path")
}

struct Walk {
    /// With their paths below the folder that was named.
    files: Vec<(PathBuf, PathBuf)>,
    seen: usize,
}

impl Walk {
    fn folder(&mut self, top: &Path, folder: &Path, depth: usize) -> Result<(), Failure> {
        if depth > FOLDER_DEPTH_MAX {
            let message =
                format!("{}: folders are nested deeper than {FOLDER_DEPTH_MAX}", folder.display());
            return Err(Failure::usage(message).hint("name the folder with the loot tables"));
        }
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
            let entry = entry.map_err(|error| unreadable(folder, &error))?;
            self.seen += 1;
            if self.seen > ENTRY_COUNT_MAX {
                let message = format!("{}: more than {ENTRY_COUNT_MAX} files", top.display());
                return Err(Failure::usage(message).hint("name the folder with the loot tables"));
            }
            let path = entry.path();
            // Links are not followed: they may lead in a circle, or out of the folder.
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            if kind.is_dir() {
                self.folder(top, &path, depth + 1)?;
            } else if kind.is_file()
                && path.extension().is_some_and(|end| end == "json")
                && !elsewhere(&path)
            {
                let below = path.strip_prefix(top).unwrap_or(&path).to_owned();
                self.files.push((path, below));
            }
        }
        Ok(())
    }
}

fn parts(path: &Path) -> Vec<String> {
    path.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

/// `data/NAMESPACE/KIND` in a path, with what follows.
fn packed(path: &Path) -> Option<(String, String, Vec<String>)> {
    let parts = parts(path);
    let at = parts.iter().rposition(|part| part == "data")?;
    let [namespace, kind, rest @ ..] = &parts[at + 1..] else { return None };
    (!rest.is_empty()).then(|| (namespace.clone(), kind.clone(), rest.to_vec()))
}

/// Whether a data pack has something other than loot tables there.
fn elsewhere(path: &Path) -> bool {
    packed(path).is_some_and(|(_, kind, _)| kind != "loot_table" && kind != "loot_tables")
}

/// `data/hunt/loot_table/chests/crypt.json` is `hunt:chests/crypt`; outside a data pack the path
/// below what was named counts, as one of `minecraft`.
fn id(path: &Path, below: &Path) -> String {
    let (namespace, mut rest) = match packed(path).filter(|_| !elsewhere(path)) {
        Some((namespace, _, rest)) => (namespace, rest),
        None => ("minecraft".to_owned(), parts(below)),
    };
    if let Some(last) = rest.last_mut()
        && let Some(stem) = last.strip_suffix(".json")
    {
        *last = stem.to_owned();
    }
    format!("{namespace}:{}", rest.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_folders_of_a_data_pack() {
        for (path, below, expected) in [
            ("/a/data/hunt/loot_table/chests/crypt.json", "crypt.json", "hunt:chests/crypt"),
            ("data/minecraft/loot_tables/fish.json", "fish.json", "minecraft:fish"),
            ("tables/chests/crypt.json", "chests/crypt.json", "minecraft:chests/crypt"),
            ("data/crypt.json", "crypt.json", "minecraft:crypt"),
        ] {
            assert_eq!(id(Path::new(path), Path::new(below)), expected);
        }
        assert!(elsewhere(Path::new("data/hunt/recipe/bread.json")));
        assert!(!elsewhere(Path::new("data/crypt.json")));
    }
}
