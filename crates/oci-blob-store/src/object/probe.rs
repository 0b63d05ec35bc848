//! Asking whether the store can be reached and written to.

use std::io;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use object_store::{Error as StoreError, ObjectStoreExt, PutPayload};

use super::ObjectBlobStore;
use super::error::{failed, mentions};
use crate::BlobStoreError;

const OP: &str = "reach the object store";

/// How long writing is believed to work after it did. In between a probe only reads, so that
/// probing every few seconds does not fill a bucket that keeps versions.
const BELIEVED: Duration = Duration::from_secs(60);

/// What is wrong with how the store was set up, in words that say what to change.
#[derive(Debug, thiserror::Error)]
enum Setup {
    #[error("the bucket does not exist; check its name in the URL of the blob store")]
    NoBucket(#[source] StoreError),
    #[error(
        "the credentials are wrong; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
    )]
    Credentials(#[source] StoreError),
    #[error("the credentials have expired; renew AWS_SESSION_TOKEN and the keys it goes with")]
    Expired(#[source] StoreError),
    #[error("the bucket can not be written to; the credentials need s3:PutObject below the prefix")]
    ReadOnly(#[source] StoreError),
}

/// Writes an empty object, or looks for it where that worked a moment ago.
pub(super) async fn probe(store: &ObjectBlobStore) -> Result<(), BlobStoreError> {
    let path = store.layout().probe();
    let written = *lock(store);
    if written.is_some_and(|at| at.elapsed() < BELIEVED) && store.bucket().head(&path).await.is_ok()
    {
        return Ok(());
    }
    // The answer to a HEAD has no body that would say what is wrong.
    let put = store.put(&path, &PutPayload::new()).await;
    *lock(store) = put.is_ok().then(Instant::now);
    put.map(drop).map_err(explain)
}

fn lock(store: &ObjectBlobStore) -> std::sync::MutexGuard<'_, Option<Instant>> {
    let probed = store.shared.probed.lock();
    probed.unwrap_or_else(PoisonError::into_inner)
}

fn explain(error: StoreError) -> BlobStoreError {
    let says = |codes: &[&str]| codes.iter().any(|code| mentions(&error, code));
    let (kind, setup) = if says(&["NoSuchBucket", "ContainerNotFound"]) {
        (io::ErrorKind::NotFound, Setup::NoBucket(error))
    } else if says(&["ExpiredToken", "TokenRefreshRequired", "RequestExpired"]) {
        (io::ErrorKind::PermissionDenied, Setup::Expired(error))
    } else if says(&[
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
        "AuthorizationHeaderMalformed",
        "AuthenticationFailed",
    ]) {
        (io::ErrorKind::PermissionDenied, Setup::Credentials(error))
    } else if matches!(error, StoreError::PermissionDenied { .. }) {
        (io::ErrorKind::ReadOnlyFilesystem, Setup::ReadOnly(error))
    } else {
        return failed(OP, error);
    };
    BlobStoreError::io(OP, io::Error::new(kind, setup))
}
