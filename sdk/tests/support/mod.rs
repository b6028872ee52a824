//! What the tests of the SDK share: from a program to an evaluator, and random contexts.

#![allow(dead_code, reason = "each test file uses its own part of this")]

pub(crate) mod generate;

use std::path::Path;
use std::sync::Arc;

use cairn_ruleset::context::ContextView;
use cairn_ruleset::emit::{self, Built};
use cairn_ruleset::image;
use cairn_ruleset::interp::{self, Fault};
use cairn_ruleset::ir::{INSTANT_MAX, Program, Slot};
use cairn_ruleset::manifest::{FragmentKind, Provenance};
use cairn_ruleset::meta::FragmentMeta;
use cairn_ruleset::rng;
use cairn_sdk::{Code, Context, Engine, Error, Evaluator, Scope, Version, seal_code};

/// A directory of mode 0700, as the agent makes it.
pub(crate) fn private_dir() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(permissions).tempdir().expect("a temporary directory")
}

/// Writes a file of mode 0600.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, bytes).expect("a writable file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("our own file");
}

pub(crate) fn build(program: &Program) -> Built {
    let provenance = Provenance { revision: "test".into(), builder: "test".into() };
    emit::bundle(program, "1.0.0", provenance).expect("a program that builds")
}

pub(crate) fn image_of(built: &Built) -> Vec<u8> {
    image::build(&built.manifest, &|digest| built.blobs.get(digest).cloned())
        .expect("a bundle that makes an image")
}

/// Compiles every fragment as the agent's compiling child does.
pub(crate) fn machine_code(engine: &Engine, built: &Built, dir: &Path) -> Code {
    let compiler = wasmtime::Engine::new(&cairn_sdk::engine::config()).expect("the configuration");
    let mut code = Code::new();
    for entry in built.manifest.fragments.iter().filter(|e| e.kind == FragmentKind::Code) {
        let wasm = built.blobs.get(&entry.digest).expect("every blob");
        let cwasm = compiler.precompile_module(wasm).expect("a module that compiles");
        let path = dir.join(format!("{}.cwasm", entry.digest));
        write_private(&path, &seal_code(&entry.digest, &cwasm));
        assert!(code.load_file(engine, entry.digest, &path).expect("code that loads"));
    }
    code
}

/// A program, ready to run on both back ends.
pub(crate) struct Fixture {
    pub(crate) program: Program,
    pub(crate) params: Vec<i64>,
    pub(crate) version: Arc<Version>,
    pub(crate) evaluator: Evaluator,
    /// The same version on the SDK's own interpreter.
    pub(crate) interpreted: Evaluator,
    pub(crate) metas: Vec<FragmentMeta>,
}

impl Fixture {
    /// For games that run nowhere in particular.
    pub(crate) fn new(program: Program) -> Fixture {
        Fixture::at(program, Scope::default())
    }

    pub(crate) fn at(program: Program, scope: Scope) -> Fixture {
        let built = build(&program);
        Fixture::of(program, &built, scope)
    }

    /// From a bundle that was built before, of this program.
    pub(crate) fn of(program: Program, built: &Built, scope: Scope) -> Fixture {
        let params = program.page(&scope).values;
        let version = Version::open_at(1, image_of(built), scope).expect("an image that opens");
        let version = Arc::new(version);
        let engine = Engine::new().expect("an engine");
        let dir = private_dir();
        let code = machine_code(&engine, built, dir.path());
        let evaluator = Evaluator::new(&engine, &version, &code).expect("an evaluator");
        let interpreted = Evaluator::interpreted(&version).expect("fragments of the compiler");
        let metas: Vec<_> =
            program.fragments.iter().map(|def| FragmentMeta::of(&program, def)).collect();
        assert_eq!(metas.as_slice(), version.fragments(), "fragments keep their order");
        Fixture { program, params, version, evaluator, interpreted, metas }
    }

    /// Evaluates one fragment on every back end of the SDK and compares every byte.
    pub(crate) fn agree(&mut self, fragment: u16, context: &[u8]) {
        let at = usize::from(fragment);
        let (def, meta) = (&self.program.fragments[at], &self.metas[at]);
        let view = ContextView::new(context, meta.slots()).expect("enough slots");
        let expected = interp::run(def, meta, &view, &self.params);
        let expected = expected
            .map(|slots| -> Vec<u8> { slots.iter().flat_map(|slot| slot.to_le_bytes()).collect() });
        for (what, evaluator) in
            [("wasmtime", &mut self.evaluator), ("the SDK's interpreter", &mut self.interpreted)]
        {
            match (&expected, evaluator.eval_raw(fragment, context)) {
                (Ok(bytes), Ok(actual)) => {
                    if actual != bytes {
                        let at = bytes.iter().zip(actual).position(|(a, b)| a != b);
                        let (at, name) = (at.map(|at| at / 8), &def.name);
                        panic!("{name}: slot {at:?} differs under {what}\ncontext {context:?}");
                    }
                }
                (Err(Fault::Division { .. }), Err(Error::Trap { .. })) => {}
                (expected, actual) => {
                    panic!("{} under {what}: {expected:?} against {actual:?}", def.name)
                }
            }
        }
    }
}

/// A stream of random numbers from a seed.
pub(crate) struct Stream(pub(crate) u64);

impl Stream {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(rng::GAMMA);
        rng::mix(self.0)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        rng::scale(self.next(), n)
    }

    pub(crate) fn flip(&mut self) -> bool {
        self.below(2) == 1
    }

    /// A value in a range: often an end, or near one.
    pub(crate) fn within(&mut self, min: i64, max: i64) -> i64 {
        let near = self.below(3) as i64;
        match self.below(8) {
            0 => min.saturating_add(near).min(max),
            1 => max.saturating_sub(near).max(min),
            2 => near.clamp(min, max),
            _ => {
                let span = max.wrapping_sub(min) as u64;
                let offset = match span.checked_add(1) {
                    Some(n) => self.next() % n,
                    None => self.next(),
                };
                min.wrapping_add(offset as i64)
            }
        }
    }

    fn word(&mut self) -> u64 {
        match self.below(10) {
            0 => 0,
            1 => u64::MAX,
            2 => 1,
            _ => self.next(),
        }
    }
}

/// Fills a context with values in range.
pub(crate) fn fill(context: &mut Context, fields: &[Slot], stream: &mut Stream) {
    for (index, slot) in (0u16..).zip(fields) {
        let value = stream.within(slot.min, slot.max);
        context.set(index, value).expect("a value in range");
    }
    let version = Arc::clone(context.version());
    for index in 0..version.image().counter_count() as u16 {
        let (_, max) = version.image().counter_limit(index).expect("a counter");
        let count = stream.within(0, max);
        context.rate(index, count).expect("a counter");
    }
    for index in 0..version.image().timer_count() as u16 {
        let active = stream.flip();
        context.active(index, active).expect("a timer");
    }
    let (seed, player) = (stream.word(), stream.word());
    context.seed(seed).player(player);
    let now_ms = stream.within(0, INSTANT_MAX);
    context.now_ms(now_ms).expect("an instant in range");
}

/// Runs random contexts through every fragment on both back ends.
pub(crate) fn compare(fixture: &mut Fixture, contexts: usize, seed: u64) {
    let version = Arc::clone(&fixture.version);
    let mut stream = Stream(seed);
    for (fragment, meta) in (0u16..).zip(version.fragments()) {
        let mut context = Context::new(&version, meta.on).expect("a context");
        let fields: Vec<Slot> = match meta.on {
            cairn_sdk::On::Trigger(index) => {
                version.image().fields(index).map(|field| field.slot).collect()
            }
            cairn_sdk::On::Timer(_) => Vec::new(),
        };
        for _ in 0..contexts {
            fill(&mut context, &fields, &mut stream);
            let bytes = context.bytes().expect("every field is set");
            fixture.agree(fragment, bytes);
        }
    }
}
