//! The file that says what the other files are: their SHA-256, in the form of `sha256sum`.

use std::fmt::Write;

use oci_types::Digest;

/// A file of the release.
#[derive(Debug)]
pub(super) struct Artefact {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The name of the file.
pub(super) const NAME: &str = "SHA256SUMS";

/// One line a file, in the order of their names.
pub(super) fn lines(artefacts: &[Artefact]) -> String {
    let mut sorted: Vec<_> = artefacts.iter().collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    let mut lines = String::new();
    for Artefact { name, bytes } in sorted {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{}  {name}", Digest::sha256(bytes).hex());
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_usual_program_verifies_them() {
        let folder = tempfile::tempdir().unwrap();
        let artefact = |name: &str| Artefact {
            name: name.to_owned(),
            bytes: name.into(),
        };
        let artefacts = [artefact("b.tar.gz"), artefact("a.deb")];
        for Artefact { name, bytes } in &artefacts {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        std::fs::write(folder.path().join(NAME), lines(&artefacts)).unwrap();
        let verify = || {
            let mut command = Command::new("sha256sum");
            command
                .args(["--check", "--strict", NAME])
                .current_dir(folder.path());
            command.output().unwrap()
        };
        assert_eq!(
            String::from_utf8(verify().stdout).unwrap(),
            "a.deb: OK\nb.tar.gz: OK\n"
        );
        std::fs::write(folder.path().join("a.deb"), "other").unwrap();
        assert!(!verify().status.success());
    }
}
