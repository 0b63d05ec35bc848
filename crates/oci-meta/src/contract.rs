//! What every metadata store must do, as tests: one function a clause.
//!
//! [`contract_suite!`](crate::contract_suite) runs them all over one store. It does not test what
//! survives a crash, nor how fast a store is.

#![expect(clippy::unwrap_used, reason = "a clause fails by a panic, as tests do")]

pub mod blobs;
pub mod garbage;
pub mod lists;
pub mod manifests;
pub mod sessions;
mod support;
pub mod tags;

use std::sync::Arc;

use crate::MetaStore;

/// An empty store under test.
pub type Store = Arc<dyn MetaStore>;

/// What the function answers that [`contract_suite!`](crate::contract_suite) is given: a store
/// and something that lives as long as the test, or an [`Option`] of both. Where the store cannot
/// be had, a clause ends without a verdict, and the function has to have said so.
pub trait Fixture {
    /// What lives as long as the test.
    type Guard;

    /// The store and its guard.
    fn into_parts(self) -> Option<(Store, Self::Guard)>;
}

impl<S: MetaStore, G> Fixture for (S, G) {
    type Guard = G;

    fn into_parts(self) -> Option<(Store, G)> {
        Some((Arc::new(self.0), self.1))
    }
}

impl<S: MetaStore, G> Fixture for Option<(S, G)> {
    type Guard = G;

    fn into_parts(self) -> Option<(Store, G)> {
        self.and_then(Fixture::into_parts)
    }
}

/// Emits one test for each clause of the contract.
///
/// `$make` is the name of an async function that makes an empty store; it answers a
/// [`Fixture`](crate::contract::Fixture): the store and something that lives as long as the test,
/// such as the guard of a temporary folder. The crate that uses it depends on `tokio` with
/// `macros` and `rt-multi-thread`.
///
/// ```
/// use oci_meta::MemoryMeta;
///
/// async fn memory() -> (MemoryMeta, ()) {
///     (MemoryMeta::new(), ())
/// }
///
/// oci_meta::contract_suite!(memory);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! contract_suite {
    ($make:ident) => {
        $crate::contract_suite! {
            @clauses $make
            manifests:
                bytes_are_kept_verbatim,
                long_manifests_are_kept_verbatim,
                manifests_belong_to_their_repository,
                upstreams_have_repositories_of_their_own,
                manifests_of_both_algorithms_are_found,
                pushing_a_manifest_again_changes_its_tags_alone,
                the_later_media_type_is_served,
                a_refused_push_creates_nothing,
                lax_pushes_may_come_before_what_they_refer_to,
                strict_pushes_name_what_is_missing,
                strict_pushes_find_what_is_there,
                strict_pushes_exempt_subjects_and_foreign_layers,
                missing_references_are_bounded,
                ten_thousand_children_are_one_push,
            tags:
                a_tag_moves_and_tells_what_it_named,
                a_guarded_tag_is_written_once,
                one_refused_tag_refuses_all,
                a_tag_named_twice_is_written_once,
                of_racing_guarded_pushes_one_wins,
                racing_pushes_follow_one_another,
                deleting_a_tag_leaves_its_manifest,
                a_guard_keeps_a_tag,
                deleting_a_manifest_drops_its_tags,
                a_guard_keeps_a_manifest,
                a_manifest_can_be_pushed_after_its_deletion,
                deletions_stay_within_a_repository,
            blobs:
                a_blob_belongs_to_those_who_link_it,
                links_are_made_to_recorded_blobs_only,
                blobs_of_both_algorithms_are_found,
                upstreams_have_links_of_their_own,
                a_duplicate_is_queued_and_the_first_stays,
                the_same_object_again_is_no_duplicate,
                a_replaced_object_is_queued,
                only_the_recorded_object_is_replaced,
                of_racing_objects_one_is_kept,
                mounting_takes_a_link_of_the_source,
                mounting_from_a_scope_takes_a_link_within_it,
                deleting_a_blob_drops_one_link,
                a_blob_in_use_is_not_deleted,
                a_blob_in_use_elsewhere_is_deleted,
            lists:
                tags_come_in_pages,
                an_empty_repository_is_not_an_unknown_one,
                referrers_come_in_pages,
                referrers_are_filtered_by_type,
                referrers_have_types_of_any_text,
                referrers_say_what_they_are,
                referrers_go_with_their_manifests,
                referrers_follow_the_media_type,
                subjects_and_repositories_have_referrers_of_their_own,
                heavy_referrers_come_in_short_pages,
                repositories_come_in_pages,
                repositories_stay_within_the_scope,
            garbage:
                the_store_answers_a_probe,
                unlinked_blobs_are_handed_out_after_the_grace,
                a_link_within_the_grace_saves_a_blob,
                the_grace_begins_with_the_last_end_of_a_link,
                a_claimed_blob_is_gone,
                a_push_after_the_claim_has_an_object_of_its_own,
                claims_are_exclusive_until_the_lease_ends,
                forgotten_claims_are_not_handed_out_again,
                claims_are_bounded,
                an_object_recorded_again_is_not_removed,
                an_object_handed_out_is_not_recorded_again,
            sessions:
                a_session_is_read_as_recorded,
                a_session_changes_from_its_revision_only,
                a_session_is_removed_at_its_revision_only,
                ids_are_taken_once,
                open_sessions_are_limited,
                staged_bytes_are_limited,
                staged_bytes_follow_updates_and_removals,
                of_racing_updates_one_wins,
                racing_creations_keep_to_the_limit,
                expired_sessions_come_oldest_first,
        }
    };
    (@clauses $make:ident $($rest:tt)*) => {
        $crate::contract_suite!(@next $make [] $($rest)*);
    };
    (@next $make:ident [$($module:ident)?] $next:ident : $($rest:tt)*) => {
        $crate::contract_suite!(@next $make [$next] $($rest)*);
    };
    (@next $make:ident [$module:ident] $clause:ident, $($rest:tt)*) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $clause() {
            let parts = $crate::contract::Fixture::into_parts($make().await);
            if let Some((store, _guard)) = parts {
                $crate::contract::$module::$clause(store).await;
            }
        }
        $crate::contract_suite!(@next $make [$module] $($rest)*);
    };
    (@next $make:ident [$($module:ident)?]) => {};
}

#[cfg(test)]
mod tests {
    /// A clause that the macro forgets would never run.
    #[test]
    fn the_macro_names_every_clause() {
        let suite = include_str!("contract.rs");
        let modules = [
            include_str!("contract/blobs.rs"),
            include_str!("contract/garbage.rs"),
            include_str!("contract/lists.rs"),
            include_str!("contract/manifests.rs"),
            include_str!("contract/sessions.rs"),
            include_str!("contract/tags.rs"),
        ];
        for module in modules {
            for clause in module.split("pub async fn ").skip(1) {
                let (name, _) = clause.split_once('(').unwrap();
                assert!(suite.contains(&format!(" {name},\n")), "{name}");
            }
        }
    }
}
