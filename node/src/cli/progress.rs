//! Waiting until a generation answers reads on every node that can be seen, one line per node.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::exit::Exit;
use super::failure::Failure;
use super::output::{self, Format};
use crate::agent::FETCH_CODE;
use crate::duration;

/// How often the agent is asked while nodes converge. Each answer costs the agent some
/// microseconds; a person and a pipeline do not notice less.
const POLL_PERIOD: Duration = Duration::from_millis(10);

/// The parts of `GET /v1/status` that matter here.
#[derive(Debug, Deserialize)]
struct Status {
    node: String,
    name: String,
    channels: Vec<Own>,
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Own {
    channel: String,
    generation: u64,
    active_generation: u64,
    active_digest: Option<Digest>,
    #[serde(default)]
    progress: String,
    rejected: Option<Rejection>,
}

#[derive(Debug, Deserialize)]
struct Member {
    node: String,
    name: Option<String>,
    #[serde(default = "yes")]
    alive: bool,
    #[serde(default)]
    channels: Vec<Theirs>,
    down_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Theirs {
    channel: String,
    #[serde(default)]
    generation: u64,
    active_generation: u64,
    active_digest: Option<Digest>,
    rejected: Option<Rejection>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Rejection {
    code: String,
    reason: String,
}

fn yes() -> bool {
    true
}

/// How far one node is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Waiting(String),
    Active,
    Rejected(Rejection),
    /// It serves other channels.
    Elsewhere,
}

#[derive(Debug, Serialize)]
struct Report {
    channel: String,
    generation: u64,
    version: String,
    digest: Digest,
    active: usize,
    nodes: usize,
    took_ms: f64,
    per_node: Vec<Node>,
    /// Nodes of the channel that are down: they catch up when they come back.
    down: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Node {
    node: String,
    name: String,
    active_ms: f64,
}

/// A wait that began when the change was proposed.
#[derive(Debug)]
pub struct Wait {
    client: Client,
    timeout: Duration,
    format: Format,
    started: Instant,
}

impl Wait {
    /// The clock starts here.
    pub fn start(client: Client, timeout: Duration, format: Format) -> Wait {
        Wait { client, timeout, format, started: Instant::now() }
    }

    /// Waits until every node is at `generation` or above it with the same content.
    ///
    /// # Errors
    /// Exit code 4 when a node rejects it, 5 when the time is over, naming who is behind.
    pub async fn active(
        self,
        channel: &str,
        generation: u64,
        digest: Digest,
        version: &str,
    ) -> Result<Exit, Failure> {
        let mut done: BTreeMap<String, Node> = BTreeMap::new();
        loop {
            let status: Status = self.client.read("/v1/status").await?;
            let states = states(&status, channel, generation, digest);
            let elapsed = self.started.elapsed();
            for (node, name, state) in &states {
                if *state == State::Active && !done.contains_key(node) {
                    if self.format == Format::Table {
                        output::note(&format!("  {name} active in {}", duration::show(elapsed)));
                    }
                    let active_ms = elapsed.as_secs_f64() * 1_000.0;
                    let reached = Node { node: node.clone(), name: name.clone(), active_ms };
                    done.insert(node.clone(), reached);
                }
            }
            let rejected = states.iter().find_map(|(_, name, state)| match state {
                State::Rejected(rejection) => Some((name, rejection)),
                _ => None,
            });
            if let Some((name, rejection)) = rejected {
                return Err(Failure::new(
                    Exit::Rollout,
                    format!("{name} rejected {version}: {} ({})", rejection.reason, rejection.code),
                )
                .hint("its last good version stays live; `cairn rollback --reason TEXT` goes back everywhere"));
            }
            let behind: Vec<String> = states
                .iter()
                .filter_map(|(_, name, state)| match state {
                    State::Waiting(at) => Some(format!("{name} ({at})")),
                    _ => None,
                })
                .collect();
            if behind.is_empty() {
                let counted =
                    states.iter().filter(|(_, _, state)| *state != State::Elsewhere).count();
                return self.report(&Report {
                    channel: channel.to_owned(),
                    generation,
                    version: version.to_owned(),
                    digest,
                    active: done.len(),
                    nodes: counted,
                    took_ms: elapsed.as_secs_f64() * 1_000.0,
                    per_node: done.into_values().collect(),
                    down: down(&status, channel),
                });
            }
            if elapsed >= self.timeout {
                return Err(Failure::new(
                    Exit::Timeout,
                    format!(
                        "{version} is active on {} of {} nodes after {}; behind: {}",
                        done.len(),
                        states.len(),
                        duration::show(elapsed),
                        behind.join(", ")
                    ),
                )
                .hint("it goes on without you: `cairn status` shows how far it is"));
            }
            tokio::time::sleep(POLL_PERIOD).await;
        }
    }

    fn report(&self, report: &Report) -> Result<Exit, Failure> {
        match self.format {
            Format::Json => output::json(report)?,
            Format::Table => output::line(&format!(
                "{} is {} (generation {}) on {}/{} nodes in {}{}",
                report.channel,
                report.version,
                report.generation,
                report.active,
                report.nodes,
                duration::show(self.started.elapsed()),
                match report.down.is_empty() {
                    true => String::new(),
                    false => format!("; DOWN, to catch up later: {}", report.down.join(", ")),
                }
            )),
        }
        Ok(Exit::Ok)
    }
}

/// Names of the nodes that served the channel and are down.
fn down(status: &Status, channel: &str) -> Vec<String> {
    let served = |member: &&Member| member.channels.iter().any(|theirs| theirs.channel == channel);
    let down = status.members.iter().filter(|member| member.down_ms.is_some()).filter(served);
    down.map(Member::name).collect()
}

impl Member {
    /// For people.
    fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.node.chars().take(8).collect())
    }
}

fn states(
    status: &Status,
    channel: &str,
    generation: u64,
    digest: Digest,
) -> Vec<(String, String, State)> {
    // A later generation is somebody else's change: this one was overtaken, not missed.
    let reached = |at: u64, active: Option<Digest>| {
        at > generation || (at == generation && active == Some(digest))
    };
    // A rejection of an earlier generation says nothing about this one. Content that could not be
    // had so far is asked for again, until it comes: that is no rejection of the version.
    let judge = |heard: u64, at: u64, rejected: &Option<Rejection>, progress: &str| match rejected {
        Some(fault) if heard >= generation && fault.code == FETCH_CODE => {
            State::Waiting(format!("generation {at}, not fetched yet: {}", fault.reason))
        }
        Some(rejection) if heard >= generation => State::Rejected(rejection.clone()),
        _ if progress.is_empty() => State::Waiting(format!("generation {at}")),
        _ => State::Waiting(format!("generation {at}, {progress}")),
    };
    let own = status.channels.iter().find(|own| own.channel == channel);
    let own = match own {
        None => State::Waiting("not served here".to_owned()),
        Some(own) if reached(own.active_generation, own.active_digest) => State::Active,
        Some(own) => judge(own.generation, own.active_generation, &own.rejected, &own.progress),
    };
    let mut all = vec![(status.node.clone(), status.name.clone(), own)];
    for member in status.members.iter().filter(|member| member.alive) {
        let theirs = member.channels.iter().find(|theirs| theirs.channel == channel);
        let state = match theirs {
            // A member that has just joined has not told anything yet, and may serve the channel.
            None if member.channels.is_empty() => State::Waiting("not heard from yet".to_owned()),
            None => State::Elsewhere,
            Some(theirs) if reached(theirs.active_generation, theirs.active_digest) => {
                State::Active
            }
            Some(theirs) => {
                judge(theirs.generation, theirs.active_generation, &theirs.rejected, "")
            }
        };
        all.push((member.node.clone(), member.name(), state));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(own: u64, theirs: &str) -> Status {
        let digest = Digest([7; 32]);
        serde_json::from_str(&format!(
            r#"{{"node":"a","name":"one","channels":[{{"channel":"h/p","generation":{own},"active_generation":{own},
            "active_digest":"{digest}","progress":"staged","rejected":null}}],
            "members":[{{"node":"b","addr":"x","connected":true,"name":"two","channels":[{theirs}]}}]}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_node_counts_when_it_is_active_and_not_before() {
        let digest = Digest([7; 32]);
        let theirs = format!(
            r#"{{"channel":"h/p","active_generation":3,"active_digest":"{digest}","rejected":null}}"#
        );
        let seen = |status: &Status| -> Vec<State> {
            states(status, "h/p", 3, digest).into_iter().map(|(_, _, state)| state).collect()
        };
        assert_eq!(seen(&status(3, &theirs)), [State::Active, State::Active]);
        let waiting = |at: &str| State::Waiting(at.to_owned());
        assert_eq!(
            seen(&status(2, "")),
            [waiting("generation 2, staged"), waiting("not heard from yet")]
        );
        let other = r#"{"channel":"h/q","generation":9,"active_generation":9,
            "active_digest":null,"rejected":null}"#;
        assert_eq!(seen(&status(3, other)), [State::Active, State::Elsewhere]);
        let cases = [(2, "stage.compile", false), (3, "stage.compile", true), (3, "fetch", false)];
        for (heard, code, fails) in cases {
            let theirs = format!(
                r#"{{"channel":"h/p","generation":{heard},"active_generation":2,"active_digest":null,
                "rejected":{{"code":"{code}","reason":"r"}}}}"#
            );
            let seen = seen(&status(4, &theirs));
            assert_eq!(seen[0], State::Active);
            assert_eq!(matches!(seen[1], State::Rejected(_)), fails);
        }
    }
}
