//! Which rule sets a document belongs to, and what each holds: the files on disk with the open
//! documents over them.
//!
//! A document belongs to the rule set around it and to every one that imports it, open or not: a
//! change of a shared file shows, and a rename edits, in all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cairn_ruleset::lang::ide::Analysis;
use cairn_ruleset::lang::{self, SUFFIX, Source, TEST_SUFFIX};
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

/// Levels above a document outside the editor's folders on which rule sets that import it are
/// looked for.
const OUTSIDE_DEPTH_MAX: usize = 2;
/// Rule sets right below one folder that are asked whether they import a document.
const NEIGHBOUR_COUNT_MAX: usize = 64;

/// Passes in which the open documents are told apart by rule set: an import found in one may bring
/// in a rule set that imports more.
const SETTLE_COUNT_MAX: usize = 4;

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

/// What is known of one rule set.
#[derive(Default)]
struct Set {
    /// When the files were read, unless they must be read again; and the files.
    disk: Option<(Option<Instant>, Vec<Source>)>,
    /// Files that an unsaved import asks for; `None` for those that cannot be had. As old as `disk`.
    asked: BTreeMap<String, Option<String>>,
    analysis: Option<Arc<Analysis>>,
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
    roots: BTreeMap<Uri, Vec<Root>>,
    /// Rule sets right below a folder.
    below: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// Names of the files outside its folder that a rule set imports.
    imported: BTreeMap<PathBuf, BTreeSet<String>>,
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

impl Root {
    /// The folder that names are relative to.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Root::Folder(folder) | Root::Flat(folder) => Some(folder),
            Root::Alone(_) => None,
        }
    }
}

impl Rulesets {
    /// The rule sets of a document. First the one around it: a folder that is named in the
    /// settings, else the nearest folder, at the document or above it, with a file that has the
    /// `ruleset` block. Then those that import it. When there is none, the files beside it.
    pub(super) fn roots(&mut self, uri: &Uri, documents: &Documents) -> Vec<Root> {
        if let Some(known) = self.roots.get(uri) {
            return known.clone();
        }
        if !is_ours(uri) {
            return Vec::new();
        }
        let roots: Vec<Root> = match uri::path(uri) {
            None => vec![Root::Alone(uri.clone())],
            Some(path) => self.folders(&path, documents),
        };
        self.roots.insert(uri.clone(), roots.clone());
        roots
    }

    /// The first of [`Rulesets::roots`].
    pub(super) fn root(&mut self, uri: &Uri, documents: &Documents) -> Option<Root> {
        self.roots(uri, documents).into_iter().next()
    }

    fn folders(&mut self, path: &Path, documents: &Documents) -> Vec<Root> {
        let Some(own) = path.parent() else { return Vec::new() };
        let mut found: Vec<PathBuf> = self.around(path, own, documents).into_iter().collect();
        for folder in self.neighbours(path, own, documents) {
            if !found.contains(&folder) && self.imports(&folder, path, documents) {
                found.push(folder);
            }
        }
        if found.is_empty() {
            return vec![Root::Flat(own.to_owned())];
        }
        found.into_iter().map(Root::Folder).collect()
    }

    fn around(&self, path: &Path, own: &Path, documents: &Documents) -> Option<PathBuf> {
        if let Some(named) = longest(&self.named, path) {
            return Some(named);
        }
        let top = longest(&self.folders, path);
        for folder in own.ancestors().take(sources::FOLDER_DEPTH_MAX) {
            if has_ruleset(folder, documents) {
                return Some(folder.to_owned());
            }
            if top.as_deref() == Some(folder) {
                break;
            }
        }
        None
    }

    /// Rule sets that may import a file: an import reaches what lies below the folder above a rule
    /// set.
    fn neighbours(&mut self, path: &Path, own: &Path, documents: &Documents) -> BTreeSet<PathBuf> {
        let mut found: BTreeSet<PathBuf> = self.named.iter().cloned().collect();
        found.extend(self.sets.keys().filter_map(|root| match root {
            Root::Folder(folder) => Some(folder.clone()),
            Root::Flat(_) | Root::Alone(_) => None,
        }));
        let top = longest(&self.folders, path);
        let depth = if top.is_some() { sources::FOLDER_DEPTH_MAX } else { OUTSIDE_DEPTH_MAX };
        for above in own.ancestors().take(depth) {
            let below = self.below.entry(above.to_owned());
            found.extend(below.or_insert_with(|| rulesets_below(above, documents)).iter().cloned());
            if top.as_deref() == Some(above) {
                break;
            }
        }
        found.retain(|folder| !path.starts_with(folder));
        found
    }

    /// Whether the rule set in a folder imports a file outside it.
    fn imports(&mut self, folder: &Path, path: &Path, documents: &Documents) -> bool {
        let Some(name) = relative(folder, path) else { return false };
        if let Some(known) = self.imported.get(folder) {
            return known.contains(&name);
        }
        let root = Root::Folder(folder.to_owned());
        let known = self.sets.contains_key(&root);
        let found =
            beside(&self.sets.entry(root.clone()).or_default().sources(&root, folder, documents));
        let imports = found.contains(&name);
        if !imports && !known {
            self.sets.remove(&root);
        }
        self.imported.insert(folder.to_owned(), found);
        imports
    }

    /// Forgets where the files belong that a rule set has begun to import, or imports no more.
    fn claim(&mut self, root: &Root, sources: &[Source]) {
        let Root::Folder(folder) = root else { return };
        let found = beside(sources);
        self.roots.retain(|uri, roots| match name_of(root, uri) {
            Some(name) if name.starts_with("../") => roots.contains(root) == found.contains(&name),
            _ => true,
        });
        self.imported.insert(folder.clone(), found);
    }

    /// Forgets which document belongs where, and all that was read: a `ruleset` block may have come
    /// or gone.
    pub(super) fn forget(&mut self) {
        self.roots.clear();
        self.below.clear();
        self.imported.clear();
        for set in self.sets.values_mut() {
            // The files stay: they are what counts if the folder cannot be read now.
            if let Some((read, _)) = &mut set.disk {
                *read = None;
            }
            set.analysis = None;
        }
    }

    /// What was analysed of rule sets with this document is old.
    pub(super) fn changed(&mut self, uri: &Uri) {
        for (root, set) in &mut self.sets {
            let Some(name) = name_of(root, uri) else { continue };
            if set.analysis.as_ref().is_some_and(|analysis| analysis.file(&name).is_some()) {
                set.analysis = None;
            }
        }
    }

    /// The rule sets of all open documents, each checked: what is imported is known then, and with
    /// it which rule sets these are.
    pub(super) fn settle(&mut self, documents: &Documents) -> Vec<Root> {
        let mut roots = BTreeSet::new();
        // Whatever is not settled by then is at the next change.
        for _ in 0..SETTLE_COUNT_MAX {
            let found: BTreeSet<Root> =
                documents.iter().flat_map(|(uri, _)| self.roots(uri, documents)).collect();
            if found == roots {
                break;
            }
            for root in &found {
                self.analysis(root, documents);
            }
            roots = found;
        }
        roots.into_iter().collect()
    }

    /// Forgets rule sets without an open document; returns them.
    pub(super) fn prune(&mut self, open: &[Root]) -> Vec<Root> {
        let gone: Vec<Root> =
            self.sets.keys().filter(|root| !open.contains(root)).cloned().collect();
        for root in &gone {
            self.sets.remove(root);
        }
        self.roots.retain(|_, roots| roots.iter().all(|root| open.contains(root)));
        gone
    }

    /// The rule set as it stands, checked; what was checked before counts until a change.
    pub(super) fn analysis(&mut self, root: &Root, documents: &Documents) -> Arc<Analysis> {
        let set = self.sets.entry(root.clone()).or_default();
        if let Some(known) = &set.analysis {
            return known.clone();
        }
        let sources = match root {
            Root::Alone(uri) => {
                let text = documents.get(uri).map(|document| document.text.clone());
                vec![Source { name: format!("untitled{SUFFIX}"), text: text.unwrap_or_default() }]
            }
            Root::Folder(folder) | Root::Flat(folder) => set.sources(root, folder, documents),
        };
        let analysis = Arc::new(Analysis::new(sources));
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
    fn sources(&mut self, root: &Root, folder: &Path, documents: &Documents) -> Vec<Source> {
        let flat = matches!(root, Root::Flat(_));
        let age = |read: &Option<Instant>| read.is_some_and(|read| read.elapsed() < DISK_AGE_MAX);
        if !self.disk.as_ref().is_some_and(|(read, _)| age(read)) {
            self.unreadable = None;
            self.asked.clear();
            let read = if flat { sources::read_flat } else { sources::read_with_tests };
            let found = match read(folder) {
                Ok(found) => found,
                Err(SourcesError::Empty { .. } | SourcesError::Missing { .. }) => Vec::new(),
                // The last files that could be read are nearer to the truth than none.
                Err(error) => {
                    self.unreadable = Some(error);
                    self.disk.take().map(|(_, found)| found).unwrap_or_default()
                }
            };
            self.disk = Some((Some(Instant::now()), found));
        }
        let disk = self.disk.as_ref().map_or(&[][..], |(_, found)| found);
        let (outside, within): (Vec<&Source>, Vec<&Source>) =
            disk.iter().partition(|source| source.name.starts_with("../"));
        let mut all: BTreeMap<String, Source> =
            within.into_iter().map(|source| (source.name.clone(), source.clone())).collect();
        for (uri, document) in documents.iter().filter(|(uri, _)| is_ours(uri)) {
            let name = uri::path(uri).and_then(|path| relative(folder, &path));
            let ours = |name: &String| !(name.starts_with("../") || flat && name.contains('/'));
            if let Some(name) = name.filter(ours) {
                let source = Source { name: name.clone(), text: document.text.clone() };
                all.insert(name, source);
            }
        }
        // Imports as they stand in the editor, saved or not.
        let mut waiting: Vec<String> = all.keys().cloned().collect();
        while let Some(name) = waiting.pop() {
            let names = all.get(&name).map(lang::imports).unwrap_or_default();
            for name in names {
                if all.contains_key(&name) || all.len() >= sources::FILE_COUNT_MAX {
                    continue;
                }
                let open = uri::of(&sources::import_path(folder, &name));
                let open = open.and_then(|uri| documents.get(&uri));
                let read = || outside.iter().find(|source| source.name == name);
                let text = match (open, read()) {
                    (Some(open), _) => Some(open.text.clone()),
                    (None, Some(read)) => Some(read.text.clone()),
                    (None, None) => self
                        .asked
                        .entry(name.clone())
                        .or_insert_with(|| sources::read_import(folder, &name).ok().flatten())
                        .clone(),
                };
                if let Some(text) = text {
                    all.insert(name.clone(), Source { name: name.clone(), text });
                    waiting.push(name);
                }
            }
        }
        all.into_values().collect()
    }
}

/// The longest of the folders that a path lies in.
fn longest(folders: &[PathBuf], path: &Path) -> Option<PathBuf> {
    let around = folders.iter().filter(|folder| path.starts_with(folder));
    around.max_by_key(|folder| folder.as_os_str().len()).cloned()
}

/// The names of those sources that lie outside their rule set's folder.
fn beside(sources: &[Source]) -> BTreeSet<String> {
    let outside = sources.iter().filter(|source| source.name.starts_with("../"));
    outside.map(|source| source.name.clone()).collect()
}

/// Folders right below a folder that hold a rule set, in order. Links are not followed.
fn rulesets_below(folder: &Path, documents: &Documents) -> Vec<PathBuf> {
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
        Root::Folder(folder) | Root::Flat(folder) => uri::of(&sources::import_path(folder, name)),
    }
}

/// The name of a document in its rule set.
pub(super) fn name_of(root: &Root, uri: &Uri) -> Option<String> {
    match root.folder() {
        None => (*root == Root::Alone(uri.clone())).then(|| format!("untitled{SUFFIX}")),
        Some(folder) => relative(folder, &uri::path(uri)?),
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
            Some(Root::Folder(path) | Root::Flat(path)) => {
                path.strip_prefix(dir.path()).unwrap().to_owned()
            }
            other => panic!("{other:?}"),
        };
        let mut rulesets = Rulesets { folders: vec![dir.path().into()], ..Rulesets::default() };
        assert_eq!(folder(&mut rulesets, &zone), Path::new("hunt"));
        // Not all that the editor has open.
        assert_eq!(folder(&mut rulesets, &stray), Path::new("stray"));
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
    fn a_shared_file_belongs_to_every_rule_set_that_imports_it() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            uri::of(&path).unwrap()
        };
        let import = "import \"../shared/zones.rules.hcl\" {}\n";
        let head = |name: &str| format!("ruleset \"{name}\" {{\n}}\n");
        let hunt = put("hunt/hunt.rules.hcl", &(head("hunt") + import));
        put("raid/raid.rules.hcl", &(head("raid") + import));
        put("quest/quest.rules.hcl", &head("quest"));
        let zones = put("shared/zones.rules.hcl", "enum \"zone\" { values = [\"a\"] }\n");
        let mut documents = Documents::default();
        let text = std::fs::read_to_string(uri::path(&zones).unwrap()).unwrap();
        documents.open(zones.clone(), 1, text).unwrap();
        let mut rulesets = Rulesets::default();
        let root = |name: &str| Root::Folder(dir.path().join(name));
        let both = [root("hunt"), root("raid")];
        // Neither is open, and it is so again after everything is read anew.
        for _ in 0..2 {
            assert_eq!(rulesets.roots(&zones, &documents), both);
            assert_eq!(rulesets.settle(&documents), both);
            rulesets.forget();
        }
        // An import that is only typed counts, and one that is typed away does not.
        let quest = uri::of(&dir.path().join("quest/quest.rules.hcl")).unwrap();
        documents.open(quest.clone(), 1, head("quest") + import).unwrap();
        documents.open(hunt.clone(), 1, head("hunt")).unwrap();
        rulesets.forget();
        let settled = [root("hunt"), root("quest"), root("raid")];
        assert_eq!(rulesets.settle(&documents), settled);
        assert_eq!(rulesets.roots(&zones, &documents), [root("quest"), root("raid")]);
        let change = lsp_types::TextDocumentContentChangeEvent {
            range: None,
            range_length: None,
            text: head("quest"),
        };
        let encoding = cairn_ruleset::lang::ide::Encoding::Utf8;
        documents.change(&quest, 2, vec![change], encoding).unwrap();
        rulesets.changed(&quest);
        assert_eq!(rulesets.settle(&documents), settled);
        assert_eq!(rulesets.roots(&zones, &documents), [root("raid")]);
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
