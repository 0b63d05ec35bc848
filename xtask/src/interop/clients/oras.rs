//! oras, from and to OCI layouts.

use super::super::client::{Client, Desk, Mounts, digest_in, tell};
use super::super::image::{Image, TAG, layout_digest};
use super::super::registry::Reference;
use crate::Result;

struct Oras {
    desk: Desk,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    Ok(Box::new(Oras { desk }))
}

impl Oras {
    fn ask(&self, line: &str) -> Result<String> {
        self.desk.run("oras", line)
    }

    /// The options, for an end of a copy or for a command with one end only. Unless it is told
    /// otherwise, it comes to this machine without TLS.
    fn transport(&self, end: &str) -> String {
        match self.desk.ca() {
            Some(file) => format!("--{end}plain-http=false --{end}ca-file={}", file.display()),
            None => format!("--{end}plain-http"),
        }
    }
}

impl Client for Oras {
    fn login(&self, host: &str, name: &str, password: &str) -> Result<()> {
        let mut command = self.desk.command("oras");
        command.args(["login", "--password-stdin", "--username", name]);
        command.args(self.transport("").split_whitespace());
        tell(password, command.arg(host))?;
        Ok(())
    }

    fn logout(&self, host: &str) -> Result<()> {
        self.ask(&format!("logout {host}"))?;
        Ok(())
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        let from = format!("--from-oci-layout {}:{TAG}", image.layout.display());
        let transport = self.transport("to-");
        digest_in(&self.ask(&format!("cp --no-tty {from} {transport} {to}"))?)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        let layout = self.desk.fresh("pulled");
        let to = format!("--to-oci-layout {}:{TAG}", layout.display());
        let transport = self.transport("from-");
        self.ask(&format!("cp --no-tty {transport} {from} {to}"))?;
        Ok(vec![layout_digest(&layout)?])
    }

    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        self.ask(&format!(
            "cp --no-tty {} {} {from} {to}",
            self.transport("from-"),
            self.transport("to-")
        ))?;
        Ok(())
    }

    fn delete(&self, reference: &Reference) -> Result<()> {
        let transport = self.transport("");
        self.ask(&format!("manifest delete --force {transport} {reference}"))?;
        Ok(())
    }

    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let transport = self.transport("");
        let listed = self.ask(&format!("repo tags {transport} {}", repository.name()))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    fn refer(&self, subject: &Reference) -> Result<String> {
        std::fs::write(self.desk.path("note.txt"), "a note on an image")?;
        let transport = self.transport("");
        let artifact = "--artifact-type application/vnd.example.note";
        self.ask(&format!(
            "attach --no-tty {transport} {artifact} {subject} note.txt:text/plain"
        ))?;
        self.ask(&format!("discover {transport} --format json {subject}"))
    }

    fn mounts(&self) -> Mounts {
        Mounts::ByCopy
    }
}
