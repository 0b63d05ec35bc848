//! Logins: what was verified before, what is being verified, and who has to wait.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::watch;

use super::LoginError;
use super::backoff::Backoff;
use super::effort::Effort;
use super::hash::{Checked, MAX_PASSWORD};
use super::htpasswd::Entry;
use super::pool::{Busy, Pool, network};
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::recent::Recent;
use crate::{Login, UnixTime};

/// How passwords are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordOptions {
    /// How many threads check them. By default half of the processors, at least one.
    pub workers: usize,
    /// How many logins may wait for a thread; half of it from one address. By default 32 for
    /// each thread.
    pub queue: usize,
    /// How much lower the priority of these threads is, 0 to 19; Linux alone heeds it. By
    /// default 10.
    pub niceness: u8,
    /// For how long a password that was right is not checked again. By default 5 minutes.
    pub cached_for: Duration,
    /// How many passwords that were right are remembered. By default 10,000.
    pub cached: usize,
}

impl Default for PasswordOptions {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        let workers = (processors / 2).max(1);
        Self {
            workers,
            queue: 32 * workers,
            niceness: 10,
            cached_for: Duration::from_secs(5 * 60),
            cached: 10_000,
        }
    }
}

/// There is no thread for a login.
const TOO_BUSY: LoginError = LoginError::TooMany {
    retry_after: Duration::from_secs(1),
};

/// How many users and addresses with failures are remembered.
const FAILURES: usize = 100_000;

pub(super) struct Logins {
    pool: Pool,
    shared: Arc<Shared>,
}

/// A login and what it is held against.
pub(super) struct Candidate<'a> {
    pub(super) login: &'a Login,
    /// The user as the file has it; none if it has not.
    pub(super) entry: Option<&'a Arc<Entry>>,
    /// What a failure costs.
    pub(super) effort: &'a Arc<Effort>,
    pub(super) address: Option<IpAddr>,
    pub(super) now: UnixTime,
}

struct Shared {
    fingerprints: Fingerprints,
    cached_for: Duration,
    verified: Mutex<Recent<Fingerprint, UnixTime>>,
    backoff: Mutex<Backoff>,
    flights: Mutex<HashMap<Fingerprint, Flight>>,
}

/// What became of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    /// The password is wrong.
    Wrong,
    /// It was right a while ago.
    Remembered,
    /// It is right.
    Checked,
}

/// Becomes true or false when the password has been checked.
type Flight = watch::Receiver<Option<bool>>;

impl Logins {
    pub(super) fn start(options: &PasswordOptions) -> io::Result<Self> {
        let shared = Shared {
            fingerprints: Fingerprints::new().map_err(io::Error::other)?,
            cached_for: options.cached_for,
            verified: Mutex::new(Recent::new(options.cached)),
            backoff: Mutex::new(Backoff::new(FAILURES)),
            flights: Mutex::default(),
        };
        Ok(Self {
            pool: Pool::start(options.workers.max(1), options.queue, options.niceness)?,
            shared: Arc::new(shared),
        })
    }

    /// Whether the password is right.
    pub(super) async fn verify(&self, candidate: Candidate<'_>) -> Result<Verified, LoginError> {
        let password = candidate.login.password.expose();
        if password.is_empty() || password.len() > MAX_PASSWORD {
            return Ok(Verified::Wrong);
        }
        let fingerprint = self.shared.fingerprint(&candidate);
        if self.shared.is_verified(&fingerprint, candidate.now) {
            return Ok(Verified::Remembered);
        }
        let mut flight = self.board(fingerprint, &candidate)?;
        let landed = flight.wait_for(Option::is_some).await;
        // A flight that ended without an outcome was not taken.
        let right = landed.ok().and_then(|right| *right).ok_or(TOO_BUSY)?;
        Ok(if right {
            Verified::Checked
        } else {
            Verified::Wrong
        })
    }

    /// Joins the check of the same credential that is under way, or starts one.
    fn board(
        &self,
        fingerprint: Fingerprint,
        candidate: &Candidate<'_>,
    ) -> Result<Flight, LoginError> {
        let mut flights = lock(&self.shared.flights);
        if let Some(flight) = flights.get(&fingerprint) {
            return Ok(flight.clone());
        }
        let (address, now) = (candidate.address, candidate.now);
        let who = self.shared.who(&candidate.login.user, address);
        if let Some(retry_after) = lock(&self.shared.backoff).wait(&who, now) {
            return Err(LoginError::TooMany { retry_after });
        }
        let (sender, flight) = watch::channel(None);
        flights.insert(fingerprint, flight.clone());
        // What is not taken is dropped at once, and then removes its flight.
        drop(flights);
        let check = Check {
            landing: Landing {
                shared: Arc::clone(&self.shared),
                fingerprint,
                who,
                now,
                right: None,
                sender,
            },
            login: candidate.login.clone(),
            entry: candidate.entry.cloned(),
            effort: Arc::clone(candidate.effort),
        };
        let taken = self.pool.submit(address, move || check.run());
        taken.map_err(|Busy| TOO_BUSY)?;
        Ok(flight)
    }
}

/// One check of a password, on a thread of the pool.
struct Check {
    landing: Landing,
    login: Login,
    entry: Option<Arc<Entry>>,
    effort: Arc<Effort>,
}

impl Check {
    fn run(self) -> Landing {
        let password = self.login.password.expose();
        let checked = self.entry.as_ref().map(|entry| entry.hash.check(password));
        let done = match (checked, &self.entry) {
            (Some(Checked::Wrong), Some(entry)) => Some(entry.hash.cost()),
            _ => None,
        };
        let right = checked == Some(Checked::Right);
        if !right {
            self.effort.spend(done, password);
        }
        self.landing.record(right)
    }
}

/// Ends a flight when it is dropped.
struct Landing {
    shared: Arc<Shared>,
    fingerprint: Fingerprint,
    who: Fingerprint,
    now: UnixTime,
    right: Option<bool>,
    sender: watch::Sender<Option<bool>>,
}

impl Landing {
    fn record(mut self, right: bool) -> Self {
        if right {
            lock(&self.shared.verified).insert(self.fingerprint, self.now);
            lock(&self.shared.backoff).succeeded(&self.who);
        } else {
            lock(&self.shared.backoff).failed(self.who, self.now);
        }
        self.right = Some(right);
        self
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // First nobody may board any more: an outcome is for those who waited for it.
        lock(&self.shared.flights).remove(&self.fingerprint);
        self.sender.send_replace(self.right);
    }
}

impl Shared {
    /// Names a login together with the stored hash that it is held against.
    fn fingerprint(&self, candidate: &Candidate<'_>) -> Fingerprint {
        let stored = candidate.entry.map_or("", |entry| entry.hash.as_str());
        let Login { user, password } = candidate.login;
        let parts = [user.as_str(), password.expose(), stored].map(str::as_bytes);
        self.fingerprints.of(&parts)
    }

    fn who(&self, user: &str, address: Option<IpAddr>) -> Fingerprint {
        let address = address.map_or(0, network).to_be_bytes();
        self.fingerprints.of(&[user.as_bytes(), &address])
    }

    fn is_verified(&self, fingerprint: &Fingerprint, now: UnixTime) -> bool {
        let mut verified = lock(&self.verified);
        let Some(since) = verified.find(fingerprint).copied() else {
            return false;
        };
        // A clock that was set back must not make it last longer.
        let valid = since <= now && now.since(since) < self.cached_for;
        if !valid {
            verified.remove(fingerprint);
        }
        valid
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
