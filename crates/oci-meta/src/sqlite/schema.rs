//! The schemas of the two files, and how a database comes to the newest one.
//!
//! A migration that was released never changes: a change of the schema is a new one behind it.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::failure::Fault;
use crate::MetaError;

/// One step of a schema, numbered from 1 on by its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// The oldest schema version that a program may be made for to still use the database.
    pub(super) oldest_reader: u32,
    /// The statements.
    pub(super) sql: &'static str,
}

/// Repositories and what they hold; what replicas share for authentication. It is the same
/// whatever features this program was built with.
pub(super) const REGISTRY: &[Migration] = &[
    Migration {
        oldest_reader: 1,
        sql: include_str!("schema/registry_1.sql"),
    },
    Migration {
        oldest_reader: 1,
        sql: include_str!("schema/registry_2.sql"),
    },
];

/// Upload sessions.
pub(super) const UPLOADS: &[Migration] = &[Migration {
    oldest_reader: 1,
    sql: include_str!("schema/uploads_1.sql"),
}];

const CREATE: &str = "
    CREATE TABLE schema_version (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        version INTEGER NOT NULL,
        oldest_reader INTEGER NOT NULL
    ) STRICT;
    INSERT INTO schema_version (id, version, oldest_reader) VALUES (1, 0, 0);
";

/// Brings the database to the newest of `migrations`, each in a transaction of its own.
///
/// A database that is newer is used as it is, as long as it allows programs like this one.
pub(super) fn migrate(conn: &mut Connection, migrations: &[Migration]) -> Result<(), MetaError> {
    const OP: &str = "migrate the database";
    let supported = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let recorded = recorded(conn).map_err(|fault| fault.into_error(OP, conn))?;
    let version = match recorded {
        Some((found, oldest)) if oldest > supported => {
            return Err(MetaError::SchemaTooNew { found, supported });
        }
        Some((version, _)) => version,
        None => 0,
    };
    for (version, migration) in (1..).zip(migrations).skip(version as usize) {
        apply(conn, version, migration).map_err(|fault| fault.into_error(OP, conn))?;
    }
    Ok(())
}

/// The database's version and the oldest one that may use it.
fn recorded(conn: &Connection) -> Result<Option<(u32, u32)>, Fault> {
    let fresh = conn.query_row(
        "SELECT count(*) = 0 FROM sqlite_schema WHERE name = 'schema_version'",
        [],
        |row| row.get(0),
    )?;
    if fresh {
        return Ok(None);
    }
    let versions = conn.query_row(
        "SELECT version, oldest_reader FROM schema_version WHERE id = 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    Ok(versions.optional()?)
}

fn apply(conn: &mut Connection, version: u32, migration: &Migration) -> Result<(), Fault> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version == 1 {
        transaction.execute_batch(CREATE)?;
    }
    transaction.execute_batch(migration.sql)?;
    transaction.execute(
        "UPDATE schema_version SET version = ?1, oldest_reader = ?2 WHERE id = 1",
        (version, migration.oldest_reader),
    )?;
    Ok(transaction.commit()?)
}
