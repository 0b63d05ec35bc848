//! Stores from URLs: which service, which bucket, whose credentials.

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::{BackoffConfig, RetryConfig};

use super::http::Connector;
use super::{ObjectBlobStore, Options};

/// Why a URL does not name an object store that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not of the form `scheme://bucket/prefix`.
    #[error("{url:?} does not name a bucket; write s3://BUCKET or s3://BUCKET/PREFIX")]
    NoBucket {
        /// The URL.
        url: String,
    },
    /// No service goes by this scheme, or it was not built in.
    #[error("{scheme:?} is not an object store that this program was built with")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The environment has settings that can not be used.
    #[error("the settings of the object store can not be used")]
    Settings(#[source] object_store::Error),
}

impl ObjectBlobStore {
    /// The store that `url` names: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` (feature `gcs`) or
    /// `az://CONTAINER/PREFIX` (feature `azure`).
    ///
    /// Where it is and who asks is taken from the environment: for S3 `AWS_ENDPOINT_URL`,
    /// `AWS_REGION`, `AWS_ALLOW_HTTP=true` for an endpoint without TLS, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; without keys the web identity
    /// (`AWS_WEB_IDENTITY_TOKEN_FILE`), the task's or the instance's identity, which renew
    /// themselves. `AWS_VIRTUAL_HOSTED_STYLE_REQUEST`, `AWS_UNSIGNED_PAYLOAD` and the other
    /// variables of `object_store` count too. Nothing is asked of the store.
    ///
    /// # Errors
    /// [`ConnectError`]
    pub fn from_url(url: &str, options: Options) -> Result<Self, ConnectError> {
        let no_bucket = || ConnectError::NoBucket {
            url: url.to_owned(),
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(no_bucket)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(no_bucket());
        }
        match scheme {
            "s3" => s3(AmazonS3Builder::from_env(), bucket, prefix, options),
            #[cfg(feature = "gcs")]
            "gs" => gcs(bucket, prefix, options),
            #[cfg(feature = "azure")]
            "az" => azure(bucket, prefix, options),
            other => Err(ConnectError::Scheme {
                scheme: other.to_owned(),
            }),
        }
    }

    /// A store in S3 with settings that do not come from the environment: endpoint, region and
    /// credentials are those of `builder`, its timeouts and retries those of `options`.
    ///
    /// # Errors
    /// [`ConnectError::Settings`]
    pub fn from_s3(
        builder: AmazonS3Builder,
        bucket: &str,
        prefix: &str,
        options: Options,
    ) -> Result<Self, ConnectError> {
        s3(builder, bucket, prefix, options)
    }
}

fn s3(
    builder: AmazonS3Builder,
    bucket: &str,
    prefix: &str,
    options: Options,
) -> Result<ObjectBlobStore, ConnectError> {
    let builder = builder
        .with_bucket_name(bucket)
        .with_retry(retry(&options))
        .with_http_connector(connector(&options))
        // Deleting one by one is what every S3 can.
        .with_disable_bulk_delete(true);
    let store = Arc::new(builder.clone().build().map_err(ConnectError::Settings)?);
    let signer = match &options.public_endpoint {
        None => Arc::clone(&store),
        Some(endpoint) => {
            let public = builder.with_endpoint(endpoint).build();
            Arc::new(public.map_err(ConnectError::Settings)?)
        }
    };
    Ok(ObjectBlobStore::with_signer(
        store,
        Some(signer),
        prefix,
        options,
    ))
}

#[cfg(feature = "gcs")]
fn gcs(bucket: &str, prefix: &str, options: Options) -> Result<ObjectBlobStore, ConnectError> {
    let store = object_store::gcp::GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retry(&options))
        .with_http_connector(connector(&options))
        .build();
    let store = Arc::new(store.map_err(ConnectError::Settings)?);
    Ok(ObjectBlobStore::with_signer(
        Arc::clone(&store) as _,
        Some(store),
        prefix,
        options,
    ))
}

#[cfg(feature = "azure")]
fn azure(container: &str, prefix: &str, options: Options) -> Result<ObjectBlobStore, ConnectError> {
    let store = object_store::azure::MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_retry(retry(&options))
        .with_http_connector(connector(&options))
        .build();
    let store = Arc::new(store.map_err(ConnectError::Settings)?);
    Ok(ObjectBlobStore::with_signer(
        Arc::clone(&store) as _,
        Some(store),
        prefix,
        options,
    ))
}

fn connector(options: &Options) -> Connector {
    Connector {
        timeout: options.request_timeout,
    }
}

fn retry(options: &Options) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: options.retries,
        retry_timeout: options.retry_timeout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> ConnectError {
        let store = ObjectBlobStore::from_url(url, Options::default());
        store.expect_err("the URL names no store")
    }

    #[test]
    fn urls_that_name_no_store_are_refused() {
        for url in ["", "bucket", "s3:bucket", "s3://", "s3:///prefix"] {
            let error = refused(url);
            assert!(
                matches!(error, ConnectError::NoBucket { .. }),
                "{url}: {error:?}"
            );
        }
        for url in ["ftp://bucket", "https://bucket.s3.amazonaws.com/"] {
            let error = refused(url);
            assert!(
                matches!(error, ConnectError::Scheme { .. }),
                "{url}: {error:?}"
            );
        }
    }

    #[tokio::test]
    async fn bucket_and_prefix_come_from_the_url() {
        use crate::{Locator, Presign};
        let locator = Locator::of_key(uuid::Uuid::nil());
        for (prefix, path) in [("", ""), ("/", ""), ("/a", "a/"), ("/a/b/", "a/b/")] {
            let builder = AmazonS3Builder::new()
                .with_region("eu-north-1")
                .with_access_key_id("key")
                .with_secret_access_key("secret");
            let prefix = prefix.trim_start_matches('/');
            let store = ObjectBlobStore::from_s3(builder, "bucket", prefix, Options::default());
            let hour = std::time::Duration::from_secs(3600);
            let url = store.unwrap().presign_get(&locator, hour).await.unwrap();
            let expected =
                format!("https://s3.eu-north-1.amazonaws.com/bucket/{path}blobs/{locator}?");
            assert!(url.starts_with(&expected), "{url}");
        }
    }
}
