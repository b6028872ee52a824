//! `cairn rollout`: make a version live on the whole channel.

use cairn_gossip::BundleRef;

use super::exit::Exit;
use super::failure::Failure;
use super::node::{ChannelArgs, KeyArgs, NodeArgs, RecordArgs};
use super::output::{self, Format};
use super::{channel, directive, progress};
use crate::api::versions::Versions;
use crate::suggest;

const EXAMPLES: &str = "Examples:
  cairn rollout 1.4.2 --reason \"autumn event\"
  cairn rollout 1.4.2 --channel treasure_hunt/prod --reason \"autumn event\" --timeout 1m";

/// Make a version live on the whole channel at once, and wait until it is
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// A published version
    version: String,
    /// Not in this version: the whole channel moves at once
    #[arg(long, value_name = "PERCENTS", hide = true, num_args = 0..=1, default_missing_value = "")]
    steps: Option<String>,
    #[command(flatten)]
    record: RecordArgs,
    #[command(flatten)]
    channel: ChannelArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Puts the next generation on record and waits until every node that can be seen is active.
///
/// # Errors
/// Exit code 4 when a node rejects it, 5 when it takes too long, 7 when somebody was first.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    if args.steps.is_some() {
        return Err(Failure::usage(
            "staged rollout is not in this version; `cairn rollout VERSION` moves the whole channel at once",
        )
        .hint("leave --steps out; `cairn rollback --reason TEXT` goes back in one step"));
    }
    let client = args.node.client();
    let name = channel::resolve(&client, args.channel.channel.as_deref()).await?;
    let now = channel::read(&client, &name).await?;
    let versions: Versions = client.read(&format!("/v1/versions?channel={name}")).await?;
    let known = || versions.versions.iter().map(|version| version.version.as_str());
    let Some(target) = versions.versions.iter().find(|known| known.version == args.version) else {
        return Err(Failure::usage(format!(
            "version `{}` of {} was never published",
            args.version, versions.ruleset
        ))
        .hint(format!("publish it first; {}", suggest::hint(&args.version, known()))));
    };
    if let Some(live) = now.chain.first().filter(|live| live.digest == target.digest) {
        if format == Format::Table {
            let generation = live.generation;
            output::note(&format!(
                "{name}: generation {generation} names {} already",
                args.version
            ));
        }
        let wait = progress::Wait::start(client.clone(), args.node.timeout, format);
        return wait.active(&name, live.generation, live.digest, &live.version).await;
    }
    let intent = directive::Intent {
        target: BundleRef {
            digest: target.digest,
            version: target.version.clone(),
            envelope_bytes: target.envelope_bytes,
        },
        reason: args.record.reason.clone(),
        actor: args.record.actor(),
        break_glass: false,
        writer: directive::ROLLOUT,
    };
    let wait = progress::Wait::start(client.clone(), args.node.timeout, format);
    let proposed = directive::propose(&client, &args.keys, &now, intent).await?;
    if format == Format::Table {
        output::note(&format!(
            "{name}: generation {} names {}",
            proposed.generation, target.version
        ));
    }
    wait.active(&name, proposed.generation, target.digest, &target.version).await
}
