//! Upload sessions.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::Store;
use super::support::{at, repo, upstream_repo};
use crate::{MetaError, SessionLimits, SessionRecord};

const LIMITS: SessionLimits = SessionLimits {
    sessions: 3,
    bytes: 100,
};

const MANY: SessionLimits = SessionLimits {
    sessions: u64::MAX,
    bytes: u64::MAX,
};

fn session(id: u128, bytes: u64) -> SessionRecord {
    SessionRecord {
        id: Uuid::from_u128(id),
        repo: repo("team/api"),
        revision: 0,
        expires_at: at(60).now,
        bytes,
        state: Bytes::from(format!("state {id}")),
    }
}

async fn create(store: &Store, record: &SessionRecord) {
    let created = store.create_session(record.clone(), &LIMITS).await;
    created.unwrap();
}

async fn read(store: &Store, id: u128) -> Option<SessionRecord> {
    store.session(Uuid::from_u128(id)).await.unwrap()
}

fn is_conflict(result: &Result<(), MetaError>) -> bool {
    matches!(result, Err(MetaError::SessionConflict))
}

/// Everything about a session comes back as it was recorded.
pub async fn a_session_is_read_as_recorded(store: Store) {
    assert_eq!(read(&store, 1).await, None);
    let plain = session(1, 10);
    let odd = SessionRecord {
        repo: upstream_repo("registry.example.com:5000", "library/app"),
        revision: 7,
        state: Bytes::from_static(b"\0\xff not text"),
        ..session(u128::MAX, 0)
    };
    let empty = SessionRecord {
        state: Bytes::new(),
        ..session(3, 0)
    };
    for record in [&plain, &odd, &empty] {
        create(&store, record).await;
    }
    assert_eq!(read(&store, 1).await, Some(plain));
    assert_eq!(read(&store, u128::MAX).await, Some(odd));
    assert_eq!(read(&store, 3).await, Some(empty));
}

/// An update that expects another revision changes nothing.
pub async fn a_session_changes_from_its_revision_only(store: Store) {
    create(&store, &session(1, 0)).await;
    let second = SessionRecord {
        revision: 1,
        bytes: 5,
        state: Bytes::from_static(b"second"),
        expires_at: at(120).now,
        ..session(1, 0)
    };
    for wrong in [1, 2, u64::MAX >> 1] {
        let update = store.update_session(second.clone(), wrong, &LIMITS).await;
        assert!(is_conflict(&update));
    }
    assert_eq!(read(&store, 1).await, Some(session(1, 0)));
    let update = store.update_session(second.clone(), 0, &LIMITS).await;
    update.unwrap();
    assert_eq!(read(&store, 1).await, Some(second.clone()));
    let again = store.update_session(second, 0, &LIMITS).await;
    assert!(is_conflict(&again));
    let absent = store.update_session(session(2, 0), 0, &LIMITS).await;
    assert!(is_conflict(&absent));
    assert_eq!(read(&store, 2).await, None);
}

/// A removal that expects another revision removes nothing.
pub async fn a_session_is_removed_at_its_revision_only(store: Store) {
    create(&store, &session(1, 0)).await;
    let id = Uuid::from_u128(1);
    assert!(is_conflict(&store.remove_session(id, 1).await));
    assert_eq!(read(&store, 1).await, Some(session(1, 0)));
    store.remove_session(id, 0).await.unwrap();
    assert_eq!(read(&store, 1).await, None);
    assert!(is_conflict(&store.remove_session(id, 0).await));
}

/// A second session of one id is refused, and the first one stays.
pub async fn ids_are_taken_once(store: Store) {
    create(&store, &session(1, 0)).await;
    let other = SessionRecord {
        state: Bytes::from_static(b"other"),
        ..session(1, 50)
    };
    assert!(is_conflict(&store.create_session(other, &LIMITS).await));
    assert_eq!(read(&store, 1).await, Some(session(1, 0)));
    store.remove_session(Uuid::from_u128(1), 0).await.unwrap();
    create(&store, &session(1, 100)).await;
}

/// No more sessions are open than may be; a removal makes room.
pub async fn open_sessions_are_limited(store: Store) {
    for id in 1..=3 {
        create(&store, &session(id, 0)).await;
    }
    let refused = store.create_session(session(4, 0), &LIMITS).await;
    assert!(matches!(
        refused,
        Err(MetaError::TooManySessions { limit: 3 })
    ));
    assert_eq!(read(&store, 4).await, None);
    store.remove_session(Uuid::from_u128(2), 0).await.unwrap();
    create(&store, &session(4, 0)).await;
    let none = SessionLimits {
        sessions: 0,
        ..MANY
    };
    let refused = store.create_session(session(5, 0), &none).await;
    assert!(matches!(
        refused,
        Err(MetaError::TooManySessions { limit: 0 })
    ));
}

/// No more bytes are staged than may be, in new sessions or grown ones.
pub async fn staged_bytes_are_limited(store: Store) {
    create(&store, &session(1, 60)).await;
    let refused = store.create_session(session(2, 41), &LIMITS).await;
    assert!(matches!(
        refused,
        Err(MetaError::TooManySessionBytes { limit: 100 })
    ));
    assert_eq!(read(&store, 2).await, None);
    create(&store, &session(2, 40)).await;
    let refused = store.update_session(session(2, 41), 0, &LIMITS).await;
    assert!(matches!(
        refused,
        Err(MetaError::TooManySessionBytes { .. })
    ));
    assert_eq!(read(&store, 2).await, Some(session(2, 40)));
    let smaller = SessionLimits { bytes: 1, ..LIMITS };
    for bytes in [40, 39] {
        let update = store.update_session(session(2, bytes), 0, &smaller).await;
        update.unwrap();
    }
}

/// What a session no longer holds, others may.
pub async fn staged_bytes_follow_updates_and_removals(store: Store) {
    create(&store, &session(1, 100)).await;
    let update = store.update_session(session(1, 30), 0, &LIMITS).await;
    update.unwrap();
    create(&store, &session(2, 70)).await;
    let update = store.update_session(session(1, 31), 0, &LIMITS).await;
    assert!(update.is_err());
    store.remove_session(Uuid::from_u128(2), 0).await.unwrap();
    let update = store.update_session(session(1, 100), 0, &LIMITS).await;
    update.unwrap();
    store.remove_session(Uuid::from_u128(1), 0).await.unwrap();
    create(&store, &session(3, 100)).await;
}

/// Many update one session from the same revision at once: one does.
pub async fn of_racing_updates_one_wins(store: Store) {
    create(&store, &session(1, 0)).await;
    let racers = (0..16u8).map(|i| {
        let store = Arc::clone(&store);
        let record = SessionRecord {
            revision: 1,
            state: Bytes::from(vec![i]),
            ..session(1, 0)
        };
        tokio::spawn(async move {
            let updated = store.update_session(record.clone(), 0, &LIMITS).await;
            (record, updated)
        })
    });
    let mut winners = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            (record, Ok(())) => winners.push(record),
            (_, refused) => assert!(is_conflict(&refused)),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(read(&store, 1).await, winners.pop());
}

/// Many open sessions at once: as many do as may.
pub async fn racing_creations_keep_to_the_limit(store: Store) {
    let racers = (0..16u128).map(|id| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.create_session(session(id, 0), &LIMITS).await })
    });
    let mut created = 0;
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(()) => created += 1,
            Err(MetaError::TooManySessions { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(created, LIMITS.sessions);
}

/// What is due is listed, by the time at which it was; an update moves a session.
pub async fn expired_sessions_come_oldest_first(store: Store) {
    for (id, seconds) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        let record = SessionRecord {
            expires_at: at(seconds).now,
            ..session(id, 0)
        };
        store.create_session(record, &MANY).await.unwrap();
    }
    let expired = async |seconds, limit| {
        let records = store.expired_sessions(at(seconds).now, limit).await;
        let records = records.unwrap();
        records.iter().map(|r| r.id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(expired(9, 10).await, []);
    assert_eq!(expired(30, 10).await, [2, 3, 1]);
    assert_eq!(expired(30, 2).await, [2, 3]);
    assert_eq!(expired(30, 0).await, []);
    let later = SessionRecord {
        expires_at: at(50).now,
        ..session(2, 0)
    };
    store.update_session(later, 0, &MANY).await.unwrap();
    store.remove_session(Uuid::from_u128(3), 0).await.unwrap();
    assert_eq!(expired(40, 10).await, [1, 4]);
}
