//! The contract of [`BlobStore`] as tests, for those who implement it.
//!
//! [`contract_suite!`](crate::contract_suite) emits one test a clause. It takes an async function
//! that makes an empty store nobody else uses, together with whatever has to live as long as the
//! store does:
//!
//! ```no_run
//! # use oci_blob_store::MemoryBlobStore;
//! async fn make_store() -> (MemoryBlobStore, ()) {
//!     (MemoryBlobStore::new(), ())
//! }
//!
//! oci_blob_store::contract_suite!(make_store);
//! ```
//!
//! The clauses panic where a store breaks them. They do not cover what takes a fault of the
//! storage to show: durability, full disks, failing syncs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "these are tests that other crates run"
)]

mod leased;
mod objects;
mod staging;
mod writing;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use oci_types::Digest;

use crate::{BlobStore, BlobStoreError, BlobWriter, Locator, Staged};

pub use leased::*;
pub use objects::*;
pub use staging::*;
pub use writing::*;

/// Emits one `#[tokio::test]` for each clause of the contract.
///
/// The argument is the path of an `async fn() -> (impl BlobStore, guard)`; the guard is dropped
/// after the test. The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
///
/// A store that can not see other writers, and relies on its caller to let one at a time write,
/// is held to other clauses where that makes a difference: `contract_suite!(make_store, leased)`.
#[macro_export]
macro_rules! contract_suite {
    ($make_store:path) => {
        $crate::contract_suite! { @common $make_store }
        $crate::contract_suite! { $make_store;
            fewer_bytes_than_recorded_are_lost
            second_writer_is_busy
            seal_is_busy_while_somebody_writes
            seal_of_nothing_staged_is_lost
            sealed_is_no_longer_staged
            discard_drops_staged_bytes
            discard_under_a_writer
            discarded_writer_leaves_the_next_alone
        }
    };
    ($make_store:path, leased) => {
        $crate::contract_suite! { @common $make_store }
        $crate::contract_suite! { $make_store;
            two_writers_never_mix
            two_checkpoints_seal_to_their_own_bytes
            sealed_object_stays_as_it_is
            discarded_is_lost_or_whole
            discard_is_idempotent
            seal_leaves_nothing_to_discard
        }
    };
    (@common $make_store:path) => {
        $crate::contract_suite! { $make_store;
            empty_blob_without_a_writer
            empty_blob_with_a_writer
            round_trip_around_buffer_edges
            round_trip_in_chunks_of_all_sizes
            digest_algorithms_have_their_own_places
            staged_survives_serialisation
            resume_behind_a_checkpoint
            checkpoint_of_nothing_new
            bytes_behind_the_checkpoint_are_cut_off
            dropped_writer_leaves_the_checkpoint
            older_checkpoint_wins
            seal_is_idempotent
            same_content_twice_is_two_objects
            discard_leaves_the_sealed_object
            read_staged_to_the_recorded_length
            ranges_at_all_edges
            range_beyond_the_end_is_refused
            stream_and_bytes_agree
            unknown_object_is_not_found
            wrong_length_is_damaged
            remove_is_idempotent
            removed_object_is_gone
            list_pages_in_order
            list_shows_sealed_objects_only
            concurrent_uploads
            probe_of_a_sound_store
        }
    };
    ($make_store:path; $($clause:ident)+) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                let (store, _guard) = $make_store().await;
                $crate::contract::$clause(::std::sync::Arc::new(store)).await;
            }
        )+
    };
}

/// Bytes in which no two places look alike for long.
fn pattern(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ len as u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

/// Opens a writer. One that was dropped just before may still have a write under way.
async fn append<S: BlobStore>(store: &S, staged: &Staged) -> Box<dyn BlobWriter> {
    retry_busy(|| store.append(staged)).await
}

async fn seal<S: BlobStore>(store: &S, staged: &Staged, digest: &Digest) -> Locator {
    retry_busy(|| store.seal(staged, digest)).await
}

async fn retry_busy<T, F: Future<Output = Result<T, BlobStoreError>>>(
    mut attempt: impl FnMut() -> F,
) -> T {
    for _ in 0..1000 {
        match attempt().await {
            Err(BlobStoreError::Busy) => tokio::time::sleep(Duration::from_millis(10)).await,
            done => return done.unwrap(),
        }
    }
    panic!("busy for 10 seconds though nobody writes");
}

/// Stages `content` in a new area.
async fn stage<S: BlobStore>(store: &S, content: &Bytes) -> Staged {
    let staged = store.begin().await.unwrap();
    extend(store, &staged, content).await
}

/// Writes `content` behind `staged`.
async fn extend<S: BlobStore>(store: &S, staged: &Staged, content: &Bytes) -> Staged {
    let mut writer = append(store, staged).await;
    writer.write(content.clone()).await.unwrap();
    writer.checkpoint().await.unwrap()
}

/// Stages and seals `content`.
async fn put<S: BlobStore>(store: &S, content: &Bytes) -> Locator {
    let staged = stage(store, content).await;
    seal(store, &staged, &Digest::sha256(content)).await
}

async fn read<S: BlobStore>(
    store: &S,
    locator: &Locator,
    size: usize,
    range: Option<Range<u64>>,
) -> Bytes {
    let opened = store.open(locator, size as u64, range).await.unwrap();
    let len = opened.len;
    let bytes = opened.into_bytes().await.unwrap();
    assert_eq!(bytes.len() as u64, len, "the length that opening answered");
    bytes
}

/// Compares without printing megabytes.
fn assert_same(found: &[u8], expected: &[u8]) {
    assert_eq!(found.len(), expected.len(), "length");
    let differs = found.iter().zip(expected).position(|(f, e)| f != e);
    assert_eq!(differs, None, "place of the first difference");
}

async fn assert_holds<S: BlobStore>(store: &S, locator: &Locator, content: &[u8]) {
    assert_eq!(store.size(locator).await.unwrap(), content.len() as u64);
    assert_same(&read(store, locator, content.len(), None).await, content);
}

fn assert_lost<T>(result: Result<T, BlobStoreError>, expected: (u64, u64)) {
    match result.err().expect("staged bytes are lost") {
        BlobStoreError::StagedLost { recorded, found } => {
            assert_eq!((recorded, found), expected, "recorded and found length");
        }
        other => panic!("{other:?} instead of StagedLost"),
    }
}

fn assert_not_found<T>(result: Result<T, BlobStoreError>, expected: &Locator) {
    match result.err().expect("nothing is there") {
        BlobStoreError::NotFound { locator } => assert_eq!(&locator, expected),
        other => panic!("{other:?} instead of NotFound"),
    }
}

#[cfg(test)]
mod tests {
    /// A clause that the macro does not name would never run.
    #[test]
    fn the_suite_names_every_clause() {
        let suite = include_str!("mod.rs");
        let (_, suite) = suite.split_once("macro_rules! contract_suite").unwrap();
        let (suite, _) = suite.split_once("fn pattern").unwrap();
        let named: Vec<_> = suite.split_whitespace().collect();
        let clauses = [
            include_str!("leased.rs"),
            include_str!("objects.rs"),
            include_str!("staging.rs"),
            include_str!("writing.rs"),
        ];
        let mut count = 0;
        for line in clauses.iter().flat_map(|file| file.lines()) {
            if let Some(clause) = line.strip_prefix("pub async fn ") {
                let (clause, _) = clause.split_once('<').unwrap();
                assert!(named.contains(&clause), "{clause}");
                count += 1;
            }
        }
        assert!(count > 30, "{count} clauses were found");
    }
}
