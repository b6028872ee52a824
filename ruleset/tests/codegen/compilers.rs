//! The compilers of the five languages, with every warning an error.
//!
//! Each is named by a variable, found on `PATH`, or lies below `target/tools`, where `cargo xtask
//! tools` puts what Debian ships; TypeScript comes from npm, pinned by `package-lock.json`. A
//! missing one fails the test and says how to get it: nothing is skipped.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The path of a compiler: `variable`, then `PATH`, then below `target/tools`.
#[track_caller]
fn tool(variable: &str, name: &str, package: &str) -> PathBuf {
    if let Some(named) = std::env::var_os(variable) {
        return PathBuf::from(named);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let fetched = Path::new(WORKSPACE).join("target/tools").join(package).join("bin");
    std::env::split_paths(&path)
        .chain([fetched])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!(
                "there is no {name} on PATH: `cargo xtask tools` fetches Debian's {package} below \
                 target/tools (`verify` does, too); or install it, or set {variable} to one"
            )
        })
}

/// Runs to the end with `input`: stdout, or a panic with all that was said. Silence on stderr is
/// part of success, for that is where warnings go.
#[track_caller]
pub(crate) fn run(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A program that ends before it has read everything is judged by what it said.
    let feed = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && errors.is_empty(), "{command:?}:\n{said}{errors}");
    said.into_owned()
}

pub(crate) fn rustc(folder: &Path, arguments: &[&str]) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    run(command.current_dir(folder).args(["--edition=2021", "-Dwarnings"]).args(arguments), "");
}

pub(crate) fn cpp(folder: &Path, standard: &str, arguments: &[&str]) {
    let cpp = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"];
    let mut command = Command::new(cpp);
    run(command.current_dir(folder).arg(standard).args(strict).args(arguments), "");
}

const PACKAGE: &str = include_str!("package.json");
const LOCK: &str = include_str!("package-lock.json");

/// TypeScript's compiler, installed once for each content of the lock file: aside, then moved, so
/// that two tests at once do no harm.
fn typescript() -> PathBuf {
    let digest = cairn_merkle::Digest::derive("cairn 2026 codegen tests v1", &[LOCK.as_bytes()]);
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..").join("tools");
    let place = tools.join(format!("typescript-{}", &digest.to_string()[..16]));
    if !place.is_dir() {
        let aside = place.with_extension(std::process::id().to_string());
        std::fs::create_dir_all(&aside).expect("target/tools");
        std::fs::write(aside.join("package.json"), PACKAGE).unwrap();
        std::fs::write(aside.join("package-lock.json"), LOCK).unwrap();
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        let output = Command::new("npm").args(install).current_dir(&aside).output();
        let output = output.unwrap_or_else(|error| {
            panic!(
                "npm: {error}; this test needs Node.js 18 or later with npm on PATH (Debian: \
                 apt-get install nodejs npm)"
            )
        });
        assert!(output.status.success(), "npm: {}", String::from_utf8_lossy(&output.stderr));
        if std::fs::rename(&aside, &place).is_err() {
            assert!(place.is_dir(), "cannot move the compiler to {}", place.display());
            std::fs::remove_dir_all(&aside).unwrap();
        }
    }
    place.join("node_modules/typescript/bin/tsc")
}

pub(crate) fn node() -> Command {
    Command::new(std::env::var_os("CAIRN_NODE").unwrap_or_else(|| OsStr::new("node").to_owned()))
}

pub(crate) fn tsc(folder: &Path, files: &[&str]) {
    std::fs::write(folder.join("package.json"), "{\"type\":\"module\"}").unwrap();
    let mut command = node();
    command.current_dir(folder).arg(typescript()).args(["--strict", "--noUnusedLocals"]);
    command.args(["--noUnusedParameters", "--noImplicitReturns", "--exactOptionalPropertyTypes"]);
    command.args(["--noUncheckedIndexedAccess", "--noPropertyAccessFromIndexSignature"]);
    command.args(["--isolatedModules", "--target", "es2020", "--module", "es2020"]);
    run(command.args(["--moduleResolution", "bundler"]).args(files), "");
}

/// Debian's Go, or any from 1.18 on, without the network. `folder` becomes a module.
pub(crate) fn go(folder: &Path, arguments: &[&str]) {
    std::fs::write(folder.join("go.mod"), "module cairn.test/hunt\n\ngo 1.18\n").unwrap();
    let mut command = Command::new(tool("CAIRN_GO", "go", "golang"));
    command
        .current_dir(folder)
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"))
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "");
    run(command.args(arguments), "");
}

pub(crate) fn mcs(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(tool("CAIRN_MCS", "mcs", "mono"));
    let strict = ["-langversion:7.2", "-warn:4", "-warnaserror"];
    run(command.current_dir(folder).args(strict).args(arguments), "");
}

pub(crate) fn mono() -> Command {
    Command::new(tool("CAIRN_MONO", "mono", "mono"))
}
