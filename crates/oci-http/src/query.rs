//! Queries, one struct for each endpoint: what exists has been parsed.
//!
//! Unknown keys are ignored. A key that has one value may be repeated only with the same value:
//! of two different ones, none is what every reader on the way took.

use std::borrow::Cow;
use std::str::FromStr;

use oci_registry::Upstream;
use oci_types::{
    Algorithm, Digest, DigestError, PageError, PageQuery, RepositoryName, Tag, TagError,
};

use crate::percent::decode;

/// A query as it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawQuery<'a>(pub(crate) &'a str);

impl<'a> RawQuery<'a> {
    /// The values of `key`, decoded, in order.
    fn all(self, key: &'static str) -> impl Iterator<Item = Cow<'a, str>> {
        self.0
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .filter(move |(name, _)| *name == key || decode(name) == key)
            .map(|(_, value)| decode(value))
    }

    /// The one value of `key`.
    fn one(self, key: &'static str) -> Result<Option<Cow<'a, str>>, QueryError> {
        let mut values = self.all(key);
        let first = values.next();
        match (&first, values.find(|other| Some(other) != first.as_ref())) {
            (Some(_), Some(_)) => Err(QueryError::Repeated { key }),
            _ => Ok(first),
        }
    }

    fn digest(self, key: &'static str) -> Result<Option<Digest>, QueryError> {
        self.one(key)?
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| QueryError::Digest { key, error })
    }
}

/// The query of tags and of the catalog.
pub(crate) fn page(raw: RawQuery<'_>) -> Result<PageQuery, QueryError> {
    PageQuery::parse(raw.0).map_err(QueryError::Page)
}

/// The query of referrers; pages are this registry's own extension of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReferrersQuery {
    pub(crate) artifact_type: Option<String>,
    pub(crate) n: Option<u64>,
    pub(crate) last: Option<Digest>,
}

impl TryFrom<RawQuery<'_>> for ReferrersQuery {
    type Error = QueryError;

    fn try_from(raw: RawQuery<'_>) -> Result<Self, QueryError> {
        let artifact_type = raw.one("artifactType")?.filter(|text| !text.is_empty());
        Ok(Self {
            artifact_type: artifact_type.map(Cow::into_owned),
            n: page(raw)?.n,
            last: raw.digest("last")?,
        })
    }
}

/// The query that opens an upload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StartUploadQuery {
    pub(crate) mount: Option<Mount>,
    pub(crate) digest: Option<Digest>,
    pub(crate) algorithm: Option<Algorithm>,
}

/// A blob to be mounted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) digest: Digest,
    pub(crate) from: MountSource,
}

/// Where a client wants a blob mounted from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MountSource {
    /// Wherever it is.
    Anywhere,
    /// A repository.
    Repository(RepositoryName),
    /// What is no name of a repository, so that there is nothing to mount from: the client
    /// uploads, as for any other mount that cannot be done.
    Nowhere,
}

impl TryFrom<RawQuery<'_>> for StartUploadQuery {
    type Error = QueryError;

    fn try_from(raw: RawQuery<'_>) -> Result<Self, QueryError> {
        let mount = match raw.digest("mount")? {
            Some(digest) => Some(Mount {
                digest,
                from: match raw.one("from")?.as_deref() {
                    None | Some("") => MountSource::Anywhere,
                    Some(name) => name
                        .parse()
                        .map_or(MountSource::Nowhere, MountSource::Repository),
                },
            }),
            None => None,
        };
        let algorithm = raw
            .one("digest-algorithm")?
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| QueryError::Digest {
                key: "digest-algorithm",
                error,
            })?;
        Ok(Self {
            mount,
            digest: raw.digest("digest")?,
            algorithm,
        })
    }
}

/// The query that ends an upload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FinishUploadQuery {
    pub(crate) digest: Digest,
}

impl TryFrom<RawQuery<'_>> for FinishUploadQuery {
    type Error = QueryError;

    fn try_from(raw: RawQuery<'_>) -> Result<Self, QueryError> {
        let digest = raw.digest("digest")?.ok_or(QueryError::NoDigest)?;
        Ok(Self { digest })
    }
}

/// The query of a manifest push: further tags, each once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PushManifestQuery {
    pub(crate) tags: Vec<Tag>,
}

impl PushManifestQuery {
    /// Reads at most `limit` tags.
    pub(crate) fn parse(raw: RawQuery<'_>, limit: usize) -> Result<Self, QueryError> {
        let mut tags = Vec::new();
        for (count, text) in raw.all("tag").enumerate() {
            if count == limit {
                return Err(QueryError::TooManyTags { limit });
            }
            let tag = Tag::try_from(&*text).map_err(QueryError::Tag)?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(Self { tags })
    }
}

/// The upstream that `?ns=` names.
pub(crate) fn namespace(raw: RawQuery<'_>) -> Result<Option<Upstream>, QueryError> {
    raw.one("ns")?
        .map(|text| text.parse())
        .transpose()
        .map_err(QueryError::Namespace)
}

/// Why a query cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    /// A key that has one value was given several.
    #[error("the query gives {key} several values: give it one")]
    Repeated { key: &'static str },
    /// `n` is no number, or `last` is malformed.
    #[error("{0}")]
    Page(PageError),
    /// A digest or an algorithm is malformed or unsupported.
    #[error("{key}: {error}")]
    Digest {
        key: &'static str,
        error: DigestError,
    },
    /// The digest that ends an upload is absent.
    #[error("add ?digest=<digest> of the whole blob to the upload's URL to finish it")]
    NoDigest,
    /// A further tag is malformed.
    #[error("tag: {0}")]
    Tag(TagError),
    /// There are more further tags than one push may have.
    #[error("a push takes at most {limit} tags: push the others with another request")]
    TooManyTags { limit: usize },
    /// The namespace is no registry.
    #[error("ns: {0}")]
    Namespace(<Upstream as FromStr>::Err),
}

#[cfg(test)]
mod tests;
