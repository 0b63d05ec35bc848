//! Opens connections, all with the same settings.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure::Fault;
use crate::MetaError;

/// How many prepared statements a connection keeps: more than there are.
const STATEMENTS: usize = 128;

/// How long to wait for somebody who looks at the database with another tool.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// To how many bytes the log is cut back after a checkpoint.
const WAL_KEPT: u32 = 16 << 20;

/// Marks the file as this program's: "OCIm".
const APPLICATION_ID: i32 = 0x4f43_496d;

/// When commits reach stable storage.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sync {
    /// Each before it returns.
    EveryCommit,
    /// With the next checkpoint; until then they survive the death of the process.
    Checkpoints,
}

/// Opens the one connection that writes, and creates the file if there is none.
pub(super) fn open_writer(path: &Path, sync: Sync) -> Result<Connection, MetaError> {
    const OP: &str = "open the database";
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|e| MetaError::backend(OP, e))?;
    configure_writer(&conn, sync).map_err(|fault| fault.into_error(OP, &conn))?;
    Ok(conn)
}

fn configure_writer(conn: &Connection, sync: Sync) -> Result<(), Fault> {
    configure(conn)?;
    claim_application(conn)?;
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(MetaError::backend(
            "open the database",
            format!("the filesystem supports no write-ahead log (SQLite offers {mode:?})"),
        )
        .into());
    }
    conn.pragma_update(
        None,
        "synchronous",
        match sync {
            Sync::EveryCommit => "FULL",
            Sync::Checkpoints => "NORMAL",
        },
    )?;
    conn.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    Ok(())
}

/// Refuses a database of another program, which its own program would miss.
fn claim_application(conn: &Connection) -> Result<(), Fault> {
    let id: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    let empty = !conn.prepare("SELECT 1 FROM sqlite_schema")?.exists([])?;
    if id != 0 || !empty {
        return Err(MetaError::backend(
            "open the database",
            "the file is a database of another program",
        )
        .into());
    }
    Ok(conn.pragma_update(None, "application_id", APPLICATION_ID)?)
}

/// Opens a connection that reads: not through a memory map, which would save a microsecond and
/// turn a failing disk from an error into a signal that ends the process.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    configure(&conn)?;
    Ok(conn)
}

fn configure(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without it, SQLite prepares a statement again whenever other values are bound to it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    Ok(())
}
