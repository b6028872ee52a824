//! Standing for controller among the agents of one process: the one that came first leads.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::Shared;
use crate::coordinator::Leadership;

/// A place in the queue; dropping it resigns.
struct Seat {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.state().withdraw(self.number);
        self.shared.changed();
    }
}

impl Seat {
    fn look(&self) -> Leadership {
        match self.shared.state().leader() {
            Some((seat, _, term)) if seat == self.number => Leadership::Leader { term },
            Some((_, leader, _)) => Leadership::Follower { leader: leader.to_owned() },
            // Unreachable while our own seat is in the queue; said rather than asserted.
            None => Leadership::Lost { reason: "nobody stands".to_owned() },
        }
    }
}

pub(super) fn stream(shared: Arc<Shared>, node: String) -> BoxStream<'static, Leadership> {
    let changes = shared.changes.subscribe();
    let number = shared.state().stand(node);
    shared.changed();
    let seat = Seat { shared, number };
    stream::unfold((seat, changes, None), |(seat, mut changes, last)| async move {
        loop {
            changes.mark_unchanged();
            let now = seat.look();
            if last.as_ref() != Some(&now) {
                return Some((now.clone(), (seat, changes, Some(now))));
            }
            // Our seat holds the sender, so this cannot fail; if it did, the stream would end.
            changes.changed().await.ok()?;
        }
    })
    .boxed()
}
