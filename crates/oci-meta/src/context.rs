//! Who asks, when, and under which request id.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The circumstances of one operation.
///
/// Time comes in with the operation and is never read from a clock below it, so that history,
/// expiry and leases can be tested under a simulated clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ctx {
    /// Who asks.
    pub actor: Actor,
    /// The id under which the request is logged.
    pub request_id: Arc<str>,
    /// The time of the operation.
    pub now: Timestamp,
}

impl Ctx {
    /// The context of work that the registry does on its own account.
    #[must_use]
    pub fn system(task: &str, now: Timestamp) -> Self {
        Self {
            actor: Actor::System,
            request_id: Arc::from(task),
            now,
        }
    }
}

/// On whose behalf something is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Somebody without credentials.
    Anonymous,
    /// Somebody identified by this name.
    Named(Arc<str>),
    /// The registry itself.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Named(name) => write!(f, "user:{name}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The system clock's time.
    #[must_use]
    pub fn now() -> Self {
        Self(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        })
    }

    /// This time and `later`, or the last representable time.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// This time less `earlier`, or the first representable time.
    #[must_use]
    pub fn before(self, earlier: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}
