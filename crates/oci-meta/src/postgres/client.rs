//! Runs statements on pooled connections.

use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row, config::SslMode};

use super::config::PostgresConfig;
use super::failure::Fault;
use super::tls;
use crate::MetaError;

/// How often a statement is tried again that got in another one's way.
const RETRIES: u32 = 5;

/// How long a call waits for a connection when all are in use.
const POOL_WAIT: Duration = Duration::from_secs(10);

/// How long a statement may take. The server ends it a little earlier, so that it is over when
/// its end is reported.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

/// What every connection starts with. A database, or a user of it, may have other defaults: the
/// functions are made for this isolation, and what is acknowledged is to be durable.
const SETUP: &str = "
    SET default_transaction_isolation = 'read committed';
    SET statement_timeout = '25s';
    SET idle_in_transaction_session_timeout = '25s';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off';
";

/// What a statement is called with.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The connections of one replica, each with its prepared statements.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pool: Pool,
}

impl Client {
    /// Connects when it is first used.
    pub(super) fn new(config: &PostgresConfig) -> Result<Self, MetaError> {
        const OP: &str = "prepare the connections to the database";
        let postgres = config.postgres.clone();
        let method = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = if postgres.get_ssl_mode() == SslMode::Disable {
            Manager::from_config(postgres, NoTls, method)
        } else {
            let tls = tls::connector(&config.trust).map_err(|e| MetaError::backend(OP, e))?;
            Manager::from_config(postgres, tls, method)
        };
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(POOL_WAIT))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move {
                    let set_up = client.batch_execute(SETUP).await;
                    set_up.map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|e| MetaError::backend(OP, e))?;
        Ok(Self { pool })
    }

    /// A connection, for what takes more than a statement.
    pub(super) async fn connection(&self) -> Result<Object, Fault> {
        Ok(self.pool.get().await?)
    }

    /// The rows of a statement, which is one transaction and, where the connection has it
    /// prepared, one round trip.
    pub(super) async fn rows(
        &self,
        op: &'static str,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, MetaError> {
        let mut retries = 0;
        loop {
            match self.attempt(sql, params).await {
                Ok(rows) => return Ok(rows),
                Err(fault) if fault.may_pass() && retries < RETRIES => {
                    retries += 1;
                    tokio::time::sleep(backoff(retries)).await;
                }
                Err(fault) => return Err(fault.into_error(op)),
            }
        }
    }

    /// The only row of a statement, if it has one.
    pub(super) async fn row(
        &self,
        op: &'static str,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Option<Row>, MetaError> {
        Ok(self.rows(op, sql, params).await?.into_iter().next())
    }

    /// The row of a function's outcome.
    pub(super) async fn call(
        &self,
        op: &'static str,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Row, MetaError> {
        let row = self.row(op, sql, params).await?;
        row.ok_or_else(|| MetaError::backend(op, "a function of the database answered nothing"))
    }

    async fn attempt(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        let connection = self.connection().await?;
        let run = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.query(&statement, params).await
        };
        let outcome = match tokio::time::timeout(STATEMENT_LIMIT, run).await {
            Ok(outcome) => outcome.map_err(Fault::from),
            Err(_) => Err(Fault::Silent),
        };
        if outcome.as_ref().is_err_and(Fault::spoils_connection) {
            drop(Object::take(connection));
        }
        outcome
    }
}

/// How long to let others finish, with a part by chance, so that those who met part.
fn backoff(retry: u32) -> Duration {
    let chance = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) % 16;
    Duration::from_millis((4 << retry) + chance)
}
