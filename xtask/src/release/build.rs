//! The program, built twice from the commit alone, in two folders of different names, and compared:
//! who builds the commit with the same toolchain gets the same bytes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::source::{PROGRAM, Source};
use crate::Result;
use crate::process;
use crate::workspace;

/// How long one build may take.
const LIMIT: Duration = Duration::from_secs(1800);
/// What cargo is allowed to hear from the environment: where things are, and how to fetch them.
const HEARD: &[&str] = &[
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_TERM_",
];
/// What changes the output of compilers.
const FLAGS: &[&str] = &[
    "RUSTFLAGS",
    "RUSTC_WRAPPER",
    "CC",
    "CFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "AR",
    "ARFLAGS",
];

/// Builds the program in two folders below `work` and answers where it is.
///
/// # Errors
/// When it does not build, or the two differ.
pub(super) fn twice(source: &Source, work: &Path) -> Result<PathBuf> {
    let first = once(source, &work.join("first"))?;
    let second = once(source, &work.join("another-build"))?;
    let (one, other) = (std::fs::read(&first)?, std::fs::read(&second)?);
    if let Some(at) = difference(&one, &other) {
        bail!(
            "the builds differ from byte {at} on; compare {} and {}",
            first.display(),
            second.display()
        );
    }
    let program = work.join("oci-server");
    std::fs::rename(first, &program)?;
    // Hundreds of megabytes that nobody needs again.
    std::fs::remove_dir_all(work.join("first"))?;
    std::fs::remove_dir_all(work.join("another-build"))?;
    Ok(program)
}

/// Where two programs differ first.
fn difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let common = one.iter().zip(other).position(|(a, b)| a != b);
    common.or_else(|| (one.len() != other.len()).then(|| one.len().min(other.len())))
}

fn once(source: &Source, folder: &Path) -> Result<PathBuf> {
    // Times of an earlier build would let cargo take its output for the commit's.
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    let (tree, target) = (folder.join("source"), folder.join("target"));
    source.export(&tree)?;
    let mut build = workspace::cargo();
    quieten(&mut build);
    let flags: Vec<_> = remaps(&tree, &target)?
        .map(|(from, to)| format!("--remap-path-prefix={from}={to}"))
        .collect();
    let c_flags: Vec<_> = remaps(&tree, &target)?
        .map(|(from, to)| format!("-ffile-prefix-map={from}={to}"))
        .collect();
    build
        .current_dir(&tree)
        .args(["build", "--release", "--locked", "--package", PROGRAM])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CFLAGS", c_flags.join(" "))
        .env("SOURCE_DATE_EPOCH", source.epoch.to_string());
    process::run(&mut build, LIMIT)?.ok()?;
    let program = target.join("release").join("oci-server");
    ensure!(program.exists(), "cargo made no {}", program.display());
    Ok(program)
}

/// Folders of this machine, and what the program calls them. The last that fits counts.
fn remaps(tree: &Path, target: &Path) -> Result<impl Iterator<Item = (String, &'static str)>> {
    let home = std::env::var("CARGO_HOME").or_else(|_| {
        std::env::var("HOME")
            .map(|home| format!("{home}/.cargo"))
            .context("there is no home")
    })?;
    let text = |path: &Path| path.display().to_string();
    Ok([
        (home, "/cargo"),
        (text(target), "/target"),
        (text(tree), "/oci-server"),
    ]
    .into_iter())
}

/// Takes everything from a command's environment that builds could depend on.
fn quieten(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let heard = HEARD.iter().any(|start| text.starts_with(start));
        if (text.starts_with("CARGO") && !heard) || FLAGS.contains(&text.as_ref()) {
            command.env_remove(&name);
        }
    }
    command.env("LC_ALL", "C").env("TZ", "UTC");
}

/// The triple that programs are built for here.
///
/// # Errors
/// When rustc does not say it.
pub(super) fn host() -> Result<String> {
    rustc_says("host: ")
}

/// The version of the toolchain.
///
/// # Errors
/// When rustc does not say it.
pub(super) fn rust_version() -> Result<String> {
    rustc_says("release: ")
}

fn rustc_says(field: &str) -> Result<String> {
    let mut command = Command::new("rustc");
    command.arg("-vV").current_dir(workspace::root());
    let said = process::run(&mut command, LIMIT)?.ok()?;
    let value = said.lines().find_map(|line| line.strip_prefix(field));
    let value = value.with_context(|| format!("rustc does not say its {field}"))?;
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_differ_by_a_byte_or_by_their_length() {
        assert_eq!(difference(b"same", b"same"), None);
        assert_eq!(difference(b"same", b"sane"), Some(2));
        assert_eq!(difference(b"same", b"sam"), Some(3));
    }
}
