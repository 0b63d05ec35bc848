//! What an object store's errors mean to a caller.

use std::error::Error;
use std::io;
use std::time::Duration;

use object_store::Error as StoreError;
use object_store::client::HttpError;
use tokio::time::sleep;

use crate::{BlobStoreError, Locator};

/// Names what was being done when `error` happened.
pub(super) fn failed(op: &'static str, error: StoreError) -> BlobStoreError {
    match status(&error) {
        Some(507) => BlobStoreError::Full {
            op,
            source: io::Error::new(io::ErrorKind::StorageFull, error),
        },
        Some(408 | 409 | 429 | 500..) => unavailable(op, error),
        None if was_not_answered(&error) => unavailable(op, error),
        _ => BlobStoreError::io(op, io::Error::new(kind(&error), error)),
    }
}

/// As [`failed`], where nothing at the place means that there is no such object.
pub(super) fn failed_at(op: &'static str, locator: &Locator, error: StoreError) -> BlobStoreError {
    if is_missing(&error) {
        BlobStoreError::NotFound {
            locator: locator.clone(),
        }
    } else {
        failed(op, error)
    }
}

/// Whether the object or the upload is not there. A bucket that is not there is another matter.
pub(super) fn is_missing(error: &StoreError) -> bool {
    matches!(error, StoreError::NotFound { .. }) && !mentions(error, "NoSuchBucket")
}

/// Makes a request that replaces what is there, again if the store says that it conflicts with
/// another one: nothing here asks to be refused where something exists. S3 answers so while an
/// operation on the same key is under way, stores over a filesystem while a folder disappears.
pub(super) async fn despite_conflicts<T, F: Future<Output = Result<T, StoreError>>>(
    mut request: impl FnMut() -> F,
) -> Result<T, StoreError> {
    for pause in [20, 80, 320, 1280] {
        match request().await {
            Err(StoreError::AlreadyExists { .. }) => sleep(Duration::from_millis(pause)).await,
            done => return done,
        }
    }
    request().await
}

/// Whether the store's answer contains one of its error codes.
pub(super) fn mentions(error: &StoreError, code: &str) -> bool {
    error.to_string().contains(code)
}

fn unavailable(op: &'static str, error: StoreError) -> BlobStoreError {
    BlobStoreError::Unavailable {
        op,
        source: Box::new(error),
    }
}

fn kind(error: &StoreError) -> io::ErrorKind {
    match error {
        StoreError::NotFound { .. } => io::ErrorKind::NotFound,
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        StoreError::NotSupported { .. } | StoreError::NotImplemented { .. } => {
            io::ErrorKind::Unsupported
        }
        _ => io::ErrorKind::Other,
    }
}

fn was_not_answered(error: &StoreError) -> bool {
    causes(error).any(|cause| cause.is::<HttpError>())
}

/// The HTTP status that the store answered. The type that holds it is private to the client, so
/// that only its text tells.
fn status(error: &StoreError) -> Option<u16> {
    const STATUS: &str = "non-2xx status code: ";
    // An answer of 200 whose body says that the store failed.
    const RESPONSE: &str = "Server returned error response: ";
    causes(error).find_map(|cause| {
        let text = cause.to_string();
        if text.starts_with(RESPONSE) {
            return Some(500);
        }
        let (_, rest) = text.split_once(STATUS)?;
        rest.get(..3)?.parse().ok()
    })
}

fn causes<'a>(error: &'a StoreError) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpErrorKind;

    use super::*;

    fn generic(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        StoreError::Generic {
            store: "S3",
            source: source.into(),
        }
    }

    #[test]
    fn what_may_pass_is_told_from_what_stays() {
        let passing = [
            "Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>",
            "Server returned non-2xx status code: 500 Internal Server Error: ",
            "Server returned non-2xx status code: 429 Too Many Requests: ",
            "Server returned error response: <Code>InternalError</Code>",
        ];
        for text in passing {
            let error = failed("test", generic(text));
            assert!(
                matches!(error, BlobStoreError::Unavailable { .. }),
                "{text}"
            );
        }
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = failed(
            "test",
            generic(HttpError::new(HttpErrorKind::Connect, refused)),
        );
        assert!(
            matches!(error, BlobStoreError::Unavailable { .. }),
            "{error:?}"
        );

        let full = "Server returned non-2xx status code: 507 Insufficient Storage: ";
        let error = failed("test", generic(full));
        assert!(matches!(error, BlobStoreError::Full { .. }), "{error:?}");

        for text in [
            "Server returned non-2xx status code: 400 Bad Request: <Code>InvalidPart</Code>",
            "something else",
        ] {
            let error = failed("test", generic(text));
            assert!(matches!(error, BlobStoreError::Io { .. }), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_is_tried_again_for_a_while() {
        let conflict = || StoreError::AlreadyExists {
            path: "a".to_owned(),
            source: "Server returned non-2xx status code: 409 Conflict: OperationAborted".into(),
        };
        for (conflicts, expected) in [(0, 1), (4, 5), (5, 5)] {
            let mut requests = 0;
            let done = despite_conflicts(|| {
                requests += 1;
                let refused = requests <= conflicts;
                async move { if refused { Err(conflict()) } else { Ok(()) } }
            });
            assert_eq!(done.await.is_ok(), conflicts < 5);
            assert_eq!(requests, expected);
        }
        let error = failed("test", conflict());
        assert!(
            matches!(error, BlobStoreError::Unavailable { .. }),
            "{error:?}"
        );
    }

    #[test]
    fn a_missing_bucket_is_not_a_missing_object() {
        let not_found = |source: &str| StoreError::NotFound {
            path: "a".to_owned(),
            source: source.into(),
        };
        assert!(is_missing(&not_found("<Code>NoSuchKey</Code>")));
        assert!(!is_missing(&not_found("<Code>NoSuchBucket</Code>")));
    }
}
