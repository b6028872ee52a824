//! The HTTP client of the verbs: one request, one connection, to an agent on this machine.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::{TcpStream, UnixStream};

use super::address::Address;
use super::exit::Exit;
use super::failure::Failure;
use crate::api::problem::Problem;

/// Longest wait for a connection. An agent is on this machine: one that takes longer is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer that is read: a whole bundle.
const ANSWER_BYTES_MAX: usize = cairn_ruleset::upload::UPLOAD_BYTES_MAX;

/// A way to one agent.
#[derive(Clone, Debug)]
pub struct Client {
    address: Address,
    timeout: Duration,
}

/// What an agent answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Client {
    /// A client of the agent at `address` that gives up on an answer after `timeout`.
    pub fn new(address: Address, timeout: Duration) -> Client {
        Client { address, timeout }
    }

    /// The same with another patience.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Client {
        Client { timeout, ..self.clone() }
    }

    /// Where it sends to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// `GET`, decoded from JSON.
    ///
    /// # Errors
    /// Exit code 6 when the agent does not answer, else what the agent's problem document says.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.send(Method::GET, path, &[], Bytes::new()).await?.decode()
    }

    /// `POST` of JSON, decoded from JSON.
    ///
    /// # Errors
    /// As [`Client::read`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<T, Failure> {
        let mut all = vec![("content-type", "application/json".to_owned())];
        all.extend_from_slice(headers);
        self.send(Method::POST, path, &all, Bytes::from(body)).await?.decode()
    }

    /// One request, whatever its answer.
    ///
    /// # Errors
    /// Exit code 6 when there is no agent, 5 when it does not answer in time.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(Full::new(body));
        let asked = format!("{method} {path}");
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|error| {
            Failure::internal(format!("`{path}` is not a request path: {error}"))
        })?;
        let host = match &self.address {
            Address::Http(host) => host.as_str(),
            Address::Unix(_) => "localhost",
        };
        for (name, value) in headers.iter().map(|(n, v)| (*n, v.as_str())).chain([("host", host)]) {
            let value = HeaderValue::from_str(value)
                .map_err(|_| Failure::usage(format!("`{value}` cannot stand in a header")))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let exchange = async {
            match &self.address {
                Address::Http(host) => {
                    let stream = self.connect(TcpStream::connect(host.clone())).await?;
                    stream.set_nodelay(true).map_err(|error| self.lost(&error))?;
                    self.exchange(TokioIo::new(stream), request).await
                }
                Address::Unix(path) => {
                    let stream = self.connect(UnixStream::connect(path)).await?;
                    self.exchange(TokioIo::new(stream), request).await
                }
            }
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::new(
                Exit::Timeout,
                format!("no answer from {} to {asked} within {:?}", self.address, self.timeout),
            )
            .hint("raise --timeout; what was asked may still happen")),
        }
    }

    async fn connect<S>(
        &self,
        connecting: impl Future<Output = std::io::Result<S>>,
    ) -> Result<S, Failure> {
        let reason = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no connection within {CONNECT_TIMEOUT:?}"),
        };
        Err(Failure::new(Exit::Unreachable, format!("no agent at {}: {reason}", self.address))
            .hint("start one with `cairn dev` or `cairn agent`, or point CAIRN_ADDR at one"))
    }

    async fn exchange<I>(&self, io: I, request: Request<Full<Bytes>>) -> Result<Answer, Failure>
    where
        I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(io).await.map_err(|error| self.lost(&error))?;
        // The connection does the reading and writing; it ends when the sender is dropped.
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| self.lost(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| self.lost(&error))?
            .to_bytes();
        drop(sender);
        driver.abort();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    fn lost(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::new(Exit::Unreachable, format!("{} stopped answering: {error}", self.address))
            .hint("look at the agent's log")
    }
}

impl Answer {
    /// The body as JSON, or the failure that the agent's problem document describes.
    ///
    /// # Errors
    /// Every status of 400 and above.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T, Failure> {
        let answer = self.success()?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            Failure::internal(format!(
                "the agent's answer is not what this version expects: {error}"
            ))
            .hint("use the same version of cairn on both sides")
        })
    }

    /// Itself, unless the status is 400 or above.
    ///
    /// # Errors
    /// The problem document as a [`Failure`].
    pub fn success(self) -> Result<Answer, Failure> {
        if self.status.as_u16() < 400 {
            return Ok(self);
        }
        let problem = serde_json::from_slice::<Problem>(&self.body).unwrap_or_else(|_| Problem {
            detail: String::from_utf8_lossy(&self.body[..self.body.len().min(500)]).into_owned(),
            ..Problem::of(self.status, "unknown", "the agent refused")
        });
        let exit = match (problem.code.as_str(), self.status) {
            ("coordinator-unreachable" | "unreachable", _) => Exit::Unreachable,
            (_, StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED) => Exit::Conflict,
            (_, StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT) => Exit::Timeout,
            (_, StatusCode::UNPROCESSABLE_ENTITY) => Exit::Findings,
            (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY) => Exit::Unreachable,
            (_, status) if status.is_client_error() => Exit::Usage,
            _ => Exit::Internal,
        };
        let message = match problem.detail.is_empty() {
            true => problem.title,
            false => format!("{}: {}", problem.title, problem.detail),
        };
        Err(Failure { hint: problem.hint, ..Failure::new(exit, message) })
    }
}
