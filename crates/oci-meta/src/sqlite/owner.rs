//! The ownership of a database: one handle of one process at a time.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::MetaError;

const OP: &str = "take ownership of the database";

/// A lock on `<path>.lock`, held as long as this lives. The file itself stays.
#[derive(Debug)]
pub(super) struct Owner {
    _lock: File,
}

/// Somebody else has the database open.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} is in use by another process: a database belongs to one server at a time; stop that one, \
     or give this one a database of its own",
    path.display()
)]
struct InUse {
    path: PathBuf,
}

impl Owner {
    /// Takes ownership of the database at `path`, whose folder is created if there is none.
    pub(super) fn claim(path: &Path) -> Result<Self, MetaError> {
        let failed = |e: io::Error| MetaError::backend(OP, e);
        if let Some(folder) = path.parent() {
            create_synced(folder).map_err(failed)?;
        }
        let mut lock_path = OsString::from(path);
        lock_path.push(".lock");
        let mut options = File::options();
        let options = options.create(true).truncate(false).write(true);
        let lock = options.open(lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(MetaError::backend(
                OP,
                InUse {
                    path: path.to_owned(),
                },
            )),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }
}

/// Creates the folder and those above it such that they survive power loss.
fn create_synced(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|f| !f.exists()).collect();
    fs::create_dir_all(folder)?;
    for created in missing {
        if let Some(parent) = created.parent() {
            sync_folder(parent)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file, and its entries are journaled.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the other systems' signature")]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
