//! The embedded coordinator passes the suite, and its directory survives what it should.
#![allow(clippy::disallowed_types, reason = "shell code runs on the real clock")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cairn::coordinator::conformance::{record, suite, until, version};
use cairn::coordinator::embedded::Embedded;
use cairn::coordinator::{Coordinator, CoordinatorError, Leadership, Registered};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory_passes_the_suite() {
    let spaces: Mutex<BTreeMap<String, Arc<Embedded>>> = Mutex::default();
    suite(&|space| {
        let mut spaces = spaces.lock().unwrap();
        spaces.entry(space.to_owned()).or_insert_with(Embedded::in_memory).clone()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_directory_passes_the_suite() {
    let directory = tempfile::tempdir().unwrap();
    let spaces: Mutex<BTreeMap<String, Arc<Embedded>>> = Mutex::default();
    suite(&|space| {
        let mut spaces = spaces.lock().unwrap();
        let open = || Embedded::open(&directory.path().join(space)).unwrap();
        spaces.entry(space.to_owned()).or_insert_with(open).clone()
    })
    .await;
}

#[tokio::test]
async fn a_restart_keeps_versions_channels_and_terms() {
    let directory = tempfile::tempdir().unwrap();
    let leads = |event| match event {
        Leadership::Leader { term } => Some(term),
        _ => None,
    };
    let (revision, term) = {
        let store = Embedded::open(directory.path()).unwrap();
        store.register_version(version("hunt", "1.0.0", b"a")).await.unwrap();
        let revision = store.propose("hunt/prod", None, record(1, "x")).await.unwrap();
        let term = until(&mut store.campaign("one".to_owned()), "leads", leads).await;
        (revision, term)
    };
    let store = Embedded::open(directory.path()).unwrap();
    let found = store.channel("hunt/prod").await;
    assert_eq!(found, Ok(Some((record(1, "x"), revision))));
    let again = store.register_version(version("hunt", "1.0.0", b"b")).await;
    assert!(matches!(again, Ok(Registered::Conflict { .. })), "{again:?}");
    let next = until(&mut store.campaign("one".to_owned()), "leads again", leads).await;
    assert!(next > term, "term {next} after {term}");
}

#[tokio::test]
async fn a_failed_write_is_not_answered_as_done_and_stops_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = Embedded::open(&path).unwrap();
    let first = store.propose("hunt/prod", None, record(1, "x")).await.unwrap();
    // A directory where the temporary file goes: creating the file fails.
    std::fs::create_dir(path.join("coordinator.state.new")).unwrap();
    let failed = store.propose("hunt/prod", Some(first), record(2, "x")).await;
    assert!(matches!(failed, Err(CoordinatorError::Storage { .. })), "{failed:?}");
    // Reads go on with what is surely on disk; writes wait for a restart.
    assert_eq!(store.channel("hunt/prod").await, Ok(Some((record(1, "x"), first))));
    std::fs::remove_dir(path.join("coordinator.state.new")).unwrap();
    let still = store.propose("hunt/prod", Some(first), record(2, "x")).await;
    assert!(matches!(still, Err(CoordinatorError::Storage { .. })), "{still:?}");
    drop(store);
    let store = Embedded::open(&path).unwrap();
    assert_eq!(store.channel("hunt/prod").await, Ok(Some((record(1, "x"), first))));
}
