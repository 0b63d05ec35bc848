//! Why a manifest is refused.

use crate::media_type::{DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::{Descriptor, DigestError, MediaType, MediaTypeError};

/// Why bytes are no manifest that a registry takes. Paths have the form
/// `layers[3].digest`; all foreign text is escaped and bounded.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are no UTF-8.
    #[error("the manifest is not UTF-8: invalid byte at offset {offset}")]
    NotUtf8 {
        /// Where the first invalid sequence starts, in bytes from 0.
        offset: usize,
    },
    /// The text is no JSON document, or has something after it.
    #[error("the manifest is not valid JSON: {source}")]
    Json {
        /// What the JSON parser says, with line and column.
        source: serde_json::Error,
    },
    /// Objects and lists are nested deeper than any manifest needs.
    #[error("the manifest is nested deeper than {limit} levels")]
    TooDeep {
        /// The deepest nesting that is read.
        limit: usize,
    },
    /// It is JSON, but no object.
    #[error("the manifest must be a JSON object")]
    NotAnObject,
    /// A member occurs twice.
    #[error("\"{path}\" occurs twice: readers disagree about which one counts")]
    DuplicateMember {
        /// The path of the member.
        path: String,
    },
    /// A member has the name of a known one but for case.
    #[error("\"{path}\" must be spelled \"{known}\": some readers ignore case, others do not")]
    MisspelledMember {
        /// The path of the member, as spelled.
        path: String,
        /// The name as it is known.
        known: &'static str,
    },
    /// A known member is missing or malformed.
    #[error("{path}: {problem}")]
    Field {
        /// The path of the member.
        path: String,
        /// What is wrong with it.
        problem: FieldError,
    },
    /// The document could be read as an image manifest and as an index.
    #[error(
        "the manifest has both \"manifests\" and \"{beside}\": \
         it could be read as an index and as an image manifest"
    )]
    Ambiguous {
        /// The member that stands beside `manifests`.
        beside: &'static str,
    },
    /// A member that documents of this media type do not have.
    #[error("a manifest of type {media_type} must not have \"{member}\"")]
    UnexpectedMember {
        /// The media type of the manifest.
        media_type: MediaType,
        /// The member.
        member: &'static str,
    },
    /// `schemaVersion` is there and not 2.
    #[error("schemaVersion must be 2, not {found}")]
    SchemaVersion {
        /// What it is.
        found: String,
    },
    /// A Docker manifest of schema 1.
    #[error(
        "Docker manifests of schema 1 are not supported: \
         push the image again with a current client, as {DOCKER_MANIFEST} or {OCI_MANIFEST}"
    )]
    DockerSchema1,
    /// Neither the request nor the document says what it is.
    #[error(
        "the manifest has no \"mediaType\" and the request does not say what it is: \
         send it with Content-Type: {suggestion}"
    )]
    UnknownType {
        /// The content type that its members suggest.
        suggestion: &'static str,
    },
    /// The document declares a media type that is no known manifest's, and the
    /// request does not confirm it.
    #[error(
        "the manifest declares the type {declared}, which this registry knows no manifest of: \
         to push it all the same, send it with Content-Type: {declared}"
    )]
    UnconfirmedType {
        /// The document's `mediaType`.
        declared: MediaType,
    },
    /// The request and the document contradict each other.
    #[error(
        "the manifest declares the type {declared}, but was sent with \
         Content-Type: {content_type}; both must be the same"
    )]
    TypeMismatch {
        /// The request's content type.
        content_type: MediaType,
        /// The document's `mediaType`.
        declared: MediaType,
    },
}

impl ManifestError {
    /// The content type to suggest for a document without one.
    pub(super) const fn unknown_type(is_index: bool) -> Self {
        let suggestion = if is_index { OCI_INDEX } else { OCI_MANIFEST };
        ManifestError::UnknownType { suggestion }
    }
}

/// What is wrong with a known member of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is required and missing, or `null`.
    #[error("is required")]
    Missing,
    /// It has another type.
    #[error("must be {expected}")]
    WrongType {
        /// The type it must have, with its article.
        expected: &'static str,
    },
    /// It is no size.
    #[error("must be a whole number of bytes from 0 to {}", Descriptor::MAX_SIZE)]
    Size,
    /// It is no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It is no media type.
    #[error(transparent)]
    MediaType(#[from] MediaTypeError),
}
