//! The pages about error codes as files that an editor can open. They are part of the binary and
//! written to a temporary folder when a code comes up first; the folder goes with the server.

use std::collections::BTreeMap;

use cairn_ruleset::lang::{self, Code};
use lsp_types::Uri;
use tempfile::TempDir;

use super::uri;

/// Pages that were asked for.
#[derive(Default)]
pub(super) struct Pages {
    folder: Option<TempDir>,
    written: BTreeMap<Code, Option<Uri>>,
}

impl Pages {
    /// Where the page about a code lies; `None` when it cannot be written, which costs a link.
    pub(super) fn uri(&mut self, code: Code) -> Option<Uri> {
        if let Some(known) = self.written.get(&code) {
            return known.clone();
        }
        let found = self.write(code);
        self.written.insert(code, found.clone());
        found
    }

    fn write(&mut self, code: Code) -> Option<Uri> {
        let page = lang::page(code)?;
        let folder = match &mut self.folder {
            Some(folder) => folder,
            none => none.insert(TempDir::with_prefix("cairn-pages-").ok()?),
        };
        let path = folder.path().join(format!("{code}.md"));
        std::fs::write(&path, page).ok()?;
        uri::of(&path)
    }
}
