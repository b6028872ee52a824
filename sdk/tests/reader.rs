//! Following a channel on disk, as the agent writes it.

mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use cairn_ruleset::ir::Program;
use cairn_sdk::live::{LiveRecord, generation_path, image_path, record_path};
use cairn_sdk::{
    Code, Context, Engine, Error, Evaluator, Outcome, Reader, Scope, Value, code_path, seal_code,
};
use support::{build, generate, image_of, private_dir, write_private};

const CHANNEL: &str = "random/prod";

/// Activates a program as the agent does: image, record by rename, generation word.
fn activate(state: &Path, generation: u64, program: &Program) -> LiveRecord {
    for name in ["images", "live"] {
        std::fs::create_dir_all(state.join(name)).expect("a directory");
    }
    let built = build(program);
    let image = image_of(&built);
    let digest = cairn_ruleset::image::Image::open(image.as_slice()).expect("an image").bundle();
    let name = format!("{digest}.img");
    write_private(&image_path(state, &name), &image);
    let record = LiveRecord {
        channel: CHANNEL.into(),
        generation,
        digest,
        version: "1.0.0".into(),
        image: name,
    };
    publish(state, &record);
    record
}

fn publish(state: &Path, record: &LiveRecord) {
    let temporary = state.join("live/new");
    write_private(&temporary, &record.encode());
    std::fs::rename(temporary, record_path(state, CHANNEL)).expect("a rename");
    let path = generation_path(state, CHANNEL);
    if !path.exists() {
        write_private(&path, &[0; 8]);
    }
    let word = OpenOptions::new().write(true).open(path).expect("the word");
    word.write_all_at(&record.generation.to_le_bytes(), 0).expect("eight bytes");
}

fn program(seed: u64) -> Program {
    generate::program(seed, 3, 2)
}

/// The place is the reader's: every version that it hands out is resolved for it.
#[test]
fn a_reader_of_a_shard_keeps_its_place() {
    let state = private_dir();
    activate(state.path(), 1, &program(1));
    let scope = Scope::new(Some("eu"), Some("7")).unwrap();
    let mut reader = Reader::open_at(state.path(), CHANNEL, scope.clone()).unwrap();
    assert_eq!(reader.scope(), &scope);
    let mut differing = 0;
    for (generation, seed) in [(1, 1), (2, 2), (3, 4)] {
        if generation > 1 {
            activate(state.path(), generation, &program(seed));
            assert!(reader.tick().unwrap());
        }
        let (program, version) = (program(seed), reader.pin());
        let (here, nowhere) = (program.page(&scope), program.page(&Scope::default()));
        assert_eq!(version.page(), &here, "generation {generation}");
        for (index, param) in (0u16..).zip(&program.params) {
            let raw = here.values[usize::from(index)];
            assert_eq!(version.param(&param.name), Some(Value::Decimal(raw)));
            assert_eq!(version.param_raw(index), Some(raw));
        }
        differing += usize::from(here.values != nowhere.values);
    }
    assert!(differing > 0, "the place decides something");
}

#[test]
fn a_reader_follows_and_pins() {
    let state = private_dir();
    assert!(matches!(Reader::open(state.path(), CHANNEL), Err(Error::NotLive { .. })));
    let first = activate(state.path(), 1, &program(1));
    let mut reader = Reader::open(state.path(), CHANNEL).unwrap();
    assert!(!reader.tick().unwrap());
    let pinned = reader.pin();
    assert_eq!((pinned.generation, pinned.digest), (1, first.digest));
    let value = pinned.param("param_0").unwrap();
    assert_eq!(value, Value::Decimal(program(1).params[0].value));

    let second = activate(state.path(), 2, &program(2));
    assert_eq!(reader.pin().generation, 1, "only tick changes what is pinned");
    assert!(reader.tick().unwrap());
    assert!(!reader.tick().unwrap());
    assert_eq!((reader.pin().generation, reader.pin().digest), (2, second.digest));
    // The old version stays whole for whoever holds it, even when its file is gone.
    std::fs::remove_file(image_path(state.path(), &first.image)).unwrap();
    assert_eq!(pinned.param("param_0").unwrap(), value);
    // Each of the three rolls draws one to three entries.
    assert!((3..=9).contains(&pinned.roll("rare", 7, 3).unwrap().len()));

    // Back to the first: a new generation with an old digest.
    activate(state.path(), 3, &program(1));
    assert!(reader.tick().unwrap());
    assert_eq!((reader.pin().generation, reader.pin().digest), (3, first.digest));
}

#[test]
fn damage_leaves_the_pinned_version_alone() {
    let state = private_dir();
    let first = activate(state.path(), 1, &program(1));
    let mut reader = Reader::open(state.path(), CHANNEL).unwrap();
    let second = activate(state.path(), 2, &program(2));

    let path = image_path(state.path(), &second.image);
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    write_private(&path, &damaged);
    assert!(matches!(reader.tick(), Err(Error::Image { .. })));
    assert!(matches!(reader.tick(), Err(Error::Image { .. })), "the next tick tries again");
    assert_eq!(reader.pin().digest, first.digest);
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(reader.tick(), Err(Error::Read { .. })));

    // The image of another bundle under this name.
    let other = std::fs::read(image_path(state.path(), &first.image)).unwrap();
    write_private(&path, &other);
    assert!(matches!(reader.tick(), Err(Error::WrongImage { .. })));

    write_private(&record_path(state.path(), CHANNEL), b"\x01garbage");
    assert!(matches!(reader.tick(), Err(Error::Live { .. })));
    let foreign = LiveRecord { channel: "random_prod".into(), ..second.clone() };
    write_private(&record_path(state.path(), CHANNEL), &foreign.encode());
    assert!(matches!(reader.tick(), Err(Error::Live { .. })));

    std::fs::remove_file(&path).unwrap();
    write_private(&path, &whole);
    publish(state.path(), &second);
    assert!(reader.tick().unwrap());
    assert_eq!(reader.pin().digest, second.digest);
    // An older record never takes a reader back.
    publish(state.path(), &LiveRecord { generation: 1, ..first });
    assert!(!reader.tick().unwrap());
    assert_eq!(reader.pin().generation, 2);
}

#[test]
fn files_that_others_may_write_are_refused() {
    let state = private_dir();
    let record = activate(state.path(), 1, &program(1));
    let open = || Reader::open(state.path(), CHANNEL).map(drop);
    assert!(open().is_ok());
    let paths = [
        state.path().to_owned(),
        generation_path(state.path(), CHANNEL),
        record_path(state.path(), CHANNEL),
        image_path(state.path(), &record.image),
    ];
    for path in paths {
        let before = std::fs::metadata(&path).unwrap().permissions();
        for mode in [0o620, 0o602, 0o722] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode | 0o100)).unwrap();
            let error = open().expect_err("others may write");
            assert!(matches!(error, Error::Mode { .. }), "{error}");
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        std::fs::set_permissions(&path, before).unwrap();
    }
    assert!(open().is_ok());
    write_private(&generation_path(state.path(), CHANNEL), b"short");
    assert!(matches!(open(), Err(Error::Generation { actual_bytes: 5, .. })));
}

#[test]
fn a_state_directory_is_enough_to_evaluate() {
    let state = private_dir();
    let program = program(4);
    activate(state.path(), 1, &program);
    let reader = Reader::open(state.path(), CHANNEL).unwrap();
    let version = reader.pin();
    let engine = Engine::new().unwrap();
    assert!(matches!(Code::open(&engine, state.path(), &version), Err(Error::NoCode { .. })));

    let compiler = wasmtime::Engine::new(&cairn_sdk::engine::config()).unwrap();
    for fragment in version.image().fragments() {
        let path = code_path(state.path(), &fragment.digest);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let cwasm = compiler.precompile_module(fragment.wasm).unwrap();
        write_private(&path, &seal_code(&fragment.digest, &cwasm));
    }
    let code = Code::open(&engine, state.path(), &version).unwrap();
    let mut evaluator = Evaluator::new(&engine, &version, &code).unwrap();
    let mut context = Context::new(&version, version.timer("night").unwrap()).unwrap();
    context.seed(1);
    evaluator.eval(&context, &mut Outcome::new()).unwrap();

    // One flipped bit anywhere in the code, or the code of another fragment, is refused.
    let digests: Vec<_> = version.image().fragments().map(|fragment| fragment.digest).collect();
    let path = code_path(state.path(), &digests[0]);
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 50 + 1) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        write_private(&path, &damaged);
        assert!(matches!(Code::open(&engine, state.path(), &version), Err(Error::BadCode { .. })));
    }
    for bytes in [&b""[..], b"short", &whole[..whole.len() - 1]] {
        write_private(&path, bytes);
        assert!(Code::open(&engine, state.path(), &version).is_err());
    }
    std::fs::copy(code_path(state.path(), &digests[1]), &path).unwrap();
    assert!(matches!(Code::open(&engine, state.path(), &version), Err(Error::BadCode { .. })));
}
