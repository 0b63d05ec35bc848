//! The writer on a staging area of an object store: one part fills while the one before it is on
//! its way.

use std::{io, mem};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::ObjectBlobStore;
use super::error::failed;
use super::filling::Filling;
use super::job::{Attached, PartJob, Sent, put_part};
use super::record::{Multipart, ObjectRecord, Tail, TailPlace};
use crate::{BlobStoreError, BlobWriter, Staged};

/// Collects parts and sends them. A call that is dropped before it ends spoils the writer.
pub(super) struct ObjectBlobWriter {
    store: ObjectBlobStore,
    id: Uuid,
    /// What the next checkpoint answers, without what is on its way.
    record: ObjectRecord,
    /// What the last checkpoint answered.
    answered: Staged,
    /// The tails that the writer began with: somebody may go back to them.
    began_with: Vec<Tail>,
    /// Superseded tails that nobody goes back to.
    due: Vec<Tail>,
    part_size: usize,
    /// How many of the record's tails have their bytes nowhere but in objects.
    unread: usize,
    unread_len: usize,
    /// The bytes behind those.
    filling: Filling,
    /// How many of them are in the record's other tails.
    stored: usize,
    accepted: u64,
    on_its_way: Option<Attached<Sent>>,
    failed: bool,
}

impl ObjectBlobWriter {
    pub(super) fn new(store: ObjectBlobStore, staged: &Staged) -> Result<Self, BlobStoreError> {
        let record = ObjectRecord::of(staged)?;
        let mut filling = Filling::default();
        let mut unread = record.tails.len();
        if let Some(TailPlace::Inline(bytes)) = record.tails.last().map(|tail| &tail.at) {
            filling.push(bytes);
            unread -= 1;
        }
        let unread_len: u64 = record.tails[..unread].iter().map(|tail| tail.len).sum();
        let unread_len = usize::try_from(unread_len).map_err(|_| too_large())?;
        let part_size = match &record.multipart {
            Some(multipart) => usize::try_from(multipart.part_size).map_err(|_| too_large())?,
            // Tails may have been written when parts were longer.
            None => store.options().part_size.max(unread_len + filling.len()),
        };
        Ok(Self {
            id: staged.id,
            answered: staged.clone(),
            began_with: record.tails.clone(),
            due: record.superseded.clone(),
            part_size: part_size.max(1),
            unread,
            unread_len,
            stored: filling.len(),
            filling,
            accepted: staged.len,
            on_its_way: None,
            failed: false,
            record,
            store,
        })
    }

    /// How many bytes are behind the last full part.
    fn pending(&self) -> usize {
        self.unread_len + self.filling.len()
    }

    /// Lets a call begin, which spoils the writer until it ends well.
    fn begin(&mut self) -> Result<(), BlobStoreError> {
        if mem::replace(&mut self.failed, true) {
            return Err(BlobStoreError::Io {
                op: "go on with a writer that failed",
                source: io::Error::other("an earlier call failed or was given up"),
            });
        }
        Ok(())
    }

    async fn take(&mut self, data: &[u8]) -> Result<(), BlobStoreError> {
        let mut rest = data;
        loop {
            let room = self.part_size - self.pending();
            let (now, later) = rest.split_at(rest.len().min(room));
            self.filling.push(now);
            self.accepted += now.len() as u64;
            rest = later;
            if self.pending() < self.part_size {
                return Ok(());
            }
            self.settle().await?;
            self.send();
        }
    }

    /// Waits until nothing is on its way.
    async fn settle(&mut self) -> Result<(), BlobStoreError> {
        let Some(part) = self.on_its_way.take() else {
            return Ok(());
        };
        let Sent { upload, part } = part.await?;
        let part_size = self.part_size as u64;
        let multipart = self.record.multipart.get_or_insert_with(|| Multipart {
            upload,
            part_size,
            parts: Vec::new(),
            last: None,
        });
        multipart.parts.push(part);
        // It had this part's number.
        multipart.last = None;
        Ok(())
    }

    /// Sends a full part. Nothing may be on its way.
    fn send(&mut self) {
        if self.record.multipart.is_none() {
            self.record.key = Uuid::new_v4();
        }
        let mut tails = mem::take(&mut self.record.tails);
        let objects = tails.iter().filter(|tail| tail.is_object()).cloned();
        self.record.superseded.extend(objects);
        tails.truncate(mem::take(&mut self.unread));
        self.unread_len = 0;
        self.stored = 0;
        let multipart = self.record.multipart.as_ref();
        let job = PartJob {
            store: self.store.clone(),
            area: self.id,
            recorded: self.answered.len,
            key: self.record.key,
            upload: multipart.map(|multipart| multipart.upload.clone()),
            number: multipart.map_or(0, |multipart| multipart.parts.len()),
            tails,
            body: self.filling.take(),
        };
        self.on_its_way = Some(Attached::spawn(job.send()));
    }

    /// Makes the bytes behind the last full part durable, and removes what nobody needs.
    async fn store_tail(&mut self) -> Result<(), BlobStoreError> {
        if let Some(TailPlace::Inline(bytes)) = self.record.tails.last().map(|tail| &tail.at) {
            self.stored -= bytes.len();
            self.record.tails.pop();
        }
        let fresh = self.filling.share(self.stored);
        let len = self.filling.len() - self.stored;
        let offset = self.accepted - len as u64;
        let inline = len <= self.store.options().inline;
        let at = if inline {
            TailPlace::Inline(fresh.concat().into())
        } else {
            TailPlace::Object(Uuid::new_v4())
        };
        let tail = Tail {
            offset,
            len: len as u64,
            at,
        };
        let due = mem::take(&mut self.due);
        let store_and_remove = async {
            self.put_tail(&tail, fresh).await?;
            Ok(self.store.remove_tails(self.id, due.clone()).await.0)
        };
        let (left, last) = tokio::join!(store_and_remove, self.put_last(&tail));
        let left = left?;
        if let Some(multipart) = &mut self.record.multipart {
            multipart.last = last;
        }
        if len > 0 {
            self.record.tails.push(tail);
            self.stored = self.filling.len();
        }
        let gone = |tail: &Tail| due.contains(tail) && !left.contains(tail);
        self.record.superseded.retain(|tail| !gone(tail));
        let superseded = self.record.superseded.iter();
        let needed = |tail: &&Tail| !self.began_with.contains(tail);
        self.due = superseded.filter(needed).cloned().collect();
        Ok(())
    }

    async fn put_tail(&self, tail: &Tail, bytes: Vec<Bytes>) -> Result<(), BlobStoreError> {
        let Some(path) = self.store.layout().tail(self.id, tail) else {
            return Ok(());
        };
        let body = bytes.into_iter().collect();
        let stored = self.store.put(&path, &body).await;
        stored
            .map(drop)
            .map_err(|e| failed("store staged bytes", e))
    }

    /// Sends all tails as the last part, if it spares reading them when the blob is sealed.
    async fn put_last(&self, tail: &Tail) -> Option<String> {
        let multipart = self.record.multipart.as_ref()?;
        let objects = tail.is_object() || !self.record.tails.is_empty();
        if !objects || self.unread > 0 || self.filling.len() == 0 {
            return None;
        }
        let path = self.store.layout().object_of(self.record.key);
        let number = multipart.parts.len();
        let body = (self.accepted, self.filling.view());
        let sent = put_part(&self.store, &path, &multipart.upload, number, body).await;
        sent.inspect_err(|error| tracing::debug!(%error, "a tail was not sent as the last part"))
            .ok()
    }

    /// Whether a multipart upload is under way that no checkpoint has answered.
    fn unknown_upload(&self) -> Option<(Uuid, String)> {
        let multipart = self.record.multipart.as_ref()?;
        let answered = self.answered.object.as_ref();
        let known = answered.is_some_and(|known| known.multipart.is_some());
        (!known).then(|| (self.record.key, multipart.upload.clone()))
    }
}

#[async_trait]
impl BlobWriter for ObjectBlobWriter {
    async fn write(&mut self, data: Bytes) -> Result<(), BlobStoreError> {
        self.begin()?;
        self.take(&data).await?;
        self.failed = false;
        Ok(())
    }

    async fn checkpoint(&mut self) -> Result<Staged, BlobStoreError> {
        self.begin()?;
        self.settle().await?;
        if self.accepted > self.answered.len {
            self.store_tail().await?;
            if self.record.multipart.is_none() {
                self.record.key = Uuid::new_v4();
            }
            self.answered = Staged {
                id: self.id,
                len: self.accepted,
                object: Some(Box::new(self.record.clone())),
            };
        }
        self.failed = false;
        Ok(self.answered.clone())
    }
}

impl Drop for ObjectBlobWriter {
    /// Aborts an upload that nobody else knows of, as far as that can be done from here.
    fn drop(&mut self) {
        if let (Some((key, upload)), Ok(runtime)) = (self.unknown_upload(), Handle::try_current()) {
            let store = self.store.clone();
            runtime.spawn(async move {
                let path = store.layout().object_of(key);
                if let Err(error) = store.bucket().abort_multipart(&path, &upload).await {
                    tracing::debug!(%path, %error, "a multipart upload was not aborted");
                }
            });
        }
    }
}

impl std::fmt::Debug for ObjectBlobWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectBlobWriter")
            .field("id", &self.id)
            .field("accepted", &self.accepted)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

fn too_large() -> BlobStoreError {
    BlobStoreError::Io {
        op: "go on with a part that does not fit into memory",
        source: io::ErrorKind::OutOfMemory.into(),
    }
}
