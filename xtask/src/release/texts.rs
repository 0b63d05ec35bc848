//! The texts that go beside the program: the licence and the manual of the repository, and what the
//! program itself writes about its command line.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::Result;
use crate::process;
use crate::workspace;

const LIMIT: Duration = Duration::from_secs(30);

/// Everything that is packaged beside the program.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) license: Vec<u8>,
    pub(super) readme: Vec<u8>,
    pub(super) changelog: Vec<u8>,
    pub(super) config: Vec<u8>,
    pub(super) unit: Vec<u8>,
    pub(super) sysusers: Vec<u8>,
    pub(super) copyright: Vec<u8>,
    pub(super) man: Vec<u8>,
    pub(super) bash: Vec<u8>,
    pub(super) zsh: Vec<u8>,
    pub(super) fish: Vec<u8>,
}

impl Texts {
    /// Reads the repository's texts, and lets the program write its own.
    ///
    /// # Errors
    /// When one is not there.
    pub(super) fn gather(program: &Path) -> Result<Texts> {
        Ok(Texts {
            license: read("LICENSE")?,
            readme: read("README.md")?,
            changelog: read("CHANGELOG.md")?,
            config: read("packaging/config.toml")?,
            unit: read("packaging/oci-server.service")?,
            sysusers: read("packaging/oci-server.sysusers")?,
            copyright: read("packaging/debian/copyright")?,
            man: generate(program, "man")?,
            bash: generate(program, "bash")?,
            zsh: generate(program, "zsh")?,
            fish: generate(program, "fish")?,
        })
    }
}

/// Reads a file of the repository.
///
/// # Errors
/// When it is not there.
pub(super) fn read(path: &str) -> Result<Vec<u8>> {
    let bytes = std::fs::read(workspace::root().join(path));
    bytes.with_context(|| format!("{path} cannot be read"))
}

fn generate(program: &Path, text: &str) -> Result<Vec<u8>> {
    let written = process::run(Command::new(program).args(["generate", text]), LIMIT)?.ok()?;
    ensure!(!written.is_empty(), "the program wrote no {text}");
    Ok(format!("{written}\n").into_bytes())
}
