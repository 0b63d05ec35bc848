//! The queue of objects to be removed.

use async_trait::async_trait;
use oci_types::Digest;

use super::PostgresMeta;
use super::client::Params;
use super::codec::{Count, Stored, rows, value};
use crate::{ClaimGarbage, Collection, Ctx, Garbage, Locator, MetaError};

const CLAIM: &str = "SELECT ticket, digest, locator, size FROM claim_garbage($1, $2, $3, $4)";
const FORGET: &str = "DELETE FROM collection_queue WHERE ticket = ANY ($1)";

#[async_trait]
impl Collection for PostgresMeta {
    async fn claim_garbage(
        &self,
        ctx: &Ctx,
        claim: ClaimGarbage,
    ) -> Result<Vec<Garbage>, MetaError> {
        const OP: &str = "claim garbage";
        let now = ctx.now;
        let (due, lease_end) = (now.before(claim.grace), now.after(claim.lease));
        let limit = rows(claim.limit);
        let params: Params<'_> = &[&now, &due, &lease_end, &limit];
        let claimed = self.client.rows(OP, CLAIM, params).await?;
        let garbage = claimed.iter().map(|row| {
            Ok(Garbage {
                ticket: value::<Count>(OP, row, 0)?.0,
                digest: value::<Stored<Digest>>(OP, row, 1)?.0,
                locator: Locator::new(value::<String>(OP, row, 2)?),
                size: value::<Count>(OP, row, 3)?.0,
            })
        });
        garbage.collect()
    }

    async fn forget_garbage(&self, _: &Ctx, tickets: &[u64]) -> Result<(), MetaError> {
        let tickets: Vec<Count> = tickets.iter().copied().map(Count).collect();
        self.client
            .rows("forget garbage", FORGET, &[&tickets])
            .await
            .map(drop)
    }
}
