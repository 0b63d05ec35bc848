//! A staging file and the lock on it.
//!
//! Whoever changes a staging file holds an exclusive `flock` on it, which belongs to the open
//! file: it works across stores and processes, and it ends with the last write that still runs,
//! even when the task that wanted it is long gone. Everything here blocks.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::{BlobStoreError, Staged};

const LOCK: &str = "lock staged bytes";
const CUT: &str = "cut off staged bytes";

/// A staging file that is locked for as long as this lives.
#[derive(Debug)]
pub(super) struct StagingFile {
    file: File,
    path: PathBuf,
    len: u64,
}

impl StagingFile {
    /// Opens and locks the file at `path`; `None` when there is none and `create` is unset.
    pub(super) fn lock(path: &Path, create: bool) -> Result<Option<Self>, BlobStoreError> {
        // Sealing and discarding take the name away. A file that lost it between opening and
        // locking may be somebody's object by now.
        const ATTEMPTS: usize = 8;
        for _ in 0..ATTEMPTS {
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create(create)
                .truncate(false)
                .mode(0o600)
                .open(path);
            let file = match opened {
                Err(e) if e.kind() == io::ErrorKind::NotFound && !create => return Ok(None),
                opened => opened.map_err(|e| BlobStoreError::io("open staged bytes", e))?,
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(BlobStoreError::Busy),
                Err(TryLockError::Error(e)) => return Err(BlobStoreError::io(LOCK, e)),
            }
            if let Some(len) = len_if_named(&file, path).map_err(|e| BlobStoreError::io(LOCK, e))? {
                let path = path.to_owned();
                return Ok(Some(Self { file, path, len }));
            }
        }
        Err(BlobStoreError::Busy)
    }

    /// Makes the file exactly as long as `staged` records.
    ///
    /// What is cut off is cut off durably: the length of an object must not grow back when the
    /// power fails after it was sealed.
    pub(super) fn cut_to(&mut self, staged: &Staged) -> Result<(), BlobStoreError> {
        if self.len < staged.len {
            return Err(BlobStoreError::StagedLost {
                recorded: staged.len,
                found: self.len,
            });
        }
        if self.len > staged.len {
            self.file
                .set_len(staged.len)
                .map_err(|e| BlobStoreError::io(CUT, e))?;
            self.len = staged.len;
            self.sync_all()?;
        }
        Ok(())
    }

    /// Makes the next write start at the end.
    pub(super) fn seek_to_end(&self) -> Result<(), BlobStoreError> {
        (&self.file)
            .seek(SeekFrom::Start(self.len))
            .map(drop)
            .map_err(|e| BlobStoreError::io("find the end of staged bytes", e))
    }

    /// Writes `chunks` behind what was written before.
    pub(super) fn write(&self, chunks: &[Bytes]) -> Result<(), BlobStoreError> {
        write_all(&self.file, chunks).map_err(|e| BlobStoreError::io("write staged bytes", e))
    }

    /// Lets the system start to bring a part of the file to the disk, without waiting for it.
    #[cfg(target_os = "linux")]
    pub(super) fn start_write_back(&self, offset: u64, len: u64) {
        use std::os::fd::AsRawFd;
        let (Ok(offset), Ok(len)) = (i64::try_from(offset), i64::try_from(len)) else {
            return;
        };
        // SAFETY: the call takes plain integers, and the descriptor is open while `self` lives.
        #[allow(unsafe_code)]
        let result = unsafe {
            libc::sync_file_range(
                self.file.as_raw_fd(),
                offset,
                len,
                libc::SYNC_FILE_RANGE_WRITE,
            )
        };
        // It only saves time. A failed write-back is reported by the sync that counts.
        if result != 0 {
            tracing::trace!(error = %io::Error::last_os_error(), "write-back was not started");
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn start_write_back(&self, _offset: u64, _len: u64) {}

    /// Makes the bytes and the length durable. A failure drops the staging file: the system
    /// forgets what it could not write, so that another sync would succeed without the bytes.
    pub(super) fn sync_data(&self) -> Result<(), BlobStoreError> {
        self.synced(self.file.sync_data())
    }

    /// As [`Self::sync_data`], with everything else that is known of the file.
    pub(super) fn sync_all(&self) -> Result<(), BlobStoreError> {
        self.synced(self.file.sync_all())
    }

    fn synced(&self, result: io::Result<()>) -> Result<(), BlobStoreError> {
        result.map_err(|e| {
            tracing::error!(path = %self.path.display(), error = %e, "a sync failed, staged bytes are dropped");
            if let Err(e) = fs::remove_file(&self.path) {
                tracing::error!(path = %self.path.display(), error = %e, "staged bytes could not be dropped");
            }
            BlobStoreError::io("sync staged bytes", e)
        })
    }

    /// Whether the file still has a name, that is, was not discarded meanwhile.
    pub(super) fn is_named(&self) -> Result<bool, BlobStoreError> {
        let metadata = self
            .file
            .metadata()
            .map_err(|e| BlobStoreError::io("look at staged bytes", e))?;
        Ok(metadata.nlink() > 0)
    }

    /// Gives the file the name `target`, which must be free.
    pub(super) fn rename(&self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

impl Drop for StagingFile {
    fn drop(&mut self) {
        // Closing is not enough while a child process that was just forked shares the file.
        if let Err(e) = self.file.unlock() {
            tracing::warn!(path = %self.path.display(), error = %e, "staged bytes could not be unlocked");
        }
    }
}

/// The length of `file` if it is what `path` names.
fn len_if_named(file: &File, path: &Path) -> io::Result<Option<u64>> {
    let named = match fs::metadata(path) {
        Ok(named) => named,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let held = file.metadata()?;
    let same = (held.dev(), held.ino()) == (named.dev(), named.ino());
    Ok(same.then_some(held.len()))
}

fn write_all(mut to: impl Write, chunks: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = chunks.iter().map(|c| IoSlice::new(c)).collect();
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        match to.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time, and is interrupted in between.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        calls: usize,
    }

    impl Write for Slow {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let len = data.len().min(3);
            self.taken.extend_from_slice(&data[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn short_writes_are_gone_on_with() {
        let chunks = ["abcde", "f", "ghijklmno"].map(|chunk| Bytes::from_static(chunk.as_bytes()));
        let mut slow = Slow::default();
        write_all(&mut slow, &chunks).unwrap();
        assert_eq!(slow.taken, chunks.concat());
    }

    #[test]
    fn a_write_of_nothing_is_an_error() {
        let mut full = &mut [0; 4][..];
        let error = write_all(&mut full, &[Bytes::from_static(b"abcde")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
