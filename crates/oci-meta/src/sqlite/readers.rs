//! Reads: on pooled connections, on the thread that asks.
//!
//! A point read takes microseconds from the page cache, less than the way to another thread and
//! back. What may take longer goes to the blocking pool. No read spans several calls, so none
//! keeps the log from being checkpointed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::task;

use super::connection;
use super::failure::Fault;
use crate::MetaError;

/// How many idle connections are kept: as many as threads are likely to read at once.
const MAX_IDLE: usize = 32;

/// From how many rows on a page is read on the blocking pool.
const MANY_ROWS: usize = 256;

/// Connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Readers of the database at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
        }
    }

    /// Reads on this thread. A connection whose read failed or panicked is not used again.
    pub(super) fn read<T>(
        &self,
        op: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, MetaError> {
        let idle = self.idle().pop();
        let conn = match idle {
            Some(conn) => conn,
            None => connection::open_reader(&self.path).map_err(|e| MetaError::backend(op, e))?,
        };
        let answer = read(&conn).map_err(|fault| fault.into_error(op, &conn))?;
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(conn);
        }
        Ok(answer)
    }

    /// Reads on the blocking pool.
    pub(super) async fn read_long<T, F>(
        self: &Arc<Self>,
        op: &'static str,
        read: F,
    ) -> Result<T, MetaError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let readers = Arc::clone(self);
        let reading = task::spawn_blocking(move || readers.read(op, read));
        reading.await.map_err(|e| MetaError::backend(op, e))?
    }

    /// Reads up to `rows` rows, where that takes the least from others.
    pub(super) async fn read_rows<T, F>(
        self: &Arc<Self>,
        op: &'static str,
        rows: usize,
        read: F,
    ) -> Result<T, MetaError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        if rows < MANY_ROWS {
            self.read(op, read)
        } else {
            self.read_long(op, read).await
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
