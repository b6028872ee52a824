//! What the editor said about itself when it began.

use std::path::PathBuf;

use cairn_ruleset::lang::ide::Encoding;
use lsp_types::{
    ClientCapabilities, DiagnosticTag, InitializeParams, MarkupKind, PositionEncodingKind,
    WorkspaceFolder,
};
use serde_json::Value;

use super::uri;

/// The editor's abilities, as far as answers depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) encoding: Encoding,
    pub(super) markdown: bool,
    pub(super) snippets: bool,
    pub(super) nested_symbols: bool,
    pub(super) document_changes: bool,
    pub(super) change_annotations: bool,
    pub(super) watches_files: bool,
    pub(super) code_description: bool,
    pub(super) related_information: bool,
    pub(super) unnecessary: bool,
    pub(super) deprecated: bool,
    pub(super) progress: bool,
}

impl Client {
    /// Reads the capabilities; what is not said is not there.
    pub(super) fn of(capabilities: &ClientCapabilities) -> Client {
        let general = capabilities.general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_ref());
        let offers = |kind| offered.is_some_and(|offered| offered.contains(&kind));
        let encoding = if offers(PositionEncodingKind::UTF8) {
            Encoding::Utf8
        } else if offers(PositionEncodingKind::UTF32) && !offers(PositionEncodingKind::UTF16) {
            Encoding::Utf32
        } else {
            Encoding::Utf16
        };
        let document = capabilities.text_document.as_ref();
        let workspace = capabilities.workspace.as_ref();
        let published = document.and_then(|document| document.publish_diagnostics.as_ref());
        let tags = published.and_then(|published| published.tag_support.as_ref());
        let tag = |tag| tags.is_some_and(|tags| tags.value_set.contains(&tag));
        let truth = |value: Option<bool>| value.unwrap_or(false);
        Client {
            encoding,
            markdown: document
                .and_then(|document| document.hover.as_ref()?.content_format.as_ref())
                .is_some_and(|formats| formats.contains(&MarkupKind::Markdown)),
            snippets: truth(document.and_then(|document| {
                document.completion.as_ref()?.completion_item.as_ref()?.snippet_support
            })),
            nested_symbols: truth(document.and_then(|document| {
                document.document_symbol.as_ref()?.hierarchical_document_symbol_support
            })),
            document_changes: truth(
                workspace.and_then(|all| all.workspace_edit.as_ref()?.document_changes),
            ),
            change_annotations: workspace.is_some_and(|all| {
                let edit = all.workspace_edit.as_ref();
                edit.is_some_and(|edit| edit.change_annotation_support.is_some())
            }),
            watches_files: truth(workspace.and_then(|workspace| {
                workspace.did_change_watched_files.as_ref()?.dynamic_registration
            })),
            code_description: truth(
                published.and_then(|published| published.code_description_support),
            ),
            related_information: truth(
                published.and_then(|published| published.related_information),
            ),
            unnecessary: tag(DiagnosticTag::UNNECESSARY),
            deprecated: tag(DiagnosticTag::DEPRECATED),
            progress: truth(
                capabilities.window.as_ref().and_then(|window| window.work_done_progress),
            ),
        }
    }

    /// What the server says it counts in.
    pub(super) fn encoding_kind(self) -> PositionEncodingKind {
        match self.encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }
}

/// Folders of an editor; more are not followed.
const FOLDER_COUNT_MAX: usize = 256;

/// The folders that the editor has open.
pub(super) fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    let listed = params.workspace_folders.as_deref().unwrap_or(&[]);
    let mut found = paths(listed);
    if found.is_empty() {
        #[expect(deprecated, reason = "editors from before workspace folders")]
        let old = params.root_uri.as_ref().and_then(uri::path);
        found.extend(old);
    }
    found
}

/// The paths of workspace folders.
pub(super) fn paths(folders: &[WorkspaceFolder]) -> Vec<PathBuf> {
    folders.iter().filter_map(|folder| uri::path(&folder.uri)).take(FOLDER_COUNT_MAX).collect()
}

/// `{"rules": ["path", …]}` of the settings: folders that are rule sets, relative to the first
/// folder of the editor or absolute.
pub(super) fn named(options: Option<&Value>, folders: &[PathBuf]) -> Vec<PathBuf> {
    let listed = options.and_then(|options| options.get("rules")).and_then(Value::as_array);
    let listed = listed.map_or(&[][..], Vec::as_slice).iter().filter_map(Value::as_str);
    let base = folders.first().cloned().unwrap_or_default();
    listed.take(FOLDER_COUNT_MAX).map(|path| base.join(path)).collect()
}
