//! Connections of the local API: how many at once, and how long one may say nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Bounds of one socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections served at once. One more waits in the system's queue until another ends: games
    /// and tools of one machine need some dozens, and a program that leaks connections must not
    /// take the agent's file descriptors.
    pub(super) count_max: usize,
    /// How long a connection may take to say what it wants, also between two requests. One that
    /// says nothing is closed.
    pub(super) header_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { count_max: 1_024, header_timeout: Duration::from_secs(60) }
    }
}

/// Accepts and serves until `stopping` is true, then lets open requests end.
pub(super) async fn serve<L: Listener>(
    mut listener: L,
    routes: Router,
    mut stopping: watch::Receiver<bool>,
    limits: Limits,
) {
    let places = Arc::new(Semaphore::new(limits.count_max));
    let mut open = JoinSet::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await.0, place)
        };
        let (io, place) = tokio::select! {
            accepted = accepted => accepted,
            // The sender is gone only when the server is.
            _ = stopping.wait_for(|stopping| *stopping) => break,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
        };
        let (routes, mut stopping) = (routes.clone(), stopping.clone());
        open.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.header_timeout)
                .serve_connection(TokioIo::new(io), TowerToHyperService::new(routes));
            let mut connection = std::pin::pin!(connection);
            // How a client's connection ends is the client's business.
            let stop = async {
                // The sender is gone only when the server is.
                let _ = stopping.wait_for(|stopping| *stopping).await;
            };
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection of the API ended");
            }
            drop(place);
        });
    }
    while open.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn server(limits: Limits) -> (std::net::SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let routes = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(serve(listener, routes, stopping, limits));
        (addr, stop)
    }

    async fn ask(stream: &mut TcpStream) {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn one_connection_too_many_waits_for_another_to_end() {
        let limits = Limits { count_max: 2, ..Limits::default() };
        let (addr, _stop) = server(limits).await;
        let mut open = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            ask(&mut stream).await;
            open.push(stream);
        }
        let mut third = TcpStream::connect(addr).await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(50), ask(&mut third)).await;
        assert!(waits.is_err(), "the third was served");
        drop(open.pop());
        let mut answer = [0; 12];
        third.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn who_says_nothing_or_half_a_request_is_closed() {
        let limits = Limits { header_timeout: Duration::from_millis(20), ..Limits::default() };
        let (addr, _stop) = server(limits).await;
        for said in ["", "GET / HT"] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_stop_ends_idle_connections() {
        let (addr, stop) = server(Limits::default()).await;
        let mut stream = TcpStream::connect(addr).await.unwrap();
        ask(&mut stream).await;
        stop.send(true).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
}
