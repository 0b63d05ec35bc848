//! skopeo, from and to OCI layouts.

use super::super::client::{Client, Desk, ask, cannot};
use super::super::image::{Image, TAG, layout_digest, text};
use super::super::registry::Reference;
use crate::Result;

struct Skopeo {
    desk: Desk,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    Ok(Box::new(Skopeo { desk }))
}

impl Client for Skopeo {
    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        let file = self.desk.fresh("digest");
        let mut command = self.desk.command("skopeo");
        command
            .args(["copy", "--all", "--dest-tls-verify=false", "--digestfile"])
            .arg(&file);
        command.arg(format!("oci:{}:{TAG}", image.layout.display()));
        ask(command.arg(format!("docker://{to}")))?;
        Ok(std::fs::read_to_string(file)?.trim().to_owned())
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        let layout = self.desk.fresh("pulled");
        let mut command = self.desk.command("skopeo");
        command.args([
            "copy",
            "--all",
            "--preserve-digests",
            "--src-tls-verify=false",
        ]);
        command.arg(format!("docker://{from}"));
        ask(command.arg(format!("oci:{}:{TAG}", layout.display())))?;
        Ok(vec![layout_digest(&layout)?])
    }

    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        let line = format!(
            "copy --all --preserve-digests --src-tls-verify=false --dest-tls-verify=false \
             docker://{from} docker://{to}"
        );
        self.desk.run("skopeo", &line)?;
        Ok(())
    }

    fn delete(&self, reference: &Reference) -> Result<()> {
        let line = format!("delete --tls-verify=false docker://{reference}");
        self.desk.run("skopeo", &line)?;
        Ok(())
    }

    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let line = format!(
            "list-tags --tls-verify=false docker://{}",
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
