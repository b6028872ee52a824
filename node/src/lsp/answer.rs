//! Requests about a place in a document, answered.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cairn_ruleset::lang::ide::Analysis;
use cairn_ruleset::lang::{self, FormatError, Span};
use lsp_server::ErrorCode;
use lsp_types::request::{self as asked, Request as _};
use lsp_types::{
    CodeAction, CodeActionKind, CodeLens, Command, DocumentHighlight, DocumentSymbolResponse,
    FoldingRange, FoldingRangeKind, Hover, HoverContents, MarkupContent, MarkupKind, Position,
    PrepareRenameResponse, SymbolInformation, TextDocumentPositionParams, TextEdit, Uri,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::client::Client;
use super::convert::Convert;
use super::pages::Pages;
use super::root::Root;
use super::runs;
use super::server::{Fault, Server, params};
use super::uri;

/// A document in its rule set.
pub(super) struct Here {
    pub(super) root: Root,
    pub(super) analysis: Arc<Analysis>,
    pub(super) file: u32,
}

impl Server {
    /// A document in the first of its rule sets; `None` for documents that are none of ours.
    pub(super) fn here(&mut self, uri: &Uri) -> Option<Here> {
        let uri = uri::canonical(uri);
        let root = self.rulesets.root(&uri, &self.documents)?;
        self.within(root, &uri)
    }

    /// A document, known by its canonical name, in a rule set; `None` when that does not hold it.
    pub(super) fn within(&mut self, root: Root, uri: &Uri) -> Option<Here> {
        let analysis = self.rulesets.analysis(&root, &self.documents);
        let file = analysis.file(&root.name(uri)?)?;
        Some(Here { root, analysis, file })
    }

    /// Answers a request; `null` about documents that are none of ours.
    pub(super) fn answer(
        &mut self,
        client: Client,
        method: &str,
        value: Value,
    ) -> Result<Value, Fault> {
        match method {
            asked::HoverRequest::METHOD => self.at::<lsp_types::HoverParams>(
                client,
                value,
                |p| p.text_document_position_params,
                hover,
            ),
            asked::Completion::METHOD => self.at::<lsp_types::CompletionParams>(
                client,
                value,
                |p| p.text_document_position,
                |ask| {
                    to(ask
                        .convert
                        .analysis
                        .complete(ask.file, ask.offset)
                        .into_iter()
                        .enumerate()
                        .map(|(number, found)| ask.convert.completion(number, found))
                        .collect::<Vec<_>>())
                },
            ),
            asked::GotoDefinition::METHOD => self.definition(client, value),
            asked::References::METHOD => self.references(client, value),
            asked::DocumentHighlightRequest::METHOD => self
                .at::<lsp_types::DocumentHighlightParams>(
                    client,
                    value,
                    |p| p.text_document_position_params,
                    |ask| {
                        let found = ask.convert.analysis.highlights(ask.file, ask.offset);
                        let mark = |span: Span| DocumentHighlight {
                            range: ask.convert.range(span),
                            kind: None,
                        };
                        to(found.into_iter().map(mark).collect::<Vec<_>>())
                    },
                ),
            asked::PrepareRenameRequest::METHOD => {
                self.at::<TextDocumentPositionParams>(client, value, |p| p, prepare_rename)
            }
            asked::DocumentSymbolRequest::METHOD => {
                let p: lsp_types::DocumentSymbolParams = params(value)?;
                self.of(client, &p.text_document.uri, symbols)
            }
            asked::FoldingRangeRequest::METHOD => {
                let p: lsp_types::FoldingRangeParams = params(value)?;
                self.of(client, &p.text_document.uri, folds)
            }
            asked::Formatting::METHOD => {
                let p: lsp_types::DocumentFormattingParams = params(value)?;
                self.of(client, &p.text_document.uri, format)
            }
            asked::CodeActionRequest::METHOD => {
                let p: lsp_types::CodeActionParams = params(value)?;
                let range = p.range;
                self.of(client, &p.text_document.uri, |ask| actions(ask, range))
            }
            asked::CodeLensRequest::METHOD => {
                let p: lsp_types::CodeLensParams = params(value)?;
                self.of(client, &p.text_document.uri, lenses)
            }
            _ => Err(Fault {
                code: ErrorCode::MethodNotFound,
                message: format!("`{method}` is not a request that this server answers"),
            }),
        }
    }

    /// Asks about a document.
    fn of(
        &mut self,
        client: Client,
        uri: &Uri,
        ask: impl FnOnce(&Ask<'_>) -> Result<Value, Fault>,
    ) -> Result<Value, Fault> {
        let Some(here) = self.here(uri) else { return Ok(Value::Null) };
        let convert = Convert::new(&here.analysis, &here.root, client, &self.documents);
        ask(&Ask { convert, file: here.file, offset: 0, pages: &self.pages })
    }

    /// Asks about a place.
    fn at<P: serde::de::DeserializeOwned>(
        &mut self,
        client: Client,
        value: Value,
        place: impl FnOnce(P) -> TextDocumentPositionParams,
        ask: impl FnOnce(&Ask<'_>) -> Result<Value, Fault>,
    ) -> Result<Value, Fault> {
        let place = place(params(value)?);
        let at: Position = place.position;
        self.of(client, &place.text_document.uri, |here| {
            let offset = here.convert.offset(here.file, at);
            let Convert { analysis, root, documents, .. } = here.convert;
            let convert = Convert::new(analysis, root, client, documents);
            ask(&Ask { convert, offset, ..*here })
        })
    }
}

/// A question.
struct Ask<'a> {
    convert: Convert<'a>,
    file: u32,
    /// The place, where it is about one.
    offset: u32,
    pages: &'a RefCell<Pages>,
}

pub(super) fn to(value: impl Serialize) -> Result<Value, Fault> {
    serde_json::to_value(value)
        .map_err(|error| Fault { code: ErrorCode::InternalError, message: error.to_string() })
}

/// What was asked cannot be done, for a reason that is the user's to read.
pub(super) fn failed(error: impl ToString) -> Fault {
    Fault { code: ErrorCode::RequestFailed, message: error.to_string() }
}

fn hover(ask: &Ask<'_>) -> Result<Value, Fault> {
    // A clock before 1970 shows a timer's first instants.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let Some(found) = ask.convert.analysis.hover(ask.file, ask.offset, now_ms) else {
        return Ok(Value::Null);
    };
    let kind =
        if ask.convert.client.markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    let contents = HoverContents::Markup(MarkupContent { kind, value: found.text });
    to(Hover { contents, range: Some(ask.convert.range(found.span)) })
}

fn prepare_rename(ask: &Ask<'_>) -> Result<Value, Fault> {
    let found = ask.convert.analysis.prepare_rename(ask.file, ask.offset);
    let (span, placeholder) = found.map_err(failed)?;
    let range = ask.convert.range(span);
    to(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder })
}

fn symbols(ask: &Ask<'_>) -> Result<Value, Fault> {
    let outline = ask.convert.analysis.outline(ask.file);
    if ask.convert.client.nested_symbols {
        let nested = outline.iter().map(|block| ask.convert.symbol(block)).collect();
        return to(DocumentSymbolResponse::Nested(nested));
    }
    let mut flat: Vec<SymbolInformation> = Vec::new();
    for block in &outline {
        ask.convert.flat_symbols(block, None, &mut flat);
    }
    to(DocumentSymbolResponse::Flat(flat))
}

fn folds(ask: &Ask<'_>) -> Result<Value, Fault> {
    let folds = ask.convert.analysis.folds(ask.file).into_iter().map(|fold| {
        let range = ask.convert.range(fold.span);
        let last = if fold.comment { range.end.line } else { range.end.line.saturating_sub(1) };
        FoldingRange {
            start_line: range.start.line,
            // The closing brace stays visible.
            end_line: last.max(range.start.line),
            kind: fold.comment.then_some(FoldingRangeKind::Comment),
            ..FoldingRange::default()
        }
    });
    to(folds.collect::<Vec<_>>())
}

fn actions(ask: &Ask<'_>, range: lsp_types::Range) -> Result<Value, Fault> {
    let convert = &ask.convert;
    let (start, end) = (convert.offset(ask.file, range.start), convert.offset(ask.file, range.end));
    let touches =
        |span: Span| span.file == ask.file && span.start <= end.max(start) && start <= span.end;
    let found = convert.analysis.diagnostics().iter().filter(|found| touches(found.span));
    let actions = found.filter_map(|found| {
        let edit = found.fix.as_ref()?;
        Some(CodeAction {
            title: format!("Replace with `{}`", edit.text),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![convert.diagnostic(found, &mut ask.pages.borrow_mut())]),
            edit: Some(convert.workspace_edit(std::slice::from_ref(edit))),
            is_preferred: Some(true),
            ..CodeAction::default()
        })
    });
    to(actions.collect::<Vec<_>>())
}

/// One edit of what differs. A file that does not parse is left alone without a word: its
/// mistakes are shown already, and editors format whenever they save.
fn format(ask: &Ask<'_>) -> Result<Value, Fault> {
    let text = ask.convert.analysis.text(ask.file);
    let formatted = match lang::format(text) {
        Ok(formatted) => formatted,
        Err(FormatError::Syntax(_)) => return Ok(Value::Null),
        Err(error) => return Err(failed(error)),
    };
    let (start, end, fresh) = difference(text, &formatted);
    if start == end && fresh.is_empty() {
        return to(Vec::<TextEdit>::new());
    }
    let span = Span { file: ask.file, start: start as u32, end: end as u32 };
    to(vec![TextEdit { range: ask.convert.range(span), new_text: fresh.to_owned() }])
}

/// Where two texts differ: from and to in the old one, and what stands there in the new one.
fn difference<'n>(old: &str, new: &'n str) -> (usize, usize, &'n str) {
    let same = |(a, b): &(char, char)| a == b;
    let before: usize =
        old.chars().zip(new.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let (old_rest, new_rest) = (&old[before..], &new[before..]);
    let backwards = old_rest.chars().rev().zip(new_rest.chars().rev());
    let after: usize = backwards.take_while(same).map(|(c, _)| c.len_utf8()).sum();
    (before, old.len() - after, &new_rest[..new_rest.len() - after])
}

fn lenses(ask: &Ask<'_>) -> Result<Value, Fault> {
    let Some(uri) = ask.convert.uri(ask.file) else { return Ok(Value::Null) };
    let tests = ask.convert.analysis.outline(ask.file).into_iter();
    let lenses = tests.filter(|block| block.kind == "test").map(|block| CodeLens {
        range: ask.convert.range(block.name_span),
        command: Some(Command {
            title: "▶ Run test".to_owned(),
            command: runs::COMMAND.to_owned(),
            arguments: Some(vec![json!({ "uri": uri, "test": block.name })]),
        }),
        data: None,
    });
    to(lenses.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn an_edit_spans_what_differs_between_characters() {
        for (old, new, expected) in [
            ("a = 1\n", "a = 1\n", (6, 6, "")),
            ("a  = 1", "a = 1", (2, 3, "")),
            ("aa", "aaa", (2, 2, "a")),
            ("xéy", "xèy", (1, 3, "è")),
            ("", "ab", (0, 0, "ab")),
            ("ab", "", (0, 2, "")),
        ] {
            let (start, end, fresh) = difference(old, new);
            assert_eq!((start, end, fresh), expected, "{old} {new}");
            assert_eq!([&old[..start], fresh, &old[end..]].concat(), new);
        }
    }
}
