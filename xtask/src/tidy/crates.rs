//! What each crate of the workspace must carry.

use std::path::Path;

use super::Finding;
use crate::workspace::Package;

/// Finds crates without a readme, a description, the workspace's licence or its lints.
pub(super) fn check(
    members: &[&Package],
    read: impl Fn(&Path) -> Option<toml::Table>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in members {
        let mut miss = |what: &str| findings.push(Finding::error(&package.name, what));
        if package.readme.is_none() {
            miss("has no README.md");
        }
        if package
            .description
            .as_deref()
            .is_none_or(|text| text.trim().is_empty())
        {
            miss("has no description");
        }
        if package.license.as_deref() != Some("Apache-2.0") {
            miss("is not under the workspace's licence");
        }
        let Some(manifest) = read(&package.manifest_path) else {
            miss("has a manifest that cannot be read");
            continue;
        };
        if !inherits(&manifest, "lints") {
            miss("does not have the workspace's lints");
        }
        let fields = manifest.get("package").and_then(toml::Value::as_table);
        for field in ["version", "edition", "rust-version"] {
            if !fields.is_some_and(|fields| inherits(fields, field)) {
                miss(&format!("does not take its {field} from the workspace"));
            }
        }
    }
    findings
}

/// Whether a key says `workspace = true`.
fn inherits(table: &toml::Table, key: &str) -> bool {
    let inner = table.get(key).and_then(|value| value.get("workspace"));
    inner.and_then(toml::Value::as_bool) == Some(true)
}
