//! The image run by podman: pulled from the server that has it, asked for its version, and started
//! as it is, so that it serves itself.
//!
//! Where the control groups of the machine are a mixture of both versions, which the runtime
//! refuses, podman is given a view of its own that has one version only; nobody else sees that.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::Image;
use super::layers::PROGRAM;
use super::registry::Repository;
use super::trial::NAME;
use crate::Result;
use crate::process::{self, Daemon, Finished};
use crate::release::steps::Tried;
use crate::server::Server;
use crate::tools;

const LIMIT: Duration = Duration::from_secs(120);
/// Gives the rest of the command one version of control groups.
const ONE_VERSION: &str =
    "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"";
/// Limits that are below those of any machine, because podman's own may be above them.
const RUN: &[&str] = &[
    "run",
    "--rm",
    "--cgroups=disabled",
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
];

struct Podman<'a> {
    program: PathBuf,
    /// Where its storage is.
    folder: &'a Path,
    /// Whether it gets control groups of its own.
    own_groups: bool,
}

/// Lets podman pull the image from a server by its digest and run it; `root` are the image's files.
///
/// # Errors
/// When podman runs containers here, but this one does not do what it must.
pub(in crate::release) fn run(
    server: &Server,
    root: &Path,
    image: &Image,
    version: &str,
    folder: &Path,
) -> Result<Tried> {
    let Some(program) = tools::find("podman") else {
        return Ok(Tried::Impossible("there is no podman".to_owned()));
    };
    let mut podman = Podman {
        program,
        folder,
        own_groups: false,
    };
    let reference = format!("{}/{NAME}@{}", server.address, image.digest());
    podman
        .run(&["pull", "--tls-verify=false", &reference])?
        .ok()?;
    let mut said = podman.version(&[&reference])?;
    if !said.status.success() {
        podman.own_groups = true;
        said = podman.version(&[&reference])?;
    }
    if !said.status.success() {
        // Whether it is the image or the machine: the same files, without the image.
        let root = root.to_str().context("the folder's name is not UTF-8")?;
        let control = podman.version(&["--rootfs", root, PROGRAM])?;
        if !control.status.success() {
            let reason = control
                .said()
                .lines()
                .last()
                .unwrap_or("podman fails")
                .to_owned();
            return Ok(Tried::Impossible(reason));
        }
    }
    let said = said.ok()?;
    ensure!(said == format!("oci-server {version}"), "it says {said}");
    podman.serve(&reference, image)?;
    Ok(Tried::Done)
}

impl Podman<'_> {
    /// Starts the image as it is, and pushes it into itself.
    fn serve(&self, reference: &str, image: &Image) -> Result<()> {
        let arguments = [
            RUN,
            &["--network=host", reference, "--listen", "127.0.0.1:0"],
        ]
        .concat();
        let log = self.folder.join("container.log");
        let mut daemon = Daemon::start("podman", &mut self.command(&arguments), &log)?;
        let ready = "listening on ";
        let url = daemon.await_ready(LIMIT, || {
            let said = std::fs::read_to_string(&log).ok()?;
            let whole = &said[..said.rfind('\n')?];
            whole
                .lines()
                .find_map(|line| line.strip_prefix(ready).map(str::to_owned))
        })?;
        let repository = Repository::new(&url, NAME);
        repository.push(image)?;
        repository.pull(image)?;
        let status = daemon.stop()?;
        ensure!(
            status.success(),
            "asked to end, the container ended with {status}"
        );
        Ok(())
    }

    /// Asks a container for the server's version.
    fn version(&self, what: &[&str]) -> Result<Finished> {
        self.run(&[RUN, &["--network=none"], what, &["--version"]].concat())
    }

    fn run(&self, arguments: &[&str]) -> Result<Finished> {
        process::run(&mut self.command(arguments), LIMIT)
    }

    /// Podman with storage of its own.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = if self.own_groups {
            let mut command = Command::new("unshare");
            command
                .args(["--mount", "sh", "-c", ONE_VERSION, "sh"])
                .arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        command.arg("--root").arg(self.folder.join("podman"));
        command.arg("--runroot").arg(self.folder.join("podman-run"));
        command.arg("--tmpdir").arg(self.folder.join("podman-tmp"));
        command.args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]);
        command.args(["--events-backend", "none"]).args(arguments);
        command
    }
}
