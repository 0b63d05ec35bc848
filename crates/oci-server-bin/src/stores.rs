//! Opening the stores that the settings name.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci_auth::SharedSecrets;
use oci_blob_store::object::{self, ObjectBlobStore};
use oci_blob_store::{BlobStore, FsBlobStore, MemoryBlobStore};
use oci_meta::{MemoryMeta, MetaStore, PostgresMeta, SqliteMeta};
use tokio::time::interval;

use crate::config::{BlobsUrl, MetadataUrl};

/// How often pieces of abandoned uploads are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);

type OpenError = Box<dyn Error>;

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

/// Opens the metadata store; a database that is not there is made, one of PostgreSQL apart.
pub(crate) async fn metadata(url: &MetadataUrl) -> Result<Metadata, OpenError> {
    Ok(match url {
        MetadataUrl::Sqlite(path) => Metadata::of(SqliteMeta::open(path)?),
        MetadataUrl::Postgres(config) => {
            let store = PostgresMeta::connect(config).await;
            let named = |error| format!("metadata = postgres://{config}: {}", crate::chain(&error));
            Metadata::of(store.map_err(named)?)
        }
        MetadataUrl::Memory => Metadata::of(MemoryMeta::new()),
    })
}

/// A blob store, and what of it has to be looked after.
pub(crate) struct Blobs {
    pub(crate) store: Arc<dyn BlobStore>,
    pub(crate) object: Option<ObjectBlobStore>,
}

/// Opens the blob store; a folder that is not there is made, and a bucket has to be there.
pub(crate) async fn blobs(url: &BlobsUrl) -> Result<Blobs, OpenError> {
    let own = |store: Arc<dyn BlobStore>| Blobs {
        store,
        object: None,
    };
    Ok(match url {
        BlobsUrl::File(dir) => own(Arc::new(FsBlobStore::open(dir)?)),
        BlobsUrl::Object(url) => {
            let named = |error: &dyn Error| format!("blobs = {url}: {}", crate::chain(error));
            let store = ObjectBlobStore::from_url(url, object::Options::default());
            let store = store.map_err(|error| named(&error))?;
            store.probe().await.map_err(|error| named(&error))?;
            Blobs {
                store: Arc::new(store.clone()),
                object: Some(store),
            }
        }
        BlobsUrl::Memory => own(Arc::new(MemoryBlobStore::new())),
    })
}

/// Removes pieces of uploads that no session can go on with any more, for as long as it is
/// polled.
pub(crate) async fn tidy(store: ObjectBlobStore, sessions_live: Duration) {
    let mut rounds = interval(TIDY_EVERY);
    loop {
        rounds.tick().await;
        let Some(before) = SystemTime::now().checked_sub(2 * sessions_live) else {
            return;
        };
        match store.remove_abandoned(before).await {
            Ok(0) => {}
            Ok(pieces) => tracing::info!(pieces, "removed pieces of abandoned uploads"),
            Err(error) => {
                let error = crate::chain(&error);
                tracing::warn!(error, "could not remove pieces of abandoned uploads");
            }
        }
    }
}
