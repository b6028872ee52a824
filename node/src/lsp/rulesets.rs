//! Which rule set a document belongs to, and what that rule set holds: the files on disk with the
//! open documents over them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use cairn_ruleset::lang::ide::Analysis;
use cairn_ruleset::lang::{SUFFIX, Source, TEST_SUFFIX};
use lsp_types::Uri;

use super::documents::Documents;
use super::uri;
use crate::sources::{self, SourcesError};

/// How old what was read from disk may be when a document changes. Editors tell when files
/// change; this is for those that do not.
const DISK_AGE_MAX: Duration = Duration::from_secs(1);
/// Bytes of a file that are searched for the `ruleset` block when a root is looked for.
const SEARCHED_BYTES_MAX: u64 = sources::FILE_BYTES_MAX;
/// Files of one folder that are looked into for it.
const SEARCHED_COUNT_MAX: usize = 1_024;

/// One rule set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Root {
    /// All files below a folder.
    Folder(PathBuf),
    /// A document that is no file yet.
    Alone(Uri),
}

/// What is known of one rule set.
#[derive(Default)]
struct Set {
    disk: Option<(Instant, Vec<Source>)>,
    analysis: Option<Rc<Analysis>>,
    /// Why the folder cannot be read.
    unreadable: Option<SourcesError>,
}

/// All rule sets that have an open document.
#[derive(Default)]
pub(super) struct Rulesets {
    /// Folders that the editor has open.
    pub(super) folders: Vec<PathBuf>,
    /// Folders that are rule sets whatever is in them; from the editor's settings.
    pub(super) named: Vec<PathBuf>,
    sets: BTreeMap<Root, Set>,
    roots: BTreeMap<Uri, Root>,
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

impl Rulesets {
    /// The rule set of a document: a folder that is named in the settings; else the nearest folder,
    /// at the document or above it, with a file that has the `ruleset` block; else the editor's
    /// folder; else the document's.
    pub(super) fn root(&mut self, uri: &Uri, documents: &Documents) -> Option<Root> {
        if let Some(known) = self.roots.get(uri) {
            return Some(known.clone());
        }
        if !is_ours(uri) {
            return None;
        }
        let root = match uri::path(uri) {
            None => Root::Alone(uri.clone()),
            Some(path) => Root::Folder(self.folder(&path, documents)?),
        };
        self.roots.insert(uri.clone(), root.clone());
        Some(root)
    }

    fn folder(&self, path: &Path, documents: &Documents) -> Option<PathBuf> {
        let own = path.parent()?;
        let longest = |folders: &[PathBuf]| {
            let around = folders.iter().filter(|folder| path.starts_with(folder));
            around.max_by_key(|folder| folder.as_os_str().len()).cloned()
        };
        if let Some(named) = longest(&self.named) {
            return Some(named);
        }
        let top = longest(&self.folders);
        for folder in own.ancestors().take(sources::FOLDER_DEPTH_MAX) {
            if has_ruleset(folder, documents) {
                return Some(folder.to_owned());
            }
            if top.as_deref() == Some(folder) {
                break;
            }
        }
        Some(self.importer(path).or(top).unwrap_or_else(|| own.to_owned()))
    }

    /// The folder of an open rule set that imports a file.
    fn importer(&self, path: &Path) -> Option<PathBuf> {
        self.sets.iter().find_map(|(root, set)| {
            let Root::Folder(folder) = root else { return None };
            let (name, (_, disk)) = (relative(folder, path)?, set.disk.as_ref()?);
            disk.iter().any(|source| source.name == name).then(|| folder.clone())
        })
    }

    /// Forgets where the files belong that a rule set imports: they may have been opened before it.
    fn claim(&mut self, root: &Root, names: &[Source]) {
        let beside = names.iter().filter(|source| source.name.starts_with("../"));
        for uri in beside.filter_map(|source| uri_of(root, &source.name)) {
            self.roots.remove(&uri);
        }
    }

    /// Forgets which document belongs where, and all that was read: a `ruleset` block may have come
    /// or gone.
    pub(super) fn forget(&mut self) {
        self.roots.clear();
        for set in self.sets.values_mut() {
            set.disk = None;
            set.analysis = None;
        }
    }

    /// What was analysed of this rule set is old.
    pub(super) fn changed(&mut self, root: &Root) {
        if let Some(set) = self.sets.get_mut(root) {
            set.analysis = None;
        }
    }

    /// Forgets rule sets without an open document; returns them.
    pub(super) fn prune(&mut self, open: &[Root]) -> Vec<Root> {
        let gone: Vec<Root> =
            self.sets.keys().filter(|root| !open.contains(root)).cloned().collect();
        for root in &gone {
            self.sets.remove(root);
        }
        self.roots.retain(|_, root| open.contains(root));
        gone
    }

    /// The rule set as it stands, checked; what was checked before counts until a change.
    pub(super) fn analysis(&mut self, root: &Root, documents: &Documents) -> Rc<Analysis> {
        let set = self.sets.entry(root.clone()).or_default();
        if let Some(known) = &set.analysis {
            return known.clone();
        }
        let sources = match root {
            Root::Alone(uri) => {
                let text = documents.get(uri).map(|document| document.text.clone());
                vec![Source { name: format!("untitled{SUFFIX}"), text: text.unwrap_or_default() }]
            }
            Root::Folder(folder) => set.sources(folder, documents),
        };
        let analysis = Rc::new(Analysis::new(sources));
        set.analysis = Some(analysis.clone());
        self.claim(root, analysis.sources());
        analysis
    }

    /// Why a rule set's folder cannot be read, if it cannot.
    pub(super) fn unreadable(&self, root: &Root) -> Option<&SourcesError> {
        self.sets.get(root)?.unreadable.as_ref()
    }
}

impl Set {
    fn sources(&mut self, folder: &Path, documents: &Documents) -> Vec<Source> {
        let fresh = self.disk.as_ref().is_some_and(|(read, _)| read.elapsed() < DISK_AGE_MAX);
        if !fresh {
            self.unreadable = None;
            match sources::read_with_tests(folder) {
                Ok(found) => self.disk = Some((Instant::now(), found)),
                Err(SourcesError::Empty { .. } | SourcesError::Missing { .. }) => {
                    self.disk = Some((Instant::now(), Vec::new()));
                }
                // The last files that could be read are nearer to the truth than none.
                Err(error) => {
                    let last = self.disk.take().map(|(_, found)| found);
                    self.disk = Some((Instant::now(), last.unwrap_or_default()));
                    self.unreadable = Some(error);
                }
            }
        }
        let disk = self.disk.as_ref().map_or(&[][..], |(_, found)| found);
        let mut all: BTreeMap<String, String> =
            disk.iter().map(|source| (source.name.clone(), source.text.clone())).collect();
        for (uri, document) in documents.iter().filter(|(uri, _)| is_ours(uri)) {
            let name = uri::path(uri).and_then(|path| relative(folder, &path));
            // A file beside the folder counts only where it is imported.
            let ours = |name: &String| !name.starts_with("../") || all.contains_key(name);
            if let Some(name) = name.filter(ours) {
                all.insert(name, document.text.clone());
            }
        }
        all.into_iter().map(|(name, text)| Source { name, text }).collect()
    }
}

/// The name that a file has, or would have if it were imported, in a rule set; `None` for files
/// farther away than an import reaches and for hidden ones.
fn relative(folder: &Path, path: &Path) -> Option<String> {
    let (within, base) = match path.strip_prefix(folder) {
        Ok(within) => (within, ""),
        Err(_) => (path.strip_prefix(folder.parent()?).ok()?, "../"),
    };
    let parts: Option<Vec<&str>> = within.iter().map(|part| part.to_str()).collect();
    let parts = parts?;
    (!parts.iter().any(|part| part.starts_with('.'))).then(|| base.to_owned() + &parts.join("/"))
}

/// Where a source of a rule set lies.
pub(super) fn uri_of(root: &Root, name: &str) -> Option<Uri> {
    match root {
        Root::Alone(uri) => Some(uri.clone()),
        Root::Folder(folder) => uri::of(&sources::import_path(folder, name)),
    }
}

/// The name of a document in its rule set.
pub(super) fn name_of(root: &Root, uri: &Uri) -> Option<String> {
    match root {
        Root::Alone(_) => Some(format!("untitled{SUFFIX}")),
        Root::Folder(folder) => relative(folder, &uri::path(uri)?),
    }
}

/// Whether a file of the folder itself holds the `ruleset` block.
fn has_ruleset(folder: &Path, documents: &Documents) -> bool {
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
    fn a_document_belongs_to_the_nearest_folder_with_a_ruleset_block() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            uri::of(&path).unwrap()
        };
        put("hunt/hunt.rules.hcl", "ruleset \"hunt\" {\n}");
        put("other/other.rules.hcl", "# ruleset\n  ruleset \"other\" {\n}");
        let zone = put("hunt/zones/deep/crypt.rules.hcl", "");
        let stray = put("stray/a.rules.hcl", "");
        let documents = Documents::default();
        let folder = |rulesets: &mut Rulesets, uri: &Uri| match rulesets.root(uri, &documents) {
            Some(Root::Folder(path)) => path.strip_prefix(dir.path()).unwrap().to_owned(),
            other => panic!("{other:?}"),
        };
        let mut rulesets = Rulesets { folders: vec![dir.path().into()], ..Rulesets::default() };
        assert_eq!(folder(&mut rulesets, &zone), Path::new("hunt"));
        assert_eq!(folder(&mut rulesets, &stray), Path::new(""));
        let mut alone = Rulesets::default();
        assert_eq!(folder(&mut alone, &stray), Path::new("stray"));
        let named = vec![dir.path().join("hunt/zones")];
        let mut named = Rulesets { named, ..Rulesets::default() };
        assert_eq!(folder(&mut named, &zone), Path::new("hunt/zones"));
        assert_eq!(named.root(&put("README.md", ""), &documents), None);
    }

    #[test]
    fn an_imported_file_belongs_to_the_rule_set_that_imports_it() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            uri::of(&path).unwrap()
        };
        let main = "ruleset \"hunt\" {\n}\nimport \"../shared/zones.rules.hcl\" {}\n";
        let hunt = put("hunt/hunt.rules.hcl", main);
        let zones = put("shared/zones.rules.hcl", "disk");
        let stray = put("shared/stray.rules.hcl", "stray");
        let mut documents = Documents::default();
        for (uri, text) in [(&hunt, main), (&zones, "open"), (&stray, "stray")] {
            documents.open(uri.clone(), 1, text.into()).unwrap();
        }
        let mut rulesets = Rulesets::default();
        // Opened before the rule set, nothing says who imports it.
        let before = rulesets.root(&zones, &documents).unwrap();
        assert_eq!(before, Root::Folder(dir.path().join("shared")));
        let root = rulesets.root(&hunt, &documents).unwrap();
        let analysis = rulesets.analysis(&root, &documents);
        let texts: Vec<(&str, &str)> = analysis
            .sources()
            .iter()
            .map(|source| (source.name.as_str(), source.text.as_str()))
            .collect();
        assert_eq!(texts, [("../shared/zones.rules.hcl", "open"), ("hunt.rules.hcl", main)]);
        assert_eq!(rulesets.root(&zones, &documents), Some(root.clone()));
        assert_ne!(rulesets.root(&stray, &documents), Some(root.clone()));
        assert_eq!(name_of(&root, &zones).as_deref(), Some("../shared/zones.rules.hcl"));
        assert_eq!(uri_of(&root, "../shared/zones.rules.hcl"), Some(zones));
        let far = uri::of(&dir.path().with_file_name("zones.rules.hcl")).unwrap();
        assert_eq!(name_of(&root, &far), None);
    }

    #[test]
    fn an_open_document_counts_over_the_disk_and_hidden_files_never() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.rules.hcl"), "ruleset \"disk\" {\n}").unwrap();
        std::fs::write(dir.path().join("b.rules.hcl"), "").unwrap();
        let mut documents = Documents::default();
        for (name, text) in [("a.rules.hcl", "open"), (".c.rules.hcl", "x"), ("d.rules.hcl", "new")]
        {
            let uri = uri::of(&dir.path().join(name)).unwrap();
            documents.open(uri, 1, text.into()).unwrap();
        }
        let mut rulesets = Rulesets::default();
        let root = Root::Folder(dir.path().into());
        let analysis = rulesets.analysis(&root, &documents);
        let texts: Vec<(&str, &str)> = analysis
            .sources()
            .iter()
            .map(|source| (source.name.as_str(), source.text.as_str()))
            .collect();
        assert_eq!(texts, [("a.rules.hcl", "open"), ("b.rules.hcl", ""), ("d.rules.hcl", "new")]);
    }
}
