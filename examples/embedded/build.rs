//! Compiles the rules of `examples/treasure-hunt`.

fn main() {
    if let Err(error) = cairn_build::rules("../treasure-hunt") {
        // Cargo shows the lines of a panic; each names a file, a line and a fix.
        panic!("{error}");
    }
}
