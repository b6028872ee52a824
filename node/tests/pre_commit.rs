//! The hooks of `.pre-commit-hooks.yaml`, run by pre-commit itself: a bad file blocks a commit, a
//! good one passes.
//!
//! pre-commit is `CAIRN_PRE_COMMIT`, or the one on `PATH`, or is installed from PyPI into a folder
//! below `target`. When none of that works the test fails and says what was tried.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The release that is installed when none is there.
const PRE_COMMIT: &str = "pre-commit==4.3.0";

const GOOD: &str = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\n";

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Runs to the end, or fails with what was said.
#[track_caller]
fn must(what: &str, command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {command:?}: {error}"));
    assert!(output.status.success(), "{what}: {command:?}\n{}", said(&output));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn pre_commit() -> PathBuf {
    if let Some(named) = std::env::var_os("CAIRN_PRE_COMMIT") {
        return PathBuf::from(named);
    }
    if let Some(found) = on_path("pre-commit").filter(|found| {
        // A shim without its program does not count.
        Command::new(found).arg("--version").output().is_ok_and(|output| output.status.success())
    }) {
        return found;
    }
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pre-commit");
    let program = venv.join("bin").join("pre-commit");
    if !program.is_file() {
        let why = "pre-commit is not on PATH; python3 with venv and pip is needed to install it";
        must(why, Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        let pip = venv.join("bin").join("pip");
        must(why, Command::new(pip).args(["install", "--quiet", PRE_COMMIT]));
    }
    program
}

/// A git repository that hides what the machine's user has configured.
struct Repository {
    path: PathBuf,
    home: PathBuf,
    path_variable: OsString,
}

impl Repository {
    fn new(below: &Path, name: &str) -> Repository {
        let path = below.join(name);
        fs::create_dir_all(&path).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_cairn")).parent().unwrap().to_owned();
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(binary).chain(std::env::split_paths(&rest));
        let path_variable = std::env::join_paths(folders).unwrap();
        let repository = Repository { path, home: below.join("home"), path_variable };
        fs::create_dir_all(&repository.home).unwrap();
        must("git", repository.command("git").args(["init", "--quiet"]));
        repository
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.path)
            .env("PATH", &self.path_variable)
            .env("HOME", &self.home)
            .env("PRE_COMMIT_HOME", self.home.join("cache"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "a")
            .env("GIT_AUTHOR_EMAIL", "a@localhost")
            .env("GIT_COMMITTER_NAME", "a")
            .env("GIT_COMMITTER_EMAIL", "a@localhost");
        command
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        must("git", self.command("git").args(["add", name]));
    }

    fn commit(&self) -> Output {
        self.command("git").args(["commit", "-m", "x"]).output().unwrap()
    }
}

#[test]
fn a_bad_file_blocks_a_commit_and_a_good_one_passes() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let hooks = Repository::new(folder.path(), "hooks");
    let definition = fs::read_to_string(root.join(".pre-commit-hooks.yaml")).unwrap();
    hooks.write(".pre-commit-hooks.yaml", &definition);
    assert!(hooks.commit().status.success());
    let revision = must("git", hooks.command("git").args(["rev-parse", "HEAD"]));
    let revision = said(&revision);

    let game = Repository::new(folder.path(), "game");
    game.write(
        ".pre-commit-config.yaml",
        &format!(
            "repos:\n  - repo: {}\n    rev: {}\n    hooks:\n      - id: cairn-fmt\n      \
             - id: cairn-check\n        args: [rules]\n",
            hooks.path.display(),
            revision.trim()
        ),
    );
    let program = pre_commit();
    must("pre-commit", game.command(&program).arg("install"));

    // Laid out badly, and right.
    game.write("rules/a.rules.hcl", &GOOD.replace("dialect = 1", "dialect=1"));
    let output = game.commit();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    for part in ["cairn fmt", "Failed", "+  dialect = 1", "cairn check", "Passed"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    // Laid out well, and wrong.
    game.write("rules/a.rules.hcl", &GOOD.replace("dialect = 1", "dialect = 2"));
    let output = game.commit();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("error[C0310]") && text.contains("Passed"), "{text}");
    let head = game.command("git").args(["rev-parse", "--verify", "HEAD"]).output().unwrap();
    assert!(!head.status.success(), "nothing was committed");

    game.write("rules/a.rules.hcl", GOOD);
    let output = game.commit();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output).matches("Passed").count(), 2, "{}", said(&output));
    must("git", game.command("git").args(["rev-parse", "--verify", "HEAD"]));
}
