//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::generate::Text;

/// An OCI registry: without arguments it serves on 127.0.0.1:5000 from ./oci-data.
#[derive(Debug, Parser)]
#[command(
    name = "oci-server",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the registry (what happens without a subcommand too)
    Serve(ServeArgs),
    /// Write the manual page or a shell's completions to standard output
    #[command(hide = true)]
    Generate {
        /// Which of them
        text: Text,
    },
}

/// What the program was asked to do.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Serve, in whichever way that was said.
    Serve(ServeArgs),
    /// Write a text that is made of the command line.
    Generate(Text),
}

/// What can be said on the command line and in the environment.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE", env = "OCI_SERVER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Listen on this address; port 0 takes any free port [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR", env = "OCI_SERVER_LISTEN")]
    pub(crate) listen: Option<String>,
    /// Keep everything below this folder [default: ./oci-data]
    #[arg(long, value_name = "DIR", env = "OCI_SERVER_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Keep metadata here: sqlite:PATH or memory: [default: sqlite:DATA_DIR/registry.db]
    #[arg(long, value_name = "URL", env = "OCI_SERVER_METADATA")]
    pub(crate) metadata: Option<String>,
    /// Keep blobs here: file:DIR or memory: [default: file:DATA_DIR]
    #[arg(long, value_name = "URL", env = "OCI_SERVER_BLOBS")]
    pub(crate) blobs: Option<String>,
    /// Listen beyond this machine although anybody can then read, write and delete
    #[arg(long, env = "OCI_SERVER_ALLOW_UNAUTHENTICATED")]
    pub(crate) allow_unauthenticated: bool,
}

impl Cli {
    /// What the program was asked to do.
    pub(crate) fn asked(self) -> Asked {
        match self.command {
            Some(Command::Serve(args)) => Asked::Serve(args),
            Some(Command::Generate { text }) => Asked::Generate(text),
            None => Asked::Serve(self.serve),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
