//! Leases: a key that goes when we do.

use std::time::Duration;

use etcd_client::{Error, LeaseKeepAliveStream, LeaseKeeper};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::link::{Link, limited};
use crate::coordinator::CoordinatorError;

/// A granted lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    pub(super) id: i64,
    /// Until when it surely lives, by our own clock: counted from before the request was sent.
    good_until: Instant,
    ttl: Duration,
}

impl Lease {
    pub(super) async fn grant(link: &Link) -> Result<Lease, CoordinatorError> {
        let seconds = i64::try_from(link.config.lease_ttl.as_secs()).unwrap_or(60);
        let (asked, response) = link
            .request("grant a lease", |mut client| async move {
                let asked = Instant::now();
                Ok((asked, client.lease_grant(seconds, None).await?))
            })
            .await?;
        let ttl = Duration::from_secs(u64::try_from(response.ttl()).unwrap_or(0).max(1));
        Ok(Lease { id: response.id(), good_until: asked + ttl, ttl })
    }

    /// Keep the lease alive. Returns why it is lost: the server does not know it any more, or no
    /// answer came while it surely lived. Whatever stands on it must be given up then.
    pub(super) async fn hold(mut self, link: &Link) -> String {
        loop {
            let reason = match self.renew(link).await {
                Renewal::Gone => return "lease expired at the server".to_owned(),
                Renewal::Broken(error) => limited(&error.to_string()),
            };
            // The stream broke while the lease may still live: try again until it surely does not.
            let next = Instant::now() + self.ttl / 12;
            if next >= self.good_until {
                return format!("lease expired: {reason}");
            }
            sleep_until(next).await;
        }
    }

    /// Renew until something is wrong. Never waits beyond the time that the lease surely lives.
    async fn renew(&mut self, link: &Link) -> Renewal {
        let (mut keeper, mut answers) = match self.open(link).await {
            Ok(opened) => opened,
            Err(Error::LeaseKeepAliveError(_)) => return Renewal::Gone,
            Err(error) => return Renewal::Broken(error),
        };
        loop {
            // A third of its life: two renewals may be lost.
            sleep_until(Instant::now() + self.ttl / 3).await;
            let asked = Instant::now();
            if let Err(error) = keeper.keep_alive().await {
                return Renewal::Broken(error);
            }
            match timeout_at(self.patience(asked), answers.message()).await {
                // An expired lease is answered Ok with a ttl of 0.
                Ok(Ok(Some(answer))) if answer.ttl() <= 0 => return Renewal::Gone,
                Ok(Ok(Some(_))) => self.good_until = asked + self.ttl,
                Ok(Ok(None)) => return Renewal::Broken(late("stream closed")),
                Ok(Err(error)) => return Renewal::Broken(error),
                Err(_) => return Renewal::Broken(late("no answer to a renewal")),
            }
        }
    }

    async fn open(&mut self, link: &Link) -> Result<(LeaseKeeper, LeaseKeepAliveStream), Error> {
        let asked = Instant::now();
        let opened = timeout_at(self.patience(asked), async {
            let mut client = link.client().await?;
            client.lease_keep_alive(self.id).await
        });
        match opened.await {
            Ok(opened) => {
                let opened = opened?;
                self.good_until = asked + self.ttl;
                Ok(opened)
            }
            Err(_) => Err(late("no answer to a renewal")),
        }
    }

    /// How long to wait for the answer to a renewal.
    fn patience(&self, asked: Instant) -> Instant {
        (asked + self.ttl / 3).min(self.good_until)
    }

    /// End the lease and every key on it, if the server answers soon; otherwise it expires.
    pub(super) async fn revoke(self, link: &Link) {
        let revoked = link.attempt(|mut client| async move { client.lease_revoke(self.id).await });
        if revoked.await.is_err() {
            tracing::debug!(lease = self.id, "lease not revoked; it expires by itself");
        }
    }
}

enum Renewal {
    /// The server does not know the lease.
    Gone,
    /// We could not ask.
    Broken(Error),
}

fn late(what: &str) -> Error {
    Error::Internal(what.to_owned())
}
