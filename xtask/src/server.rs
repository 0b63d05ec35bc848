//! The server of this workspace as other tasks use it: built in release mode, started on a free
//! port with data of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::Result;
use crate::process::Daemon;
use crate::workspace;

/// How long the server may take until it says where it listens.
const START: Duration = Duration::from_secs(30);
/// Where a task finds a server that is already built.
pub(crate) const BINARY: &str = "XTASK_SERVER";

/// Where a task finds a conformance runner that is already built.
pub(crate) const RUNNER: &str = "XTASK_CONFORMANCE";

/// Where the release binary is: what the environment names, or built now.
///
/// # Errors
/// When it does not build.
pub(crate) fn binary() -> Result<PathBuf> {
    match std::env::var_os(BINARY) {
        Some(path) => Ok(PathBuf::from(path)),
        None => built(&["--package", "oci-server-bin", "--bin", "oci-server"]),
    }
}

/// Builds one program in release mode and answers where it is.
///
/// # Errors
/// When it does not build.
pub(crate) fn built(selection: &[&str]) -> Result<PathBuf> {
    let output = workspace::cargo()
        .args([
            "build",
            "--release",
            "--locked",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(selection)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo does not start")?;
    ensure!(
        output.status.success(),
        "cargo build {} failed",
        selection.join(" ")
    );
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines() {
        let message: serde_json::Value = serde_json::from_str(line)?;
        if let Some(path) = message["executable"].as_str() {
            return Ok(PathBuf::from(path));
        }
    }
    bail!("cargo build {} made no program", selection.join(" "))
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    daemon: Daemon,
    /// `host:port`.
    pub(crate) address: String,
    binary: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Server {
    /// Starts the server on a free port, with its data and its log in `folder`.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(binary: &Path, folder: &Path, arguments: &[&str]) -> Result<Server> {
        Server::start_at("127.0.0.1:0", binary, folder, arguments)
    }

    /// The same at a given address.
    ///
    /// # Errors
    /// As for [`Server::start`].
    pub(crate) fn start_at(
        listen: &str,
        binary: &Path,
        folder: &Path,
        arguments: &[&str],
    ) -> Result<Server> {
        let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
        let (daemon, address) = launch(binary, folder, listen, &arguments)?;
        let (binary, folder) = (binary.to_owned(), folder.to_owned());
        Ok(Server {
            daemon,
            address,
            binary,
            folder,
            arguments,
        })
    }

    /// Ends the server as an operator does, and starts it at the same address on the same data.
    ///
    /// # Errors
    /// When it does not end with 0, or does not start again.
    pub(crate) fn restart(self) -> Result<Server> {
        let Server {
            daemon,
            address,
            binary,
            folder,
            arguments,
        } = self;
        let status = daemon.stop()?;
        ensure!(
            status.success(),
            "asked to end, the server ended with {status}"
        );
        let (daemon, address) = launch(&binary, &folder, &address, &arguments)?;
        Ok(Server {
            daemon,
            address,
            binary,
            folder,
            arguments,
        })
    }

    /// The server's address with its scheme, where that is HTTP.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the server as an operator does.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub(crate) fn stop(self) -> Result<()> {
        let status = self.daemon.stop()?;
        ensure!(
            status.success(),
            "asked to end, the server ended with {status}"
        );
        Ok(())
    }
}

fn launch(
    binary: &Path,
    folder: &Path,
    listen: &str,
    arguments: &[String],
) -> Result<(Daemon, String)> {
    let mut command = Command::new(binary);
    command
        .args(["--listen", listen, "--data-dir"])
        .arg(folder.join("data"));
    command.args(arguments).current_dir(folder);
    // What is set for another server has no say here.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OCI_SERVER_") {
            command.env_remove(name);
        }
    }
    let log = folder.join("server.log");
    // A server that ran here before has left its ready line in the log.
    let before = std::fs::metadata(&log).map_or(0, |found| found.len());
    let mut daemon = Daemon::start("oci-server", &mut command, &log)?;
    let address = daemon.await_ready(START, || ready_line(&log, before))?;
    Ok((daemon, address))
}

fn ready_line(log: &Path, from: u64) -> Option<String> {
    let said = std::fs::read_to_string(log).ok()?;
    let said = said.get(usize::try_from(from).ok()?..)?;
    // Only whole lines: the last one may still be growing.
    let whole = &said[..said.rfind('\n')?];
    let ready = |line: &str| {
        let url = line.strip_prefix("listening on ")?;
        url.split_once("://").map(|(_, address)| address.to_owned())
    };
    whole.lines().find_map(ready)
}
