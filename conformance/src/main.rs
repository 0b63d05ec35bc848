//! The conformance runner program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    oci_conformance::cli::main().await
}
