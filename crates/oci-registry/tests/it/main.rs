//! The registry over every pair of stores and inside every wrapper.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod damage;
mod deletes;
mod fixture;
mod policy;
mod pushes;
mod sweeps;
mod uploads;

use fixture::Fixture;

/// One test for each clause and each kind of registry.
macro_rules! suite {
    ($($module:ident :: $clause:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test] async fn $clause() {
                crate::$module::$clause(crate::Fixture::memory()).await;
            })+
        }
        mod sqlite_and_files {
            $(#[tokio::test] async fn $clause() {
                crate::$module::$clause(crate::Fixture::local()).await;
            })+
        }
        mod wrapped {
            $(#[tokio::test] async fn $clause() {
                crate::$module::$clause(crate::Fixture::wrapped()).await;
            })+
        }
    };
}

suite! {
    pushes::a_blob_in_one_request,
    pushes::a_blob_with_a_wrong_digest_leaves_nothing,
    pushes::ranges_of_a_blob,
    pushes::a_manifest_is_served_to_the_byte,
    pushes::a_manifest_under_several_tags,
    pushes::a_manifest_has_to_have_its_digest,
    pushes::an_ambiguous_manifest_is_refused,
    pushes::what_is_absent_is_unknown,
    pushes::a_blob_belongs_to_repositories,
    pushes::mounts,
    pushes::events_tell_what_happened,
    uploads::chunks_make_a_blob,
    uploads::every_split_gives_the_same_blob,
    uploads::a_chunk_out_of_order_changes_nothing,
    uploads::a_chunk_of_the_wrong_length_changes_nothing,
    uploads::a_wrong_digest_changes_nothing,
    uploads::an_interrupted_chunk_is_resumed,
    uploads::a_stalled_body_is_an_interrupted_one,
    uploads::a_dropped_caller_leaves_a_shorter_session,
    uploads::a_status_waits_for_a_writer_to_settle,
    uploads::sessions_belong_to_their_repository,
    uploads::a_second_writer_waits_and_is_told_to_come_back,
    uploads::a_cancelled_session_is_gone,
    uploads::sha512_announced_or_not,
    uploads::an_empty_blob,
    uploads::two_sessions_of_one_blob,
    uploads::limits_of_sessions_and_bytes,
    uploads::a_blob_over_the_limit_is_refused,
    deletes::a_tag_goes_alone,
    deletes::a_manifest_takes_its_tags,
    deletes::a_blob_in_use_stays,
    deletes::a_deleted_blob_is_gone_from_its_repository_alone,
    deletes::referrers_come_and_go,
    sweeps::an_unlinked_blob_goes_after_its_grace,
    sweeps::a_new_link_within_the_grace_keeps_it,
    sweeps::a_push_after_the_sweep_brings_it_back,
    sweeps::expired_sessions_go_with_their_bytes,
}
