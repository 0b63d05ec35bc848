//! Programs that show what the server promises, against the real binary.
//!
//! Each starts the server with fresh data, prints what it measured or found, and fails where a
//! promise does not hold.

mod access;
mod crash;
mod memory;
mod order;
mod random;
mod scale;
mod target;
mod timing;

use std::path::PathBuf;

use access::Effort;
use anyhow::Result;
use clap::{Args as ClapArgs, ValueEnum};

/// What `cargo xtask prove` takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// What to prove
    #[arg(value_enum)]
    what: What,
    /// A short form, for every day
    #[arg(long)]
    quick: bool,
    /// The server's binary [default: built from this workspace in release mode]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Data and metadata are synced in order before a push is answered (needs strace)
    Order,
    /// Killed in the midst of pushes, it has everything that it acknowledged
    Crash,
    /// A 2 GiB blob goes in and out within 32 MiB of the idle memory
    Memory,
    /// A million tags and 100,000 repositories cost what ten cost
    Scale,
    /// Asking who may do what costs little; wrong passwords slow nobody else down, and tell nothing
    Access,
    /// All of these
    All,
}

/// Runs what was asked for.
pub(crate) fn run(args: &Args) -> Result<()> {
    let server = match &args.server {
        Some(path) => path.clone(),
        None => target::build()?,
    };
    let asked = |what| args.what == what || args.what == What::All;
    if asked(What::Order) {
        order::prove(&server)?;
    }
    if asked(What::Crash) {
        crash::prove(&server, if args.quick { 2 } else { 20 })?;
    }
    if asked(What::Memory) {
        memory::prove(&server, if args.quick { 256 << 20 } else { 2 << 30 })?;
    }
    if asked(What::Scale) {
        // A short form runs beside other work, where ratios of times are noise: it shows that
        // everything works, and prints the ratios without judging them.
        if args.quick {
            scale::measure(&server, 20_000, 2_000)?;
        } else {
            scale::prove(&server, 1_000_000, 100_000)?;
        }
    }
    if asked(What::Access) {
        let quick = args.quick;
        access::prove(&server, if quick { Effort::QUICK } else { Effort::FULL })?;
        timing::prove(&server, if quick { 5 } else { 300 }, !quick)?;
    }
    Ok(())
}
