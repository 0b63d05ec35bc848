//! What the program contains beside crates: the SQLite whose source in C a crate carries, and the
//! standard library.

use anyhow::Context;
use serde_json::{Value, json};

use super::packages::Linked;
use crate::Result;
use crate::release::build;
use crate::release::source::PROGRAM;

const SQLITE_CARRIER: &str = "libsqlite3-sys";
const SQLITE_HEADER: &str = "sqlite3/sqlite3.h";

/// A library that is no crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bundled {
    name: &'static str,
    version: String,
    description: &'static str,
    /// The identifier of a licence, or an expression.
    license: &'static str,
    /// The vendor and the product of the common platform enumeration.
    cpe: &'static str,
    /// The crate that depends on it.
    pub(super) carrier: &'static str,
}

/// Everything of the kind that a program of these packages contains.
///
/// # Errors
/// When a version cannot be read.
pub(super) fn of(linked: &[Linked]) -> Result<Vec<Bundled>> {
    let mut bundled = vec![std(build::rust_version()?)];
    if let Some(carrier) = linked
        .iter()
        .find(|package| package.key.0 == SQLITE_CARRIER)
    {
        let header = carrier.folder.join(SQLITE_HEADER);
        let text = std::fs::read_to_string(&header)
            .with_context(|| format!("{} cannot be read", header.display()))?;
        let version = sqlite_version(&text);
        let version = version.with_context(|| format!("{} has no version", header.display()))?;
        bundled.push(sqlite(version.to_owned()));
    }
    Ok(bundled)
}

pub(super) fn std(version: String) -> Bundled {
    Bundled {
        name: "rust-std",
        version,
        description: "The standard library of Rust",
        license: "MIT OR Apache-2.0",
        cpe: "rust-lang:rust",
        carrier: PROGRAM,
    }
}

pub(super) fn sqlite(version: String) -> Bundled {
    Bundled {
        name: "sqlite",
        version,
        description: "The SQL database engine in C, as the crate libsqlite3-sys brings it",
        license: "blessing",
        cpe: "sqlite:sqlite",
        carrier: SQLITE_CARRIER,
    }
}

fn sqlite_version(header: &str) -> Option<&str> {
    let mut lines = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define SQLITE_VERSION "));
    Some(lines.next()?.trim().trim_matches('"'))
}

impl Bundled {
    /// Its package URL.
    pub(super) fn purl(&self) -> String {
        format!("pkg:generic/{}@{}", self.name, self.version)
    }

    /// Its entry in the document.
    pub(super) fn component(&self) -> Value {
        let Bundled {
            name,
            version,
            description,
            license,
            cpe,
            ..
        } = self;
        json!({
            "type": "library",
            "bom-ref": self.purl(),
            "name": name,
            "version": version,
            "description": description,
            "licenses": [{ "expression": license }],
            "cpe": format!("cpe:2.3:a:{cpe}:{version}:*:*:*:*:*:*:*"),
            "purl": self.purl(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_the_version() {
        let header = "/* text */\n#define SQLITE_VERSION_NUMBER 3050004\n\
            #define SQLITE_VERSION        \"3.50.4\"\n";
        assert_eq!(sqlite_version(header), Some("3.50.4"));
        assert_eq!(sqlite_version("#define OTHER 1\n"), None);
    }
}
