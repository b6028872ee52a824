//! What a link does with peers that behave, and with those that do not.

use std::time::Duration;

use cairn_gossip::frame::{FRAME_BYTES_MAX, PROTOCOL};
use cairn_gossip::{FrameError, Hello};
use cairn_merkle::Digest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

struct End {
    links: Links,
    addr: SocketAddr,
    events: mpsc::Receiver<LinkEvent>,
}

fn limits() -> LinkLimits {
    LinkLimits {
        peer_queue_bytes_max: 1 << 20,
        queue_bytes_max: 1 << 30,
        incoming_count_max: 8,
        idle_timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(5),
    }
}

fn hello(cluster: u8, addr: SocketAddr) -> Hello {
    let name = "test".to_owned();
    let (cluster, node) = (Digest([cluster; 32]), NodeId([cluster; 16]));
    Hello { cluster, protocol: PROTOCOL, node, addr, name }
}

async fn end(cluster: u8, limits: LinkLimits) -> End {
    let (listener, addr) = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (tell, events) = mpsc::channel(16);
    let metrics = Arc::new(Metrics::new());
    let links = Links::start(listener, hello(cluster, addr), limits, tell, metrics).unwrap();
    End { links, addr, events }
}

impl End {
    async fn next(&mut self) -> LinkEvent {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.unwrap().unwrap()
    }
}

fn frame(byte: u8) -> Frame {
    Frame::new(Body::Have { digest: Digest([byte; 32]) })
}

/// Write bytes to a link that listens, and read until it closes.
async fn closed_after(addr: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // The other side may close before all of it is written.
    let _ = stream.write_all(bytes).await;
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(read.is_err() || rest.is_empty(), "nothing is answered");
}

#[tokio::test]
async fn what_one_sends_the_other_receives_in_order() {
    let (mut one, mut two) = (end(1, limits()).await, end(1, limits()).await);
    one.links.connect(two.addr);
    let up = one.next().await;
    assert!(matches!(up, LinkEvent::Connected { peer, .. } if peer == two.addr));
    assert!(one.links.note(&up) && one.links.is_up(two.addr));
    for byte in 0..100 {
        one.links.send(two.addr, Class::Event, &frame(byte)).unwrap();
    }
    for byte in 0..100 {
        let LinkEvent::Received { from, addr, frame: got } = two.next().await else { panic!() };
        assert_eq!((from, addr, got), (NodeId([1; 16]), one.addr, frame(byte)));
    }
    // The other end goes away: said once, and the link is forgotten.
    drop(two);
    let down = one.next().await;
    assert!(matches!(down, LinkEvent::Disconnected { .. }), "{down:?}");
    assert!(one.links.note(&down));
    assert!(!one.links.note(&down), "an attempt that is over does not speak for the next");
}

#[tokio::test]
async fn sending_dials_and_a_refused_dial_is_said() {
    let mut one = end(1, limits()).await;
    let gone = {
        let (listener, addr) = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        drop(listener);
        addr
    };
    one.links.send(gone, Class::Member, &frame(1)).unwrap();
    let LinkEvent::Disconnected { peer, reason, .. } = one.next().await else { panic!() };
    assert_eq!(peer, gone);
    assert!(matches!(reason, LinkError::Io { .. }), "{reason}");
}

#[tokio::test]
async fn garbage_closes_the_link_before_anything_is_allocated() {
    let one = end(1, limits()).await;
    let good = Frame::new(Body::Hello(hello(1, one.addr))).encode(one.addr).unwrap();
    // A length of 4 GiB, first thing and after a hello.
    closed_after(one.addr, &[0xff; 4]).await;
    closed_after(one.addr, &[&good[..], &[0xff; 4]].concat()).await;
    // One byte more than a frame may have.
    let over = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_le_bytes();
    closed_after(one.addr, &over).await;
    // An empty frame, an unknown version, bytes that are no frame.
    closed_after(one.addr, &[0; 4]).await;
    closed_after(one.addr, &[1, 0, 0, 0, 99]).await;
    closed_after(one.addr, &[3, 0, 0, 0, 1, 0xff, 0xff]).await;
    closed_after(one.addr, b"GET / HTTP/1.1\r\n\r\n").await;
    // A frame that is not a hello, a hello of another cluster, one of another protocol.
    closed_after(one.addr, &frame(1).encode(one.addr).unwrap()).await;
    let other = Frame::new(Body::Hello(hello(2, one.addr))).encode(one.addr).unwrap();
    closed_after(one.addr, &other).await;
    let strange = Hello { protocol: PROTOCOL + 1, ..hello(1, one.addr) };
    let strange = Frame::new(Body::Hello(strange)).encode(one.addr).unwrap();
    closed_after(one.addr, &strange).await;
    assert!(one.links.metrics.encode().contains("cairn_frames_refused_total 10"));
}

#[test]
fn a_refused_frame_is_named_with_peer_value_and_limit() {
    let peer: SocketAddr = "127.0.0.1:7".parse().unwrap();
    let error = LinkError::from(cairn_gossip::frame::body_length(peer, [0xff; 4]).unwrap_err());
    assert!(matches!(error, LinkError::Frame(FrameError::TooLarge { .. })));
    assert_eq!(error.to_string(), "frame from 127.0.0.1:7 is 4294967295 bytes, limit 65536");
    assert!(error.is_fault() && error.hint().is_some());
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let mut one = end(1, LinkLimits { incoming_count_max: 1, ..limits() }).await;
    let good = Frame::new(Body::Hello(hello(1, one.addr))).encode(one.addr).unwrap();
    let mut first = TcpStream::connect(one.addr).await.unwrap();
    first.write_all(&good).await.unwrap();
    first.write_all(&frame(1).encode(one.addr).unwrap()).await.unwrap();
    assert!(matches!(one.next().await, LinkEvent::Received { .. }));
    closed_after(one.addr, &good).await;
}

#[tokio::test]
async fn a_silent_stranger_is_closed() {
    let limits = LinkLimits { connect_timeout: Duration::from_millis(50), ..limits() };
    let one = end(1, limits).await;
    closed_after(one.addr, &[]).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped() {
    let mut one = end(1, LinkLimits { peer_queue_bytes_max: 200_000, ..limits() }).await;
    let (listener, addr) = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    one.links.connect(addr);
    let _unread = listener.accept().await.unwrap();
    let big = Frame::new(Body::Swim(Bytes::from(vec![0; 60_000])));
    let error = loop {
        if let Err(error) = one.links.send(addr, Class::Event, &big) {
            break error;
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(error, LinkError::Slow { .. }), "{error}");
    assert!(!one.links.is_up(addr));
}

#[tokio::test]
async fn nothing_but_loopback_is_bound() {
    for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = listen(addr.parse().unwrap()).await.err().unwrap();
        assert!(matches!(refused, StartError::NotLoopback { .. }));
    }
}
