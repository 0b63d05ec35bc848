//! Descriptors: how manifests refer to content.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Digest, MediaType};

/// Annotations: keys and values of any text, in the order of the keys.
pub type Annotations = BTreeMap<String, String>;

/// Refers to content by type, digest and size (image specification: "Content
/// Descriptors").
///
/// JSON as in the specification; unknown members are ignored when reading, and
/// so are absent optional ones when writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: MediaType,
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content in bytes, at most [`Self::MAX_SIZE`] when read.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// The type of the artifact, where the content is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Further facts about the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Where else the content can be fetched from.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub urls: Vec<String>,
    /// The content itself in base64, as written; not decoded or checked here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The platform that the content is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// The largest size that JSON readers of the image specification agree
    /// on, a signed 64-bit integer; in bytes.
    pub const MAX_SIZE: u64 = i64::MAX as u64;

    /// A descriptor with the three required members.
    #[must_use]
    pub const fn new(media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type,
            digest,
            size,
            artifact_type: None,
            annotations: None,
            urls: Vec::new(),
            data: None,
            platform: None,
        }
    }

    /// The descriptor of the empty JSON object `{}` (image specification:
    /// "Guidance for an Empty Descriptor"), with its content in `data`.
    #[must_use]
    pub fn empty() -> Descriptor {
        let content = b"{}";
        Descriptor {
            data: Some("e30=".to_owned()),
            ..Descriptor::new(
                MediaType::oci_empty(),
                Digest::sha256(content),
                content.len() as u64,
            )
        }
    }
}

/// What an image runs on (image specification: "Image Index", `platform`).
///
/// Text that a document leaves out reads as empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The processor architecture, such as `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// The operating system, such as `linux`.
    #[serde(default)]
    pub os: String,
    /// The version of the operating system.
    #[serde(
        rename = "os.version",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
    /// Features that the operating system must have.
    #[serde(
        rename = "os.features",
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
    /// The variant of the processor, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Reserved by the specification.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub features: Vec<String>,
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    if size > Descriptor::MAX_SIZE {
        let problem = format_args!("a size of {size} bytes is beyond a signed 64-bit integer");
        return Err(de::Error::custom(problem));
    }
    Ok(size)
}

/// Encoders that know no empty list write `null` for one.
pub(crate) fn null_as_empty<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Encoders that know no empty map write `null` for one.
pub(crate) fn null_as_no_annotations<'de, D>(deserializer: D) -> Result<Annotations, D::Error>
where
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
