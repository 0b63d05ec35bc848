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
//! ```
//! use oci_types::{Digest, Manifest, MediaType, Reference, RepositoryName};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let name: RepositoryName = "library/alpine".parse()?;
//! let reference: Reference = "3.22".parse()?;
//! assert_eq!(format!("{name}:{reference}"), "library/alpine:3.22");
//!
//! let error = "library/Alpine".parse::<RepositoryName>().unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "character 'A' at byte 8 of the repository name: \
//!      only a-z, 0-9, '.', '_', '-' and '/' are allowed"
//! );
//!
//! let body = br#"{"schemaVersion":2,"manifests":[]}"#;
//! let manifest = Manifest::parse(Some(&MediaType::oci_index()), body)?;
//! assert!(manifest.manifests.is_empty());
//! println!("{}", Digest::sha256(body));
//! # Ok(())
//! # }
//! ```
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

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
