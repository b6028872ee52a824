//! `test` blocks that were asked to run, from a lens: one is with the worker, the others wait.
//!
//! A run is answered when it ends, or at once when it is cancelled; the worker then has as long as
//! it takes to notice, and only then gets the next one. What a run found is shown if its rule set
//! is still open and still the same.

use std::collections::VecDeque;

use lsp_server::{ErrorCode, Message, RequestId, Response};
use lsp_types::notification as told;
use lsp_types::{
    ExecuteCommandParams, MessageType, ProgressParams, ProgressParamsValue, ProgressToken,
    ShowMessageParams, Uri, WorkDoneProgress, WorkDoneProgressBegin, WorkDoneProgressEnd,
    WorkDoneProgressReport,
};
use serde::Deserialize;
use serde_json::Value;

use super::answer::{failed, to};
use super::client::Client;
use super::job::{Job, Report};
use super::root::Root;
use super::server::{Fault, Server, Step, params, refuse, tell};
use super::worker::{End, Ran};

/// The command of the lens.
pub(super) const COMMAND: &str = "cairn.runTest";
/// Runs that have not ended, the one with the worker included; one more is refused.
pub(super) const RUN_COUNT_MAX: usize = 16;

/// What the lens hands over.
#[derive(Deserialize)]
struct Argument {
    uri: Uri,
    test: String,
}

/// Runs that have not ended, in order; the first is with the worker.
#[derive(Default)]
pub(super) struct Runs(VecDeque<Run>);

struct Run {
    /// The request; `None` when it was answered because it was cancelled.
    id: Option<RequestId>,
    /// Where to show what it finds; `None` when the rule set was closed meanwhile.
    root: Option<Root>,
    job: Job,
    /// Where the editor wants to hear how far it is.
    token: Option<ProgressToken>,
}

impl Runs {
    /// Forgets where to show what is found in rule sets that nobody has open any more.
    pub(super) fn retain(&mut self, open: &[Root]) {
        for run in &mut self.0 {
            run.root = run.root.take().filter(|root| open.contains(root));
        }
    }

    /// Has the worker begin with the first run.
    fn start(&self, step: &mut Step) {
        let Some(run) = self.0.front() else { return };
        step.start = Some(run.job.clone());
        let begin = WorkDoneProgressBegin {
            title: format!("Test \"{}\"", run.job.test()),
            cancellable: Some(true),
            message: None,
            percentage: Some(0),
        };
        step.send.extend(run.progress(WorkDoneProgress::Begin(begin)));
    }

    /// Ends a run before its time.
    fn cancel(&mut self, at: usize, why: &str, step: &mut Step) {
        if at > 0 {
            let gone = self.0.remove(at).and_then(|run| run.id);
            step.send.extend(gone.map(|id| refuse(id, ErrorCode::RequestCanceled, why)));
        } else if let Some(run) = self.0.front_mut()
            && let Some(id) = run.id.take()
        {
            let end = WorkDoneProgressEnd { message: Some(why.to_owned()) };
            step.send.extend(run.progress(WorkDoneProgress::End(end)));
            run.token = None;
            step.send.push(refuse(id, ErrorCode::RequestCanceled, why));
            step.stop = true;
        }
    }
}

impl Run {
    fn progress(&self, progress: WorkDoneProgress) -> Option<Message> {
        let value = ProgressParamsValue::WorkDone(progress);
        let token = self.token.clone()?;
        Some(tell::<told::Progress>(ProgressParams { token, value }))
    }
}

impl Server {
    /// Carries out a command. There is no answer yet when it is a run.
    pub(super) fn command(&mut self, client: Client, id: RequestId, value: Value) -> Step {
        let mut step = Step::default();
        match self.run(client, value) {
            Ok(run) => {
                self.runs.0.push_back(Run { id: Some(id), ..run });
                if self.runs.0.len() == 1 {
                    self.runs.start(&mut step);
                }
            }
            Err(fault) => step.send.push(refuse(id, fault.code, fault.message)),
        }
        step
    }

    fn run(&mut self, client: Client, value: Value) -> Result<Run, Fault> {
        let params: ExecuteCommandParams = params(value)?;
        if params.command != COMMAND {
            return Err(Fault::invalid(format!(
                "there is no command `{}`; the only one is `{COMMAND}`",
                params.command
            )));
        }
        let first = params.arguments.into_iter().next().unwrap_or_default();
        let argument: Argument = super::server::params(first)?;
        let here = self
            .here(&argument.uri)
            .ok_or_else(|| failed(format!("{} holds no rules", argument.uri.as_str())))?;
        let job = Job::new(here.analysis, argument.test).map_err(failed)?;
        let actual_count = self.runs.0.len();
        if actual_count >= RUN_COUNT_MAX {
            return Err(failed(format!(
                "{actual_count} tests run or wait for it, limit {RUN_COUNT_MAX}; run this one when \
                 one of them has ended, or cancel some"
            )));
        }
        let token = params.work_done_progress_params.work_done_token.filter(|_| client.progress);
        Ok(Run { id: None, root: Some(here.root), job, token })
    }

    /// What the worker says of the first run.
    pub(super) fn ran(&mut self, ran: Ran) -> Step {
        let mut step = Step::default();
        match ran {
            Ran::Percent(percent) => {
                let report =
                    WorkDoneProgressReport { percentage: Some(percent), ..Default::default() };
                let run = self.runs.0.front();
                let told = run.and_then(|run| run.progress(WorkDoneProgress::Report(report)));
                step.send.extend(told);
            }
            Ran::Ended(end) => {
                if let Some(run) = self.runs.0.pop_front() {
                    self.end(run, end, &mut step);
                }
                self.runs.start(&mut step);
            }
        }
        step
    }

    fn end(&mut self, mut run: Run, end: End, step: &mut Step) {
        // One that was cancelled is answered already.
        let Some(id) = run.id.take() else { return };
        let done = match end {
            End::Done(report) => Ok(report),
            End::Stopped => {
                Err(Fault { code: ErrorCode::RequestCanceled, message: "cancelled".to_owned() })
            }
            End::Panicked => {
                let message = "the test could not be run to its end; please report this rule set";
                Err(Fault { code: ErrorCode::InternalError, message: message.to_owned() })
            }
        };
        let message = match &done {
            Ok(report) => report.summary(),
            Err(fault) => fault.message.clone(),
        };
        let end = WorkDoneProgressEnd { message: Some(message) };
        step.send.extend(run.progress(WorkDoneProgress::End(end)));
        let answer = done.and_then(|report| {
            let value = to(&report);
            self.show(&run, report, step);
            value
        });
        step.send.push(match answer {
            Ok(value) => Response { id, result: Some(value), error: None }.into(),
            Err(fault) => refuse(id, fault.code, fault.message),
        });
    }

    /// Tells a person how a run went, and shows what it found where it is expected, if that is
    /// still what stands there.
    fn show(&mut self, run: &Run, report: Report, step: &mut Step) {
        let typ = if report.failed == 0 { MessageType::INFO } else { MessageType::ERROR };
        let mut message = report.summary();
        let now = run.root.clone().map(|root| {
            let analysis = self.rulesets.analysis(&root, &self.documents);
            (root, analysis)
        });
        match now.filter(|(_, analysis)| run.job.is_of(analysis)) {
            Some((root, analysis)) => {
                self.failures.keep(root, analysis, report);
                step.changed = true;
            }
            None => message.push_str(" (in the rules as they were when it was asked for)"),
        }
        step.send.push(tell::<told::ShowMessage>(ShowMessageParams { typ, message }));
    }

    /// Cancels the run of a request; none has it that was answered already.
    pub(super) fn cancel(&mut self, id: &RequestId) -> Step {
        self.cancel_where(|run| run.id.as_ref() == Some(id))
    }

    /// Cancels the run whose progress is shown under a token.
    pub(super) fn cancel_progress(&mut self, token: &ProgressToken) -> Step {
        self.cancel_where(|run| run.token.as_ref() == Some(token))
    }

    fn cancel_where(&mut self, is: impl Fn(&Run) -> bool) -> Step {
        let mut step = Step::default();
        if let Some(at) = self.runs.0.iter().position(is) {
            self.runs.cancel(at, "cancelled", &mut step);
        }
        step
    }

    /// Cancels all runs: the session ends.
    pub(super) fn cancel_all(&mut self, step: &mut Step) {
        for at in (0..self.runs.0.len()).rev() {
            self.runs.cancel(at, "the session ends", step);
        }
    }
}
