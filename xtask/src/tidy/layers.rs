//! Which crate of the workspace may depend on which. A new edge is a decision about the
//! architecture, so it is made here, in the open.

use super::Finding;
use crate::workspace::Package;

/// A crate with the crates of the workspace that it may know.
struct Layer {
    name: &'static str,
    /// In what it ships.
    knows: &'static [&'static str],
    /// In its tests and examples as well.
    tests_know: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer {
        name: "oci-types",
        knows: &[],
        tests_know: &[],
    },
    Layer {
        name: "oci-blob-store",
        knows: &["oci-types"],
        tests_know: &[],
    },
    Layer {
        name: "oci-meta",
        knows: &["oci-types", "oci-auth"],
        tests_know: &[],
    },
    Layer {
        name: "oci-upload",
        knows: &["oci-types"],
        tests_know: &[],
    },
    Layer {
        name: "oci-auth",
        knows: &["oci-types"],
        tests_know: &[],
    },
    Layer {
        name: "oci-registry",
        knows: &["oci-types", "oci-blob-store", "oci-meta", "oci-upload"],
        tests_know: &[],
    },
    Layer {
        name: "oci-http",
        knows: &["oci-types", "oci-registry", "oci-auth"],
        tests_know: &["oci-blob-store", "oci-meta", "oci-upload"],
    },
    Layer {
        name: "oci-server-bin",
        knows: &[
            "oci-types",
            "oci-blob-store",
            "oci-meta",
            "oci-upload",
            "oci-registry",
            "oci-auth",
            "oci-http",
        ],
        tests_know: &["oci-conformance"],
    },
    Layer {
        name: "oci-conformance",
        knows: &["oci-types"],
        // They switch faults on in a registry, to see that the runner notices.
        tests_know: &["oci-http", "oci-registry"],
    },
    Layer {
        name: "xtask",
        knows: &["oci-types", "oci-conformance"],
        tests_know: &[],
    },
];

/// Finds edges that are not in the list, and members that are not in it at all.
pub(super) fn check(members: &[&Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in members {
        match LAYERS.iter().find(|layer| layer.name == package.name) {
            Some(layer) => findings.extend(check_one(package, layer, members)),
            None => findings.push(Finding::error(
                &package.name,
                "is in no layer: say in tidy's list what it may depend on",
            )),
        }
    }
    findings
}

fn check_one(package: &Package, layer: &Layer, members: &[&Package]) -> Vec<Finding> {
    let of_workspace = |name: &str| members.iter().any(|member| member.name == name);
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        // A crate's tests may ask for further features of the crate itself.
        if !of_workspace(name) || name == package.name {
            continue;
        }
        let for_tests = dependency.kind.as_deref() == Some("dev");
        if layer.knows.contains(&name) || (for_tests && layer.tests_know.contains(&name)) {
            continue;
        }
        let edge = if for_tests {
            "its tests depend"
        } else {
            "depends"
        };
        findings.push(Finding::error(
            &package.name,
            format!("{edge} on {name}, which is not below it"),
        ));
    }
    findings
}
