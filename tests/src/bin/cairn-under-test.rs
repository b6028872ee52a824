//! The shipped binary plus one thing: fixed bugs can be put back, to prove that the tests see them.
//!
//! `CAIRN_TEST_DEFECT` names one defect. The shipped `cairn` reads no such setting.

use std::process::ExitCode;

use cairn::agent::Defects;

fn main() -> ExitCode {
    let mut defects = Defects::default();
    match std::env::var("CAIRN_TEST_DEFECT").as_deref() {
        Ok("dedupe-per-connection") => defects.gossip.dedupe_per_connection = true,
        Ok(other) => {
            eprintln!(
                "CAIRN_TEST_DEFECT={other:?} is not a known defect; there is dedupe-per-connection"
            );
            return ExitCode::from(2);
        }
        Err(_) => {}
    }
    cairn::cli::main_with(defects)
}
