//! Shows each rule failing on a bad sample, and passing on a good one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Document, Finding, Severity};
use super::{changelog, crates, layers, licences, links, sources, words};
use crate::workspace::{Dependency, Package};

fn document(path: &str, text: &str) -> Document {
    Document {
        path: PathBuf::from(path),
        text: text.to_owned(),
    }
}

fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
    let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
        name: (*name).to_owned(),
        kind: kind.map(str::to_owned),
    };
    Package {
        id: name.to_owned(),
        name: name.to_owned(),
        license: Some("Apache-2.0".to_owned()),
        description: Some("something".to_owned()),
        readme: Some(PathBuf::from("README.md")),
        dependencies: dependencies.iter().map(dependency).collect(),
        ..Package::default()
    }
}

fn edge(from: &str, to: &str, kind: Option<&str>) -> Vec<Finding> {
    let (from, to) = (package(from, &[(to, kind)]), package(to, &[]));
    layers::check(&[&from, &to])
}

fn whats(findings: &[Finding]) -> Vec<&str> {
    findings
        .iter()
        .map(|finding| finding.what.as_str())
        .collect()
}

#[test]
fn edges_of_the_design_are_allowed() {
    for (from, to) in [
        ("oci-meta", "oci-types"),
        ("oci-registry", "oci-upload"),
        ("oci-http", "oci-registry"),
        ("oci-server-bin", "oci-meta"),
        ("oci-conformance", "oci-types"),
    ] {
        assert_eq!(edge(from, to, None), [], "{from} → {to}");
    }
    assert_eq!(edge("oci-http", "oci-blob-store", Some("dev")), []);
}

#[test]
fn edges_against_the_design_are_found() {
    for (from, to) in [
        ("oci-types", "oci-upload"),
        ("oci-meta", "oci-blob-store"),
        ("oci-upload", "oci-meta"),
        ("oci-registry", "oci-http"),
        ("oci-http", "oci-blob-store"),
        ("oci-conformance", "oci-http"),
        ("xtask", "oci-server-bin"),
    ] {
        assert_eq!(edge(from, to, None).len(), 1, "{from} → {to}");
    }
    for (from, to) in [("oci-types", "oci-meta"), ("oci-registry", "oci-http")] {
        assert_eq!(
            edge(from, to, Some("dev")).len(),
            1,
            "tests of {from} → {to}"
        );
    }
}

#[test]
fn a_crate_in_no_layer_is_found() {
    let found = layers::check(&[&package("oci-surprise", &[])]);
    assert!(found[0].what.contains("is in no layer"), "{found:?}");
}

#[test]
fn licences_are_read_as_expressions() {
    for allowed in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
    ] {
        assert!(licences::is_allowed(allowed), "{allowed}");
    }
    for refused in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR Apache-2.0) AND LGPL-2.1",
        "MIT OR (GPL-3.0",
        "(MIT",
        "MIT Apache-2.0",
        "GPL-2.0 WITH LLVM-exception",
    ] {
        assert!(!licences::is_allowed(refused), "{refused}");
    }
}

#[test]
fn cargo_deny_is_told_the_same_licences() {
    let path = crate::workspace::root().join("deny.toml");
    let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let allowed = table["licenses"]["allow"].as_array().unwrap();
    let allowed: Vec<_> = allowed.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(allowed, licences::ALLOWED);
}

#[test]
fn a_package_without_a_good_licence_is_found() {
    let silent = Package {
        license: None,
        ..package("silent", &[])
    };
    let strict = Package {
        license: Some("AGPL-3.0-only".to_owned()),
        ..package("strict", &[])
    };
    let found = licences::check(&[&package("fine", &[]), &silent, &strict]);
    assert_eq!(
        whats(&found),
        ["states no licence", "is under AGPL-3.0-only"]
    );
}

const INHERITING: &str = "
    [package]
    version.workspace = true
    edition.workspace = true
    rust-version.workspace = true
    [lints]
    workspace = true";

fn manifest(text: &'static str) -> impl Fn(&Path) -> Option<toml::Table> {
    move |_| text.parse().ok()
}

#[test]
fn a_crate_that_lacks_something_is_found() {
    assert_eq!(
        crates::check(&[&package("whole", &[])], manifest(INHERITING)),
        []
    );
    let bare = Package {
        readme: None,
        description: None,
        license: None,
        ..package("bare", &[])
    };
    let found = crates::check(&[&bare], manifest("[package]\nversion = '1.0.0'"));
    assert_eq!(
        whats(&found),
        [
            "has no README.md",
            "has no description",
            "is not under the workspace's licence",
            "does not have the workspace's lints",
            "does not take its version from the workspace",
            "does not take its edition from the workspace",
            "does not take its rust-version from the workspace",
        ]
    );
}

#[test]
fn a_file_that_says_nothing_of_itself_is_found() {
    let good = document("a.rs", "//! What it is for.\nfn a() {}\n");
    let bad = document("b.rs", "fn b() {}\n");
    let other = document("c.toml", "[c]\n");
    let found = sources::openings(&[good, bad, other]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].place, "b.rs:1");
}

#[test]
fn placeholders_are_found() {
    for line in [
        concat!("    todo", "!()"),
        concat!("unimplemented", "!(\"later\")"),
        concat!("let a = dbg", "!(b);"),
        concat!("// TO", "DO: later"),
        concat!("#[", "ignore]"),
    ] {
        let found = sources::placeholders(&[document("a.rs", &format!("//! A.\n{line}\n"))]);
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!(found[0].place, "a.rs:2");
    }
    let reasoned = concat!("//! A.\n#[", "ignore = \"takes an hour\"]\n");
    assert_eq!(sources::placeholders(&[document("a.rs", reasoned)]), []);
}

#[test]
fn a_long_file_is_a_warning() {
    let found = sources::sizes(&[document("a.rs", &"//\n".repeat(601))]);
    assert_eq!(found[0].severity, Severity::Warning);
    assert_eq!(sources::sizes(&[document("a.rs", &"//\n".repeat(600))]), []);
}

#[test]
fn words_of_one_machine_are_found() {
    for line in [
        concat!("cd /wo", "rk/main"),
        concat!("include /ro", "ot/x"),
        concat!("see ../sha", "red/design.md"),
        concat!("written with Cla", "ude."),
    ] {
        assert_eq!(words::check(&[document("a.md", line)]).len(), 1, "{line}");
    }
    let lock = document("Cargo.lock", concat!("checksum = \"AK", "IA\""));
    let fine = document(
        "a.md",
        "a workspace, a home, its root, and what is included",
    );
    assert_eq!(words::check(&[lock, fine]), []);
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let target = document("docs/b.md", "# B\n\n## What it is, in short\n");
    let files: BTreeSet<_> = ["docs/a.md", "docs/b.md", "LICENSE", "crates/x/src/lib.rs"]
        .map(PathBuf::from)
        .into();
    for (text, count) in [
        ("[b](b.md) [licence](../LICENSE) [x](../crates/x)", 0),
        (
            "[b](b.md#what-it-is-in-short) [there](https://example.org/b.md)",
            0,
        ),
        ("`[b](c.md)` [`T`](crate::T)", 0),
        ("```\n[b](c.md)\n```", 0),
        ("[b](c.md)", 1),
        ("[b](b.md#elsewhere)", 1),
        ("[b](../../b.md) [c](/LICENSE)", 2),
        ("[b]: c.md", 1),
    ] {
        let documents = [
            document("docs/a.md", text),
            document("docs/b.md", &target.text),
        ];
        let found = links::check(&documents, &files);
        assert_eq!(found.len(), count, "{text}: {found:?}");
    }
}

#[test]
fn a_changelog_that_is_not_kept_is_found() {
    for (documents, count) in [
        (
            vec![document("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n")],
            0,
        ),
        (
            vec![document("CHANGELOG.md", "# Changelog\n\n## Unreleased\n")],
            0,
        ),
        (
            vec![document("CHANGELOG.md", "# Changelog\n\n## 1.0.0\n")],
            1,
        ),
        (vec![], 1),
    ] {
        assert_eq!(changelog::check(&documents).len(), count);
    }
}
