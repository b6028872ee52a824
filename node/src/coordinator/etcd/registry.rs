//! The node registry: each node's address on its own lease.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::PutOptions;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::lease::Lease;
use super::link::Link;
use crate::coordinator::CoordinatorError;

/// Between a lost registration and the next attempt.
const PAUSE: Duration = Duration::from_millis(500);

/// Put the record in place on a new lease.
pub(super) async fn put(link: &Link, key: &str, value: &[u8]) -> Result<Lease, CoordinatorError> {
    let lease = Lease::grant(link).await?;
    let put = link
        .request("register a node", |mut client| async move {
            client.put(key, value, Some(PutOptions::new().with_lease(lease.id))).await
        })
        .await;
    match put {
        Ok(_) => Ok(lease),
        Err(error) => {
            lease.revoke(link).await;
            Err(error)
        }
    }
}

/// Keep the record in place, on new leases when one is lost, until `dropped` resolves.
pub(super) async fn keep(
    link: Arc<Link>,
    key: String,
    value: Vec<u8>,
    mut lease: Option<Lease>,
    mut dropped: oneshot::Receiver<()>,
) {
    loop {
        if let Some(held) = lease.take() {
            tokio::select! {
                reason = held.hold(&link) => {
                    tracing::warn!(key, reason, "node registration lost; registering again");
                }
                _ = &mut dropped => {
                    held.revoke(&link).await;
                    return;
                }
            }
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = &mut dropped => return,
        }
        // Finished even when dropped meanwhile, so that a lease just granted is revoked.
        lease = put(&link, &key, &value)
            .await
            .inspect_err(|error| tracing::debug!(key, %error, "node not registered yet"))
            .ok();
    }
}
