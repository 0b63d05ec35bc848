//! regctl, from and to OCI layouts.

use std::process::Command;

use super::super::client::{Client, Desk, Mounts, ask, digest_in, tell};
use super::super::image::{Image, TAG, layout_digest};
use super::super::registry::Reference;
use crate::Result;

struct Regctl {
    desk: Desk,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    Ok(Box::new(Regctl { desk }))
}

impl Regctl {
    /// What it is told of a registry beforehand goes for TLS, what each command says without it.
    fn command(&self, host: &str) -> Command {
        let mut command = self.desk.command("regctl");
        if self.desk.certificates().is_none() {
            command.args(["--host", &format!("reg={host},tls=disabled")]);
        }
        command
    }

    fn ask(&self, host: &str, line: &str) -> Result<String> {
        ask(self.command(host).args(line.split_whitespace()))
    }

    /// Has it believe the registry's certificate.
    fn trust(&self, host: &str) -> Result<()> {
        if let Some(file) = self.desk.ca() {
            let certificate = std::fs::read_to_string(file)?;
            let mut command = self.desk.command("regctl");
            command.args(["registry", "set", "--skip-check", "--cacert", &certificate]);
            ask(command.arg(host))?;
        }
        Ok(())
    }
}

impl Client for Regctl {
    fn login(&self, host: &str, name: &str, password: &str) -> Result<()> {
        self.trust(host)?;
        let mut command = self.command(host);
        command.args(["registry", "login", "--pass-stdin", "--user", name]);
        tell(password, command.arg(host))?;
        Ok(())
    }

    /// It forgets the authority as well.
    fn logout(&self, host: &str) -> Result<()> {
        self.ask(host, &format!("registry logout {host}"))?;
        self.trust(host)
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        let from = format!("ocidir://{}:{TAG}", image.layout.display());
        self.ask(&to.host, &format!("image copy {from} {to}"))?;
        digest_in(&self.ask(&to.host, &format!("image digest {to}"))?)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        let layout = self.desk.fresh("pulled");
        let to = format!("ocidir://{}:{TAG}", layout.display());
        self.ask(&from.host, &format!("image copy {from} {to}"))?;
        Ok(vec![layout_digest(&layout)?])
    }

    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        self.ask(&from.host, &format!("image copy {from} {to}"))?;
        Ok(())
    }

    fn delete(&self, reference: &Reference) -> Result<()> {
        self.ask(&reference.host, &format!("tag delete {reference}"))?;
        Ok(())
    }

    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let listed = self.ask(&repository.host, &format!("tag ls {}", repository.name()))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    fn refer(&self, subject: &Reference) -> Result<String> {
        let note = self.desk.path("note.txt");
        std::fs::write(&note, "a note on an image")?;
        let artifact = "--artifact-type application/vnd.example.note";
        let put = format!(
            "artifact put {artifact} --subject {subject} --file {}",
            note.display()
        );
        self.ask(&subject.host, &put)?;
        self.ask(
            &subject.host,
            &format!("artifact list --format raw-body {subject}"),
        )
    }

    fn mounts(&self) -> Mounts {
        Mounts::ByCopy
    }
}
