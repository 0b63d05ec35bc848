//! Bodies on their way in and out.

mod incoming;
mod outgoing;

pub use incoming::linger;
pub(crate) use incoming::{Collect, Progress, collect, into_stream, track};
pub(crate) use outgoing::{BlobBody, Sending};
