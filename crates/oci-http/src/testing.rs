//! For the tests of programs that serve a registry: a request, and everything that is expected
//! of its answer.
//!
//! [`check`] holds an answer against a [`Case`] that lists its headers completely: a header
//! that nobody expected fails the test, as a missing one does. What every answer of this crate
//! has is checked every time and not listed.
//!
//! ```
//! use oci_http::testing::{Body, Case, check, request};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let app = oci_http::router(oci_registry::testing::memory_registry());
//! check(&app, Case {
//!     name: "the API is there",
//!     request: request("GET", "/v2/", &[], ""),
//!     status: 200,
//!     headers: &[("content-type", "application/json")],
//!     body: Body::Text("{}"),
//! })
//! .await;
//! # });
//! ```

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::poll_fn;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use oci_types::{ErrorCode, ErrorEnvelope};
use serde_json::Value;
use tower::Service;

/// A request and what its answer is to be.
#[derive(Debug)]
pub struct Case<'a> {
    /// What the case shows; it stands in every message.
    pub name: &'a str,
    /// The request; see [`request()`].
    pub request: Request<axum::body::Body>,
    /// The answer's status.
    pub status: u16,
    /// The answer's headers by their lower-case names, and no others: `*` stands for any value.
    ///
    /// Not listed are the headers of every answer; `content-length`, which has to be that of the
    /// body; `cache-control` where it is `no-store`; and the `content-type` of an
    /// [error](Body::Error). Listed all the same, they have to have the value listed.
    pub headers: &'a [(&'a str, &'a str)],
    /// The answer's body.
    pub body: Body<'a>,
}

/// What an answer's body is to be.
#[derive(Debug)]
pub enum Body<'a> {
    /// Nothing.
    Empty,
    /// These bytes.
    Bytes(&'a [u8]),
    /// This text.
    Text(&'a str),
    /// A document equal to this one.
    Json(Value),
    /// An error envelope whose first error has this code and a message.
    Error(ErrorCode),
    /// Whatever.
    Any,
}

/// An answer, with its body read.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The first value of a header; empty where it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// A request.
///
/// # Panics
/// Where the arguments make no request.
pub fn request(
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: impl Into<axum::body::Body>,
) -> Request<axum::body::Body> {
    let mut builder = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder
        .body(body.into())
        .unwrap_or_else(|error| panic!("{method} {uri} is no request: {error}"))
}

/// Sends a request to `app` and reads the answer.
///
/// # Panics
/// Where the answer's body fails.
pub async fn send<S>(app: &S, request: Request<axum::body::Body>) -> Answer
where
    S: Service<
            Request<axum::body::Body>,
            Response = Response<axum::body::Body>,
            Error = Infallible,
        > + Clone,
{
    let mut app = app.clone();
    let Ok(()) = poll_fn(|cx| app.poll_ready(cx)).await;
    let Ok(response) = app.call(request).await;
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .unwrap_or_else(|error| panic!("the answer's body failed: {error}"));
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.to_bytes(),
    }
}

/// Sends the request of `case` to `app` and holds the answer against it.
///
/// # Panics
/// Where they differ, with the name of the case and what differs.
pub async fn check<S>(app: &S, case: Case<'_>) -> Answer
where
    S: Service<
            Request<axum::body::Body>,
            Response = Response<axum::body::Body>,
            Error = Infallible,
        > + Clone,
{
    let head = case.request.method() == http::Method::HEAD;
    let answer = send(app, case.request).await;
    let name = case.name;
    assert_eq!(
        answer.status.as_u16(),
        case.status,
        "{name}: status; {:?}",
        answer.body
    );
    check_headers(name, case.headers, &case.body, &answer, head);
    check_body(name, &case.body, &answer, head);
    answer
}

fn check_headers(
    name: &str,
    listed: &[(&str, &str)],
    body: &Body<'_>,
    answer: &Answer,
    head: bool,
) {
    let mut expected = BTreeMap::from([
        ("docker-distribution-api-version", "registry/2.0"),
        ("x-content-type-options", "nosniff"),
        ("x-request-id", "*"),
        ("cache-control", "no-store"),
    ]);
    let len = answer.body.len().to_string();
    if !matches!(answer.status.as_u16(), 204 | 304) {
        expected.insert("content-length", if head { "*" } else { &len });
    } else if answer.headers.contains_key("content-length") {
        // A router sets it to 0 behind this crate's back, and no server sends it.
        expected.insert("content-length", "0");
    }
    if matches!(body, Body::Error(_)) {
        expected.insert("content-type", "application/json");
    }
    expected.extend(listed.iter().copied());

    for (header, value) in &expected {
        let found: Vec<_> = answer.headers.get_all(*header).iter().collect();
        assert_eq!(found.len(), 1, "{name}: header {header}: {found:?}");
        assert!(
            *value == "*" || found[0] == value,
            "{name}: header {header} is {:?}, not {value:?}",
            found[0]
        );
    }
    for header in answer.headers.keys() {
        assert!(
            expected.contains_key(header.as_str()),
            "{name}: unexpected header {header}: {}",
            answer.header(header.as_str())
        );
    }
}

fn check_body(name: &str, body: &Body<'_>, answer: &Answer, head: bool) {
    let found = &answer.body[..];
    if head {
        assert!(found.is_empty(), "{name}: a HEAD has no body");
        return;
    }
    match body {
        Body::Empty => assert!(found.is_empty(), "{name}: body: {:?}", answer.body),
        Body::Bytes(bytes) => assert!(found == *bytes, "{name}: body: {:?}", answer.body),
        Body::Text(text) => assert!(found == text.as_bytes(), "{name}: body: {:?}", answer.body),
        Body::Json(document) => {
            let found: Value = serde_json::from_slice(found)
                .unwrap_or_else(|error| panic!("{name}: no JSON: {error}: {:?}", answer.body));
            assert_eq!(found, *document, "{name}: body");
        }
        Body::Error(code) => {
            let envelope: ErrorEnvelope = serde_json::from_slice(found)
                .unwrap_or_else(|error| panic!("{name}: no envelope: {error}: {:?}", answer.body));
            let first = envelope.errors.first();
            let first = first.unwrap_or_else(|| panic!("{name}: an envelope without errors"));
            assert_eq!(first.code, *code, "{name}: {}", first.message);
            assert!(
                !first.message.is_empty(),
                "{name}: an error without a message"
            );
        }
        Body::Any => {}
    }
}
