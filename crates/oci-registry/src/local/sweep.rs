//! Removing what nothing refers to any more.

use std::time::Duration;

use oci_blob_store::Locator;
use oci_meta::{ClaimGarbage, Ctx, Timestamp};
use oci_upload::UnixMillis;

use super::{Inner, LocalRegistry};
use crate::RegistryError;

/// How many objects or sessions are looked at between two looks into the database.
const BATCH: usize = 256;
/// For how long claimed objects are nobody else's.
const CLAIM: Duration = Duration::from_secs(600);

/// What a round removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Blobs whose last link had gone.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Upload sessions that had expired.
    pub uploads: u64,
}

impl LocalRegistry {
    /// Removes the blobs whose grace period is over and the upload sessions that have expired.
    ///
    /// It can run beside everything else, in several processes at once, and be cut off anywhere:
    /// what it has claimed and not removed is claimed again.
    ///
    /// # Errors
    /// [`RegistryError::Internal`]; what was removed until then stays removed.
    pub async fn sweep(&self, now: Timestamp) -> Result<Sweep, RegistryError> {
        let ctx = Ctx::system("sweep", now);
        let mut sweep = Sweep::default();
        while self.inner.sweep_blobs(&ctx, &mut sweep).await? == BATCH {}
        while self.inner.sweep_uploads(&ctx, &mut sweep).await? == BATCH {}
        Ok(sweep)
    }

    /// Sweeps again and again, `every` so often, until it is dropped.
    pub async fn maintain(&self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            match self.sweep(Timestamp::now()).await {
                Ok(swept) if swept == Sweep::default() => {}
                Ok(swept) => tracing::info!(
                    blobs = swept.blobs,
                    bytes = swept.bytes,
                    uploads = swept.uploads,
                    "removed what nothing refers to"
                ),
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not remove what nothing refers to; it is tried again later"
                ),
            }
        }
    }
}

impl Inner {
    async fn sweep_blobs(&self, ctx: &Ctx, sweep: &mut Sweep) -> Result<usize, RegistryError> {
        let claim = ClaimGarbage {
            grace: self.options.grace,
            lease: CLAIM,
            limit: BATCH,
        };
        let garbage = self.meta.claim_garbage(ctx, claim).await?;
        for object in &garbage {
            let locator: Locator = object
                .locator
                .as_str()
                .parse()
                .map_err(RegistryError::internal)?;
            self.blobs.remove(&locator).await?;
            tracing::debug!(digest = %object.digest, %locator, "removed an object without links");
            sweep.blobs += 1;
            sweep.bytes += object.size;
        }
        let tickets: Vec<u64> = garbage.iter().map(|object| object.ticket).collect();
        if !tickets.is_empty() {
            self.meta.forget_garbage(ctx, &tickets).await?;
        }
        Ok(garbage.len())
    }

    async fn sweep_uploads(&self, ctx: &Ctx, sweep: &mut Sweep) -> Result<usize, RegistryError> {
        let now = UnixMillis(ctx.now.as_millis());
        let expired = self.meta.expired_sessions(ctx.now, BATCH).await?;
        let mut removed = 0;
        for record in expired {
            let (id, revision) = (record.id, record.revision);
            let recorded = match self.decode(record) {
                Ok(recorded) => recorded,
                Err(error) => {
                    // A record that no program can read is of no use to its client either.
                    tracing::warn!(upload = %id, %error, "dropping an unreadable upload session");
                    self.meta.remove_session(id, revision).await?;
                    continue;
                }
            };
            if recorded.session.is_expired(now)
                && let Ok(leased) = self.try_lease(recorded, now).await?
            {
                self.drop_session(&leased).await?;
                removed += 1;
            }
        }
        sweep.uploads += removed;
        Ok(usize::try_from(removed).unwrap_or(BATCH))
    }
}
