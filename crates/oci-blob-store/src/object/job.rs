//! One part on its way to the store.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::path::Path;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::ObjectBlobStore;
use super::error::{failed, is_missing};
use super::read::gather;
use super::record::Tail;
use crate::BlobStoreError;

/// How many parts S3 takes.
const MAX_PARTS: usize = 10_000;

/// What it takes to send a part.
pub(super) struct PartJob {
    pub(super) store: ObjectBlobStore,
    pub(super) area: Uuid,
    /// How many bytes are on record, for errors.
    pub(super) recorded: u64,
    pub(super) key: Uuid,
    /// The multipart upload, if there is one already.
    pub(super) upload: Option<String>,
    /// How many parts are before it.
    pub(super) number: usize,
    /// What the part starts with and has to be read first.
    pub(super) tails: Vec<Tail>,
    /// What follows.
    pub(super) body: Vec<Bytes>,
}

/// A part that arrived.
pub(super) struct Sent {
    pub(super) upload: String,
    pub(super) part: String,
}

impl PartJob {
    pub(super) async fn send(self) -> Result<Sent, BlobStoreError> {
        let mut chunks = gather(&self.store, self.area, self.recorded, &self.tails).await?;
        chunks.extend(self.body);
        let path = self.store.layout().object_of(self.key);
        let upload = match self.upload {
            Some(upload) => upload,
            None => begin_multipart(&self.store, &path).await?,
        };
        let part = put_part(
            &self.store,
            &path,
            &upload,
            self.number,
            (self.recorded, chunks),
        );
        let part = part.await?;
        Ok(Sent { upload, part })
    }
}

async fn begin_multipart(store: &ObjectBlobStore, path: &Path) -> Result<String, BlobStoreError> {
    let begun = store.bucket().create_multipart(path).await;
    begun.map_err(|e| failed("begin a multipart upload", e))
}

/// Sends one part and answers what the store calls it.
pub(super) async fn put_part(
    store: &ObjectBlobStore,
    path: &Path,
    upload: &str,
    number: usize,
    (recorded, chunks): (u64, Vec<Bytes>),
) -> Result<String, BlobStoreError> {
    const OP: &str = "send a part of a blob";
    if number >= MAX_PARTS {
        return Err(BlobStoreError::io(OP, io::ErrorKind::FileTooLarge.into()));
    }
    let body = chunks.into_iter().collect();
    let sent = store
        .bucket()
        .put_part(path, &upload.to_owned(), number, body)
        .await;
    match sent {
        Ok(PartId { content_id }) => Ok(content_id),
        Err(error) if is_missing(&error) => Err(BlobStoreError::StagedLost { recorded, found: 0 }),
        Err(error) => Err(failed(OP, error)),
    }
}

/// A task that ends with whoever waits for it.
#[derive(Debug)]
pub(super) struct Attached<T>(JoinHandle<Result<T, BlobStoreError>>);

impl<T: Send + 'static> Attached<T> {
    pub(super) fn spawn(
        work: impl Future<Output = Result<T, BlobStoreError>> + Send + 'static,
    ) -> Self {
        Self(tokio::spawn(work))
    }
}

impl<T> Future for Attached<T> {
    type Output = Result<T, BlobStoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let done = Pin::new(&mut self.0).poll(cx);
        done.map(|done| {
            done.unwrap_or_else(|lost| {
                Err(BlobStoreError::lost_task("send a part of a blob", lost))
            })
        })
    }
}

impl<T> Drop for Attached<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
