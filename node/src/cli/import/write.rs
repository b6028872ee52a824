//! Files that appear whole, and all of them or none.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cairn_ruleset::lang::Source;
use tempfile::NamedTempFile;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Writes all files below a folder, which is made when it is not there.
///
/// Every file is written and synced beside its place first; then they are moved there. A move that
/// fails takes back those before it, unless `force` let them replace something.
///
/// # Errors
/// Exit code 7 when a file exists and `force` is not given, 1 when the disk refuses.
pub(super) fn files(folder: &Path, files: &[Source], force: bool) -> Result<(), Failure> {
    let places: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.name)).collect();
    if !force && let Some(taken) = places.iter().find(|place| place.symlink_metadata().is_ok()) {
        return Err(exists(taken));
    }
    let made = !folder.exists();
    let result = move_all(folder, files, &places, force);
    if result.is_err() && made {
        // Empty again by now; whatever else is in it is not ours.
        let _ = fs::remove_dir(folder);
    }
    result
}

fn move_all(
    folder: &Path,
    files: &[Source],
    places: &[PathBuf],
    force: bool,
) -> Result<(), Failure> {
    let refused = |place: &Path, error: &io::Error| {
        Failure::internal(format!("cannot write {}: {error}", place.display()))
            .hint("nothing was written; name a folder that may be written to")
    };
    fs::create_dir_all(folder).map_err(|error| refused(folder, &error))?;
    let mut ready = Vec::new();
    for (file, place) in files.iter().zip(places) {
        let written =
            NamedTempFile::with_prefix_in(".import-", folder).and_then(|mut temporary| {
                temporary.write_all(file.text.as_bytes())?;
                temporary.as_file().sync_all()?;
                readable(temporary.as_file())?;
                Ok(temporary)
            });
        ready.push(written.map_err(|error| refused(place, &error))?);
    }
    let mut moved: Vec<&PathBuf> = Vec::new();
    for (temporary, place) in ready.into_iter().zip(places) {
        let result = match force {
            true => temporary.persist(place),
            false => temporary.persist_noclobber(place),
        };
        if let Err(error) = result {
            if !force {
                for place in moved {
                    let _ = fs::remove_file(place);
                }
            }
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => exists(place),
                _ => refused(place, &error.error),
            });
        }
        moved.push(place);
    }
    Ok(())
}

/// Temporary files are for their owner alone; rules are read like any source file.
#[cfg(unix)]
fn readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

fn exists(place: &Path) -> Failure {
    Failure::new(Exit::Conflict, format!("{} exists already", place.display()))
        .hint("nothing was written; name another folder, or replace files with --force")
}
