//! Standing for controller: whoever creates the leader key, on its own lease, leads.
//!
//! The term is the revision at which the key was created, so it grows with every leader of one
//! etcd history. A leader gives up before its lease can expire at the server, by its own clock,
//! and when its key is gone or somebody else's. This is not a lock: between the two clocks two
//! nodes may believe to lead for a moment, and what a controller does is made for that (events
//! with a key, directives by compare-and-swap).

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Client, Compare, CompareOp, Error, KeyValue, PutOptions, Txn, TxnOp};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::lease::Lease;
use super::link::{Link, limited};
use super::watch::changes_of_key;
use crate::coordinator::{CoordinatorError, Leadership, NAME_BYTES_MAX};

/// Between a lost leadership and the next attempt.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a follower trusts its watch of the leader key before it looks again.
const FOLLOW_MAX: Duration = Duration::from_secs(10);

/// Tells leadership changes and notices when nobody listens any more.
struct Teller {
    tell: mpsc::Sender<Leadership>,
    last: Option<Leadership>,
}

impl Teller {
    async fn tell(&mut self, now: Leadership) {
        let both_lost =
            matches!((&self.last, &now), (Some(Leadership::Lost { .. }), Leadership::Lost { .. }));
        if both_lost || self.last.as_ref() == Some(&now) {
            return;
        }
        self.last = Some(now.clone());
        // A closed channel is noticed by `run`.
        let _ = self.tell.send(now).await;
    }
}

/// Stand until nobody listens; then resign.
pub(super) async fn run(link: Arc<Link>, node: String, tell: mpsc::Sender<Leadership>) {
    let listening = tell.clone();
    let mut teller = Teller { tell, last: None };
    while !listening.is_closed() {
        let granted = tokio::select! {
            granted = Lease::grant(&link) => granted,
            () = listening.closed() => return,
        };
        let reason = match granted {
            Err(error) => error.to_string(),
            Ok(lease) => {
                let reason = tokio::select! {
                    reason = lease.hold(&link) => Some(reason),
                    reason = stand(&link, &node, lease.id, &mut teller) => Some(reason),
                    () = listening.closed() => None,
                };
                // Told before anything else is awaited: the next leader may begin at any moment.
                if let Some(reason) = reason.clone() {
                    teller.tell(Leadership::Lost { reason }).await;
                }
                // Takes our key with it, so that the next leader need not wait for the expiry.
                lease.revoke(&link).await;
                let Some(reason) = reason else { return };
                reason
            }
        };
        teller.tell(Leadership::Lost { reason }).await;
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = listening.closed() => return,
        }
    }
}

/// Stand on a lease that somebody else holds. Returns why it has to be given up.
async fn stand(link: &Link, node: &str, lease: i64, teller: &mut Teller) -> String {
    loop {
        let seen = match take_or_look(link, node, lease).await {
            Ok(seen) => seen,
            Err(error) => return error.to_string(),
        };
        let Some(holder) = seen.holder else {
            // Gone between the two requests: stand again.
            continue;
        };
        if holder.lease() == lease {
            let term = u64::try_from(holder.create_revision()).unwrap_or(0);
            teller.tell(Leadership::Leader { term }).await;
            return match changes_of_key(link, &link.keys.leader(), seen.revision + 1).await {
                Ok(()) => "the leader key was changed by somebody else".to_owned(),
                Err(reason) => reason,
            };
        }
        let name = String::from_utf8_lossy(holder.value());
        let leader = name.chars().take(NAME_BYTES_MAX).collect();
        teller.tell(Leadership::Follower { leader }).await;
        let key = link.keys.leader();
        match timeout(FOLLOW_MAX, changes_of_key(link, &key, seen.revision + 1)).await {
            // Changed, or long enough: look again.
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(reason)) => return reason,
        }
    }
}

struct Seen {
    revision: i64,
    holder: Option<KeyValue>,
}

/// Create the leader key if there is none, and say what stands there then.
async fn take_or_look(link: &Link, node: &str, lease: i64) -> Result<Seen, CoordinatorError> {
    let key = link.keys.leader();
    let (key, node) = (key.as_str(), node);
    link.request("campaign", |mut client| async move {
        let absent = Compare::version(key, CompareOp::Equal, 0);
        put_if(&mut client, absent, key, node, lease).await?;
        let seen = look(&mut client, key).await?;
        match &seen.holder {
            // No controller writes the key without a lease: it would block elections for ever.
            Some(holder) if holder.lease() == 0 => {
                tracing::warn!(
                    key,
                    value = limited(&String::from_utf8_lossy(holder.value())),
                    "leader key without a lease was not written by a controller; replacing it"
                );
                let same = Compare::mod_revision(key, CompareOp::Equal, holder.mod_revision());
                put_if(&mut client, same, key, node, lease).await?;
                look(&mut client, key).await
            }
            _ => Ok(seen),
        }
    })
    .await
}

async fn put_if(
    client: &mut Client,
    condition: Compare,
    key: &str,
    node: &str,
    lease: i64,
) -> Result<(), Error> {
    let put = TxnOp::put(key, node, Some(PutOptions::new().with_lease(lease)));
    client.txn(Txn::new().when([condition]).and_then([put])).await.map(|_| ())
}

async fn look(client: &mut Client, key: &str) -> Result<Seen, Error> {
    let mut response = client.get(key, None).await?;
    let revision = response.header().map_or(0, |header| header.revision());
    Ok(Seen { revision, holder: response.take_kvs().pop() })
}
