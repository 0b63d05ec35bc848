//! The queue of objects to be removed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;

use super::{MemoryMeta, State};
use crate::{BlobRecord, ClaimGarbage, Collection, Ctx, Garbage, Locator, MetaError, Timestamp};

/// Objects to be removed, by ticket, by the time from which they can be claimed, by locator.
#[derive(Debug, Default)]
pub(super) struct Queue {
    objects: BTreeMap<u64, Queued>,
    available: BTreeSet<(Timestamp, u64)>,
    tickets: HashMap<Locator, u64>,
    last_ticket: u64,
}

#[derive(Debug)]
struct Queued {
    record: BlobRecord,
    available_at: Timestamp,
    claimed: bool,
}

#[async_trait]
impl Collection for MemoryMeta {
    async fn claim_garbage(
        &self,
        ctx: &Ctx,
        claim: ClaimGarbage,
    ) -> Result<Vec<Garbage>, MetaError> {
        let mut state = self.state();
        state.queue_unlinked(ctx.now, &claim);
        Ok(state.queue.claim(ctx.now, &claim))
    }

    async fn forget_garbage(&self, _: &Ctx, tickets: &[u64]) -> Result<(), MetaError> {
        let mut state = self.state();
        for ticket in tickets {
            state.queue.remove(*ticket);
        }
        Ok(())
    }
}

impl State {
    fn queue_unlinked(&mut self, now: Timestamp, claim: &ClaimGarbage) {
        let due: Vec<_> = self
            .unlinked
            .iter()
            .take_while(|(at, _)| at.after(claim.grace) <= now)
            .take(claim.limit)
            .copied()
            .collect();
        for (at, digest) in due {
            self.unlinked.remove(&(at, digest));
            if let Some(blob) = self.blobs.remove(&digest) {
                self.queue.add(blob.record, now);
            }
        }
    }
}

impl Queue {
    /// Queues an object; it can be claimed at once.
    pub(super) fn add(&mut self, record: BlobRecord, now: Timestamp) {
        if self.tickets.contains_key(&record.locator) {
            return;
        }
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.tickets.insert(record.locator.clone(), ticket);
        self.available.insert((now, ticket));
        let queued = Queued {
            record,
            available_at: now,
            claimed: false,
        };
        self.objects.insert(ticket, queued);
    }

    /// Takes an object back that is to be recorded again.
    pub(super) fn withdraw(&mut self, locator: &Locator) -> Result<(), MetaError> {
        let Some(ticket) = self.tickets.get(locator).copied() else {
            return Ok(());
        };
        if self.objects.get(&ticket).is_some_and(|o| o.claimed) {
            return Err(MetaError::being_removed(locator));
        }
        self.remove(ticket);
        Ok(())
    }

    fn claim(&mut self, now: Timestamp, claim: &ClaimGarbage) -> Vec<Garbage> {
        let free = self.available.iter().take_while(|(at, _)| *at <= now);
        let tickets: Vec<u64> = free.take(claim.limit).map(|(_, ticket)| *ticket).collect();
        let until = now.after(claim.lease);
        let claimed = tickets.into_iter().filter_map(|ticket| {
            let object = self.objects.get_mut(&ticket)?;
            self.available.remove(&(object.available_at, ticket));
            self.available.insert((until, ticket));
            object.available_at = until;
            object.claimed = true;
            Some(Garbage {
                ticket,
                digest: object.record.digest,
                locator: object.record.locator.clone(),
                size: object.record.size,
            })
        });
        claimed.collect()
    }

    fn remove(&mut self, ticket: u64) {
        if let Some(object) = self.objects.remove(&ticket) {
            self.available.remove(&(object.available_at, ticket));
            self.tickets.remove(&object.record.locator);
        }
    }
}
