//! Addresses that a client may fetch an object from by itself.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::{BlobStoreError, Locator};

/// A store that can hand out addresses of its objects.
#[async_trait]
pub trait Presign: Debug + Send + Sync + 'static {
    /// An absolute URL that answers a GET, also of a range, of the object for `expires_in`, to
    /// whoever has it. It answers nothing but a GET: a HEAD needs an address of its own.
    ///
    /// Nothing is asked of the storage: the object need not be there. Credentials that run out
    /// earlier end the URL earlier.
    ///
    /// # Errors
    /// - [`BlobStoreError::NotFound`]: the locator is not one of this store.
    /// - [`BlobStoreError::Io`]; of [`std::io::ErrorKind::Unsupported`] where the store was set
    ///   up without the means to sign.
    /// - [`BlobStoreError::Unavailable`]: there are no credentials for now.
    async fn presign_get(
        &self,
        locator: &Locator,
        expires_in: Duration,
    ) -> Result<String, BlobStoreError>;
}
