//! `fuzz`: the targets of `ruleset/src/fuzz` under libFuzzer, on the stable toolchain.
//!
//! The coverage that libFuzzer follows comes from a pass of the stable code generator, so no
//! nightly compiler and no sanitizer is needed: the code under test has no `unsafe`, and what a
//! fuzzer can find in it are panics, overflows (checked in this profile), hangs and memory.

use std::path::PathBuf;

use crate::step::{cargo, root, run};

/// A target, the words that help it, and the longest input that is worth its time.
struct Target {
    name: &'static str,
    dictionary: &'static str,
    /// Corpora of `fuzz/corpus` that it starts from.
    corpora: &'static [&'static str],
    len_bytes_max: u32,
    /// Whether comparisons are traced. It finds magic numbers and doubles the time of a run; text
    /// has its dictionary instead.
    compares: bool,
}

const TARGETS: [Target; 5] = [
    Target {
        name: "lexer",
        dictionary: "hcl",
        corpora: &["source", "lexer"],
        len_bytes_max: 512,
        compares: false,
    },
    Target {
        name: "parser",
        dictionary: "hcl",
        corpora: &["source", "parser"],
        len_bytes_max: 512,
        compares: false,
    },
    Target {
        name: "compiler",
        dictionary: "hcl",
        corpora: &["source", "compiler"],
        len_bytes_max: 2_048,
        compares: false,
    },
    Target {
        name: "loader",
        dictionary: "wasm",
        corpora: &["loader"],
        len_bytes_max: 1_024,
        compares: true,
    },
    Target {
        name: "decoder",
        dictionary: "bundle",
        corpora: &["decoder"],
        len_bytes_max: 2_048,
        compares: true,
    },
];

/// Memory of one run, the fuzzer's own included. More is a finding.
const MEMORY_MIB_MAX: u32 = 256;
/// Seconds that one input may take. More is a finding.
const SECONDS_MAX: u32 = 10;
/// Inputs of a run, unless `--runs` says otherwise.
const RUNS: u64 = 10_000_000;

pub(crate) const USAGE: &str = "\
Usage: cargo xtask fuzz TARGET [--runs N] [--planted]
       cargo xtask fuzz seeds

  TARGET       lexer, parser, compiler, loader or decoder
  --runs N     stop after N inputs (default: 10000000)
  --planted    with the bug that was planted for this target: must end with a finding
  seeds        write fuzz/corpus anew from the documentation, the examples and what they compile to
";

/// Runs one target, or writes the seeds.
///
/// What a run finds new goes to `target/fuzz/corpus/TARGET`, a finding to `target/fuzz/TARGET-*`: mend
/// the cause and put the file into `fuzz/corpus/TARGET`, where the tests replay it.
///
/// # Errors
/// A misuse; a finding; with `--planted`, that there was none.
pub(crate) fn fuzz(args: &[String]) -> Result<(), String> {
    let mut args = args.iter();
    let name = args.next().ok_or_else(|| format!("fuzz what?\n\n{USAGE}"))?;
    if name == "seeds" {
        let mut command = cargo();
        command.args(["run", "--quiet", "--locked", "--example", "seeds"]);
        return run("seeds", command.arg("--manifest-path").arg(manifest()));
    }
    let target = TARGETS
        .iter()
        .find(|target| target.name == name)
        .ok_or_else(|| format!("no fuzz target is called `{name}`\n\n{USAGE}"))?;
    let (mut runs, mut planted) = (RUNS, false);
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.as_slice().first()) {
            ("--planted", _) => planted = true,
            ("--runs", Some(count)) => {
                runs = count
                    .parse()
                    .map_err(|_| format!("--runs takes a whole number, not `{count}`"))?;
                args.next();
            }
            _ => return Err(format!("`{arg}` is not an argument of fuzz\n\n{USAGE}")),
        }
    }
    build(target, planted)?;
    let outcome = launch(target, planted, runs);
    match (planted, outcome) {
        (false, outcome) => outcome,
        (true, Ok(())) => Err(format!("{name} ran {runs} inputs and missed its planted bug")),
        // It may have failed for another reason: no memory, a dictionary that it cannot read.
        (true, Err(error)) => match crashes(target)?.as_slice() {
            [] => Err(format!("{error}, and not by its planted bug")),
            [crash, ..] => {
                eprintln!("\nfuzz: {name} found the bug planted for it: {}", crash.display());
                Ok(())
            }
        },
    }
}

/// Where a run with a planted bug keeps what it finds, apart from true findings.
fn planted_dir(target: &Target) -> PathBuf {
    root().join("target/fuzz/planted").join(target.name)
}

/// Inputs on which the planted bug showed.
fn crashes(target: &Target) -> Result<Vec<PathBuf>, String> {
    let folder = planted_dir(target);
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let crash = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(&format!("{}-crash-", target.name))
    };
    Ok(paths.filter(crash).collect())
}

fn manifest() -> PathBuf {
    root().join("fuzz/Cargo.toml")
}

/// Where the programs are built: one directory for honest and planted builds.
fn target_dir() -> PathBuf {
    let base = std::env::var_os("CARGO_TARGET_DIR");
    base.map_or_else(|| root().join("target"), PathBuf::from).join("fuzz")
}

fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

fn build(target: &Target, planted: bool) -> Result<(), String> {
    let mut flags = vec![
        "--cfg=fuzzing".to_owned(),
        "-Cpasses=sancov-module".to_owned(),
        "-Cllvm-args=-sanitizer-coverage-level=4".to_owned(),
        "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters".to_owned(),
        "-Cllvm-args=-sanitizer-coverage-pc-table".to_owned(),
    ];
    if target.compares {
        flags.push("-Cllvm-args=-sanitizer-coverage-trace-compares".to_owned());
    }
    if planted {
        flags.push(format!("--cfg=cairn_planted=\"{}\"", target.name));
    }
    let mut command = cargo();
    command
        .args(["build", "--release", "--locked", "--bin", target.name, "--manifest-path"])
        .arg(manifest())
        // A target of its own keeps build scripts and macros free of the coverage.
        .args(["--target", &host()])
        .env("CARGO_TARGET_DIR", target_dir())
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    run("build", &mut command)
}

fn launch(target: &Target, planted: bool, runs: u64) -> Result<(), String> {
    let mut out = root().join("target/fuzz");
    let mut kept = out.join("corpus").join(target.name);
    if planted {
        // From the seeds alone, so that the count of inputs says something.
        out = planted_dir(target);
        kept = out.join("corpus");
        let _ = std::fs::remove_dir_all(&out);
    }
    std::fs::create_dir_all(&kept)
        .map_err(|error| format!("cannot create {}: {error}", kept.display()))?;
    let corpora = target.corpora.iter().map(|name| format!("fuzz/corpus/{name}"));
    let corpora = corpora.filter(|corpus| root().join(corpus).is_dir());
    let program = target_dir().join(host()).join("release").join(target.name);
    let mut command = std::process::Command::new(program);
    command
        .current_dir(root())
        .arg(format!("-runs={runs}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
        .arg(format!("-timeout={SECONDS_MAX}"))
        .arg(format!("-max_len={}", target.len_bytes_max))
        .arg(format!("-dict=fuzz/dict/{}.dict", target.dictionary))
        .arg(format!("-artifact_prefix={}/{}-", out.display(), target.name))
        .arg("-print_final_stats=1")
        .arg(kept)
        .args(corpora);
    run(target.name, &mut command)
}
