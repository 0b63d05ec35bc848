//! Runs the development tasks of the workspace: `cargo xtask --help` lists them. It is no part of
//! what users install, and holds no code of the server.

use std::process::ExitCode;

use clap::Parser;

mod tidy;
mod workspace;

/// What every task returns.
pub(crate) type Result<T> = anyhow::Result<T>;

/// Development tasks of oci-server.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Check what the compiler does not: layers, licences, documents, words
    Tidy,
}

fn main() -> ExitCode {
    let outcome = match Task::parse() {
        Task::Tidy => tidy::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
