//! `verify`, `fix`, `sim`, `agree` and `golden`.

use crate::step::{cargo, run};
use crate::tools;

/// Workspaces of their own, which no check builds: they are formatted, and run by name.
const ASIDE: [&str; 2] = ["fuzz/Cargo.toml", "benches/rivals/Cargo.toml"];

/// Everything that CI runs, in the order in which a mistake is cheapest to find.
///
/// # Errors
/// The first step that failed.
pub(crate) fn verify() -> Result<(), String> {
    let etcd = tools::etcd()?;
    eprintln!("etcd: {}", etcd.display());
    let node = tools::node()?;
    eprintln!("node: {}", node.display());
    let go = tools::go()?;
    eprintln!("go: {}", go.display());
    let [mcs, mono] = tools::mono()?;
    eprintln!("C#: {} on {}", mcs.display(), mono.display());
    let nextest = tools::nextest()?;

    run("format", cargo().args(["fmt", "--all", "--check"]))?;
    for manifest in ASIDE {
        run("format", cargo().args(["fmt", "--check", "--manifest-path", manifest]))?;
    }
    run(
        "lints",
        cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
    )?;

    let mut tests = cargo();
    tests
        .args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"])
        .env("CAIRN_ETCD", &etcd)
        .env("CAIRN_NODE", &node)
        .env("CAIRN_GO", &go)
        .env("CAIRN_MCS", &mcs)
        .env("CAIRN_MONO", &mono);
    if let Some(bin) = nextest {
        tests.env("PATH", tools::path_with(&bin)?);
    }
    run("tests", &mut tests)?;
    run("documentation examples", cargo().args(["test", "--workspace", "--locked", "--doc"]))?;
    run(
        "documentation",
        cargo()
            .args(["doc", "--workspace", "--locked", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    eprintln!("\nverify: everything passed");
    Ok(())
}

/// Fetches what the tests need and this machine lacks, so that `cargo nextest run` finds it.
///
/// # Errors
/// What could not be had.
pub(crate) fn tools() -> Result<(), String> {
    let [mcs, mono] = tools::mono()?;
    for (name, path) in [
        ("etcd", tools::etcd()?),
        ("node", tools::node()?),
        ("go", tools::go()?),
        ("mcs", mcs),
        ("mono", mono),
    ] {
        println!("{name}: {}", path.display());
    }
    Ok(())
}

/// Formats and applies what clippy can mend by itself.
///
/// # Errors
/// The first step that failed.
pub(crate) fn fix() -> Result<(), String> {
    run(
        "lints",
        cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--fix",
            "--allow-dirty",
            "--allow-staged",
        ]),
    )?;
    run("format", cargo().args(["fmt", "--all"]))?;
    for manifest in ASIDE {
        run("format", cargo().args(["fmt", "--manifest-path", manifest]))?;
    }
    Ok(())
}

/// The simulator, optimised, with the caller's arguments.
///
/// # Errors
/// That it found a violation, or that it could not be built.
pub(crate) fn sim(args: &[String]) -> Result<(), String> {
    run(
        "simulation",
        cargo()
            .args(["run", "--release", "--quiet", "-p", "cairn-chaos", "--bin", "sim", "--"])
            .args(args),
    )
}

/// The long run of the back ends' agreement, with the caller's arguments.
///
/// Not optimised: what takes the time is `rustc` on the emitted code and Cranelift, which the
/// development profile optimises anyway.
///
/// # Errors
/// That two back ends differ, or that one could not run.
pub(crate) fn agree(args: &[String]) -> Result<(), String> {
    let node = tools::node()?;
    run(
        "agreement",
        cargo()
            .args(["run", "--quiet", "--locked", "-p", "cairn-agree", "--bin", "agree", "--"])
            .args(args)
            .env("CAIRN_NODE", node),
    )
}

/// Writes the golden corpus of the bundle format that this tree writes.
///
/// # Errors
/// That there is one already, which is never written again, or that it could not be built.
pub(crate) fn golden() -> Result<(), String> {
    let test = ["--exact", "write_the_current_format", "--ignored"];
    let mut command = cargo();
    command.args(["test", "--quiet", "--locked", "-p", "cairn-sdk", "--test", "golden", "--"]);
    run("golden", command.args(test))
}
