//! A game never links a runtime or a compiler.

use std::process::Command;

#[test]
fn no_runtime_and_no_compiler_in_the_tree() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "cairn-sdk", "-e", "normal"])
        .args(["--prefix", "none", "--no-dedupe"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tree.contains("wasmtime "), "the tree was read: {tree}");
    // Data structures that the runtime shares with the compiler; no compiler in them.
    let shared = ["cranelift-entity", "cranelift-bitset", "cranelift-bforest"];
    for banned in ["tokio", "cranelift", "wasm-encoder", "prost", "tonic", "hyper", "mio"] {
        let found = tree.lines().filter_map(|line| line.split(' ').next()).find(|name| {
            !shared.contains(name) && (*name == banned || name.starts_with(&format!("{banned}-")))
        });
        assert_eq!(found, None, "cairn-sdk links {banned}");
    }
}
