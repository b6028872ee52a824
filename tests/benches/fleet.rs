//! Figures of whole fleets on the example rule set: sizes, compile time, the time of one delta
//! and of a rollback to 5 and to 50 agents, the memory of one agent, simulated node-hours.
//!
//! `cargo xtask bench fleet`. All agents of one fleet share this process, this machine's two cores
//! and one disk (a memory disk when there is one: the output says which), so a figure for 50
//! agents is 50 times the work of a real node on the cores of one.
//!
//! Only agent 0 talks to the coordinator; the others hear by gossip alone.
#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cairn::agent::{self, AgentConfig, AgentHandle, Compile};
use cairn::coordinator::embedded::Embedded;
use cairn::{identity, trust};
use cairn_gossip::directive::DIRECTIVE_FORMAT;
use cairn_gossip::{BundleRef, Directive};
use cairn_merkle::Digest;
use cairn_ruleset::emit::{self, Built};
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::key::SecretKey;
use cairn_ruleset::lang::{self, Source};
use cairn_ruleset::manifest::{FragmentKind, Provenance};
use cairn_ruleset::trust::{Role, Trust};
use cairn_tests::fleet::example;
use tempfile::TempDir;

const CHANNEL: &str = "treasure_hunt/bench";
/// Deltas, and rollbacks, per fleet.
const ROUNDS: usize = 15;
const ACTIVE_TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let sources = cairn::sources::read(&example())?;
    sizes(&sources)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(fleet(5, &sources))?;
    runtime.block_on(fleet(50, &sources))?;
    runtime.block_on(memory())?;
    simulation();
    Ok(())
}

fn build(sources: &[Source], version: &str) -> Result<Built> {
    let program = lang::check(sources).program.context("the example has errors")?;
    Ok(emit::bundle(&program, version, Provenance::default())?)
}

fn sizes(sources: &[Source]) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..15 {
        let started = Instant::now();
        build(sources, "1.0.0")?;
        times.push(started.elapsed());
    }
    let built = build(sources, "1.0.0")?;
    let of = |code: bool| {
        let entries =
            built.manifest.fragments.iter().filter(|f| (f.kind == FragmentKind::Code) == code);
        entries.fold((0_usize, 0_u64), |(n, bytes), f| (n + 1, bytes + u64::from(f.length_bytes)))
    };
    let image = cairn_ruleset::image::build(&built.manifest, &|digest: &Digest| {
        built.blobs.get(digest).cloned()
    })?;
    let source_bytes: usize = sources.iter().map(|source| source.text.len()).sum();
    println!("example: {} files, {source_bytes} source bytes", sources.len());
    println!("compile to bundle: {}", spread(&mut times));
    println!("code fragments: {} of together {} bytes", of(true).0, of(true).1);
    println!("data fragments: {} of together {} bytes", of(false).0, of(false).1);
    println!("image: {} bytes", image.len());
    Ok(())
}

/// Minimum, median and maximum.
fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let at = |index: usize| times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    format!(
        "min {:.1} ms, p50 {:.1} ms, max {:.1} ms",
        at(0),
        at(times.len() / 2),
        at(times.len() - 1)
    )
}

/// A fleet in this process.
struct Agents {
    handles: Vec<AgentHandle>,
    publisher: SecretKey,
    operator: SecretKey,
    _directory: TempDir,
}

async fn start(count: usize) -> Result<Agents> {
    let memory_disk = Path::new("/dev/shm");
    let on = if memory_disk.is_dir() { memory_disk.to_owned() } else { std::env::temp_dir() };
    let directory = tempfile::Builder::new().prefix("cairn-bench").tempdir_in(&on)?;
    println!("\n{count} agents, state in {}", on.display());
    let keys = directory.path().join("keys");
    let trust: Trust = trust::create(&keys)?;
    let mut handles: Vec<AgentHandle> = Vec::new();
    for index in 0..count {
        let coordinator = Embedded::in_memory();
        let name = format!("node-{index}");
        let state = directory.path().join(&name);
        let channels = vec![CHANNEL.to_owned()];
        let mut config = AgentConfig::new(state, name, trust.clone(), coordinator, channels);
        config.seeds = handles.iter().take(3).map(AgentHandle::gossip_addr).collect();
        config.code_cache = Some(directory.path().join("code"));
        config.compile = Compile::InProcess;
        handles.push(agent::start(config).await?);
    }
    let publisher = trust::secret(&keys, Role::Publisher)?;
    let operator = trust::secret(&keys, Role::Operator)?;
    Ok(Agents { handles, publisher, operator, _directory: directory })
}

impl Agents {
    async fn publish(&self, built: Built) -> Result<BundleRef> {
        let envelope = Envelope::seal(&built.manifest, &[&self.publisher])?;
        let head = identity::seal_head(&envelope, &built.manifest, 1, &self.publisher);
        let blobs = built.blobs.into_values().collect();
        self.handles[0].add_bundle(head.clone(), envelope.encode(), blobs).await?;
        Ok(head.bundle)
    }

    /// Makes `target` live; the time runs from the proposal to the last agent's swap.
    async fn activate(&self, target: &BundleRef) -> Result<Vec<Duration>> {
        let first = &self.handles[0];
        let record = first.channel_record(CHANNEL).await?;
        let (generation, previous) = match &record {
            Some(record) => {
                let newest = record.chain.first().context("an empty chain")?;
                let directive = Directive::decode(&newest.body)?;
                (directive.generation, Some(newest.digest()))
            }
            None => (0, None),
        };
        let directive = Directive {
            format: DIRECTIVE_FORMAT,
            channel: CHANNEL.to_owned(),
            generation: generation + 1,
            target: target.clone(),
            rollout: None,
            freeze: false,
            previous,
            break_glass: false,
            actor: "bench".to_owned(),
            writer: "bench".to_owned(),
            reason: "bench".to_owned(),
            time_ms: 1,
        };
        let signed = identity::sign_directive(&directive, &self.operator)?;
        let waits: Vec<_> = self
            .handles
            .iter()
            .map(|handle| tokio::spawn(active(handle.clone(), generation + 1)))
            .collect();
        let began = Instant::now();
        first.propose(signed, generation).await?;
        let mut times = Vec::new();
        for wait in waits {
            times.push(wait.await??.duration_since(began));
        }
        Ok(times)
    }
}

async fn active(handle: AgentHandle, generation: u64) -> Result<Instant> {
    let mut changes = handle.live_changes();
    let wait = async {
        loop {
            changes.mark_unchanged();
            if handle.live(CHANNEL).is_some_and(|live| live.generation() >= generation) {
                return Ok(Instant::now());
            }
            changes.changed().await?;
        }
    };
    match tokio::time::timeout(ACTIVE_TIMEOUT, wait).await {
        Ok(at) => at,
        Err(_) => {
            bail!("{} is not at generation {generation} after {ACTIVE_TIMEOUT:?}", handle.name())
        }
    }
}

async fn fleet(count: usize, sources: &[Source]) -> Result<()> {
    let agents = start(count).await?;
    let first = agents.publish(build(sources, "1.0.0")?).await?;
    let mut times = agents.activate(&first).await?;
    println!("first version, everything to stage: {}", spread(&mut times));

    let mut last = Vec::new();
    let mut all = Vec::new();
    let mut back = Vec::new();
    let mut previous = first;
    for round in 1..=ROUNDS {
        let edited = edit(sources, round)?;
        let next = agents.publish(build(&edited, &format!("1.0.{round}"))?).await?;
        let mut times = agents.activate(&next).await?;
        times.sort();
        last.extend(times.last());
        all.extend(times);
        let mut times = agents.activate(&previous).await?;
        times.sort();
        back.extend(times.last());
        previous = next;
    }
    println!("delta (one loot weight), each agent: {}", spread(&mut all));
    println!("delta, last agent: {}", spread(&mut last));
    println!("rollback, last agent: {}", spread(&mut back));
    for handle in agents.handles {
        handle.shutdown().await;
    }
    Ok(())
}

/// The sources with another weight in one loot table.
fn edit(sources: &[Source], round: usize) -> Result<Vec<Source>> {
    let mut sources = sources.to_vec();
    for source in &mut sources {
        if let Some(at) = source.text.find("weight") {
            let digits =
                source.text[at..].find(|c: char| c.is_ascii_digit()).context("a weight")? + at;
            let end =
                source.text[digits..].find(|c: char| !c.is_ascii_digit()).context("its end")?
                    + digits;
            let weight: usize = source.text[digits..end].parse()?;
            source.text.replace_range(digits..end, &(weight + round).to_string());
            return Ok(sources);
        }
    }
    bail!("the example has no weight")
}

/// One agent process with the example live, as the system accounts for it.
async fn memory() -> Result<()> {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_cairn-under-test"));
    let fleet = cairn_tests::fleet::Fleet::start(&binary, 1, 1, &[]).await?;
    fleet.release(&example(), "1.0.0").await?;
    let process = fleet.agents[0].process().context("the agent has ended")?;
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let kib = |name: &str| -> u64 {
        let lines = rollup.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
    };
    println!(
        "\none agent, example live, idle: {:.1} MB resident, {:.1} MB private",
        kib("Rss:") as f64 / 1024.0,
        (kib("Private_Clean:") + kib("Private_Dirty:")) as f64 / 1024.0
    );
    Ok(())
}

fn simulation() {
    let config = cairn_chaos::sim::SimConfig::default();
    let started = Instant::now();
    let hours: f64 = (0..100).map(|seed| cairn_chaos::sim::run(seed, &config).node_hours()).sum();
    let rate = hours / started.elapsed().as_secs_f64();
    println!("\nsimulation: {rate:.0} node-hours a second on one core");
}
