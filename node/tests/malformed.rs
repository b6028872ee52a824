//! A bundle that is cut or changed anywhere is refused over HTTP, with a reason, and the node goes
//! on.
#![allow(clippy::disallowed_types, reason = "shell code runs on the real clock")]

use std::path::Path;

use bytes::Bytes;
use cairn::agent::{AgentConfig, Compile};
use cairn::api::ApiConfig;
use cairn::coordinator::embedded::Embedded;
use cairn::identity::{Package, seal_head};
use cairn::node::Node;
use cairn::{compile, trust};
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::trust::Role;
use cairn_ruleset::upload::Upload;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The status and the whole answer.
async fn put(api: &str, body: &[u8]) -> (u16, String) {
    let host = api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "PUT /v1/bundles HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_that_is_cut_or_changed_anywhere_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("keys");
    let trusted = trust::create(&keys).unwrap();
    let publisher = trust::secret(&keys, Role::Publisher).unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hunt");
    let program = compile::judge(&rules).unwrap().program().unwrap();
    let built = compile::bundle(&program, "1.0.0", "").unwrap();
    let envelope = Envelope::seal(&built.manifest, &[&publisher]).unwrap();
    let head = seal_head(&envelope, &built.manifest, 1, &publisher);
    let upload = Bytes::from(Upload::new(envelope, built.blobs).unwrap().encode());
    let package = Package { head, upload }.encode();

    let mut config = AgentConfig::new(
        home.path().join("state"),
        "solo".to_owned(),
        trusted,
        Embedded::in_memory(),
        vec!["hunt/prod".to_owned()],
    );
    config.compile = Compile::InProcess;
    let api = ApiConfig { listen: "127.0.0.1:0".parse().unwrap(), socket: None };
    let node = Node::start(config, api).await.unwrap();
    let api = node.place().api;

    let refused = async |what: String, body: &[u8]| {
        let (status, answer) = put(&api, body).await;
        assert_eq!(status, 422, "{what}: {answer}");
        assert!(answer.contains("application/problem+json"), "{what}: {answer}");
        assert!(answer.contains("\"detail\":\""), "{what}: {answer}");
    };
    // A prime stride meets every part of the package, and each of the eight bits.
    for at in (0..package.len() * 8).step_by(241) {
        let mut changed = package.clone();
        changed[at / 8] ^= 1 << (at % 8);
        refused(format!("bit {at}"), &changed).await;
    }
    for length in (0..package.len()).step_by(67) {
        refused(format!("{length} bytes"), &package[..length]).await;
    }
    // Nothing of all that was kept or registered.
    assert_eq!(put(&api, &package).await.0, 201);
    assert_eq!(put(&api, &package).await.0, 200);
    node.stop().await;
}
