//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use oci_auth::{Action, UserName};
use oci_types::RepositoryName;

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
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at the rules of access
    #[command(subcommand)]
    Access(AccessCommand),
    /// Read a password and print what a file of users has for it
    ///
    /// The password is read from the terminal, or from standard input where that is none.
    HashPassword {
        /// Print a whole line of the file, for this user
        #[arg(long, value_name = "NAME")]
        user: Option<UserName>,
    },
    /// Ask a running server, over its admin socket
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Write the manual page or a shell's completions to standard output
    #[command(hide = true)]
    Generate {
        /// Which of them
        text: Text,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read all that a start would read, and say what is wrong; 1 if a start would be refused
    Check {
        /// Take a warning as an error
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        serve: ServeArgs,
    },
}

#[derive(Debug, Subcommand)]
enum AccessCommand {
    /// Say which rule allows something, or that none does: 0 if it is allowed, 1 if it is not, 2 if
    /// that cannot be found out
    ///
    /// A running server is asked for the rules that are in force; without one the configuration
    /// is read.
    Explain(ExplainArgs),
}

/// A question about the rules.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExplainArgs {
    /// anonymous, a user's name, issuer:NAME:SUBJECT or oidc:NAME:SUBJECT
    pub(crate) who: String,
    /// pull, push, overwrite, delete or catalog
    pub(crate) action: Action,
    /// The repository
    pub(crate) repository: RepositoryName,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What can be asked of a running server.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Say what the server is and does
    Status,
    /// Read users, groups, rules, certificate and keys again; 1 if something cannot be used
    Reload,
    /// Sign tokens with a new key, and believe none that was handed out before
    RotateKeys,
    /// Forget the refresh tokens of a user
    Revoke {
        /// Whose
        user: UserName,
    },
}

/// Which server is meant.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServerArgs {
    /// Take the server of this configuration file
    #[arg(long, value_name = "FILE", env = "OCI_SERVER_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Take the server of this data folder [default: ./oci-data]
    #[arg(long, value_name = "DIR", env = "OCI_SERVER_DATA_DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Take the server behind this admin socket [default: DATA_DIR/admin.sock]
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) socket: Option<PathBuf>,
}

/// What the program was asked to do.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Serve, in whichever way that was said.
    Serve(ServeArgs),
    /// Say what is wrong with the settings.
    Check { strict: bool, serve: ServeArgs },
    /// Say who may do what.
    Explain(ExplainArgs),
    /// Print what a file of users has for a password.
    HashPassword { user: Option<UserName> },
    /// Ask a running server.
    Admin(AdminCommand, ServerArgs),
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
    /// Keep metadata here: sqlite:PATH, postgres://USER@HOST/DATABASE or memory: [default: sqlite:DATA_DIR/registry.db]
    #[arg(long, value_name = "URL", env = "OCI_SERVER_METADATA")]
    pub(crate) metadata: Option<String>,
    /// Keep blobs here: file:DIR, s3://BUCKET/PREFIX or memory: [default: file:DATA_DIR]
    #[arg(long, value_name = "URL", env = "OCI_SERVER_BLOBS")]
    pub(crate) blobs: Option<String>,
    /// Listen beyond this machine although anybody can then read, write and delete
    #[arg(long, env = "OCI_SERVER_ALLOW_UNAUTHENTICATED")]
    pub(crate) allow_unauthenticated: bool,
}

impl Cli {
    /// What the program was asked to do.
    pub(crate) fn asked(self) -> Asked {
        let Some(command) = self.command else {
            return Asked::Serve(self.serve);
        };
        match command {
            Command::Serve(args) => Asked::Serve(args),
            Command::Config(ConfigCommand::Check { strict, serve }) => {
                Asked::Check { strict, serve }
            }
            Command::Access(AccessCommand::Explain(args)) => Asked::Explain(args),
            Command::HashPassword { user } => Asked::HashPassword { user },
            Command::Admin { command, server } => Asked::Admin(command, server),
            Command::Generate { text } => Asked::Generate(text),
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
