//! skopeo, from and to OCI layouts.

use super::super::client::{Client, Desk, ask, cannot, tell};
use super::super::image::{Image, TAG, layout_digest, text};
use super::super::registry::Reference;
use crate::Result;

struct Skopeo {
    desk: Desk,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    Ok(Box::new(Skopeo { desk }))
}

impl Skopeo {
    /// The option, for an end of a copy or for a command with one end only.
    fn transport(&self, end: &str) -> String {
        match self.desk.certificates() {
            Some(folder) => format!("--{end}cert-dir={}", folder.display()),
            None => format!("--{end}tls-verify=false"),
        }
    }
}

impl Client for Skopeo {
    fn login(&self, host: &str, name: &str, password: &str) -> Result<()> {
        let mut command = self.desk.command("skopeo");
        command.args(["login", "--password-stdin", "--username", name]);
        tell(password, command.args([&self.transport(""), host]))?;
        Ok(())
    }

    fn logout(&self, host: &str) -> Result<()> {
        self.desk.run("skopeo", &format!("logout {host}"))?;
        Ok(())
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        let file = self.desk.fresh("digest");
        let mut command = self.desk.command("skopeo");
        command
            .args(["copy", "--all", "--digestfile"])
            .arg(&file)
            .arg(self.transport("dest-"));
        command.arg(format!("oci:{}:{TAG}", image.layout.display()));
        ask(command.arg(format!("docker://{to}")))?;
        Ok(std::fs::read_to_string(file)?.trim().to_owned())
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        let layout = self.desk.fresh("pulled");
        let mut command = self.desk.command("skopeo");
        command.args(["copy", "--all", "--preserve-digests"]);
        command.arg(self.transport("src-"));
        command.arg(format!("docker://{from}"));
        ask(command.arg(format!("oci:{}:{TAG}", layout.display())))?;
        Ok(vec![layout_digest(&layout)?])
    }

    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        let line = format!(
            "copy --all --preserve-digests {} {} docker://{from} docker://{to}",
            self.transport("src-"),
            self.transport("dest-")
        );
        self.desk.run("skopeo", &line)?;
        Ok(())
    }

    fn delete(&self, reference: &Reference) -> Result<()> {
        let line = format!("delete {} docker://{reference}", self.transport(""));
        self.desk.run("skopeo", &line)?;
        Ok(())
    }

    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let line = format!(
            "list-tags {} docker://{}",
            self.transport(""),
            repository.name()
        );
        let listed: serde_json::Value = serde_json::from_str(&self.desk.run("skopeo", &line)?)?;
        let tags = listed["Tags"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(tags.iter().map(text).collect())
    }

    fn sign(&self, _subject: &Reference) -> Result<()> {
        cannot("Debian builds it without the signatures that a registry stores")
    }
}
