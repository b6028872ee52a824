//! What peers tell of themselves, who they are, and what they know of us.

use std::net::SocketAddr;

use bytes::Bytes;
use cairn_gossip::{Dot, NodeId};

use super::running::Running;
use super::telling::NodeState;
use crate::coordinator::NodeRecord;

impl Running {
    /// Tell the peers where this node's channels are, when that changed.
    pub(super) fn report_status(&mut self) {
        let state = Bytes::from(self.own_state().encode());
        self.tell(cairn_gossip::Input::SetStatus(state).into());
    }

    /// What a member told last.
    pub(super) fn member_state(&self, node: &NodeId) -> Option<NodeState> {
        NodeState::decode(&self.core.replica().status(node)?.bytes)
    }

    /// The coordinator's registry names a node: a way into the cluster without configured seeds.
    pub(super) fn registered(&mut self, node: &NodeRecord) {
        if node.id == self.node {
            return;
        }
        match node.addr.parse::<SocketAddr>() {
            Ok(addr) => {
                self.coordination.seeds.insert(node.id, addr);
                let seeds = self.coordination.seeds.values().copied().collect();
                self.tell(cairn_gossip::Input::Seeds(seeds).into());
            }
            Err(error) => tracing::warn!(node.addr, %error, "a registered node cannot be dialled"),
        }
    }

    /// Peers know later writes of this origin than this disk does: the directory was rewound.
    /// Take a new origin; the old one's events stay what they are.
    pub(super) fn retire_origin(&mut self, seen: Dot) {
        tracing::error!(%seen, "peers know more of this origin than this disk: it was rewound");
        self.metrics.alarm();
        self.stopping = Some(match self.store.retire_origin() {
            Ok(()) => format!(
                "the state directory was rewound (peers know {seen}): the next start takes a new origin"
            ),
            Err(error) => format!(
                "the state directory was rewound, and no new origin could be taken: {error}"
            ),
        });
    }
}
