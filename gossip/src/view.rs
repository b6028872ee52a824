//! The active view: the few peers that we keep a connection to and push to.
//!
//! Ring neighbours by node id on both sides keep the graph of all views connected; random ones
//! keep its diameter at about log n (HyParView, Leitão et al., DSN 2007, keeps its view random
//! alone and repairs connectivity by shuffles).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::Bound::{Excluded, Unbounded};

use crate::fx::{Due, Fx};
use crate::id::NodeId;
use crate::membership::Member;
use crate::output::Output;

#[derive(Debug)]
struct Link {
    node: NodeId,
    up: bool,
    failures: u32,
    redialling: bool,
}

/// Peers of the view and the connections that stand.
#[derive(Debug, Default)]
pub(crate) struct View {
    peers: BTreeMap<SocketAddr, Link>,
    /// Every outgoing connection that stands, also those of peers outside the view.
    open: BTreeSet<SocketAddr>,
}

impl View {
    /// Fits the view to the members. Returns peers that joined it over a connection that stands.
    pub(crate) fn update(
        &mut self,
        own: NodeId,
        members: &BTreeMap<NodeId, SocketAddr>,
        fx: &mut Fx<'_>,
    ) -> Vec<SocketAddr> {
        let max = fx.config.active_view_max.max(2);
        let gone = |addr: &SocketAddr, link: &Link| members.get(&link.node) != Some(addr);
        let gone: Vec<_> =
            self.peers.iter().filter(|(a, l)| gone(a, l)).map(|(addr, _)| *addr).collect();
        for addr in gone {
            self.drop_peer(addr, fx);
        }
        let ring = ring(own, members);
        let mut joined = Vec::new();
        for member in &ring {
            joined.extend(self.add(*member, fx));
        }
        while self.peers.len() > max {
            let spare = |link: &Link| ring.iter().all(|member| member.node != link.node);
            let spare: Vec<_> =
                self.peers.iter().filter(|(_, l)| spare(l)).map(|(addr, _)| *addr).collect();
            let Some(addr) = spare.get(fx.pick(spare.len())) else { break };
            self.drop_peer(*addr, fx);
        }
        if self.peers.len() < max {
            let mut rest: Vec<Member> = members
                .iter()
                .filter(|(_, addr)| !self.peers.contains_key(addr))
                .map(|(node, addr)| Member { node: *node, addr: *addr })
                .collect();
            while self.peers.len() < max && !rest.is_empty() {
                let member = rest.swap_remove(fx.pick(rest.len()));
                joined.extend(self.add(member, fx));
            }
        }
        joined
    }

    fn add(&mut self, member: Member, fx: &mut Fx<'_>) -> Option<SocketAddr> {
        if self.peers.contains_key(&member.addr) {
            return None;
        }
        let up = self.open.contains(&member.addr);
        let link = Link { node: member.node, up, failures: 0, redialling: false };
        self.peers.insert(member.addr, link);
        fx.out.push(Output::Connect { peer: member.addr });
        up.then_some(member.addr)
    }

    fn drop_peer(&mut self, addr: SocketAddr, fx: &mut Fx<'_>) {
        self.peers.remove(&addr);
        fx.out.push(Output::Disconnect { peer: addr });
    }

    /// A connection stands. Returns whether it is one of the view's.
    pub(crate) fn connected(&mut self, addr: SocketAddr) -> bool {
        self.open.insert(addr);
        match self.peers.get_mut(&addr) {
            Some(link) => {
                link.up = true;
                true
            }
            None => false,
        }
    }

    /// A connection ended or could not be opened: it is opened again after a pause that doubles
    /// with each failure.
    pub(crate) fn disconnected(&mut self, addr: SocketAddr, fx: &mut Fx<'_>) {
        self.open.remove(&addr);
        let Some(link) = self.peers.get_mut(&addr) else { return };
        // One that stood starts over: connections that are killed come back at once.
        link.failures = if link.up { 0 } else { link.failures.saturating_add(1) };
        link.up = false;
        if !link.redialling {
            link.redialling = true;
            let doubled = 2_u32.saturating_pow(link.failures.min(20));
            let after = fx.config.redial_min.saturating_mul(doubled).min(fx.config.redial_max);
            let after = fx.jitter(after, 2);
            fx.arm(after, Due::Redial(addr));
        }
    }

    /// The pause before a connection is opened again is over.
    pub(crate) fn redial(&mut self, addr: SocketAddr, fx: &mut Fx<'_>) {
        if let Some(link) = self.peers.get_mut(&addr) {
            link.redialling = false;
            if !link.up {
                fx.out.push(Output::Connect { peer: addr });
            }
        }
    }

    /// Whether the peer is in the view.
    pub(crate) fn contains(&self, addr: &SocketAddr) -> bool {
        self.peers.contains_key(addr)
    }

    /// Peers whose connection stands, by address.
    pub(crate) fn up(&self) -> impl Iterator<Item = SocketAddr> {
        self.peers.iter().filter(|(_, link)| link.up).map(|(addr, _)| *addr)
    }

    /// At most `count` of them at random.
    pub(crate) fn some(&self, count: usize, fx: &mut Fx<'_>) -> Vec<SocketAddr> {
        let mut up: Vec<_> = self.up().collect();
        let mut some = Vec::with_capacity(count.min(up.len()));
        while some.len() < count && !up.is_empty() {
            some.push(up.swap_remove(fx.pick(up.len())));
        }
        some
    }

    /// Every peer and whether its connection stands, by address.
    pub(crate) fn all(&self) -> Vec<(Member, bool)> {
        let peer =
            |(addr, link): (&SocketAddr, &Link)| (Member { node: link.node, addr: *addr }, link.up);
        self.peers.iter().map(peer).collect()
    }
}

/// The members next to `own` on both sides of the ring of node ids.
fn ring(own: NodeId, members: &BTreeMap<NodeId, SocketAddr>) -> Vec<Member> {
    let after = members.range((Excluded(own), Unbounded)).next().or(members.iter().next());
    let before = members.range(..own).next_back().or(members.iter().next_back());
    let mut ring: Vec<Member> = [after, before]
        .into_iter()
        .flatten()
        .map(|(node, addr)| Member { node: *node, addr: *addr })
        .collect();
    ring.dedup();
    ring
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(n: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], u16::from(n)))
    }

    #[test]
    fn the_ring_closes() {
        let members: BTreeMap<_, _> =
            [1, 3, 9].into_iter().map(|n| (NodeId([n; 16]), addr(n))).collect();
        let around = |n: u8| -> Vec<u8> {
            ring(NodeId([n; 16]), &members).iter().map(|member| member.node.0[0]).collect()
        };
        for (own, expected) in [(2, vec![3, 1]), (0, vec![1, 9]), (10, vec![1, 9])] {
            assert_eq!(around(own), expected, "neighbours of {own}");
        }
        let one = members.into_iter().take(1).collect();
        assert_eq!(ring(NodeId([5; 16]), &one).len(), 1);
        assert!(ring(NodeId([5; 16]), &BTreeMap::new()).is_empty());
    }
}
