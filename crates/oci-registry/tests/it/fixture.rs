//! A registry to test, and shorthands to talk to it.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use oci_blob_store::{BlobStore, FsBlobStore, MemoryBlobStore};
use oci_meta::{MemoryMeta, MetaStore, SessionLimits, SqliteMeta};
use oci_registry::{
    Actor, BlobInfo, BodyError, BodyStream, Chunk, Ctx, Event, Events, ImmutableTags,
    LocalRegistry, ManifestPush, ManifestPushed, Options, Registry, RegistryError, RepoKey,
    TagGuard, Timestamp, UploadId,
};
use oci_types::{ContentRange, Digest, MediaType, Reference};
use tempfile::TempDir;

/// A registry, the same without its wrappers, and what was observed.
pub(crate) struct Fixture {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) local: LocalRegistry,
    pub(crate) events: Arc<Recorder>,
    pub(crate) dir: Option<TempDir>,
}

/// Keeps the events that it is told of.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<Event>>);

impl Events for Recorder {
    fn observe(&self, _: &Ctx, _: &RepoKey, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Recorder {
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Limits small enough to be reached by tests.
pub(crate) fn options() -> Options {
    let defaults = Options::default();
    Options {
        terms: oci_upload::Terms {
            max_bytes: 8 << 20,
            ..defaults.terms
        },
        session_limits: SessionLimits {
            sessions: 20,
            bytes: 12 << 20,
        },
        busy_wait: Duration::from_millis(100),
        settle_wait: Duration::from_millis(300),
        body_idle: Duration::from_millis(300),
        checkpoint_bytes: 1 << 20,
        sole_owner: true,
        ..defaults
    }
}

impl Fixture {
    fn over(meta: Arc<dyn MetaStore>, blobs: Arc<dyn BlobStore>, dir: Option<TempDir>) -> Self {
        let events = Arc::new(Recorder::default());
        let local = LocalRegistry::observed(meta, blobs, options(), events.clone());
        Self {
            registry: Arc::new(local.clone()),
            local,
            events,
            dir,
        }
    }

    pub(crate) fn memory() -> Self {
        Self::over(
            Arc::new(MemoryMeta::new()),
            Arc::new(MemoryBlobStore::new()),
            None,
        )
    }

    pub(crate) fn local() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let meta = SqliteMeta::open(dir.path().join("registry.db")).unwrap();
        let blobs = FsBlobStore::open(dir.path()).unwrap();
        Self::over(Arc::new(meta), Arc::new(blobs), Some(dir))
    }

    /// The registry inside a wrapper that has nothing to say, behind a pointer.
    pub(crate) fn wrapped() -> Self {
        let memory = Self::memory();
        let inner: Arc<dyn Registry> = memory.registry;
        Self {
            registry: Arc::new(ImmutableTags::new(inner, |_| TagGuard::none())),
            ..memory
        }
    }

    pub(crate) async fn push_blob(&self, repo: &str, data: &[u8]) -> BlobInfo {
        let digest = Digest::sha256(data);
        self.registry
            .push_blob(&ctx(), &key(repo), &digest, whole(data))
            .await
            .unwrap()
    }

    pub(crate) async fn start(&self, repo: &str) -> UploadId {
        let status = self.registry.start_upload(&ctx(), &key(repo), None).await;
        status.unwrap().id
    }

    pub(crate) async fn append(
        &self,
        repo: &str,
        id: UploadId,
        chunk: Chunk,
    ) -> Result<u64, RegistryError> {
        let status = self
            .registry
            .append_upload(&ctx(), &key(repo), id, chunk)
            .await?;
        assert_eq!(status.id, id);
        Ok(status.offset)
    }

    pub(crate) async fn offset(&self, repo: &str, id: UploadId) -> u64 {
        let status = self.registry.upload_status(&ctx(), &key(repo), id).await;
        status.unwrap().offset
    }

    pub(crate) async fn finish(
        &self,
        repo: &str,
        id: UploadId,
        chunk: Option<Chunk>,
        digest: Digest,
    ) -> Result<BlobInfo, RegistryError> {
        self.registry
            .finish_upload(&ctx(), &key(repo), id, chunk, &digest)
            .await
    }

    pub(crate) async fn read(&self, repo: &str, digest: Digest) -> Result<Bytes, RegistryError> {
        let blob = self
            .registry
            .blob(&ctx(), &key(repo), &digest, None)
            .await?;
        assert_eq!(blob.info.digest, digest);
        assert_eq!(blob.info.size, blob.read.len);
        Ok(blob.read.into_bytes().await.unwrap())
    }

    pub(crate) async fn push_manifest(
        &self,
        repo: &str,
        reference: &str,
        json: &str,
    ) -> Result<ManifestPushed, RegistryError> {
        self.registry
            .push_manifest(&ctx(), &key(repo), manifest(reference, json))
            .await
    }

    pub(crate) async fn resolve(
        &self,
        repo: &str,
        reference: &str,
    ) -> Result<Digest, RegistryError> {
        let reference: Reference = reference.parse().unwrap();
        let found = self
            .registry
            .manifest(&ctx(), &key(repo), &reference)
            .await?;
        Ok(found.digest)
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.registry.fmt(f)
    }
}

pub(crate) fn ctx() -> Ctx {
    at(Timestamp::now())
}

pub(crate) fn at(now: Timestamp) -> Ctx {
    Ctx {
        actor: Actor::Anonymous,
        request_id: Arc::from("test"),
        now,
    }
}

pub(crate) fn key(repo: &str) -> RepoKey {
    RepoKey::local(repo.parse().unwrap())
}

/// A body that comes in pieces of 1,000 bytes.
pub(crate) fn body(data: &[u8]) -> BodyStream {
    let pieces: Vec<_> = data.chunks(1_000).map(Bytes::copy_from_slice).collect();
    stream::iter(pieces.into_iter().map(Ok)).boxed()
}

/// A body that breaks off.
pub(crate) fn broken(data: &[u8]) -> BodyStream {
    let end: Result<Bytes, BodyError> = Err("the connection was reset".into());
    body(data).chain(stream::iter([end])).boxed()
}

/// A body that stops arriving and does not end.
pub(crate) fn stalled(data: &[u8]) -> BodyStream {
    body(data).chain(stream::pending()).boxed()
}

pub(crate) fn chunk(body: BodyStream) -> Chunk {
    Chunk {
        range: None,
        length: None,
        body,
    }
}

pub(crate) fn whole(data: &[u8]) -> Chunk {
    Chunk {
        length: Some(data.len() as u64),
        ..chunk(body(data))
    }
}

pub(crate) fn ranged(range: &str, data: &[u8]) -> Chunk {
    let range: ContentRange = range.parse().unwrap();
    Chunk {
        range: Some(range),
        ..chunk(body(data))
    }
}

pub(crate) fn manifest(reference: &str, json: &str) -> ManifestPush {
    ManifestPush {
        reference: reference.parse().unwrap(),
        tags: Vec::new(),
        content_type: Some(MediaType::oci_manifest()),
        bytes: Bytes::copy_from_slice(json.as_bytes()),
        protect: TagGuard::none(),
    }
}

/// An image manifest over one blob; `salt` makes it another one.
pub(crate) fn image(blob: &[u8], salt: &str) -> String {
    let (digest, size) = (Digest::sha256(blob), blob.len());
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":{size}}},"layers":[],"annotations":{{"salt":"{salt}"}}}}"#
    )
}

/// An image manifest with a subject.
pub(crate) fn referrer(subject: &str, salt: &str) -> String {
    let digest = Digest::sha256(subject.as_bytes());
    let subject = format!(
        r#""subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{}}},"annotations""#,
        subject.len()
    );
    image(b"{}", salt).replacen("\"annotations\"", &subject, 1)
}

/// Bytes that look random and are the same every time.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}
