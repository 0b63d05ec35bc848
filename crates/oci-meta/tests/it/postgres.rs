//! PostgreSQL, as a server that the tests start themselves.
//!
//! Where there is none to start, the tests fail if `CI` is `true`, and else say that they have
//! shown nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod cluster;
mod contention;
mod login;
mod migration;
mod restart;
mod support;
mod trips;

use oci_meta::PostgresMeta;

use self::cluster::Cluster;

/// A store in a schema of its own.
async fn postgres() -> Option<(PostgresMeta, ())> {
    let schema = Cluster::shared()?.schema().await;
    Some((support::connect(&schema.url()).await, ()))
}

mod contract {
    use super::postgres;

    oci_meta::contract_suite!(postgres);
}

#[cfg(feature = "auth")]
mod secrets {
    //! The contract of what replicas share for authentication. Its own macro asks for a store in
    //! any case, so the clauses are named here.

    use std::sync::Arc;

    use oci_auth::contract;

    macro_rules! clauses {
        ($($clause:ident),+ $(,)?) => {
            const CLAUSES: &[&str] = &[$(stringify!($clause)),+];

            $(
                #[tokio::test]
                async fn $clause() {
                    if let Some((store, ())) = super::postgres().await {
                        contract::$clause(Arc::new(store)).await;
                    }
                }
            )+
        };
    }

    clauses!(
        keys_come_back_as_they_were_and_in_order,
        a_key_is_added_behind_the_latest_alone,
        of_racing_keys_one_is_added,
        removed_keys_are_gone,
        refresh_tokens_come_back_as_they_were,
        a_refresh_token_is_found_by_its_id_alone,
        the_latest_refresh_tokens_of_a_subject_are_kept,
        removing_a_subjects_tokens_leaves_the_others,
        expired_tokens_are_removed_when_asked,
    );

    /// A clause that is not named would never run.
    #[test]
    fn every_clause_is_named() {
        let suite = include_str!("../../../oci-auth/src/contract.rs");
        let clauses = suite.split("pub async fn ").skip(1);
        let names: Vec<_> = clauses
            .filter_map(|clause| clause.split('(').next())
            .collect();
        assert_eq!(names, CLAUSES);
    }
}
