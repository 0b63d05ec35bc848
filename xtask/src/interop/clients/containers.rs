//! podman and buildah, which share their libraries, storage and most of their command lines.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::super::client::{CERTIFICATES, Client, Desk, ask, cannot, tell};
use super::super::image::{ARCHIVE_NAME, Image, TAG, text};
use super::super::registry::Reference;
use crate::Result;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    Podman,
    Buildah,
}

struct Containers {
    desk: Desk,
    program: Program,
}

pub(super) fn podman(desk: Desk) -> Result<Box<dyn Client>> {
    if desk.certificates().is_some() {
        // Its search takes no option for an authority, and looks here.
        let certificates = desk.path("home/.config/containers/certs.d");
        symlink(desk.path(CERTIFICATES), certificates)?;
    }
    Ok(Box::new(Containers {
        desk,
        program: Program::Podman,
    }))
}

pub(super) fn buildah(desk: Desk) -> Result<Box<dyn Client>> {
    Ok(Box::new(Containers {
        desk,
        program: Program::Buildah,
    }))
}

impl Containers {
    fn command(&self) -> Command {
        let mut command = self.desk.command(match self.program {
            Program::Podman => "podman",
            Program::Buildah => "buildah",
        });
        command.arg("--root").arg(self.desk.path("storage"));
        command.arg("--runroot").arg(self.desk.path("run/storage"));
        command.args(["--storage-driver", "vfs"]);
        if self.program == Program::Podman {
            command.arg("--tmpdir").arg(self.desk.path("run/libpod"));
            command.args(["--cgroup-manager", "cgroupfs", "--events-backend", "none"]);
        }
        command
    }

    fn transport(&self) -> String {
        match self.desk.certificates() {
            Some(folder) => format!("--cert-dir={}", folder.display()),
            None => "--tls-verify=false".to_owned(),
        }
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        ask(self.command().args(arguments))
    }

    /// Pushes with `push` or `manifest push --all`, and reads the digest that it leaves.
    fn push_by(&self, verb: &[&str], name: &str, to: &Reference) -> Result<String> {
        let file = self.desk.fresh("digest");
        let mut command = self.command();
        command
            .args(verb)
            .arg(self.transport())
            .arg("--digestfile")
            .arg(&file);
        ask(command.args([name, &format!("docker://{to}")]))?;
        Ok(std::fs::read_to_string(file)?.trim().to_owned())
    }
}

impl Client for Containers {
    fn push(&self, image: &Image, to: &Reference) -> Result<String> {
        if let Some(archive) = &image.archive {
            self.ask(&[
                "pull",
                "--quiet",
                &format!("docker-archive:{}", archive.display()),
            ])?;
        }
        self.push_by(&["push"], ARCHIVE_NAME, to)
    }

    fn pull(&self, from: &Reference) -> Result<Vec<String>> {
        self.ask(&["rmi", "--all", "--force"])?;
        self.ask(&[
            "pull",
            "--quiet",
            &self.transport(),
            &format!("docker://{from}"),
        ])?;
        let known = match self.program {
            Program::Podman => {
                let format = "{{.Digest}} {{range .RepoDigests}}{{.}} {{end}}";
                self.ask(&["image", "inspect", "--format", format, &from.to_string()])?
            }
            Program::Buildah => {
                let format = "{{.FromImageDigest}}";
                self.ask(&[
                    "inspect",
                    "--type",
                    "image",
                    "--format",
                    format,
                    &from.to_string(),
                ])?
            }
        };
        let digest = |word: &str| word.rsplit('@').next().unwrap_or(word).to_owned();
        Ok(known.split_whitespace().map(digest).collect())
    }

    fn login(&self, host: &str, name: &str, password: &str) -> Result<()> {
        let mut command = self.command();
        command.args(["login", "--password-stdin", "--username", name]);
        tell(password, command.args([&self.transport(), host]))?;
        Ok(())
    }

    fn logout(&self, host: &str) -> Result<()> {
        self.ask(&["logout", host])?;
        Ok(())
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        if self.program == Program::Buildah {
            return cannot("it has no command that lists tags");
        }
        let name = repository.name();
        let mut search = vec!["search", "--list-tags", "--format", "json", &name];
        if self.desk.certificates().is_none() {
            search.push("--tls-verify=false");
        }
        let found: serde_json::Value = serde_json::from_str(&self.ask(&search)?)?;
        let tags = found[0]["Tags"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(tags.iter().map(text).collect())
    }

    fn push_index(&self, index: &Image, to: &Reference) -> Result<String> {
        let list = "localhost/xtask/list";
        self.ask(&["manifest", "create", list])?;
        let layout = format!("oci:{}:{TAG}", index.layout.display());
        self.ask(&["manifest", "add", "--all", list, &layout])?;
        self.push_by(&["manifest", "push", "--all"], list, to)
    }

    fn sign(&self, _subject: &Reference) -> Result<()> {
        match self.program {
            Program::Podman => {
                cannot("Debian builds it without the signatures that a registry stores")
            }
            Program::Buildah => cannot("it has no command that signs in a registry"),
        }
    }
}
