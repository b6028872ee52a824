//! The files of one rule set: what is on disk, with the open documents over it and what they
//! import.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cairn_ruleset::lang::ide::Analysis;
use cairn_ruleset::lang::{self, Source};

use super::documents::Documents;
use super::root::{Root, is_ours, relative};
use super::uri;
use crate::sources::{self, SourcesError, Which};

/// How old what was read from disk may be when a document changes. Editors tell when files
/// change; this is for those that do not.
const DISK_AGE_MAX: Duration = Duration::from_secs(1);

/// What is known of one rule set.
#[derive(Default)]
pub(super) struct Set {
    /// When the files were read, unless they must be read again; and the files.
    disk: Option<(Option<Instant>, Vec<Source>)>,
    /// Files that an unsaved import asks for; `None` for those that cannot be had. As old as `disk`.
    asked: BTreeMap<String, Option<String>>,
    /// What was found in the files, until one of them changes.
    pub(super) analysis: Option<Arc<Analysis>>,
    /// Why the folder cannot be read.
    pub(super) unreadable: Option<SourcesError>,
}

impl Set {
    /// Has the files read again when they are asked for.
    pub(super) fn forget(&mut self) {
        // The files stay: they are what counts if the folder cannot be read now.
        if let Some((read, _)) = &mut self.disk {
            *read = None;
        }
        self.analysis = None;
    }

    /// The files, as old as a second where the editor has none of them open.
    pub(super) fn sources(
        &mut self,
        root: &Root,
        folder: &Path,
        documents: &Documents,
    ) -> Vec<Source> {
        let flat = matches!(root, Root::Flat(_));
        let age = |read: &Option<Instant>| read.is_some_and(|read| read.elapsed() < DISK_AGE_MAX);
        if !self.disk.as_ref().is_some_and(|(read, _)| age(read)) {
            self.unreadable = None;
            self.asked.clear();
            let read = if flat { sources::read_flat } else { sources::read_with_tests };
            let found = match read(folder) {
                Ok(found) => found,
                Err(SourcesError::Empty { .. } | SourcesError::Missing { .. }) => Vec::new(),
                // The rules may be open and not saved yet.
                Err(SourcesError::TestsOnly { .. }) => sources::find(folder, Which::Here)
                    .map_or(Vec::new(), |found| found.into_iter().map(|one| one.source).collect()),
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
