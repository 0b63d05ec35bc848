//! oras, from and to OCI layouts.

use super::super::client::{Client, Desk, Mounts, digest_in};
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
}

impl Client for Oras {
    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        let from = format!("--from-oci-layout {}:{TAG}", image.layout.display());
        digest_in(&self.ask(&format!("cp --no-tty {from} --to-plain-http {to}"))?)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        let layout = self.desk.fresh("pulled");
        let to = format!("--to-oci-layout {}:{TAG}", layout.display());
        self.ask(&format!("cp --no-tty --from-plain-http {from} {to}"))?;
        Ok(vec![layout_digest(&layout)?])
    }

    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        self.ask(&format!(
            "cp --no-tty --from-plain-http --to-plain-http {from} {to}"
        ))?;
        Ok(())
    }

    fn delete(&self, reference: &Reference) -> Result<()> {
        self.ask(&format!("manifest delete --force --plain-http {reference}"))?;
        Ok(())
    }

    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let listed = self.ask(&format!("repo tags --plain-http {}", repository.name()))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    fn refer(&self, subject: &Reference) -> Result<String> {
        std::fs::write(self.desk.path("note.txt"), "a note on an image")?;
        let artifact = "--artifact-type application/vnd.example.note";
        self.ask(&format!(
            "attach --no-tty --plain-http {artifact} {subject} note.txt:text/plain"
        ))?;
        self.ask(&format!("discover --plain-http --format json {subject}"))
    }

    fn mounts(&self) -> Mounts {
        Mounts::ByCopy
    }
}
