//! Trie comparisons: finding which records of a peer differ from ours.
//!
//! The side that lacks something pulls. One session a pair, a bounded number a node; a session
//! whose peer changed meanwhile or fell silent is dropped, the next pulse starts another.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use cairn_merkle::{ASKS_PER_FRAME, Diff, Digest, Prefix, Summary};

use crate::content::Content;
use crate::frame::Body;
use crate::fx::{Due, Fx, Peer};
use crate::output::Class;
use crate::time::Time;
use crate::verify::Fault;

#[derive(Debug)]
struct Session {
    diff: Diff,
    root: Digest,
    nonce: u64,
    progress: Time,
}

/// The comparisons that are under way.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: BTreeMap<SocketAddr, Session>,
    nonce: u64,
}

impl Sessions {
    /// A peer's root differs: compare, unless that is under way or too many are.
    pub(crate) fn start(
        &mut self,
        to: SocketAddr,
        root: Digest,
        content: &Content,
        fx: &mut Fx<'_>,
    ) {
        let busy = self.sessions.contains_key(&to) || self.sessions.len() >= fx.config.diffs_max;
        if busy || root == content.root() {
            return;
        }
        let (diff, prefixes) = Diff::start(content.trie(), root);
        if prefixes.is_empty() {
            return;
        }
        self.nonce += 1;
        fx.stats.diffs += 1;
        self.sessions.insert(to, Session { diff, root, nonce: self.nonce, progress: fx.now });
        fx.arm(fx.config.diff_timeout, Due::Diff(to, self.nonce));
        ask(to, root, &prefixes, fx);
    }

    /// A peer's answer.
    pub(crate) fn told(
        &mut self,
        from: Peer,
        root: Digest,
        summaries: &[Summary],
        content: &Content,
        fx: &mut Fx<'_>,
    ) {
        let Some(session) = self.sessions.get_mut(&from.addr) else { return };
        if session.root != root {
            self.sessions.remove(&from.addr);
            return;
        }
        session.progress = fx.now;
        match session.diff.handle(content.trie(), summaries) {
            Ok(step) => {
                // What only we have is for the peer to pull.
                let theirs = step.differs.iter().filter(|differs| differs.remote.is_some());
                let keys: Vec<Digest> = theirs.map(|differs| differs.key).collect();
                for keys in keys.chunks(fx.config.record_asks_max.max(1)) {
                    let keys = keys.to_vec();
                    fx.send(from.addr, Body::RecordAsk { keys }, Class::Directive);
                }
                ask(from.addr, root, &step.ask, fx);
                if step.done {
                    self.sessions.remove(&from.addr);
                }
            }
            Err(error) => {
                self.sessions.remove(&from.addr);
                fx.fault(from, Fault::malformed("trie summary", &format!("{error:?}")));
            }
        }
    }

    /// Looks whether a session still makes progress.
    pub(crate) fn timer(&mut self, addr: SocketAddr, nonce: u64, fx: &mut Fx<'_>) {
        let Some(session) = self.sessions.get(&addr).filter(|s| s.nonce == nonce) else { return };
        let silence = fx.now.since(session.progress);
        if silence >= fx.config.diff_timeout {
            self.sessions.remove(&addr);
        } else {
            fx.arm(fx.config.diff_timeout.saturating_sub(silence), Due::Diff(addr, nonce));
        }
    }

    /// The connection to a peer broke: its answers may be lost.
    pub(crate) fn disconnected(&mut self, addr: &SocketAddr) {
        self.sessions.remove(addr);
    }
}

fn ask(to: SocketAddr, root: Digest, prefixes: &[Prefix], fx: &mut Fx<'_>) {
    for prefixes in prefixes.chunks(ASKS_PER_FRAME) {
        let prefixes = prefixes.to_vec();
        fx.send(to, Body::TrieAsk { root, prefixes }, Class::Directive);
    }
}

/// Answers a peer's question. When our root is no longer the one it asked about it hears only
/// that.
pub(crate) fn answer(
    from: Peer,
    root: Digest,
    prefixes: &[Prefix],
    content: &Content,
    fx: &mut Fx<'_>,
) {
    if prefixes.len() > ASKS_PER_FRAME {
        let (actual, max) = (prefixes.len() as u64, ASKS_PER_FRAME as u64);
        fx.fault(from, Fault::OverLimit { what: "trie nodes asked for", actual, max });
        return;
    }
    let own = content.root();
    let known = if root == own { prefixes } else { &[] };
    let summaries = known.iter().map(|prefix| content.trie().summary(prefix)).collect();
    fx.send(from.addr, Body::TrieTell { root: own, summaries }, Class::Directive);
}
