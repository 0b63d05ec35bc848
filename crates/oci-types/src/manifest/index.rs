//! The image index, for programs that write or read one, and for the answer of
//! the referrers API.

use serde::{Deserialize, Serialize};

use crate::descriptor::{null_as_empty, null_as_no_annotations};
use crate::{Annotations, Descriptor, MediaType};

/// An image index (image specification: "Image Index"), or a Docker manifest
/// list. Unknown members are ignored when reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// Always 2.
    pub schema_version: u32,
    /// The media type of the index itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The type of the artifact, where the index is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests, in order.
    #[serde(deserialize_with = "null_as_empty")]
    pub manifests: Vec<Descriptor>,
    /// The manifest that this index refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Further facts about the index.
    #[serde(
        default,
        deserialize_with = "null_as_no_annotations",
        skip_serializing_if = "Annotations::is_empty"
    )]
    pub annotations: Annotations,
}

impl ImageIndex {
    /// An OCI image index without subject and annotations.
    #[must_use]
    pub const fn new(manifests: Vec<Descriptor>) -> ImageIndex {
        ImageIndex {
            schema_version: 2,
            media_type: Some(MediaType::oci_index()),
            artifact_type: None,
            manifests,
            subject: None,
            annotations: Annotations::new(),
        }
    }

    /// An OCI image index of nothing: what the referrers API answers where
    /// there are none.
    #[must_use]
    pub const fn empty() -> ImageIndex {
        ImageIndex::new(Vec::new())
    }
}
