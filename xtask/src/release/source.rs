//! What is released: a commit, its version, its time, and what the changelog says of it. It reads
//! the repository; only [`Source::tag`] changes it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::changelog;
use crate::Result;
use crate::process;
use crate::workspace;

/// How long git may take.
const LIMIT: Duration = Duration::from_secs(120);
/// The crate whose version the release has.
pub(super) const PROGRAM: &str = "oci-server-bin";

/// The commit that is released.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) version: String,
    pub(super) commit: String,
    /// The commit's time in seconds since 1970.
    pub(super) epoch: u64,
    /// The changelog's entry.
    pub(super) entry: changelog::Entry,
}

impl Source {
    /// Reads the commit that is checked out.
    ///
    /// # Errors
    /// When there are changes beside it, or its changelog lists nothing.
    pub(super) fn read() -> Result<Source> {
        let changes = git(&["status", "--porcelain"])?;
        if !changes.is_empty() {
            bail!("the tree is not clean; commit or remove:\n{changes}");
        }
        let metadata = workspace::metadata(&["--no-deps", "--locked"])?;
        let program = metadata.members().find(|member| member.name == PROGRAM);
        let version = program
            .context("the program's crate is not there")?
            .version
            .clone();
        let changelog = std::fs::read_to_string(workspace::root().join("CHANGELOG.md"))
            .context("the changelog cannot be read")?;
        let entry = changelog::entry(&changelog, &version)?;
        let epoch = git(&["show", "-s", "--format=%ct", "HEAD"])?.parse()?;
        Ok(Source {
            version,
            commit: git(&["rev-parse", "HEAD"])?,
            epoch,
            entry,
        })
    }

    /// The name of the release's tag.
    pub(super) fn tag_name(&self) -> String {
        format!("v{}", self.version)
    }

    /// Makes sure that the commit can be tagged.
    ///
    /// # Errors
    /// When the tag is there, or the changelog still calls the entry unreleased.
    pub(super) fn check_taggable(&self) -> Result<()> {
        let (tag, version) = (self.tag_name(), &self.version);
        let same = git(&["tag", "--list", &tag])?;
        ensure!(
            same.is_empty(),
            "the tag {tag} is there already; raise the version"
        );
        ensure!(
            self.entry.released,
            "the changelog still says `## Unreleased`: let the entry stand under \
             `## {version} - {}` and commit that",
            self.date("%Y-%m-%d")?
        );
        Ok(())
    }

    /// Tags the commit, with the changelog's entry as the tag's message.
    ///
    /// # Errors
    /// When git refuses.
    pub(super) fn tag(&self) -> Result<()> {
        let message = format!("oci-server {}\n\n{}", self.version, self.entry.text);
        // Headings of the entry begin with `#`, which is no comment here.
        let arguments = [
            "tag",
            "--annotate",
            "--cleanup=verbatim",
            "--message",
            &message,
        ];
        git(&[&arguments[..], &[&self.tag_name(), &self.commit]].concat())?;
        Ok(())
    }

    /// Pushes the tag to where the repository came from.
    ///
    /// # Errors
    /// When git refuses.
    pub(super) fn push_tag(&self, limit: Duration) -> Result<()> {
        process::run(command().args(["push", "origin", &self.tag_name()]), limit)?.ok()?;
        Ok(())
    }

    /// The commit's time in UTC, in a form of `strftime`.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn date(&self, form: &str) -> Result<String> {
        git(&[
            "show",
            "-s",
            "--format=%cd",
            &format!("--date=format-local:{form}"),
            &self.commit,
        ])
    }

    /// The commit's time as RFC 3339 writes it.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn timestamp(&self) -> Result<String> {
        self.date("%Y-%m-%dT%H:%M:%SZ")
    }

    /// Writes the commit's files into a folder that is not there yet.
    ///
    /// # Errors
    /// When git or tar fails.
    pub(super) fn export(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let archive = folder.with_extension("tar");
        let mut pack = command();
        pack.args(["archive", "--format=tar", "--output"])
            .arg(&archive)
            .arg(&self.commit);
        process::run(&mut pack, LIMIT)?.ok()?;
        let mut unpack = Command::new("tar");
        unpack.arg("-xf").arg(&archive).arg("-C").arg(folder);
        process::run(&mut unpack, LIMIT)?.ok()?;
        Ok(std::fs::remove_file(archive)?)
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    process::run(command().args(arguments), LIMIT)?.ok()
}

fn command() -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(workspace::root())
        .env("TZ", "UTC")
        .env("LC_ALL", "C");
    command
}
