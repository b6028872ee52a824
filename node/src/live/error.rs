//! Why an evaluation or a roll was refused.

use cairn_ruleset::limits::MISSES_MAX;
use cairn_ruleset::pity::PityError;
use cairn_sdk::{ScopeError, Value};
use thiserror::Error;

use crate::suggest;

/// Mistakes of one request that its refusal tells; the rest is counted.
const SHOWN_MAX: usize = 8;

/// One request of a batch was refused; the others are answered.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct EvalError {
    code: &'static str,
    message: String,
    hint: Option<String>,
    field: Option<String>,
}

impl EvalError {
    fn new(code: &'static str, message: String) -> EvalError {
        EvalError { code, message, hint: None, field: None }
    }

    /// Stable and short, for machines: `unknown-trigger`, `out-of-range`.
    pub fn code(&self) -> &str {
        self.code
    }

    /// What to do now.
    pub fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    /// Which part of the request is at fault, as a path: `.context.level`.
    pub fn field(&self) -> Option<String> {
        self.field.clone()
    }

    pub(super) fn at(mut self, field: impl Into<String>) -> EvalError {
        self.field = Some(field.into());
        self
    }

    /// A name that this version does not have, and the ones that it has.
    pub(super) fn unknown<'a>(
        code: &'static str,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> EvalError {
        let shown: String = name.chars().take(128).collect();
        let mut error = EvalError::new(code, format!("no {what} `{shown}` in this version"));
        error.hint = Some(suggest::hint(name, known));
        error
    }

    /// The same with the name that was probably meant, or the ones that there are.
    pub(super) fn meant<'a>(
        mut self,
        name: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> EvalError {
        self.hint = Some(suggest::hint(name, known));
        self
    }

    /// A value of another kind than the field wants.
    pub(super) fn kind(name: &str, wanted: &str, given: &str) -> EvalError {
        let mut error = EvalError::new("wrong-type", format!("`{name}` is {wanted}, not {given}"));
        error.hint = Some(format!("write {wanted}"));
        error
    }

    /// A value outside its field's range, in the field's own unit.
    pub(super) fn outside(name: &str, value: &Value, min: &Value, max: &Value) -> EvalError {
        let (value, min, max) = (value.written(), min.written(), max.written());
        let message = format!("`{name}` is {value}, allowed are {min} to {max}");
        let mut error = EvalError::new("out-of-range", message);
        error.hint = Some(format!("give a value from {min} to {max}"));
        error
    }

    /// Several mistakes of one request as one: the code and the field of the first, the words of
    /// as many as [`SHOWN_MAX`]. `None` when there is none.
    pub(super) fn all(errors: Vec<EvalError>) -> Option<EvalError> {
        let more = errors.len().saturating_sub(SHOWN_MAX);
        let mut errors = errors.into_iter().take(SHOWN_MAX);
        let mut all = errors.next()?;
        let mut hints: Vec<String> = all.hint.take().into_iter().collect();
        for error in errors {
            all.message.push_str("; ");
            all.message.push_str(&error.message);
            hints.extend(error.hint.filter(|hint| !hints.contains(hint)));
        }
        if more > 0 {
            all.message.push_str(&format!("; and {more} more"));
        }
        all.hint = (!hints.is_empty()).then(|| hints.join("; "));
        Some(all)
    }

    /// Fields of the trigger that are read and that the request leaves out, all of them.
    pub(super) fn missing(names: &[&str]) -> EvalError {
        let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let message = match names.len() {
            1 => format!("the field {} is missing", shown.join(", ")),
            count => format!("{count} fields are missing: {}", shown.join(", ")),
        };
        let mut error = EvalError::new("missing-field", message);
        error.hint = Some("give a value for each of them".to_owned());
        error.field = names.first().map(|name| format!(".context.{name}"));
        error
    }

    /// The request names neither a trigger nor a rule.
    pub(super) fn nothing_asked() -> EvalError {
        let message = "neither a trigger nor a rule is named".to_owned();
        let mut error = EvalError::new("missing-trigger", message);
        error.hint = Some("name the `trigger` that happened, or one `rule` to look at".to_owned());
        error
    }

    /// A text that names no zone and no shard.
    pub(super) fn scope(error: &ScopeError) -> EvalError {
        let mut refused = EvalError::new("bad-scope", error.to_string());
        refused.hint =
            Some("name it as agents and games are started; \"\" stands for none".to_owned());
        refused
    }

    /// What the SDK says.
    pub(super) fn from_sdk(error: &cairn_sdk::Error) -> EvalError {
        use cairn_sdk::Error as Sdk;
        let (code, hint) = match error {
            Sdk::Unknown { .. } => ("unknown-name", None),
            Sdk::OutOfRange { min, max, .. } => {
                ("out-of-range", Some(format!("give a value from {min} to {max}")))
            }
            Sdk::Value { .. } => ("bad-value", None),
            Sdk::Unset { .. } => {
                ("missing-field", Some("set every field of the trigger".to_owned()))
            }
            Sdk::Trap { .. } => {
                ("fault", Some("report it to whoever built this bundle".to_owned()))
            }
            Sdk::Loot(_) => ("loot", None),
            _ => ("internal", None),
        };
        let mut refused = EvalError::new(code, crate::stage::with_sources(error));
        refused.hint = hint;
        refused.field = match error {
            Sdk::OutOfRange { name, .. } | Sdk::Value { name, .. } | Sdk::Unset { name, .. } => {
                Some(format!(".context.{name}"))
            }
            _ => None,
        };
        refused
    }

    /// A player's misses that no version takes over.
    pub(super) fn from_pity(error: &PityError) -> EvalError {
        let mut refused = EvalError::new("out-of-range", error.to_string());
        match error {
            PityError::TooMany { table, entry, .. } => {
                refused.hint = Some(format!("give 0 to {MISSES_MAX}: what the last roll returned"));
                refused.field = Some(format!(".pity.{table}.{entry}"));
            }
            // Not of misses that are restored: what is unknown there is handed back.
            PityError::NoTable { .. } | PityError::NoEntry { .. } => {}
        }
        refused
    }
}
