//! A TCP proxy for real-process tests: it breaks connections the way a bad network does.
//!
//! It listens on a loopback port that the system picks and forwards every connection to one
//! target, which may move (a process that restarts elsewhere). On request it cuts connections at
//! random several times a second, by reset or by close, in the middle of a frame; or it goes
//! silent (connections stay open, no byte passes). It counts what it did, so that a test can
//! prove that there was something to survive.
//!
//! The choice of victims comes from a seed; the instants at which it strikes come from the real
//! clock, because what it attacks are real processes.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Bytes forwarded at once. Small, so that a cut falls inside a frame.
const CHUNK_BYTES: usize = 4 * 1024;

/// A cut waits at most this long for traffic to cut through.
const CUT_WAIT: Duration = Duration::from_millis(30);

/// Connections open through one proxy at a time; one more is closed at once.
const CONNECTIONS_MAX: usize = 1_024;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `RST`: what was in flight is lost.
    Reset,
    /// `FIN`: an orderly close, though in the middle of a frame.
    Close,
}

/// An order to one connection: forward so many bytes more, then end.
#[derive(Clone, Copy, Debug)]
struct Cut {
    style: Style,
    after_bytes: usize,
}

/// An order to the proxy.
#[derive(Debug)]
enum Order {
    CutAll,
}

/// What every connection watches.
#[derive(Clone, Copy, Debug)]
struct Weather {
    target: SocketAddr,
    /// No byte passes and no new connection reaches the target.
    silent: bool,
    /// Cuts a second, over all connections together; zero is fair weather.
    cuts_per_second: u32,
}

/// What the proxy has done so far.
#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    cut: AtomicU64,
    forwarded_bytes: AtomicU64,
}

/// A running proxy. Dropping it closes its port and every connection through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    orders: mpsc::UnboundedSender<Order>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free loopback port and forwards to `target`, in fair weather.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub async fn start(target: SocketAddr, seed: u64) -> io::Result<Proxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (weather, watched) =
            watch::channel(Weather { target, silent: false, cuts_per_second: 0 });
        let (orders, ordered) = mpsc::unbounded_channel();
        let counts = Arc::new(Counts::default());
        let front = Front {
            listener,
            watched,
            ordered,
            counts: Arc::clone(&counts),
            rng: StdRng::seed_from_u64(seed),
            open: BTreeMap::new(),
            next_id: 0,
        };
        let task = tokio::spawn(front.run());
        Ok(Proxy { address, weather, orders, counts, task })
    }

    /// Where to connect instead of the target.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends new connections to another target; open ones stay with the old.
    pub fn retarget(&self, target: SocketAddr) {
        self.weather.send_if_modified(|now| std::mem::replace(&mut now.target, target) != target);
    }

    /// Cuts about this many connections a second from now on; zero stops.
    pub fn storm(&self, cuts_per_second: u32) {
        self.weather.send_if_modified(|now| {
            std::mem::replace(&mut now.cuts_per_second, cuts_per_second) != cuts_per_second
        });
    }

    /// Swallows nothing and passes nothing until [`Proxy::resume`]: a black hole.
    pub fn pause(&self) {
        self.weather.send_if_modified(|now| !std::mem::replace(&mut now.silent, true));
    }

    /// Ends a [`Proxy::pause`]; held bytes flow again.
    pub fn resume(&self) {
        self.weather.send_if_modified(|now| std::mem::replace(&mut now.silent, false));
    }

    /// Cuts every open connection once.
    pub fn cut_all(&self) {
        // The task holds the other end for as long as `self` lives.
        let _ = self.orders.send(Order::CutAll);
    }

    /// Connections accepted since the start.
    #[must_use]
    pub fn accepted_count(&self) -> u64 {
        self.counts.accepted.load(Ordering::Relaxed)
    }

    /// Connections that this proxy killed since the start.
    #[must_use]
    pub fn cut_count(&self) -> u64 {
        self.counts.cut.load(Ordering::Relaxed)
    }

    /// Bytes forwarded in both directions since the start.
    #[must_use]
    pub fn forwarded_bytes(&self) -> u64 {
        self.counts.forwarded_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The task owns the listener and the set of connections: both close with it.
        self.task.abort();
    }
}

/// The accepting side: owns the port, the connections and the seeded choice of victims.
struct Front {
    listener: TcpListener,
    watched: watch::Receiver<Weather>,
    ordered: mpsc::UnboundedReceiver<Order>,
    counts: Arc<Counts>,
    rng: StdRng,
    open: BTreeMap<u64, mpsc::Sender<Cut>>,
    next_id: u64,
}

impl Front {
    async fn run(mut self) {
        let mut connections: JoinSet<u64> = JoinSet::new();
        loop {
            let cuts_per_second = self.watched.borrow_and_update().cuts_per_second;
            let strike = async {
                match Duration::from_secs(1).checked_div(cuts_per_second) {
                    Some(gap) => tokio::time::sleep(gap).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                accepted = self.listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        self.admit(stream, &mut connections);
                    }
                }
                Some(ended) = connections.join_next() => {
                    if let Ok(id) = ended {
                        self.open.remove(&id);
                    }
                }
                Some(Order::CutAll) = self.ordered.recv() => {
                    for id in self.open.keys().copied().collect::<Vec<_>>() {
                        self.cut(id);
                    }
                }
                () = strike => {
                    if !self.open.is_empty() {
                        let index = self.rng.random_range(0..self.open.len());
                        if let Some(id) = self.open.keys().nth(index).copied() {
                            self.cut(id);
                        }
                    }
                }
                changed = self.watched.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, connections: &mut JoinSet<u64>) {
        if self.open.len() >= CONNECTIONS_MAX {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.counts.accepted.fetch_add(1, Ordering::Relaxed);
        let (cutter, cuts) = mpsc::channel(1);
        self.open.insert(id, cutter);
        let watched = self.watched.clone();
        let counts = Arc::clone(&self.counts);
        connections.spawn(async move {
            forward(stream, watched, cuts, counts).await;
            id
        });
    }

    fn cut(&mut self, id: u64) {
        let cut = Cut {
            style: if self.rng.random_bool(0.5) { Style::Reset } else { Style::Close },
            after_bytes: self.rng.random_range(0..256),
        };
        if let Some(cutter) = self.open.remove(&id)
            && cutter.try_send(cut).is_ok()
        {
            self.counts.cut.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Carries one connection until an end closes it or a cut comes.
async fn forward(
    mut near: TcpStream,
    mut watched: watch::Receiver<Weather>,
    mut cuts: mpsc::Receiver<Cut>,
    counts: Arc<Counts>,
) {
    let fair = watched.wait_for(|now| !now.silent).await.map(|now| now.target);
    let Ok(target) = fair else { return };
    let Ok(mut far) = TcpStream::connect(target).await else {
        return;
    };
    // Small frames must not wait for each other: latency here is not what is tested.
    let _ = near.set_nodelay(true);
    let _ = far.set_nodelay(true);

    let (mut upward, mut downward) = (vec![0_u8; CHUNK_BYTES], vec![0_u8; CHUNK_BYTES]);
    let mut cut: Option<Cut> = None;
    let mut left_bytes = usize::MAX;
    loop {
        if left_bytes == 0 {
            break;
        }
        if watched.wait_for(|now| !now.silent).await.is_err() {
            return;
        }
        let moved = tokio::select! {
            read = near.read(&mut upward) => pass(read, &upward, &mut far, left_bytes).await,
            read = far.read(&mut downward) => pass(read, &downward, &mut near, left_bytes).await,
            Some(ordered) = cuts.recv(), if cut.is_none() => {
                left_bytes = ordered.after_bytes;
                cut = Some(ordered);
                Some(0)
            }
            () = tokio::time::sleep(CUT_WAIT), if cut.is_some() => break,
            changed = watched.changed() => {
                if changed.is_err() {
                    return;
                }
                Some(0)
            }
        };
        let Some(moved_bytes) = moved else { break };
        counts.forwarded_bytes.fetch_add(moved_bytes as u64, Ordering::Relaxed);
        if cut.is_some() {
            left_bytes -= moved_bytes;
        }
    }
    if cut.is_some_and(|cut| cut.style == Style::Reset) {
        let _ = near.set_zero_linger();
        let _ = far.set_zero_linger();
    }
}

/// Writes what was read, at most `bytes_max` of it; `None` when either end is gone.
async fn pass(
    read: io::Result<usize>,
    buffer: &[u8],
    to: &mut TcpStream,
    bytes_max: usize,
) -> Option<usize> {
    let length = read.ok().filter(|length| *length > 0)?;
    let part = buffer.get(..length.min(bytes_max))?;
    to.write_all(part).await.ok()?;
    Some(part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every byte with `mark`.
    async fn answering(mark: u8) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).await.is_ok() {
                        if stream.write_all(&[mark]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (address, task)
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
        stream.write_all(&[1]).await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn forwards_and_follows_a_moved_target() {
        let (first, _one) = answering(b'a').await;
        let (second, _two) = answering(b'b').await;
        let proxy = Proxy::start(first, 1).await.unwrap();
        let mut old = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(ask(&mut old).await.unwrap(), b'a');
        proxy.retarget(second);
        let mut new = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(ask(&mut new).await.unwrap(), b'b');
        assert_eq!(ask(&mut old).await.unwrap(), b'a');
        assert_eq!(proxy.cut_count(), 0);
        assert_eq!(proxy.accepted_count(), 2);
    }

    #[tokio::test]
    async fn a_storm_kills_connections_until_it_ends() {
        let (target, _server) = answering(b'a').await;
        let proxy = Proxy::start(target, 7).await.unwrap();
        proxy.storm(200);
        let mut deaths = 0;
        while deaths < 5 {
            let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
            while ask(&mut stream).await.is_ok() {}
            deaths += 1;
        }
        assert!(proxy.cut_count() >= 5, "{} cuts", proxy.cut_count());
        proxy.storm(0);
        // A strike may already be on its way: a fresh connection must outlive it in the end.
        let mut survived = 0;
        while survived < 500 {
            let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
            survived = 0;
            while survived < 500 && ask(&mut stream).await.is_ok() {
                survived += 1;
            }
        }
    }

    #[tokio::test]
    async fn every_open_connection_can_be_cut_at_once() {
        let (target, _server) = answering(b'a').await;
        let proxy = Proxy::start(target, 3).await.unwrap();
        let mut streams = Vec::new();
        for _ in 0..8 {
            let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
            ask(&mut stream).await.unwrap();
            streams.push(stream);
        }
        proxy.cut_all();
        for mut stream in streams {
            while ask(&mut stream).await.is_ok() {}
        }
        assert_eq!(proxy.cut_count(), 8);
    }

    #[tokio::test]
    async fn a_pause_holds_bytes_and_a_resume_lets_them_go() {
        let (target, _server) = answering(b'a').await;
        let proxy = Proxy::start(target, 1).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        ask(&mut stream).await.unwrap();
        proxy.pause();
        let mut late = TcpStream::connect(proxy.address()).await.unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(50), ask(&mut late)).await;
        assert!(quiet.is_err(), "a byte passed a black hole");
        proxy.resume();
        assert_eq!(late.read_u8().await.unwrap(), b'a');
        assert_eq!(ask(&mut stream).await.unwrap(), b'a');
    }

    #[tokio::test]
    async fn a_dropped_proxy_leaves_no_port_and_no_connection() {
        let (target, _server) = answering(b'a').await;
        let proxy = Proxy::start(target, 1).await.unwrap();
        let address = proxy.address();
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream).await.unwrap();
        drop(proxy);
        while ask(&mut stream).await.is_ok() {}
        while TcpStream::connect(address).await.is_ok() {}
    }
}
