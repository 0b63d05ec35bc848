//! Every outcome of a registry, by every endpoint.

use std::collections::HashSet;
use std::mem::discriminant;
use std::time::Duration;

use oci_http::router;
use oci_http::testing::{Body, Case, check, request, send};
use oci_registry::{RegistryError, RepoKey, UploadId};
use oci_types::{Digest, ErrorCode, Manifest, Reference};

use crate::fixture::{MANIFEST, image, repo};
use crate::stub::Stub;

const SECRET: &str = "/var/lib/secret/path";
const SESSION: &str = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";

fn source() -> Box<dyn std::error::Error + Send + Sync> {
    SECRET.into()
}

fn session() -> UploadId {
    SESSION.parse().expect("a session")
}

fn a() -> RepoKey {
    repo("a")
}

fn digest() -> Digest {
    Digest::sha256(b"")
}

struct Outcome {
    error: fn() -> RegistryError,
    status: u16,
    code: ErrorCode,
    headers: Vec<(&'static str, String)>,
    /// Whether the answer gives the registry's own words.
    told: bool,
}

fn outcome(error: fn() -> RegistryError, status: u16, code: ErrorCode) -> Outcome {
    Outcome {
        error,
        status,
        code,
        headers: Vec::new(),
        told: status < 500,
    }
}

impl Outcome {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn told(mut self) -> Self {
        self.told = true;
        self
    }
}

const SECOND: Duration = Duration::from_secs(1);
const A_BIT: Duration = Duration::from_millis(1500);

fn outcomes() -> Vec<Outcome> {
    use ErrorCode as Code;
    use RegistryError as E;
    let location = format!("/v2/a/blobs/uploads/{SESSION}");
    vec![
        outcome(
            || E::RepositoryUnknown { repo: a() },
            404,
            Code::NameUnknown,
        ),
        outcome(
            || E::ManifestUnknown {
                repo: a(),
                reference: Reference::Digest(digest()),
            },
            404,
            Code::ManifestUnknown,
        ),
        outcome(
            || Manifest::parse(None, b"{").expect_err("no JSON").into(),
            400,
            Code::ManifestInvalid,
        ),
        outcome(
            || E::BlobUnknown {
                repo: a(),
                digest: digest(),
            },
            404,
            Code::BlobUnknown,
        ),
        outcome(
            || E::DigestMismatch {
                expected: digest(),
                actual: Digest::sha256(b"x"),
            },
            400,
            Code::DigestInvalid,
        ),
        outcome(
            || E::UploadUnknown {
                repo: a(),
                id: session(),
            },
            404,
            Code::BlobUploadUnknown,
        ),
        outcome(
            || E::UploadOffset {
                id: session(),
                offset: 7,
                start: 9,
            },
            416,
            Code::BlobUploadInvalid,
        )
        .with("range", "0-6")
        .with("location", location.clone()),
        outcome(
            || E::UploadLength {
                id: Some(session()),
                offset: 7,
                announced: 1,
                received: 2,
            },
            416,
            Code::SizeInvalid,
        )
        .with("range", "0-6")
        .with("location", location),
        outcome(|| E::UploadBusy { retry_after: A_BIT }, 503, Code::Unknown)
            .told()
            .with("retry-after", "2"),
        outcome(
            || E::TooManyUploads {
                retry_after: SECOND,
            },
            429,
            Code::TooManyRequests,
        )
        .with("retry-after", "1"),
        outcome(|| E::BlobTooLarge { limit: 1 }, 413, Code::SizeInvalid),
        outcome(
            || E::BodyInterrupted(source()),
            400,
            Code::BlobUploadInvalid,
        ),
        outcome(
            || E::RangeNotSatisfiable { size: 10 },
            416,
            Code::SizeInvalid,
        )
        .with("content-range", "bytes */10")
        .with("accept-ranges", "bytes"),
        outcome(
            || E::TagImmutable {
                tag: "v1".parse().expect("a tag"),
            },
            403,
            Code::Denied,
        ),
        outcome(|| E::StorageFull(source()), 507, Code::Unknown).told(),
        outcome(
            || E::Unavailable {
                retry_after: Duration::ZERO,
                source: source(),
            },
            503,
            Code::Unknown,
        )
        .with("retry-after", "1"),
        outcome(|| E::Internal(source()), 500, Code::Unknown),
    ]
}

/// One request for each operation of the registry.
fn requests() -> Vec<(&'static str, String)> {
    let digest = digest();
    let session = format!("/v2/a/blobs/uploads/{SESSION}");
    vec![
        ("GET", "/v2/a/manifests/v1".into()),
        ("PUT", "/v2/a/manifests/v1".into()),
        ("DELETE", "/v2/a/manifests/v1".into()),
        ("DELETE", format!("/v2/a/manifests/{digest}")),
        ("GET", format!("/v2/a/blobs/{digest}")),
        ("HEAD", format!("/v2/a/blobs/{digest}")),
        ("DELETE", format!("/v2/a/blobs/{digest}")),
        ("POST", "/v2/a/blobs/uploads/".into()),
        ("POST", format!("/v2/a/blobs/uploads/?digest={digest}")),
        (
            "POST",
            format!("/v2/a/blobs/uploads/?mount={digest}&from=b"),
        ),
        ("GET", session.clone()),
        ("PATCH", session.clone()),
        ("PUT", format!("{session}?digest={digest}")),
        ("DELETE", session),
        ("GET", "/v2/a/tags/list".into()),
        ("GET", format!("/v2/a/referrers/{digest}")),
    ]
}

#[tokio::test]
async fn each_outcome_has_its_status_its_code_and_its_headers() {
    for outcome in outcomes() {
        let app = router(Stub::failing(outcome.error));
        let text = (outcome.error)().to_string();
        let headers: Vec<_> = outcome
            .headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        for (method, uri) in requests() {
            let case = Case {
                name: &format!("{text}: {method} {uri}"),
                request: request(method, &uri, &[("content-type", MANIFEST)], image("1")),
                status: outcome.status,
                headers: &headers,
                body: Body::Error(outcome.code),
            };
            let answer = check(&app, case).await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!body.contains(SECRET), "{body}");
            if method == "HEAD" {
                continue;
            }
            let id = answer.header("x-request-id");
            assert_eq!(body.contains(id), outcome.status >= 500, "{body}");
            let message: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            let message = message["errors"][0]["message"].as_str().expect("a message");
            assert_eq!(message.starts_with(&text), outcome.told, "{body}");
        }
    }
}

#[tokio::test]
async fn what_is_not_supported_is_405_with_what_is() {
    let error = || RegistryError::Unsupported { what: "not here" };
    let app = router(Stub::failing(error));
    for (method, uri) in requests() {
        let reads = ["manifests", "tags", "referrers"]
            .iter()
            .any(|word| uri.contains(word));
        let blob = uri.contains("/blobs/sha256");
        let session = uri.contains(SESSION);
        let allow = if reads || blob || session {
            "GET, HEAD"
        } else {
            ""
        };
        let case = Case {
            name: &format!("{method} {uri}"),
            request: request(method, &uri, &[], ""),
            status: 405,
            headers: &[("allow", allow)],
            body: Body::Error(ErrorCode::Unsupported),
        };
        check(&app, case).await;
    }
}

#[tokio::test]
async fn a_blob_in_use_names_its_manifest() {
    let app = router(Stub::failing(|| RegistryError::BlobInUse {
        digest: digest(),
        manifest: Digest::sha256(b"manifest"),
    }));
    let case = Case {
        name: "in use",
        request: request("DELETE", &format!("/v2/a/blobs/{}", digest()), &[], ""),
        status: 405,
        headers: &[("allow", "GET, HEAD")],
        body: Body::Error(ErrorCode::Unsupported),
    };
    let answer = check(&app, case).await;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let manifest = Digest::sha256(b"manifest").to_string();
    assert_eq!(document["errors"][0]["detail"]["manifest"], manifest);
}

#[tokio::test]
async fn a_length_that_is_wrong_without_a_session_is_400() {
    let app = router(Stub::failing(|| RegistryError::UploadLength {
        id: None,
        offset: 0,
        announced: 1,
        received: 2,
    }));
    let case = Case {
        name: "single request",
        request: request(
            "POST",
            &format!("/v2/a/blobs/uploads/?digest={}", digest()),
            &[],
            "xx",
        ),
        status: 400,
        headers: &[],
        body: Body::Error(ErrorCode::SizeInvalid),
    };
    check(&app, case).await;
}

#[tokio::test]
async fn missing_references_are_named_one_error_each_up_to_a_bound() {
    let app = router(Stub::failing(|| RegistryError::MissingReferences {
        missing: (0..1000)
            .map(|n: u32| Digest::sha256(&n.to_be_bytes()))
            .collect(),
    }));
    let case = Case {
        name: "missing",
        request: request("PUT", "/v2/a/manifests/v1", &[], image("1")),
        status: 400,
        headers: &[],
        body: Body::Error(ErrorCode::ManifestBlobUnknown),
    };
    let answer = check(&app, case).await;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let errors = document["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 100);
    for (n, error) in errors.iter().enumerate() {
        let digest = Digest::sha256(&(n as u32).to_be_bytes()).to_string();
        assert_eq!(error["code"], "MANIFEST_BLOB_UNKNOWN");
        assert_eq!(error["detail"]["digest"], digest);
    }
}

#[tokio::test]
async fn the_catalog_fails_like_the_others() {
    let app = router(Stub::failing(|| RegistryError::Internal(source())));
    let answer = send(&app, request("GET", "/v2/_catalog", &[], "")).await;
    assert_eq!(answer.status, 500);
}

/// The tables above and the tests beside them cover every variant: the ones that have a test of
/// their own are not in the table.
#[test]
fn no_outcome_is_left_out() {
    let covered: HashSet<_> = outcomes()
        .iter()
        .map(|outcome| discriminant(&(outcome.error)()))
        .collect();
    let name = |error: RegistryError| match error {
        RegistryError::RepositoryUnknown { .. }
        | RegistryError::ManifestUnknown { .. }
        | RegistryError::ManifestInvalid(_)
        | RegistryError::BlobUnknown { .. }
        | RegistryError::DigestMismatch { .. }
        | RegistryError::UploadUnknown { .. }
        | RegistryError::UploadOffset { .. }
        | RegistryError::UploadLength { .. }
        | RegistryError::UploadBusy { .. }
        | RegistryError::TooManyUploads { .. }
        | RegistryError::BlobTooLarge { .. }
        | RegistryError::BodyInterrupted(_)
        | RegistryError::RangeNotSatisfiable { .. }
        | RegistryError::TagImmutable { .. }
        | RegistryError::StorageFull(_)
        | RegistryError::Unavailable { .. }
        | RegistryError::Internal(_) => true,
        RegistryError::MissingReferences { .. }
        | RegistryError::BlobInUse { .. }
        | RegistryError::Unsupported { .. } => false,
    };
    assert!(outcomes().iter().all(|outcome| name((outcome.error)())));
    assert_eq!(covered.len(), 17);
}
