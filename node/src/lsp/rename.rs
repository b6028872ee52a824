//! Renaming in every rule set at once that shares a file with the first one.
//!
//! The places of one rule set are its own index's; a place in a shared file is a place of every
//! rule set that imports the file, and leads to the places there. Each rule set must admit all
//! edits of its files, or nothing is renamed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cairn_ruleset::lang::ide::Analysis;
use cairn_ruleset::lang::{Edit, Span};
use lsp_server::{Message, Notification};
use lsp_types::notification::{self as told, Notification as _};
use lsp_types::{
    AnnotatedTextEdit, ChangeAnnotation, DocumentChanges, MessageType, OneOf, RenameParams,
    ShowMessageParams, TextEdit, Uri, WorkspaceEdit,
};
use serde_json::Value;

use super::answer::{failed, to};
use super::client::Client;
use super::convert::{Convert, workspace_edit};
use super::root::Root;
use super::server::{Fault, Server, params};
use super::uri;

/// What a person should know before draws change.
const REDRAWS: &str = "chance, pick, loot, bucket and jitter follow the name, so players draw \
                       differently once this is published";
const ANNOTATION: &str = "redraws";

/// Where the name stands, in all rule sets.
#[derive(Default)]
struct Places {
    sets: BTreeMap<Root, Arc<Analysis>>,
    /// By what a file is known by: start and end.
    files: BTreeMap<Uri, BTreeSet<(u32, u32)>>,
}

impl Server {
    /// The edits of a rename; `null` about documents that are none of ours.
    /// Whoever asked is told first when players would draw differently afterwards.
    pub(super) fn rename(
        &mut self,
        client: Client,
        value: Value,
        send: &mut Vec<Message>,
    ) -> Result<Value, Fault> {
        let RenameParams { text_document_position: at, new_name, .. } = params(value)?;
        let Some(here) = self.here(&at.text_document.uri) else { return Ok(Value::Null) };
        let convert = Convert::new(&here.analysis, &here.root, client, &self.documents);
        let offset = convert.offset(here.file, at.position);
        let (_, old) = here.analysis.prepare_rename(here.file, offset).map_err(failed)?;
        let places = self.places(&here.root, uri::canonical(&at.text_document.uri), offset);
        for (root, analysis) in &places.sets {
            let edits = places.edits(root, analysis, &new_name);
            analysis.admits(&old, &new_name, &edits).map_err(|error| match root.folder() {
                Some(folder) if *root != here.root => {
                    failed(format!("{}: {error}", folder.display()))
                }
                _ => failed(error),
            })?;
        }
        if old == new_name {
            return to(workspace_edit(BTreeMap::new(), client, &self.documents));
        }
        let edits = places.edits(&here.root, &here.analysis, &new_name);
        let redraws = here.analysis.redraws(here.file, offset, &edits);
        let mut files: BTreeMap<Uri, Vec<TextEdit>> = BTreeMap::new();
        for (root, analysis) in &places.sets {
            let convert = Convert::new(analysis, root, client, &self.documents);
            let mut fresh: BTreeMap<Uri, Vec<TextEdit>> = BTreeMap::new();
            for edit in places.edits(root, analysis, &new_name) {
                let Some(key) = convert.key(edit.span.file) else { continue };
                // A shared file is edited once.
                if !files.contains_key(&key) {
                    let range = convert.range(edit.span);
                    fresh.entry(key).or_default().push(TextEdit { range, new_text: edit.text });
                }
            }
            files.extend(fresh);
        }
        let mut edit = workspace_edit(files, client, &self.documents);
        if redraws && !annotate(&mut edit, client) {
            let message = format!("cairn: `{old}` is now `{new_name}`: {REDRAWS}");
            let shown = ShowMessageParams { typ: MessageType::WARNING, message };
            send.push(Notification::new(told::ShowMessage::METHOD.to_owned(), shown).into());
        }
        to(edit)
    }

    /// Follows the name at a place through all rule sets. Each step is about a place that was not
    /// known, and there are finitely many.
    fn places(&mut self, root: &Root, key: Uri, offset: u32) -> Places {
        let mut places = Places::default();
        let mut known: BTreeSet<(Root, Uri, u32)> = BTreeSet::new();
        let mut waiting = vec![(root.clone(), key, offset)];
        while let Some((root, key, offset)) = waiting.pop() {
            if known.contains(&(root.clone(), key.clone(), offset)) {
                continue;
            }
            let analysis = self.rulesets.analysis(&root, &self.documents);
            places.sets.insert(root.clone(), analysis.clone());
            let name = root.name(&key);
            let Some(file) = name.and_then(|name| analysis.file(&name)) else { continue };
            for span in analysis.renamed(file, offset) {
                let source = analysis.sources().get(span.file as usize);
                let Some(at) = source.and_then(|source| root.uri(&source.name)) else {
                    continue;
                };
                known.insert((root.clone(), at.clone(), span.start));
                let fresh = places.files.entry(at.clone()).or_default();
                if fresh.insert((span.start, span.end)) {
                    for other in self.rulesets.roots(&at, &self.documents) {
                        if other != root {
                            waiting.push((other, at.clone(), span.start));
                        }
                    }
                }
            }
        }
        places
    }
}

/// Has the editor ask before it edits; false when it cannot.
fn annotate(edit: &mut WorkspaceEdit, client: Client) -> bool {
    let Some(DocumentChanges::Edits(files)) = &mut edit.document_changes else { return false };
    if !client.change_annotations {
        return false;
    }
    for edit in files.iter_mut().flat_map(|file| &mut file.edits) {
        if let OneOf::Left(text_edit) = edit {
            let text_edit = text_edit.clone();
            *edit = OneOf::Right(AnnotatedTextEdit { text_edit, annotation_id: ANNOTATION.into() });
        }
    }
    let annotation = ChangeAnnotation {
        label: "Draws follow this name".to_owned(),
        needs_confirmation: Some(true),
        description: Some(REDRAWS.to_owned()),
    };
    edit.change_annotations = Some([(ANNOTATION.to_owned(), annotation)].into_iter().collect());
    true
}

impl Places {
    /// The edits of the files of one rule set, in order.
    fn edits(&self, root: &Root, analysis: &Analysis, name: &str) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (key, places) in &self.files {
            let file = root.name(key).and_then(|name| analysis.file(&name));
            let Some(file) = file else { continue };
            edits.extend(places.iter().map(|(start, end)| Edit {
                span: Span { file, start: *start, end: *end },
                text: name.to_owned(),
            }));
        }
        edits.sort_by_key(|edit| edit.span);
        edits
    }
}
