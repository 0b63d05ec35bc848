//! The schema, and how a database comes to the newest one.
//!
//! A migration that was released never changes: a change of the schema is a new one behind it.
//! Replicas of the version before go on while it runs and after it, so it takes no lock that
//! keeps them for long, and what it replaces of a function takes and answers the same; a function
//! that is called otherwise has another name.

use deadpool_postgres::{Object, Transaction};

use super::client::Client;
use super::codec::Count;
use super::failure::Fault;
use crate::MetaError;

/// One step of the schema, numbered from 1 on by its place.
#[derive(Clone, Copy, Debug)]
struct Migration {
    /// The oldest schema version that a program may be made for to still use the database.
    oldest_reader: u32,
    /// The statements.
    sql: &'static str,
}

/// It is the same whatever features this program was built with.
const MIGRATIONS: &[Migration] = &[Migration {
    oldest_reader: 1,
    sql: concat!(
        include_str!("schema/tables_1.sql"),
        include_str!("schema/functions_1.sql"),
        include_str!("schema/sessions_1.sql"),
        include_str!("schema/secrets_1.sql"),
    ),
}];

const SUPPORTED: u32 = MIGRATIONS.len() as u32;

const CREATE: &str = "
    CREATE TABLE schema_version (
        id smallint PRIMARY KEY CHECK (id = 1),
        version bigint NOT NULL,
        oldest_reader bigint NOT NULL
    );
    INSERT INTO schema_version (id, version, oldest_reader) VALUES (1, 0, 0);
";

/// A wait for another replica's migration may take longer than statements may.
const NO_TIMEOUTS: &str = "
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
";

/// One replica at a time.
const LOCK: &str = "SELECT pg_advisory_xact_lock(
    hashtextextended('oci-server migrates ' || coalesce(current_schema(), ''), 0))";

const SERVER: &str = "SELECT current_setting('server_version_num')::bigint,
    current_setting('server_encoding')";
/// It reads the catalog itself: what looks names up there, such as `to_regclass`, may go on
/// answering from before the wait for [`LOCK`].
const IS_THERE: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class
    WHERE relname = 'schema_version' AND relkind = 'r' AND pg_table_is_visible(oid))";
const RECORDED: &str = "SELECT version, oldest_reader FROM schema_version WHERE id = 1";
const RECORD: &str = "UPDATE schema_version SET version = $1, oldest_reader = $2 WHERE id = 1";

/// A read-only database refuses the lock.
const PROBE: &str = "SELECT version, oldest_reader FROM schema_version WHERE id = 1 FOR KEY SHARE";

/// The oldest server that has what the functions use.
const OLDEST_SERVER: u64 = 12_00_00;

/// The database's version and the oldest one that may use it.
#[derive(Clone, Copy, Debug)]
struct Recorded {
    version: u32,
    oldest_reader: u32,
}

impl Recorded {
    fn check(self) -> Result<Self, MetaError> {
        if self.oldest_reader > SUPPORTED {
            return Err(MetaError::SchemaTooNew {
                found: self.version,
                supported: SUPPORTED,
            });
        }
        Ok(self)
    }
}

/// Asks whether the database can be used by this program and takes writes.
pub(super) async fn probe(client: &Client) -> Result<(), MetaError> {
    const OP: &str = "probe the database";
    let row = client.row(OP, PROBE, &[]).await?;
    let row = row.ok_or_else(|| MetaError::backend(OP, "its schema version is not recorded"))?;
    let recorded = read(&row).map_err(|e| Fault::from(e).into_error(OP))?;
    recorded.check().map(drop)
}

/// Brings the database to the newest schema, each migration in a transaction of its own.
///
/// A database that is newer is used as it is, as long as it allows programs like this one.
pub(super) async fn migrate(client: &Client) -> Result<(), MetaError> {
    const OP: &str = "open the database";
    let mut connection = client
        .connection()
        .await
        .map_err(|fault| fault.into_error(OP))?;
    check_server(&connection).await?;
    let found = recorded(&connection)
        .await
        .map_err(|fault| explained(fault, OP))?;
    let mut version = match found {
        Some(recorded) => recorded.check()?.version,
        None => 0,
    };
    while version < SUPPORTED {
        version = step(&mut connection).await?.check()?.version;
    }
    Ok(())
}

async fn check_server(connection: &Object) -> Result<(), MetaError> {
    const OP: &str = "use the database";
    let asked = async {
        let row = connection.query_one(SERVER, &[]).await?;
        Ok((row.try_get::<_, Count>(0)?.0, row.try_get::<_, String>(1)?))
    };
    let (version, encoding) = asked
        .await
        .map_err(|e: tokio_postgres::Error| Fault::from(e).into_error(OP))?;
    if version < OLDEST_SERVER {
        return Err(MetaError::backend(OP, "it is older than PostgreSQL 12"));
    }
    if encoding != "UTF8" {
        let problem = format!("its encoding is {encoding}; create one with ENCODING 'UTF8'");
        return Err(MetaError::backend(OP, problem));
    }
    Ok(())
}

async fn recorded(connection: &Object) -> Result<Option<Recorded>, Fault> {
    let row = connection.query_one(IS_THERE, &[]).await?;
    if !row.try_get(0)? {
        return Ok(None);
    }
    let row = connection.query_opt(RECORDED, &[]).await?;
    Ok(row.map(|row| read(&row)).transpose()?)
}

/// Runs the next migration, unless another replica has done so meanwhile; answers where the
/// database is then.
async fn step(connection: &mut Object) -> Result<Recorded, MetaError> {
    const OP: &str = "migrate the database";
    let stepped = async {
        let transaction = connection.transaction().await?;
        transaction.batch_execute(NO_TIMEOUTS).await?;
        transaction.batch_execute(LOCK).await?;
        let recorded = next(&transaction).await?;
        transaction.commit().await?;
        Ok(recorded)
    };
    stepped.await.map_err(|fault| explained(fault, OP))
}

async fn next(transaction: &Transaction<'_>) -> Result<Recorded, Fault> {
    let row = transaction.query_one(IS_THERE, &[]).await?;
    if !row.try_get(0)? {
        transaction.batch_execute(CREATE).await?;
    }
    let found = read(&transaction.query_one(RECORDED, &[]).await?)?;
    let Some(migration) = MIGRATIONS.get(found.version as usize) else {
        return Ok(found);
    };
    let done = Recorded {
        version: found.version + 1,
        oldest_reader: migration.oldest_reader,
    };
    transaction.batch_execute(migration.sql).await?;
    let numbers = (Count(done.version.into()), Count(done.oldest_reader.into()));
    transaction
        .execute(RECORD, &[&numbers.0, &numbers.1])
        .await?;
    Ok(done)
}

fn read(row: &tokio_postgres::Row) -> Result<Recorded, tokio_postgres::Error> {
    let number = |index| {
        let Count(number) = row.try_get(index)?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    };
    Ok(Recorded {
        version: number(0)?,
        oldest_reader: number(1)?,
    })
}

/// The failure, and where rights are missing, what to do.
fn explained(fault: Fault, op: &'static str) -> MetaError {
    let is_forbidden = fault.is_forbidden();
    match fault.into_error(op) {
        MetaError::Backend { op, source } if is_forbidden => MetaError::backend(
            op,
            format!(
                "{source}: the user of the connection needs the right to create tables and \
                 functions in the schema, and owns what was created"
            ),
        ),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use crate::references::{EdgeKind, MAX_MISSING};

    /// The other backends have these numbers in code.
    #[test]
    fn the_functions_have_the_numbers_of_the_model() {
        let sql = include_str!("schema/functions_1.sql");
        let kinds = EdgeKind::OF_BLOBS.map(|kind| (kind as i16).to_string());
        for text in [
            format!("e.kind IN ({})", kinds.join(", ")),
            format!("LIMIT {MAX_MISSING}) absent"),
            format!("p_needed[1:{MAX_MISSING}]"),
        ] {
            assert!(sql.contains(&text), "{text}");
        }
    }
}
