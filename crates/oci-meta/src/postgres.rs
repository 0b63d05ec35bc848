//! Metadata in PostgreSQL, for any number of replicas.
//!
//! The rules are in the database: each change is one call of a function that a migration created,
//! and so one statement, one transaction and one round trip. Replicas share nothing else, and no
//! replica caches what another one may change.
//!
//! Upload sessions are in the same database, and as durable as everything else: a change that a
//! crash took back could be made a second time by another replica, while the first still goes on
//! from it.
//!
//! The private keys that sign tokens are in the database, in the clear: who reads it can make
//! tokens.

mod blobs;
mod client;
mod codec;
mod collection;
mod config;
mod failure;
mod lists;
mod manifests;
mod schema;
#[cfg(feature = "auth")]
mod secrets;
mod sessions;
mod tls;

use async_trait::async_trait;

use self::client::Client;
pub use self::config::{PostgresConfig, PostgresConfigError};
use crate::{Health, MetaError};

/// A metadata store in a PostgreSQL database. Clones share its connections.
///
/// Every async method must be called within a tokio runtime with time and I/O. All of them are
/// cancel-safe: a dropped call has happened as a whole or not at all. A call whose connection is
/// lost ends in [`MetaError::Unavailable`], and the next one connects anew. Deadlocks and
/// serialization failures are tried again a few times before they end the same way.
#[derive(Clone, Debug)]
pub struct PostgresMeta {
    client: Client,
}

impl PostgresMeta {
    /// Connects and brings the database to the newest schema.
    ///
    /// Of several replicas that start at once, one migrates and the others wait. Those of an
    /// older version that are running go on.
    ///
    /// # Errors
    /// - [`MetaError::SchemaTooNew`]: a later version migrated it, to a form that this one cannot
    ///   use.
    /// - [`MetaError::Unavailable`]: it cannot be reached, or it refuses the login.
    /// - [`MetaError::Full`]
    /// - [`MetaError::Backend`]: it is older than PostgreSQL 12, its encoding is not UTF-8, the
    ///   user may not do what is needed, or a certificate file cannot be read.
    ///
    /// None of them shows the password.
    pub async fn connect(config: &PostgresConfig) -> Result<Self, MetaError> {
        let client = Client::new(config)?;
        schema::migrate(&client).await?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Health for PostgresMeta {
    /// Reads the schema's version and locks its row, as only a database that takes writes does;
    /// one that a later version has taken over answers [`MetaError::SchemaTooNew`]. One round
    /// trip.
    async fn probe(&self) -> Result<(), MetaError> {
        schema::probe(&self.client).await
    }
}
