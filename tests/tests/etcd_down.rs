//! etcd decides, and nothing that serves a game waits for it: what works while it is gone.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use cairn_tests::consumer::Consumer;
use cairn_tests::fleet::{CHANNEL, Fleet, example};
use cairn_tests::http;
use cairn_tests::recorder::Recorder;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_restarts_without_etcd_serves_and_gossips() -> Result<()> {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_cairn-under-test"));
    let mut fleet = Fleet::start(&binary, 3, 6, &[]).await?;
    // Something to go back to.
    fleet.release(&example(), "0.9.0").await?;
    fleet.release(&example(), "1.0.0").await?;
    let digest = ruleset(&fleet, 1).await?["digest"].clone();

    fleet.etcd.stop().await?;
    fleet.agents[1].kill().await?;
    fleet.agents[1].start().await?;

    // Ready means that a last-good rule set is loaded; the first question is answered from it.
    let ready = http::send(fleet.agents[1].api()?, "GET", "/readyz?verbose", &[], "").await?;
    let text = String::from_utf8_lossy(&ready.body).into_owned();
    ensure!(ready.status == 200, "readyz: {} {text}", ready.status);
    ensure!(text.contains("1.0.0"), "readyz does not name the version that it serves: {text}");
    ensure!(text.contains("unreachable"), "readyz does not say that etcd is unreachable: {text}");
    let served = ruleset(&fleet, 1).await?;
    ensure!(served["version"] == "1.0.0" && served["digest"] == digest, "serves {served}");

    // Publishing a bundle needs the one who decides: refused, in words, with its own exit code.
    let rules = example();
    let refused = fleet
        .cairn(1, &["publish", rules.to_str().context("a path in UTF-8")?, "--version", "1.0.1"])
        .await?;
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(refused.status.code() == Some(6), "publish ended with {}: {message}", refused.status);
    ensure!(
        message.contains(&fleet.etcd.endpoint()),
        "the message does not name etcd's address: {message}"
    );

    // Somebody in a hurry hears the reason too, not only that time ran out, and what works now.
    let hasty = ["rollback", "--reason", "hurry", "--timeout", "200ms"];
    let refused = fleet.cairn(1, &hasty).await?;
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(refused.status.code() == Some(6), "rollback ended with {}: {message}", refused.status);
    for part in ["coordinator is unreachable", "--break-glass --reason"] {
        ensure!(message.contains(part), "no {part:?} in: {message}");
    }

    // Publishing an event does not.
    let mut consumer = Consumer::start(2, fleet.agents[2].api_watch(), Recorder::default());
    // A new consumer starts from now; a tick of the example's timer shows that it has begun.
    consumer.beyond(0).await?;
    let answer = http::send(
        fleet.agents[1].api()?,
        "POST",
        "/v1/events",
        &[("idempotency-key", "while-etcd-is-gone")],
        r#"{"topic":"test.event","payload":{"n":1}}"#,
    )
    .await?
    .ok()?;
    let id = answer["id"].as_str().context("an ack without id")?;
    loop {
        let seen = consumer.effects.all();
        if seen.iter().any(|event| event.dot.to_string() == id) {
            break;
        }
        consumer.beyond(seen.len()).await?;
    }

    // Back again: the refused bundle can be published now.
    fleet.etcd.start_again().await?;
    fleet.release(&rules, "1.0.1").await?;
    ensure!(ruleset(&fleet, 1).await?["version"] == "1.0.1", "1.0.1 is not live");
    Ok(())
}

async fn ruleset(fleet: &Fleet, index: usize) -> Result<serde_json::Value> {
    let path = format!("/v1/ruleset?channel={CHANNEL}");
    http::send(fleet.agents[index].api()?, "GET", &path, &[], "").await?.ok()
}
