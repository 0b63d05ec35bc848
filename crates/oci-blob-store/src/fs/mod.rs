//! Objects as files below one folder. It does not hash, and it keeps no index: what is there is
//! what the folders say.
//!
//! # Layout
//!
//! ```text
//! uploads/<uuid>                                    staged bytes
//! blobs/<algorithm>/<2 hex digits>/<hex>.<uuid>     sealed objects; the path is the locator
//! ```
//!
//! Everything is readable by its owner only, and on one filesystem. Files that do not belong are
//! left alone.
//!
//! # What is durable, and when
//!
//! - A checkpoint writes the bytes and syncs the file. The name of a staging file is not synced:
//!   power loss may take an unsealed upload away, and the next use of it answers
//!   [`BlobStoreError::StagedLost`].
//! - Sealing renames and then syncs the folder. It does not sync the bytes a second time, because
//!   a [`Staged`] only ever counts bytes that a checkpoint synced; where it cuts something off it
//!   syncs that. In a trace: `write`, `fdatasync` of the file, `rename`, `fsync` of the folder.
//! - A removal is not synced: after power loss an object may be back, and is found by listing.
//! - After a failed sync the bytes in question are dropped, never synced again.
//!
//! # Where work runs
//!
//! Everything that writes, syncs or walks folders runs on Tokio's blocking threads. Opening an
//! object and asking for its length do not: on a local disk these calls cost less than the trip
//! to another thread, which halves the rate at which small objects are served. What is asked for
//! up to 64 KiB is read at once when the page cache has it, and on a blocking thread otherwise,
//! so that a cold disk does not hold up other tasks.

#[cfg(not(unix))]
compile_error!("the filesystem store needs a Unix system: turn the feature `fs` off");

mod buffer;
mod layout;
mod objects;
mod staging;
mod writer;

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use oci_types::{Algorithm, Digest};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::{
    BlobContent, BlobRead, BlobStore, BlobStoreError, BlobWriter, Locator, Staged, StoredObject,
    read,
};
use layout::Layout;
use staging::StagingFile;
use writer::FsBlobWriter;

/// Up to this many bytes are read while opening, instead of handing the file out.
const READ_AT_ONCE: u64 = 64 << 10;

/// A [`BlobStore`] of files.
///
/// Clones share one store. Several stores, also in several processes, may use one folder: a
/// writer holds an exclusive lock on its staging file (`flock`).
#[derive(Clone, Debug)]
pub struct FsBlobStore {
    layout: Arc<Layout>,
}

impl FsBlobStore {
    /// Opens the store at `root`, and makes the folders that are missing, `root` included.
    ///
    /// Nothing is scanned. Blocks for a handful of system calls.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`] or [`BlobStoreError::Full`] where the folders can not be made or
    /// synced, or where staged bytes and objects are not on one filesystem.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, BlobStoreError> {
        let layout = Layout::create(&root.into())
            .map_err(|e| BlobStoreError::io("open the folder of blobs", e))?;
        Ok(Self {
            layout: Arc::new(layout),
        })
    }

    /// Runs `work` on a blocking thread.
    async fn blocking<T: Send + 'static>(
        &self,
        op: &'static str,
        work: impl FnOnce(&Layout) -> Result<T, BlobStoreError> + Send + 'static,
    ) -> Result<T, BlobStoreError> {
        let layout = Arc::clone(&self.layout);
        spawn_blocking(move || work(&layout))
            .await
            .unwrap_or_else(|lost| Err(BlobStoreError::lost_task(op, lost)))
    }
}

#[async_trait]
impl BlobStore for FsBlobStore {
    async fn begin(&self) -> Result<Staged, BlobStoreError> {
        Ok(Staged::new(Uuid::new_v4(), 0))
    }

    async fn append(&self, staged: &Staged) -> Result<Box<dyn BlobWriter>, BlobStoreError> {
        let staged = staged.clone();
        self.blocking("open staged bytes", move |layout| {
            let path = layout.staging(staged.id);
            let Some(mut file) = StagingFile::lock(&path, staged.is_empty())? else {
                return Err(BlobStoreError::StagedLost {
                    recorded: staged.len,
                    found: 0,
                });
            };
            file.cut_to(&staged)?;
            file.seek_to_end()?;
            Ok(Box::new(FsBlobWriter::new(file, &staged)) as Box<dyn BlobWriter>)
        })
        .await
    }

    async fn seal(&self, staged: &Staged, digest: &Digest) -> Result<Locator, BlobStoreError> {
        let (staged, digest) = (staged.clone(), *digest);
        self.blocking("seal staged bytes", move |layout| {
            objects::seal(layout, &staged, &digest)
        })
        .await
    }

    async fn read_staged(&self, staged: &Staged) -> Result<BlobRead, BlobStoreError> {
        let len = staged.len;
        let (file, found) = match open_file(self.layout.staging(staged.id)) {
            Ok(opened) => opened,
            Err(e) if e.kind() == io::ErrorKind::NotFound => (None, 0),
            Err(e) => return Err(BlobStoreError::io("open staged bytes", e)),
        };
        if found < len {
            return Err(BlobStoreError::StagedLost {
                recorded: len,
                found,
            });
        }
        let content = match file {
            Some(file) => BlobContent::File { file, offset: 0 },
            None => BlobContent::Bytes(Bytes::new()),
        };
        Ok(BlobRead { len, content })
    }

    async fn discard(&self, staged: &Staged) -> Result<(), BlobStoreError> {
        let id = staged.id;
        self.blocking("discard staged bytes", move |layout| {
            objects::remove_file(&layout.staging(id))
                .map_err(|e| BlobStoreError::io("discard staged bytes", e))
        })
        .await
    }

    async fn size(&self, locator: &Locator) -> Result<u64, BlobStoreError> {
        objects::size(&self.layout, locator)
    }

    async fn open(
        &self,
        locator: &Locator,
        size: u64,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobStoreError> {
        let (file, found) = objects::open(&self.layout, locator)?;
        if found != size {
            return Err(BlobStoreError::Damaged {
                locator: locator.clone(),
                recorded: size,
                found,
            });
        }
        let range = read::resolve(range, size)?;
        let (offset, len) = (range.start, range.end - range.start);
        let file = Arc::new(file);
        if len > READ_AT_ONCE {
            let content = BlobContent::File { file, offset };
            return Ok(BlobRead { len, content });
        }
        let bytes = match read_cached(&file, offset, len as usize) {
            Some(bytes) => bytes,
            None => {
                let content = BlobContent::File { file, offset };
                BlobRead { len, content }.into_bytes().await?
            }
        };
        let content = BlobContent::Bytes(bytes);
        Ok(BlobRead { len, content })
    }

    async fn remove(&self, locator: &Locator) -> Result<(), BlobStoreError> {
        let locator = locator.clone();
        self.blocking("remove an object", move |layout| {
            objects::remove(layout, &locator)
        })
        .await
    }

    async fn list(
        &self,
        after: Option<&Locator>,
        limit: usize,
    ) -> Result<Vec<StoredObject>, BlobStoreError> {
        let after = after.cloned();
        self.blocking("list objects", move |layout| {
            objects::list(layout, after.as_ref(), limit)
                .map_err(|e| BlobStoreError::io("list objects", e))
        })
        .await
    }

    /// Makes and removes an empty file beside the staged ones, and looks at the folders of
    /// objects. It finds a folder that vanished, is not writable, or is on a filesystem that was
    /// turned read-only after an error; it does not ask for space, so that a full disk keeps
    /// serving what it has.
    async fn probe(&self) -> Result<(), BlobStoreError> {
        self.blocking("reach the folder of blobs", |layout| {
            probe(layout).map_err(|e| BlobStoreError::io("reach the folder of blobs", e))
        })
        .await
    }
}

fn open_file(path: PathBuf) -> io::Result<(Option<Arc<File>>, u64)> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok((Some(Arc::new(file)), len))
}

fn probe(layout: &Layout) -> io::Result<()> {
    for algorithm in Algorithm::ALL {
        fs::metadata(layout.algorithm(algorithm))?;
    }
    // One name for all probes: a process that dies here leaves one file, whenever it does.
    let path = layout.uploads().join("probe");
    File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)?;
    objects::remove_file(&path)
}

/// Reads without waiting for the disk: `None` when not all of it is in the page cache, or when
/// the system can not tell.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, offset: u64, len: usize) -> Option<Bytes> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut buffer = vec![0; len];
    let slices = &mut [io::IoSliceMut::new(&mut buffer)];
    let read = preadv2(file, slices, offset, ReadWriteFlags::NOWAIT);
    (read == Ok(len)).then(|| buffer.into())
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: u64, len: usize) -> Option<Bytes> {
    (len == 0).then(Bytes::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_read_is_whole_or_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"content").unwrap();
        let file = File::open(file.path()).unwrap();
        for (offset, len) in [(0, 8), (1, 7), (7, 1), (u64::MAX - 1, 1)] {
            assert_eq!(read_cached(&file, offset, len), None, "{len} at {offset}");
        }
        assert_eq!(read_cached(&file, 7, 0), Some(Bytes::new()));
    }
}
