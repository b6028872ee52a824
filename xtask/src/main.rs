//! The few commands of this repository. `cargo xtask` lists them.
//!
//! Everything is a child process with its output passed through, so what a person sees here is
//! what the tool itself prints. `verify` never writes outside `target/`.

#![expect(clippy::disallowed_methods, reason = "a shell: it times what it runs")]

mod bench;
mod fuzz;
mod step;
mod tools;
mod verify;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <command>

  verify          format, lints, every test, documentation; writes only below target/
  fix             format and apply the lints' own suggestions
  tools           fetch what the tests need and this machine lacks (etcd, Node, Go, Mono)
  sim [args]      run the simulation: --seed N replays one, --seeds A..B a range, --help lists more
  agree [args]    hold the back ends against each other on random rule sets: --programs N,
                  --inputs N, --seed N repeats one, --help lists more
  bench [name]    produce the figures of docs/figures.md: trie, eval, fleet (default: all)
  bench rivals [section]
                  ours beside other engines, and the compiler's figures: decide, compile, sim
  golden          write the golden corpus of the current bundle format; see sdk/tests/golden
  fuzz TARGET     run a fuzz target: lexer, parser, compiler, loader, decoder; see docs/fuzz.md
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_deref() {
        Some("verify") if rest.is_empty() => verify::verify(),
        Some("tools") if rest.is_empty() => verify::tools(),
        Some("fix") if rest.is_empty() => verify::fix(),
        Some("sim") => verify::sim(&rest),
        Some("agree") => verify::agree(&rest),
        Some("bench") => bench::bench(&rest),
        Some("golden") if rest.is_empty() => verify::golden(),
        Some("fuzz") => fuzz::fuzz(&rest),
        None | Some("--help" | "-h" | "help") => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!(
                "xtask: cannot run `{}`\n\n{USAGE}",
                [&[other.to_owned()], &rest[..]].concat().join(" ")
            );
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
