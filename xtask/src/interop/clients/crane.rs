//! crane, from and to OCI layouts.

use std::process::Command;

use super::super::client::{Client, Desk, Login, Mounts, ask, digest_in, tell};
use super::super::image::{Image, layout_digest};
use super::super::registry::Reference;
use crate::Result;

struct Crane {
    desk: Desk,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    Ok(Box::new(Crane { desk }))
}

impl Crane {
    fn command(&self) -> Command {
        let mut command = self.desk.command("crane");
        // It has no option for an authority.
        if let Some(file) = self.desk.ca() {
            command.env("SSL_CERT_FILE", file);
        }
        command
    }

    fn ask(&self, line: &str) -> Result<String> {
        ask(self.command().args(line.split_whitespace()))
    }
}

impl Client for Crane {
    fn login(&self, host: &str, name: &str, password: &str) -> Result<()> {
        let mut command = self.command();
        command.args(["auth", "login", "--password-stdin", "--username", name]);
        tell(password, command.arg(host))?;
        Ok(())
    }

    fn logout(&self, host: &str) -> Result<()> {
        self.ask(&format!("auth logout {host}"))?;
        Ok(())
    }

    fn logs_in(&self) -> Login {
        Login::Keeps
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        let mut command = self.command();
        digest_in(&ask(command
            .arg("push")
            .arg(&image.layout)
            .arg(to.to_string()))?)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        let layout = self.desk.fresh("pulled");
        let mut command = self.command();
        ask(command
            .args(["pull", "--format=oci", &from.to_string()])
            .arg(&layout))?;
        Ok(vec![layout_digest(&layout)?])
    }

    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        self.ask(&format!("copy {from} {to}"))?;
        Ok(())
    }

    fn delete(&self, reference: &Reference) -> Result<()> {
        self.ask(&format!("delete {reference}"))?;
        Ok(())
    }

    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let listed = self.ask(&format!("ls {}", repository.name()))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    fn mounts(&self) -> Mounts {
        Mounts::ByCopy
    }
}
