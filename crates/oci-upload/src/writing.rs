//! A session that is being written to.

use oci_types::Hasher;

use crate::session::Lease;
use crate::{Refusal, Session, Terms, UnixMillis};

/// An upload session in the hands of the writer that holds its lease.
///
/// Bytes are hashed as they come. Nothing counts until a [`checkpoint`](Writing::checkpoint) is
/// recorded: dropped, it leaves the session as last recorded.
#[derive(Debug)]
pub struct Writing<S> {
    before: Session<S>,
    hashers: Vec<Hasher>,
    announced: Option<u64>,
    received: u64,
}

impl<S> Writing<S> {
    pub(crate) fn new(before: Session<S>, announced: Option<u64>) -> Result<Self, Refusal> {
        let hashers = before
            .hashes
            .iter()
            .map(Hasher::from_state)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            before,
            hashers,
            announced,
            received: 0,
        })
    }

    /// How many bytes the session has, those of this chunk so far included.
    pub fn offset(&self) -> u64 {
        self.before.offset + self.received
    }

    /// How many bytes of this chunk came so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Refusal::Length`] for more than was announced, [`Refusal::TooLarge`]; the bytes were not
    /// taken then.
    pub fn advance(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let received = self.received.saturating_add(data.len() as u64);
        if let Some(announced) = self.announced.filter(|announced| received > *announced) {
            return Err(self.wrong_length(announced, received));
        }
        for hasher in &mut self.hashers {
            hasher.update(data);
        }
        self.received = received;
        Ok(())
    }

    /// Whether the session would still be within `terms` with `more` bytes.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`].
    pub fn fits(&self, more: usize, terms: &Terms) -> Result<(), Refusal> {
        let end = self.offset().checked_add(more as u64);
        if end.is_none_or(|end| end > terms.max_bytes) {
            return Err(Refusal::TooLarge {
                limit: terms.max_bytes,
            });
        }
        Ok(())
    }

    /// The session to record now, its bytes being at `staged`: with what has come so far, the
    /// lease renewed.
    pub fn checkpoint(&self, staged: S, now: UnixMillis, terms: &Terms) -> Session<S> {
        Session {
            id: self.before.id,
            offset: self.offset(),
            hashes: self.hashers.iter().map(Hasher::to_state).collect(),
            staged,
            epoch: self.before.epoch,
            lease: self.before.lease.map(|lease| Lease {
                until: now.after(terms.lease),
                ..lease
            }),
            expires_at: now.after(terms.expiry),
        }
    }

    /// Whether all came that was announced.
    ///
    /// # Errors
    /// [`Refusal::Length`] where less came.
    pub fn complete(&self) -> Result<(), Refusal> {
        match self
            .announced
            .filter(|announced| self.received < *announced)
        {
            Some(announced) => Err(self.wrong_length(announced, self.received)),
            None => Ok(()),
        }
    }

    /// The session as it was before this chunk, the lease given up: what a refused chunk leaves.
    #[must_use]
    pub fn abandon(self) -> Session<S> {
        self.before.release()
    }

    fn wrong_length(&self, announced: u64, received: u64) -> Refusal {
        Refusal::Length {
            offset: self.before.offset,
            announced,
            received,
        }
    }
}
