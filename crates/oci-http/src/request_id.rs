//! Names for requests, under which the log and the client speak of the same one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;

use crate::headers;

/// Makes request ids: unique among processes by a random part, within one by a counter.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            process: format!("{high:016x}"),
            next: AtomicU64::new(1),
        }
    }

    /// The id that the request brings along, where it is fit for a log; else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Arc<str> {
        match headers::request_id(headers) {
            Some(id) => Arc::from(id),
            None => {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                Arc::from(format!("{}-{number:x}", self.process))
            }
        }
    }
}
