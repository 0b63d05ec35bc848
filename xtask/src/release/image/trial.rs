//! The image tried for real: pushed into a running server of the same build, pulled back, unpacked
//! and started without any container engine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::Image;
use super::layers::{self, CONFIG, PROGRAM};
use super::registry::{Pulled, Repository};
use crate::Result;
use crate::process;
use crate::release::linkage::Library;
use crate::server::Server;

const LIMIT: Duration = Duration::from_secs(120);
/// The repository of the image.
pub(super) const NAME: &str = "oci-server/oci-server";

/// The image in a running server.
#[derive(Debug)]
pub(in crate::release) struct Pushed {
    server: Server,
    /// The image's files, unpacked from what was pulled.
    pub(in crate::release) root: PathBuf,
    folder: PathBuf,
}

/// Starts the server, pushes the image, pulls it back and unpacks it.
///
/// # Errors
/// When anything that is pulled is not what was pushed.
pub(in crate::release) fn round_trip(
    program: &Path,
    image: &Image,
    sbom: &[u8],
    folder: &Path,
) -> Result<Pushed> {
    let home = folder.join("registry");
    std::fs::create_dir_all(&home)?;
    let server = Server::start(program, &home, &[])?;
    let repository = Repository::new(&server.url(), NAME);
    repository.push(image)?;
    let Pulled {
        layers,
        sbom: pulled,
    } = repository.pull(image)?;
    ensure!(
        pulled == sbom,
        "the bill of materials is not what was attached"
    );
    ensure!(layers.len() > 1, "the image has one layer only");
    let root = folder.join("root");
    std::fs::create_dir_all(&root)?;
    for (number, layer) in layers.iter().enumerate() {
        let file = folder.join(format!("layer-{number}.tar"));
        std::fs::write(&file, layers::inflate(layer)?)?;
        let mut unpack = Command::new("tar");
        unpack
            .args(["--no-same-owner", "-xf"])
            .arg(&file)
            .arg("-C")
            .arg(&root);
        process::run(&mut unpack, LIMIT)?.ok()?;
    }
    Ok(Pushed {
        server,
        root,
        folder: folder.to_owned(),
    })
}

impl Pushed {
    /// Starts the unpacked program with the image's own libraries and settings: it says its version
    /// and serves.
    ///
    /// # Errors
    /// When it does not.
    pub(in crate::release) fn start_unpacked(
        &self,
        version: &str,
        libraries: &[Library],
    ) -> Result<()> {
        let inside = |path: &Path| self.root.join(path.strip_prefix("/").unwrap_or(path));
        let program = inside(Path::new(PROGRAM));
        let launcher = match libraries.iter().find(|library| library.is_loader()) {
            None => program,
            Some(loader) => {
                let folders = libraries.iter().filter_map(|library| library.path.parent());
                let mut folders: Vec<_> = folders
                    .map(|folder| inside(folder).display().to_string())
                    .collect();
                folders.dedup();
                let script = format!(
                    "#!/bin/sh\nexec '{}' --library-path '{}' '{}' \"$@\"\n",
                    inside(&loader.path).display(),
                    folders.join(":"),
                    program.display()
                );
                launcher(&self.folder.join("start"), &script)?
            }
        };
        let said = process::run(Command::new(&launcher).arg("--version"), LIMIT)?.ok()?;
        ensure!(said == format!("oci-server {version}"), "it says {said}");
        let home = self.folder.join("unpacked");
        std::fs::create_dir_all(&home)?;
        let config = inside(Path::new(CONFIG));
        let config = config.to_str().context("the folder's name is not UTF-8")?;
        let server = Server::start(&launcher, &home, &["--config", config])?;
        let answer = ureq::get(format!("{}/v2/", server.url())).call()?;
        ensure!(answer.status() == 200, "it answers {}", answer.status());
        server.stop()
    }

    /// The server that has the image.
    pub(in crate::release) fn server(&self) -> &Server {
        &self.server
    }

    /// Ends the server.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub(in crate::release) fn stop(self) -> Result<()> {
        self.server.stop()
    }
}

fn launcher(path: &Path, script: &str) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, script)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path.to_owned())
}
