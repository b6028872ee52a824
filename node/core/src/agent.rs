//! The whole agent as one plain struct: a replica, the consumers and the channels.

use std::collections::{BTreeMap, BTreeSet};

use cairn_gossip::{Directive, Replica, Sign, Time, Verify, VersionVector};

use crate::activation::{Activation, ActivationRecord};
use crate::config::Config;
use crate::consumer::Consumers;
use crate::input::Input;
use crate::log::Log;
use crate::output::Output;
use crate::status::{ConsumerStatus, Status};

/// What an agent starts from: a pure function of what is on disk.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The replica's part.
    pub replica: cairn_gossip::Recovered,
    /// The last [`Write::Cursor`](crate::Write::Cursor) of each consumer.
    pub cursors: BTreeMap<String, VersionVector>,
    /// The last [`Write::Activations`](crate::Write::Activations) of each channel.
    pub activations: BTreeMap<String, Vec<ActivationRecord>>,
}

/// An agent without I/O: give it what happened, do what it says.
pub struct Agent {
    replica: Replica,
    consumers: Consumers,
    activation: Activation,
    log: Log,
    /// The newest directive of each channel on disk, until the start.
    recovered: Vec<(Directive, cairn_merkle::Digest)>,
    armed: Option<Time>,
    /// Reused, so that a call that only gossips allocates nothing here.
    scratch: Vec<cairn_gossip::Output>,
    /// As above.
    made: Vec<Output>,
}

impl Agent {
    /// An agent that has not started: give it [`cairn_gossip::Input::Start`] first.
    ///
    /// `seed` decides every choice that is not forced, for example whom to probe. Cost: linear in
    /// the recovered log.
    #[must_use]
    pub fn new(
        config: Config,
        verify: Box<dyn Verify + Send>,
        sign: Box<dyn Sign + Send>,
        recovered: Recovered,
        seed: u64,
    ) -> Agent {
        let Recovered { replica, cursors, activations } = recovered;
        let mut log = Log::default();
        for (local, header) in (0_u64..).zip(&replica.log) {
            log.push_header(local, header);
        }
        let stored: BTreeSet<_> = replica
            .bundles
            .iter()
            .filter(|bundle| {
                let held = |blob: &cairn_gossip::BlobRef| replica.blobs.contains_key(&blob.digest);
                bundle.blobs.iter().all(held)
            })
            .map(|bundle| bundle.digest)
            .collect();
        let directives = replica.channels.values().filter_map(|record| {
            let newest = record.newest()?;
            // It was verified before it was written; one that no longer reads is a damaged
            // disk, and then what was live stays live.
            Some((Directive::decode(&newest.body).ok()?, newest.digest()))
        });
        Agent {
            recovered: directives.collect(),
            consumers: Consumers::new(&config, cursors),
            activation: Activation::new(&config, activations, stored),
            replica: Replica::new(config.gossip, verify, sign, replica, seed),
            log,
            armed: None,
            scratch: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Takes one thing that happened and adds what to do to `out`, in the order to do it.
    ///
    /// Never blocks, reads no clock and does no I/O. `now` never goes back.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Gossip(input) => self.gossip(input, now, out),
            Input::Timer => {
                self.armed = None;
                self.consumers.expire(&self.log, now, out);
            }
            Input::Open { session, name, cursor, topics } => {
                self.consumers.open(session, name, cursor, topics, &self.log, now, out)
            }
            Input::Ack { request, name, cursor } => {
                self.consumers.ack(request, &name, &cursor, &self.log, out)
            }
            Input::Close { session } => self.consumers.close(session),
            Input::Persisted { ticket } => {
                if !self.consumers.persisted(ticket, &self.log, out) {
                    self.activation.persisted(ticket, out);
                }
            }
            Input::Staged { channel, generation, digest, result } => {
                self.activation.staged(&channel, generation, digest, result, out)
            }
            Input::ActivationFailed { channel, generation, fault } => {
                self.activation.failed(&channel, generation, fault, out)
            }
        }
        if let Some(at) = self.consumers.wakes_at()
            && self.armed.is_none_or(|armed| at < armed)
        {
            self.armed = Some(at);
            out.push(Output::Arm { at });
        }
    }

    fn gossip(&mut self, input: cairn_gossip::Input, now: Time, out: &mut Vec<Output>) {
        match &input {
            cairn_gossip::Input::Start => {
                self.activation.start(out);
                for (directive, digest) in std::mem::take(&mut self.recovered) {
                    self.activation.heard(&directive, digest, out);
                }
            }
            cairn_gossip::Input::EnvelopeOpened { digest, result: Ok(_) } => {
                self.activation.verified(*digest, out)
            }
            _ => {}
        }
        let mut told = std::mem::take(&mut self.scratch);
        self.replica.handle(input, now, &mut told);
        let mut log_grew = false;
        // What the replica says comes before what the agent makes of it, so that a shell knows a
        // directive and its trace before it is asked to stage.
        let mut made = std::mem::take(&mut self.made);
        for output in told.drain(..) {
            match &output {
                cairn_gossip::Output::Delivered { local, batch, suppressed, .. } => {
                    self.log.push(*local, batch, suppressed);
                    log_grew = true;
                }
                cairn_gossip::Output::ChannelChanged { directive, record, .. } => {
                    // Made of the same register by the replica, so there is a newest one.
                    if let Some(newest) = record.newest() {
                        self.activation.heard(directive, newest.digest(), &mut made);
                    }
                }
                cairn_gossip::Output::OpenEnvelope { digest, .. } => {
                    self.activation.fetched(*digest, &mut made);
                }
                cairn_gossip::Output::BundleStored { digest, .. } => {
                    self.activation.stored(*digest, &mut made);
                }
                cairn_gossip::Output::Persist { writes, .. } => {
                    for write in writes {
                        if let cairn_gossip::Write::RemoveBundle { digest, .. } = write {
                            self.activation.removed(digest);
                        }
                    }
                }
                _ => {}
            }
            out.push(Output::Gossip(output));
            out.append(&mut made);
        }
        self.scratch = told;
        self.made = made;
        if log_grew {
            self.consumers.pump(&self.log, out);
        }
    }

    /// The replica, to read from.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Everything delivered here, as a vector: what consumers can have seen at this node.
    #[must_use]
    pub fn delivered(&self) -> &VersionVector {
        self.log.delivered()
    }

    /// A snapshot for people. Linear in channels, consumers and streams.
    #[must_use]
    pub fn status(&self) -> Status {
        let behind = |cursor: &VersionVector| {
            let missing = self.log.delivered().missing_from(cursor);
            missing.iter().map(|range| range.last - range.first + 1).sum()
        };
        let consumers = self.consumers.iter().map(|(name, cursor, connected)| ConsumerStatus {
            name: name.to_owned(),
            behind_count: behind(cursor),
            cursor: cursor.clone(),
            connected,
        });
        Status {
            root: self.replica.root(),
            vector: self.replica.vector().clone(),
            channels: self.activation.status(),
            consumers: consumers.collect(),
        }
    }
}
