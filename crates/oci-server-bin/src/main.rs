//! The oci-server program.
fn main() {}
