//! What goes wrong in SQLite, and what of it a caller is told.

use std::error::Error;
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, ffi};

use crate::MetaError;

/// Why an operation did not do what it was asked.
#[derive(Debug)]
pub(super) enum Fault {
    /// A rule of the registry.
    Refused(MetaError),
    /// SQLite.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<MetaError> for Fault {
    fn from(error: MetaError) -> Self {
        Self::Refused(error)
    }
}

impl Fault {
    /// The error of the operation `op` that failed on `conn` just now.
    pub(super) fn into_error(self, op: &'static str, conn: &Connection) -> MetaError {
        match self {
            Self::Refused(error) => error,
            Self::Sqlite(error) => Failure::new(error, conn).error(op),
        }
    }
}

/// A failure of SQLite, which may have been that of several operations at once.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    full: bool,
    source: Arc<rusqlite::Error>,
}

impl Failure {
    /// Takes down `error`, the last one that `conn` had.
    pub(super) fn new(error: rusqlite::Error, conn: &Connection) -> Self {
        Self {
            full: is_full(&error, conn),
            source: Arc::new(error),
        }
    }

    /// The failure as the error of one operation.
    pub(super) fn error(&self, op: &'static str) -> MetaError {
        let source = Box::new(Shared(Arc::clone(&self.source)));
        if self.full {
            MetaError::Full { op, source }
        } else {
            MetaError::Backend { op, source }
        }
    }
}

fn is_full(error: &rusqlite::Error, conn: &Connection) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => true,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            let errno = io::Error::from_raw_os_error(system_errno(conn));
            matches!(
                errno.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            )
        }
        _ => false,
    }
}

/// The operating system's error number behind the last I/O error of `conn`.
///
/// SQLite says `SQLITE_FULL` where a write finds no space, and a general I/O error where a quota,
/// a sync or a memory map does; rusqlite has no safe way to this number.
#[allow(unsafe_code)]
fn system_errno(conn: &Connection) -> c_int {
    // SAFETY: the handle is open as long as `conn` is borrowed, only this thread uses it, and
    // the call only reads a field of it.
    unsafe { ffi::sqlite3_system_errno(conn.handle()) }
}

/// rusqlite's error, as the source of several errors.
#[derive(Debug)]
struct Shared(Arc<rusqlite::Error>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
