//! Upload sessions.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryMeta;
use crate::{MetaError, SessionLimits, SessionRecord, Timestamp, UploadSessions};

/// Sessions by id and by expiry, with the bytes that all of them hold.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    records: HashMap<Uuid, SessionRecord>,
    expiry: BTreeSet<(Timestamp, Uuid)>,
    bytes: u64,
}

#[async_trait]
impl UploadSessions for MemoryMeta {
    async fn create_session(
        &self,
        record: SessionRecord,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        let sessions = &mut self.state().sessions;
        if sessions.records.contains_key(&record.id) {
            return Err(MetaError::SessionConflict);
        }
        if sessions.records.len() as u64 >= limits.sessions {
            return Err(MetaError::TooManySessions {
                limit: limits.sessions,
            });
        }
        limits.check_bytes(sessions.bytes, 0, record.bytes)?;
        sessions.insert(record);
        Ok(())
    }

    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, MetaError> {
        Ok(self.state().sessions.records.get(&id).cloned())
    }

    async fn update_session(
        &self,
        record: SessionRecord,
        expected: u64,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        let sessions = &mut self.state().sessions;
        let current = sessions.at_revision(record.id, expected)?;
        limits.check_bytes(sessions.bytes, current.bytes, record.bytes)?;
        sessions.remove(record.id);
        sessions.insert(record);
        Ok(())
    }

    async fn remove_session(&self, id: Uuid, expected: u64) -> Result<(), MetaError> {
        let sessions = &mut self.state().sessions;
        sessions.at_revision(id, expected)?;
        sessions.remove(id);
        Ok(())
    }

    async fn expired_sessions(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, MetaError> {
        let sessions = &self.state().sessions;
        let expired = sessions.expiry.iter().take_while(|(at, _)| *at <= now);
        let records = expired.filter_map(|(_, id)| sessions.records.get(id).cloned());
        Ok(records.take(limit).collect())
    }
}

impl Sessions {
    fn at_revision(&self, id: Uuid, expected: u64) -> Result<&SessionRecord, MetaError> {
        let current = self.records.get(&id);
        current
            .filter(|current| current.revision == expected)
            .ok_or(MetaError::SessionConflict)
    }

    fn insert(&mut self, record: SessionRecord) {
        self.bytes += record.bytes;
        self.expiry.insert((record.expires_at, record.id));
        self.records.insert(record.id, record);
    }

    fn remove(&mut self, id: Uuid) {
        if let Some(record) = self.records.remove(&id) {
            self.bytes -= record.bytes;
            self.expiry.remove(&(record.expires_at, id));
        }
    }
}
