//! Whether anything goes on in an HTTP/2 connection.
//!
//! HTTP/1 has one request at a time, whose limits are enough. A connection of HTTP/2 stays open
//! beside its requests, and a client that answers pings need not ever ask for anything, or take
//! what it has asked for. Pings and settings do not count here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// As many bytes in one write are part of an answer; pings, settings and windows take less.
const PART_OF_AN_ANSWER: usize = 1024;
/// The shortest time between two looks.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);

/// What goes on in one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests that are being worked on: the registry's own limits hold for them.
    busy: AtomicUsize,
    /// Grows with each request and each part of an answer that is taken.
    progress: AtomicU64,
}

/// A request is being worked on for as long as this lives.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Activity {
    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Whether nothing has ever been asked for.
    pub(super) fn is_unused(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0 && self.progress.load(Ordering::Relaxed) == 0
    }

    /// The client has taken `len` bytes.
    pub(super) fn taken(&self, len: usize) {
        if len >= PART_OF_AN_ANSWER {
            self.advance();
        }
    }

    fn advance(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until nothing has gone on for `limit`, or a quarter longer.
    pub(super) async fn ceased(&self, limit: Duration) {
        let mut seen = self.progress.load(Ordering::Relaxed);
        let mut since = Instant::now();
        loop {
            sleep((limit / 4).max(SHORTEST_LOOK)).await;
            let now = self.progress.load(Ordering::Relaxed);
            if now != seen || self.busy.load(Ordering::Relaxed) > 0 {
                seen = now;
                since = Instant::now();
            } else if since.elapsed() >= limit {
                return;
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.advance();
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
