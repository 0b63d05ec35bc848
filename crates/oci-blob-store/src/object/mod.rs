//! Objects in S3 and what speaks its language, through the crate `object_store`. It keeps no
//! index, never copies an object, and does not take leases: one writer at a time on a staging
//! area is the caller's business, because a store can not tell.
//!
//! # Layout
//!
//! ```text
//! <prefix>/blobs/<2 hex digits>/<key>                       sealed objects
//! <prefix>/staging/<area>/<offset>-<length>.<key>           tails
//! <prefix>/probe                                            an empty object
//! ```
//!
//! Keys are random: what a digest stands for is the caller's record. The locator of a sealed
//! object is `<2 hex digits>/<key>`.
//!
//! # How bytes get there
//!
//! Nothing is created before there is a full part. Parts of one size, all of it known to the
//! record, are sent while more bytes arrive: a writer holds two parts at most, one that fills and
//! one on its way. What is behind the last full part when a checkpoint is taken, the tail, goes
//! into the record where it is small, and otherwise into an object that is never changed; tails
//! are read again once, when they fill a part. Where there are parts already, a tail that is in
//! memory is also sent as the last part, so that sealing reads nothing.
//!
//! Sealing completes the multipart upload, or is one PUT where the blob is smaller than a part.
//!
//! # Two writers at once
//!
//! Tails have random names, multipart uploads keys of their own, and completing one names the
//! entity tag of each part. Whatever two writers do at once, what a checkpoint answered seals to
//! its own bytes, or is refused.
//!
//! # What may stay behind
//!
//! - A process that dies leaves parts that nobody knows of. S3 does not let them be seen through
//!   `object_store`: give the bucket a lifecycle rule that aborts incomplete multipart uploads
//!   some days after sessions expire. Azure drops unfinished blocks after a week.
//! - Tails that nobody knows of are removed by [`ObjectBlobStore::remove_abandoned`].
//! - [`BlobStore::read_staged`] of an upload that has parts completes it, because parts can not
//!   be read before: nothing can be appended afterwards, and [`BlobStore::discard`] leaves the
//!   object, as it does any sealed one.

mod connect;
mod error;
mod filling;
mod http;
mod job;
mod layout;
mod probe;
mod read;
mod record;
mod seal;
mod verify;
mod writer;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, future, stream};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, PutResult};
use oci_types::Digest;
use uuid::Uuid;

use crate::{
    BlobRead, BlobStore, BlobStoreError, BlobWriter, Locator, Presign, Staged, StoredObject,
};
pub use connect::ConnectError;
use error::{despite_conflicts, failed, failed_at, is_missing};
use layout::Layout;
pub(crate) use record::ObjectRecord;
use record::Tail;
use writer::ObjectBlobWriter;

/// How many tails are removed at once.
const REMOVALS: usize = 8;

/// How an object store is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The length of a part in bytes. An upload under way keeps the one it began with. S3 takes
    /// no less than 5 MiB, and no more than 10,000 parts a blob: 8 MiB, the default, allow blobs
    /// of 80,000 MiB.
    pub part_size: usize,
    /// Up to how many bytes behind the last part are kept in the record of the upload instead of
    /// in an object. 16 KiB by default.
    pub inline: usize,
    /// How long one request may take until its answer begins, and how long that may then pause.
    /// 60 seconds by default.
    pub request_timeout: Duration,
    /// How often a request is tried again that the store did not answer, or answered with a
    /// failure of its own. 6 by default; waiting grows exponentially from 100 ms.
    pub retries: usize,
    /// For how long a request is tried again. 60 seconds by default.
    pub retry_timeout: Duration,
    /// Where clients reach the store, as the URL of the endpoint, if it is not where this process
    /// does. For presigned addresses in S3 only.
    pub public_endpoint: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            part_size: 8 << 20,
            inline: 16 << 10,
            request_timeout: Duration::from_secs(60),
            retries: 6,
            retry_timeout: Duration::from_secs(60),
            public_endpoint: None,
        }
    }
}

/// What `object_store` has to know to be built on: whole objects, and multipart uploads that
/// another process can go on with.
pub trait Bucket: ObjectStore + MultipartStore {}

impl<T: ObjectStore + MultipartStore> Bucket for T {}

/// A [`BlobStore`] of objects below a prefix of a bucket.
///
/// Clones share one store. Any number of stores, in any number of processes, may use one prefix.
/// Everything needs a Tokio runtime with time, and I/O where the store is elsewhere. No method is
/// harmed by being dropped, but what it sent may stay behind.
#[derive(Clone)]
pub struct ObjectBlobStore {
    shared: Arc<Shared>,
}

struct Shared {
    bucket: Arc<dyn Bucket>,
    signer: Option<Arc<dyn Signer>>,
    layout: Layout,
    options: Options,
    /// When a probe last wrote.
    probed: Mutex<Option<Instant>>,
}

impl ObjectBlobStore {
    /// A store in `bucket`, below `prefix`, which may be empty.
    ///
    /// Timeouts and retries are those of `bucket`; those of `options` count where this crate
    /// makes it ([`Self::from_url`]). Nothing is asked of the store.
    pub fn new(bucket: impl Bucket, prefix: &str, options: Options) -> Self {
        Self::with_signer(Arc::new(bucket), None, prefix, options)
    }

    fn with_signer(
        bucket: Arc<dyn Bucket>,
        signer: Option<Arc<dyn Signer>>,
        prefix: &str,
        options: Options,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                bucket,
                signer,
                layout: Layout::new(prefix),
                options,
                probed: Mutex::new(None),
            }),
        }
    }

    fn bucket(&self) -> &dyn Bucket {
        &*self.shared.bucket
    }

    fn layout(&self) -> &Layout {
        &self.shared.layout
    }

    fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Removes tails that were written before `before` and answers how many.
    ///
    /// What a session still counts on is younger than the session's last checkpoint but one, so
    /// that `before` has to be longer ago than sessions live.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`], [`BlobStoreError::Unavailable`]; what was removed stays removed.
    pub async fn remove_abandoned(&self, before: SystemTime) -> Result<u64, BlobStoreError> {
        const OP: &str = "remove abandoned staged bytes";
        let staging = self.layout().staging();
        let found = self.bucket().list(Some(&staging));
        let old = found
            .try_filter(|object| future::ready(SystemTime::from(object.last_modified) < before));
        old.map_err(|e| failed(OP, e))
            .map_ok(|object| async move { self.remove_at(OP, &object.location).await })
            .try_buffer_unordered(REMOVALS)
            .try_fold(0, |count, ()| future::ready(Ok(count + 1)))
            .await
    }

    /// Stores an object, whatever was there.
    async fn put(&self, path: &Path, body: &PutPayload) -> object_store::Result<PutResult> {
        despite_conflicts(|| self.bucket().put(path, body.clone())).await
    }

    /// Removes what need not be there.
    async fn remove_at(&self, op: &'static str, path: &Path) -> Result<(), BlobStoreError> {
        match self.bucket().delete(path).await {
            Err(error) if !is_missing(&error) => Err(failed(op, error)),
            _ => Ok(()),
        }
    }

    /// Removes tails and answers those that could not be.
    async fn remove_tails(
        &self,
        area: Uuid,
        tails: Vec<Tail>,
    ) -> (Vec<Tail>, Option<BlobStoreError>) {
        let removals = stream::iter(tails).map(|tail| async move {
            let path = self.layout().tail(area, &tail)?;
            let removed = self.remove_at("remove staged bytes", &path).await;
            removed.err().map(|error| (tail, error))
        });
        let left: Vec<_> = removals
            .buffer_unordered(REMOVALS)
            .filter_map(future::ready)
            .collect()
            .await;
        let (tails, mut errors): (Vec<_>, Vec<_>) = left.into_iter().unzip();
        (tails, errors.pop())
    }
}

impl fmt::Debug for ObjectBlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBlobStore")
            .field("bucket", &self.shared.bucket.to_string())
            .field("layout", &self.shared.layout)
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobStore for ObjectBlobStore {
    async fn begin(&self) -> Result<Staged, BlobStoreError> {
        Ok(Staged::new(Uuid::new_v4(), 0))
    }

    /// Asks nothing of the store: that the staged bytes are gone shows when they are needed.
    async fn append(&self, staged: &Staged) -> Result<Box<dyn BlobWriter>, BlobStoreError> {
        let writer = ObjectBlobWriter::new(self.clone(), staged)?;
        Ok(Box::new(writer))
    }

    async fn seal(&self, staged: &Staged, _: &Digest) -> Result<Locator, BlobStoreError> {
        seal::seal(self, staged).await
    }

    async fn read_staged(&self, staged: &Staged) -> Result<BlobRead, BlobStoreError> {
        let record = ObjectRecord::of(staged)?;
        if record.multipart.is_none() {
            return Ok(read::read_tails(self, staged, &record));
        }
        let locator = seal::seal(self, staged).await?;
        self.open(&locator, staged.len, None).await
    }

    async fn discard(&self, staged: &Staged) -> Result<(), BlobStoreError> {
        const OP: &str = "discard staged bytes";
        let record = ObjectRecord::of(staged)?;
        if let Some(multipart) = &record.multipart {
            let path = self.layout().object_of(record.key);
            let aborted = self.bucket().abort_multipart(&path, &multipart.upload);
            match aborted.await {
                Err(error) if !is_missing(&error) => return Err(failed(OP, error)),
                _ => {}
            }
        }
        let removed = self.remove_tails(staged.id, record.tail_objects()).await;
        removed.1.map_or(Ok(()), Err)
    }

    async fn size(&self, locator: &Locator) -> Result<u64, BlobStoreError> {
        let path = self.object(locator)?;
        let found = self.bucket().head(&path).await;
        found
            .map(|found| found.size)
            .map_err(|e| failed_at("look at an object", locator, e))
    }

    async fn open(
        &self,
        locator: &Locator,
        size: u64,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobStoreError> {
        read::open(self, locator, size, range).await
    }

    async fn remove(&self, locator: &Locator) -> Result<(), BlobStoreError> {
        match self.layout().object(locator) {
            Some(path) => self.remove_at("remove an object", &path).await,
            None => Ok(()),
        }
    }

    /// In the order that the store lists keys in, which S3 and its likes sort (S3 Express One
    /// Zone does not). Azure can not start in the middle: there each page lists from the first.
    async fn list(
        &self,
        after: Option<&Locator>,
        limit: usize,
    ) -> Result<Vec<StoredObject>, BlobStoreError> {
        let blobs = self.layout().blobs();
        let found = match after {
            Some(after) => {
                let offset = Path::from(format!("{blobs}/{after}"));
                self.bucket().list_with_offset(Some(&blobs), &offset)
            }
            None => self.bucket().list(Some(&blobs)),
        };
        let objects = found.try_filter_map(|found| {
            let locator = self.layout().locator(&found.location);
            let size = found.size;
            future::ready(Ok(locator.map(|locator| StoredObject { locator, size })))
        });
        let page = objects.take(limit).try_collect().await;
        page.map_err(|e| failed("list objects", e))
    }

    async fn probe(&self) -> Result<(), BlobStoreError> {
        probe::probe(self).await
    }
}

impl ObjectBlobStore {
    fn object(&self, locator: &Locator) -> Result<Path, BlobStoreError> {
        let path = self.layout().object(locator);
        path.ok_or_else(|| BlobStoreError::NotFound {
            locator: locator.clone(),
        })
    }
}

#[async_trait]
impl Presign for ObjectBlobStore {
    async fn presign_get(
        &self,
        locator: &Locator,
        expires_in: Duration,
    ) -> Result<String, BlobStoreError> {
        const OP: &str = "sign the address of an object";
        let path = self.object(locator)?;
        let Some(signer) = &self.shared.signer else {
            return Err(BlobStoreError::io(
                OP,
                std::io::ErrorKind::Unsupported.into(),
            ));
        };
        let url = signer.signed_url(::http::Method::GET, &path, expires_in);
        Ok(url.await.map_err(|e| failed(OP, e))?.into())
    }
}
