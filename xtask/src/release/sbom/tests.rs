//! What the documents say of a small program.

use std::path::PathBuf;

use serde_json::json;

use super::packages::{checksums, join, names};
use super::*;

const TREE: &str = "oci-server-bin v1.0.0 (/src/bin)\nlibsqlite3-sys v0.9.0+3.1\nserde v1.0.1\n\
    libsqlite3-sys v0.9.0+3.1 (*)\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\n\
    checksum = \"abcd\"\n\n[[package]]\nname = \"oci-server-bin\"\nversion = \"1.0.0\"\n";

fn sample() -> Vec<Linked> {
    let package = |name: &str, version: &str, license: &str| {
        json!({
            "id": name, "name": name, "version": version, "license": license,
            "description": " A crate\n", "manifest_path": format!("/src/{name}/Cargo.toml"),
        })
    };
    let edge = |package: &str, kind: Option<&str>| json!({ "pkg": package, "dep_kinds": [{ "kind": kind }] });
    let metadata = json!({
        "packages": [
            package("serde", "1.0.1", "MIT/Apache-2.0"),
            package("oci-server-bin", "1.0.0", "Apache-2.0"),
            package("cc", "1.0.0", "MIT"),
            package("tempfile", "3.0.0", "MIT"),
            package("libsqlite3-sys", "0.9.0+3.1", "MIT"),
        ],
        "resolve": { "nodes": [
            { "id": "serde", "deps": [] },
            { "id": "oci-server-bin", "deps": [
                edge("serde", None), edge("libsqlite3-sys", None), edge("tempfile", Some("dev")),
            ] },
            { "id": "libsqlite3-sys", "deps": [edge("cc", Some("build")), edge("serde", Some("dev"))] },
        ] },
    });
    let metadata = serde_json::from_value(metadata).unwrap();
    join(&names(TREE), &metadata, &checksums(LOCK).unwrap()).unwrap()
}

fn sample_document() -> Value {
    let subject = Subject {
        timestamp: "2026-01-31T00:00:00Z".to_owned(),
        version: "1.0.0",
        commit: "c0ffee",
        program: b"program",
    };
    let bundled = [
        bundled::std("1.89.0".to_owned()),
        bundled::sqlite("3.1.4".to_owned()),
    ];
    numbered(document(&subject, &sample(), &bundled))
}

#[test]
fn only_what_is_linked_is_named_with_its_checksum() {
    let linked = sample();
    let keys: Vec<_> = linked
        .iter()
        .map(|package| package.key.0.as_str())
        .collect();
    assert_eq!(keys, ["libsqlite3-sys", "oci-server-bin", "serde"]);
    assert_eq!(linked[2].checksum.as_deref(), Some("abcd"));
    assert_eq!(linked[0].checksum, None);
    assert_eq!(linked[2].folder, PathBuf::from("/src/serde"));
    let depends: Vec<_> = linked[1].depends.iter().map(|key| key.0.as_str()).collect();
    assert_eq!(depends, ["libsqlite3-sys", "serde"]);
    assert!(
        linked[0].depends.is_empty(),
        "what builds or tests a crate is not in it"
    );
}

#[test]
fn a_package_that_cargo_does_not_describe_is_an_error() {
    let metadata = json!({ "packages": [], "resolve": { "nodes": [] } });
    let metadata = serde_json::from_value(metadata).unwrap();
    assert!(join(&names(TREE), &metadata, &checksums(LOCK).unwrap()).is_err());
}

#[test]
fn components_have_what_scanners_ask_for() {
    let document = sample_document();
    let expected = json!([
        {
            "type": "library", "name": "libsqlite3-sys", "version": "0.9.0+3.1",
            "bom-ref": "pkg:cargo/libsqlite3-sys@0.9.0%2B3.1",
            "purl": "pkg:cargo/libsqlite3-sys@0.9.0%2B3.1",
            "licenses": [{ "expression": "MIT" }], "description": "A crate",
        },
        {
            "type": "library", "name": "serde", "version": "1.0.1",
            "bom-ref": "pkg:cargo/serde@1.0.1", "purl": "pkg:cargo/serde@1.0.1",
            "licenses": [{ "expression": "MIT OR Apache-2.0" }], "description": "A crate",
            "hashes": [{ "alg": "SHA-256", "content": "abcd" }],
        },
        {
            "type": "library", "name": "rust-std", "version": "1.89.0",
            "bom-ref": "pkg:generic/rust-std@1.89.0", "purl": "pkg:generic/rust-std@1.89.0",
            "description": "The standard library of Rust",
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            "cpe": "cpe:2.3:a:rust-lang:rust:1.89.0:*:*:*:*:*:*:*",
        },
        {
            "type": "library", "name": "sqlite", "version": "3.1.4",
            "bom-ref": "pkg:generic/sqlite@3.1.4", "purl": "pkg:generic/sqlite@3.1.4",
            "description": "The SQL database engine in C, as the crate libsqlite3-sys brings it",
            "licenses": [{ "expression": "blessing" }],
            "cpe": "cpe:2.3:a:sqlite:sqlite:3.1.4:*:*:*:*:*:*:*",
        },
    ]);
    assert_eq!(document["components"], expected);
    let program = &document["metadata"]["component"];
    assert_eq!(program["purl"], "pkg:cargo/oci-server-bin@1.0.0");
    let hash = Digest::sha256(b"program").hex().to_string();
    assert_eq!(program["hashes"][0]["content"], hash);
}

#[test]
fn every_reference_is_described_once() {
    let document = sample_document();
    let mut described: Vec<_> = document["components"].as_array().unwrap().iter().collect();
    described.push(&document["metadata"]["component"]);
    let mut described: Vec<_> = described.iter().map(|one| one["bom-ref"].clone()).collect();
    described.sort_by_key(Value::to_string);
    let edges = document["dependencies"].as_array().unwrap();
    let mut sources: Vec<_> = edges.iter().map(|edge| edge["ref"].clone()).collect();
    sources.sort_by_key(Value::to_string);
    assert_eq!(sources, described);
    for target in edges
        .iter()
        .flat_map(|edge| edge["dependsOn"].as_array().unwrap())
    {
        assert!(described.contains(target), "{target}");
    }
}

#[test]
fn the_number_follows_the_content() {
    let one = sample_document();
    assert_eq!(one["serialNumber"], sample_document()["serialNumber"]);
    let mut other = one.clone();
    other["version"] = 2.into();
    assert_ne!(one["serialNumber"], numbered(other)["serialNumber"]);
    let number = one["serialNumber"].as_str().unwrap();
    let lengths: Vec<_> = number["urn:uuid:".len()..]
        .split('-')
        .map(str::len)
        .collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
}

#[test]
fn an_image_has_the_libraries_of_its_system_too() {
    let path = std::env::current_exe().unwrap();
    let library = Library {
        path,
        package: "no-such-package",
        license: "MIT",
    };
    let document = of_image(&sample_document(), std::slice::from_ref(&library)).unwrap();
    let last = document["components"].as_array().unwrap().last().unwrap();
    assert_eq!(last["name"], library.file_name());
    assert_eq!(last["hashes"][0]["content"].as_str().unwrap().len(), 64);
    let edges = document["dependencies"].as_array().unwrap();
    let root = edges
        .iter()
        .find(|edge| edge["ref"] == "pkg:cargo/oci-server-bin@1.0.0")
        .unwrap();
    assert!(
        root["dependsOn"]
            .as_array()
            .unwrap()
            .contains(&last["bom-ref"])
    );
    assert_ne!(document["serialNumber"], sample_document()["serialNumber"]);
}
