//! `cairn rollback`: a new generation that names an old version. Nothing is downloaded.

use cairn_gossip::BundleRef;

use super::client::Client;
use super::exit::Exit;
use super::failure::Failure;
use super::node::{ChannelArgs, KeyArgs, NodeArgs};
use super::output::{self, Format};
use super::{channel, directive, progress};
use crate::api::channels::Channel;
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
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The version to go back to; without it, the one before
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Sign straight into gossip, past a coordinator that is down
    #[arg(long)]
    break_glass: bool,
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
    let intent = directive::Intent {
        target: target.clone(),
        reason: args.reason.clone(),
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
        None => now.chain.iter().find(|step| step.digest != newest.digest),
    };
    if let Some(step) = step {
        return Ok(BundleRef {
            digest: step.digest,
            version: step.version.clone(),
            envelope_bytes: step.envelope_bytes,
        });
    }
    let Some(version) = to else {
        return Err(Failure::usage(format!(
            "{} has had only {}: there is no version before it",
            now.channel, newest.version
        ))
        .hint("name one with --to"));
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
