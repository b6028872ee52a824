//! The thread that runs tests, so that the session goes on meanwhile.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use super::Event;
use super::job::{Job, Report};

/// What the worker says of its job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ran {
    /// So many hundredths are done.
    Percent(u32),
    /// It has none any more.
    Ended(End),
}

/// How a job ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is through.
    Done(Report),
    /// It was told to stop before that.
    Stopped,
    /// A bug in us ended it.
    Panicked,
}

/// A thread with at most one job. It ends, with whatever it is at, when this goes; nobody waits for
/// it.
pub(super) struct Worker {
    jobs: SyncSender<(Job, Arc<AtomicBool>)>,
    /// Whether the job that was started last is wanted still.
    wanted: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the thread; what it has to say goes to `tell`, which may make it wait.
    ///
    /// # Errors
    /// There can be no more threads.
    pub(super) fn spawn(tell: SyncSender<Event>) -> io::Result<Worker> {
        // Room for a job that is handed over before the thread has come back for it.
        let (jobs, receive) = sync_channel::<(Job, Arc<AtomicBool>)>(1);
        std::thread::Builder::new().name("lsp-test".into()).spawn(move || {
            for (job, wanted) in receive {
                // A session that is over listens to nothing, and wants nothing.
                let say = |ran: Ran| drop(tell.send(Event::Ran(ran)));
                let run =
                    || job.run(&|| wanted.load(Ordering::Relaxed), &mut |p| say(Ran::Percent(p)));
                // The session, and whoever waits for an answer, outlives a bug in what it runs.
                say(Ran::Ended(match catch_unwind(AssertUnwindSafe(run)) {
                    Ok(Some(report)) => End::Done(report),
                    Ok(None) => End::Stopped,
                    Err(_) => End::Panicked,
                }));
            }
        })?;
        Ok(Worker { jobs, wanted: Arc::default() })
    }

    /// Hands a job over. The one before it has ended: there is room for it, and the thread is there
    /// until this goes.
    pub(super) fn start(&mut self, job: Job) {
        self.wanted = Arc::new(AtomicBool::new(true));
        let handed = self.jobs.try_send((job, self.wanted.clone()));
        debug_assert!(handed.is_ok(), "one job at a time");
    }

    /// Has the job end soon.
    pub(super) fn stop(&self) {
        self.wanted.store(false, Ordering::Relaxed);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}
