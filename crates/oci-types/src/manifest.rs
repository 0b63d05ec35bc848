//! Manifests: what a registry needs to know of one, read once from its bytes.
//!
//! [`Manifest::parse`] judges a document as it arrives: it refuses what two
//! readers could understand differently, and keeps nothing of what it does not
//! know, because the registry keeps the bytes. [`ImageManifest`] and
//! [`ImageIndex`] are for programs that write or read manifests themselves.

use crate::{Annotations, Descriptor, Digest, MediaKind, MediaType};

mod error;
mod fields;
mod image;
mod index;
mod json;
mod read;

pub use error::{FieldError, ManifestError};
pub use image::ImageManifest;
pub use index::ImageIndex;

/// What a manifest is, as its media type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// An image manifest: OCI, or Docker schema 2.
    Image,
    /// An image index: OCI, or a Docker manifest list.
    Index,
    /// The withdrawn OCI artifact manifest.
    Artifact,
    /// Any other JSON object.
    Other,
}

/// What a manifest refers to and says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What it is.
    pub kind: ManifestKind,
    /// The media type to store and to serve it with.
    pub media_type: MediaType,
    /// The configuration; always there in an image manifest.
    pub config: Option<Descriptor>,
    /// The layers, or the blobs of an artifact manifest, in order.
    pub layers: Vec<Descriptor>,
    /// The children of an index, in order.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one refers to, which may not exist.
    pub subject: Option<Descriptor>,
    /// The artifact type as declared; see
    /// [`effective_artifact_type`](Self::effective_artifact_type).
    pub artifact_type: Option<String>,
    /// The annotations of the manifest itself.
    pub annotations: Annotations,
}

impl Manifest {
    /// Reads a manifest as it is pushed.
    ///
    /// `content_type` is the request's; without one, and for
    /// `application/octet-stream` and `application/json`, the document's own
    /// `mediaType` decides and must be that of a known manifest.
    ///
    /// A document is refused that readers could understand differently:
    /// `manifests` beside `config` or `layers` (CVE-2021-41190), a `mediaType`
    /// other than the content type, a member that occurs twice or that equals
    /// a known one but for case. Image manifests need `config` and `layers`,
    /// indexes need `manifests`; a list that is `null` is empty, as encoders
    /// without empty lists write it. A `schemaVersion`, if there, must be 2.
    ///
    /// Other media types are read by structure: each object with a `digest`
    /// that stands where an image manifest, index or artifact manifest has a
    /// descriptor must be a valid one; everything else is left alone.
    ///
    /// Time and memory are linear in the length of the document.
    ///
    /// # Errors
    /// [`ManifestError`], with the path of the member that is at fault.
    pub fn parse(
        content_type: Option<&MediaType>,
        bytes: &[u8],
    ) -> Result<Manifest, ManifestError> {
        read::manifest(content_type, bytes)
    }

    /// The blobs that it refers to: configuration, then layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers)
    }

    /// The artifact type that the referrers list shows and filters by
    /// (specification: "Listing Referrers"): the declared one unless it is
    /// empty; for an image manifest without one, the media type of its
    /// configuration.
    #[must_use]
    pub fn effective_artifact_type(&self) -> Option<&str> {
        let declared = self.artifact_type.as_deref().filter(|at| !at.is_empty());
        let config = match self.kind {
            ManifestKind::Image => self.config.as_ref(),
            ManifestKind::Index | ManifestKind::Artifact | ManifestKind::Other => None,
        };
        declared.or_else(|| config.map(|config| config.media_type.as_str()))
    }

    /// The descriptor under which the referrers list shows this manifest
    /// (specification: "Listing Referrers"); `size` is in bytes.
    #[must_use]
    pub fn referrer_descriptor(&self, digest: Digest, size: u64) -> Descriptor {
        let annotations = Some(&self.annotations).filter(|map| !map.is_empty());
        Descriptor {
            artifact_type: self.effective_artifact_type().map(str::to_owned),
            annotations: annotations.cloned(),
            ..Descriptor::new(self.media_type.clone(), digest, size)
        }
    }
}

impl ManifestKind {
    /// What a manifest of `media_type` is; none for Docker's schema 1.
    fn of(media_type: &MediaType) -> Option<ManifestKind> {
        match media_type.kind() {
            MediaKind::ImageManifest => Some(ManifestKind::Image),
            MediaKind::ImageIndex => Some(ManifestKind::Index),
            MediaKind::ArtifactManifest => Some(ManifestKind::Artifact),
            MediaKind::DockerSchema1 => None,
            MediaKind::Config
            | MediaKind::Layer
            | MediaKind::NonDistributableLayer
            | MediaKind::Empty
            | MediaKind::Generic
            | MediaKind::Other => Some(ManifestKind::Other),
        }
    }
}
