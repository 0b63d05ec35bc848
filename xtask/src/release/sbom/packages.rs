//! The packages that the program links, as cargo knows them: dependencies of the program's crate
//! for the target, without what only builds or tests use, and without procedural macros, which run
//! in the compiler.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::Result;
use crate::process;
use crate::release::source::PROGRAM;
use crate::workspace;

const LIMIT: Duration = Duration::from_secs(120);

/// A package's name and version.
pub(super) type Key = (String, String);

/// A package that the program links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linked {
    pub(super) key: Key,
    /// An SPDX expression.
    pub(super) license: String,
    pub(super) description: Option<String>,
    /// The SHA-256 of the package file, for what comes from a package registry.
    pub(super) checksum: Option<String>,
    /// The folder of its source.
    pub(super) folder: PathBuf,
    /// Which of the others it depends on.
    pub(super) depends: BTreeSet<Key>,
}

/// The packages in the order of their names, the program's own among them.
///
/// # Errors
/// When cargo fails, or a package states no licence.
pub(super) fn linked(target: &str) -> Result<Vec<Linked>> {
    let mut tree = workspace::cargo();
    tree.args(["tree", "--locked", "--package", PROGRAM, "--target", target]);
    tree.args([
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let names = names(&process::run(&mut tree, LIMIT)?.ok()?);
    let mut metadata = workspace::cargo();
    metadata.args([
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        target,
    ]);
    let metadata = serde_json::from_str(&process::run(&mut metadata, LIMIT)?.ok()?)?;
    let lock = std::fs::read_to_string(workspace::root().join("Cargo.lock"))?;
    join(&names, &metadata, &checksums(&lock)?)
}

/// Reads lines such as `name v1.2.3 (folder) (*)`.
pub(super) fn names(tree: &str) -> BTreeSet<Key> {
    let key = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        Some((name, words.next()?.strip_prefix('v')?.to_owned()))
    };
    tree.lines().filter_map(key).collect()
}

/// The checksums of a lock file.
pub(super) fn checksums(lock: &str) -> Result<BTreeMap<Key, String>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(lock)?;
    let entries = lock.package.into_iter();
    Ok(entries
        .filter_map(|one| Some(((one.name, one.version), one.checksum?)))
        .collect())
}

/// What `cargo metadata` says, as far as it is asked here.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Debug, Deserialize)]
struct EdgeKind {
    /// `dev` or `build`; none for a normal one.
    kind: Option<String>,
}

/// Says of each name what the metadata and the lock file know.
pub(super) fn join(
    names: &BTreeSet<Key>,
    metadata: &Metadata,
    checksums: &BTreeMap<Key, String>,
) -> Result<Vec<Linked>> {
    let key = |package: &Package| (package.name.clone(), package.version.clone());
    let of_id: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), key(package)))
        .collect();
    let mut linked = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| names.contains(&key(package)))
    {
        let node = metadata
            .resolve
            .nodes
            .iter()
            .find(|node| node.id == package.id);
        let edges = node.into_iter().flat_map(|node| &node.deps);
        let normal = edges.filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        let depends = normal.filter_map(|edge| of_id.get(edge.pkg.as_str()));
        let license = package.license.clone();
        linked.push(Linked {
            key: key(package),
            license: license.with_context(|| format!("{} states no licence", package.name))?,
            description: package.description.clone(),
            checksum: checksums.get(&key(package)).cloned(),
            folder: package
                .manifest_path
                .parent()
                .unwrap_or(Path::new(""))
                .to_owned(),
            depends: depends.filter(|key| names.contains(key)).cloned().collect(),
        });
    }
    ensure!(
        linked.len() == names.len(),
        "cargo tree and cargo metadata name other packages"
    );
    linked.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(linked)
}
