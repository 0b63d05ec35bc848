//! Metadata in SQLite, for a registry on one machine.
//!
//! One process owns the database. Changes go through one writer thread, which folds the
//! operations that are waiting into one synced commit; reads run where they are asked for, on
//! pooled connections, and see every change that was acknowledged before.
//!
//! Upload sessions promise less than the rest (see [`UploadSessions`](crate::UploadSessions)),
//! and live in a second file beside the first that is not synced at every commit.
//!
//! The private keys that sign tokens are in the first file, in the clear: who reads it can make
//! tokens. So new files are for their owner alone.

mod blobs;
mod codec;
mod collection;
mod connection;
mod failure;
mod lists;
mod manifests;
mod owner;
mod permissions;
mod readers;
mod references;
mod repositories;
mod schema;
#[cfg(feature = "auth")]
mod secrets;
mod sessions;
mod statements;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;

use self::connection::Sync;
use self::failure::Fault;
use self::owner::Owner;
use self::readers::Readers;
use self::schema::Migration;
use self::statements::statements;
use self::writer::Writer;
use crate::{Health, MetaError};

/// A metadata store in two SQLite files. Clones share them.
///
/// When the last clone goes, operations that were started are finished, the files are closed and
/// their ownership is given up; this may block for the time of a commit.
///
/// Every async method must be called within a tokio runtime. All of them are cancel-safe: a
/// dropped call has happened as a whole or not at all.
#[derive(Clone, Debug)]
pub struct SqliteMeta {
    files: Arc<Files>,
}

/// Fields are dropped in this order: ownership goes last.
#[derive(Debug)]
struct Files {
    registry: Database,
    uploads: Database,
    _owner: Owner,
}

impl SqliteMeta {
    /// Opens the database at `path`, or creates it together with its folder.
    ///
    /// Beside it there will be `<stem>-uploads.<extension>` for the upload sessions,
    /// `<path>.lock`, which stands for ownership while a process holds a lock on it, and SQLite's
    /// own `-wal` and `-shm` files. New files are for their owner alone (mode 0600): they come to
    /// hold private keys. A file that is there keeps its mode; where others have access to it, a
    /// warning names it. Blocks, for milliseconds, whatever the database holds.
    ///
    /// # Errors
    /// - [`MetaError::SchemaTooNew`]: a later version wrote it, in a form that this one cannot use.
    /// - [`MetaError::Full`]
    /// - [`MetaError::Backend`]: another process, or another handle of this one, owns the
    ///   database; or it cannot be read or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, MetaError> {
        Self::with_schema(path.as_ref(), schema::REGISTRY)
    }

    fn with_schema(path: &Path, registry: &[Migration]) -> Result<Self, MetaError> {
        let path =
            std::path::absolute(path).map_err(|e| MetaError::backend("find the database", e))?;
        let owner = Owner::claim(&path)?;
        let uploads = uploads_path(&path);
        let files = Files {
            registry: Database::open(&path, "meta", Sync::EveryCommit, registry)?,
            uploads: Database::open(&uploads, "meta-uploads", Sync::Checkpoints, schema::UPLOADS)?,
            _owner: owner,
        };
        Ok(Self {
            files: Arc::new(files),
        })
    }

    async fn write<T, F>(&self, op: &'static str, work: F) -> Result<T, MetaError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.files.registry.writer.run(op, work).await
    }

    fn readers(&self) -> &Arc<Readers> {
        &self.files.registry.readers
    }
}

fn uploads_path(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push("-uploads");
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// One file with its connections. The readers go before the writer, so that the writer's
/// connection is the last one and folds the log into the file as it closes.
#[derive(Debug)]
struct Database {
    readers: Arc<Readers>,
    writer: Writer,
}

impl Database {
    fn open(
        path: &Path,
        thread: &str,
        sync: Sync,
        migrations: &[Migration],
    ) -> Result<Self, MetaError> {
        permissions::restrict(path)?;
        let mut connection = connection::open_writer(path, sync)?;
        schema::migrate(&mut connection, migrations)?;
        let readers = Arc::new(Readers::new(path.to_owned()));
        Ok(Self {
            writer: Writer::start(thread, connection, path)?,
            readers,
        })
    }

    async fn probe(&self) -> Result<(), MetaError> {
        const OP: &str = "probe the database";
        self.readers
            .read(OP, |conn| Ok(conn.prepare_cached(PROBE_READ)?.exists([])?))?;
        self.writer.probe(OP, PROBE_WRITE).await
    }
}

statements! {
    PROBE_READ = "SELECT 1 FROM schema_version WHERE id = 1";
    PROBE_WRITE = "UPDATE schema_version SET version = version WHERE id = 1";
}

#[async_trait]
impl Health for SqliteMeta {
    /// Reads, and has the writers begin and end a transaction. Only after a commit has failed
    /// does it write, until a write succeeds again.
    async fn probe(&self) -> Result<(), MetaError> {
        self.files.registry.probe().await?;
        self.files.uploads.probe().await
    }
}
