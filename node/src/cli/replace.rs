//! Replacing a file by another text, as a whole: whoever reads it sees the old text or the new one,
//! and a crash leaves one of the two.
//!
//! What replaces the file has its permissions and its owner. A file that cannot be replaced without
//! a loss is left alone: one that nobody may write, and one with other names, which would keep the
//! old text.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;

use super::exit::Exit;
use super::failure::Failure;

/// What every refusal ends in, unless something else is to be done.
const LEFT: &str = "the file is left as it is";

/// Gives the file at `path`, a real path that people know as `name`, another text.
///
/// # Errors
/// Exit code 3 when the file is not to be replaced, 7 when it no longer has the text `old`, 1 when
/// the system refuses. The hint says what became of the file.
pub(super) fn replace(path: &Path, name: &str, old: &str, new: &str) -> Result<(), Failure> {
    let failed =
        |error: io::Error| Failure::internal(format!("cannot write {name}: {error}")).hint(LEFT);
    let refused = |reason: String, hint: &str| {
        Failure::new(Exit::Findings, format!("{name} {reason}")).hint(format!("{LEFT}; {hint}"))
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let about = fs::symlink_metadata(path).map_err(failed)?;
    if about.permissions().readonly() {
        let reason = format!("is read-only, mode {:03o}", about.mode() & 0o777);
        return Err(refused(reason, "`chmod u+w` allows writing"));
    }
    if about.nlink() > 1 {
        let reason = format!("has {} names (hard links), limit 1", about.nlink());
        return Err(refused(reason, "a copy of it has one"));
    }
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(new.as_bytes()).map_err(failed)?;
    let made = file.as_file().metadata().map_err(failed)?;
    if (made.uid(), made.gid()) != (about.uid(), about.gid()) {
        fchown(file.as_file(), Some(about.uid()), Some(about.gid())).map_err(|error| {
            let owner = format!("{}:{}", about.uid(), about.gid());
            refused(format!("belongs to {owner}, which cannot be kept: {error}"), "ask its owner")
        })?;
    }
    // After the owner: changing that one takes permissions away.
    file.as_file().set_permissions(about.permissions()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    // An editor may have saved the file since it was read: its text must not be lost.
    if fs::read(path).map_err(failed)? != old.as_bytes() {
        let message = format!("{name} was changed while it was formatted");
        return Err(Failure::new(Exit::Conflict, message).hint("run it again"));
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| {
        Failure::internal(format!("cannot sync the folder of {name}: {error}"))
            .hint("the file is formatted; after a power cut it may have its old text")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_was_saved_meanwhile_keeps_its_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rules.hcl");
        fs::write(&path, "saved").unwrap();
        let error = replace(&path, "a", "read", "new").unwrap_err();
        assert_eq!(error.exit, Exit::Conflict);
        assert_eq!(fs::read_to_string(&path).unwrap(), "saved");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn what_replaces_a_file_has_its_owner_and_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rules.hcl");
        fs::write(&path, "old").unwrap();
        // Only root may give a file away; anybody else keeps it, which is checked all the same.
        let _ = std::os::unix::fs::chown(&path, Some(12_345), Some(23_456));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o2664)).unwrap();
        let owner = |path: &Path| {
            let about = fs::metadata(path).unwrap();
            (about.uid(), about.gid(), about.mode() & 0o7777)
        };
        let before = owner(&path);
        replace(&path, "a", "old", "new").unwrap();
        assert_eq!(owner(&path), before);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
