//! The documents that the editor has open: their text counts, whatever the disk says.

use std::collections::BTreeMap;

use cairn_ruleset::lang::ide::{Encoding, Lines};
use lsp_types::{TextDocumentContentChangeEvent, Uri};

/// Most documents open at once; one more is not followed.
pub(super) const DOCUMENT_COUNT_MAX: usize = 1_024;
/// Most bytes of an open document. A source file of more than 1 MiB is refused by the compiler,
/// which says so; what is over this is not even kept.
pub(super) const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// An open document.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// As the editor counts.
    pub(super) version: i32,
    pub(super) text: String,
}

/// Why a change is not followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("{uri} is not open")]
    NotOpen { uri: String },
    #[error("{uri}: a change to version {version} of a document that has version {known}")]
    Stale { uri: String, version: i32, known: i32 },
    #[error("{uri}: {actual_bytes} bytes, limit {DOCUMENT_BYTES_MAX}; close it and split it")]
    TooLarge { uri: String, actual_bytes: usize },
    #[error("{uri}: {DOCUMENT_COUNT_MAX} documents are open; close some")]
    TooMany { uri: String },
}

/// All open documents.
#[derive(Debug, Default)]
pub(super) struct Documents(BTreeMap<Uri, Document>);

impl Documents {
    pub(super) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.0.get(uri)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Uri, &Document)> {
        self.0.iter()
    }

    /// Takes a document in.
    pub(super) fn open(&mut self, uri: Uri, version: i32, text: String) -> Result<(), Refused> {
        fits(&uri, text.len())?;
        if self.0.len() >= DOCUMENT_COUNT_MAX && !self.0.contains_key(&uri) {
            return Err(Refused::TooMany { uri: uri.to_string() });
        }
        self.0.insert(uri, Document { version, text });
        Ok(())
    }

    pub(super) fn close(&mut self, uri: &Uri) {
        self.0.remove(uri);
    }

    /// Makes changes, in order. Nothing is changed when they are refused; a document that grew too
    /// large is forgotten, because its text is no longer known.
    pub(super) fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Result<(), Refused> {
        let Some(document) = self.0.get_mut(uri) else {
            return Err(Refused::NotOpen { uri: uri.to_string() });
        };
        if version <= document.version {
            let (uri, known) = (uri.to_string(), document.version);
            return Err(Refused::Stale { uri, version, known });
        }
        for change in changes {
            match change.range {
                None => document.text = change.text,
                Some(range) => {
                    let lines = Lines::new(&document.text);
                    let place = |at: lsp_types::Position| {
                        lines.offset(at.line, at.character, encoding) as usize
                    };
                    let (start, end) = (place(range.start), place(range.end));
                    document.text.replace_range(start..end.max(start), &change.text);
                }
            }
            if let Err(refused) = fits(uri, document.text.len()) {
                self.0.remove(uri);
                return Err(refused);
            }
        }
        document.version = version;
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
