//! What goes wrong in PostgreSQL, and what of it a caller is told.

use std::error::Error;
use std::{fmt, io};

use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::error::{DbError, SqlState};

use crate::MetaError;

/// Why a statement did not do what it was asked.
#[derive(Debug)]
pub(super) enum Fault {
    /// No connection.
    Pool(PoolError),
    /// A statement.
    Statement(tokio_postgres::Error),
    /// No answer within the time allowed.
    Silent,
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Statement(error)
    }
}

impl Fault {
    /// Whether the same statement may succeed at once: it was undone for another one's sake, or
    /// its plan is older than the schema.
    pub(super) fn may_pass(&self) -> bool {
        self.state().is_some_and(|state| {
            *state == SqlState::T_R_SERIALIZATION_FAILURE
                || *state == SqlState::T_R_DEADLOCK_DETECTED
                || is_stale_plan(state)
        })
    }

    /// Whether the connection is of no further use. One to a server that has become a standby
    /// gives way to one that asks anew who the primary is.
    pub(super) fn spoils_connection(&self) -> bool {
        matches!(self, Self::Silent)
            || self.state().is_some_and(|state| {
                is_stale_plan(state) || *state == SqlState::READ_ONLY_SQL_TRANSACTION
            })
    }

    /// The error of the operation `op` that failed so.
    pub(super) fn into_error(self, op: &'static str) -> MetaError {
        let is_full = self.state() == Some(&SqlState::DISK_FULL);
        let is_unavailable = self.is_unavailable();
        let source = self.into_source();
        match (is_full, is_unavailable) {
            (true, _) => MetaError::Full { op, source },
            (false, true) => MetaError::Unavailable { op, source },
            (false, false) => MetaError::Backend { op, source },
        }
    }

    /// The user may not do what was asked.
    pub(super) fn is_forbidden(&self) -> bool {
        self.state() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
    }

    /// Whoever cannot connect is told that the database is out of reach, whatever the reason.
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Pool(_) | Self::Silent => true,
            Self::Statement(error) => {
                error.is_closed() || is_io(error) || error.code().is_some_and(is_temporary)
            }
        }
    }

    fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Statement(error)
            | Self::Pool(
                PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)),
            ) => error.code(),
            _ => None,
        }
    }

    fn into_source(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Statement(error)
            | Self::Pool(
                PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)),
            ) => readable(error),
            Self::Pool(error) => error.into(),
            Self::Silent => "the database has not answered in time".into(),
        }
    }
}

/// "cached plan must not change result type": a migration has changed what a statement reads.
fn is_stale_plan(state: &SqlState) -> bool {
    *state == SqlState::FEATURE_NOT_SUPPORTED
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error
        .source()
        .is_some_and(|source| source.is::<io::Error>())
}

/// The server is going, coming, not the primary, or has too much to do.
fn is_temporary(state: &SqlState) -> bool {
    const CONNECTION_EXCEPTIONS: &str = "08";
    const TEMPORARY: [&SqlState; 10] = [
        &SqlState::ADMIN_SHUTDOWN,
        &SqlState::CRASH_SHUTDOWN,
        &SqlState::CANNOT_CONNECT_NOW,
        &SqlState::TOO_MANY_CONNECTIONS,
        &SqlState::QUERY_CANCELED,
        &SqlState::LOCK_NOT_AVAILABLE,
        &SqlState::READ_ONLY_SQL_TRANSACTION,
        &SqlState::OUT_OF_MEMORY,
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
    ];
    TEMPORARY.contains(&state) || state.code().starts_with(CONNECTION_EXCEPTIONS)
}

/// The error with what the server said in its message, but not in its details: these quote the
/// rows that were refused.
fn readable(error: tokio_postgres::Error) -> Box<dyn Error + Send + Sync> {
    match error.as_db_error() {
        Some(refusal) => Refusal::of(refusal).into(),
        None => error.into(),
    }
}

/// What the server said.
#[derive(Debug)]
struct Refusal {
    state: SqlState,
    message: String,
}

impl Refusal {
    fn of(error: &DbError) -> Self {
        Self {
            state: error.code().clone(),
            message: error.message().to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.state.code())
    }
}

impl Error for Refusal {}
