//! The writer on a staging file: one buffer fills while the one before it is being written.

use std::sync::Arc;
use std::{io, mem};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};
use uuid::Uuid;

use super::buffer::Buffer;
use super::staging::StagingFile;
use crate::{BlobStoreError, BlobWriter, Staged};

/// How much is collected before it is handed to a blocking thread, in bytes.
const BUFFER: usize = 1 << 20;

/// How much is written before write-back is started, in bytes.
const WRITE_BACK: u64 = 8 << 20;

/// Writes to a staging file, which stays locked until the last write has ended, even if the
/// writer is dropped before.
///
/// Holds about 2 MiB and at most two of the chunks it was given. Both methods are cancel-safe:
/// a dropped [`write`](BlobWriter::write) has not taken its bytes, a dropped
/// [`checkpoint`](BlobWriter::checkpoint) can be called again.
#[derive(Debug)]
pub(super) struct FsBlobWriter {
    file: Arc<StagingFile>,
    id: Uuid,
    /// The length that the last checkpoint answered.
    durable: u64,
    /// The length with everything that is still buffered.
    accepted: u64,
    /// Where bytes start that write-back was not started for.
    dirty_from: u64,
    filling: Buffer,
    in_flight: Option<JoinHandle<Result<(), BlobStoreError>>>,
    failed: bool,
}

impl FsBlobWriter {
    /// Goes on behind `staged`, to which `file` has been cut.
    pub(super) fn new(file: StagingFile, staged: &Staged) -> Self {
        Self {
            file: Arc::new(file),
            id: staged.id,
            durable: staged.len,
            accepted: staged.len,
            dirty_from: staged.len,
            filling: Buffer::default(),
            in_flight: None,
            failed: false,
        }
    }

    /// Waits until nothing is in flight.
    async fn settle(&mut self) -> Result<(), BlobStoreError> {
        if self.failed {
            return Err(BlobStoreError::Io {
                op: "go on with a writer that failed",
                source: io::Error::other("an earlier write or sync failed"),
            });
        }
        let Some(job) = &mut self.in_flight else {
            return Ok(());
        };
        let result = job
            .await
            .unwrap_or_else(|lost| Err(BlobStoreError::lost_task("write staged bytes", lost)));
        self.in_flight = None;
        self.failed = result.is_err();
        result
    }

    /// Hands what was collected to a blocking thread. Nothing may be in flight.
    fn start(&mut self, end: JobEnd) {
        let job = Job {
            file: Arc::clone(&self.file),
            chunks: self.filling.take(),
            end,
        };
        self.in_flight = Some(spawn_blocking(move || job.run()));
    }

    fn start_write(&mut self) {
        let end = if self.accepted - self.dirty_from >= WRITE_BACK {
            let offset = mem::replace(&mut self.dirty_from, self.accepted);
            let len = self.accepted - offset;
            JobEnd::WriteBack { offset, len }
        } else {
            JobEnd::Nothing
        };
        self.start(end);
    }
}

#[async_trait]
impl BlobWriter for FsBlobWriter {
    async fn write(&mut self, data: Bytes) -> Result<(), BlobStoreError> {
        if self.failed || self.filling.len() >= BUFFER {
            self.settle().await?;
            self.start_write();
        }
        // From here on nothing waits: a dropped call has not taken its bytes.
        self.accepted += data.len() as u64;
        self.filling.push(data);
        if self.filling.len() >= BUFFER && self.in_flight.is_none() {
            self.start_write();
        }
        Ok(())
    }

    async fn checkpoint(&mut self) -> Result<Staged, BlobStoreError> {
        self.settle().await?;
        if self.durable < self.accepted {
            self.start(JobEnd::Sync { len: self.accepted });
            self.settle().await?;
            self.durable = self.accepted;
            self.dirty_from = self.accepted;
        }
        Ok(Staged::new(self.id, self.durable))
    }
}

/// One trip to a blocking thread.
struct Job {
    file: Arc<StagingFile>,
    chunks: Vec<Bytes>,
    end: JobEnd,
}

/// What follows the write.
enum JobEnd {
    Nothing,
    WriteBack { offset: u64, len: u64 },
    Sync { len: u64 },
}

impl Job {
    fn run(self) -> Result<(), BlobStoreError> {
        self.file.write(&self.chunks)?;
        match self.end {
            JobEnd::Nothing => Ok(()),
            JobEnd::WriteBack { offset, len } => {
                self.file.start_write_back(offset, len);
                Ok(())
            }
            JobEnd::Sync { len } => {
                self.file.sync_data()?;
                if self.file.is_named()? {
                    Ok(())
                } else {
                    Err(BlobStoreError::StagedLost {
                        recorded: len,
                        found: 0,
                    })
                }
            }
        }
    }
}
