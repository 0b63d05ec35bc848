//! The URLs that answers carry.
//!
//! They are absolute paths without scheme and host (RFC 9110 §10.2.2), so that they stay right
//! behind a proxy that ends TLS or goes by another name. A configured prefix stands before
//! them, for a registry that is mounted below a path.

use std::fmt::Display;

use oci_registry::{RepoKey, UploadId};
use oci_types::{Digest, Link};

/// The URLs of one repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Urls<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) repo: &'a RepoKey,
}

impl Urls<'_> {
    /// A blob.
    pub(crate) fn blob(&self, digest: &Digest) -> String {
        self.scoped(self.path(format_args!("blobs/{digest}")))
    }

    /// A manifest.
    pub(crate) fn manifest(&self, digest: &Digest) -> String {
        self.scoped(self.path(format_args!("manifests/{digest}")))
    }

    /// An upload session: the same as long as it lives.
    pub(crate) fn upload(&self, id: UploadId) -> String {
        self.scoped(self.path(format_args!("blobs/uploads/{id}")))
    }

    /// The next page of the list `below` the repository.
    pub(crate) fn next(&self, below: impl Display, query: &[(&str, &str)]) -> Link {
        let mut query = query.to_vec();
        if let Some(upstream) = &self.repo.upstream {
            query.push(("ns", upstream.as_str()));
        }
        Link::next(&self.path(below), &query)
    }

    fn path(&self, below: impl Display) -> String {
        format!("{}/v2/{}/{below}", self.prefix, self.repo.name)
    }

    /// A host and port need no encoding in a query.
    fn scoped(&self, path: String) -> String {
        match &self.repo.upstream {
            Some(upstream) => format!("{path}?ns={upstream}"),
            None => path,
        }
    }
}
