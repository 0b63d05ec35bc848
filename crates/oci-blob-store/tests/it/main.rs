//! The contract over every store, and what only the filesystem store promises.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

mod fs;
mod read;

/// One module of clauses for each way to hold a store.
mod contract {
    mod fs {
        use oci_blob_store::FsBlobStore;
        use tempfile::TempDir;

        async fn make_store() -> (FsBlobStore, TempDir) {
            let dir = tempfile::tempdir().unwrap();
            (FsBlobStore::open(dir.path()).unwrap(), dir)
        }
        oci_blob_store::contract_suite!(make_store);
    }

    mod fs_dyn {
        use std::sync::Arc;

        use oci_blob_store::{BlobStore, FsBlobStore};
        use tempfile::TempDir;

        async fn make_store() -> (Arc<dyn BlobStore>, TempDir) {
            let dir = tempfile::tempdir().unwrap();
            (Arc::new(FsBlobStore::open(dir.path()).unwrap()), dir)
        }
        oci_blob_store::contract_suite!(make_store);
    }

    mod memory {
        use oci_blob_store::MemoryBlobStore;

        async fn make_store() -> (MemoryBlobStore, ()) {
            (MemoryBlobStore::new(), ())
        }
        oci_blob_store::contract_suite!(make_store);
    }

    mod memory_dyn {
        use std::sync::Arc;

        use oci_blob_store::{BlobStore, MemoryBlobStore};

        async fn make_store() -> (Arc<dyn BlobStore>, ()) {
            (Arc::new(MemoryBlobStore::new()), ())
        }
        oci_blob_store::contract_suite!(make_store);
    }
}
