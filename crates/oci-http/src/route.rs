//! Which endpoint a path names, with the names in it already parsed.
//!
//! A repository name contains slashes and may contain the words of the API (`a/manifests/b`,
//! `tags/list`), so the path is cut from the right: the last two or three segments decide, and
//! what stands before them is the name. It does not look at the method or the query.

use std::borrow::Cow;

use oci_registry::UploadId;
use oci_types::{
    Digest, DigestError, NameError, Reference, ReferenceError, RepositoryName, TagError,
};

use crate::Verb;
use crate::percent::decode;

/// An endpoint of the API (specification: "Endpoints").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/` (end-1).
    Base,
    /// `/v2/_catalog`.
    Catalog,
    /// `/v2/<name>/blobs/<digest>` (end-2, end-10).
    Blob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// `/v2/<name>/manifests/<tag-or-digest>` (end-3, end-7, end-9).
    Manifest {
        /// The repository.
        name: RepositoryName,
        /// The manifest.
        reference: Reference,
    },
    /// `/v2/<name>/blobs/uploads/` (end-4, end-11).
    Uploads {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/<name>/blobs/uploads/<id>` (end-5, end-6, end-13, end-14).
    Upload {
        /// The repository.
        name: RepositoryName,
        /// The session.
        id: UploadId,
    },
    /// `/v2/<name>/tags/list` (end-8).
    Tags {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/<name>/referrers/<digest>` (end-12).
    Referrers {
        /// The repository.
        name: RepositoryName,
        /// The subject.
        digest: Digest,
    },
}

impl Route {
    /// Reads the path of a request, as it was sent: not decoded, without the query.
    ///
    /// With and without one trailing slash are the same. Percent-encoding is decoded once, a
    /// segment at a time, so that an encoded slash never separates anything.
    ///
    /// # Errors
    /// [`RouteError`] says which part of the path is wrong.
    pub fn parse(path: &str) -> Result<Self, RouteError> {
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Self::Base),
            Some(rest) => rest.strip_prefix('/').ok_or(RouteError::Unknown)?,
            None => return Err(RouteError::Unknown),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (before, last) = cut(rest);
        let last = decode(last);
        match before {
            None if last == "_catalog" => Ok(Self::Catalog),
            None => Err(RouteError::Unknown),
            Some(before) => Self::parse_repository(before, &last),
        }
    }

    /// Reads what stands below a repository: `before` ends with the word that decides, or with
    /// the one before it.
    fn parse_repository(before: &str, last: &str) -> Result<Self, RouteError> {
        let (name, word) = cut_word(before);
        match &*word {
            "manifests" => {
                let name = repository(RouteName::Manifest, name)?;
                let reference = last
                    .parse()
                    .map_err(|error| RouteError::Reference { error })?;
                Ok(Self::Manifest { name, reference })
            }
            "tags" if last == "list" => Ok(Self::Tags {
                name: repository(RouteName::Tags, name)?,
            }),
            "referrers" => {
                let route = RouteName::Referrers;
                let name = repository(route, name)?;
                let digest = digest(route, last)?;
                Ok(Self::Referrers { name, digest })
            }
            "blobs" if last == "uploads" => Ok(Self::Uploads {
                name: repository(RouteName::Uploads, name)?,
            }),
            "blobs" => {
                let route = RouteName::Blob;
                let name = repository(route, name)?;
                let digest = digest(route, last)?;
                Ok(Self::Blob { name, digest })
            }
            "uploads" => Self::parse_upload(name, last),
            _ => Err(RouteError::Unknown),
        }
    }

    fn parse_upload(before: Option<&str>, last: &str) -> Result<Self, RouteError> {
        let (name, word) = cut_word(before.ok_or(RouteError::Unknown)?);
        if word != "blobs" {
            return Err(RouteError::Unknown);
        }
        let name = repository(RouteName::Upload, name)?;
        let id = last.parse().map_err(|_| RouteError::UploadId)?;
        Ok(Self::Upload { name, id })
    }

    /// The repository that it is about, where it is about one.
    #[must_use]
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Blob { name, .. }
            | Self::Manifest { name, .. }
            | Self::Uploads { name }
            | Self::Upload { name, .. }
            | Self::Tags { name }
            | Self::Referrers { name, .. } => Some(name),
        }
    }

    /// Which endpoint it is, without the names in it.
    #[must_use]
    pub fn name(&self) -> RouteName {
        match self {
            Self::Base => RouteName::Base,
            Self::Catalog => RouteName::Catalog,
            Self::Blob { .. } => RouteName::Blob,
            Self::Manifest { .. } => RouteName::Manifest,
            Self::Uploads { .. } => RouteName::Uploads,
            Self::Upload { .. } => RouteName::Upload,
            Self::Tags { .. } => RouteName::Tags,
            Self::Referrers { .. } => RouteName::Referrers,
        }
    }
}

/// Splits off the last segment; nothing stands before the only one.
fn cut(path: &str) -> (Option<&str>, &str) {
    match path.rsplit_once('/') {
        Some((before, last)) => (Some(before), last),
        None => (None, path),
    }
}

fn cut_word(path: &str) -> (Option<&str>, Cow<'_, str>) {
    let (before, word) = cut(path);
    (before, decode(word))
}

fn repository(route: RouteName, text: Option<&str>) -> Result<RepositoryName, RouteError> {
    let text = text.unwrap_or_default();
    let name = decode(text);
    // The grammar would take a decoded slash for one that separates components.
    if name.matches('/').count() != text.matches('/').count() {
        return Err(RouteError::EncodedSlash { route });
    }
    name.parse()
        .map_err(|error| RouteError::Name { route, error })
}

fn digest(route: RouteName, text: &str) -> Result<Digest, RouteError> {
    text.parse()
        .map_err(|error| RouteError::Digest { route, error })
}

/// Why a path names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The API has no path of this shape.
    #[error("the API has no such path: see the endpoints of the OCI Distribution Specification")]
    Unknown,
    /// The repository's name contains `%2F`.
    #[error("a repository name must not contain an encoded slash (%2F)")]
    EncodedSlash {
        /// The endpoint.
        route: RouteName,
    },
    /// The repository's name is malformed.
    #[error("{error}")]
    Name {
        /// The endpoint.
        route: RouteName,
        /// What is wrong with it.
        error: NameError,
    },
    /// The manifest's tag or digest is malformed.
    #[error("{error}")]
    Reference {
        /// What is wrong with it.
        error: ReferenceError,
    },
    /// The digest is malformed.
    #[error("{error}")]
    Digest {
        /// The endpoint.
        route: RouteName,
        /// What is wrong with it.
        error: DigestError,
    },
    /// The upload session's name is malformed.
    #[error("no such upload: use the Location of the answer that opened it")]
    UploadId,
}

impl RouteError {
    /// The endpoint that the path has the shape of.
    #[must_use]
    pub fn name(&self) -> RouteName {
        match self {
            Self::Unknown => RouteName::Unknown,
            Self::EncodedSlash { route }
            | Self::Name { route, .. }
            | Self::Digest { route, .. } => *route,
            Self::Reference { .. } => RouteName::Manifest,
            Self::UploadId => RouteName::Upload,
        }
    }

    /// The error of the tag, where it is the tag that is malformed.
    pub(crate) fn tag(&self) -> Option<&TagError> {
        match self {
            Self::Reference {
                error: ReferenceError::Tag(error),
            } => Some(error),
            _ => None,
        }
    }

    /// The error of the digest, where it is the digest that is malformed.
    pub(crate) fn digest(&self) -> Option<&DigestError> {
        match self {
            Self::Digest { error, .. }
            | Self::Reference {
                error: ReferenceError::Digest(error),
            } => Some(error),
            _ => None,
        }
    }
}

/// An endpoint without the names in its path: a label of few values, fit for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteName {
    /// [`Route::Base`].
    Base,
    /// [`Route::Catalog`].
    Catalog,
    /// [`Route::Blob`].
    Blob,
    /// [`Route::Manifest`].
    Manifest,
    /// [`Route::Uploads`].
    Uploads,
    /// [`Route::Upload`].
    Upload,
    /// [`Route::Tags`].
    Tags,
    /// [`Route::Referrers`].
    Referrers,
    /// No endpoint.
    Unknown,
}

impl RouteName {
    /// Every endpoint, and [`Unknown`](Self::Unknown).
    pub const ALL: [Self; 9] = [
        Self::Base,
        Self::Catalog,
        Self::Blob,
        Self::Manifest,
        Self::Uploads,
        Self::Upload,
        Self::Tags,
        Self::Referrers,
        Self::Unknown,
    ];

    /// The label: a lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Catalog => "catalog",
            Self::Blob => "blob",
            Self::Manifest => "manifest",
            Self::Uploads => "uploads",
            Self::Upload => "upload",
            Self::Tags => "tags",
            Self::Referrers => "referrers",
            Self::Unknown => "unknown",
        }
    }

    /// The methods that the endpoint answers, `OPTIONS` aside.
    #[must_use]
    pub const fn verbs(self) -> &'static [Verb] {
        match self {
            Self::Base | Self::Catalog | Self::Tags | Self::Referrers => &[Verb::Get, Verb::Head],
            Self::Blob => &[Verb::Get, Verb::Head, Verb::Delete],
            Self::Manifest => &[Verb::Get, Verb::Head, Verb::Put, Verb::Delete],
            Self::Uploads => &[Verb::Post],
            Self::Upload => &[Verb::Get, Verb::Head, Verb::Patch, Verb::Put, Verb::Delete],
            Self::Unknown => &[],
        }
    }
}

#[cfg(test)]
mod tests;
