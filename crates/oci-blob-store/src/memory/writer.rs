//! The writer on a staging area in memory.

use std::mem;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use super::MemoryBlobStore;
use crate::{BlobStoreError, BlobWriter, Staged};

/// The longest segment that is made, in bytes.
const SEGMENT: usize = 1 << 20;

/// Collects copies of what it is given, so that a blob pins nothing but itself.
pub(super) struct MemoryBlobWriter {
    store: MemoryBlobStore,
    id: Uuid,
    /// What the area knows that this is its writer by.
    token: Arc<()>,
    full: Vec<Bytes>,
    filling: BytesMut,
    /// The length that the last checkpoint answered.
    durable: u64,
    /// The area was discarded.
    lost: bool,
}

impl MemoryBlobWriter {
    pub(super) fn new(store: MemoryBlobStore, staged: &Staged, token: Arc<()>) -> Self {
        Self {
            store,
            id: staged.id,
            token,
            full: Vec::new(),
            filling: BytesMut::new(),
            durable: staged.len,
            lost: false,
        }
    }

    /// Moves what was collected to the area.
    fn hand_over(&mut self) -> Result<(), BlobStoreError> {
        let mut segments = mem::take(&mut self.full);
        // The buffer has room to grow; a copy has not.
        segments.push(Bytes::copy_from_slice(&self.filling));
        self.filling.clear();
        let len = self.durable + segments.iter().map(|s| s.len() as u64).sum::<u64>();
        self.store.extend(self.id, &self.token, segments, len)?;
        self.durable = len;
        Ok(())
    }
}

impl std::fmt::Debug for MemoryBlobWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryBlobWriter")
            .field("id", &self.id)
            .field("durable", &self.durable)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobWriter for MemoryBlobWriter {
    async fn write(&mut self, mut data: Bytes) -> Result<(), BlobStoreError> {
        while !data.is_empty() {
            let fits = data.len().min(SEGMENT - self.filling.len());
            self.filling.extend_from_slice(&data.split_to(fits));
            if self.filling.len() == SEGMENT {
                self.full.push(mem::take(&mut self.filling).freeze());
            }
        }
        Ok(())
    }

    async fn checkpoint(&mut self) -> Result<Staged, BlobStoreError> {
        if self.lost || !self.full.is_empty() || !self.filling.is_empty() {
            let handed_over = self.hand_over();
            self.lost = handed_over.is_err();
            handed_over?;
        }
        Ok(Staged::new(self.id, self.durable))
    }
}
