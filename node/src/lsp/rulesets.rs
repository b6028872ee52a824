//! Which rule sets a document belongs to, and what was found in each.
//!
//! A document belongs to the rule set around it and to every one that imports it, open or not: a
//! change of a shared file shows, and a rename edits, in all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_ruleset::lang::ide::Analysis;
use cairn_ruleset::lang::{SUFFIX, Source};
use lsp_types::Uri;

use super::documents::Documents;
use super::root::{Root, is_ours, relative};
use super::search::{has_ruleset, rulesets_below};
use super::set::Set;
use super::uri;
use crate::sources::{self, SourcesError};

/// Levels above a document outside the editor's folders on which rule sets that import it are
/// looked for.
const OUTSIDE_DEPTH_MAX: usize = 2;
/// Passes in which the open documents are told apart by rule set: an import found in one may bring
/// in a rule set that imports more.
const SETTLE_COUNT_MAX: usize = 4;

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
        self.roots.retain(|uri, roots| match root.name(uri) {
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
            set.forget();
        }
    }

    /// What was analysed of rule sets with this document is old.
    pub(super) fn changed(&mut self, uri: &Uri) {
        for (root, set) in &mut self.sets {
            let Some(name) = root.name(uri) else { continue };
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
        assert_eq!(root.name(&zones).as_deref(), Some("../shared/zones.rules.hcl"));
        assert_eq!(root.uri("../shared/zones.rules.hcl"), Some(zones));
        let far = uri::of(&dir.path().with_file_name("zones.rules.hcl")).unwrap();
        assert_eq!(root.name(&far), None);
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
