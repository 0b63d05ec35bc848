//! The upload session of the OCI Distribution Specification as a pure state machine.
//!
//! It does no I/O, awaits nothing and reads no clock: it is told the time and the bytes, and
//! answers what may happen. Two types are the two states of a session:
//!
//! - [`Session`] is at rest: what is recorded between requests. It says how many bytes count and
//!   carries their hash states, so that nothing is read again when the upload goes on.
//! - [`Writing`] holds the lease: it takes bytes, and yields the `Session` to be recorded at each
//!   checkpoint.
//!
//! A chunk enters only with an [`Admission`], which [`Session::admit`] gives where the chunk fits
//! behind the session's end. A refusal changes nothing. The bytes themselves live elsewhere: `S`
//! is whatever the caller's storage needs to find them again.
//!
//! ```
//! use oci_types::Digest;
//! use oci_upload::{Commit, Holder, Session, Terms, UnixMillis, UploadId};
//!
//! let (terms, now) = (Terms::default(), UnixMillis(0));
//! let session = Session::open(UploadId::random(), None, "staged at a", now, &terms);
//! let admission = session.admit(None, Some(5), &terms)?;
//! let mut writing = session.lease(Holder::random(), now, &terms)?.write(admission)?;
//! writing.advance(b"hello")?;
//! writing.complete()?;
//! let rest = writing.checkpoint("staged at b", now, &terms).release();
//! assert_eq!(rest.offset(), 5);
//! assert_eq!(rest.commit(&Digest::sha256(b"hello"))?, Commit::Proved);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod durable;
mod id;
mod session;
mod writing;

#[cfg(test)]
mod tests;

pub use durable::DurableError;
pub use id::{UploadId, UploadIdError};
pub use session::{Admission, Commit, Holder, Refusal, Session, Terms, UnixMillis};
pub use writing::Writing;
