//! Reading: objects that are sealed, and tails that are not.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange};
use uuid::Uuid;

use super::ObjectBlobStore;
use super::error::{failed, failed_at, is_missing};
use super::record::{ObjectRecord, Tail, TailPlace};
use crate::{BlobContent, BlobRead, BlobStoreError, Locator, Staged, read};

const OPEN: &str = "open an object";
const READ: &str = "read an object";

/// Opens an object or a range of it with one request.
pub(super) async fn open(
    store: &ObjectBlobStore,
    locator: &Locator,
    size: u64,
    range: Option<Range<u64>>,
) -> Result<BlobRead, BlobStoreError> {
    let path = store.object(locator)?;
    // A range can not be empty or beyond the end in a request, and what is wrong with the object
    // counts for more than what is wrong with the range.
    let asked = range
        .clone()
        .filter(|range| range.start < range.end && range.end <= size);
    let options = GetOptions {
        head: range.is_some() && asked.is_none(),
        range: asked.map(GetRange::Bounded),
        ..GetOptions::default()
    };
    let found = match store.shared.bucket.get_opts(&path, options).await {
        Ok(found) => found,
        Err(error) => return Err(unreadable(store, locator, size, error).await),
    };
    if found.meta.size != size {
        return Err(damaged(locator, size, found.meta.size));
    }
    let range = read::resolve(range, size)?;
    let len = range.end - range.start;
    let content = if len == 0 {
        BlobContent::Bytes(Bytes::new())
    } else {
        let chunks = found.into_stream().map_err(|e| failed(READ, e));
        BlobContent::Stream(Box::pin(exactly(len, chunks)))
    };
    Ok(BlobRead { len, content })
}

/// Why an object could not be opened. A range that the record allows and the object does not is
/// refused in as many ways as there are stores: what counts is the length.
async fn unreadable(
    store: &ObjectBlobStore,
    locator: &Locator,
    size: u64,
    error: object_store::Error,
) -> BlobStoreError {
    let error = failed_at(OPEN, locator, error);
    if !matches!(error, BlobStoreError::Io { .. }) {
        return error;
    }
    match crate::BlobStore::size(store, locator).await {
        Ok(found) if found != size => damaged(locator, size, found),
        _ => error,
    }
}

pub(super) fn damaged(locator: &Locator, recorded: u64, found: u64) -> BlobStoreError {
    BlobStoreError::Damaged {
        locator: locator.clone(),
        recorded,
        found,
    }
}

/// Passes chunks on, and fails where they do not end after `len` bytes.
fn exactly(
    len: u64,
    chunks: impl Stream<Item = Result<Bytes, BlobStoreError>> + Send,
) -> impl Stream<Item = Result<Bytes, BlobStoreError>> + Send {
    stream::try_unfold((Box::pin(chunks), len), |(mut chunks, left)| async move {
        loop {
            return match chunks.try_next().await? {
                Some(chunk) if chunk.is_empty() => continue,
                Some(chunk) => {
                    let left = left.checked_sub(chunk.len() as u64);
                    let left = left.ok_or_else(ended_early)?;
                    Ok(Some((chunk, (chunks, left))))
                }
                None if left == 0 => Ok(None),
                None => Err(ended_early()),
            };
        }
    })
}

fn ended_early() -> BlobStoreError {
    BlobStoreError::io(READ, std::io::ErrorKind::UnexpectedEof.into())
}

/// The bytes of an area without parts, tail by tail.
pub(super) fn read_tails(
    store: &ObjectBlobStore,
    staged: &Staged,
    record: &ObjectRecord,
) -> BlobRead {
    let (store, id, len) = (store.clone(), staged.id, staged.len);
    let tails = stream::iter(record.tails.clone()).then(move |tail| {
        let store = store.clone();
        async move { read_tail(&store, id, len, &tail).await }
    });
    let content = match len {
        0 => BlobContent::Bytes(Bytes::new()),
        _ => BlobContent::Stream(Box::pin(exactly(len, tails))),
    };
    BlobRead { len, content }
}

/// All of `tails`, which are fewer bytes than a part.
pub(super) async fn gather(
    store: &ObjectBlobStore,
    id: Uuid,
    recorded: u64,
    tails: &[Tail],
) -> Result<Vec<Bytes>, BlobStoreError> {
    let mut all = Vec::with_capacity(tails.len());
    for tail in tails {
        all.push(read_tail(store, id, recorded, tail).await?);
    }
    Ok(all)
}

async fn read_tail(
    store: &ObjectBlobStore,
    id: Uuid,
    recorded: u64,
    tail: &Tail,
) -> Result<Bytes, BlobStoreError> {
    let path = match (&tail.at, store.layout().tail(id, tail)) {
        (TailPlace::Inline(bytes), _) => return Ok(bytes.clone()),
        (_, Some(path)) => path,
        (_, None) => return Ok(Bytes::new()),
    };
    let lost = |found| BlobStoreError::StagedLost {
        recorded,
        found: tail.offset + found,
    };
    match fetch(store, &path, tail.len).await {
        Ok(bytes) if bytes.len() as u64 == tail.len => Ok(bytes),
        Ok(bytes) => Err(lost(bytes.len() as u64)),
        Err(error) if is_missing(&error) => Err(lost(0)),
        Err(error) => Err(failed("read staged bytes", error)),
    }
}

async fn fetch(
    store: &ObjectBlobStore,
    path: &Path,
    len: u64,
) -> Result<Bytes, object_store::Error> {
    let options = GetOptions::default();
    let mut chunks = store
        .shared
        .bucket
        .get_opts(path, options)
        .await?
        .into_stream();
    let mut bytes = BytesMut::with_capacity(usize::try_from(len).unwrap_or(0));
    while let Some(chunk) = chunks.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}
