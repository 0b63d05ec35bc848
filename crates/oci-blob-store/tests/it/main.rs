//! The contract over every store, and what only one of them promises.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

mod fs;
#[cfg(feature = "object-store")]
mod object;
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

    #[cfg(feature = "object-store")]
    mod object {
        use oci_blob_store::ObjectBlobStore;
        use oci_blob_store::object::Options;

        use crate::object::Bucket;

        async fn make_store() -> (ObjectBlobStore, ()) {
            let store = ObjectBlobStore::new(Bucket::new(), "", Options::default());
            (store, ())
        }
        oci_blob_store::contract_suite!(make_store, leased);
    }

    /// Parts so short that every clause has some, on a server that forgives.
    #[cfg(feature = "object-store")]
    mod object_in_short_parts {
        use oci_blob_store::ObjectBlobStore;
        use oci_blob_store::object::Options;

        use crate::object::Bucket;

        async fn make_store() -> (ObjectBlobStore, ()) {
            let mut options = Options::default();
            (options.part_size, options.inline) = (50_000, 100);
            let mut bucket = Bucket::new();
            bucket.forgiving = true;
            (ObjectBlobStore::new(bucket, "a/b", options), ())
        }
        oci_blob_store::contract_suite!(make_store, leased);
    }

    #[cfg(feature = "object-store")]
    mod versitygw {
        use oci_blob_store::ObjectBlobStore;
        use oci_blob_store::object::Options;

        use crate::object::{Bucket, Gateway};

        async fn make_store() -> (ObjectBlobStore, Option<Gateway>) {
            let gateway = Gateway::start(&[]);
            let store = match &gateway {
                Some(gateway) => gateway.store(),
                None => ObjectBlobStore::new(Bucket::new(), "", Options::default()),
            };
            (store, gateway)
        }
        oci_blob_store::contract_suite!(make_store, leased);
    }
}
