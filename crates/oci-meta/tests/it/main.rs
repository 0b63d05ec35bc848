//! The contract over every store, and over a shared pointer to any.

#![expect(clippy::expect_used, reason = "a test without a database fails")]

#[cfg(feature = "postgres")]
mod postgres;

use std::sync::Arc;

use oci_meta::{MemoryMeta, MetaStore, SqliteMeta};
use tempfile::TempDir;

fn sqlite_in_a_folder() -> (SqliteMeta, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteMeta::open(folder.path().join("meta.db")).expect("a new database");
    (store, folder)
}

mod memory {
    use super::*;

    async fn memory() -> (MemoryMeta, ()) {
        (MemoryMeta::new(), ())
    }

    oci_meta::contract_suite!(memory);
}

mod sqlite {
    use super::*;

    async fn sqlite() -> (SqliteMeta, TempDir) {
        sqlite_in_a_folder()
    }

    oci_meta::contract_suite!(sqlite);
}

mod shared {
    use super::*;

    async fn shared() -> (Arc<dyn MetaStore>, TempDir) {
        let (store, folder) = sqlite_in_a_folder();
        (Arc::new(store), folder)
    }

    oci_meta::contract_suite!(shared);
}

#[cfg(feature = "auth")]
mod secrets {
    //! The contract of what replicas share for authentication.

    mod memory {
        use oci_meta::MemoryMeta;

        async fn memory() -> (MemoryMeta, ()) {
            (MemoryMeta::new(), ())
        }

        oci_auth::shared_secrets_contract!(memory);
    }

    mod sqlite {
        use oci_meta::SqliteMeta;
        use tempfile::TempDir;

        async fn sqlite() -> (SqliteMeta, TempDir) {
            crate::sqlite_in_a_folder()
        }

        oci_auth::shared_secrets_contract!(sqlite);
    }
}
