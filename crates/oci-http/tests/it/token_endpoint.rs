//! The token endpoint over HTTP, as clients use it.

mod clients;
mod refusals;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_http::testing::{Answer, request, send};
use serde_json::Value;

use crate::fixture::image;
use crate::guarded::{BASIC, Guarded};

const FORM: &str = "application/x-www-form-urlencoded";

/// An answer of the endpoint: its status, headers that never change, and its document.
fn document(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{:?}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(!answer.header("x-request-id").is_empty());
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// A refusal in both forms that clients read, and one challenge where it is a 401.
fn refusal(answer: &Answer, status: u16, oauth: &str, code: &str) {
    let found = document(answer, status);
    let (description, message) = (&found["error_description"], &found["errors"][0]["message"]);
    assert!(description.is_string() && description == message, "{found}");
    assert_eq!(found["error"], oauth, "{found}");
    assert_eq!(found["errors"][0]["code"], code, "{found}");
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    let expected: &[&str] = if status == 401 { &[BASIC] } else { &[] };
    assert_eq!(challenges, expected, "{found}");
}

async fn get(guarded: &Guarded, query: &str, login: Option<&str>) -> Answer {
    let uri = format!("/token?{query}");
    guarded.ask_with(login, ("GET", &uri), "").await
}

async fn post(guarded: &Guarded, form: impl Into<String>) -> Answer {
    let asked = request("POST", "/token", &[("content-type", FORM)], form.into());
    send(&guarded.app, asked).await
}

/// The status of a request with a token.
async fn status(guarded: &Guarded, token: &Value, method: &str, uri: &str) -> u16 {
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    let answer = guarded
        .ask_with(Some(&bearer), (method, uri), image("1"))
        .await;
    answer.status.as_u16()
}

/// What a token says.
fn claims(token: &Value) -> Value {
    let token = token.as_str().expect("a token");
    let payload = token.split('.').nth(1).expect("three parts");
    let json = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}
