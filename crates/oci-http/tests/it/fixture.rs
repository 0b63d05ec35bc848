//! A registry in memory with content in it, and the router over it.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use futures_util::stream;
use oci_http::RegistryRouter;
use oci_registry::testing::{anonymous, memory_registry};
use oci_registry::{Chunk, LocalRegistry, ManifestPush, Push, RepoKey, TagGuard, UploadId};
use oci_types::{Digest, Reference};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const IMMUTABLE: &str = "private, max-age=31536000, immutable";
pub(crate) const REVALIDATE: &str = "private, no-cache";

/// A registry and its router.
pub(crate) struct World {
    pub(crate) registry: Arc<LocalRegistry>,
    pub(crate) app: Router,
}

/// An empty registry, served with the defaults.
pub(crate) fn world() -> World {
    world_with(|router| router)
}

/// An empty registry, served with options.
pub(crate) fn world_with(options: impl FnOnce(RegistryRouter) -> RegistryRouter) -> World {
    let registry = memory_registry();
    let app = options(RegistryRouter::new(registry.clone())).into_router();
    World { registry, app }
}

pub(crate) fn repo(name: &str) -> RepoKey {
    RepoKey::local(name.parse().expect("a repository name"))
}

/// A body that arrives in one piece.
pub(crate) fn chunk(bytes: &[u8]) -> Chunk {
    let bytes = Bytes::copy_from_slice(bytes);
    Chunk {
        range: None,
        length: Some(bytes.len() as u64),
        body: Box::pin(stream::iter([Ok(bytes)])),
    }
}

impl World {
    /// Puts a blob into a repository.
    pub(crate) async fn blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        self.registry
            .push_blob(&anonymous(), &repo(name), &digest, chunk(bytes))
            .await
            .expect("a blob is pushed");
        digest
    }

    /// Puts a manifest into a repository under a tag, or under its digest alone.
    pub(crate) async fn manifest(&self, name: &str, tag: Option<&str>, document: &str) -> Digest {
        let digest = Digest::sha256(document.as_bytes());
        let push = ManifestPush {
            reference: match tag {
                Some(tag) => Reference::Tag(tag.parse().expect("a tag")),
                None => Reference::Digest(digest),
            },
            tags: Vec::new(),
            content_type: Some(MANIFEST.parse().expect("a media type")),
            bytes: Bytes::copy_from_slice(document.as_bytes()),
            protect: TagGuard::none(),
        };
        self.registry
            .push_manifest(&anonymous(), &repo(name), push)
            .await
            .expect("a manifest is pushed");
        digest
    }

    /// Opens an upload session that has some bytes.
    pub(crate) async fn session(&self, name: &str, bytes: &[u8]) -> UploadId {
        let (ctx, repo) = (anonymous(), repo(name));
        let opened = self.registry.start_upload(&ctx, &repo, None).await;
        let id = opened.expect("a session is opened").id;
        if !bytes.is_empty() {
            let appended = self
                .registry
                .append_upload(&ctx, &repo, id, chunk(bytes))
                .await;
            appended.expect("a chunk is appended");
        }
        id
    }

    /// How many bytes a session has; `None` where there is none.
    pub(crate) async fn offset(&self, name: &str, id: UploadId) -> Option<u64> {
        let status = self
            .registry
            .upload_status(&anonymous(), &repo(name), id)
            .await;
        status.ok().map(|status| status.offset)
    }
}

/// An image manifest that differs from another by `mark`; what it refers to need not be there.
pub(crate) fn image(mark: &str) -> String {
    let config = Digest::sha256(b"{}");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}},"layers":[],"annotations":{{"mark":"{mark}"}}}}"#
    )
}

/// An image manifest about `subject`.
pub(crate) fn referrer(subject: &Digest, artifact_type: &str, mark: &str) -> String {
    let config = Digest::sha256(b"{}");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"{artifact_type}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}},"layers":[],"subject":{{"mediaType":"{MANIFEST}","digest":"{subject}","size":1}},"annotations":{{"mark":"{mark}"}}}}"#
    )
}
