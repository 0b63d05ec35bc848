//! The client against servers that redirect, challenge, delay and misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::StatusCode;
use oci_conformance::client::{
    Client, Credentials, Raw, Request, Tls, TlsOptions, Transport, TransportError, Url, basic,
};
use oci_conformance::watch::{Rule, Watch};

use crate::server::{Seen, play_back, reply, serve};

fn client(url: &Url, credentials: Credentials) -> Client {
    watched(url, credentials, Arc::default())
}

fn watched(url: &Url, credentials: Credentials, watch: Arc<Watch>) -> Client {
    let transport = Transport::new(Tls::new(&TlsOptions::default()), Duration::from_secs(5));
    Client::new(Arc::new(transport), url.clone(), credentials, watch)
}

fn anonymous(url: &Url) -> Client {
    client(url, Credentials::Anonymous)
}

fn alice() -> Credentials {
    Credentials::Password {
        username: "alice".into(),
        password: "secret".into(),
    }
}

fn header<'a>(request: &'a Seen, name: &str) -> Option<&'a str> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn targets_arrive_byte_for_byte() {
    let (url, received) =
        play_back(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    let client = anonymous(&url);
    for target in [
        "/v2/%2e%2e/../a%2fb//c?x=%41&y",
        "/v2/a/manifests/sha256:00",
    ] {
        client.send(&Request::get(target)).await.unwrap();
        let seen = received.lock().unwrap().pop().unwrap();
        let line = String::from_utf8_lossy(&seen)
            .lines()
            .next()
            .unwrap()
            .to_owned();
        assert_eq!(line, format!("GET {target} HTTP/1.1"));
    }
    let (answer, _) = {
        let (exchange, answer) = client.raw(&Raw::new("GET", b"/a\0b\xff".to_vec())).await;
        (answer.unwrap(), exchange)
    };
    assert_eq!(answer.response.unwrap().status, StatusCode::OK);
    let seen = received.lock().unwrap().pop().unwrap();
    assert!(seen.starts_with(b"GET /a\0b\xff HTTP/1.1\r\n"), "{seen:?}");
}

#[tokio::test]
async fn bodies_are_framed_as_asked() {
    let url = serve(|request| {
        let length = header(&request, "Content-Length")
            .unwrap_or("none")
            .to_owned();
        let coding = header(&request, "Transfer-Encoding").unwrap_or("none");
        reply(
            200,
            &[],
            format!("{length} {coding} {}", request.body().len()),
        )
    });
    let url = url.await;
    let client = anonymous(&url);
    for (request, expected) in [
        (Request::put("/x").body("abc"), "3 none 3"),
        (
            Request::put("/x").chunked(vec![0; 5000], 999),
            "none chunked 5000",
        ),
        (Request::post("/x"), "0 none 0"),
        (Request::get("/x"), "none none 0"),
    ] {
        let (response, exchange) = client.send(&request).await.unwrap();
        assert_eq!(response.body, expected);
        assert_eq!(exchange.response.as_ref().unwrap().body, expected);
    }
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_for_others() {
    let other = serve(|request| {
        let login = header(&request, "Authorization").unwrap_or("no credentials");
        reply(200, &[], login.to_owned())
    });
    let other = other.await;
    let target = other.to_string();
    let url =
        serve(
            move |request| match (request.uri().path(), header(&request, "Authorization")) {
                ("/away", Some(_)) => reply(307, &[("Location", &target)], ""),
                ("/here", Some(_)) => reply(302, &[("Location", "/there")], ""),
                ("/there", Some(_)) => reply(200, &[], "there"),
                ("/loop", Some(_)) => reply(301, &[("Location", "/loop")], ""),
                (_, None) => reply(401, &[("WWW-Authenticate", "Basic realm=\"r\"")], ""),
                _ => reply(404, &[], ""),
            },
        );
    let url = url.await;
    let client = client(&url, alice());
    assert_eq!(
        client.send(&Request::get("/away")).await.unwrap().0.body,
        "no credentials"
    );
    assert_eq!(
        client.send(&Request::get("/here")).await.unwrap().0.body,
        "there"
    );
    let (response, _) = client.send(&Request::get("/loop")).await.unwrap();
    assert_eq!(response.status, 301);
}

#[tokio::test]
async fn a_basic_challenge_is_answered_once_and_remembered() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let url = serve(move |request| {
        counter.fetch_add(1, Ordering::SeqCst);
        match header(&request, "Authorization") {
            Some(value) if value == basic("alice", "secret") => reply(200, &[], ""),
            _ => reply(401, &[("WWW-Authenticate", "Basic realm=\"r\"")], ""),
        }
    });
    let url = url.await;
    let knows = client(&url, alice());
    for _ in 0..3 {
        assert_eq!(knows.send(&Request::get("/")).await.unwrap().0.status, 200);
    }
    assert_eq!(
        asked.load(Ordering::SeqCst),
        4,
        "one challenge, three answers"
    );
    assert_eq!(
        anonymous(&url)
            .send(&Request::get("/"))
            .await
            .unwrap()
            .0
            .status,
        401
    );
    let (response, _) = knows.send(&Request::get("/").anonymous()).await.unwrap();
    assert_eq!(response.status, 401, "an anonymous request sends nothing");
}

#[tokio::test]
async fn tokens_are_fetched_for_every_scope_that_was_asked_for() {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let kept = queries.clone();
    let url = serve(move |request| {
        let path = request.uri().path();
        if path == "/token" {
            assert_eq!(
                header(&request, "Authorization"),
                Some(basic("alice", "secret").as_str())
            );
            let query = request.uri().query().unwrap_or_default().to_owned();
            let token = format!(r#"{{"token":"{}"}}"#, query.matches("scope=").count());
            kept.lock().unwrap().push(query);
            return reply(200, &[], token);
        }
        // A token is good for as many repositories as it was asked for.
        let needed = if path == "/a" { "Bearer 1" } else { "Bearer 2" };
        if header(&request, "Authorization").is_some_and(|value| value >= needed) {
            return reply(200, &[], "");
        }
        let scope = format!("repository:{}:pull", &path[1..]);
        let challenge = format!("Bearer realm=\"/token\",service=\"reg\",scope=\"{scope}\"");
        reply(401, &[("WWW-Authenticate", &challenge)], "")
    });
    let url = url.await;
    let client = client(&url, alice());
    for path in ["/a", "/b", "/a"] {
        assert_eq!(
            client.send(&Request::get(path)).await.unwrap().0.status,
            200,
            "{path}"
        );
    }
    let expected = [
        "service=reg&scope=repository%3Aa%3Apull",
        "service=reg&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull",
    ];
    assert_eq!(*queries.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_named() {
    let url = serve(|request| match request.uri().path() {
        "/token" => reply(500, &[], ""),
        _ => reply(401, &[("WWW-Authenticate", "Bearer realm=\"/token\"")], ""),
    });
    let (error, exchange) = anonymous(&url.await)
        .send(&Request::get("/"))
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Login(_)), "{error}");
    assert!(
        exchange.error.as_ref().unwrap().contains("/token"),
        "{exchange:?}"
    );
}

#[tokio::test]
async fn a_429_is_waited_for_and_held_to_its_rule() {
    let asked = Arc::new(AtomicUsize::new(0));
    let url = serve(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => reply(429, &[("Retry-After", "1")], ""),
        1 => reply(429, &[], ""),
        _ => reply(200, &[], ""),
    });
    let watch = Arc::new(Watch::default());
    let client = watched(&url.await, Credentials::Anonymous, watch.clone());
    let started = Instant::now();
    assert_eq!(client.send(&Request::get("/")).await.unwrap().0.status, 200);
    assert!(started.elapsed() >= Duration::from_secs(1));
    let sight = watch.sight(Rule::RetryAfter);
    assert_eq!((sight.applied, sight.broken), (2, 1));
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    // Closes each connection after one answer without saying so.
    let (url, received) = play_back(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let client = anonymous(&url);
    for _ in 0..3 {
        let (response, _) = client.send(&Request::put("/x").body("abc")).await.unwrap();
        assert_eq!(response.body, "ok");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(received.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn no_answer_is_an_error_with_its_record() {
    let (url, _) = play_back(b"").await;
    let (_, exchange) = anonymous(&url).send(&Request::get("/")).await.unwrap_err();
    assert!(
        exchange.response.is_none() && exchange.error.is_some(),
        "{exchange:?}"
    );
    let (url, _) = play_back(b"SSH-2.0-OpenSSH\r\n").await;
    let (_, outcome) = anonymous(&url).raw(&Raw::new("GET", "/")).await;
    assert!(
        matches!(outcome, Err(TransportError::NotHttp(_))),
        "{outcome:?}"
    );
    let (url, _) = play_back(b"").await;
    let (_, outcome) = anonymous(&url).raw(&Raw::new("GET", "/")).await;
    assert!(outcome.unwrap().response.is_none());
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_ends_is_heard() {
    let refusal =
        b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch";
    let (url, _) = play_back(refusal).await;
    let raw = Raw::new("PUT", "/x")
        .line("Content-Length: 50000000")
        .body(&vec![0; 50_000_000]);
    let (exchange, outcome) = anonymous(&url).raw(&raw).await;
    let response = outcome.unwrap().response.unwrap();
    assert_eq!(
        (response.status.as_u16(), response.body.as_ref()),
        (413, b"much".as_slice())
    );
    assert_eq!(exchange.request.length, 50_000_000);
}

#[tokio::test]
async fn content_after_the_head_of_head_is_noticed() {
    let (url, _) = play_back(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody").await;
    let (_, outcome) = anonymous(&url)
        .raw(&Raw::new("HEAD", "/x").to_the_end())
        .await;
    assert_eq!(outcome.unwrap().trailing, 4);
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let (url, _) = play_back(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let raw = Raw::new("PUT", "/x")
        .line("Content-Length: 3")
        .expecting_continue()
        .body(b"abc");
    let (_, outcome) = anonymous(&url).raw(&raw).await;
    let answer = outcome.unwrap();
    assert_eq!(answer.interim, [100]);
    assert_eq!(answer.response.unwrap().status, 201);
}

#[tokio::test]
async fn the_record_keeps_the_first_and_the_last() {
    let url = serve(|_| reply(200, &[], "")).await;
    let client = anonymous(&url);
    for n in 0..100 {
        client.send(&Request::get(format!("/{n}"))).await.unwrap();
    }
    let (exchanges, left_out) = client.exchanges();
    assert_eq!(exchanges.len() + left_out, 100);
    assert_eq!(exchanges[0].request.line, "GET /0 HTTP/1.1");
    assert_eq!(exchanges.last().unwrap().request.line, "GET /99 HTTP/1.1");
}
