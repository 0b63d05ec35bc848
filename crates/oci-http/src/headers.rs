//! The headers that answers carry, each a type that renders itself, and those that requests
//! carry, each read by one function.

use std::fmt::{self, Display};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use oci_registry::{UploadId, Upstream};
use oci_types::{
    ByteRange, ContentRange, ContentRangeError, Digest, Link, MediaType, MediaTypeError,
    RangeError, Tag, UploadRange, content_range_header, unsatisfied_range_header,
};

use crate::Verb;

static DOCKER_API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
pub(crate) static DOCKER_CONTENT_DIGEST: HeaderName =
    HeaderName::from_static("docker-content-digest");
static DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
static OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
static OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");
static OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
static OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A header of an answer.
pub(crate) trait ResponseHeader {
    /// Its name and its value.
    fn into_pair(self) -> (HeaderName, HeaderValue);
}

/// Renders what is visible ASCII by its type.
#[expect(
    clippy::expect_used,
    reason = "every type that is rendered here is visible ASCII by construction"
)]
fn text(value: impl Display) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(value.to_string())).expect("visible ASCII")
}

macro_rules! response_headers {
    ($(
        $(#[doc = $doc:literal])* $(#[cfg($when:meta)])?
        $type:ident($inner:ty) => $name:expr, |$value:ident| $render:expr;
    )*) => {$(
        $(#[doc = $doc])*
        $(#[cfg($when)])?
        pub(crate) struct $type(pub(crate) $inner);

        $(#[cfg($when)])?
        impl ResponseHeader for $type {
            fn into_pair(self) -> (HeaderName, HeaderValue) {
                let $value = &self.0;
                ($name.clone(), $render)
            }
        }
    )*};
}

response_headers! {
    /// `Content-Length`, in bytes.
    ContentLength(u64) => header::CONTENT_LENGTH, |len| HeaderValue::from(*len);
    /// `Content-Type`, never with parameters.
    ContentType(MediaType) => header::CONTENT_TYPE, |media_type| text(media_type);
    /// `Docker-Content-Digest`: the digest of what is served or was stored.
    ContentDigest(Digest) => DOCKER_CONTENT_DIGEST, |digest| text(digest);
    /// `ETag`: the digest of the whole content, as a strong validator.
    ETag(Digest) => header::ETAG, |digest| text(format_args!("\"{digest}\""));
    /// `Location`: an absolute path, see `Urls`.
    Location(String) => header::LOCATION, |path| text(path);
    /// `Range` of an upload session that has that many bytes.
    SessionRange(u64) => header::RANGE, |len| text(UploadRange::of_len(*len));
    /// `Docker-Upload-UUID`.
    UploadUuid(UploadId) => DOCKER_UPLOAD_UUID, |id| text(id);
    /// `Content-Range` of a 206: the half-open range, and the length of the whole.
    Satisfied((Range<u64>, u64)) => header::CONTENT_RANGE,
        |of| text(content_range_header(&of.0, of.1));
    /// `Content-Range` of a 416: the length of the whole.
    Unsatisfied(u64) => header::CONTENT_RANGE, |size| text(unsatisfied_range_header(*size));
    /// `Retry-After` in whole seconds, at least one.
    RetryAfter(Duration) => header::RETRY_AFTER,
        |after| HeaderValue::from(after.as_millis().div_ceil(1000).clamp(1, u64::MAX.into()) as u64);
    /// `Allow`.
    Allow(Vec<Verb>) => header::ALLOW, |verbs| text(Joined(verbs));
    /// `Link` to the next page.
    NextPage(Link) => header::LINK, |link| text(link);
    /// `OCI-Subject`.
    Subject(Digest) => OCI_SUBJECT, |digest| text(digest);
    /// `OCI-Tag`: all of them in one header, because clients bound the number of headers.
    Tags(Vec<Tag>) => OCI_TAG, |tags| text(Joined(tags));
    /// `OCI-Filters-Applied`.
    FiltersApplied(&'static str) => OCI_FILTERS_APPLIED,
        |filters| HeaderValue::from_static(filters);
    /// `OCI-Namespace`.
    Namespace(Upstream) => OCI_NAMESPACE, |upstream| text(upstream);
    /// `WWW-Authenticate`: one challenge.
    #[cfg(feature = "auth")]
    Authenticate(String) => header::WWW_AUTHENTICATE, |challenge| text(challenge);
    /// `X-Request-Id`.
    RequestId(Arc<str>) => REQUEST_ID, |id| text(id);
    /// `Accept-Ranges`.
    AcceptRanges(&'static str) => header::ACCEPT_RANGES, |unit| HeaderValue::from_static(unit);
    /// `Docker-Distribution-API-Version`.
    ApiVersion(&'static str) => DOCKER_API_VERSION, |version| HeaderValue::from_static(version);
    /// `Connection`.
    Connection(&'static str) => header::CONNECTION, |option| HeaderValue::from_static(option);
    /// `X-Content-Type-Options`.
    ContentTypeOptions(&'static str) => header::X_CONTENT_TYPE_OPTIONS,
        |option| HeaderValue::from_static(option);
    /// `Content-Security-Policy`.
    SecurityPolicy(&'static str) => header::CONTENT_SECURITY_POLICY,
        |policy| HeaderValue::from_static(policy);
}

/// `Cache-Control`.
///
/// Always `private` or stricter: who may read a repository is decided for each request, and a
/// shared cache would answer for those who may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    /// The URL names these bytes for ever.
    Immutable,
    /// The URL may name something else tomorrow.
    Revalidate,
    /// Nothing that may be kept; a remembered 404 would hide a push.
    Never,
}

impl ResponseHeader for Caching {
    fn into_pair(self) -> (HeaderName, HeaderValue) {
        let value = match self {
            Self::Immutable => "private, max-age=31536000, immutable",
            Self::Revalidate => "private, no-cache",
            Self::Never => "no-store",
        };
        (header::CACHE_CONTROL, HeaderValue::from_static(value))
    }
}

/// A list as RFC 9110 §5.6.1 writes it.
struct Joined<'a, T>(&'a [T]);

impl<T: Display> Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

/// `Content-Length`; the server in front of this has refused what is malformed.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// `Content-Range` of a chunk.
pub(crate) fn content_range(headers: &HeaderMap) -> Result<Option<ContentRange>, HeaderError> {
    let Some(value) = one(headers, &header::CONTENT_RANGE)? else {
        return Ok(None);
    };
    value.parse().map(Some).map_err(HeaderError::ContentRange)
}

/// `Content-Type`, without its parameters.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<Option<MediaType>, HeaderError> {
    match one(headers, &header::CONTENT_TYPE)? {
        None | Some("") => Ok(None),
        Some(value) => MediaType::parse(value)
            .map(Some)
            .map_err(HeaderError::ContentType),
    }
}

/// `Range`; `Ok(None)` where it is absent or to be ignored (RFC 9110 §14.2).
pub(crate) fn range(headers: &HeaderMap) -> Result<Option<ByteRange>, RangeError> {
    match one(headers, &header::RANGE) {
        Ok(Some(value)) => ByteRange::parse_header(value),
        Ok(None) | Err(_) => Ok(None),
    }
}

/// Whether the client waits for a 100 before it sends its body.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// The request id that a client or proxy gave, if it is harmless in a log.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    ((1..=128).contains(&id.len()) && id.bytes().all(harmless)).then_some(id)
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, HeaderError> {
    let unreadable = || HeaderError::Unreadable { name: name.clone() };
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(unreadable());
    }
    first.to_str().map(Some).map_err(|_| unreadable())
}

/// Why a header of a request cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    /// It is there twice, or not visible ASCII.
    #[error("the header {name} must be given once and in ASCII")]
    Unreadable { name: HeaderName },
    /// The place of a chunk is malformed.
    #[error("{0}")]
    ContentRange(ContentRangeError),
    /// The media type is malformed.
    #[error("{0}")]
    ContentType(MediaTypeError),
}

#[cfg(test)]
mod tests;
