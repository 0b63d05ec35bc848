//! The crates as they go to crates.io: which, in which order, and a rehearsal of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::Result;
use crate::process;
use crate::workspace;

/// How long packaging and building all of them may take.
const LIMIT: Duration = Duration::from_secs(1800);

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A package of the workspace.
#[derive(Clone, Debug, Deserialize)]
struct Package {
    name: String,
    /// Where it may be published; none for anywhere.
    publish: Option<Vec<String>>,
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    /// What is asked for; `*` where only a path is given.
    req: String,
}

/// The crates that are published, each after those that it depends on.
///
/// # Errors
/// When cargo fails, or crates depend on one another in a circle.
pub(super) fn order() -> Result<Vec<String>> {
    let mut command = workspace::cargo();
    command.args(["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    let said = process::run(&mut command, LIMIT)?.ok()?;
    let metadata: Metadata = serde_json::from_str(&said)?;
    sort(metadata.packages)
}

fn sort(packages: Vec<Package>) -> Result<Vec<String>> {
    let may = |package: &Package| {
        package
            .publish
            .as_ref()
            .is_none_or(|where_| !where_.is_empty())
    };
    let mut waiting: Vec<_> = packages.into_iter().filter(may).collect();
    let mut sorted = Vec::new();
    while !waiting.is_empty() {
        let names: BTreeSet<_> = waiting.iter().map(|package| package.name.clone()).collect();
        let ready = waiting.iter().position(|package| {
            let needed = package.dependencies.iter().filter(|one| is_published(one));
            needed
                .filter(|one| one.name != package.name)
                .all(|one| !names.contains(&one.name))
        });
        let ready = ready.with_context(|| format!("{names:?} depend on one another"))?;
        sorted.push(waiting.remove(ready).name);
    }
    Ok(sorted)
}

/// Whether a dependency is in the published manifest: those of tests that have no version are not.
fn is_published(dependency: &Dependency) -> bool {
    dependency.kind.as_deref() != Some("dev") || dependency.req != "*"
}

/// Packages every crate, and builds each package against the others, without uploading anything.
///
/// cargo unpacks the packages once for each place that it takes them from, and never looks whether
/// they have changed while the version has not: so each commit has a place of its own in `work`.
///
/// # Errors
/// When a crate cannot be published.
pub(super) fn rehearse(commit: &str, work: &Path) -> Result<()> {
    let mut publish = workspace::cargo();
    publish
        .args(["publish", "--workspace", "--locked", "--dry-run"])
        .arg("--target-dir")
        .arg(work.join(format!("crates-{commit}")));
    process::run(&mut publish, LIMIT)?.ok()?;
    Ok(())
}

/// Publishes the crates.
///
/// # Errors
/// When cargo or the package registry refuses.
pub(super) fn publish() -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["publish", "--workspace", "--locked"]);
    let status = process::run_shown(&mut command, LIMIT)?;
    ensure!(status.success(), "cargo publish ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, depends: &[(&str, &str, &str)]) -> Package {
        let dependency = |(name, kind, req): &(&str, &str, &str)| {
            let kind = Some(*kind).filter(|kind| !kind.is_empty());
            json!({ "name": name, "kind": kind, "req": req })
        };
        let depends: Vec<_> = depends.iter().map(dependency).collect();
        let package = json!({ "name": name, "publish": null, "dependencies": depends });
        serde_json::from_value(package).unwrap()
    }

    #[test]
    fn crates_follow_what_they_depend_on() {
        let private = Package {
            publish: Some(Vec::new()),
            ..package("tool", &[])
        };
        let sorted = sort(vec![
            package("program", &[("library", "", "^1"), ("serde", "", "^1")]),
            private,
            package("library", &[("types", "", "^1"), ("library", "dev", "*")]),
            package("types", &[("program", "dev", "*")]),
        ]);
        assert_eq!(sorted.unwrap(), ["types", "library", "program"]);
    }

    #[test]
    fn circles_are_refused() {
        let packages = vec![
            package("one", &[("other", "", "^1")]),
            package("other", &[("one", "dev", "^1")]),
        ];
        assert!(sort(packages).is_err());
    }
}
