//! What the shells do with links: dial, send, lose, deliver.

use std::time::Duration;

use cairn_gossip::frame::pack_events;
use cairn_gossip::{Body, Dot, Frame, Stream};
use cairn_merkle::Digest;

use super::network::State;
use super::node::address;
use super::trace::hash_bytes;
use super::world::{Happening, World};

/// Every so many frames are really encoded and decoded on their way.
const ENCODED_EVERY: u64 = 32;

impl World {
    /// Opens a connection unless there is one or one is being opened.
    pub(super) fn connect(&mut self, from: usize, to: usize) {
        let link = self.network.link(from, to);
        if link.state == State::Idle {
            let epoch = link.dial();
            let latency = self.chance.duration(self.faults.latency);
            let cannot = self.network.blocked(from, to) || self.network.blocked(to, from);
            // A connection that meets silence takes a while to give up.
            let delay = match cannot {
                true => self.chance.around(Duration::from_millis(1_500)),
                false => latency * 3,
            };
            self.after(delay, Happening::Connected { from, to, epoch });
        }
    }

    pub(super) fn connected(&mut self, from: usize, to: usize, epoch: u32) {
        let link = self.network.link(from, to);
        if link.epoch != epoch || link.state != State::Dialling {
            return;
        }
        self.trace.fold(self.now, 8, from as u64, to as u64);
        let reachable = self.nodes[to].is_up()
            && !self.network.blocked(from, to)
            && !self.network.blocked(to, from);
        let peer = address(to);
        let link = self.network.link(from, to);
        if !reachable {
            link.idle();
            self.tell(from, cairn_gossip::Input::Disconnected { peer });
            return;
        }
        let repeat = !self.calm && self.chance.percent(self.faults.repeat_percent);
        let before = self.network.link(from, to).up(repeat);
        if repeat {
            self.counts.repeated += before.len() as u64;
        }
        for frame in before {
            self.send(from, to, frame);
        }
        self.tell(from, cairn_gossip::Input::Connected { peer });
    }

    /// Sends a frame, over a new connection when there is none.
    pub(super) fn send(&mut self, from: usize, to: usize, frame: Frame) {
        if to >= self.nodes.len() || to == from {
            return;
        }
        let latency = self.chance.duration(self.faults.latency);
        let now = self.now;
        let link = self.network.link(from, to);
        match link.state {
            State::Doomed => {}
            State::Dialling => link.wait(frame),
            State::Idle => {
                link.wait(frame);
                self.connect(from, to);
            }
            State::Up => {
                if matches!(frame.body, Body::Events { .. } | Body::Channel(_) | Body::Head(_)) {
                    link.remember(&frame);
                }
                let (at, epoch) = (link.arrival(now, latency), link.epoch);
                let frame = Box::new(frame);
                let arrived = Happening::Arrived { from, to, epoch, frame };
                self.queue.add(at, arrived);
            }
        }
    }

    pub(super) fn arrived(&mut self, from: usize, to: usize, epoch: u32, mut frame: Frame) {
        let blocked = self.network.blocked(from, to);
        let link = self.network.link(from, to);
        if link.epoch != epoch || blocked || !self.nodes[to].is_up() {
            return;
        }
        let is_bad = link.bad;
        self.counts.frames += 1;
        if is_bad
            && !self.calm
            && self.chance.percent(self.faults.corrupt_percent)
            && let Body::BlobTell { bytes, .. } = &mut frame.body
            && !bytes.is_empty()
        {
            let mut flipped = bytes.to_vec();
            let at = self.chance.below(flipped.len());
            flipped[at] ^= 1 << self.chance.below(8);
            *bytes = flipped.into();
            self.counts.corrupted += 1;
        }
        if self.counts.frames.is_multiple_of(ENCODED_EVERY) {
            frame = self.through_the_wire(from, frame);
        }
        self.trace.fold(self.now, 9, (from * self.nodes.len() + to) as u64, kind(&frame.body));
        self.trace.say(self.now, || format!("{from} -> {to}: {}", brief(&frame.body)));
        let input =
            cairn_gossip::Input::Received { from: self.nodes[from].id, addr: address(from), frame };
        self.tell(to, input);
    }

    /// Encodes and decodes: a frame that does not survive is a bug of the codec.
    fn through_the_wire(&mut self, from: usize, frame: Frame) -> Frame {
        let peer = address(from);
        let arrived = frame.encode(peer).and_then(|bytes| Frame::take(peer, &bytes));
        match arrived {
            Ok(Some((arrived, _))) if arrived == frame => arrived,
            other => {
                self.violate("I16", format!("a frame does not survive the wire: {other:?}"));
                frame
            }
        }
    }

    pub(super) fn send_events(
        &mut self,
        from: usize,
        to: usize,
        stream: Stream,
        first_seq: u64,
        last_seq: u64,
    ) {
        let node = &self.nodes[from];
        let Some(agent) = node.agent.as_ref() else {
            return;
        };
        let mut batches = Vec::new();
        let mut seq = first_seq;
        while seq <= last_seq
            && let Some(place) = agent.replica().locate(&Dot { stream, seq })
            && let Some(batch) = node.disk.batch(place.local)
        {
            batches.push(batch.clone());
            seq = place.first_seq + u64::from(place.count.max(1));
        }
        for frame in pack_events(batches, true, true, None) {
            self.send(from, to, frame);
        }
    }

    pub(super) fn send_blob(
        &mut self,
        from: usize,
        to: usize,
        digest: Digest,
        offset: u32,
        length: u32,
        trace: Option<String>,
    ) {
        let piece = self.nodes[from].disk.content(&digest).and_then(|content| {
            let start = (offset as usize).min(content.len());
            let end = start.saturating_add(length as usize).min(content.len());
            Some((
                content.len() as u32,
                content.get(start..end).map(|_| content.slice(start..end))?,
            ))
        });
        let body = match piece {
            Some((total, bytes)) => Body::BlobTell { digest, total, offset, bytes },
            None => Body::BlobNone { digest },
        };
        self.send(from, to, Frame { trace, body });
    }

    /// A connection breaks: what is in flight is lost, the sender notices a little later.
    pub(super) fn cut(&mut self, from: usize, to: usize) {
        let link = self.network.link(from, to);
        if link.state != State::Up {
            return;
        }
        link.doom();
        let epoch = link.epoch;
        self.counts.cuts += 1;
        let delay = Duration::from_micros(self.chance.between(10, 30_000));
        self.after(delay, Happening::LinkEnded { from, to, epoch });
    }

    pub(super) fn link_ended(&mut self, from: usize, to: usize, epoch: u32) {
        let link = self.network.link(from, to);
        if link.epoch != epoch || link.state != State::Doomed {
            return;
        }
        link.idle();
        self.trace.fold(self.now, 10, from as u64, to as u64);
        let peer = address(to);
        self.tell(from, cairn_gossip::Input::Disconnected { peer });
    }

    /// A process is gone, and its connections with it.
    pub(super) fn drop_links_of(&mut self, index: usize) {
        // What it had sent may be on its way all the same: nobody takes it back.
        let lost_percent = [0, 50, 100][self.chance.below(3)];
        for other in 0..self.nodes.len() {
            if other == index {
                continue;
            }
            let lost = self.chance.percent(lost_percent);
            let link = self.network.link(index, other);
            if lost {
                link.epoch += 1;
            }
            link.idle();
            self.cut(other, index);
        }
    }
}

fn kind(body: &Body) -> u64 {
    match body {
        Body::Hello(_) => 0,
        Body::Swim(bytes) => 1 ^ hash_bytes(bytes),
        Body::Pulse { root, .. } => 2 ^ hash_bytes(&root.0),
        Body::Summary { page, .. } => 3 + page.entries.len() as u64,
        Body::Events { batches, repair, .. } => {
            let bytes: usize = batches.iter().map(|batch| batch.body.len()).sum();
            4 + (bytes as u64) * 2 + u64::from(*repair)
        }
        Body::Channel(_) => 5,
        Body::Head(_) => 6,
        Body::TrieAsk { .. } => 7,
        Body::TrieTell { .. } => 8,
        Body::RecordAsk { .. } => 9,
        Body::RecordTell { .. } => 10,
        Body::BlobAsk { offset, .. } => 11 + (u64::from(*offset) << 8),
        Body::BlobTell { offset, .. } => 12 + (u64::from(*offset) << 8),
        Body::BlobNone { .. } => 13,
        Body::Have { .. } => 14,
        Body::Durable { seq, .. } => 15 + (*seq << 8),
        // Whatever is added to the messages: its order and its place are in the trace already.
        _ => 16,
    }
}

/// A body in at most a line.
fn brief(body: &Body) -> String {
    let mut text = format!("{body:?}");
    if let Some((end, _)) = text.char_indices().nth(160) {
        text.truncate(end);
    }
    text
}
