//! Slows down who guesses.

use std::time::Duration;

use crate::UnixTime;
use crate::recent::Recent;

/// So many failures cost no time: people mistype, and clients try several times in parallel.
const FREE: u32 = 5;

/// The longest time to wait.
const LONGEST: Duration = Duration::from_secs(60);

/// After so much time without one, failures are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

/// Failed logins by user and address, the latest of them.
pub(super) struct Backoff {
    failures: Recent<[u8; 32], Failures>,
}

struct Failures {
    count: u32,
    last: UnixTime,
}

impl Backoff {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            failures: Recent::new(limit),
        }
    }

    /// How long this one has to wait; none if it may try.
    pub(super) fn wait(&mut self, key: &[u8; 32], now: UnixTime) -> Option<Duration> {
        let failures = self.failures.find(key)?;
        if now.since(failures.last) > FORGOTTEN_AFTER {
            self.failures.remove(key);
            return None;
        }
        let beyond = failures.count.checked_sub(FREE)?;
        let delay = Duration::from_secs(1 << beyond.min(16)).min(LONGEST);
        let wait = failures.last.after(delay).since(now);
        // A clock that was set back must not lock anyone out.
        (!wait.is_zero()).then_some(wait.min(LONGEST))
    }

    pub(super) fn failed(&mut self, key: [u8; 32], now: UnixTime) {
        match self.failures.find(&key) {
            Some(failures) => {
                failures.count = failures.count.saturating_add(1);
                failures.last = now;
            }
            None => self.failures.insert(
                key,
                Failures {
                    count: 1,
                    last: now,
                },
            ),
        }
    }

    pub(super) fn succeeded(&mut self, key: &[u8; 32]) {
        self.failures.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [1; 32];

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_secs(1_000 + seconds)
    }

    fn failed(count: u32) -> Backoff {
        let mut backoff = Backoff::new(10);
        for _ in 0..count {
            backoff.failed(KEY, at(0));
        }
        backoff
    }

    #[test]
    fn waits_double_up_to_a_minute() {
        for (failures, seconds) in [
            (0, 0),
            (1, 0),
            (4, 0),
            (5, 1),
            (6, 2),
            (7, 4),
            (10, 32),
            (11, 60),
            (1_000, 60),
        ] {
            let mut backoff = failed(failures);
            let expected = (seconds > 0).then(|| Duration::from_secs(seconds));
            assert_eq!(backoff.wait(&KEY, at(0)), expected, "{failures}");
            let later = at(i64::try_from(seconds).unwrap());
            assert_eq!(backoff.wait(&KEY, later), None, "{failures}");
            assert_eq!(backoff.wait(&[2; 32], at(0)), None, "another one");
        }
    }

    #[test]
    fn success_and_time_forgive() {
        let mut backoff = failed(10);
        backoff.succeeded(&KEY);
        assert_eq!(backoff.wait(&KEY, at(0)), None);
        let mut backoff = failed(10);
        assert_eq!(backoff.wait(&KEY, at(15 * 60 + 1)), None);
        backoff.failed(KEY, at(15 * 60 + 1));
        assert_eq!(backoff.wait(&KEY, at(15 * 60 + 1)), None, "counts from one");
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let mut backoff = failed(20);
        assert_eq!(backoff.wait(&KEY, at(-1_000)), Some(LONGEST));
    }
}
