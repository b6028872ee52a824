//! What an agent says to a bundle of a newer Cairn: no, which version it reads, and nothing changes.

use cairn_ruleset::envelope::{Envelope, MANIFEST_DOMAIN};
use cairn_ruleset::limits::DIALECT;
use cairn_ruleset::manifest::MANIFEST_FORMAT;

use super::fleet::{Bundle, CHANNEL, Fleet, PATIENCE, active};
use super::{AddBundleError, bonus};
use crate::agent::{AgentHandle, Progress, Rejection};

/// Wait until an agent has rejected a generation of the channel.
async fn rejected(agent: &AgentHandle, generation: u64) -> Rejection {
    let mut changes = agent.live_changes();
    let told = async {
        loop {
            changes.mark_unchanged();
            let status = agent.status().await.unwrap();
            let channel = status.channels.into_iter().find(|channel| channel.channel == CHANNEL);
            let channel = channel.filter(|channel| channel.generation >= generation);
            if let Some(rejection) = channel.and_then(|channel| {
                channel.rejected.filter(|_| channel.progress == Progress::Rejected)
            }) {
                return rejection;
            }
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("the version was not rejected in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_dialect_is_rejected_and_what_is_live_stays() {
    let fleet = Fleet::start(2).await;
    let live = Bundle::new(&fleet.keys, "1.0.0", 3);
    live.publish(&fleet.agents[0]).await;
    fleet.roll_out(&fleet.agents[0], &live).await;
    for agent in &fleet.agents {
        active(agent, 1).await;
    }

    let mut program = Bundle::program(4);
    program.dialect = DIALECT + 1;
    // Kept and handed on: agents that were upgraded already can serve it.
    let newer = Bundle::of(&fleet.keys, &program, "2.0.0", 2);
    newer.publish(&fleet.agents[0]).await;
    let generation = fleet.roll_out(&fleet.agents[0], &newer).await;
    for agent in &fleet.agents {
        let rejection = rejected(agent, generation).await;
        assert_eq!(rejection.code, "stage.dialect");
        let said = format!("rules are in dialect {}, this agent reads 1 to {DIALECT}", DIALECT + 1);
        assert!(rejection.reason.starts_with(&said), "{}", rejection.reason);
        let serves = agent.live(CHANNEL).unwrap();
        assert_eq!((serves.version(), serves.generation()), ("1.0.0", 1));
        assert_eq!(bonus(agent), "3");
    }

    // And the way on is open.
    let next = Bundle::published(&fleet.keys, "1.0.1", 5, 3);
    next.publish(&fleet.agents[1]).await;
    let generation = fleet.roll_out(&fleet.agents[1], &next).await;
    for agent in &fleet.agents {
        active(agent, generation).await;
        assert_eq!(bonus(agent), "5");
    }
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_format_is_refused_at_the_door() {
    let fleet = Fleet::start(1).await;
    let bundle = Bundle::new(&fleet.keys, "1.0.0", 3);
    let mut envelope = Envelope::decode(&bundle.envelope).unwrap();
    // The format is the manifest's first number: one byte as long as it is below 128.
    assert_eq!(u16::from(envelope.manifest[0]), MANIFEST_FORMAT);
    envelope.manifest[0] += 1;
    envelope.signatures = vec![fleet.keys.publisher.sign(MANIFEST_DOMAIN, &envelope.manifest)];
    let built = Envelope::decode(&bundle.envelope).unwrap().open(&fleet.keys.trust).unwrap();
    let head = crate::identity::seal_head(&envelope, &built, 1, &fleet.keys.publisher);
    let refused = fleet.agents[0].add_bundle(head, envelope.encode(), bundle.blobs.clone()).await;
    let Err(AddBundleError::Rejected { code, reason }) = refused else { panic!("{refused:?}") };
    assert_eq!(code, "bundle.format");
    let (found, known) = (MANIFEST_FORMAT + 1, MANIFEST_FORMAT);
    let said = format!("the manifest has format {found}, this build reads format {known}; upgrade");
    assert!(reason.starts_with(&said), "{reason}");
    fleet.shutdown().await;
}
