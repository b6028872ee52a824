//! A version that a tool looks into: a folder of rules, a bundle file, or what is live on an agent.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use cairn_merkle::Digest;
use cairn_ruleset::bundle_error::BundleError;
use cairn_ruleset::contents::Contents;
use cairn_ruleset::envelope::MANIFEST_DOMAIN;
use cairn_ruleset::image::ImageError;
use cairn_ruleset::ir::{FieldDef, Loot, On};
use cairn_ruleset::manifest::Manifest;
use cairn_ruleset::plan::{Interpreted, Machine};
use cairn_ruleset::reads::Reads;
use cairn_ruleset::upload::{UPLOAD_BYTES_MAX, Upload};
use hyper::Method;

use super::exit::Exit;
use super::failure::Failure;
use super::local;
use super::node::{ChannelArgs, NodeArgs};
use crate::compile;
use crate::live::{Live, Runner};

/// A version, opened up.
pub struct Opened {
    /// What people call it.
    pub label: String,
    /// Its manifest's digest.
    pub digest: Digest,
    /// What it holds.
    pub contents: Contents,
}

impl Opened {
    /// A folder of rules, one rule file, or a bundle file as `cairn build --out` writes it.
    ///
    /// # Errors
    /// Exit code 3 for rules or bundles that do not hold, 2 when there is nothing to read.
    pub fn at(path: &Path) -> Result<Opened, Failure> {
        let mut opened = match is_rules(path) {
            true => Opened::rules(path)?,
            false => Opened::bundle(&file(path)?, &path.display().to_string())?,
        };
        opened.label = path.display().to_string();
        Ok(opened)
    }

    fn rules(path: &Path) -> Result<Opened, Failure> {
        let judged = compile::judge(path).map_err(|error| local::unreadable(path, &error))?;
        let outline = judged.outline.clone();
        let program = judged.program().map_err(|error| local::refused(path, &error))?;
        let built = compile::bundle(&program, "0.0.0", "")
            .map_err(|error| local::refused(path, &error.into()))?;
        let digest = digest(&built.manifest);
        let contents = Contents::of_sources(program, outline, &built).map_err(|e| unfit(&e))?;
        Ok(Opened { label: String::new(), digest, contents })
    }

    fn bundle(bytes: &[u8], label: &str) -> Result<Opened, Failure> {
        let upload = decoded(bytes, label)?;
        let contents =
            Contents::of_bundle(&upload.manifest, &upload.blobs).map_err(|e| unfit(&e))?;
        let digest = digest(&upload.manifest);
        Ok(Opened { label: label.to_owned(), digest, contents })
    }

    /// What is live on an agent.
    ///
    /// # Errors
    /// Exit code 6 when there is no agent, and what it answers.
    pub async fn live(node: &NodeArgs, channel: &ChannelArgs) -> Result<Opened, Failure> {
        let mut opened = Opened::bundle(&fetched(node, channel).await?, LIVE)?;
        let contents = &opened.contents;
        opened.label = format!("{} {} (live)", contents.schema.ruleset, contents.version);
        Ok(opened)
    }

    /// The version as games run it; `evaluates` compiles its fragments to machine code.
    ///
    /// # Errors
    /// Exit code 1 when this machine cannot.
    pub fn evaluator(&self, evaluates: bool) -> Result<Live, Failure> {
        Live::opened(&self.contents, self.digest, evaluates).map_err(Failure::internal)
    }

    /// The condition of a table's entry in the words of its sources, when they are at hand.
    pub fn condition(&self, table: &str, entry: &str) -> Option<&str> {
        let outline = &self.contents.source.as_ref()?.outline;
        outline.entries.get(&(table.to_owned(), entry.to_owned())).map(String::as_str)
    }

    /// What the condition of a table's entry reads where rules on a trigger roll the table, when the
    /// sources are at hand.
    pub fn reads(&self, trigger: &str, table: &str, entry: &str) -> Option<Reads> {
        let program = &self.contents.source.as_ref()?.program;
        let (on, mut reads) = (self.on(trigger)?, Reads::default());
        for mask in program.fragments.iter().filter(|def| def.on == on).flat_map(|def| &def.masks) {
            let def = program.tables.get(usize::from(mask.table)).filter(|def| def.name == table);
            let entries = def.map_or(&[][..], |def| &def.entries);
            let at = entries.iter().position(|known| known.name == entry);
            if let Some(condition) = at.and_then(|at| mask.entries.get(at)) {
                reads.add(condition);
            }
        }
        Some(reads)
    }

    /// What the conditions of a table's entries, and of those of the tables that it leads to, read where
    /// rules on a trigger roll them, when the sources are at hand.
    pub fn reads_of_table(&self, trigger: &str, table: &str) -> Option<Reads> {
        let program = &self.contents.source.as_ref()?.program;
        let (on, mut reads) = (self.on(trigger)?, Reads::default());
        let tables = &program.tables;
        let (mut seen, mut open) = (vec![false; tables.len()], Vec::new());
        open.extend(tables.iter().position(|def| def.name == table));
        while let Some(at) = open.pop() {
            if seen.get_mut(at).is_none_or(|seen| std::mem::replace(seen, true)) {
                continue;
            }
            let entries = tables.get(at).map_or(&[][..], |def| &def.entries);
            open.extend(entries.iter().filter_map(|entry| match &entry.loot {
                Loot::Table(inner) => Some(usize::from(*inner)),
                Loot::Item(_) => None,
            }));
        }
        for mask in program.fragments.iter().filter(|def| def.on == on).flat_map(|def| &def.masks) {
            if seen.get(usize::from(mask.table)).is_some_and(|seen| *seen) {
                mask.entries.iter().for_each(|condition| reads.add(condition));
            }
        }
        Some(reads)
    }

    /// The fields of a trigger, by slot; a timer has none.
    pub fn fields(&self, trigger: &str) -> Option<&[FieldDef]> {
        let On::Trigger(at) = self.on(trigger)? else { return None };
        self.contents.schema.triggers.get(usize::from(at)).map(|def| &def.fields[..])
    }

    /// A trigger, or a timer as `timer.NAME`.
    fn on(&self, name: &str) -> Option<On> {
        let (schema, timers) = (&self.contents.schema, &self.contents.timers);
        let found = match name.strip_prefix("timer.") {
            Some(timer) => timers.iter().position(|def| def.name == timer),
            None => schema.triggers.iter().position(|def| def.name == name),
        };
        let at = u16::try_from(found?).ok()?;
        Some(if name.starts_with("timer.") { On::Timer(at) } else { On::Trigger(at) })
    }

    /// What runs it: the reference interpreter where the sources are at hand, else the compiled
    /// fragments in the SDK's sandbox.
    pub fn machine(&self) -> Box<dyn Machine + '_> {
        match &self.contents.source {
            Some(_) => Box::new(Interpreted(&self.contents)),
            None => Box::new(Sandboxed { contents: &self.contents, runner: None }),
        }
    }
}

/// What the live version is called before its name is known.
const LIVE: &str = "the live version";

fn is_rules(path: &Path) -> bool {
    path.is_dir() || path.to_string_lossy().ends_with(".hcl")
}

/// A bundle file; `None` when the path is one of rules.
///
/// # Errors
/// Exit code 3 for what is no bundle, 2 when there is nothing to read.
pub fn upload(path: &Path) -> Result<Option<Upload>, Failure> {
    if is_rules(path) {
        return Ok(None);
    }
    decoded(&file(path)?, &path.display().to_string()).map(Some)
}

fn file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(UPLOAD_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", path.display())).hint(
                "name a folder with *.rules.hcl files, or a file that `cairn build --out` wrote",
            )
        })?;
    Ok(bytes)
}

async fn fetched(node: &NodeArgs, channel: &ChannelArgs) -> Result<bytes::Bytes, Failure> {
    let mut path = "/v1/bundle".to_owned();
    if let Some(channel) = &channel.channel {
        path.push_str(&format!("?channel={}", super::events::escape(channel)));
    }
    let client = node.client();
    let answer = client.send(Method::GET, &path, &[], bytes::Bytes::new()).await?.success()?;
    Ok(answer.body)
}

fn decoded(bytes: &[u8], label: &str) -> Result<Upload, Failure> {
    Upload::decode(bytes).map_err(|error: BundleError| {
        Failure::new(Exit::Findings, format!("{label} is no bundle: {error}")).hint(error.hint())
    })
}

fn digest(manifest: &Manifest) -> Digest {
    Digest::derive(MANIFEST_DOMAIN, &[&manifest.encode()])
}

fn unfit(error: &ImageError) -> Failure {
    Failure::new(Exit::Findings, format!("a node would refuse this version: {error}"))
        .hint("build it again with this version of cairn")
}

/// Compiled to machine code when the first fragment is run: most plans run none.
struct Sandboxed<'a> {
    contents: &'a Contents,
    runner: Option<Result<Runner, String>>,
}

impl Machine for Sandboxed<'_> {
    fn run(&mut self, fragment: usize, context: &[u8]) -> Result<Vec<i64>, String> {
        let contents = self.contents;
        let runner = self.runner.get_or_insert_with(|| {
            let fragments =
                contents.fragments.iter().map(|code| (code.digest, code.wasm.as_slice()));
            Live::runner(&contents.image, &fragments.collect::<Vec<_>>())
        });
        let runner = runner.as_mut().map_err(|reason| reason.clone())?;
        let code = contents.fragments.get(fragment).ok_or("there is no such fragment")?;
        runner.run(&code.meta.name, context)
    }
}
