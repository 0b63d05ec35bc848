//! Opening the stores that the settings name.

use std::sync::Arc;

use oci_blob_store::{BlobStore, FsBlobStore, MemoryBlobStore};
use oci_meta::{MemoryMeta, MetaStore, SqliteMeta};

use crate::config::{BlobsUrl, MetadataUrl};

type OpenError = Box<dyn std::error::Error>;

/// Opens the metadata store; a database that is not there is made.
pub(crate) fn metadata(url: &MetadataUrl) -> Result<Arc<dyn MetaStore>, OpenError> {
    Ok(match url {
        MetadataUrl::Sqlite(path) => Arc::new(SqliteMeta::open(path)?),
        MetadataUrl::Memory => Arc::new(MemoryMeta::new()),
    })
}

/// Opens the blob store; a folder that is not there is made.
pub(crate) fn blobs(url: &BlobsUrl) -> Result<Arc<dyn BlobStore>, OpenError> {
    Ok(match url {
        BlobsUrl::File(dir) => Arc::new(FsBlobStore::open(dir)?),
        BlobsUrl::Memory => Arc::new(MemoryBlobStore::new()),
    })
}
