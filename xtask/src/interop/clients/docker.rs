//! docker, against a daemon of its own without networks.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::super::client::{Client, Desk, ask, digest_in, tell};
use super::super::image::{ARCHIVE_NAME, Image};
use super::super::registry::Reference;
use super::super::site::ALIAS;
use crate::Result;
use crate::process::{self, Daemon};

/// How long the daemon may take to be there.
const START: Duration = Duration::from_secs(60);

/// Puts the folder `$1` in the place of `$2` and the file `$3` in the place of `$4`, for what runs
/// in it, and runs `$0` with the rest as arguments.
const SUBSTITUTE: &str = "mkdir -p \"$2\" && mount --bind \"$1\" \"$2\" && \
    mount --bind \"$3\" \"$4\" && shift 4 && exec \"$0\" \"$@\"";

struct Docker {
    desk: Desk,
    /// Whether it takes any certificate of `::1`, as it does of `127.0.0.0/8`.
    trusts_alias: bool,
    /// Ends with this.
    _daemon: Daemon,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    let _daemon = daemon(&desk)?;
    let trusted = ["info", "--format={{.RegistryConfig.InsecureRegistryCIDRs}}"];
    let trusts_alias = ask(docker(&desk).args(trusted))?.contains("::1");
    Ok(Box::new(Docker {
        desk,
        trusts_alias,
        _daemon,
    }))
}

/// Starts a daemon that is [reached](socket) through a desk.
pub(in super::super) fn daemon(desk: &Desk) -> Result<Daemon> {
    std::fs::write(desk.path("daemon.json"), "{}")?;
    let hosts = format!("127.0.0.1 localhost\n::1 localhost {ALIAS}\n");
    std::fs::write(desk.path("hosts"), hosts)?;
    let mut command = dockerd(desk);
    command.args(["--storage-driver=vfs", "--iptables=false", "--bridge=none"]);
    command.arg("--config-file").arg(desk.path("daemon.json"));
    command.arg("--data-root").arg(desk.path("data"));
    command.arg("--exec-root").arg(desk.path("exec"));
    command.arg("--pidfile").arg(desk.path("dockerd.pid"));
    command.arg("--host").arg(socket(desk));
    let mut daemon = Daemon::start("dockerd", &mut command, &desk.path("dockerd.log"))?;
    daemon.await_ready(START, || {
        let answer = process::run(docker(desk).arg("version"), START);
        answer
            .is_ok_and(|answer| answer.status.success())
            .then_some(())
    })?;
    Ok(daemon)
}

/// What the daemon mounts ends with it: some daemons leave something behind, which then keeps
/// their folder from being removed.
///
/// It reads certificates in one folder only, in whose place it gets this client's own, and names
/// in a file in whose place it gets one that has the server's.
fn dockerd(desk: &Desk) -> Command {
    let mut command = desk.command("unshare");
    command.arg("--mount");
    if desk.certificates().is_none() {
        command.arg("dockerd");
        return command;
    }
    command.args(["sh", "-c", SUBSTITUTE, "dockerd"]);
    command.args([desk.path("etc").as_path(), Path::new("/etc/docker")]);
    command.args([desk.path("hosts").as_path(), Path::new("/etc/hosts")]);
    command
}

/// Where a desk's daemon listens.
pub(in super::super) fn socket(desk: &Desk) -> String {
    format!("unix://{}", desk.path("docker.sock").display())
}

fn docker(desk: &Desk) -> Command {
    let mut command = desk.command("docker");
    command.arg("--host").arg(socket(desk));
    command
}

impl Docker {
    fn ask(&self, arguments: &[&str]) -> Result<String> {
        ask(docker(&self.desk).args(arguments))
    }

    fn forget(&self) -> Result<()> {
        let images = self.ask(&["image", "ls", "--all", "--quiet", "--no-trunc"])?;
        for image in images.lines() {
            // An image that went with another one is gone already.
            let _ = self.ask(&["image", "rm", "--force", image]);
        }
        Ok(())
    }
}

impl Client for Docker {
    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        if let Some(archive) = &image.archive {
            ask(docker(&self.desk)
                .args(["load", "--quiet", "--input"])
                .arg(archive))?;
        }
        self.ask(&["tag", ARCHIVE_NAME, &to.to_string()])?;
        let said = self.ask(&["push", &to.to_string()])?;
        let last = said
            .lines()
            .find(|line| line.contains(" digest: "))
            .unwrap_or(&said);
        digest_in(last)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        self.forget()?;
        let said = self.ask(&["pull", &from.to_string()])?;
        let line = said
            .lines()
            .find(|line| line.starts_with("Digest: "))
            .unwrap_or(&said);
        Ok(vec![digest_in(line)?])
    }

    fn login(&self, host: &str, name: &str, password: &str) -> Result<()> {
        let mut command = docker(&self.desk);
        command.args(["login", "--password-stdin", "--username", name]);
        tell(password, command.arg(host))?;
        Ok(())
    }

    fn logout(&self, host: &str) -> Result<()> {
        self.ask(&["logout", host])?;
        Ok(())
    }

    fn trusts_blindly(&self) -> Option<&'static str> {
        let host = self.desk.certificates()?.file_name()?.to_str()?;
        let looks = host.starts_with(ALIAS) && !self.trusts_alias;
        (!looks).then_some("it takes any certificate of a server of its own machine")
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn push_index(&self, index: &Image, to: &Reference) -> Result<String> {
        let mut children = Vec::new();
        for (number, child) in index.children.iter().enumerate() {
            let place = to.tagged(&format!("child-{number}"));
            self.push(child, &place)?;
            children.push(place.to_string());
        }
        let to = to.to_string();
        let mut create = vec!["manifest", "create", "--insecure", &to];
        create.extend(children.iter().map(String::as_str));
        self.ask(&create)?;
        digest_in(&self.ask(&["manifest", "push", "--insecure", &to])?)
    }
}
