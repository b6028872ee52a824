//! `cairn rollback`: a new generation that names an old version. Nothing is downloaded.

use cairn_gossip::BundleRef;

use super::client::Client;
use super::exit::Exit;
use super::failure::Failure;
use super::node::{ChannelArgs, KeyArgs, NodeArgs, RecordArgs};
use super::output::{self, Format};
use super::{channel, directive, progress};
use crate::api::channels::{Channel, Step};
use crate::api::versions::Versions;
use crate::suggest;

const EXAMPLES: &str = "Examples:
  cairn rollback --reason \"drops too high\"                      to the version before
  cairn rollback --reason \"drops too high\" --to 1.4.0
  cairn rollback --reason \"drops too high\" --break-glass        while etcd is down";

/// Go back to an earlier version, at once and everywhere
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The version to go back to; without it, the one before
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Sign straight into gossip, past a coordinator that is down
    #[arg(long)]
    break_glass: bool,
    #[command(flatten)]
    record: RecordArgs,
    #[command(flatten)]
    channel: ChannelArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Puts the old version on record as the next generation and waits until it is active.
///
/// # Errors
/// As `rollout`; exit code 2 when there is nothing to go back to.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let client = args.node.client();
    let name = channel::resolve(&client, args.channel.channel.as_deref()).await?;
    let now = channel::read(&client, &name).await?;
    let target = target(&client, &now, args.to.as_deref()).await?;
    if now.chain.first().is_some_and(|live| live.digest == target.digest) {
        let message = format!("{name} is at {} already: nothing to go back from", target.version);
        return Err(Failure::usage(message).hint("`cairn status` shows who serves what"));
    }
    let intent = directive::Intent {
        target: target.clone(),
        reason: args.record.reason.clone(),
        actor: args.record.actor(),
        writer: directive::ROLLBACK,
        break_glass: args.break_glass,
    };
    let wait = progress::Wait::start(client.clone(), args.node.timeout, format);
    let proposed = directive::propose(&client, &args.keys, &now, intent).await?;
    if format == Format::Table {
        let from = now.version.as_deref().unwrap_or("nothing");
        output::note(&format!(
            "{name}: generation {} goes back from {from} to {}",
            proposed.generation, target.version
        ));
    }
    wait.active(&name, proposed.generation, target.digest, &target.version).await
}

/// The version to go back to: from the channel's own chain, so that it works without a
/// coordinator, and from the published ones when it is older than the chain.
async fn target(client: &Client, now: &Channel, to: Option<&str>) -> Result<BundleRef, Failure> {
    let Some(newest) = now.chain.first() else {
        return Err(Failure::usage(format!("{} has no version to go back from", now.channel))
            .hint("roll one out first"));
    };
    let step = match to {
        Some(version) => now.chain.iter().find(|step| step.version == version),
        None => before(&now.chain),
    };
    if let Some(step) = step {
        return Ok(BundleRef {
            digest: step.digest,
            version: step.version.clone(),
            envelope_bytes: step.envelope_bytes,
        });
    }
    let Some(version) = to else {
        return Err(nothing_before(now, newest));
    };
    let versions: Versions = client.read(&format!("/v1/versions?channel={}", now.channel)).await?;
    let known = || versions.versions.iter().map(|known| known.version.as_str());
    match versions.versions.iter().find(|known| known.version == version) {
        Some(found) => Ok(BundleRef {
            digest: found.digest,
            version: found.version.clone(),
            envelope_bytes: found.envelope_bytes,
        }),
        None => Err(Failure::usage(format!(
            "version `{version}` of {} was never published",
            versions.ruleset
        ))
        .hint(suggest::hint(version, known()))),
    }
}

/// The newest version that is neither live nor fled from by a rollback: who goes back twice, or at
/// the same time as somebody else, must not end where both wanted to leave.
fn before(chain: &[Step]) -> Option<&Step> {
    let live = chain.first()?.digest;
    chain.iter().find(|step| step.digest != live && fled(chain, step).is_none())
}

/// The rollback that left the version of `step`, if one did.
fn fled<'a>(chain: &'a [Step], step: &Step) -> Option<&'a Step> {
    let pairs = chain.iter().zip(chain.iter().skip(1));
    let mut left = pairs.filter(|(to, from)| {
        to.writer == directive::ROLLBACK && from.digest == step.digest && to.digest != from.digest
    });
    left.next().map(|(to, _)| to)
}

fn nothing_before(now: &Channel, newest: &Step) -> Failure {
    let others = now.chain.iter().find(|step| step.digest != newest.digest);
    match others.and_then(|step| Some((step, fled(&now.chain, step)?))) {
        Some((step, by)) => Failure::usage(format!(
            "the version before {} is {}, which was itself rolled back in generation {} ({})",
            newest.version, step.version, by.generation, by.reason
        ))
        .hint(format!("if you want it live again, say so: --to {}", step.version)),
        None => Failure::usage(format!(
            "{} has had only {}: there is no version before it",
            now.channel, newest.version
        ))
        .hint("name one with --to"),
    }
}

#[cfg(test)]
mod tests {
    use cairn_merkle::Digest;

    use super::*;

    /// Steps `version writer`, oldest first, as a chain.
    fn chain(steps: &[(&str, &str)]) -> Vec<Step> {
        let step = |(index, (version, writer)): (usize, &(&str, &str))| Step {
            generation: index as u64 + 1,
            directive: Digest::of(&[index as u8]),
            version: (*version).to_owned(),
            digest: Digest::of(version.as_bytes()),
            envelope_bytes: 1,
            actor: "ops".to_owned(),
            writer: (*writer).to_owned(),
            reason: "because".to_owned(),
            time_ms: 0,
            break_glass: false,
        };
        steps.iter().enumerate().map(step).rev().collect()
    }

    #[test]
    fn a_second_rollback_does_not_return_to_what_the_first_one_left() {
        let (out, back) = (directive::ROLLOUT, directive::ROLLBACK);
        let check = |steps: &[(&str, &str)], expected: Option<&str>| {
            let chain = chain(steps);
            assert_eq!(before(&chain).map(|step| step.version.as_str()), expected, "{steps:?}");
        };
        check(&[("1", out)], None);
        check(&[("1", out), ("2", out)], Some("1"));
        check(&[("1", out), ("2", out), ("1", back)], None);
        check(&[("1", out), ("2", out), ("3", out), ("2", back)], Some("1"));
        // Rolled out again on purpose: what it replaced is the version before.
        check(&[("1", out), ("2", out), ("1", back), ("2", out)], Some("1"));
        check(&[("1", out), ("2", out), ("2", out)], Some("1"));
    }
}
