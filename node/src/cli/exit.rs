//! What a process says with its exit code; a pipeline may rely on these numbers.

use std::process::ExitCode;

/// The exit codes of every verb. They never change meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// A bug in Cairn, or the machine failed us (disk full, no memory).
    Internal = 1,
    /// The command line or a setting is wrong.
    Usage = 2,
    /// The input was read and something is wrong with it, or two things differ.
    Findings = 3,
    /// A rollout was accepted and a node rejected it.
    Rollout = 4,
    /// What was waited for did not happen in time; it may still happen.
    Timeout = 5,
    /// An agent or the coordinator could not be reached.
    Unreachable = 6,
    /// Somebody else was first, or a version already exists with other content.
    Conflict = 7,
}

impl Exit {
    /// The word for this code in JSON output.
    pub fn word(self) -> &'static str {
        match self {
            Exit::Ok => "ok",
            Exit::Internal => "internal",
            Exit::Usage => "usage",
            Exit::Findings => "findings",
            Exit::Rollout => "rollout_failed",
            Exit::Timeout => "timeout",
            Exit::Unreachable => "unreachable",
            Exit::Conflict => "conflict",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
