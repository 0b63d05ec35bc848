//! What the program loads when it starts: the system's libraries, where they are, and which
//! packages of Debian bring them. It runs on Linux, with the C library's `ldd`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::Result;
use crate::process;

const LIMIT: Duration = Duration::from_secs(30);

/// A library of the system, as far as the program needs any.
struct Known {
    file: &'static str,
    package: &'static str,
    license: &'static str,
}

const GLIBC: &str = "LGPL-2.1-or-later";
const KNOWN: &[Known] = &[
    Known {
        file: "libc.so.",
        package: "libc6",
        license: GLIBC,
    },
    Known {
        file: "libm.so.",
        package: "libc6",
        license: GLIBC,
    },
    Known {
        file: "ld-linux",
        package: "libc6",
        license: GLIBC,
    },
    Known {
        file: "libgcc_s.so.",
        package: "libgcc-s1",
        license: "GPL-3.0-or-later WITH GCC-exception-3.1",
    },
];

/// A library that the program loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Library {
    /// Where it is, as the loader names it.
    pub(super) path: PathBuf,
    /// Debian's package that it comes from.
    pub(super) package: &'static str,
    /// An SPDX expression.
    pub(super) license: &'static str,
}

impl Library {
    /// Whether it is the program that loads the others.
    pub(super) fn is_loader(&self) -> bool {
        self.file_name().starts_with("ld-linux")
    }

    /// The last part of its path.
    pub(super) fn file_name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }
}

/// The libraries that a program loads; none if it is linked statically.
///
/// # Errors
/// When `ldd` fails, or names a library that nobody has thought about.
pub(super) fn libraries(program: &Path) -> Result<Vec<Library>> {
    let said = process::run(Command::new("ldd").env("LC_ALL", "C").arg(program), LIMIT)?;
    // For a static program ldd fails, and says so.
    if said.said().contains("not a dynamic executable") {
        return Ok(Vec::new());
    }
    parse(&said.ok()?)
}

fn parse(said: &str) -> Result<Vec<Library>> {
    let mut libraries = Vec::new();
    for line in said.lines().map(str::trim) {
        // `name => path (address)`, or `path (address)`, or a name that the kernel provides.
        let place = line.split_once("=> ").map_or(line, |(_, place)| place);
        let path = place.split(" (").next().unwrap_or(place);
        if line.starts_with("linux-vdso") || path == "statically linked" {
            continue;
        }
        ensure!(path.starts_with('/'), "the program lacks a library: {line}");
        let name = Path::new(path)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let known = KNOWN.iter().find(|known| name.starts_with(known.file));
        let known = known.with_context(|| {
            format!("the program loads {path}: say which package and licence it has")
        })?;
        let Known {
            package, license, ..
        } = *known;
        libraries.push(Library {
            path: path.into(),
            package,
            license,
        });
    }
    Ok(libraries)
}

/// Debian's dependencies of a program, such as `libc6 (>= 2.34), libgcc-s1`.
///
/// # Errors
/// When the program needs no version of the C library at all.
pub(super) fn debian_depends(program: &[u8], libraries: &[Library]) -> Result<String> {
    let packages: BTreeSet<_> = libraries.iter().map(|library| library.package).collect();
    let mut depends = Vec::new();
    for package in packages {
        if package == "libc6" {
            let (major, minor) = newest_symbols(program).context("no version of glibc")?;
            depends.push(format!("libc6 (>= {major}.{minor})"));
        } else {
            depends.push(package.to_owned());
        }
    }
    Ok(depends.join(", "))
}

/// The newest version of glibc whose symbols a program names.
fn newest_symbols(program: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let marks = program
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| *window == MARK);
    marks
        .filter_map(|(at, _)| version(&program[at + MARK.len()..]))
        .max()
}

/// The version that text begins with; it ends at a zero byte or a further dot.
fn version(text: &[u8]) -> Option<(u32, u32)> {
    let digits = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let text: Vec<_> = text.iter().take(12).take_while(digits).copied().collect();
    let mut parts = std::str::from_utf8(&text).ok()?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\tlinux-vdso.so.1 (0x00007f94275ea000)\n\
        \tlibgcc_s.so.1 => /lib/x86_64-linux-gnu/libgcc_s.so.1 (0x00007f94275b8000)\n\
        \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f9426b3e000)\n\
        \t/lib64/ld-linux-x86-64.so.2 (0x00007f94275ec000)\n";

    #[test]
    fn libraries_are_read_with_their_packages() {
        let found = parse(SAID).unwrap();
        let packages: Vec<_> = found.iter().map(|library| library.package).collect();
        assert_eq!(packages, ["libgcc-s1", "libc6", "libc6"]);
        assert_eq!(found[1].path, Path::new("/lib/x86_64-linux-gnu/libc.so.6"));
        assert!(found[2].is_loader());
        assert!(!found[1].is_loader());
        assert_eq!(parse("\tstatically linked\n").unwrap(), []);
    }

    #[test]
    fn unknown_and_missing_libraries_are_refused() {
        assert!(parse("\tlibz.so.1 => /lib/libz.so.1 (0x00007f94275ec000)\n").is_err());
        assert!(parse("\tlibc.so.6 => not found\n").is_err());
    }

    #[test]
    fn the_newest_symbols_decide_what_debian_must_have() {
        let program = b"\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.2.5\0GLIBC_PRIVATE\0";
        let depends = debian_depends(program, &parse(SAID).unwrap()).unwrap();
        assert_eq!(depends, "libc6 (>= 2.34), libgcc-s1");
        assert!(debian_depends(b"", &parse(SAID).unwrap()).is_err());
        assert_eq!(debian_depends(b"", &[]).unwrap(), "");
    }
}
