//! cosign, with a key of its own and no transparency log.

use std::os::unix::fs::symlink;
use std::process::Command;

use anyhow::ensure;
use serde_json::Value;

use super::super::client::{Client, Desk, Login, Mounts, ask, ask_aloud, tell};
use super::super::image::{Image, layout_digest};
use super::super::registry::Reference;
use crate::Result;

struct Cosign {
    desk: Desk,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    let cosign = Cosign { desk };
    ask(cosign.command().arg("generate-key-pair"))?;
    Ok(Box::new(cosign))
}

impl Cosign {
    fn command(&self) -> Command {
        let mut command = self.desk.command("cosign");
        command
            .env("COSIGN_PASSWORD", "")
            .env("COSIGN_EXPERIMENTAL", "1");
        command
    }

    fn transport(&self) -> String {
        self.desk
            .transport("--allow-http-registry", "--registry-cacert")
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        ask(self.command().args(arguments))
    }

    fn sign_with(&self, subject: &Reference, options: &[&str]) -> Result<()> {
        let place = subject.to_string();
        let sign = [
            "sign",
            "--key=cosign.key",
            "--tlog-upload=false",
            "--yes",
            &self.transport(),
        ];
        self.ask(&[&sign, options, &[&place]].concat())?;
        Ok(())
    }

    fn verify(&self, subject: &Reference, options: &[&str]) -> Result<()> {
        let place = subject.to_string();
        let verify = [
            "verify",
            "--key=cosign.pub",
            "--insecure-ignore-tlog=true",
            &self.transport(),
        ];
        self.ask(&[&verify, options, &[&place]].concat())?;
        Ok(())
    }
}

impl Client for Cosign {
    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        // It takes layouts whose roots it has marked, and so they are marked here.
        let layout = self.desk.fresh("marked");
        std::fs::create_dir_all(&layout)?;
        symlink(image.layout.join("blobs"), layout.join("blobs"))?;
        std::fs::copy(image.layout.join("oci-layout"), layout.join("oci-layout"))?;
        let mut index: Value =
            serde_json::from_slice(&std::fs::read(image.layout.join("index.json"))?)?;
        let kind = if image.children.is_empty() {
            "image"
        } else {
            "imageIndex"
        };
        index["manifests"][0]["annotations"]["kind"] =
            format!("dev.cosignproject.cosign/{kind}").into();
        std::fs::write(layout.join("index.json"), index.to_string())?;
        let mut command = self.command();
        command.arg("load").arg("--dir").arg(&layout);
        ask(command.args([self.transport(), to.to_string()]))?;
        Ok(image.digest.clone())
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        let layout = self.desk.fresh("pulled");
        let mut command = self.command();
        command.arg("save").arg("--dir").arg(&layout);
        ask(command.args([self.transport(), from.to_string()]))?;
        Ok(vec![layout_digest(&layout)?])
    }

    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        self.ask(&[
            "copy",
            &self.transport(),
            &from.to_string(),
            &to.to_string(),
        ])?;
        Ok(())
    }

    /// A signature as an OCI referrer, beside those under tags.
    fn refer(&self, subject: &Reference) -> Result<String> {
        self.sign_with(subject, &["--registry-referrers-mode=oci-1-1"])?;
        self.verify(subject, &["--experimental-oci11"])?;
        let mut tree = self.command();
        tree.args(["tree", "--experimental-oci11"]);
        ask_aloud(tree.args([self.transport(), subject.to_string()]))
    }

    fn sign(&self, subject: &Reference) -> Result<()> {
        ensure!(
            self.verify(subject, &[]).is_err(),
            "it verifies what nobody has signed"
        );
        self.sign_with(subject, &[])?;
        self.verify(subject, &[])?;
        self.ask(&[
            "clean",
            "--type=signature",
            "--force",
            &self.transport(),
            &subject.to_string(),
        ])?;
        ensure!(
            self.verify(subject, &[]).is_err(),
            "the signature is there after `clean`"
        );
        Ok(())
    }

    fn login(&self, host: &str, name: &str, password: &str) -> Result<()> {
        let mut command = self.command();
        command.args(["login", "--password-stdin", "--username", name]);
        tell(password, command.arg(host))?;
        Ok(())
    }

    /// It has no command for this, and keeps passwords where docker does.
    fn logout(&self, _host: &str) -> Result<()> {
        std::fs::remove_file(self.desk.path("home/.docker/config.json"))?;
        Ok(())
    }

    fn logs_in(&self) -> Login {
        Login::Keeps
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn mounts(&self) -> Mounts {
        Mounts::ByCopy
    }
}
