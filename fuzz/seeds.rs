//! Writes the seeds of every corpus from what the repository holds: the reference's examples, the
//! pages of the errors, the example rule set, and what all of these compile to.
//!
//! `cargo xtask fuzz seeds`. Equal sources make equal seeds; found inputs beside them are left alone.

use std::fs;
use std::path::{Path, PathBuf};

use cairn_ruleset::emit;
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::image;
use cairn_ruleset::key::SecretKey;
use cairn_ruleset::lang::{self, Source};
use cairn_ruleset::manifest::{FragmentKind, Provenance};
use cairn_ruleset::meta::{Segment, Segments};
use cairn_ruleset::trust::{KeyEntry, KeyList, Role, SignedKeyList};
use cairn_ruleset::upload::Upload;
use cairn_ruleset::whitelist;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let texts = texts(&root);
    for (name, text) in &texts {
        put(&root, "source", name, text.as_bytes());
        binaries(&root, name, text);
    }
    let mut many = String::from(
        "ruleset \"m\" {\n  dialect = 1\n  context = \"m@1\"\n}\ntrigger \"t\" { fields = { a = int(0, 9) } }\n",
    );
    for index in 0..66 {
        many.push_str(&format!(
            "rule \"r{index}\" {{\n  on = t\n  when = trigger.a > {}\n  emit \"e\" {{ }}\n}}\n",
            index % 9
        ));
    }
    binaries(&root, "functions", &many);
    keys(&root);
}

/// Name and text of every source that stands alone.
fn texts(root: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut pages = vec![root.join("docs/language.md")];
    if let Ok(folder) = fs::read_dir(root.join("docs/errors")) {
        pages.extend(folder.map(|entry| entry.expect("a page").path()));
    }
    pages.sort();
    for page in pages {
        let stem = page.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&page).expect("a page");
        // Of an error's page the mistake, of the reference everything.
        let most = if stem == "language" { usize::MAX } else { 1 };
        for (index, part) in text.split("\n```hcl").skip(1).take(most).enumerate() {
            let Some((_, body)) = part.split_once('\n') else { continue };
            let body = body.split("\n```").next().unwrap_or(body);
            texts.push((format!("{stem}-{index}"), format!("{body}\n")));
        }
    }
    let read = |path: &str| fs::read_to_string(root.join(path)).expect(path);
    texts.push(("game".into(), read("ruleset/src/lang/tests/game.rules.hcl")));
    let fixture =
        ["base", "crypt"].map(|f| read(&format!("node/tests/fixtures/hunt/{f}.rules.hcl")));
    texts.push(("fixture".into(), fixture.join("//// next\n")));
    let example = ["loot/common", "treasure_hunt", "zones/crypt"];
    let example = example.map(|f| read(&format!("examples/treasure-hunt/{f}.rules.hcl")));
    texts.push(("example".into(), example.join("//// next\n")));
    texts
}

/// What a source compiles to, for the targets that read bytes.
fn binaries(root: &Path, name: &str, text: &str) {
    let sources: Vec<Source> = text
        .split("//// next\n")
        .enumerate()
        .map(|(at, text)| Source { name: format!("f{at}.rules.hcl"), text: text.to_owned() })
        .collect();
    let Some(program) = lang::check(&sources).program else { return };
    let provenance = Provenance { revision: "r".into(), builder: "b".into() };
    let built = emit::bundle(&program, "1.0.0", provenance).expect("a seed that builds");
    let mut wasm: Vec<&Vec<u8>> = (built.manifest.fragments.iter())
        .filter(|entry| entry.kind == FragmentKind::Code)
        .map(|entry| &built.blobs[&entry.digest])
        .collect();
    wasm.sort_by_key(|bytes| bytes.len());
    for (index, bytes) in wasm.iter().filter(|bytes| bytes.len() < 4_096).take(3).enumerate() {
        put(root, "loader", &format!("{name}-{index}"), bytes);
    }
    if !["game", "fixture", "functions"].contains(&name) {
        return;
    }
    let decoder = |letter: u8, what: &str, bytes: &[u8]| {
        put(root, "decoder", &format!("{name}-{what}"), &[&[letter], bytes].concat());
    };
    let segments = Segments::of(&program);
    decoder(b'S', "schema", &segments.schema.encode());
    decoder(b'P', "params", &segments.params.encode());
    decoder(b'L', "loot", &segments.loot.encode());
    decoder(b'T', "timers", &segments.timers.encode());
    decoder(b'M', "manifest", &built.manifest.encode());
    let key = SecretKey::from_seed([7; 32]);
    let envelope = Envelope::seal(&built.manifest, &[&key]).expect("a manifest that seals");
    decoder(b'E', "envelope", &envelope.encode());
    let proof = built.manifest.proof(0).expect("a first fragment");
    decoder(b'X', "proof", &postcard::to_stdvec(&proof).expect("plain data"));
    if let Some(bytes) = wasm.first() {
        let meta = whitelist::prove(bytes).expect("our own module");
        decoder(b'F', "meta", &meta.encode());
    }
    let image = image::build(&built.manifest, &|digest| built.blobs.get(digest).cloned());
    decoder(b'I', "image", &image.expect("a bundle that makes an image"));
    let upload = Upload::new(envelope, built.blobs).expect("a whole bundle");
    decoder(b'U', "upload", &upload.encode());
}

fn keys(root: &Path) {
    let (owner, publisher) = (SecretKey::from_seed([1; 32]), SecretKey::from_seed([2; 32]));
    let entry =
        KeyEntry { key: publisher.public(), roles: vec![Role::Publisher], name: "ci".into() };
    let list = KeyList::new(1, vec![entry]);
    let signed = SignedKeyList::sign(&owner, &list).expect("a list that signs");
    put(root, "decoder", "keys", &[b"K", signed.encode().as_slice()].concat());
    put(root, "decoder", "public", format!("Y{}", owner.public().to_file()).as_bytes());
    put(root, "decoder", "secret", format!("Y{}", *owner.to_file()).as_bytes());
}

fn put(root: &Path, corpus: &str, name: &str, bytes: &[u8]) {
    let folder: PathBuf = root.join("fuzz/corpus").join(corpus);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), bytes).expect("a writable corpus");
}
