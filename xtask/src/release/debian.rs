//! The Debian package, written without Debian's tools: an `ar` archive of two tar archives. What is
//! written about the package is in `packaging/debian`; here is where each file goes.

use anyhow::{Context, bail, ensure};

use super::archive::{Archive, gzip};
use super::linkage::{self, Library};
use super::source::Source;
use super::texts::{self, Texts};
use crate::Result;

/// Who answers for the package, in Debian's form.
const MAINTAINER: &str = "The oci-server authors <oci-server@packages.invalid>";
/// Where what `sysusers.d` holds is read, whichever package brings it.
const SYSUSERS: &str = "systemd | systemd-standalone-sysusers | systemd-sysusers";
const CONFIG: &str = "etc/oci-server/config.toml";

/// A package as it is written to a file.
#[derive(Debug)]
pub(super) struct Package {
    /// The name that Debian gives such a file.
    pub(super) file_name: String,
    pub(super) bytes: Vec<u8>,
}

/// Makes the package of a program.
///
/// # Errors
/// When a text is missing, or the processor has no name in Debian.
pub(super) fn make(
    source: &Source,
    program: &[u8],
    libraries: &[Library],
    texts: &Texts,
) -> Result<Package> {
    let version = version(&source.version);
    let architecture = architecture()?;
    let files = files(source, program, texts)?;
    let depends = match linkage::debian_depends(program, libraries)?.as_str() {
        "" => SYSUSERS.to_owned(),
        libraries => format!("{libraries}, {SYSUSERS}"),
    };
    let fields = [
        ("version", version.as_str()),
        ("architecture", architecture),
        ("maintainer", MAINTAINER),
        ("size", &files.content_len().div_ceil(1024).to_string()),
        ("depends", &depends),
    ];
    let control = fill(
        &String::from_utf8(texts::read("packaging/debian/control")?)?,
        &fields,
    )?;
    let mut about = Archive::new(source.epoch).dotted();
    about.file("control", 0o644, control);
    about.file("conffiles", 0o644, conffiles(&files));
    for script in ["postinst", "prerm", "postrm"] {
        about.file(
            script,
            0o755,
            texts::read(&format!("packaging/debian/{script}"))?,
        );
    }
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", about.tar_gz()?),
        ("data.tar.gz", files.tar_gz()?),
    ];
    let file_name = format!("oci-server_{version}_{architecture}.deb");
    Ok(Package {
        file_name,
        bytes: ar(source.epoch, &members)?,
    })
}

/// Where each file goes.
fn files(source: &Source, program: &[u8], texts: &Texts) -> Result<Archive> {
    let mut files = Archive::new(source.epoch).dotted();
    files.file("usr/bin/oci-server", 0o755, program);
    let documents = "usr/share/doc/oci-server";
    let plain = [
        (CONFIG, &texts.config),
        ("usr/lib/systemd/system/oci-server.service", &texts.unit),
        ("usr/lib/sysusers.d/oci-server.conf", &texts.sysusers),
        (
            "usr/share/bash-completion/completions/oci-server",
            &texts.bash,
        ),
        ("usr/share/zsh/vendor-completions/_oci-server", &texts.zsh),
        (
            "usr/share/fish/vendor_completions.d/oci-server.fish",
            &texts.fish,
        ),
        (&format!("{documents}/copyright"), &texts.copyright),
    ];
    for (path, text) in plain {
        files.file(path, 0o644, text.as_slice());
    }
    let version = version(&source.version);
    let date = source.date("%a, %d %b %Y %H:%M:%S +0000")?;
    let packaged = format!(
        "oci-server ({version}) unstable; urgency=medium\n\n  * Release {}.\n\n -- {MAINTAINER}  \
         {date}\n",
        source.version
    );
    let compressed = [
        ("usr/share/man/man1/oci-server.1.gz", texts.man.as_slice()),
        (&format!("{documents}/changelog.gz"), &texts.changelog),
        (
            &format!("{documents}/changelog.Debian.gz"),
            packaged.as_bytes(),
        ),
    ];
    for (path, text) in compressed {
        files.file(path, 0o644, gzip(text)?);
    }
    Ok(files)
}

/// The files that an administrator may change, and an upgrade must not overwrite.
fn conffiles(files: &Archive) -> String {
    let settings = files.files().filter(|path| path.starts_with("etc/"));
    settings.map(|path| format!("/{path}\n")).collect()
}

/// A version as Debian orders it: what comes before a release sorts before it.
fn version(version: &str) -> String {
    format!("{}-1", version.replacen('-', "~", 1))
}

fn architecture() -> Result<&'static str> {
    Ok(match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("Debian's name of {other} is not known here"),
    })
}

/// Puts values into the places of a text that are named in braces.
fn fill(text: &str, fields: &[(&str, &str)]) -> Result<String> {
    let mut filled = text.to_owned();
    for (name, value) in fields {
        let place = format!("{{{name}}}");
        ensure!(filled.contains(&place), "the text has no place for {name}");
        filled = filled.replace(&place, value);
    }
    ensure!(
        !filled.contains('{'),
        "a place in the text was not filled:\n{filled}"
    );
    Ok(filled)
}

/// An `ar` archive of files that belong to root.
fn ar(epoch: u64, members: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let header = format!(
            "{name:<16}{epoch:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            0,
            0,
            "100644",
            bytes.len()
        );
        (header.len() == 60)
            .then_some(())
            .context("a member does not fit the format")?;
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(bytes);
        if bytes.len() % 2 == 1 {
            archive.push(b'\n');
        }
    }
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_headers_of_60_bytes_and_even_places() {
        let archive = ar(
            1_700_000_000,
            &[("one", b"odd".to_vec()), ("two", b"even".to_vec())],
        );
        let expected = "!<arch>\n\
            one             1700000000  0     0     100644  3         `\nodd\n\
            two             1700000000  0     0     100644  4         `\neven";
        assert_eq!(String::from_utf8(archive.unwrap()).unwrap(), expected);
    }

    #[test]
    fn what_precedes_a_release_sorts_before_it() {
        assert_eq!(version("1.2.3"), "1.2.3-1");
        assert_eq!(version("1.2.3-rc.1"), "1.2.3~rc.1-1");
    }

    #[test]
    fn every_place_is_filled() {
        assert_eq!(
            fill("Version: {v}\n", &[("v", "1")]).unwrap(),
            "Version: 1\n"
        );
        assert!(fill("Version: {v} {w}\n", &[("v", "1")]).is_err());
        assert!(fill("Version\n", &[("v", "1")]).is_err());
    }

    #[test]
    fn only_settings_are_kept_from_upgrades() {
        let mut files = Archive::new(0);
        files.file("usr/bin/oci-server", 0o755, *b"program");
        files.file(CONFIG, 0o644, *b"settings");
        assert_eq!(conffiles(&files), "/etc/oci-server/config.toml\n");
    }
}
