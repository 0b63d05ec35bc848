//! What the composed image is, as its documents say it.

use std::path::Path;

use super::*;
use crate::release::changelog::Entry;

fn source() -> Source {
    let git = std::process::Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(crate::workspace::root())
        .output()
        .unwrap();
    Source {
        version: "1.2.3".to_owned(),
        commit: String::from_utf8(git.stdout).unwrap().trim().to_owned(),
        epoch: 1_700_000_000,
        entry: Entry {
            released: true,
            text: "- A thing.".to_owned(),
        },
    }
}

fn texts() -> Texts {
    let text = || b"text".to_vec();
    Texts {
        license: text(),
        readme: text(),
        changelog: text(),
        config: b"listen = \"127.0.0.1:5000\"\n".to_vec(),
        unit: text(),
        sysusers: text(),
        copyright: text(),
        man: text(),
        bash: text(),
        zsh: text(),
        fish: text(),
    }
}

fn compose(program: &[u8], library: &Path) -> Image {
    let library = Library {
        path: library.to_owned(),
        package: "no-such-package",
        license: "MIT",
    };
    let parts = Parts {
        source: &source(),
        program,
        libraries: &[library],
        texts: &texts(),
        sbom: b"{\"bomFormat\":\"CycloneDX\"}",
    };
    Image::compose(&parts).unwrap()
}

fn sample(program: &[u8]) -> (Image, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libc.so.6");
    std::fs::write(&library, "library").unwrap();
    (compose(program, &library), folder)
}

/// The digests of configuration and layers.
fn blobs(image: &Image) -> Vec<Digest> {
    let manifest: ImageManifest = serde_json::from_slice(&image.manifest.bytes).unwrap();
    let blobs = std::iter::once(&manifest.config).chain(&manifest.layers);
    blobs.map(|blob| blob.digest).collect()
}

#[test]
fn layers_are_in_order_and_hashed_before_and_after_compression() {
    let (image, folder) = sample(b"program");
    let blobs = blobs(&image);
    let (config, layers) = blobs.split_first().unwrap();
    let config: Value = serde_json::from_slice(&image.blobs[config]).unwrap();
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    assert_eq!((layers.len(), diff_ids.len()), (3, 3));
    for (layer, diff_id) in layers.iter().zip(diff_ids) {
        let tar = layers::inflate(&image.blobs[layer]).unwrap();
        assert_eq!(Digest::sha256(&tar).to_string(), *diff_id);
    }
    let holds = |layer: usize, text: &str| {
        let tar = layers::inflate(&image.blobs[&layers[layer]]).unwrap();
        tar.windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds(
        0,
        &folder.path().join("libc.so.6").display().to_string()[1..]
    ));
    assert!(holds(0, "oci-server:x:65532:65532:"));
    assert!(holds(1, "usr/bin/oci-server"));
    assert!(holds(2, "etc/oci-server/config.toml"));
}

#[test]
fn it_runs_as_nobody_and_says_what_it_is() {
    let (image, _folder) = sample(b"program");
    let config: Value = serde_json::from_slice(&image.blobs[&blobs(&image)[0]]).unwrap();
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(
        config["config"]["Entrypoint"],
        json!(["/usr/bin/oci-server"])
    );
    let labels = &config["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], "1.2.3");
    assert_eq!(
        labels["org.opencontainers.image.created"]
            .as_str()
            .unwrap()
            .len(),
        20
    );
    let manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
    assert_eq!(manifest["annotations"], *labels);
}

#[test]
fn the_bill_of_materials_refers_to_the_image() {
    let (image, _folder) = sample(b"program");
    let manifest: Value = serde_json::from_slice(&image.sbom.bytes).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.cyclonedx+json");
    assert_eq!(manifest["subject"]["digest"], image.digest().to_string());
    assert_eq!(manifest["subject"]["size"], image.manifest.bytes.len());
    let layer: Digest = manifest["layers"][0]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(image.sbom_blobs[&layer], b"{\"bomFormat\":\"CycloneDX\"}");
}

#[test]
fn the_same_parts_make_the_same_image() {
    let (one, folder) = sample(b"program");
    let library = folder.path().join("libc.so.6");
    assert_eq!(
        one.layout(0).unwrap(),
        compose(b"program", &library).layout(0).unwrap()
    );
    assert_ne!(one.digest(), compose(b"another", &library).digest());
}
