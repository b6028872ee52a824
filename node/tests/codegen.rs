//! `cairn codegen` on the example: what it writes is what a compiler takes without a warning, and
//! a file that is out of date is found.

use std::path::Path;
use std::process::{Command, Output};

fn cairn(arguments: &[&str]) -> Output {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/treasure-hunt");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    command.arg("codegen").arg(rules).args(arguments).output().unwrap()
}

#[test]
fn generated_rust_compiles_without_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("hunt.rs");
    let written = cairn(&["--lang", "rust", "--out", file.to_str().unwrap()]);
    assert_eq!(written.status.code(), Some(0), "{written:?}");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiled = Command::new(rustc)
        .args(["--edition", "2021", "--crate-type", "rlib", "-D", "warnings", "--out-dir"])
        .arg(home.path())
        .arg(&file)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

#[test]
fn every_language_names_the_schema_and_a_stale_file_is_found() {
    let home = tempfile::tempdir().unwrap();
    for lang in ["rust", "ts", "go", "csharp", "cpp"] {
        let file = home.path().join(lang);
        let file = file.to_str().unwrap();
        assert_eq!(cairn(&["--lang", lang, "--out", file]).status.code(), Some(0), "{lang}");
        assert_eq!(cairn(&["--lang", lang, "--out", file, "--check"]).status.code(), Some(0));
        let printed = cairn(&["--lang", lang]);
        assert_eq!(printed.stdout, std::fs::read(file).unwrap(), "{lang}");
        let text = String::from_utf8(printed.stdout).unwrap();
        assert!(text.contains("treasure_hunt") && text.contains("schema"), "{lang}");
        std::fs::write(file, text.replace("treasure_hunt", "other_hunt")).unwrap();
        let stale = cairn(&["--lang", lang, "--out", file, "--check"]);
        assert_eq!(stale.status.code(), Some(3), "{lang}: {stale:?}");
        assert!(String::from_utf8_lossy(&stale.stdout).contains("out of date"));
    }
    let unknown = cairn(&["--lang", "cobol"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("csharp"));
}
