//! One session with an editor: what is known, and what each message does to it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{self as told, Notification as _};
use lsp_types::request::{self as asked, Request as _};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions,
    CompletionOptions, DidChangeWatchedFilesRegistrationOptions, ExecuteCommandOptions,
    FileSystemWatcher, FoldingRangeProviderCapability, GlobPattern, HoverProviderCapability,
    InitializeParams, InitializeResult, MessageType, OneOf, PublishDiagnosticsParams, Registration,
    RegistrationParams, RenameOptions, SaveOptions, ServerCapabilities, ServerInfo,
    ShowMessageParams, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, Uri, WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities,
    WorkspaceServerCapabilities,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{self, Client};
use super::convert::Convert;
use super::documents::{Documents, Refused};
use super::failures::Failures;
use super::job::Job;
use super::pages::Pages;
use super::root::{self, Root};
use super::rulesets::Rulesets;
use super::runs::{self, Runs};
use super::uri;

/// What an event led to.
#[derive(Default)]
pub(super) struct Step {
    /// For the editor, in order.
    pub(super) send: Vec<Message>,
    /// Some text changed: diagnostics are due soon.
    pub(super) changed: bool,
    /// The next test for the worker, which has none.
    pub(super) start: Option<Job>,
    /// The test that the worker has is not wanted any more.
    pub(super) stop: bool,
    /// The session is over.
    pub(super) exit: bool,
}

/// Everything the server knows.
#[derive(Default)]
pub(super) struct Server {
    pub(super) client: Option<Client>,
    pub(super) documents: Documents,
    pub(super) rulesets: Rulesets,
    pub(super) runs: Runs,
    pub(super) failures: Failures,
    pub(super) pages: RefCell<Pages>,
    /// What the editor was told about each file, so that it is told once. By file and not by rule
    /// set: a file may belong to several, and the editor knows nothing of them.
    published: BTreeMap<Uri, Told>,
    /// Faults that the editor was told of.
    warned: BTreeMap<Root, String>,
    shut_down: bool,
}

/// What was said of a file.
#[derive(PartialEq)]
struct Told {
    /// As the editor writes it.
    uri: Uri,
    version: Option<i32>,
    found: Vec<lsp_types::Diagnostic>,
}

/// An error for the editor.
pub(super) struct Fault {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn invalid(message: impl Into<String>) -> Fault {
        Fault { code: ErrorCode::InvalidParams, message: message.into() }
    }
}

/// The parameters of a message.
pub(super) fn params<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    serde_json::from_value(value).map_err(|error| Fault::invalid(error.to_string()))
}

/// The request that a notification cancels.
pub(super) fn cancelled(message: &Notification) -> Option<RequestId> {
    if message.method != told::Cancel::METHOD {
        return None;
    }
    serde_json::from_value(message.params.get("id")?.clone()).ok()
}

/// An error as the answer to a request.
pub(super) fn refuse(id: RequestId, code: ErrorCode, message: impl Into<String>) -> Message {
    Response::new_err(id, code as i32, message.into()).into()
}

pub(super) fn tell<N: told::Notification>(params: impl Serialize) -> Message {
    Notification::new(N::METHOD.to_owned(), params).into()
}

impl Server {
    pub(super) fn is_shut_down(&self) -> bool {
        self.shut_down
    }

    /// Does what a message asks for.
    pub(super) fn handle(&mut self, message: Message) -> Step {
        match message {
            Message::Request(request) => self.request(request),
            Message::Notification(message) => self.notification(message),
            // Answers to what we asked change nothing.
            Message::Response(_) => Step::default(),
        }
    }

    fn request(&mut self, request: Request) -> Step {
        let Request { id, method, params } = request;
        let mut step = Step::default();
        let answer = if self.shut_down {
            Err(Fault { code: ErrorCode::InvalidRequest, message: "shut down already".into() })
        } else if method == asked::Initialize::METHOD {
            self.initialize(params)
        } else if let Some(client) = self.client {
            match method.as_str() {
                asked::Shutdown::METHOD => {
                    self.shut_down = true;
                    self.cancel_all(&mut step);
                    Ok(Value::Null)
                }
                asked::ExecuteCommand::METHOD => return self.command(client, id, params),
                asked::Rename::METHOD => self.rename(client, params, &mut step.send),
                _ => self.answer(client, &method, params),
            }
        } else {
            let message = "`initialize` comes first".to_owned();
            Err(Fault { code: ErrorCode::ServerNotInitialized, message })
        };
        step.send.push(match answer {
            Ok(value) => Response { id, result: Some(value), error: None }.into(),
            Err(fault) => refuse(id, fault.code, fault.message),
        });
        step
    }

    fn initialize(&mut self, value: Value) -> Result<Value, Fault> {
        if self.client.is_some() {
            let message = "`initialize` was sent before".to_owned();
            return Err(Fault { code: ErrorCode::InvalidRequest, message });
        }
        let params: InitializeParams = params(value)?;
        let client = Client::of(&params.capabilities);
        self.rulesets.folders = client::folders(&params);
        self.rulesets.named =
            client::named(params.initialization_options.as_ref(), &self.rulesets.folders);
        self.client = Some(client);
        let result = InitializeResult {
            capabilities: capabilities(client),
            server_info: Some(ServerInfo {
                name: "cairn".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        };
        serde_json::to_value(result).map_err(|error| Fault::invalid(error.to_string()))
    }

    fn notification(&mut self, message: Notification) -> Step {
        let mut step = Step::default();
        if message.method == told::Exit::METHOD {
            step.exit = true;
            return step;
        }
        let Some(client) = self.client.filter(|_| !self.shut_down) else { return step };
        if let Some(id) = cancelled(&message) {
            return self.cancel(&id);
        }
        let done = match message.method.as_str() {
            told::Initialized::METHOD => {
                step.send.extend(watch_files(client));
                Ok(false)
            }
            told::DidOpenTextDocument::METHOD => self.open(message.params),
            told::DidChangeTextDocument::METHOD => self.change(client, message.params),
            told::DidCloseTextDocument::METHOD => self.close(message.params),
            told::DidSaveTextDocument::METHOD | told::DidChangeWatchedFiles::METHOD => {
                self.rulesets.forget();
                Ok(true)
            }
            told::DidChangeWorkspaceFolders::METHOD => self.folders(message.params),
            told::WorkDoneProgressCancel::METHOD => {
                match params::<lsp_types::WorkDoneProgressCancelParams>(message.params) {
                    Ok(params) => return self.cancel_progress(&params.token),
                    Err(fault) => Err(fault),
                }
            }
            // What a server need not know, it ignores.
            _ => Ok(false),
        };
        match done {
            Ok(changed) => step.changed = changed,
            Err(fault) => {
                // A document may be followed no more.
                step.changed = true;
                step.send.push(tell::<told::ShowMessage>(ShowMessageParams {
                    typ: MessageType::WARNING,
                    message: format!("cairn: {}: {}", message.method, fault.message),
                }));
            }
        }
        step
    }

    fn open(&mut self, value: Value) -> Result<bool, Fault> {
        let params: lsp_types::DidOpenTextDocumentParams = params(value)?;
        let document = params.text_document;
        let unnamed = !document.uri.as_str().starts_with("file:");
        if !root::is_ours(&document.uri) || (unnamed && document.language_id != "cairn") {
            return Ok(false);
        }
        self.documents.open(document.uri, document.version, document.text).map_err(refused)?;
        self.rulesets.forget();
        Ok(true)
    }

    fn change(&mut self, client: Client, value: Value) -> Result<bool, Fault> {
        let named = value.pointer("/textDocument/uri").and_then(Value::as_str);
        let named = named.and_then(|uri| uri.parse().ok()).map(|uri: Uri| uri::canonical(&uri));
        let params: lsp_types::DidChangeTextDocumentParams = match params(value) {
            Ok(params) => params,
            // Whatever the editor changed, its text is another one now.
            Err(fault) => match named.filter(|uri| self.documents.close(uri)) {
                Some(uri) => return Err(self.lost(format!("{}: {}", uri.as_str(), fault.message))),
                None => return Err(fault),
            },
        };
        let document = params.text_document;
        if !root::is_ours(&document.uri) {
            return Ok(false);
        }
        let (uri, changes) = (uri::canonical(&document.uri), params.content_changes);
        match self.documents.change(&uri, document.version, changes, client.encoding) {
            Ok(()) => {
                self.rulesets.changed(&uri);
                Ok(true)
            }
            // It is followed no more, or never was, which was said then.
            Err(Refused::NotOpen { .. }) => Ok(false),
            Err(why) => Err(self.lost(why.to_string())),
        }
    }

    /// A document was forgotten because its text is not known any more.
    fn lost(&mut self, why: String) -> Fault {
        self.rulesets.forget();
        Fault::invalid(format!(
            "{why}. What is on disk counts until you close the document and open it again"
        ))
    }

    fn close(&mut self, value: Value) -> Result<bool, Fault> {
        let params: lsp_types::DidCloseTextDocumentParams = params(value)?;
        self.documents.close(&uri::canonical(&params.text_document.uri));
        self.rulesets.forget();
        Ok(true)
    }

    fn folders(&mut self, value: Value) -> Result<bool, Fault> {
        let params: lsp_types::DidChangeWorkspaceFoldersParams = params(value)?;
        let gone = client::paths(&params.event.removed);
        let folders = &mut self.rulesets.folders;
        folders.retain(|folder| !gone.contains(folder));
        folders.extend(client::paths(&params.event.added));
        self.rulesets.forget();
        Ok(true)
    }

    /// Diagnostics of every rule set that has an open document, as far as they are news. A file
    /// has the findings of all rule sets that it belongs to, and none when no rule set has any.
    pub(super) fn publish(&mut self) -> Step {
        let mut step = Step::default();
        let Some(client) = self.client else { return step };
        let roots = self.rulesets.settle(&self.documents);
        for gone in self.rulesets.prune(&roots) {
            self.warned.remove(&gone);
        }
        self.failures.retain(&roots);
        self.runs.retain(&roots);
        let mut files: BTreeMap<Uri, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        for root in &roots {
            let analysis = self.rulesets.analysis(root, &self.documents);
            self.warn(root, &mut step);
            let convert = Convert::new(&analysis, root, client, &self.documents);
            for key in (0..analysis.sources().len() as u32).filter_map(|file| convert.key(file)) {
                files.entry(key).or_default();
            }
            let pages = &mut self.pages.borrow_mut();
            let checked = analysis.diagnostics().iter().filter_map(|found| {
                Some((convert.key(found.span.file)?, convert.diagnostic(found, pages)))
            });
            let checked: Vec<(Uri, lsp_types::Diagnostic)> = checked.collect();
            for (key, found) in checked.into_iter().chain(self.failures.diagnostics(root, &convert))
            {
                let all = files.entry(key).or_default();
                // Two rule sets find the same mistake in a file that both import.
                if !all.contains(&found) {
                    all.push(found);
                }
            }
        }
        let gone: Vec<Uri> =
            self.published.keys().filter(|key| !files.contains_key(key)).cloned().collect();
        for told in gone.iter().filter_map(|key| self.published.remove(key)) {
            step.send.push(diagnostics(told.uri, None, Vec::new()));
        }
        for (key, found) in files {
            let version = self.documents.get(&key).map(|document| document.version);
            let told = Told { uri: self.documents.spelled(key.clone()), version, found };
            let known = self.published.get(&key);
            let quiet = known.is_none() && version.is_none() && told.found.is_empty();
            if quiet || known == Some(&told) {
                continue;
            }
            // The editor keeps what it was told by the spelling that it was told under.
            if let Some(old) = known.filter(|old| old.uri != told.uri) {
                step.send.push(diagnostics(old.uri.clone(), None, Vec::new()));
            }
            step.send.push(diagnostics(told.uri.clone(), version, told.found.clone()));
            self.published.insert(key, told);
        }
        step
    }

    /// Says once why a folder cannot be read.
    fn warn(&mut self, root: &Root, step: &mut Step) {
        let Some(error) = self.rulesets.unreadable(root).map(ToString::to_string) else {
            self.warned.remove(root);
            return;
        };
        if self.warned.get(root) != Some(&error) {
            step.send.push(tell::<told::ShowMessage>(ShowMessageParams {
                typ: MessageType::ERROR,
                message: format!("cairn: {error}"),
            }));
            self.warned.insert(root.clone(), error);
        }
    }
}

fn refused(why: Refused) -> Fault {
    Fault::invalid(why.to_string())
}

fn diagnostics(uri: Uri, version: Option<i32>, diagnostics: Vec<lsp_types::Diagnostic>) -> Message {
    tell::<told::PublishDiagnostics>(PublishDiagnosticsParams { uri, diagnostics, version })
}

/// Asks the editor to tell of rule files that change on disk.
fn watch_files(client: Client) -> Option<Message> {
    if !client.watches_files {
        return None;
    }
    let watch = |pattern: &str| FileSystemWatcher {
        glob_pattern: GlobPattern::String(pattern.to_owned()),
        kind: None,
    };
    let options = DidChangeWatchedFilesRegistrationOptions {
        watchers: vec![watch("**/*.rules.hcl"), watch("**/*.test.hcl")],
    };
    let registration = Registration {
        id: "rules".to_owned(),
        method: told::DidChangeWatchedFiles::METHOD.to_owned(),
        register_options: serde_json::to_value(options).ok(),
    };
    let params = RegistrationParams { registrations: vec![registration] };
    let method = asked::RegisterCapability::METHOD.to_owned();
    Some(Request::new("watch".to_owned().into(), method, params).into())
}

fn capabilities(client: Client) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(client.encoding_kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions {
                include_text: Some(false),
            })),
            ..TextDocumentSyncOptions::default()
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", "\"", "("].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: Default::default(),
        })),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: vec![runs::COMMAND.to_owned()],
            work_done_progress_options: WorkDoneProgressOptions { work_done_progress: Some(true) },
        }),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: None,
        }),
        ..ServerCapabilities::default()
    }
}
