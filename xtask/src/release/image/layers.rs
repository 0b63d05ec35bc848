//! The layers of the image, from what changes least to what changes most.

use anyhow::Context;
use flate2::read::GzDecoder;
use oci_types::Digest;
use std::io::Read;

use crate::Result;
use crate::release::archive::{Archive, gzip};
use crate::release::linkage::Library;
use crate::release::sbom::system;
use crate::release::texts::Texts;

/// The user that the server runs as: nobody that a host would know.
pub(super) const USER: u32 = 65532;
/// Where the server keeps what is pushed.
pub(super) const STATE: &str = "/var/lib/oci-server";
/// Where its settings are.
pub(super) const CONFIG: &str = "/etc/oci-server/config.toml";
/// Where the program is.
pub(super) const PROGRAM: &str = "/usr/bin/oci-server";

/// A layer as it is stored, and what it is for.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) purpose: &'static str,
    pub(super) compressed: Vec<u8>,
    /// The digest of the layer before it was compressed.
    pub(super) diff_id: Digest,
}

impl Layer {
    fn new(purpose: &'static str, archive: &Archive) -> Result<Layer> {
        let tar = archive.tar()?;
        Ok(Layer {
            purpose,
            diff_id: Digest::sha256(&tar),
            compressed: gzip(&tar)?,
        })
    }
}

/// The system: the loader, the libraries that the program loads, and a user.
///
/// # Errors
/// When a library cannot be read.
pub(super) fn base(epoch: u64, libraries: &[Library]) -> Result<Layer> {
    let mut archive = Archive::new(epoch);
    let accounts = [
        ("etc/passwd", "root:x:0:0:root:/:/sbin/nologin\n", STATE),
        ("etc/group", "root:x:0:\n", ""),
    ];
    for (path, root, home) in accounts {
        let own = if home.is_empty() {
            format!("oci-server:x:{USER}:\n")
        } else {
            format!("oci-server:x:{USER}:{USER}:OCI registry:{home}:/sbin/nologin\n")
        };
        archive.file(path, 0o644, format!("{root}{own}"));
    }
    for library in libraries {
        let bytes = std::fs::read(&library.path)
            .with_context(|| format!("{} cannot be read", library.path.display()))?;
        archive.file(relative(&library.path.to_string_lossy()), 0o755, bytes);
    }
    for path in system::license_files(libraries) {
        archive.file(
            relative(&path.to_string_lossy()),
            0o644,
            std::fs::read(&path)?,
        );
    }
    archive.folder("tmp", 0o1777, 0);
    archive.folder(relative(STATE), 0o750, USER);
    Layer::new("the system's libraries and a user", &archive)
}

/// The program alone.
///
/// # Errors
/// Never in practice.
pub(super) fn program(epoch: u64, program: &[u8]) -> Result<Layer> {
    let mut archive = Archive::new(epoch);
    archive.file(relative(PROGRAM), 0o755, program);
    Layer::new("the program", &archive)
}

/// Settings and licences.
///
/// # Errors
/// Never in practice.
pub(super) fn settings(epoch: u64, texts: &Texts) -> Result<Layer> {
    let mut archive = Archive::new(epoch);
    archive.file(relative(CONFIG), 0o644, texts.config.as_slice());
    archive.file(
        "usr/share/doc/oci-server/LICENSE",
        0o644,
        texts.license.as_slice(),
    );
    Layer::new("settings and the licence", &archive)
}

fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// A layer's tar archive.
///
/// # Errors
/// When the bytes are not what `gzip` writes.
pub(super) fn inflate(compressed: &[u8]) -> Result<Vec<u8>> {
    let mut tar = Vec::new();
    GzDecoder::new(compressed)
        .read_to_end(&mut tar)
        .context("a layer cannot be inflated")?;
    Ok(tar)
}
