//! `cairn publish`: compile, sign, upload. A version is created once and never changes.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use cairn_ruleset::bundle_error::BundleError;
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::manifest::Manifest;
use cairn_ruleset::trust::Role;
use cairn_ruleset::upload::Upload;
use hyper::Method;
use serde::{Deserialize, Serialize};

use super::client::Answer;
use super::exit::Exit;
use super::failure::Failure;
use super::node::{KeyArgs, NodeArgs};
use super::output::{self, Format};
use super::{build, directive, keys, local};
use crate::api::bundles::UPLOAD_BYTES_MAX;
use crate::identity::{self, Package};
use crate::{compile, duration, trust};

const EXAMPLES: &str = "Examples:
  cairn publish rules/ --version 1.4.2      compile, sign, upload
  cairn publish hunt-1.4.2.bundle           a file that `cairn build --out` wrote";

/// Compile, sign and upload a version; it is created once and never changes
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Folder with *.rules.hcl files, one such file, or a bundle file
    source: PathBuf,
    /// The version to give it, as in 1.4.2; a bundle file has its own
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Revision of the source to record, for example a git commit
    #[arg(long, env = "CAIRN_REVISION", value_name = "TEXT", default_value = "")]
    revision: String,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// What the agent says of a bundle that it stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    ruleset: String,
    version: String,
    digest: String,
    envelope_bytes: u32,
    already: bool,
    node: String,
}

/// Publishes. The same content again is fine.
///
/// # Errors
/// Exit code 7 when the version exists with other content, 6 when the coordinator is unreachable.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let started = Instant::now();
    let dir = directive::key_dir(&args.keys)?;
    let key = trust::secret(&dir, Role::Publisher).map_err(|error| keys::failed(&error))?;
    let (manifest, blobs) = content(args)?;
    let envelope = Envelope::seal(&manifest, &[&key]).map_err(|error| refused(&error))?;
    let head = identity::seal_head(&envelope, &manifest, directive::now_ms(), &key);
    let upload = Upload::new(envelope, blobs).map_err(|error| refused(&error))?;
    let body = Package { head, upload: Bytes::from(upload.encode()) }.encode();
    let headers = [("content-type", "application/octet-stream".to_owned())];
    let client = args.node.client();
    let sent = client.send(Method::PUT, "/v1/bundles", &headers, Bytes::from(body)).await;
    let stored: Stored = match sent.and_then(Answer::decode) {
        Ok(stored) => stored,
        Err(failure) => return Err(directive::undecided(&client, failure).await),
    };
    match format {
        Format::Json => output::json(&stored)?,
        Format::Table => output::line(&format!(
            "{} {} is {} on {}{} ({} bytes, {})",
            if stored.already { "already published:" } else { "published" },
            format_args!("{} {}", stored.ruleset, stored.version),
            stored.digest,
            stored.node,
            if stored.already { ", nothing changed" } else { "" },
            manifest.total_bytes(),
            duration::show(started.elapsed())
        )),
    }
    Ok(Exit::Ok)
}

type Content = (Manifest, std::collections::BTreeMap<cairn_merkle::Digest, Vec<u8>>);

fn content(args: &Args) -> Result<Content, Failure> {
    let is_rules = args.source.is_dir() || crate::sources::is_source(&args.source);
    if !is_rules && args.source.exists() {
        return file(&args.source, args.version.as_deref());
    }
    let version = args.version.as_deref().ok_or_else(|| {
        Failure::usage("--version is missing").hint("a folder has none: add --version 1.4.2")
    })?;
    build::check_version(version)?;
    let program = local::program(&args.source)?;
    let built = compile::bundle(&program, version, &args.revision)
        .map_err(|error| local::refused(&args.source, &error.into()))?;
    Ok((built.manifest, built.blobs))
}

/// A bundle that was built before. What it says is checked like anything from outside; who signed
/// it does not matter, because it is signed anew.
fn file(path: &Path, version: Option<&str>) -> Result<Content, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(UPLOAD_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() > UPLOAD_BYTES_MAX {
        return Err(Failure::new(
            Exit::Findings,
            format!("{} is more than {UPLOAD_BYTES_MAX} bytes", path.display()),
        )
        .hint("this is no bundle that cairn built"));
    }
    let damaged = |error: BundleError| {
        let failure = refused(&error);
        Failure { message: format!("{}: {}", path.display(), failure.message), ..failure }
    };
    let upload = Upload::decode(&bytes).map_err(damaged)?;
    let manifest = upload.manifest;
    if let Some(wanted) = version.filter(|wanted| *wanted != manifest.version) {
        return Err(Failure::usage(format!(
            "{} is version {}, --version says {wanted}",
            path.display(),
            manifest.version
        ))
        .hint("leave --version out, or build the folder again"));
    }
    Ok((manifest, upload.blobs))
}

fn refused(error: &BundleError) -> Failure {
    Failure::new(Exit::Findings, error.to_string()).hint(error.hint())
}
