//! Content for checks to push: blobs, image manifests, indexes.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256, Sha512};

/// The media type of OCI image manifests.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of OCI image indexes.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of OCI image configurations.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of a plain layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// The media type of the empty JSON object.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The media type of Docker's image manifests.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The media type of Docker's manifest lists.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The media type of bytes of no known kind.
pub const OCTETS: &str = "application/octet-stream";

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 digest, `sha256:…`.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// The SHA-512 digest, `sha512:…`.
pub fn sha512_of(bytes: &[u8]) -> String {
    format!("sha512:{}", hex(&Sha512::digest(bytes)))
}

/// Bytes and their digest.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The content.
    pub bytes: Bytes,
    /// The digest it is addressed by.
    pub digest: String,
}

impl Blob {
    /// A blob addressed by SHA-256.
    pub fn of(bytes: impl Into<Bytes>) -> Blob {
        let bytes = bytes.into();
        let digest = digest_of(&bytes);
        Blob { bytes, digest }
    }

    /// The same content addressed by SHA-512.
    #[must_use]
    pub fn sha512(self) -> Blob {
        let digest = sha512_of(&self.bytes);
        Blob { digest, ..self }
    }

    /// A descriptor of this blob.
    pub fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": self.digest, "size": self.bytes.len()})
    }
}

/// A manifest, ready to be pushed.
#[derive(Clone, Debug)]
pub struct Document {
    /// What goes into `Content-Type`.
    pub media_type: String,
    /// The exact bytes.
    pub bytes: Bytes,
    /// The digest it is addressed by.
    pub digest: String,
}

impl Document {
    /// A document of any bytes.
    pub fn raw(media_type: &str, bytes: impl Into<Bytes>) -> Document {
        let Blob { bytes, digest } = Blob::of(bytes);
        Document {
            media_type: media_type.to_owned(),
            bytes,
            digest,
        }
    }

    /// The same document addressed by SHA-512.
    #[must_use]
    pub fn sha512(self) -> Document {
        let digest = sha512_of(&self.bytes);
        Document { digest, ..self }
    }

    /// A descriptor of this manifest.
    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len()})
    }
}

/// A manifest under construction.
#[derive(Clone, Debug)]
pub struct Draft {
    media_type: String,
    fields: Map<String, Value>,
}

impl Draft {
    /// An OCI image manifest.
    pub fn image(config: Value, layers: Vec<Value>) -> Draft {
        Draft::new(MANIFEST)
            .with("config", config)
            .with("layers", layers.into())
    }

    /// An OCI image index.
    pub fn index(children: Vec<Value>) -> Draft {
        Draft::new(INDEX).with("manifests", children.into())
    }

    /// Only `schemaVersion` and `mediaType`.
    pub fn new(media_type: &str) -> Draft {
        let draft = Draft {
            media_type: media_type.to_owned(),
            fields: Map::new(),
        };
        draft
            .with("schemaVersion", 2.into())
            .with("mediaType", media_type.into())
    }

    /// Sets a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Draft {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// Removes a field.
    #[must_use]
    pub fn without(mut self, name: &str) -> Draft {
        self.fields.remove(name);
        self
    }

    /// Sets an annotation.
    #[must_use]
    pub fn annotated(mut self, key: &str, value: &str) -> Draft {
        let annotations = self
            .fields
            .entry("annotations")
            .or_insert_with(|| json!({}));
        annotations[key] = value.into();
        self
    }

    /// Sets the subject.
    #[must_use]
    pub fn about(self, subject: &Document) -> Draft {
        self.with("subject", subject.descriptor())
    }

    /// The finished manifest.
    pub fn build(self) -> Document {
        Document::raw(&self.media_type, Value::Object(self.fields).to_string())
    }
}

/// Makes content that no other check and no other run makes.
#[derive(Debug)]
pub struct Uniques {
    seed: u64,
    counter: AtomicU64,
}

impl Uniques {
    /// A source whose output is determined by `seed`.
    pub fn new(seed: u64) -> Uniques {
        Uniques {
            seed,
            counter: AtomicU64::new(0),
        }
    }

    /// Bytes that look random.
    pub fn bytes(&self, length: usize) -> Vec<u8> {
        let turn = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut state = self.seed ^ mix(turn.wrapping_add(1));
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            bytes.extend_from_slice(&mix(state).to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// A short word of hexadecimal digits.
    pub fn word(&self) -> String {
        hex(&self.bytes(6))
    }
}

/// The finaliser of the SplitMix64 generator.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_match_published_values() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest_of(b""), empty);
        assert!(sha512_of(b"abc").starts_with("sha512:ddaf35a193617abacc417349ae204131"));
    }

    #[test]
    fn content_is_unique_and_repeatable() {
        let (a, b) = (Uniques::new(1), Uniques::new(1));
        let first = a.bytes(1000);
        assert_eq!(first, b.bytes(1000));
        assert_ne!(first, a.bytes(1000));
        assert_ne!(Uniques::new(2).bytes(1000), first);
        assert_eq!(first.len(), 1000);
    }

    #[test]
    fn drafts_become_documents_with_their_digest() {
        let config = Blob::of("{}");
        let image = Draft::image(config.descriptor(EMPTY), vec![])
            .annotated("a", "b")
            .build();
        let value: Value = serde_json::from_slice(&image.bytes).unwrap();
        assert_eq!(value["annotations"]["a"], "b");
        assert_eq!(value["layers"], json!([]));
        assert_eq!(image.digest, digest_of(&image.bytes));
        let bare = Draft::index(vec![])
            .without("mediaType")
            .about(&image)
            .build();
        let value: Value = serde_json::from_slice(&bare.bytes).unwrap();
        assert_eq!(value["subject"]["digest"], image.digest.as_str());
        assert!(value.get("mediaType").is_none());
    }
}
