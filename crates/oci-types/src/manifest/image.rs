//! The image manifest, for programs that write or read one. A registry judges
//! what is pushed with [`Manifest::parse`](super::Manifest::parse) instead.

use serde::{Deserialize, Serialize};

use crate::descriptor::{null_as_empty, null_as_no_annotations};
use crate::{Annotations, Descriptor, MediaType};

/// An image manifest (image specification: "Image Manifest"), or a Docker one
/// of schema 2. Unknown members are ignored when reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u32,
    /// The media type of the manifest itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The type of the artifact, where the manifest is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, in order.
    #[serde(deserialize_with = "null_as_empty")]
    pub layers: Vec<Descriptor>,
    /// The manifest that this one refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Further facts about the image.
    #[serde(
        default,
        deserialize_with = "null_as_no_annotations",
        skip_serializing_if = "Annotations::is_empty"
    )]
    pub annotations: Annotations,
}

impl ImageManifest {
    /// An OCI image manifest without subject and annotations.
    #[must_use]
    pub const fn new(config: Descriptor, layers: Vec<Descriptor>) -> ImageManifest {
        ImageManifest {
            schema_version: 2,
            media_type: Some(MediaType::oci_manifest()),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: Annotations::new(),
        }
    }
}
