//! What every request goes through: panics, records, who asks.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use oci_http::testing::{Body, Case, check, request, send};
use oci_http::{Actor, Observer, RegistryRouter, RequestRecord, RouteName, Verb, router};
use oci_registry::{BlobContent, BlobRead, RegistryError};
use oci_types::{Digest, ErrorCode};
use tower::ServiceExt;

use crate::fixture::{repo, world};
use crate::stub::Stub;

#[tokio::test]
async fn a_panic_is_an_internal_error_and_nothing_more() {
    let stub = Stub::failing(|| panic!("the secret of the panic"));
    let app = router(stub);
    for _ in 0..2 {
        let case = Case {
            name: "panic",
            request: request("GET", "/v2/a/manifests/v1", &[], ""),
            status: 500,
            headers: &[],
            body: Body::Error(ErrorCode::Unknown),
        };
        let answer = check(&app, case).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("secret"), "{body}");
        assert!(body.contains(answer.header("x-request-id")), "{body}");
    }
}

#[tokio::test]
async fn the_actor_is_the_one_that_a_layer_found() {
    let stub = Stub::failing(|| RegistryError::internal("nothing"));
    let app = router(stub.clone());
    let named = Actor::Named(Arc::from("alice"));
    for (sent, seen) in [(None, Actor::Anonymous), (Some(named.clone()), named)] {
        let mut request = request("GET", "/v2/a/manifests/v1", &[("x-request-id", "r-1")], "");
        if let Some(actor) = sent {
            request.extensions_mut().insert(actor);
        }
        send(&app, request).await;
        assert_eq!(stub.seen().repo, Some(repo("a")));
        let ctx = stub.seen().ctx.expect("a context");
        assert_eq!(ctx.actor, seen);
        assert_eq!(&*ctx.request_id, "r-1");
    }
}

/// Remembers what it is told.
#[derive(Debug, Default)]
struct Notes {
    started: Mutex<usize>,
    records: Mutex<Vec<RequestRecord>>,
}

impl Observer for Notes {
    fn started(&self) {
        *self.started.lock().unwrap() += 1;
    }

    fn request(&self, record: &RequestRecord) {
        self.records.lock().unwrap().push(*record);
    }
}

impl Notes {
    /// The only record since the last call.
    fn take(&self) -> RequestRecord {
        let mut records = self.records.lock().unwrap();
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(std::mem::take(&mut *self.started.lock().unwrap()), 1);
        records.remove(0)
    }
}

#[tokio::test]
async fn the_observer_is_told_of_each_request_once() {
    let notes = Arc::new(Notes::default());
    let registry = world().registry;
    let app = RegistryRouter::new(registry)
        .observer(notes.clone())
        .into_router();
    let digest = Digest::sha256(b"hello");
    let blob = format!("/v2/a/blobs/{digest}");
    for (method, uri, body, verb, route, status, bytes_in, bytes_out) in [
        (
            "GET",
            "/v2/",
            "",
            Verb::Get,
            RouteName::Base,
            200,
            0,
            Some(2),
        ),
        (
            "POST",
            &format!("/v2/a/blobs/uploads/?digest={digest}"),
            "hello",
            Verb::Post,
            RouteName::Uploads,
            201,
            5,
            Some(0),
        ),
        (
            "GET",
            &blob,
            "",
            Verb::Get,
            RouteName::Blob,
            200,
            0,
            Some(5),
        ),
        (
            "HEAD",
            &blob,
            "",
            Verb::Head,
            RouteName::Blob,
            200,
            0,
            Some(0),
        ),
        (
            "GET",
            "/v2/a/manifests/x",
            "",
            Verb::Get,
            RouteName::Manifest,
            404,
            0,
            None,
        ),
        (
            "GET",
            "/v2/A/tags/list",
            "",
            Verb::Get,
            RouteName::Tags,
            400,
            0,
            None,
        ),
        (
            "PURGE",
            "/v2/a/b/c",
            "",
            Verb::Other,
            RouteName::Unknown,
            404,
            0,
            None,
        ),
    ] {
        let answer = send(&app, request(method, uri, &[], body)).await;
        let record = notes.take();
        let name = format!("{method} {uri}");
        assert_eq!((record.verb, record.route), (verb, route), "{name}");
        assert_eq!(
            record.status.map(|status| status.as_u16()),
            Some(status),
            "{name}"
        );
        assert_eq!(record.bytes_in, bytes_in, "{name}");
        assert_eq!(
            record.bytes_out,
            bytes_out.unwrap_or(answer.body.len() as u64),
            "{name}"
        );
        assert!(record.complete, "{name}");
    }
}

#[tokio::test]
async fn the_observer_hears_of_what_was_not_finished() {
    let notes = Arc::new(Notes::default());
    let chunks = || {
        stream::iter([
            Ok(Bytes::from_static(b"hel")),
            Ok(Bytes::from_static(b"lo")),
        ])
    };
    let stub = Stub::reading(move || BlobRead {
        len: 5,
        content: BlobContent::Stream(Box::pin(chunks())),
    });
    let app = RegistryRouter::new(stub)
        .observer(notes.clone())
        .into_router();
    let uri = format!("/v2/a/blobs/{}", Digest::sha256(b"hello"));
    let response = app.oneshot(request("GET", &uri, &[], "")).await.unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(notes.records.lock().unwrap().len(), 0, "still being sent");
    drop(body);
    let record = notes.take();
    assert_eq!((record.bytes_out, record.complete), (3, false));

    // A client that goes away before there is an answer.
    let notes = Arc::new(Notes::default());
    let world = world();
    let app = RegistryRouter::new(world.registry)
        .observer(notes.clone())
        .into_router();
    let never = stream::pending::<Result<Bytes, std::io::Error>>();
    let put = request(
        "PUT",
        "/v2/a/manifests/v1",
        &[],
        axum::body::Body::from_stream(never),
    );
    let answer = tokio::time::timeout(std::time::Duration::from_millis(50), app.oneshot(put)).await;
    assert!(answer.is_err(), "there is nothing to answer yet");
    let record = notes.take();
    assert_eq!((record.status, record.complete), (None, false));
}

#[tokio::test]
async fn a_blob_that_breaks_off_is_an_error_and_not_an_end() {
    let short = || stream::iter([Ok(Bytes::from_static(b"hel"))]);
    let long = || stream::iter([Ok(Bytes::from_static(b"hello world"))]);
    let uri = format!("/v2/a/blobs/{}", Digest::sha256(b"hello"));
    for (name, stub) in [
        ("short", Stub::reading(move || read(Box::pin(short())))),
        ("long", Stub::reading(move || read(Box::pin(long())))),
        ("failing", Stub::reading(|| read(Box::pin(failing())))),
    ] {
        let notes = Arc::new(Notes::default());
        let app = RegistryRouter::new(stub)
            .observer(notes.clone())
            .into_router();
        let response = app.oneshot(request("GET", &uri, &[], "")).await.unwrap();
        assert_eq!(response.headers()["content-length"], "5", "{name}");
        assert!(response.into_body().collect().await.is_err(), "{name}");
        assert!(!notes.take().complete, "{name}");
    }
}

type Chunks = std::pin::Pin<
    Box<dyn futures_core::Stream<Item = Result<Bytes, oci_blob_store::BlobStoreError>> + Send>,
>;

fn read(chunks: Chunks) -> BlobRead {
    BlobRead {
        len: 5,
        content: BlobContent::Stream(chunks),
    }
}

fn failing()
-> impl futures_core::Stream<Item = Result<Bytes, oci_blob_store::BlobStoreError>> + Send {
    let lost = oci_blob_store::BlobStoreError::io("read", std::io::Error::other("gone"));
    stream::iter([Ok(Bytes::from_static(b"hel")), Err(lost)])
}
