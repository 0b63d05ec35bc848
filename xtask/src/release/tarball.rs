//! The archive for those who install by hand: one folder with the program and everything that goes
//! beside it.

use super::archive::Archive;
use super::texts::Texts;
use crate::Result;

/// Makes the archive; everything in it is below the folder `name`.
///
/// # Errors
/// When the name is too long for the format.
pub(super) fn make(name: &str, epoch: u64, program: &[u8], texts: &Texts) -> Result<Vec<u8>> {
    let mut archive = Archive::new(epoch);
    archive.file(&format!("{name}/oci-server"), 0o755, program);
    let texts = [
        ("LICENSE", &texts.license),
        ("README.md", &texts.readme),
        ("CHANGELOG.md", &texts.changelog),
        ("man/oci-server.1", &texts.man),
        ("completions/oci-server.bash", &texts.bash),
        ("completions/_oci-server", &texts.zsh),
        ("completions/oci-server.fish", &texts.fish),
        ("systemd/config.toml", &texts.config),
        ("systemd/oci-server.service", &texts.unit),
        ("systemd/oci-server.sysusers", &texts.sysusers),
    ];
    for (path, text) in texts {
        archive.file(&format!("{name}/{path}"), 0o644, text.as_slice());
    }
    archive.tar_gz()
}
