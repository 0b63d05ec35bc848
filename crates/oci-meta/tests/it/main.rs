//! The contract over every store, and over a shared pointer to any.

use std::sync::Arc;

use oci_meta::{MemoryMeta, MetaStore, SqliteMeta};
use tempfile::TempDir;

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
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteMeta::open(folder.path().join("meta.db")).unwrap();
        (store, folder)
    }

    oci_meta::contract_suite!(sqlite);
}

mod shared {
    use super::*;

    async fn shared() -> (Arc<dyn MetaStore>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteMeta::open(folder.path().join("meta.db")).unwrap();
        (Arc::new(store), folder)
    }

    oci_meta::contract_suite!(shared);
}
