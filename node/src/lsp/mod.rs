//! `cairn lsp`: the language server, for editors that speak the Language Server Protocol 3.17.
//!
//! A thread reads messages, and another one runs tests, which may take long; one loop over one
//! closed `Event` does everything else, in order. The answers themselves are pure questions to
//! [`cairn_ruleset::lang::ide`], asked of the whole rule set of a document, unsaved documents
//! included. Diagnostics follow a change after a short quiet, and no later than `WAIT_MAX` after
//! the first one, however fast somebody types; a request is answered from the text as it is at that
//! moment.
//!
//! | module | noun |
//! |---|---|
//! | `frame`, `budget` | messages on a byte stream, bounded; the bytes that may wait |
//! | `server` | the life of a session: what is known, what an event does |
//! | `answer` | requests to answers |
//! | `documents`, `rulesets` | open texts; the rule sets that they belong to |
//! | `root`, `set`, `search` | one rule set: where it lies, its files; where there is one |
//! | `navigate`, `rename` | a name found, or changed, in every rule set that shares it |
//! | `client`, `convert`, `uri` | what the editor can do, and its terms |
//! | `pages` | pages about codes, as files |
//! | `runs`, `failures` | tests that were asked to run, from a lens; what they found |
//! | `job`, `worker` | one test, run; the thread that does it |
#![allow(
    clippy::mutable_key_type,
    reason = "a `Uri` keeps a parsed form in a cell; it is ordered by its text alone"
)]

mod answer;
mod budget;
mod client;
mod convert;
mod documents;
mod failures;
mod frame;
mod job;
mod navigate;
mod pages;
mod rename;
mod root;
mod rulesets;
mod runs;
mod search;
mod server;
mod set;
mod uri;
mod worker;

use std::collections::VecDeque;
use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use budget::{Budget, Share};
use frame::Frame;
use lsp_server::Message;
use server::{Server, Step};
use worker::{Ran, Worker};

/// Messages that wait to be handled. A full queue stops the reading, not the editor's typing.
const QUEUE_COUNT_MAX: usize = 1_024;
/// Bytes of messages that wait to be handled; what is over waits with the editor. Holds the largest
/// message, and another one.
const QUEUE_BYTES_MAX: u64 = 2 * frame::MESSAGE_BYTES_MAX;
/// Quiet after a change before diagnostics are made.
const QUIET: Duration = Duration::from_millis(100);
/// Longest wait of a change for its diagnostics while more changes follow.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// Everything that can happen to the server.
enum Event {
    /// The editor sent something, which counts against the queue's bytes until it is handled.
    Frame(Frame, Share),
    /// The editor is gone.
    End,
    /// The editor is gone in the middle of something, or sends what is no protocol.
    Lost(io::Error),
    /// The worker has something to say.
    Ran(Ran),
    /// Diagnostics are due.
    Due,
}

/// Speaks the protocol until the editor says `exit` or goes away. True when it went as the
/// protocol has it: `shutdown`, then `exit`.
///
/// # Errors
/// Nothing can be written to the editor any more, or what it sends is out of step.
pub fn run(input: impl BufRead + Send + 'static, output: &mut impl Write) -> io::Result<bool> {
    let (send, receive) = sync_channel(QUEUE_COUNT_MAX);
    // It ends with its input, or with the queue; nobody waits for it.
    let budget = Budget::new(QUEUE_BYTES_MAX);
    let reader = std::thread::Builder::new().name("lsp-read".into());
    let mut worker = Worker::spawn(send.clone())?;
    reader.spawn(move || read(input, &budget, &send))?;
    let mut queue = Queue { receive, waiting: VecDeque::new() };
    let mut server = Server::default();
    let mut due = Due::default();
    loop {
        let step = match queue.next(due.at(), output)? {
            Event::Frame(Frame::Message(message), _share) => server.handle(message),
            Event::Frame(Frame::Malformed(code, why), _) => {
                frame::write_malformed(output, code, &why)?;
                Step::default()
            }
            // An editor that went away after `shutdown` forgot to say `exit`.
            Event::End => return Ok(server.is_shut_down()),
            Event::Lost(error) => return Err(error),
            Event::Ran(ran) => server.ran(ran),
            Event::Due => {
                due = Due::default();
                server.publish()
            }
        };
        for message in &step.send {
            frame::write(output, message)?;
        }
        if step.stop {
            worker.stop();
        }
        if let Some(job) = step.start {
            worker.start(job);
        }
        if step.changed {
            due.changed(Instant::now());
        }
        if step.exit {
            return Ok(server.is_shut_down());
        }
    }
}

fn read(mut input: impl BufRead, budget: &Budget, send: &SyncSender<Event>) {
    loop {
        let event = match read_event(&mut input, budget) {
            Ok(event) => event,
            Err(error) => Event::Lost(error),
        };
        let last = matches!(event, Event::Lost(_) | Event::End);
        if send.send(event).is_err() || last {
            return;
        }
    }
}

fn read_event(input: &mut impl BufRead, budget: &Budget) -> io::Result<Event> {
    let Some(length) = frame::read_length(input)? else { return Ok(Event::End) };
    // Before it is read: a message that waits costs its editor memory, not us.
    let share = budget.take(length);
    Ok(Event::Frame(frame::read_body(input, length)?, share))
}

/// When diagnostics are due.
#[derive(Default)]
struct Due {
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Due {
    fn changed(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    fn at(&self) -> Option<Instant> {
        Some((self.last? + QUIET).min(self.first? + WAIT_MAX))
    }
}

/// What was received and not handled yet.
struct Queue {
    receive: Receiver<Event>,
    waiting: VecDeque<Event>,
}

impl Queue {
    /// The next event. Whatever else has arrived is looked through first, so that a request that
    /// was cancelled while it waited is answered as such and never worked on.
    fn next(&mut self, due: Option<Instant>, output: &mut impl Write) -> io::Result<Event> {
        loop {
            while self.waiting.len() < QUEUE_COUNT_MAX {
                match self.receive.try_recv() {
                    Ok(event) => self.take(event, output)?,
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            if due.is_some_and(|due| due <= Instant::now()) {
                return Ok(Event::Due);
            }
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            let received = match due {
                Some(due) => {
                    self.receive.recv_timeout(due.saturating_duration_since(Instant::now()))
                }
                None => self.receive.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(event) => self.take(event, output)?,
                Err(RecvTimeoutError::Timeout) => return Ok(Event::Due),
                Err(RecvTimeoutError::Disconnected) => return Ok(Event::End),
            }
        }
    }

    fn take(&mut self, event: Event, output: &mut impl Write) -> io::Result<()> {
        let cancelled = match &event {
            Event::Frame(Frame::Message(Message::Notification(message)), _) => {
                server::cancelled(message)
            }
            _ => None,
        };
        let Some(id) = cancelled else {
            self.waiting.push_back(event);
            return Ok(());
        };
        let asked = |event: &Event| matches!(event, Event::Frame(Frame::Message(Message::Request(request)), _) if request.id == id);
        let Some(index) = self.waiting.iter().position(asked) else {
            // One that is not here is answered already, or is a test that runs: nothing that waits
            // here comes before its end.
            self.waiting.push_front(event);
            return Ok(());
        };
        self.waiting.remove(index);
        let refused = server::refuse(id, lsp_server::ErrorCode::RequestCanceled, "cancelled");
        frame::write(output, &refused)
    }
}

#[cfg(test)]
mod tests;
