//! `?wait=30s`: how long an answer may be held back until there is something to say.

use std::time::Duration;

use super::problem::Problem;

/// Longest a request is held. Longer ones are shortened: proxies and clients give up around a
/// minute, and a client asks again anyway.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// Parses the query parameter; none means that nothing is held back.
///
/// # Errors
/// 400 when it is no duration.
pub fn parse(text: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = text else { return Ok(Duration::ZERO) };
    crate::duration::parse(text)
        .map(|wait| wait.min(WAIT_MAX))
        .map_err(|reason| Problem::bad("bad-wait", "wait is not a duration", reason).field("wait"))
}
