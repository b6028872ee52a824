//! Requests to etcd that end in bounded time.
//!
//! etcd-client retries nothing and a dead endpoint among good ones fails a third of the requests,
//! so attempts are ours: each has a timeout, those that failed for a reason that may pass are
//! repeated with a growing pause until the request's time is up. Every request that goes through
//! here is a read, a compare-and-swap, or the write of a value that only we write, so a repeated
//! one does no harm.

use std::future::Future;
use std::time::Duration;

use etcd_client::{Client, ConnectOptions, Error};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::EtcdConfig;
use super::keys::Keys;
use crate::coordinator::CoordinatorError;

/// First pause between attempts; each next one is twice as long, up to the second.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A connection and how it is used.
pub(super) struct Link {
    pub(super) config: EtcdConfig,
    pub(super) keys: Keys,
    options: ConnectOptions,
    /// Made on first use: with a user it talks to the server, which may be away.
    client: Mutex<Option<Client>>,
}

/// Why an attempt failed.
pub(super) enum Failure {
    /// It may pass: no connection, no leader, too slow.
    Passing(String),
    /// It will not: the server understood and said no.
    Final(String),
}

impl Link {
    /// Check the settings; nothing is opened.
    pub(super) fn new(config: EtcdConfig) -> Result<Link, CoordinatorError> {
        let options = config.options()?;
        let keys = Keys::new(&config.prefix);
        Ok(Link { config, keys, options, client: Mutex::new(None) })
    }

    pub(super) fn endpoint(&self) -> String {
        self.config.endpoints.join(", ")
    }

    pub(super) async fn client(&self) -> Result<Client, Error> {
        let mut held = self.client.lock().await;
        if let Some(client) = held.as_ref() {
            return Ok(client.clone());
        }
        let client = Client::connect(&self.config.endpoints, Some(self.options.clone())).await?;
        *held = Some(client.clone());
        Ok(client)
    }

    /// One attempt, bounded by the attempt timeout.
    pub(super) async fn attempt<T, F>(&self, ask: impl FnOnce(Client) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let bounded = timeout(self.config.attempt_timeout, async {
            let client = self.client().await?;
            ask(client).await
        });
        match bounded.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(classify(&error)),
            Err(_) => {
                let waited = self.config.attempt_timeout;
                Err(Failure::Passing(format!("no answer within {waited:?}")))
            }
        }
    }

    /// Ask until an answer, a refusal, or the end of the request's time. `what` completes
    /// "refused to …".
    pub(super) async fn request<T, F>(
        &self,
        what: &str,
        mut ask: impl FnMut(Client) -> F,
    ) -> Result<T, CoordinatorError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let started = Instant::now();
        let deadline = started + self.config.request_timeout;
        let mut pause = PAUSE_MIN;
        loop {
            let reason = match self.attempt(&mut ask).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(reason)) => {
                    let (endpoint, what) = (self.endpoint(), what.to_owned());
                    return Err(CoordinatorError::Refused { endpoint, what, reason });
                }
                Err(Failure::Passing(reason)) => reason,
            };
            if Instant::now() + pause >= deadline {
                let (endpoint, waited) = (self.endpoint(), started.elapsed());
                return Err(CoordinatorError::Unreachable { endpoint, waited, reason });
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// The gRPC codes of answers that repeating does not change, with their names.
const FINAL: [(i32, &str); 7] = [
    (3, "invalid argument"),
    (6, "already exists"),
    (7, "permission denied"),
    (8, "resource exhausted"),
    (9, "failed precondition"),
    (12, "unimplemented"),
    (16, "unauthenticated"),
];

fn classify(error: &Error) -> Failure {
    match error {
        Error::GRpcStatus(status) => {
            let code = status.code() as i32;
            let message = limited(status.message());
            match FINAL.iter().find(|(known, _)| *known == code) {
                Some((_, name)) => Failure::Final(format!("{name}: {message}")),
                None => Failure::Passing(message),
            }
        }
        Error::InvalidArgs(_) | Error::InvalidUri(_) | Error::InvalidMetadataValue(_) => {
            Failure::Final(limited(&error.to_string()))
        }
        other => Failure::Passing(limited(&other.to_string())),
    }
}

/// What the other side says, at most 200 characters of it.
pub(super) fn limited(text: &str) -> String {
    text.chars().take(200).collect()
}
