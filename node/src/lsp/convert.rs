//! The language's spans, findings and answers in the protocol's terms.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cairn_ruleset::lang::ide::{Analysis, Completion, CompletionKind, Lines, Outline};
use cairn_ruleset::lang::{Code, Diagnostic, Edit, Severity, Span};
use lsp_types::{
    CodeDescription, CompletionItem, CompletionItemKind, CompletionTextEdit,
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, DocumentChanges,
    DocumentSymbol, Documentation, InsertTextFormat, Location, MarkupContent, MarkupKind,
    NumberOrString, OneOf, OptionalVersionedTextDocumentIdentifier, Position, Range,
    SymbolInformation, SymbolKind, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};

use super::client::Client;
use super::documents::Documents;
use super::pages::Pages;
use super::root::Root;

/// One rule set seen by one editor.
pub(super) struct Convert<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) root: &'a Root,
    pub(super) client: Client,
    pub(super) documents: &'a Documents,
    /// Lines of files that were asked about: finding them is linear in the file.
    lines: RefCell<BTreeMap<u32, Lines<'a>>>,
}

impl<'a> Convert<'a> {
    pub(super) fn new(
        analysis: &'a Analysis,
        root: &'a Root,
        client: Client,
        documents: &'a Documents,
    ) -> Convert<'a> {
        Convert { analysis, root, client, documents, lines: RefCell::default() }
    }

    fn with_lines<T>(&self, file: u32, ask: impl FnOnce(&Lines<'a>) -> T) -> T {
        let mut known = self.lines.borrow_mut();
        let lines = known.entry(file).or_insert_with(|| {
            let source = self.analysis.sources().get(file as usize);
            Lines::new(source.map_or("", |source| &source.text))
        });
        ask(lines)
    }

    /// The byte at a position.
    pub(super) fn offset(&self, file: u32, at: Position) -> u32 {
        let encoding = self.client.encoding;
        self.with_lines(file, |lines| lines.offset(at.line, at.character, encoding))
    }

    pub(super) fn range(&self, span: Span) -> Range {
        let encoding = self.client.encoding;
        self.with_lines(span.file, |lines| {
            let place = |offset| {
                let (line, column) = lines.position(offset, encoding);
                Position::new(line, column)
            };
            Range::new(place(span.start), place(span.end))
        })
    }

    /// What a file is known by here.
    pub(super) fn key(&self, file: u32) -> Option<Uri> {
        let source = self.analysis.sources().get(file as usize)?;
        self.root.uri(&source.name)
    }

    /// The same as the editor writes it.
    pub(super) fn uri(&self, file: u32) -> Option<Uri> {
        Some(self.documents.spelled(self.key(file)?))
    }

    pub(super) fn location(&self, span: Span) -> Option<Location> {
        Some(Location { uri: self.uri(span.file)?, range: self.range(span) })
    }

    pub(super) fn diagnostic(
        &self,
        found: &Diagnostic,
        pages: &mut Pages,
    ) -> lsp_types::Diagnostic {
        let severity = match found.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        };
        let related: Vec<DiagnosticRelatedInformation> = found
            .labels
            .iter()
            .filter_map(|(span, message)| {
                let location = self.location(*span)?;
                Some(DiagnosticRelatedInformation { location, message: message.clone() })
            })
            .collect();
        let page = || pages.uri(found.code).map(|href| CodeDescription { href });
        let mut message = found.message.clone();
        for (word, text) in [("cause", &found.cause), ("fix", &found.help)] {
            if !text.is_empty() {
                message.push_str(&format!("\n{word}: {text}"));
            }
        }
        lsp_types::Diagnostic {
            range: self.range(found.span),
            severity: Some(severity),
            code: Some(NumberOrString::String(found.code.to_string())),
            code_description: self.client.code_description.then(page).flatten(),
            source: Some("cairn".to_owned()),
            message,
            related_information: (self.client.related_information && !related.is_empty())
                .then_some(related),
            tags: self.tag(found.code).map(|tag| vec![tag]),
            data: None,
        }
    }

    /// How the editor may show what a finding is about: faded when nothing uses it, struck through
    /// when it is on its way out.
    fn tag(&self, code: Code) -> Option<DiagnosticTag> {
        match code {
            Code::Unused | Code::RepeatedEntry if self.client.unnecessary => {
                Some(DiagnosticTag::UNNECESSARY)
            }
            Code::Deprecated if self.client.deprecated => Some(DiagnosticTag::DEPRECATED),
            _ => None,
        }
    }

    /// Edits of several files, each for the version that it was made from.
    pub(super) fn workspace_edit(&self, edits: &[Edit]) -> WorkspaceEdit {
        let mut files: BTreeMap<Uri, Vec<TextEdit>> = BTreeMap::new();
        for edit in edits {
            if let Some(key) = self.key(edit.span.file) {
                let change = TextEdit { range: self.range(edit.span), new_text: edit.text.clone() };
                files.entry(key).or_default().push(change);
            }
        }
        workspace_edit(files, self.client, self.documents)
    }

    pub(super) fn completion(&self, number: usize, found: Completion) -> CompletionItem {
        let kind = match found.kind {
            CompletionKind::Block => CompletionItemKind::SNIPPET,
            CompletionKind::Attribute => CompletionItemKind::PROPERTY,
            CompletionKind::Reference => CompletionItemKind::VARIABLE,
            CompletionKind::Value => CompletionItemKind::ENUM_MEMBER,
            CompletionKind::Function => CompletionItemKind::FUNCTION,
            CompletionKind::Type => CompletionItemKind::STRUCT,
            CompletionKind::Root => CompletionItemKind::MODULE,
        };
        let snippet = found.snippet && self.client.snippets;
        let text =
            if found.snippet && !snippet { plain(&found.edit.text) } else { found.edit.text };
        let edit = TextEdit { range: self.range(found.edit.span), new_text: text };
        let doc = (!found.doc.is_empty()).then_some(Documentation::MarkupContent(MarkupContent {
            kind: MarkupKind::Markdown,
            value: found.doc,
        }));
        CompletionItem {
            label: found.label,
            kind: Some(kind),
            detail: (!found.detail.is_empty()).then_some(found.detail),
            documentation: doc,
            // Editors sort by label otherwise; ours come best first.
            sort_text: Some(format!("{number:05}")),
            insert_text_format: Some(if snippet {
                InsertTextFormat::SNIPPET
            } else {
                InsertTextFormat::PLAIN_TEXT
            }),
            text_edit: Some(CompletionTextEdit::Edit(edit)),
            ..CompletionItem::default()
        }
    }

    pub(super) fn symbol(&self, block: &Outline) -> DocumentSymbol {
        #[expect(deprecated, reason = "the field has no default and no constructor")]
        DocumentSymbol {
            name: shown(block),
            detail: Some(block.kind.clone()),
            kind: symbol_kind(&block.kind),
            tags: None,
            deprecated: None,
            range: self.range(block.span),
            selection_range: self.range(block.name_span),
            children: (!block.children.is_empty())
                .then(|| block.children.iter().map(|inner| self.symbol(inner)).collect()),
        }
    }

    /// The same without nesting, for editors that cannot show it.
    pub(super) fn flat_symbols(
        &self,
        block: &Outline,
        within: Option<&str>,
        out: &mut Vec<SymbolInformation>,
    ) {
        let Some(location) = self.location(block.span) else { return };
        #[expect(deprecated, reason = "the field has no default and no constructor")]
        out.push(SymbolInformation {
            name: shown(block),
            kind: symbol_kind(&block.kind),
            tags: None,
            deprecated: None,
            location,
            container_name: within.map(str::to_owned),
        });
        for inner in &block.children {
            self.flat_symbols(inner, Some(&block.name), out);
        }
    }
}

/// Edits by what their file is known by, as the editor takes them.
pub(super) fn workspace_edit(
    files: BTreeMap<Uri, Vec<TextEdit>>,
    client: Client,
    documents: &Documents,
) -> WorkspaceEdit {
    let spelled = |key: &Uri| documents.spelled(key.clone());
    if client.document_changes {
        let edits = files.into_iter().map(|(key, edits)| TextDocumentEdit {
            text_document: OptionalVersionedTextDocumentIdentifier {
                version: documents.get(&key).map(|document| document.version),
                uri: spelled(&key),
            },
            edits: edits.into_iter().map(OneOf::Left).collect(),
        });
        let changes = Some(DocumentChanges::Edits(edits.collect()));
        return WorkspaceEdit { document_changes: changes, ..WorkspaceEdit::default() };
    }
    // The protocol's own type for this has a hash map.
    let changes = files.into_iter().map(|(key, edits)| (spelled(&key), edits));
    WorkspaceEdit { changes: Some(changes.collect()), ..WorkspaceEdit::default() }
}

/// The protocol wants a name that is not empty.
fn shown(block: &Outline) -> String {
    if block.name.trim().is_empty() { block.kind.clone() } else { block.name.clone() }
}

fn symbol_kind(kind: &str) -> SymbolKind {
    match kind {
        "ruleset" => SymbolKind::NAMESPACE,
        "enum" => SymbolKind::ENUM,
        "trigger" => SymbolKind::STRUCT,
        "field" => SymbolKind::FIELD,
        "param" => SymbolKind::CONSTANT,
        "counter" => SymbolKind::NUMBER,
        "condition" => SymbolKind::BOOLEAN,
        "timer" | "emit" | "broadcast" => SymbolKind::EVENT,
        "loot_table" => SymbolKind::ARRAY,
        "entry" => SymbolKind::ENUM_MEMBER,
        "rule" => SymbolKind::FUNCTION,
        "test" => SymbolKind::METHOD,
        _ => SymbolKind::OBJECT,
    }
}

/// A snippet as plain text: `${2:word}` is `word`, `$1` is nothing.
fn plain(snippet: &str) -> String {
    let mut text = String::new();
    let mut rest = snippet;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((inside, after)) => {
                text.push_str(inside.split_once(':').map_or("", |(_, word)| word));
                rest = after;
            }
            None => rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()),
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn snippets_become_plain_text() {
        assert_eq!(plain("rule \"${1:name}\" {\n  on = $2\n}$0"), "rule \"name\" {\n  on = \n}");
        assert_eq!(plain("a $ b ${"), "a  b {");
    }
}
