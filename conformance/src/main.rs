//! The conformance runner program.
fn main() {}
