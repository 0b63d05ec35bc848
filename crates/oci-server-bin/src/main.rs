//! The program `oci-server`: an OCI registry in one binary.
//!
//! It reads its configuration, wires the stores, the registry and the HTTP layer together, and
//! serves until it is told to stop. It holds no registry logic.

mod audit;
mod auth;
mod cli;
mod config;
mod generate;
mod listen;
mod logging;
mod metrics;
mod ops;
mod serve;
mod stores;
mod tls;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Asked, Cli};
use crate::config::Config;

fn main() -> ExitCode {
    let outcome = match Cli::parse().asked() {
        Asked::Serve(args) => Config::load(args).map_err(Box::from).and_then(run),
        Asked::Generate(text) => generate::print(text).map_err(Box::from),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    logging::init(&config.log)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve::serve(config))
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
