//! Objects in memory, for tests and for registries that need not outlive their process. It keeps
//! the whole contract but durability: everything ends with the store.

mod rope;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use oci_types::Digest;
use uuid::Uuid;

use crate::read::{self, Chunks};
use crate::{
    BlobContent, BlobRead, BlobStore, BlobStoreError, BlobWriter, Locator, Staged, StoredObject,
};
use rope::Rope;
use writer::MemoryBlobWriter;

/// A [`BlobStore`] in memory. Clones share one store.
///
/// Bytes are copied once, on their way in; sealing and reading share them.
#[derive(Clone, Default)]
pub struct MemoryBlobStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    staged: HashMap<Uuid, Area>,
    objects: BTreeMap<Locator, Rope>,
}

/// A staging area that something was appended to.
#[derive(Default)]
struct Area {
    bytes: Rope,
    /// Held by the writer, if there is one.
    writer: Weak<()>,
}

impl Area {
    /// Makes the area exactly as long as `staged` records, unless somebody writes to it.
    fn cut_to(&mut self, staged: &Staged) -> Result<(), BlobStoreError> {
        if self.writer.strong_count() > 0 {
            return Err(BlobStoreError::Busy);
        }
        if self.bytes.len() < staged.len {
            return Err(lost(staged, self.bytes.len()));
        }
        self.bytes.truncate(staged.len);
        Ok(())
    }
}

impl MemoryBlobStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what a writer collected to its area, which then has `len` bytes.
    fn extend(
        &self,
        id: Uuid,
        token: &Arc<()>,
        segments: Vec<Bytes>,
        len: u64,
    ) -> Result<(), BlobStoreError> {
        let mut shared = self.lock();
        match shared.staged.get_mut(&id) {
            Some(area) if area.writer.as_ptr() == Arc::as_ptr(token) => {
                segments.into_iter().for_each(|s| area.bytes.push(s));
                Ok(())
            }
            _ => Err(lost(&Staged::new(id, len), 0)),
        }
    }
}

impl fmt::Debug for MemoryBlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.lock();
        f.debug_struct("MemoryBlobStore")
            .field("staged", &shared.staged.len())
            .field("objects", &shared.objects.len())
            .finish()
    }
}

#[async_trait]
impl BlobStore for MemoryBlobStore {
    async fn begin(&self) -> Result<Staged, BlobStoreError> {
        Ok(Staged::new(Uuid::new_v4(), 0))
    }

    async fn append(&self, staged: &Staged) -> Result<Box<dyn BlobWriter>, BlobStoreError> {
        let mut shared = self.lock();
        if staged.is_empty() {
            shared.staged.entry(staged.id).or_default();
        }
        let area = shared
            .staged
            .get_mut(&staged.id)
            .ok_or_else(|| lost(staged, 0))?;
        area.cut_to(staged)?;
        let token = Arc::new(());
        area.writer = Arc::downgrade(&token);
        Ok(Box::new(MemoryBlobWriter::new(self.clone(), staged, token)))
    }

    async fn seal(&self, staged: &Staged, digest: &Digest) -> Result<Locator, BlobStoreError> {
        let locator = Locator::of_object(digest, staged.id);
        let mut shared = self.lock();
        if let Some(area) = shared.staged.get_mut(&staged.id) {
            area.cut_to(staged)?;
        }
        if let Some(object) = shared.objects.get(&locator) {
            check_len(&locator, object, staged.len)?;
            shared.staged.remove(&staged.id);
            return Ok(locator);
        }
        let bytes = match shared.staged.remove(&staged.id) {
            Some(area) => area.bytes,
            None if staged.is_empty() => Rope::default(),
            None => return Err(lost(staged, 0)),
        };
        shared.objects.insert(locator.clone(), bytes);
        Ok(locator)
    }

    async fn read_staged(&self, staged: &Staged) -> Result<BlobRead, BlobStoreError> {
        let shared = self.lock();
        let area = shared.staged.get(&staged.id);
        let found = area.map_or(0, |area| area.bytes.len());
        if found < staged.len {
            return Err(lost(staged, found));
        }
        let slices = area.map_or_else(Vec::new, |area| area.bytes.slice(0..staged.len));
        Ok(blob_read(staged.len, slices))
    }

    async fn discard(&self, staged: &Staged) -> Result<(), BlobStoreError> {
        self.lock().staged.remove(&staged.id);
        Ok(())
    }

    async fn size(&self, locator: &Locator) -> Result<u64, BlobStoreError> {
        let shared = self.lock();
        let object = shared.objects.get(locator);
        object.map(Rope::len).ok_or_else(|| missing(locator))
    }

    async fn open(
        &self,
        locator: &Locator,
        size: u64,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobStoreError> {
        let shared = self.lock();
        let object = shared.objects.get(locator);
        let object = object.ok_or_else(|| missing(locator))?;
        check_len(locator, object, size)?;
        let range = read::resolve(range, size)?;
        Ok(blob_read(range.end - range.start, object.slice(range)))
    }

    async fn remove(&self, locator: &Locator) -> Result<(), BlobStoreError> {
        self.lock().objects.remove(locator);
        Ok(())
    }

    async fn list(
        &self,
        after: Option<&Locator>,
        limit: usize,
    ) -> Result<Vec<StoredObject>, BlobStoreError> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let shared = self.lock();
        let behind = shared.objects.range((after, Bound::Unbounded));
        let page = behind.take(limit).map(|(locator, bytes)| StoredObject {
            locator: locator.clone(),
            size: bytes.len(),
        });
        Ok(page.collect())
    }

    async fn probe(&self) -> Result<(), BlobStoreError> {
        Ok(())
    }
}

fn blob_read(len: u64, mut slices: Vec<Bytes>) -> BlobRead {
    let content = match slices.len() {
        0 | 1 => BlobContent::Bytes(slices.pop().unwrap_or_default()),
        _ => BlobContent::Stream(Box::pin(Chunks::from(slices))),
    };
    BlobRead { len, content }
}

fn check_len(locator: &Locator, object: &Rope, recorded: u64) -> Result<(), BlobStoreError> {
    let found = object.len();
    if found == recorded {
        return Ok(());
    }
    Err(BlobStoreError::Damaged {
        locator: locator.clone(),
        recorded,
        found,
    })
}

fn lost(staged: &Staged, found: u64) -> BlobStoreError {
    BlobStoreError::StagedLost {
        recorded: staged.len,
        found,
    }
}

fn missing(locator: &Locator) -> BlobStoreError {
    BlobStoreError::NotFound {
        locator: locator.clone(),
    }
}
