//! helm, with charts that carry the images' noise as files.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

use anyhow::ensure;

use super::super::client::{Client, Desk, Freight, Mounts, ask_aloud, digest_in, tell};
use super::super::image::{Image, blob_path};
use super::super::registry::Reference;
use crate::Result;

/// helm reads no larger file out of a chart than 5 MiB.
const PIECE: usize = 4 << 20;

struct Helm {
    desk: Desk,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    Ok(Box::new(Helm { desk }))
}

/// A chart's own name, the last part of its repository, and what is before it.
fn split(place: &Reference) -> (&str, &str) {
    place
        .repository
        .rsplit_once('/')
        .unwrap_or(("", &place.repository))
}

impl Helm {
    fn ask(&self, arguments: &[&str]) -> Result<String> {
        ask_aloud(self.desk.command("helm").args(arguments))
    }

    fn transport(&self) -> String {
        self.desk.transport("--plain-http", "--ca-file")
    }

    /// Makes a chart and packs it.
    fn package(&self, image: &Image, to: &Reference) -> Result<PathBuf> {
        let (_, name) = split(to);
        let folder = self.desk.fresh("chart");
        let chart = folder.join(name);
        std::fs::create_dir_all(chart.join("templates"))?;
        let about = format!("apiVersion: v2\nname: {name}\nversion: {}\n", to.tag);
        std::fs::write(chart.join("Chart.yaml"), about)?;
        let mut pieces = 0;
        for layer in &image.diff_ids {
            let mut file = BufReader::new(File::open(blob_path(&image.layout, layer))?);
            loop {
                let mut piece = Vec::new();
                file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
                if piece.is_empty() {
                    break;
                }
                std::fs::write(chart.join(format!("piece-{pieces}")), piece)?;
                pieces += 1;
            }
        }
        let (from, to_folder) = (chart.display().to_string(), folder.display().to_string());
        self.ask(&["package", &from, "--destination", &to_folder])?;
        Ok(folder.join(format!("{name}-{}.tgz", to.tag)))
    }

    fn pull_version(&self, from: &Reference, version: &str) -> Result<String> {
        let folder = self.desk.fresh("pulled").display().to_string();
        std::fs::create_dir_all(&folder)?;
        let place = format!("oci://{}", from.name());
        let options = [
            &self.transport(),
            "--version",
            version,
            "--destination",
            &folder,
        ];
        self.ask(&[&["pull", &place], &options[..]].concat())
    }
}

impl Client for Helm {
    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        let packed = self.package(image, to)?.display().to_string();
        let (parent, _) = split(to);
        let place = format!("oci://{}/{parent}", to.host);
        digest_in(&self.ask(&["push", &packed, &place, &self.transport()])?)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        Ok(vec![digest_in(&self.pull_version(from, &from.tag)?)?])
    }

    /// It lists tags to find the newest version in a range, and says which it found.
    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (range, version) in [("<1.1.0", "1.0.0"), (">=1.0.0", "1.1.0")] {
            let said = self.pull_version(repository, range)?;
            let expected = format!("{}:{version}", repository.name());
            ensure!(
                said.contains(&expected),
                "the newest of {range} is not {version}: {said}"
            );
            found.push(version.to_owned());
        }
        Ok(found)
    }

    fn login(&self, host: &str, name: &str, password: &str) -> Result<()> {
        let mut command = self.desk.command("helm");
        command.args(["registry", "login", "--password-stdin", "--username", name]);
        tell(password, command.args([host, &self.transport()]))?;
        Ok(())
    }

    fn logout(&self, host: &str) -> Result<()> {
        self.ask(&["registry", "logout", host])?;
        Ok(())
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn mounts(&self) -> Mounts {
        Mounts::Never("it packs and pushes each chart anew")
    }

    fn freight(&self) -> Freight {
        Freight::Charts { limit: 100 << 20 }
    }
}
