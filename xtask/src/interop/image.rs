//! The images that clients push: small, large and for two platforms, made here so that nothing is
//! fetched. Their content is noise, which no client can make smaller on the way.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use oci_types::{Algorithm, Digest, Hasher};
use serde_json::{Value, json};

use crate::Result;

/// The tag of an image in its own layout and archive.
pub(super) const TAG: &str = "1.0.0";
/// The name of an image in its archive.
pub(super) const ARCHIVE_NAME: &str = "localhost/xtask/image:1.0.0";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image or an index, as an OCI layout and as an archive.
#[derive(Debug)]
pub(super) struct Image {
    /// An OCI layout that holds this image alone, tagged.
    pub(super) layout: PathBuf,
    /// The same as `docker save` writes it; none for an index.
    pub(super) archive: Option<PathBuf>,
    pub(super) media_type: &'static str,
    pub(super) digest: String,
    /// What its layers hash to uncompressed; empty for an index.
    pub(super) diff_ids: Vec<String>,
    /// Bytes of its layers.
    pub(super) size: u64,
    /// The images of an index.
    pub(super) children: Vec<Image>,
}

/// All images.
#[derive(Debug)]
pub(super) struct Images {
    pub(super) small: Image,
    /// Large enough to be interrupted.
    pub(super) medium: Image,
    pub(super) large: Image,
    /// For this platform and another one.
    pub(super) index: Image,
}

impl Images {
    /// Makes the images below a folder; the large one's layer has so many bytes.
    pub(super) fn make(folder: &Path, large: u64) -> Result<Images> {
        let image = |name: &str, layers: &[u64]| {
            Maker::new(&folder.join(name))?.image(architecture(), layers)
        };
        Ok(Images {
            small: image("small", &[4 << 10, 1 << 20])?,
            medium: image("medium", &[2 << 20, 24 << 20])?,
            large: image("large", &[4 << 10, large])?,
            index: Maker::new(&folder.join("index"))?.index()?,
        })
    }
}

/// This machine's architecture, as images name it.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    }
}

fn other_architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "amd64"
    } else {
        "arm64"
    }
}

/// Writes one layout.
struct Maker {
    folder: PathBuf,
}

impl Maker {
    fn new(folder: &Path) -> Result<Maker> {
        let maker = Maker {
            folder: folder.to_owned(),
        };
        std::fs::create_dir_all(maker.blobs())?;
        Ok(maker)
    }

    fn layout(&self) -> PathBuf {
        self.folder.join("layout")
    }

    fn blobs(&self) -> PathBuf {
        self.layout().join("blobs/sha256")
    }

    fn image(&self, architecture: &str, sizes: &[u64]) -> Result<Image> {
        let mut layers = Vec::new();
        for (number, size) in sizes.iter().enumerate() {
            layers.push(self.layer(number, *size, architecture)?);
        }
        let diff_ids: Vec<_> = layers.iter().map(|layer| text(&layer["digest"])).collect();
        let config = json!({
            "created": "2024-01-01T00:00:00Z",
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/file-0"], "Labels": {"org.opencontainers.image.title": "xtask"}},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": diff_ids.iter().map(|_| json!({"created_by": "xtask"})).collect::<Vec<_>>(),
        });
        let config = self.blob(CONFIG, &serde_json::to_vec(&config)?)?;
        let archive = self.archive(&text(&config["digest"]), &diff_ids)?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        let root = self.blob(MANIFEST, &serde_json::to_vec(&manifest)?)?;
        self.finish(&root)?;
        Ok(Image {
            layout: self.layout(),
            archive: Some(archive),
            media_type: MANIFEST,
            digest: text(&root["digest"]),
            diff_ids,
            size: sizes.iter().sum(),
            children: Vec::new(),
        })
    }

    fn index(&self) -> Result<Image> {
        let mut children = Vec::new();
        let mut manifests = Vec::new();
        for architecture in [architecture(), other_architecture()] {
            let maker = Maker::new(&self.folder.join(architecture))?;
            let child = maker.image(architecture, &[8 << 10, 100 << 10])?;
            for blob in std::fs::read_dir(maker.blobs())? {
                let blob = blob?;
                std::fs::copy(blob.path(), self.blobs().join(blob.file_name()))?;
            }
            let size = std::fs::metadata(blob_path(&child.layout, &child.digest))?.len();
            manifests.push(json!({
                "mediaType": MANIFEST, "digest": child.digest, "size": size,
                "platform": {"architecture": architecture, "os": "linux"},
            }));
            children.push(child);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let root = self.blob(INDEX, &serde_json::to_vec(&index)?)?;
        self.finish(&root)?;
        Ok(Image {
            layout: self.layout(),
            archive: None,
            media_type: INDEX,
            digest: text(&root["digest"]),
            diff_ids: Vec::new(),
            size: children.iter().map(|child| child.size).sum(),
            children,
        })
    }

    /// A tar archive of one file of noise, as a blob; answers its descriptor.
    fn layer(&self, number: usize, size: u64, architecture: &str) -> Result<Value> {
        let unfinished = self.folder.join("layer");
        let mut out = Hashing::new(BufWriter::new(File::create(&unfinished)?));
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        let mut tar = tar::Builder::new(&mut out);
        let noise = Noise::new(size ^ (number as u64 + 1) << 40 ^ architecture.len() as u64);
        tar.append_data(&mut header, format!("file-{number}"), noise.take(size))?;
        tar.finish()?;
        drop(tar);
        out.flush()?;
        let (digest, size) = out.finish();
        std::fs::rename(unfinished, blob_path(&self.layout(), &digest))?;
        Ok(json!({"mediaType": LAYER, "digest": digest, "size": size}))
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Result<Value> {
        let digest = Digest::sha256(bytes).to_string();
        std::fs::write(blob_path(&self.layout(), &digest), bytes)?;
        Ok(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
    }

    fn finish(&self, root: &Value) -> Result<()> {
        let mut root = root.clone();
        root["annotations"] = json!({"org.opencontainers.image.ref.name": TAG});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [root]});
        std::fs::write(self.layout().join("index.json"), index.to_string())?;
        let version = json!({"imageLayoutVersion": "1.0.0"});
        std::fs::write(self.layout().join("oci-layout"), version.to_string())?;
        Ok(())
    }

    /// What `docker save` would write.
    fn archive(&self, config: &str, layers: &[String]) -> Result<PathBuf> {
        let path = self.folder.join("archive.tar");
        let mut tar = tar::Builder::new(BufWriter::new(File::create(&path)?));
        let config_name = format!("{}.json", hex(config));
        tar.append_path_with_name(blob_path(&self.layout(), config), &config_name)?;
        let mut names = Vec::new();
        for layer in layers {
            let name = format!("{}.tar", hex(layer));
            tar.append_path_with_name(blob_path(&self.layout(), layer), &name)?;
            names.push(name);
        }
        let list = json!([{"Config": config_name, "RepoTags": [ARCHIVE_NAME], "Layers": names}]);
        let list = serde_json::to_vec(&list)?;
        let mut header = tar::Header::new_ustar();
        header.set_size(list.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "manifest.json", list.as_slice())?;
        tar.into_inner()?.flush()?;
        Ok(path)
    }
}

/// A blob's file in a layout.
pub(super) fn blob_path(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs/sha256").join(hex(digest))
}

/// The digest of what a client put into a layout: its tagged root, or its only one.
///
/// # Errors
/// When there is none, or it cannot be told from others.
pub(super) fn layout_digest(layout: &Path) -> Result<String> {
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json"))?)?;
    let roots = index["manifests"].as_array().map_or(&[][..], Vec::as_slice);
    let is_tagged = |root: &&Value| root["annotations"]["org.opencontainers.image.ref.name"] == TAG;
    let mut digests: Vec<_> = roots.iter().filter(is_tagged).collect();
    if digests.is_empty() {
        digests = roots.iter().collect();
    }
    let digests: Vec<_> = digests.iter().map(|root| text(&root["digest"])).collect();
    match digests.as_slice() {
        [only] => Ok(only.clone()),
        several => anyhow::bail!("the layout has the roots {several:?}"),
    }
}

fn hex(digest: &str) -> &str {
    digest.split_once(':').map_or(digest, |(_, hex)| hex)
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Endless bytes that do not compress, the same for the same seed (xorshift64*).
struct Noise {
    state: u64,
}

impl Noise {
    fn new(seed: u64) -> Noise {
        Noise {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for chunk in buffer.chunks_mut(8) {
            self.state ^= self.state >> 12;
            self.state ^= self.state << 25;
            self.state ^= self.state >> 27;
            let word = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(buffer.len())
    }
}

/// Hashes and counts what is written through it.
pub(super) struct Hashing<W> {
    inner: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(inner: W) -> Hashing<W> {
        Hashing {
            inner,
            hasher: Hasher::new(Algorithm::Sha256),
            size: 0,
        }
    }

    /// The digest and the number of bytes.
    pub(super) fn finish(self) -> (String, u64) {
        (self.hasher.finish().to_string(), self.size)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
