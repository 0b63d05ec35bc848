//! Requests to recognise and answers to spoil.

use std::convert::Infallible;
use std::fmt::Display;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use oci_http::{Route, RouteError, RouteName};
use serde_json::Value;

/// What was asked.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) route: RouteName,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl Asked {
    pub(crate) fn of<B>(request: &Request<B>) -> Asked {
        let route = Route::parse(request.uri().path());
        Asked {
            method: request.method().clone(),
            route: route.as_ref().map_or_else(RouteError::name, Route::name),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        }
    }

    /// Whether it is a `GET` of this endpoint.
    pub(crate) fn gets(&self, route: RouteName) -> bool {
        self.method == Method::GET && self.route == route
    }

    /// Whether it is a `PUT` to this endpoint.
    pub(crate) fn puts(&self, route: RouteName) -> bool {
        self.method == Method::PUT && self.route == route
    }

    /// Whether it reads a manifest.
    pub(crate) fn is_pull(&self) -> bool {
        self.method.is_safe() && self.route == RouteName::Manifest
    }

    /// Whether its body comes without an announced length.
    pub(crate) fn is_chunked(&self) -> bool {
        self.headers.contains_key("transfer-encoding")
    }

    /// Whether its query has this parameter.
    pub(crate) fn queries(&self, name: &str) -> bool {
        let mut pairs = self.uri.query().unwrap_or_default().split('&');
        pairs.any(|pair| pair.split('=').next() == Some(name))
    }

    /// A header's text, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        text(&self.headers, name)
    }

    /// The announced length of the body in bytes.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length").parse().ok()
    }
}

/// What is answered.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Told {
    pub(crate) async fn read(response: Response<Body>) -> Told {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes());
        Told {
            status: parts.status,
            headers: parts.headers,
            body: body.unwrap_or_default(),
        }
    }

    /// The answer; a body without an announced length is streamed.
    pub(crate) fn into_response(self, asked: &Asked) -> Response<Body> {
        let bodiless = asked.method == Method::HEAD || self.body.is_empty();
        let body = match bodiless || self.headers.contains_key("content-length") {
            true => Body::from(self.body),
            false => Body::from_stream(stream::iter([Ok::<_, Infallible>(self.body)])),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    /// Whether it has this status.
    pub(crate) fn is(&self, status: u16) -> bool {
        self.status == status
    }

    /// Replaces a status.
    pub(crate) fn status(&mut self, from: u16, to: u16) {
        if self.is(from) {
            self.status = StatusCode::from_u16(to).unwrap();
        }
    }

    /// Takes a header away.
    pub(crate) fn drop(&mut self, name: &'static str) {
        self.headers.remove(name);
    }

    /// Sets a header.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Display) {
        let value = value.to_string().try_into().unwrap();
        self.headers.insert(HeaderName::from_static(name), value);
    }

    /// Changes a header that is there.
    pub(crate) fn edit(&mut self, name: &'static str, change: impl Fn(&str) -> String) {
        if self.headers.contains_key(name) {
            let value = change(text(&self.headers, name));
            self.set(name, value);
        }
    }

    /// Replaces the body and its length.
    pub(crate) fn replace(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        let length = self.body.len();
        self.edit("content-length", |_| length.to_string());
    }

    /// Changes the body where it is JSON.
    pub(crate) fn json(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            change(&mut value);
            self.replace(value.to_string());
        }
    }

    /// Refuses instead, with an envelope of this code.
    pub(crate) fn refuse(&mut self, status: u16, code: &str) {
        self.status = StatusCode::from_u16(status).unwrap();
        self.set("content-type", "application/json");
        self.replace(format!(
            r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#
        ));
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}
