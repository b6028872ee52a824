//! Where a name is declared and used, in every rule set that knows it.
//!
//! A name that is declared in a shared file is the same name in all rule sets that import the file;
//! one that a shared file only uses is declared by each of them.

use std::collections::{BTreeMap, BTreeSet};

use cairn_ruleset::lang::Span;
use lsp_types::{
    GotoDefinitionParams, Location, Position, ReferenceParams, TextDocumentPositionParams, Uri,
};
use serde_json::Value;

use super::answer::{Here, to};
use super::client::Client;
use super::convert::Convert;
use super::server::{Fault, Server, params};
use super::uri;

/// Places in order, each once, though several rule sets hold its file.
#[derive(Default)]
struct Places(BTreeMap<(Uri, Position, Position), Location>);

impl Places {
    fn add(&mut self, convert: &Convert<'_>, spans: &[Span]) {
        for span in spans {
            if let (Some(key), Some(at)) = (convert.key(span.file), convert.location(*span)) {
                self.0.entry((key, at.range.start, at.range.end)).or_insert(at);
            }
        }
    }

    fn answer(self) -> Result<Value, Fault> {
        to(self.0.into_values().collect::<Vec<_>>())
    }
}

impl Server {
    /// The declarations of the name at a place; `null` about documents that are none of ours.
    pub(super) fn definition(&mut self, client: Client, value: Value) -> Result<Value, Fault> {
        let asked: GotoDefinitionParams = params(value)?;
        let all = self.everywhere(client, &asked.text_document_position_params);
        if all.is_empty() {
            return Ok(Value::Null);
        }
        let mut places = Places::default();
        for (here, offset) in &all {
            let convert = Convert::new(&here.analysis, &here.root, client, &self.documents);
            places.add(&convert, &here.analysis.definition(here.file, *offset));
        }
        places.answer()
    }

    /// All uses of the name at a place, with its declarations if they are asked for; `null` about
    /// documents that are none of ours.
    pub(super) fn references(&mut self, client: Client, value: Value) -> Result<Value, Fault> {
        let asked: ReferenceParams = params(value)?;
        let declared = asked.context.include_declaration;
        let all = self.everywhere(client, &asked.text_document_position);
        if all.is_empty() {
            return Ok(Value::Null);
        }
        let mut places = Places::default();
        let mut declarations: BTreeSet<(Uri, u32)> = BTreeSet::new();
        for (here, offset) in &all {
            let convert = Convert::new(&here.analysis, &here.root, client, &self.documents);
            places.add(&convert, &here.analysis.references(here.file, *offset, declared));
            let spans = here.analysis.definition(here.file, *offset);
            let at = |span: Span| Some((convert.key(span.file)?, span.start));
            declarations.extend(spans.into_iter().filter_map(at));
        }
        // A rule set that does not hold the document may import what it uses.
        for (key, offset) in declarations {
            for root in self.rulesets.roots(&key, &self.documents) {
                let Some(here) = self.within(root, &key) else { continue };
                let convert = Convert::new(&here.analysis, &here.root, client, &self.documents);
                places.add(&convert, &here.analysis.references(here.file, offset, declared));
            }
        }
        places.answer()
    }

    /// A place in every rule set that holds its document.
    fn everywhere(&mut self, client: Client, at: &TextDocumentPositionParams) -> Vec<(Here, u32)> {
        let key = uri::canonical(&at.text_document.uri);
        let mut all = Vec::new();
        for root in self.rulesets.roots(&key, &self.documents) {
            let Some(here) = self.within(root, &key) else { continue };
            let convert = Convert::new(&here.analysis, &here.root, client, &self.documents);
            let offset = convert.offset(here.file, at.position);
            all.push((here, offset));
        }
        all
    }
}
