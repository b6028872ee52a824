//! The binary `cairn`; everything is in the library.

fn main() -> std::process::ExitCode {
    cairn::cli::main()
}
