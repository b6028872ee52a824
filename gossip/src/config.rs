//! Every knob and limit: meaning, trade-off, and what happens when it is reached.

use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

/// How a replica behaves. Start from [`Config::new`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Where this node listens and peers reach it.
    pub addr: SocketAddr,
    /// Peers to join through. They are announced to until they are members, for ever: that also
    /// joins halves that a partition made forget each other.
    pub seeds: Vec<SocketAddr>,

    /// How often one random member is probed.
    ///
    /// Shorter notices death sooner; every probe may open a connection. The default, 2 s, costs
    /// some 100 bytes a second, whatever the number of members.
    pub probe_period: Duration,
    /// How long a probe may take before others are asked to probe too. Must be under half of
    /// `probe_period`. The default, 800 ms, leaves room for opening a connection.
    pub probe_rtt: Duration,
    /// Silence tolerated from a suspected member before it is declared down.
    ///
    /// Longer survives slow links; shorter notices death sooner. Keep above three
    /// `probe_period`s. The default, 7 s, is a guess until the chaos suite measures it.
    pub suspect_timeout: Duration,
    /// How long a down member is remembered, and looked for again. The default is an hour:
    /// a node that is away longer comes back through its seeds.
    pub down_memory: Duration,
    /// How often membership news is sent to two random members, and two down members are asked
    /// whether they are back. The default is 4 s.
    pub swim_gossip_period: Duration,
    /// First pause between announcements to a seed that is no member; doubles up to 5 s.
    pub announce_period: Duration,
    /// Most members. More are not dialled: they are left out of the view, and reached only by
    /// their own links to us.
    pub members_max: usize,

    /// Most peers we keep a connection to: a neighbour on each side of the ring by node id, which
    /// keeps the graph connected, the rest at random. More is faster and repeats more bytes. The
    /// default, 8, is 2 ring neighbours and ln(500) random ones.
    pub active_view_max: usize,
    /// Pause before a lost connection is opened again; doubles up to `redial_max`, and is
    /// lengthened by up to half of itself at random.
    pub redial_min: Duration,
    /// Longest such pause. The default, 3 s, bounds how late a healed partition is noticed.
    pub redial_max: Duration,

    /// How often a pulse (two digests, about 80 bytes) goes to one peer of the view while nothing
    /// changes. Lengthened by up to a quarter at random. The default, 2 s, is 40 B/s.
    pub pulse_period: Duration,
    /// How soon after a change a pulse goes to `pulse_fanout` peers. Everything that changes in
    /// between shares it. It repairs what the eager push lost, so it bounds the extra delay of a
    /// lost frame.
    pub pulse_after_change: Duration,
    /// Peers that hear of a change by pulse.
    pub pulse_fanout: usize,
    /// Most streams in one summary page. 1,024 keeps a page under 30 KiB.
    pub summary_streams_max: usize,
    /// Most bytes of repaired events on their way to one peer. The next ones follow when it says
    /// that these are durable. Larger is faster on long links and keeps more in queues.
    pub repair_bytes_max: u64,
    /// Silence after which repaired events are taken for lost and sent again.
    pub repair_timeout: Duration,
    /// How long a batch is left to the eager push before it is repaired. Longer sends fewer bytes
    /// twice, shorter repairs a lost frame sooner.
    pub repair_age_min: Duration,
    /// Most peers whose knowledge is remembered. What further ones tell is not remembered, and
    /// they are repaired by others.
    pub peers_max: usize,
    /// Most trie comparisons at a time. Further ones wait for the next pulse.
    pub diffs_max: usize,
    /// Silence after which a comparison is given up; the next pulse starts another.
    pub diff_timeout: Duration,
    /// Most records asked for in one frame. A peer that asks for more is at fault.
    pub record_asks_max: usize,
    /// A difference of roots with one peer that lasts longer raises an alarm.
    pub diverged_after: Duration,

    /// Most batches that wait for what they depend on. When full the newcomer is dropped and
    /// anti-entropy brings it again, in order.
    pub window_batches_max: usize,
    /// Most bytes of such batches. As above.
    pub window_bytes_max: usize,
    /// Most batches that wait for the log's current write. When full, batches from peers are
    /// dropped (anti-entropy brings them again); publishes wait for `publish_waiting_max`.
    pub journal_batches_max: usize,
    /// Most bytes of such batches. As above.
    pub journal_bytes_max: usize,
    /// Most bytes that one log write takes.
    pub journal_write_bytes_max: usize,

    /// Most events in the log. When full, publishing is refused; what peers published is still
    /// taken, because refusing it would lose it.
    pub log_events_max: u64,
    /// Most bytes in the log. As above.
    pub log_bytes_max: u64,
    /// Most publishes that wait (for the log, for their context, or for other nodes). When full,
    /// publishing is refused.
    pub publish_waiting_max: usize,
    /// Longest time a publish waits. Longer requests are cut to it.
    pub publish_timeout_max: Duration,
    /// Most other nodes that a publish may wait for; no more than a view has.
    pub replicas_max: u8,
    /// Most entries in a batch's causal context; 512 is at most 16 KiB, which leaves room for the
    /// largest event. What does not fit goes with the stream's next batch.
    pub context_streams_max: usize,

    /// Most channels. One more is refused, with an alarm when a peer sent it.
    pub channels_max: usize,
    /// How many of the newest bundles every node keeps beside those that channels name.
    pub bundles_newest_max: usize,
    /// Most bytes of content being put together. A further blob waits until there is room.
    pub assembly_bytes_max: u64,
    /// Most pieces of content asked for and not answered.
    pub asks_max: usize,
    /// Silence after which a piece is asked for at another peer.
    pub ask_timeout: Duration,
    /// Pause before a bundle without a willing source is tried again; doubles up to 16 times
    /// itself while nothing comes.
    pub retry_period: Duration,
    /// Most sources remembered per bundle. When full, the newcomer is not remembered.
    pub sources_max: usize,
    /// Most requests of peers kept until we hold what they want. When full the peer hears that we
    /// have nothing, and asks elsewhere.
    pub waiters_max: usize,

    /// Fixed bugs put back so that the checkers are proved. Never set outside tests.
    #[doc(hidden)]
    pub defects: Defects,
}

/// Fixed bugs put back so that the checkers are proved: with one of these set, a checker must
/// find it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects {
    /// Forget which events were seen when a connection ends, and look only at the connection that
    /// an event came on. The bug of the field: lost connections replayed spawn events.
    pub dedupe_per_connection: bool,
    /// Count events as seen, deliver and acknowledge them when the write starts instead of when
    /// it is synced. A crash in between loses what was promised.
    pub seen_before_fsync: bool,
    /// Take any directive for a channel, also of a lower generation than the one in force.
    pub accept_lower_generation: bool,
}

impl Config {
    /// Defaults for a node that listens on `addr`.
    pub fn new(addr: SocketAddr) -> Config {
        Config {
            addr,
            seeds: Vec::new(),
            probe_period: Duration::from_secs(2),
            probe_rtt: Duration::from_millis(800),
            suspect_timeout: Duration::from_secs(7),
            down_memory: Duration::from_secs(3600),
            swim_gossip_period: Duration::from_secs(4),
            announce_period: Duration::from_millis(300),
            members_max: 4_096,
            active_view_max: 8,
            redial_min: Duration::from_millis(30),
            redial_max: Duration::from_secs(3),
            pulse_period: Duration::from_secs(2),
            pulse_after_change: Duration::from_millis(200),
            pulse_fanout: 2,
            summary_streams_max: 1_024,
            repair_bytes_max: 512 * 1024,
            repair_timeout: Duration::from_secs(1),
            repair_age_min: Duration::from_millis(150),
            peers_max: 4_096,
            diffs_max: 4,
            diff_timeout: Duration::from_secs(2),
            record_asks_max: 64,
            diverged_after: Duration::from_secs(30),
            window_batches_max: 4_096,
            window_bytes_max: 8 * 1024 * 1024,
            journal_batches_max: 4_096,
            journal_bytes_max: 16 * 1024 * 1024,
            journal_write_bytes_max: 4 * 1024 * 1024,
            log_events_max: 4_000_000,
            log_bytes_max: 4 * 1024 * 1024 * 1024,
            publish_waiting_max: 8_192,
            publish_timeout_max: Duration::from_secs(30),
            replicas_max: 7,
            context_streams_max: 512,
            channels_max: 256,
            bundles_newest_max: 16,
            assembly_bytes_max: 16 * 1024 * 1024,
            asks_max: 16,
            ask_timeout: Duration::from_millis(750),
            retry_period: Duration::from_millis(500),
            sources_max: 16,
            waiters_max: 256,
            defects: Defects::default(),
        }
    }

    /// The same in foca's terms. A packet may fill a frame: 60,000 bytes joined 1,000 nodes in
    /// 3.2 s where 1,400-byte packets still lacked members after ten minutes.
    pub(crate) fn swim(&self) -> foca::Config {
        let two = NonZeroUsize::MIN.saturating_add(1);
        let periodic = |frequency| Some(foca::PeriodicParams { frequency, num_members: two });
        let mut config = foca::Config::simple();
        config.probe_period = self.probe_period;
        config.probe_rtt = self.probe_rtt;
        config.num_indirect_probes = two.saturating_add(1);
        config.max_transmissions = NonZeroU8::MIN.saturating_add(11);
        config.suspect_to_down_after = self.suspect_timeout;
        config.remove_down_after = Some(self.down_memory);
        config.max_packet_size = NonZeroUsize::MIN.saturating_add(SWIM_PACKET_BYTES_MAX - 1);
        config.notify_down_members = true;
        config.periodic_announce = periodic(self.swim_gossip_period.saturating_mul(15));
        config.periodic_announce_to_down_members = periodic(self.swim_gossip_period);
        config.periodic_gossip = periodic(self.swim_gossip_period);
        config
    }
}

/// Most seeds learned at run time. Any few members suffice to meet the rest.
pub const LEARNED_SEEDS_MAX: usize = 32;

/// Most bytes of a membership packet.
pub const SWIM_PACKET_BYTES_MAX: usize = 60_000;
