//! crane, from and to OCI layouts.

use super::super::client::{Client, Desk, Mounts, ask, digest_in};
use super::super::image::{Image, layout_digest};
use super::super::registry::Reference;
use crate::Result;

struct Crane {
    desk: Desk,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    Ok(Box::new(Crane { desk }))
}

impl Client for Crane {
    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        let mut command = self.desk.command("crane");
        digest_in(&ask(command
            .arg("push")
            .arg(&image.layout)
            .arg(to.to_string()))?)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        let layout = self.desk.fresh("pulled");
        let mut command = self.desk.command("crane");
        ask(command
            .args(["pull", "--format=oci", &from.to_string()])
            .arg(&layout))?;
        Ok(vec![layout_digest(&layout)?])
    }

    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        self.desk.run("crane", &format!("copy {from} {to}"))?;
        Ok(())
    }

    fn delete(&self, reference: &Reference) -> Result<()> {
        self.desk.run("crane", &format!("delete {reference}"))?;
        Ok(())
    }

    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let listed = self
            .desk
            .run("crane", &format!("ls {}", repository.name()))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    fn mounts(&self) -> Mounts {
        Mounts::ByCopy
    }
}
