//! Opening the stores that the settings name.

use std::sync::Arc;

use oci_auth::SharedSecrets;
use oci_blob_store::{BlobStore, FsBlobStore, MemoryBlobStore};
use oci_meta::{MemoryMeta, MetaStore, SqliteMeta};

use crate::config::{BlobsUrl, MetadataUrl};

type OpenError = Box<dyn std::error::Error>;

/// A metadata store, and what it keeps of authentication.
pub(crate) struct Metadata {
    pub(crate) store: Arc<dyn MetaStore>,
    pub(crate) secrets: Arc<dyn SharedSecrets>,
}

impl Metadata {
    fn of(store: impl MetaStore + SharedSecrets + Clone + 'static) -> Self {
        Self {
            secrets: Arc::new(store.clone()),
            store: Arc::new(store),
        }
    }
}

/// Opens the metadata store; a database that is not there is made.
pub(crate) fn metadata(url: &MetadataUrl) -> Result<Metadata, OpenError> {
    Ok(match url {
        MetadataUrl::Sqlite(path) => Metadata::of(SqliteMeta::open(path)?),
        MetadataUrl::Memory => Metadata::of(MemoryMeta::new()),
    })
}

/// Opens the blob store; a folder that is not there is made.
pub(crate) fn blobs(url: &BlobsUrl) -> Result<Arc<dyn BlobStore>, OpenError> {
    Ok(match url {
        BlobsUrl::File(dir) => Arc::new(FsBlobStore::open(dir)?),
        BlobsUrl::Memory => Arc::new(MemoryBlobStore::new()),
    })
}
