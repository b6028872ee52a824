//! Many evaluations in one run: one JSON request a line in, one JSON result a line out.
//!
//! A line is what `POST /v1/evaluate` takes as one request. Lines go in batches, so a run of any
//! length needs the memory of one batch, and every result says which version gave it: it may
//! change while a long run is under way.

use std::io::BufRead;
use std::path::Path;

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{CONTEXT_BYTES_MAX, evaluate_here};
use crate::api::BODY_BYTES_MAX;
use crate::api::evaluate::REQUESTS_COUNT_MAX;
use crate::api::problem::Problem;
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::node::or_rules;
use crate::cli::{local, output};
use crate::live::Live;

/// Bytes of the requests of one batch: what an agent takes, less what is put around them.
const BATCH_BYTES_MAX: usize = BODY_BYTES_MAX - 64;

/// Who evaluates.
pub(super) enum Evaluator<'a> {
    /// An agent: a client and the path with its query.
    Agent(Client, String),
    /// A folder.
    Folder(&'a Path),
}

/// Requests that wait, with the number of each one's line.
#[derive(Default)]
struct Batch {
    requests: Vec<(u64, Box<RawValue>)>,
    bytes: usize,
}

impl Batch {
    fn has_room(&self, bytes: usize) -> bool {
        self.requests.is_empty()
            || (self.requests.len() < REQUESTS_COUNT_MAX && self.bytes + bytes <= BATCH_BYTES_MAX)
    }

    fn push(&mut self, line: u64, request: Box<RawValue>) {
        self.bytes += request.get().len() + 1;
        self.requests.push((line, request));
    }
}

/// What an agent answers to a batch. Results stay as they were written: numbers keep their digits.
#[derive(Deserialize)]
struct Answer {
    version: String,
    results: Vec<Box<RawValue>>,
}

/// Evaluates every line and prints a result for each, in order. Empty lines are left out.
///
/// # Errors
/// The first line that is wrong, by its number; what stands before its batch was evaluated and
/// printed.
pub(super) async fn run(evaluator: &Evaluator<'_>, lines: impl BufRead) -> Result<(), Failure> {
    let live = match evaluator {
        Evaluator::Folder(dir) => Some(local::live(dir, true)?),
        Evaluator::Agent(..) => None,
    };
    let mut batch = Batch::default();
    let mut reader = lines;
    for number in 1_u64.. {
        let Some(text) = line(&mut reader, number)? else { break };
        if text.trim().is_empty() {
            continue;
        }
        let request: Box<RawValue> = serde_json::from_str(text.trim()).map_err(|error| {
            Failure::usage(format!("line {number} is not JSON: {error}")).hint(
                "one request a line, as in {\"rule\":\"crypt_drop\",\"context\":{\"level\":50}}",
            )
        })?;
        if !batch.has_room(request.get().len()) {
            flush(evaluator, live.as_ref(), std::mem::take(&mut batch)).await?;
        }
        batch.push(number, request);
    }
    flush(evaluator, live.as_ref(), batch).await
}

/// The next line without its end; `None` at the end of the input.
fn line(reader: &mut impl BufRead, number: u64) -> Result<Option<String>, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::Read::take(&mut *reader, CONTEXT_BYTES_MAX + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| Failure::usage(format!("cannot read line {number}: {error}")))?;
    if read as u64 > CONTEXT_BYTES_MAX {
        return Err(Failure::usage(format!(
            "line {number} is longer than {CONTEXT_BYTES_MAX} bytes"
        )));
    }
    if read == 0 {
        return Ok(None);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("line {number} is not UTF-8 at byte {at}"))
    })?;
    Ok(Some(text))
}

async fn flush(
    evaluator: &Evaluator<'_>,
    live: Option<&Live>,
    batch: Batch,
) -> Result<(), Failure> {
    if batch.requests.is_empty() {
        return Ok(());
    }
    match (evaluator, live) {
        (Evaluator::Agent(client, path), _) => ask(client, path, &batch).await.map_err(or_rules),
        (Evaluator::Folder(_), Some(live)) => here(live, &batch),
        (Evaluator::Folder(_), None) => Err(Failure::internal("the folder was not compiled")),
    }
}

async fn ask(client: &Client, path: &str, batch: &Batch) -> Result<(), Failure> {
    let requests: Vec<&str> = batch.requests.iter().map(|(_, request)| request.get()).collect();
    let body = Bytes::from(format!("{{\"requests\":[{}]}}", requests.join(",")));
    let headers = [("content-type", "application/json".to_owned())];
    let answer = client.send(Method::POST, path, &headers, body).await?;
    if answer.status.as_u16() >= 400
        && let Ok(problem) = serde_json::from_slice::<Problem>(&answer.body)
        && let Some((line, rest)) = place(&problem, batch)
    {
        return Err(wrong(line, &rest, problem));
    }
    let answer: Answer = answer.decode()?;
    let (asked, given) = (batch.requests.len(), answer.results.len());
    if asked != given {
        let message = format!("the agent gave {given} results for {asked} requests");
        return Err(Failure::internal(message));
    }
    for result in &answer.results {
        print(&answer.version, result.get());
    }
    Ok(())
}

/// The line that a problem is about, and the rest of the place that it names.
fn place(problem: &Problem, batch: &Batch) -> Option<(u64, String)> {
    let field = problem.place.field.as_deref()?;
    let (index, rest) = field.strip_prefix("requests[")?.split_once(']')?;
    let (line, _) = batch.requests.get(index.parse::<usize>().ok()?)?;
    Some((*line, rest.trim_start_matches('.').to_owned()))
}

fn wrong(line: u64, rest: &str, problem: Problem) -> Failure {
    let at = if rest.is_empty() { String::new() } else { format!(", {rest}") };
    let mut failure =
        Failure::usage(format!("line {line}{at}: {}: {}", problem.title, problem.detail));
    failure.hint = problem.hint;
    failure
}

fn here(live: &Live, batch: &Batch) -> Result<(), Failure> {
    let mut results = Vec::with_capacity(batch.requests.len());
    for (line, request) in &batch.requests {
        let outcome = evaluate_here(live, request.get()).map_err(|problem| {
            let rest = problem.place.field.clone().unwrap_or_default();
            wrong(*line, rest.trim_start_matches('.'), problem)
        })?;
        let text = serde_json::to_string(&outcome);
        results.push(text.map_err(|error| Failure::internal(error.to_string()))?);
    }
    for result in results {
        print(live.version(), &result);
    }
    Ok(())
}

/// A result with the version that gave it in front.
fn print(version: &str, result: &str) {
    let version = Value::from(version);
    let members = result.strip_prefix('{').unwrap_or(result);
    output::line(&format!("{{\"version\":{version},{members}"));
}
