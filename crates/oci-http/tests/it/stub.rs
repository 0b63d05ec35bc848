//! A registry that answers what it is told, and remembers what it was asked.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::StreamExt;
use oci_registry::{
    Blob, BlobInfo, BlobRead, Chunk, Ctx, Delete, List, ManifestDelete, ManifestPush,
    ManifestPushed, MountFrom, Page, PageRequest, Pull, Push, RegistryError, RepoKey, Scope,
    StoredManifest, TagDelete, UploadId, UploadStatus,
};
use oci_types::{Algorithm, ByteRange, Descriptor, Digest, Reference, RepositoryName, Tag};

type Fail = dyn Fn() -> RegistryError + Send + Sync;
type Read = dyn Fn() -> BlobRead + Send + Sync;

/// What an operation was called with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) ctx: Option<Ctx>,
    pub(crate) repo: Option<RepoKey>,
    pub(crate) scope: Option<Scope>,
    pub(crate) from: Option<MountFrom>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) limit: Option<usize>,
    pub(crate) length: Option<Option<u64>>,
}

/// The registry. Every operation fails as it is told, but reading a blob where it has one.
pub(crate) struct Stub {
    fail: Box<Fail>,
    read: Option<Box<Read>>,
    seen: Mutex<Seen>,
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stub").finish_non_exhaustive()
    }
}

impl Stub {
    /// Every operation fails with what `fail` makes; it may panic, too.
    pub(crate) fn failing(fail: impl Fn() -> RegistryError + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            fail: Box::new(fail),
            read: None,
            seen: Mutex::default(),
        })
    }

    /// There is one blob everywhere, of the empty digest, which reads as `read` makes it.
    pub(crate) fn reading(read: impl Fn() -> BlobRead + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            fail: Box::new(|| RegistryError::internal("nothing else works")),
            read: Some(Box::new(read)),
            seen: Mutex::default(),
        })
    }

    /// What the last operation was called with.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().expect("nobody panics with it").clone()
    }

    fn see(&self, ctx: &Ctx, repo: Option<&RepoKey>, more: impl FnOnce(&mut Seen)) {
        let mut seen = Seen {
            ctx: Some(ctx.clone()),
            repo: repo.cloned(),
            ..Seen::default()
        };
        more(&mut seen);
        *self.seen.lock().expect("nobody panics with it") = seen;
    }

    fn fail<T>(&self, ctx: &Ctx, repo: &RepoKey) -> Result<T, RegistryError> {
        self.see(ctx, Some(repo), |_| ());
        Err((self.fail)())
    }
}

#[async_trait]
impl Pull for Stub {
    async fn manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: &Reference,
    ) -> Result<StoredManifest, RegistryError> {
        self.fail(ctx, repo)
    }

    async fn blob_info(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        self.fail(ctx, repo)
    }

    async fn blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        _: Option<ByteRange>,
    ) -> Result<Blob, RegistryError> {
        let Some(read) = &self.read else {
            return self.fail(ctx, repo);
        };
        let read = read();
        Ok(Blob {
            info: BlobInfo {
                digest: *digest,
                size: read.len,
            },
            range: None,
            read,
        })
    }
}

#[async_trait]
impl Push for Stub {
    async fn start_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        algorithm: Option<Algorithm>,
    ) -> Result<UploadStatus, RegistryError> {
        self.see(ctx, Some(repo), |seen| seen.algorithm = algorithm);
        Err((self.fail)())
    }

    async fn upload_status(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: UploadId,
    ) -> Result<UploadStatus, RegistryError> {
        self.fail(ctx, repo)
    }

    async fn append_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: UploadId,
        chunk: Chunk,
    ) -> Result<UploadStatus, RegistryError> {
        self.see(ctx, Some(repo), |seen| seen.length = Some(chunk.length));
        Err((self.fail)())
    }

    async fn finish_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: UploadId,
        chunk: Option<Chunk>,
        _: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        let length = chunk.map(|chunk| chunk.length);
        self.see(ctx, Some(repo), |seen| seen.length = length);
        Err((self.fail)())
    }

    async fn cancel_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: UploadId,
    ) -> Result<(), RegistryError> {
        self.fail(ctx, repo)
    }

    async fn push_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: &Digest,
        mut chunk: Chunk,
    ) -> Result<BlobInfo, RegistryError> {
        while let Some(Ok(_)) = chunk.body.next().await {}
        self.fail(ctx, repo)
    }

    async fn mount_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobInfo>, RegistryError> {
        self.see(ctx, Some(repo), |seen| seen.from = Some(from.clone()));
        Err((self.fail)())
    }

    async fn push_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: ManifestPush,
    ) -> Result<ManifestPushed, RegistryError> {
        self.fail(ctx, repo)
    }
}

#[async_trait]
impl Delete for Stub {
    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: ManifestDelete,
    ) -> Result<(), RegistryError> {
        self.fail(ctx, repo)
    }

    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: TagDelete,
    ) -> Result<(), RegistryError> {
        self.fail(ctx, repo)
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: &Digest,
    ) -> Result<(), RegistryError> {
        self.fail(ctx, repo)
    }
}

#[async_trait]
impl List for Stub {
    async fn tags(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        page: PageRequest<String>,
    ) -> Result<Page<Tag>, RegistryError> {
        self.see(ctx, Some(repo), |seen| seen.limit = Some(page.limit));
        Err((self.fail)())
    }

    async fn referrers(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        _: &Digest,
        _: Option<&str>,
        page: PageRequest<Digest>,
    ) -> Result<Page<Descriptor>, RegistryError> {
        self.see(ctx, Some(repo), |seen| seen.limit = Some(page.limit));
        Err((self.fail)())
    }

    async fn repositories(
        &self,
        ctx: &Ctx,
        scope: &Scope,
        page: PageRequest<String>,
    ) -> Result<Page<RepositoryName>, RegistryError> {
        self.see(ctx, None, |seen| {
            seen.scope = Some(scope.clone());
            seen.limit = Some(page.limit);
        });
        Err((self.fail)())
    }
}
