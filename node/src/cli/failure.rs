//! Why a verb did not do what it was asked, in the three parts that every error of ours has:
//! who is at fault (the exit code), with which values (the message), what now (the hint).

use serde::Serialize;

use super::exit::Exit;
use crate::diagnostics::Finding;

/// An error that ends a verb.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Decides the exit code.
    pub exit: Exit,
    /// What happened, with the actual values.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What the compiler found, for JSON.
    pub findings: Vec<Finding>,
    /// The same as text, shown above the message.
    pub shown: Option<String>,
}

/// The JSON shape of a [`Failure`].
#[derive(Serialize)]
struct Document<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'static str,
    exit: u8,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Finding]>::is_empty")]
    findings: &'a [Finding],
}

impl Failure {
    /// A failure without advice.
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), hint: None, findings: Vec::new(), shown: None }
    }

    /// The command line or a setting is wrong.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// A bug, or the machine failed.
    pub fn internal(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Internal, message)
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// One JSON document: `{"error": {"code", "exit", "message", "hint", "findings"}}`.
    pub fn to_json(&self) -> String {
        let body = Body {
            code: self.exit.word(),
            exit: self.exit as u8,
            message: &self.message,
            hint: self.hint.as_deref(),
            findings: &self.findings,
        };
        serde_json::to_string(&Document { error: body }).unwrap_or_default()
    }

    /// Lines for people: what the compiler found, the error, then what to do.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if let Some(shown) = &self.shown {
            text.push_str(shown);
            text.push_str("\n\n");
        }
        text.push_str("error: ");
        text.push_str(&self.message);
        if let Some(hint) = &self.hint {
            text.push_str("\n  hint: ");
            text.push_str(hint);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_the_same_as_text_and_as_json() {
        let failure = Failure::new(Exit::Unreachable, "etcd at http://e:1 does not answer")
            .hint("start it, or use --break-glass");
        assert_eq!(
            failure.to_text(),
            "error: etcd at http://e:1 does not answer\n  hint: start it, or use --break-glass"
        );
        assert_eq!(
            failure.to_json(),
            r#"{"error":{"code":"unreachable","exit":6,"message":"etcd at http://e:1 does not answer","hint":"start it, or use --break-glass"}}"#
        );
    }
}
