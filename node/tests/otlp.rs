//! Traces reach a real OTLP collector over gRPC, and one trace runs from the publish of a
//! directive over its hops to staging and activation on every node.
#![allow(clippy::disallowed_types, reason = "shell code runs on the real clock")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hyper::{HeaderMap, Response};
use tokio::net::{TcpListener, TcpStream};

/// One exported span, as far as this test looks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    trace: Vec<u8>,
    name: String,
    node: Option<String>,
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// The fields of a protobuf message: number and bytes of those that have a length.
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let skipped = match tag & 7 {
            0 => {
                varint(&mut bytes);
                continue;
            }
            1 => 8,
            5 => 4,
            2 => {
                let length = varint(&mut bytes) as usize;
                found.push((tag >> 3, &bytes[..length]));
                length
            }
            other => panic!("wire type {other}"),
        };
        bytes = &bytes[skipped..];
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a varint of more than ten bytes");
}

fn within(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).into_iter().filter(move |(at, _)| *at == number).map(|(_, bytes)| bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// `ExportTraceServiceRequest` → `ResourceSpans` → `ScopeSpans` → `Span`.
fn spans(request: &[u8]) -> Vec<Span> {
    let mut found = Vec::new();
    for resource in within(request, 1) {
        for scope in within(resource, 2) {
            for span in within(scope, 2) {
                let node = within(span, 9).find_map(|pair| {
                    let key = within(pair, 1).next().map(text);
                    let value = within(pair, 2).next()?;
                    (key.as_deref() == Some("node")).then(|| within(value, 1).next().map(text))?
                });
                let trace = within(span, 1).next().unwrap().to_vec();
                let name = within(span, 5).next().map(text).unwrap_or_default();
                found.push(Span { trace, name, node });
            }
        }
    }
    found
}

/// A collector: takes every export, answers that all is well.
async fn collect(stream: TcpStream, seen: Spans) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let seen = seen.clone();
        tokio::spawn(async move {
            assert_eq!(
                request.uri().path(),
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
            );
            let mut body = request.into_body();
            let mut bytes = Vec::new();
            while let Some(chunk) = body.data().await {
                let chunk = chunk.unwrap();
                body.flow_control().release_capacity(chunk.len()).unwrap();
                bytes.extend_from_slice(&chunk);
            }
            // One message: a flag (not compressed) and its length come first.
            assert_eq!(bytes[0], 0);
            seen.lock().unwrap().extend(spans(&bytes[5..]));
            let head = Response::builder().header("content-type", "application/grpc");
            let mut answer = respond.send_response(head.body(()).unwrap(), false).unwrap();
            answer.send_data(Bytes::from_static(&[0; 5]), false).unwrap();
            let mut status = HeaderMap::new();
            status.insert("grpc-status", "0".parse().unwrap());
            answer.send_trailers(status).unwrap();
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_runs_from_publish_to_activation_on_every_node() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let seen = Spans::default();
    let told = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(collect(stream, told.clone()));
        }
    });
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hunt");
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_cairn"))
        .arg("dev")
        .arg(rules)
        .args(["--nodes", "3", "--exit-after-ready"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // The last of them were sent before the process ended.
    let seen = seen.lock().unwrap();
    let names: BTreeSet<&str> = seen.iter().map(|span| span.name.as_str()).collect();
    for name in ["publish", "hop", "stage", "activate"] {
        assert!(names.contains(name), "no {name} among {names:?}");
    }
    let ours = ["publish", "hop", "stage", "activate", "delivered"];
    assert!(names.iter().all(|name| ours.contains(name)), "foreign spans: {names:?}");
    let mut traces: BTreeMap<&[u8], Vec<&Span>> = BTreeMap::new();
    for span in seen.iter() {
        traces.entry(&span.trace).or_default().push(span);
    }
    let nodes = |trace: &[&Span], name: &str| -> BTreeSet<String> {
        let named = trace.iter().filter(|span| span.name == name);
        named.filter_map(|span| span.node.clone()).collect()
    };
    let all = BTreeSet::from(["node-1", "node-2", "node-3"].map(str::to_owned));
    let whole = traces.values().filter(|trace| {
        trace.iter().any(|span| span.name == "publish")
            && trace.iter().any(|span| span.name == "hop")
            && nodes(trace, "stage") == all
            && nodes(trace, "activate") == all
    });
    assert_eq!(whole.count(), 1, "{:#?}", *seen);
}
