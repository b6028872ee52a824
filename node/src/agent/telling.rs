//! What this node says about itself: status, readiness, and the state that peers are shown.

use cairn_core::ChannelStatus as CoreChannel;
use cairn_gossip::VersionVector;
use serde::{Deserialize, Serialize};

use super::publishing::generation;
use super::request::{
    ChannelStatus, Check, MemberChannel, MemberStatus, Progress, Readiness, Rejection, Status,
};
use super::running::Running;

/// What a node tells its peers about itself. Append-only, behind a version byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeState {
    pub(super) name: String,
    pub(super) channels: Vec<MemberChannel>,
}

/// Version of [`NodeState`]'s layout.
const STATE_FORMAT: u8 = 1;
/// The code of content that could not be had so far. It is asked for again: the version is not
/// rejected for good, as with every other code.
pub const FETCH_CODE: &str = "fetch";
/// Bytes of a reason that peers are told.
const REASON_CHARS_MAX: usize = 160;

impl NodeState {
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![STATE_FORMAT]).unwrap_or_default()
    }

    /// `None` for what another release wrote: that node is shown without details.
    pub(super) fn decode(bytes: &[u8]) -> Option<NodeState> {
        let (&STATE_FORMAT, body) = bytes.split_first()? else { return None };
        match postcard::take_from_bytes(body) {
            Ok((state, [])) => Some(state),
            _ => None,
        }
    }
}

impl Running {
    pub(super) fn status(&self) -> Status {
        let core = self.core.status();
        let replica = self.core.replica();
        let view = replica.view();
        let now = self.clock.now();
        let down = replica.down().into_iter().map(|(status, since)| {
            let (name, channels) = told(NodeState::decode(&status.bytes));
            MemberStatus {
                node: status.node.to_string(),
                name,
                addr: String::new(),
                alive: false,
                connected: false,
                down_ms: Some(u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX)),
                channels,
            }
        });
        let members = replica
            .members()
            .into_iter()
            .filter(|member| member.node != self.node)
            .map(|member| {
                let (name, channels) = told(self.member_state(&member.node));
                MemberStatus {
                    node: member.node.to_string(),
                    name,
                    addr: member.addr.to_string(),
                    alive: true,
                    connected: view.iter().any(|(peer, up)| peer.node == member.node && *up),
                    down_ms: None,
                    channels,
                }
            })
            .chain(down)
            .collect();
        Status {
            node: self.node.to_string(),
            name: self.name.clone(),
            gossip: self.gossip.to_string(),
            origin: self.origin.to_string(),
            incarnation: self.incarnation,
            root: core.root,
            vector: text(&core.vector),
            members,
            channels: self.channels.iter().map(|name| self.channel(name, &core.channels)).collect(),
            coordinator: self.coordination.status(),
            delivered_count: self.delivered_count,
            duplicates_count: replica.stats().duplicates + replica.stats().suppressed,
            uptime_ms: self.clock.now().as_millis(),
        }
    }

    fn channel(&self, name: &str, core: &[CoreChannel]) -> ChannelStatus {
        let replica = self.core.replica();
        let directive = replica.directive(name);
        let record = replica.channel(name);
        let desired = generation(record);
        let core = core.iter().find(|channel| channel.channel == name);
        let live = core.and_then(|channel| channel.live.as_ref());
        let rejected = core
            .and_then(|channel| channel.rejected.as_ref())
            .filter(|rejected| rejected.generation >= desired);
        let unfetched = directive.and_then(|directive| {
            replica.bundle(&directive.target.digest).and_then(|bundle| bundle.rejected)
        });
        let progress = match core.map(|channel| channel.pointers) {
            _ if desired == 0 => Progress::None,
            _ if rejected.is_some() => Progress::Rejected,
            Some(reached) if reached.active >= desired => Progress::Active,
            Some(reached) if reached.staged >= desired => Progress::Staged,
            Some(reached) if reached.stored >= desired => Progress::Stored,
            Some(reached) if reached.verified >= desired => Progress::Verified,
            Some(reached) if reached.fetched >= desired => Progress::Fetched,
            _ => Progress::Heard,
        };
        let rejection = |code: &str, reason: &str| Rejection {
            code: code.to_owned(),
            reason: reason.to_owned(),
        };
        ChannelStatus {
            channel: name.to_owned(),
            generation: desired,
            desired: directive.map(|directive| directive.target.version.clone()),
            desired_digest: directive.map(|directive| directive.target.digest),
            progress,
            rejected: rejected
                .map(|rejected| rejection(&rejected.fault.code, &rejected.fault.detail))
                .or_else(|| {
                    let missing = unfetched.filter(|_| progress < Progress::Stored)?;
                    Some(rejection(FETCH_CODE, &missing))
                }),
            active_generation: live.map_or(0, |live| live.generation),
            active: live.map(|live| live.version.clone()),
            active_digest: live.map(|live| live.digest),
            staged: core
                .map(|channel| channel.kept.iter().map(|kept| kept.version.clone()).collect())
                .unwrap_or_default(),
            staleness_ms: self.live.heard().staleness_ms(),
            actor: directive.map(|directive| directive.actor.clone()),
            reason: directive.map(|directive| directive.reason.clone()),
        }
    }

    pub(super) fn readiness(&self) -> Readiness {
        let mut checks = Vec::new();
        for channel in &self.channels {
            let live = self.live.load(channel);
            checks.push(Check {
                name: format!("channel {channel}"),
                ok: live.is_some(),
                required: true,
                detail: match &live {
                    Some(live) => {
                        format!("serving {} (generation {})", live.version(), live.generation())
                    }
                    None => "nothing was ever active here".to_owned(),
                },
            });
        }
        let coordinator = self.coordination.status();
        checks.push(Check {
            name: "coordinator".to_owned(),
            ok: coordinator.reachable,
            required: false,
            detail: match coordinator.detail {
                None => "reachable".to_owned(),
                Some(reason) => format!("unreachable: {reason}; serving the last known good"),
            },
        });
        let peers = self.core.replica().members().len().saturating_sub(1);
        checks.push(Check {
            name: "peers".to_owned(),
            ok: true,
            required: false,
            detail: format!("{peers} alive"),
        });
        checks.push(Check {
            name: "store".to_owned(),
            ok: true,
            required: true,
            detail: format!("{} writes under way", self.persists_count),
        });
        // Worst first.
        checks.sort_by_key(|check| (check.ok, !check.required));
        Readiness { ready: checks.iter().all(|check| check.ok || !check.required), checks }
    }

    /// This node's own state, as peers are told.
    pub(super) fn own_state(&self) -> NodeState {
        let core = self.core.status();
        let channels = self.channels.iter().map(|name| {
            let status = self.channel(name, &core.channels);
            MemberChannel {
                channel: status.channel,
                generation: status.generation,
                active_generation: status.active_generation,
                active_digest: status.active_digest,
                rejected: status.rejected.map(|rejected| Rejection {
                    reason: rejected.reason.chars().take(REASON_CHARS_MAX).collect(),
                    ..rejected
                }),
            }
        });
        NodeState { name: self.name.chars().take(64).collect(), channels: channels.collect() }
    }
}

fn told(state: Option<NodeState>) -> (Option<String>, Vec<MemberChannel>) {
    state.map_or((None, Vec::new()), |state| (Some(state.name), state.channels))
}

fn text(vector: &VersionVector) -> std::collections::BTreeMap<String, u64> {
    vector.iter().map(|(stream, seq)| (stream.to_string(), *seq)).collect()
}
