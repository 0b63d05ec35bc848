//! The program `oci-server`: an OCI registry in one binary.
//!
//! It reads its configuration, wires the stores, the registry and the HTTP layer together, and
//! serves until it is told to stop. It holds no registry logic.

mod admin;
mod audit;
mod auth;
mod cli;
mod commands;
mod config;
mod finding;
mod generate;
mod listen;
mod logging;
mod metrics;
mod ops;
mod prepare;
mod serve;
mod stores;
mod tls;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Asked, Cli, ServeArgs};

type BoxError = Box<dyn std::error::Error>;

/// What `access explain` ends with when it has no answer, as for a wrong command line.
const NO_ANSWER: u8 = 2;

fn main() -> ExitCode {
    let (outcome, failure) = match Cli::parse().asked() {
        Asked::Serve(args) => (start(args), 1),
        Asked::Check { strict, serve } => (commands::check(serve, strict), 1),
        Asked::Explain(args) => (commands::explain(&args), NO_ANSWER),
        Asked::HashPassword { user } => (commands::hash_password(user.as_ref()), 1),
        Asked::Admin(command, server) => (commands::admin(&command, &server), 1),
        Asked::Generate(text) => (done(generate::print(text).map_err(Box::from)), 1),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {}", chain(error.as_ref()));
        ExitCode::from(failure)
    })
}

/// Serves, unless the settings are wrong.
fn start(args: ServeArgs) -> Result<ExitCode, BoxError> {
    let (prepared, findings) = prepare::prepare(args);
    let Some(prepared) = prepared else {
        for finding in &findings {
            eprintln!("{finding}");
        }
        return Ok(ExitCode::FAILURE);
    };
    logging::init(&prepared.config.log)?;
    let warnings = findings.iter();
    for finding in warnings.filter(|finding| !finding.is_error()) {
        tracing::warn!(finding = finding.name, "{}", finding.text);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    done(runtime.block_on(serve::serve(prepared)))
}

fn done(outcome: Result<(), BoxError>) -> Result<ExitCode, BoxError> {
    outcome.map(|()| ExitCode::SUCCESS)
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
