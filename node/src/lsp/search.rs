//! Where rule sets lie: folders that are looked into for a `ruleset` block, on disk and in open
//! documents.

use std::path::{Path, PathBuf};

use super::documents::Documents;
use super::uri;
use crate::sources;

/// Bytes of a file that are searched for the `ruleset` block when a root is looked for.
const SEARCHED_BYTES_MAX: u64 = sources::FILE_BYTES_MAX;
/// Files of one folder that are looked into for it.
const SEARCHED_COUNT_MAX: usize = 1_024;
/// Rule sets right below one folder that are asked whether they import a document.
const NEIGHBOUR_COUNT_MAX: usize = 64;

/// Folders right below a folder that hold a rule set, in order. Links are not followed.
pub(super) fn rulesets_below(folder: &Path, documents: &Documents) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let folders = entries
        .filter_map(Result::ok)
        .take(SEARCHED_COUNT_MAX)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = folders.collect();
    folders.sort();
    folders.retain(|folder| has_ruleset(folder, documents));
    folders.truncate(NEIGHBOUR_COUNT_MAX);
    folders
}

/// Whether a file of the folder itself holds the `ruleset` block.
pub(super) fn has_ruleset(folder: &Path, documents: &Documents) -> bool {
    let open = |path: &Path| uri::of(path).and_then(|uri| documents.get(&uri));
    let unsaved = documents.iter().filter_map(|(uri, document)| {
        uri::path(uri).filter(|path| path.parent() == Some(folder)).map(|_| document)
    });
    if unsaved.into_iter().any(|document| declares(&document.text)) {
        return true;
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let files = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| sources::is_source(path) && open(path).is_none());
    files.take(SEARCHED_COUNT_MAX).any(|path| {
        let small = std::fs::metadata(&path)
            .is_ok_and(|about| about.is_file() && about.len() <= SEARCHED_BYTES_MAX);
        small && std::fs::read_to_string(&path).is_ok_and(|text| declares(&text))
    })
}

fn declares(text: &str) -> bool {
    text.lines().any(|line| {
        line.trim_start()
            .strip_prefix("ruleset")
            .is_some_and(|rest| rest.starts_with([' ', '\t', '"', '{']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_neighbours_the_first_count() {
        let dir = tempfile::tempdir().unwrap();
        let put = |number: usize| {
            let folder = dir.path().join(format!("{number:03}"));
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("a.rules.hcl"), "ruleset \"a\" {\n}\n").unwrap();
            folder
        };
        std::fs::create_dir(dir.path().join("000 without rules")).unwrap();
        let mut folders: Vec<PathBuf> = (0..NEIGHBOUR_COUNT_MAX).map(put).collect();
        let found = || rulesets_below(dir.path(), &Documents::default());
        assert_eq!(found(), folders);
        // In the order of their names, whichever was made last.
        std::fs::rename(folders.remove(0), dir.path().join("zzz")).unwrap();
        folders.push(dir.path().join("zzz"));
        assert_eq!(found(), folders);
        put(NEIGHBOUR_COUNT_MAX);
        folders.insert(folders.len() - 1, dir.path().join(format!("{NEIGHBOUR_COUNT_MAX:03}")));
        assert_eq!(found(), folders[..NEIGHBOUR_COUNT_MAX]);
    }

    #[test]
    fn a_block_is_looked_for_line_by_line() {
        for (text, holds) in [
            ("ruleset \"a\" {\n}", true),
            ("# x\n\t ruleset\"a\"{}", true),
            ("ruleset{}", true),
            ("ruleset", false),
            ("rulesets \"a\" {}", false),
            ("# ruleset \"a\" {}", false),
        ] {
            assert_eq!(declares(text), holds, "{text}");
        }
    }
}
