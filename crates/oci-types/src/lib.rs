//! The vocabulary of the [OCI Distribution Specification]: digests, repository
//! names, tags, references, media types, descriptors, manifests, errors,
//! ranges and pages.
//!
//! Every type is made from text by parsing it ([`FromStr`], [`TryFrom`] or
//! serde) and prints back as the same text; a value that exists is valid.
//! Parsing is total: it returns a typed error with a sentence fit for a user,
//! and never panics, whatever the input.
//!
//! This crate does no I/O and knows neither async nor HTTP.
//!
//! [OCI Distribution Specification]: https://github.com/opencontainers/distribution-spec
//! [`FromStr`]: std::str::FromStr

mod text;

pub mod descriptor;
pub mod digest;
pub mod error;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod page;
pub mod range;
pub mod reference;
pub mod tag;

pub use descriptor::{Annotations, Descriptor, Platform};
pub use digest::{
    Algorithm, Digest, DigestError, HashState, HashStateError, Hasher, Hex, Mismatch, Verifier,
};
pub use error::{ErrorCode, ErrorEnvelope, ErrorInfo, UnknownErrorCode};
pub use manifest::{FieldError, ImageIndex, ImageManifest, Manifest, ManifestError, ManifestKind};
pub use media_type::{MediaKind, MediaType, MediaTypeError};
pub use name::{NameError, RepositoryName};
pub use page::{Link, LinkError, PageError, PageQuery, PercentError};
pub use range::{
    ByteRange, ContentRange, ContentRangeError, RangeError, Unsatisfiable, UploadRange,
    UploadRangeError, content_range_header, unsatisfied_range_header,
};
pub use reference::{Reference, ReferenceError};
pub use tag::{Tag, TagError};
