//! Runs the development tasks of the workspace: `cargo xtask --help` lists them. It is no part of
//! what users install, and holds no code of the server.

use std::process::ExitCode;

use clap::Parser;

mod conformance;
mod interop;
mod junit;
mod process;
mod prove;
mod release;
mod server;
mod setup;
mod test;
mod tidy;
mod tools;
mod workspace;

/// What every task returns.
pub(crate) type Result<T> = anyhow::Result<T>;

/// Development tasks of oci-server.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Run everything that must hold
    #[command(visible_alias = "ci")]
    Test(test::Args),
    /// Check what the compiler does not: layers, licences, documents, words
    Tidy,
    /// Ask the server, or any registry, whether it conforms to the specification
    Conformance(conformance::Args),
    /// Drive the clients that people use against the server
    Interop(interop::Args),
    /// Do what the recipes of the documentation say, as they stand
    Recipes(interop::recipes::Args),
    /// Install or name the programs that the tests drive
    Setup(setup::Args),
    /// Show that the server keeps its promises
    Prove(prove::Args),
    /// Make every file of a release, try it, and tag the commit
    Release(release::Args),
}

fn main() -> ExitCode {
    let task = Task::parse();
    let heard = match task {
        // It has processes of its own, which a signal to the group ends as well.
        Task::Prove(_) => Ok(()),
        _ => process::hear_signals(),
    };
    let outcome = heard.and_then(|()| match task {
        Task::Test(args) => test::run(&args),
        Task::Tidy => tidy::run(),
        Task::Conformance(args) => conformance::run(&args),
        Task::Interop(args) => interop::run(&args),
        Task::Recipes(args) => interop::recipes::run(&args),
        Task::Setup(args) => setup::run(&args),
        Task::Prove(args) => prove::run(&args),
        Task::Release(args) => release::run(&args),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
