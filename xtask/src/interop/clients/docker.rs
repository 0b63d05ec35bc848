//! docker, against a daemon of its own without networks.

use std::process::Command;
use std::time::Duration;

use super::super::client::{Client, Desk, ask, digest_in};
use super::super::image::{ARCHIVE_NAME, Image};
use super::super::registry::Reference;
use crate::Result;
use crate::process::{self, Daemon};

/// How long the daemon may take to be there.
const START: Duration = Duration::from_secs(60);

struct Docker {
    desk: Desk,
    /// Ends with this.
    _daemon: Daemon,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    std::fs::write(desk.path("daemon.json"), "{}")?;
    let mut command = desk.command("dockerd");
    command.args(["--storage-driver=vfs", "--iptables=false", "--bridge=none"]);
    command.arg("--config-file").arg(desk.path("daemon.json"));
    command.arg("--data-root").arg(desk.path("data"));
    command.arg("--exec-root").arg(desk.path("exec"));
    command.arg("--pidfile").arg(desk.path("dockerd.pid"));
    command.arg("--host").arg(socket(&desk));
    let mut daemon = Daemon::start("dockerd", &mut command, &desk.path("dockerd.log"))?;
    daemon.await_ready(START, || {
        let answer = process::run(docker(&desk).arg("version"), START);
        answer
            .is_ok_and(|answer| answer.status.success())
            .then_some(())
    })?;
    Ok(Box::new(Docker {
        desk,
        _daemon: daemon,
    }))
}

fn socket(desk: &Desk) -> String {
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
