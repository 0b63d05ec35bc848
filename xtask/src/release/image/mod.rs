//! The image of the server, composed of layers without any container engine, and its bill of
//! materials as an artifact that refers to it.

mod layers;
mod layout;
pub(super) mod podman;
mod registry;
#[cfg(test)]
mod tests;
pub(super) mod trial;

use std::collections::BTreeMap;

use anyhow::bail;
use oci_types::{Annotations, Descriptor, Digest, ImageManifest, MediaType};
use serde_json::{Value, json};

use self::layers::{CONFIG, Layer, PROGRAM, STATE, USER};
use super::linkage::Library;
use super::sbom;
use super::source::Source;
use super::texts::Texts;
use crate::Result;

const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What the image is made of.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) source: &'a Source,
    pub(super) program: &'a [u8],
    pub(super) libraries: &'a [Library],
    pub(super) texts: &'a Texts,
    /// The bill of materials of the image.
    pub(super) sbom: &'a [u8],
}

/// An image, complete in memory.
#[derive(Debug)]
pub(super) struct Image {
    /// The tag that it goes by.
    pub(super) tag: String,
    /// Configuration and layers.
    blobs: BTreeMap<Digest, Vec<u8>>,
    manifest: Manifest,
    /// The bill of materials, whose subject is the image.
    sbom: Manifest,
    /// What the bill of materials consists of.
    sbom_blobs: BTreeMap<Digest, Vec<u8>>,
}

/// A manifest as it is stored.
#[derive(Debug)]
struct Manifest {
    bytes: Vec<u8>,
    descriptor: Descriptor,
}

impl Image {
    /// Composes the image.
    ///
    /// # Errors
    /// When a library cannot be read, or the processor has no name in images.
    pub(super) fn compose(parts: &Parts<'_>) -> Result<Image> {
        let epoch = parts.source.epoch;
        let layers = [
            layers::base(epoch, parts.libraries)?,
            layers::program(epoch, parts.program)?,
            layers::settings(epoch, parts.texts)?,
        ];
        let created = parts.source.timestamp()?;
        let labels = labels(parts.source, &created);
        let config = config(&layers, &created, &labels)?;
        let mut blobs = Blobs::default();
        let config = blobs.add(CONFIG_TYPE, serde_json::to_vec(&config)?)?;
        let mut descriptors = Vec::new();
        for layer in layers {
            descriptors.push(blobs.add(LAYER_TYPE, layer.compressed)?);
        }
        let mut manifest = ImageManifest::new(config, descriptors);
        manifest.annotations = labels;
        let manifest = Manifest::new(&manifest)?;
        let mut sbom_blobs = Blobs::default();
        let sbom = sbom_blobs.add(sbom::MEDIA_TYPE, parts.sbom.to_vec())?;
        let sbom = refer(&mut sbom_blobs, sbom, &manifest.descriptor, &created)?;
        Ok(Image {
            tag: parts.source.version.clone(),
            blobs: blobs.0,
            manifest,
            sbom,
            sbom_blobs: sbom_blobs.0,
        })
    }

    /// The digest of the image's manifest.
    pub(super) fn digest(&self) -> Digest {
        self.manifest.descriptor.digest
    }
}

#[derive(Default)]
struct Blobs(BTreeMap<Digest, Vec<u8>>);

impl Blobs {
    fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Result<Descriptor> {
        let (digest, size) = (Digest::sha256(&bytes), bytes.len() as u64);
        self.0.insert(digest, bytes);
        Ok(Descriptor::new(
            media_type.parse::<MediaType>()?,
            digest,
            size,
        ))
    }
}

impl Manifest {
    fn new(manifest: &ImageManifest) -> Result<Manifest> {
        let bytes = serde_json::to_vec(manifest)?;
        let (digest, size) = (Digest::sha256(&bytes), bytes.len() as u64);
        let descriptor = Descriptor::new(MediaType::oci_manifest(), digest, size);
        Ok(Manifest { bytes, descriptor })
    }
}

/// The manifest of a bill of materials that belongs to an image.
fn refer(
    blobs: &mut Blobs,
    sbom: Descriptor,
    subject: &Descriptor,
    created: &str,
) -> Result<Manifest> {
    let empty = Descriptor::empty();
    blobs.0.insert(empty.digest, b"{}".to_vec());
    let mut manifest = ImageManifest::new(empty, vec![sbom]);
    manifest.artifact_type = Some(sbom::MEDIA_TYPE.to_owned());
    manifest.subject = Some(subject.clone());
    let key = "org.opencontainers.image.created".to_owned();
    manifest.annotations = Annotations::from([(key, created.to_owned())]);
    let mut made = Manifest::new(&manifest)?;
    made.descriptor.artifact_type = manifest.artifact_type;
    Ok(made)
}

fn labels(source: &Source, created: &str) -> Annotations {
    let labels = [
        ("title", "oci-server"),
        ("description", "An OCI registry in one binary"),
        ("licenses", "Apache-2.0"),
        ("vendor", "The oci-server authors"),
        ("version", &source.version),
        ("revision", &source.commit),
        ("created", created),
    ];
    let key = |name: &str| format!("org.opencontainers.image.{name}");
    labels
        .iter()
        .map(|(name, value)| (key(name), (*value).to_owned()))
        .collect()
}

fn config(layers: &[Layer], created: &str, labels: &Annotations) -> Result<Value> {
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id).collect();
    let history: Vec<_> = layers
        .iter()
        .map(|layer| json!({ "created": created, "created_by": "cargo xtask release", "comment": layer.purpose }))
        .collect();
    Ok(json!({
        "created": created,
        "architecture": architecture()?,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Env": [
                "PATH=/usr/bin",
                format!("OCI_SERVER_CONFIG={CONFIG}"),
            ],
            "Entrypoint": [PROGRAM],
            "WorkingDir": STATE,
            "ExposedPorts": { "5000/tcp": {} },
            "Volumes": { STATE: {} },
            "StopSignal": "SIGTERM",
            "Labels": labels,
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    }))
}

/// The processor's name in images.
///
/// # Errors
/// When it has none that is known here.
pub(super) fn architecture() -> Result<&'static str> {
    Ok(match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("the name of {other} in images is not known here"),
    })
}
