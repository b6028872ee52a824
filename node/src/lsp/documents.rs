//! The documents that the editor has open: their text counts, whatever the disk says.
//!
//! A document is known by [`uri::canonical`], so that two ways to write one path are one document,
//! and the editor is answered in its own spelling.

use std::collections::BTreeMap;

use cairn_ruleset::lang::ide::{Encoding, LineStarts};
use lsp_types::{TextDocumentContentChangeEvent, Uri};

use super::uri;

/// Most documents open at once; one more is not followed.
pub(super) const DOCUMENT_COUNT_MAX: usize = 1_024;
/// Most bytes of an open document. A source file of more than 1 MiB is refused by the compiler,
/// which says so; what is over this is not even kept.
pub(super) const DOCUMENT_BYTES_MAX: usize = 2 << 20;
/// Most bytes of all open documents; one over it is not followed.
pub(super) const TOTAL_BYTES_MAX: usize = 64 << 20;
/// Most changes in one message; a message with more is refused. "Replace all" in a large file is
/// some thousands.
pub(super) const CHANGE_COUNT_MAX: usize = 8_192;
/// Most bytes of lines that the changes of one message make us look through to find their columns,
/// a second's work. Only thousands of changes in lines of many kilobytes come near it.
pub(super) const SEARCHED_BYTES_MAX: usize = 256 << 20;

/// An open document.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// As the editor counts.
    pub(super) version: i32,
    pub(super) text: String,
    /// As the editor writes it.
    pub(super) uri: Uri,
    starts: LineStarts,
}

/// Why a document is not followed, or not any more.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("{uri} is not open")]
    NotOpen { uri: String },
    #[error("{uri}: a change to version {version} of a document that has version {known}")]
    Stale { uri: String, version: i32, known: i32 },
    #[error("{uri}: {actual_bytes} bytes, limit {DOCUMENT_BYTES_MAX}; split it")]
    TooLarge { uri: String, actual_bytes: usize },
    #[error("{uri}: {DOCUMENT_COUNT_MAX} documents are open; close some")]
    TooMany { uri: String },
    #[error(
        "{uri}: all open documents together have {actual_bytes} bytes, limit {TOTAL_BYTES_MAX}; \
         close some"
    )]
    TotalTooLarge { uri: String, actual_bytes: usize },
    #[error("{uri}: {actual_count} changes in one message, limit {CHANGE_COUNT_MAX}")]
    TooManyChanges { uri: String, actual_count: usize },
    #[error(
        "{uri}: the changes of one message are in lines of more than {SEARCHED_BYTES_MAX} bytes \
         together; break the lines"
    )]
    TooMuchWork { uri: String },
}

/// All open documents.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: BTreeMap<Uri, Document>,
    total_bytes: usize,
}

impl Documents {
    pub(super) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.open.get(uri)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Uri, &Document)> {
        self.open.iter()
    }

    /// A canonical URI as the editor writes it, as far as it is known.
    pub(super) fn spelled(&self, uri: Uri) -> Uri {
        self.open.get(&uri).map_or(uri, |document| document.uri.clone())
    }

    /// Takes a document in; the URI is as the editor writes it.
    pub(super) fn open(&mut self, uri: Uri, version: i32, text: String) -> Result<(), Refused> {
        let key = uri::canonical(&uri);
        self.close(&key);
        fits(&uri, text.len())?;
        if self.open.len() >= DOCUMENT_COUNT_MAX {
            return Err(Refused::TooMany { uri: uri.to_string() });
        }
        let actual_bytes = self.total_bytes + text.len();
        if actual_bytes > TOTAL_BYTES_MAX {
            return Err(Refused::TotalTooLarge { uri: uri.to_string(), actual_bytes });
        }
        self.total_bytes = actual_bytes;
        let starts = LineStarts::new(&text);
        self.open.insert(key, Document { version, text, uri, starts });
        Ok(())
    }

    /// Forgets a document; whether it was there.
    pub(super) fn close(&mut self, uri: &Uri) -> bool {
        let Some(gone) = self.open.remove(uri) else { return false };
        self.total_bytes -= gone.text.len();
        true
    }

    /// Makes changes, in order. When they are refused the document is forgotten: its text is not
    /// what the editor shows any more, and later ranges would fall on the wrong places.
    pub(super) fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Result<(), Refused> {
        let Some(mut document) = self.open.remove(uri) else {
            return Err(Refused::NotOpen { uri: uri.to_string() });
        };
        self.total_bytes -= document.text.len();
        document.change(version, changes, encoding)?;
        let actual_bytes = self.total_bytes + document.text.len();
        if actual_bytes > TOTAL_BYTES_MAX {
            return Err(Refused::TotalTooLarge { uri: uri.to_string(), actual_bytes });
        }
        self.total_bytes = actual_bytes;
        self.open.insert(uri.clone(), document);
        Ok(())
    }
}

impl Document {
    fn change(
        &mut self,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Result<(), Refused> {
        let uri = || self.uri.to_string();
        if version <= self.version {
            return Err(Refused::Stale { uri: uri(), version, known: self.version });
        }
        if changes.len() > CHANGE_COUNT_MAX {
            return Err(Refused::TooManyChanges { uri: uri(), actual_count: changes.len() });
        }
        let mut searched_bytes = 0;
        for change in changes {
            match change.range {
                None => {
                    self.text = change.text;
                    self.starts = LineStarts::new(&self.text);
                }
                Some(range) => {
                    for line in [range.start.line, range.end.line] {
                        searched_bytes += self.starts.line_bytes(&self.text, line);
                    }
                    if searched_bytes > SEARCHED_BYTES_MAX {
                        return Err(Refused::TooMuchWork { uri: self.uri.to_string() });
                    }
                    let place = |at: lsp_types::Position| {
                        let text = &self.text;
                        self.starts.offset(text, at.line, at.character, encoding) as usize
                    };
                    let (start, end) = (place(range.start), place(range.end));
                    let end = end.max(start);
                    self.text.replace_range(start..end, &change.text);
                    self.starts.replaced(&self.text, start, end, change.text.len());
                }
            }
            fits(&self.uri, self.text.len())?;
        }
        self.version = version;
        Ok(())
    }
}

fn fits(uri: &Uri, actual_bytes: usize) -> Result<(), Refused> {
    if actual_bytes > DOCUMENT_BYTES_MAX {
        return Err(Refused::TooLarge { uri: uri.to_string(), actual_bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lsp_types::{Position, Range};

    use super::*;

    fn uri(name: &str) -> Uri {
        format!("file:///{name}").parse().unwrap()
    }

    fn change(range: Option<[u32; 4]>, text: &str) -> TextDocumentContentChangeEvent {
        let range = range.map(|[a, b, c, d]| Range::new(Position::new(a, b), Position::new(c, d)));
        TextDocumentContentChangeEvent { range, range_length: None, text: text.to_owned() }
    }

    #[test]
    fn changes_are_made_in_order_and_old_ones_refused() {
        let (mut documents, uri) = (Documents::default(), uri("a"));
        documents.open(uri.clone(), 1, "é𝄞x\nb".into()).unwrap();
        let edits = vec![change(Some([0, 3, 0, 4]), "yz"), change(Some([1, 0, 9, 9]), "")];
        documents.change(&uri, 2, edits, Encoding::Utf16).unwrap();
        assert_eq!(documents.get(&uri).unwrap().text, "é𝄞yz\n");
        let again = documents.change(&uri, 2, vec![change(None, "")], Encoding::Utf16);
        assert!(matches!(again, Err(Refused::Stale { version: 2, known: 2, .. })));
        // What was refused is not followed: nobody knows what the editor shows.
        assert!(documents.get(&uri).is_none());
        documents.open(uri.clone(), 6, "old".into()).unwrap();
        documents.change(&uri, 7, vec![change(None, "new")], Encoding::Utf16).unwrap();
        assert_eq!(documents.get(&uri).unwrap().text, "new");
        documents.close(&uri);
        let closed = documents.change(&uri, 8, Vec::new(), Encoding::Utf16);
        assert!(matches!(closed, Err(Refused::NotOpen { .. })));
        // An end before its start is an insertion.
        documents.open(uri.clone(), 1, "abc".into()).unwrap();
        documents.change(&uri, 2, vec![change(Some([0, 2, 0, 1]), "-")], Encoding::Utf8).unwrap();
        assert_eq!(documents.get(&uri).unwrap().text, "ab-c");
    }

    #[test]
    fn a_message_has_a_limit_of_changes_and_of_work() {
        let (mut documents, uri) = (Documents::default(), uri("a"));
        let edits = |count: usize| vec![change(Some([0, 0, 0, 0]), "\n"); count];
        documents.open(uri.clone(), 1, String::new()).unwrap();
        documents.change(&uri, 2, edits(CHANGE_COUNT_MAX), Encoding::Utf16).unwrap();
        assert_eq!(documents.get(&uri).unwrap().text.len(), CHANGE_COUNT_MAX);
        let over = documents.change(&uri, 3, edits(CHANGE_COUNT_MAX + 1), Encoding::Utf16);
        assert!(
            matches!(over, Err(Refused::TooManyChanges { actual_count, .. }) if actual_count == CHANGE_COUNT_MAX + 1)
        );
        assert!(documents.get(&uri).is_none());
        // Each change looks through its line twice; the line stays as long as it is.
        let line = 1 << 20;
        let edits = |count: usize| vec![change(Some([0, 0, 0, 1]), "y"); count];
        documents.open(uri.clone(), 1, "x".repeat(line)).unwrap();
        let most = SEARCHED_BYTES_MAX / (2 * line);
        documents.change(&uri, 2, edits(most), Encoding::Utf16).unwrap();
        let over = documents.change(&uri, 3, edits(most + 1), Encoding::Utf16);
        assert!(matches!(over, Err(Refused::TooMuchWork { .. })));
    }

    #[test]
    fn all_documents_together_have_a_limit() {
        let mut documents = Documents::default();
        let full = TOTAL_BYTES_MAX / DOCUMENT_BYTES_MAX;
        let text = "x".repeat(DOCUMENT_BYTES_MAX);
        for index in 0..full {
            documents.open(uri(&index.to_string()), 1, text.clone()).unwrap();
        }
        let over = documents.open(uri("more"), 1, "x".into());
        assert!(
            matches!(over, Err(Refused::TotalTooLarge { actual_bytes, .. }) if actual_bytes == TOTAL_BYTES_MAX + 1)
        );
        documents.open(uri("more"), 1, String::new()).unwrap();
        let over = documents.change(&uri("more"), 2, vec![change(None, "x")], Encoding::Utf8);
        assert!(matches!(over, Err(Refused::TotalTooLarge { .. })));
        documents.change(&uri("0"), 2, vec![change(None, "")], Encoding::Utf8).unwrap();
        documents.open(uri("more"), 1, text.clone()).unwrap();
        assert!(documents.close(&uri("more")));
        documents.open(uri("more"), 1, text).unwrap();
    }

    #[test]
    fn two_spellings_are_one_document() {
        let mut documents = Documents::default();
        let (plain, coded) = (uri("a+b"), uri("a%2Bb"));
        documents.open(plain.clone(), 1, "one".into()).unwrap();
        assert_eq!(documents.get(&coded).unwrap().text, "one");
        assert_eq!(documents.spelled(coded.clone()), plain);
        documents.open(coded.clone(), 1, "two".into()).unwrap();
        assert_eq!(documents.iter().count(), 1);
        assert_eq!(documents.spelled(coded.clone()), coded);
    }

    #[test]
    fn both_limits_are_exact() {
        let mut documents = Documents::default();
        for index in 0..DOCUMENT_COUNT_MAX {
            documents.open(uri(&index.to_string()), 1, String::new()).unwrap();
        }
        let more = documents.open(uri("more"), 1, String::new());
        assert!(matches!(more, Err(Refused::TooMany { .. })));
        documents.open(uri("0"), 2, "x".repeat(DOCUMENT_BYTES_MAX)).unwrap();
        let grown =
            documents.change(&uri("0"), 3, vec![change(Some([0, 0, 0, 0]), "y")], Encoding::Utf8);
        assert!(
            matches!(grown, Err(Refused::TooLarge { actual_bytes, .. }) if actual_bytes == DOCUMENT_BYTES_MAX + 1)
        );
        assert!(documents.get(&uri("0")).is_none());
    }
}
