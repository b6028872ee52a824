//! From text to bundle to machine code, an edit, a large file.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cairn_merkle::Digest;
use cairn_ruleset::emit::{self, Built};
use cairn_ruleset::image;
use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::{self, Source};
use cairn_ruleset::manifest::{FragmentKind, Provenance};
use cairn_sdk::{Code, Context, Engine, Evaluator, Version, seal_code};

use crate::rounds::{head, time};
use crate::rules;
use crate::support::{private_dir, write_private};

const ROUNDS: usize = 25;

fn sources(files: &[(String, String)]) -> Vec<Source> {
    let source =
        |(name, text): &(String, String)| Source { name: name.clone(), text: text.clone() };
    files.iter().map(source).collect()
}

/// Checks sources that are known to be whole.
pub fn program(files: &[(String, String)]) -> Program {
    check(&sources(files))
}

fn check(sources: &[Source]) -> Program {
    let checked = lang::check(sources);
    checked.program.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

fn bundle(sources: &[Source]) -> Built {
    emit::bundle(&check(sources), "1.0.0", Provenance::default()).expect("a program that builds")
}

/// Digest and Wasm of every code fragment.
fn code(built: &Built) -> Vec<(Digest, &[u8])> {
    let entries = built.manifest.fragments.iter().filter(|one| one.kind == FragmentKind::Code);
    entries.map(|one| (one.digest, built.blobs[&one.digest].as_slice())).collect()
}

/// What the agent's compiling child does with them, but for the files: all cores.
fn machine_code(fragments: &[(Digest, &[u8])]) -> Vec<(Digest, Vec<u8>)> {
    let engine = wasmtime::Engine::new(&cairn_sdk::engine::config()).expect("the configuration");
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some((digest, wasm)) = fragments.get(next.fetch_add(1, Ordering::Relaxed)) {
            cairn_ruleset::whitelist::prove(wasm).expect("a fragment of ours");
            made.push((*digest, engine.precompile_module(wasm).expect("a valid module")));
        }
        made
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// What an agent does between a stored bundle and the swap, but for the durable writes.
struct Stage {
    engine: Engine,
    dir: tempfile::TempDir,
    code: Code,
}

impl Stage {
    fn new() -> Stage {
        let engine = Engine::new().expect("an engine");
        Stage { engine, dir: private_dir(), code: Code::new() }
    }

    /// Image, machine code of what is new, everything loaded, each fragment run once.
    fn stage(&mut self, built: &Built) -> Evaluator {
        let image = image::build(&built.manifest, &|digest| built.blobs.get(digest).cloned());
        let version = Version::open(1, image.expect("a whole bundle")).expect("an image");
        let version = Arc::new(version);
        let mut missing = code(built);
        missing.retain(|(digest, _)| !self.code.contains(digest));
        for (digest, cwasm) in machine_code(&missing) {
            let path = Path::new(self.dir.path()).join(format!("{digest}.cwasm"));
            write_private(&path, &seal_code(&digest, &cwasm));
            assert!(self.code.load_file(&self.engine, digest, &path).expect("code that loads"));
        }
        let mut evaluator =
            Evaluator::new(&self.engine, &version, &self.code).expect("an evaluator");
        for index in 0..version.fragments().len() as u16 {
            let on = version.fragments()[usize::from(index)].on;
            let mut context = Context::new(&version, on).expect("a context");
            for field in 0..version.fragments()[usize::from(index)].fields {
                context.set(field, 1).expect("every range has 1");
            }
            let bytes = context.bytes().expect("a whole context");
            evaluator.eval_raw(index, bytes).expect("it does not trap");
        }
        evaluator
    }
}

pub fn run() {
    head("Compiling");
    let before = sources(&rules::thousand());
    let built = bundle(&before);
    let fragments = code(&built);
    let rules: usize = check(&before).fragments.iter().map(|def| def.rules.len()).sum();
    assert_eq!((rules, fragments.len()), (1_000, rules::FILES));
    let bytes: usize = before.iter().map(|source| source.text.len()).sum();
    let size = format!("{} files, {} KiB", before.len(), bytes >> 10);
    time(&format!("1,000 rules ({size}) to a bundle"), ROUNDS, Some(100.0), || bundle(&before));
    time("the same to machine code, text to end", ROUNDS, Some(200.0), || {
        let built = bundle(&before);
        machine_code(&code(&built))
    });

    let mut stage = Stage::new();
    stage.stage(&built);
    let mut edit = 0;
    let mut edited = || {
        edit += 1;
        let mut after = before.clone();
        let text = &mut after[11].text;
        // Another chance in one rule: one fragment differs, and never as it did before.
        *text = text.replacen("chance(0.", &format!("chance(0.0{edit:02}"), 1);
        after
    };
    time("one of the files edited, to the new bundle", ROUNDS, Some(20.0), || bundle(&edited()));
    let next = std::cell::RefCell::new(Vec::new());
    for _ in 0..ROUNDS {
        next.borrow_mut().push(bundle(&edited()));
    }
    time("staging that bundle (image, one fragment compiled, trial run)", ROUNDS, None, || {
        let built = next.borrow_mut().pop().expect("one a round");
        assert_eq!(
            code(&built).iter().filter(|(digest, _)| !stage.code.contains(digest)).count(),
            1
        );
        stage.stage(&built)
    });

    let text = large();
    let kib = text.len() as f64 / 1024.0;
    assert!(kib > 127.0);
    let file = [Source { name: "large.rules.hcl".to_owned(), text: text.clone() }];
    let what = format!("a file of {kib:.1} KiB, its tree at the limit, parsed and checked");
    time(&what, ROUNDS, Some(10.0), || check(&file));
    time("hcl-edit: the same file parsed", ROUNDS, None, || {
        text.parse::<hcl_edit::structure::Body>().expect("HCL")
    });
}

/// The file with as many rules as the limit of its syntax tree lets through.
fn large() -> String {
    let fits = |rules: usize| {
        let source = Source { name: "large.rules.hcl".to_owned(), text: rules::large(rules) };
        lang::check(&[source]).program.is_some()
    };
    let (mut most, mut step) = (1, 256);
    while step > 0 {
        if fits(most + step) {
            most += step;
        }
        step /= 2;
    }
    rules::large(most)
}
