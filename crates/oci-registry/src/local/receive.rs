//! Taking a chunk in: from the request's body, through the hash, into the staging area.

use std::time::Duration;

use futures_util::StreamExt;
use oci_blob_store::{BlobStoreError, BlobWriter, Staged};
use oci_meta::{Ctx, RepoKey};
use oci_types::ContentRange;
use oci_upload::{Admission, Refusal, Session, Terms, UploadId, Writing};
use tokio::time::{Instant, timeout_at};

use super::Inner;
use super::sessions::{Clock, Recorded};
use crate::{BodyError, BodyStream, Chunk, RegistryError};

/// How reading a body ended.
enum End {
    /// It came whole.
    Whole,
    /// The client went away, or its body was malformed.
    Interrupted(BodyError),
    /// The chunk may not go on; the session stays as it was before.
    Refused(Refusal),
    /// The storage failed; what was last recorded counts.
    Failed(RegistryError),
}

/// A chunk on its way in.
struct Intake<'a> {
    inner: &'a Inner,
    clock: Clock,
    recorded: Recorded,
    writing: Writing<Staged>,
    writer: Box<dyn BlobWriter>,
    /// At which offset progress was last recorded.
    marked: u64,
    /// When progress has to be recorded again, so that the lease does not run out.
    renew_at: Instant,
}

/// What a client says of a chunk before it comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    range: Option<ContentRange>,
    length: Option<u64>,
}

impl Shape {
    pub(super) fn of(chunk: &Chunk) -> Self {
        Self {
            range: chunk.range,
            length: chunk.length,
        }
    }
}

/// What becomes of the lease when a chunk is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is given up.
    Release,
    /// It is kept, for what the request does next.
    Keep,
}

impl Inner {
    /// Leases the session for a chunk that fits.
    pub(super) async fn admit(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        shape: Shape,
        prepare: impl Fn(&mut Session<Staged>) + Send + Sync,
    ) -> Result<(Recorded, Admission), RegistryError> {
        let admit = |session: &mut Session<Staged>| {
            prepare(session);
            session
                .admit(shape.range.as_ref(), shape.length, &self.options.terms)
                .map_err(|refusal| refused(id, refusal))
        };
        self.lease(ctx, repo, id, admit).await
    }

    /// Takes an admitted chunk in and records the session with it. On an error the session is
    /// recorded as far as it counts, and free.
    pub(super) async fn receive(
        &self,
        ctx: &Ctx,
        (mut recorded, admission): (Recorded, Admission),
        body: BodyStream,
        then: Then,
    ) -> Result<Recorded, RegistryError> {
        let before = recorded.session.clone();
        let id = before.id();
        let writer = match self.blobs.append(before.staged()).await {
            Ok(writer) => writer,
            Err(error) => return Err(self.unwritable(recorded, error).await),
        };
        let writing = match before.clone().write(admission) {
            Ok(writing) => writing,
            Err(refusal) => {
                self.advance(&mut recorded, before.release()).await?;
                return Err(refused(id, refusal));
            }
        };
        let intake = Intake {
            inner: self,
            clock: Clock::starting(ctx),
            marked: before.offset(),
            renew_at: Instant::now() + self.options.terms.lease / 3,
            recorded,
            writing,
            writer,
        };
        intake.run(body, then).await
    }

    /// Why a leased session cannot be written to, having set it free.
    async fn unwritable(&self, mut recorded: Recorded, error: BlobStoreError) -> RegistryError {
        let id = recorded.session.id();
        match error {
            BlobStoreError::StagedLost { .. } => {
                tracing::warn!(upload = %id, %error, "an upload session has lost its bytes and is dropped");
                match self.drop_session(&recorded).await {
                    Ok(()) => RegistryError::UploadUnknown {
                        repo: recorded.repo,
                        id,
                    },
                    Err(error) => error,
                }
            }
            error => {
                let session = recorded.session.clone().release();
                if let Err(error) = self.advance(&mut recorded, session).await {
                    return error;
                }
                match error {
                    BlobStoreError::Busy => RegistryError::UploadBusy {
                        retry_after: Duration::from_secs(1),
                    },
                    other => other.into(),
                }
            }
        }
    }
}

impl Intake<'_> {
    async fn run(mut self, body: BodyStream, then: Then) -> Result<Recorded, RegistryError> {
        match self.pump(body).await {
            End::Whole => match self.writing.complete() {
                Ok(()) => {
                    self.mark(then).await?;
                    Ok(self.recorded)
                }
                Err(refusal) => self.refuse(refusal).await,
            },
            End::Interrupted(error) => {
                self.mark(Then::Release).await?;
                Err(RegistryError::BodyInterrupted(error))
            }
            End::Refused(refusal) => self.refuse(refusal).await,
            End::Failed(error) => {
                let session = self.recorded.session.clone().release();
                // The storage's failure is what the client is to hear of. Where even the lease
                // cannot be given up, it runs out.
                if let Err(also) = self.inner.advance(&mut self.recorded, session).await {
                    tracing::debug!(error = %also, "an upload's lease could not be given up");
                }
                Err(error)
            }
        }
    }

    async fn pump(&mut self, mut body: BodyStream) -> End {
        let idle = self.inner.options.body_idle;
        let mut idle_at = Instant::now() + idle;
        loop {
            let data = match timeout_at(self.renew_at.min(idle_at), body.next()).await {
                Ok(Some(Ok(data))) => data,
                Ok(Some(Err(error))) => return End::Interrupted(error),
                Ok(None) => return End::Whole,
                Err(_) if Instant::now() >= idle_at => {
                    return End::Interrupted("the request's body stopped arriving".into());
                }
                Err(_) => match self.mark(Then::Keep).await {
                    Ok(()) => continue,
                    Err(error) => return End::Failed(error),
                },
            };
            idle_at = Instant::now() + idle;
            let fits = self.writing.fits(data.len(), self.terms());
            if let Err(refusal) = fits.and_then(|()| self.writing.advance(&data)) {
                return End::Refused(refusal);
            }
            if let Err(error) = self.writer.write(data).await {
                return End::Failed(error.into());
            }
            let due = self.writing.offset() - self.marked >= self.inner.options.checkpoint_bytes;
            if (due || Instant::now() >= self.renew_at)
                && let Err(error) = self.mark(Then::Keep).await
            {
                return End::Failed(error);
            }
        }
    }

    /// Records the progress so far.
    async fn mark(&mut self, then: Then) -> Result<(), RegistryError> {
        let staged = self.checkpoint().await?;
        let now = self.clock.now();
        let session = self.writing.checkpoint(staged, now, self.terms());
        let session = match then {
            Then::Keep => session,
            Then::Release => session.release(),
        };
        self.inner.advance(&mut self.recorded, session).await?;
        self.marked = self.writing.offset();
        self.renew_at = Instant::now() + self.terms().lease / 3;
        Ok(())
    }

    /// Puts the session back to where it was before the chunk.
    async fn refuse(mut self, refusal: Refusal) -> Result<Recorded, RegistryError> {
        let id = self.recorded.session.id();
        let session = self.writing.abandon();
        self.inner.advance(&mut self.recorded, session).await?;
        Err(refused(id, refusal))
    }

    /// Makes what came durable. A failed sync leaves nothing to rely on: the session is dropped.
    /// A storage out of reach has what it had: the session stays as it was last recorded.
    async fn checkpoint(&mut self) -> Result<Staged, RegistryError> {
        match self.writer.checkpoint().await {
            Ok(staged) => Ok(staged),
            Err(error @ BlobStoreError::Unavailable { .. }) => Err(error.into()),
            Err(error) => {
                self.inner.drop_session(&self.recorded).await?;
                Err(error.into())
            }
        }
    }

    fn terms(&self) -> &Terms {
        &self.inner.options.terms
    }
}

/// A refusal as the client is told of it.
pub(super) fn refused(id: UploadId, refusal: Refusal) -> RegistryError {
    match refusal {
        Refusal::Offset { offset, start } => RegistryError::UploadOffset { id, offset, start },
        Refusal::Length {
            offset,
            announced,
            received,
        } => RegistryError::UploadLength {
            id: Some(id),
            offset,
            announced,
            received,
        },
        Refusal::TooLarge { limit } => RegistryError::BlobTooLarge { limit },
        Refusal::Busy { retry_after } => RegistryError::UploadBusy { retry_after },
        Refusal::Mismatch { expected, actual } => {
            RegistryError::DigestMismatch { expected, actual }
        }
        Refusal::HashState => RegistryError::internal(Refusal::HashState),
    }
}
