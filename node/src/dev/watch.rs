//! Following a folder: an edit counts when the rules read differently than before.
//!
//! Editors write in several steps, save several files at once, and touch files without changing
//! them. What decides is a digest of all sources: the same content is one edit however often it is
//! saved. The folder is read once it has been quiet for a moment, so that a rename through a backup
//! file or "save all" is one edit and not two, of which the first is broken.
//!
//! A watch holds on to a folder, not to its name. So the folder above is watched, too: when the
//! name stands for another folder (a checkout, a move, deleted and made again), that one is
//! followed from then on.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cairn_merkle::Digest;
use cairn_ruleset::lang::Source;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::cli::failure::Failure;
use crate::sources::{self, SourcesError};

/// Notifications waiting to be looked at. More are dropped: one is enough to look again.
const NOTIFICATIONS_COUNT_MAX: usize = 64;

/// How long nothing must happen before the folder is read. Editors save the files of one command
/// within a few milliseconds; the default, 30 ms, is three times what was seen and no delay to a
/// person.
const QUIET: Duration = Duration::from_millis(30);
/// The folder is read after this long even if it never is quiet.
const QUIET_MAX: Duration = Duration::from_millis(500);

/// How the folder is read.
pub(crate) type Read = fn(&Path) -> Result<Vec<Source>, SourcesError>;

/// A folder that is followed.
pub(crate) struct Watch {
    path: PathBuf,
    read: Read,
    last: Option<Digest>,
    unreadable: Option<SourcesError>,
    notified: mpsc::Receiver<Instant>,
    /// Ends the notifications when it is dropped.
    watcher: RecommendedWatcher,
    /// Files beside the folder that its rules import: their folders are watched, too.
    imported: Arc<Mutex<BTreeSet<PathBuf>>>,
    /// What the watch holds on to: device and inode.
    held: Option<(u64, u64)>,
}

/// What the folder reads like now.
pub(crate) enum Edit {
    /// Other sources than before, and when the system said so.
    Sources(Vec<Source>, Instant),
    /// It cannot be read.
    Unreadable(SourcesError),
}

impl Watch {
    /// Begins to watch what `read` sees of a folder.
    pub(crate) fn start(path: &Path, read: Read) -> Result<Watch, Failure> {
        let (notify, notified) = mpsc::channel(NOTIFICATIONS_COUNT_MAX);
        let failed = |error: notify::Error| {
            Failure::usage(format!("cannot watch {}: {error}", path.display())).hint(
                "name a folder with *.rules.hcl files; on Linux, see fs.inotify.max_user_watches",
            )
        };
        // Notifications carry the path that the watch was given; the one above needs a name.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (above, ours) = (path.parent().map(Path::to_owned), path.clone());
        let imported = Arc::new(Mutex::new(BTreeSet::new()));
        let beside = Arc::clone(&imported);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let matters = |event: notify::Event| {
                    // The folder above has files of its own, which are nobody's business.
                    let is_imported = || {
                        let beside = beside.lock().unwrap_or_else(PoisonError::into_inner);
                        event.paths.iter().any(|at| beside.contains(at))
                    };
                    event.need_rescan()
                        || matters(&event.kind) && is_imported()
                        || event.paths.iter().any(|at| at.starts_with(&ours))
                            && (matters(&event.kind) || appears(&event, &ours))
                };
                // An error (an overflow, say) means that something was missed: look.
                if event.map_or(true, matters) {
                    // Full means that a look is due anyway.
                    let _ = notify.try_send(Instant::now());
                }
            })
            .map_err(failed)?;
        watcher.watch(&path, RecursiveMode::Recursive).map_err(failed)?;
        if let Some(above) = above {
            watcher.watch(&above, RecursiveMode::NonRecursive).map_err(failed)?;
        }
        let held = identity(&path);
        Ok(Watch { path, read, last: None, unreadable: None, notified, watcher, imported, held })
    }

    /// Watch what the name stands for now.
    fn hold(&mut self) {
        let now = identity(&self.path);
        if now == self.held {
            return;
        }
        // It may be gone already, and with it the watch.
        let _ = self.watcher.unwatch(&self.path);
        self.held = match self.watcher.watch(&self.path, RecursiveMode::Recursive) {
            Ok(()) => now,
            // Gone again: the next notification of the folder above brings us back here.
            Err(_) => None,
        };
    }

    /// Takes sources as known.
    pub(crate) fn seen(&mut self, sources: &[Source]) {
        self.follow(sources);
        self.last = Some(digest(sources));
    }

    /// Watches the folders of imported files. One that is no longer imported stays watched, and is
    /// nobody's business any more.
    fn follow(&mut self, sources: &[Source]) {
        let Ok(base) = sources::base(&self.path) else { return };
        let beside = sources.iter().filter(|source| source.name.starts_with("../"));
        let now: BTreeSet<PathBuf> =
            beside.map(|source| sources::import_path(&base, &source.name)).collect();
        let mut imported = self.imported.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in now.difference(&imported).filter_map(|path| path.parent()) {
            // What cannot be watched is read at the next edit of something else.
            let _ = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        }
        *imported = now;
    }

    /// Completes when nothing has happened for a moment, or too much for too long: what is read
    /// may change again then, and is looked at again.
    async fn quiet(&mut self, first: Instant) {
        let mut last = first;
        while let Ok(Some(at)) =
            tokio::time::timeout_at(due(first, last).into(), self.notified.recv()).await
        {
            last = at;
        }
    }

    /// The next edit.
    pub(crate) async fn next(&mut self) -> Result<Edit, Failure> {
        loop {
            let at = self.notified.recv().await.ok_or_else(|| {
                Failure::internal("the watcher of the folder stopped")
                    .hint("start `cairn dev` again")
            })?;
            self.quiet(at).await;
            // Before the read: no edit falls between the two.
            self.hold();
            match (self.read)(&self.path) {
                Ok(sources) => {
                    self.unreadable = None;
                    self.follow(&sources);
                    let now = digest(&sources);
                    if self.last.replace(now) != Some(now) {
                        return Ok(Edit::Sources(sources, at));
                    }
                }
                Err(error) => {
                    self.last = None;
                    if self.unreadable.as_ref() != Some(&error) {
                        self.unreadable = Some(error.clone());
                        return Ok(Edit::Unreadable(error));
                    }
                }
            }
        }
    }
}

/// When to read, after a first and a last notification.
fn due(first: Instant, last: Instant) -> Instant {
    (last + QUIET).min(first + QUIET_MAX)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.dev(), about.ino()))
}

/// Whether the name of the folder itself came into being. Being opened is not news: our own look
/// opens it.
fn appears(event: &notify::Event, ours: &Path) -> bool {
    event.kind.is_create() && event.paths.iter().any(|at| at == ours)
}

/// Whether a file may read differently now. On Linux a file that is being written says so once
/// more when it is closed; looking earlier would see half of it.
fn matters(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(access) => *access == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => true,
        EventKind::Modify(ModifyKind::Data(_)) | EventKind::Create(_) => {
            !cfg!(target_os = "linux")
                || matches!(kind, EventKind::Create(notify::event::CreateKind::Folder))
        }
        EventKind::Any | EventKind::Other | EventKind::Modify(_) => !cfg!(target_os = "linux"),
    }
}

fn digest(sources: &[Source]) -> Digest {
    let parts: Vec<&[u8]> = sources
        .iter()
        .flat_map(|source| [source.name.as_bytes(), source.text.as_bytes()])
        .collect();
    Digest::derive("cairn 2026 dev sources v1", &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_edit_of_an_imported_file_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (rules, shared) = (dir.path().join("hunt"), dir.path().join("shared"));
        for folder in [&rules, &shared] {
            std::fs::create_dir(folder).unwrap();
        }
        let main = "import \"../shared/z.rules.hcl\" {}\n";
        std::fs::write(rules.join("a.rules.hcl"), main).unwrap();
        std::fs::write(shared.join("z.rules.hcl"), "one").unwrap();
        let mut watch = Watch::start(&rules, sources::read).unwrap();
        watch.seen(&sources::read(&rules).unwrap());
        std::fs::write(shared.join("z.rules.hcl"), "two").unwrap();
        assert!(text(&mut watch).await.contains("two"));
    }

    #[tokio::test]
    async fn an_edit_is_seen_once_and_a_touch_never() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.rules.hcl");
        std::fs::write(&file, "one").unwrap();
        let mut watch = Watch::start(dir.path(), sources::read).unwrap();
        watch.seen(&sources::read(dir.path()).unwrap());
        std::fs::write(&file, "one").unwrap();
        std::fs::write(&file, "two").unwrap();
        let Edit::Sources(sources, _) = watch.next().await.unwrap() else { panic!("unreadable") };
        assert_eq!(sources[0].text, "two");
        std::fs::write(&file, b"\xff").unwrap();
        assert!(matches!(watch.next().await.unwrap(), Edit::Unreadable(_)));
        let draft = dir.path().join("draft");
        std::fs::write(&draft, "three").unwrap();
        std::fs::rename(&draft, &file).unwrap();
        let Edit::Sources(sources, _) = watch.next().await.unwrap() else { panic!("unreadable") };
        assert_eq!(sources[0].text, "three");
    }

    /// Our own look opens and reads files: were that news, an idle `dev` would look for ever.
    #[test]
    fn reading_is_no_news_and_the_end_of_writing_is() {
        use notify::event::{CreateKind, DataChange, RemoveKind, RenameMode};
        for (kind, news) in [
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), false),
            (EventKind::Access(AccessKind::Open(AccessMode::Read)), false),
            (EventKind::Access(AccessKind::Read), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), true),
            (EventKind::Remove(RemoveKind::File), true),
            (EventKind::Create(CreateKind::Folder), true),
            (EventKind::Create(CreateKind::File), !cfg!(target_os = "linux")),
            (EventKind::Modify(ModifyKind::Data(DataChange::Any)), !cfg!(target_os = "linux")),
        ] {
            assert_eq!(matters(&kind), news, "{kind:?}");
        }
    }

    #[test]
    fn the_folder_is_read_when_it_is_quiet_and_never_later_than_the_limit() {
        let first = Instant::now();
        assert_eq!(due(first, first), first + QUIET);
        assert_eq!(due(first, first + QUIET), first + 2 * QUIET);
        assert_eq!(due(first, first + QUIET_MAX), first + QUIET_MAX);
    }

    async fn text(watch: &mut Watch) -> String {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), watch.next()).await;
        match next.expect("the edit was not seen").unwrap() {
            Edit::Sources(sources, _) => sources[0].text.clone(),
            Edit::Unreadable(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_replaced_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let rules = home.path().join("rules");
        let make = |dir: &Path, text: &str| {
            std::fs::create_dir(dir).unwrap();
            std::fs::write(dir.join("a.rules.hcl"), text).unwrap();
        };
        make(&rules, "one");
        let mut watch = Watch::start(&rules, sources::read).unwrap();
        watch.seen(&sources::read(&rules).unwrap());
        // Deleted, made again, edited.
        std::fs::remove_dir_all(&rules).unwrap();
        assert!(text(&mut watch).await.contains("rules"));
        std::fs::create_dir(&rules).unwrap();
        assert!(text(&mut watch).await.contains("no *.rules.hcl"));
        std::fs::write(rules.join("a.rules.hcl"), "two").unwrap();
        assert_eq!(text(&mut watch).await, "two");
        // Another folder takes the name.
        make(&home.path().join("other"), "three");
        std::fs::rename(&rules, home.path().join("old")).unwrap();
        std::fs::rename(home.path().join("other"), &rules).unwrap();
        while text(&mut watch).await != "three" {}
        std::fs::write(rules.join("a.rules.hcl"), "four").unwrap();
        assert_eq!(text(&mut watch).await, "four");
        // A neighbour is nobody's business.
        std::fs::write(home.path().join("b.rules.hcl"), "five").unwrap();
        std::fs::write(rules.join("a.rules.hcl"), "six").unwrap();
        assert_eq!(text(&mut watch).await, "six");
    }
}
