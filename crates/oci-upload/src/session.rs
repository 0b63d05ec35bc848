//! A session at rest.

use std::fmt;
use std::time::Duration;

use oci_types::{Algorithm, ContentRange, Digest, HashState, HashStateError, Hasher};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{UploadId, Writing};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    pub(crate) fn after(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

/// Who writes: one process, named at random when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holder(Uuid);

impl Holder {
    /// A new holder.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

/// The right to write to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) holder: Holder,
    pub(crate) until: UnixMillis,
}

/// The limits under which sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a writer may go without a checkpoint before another one may take over.
    pub lease: Duration,
    /// How long a session lives after it was last written to.
    pub expiry: Duration,
    /// How long a blob may be, in bytes.
    pub max_bytes: u64,
}

impl Default for Terms {
    /// A lease of 30 s, an expiry of 24 h, and blobs of any length.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            expiry: Duration::from_secs(24 * 60 * 60),
            max_bytes: u64::MAX,
        }
    }
}

/// Why something may not happen. The session is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The chunk does not start at the session's end.
    #[error("the session ends at byte {offset}, the chunk starts at {start}")]
    Offset {
        /// How many bytes the session has.
        offset: u64,
        /// Where the chunk starts.
        start: u64,
    },
    /// The chunk is not as long as was announced.
    #[error("{announced} bytes were announced and {received} received")]
    Length {
        /// How many bytes the session has.
        offset: u64,
        /// The announced length in bytes.
        announced: u64,
        /// The length received, in bytes, or as far as it was counted.
        received: u64,
    },
    /// The blob would become larger than allowed.
    #[error("the blob would be larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Another writer holds the lease.
    #[error("another writer holds the lease")]
    Busy {
        /// When its lease ends, at the latest.
        retry_after: Duration,
    },
    /// The bytes have another digest.
    #[error("the digest is {actual}, not {expected}")]
    Mismatch {
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of the bytes.
        actual: Digest,
    },
    /// The recorded hash state cannot be used by this program.
    #[error("the recorded hash state cannot be used")]
    HashState,
}

impl From<HashStateError> for Refusal {
    fn from(_: HashStateError) -> Self {
        Self::HashState
    }
}

/// Proof that a chunk fits behind the end of a session.
#[derive(Debug)]
#[must_use]
pub struct Admission {
    pub(crate) id: UploadId,
    pub(crate) start: u64,
    pub(crate) announced: Option<u64>,
}

/// What it takes to make a session the blob that its client names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Nothing: the hash of the bytes is known and right.
    Proved,
    /// The staged bytes have to be hashed with this algorithm, which the client named only at
    /// the end.
    Rehash(Algorithm),
}

/// An upload session at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session<S> {
    pub(crate) id: UploadId,
    pub(crate) offset: u64,
    pub(crate) hashes: Vec<HashState>,
    pub(crate) staged: S,
    pub(crate) epoch: u64,
    pub(crate) lease: Option<Lease>,
    pub(crate) expires_at: UnixMillis,
}

impl<S> Session<S> {
    /// A new session without bytes. sha256 is computed always, `announced` besides it.
    pub fn open(
        id: UploadId,
        announced: Option<Algorithm>,
        staged: S,
        now: UnixMillis,
        terms: &Terms,
    ) -> Self {
        let mut session = Self {
            id,
            offset: 0,
            hashes: Vec::new(),
            staged,
            epoch: 0,
            lease: None,
            expires_at: now.after(terms.expiry),
        };
        session.announce(Algorithm::Sha256);
        if let Some(algorithm) = announced {
            session.announce(algorithm);
        }
        session
    }

    /// Names an algorithm that the blob's digest will have. While there are no bytes, its hash
    /// will be computed as they arrive; later it takes a [`Commit::Rehash`].
    pub fn announce(&mut self, algorithm: Algorithm) {
        let known = self
            .hashes
            .iter()
            .any(|state| state.algorithm() == algorithm);
        if self.offset == 0 && !known {
            self.hashes.push(Hasher::new(algorithm).to_state());
        }
    }

    /// The session's name.
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// How many bytes it has.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where its bytes are.
    pub fn staged(&self) -> &S {
        &self.staged
    }

    /// Counts the writers that it has had.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When it may be removed, if nobody writes to it before.
    pub fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }

    /// Whether a writer holds its lease.
    pub fn is_leased(&self, now: UnixMillis) -> bool {
        self.lease.is_some_and(|lease| now < lease.until)
    }

    /// Whether it may be removed.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at <= now && !self.is_leased(now)
    }

    /// Whether a chunk fits: one with a range has to start at the session's end (specification:
    /// Pushing a blob in chunks) and to be as long as its `Content-Length` says, where it has one.
    ///
    /// # Errors
    /// [`Refusal::Offset`], [`Refusal::Length`], [`Refusal::TooLarge`].
    pub fn admit(
        &self,
        range: Option<&ContentRange>,
        length: Option<u64>,
        terms: &Terms,
    ) -> Result<Admission, Refusal> {
        if let Some(range) = range {
            if range.start() != self.offset {
                return Err(Refusal::Offset {
                    offset: self.offset,
                    start: range.start(),
                });
            }
            if let Some(received) = length.filter(|length| *length != range.len()) {
                return Err(Refusal::Length {
                    offset: self.offset,
                    announced: range.len(),
                    received,
                });
            }
        }
        let announced = range.map(ContentRange::len).or(length);
        let end = self.offset.checked_add(announced.unwrap_or(0));
        if end.is_none_or(|end| end > terms.max_bytes) {
            return Err(Refusal::TooLarge {
                limit: terms.max_bytes,
            });
        }
        Ok(Admission {
            id: self.id,
            start: self.offset,
            announced,
        })
    }

    /// Takes the lease for `holder`, in a new epoch. The result is to be recorded before a byte
    /// is written.
    ///
    /// # Errors
    /// [`Refusal::Busy`] while another writer's lease lasts.
    pub fn lease(
        mut self,
        holder: Holder,
        now: UnixMillis,
        terms: &Terms,
    ) -> Result<Self, Refusal> {
        if let Some(lease) = self.lease.filter(|lease| now < lease.until) {
            return Err(Refusal::Busy {
                retry_after: now.until(lease.until),
            });
        }
        self.epoch += 1;
        self.lease = Some(Lease {
            holder,
            until: now.after(terms.lease),
        });
        self.expires_at = now.after(terms.expiry);
        Ok(self)
    }

    /// Extends the lease, for work on what was received whole.
    #[must_use]
    pub fn renew(mut self, now: UnixMillis, terms: &Terms) -> Self {
        if let Some(lease) = &mut self.lease {
            lease.until = now.after(terms.lease);
        }
        self
    }

    /// Gives the lease up.
    #[must_use]
    pub fn release(mut self) -> Self {
        self.lease = None;
        self
    }

    /// Ends the lease of everybody but `holder`: for a process that knows that it is the only
    /// one, so that every other holder is dead.
    #[must_use]
    pub fn outlive(mut self, holder: Holder) -> Self {
        self.lease = self.lease.filter(|lease| lease.holder == holder);
        self
    }

    /// Begins to write an admitted chunk.
    ///
    /// # Errors
    /// - [`Refusal::HashState`]
    /// - [`Refusal::Offset`]: the admission is another session's or an older state's.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an admission is good for one chunk"
    )]
    pub fn write(self, admission: Admission) -> Result<Writing<S>, Refusal> {
        let Admission {
            id,
            start,
            announced,
        } = admission;
        if id != self.id || start != self.offset {
            return Err(Refusal::Offset {
                offset: self.offset,
                start,
            });
        }
        Writing::new(self, announced)
    }

    /// What it takes to make this the blob `expected`.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`], [`Refusal::HashState`].
    pub fn commit(&self, expected: &Digest) -> Result<Commit, Refusal> {
        let algorithm = expected.algorithm();
        let Some(state) = self.hashes.iter().find(|s| s.algorithm() == algorithm) else {
            return Ok(Commit::Rehash(algorithm));
        };
        let actual = Hasher::from_state(state)?.finish();
        if actual == *expected {
            Ok(Commit::Proved)
        } else {
            Err(Refusal::Mismatch {
                expected: *expected,
                actual,
            })
        }
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
