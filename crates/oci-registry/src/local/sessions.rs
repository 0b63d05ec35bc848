//! Upload sessions on record: loading, leasing and changing them.

use std::time::Duration;

use bytes::Bytes;
use oci_blob_store::Staged;
use oci_meta::{Ctx, MetaError, RepoKey, SessionRecord, Timestamp};
use oci_types::Algorithm;
use oci_upload::{Refusal, Session, UnixMillis, UploadId};
use tokio::time::Instant;

use super::Inner;
use crate::RegistryError;

/// How long to wait before another look at a session that somebody else writes to.
const BUSY_POLL: Duration = Duration::from_millis(50);
/// How long to wait before another look at a session whose writer may be about to settle.
const SETTLE_POLL: Duration = Duration::from_millis(10);
/// What a client is told to wait where sessions are at their limit.
const LIMIT_RETRY: Duration = Duration::from_secs(30);

/// A session with the revision under which it is on record.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) repo: RepoKey,
    pub(super) revision: u64,
    pub(super) session: Session<Staged>,
}

/// The time of a request that has gone on for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    at: Timestamp,
}

impl Clock {
    /// A clock that stands at the request's time now.
    pub(super) fn starting(ctx: &Ctx) -> Self {
        Self {
            started: Instant::now(),
            at: ctx.now,
        }
    }

    pub(super) fn now(&self) -> UnixMillis {
        UnixMillis(self.at.after(self.started.elapsed()).as_millis())
    }
}

impl Inner {
    /// Opens a session and records it.
    pub(super) async fn open_session(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        algorithm: Option<Algorithm>,
    ) -> Result<UploadId, RegistryError> {
        let id = UploadId::random();
        let staged = self.blobs.begin().await?;
        let now = UnixMillis(ctx.now.as_millis());
        let session = Session::open(id, algorithm, staged, now, &self.options.terms);
        let record = record(repo, 0, &session)?;
        let limits = &self.options.session_limits;
        match self.meta.create_session(record, limits).await {
            Ok(()) => Ok(id),
            Err(error) => Err(limit_or(error)),
        }
    }

    /// The session as it is on record, if it is this repository's.
    pub(super) async fn load(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<Recorded, RegistryError> {
        let unknown = || RegistryError::UploadUnknown {
            repo: repo.clone(),
            id,
        };
        let record = self.meta.session(id.as_uuid()).await?.ok_or_else(unknown)?;
        if record.repo != *repo {
            return Err(unknown());
        }
        let recorded = self.decode(record)?;
        if recorded.session.is_expired(UnixMillis(ctx.now.as_millis())) {
            return Err(unknown());
        }
        Ok(recorded)
    }

    /// The session once nobody is writing to it, or as it is on record when waiting for that
    /// takes too long.
    pub(super) async fn settled(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<Recorded, RegistryError> {
        let clock = Clock::starting(ctx);
        loop {
            let recorded = self.load(ctx, repo, id).await?;
            let busy = recorded.session.is_leased(clock.now());
            if !busy || clock.started.elapsed() >= self.options.settle_wait {
                return Ok(recorded);
            }
            tokio::time::sleep(SETTLE_POLL).await;
        }
    }

    /// What a record says.
    pub(super) fn decode(&self, record: SessionRecord) -> Result<Recorded, RegistryError> {
        let session = Session::from_bytes(&record.state).map_err(RegistryError::internal)?;
        Ok(Recorded {
            repo: record.repo,
            revision: record.revision,
            session: if self.options.sole_owner {
                session.outlive(self.holder)
            } else {
                session
            },
        })
    }

    /// Loads a session, lets `admit` judge it, and takes its lease; waits a while for a writer
    /// that is at it. What `admit` judged is what is leased.
    pub(super) async fn lease<A>(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        admit: impl Fn(&mut Session<Staged>) -> Result<A, RegistryError> + Send + Sync,
    ) -> Result<(Recorded, A), RegistryError> {
        let clock = Clock::starting(ctx);
        loop {
            let mut recorded = self.load(ctx, repo, id).await?;
            let admitted = admit(&mut recorded.session)?;
            match self.try_lease(recorded, clock.now()).await? {
                Ok(leased) => return Ok((leased, admitted)),
                Err(retry_after) if clock.started.elapsed() >= self.options.busy_wait => {
                    return Err(RegistryError::UploadBusy { retry_after });
                }
                Err(_) => tokio::time::sleep(BUSY_POLL).await,
            }
        }
    }

    /// Takes the lease, or answers how long another writer's may last.
    pub(super) async fn try_lease(
        &self,
        recorded: Recorded,
        now: UnixMillis,
    ) -> Result<Result<Recorded, Duration>, RegistryError> {
        let Recorded {
            repo,
            revision,
            session,
        } = recorded;
        let session = match session.lease(self.holder, now, &self.options.terms) {
            Ok(session) => session,
            Err(Refusal::Busy { retry_after }) => return Ok(Err(retry_after)),
            Err(other) => return Err(RegistryError::internal(other)),
        };
        let leased = Recorded {
            repo,
            revision: revision + 1,
            session,
        };
        match self.update(&leased).await {
            Ok(()) => Ok(Ok(leased)),
            Err(MetaError::SessionConflict) => Ok(Err(BUSY_POLL)),
            Err(other) => Err(limit_or(other)),
        }
    }

    /// Records `session` as the next revision.
    pub(super) async fn advance(
        &self,
        recorded: &mut Recorded,
        session: Session<Staged>,
    ) -> Result<(), RegistryError> {
        let next = Recorded {
            repo: recorded.repo.clone(),
            revision: recorded.revision + 1,
            session,
        };
        self.update(&next).await.map_err(limit_or)?;
        *recorded = next;
        Ok(())
    }

    async fn update(&self, recorded: &Recorded) -> Result<(), MetaError> {
        let record = match record(&recorded.repo, recorded.revision, &recorded.session) {
            Ok(record) => record,
            Err(error) => {
                return Err(MetaError::Backend {
                    op: "write an upload session down",
                    source: error.into(),
                });
            }
        };
        self.meta
            .update_session(record, recorded.revision - 1, &self.options.session_limits)
            .await
    }

    /// Removes a leased session with its bytes.
    ///
    /// The bytes go first: a session without bytes is found out by its next reader, bytes
    /// without a session by nobody.
    pub(super) async fn drop_session(&self, recorded: &Recorded) -> Result<(), RegistryError> {
        self.blobs.discard(recorded.session.staged()).await?;
        self.forget_session(recorded).await
    }

    /// Removes the record of a leased session.
    pub(super) async fn forget_session(&self, recorded: &Recorded) -> Result<(), RegistryError> {
        let id = recorded.session.id().as_uuid();
        match self.meta.remove_session(id, recorded.revision).await {
            // Whoever took it over meanwhile decides what becomes of it.
            Ok(()) | Err(MetaError::SessionConflict) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }
}

/// What is recorded of a session.
fn record(
    repo: &RepoKey,
    revision: u64,
    session: &Session<Staged>,
) -> Result<SessionRecord, RegistryError> {
    let state = session.to_bytes().map_err(RegistryError::internal)?;
    Ok(SessionRecord {
        id: session.id().as_uuid(),
        repo: repo.clone(),
        revision,
        expires_at: Timestamp::from_millis(session.expires_at().0),
        bytes: session.offset(),
        state: Bytes::from(state),
    })
}

fn limit_or(error: MetaError) -> RegistryError {
    match error {
        MetaError::TooManySessions { .. } | MetaError::TooManySessionBytes { .. } => {
            RegistryError::TooManyUploads {
                retry_after: LIMIT_RETRY,
            }
        }
        MetaError::SessionConflict => RegistryError::UploadBusy {
            retry_after: BUSY_POLL,
        },
        other => other.into(),
    }
}
