//! Rust that is emitted for a legal rule set compiles, whatever its parts are called.

#[path = "codegen/compilers.rs"]
#[allow(dead_code, reason = "the compilers of the other languages are tried elsewhere")]
mod compilers;

use std::fmt::Write as _;

use cairn_ruleset::emit::rust;
use cairn_ruleset::lang::{self, Source};

/// What Rust or the emitted module calls something: keywords, the prelude's types, traits, variants
/// and functions, primitive types, crates, and the module's own names.
const WORDS: &str = "\
as async await box break const continue crate do dyn else enum extern fn gen impl in \
let loop macro match mod move mut pub ref return self static struct super trait try type \
union unsafe unsized use virtual where while yield result option some none ok err default copy \
clone debug partial_eq eq partial_ord ord hash send sync sized drop from into try_from try_into \
iterator into_iterator extend as_ref as_mut to_owned to_string string vec fn_once fn_mut unpin \
i64 i32 u64 u32 usize bool str char u8 f64 core std alloc display formatter error header fault \
context params param slots ranges fired bit select div rem draw mix scale chance pick enums names \
name out rules ruleset symbols eval timer fmt f t at";

/// A file holds as many rules as its syntax tree has room for.
const WORDS_PER_FILE: usize = 20;

fn rules() -> Vec<Source> {
    let mut sources = vec![
        "ruleset \"core\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\n\
         enum \"result\" { values = [\"ok\", \"err\", \"some\", \"none\"] }\n\
         counter \"option\" {\n  on = result\n  per = player\n  window = \"1m\"\n}\n"
            .to_owned(),
    ];
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    for words in words.chunks(WORDS_PER_FILE) {
        let mut text = String::new();
        for word in words {
            let _ = writeln!(
                text,
                "trigger \"{word}\" {{\n  fields = {{\n    {word} = int(1, 9)\n    other = bool\n  }}\n}}\n\
                 param \"{word}\" {{\n  type = int(1, 9)\n  default = 2\n}}\n\
                 rule \"{word}\" {{\n  on = {word}\n  when = trigger.other && 8 / trigger.{word} > \
                 param.{word} && 7 % trigger.{word} > 0 && max(trigger.{word}, 2) < 9\n  \
                 emit \"{word}\" {{\n    {word} = trigger.other ? trigger.{word} : 3\n  }}\n}}"
            );
        }
        sources.push(text);
    }
    let named = sources.into_iter().enumerate();
    named.map(|(at, text)| Source { name: format!("core{at}.rules.hcl"), text }).collect()
}

#[test]
fn names_that_rust_has_already_compile() {
    let checked = lang::check(&rules());
    let program = checked.program.unwrap_or_else(|| {
        let found: Vec<_> = checked.diagnostics.iter().map(|one| &one.message).collect();
        panic!("{found:#?}")
    });
    assert_eq!(program.triggers.len(), WORDS.split_whitespace().count());
    let dir = tempfile::tempdir().unwrap();
    let head = "//! Rules.\n#![no_std]\n#![forbid(unsafe_code)]\n#![deny(missing_docs)]\n";
    let module = rust::module(&program);
    std::fs::write(dir.path().join("core_rules.rs"), format!("{head}{module}")).unwrap();
    compilers::rustc(dir.path(), &["--crate-type=rlib", "core_rules.rs"]);
}
