//! Keeps the write-ahead log short.
//!
//! SQLite checkpoints by itself, but begins the log anew only in a moment in which nobody reads
//! from it. Under readers that overlap without a gap that moment never comes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::sqlite::connection::BUSY_TIMEOUT;

/// Beyond how many bytes the log has to be begun anew.
const MAX_BYTES: u64 = 64 << 20;

/// After how many transactions to try again, where somebody kept it from that.
const RETRY_AFTER: u32 = 256;

/// For how long writes wait for readers when it does.
const PATIENCE: Duration = Duration::from_millis(250);

/// The log of one database.
pub(super) struct Wal {
    path: PathBuf,
    /// How many transactions to let pass.
    rest: u32,
}

impl Wal {
    /// The log of the database at `path`.
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: log_path(path),
            rest: 0,
        }
    }

    /// To be called after each transaction. Where the log has grown too long, waits for those
    /// who read from it, which is microseconds for each, and makes the next one begin anew.
    pub(super) fn keep_short(&mut self, conn: &Connection) {
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        let bytes = fs::metadata(&self.path).map_or(0, |log| log.len());
        if bytes <= MAX_BYTES {
            return;
        }
        match begin_anew(conn) {
            Ok(false) => return,
            Ok(true) => tracing::warn!(bytes, "readers kept the database's log from ending"),
            Err(error) => tracing::warn!(bytes, %error, "could not end the database's log"),
        }
        self.rest = RETRY_AFTER;
    }
}

/// Where SQLite keeps the log of the database at `path`.
pub(in crate::sqlite) fn log_path(path: &Path) -> PathBuf {
    let mut log = OsString::from(path);
    log.push("-wal");
    log.into()
}

/// Empties the log; answers whether readers kept it from that.
fn begin_anew(conn: &Connection) -> rusqlite::Result<bool> {
    conn.busy_timeout(PATIENCE)?;
    let busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    conn.busy_timeout(BUSY_TIMEOUT)?;
    busy
}
