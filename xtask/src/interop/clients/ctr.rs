//! containerd's ctr, against a containerd of its own.

use std::cell::RefCell;
use std::fs::File;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::super::client::{CERTIFICATES, Client, Desk, Login, Mounts, ask, digest_in};
use super::super::image::{Image, TAG};
use super::super::registry::Reference;
use crate::Result;
use crate::process::{self, Daemon};

/// How long the daemon may take to be there.
const START: Duration = Duration::from_secs(60);
/// Only what moves content; Kubernetes' interface is not asked for.
const CONFIG: &str = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
/// The name of what is imported.
const IMPORTED: &str = "localhost/xtask/imported";

struct Ctr {
    desk: Desk,
    /// `name:password` for each command.
    user: RefCell<Option<String>>,
    /// Ends with this.
    _daemon: Daemon,
}

pub(super) fn start(desk: Desk) -> Result<Box<dyn Client>> {
    std::fs::write(desk.path("config.toml"), CONFIG)?;
    let mut command = desk.command("containerd");
    if let Some(folder) = desk.certificates() {
        let host = folder.file_name().unwrap_or_default().display();
        let file = folder.join("ca.crt");
        let hosts = format!(
            "server = \"https://{host}\"\n[host.\"https://{host}\"]\nca = \"{}\"\n",
            file.display()
        );
        std::fs::write(folder.join("hosts.toml"), hosts)?;
    }
    command.arg("--config").arg(desk.path("config.toml"));
    command.arg("--root").arg(desk.path("root"));
    command.arg("--state").arg(desk.path("state"));
    command.arg("--address").arg(desk.path("c.sock"));
    let mut daemon = Daemon::start("containerd", &mut command, &desk.path("containerd.log"))?;
    daemon.await_ready(START, || {
        let answer = process::run(ctr(&desk).arg("version"), START);
        answer
            .is_ok_and(|answer| answer.status.success())
            .then_some(())
    })?;
    Ok(Box::new(Ctr {
        desk,
        user: RefCell::default(),
        _daemon: daemon,
    }))
}

fn ctr(desk: &Desk) -> Command {
    let mut command = desk.command("ctr");
    command.arg("--address").arg(desk.path("c.sock"));
    command.args(["--namespace", "xtask"]);
    command
}

impl Ctr {
    fn ask(&self, arguments: &[&str]) -> Result<String> {
        ask(ctr(&self.desk).args(arguments))
    }

    /// Moves images to or from a registry.
    fn transfer(&self, verb: &str, arguments: &[&str]) -> Result<String> {
        let mut command = ctr(&self.desk);
        command.args(["images", verb]);
        match self.desk.certificates() {
            Some(_) => command.arg("--hosts-dir").arg(self.desk.path(CERTIFICATES)),
            None => command.arg("--plain-http"),
        };
        if let Some(user) = &*self.user.borrow() {
            command.args(["--user", user]);
        }
        ask(command.args(arguments))
    }

    /// The digest of an image that is here.
    fn digest(&self, name: &str) -> Result<String> {
        let listed = self.ask(&["images", "list", &format!("name=={name}")])?;
        digest_in(listed.lines().nth(1).context("the image is not here")?)
    }

    fn forget(&self) -> Result<()> {
        let images = self.ask(&["images", "list", "--quiet"])?;
        for image in images.lines() {
            self.ask(&["images", "remove", "--sync", image])?;
        }
        Ok(())
    }

    fn import(&self, image: &Image) -> Result<()> {
        let path = self.desk.fresh("archive");
        let mut tar = tar::Builder::new(File::create(&path)?);
        tar.append_dir_all(".", &image.layout)?;
        tar.finish()?;
        let import = [
            "images",
            "import",
            "--no-unpack",
            "--all-platforms",
            "--base-name",
        ];
        ask(ctr(&self.desk).args(import).arg(IMPORTED).arg(path))?;
        Ok(())
    }
}

impl Client for Ctr {
    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        self.import(image)?;
        let name = format!("{IMPORTED}:{TAG}");
        self.transfer("push", &[&to.to_string(), &name])?;
        self.digest(&name)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        self.forget()?;
        let from = from.to_string();
        self.transfer("pull", &["--snapshotter", "native", &from])?;
        Ok(vec![self.digest(&from)?])
    }

    /// By way of its own store, where it notes what came from where.
    fn copy(&self, from: &Reference, to: &Reference) -> Result<()> {
        self.pull(from)?;
        self.transfer("push", &[&to.to_string(), &from.to_string()])?;
        Ok(())
    }

    fn pull_index(&self, from: &Reference) -> Result<Vec<String>> {
        self.forget()?;
        let from = from.to_string();
        let options = ["--snapshotter", "native", "--all-platforms"];
        self.transfer("pull", &[&options[..], &[&from]].concat())?;
        Ok(vec![self.digest(&from)?])
    }

    fn login(&self, _host: &str, name: &str, password: &str) -> Result<()> {
        self.user.replace(Some(format!("{name}:{password}")));
        Ok(())
    }

    fn logout(&self, _host: &str) -> Result<()> {
        self.user.take();
        Ok(())
    }

    fn logs_in(&self) -> Login {
        Login::Never
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn mounts(&self) -> Mounts {
        Mounts::ByCopy
    }
}
