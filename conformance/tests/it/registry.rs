//! A registry in memory, small and as strict as the checks that are run against it, with faults
//! that can be switched on.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Method;
use oci_conformance::client::{Url, decode};
use oci_conformance::content::digest_of;

use crate::server::{Reply, Seen, reply, serve};

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// None.
    Nothing,
    /// A missing blob is a 200 with nothing in it.
    BlobsAppear,
    /// Tags are listed in reverse.
    TagsUnsorted,
    /// Chunks out of order are taken.
    ChunksAnywhere,
    /// PATCH answers 204.
    PatchNoContent,
    /// Manifests are served as JSON.
    PlainJson,
    /// Manifests cannot be pushed.
    ManifestsRefused,
}

#[derive(Default)]
struct State {
    blobs: HashMap<(String, String), Bytes>,
    manifests: HashMap<(String, String), (String, Bytes)>,
    tags: BTreeMap<(String, String), String>,
    uploads: HashMap<String, Vec<u8>>,
    opened: usize,
}

/// How much content is left in a registry.
#[derive(Clone)]
pub(crate) struct Inside(Arc<Mutex<State>>);

impl Inside {
    /// Blobs, manifests, tags and open uploads.
    pub(crate) fn left(&self) -> (usize, usize, usize, usize) {
        let state = self.0.lock().unwrap();
        (
            state.blobs.len(),
            state.manifests.len(),
            state.tags.len(),
            state.uploads.len(),
        )
    }
}

/// Serves a registry with a fault.
pub(crate) async fn start(fault: Fault) -> (Url, Inside) {
    let inside = Inside(Arc::default());
    let state = inside.0.clone();
    let url = serve(move |request| answer(&mut state.lock().unwrap(), fault, &request)).await;
    (url, inside)
}

fn answer(state: &mut State, fault: Fault, request: &Seen) -> Reply {
    let path = request.uri().path();
    if path == "/v2/" {
        return reply(200, &[("Server", "tiny")], "{}");
    }
    let Some(rest) = path.strip_prefix("/v2/") else {
        return error(404, "NAME_UNKNOWN");
    };
    if let Some((name, id)) = rest.rsplit_once("/blobs/uploads/") {
        return upload(state, fault, request, name, id);
    }
    if let Some((name, digest)) = rest.rsplit_once("/blobs/") {
        return blob(state, fault, request, name, digest);
    }
    if let Some((name, reference)) = rest.rsplit_once("/manifests/") {
        return manifest(state, fault, request, name, reference);
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return tags(state, fault, request, name);
    }
    error(404, "NAME_UNKNOWN")
}

fn error(status: u16, code: &str) -> Reply {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#);
    reply(status, &[("Content-Type", "application/json")], body)
}

fn query(request: &Seen, name: &str) -> Option<String> {
    let pairs = request.uri().query().unwrap_or_default().split('&');
    let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| decode(value))
}

fn upload(state: &mut State, fault: Fault, request: &Seen, name: &str, id: &str) -> Reply {
    let key = format!("{name} {id}");
    let location = format!("/v2/{name}/blobs/uploads/{id}");
    if request.method() == Method::POST {
        state.opened += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", state.opened);
        state.uploads.insert(format!("{name} {id}"), Vec::new());
        return reply(
            202,
            &[("Location", &format!("/v2/{name}/blobs/uploads/{id}"))],
            "",
        );
    }
    let Some(content) = state.uploads.get_mut(&key) else {
        return error(404, "BLOB_UPLOAD_UNKNOWN");
    };
    if let Some(range) = request.headers().get("Content-Range") {
        let start = range
            .to_str()
            .ok()
            .and_then(|range| range.split('-').next()?.parse().ok());
        if start != Some(content.len()) && fault != Fault::ChunksAnywhere {
            return error(416, "BLOB_UPLOAD_INVALID");
        }
    }
    if request.method() == Method::DELETE {
        state.uploads.remove(&key);
        return reply(204, &[], "");
    }
    content.extend_from_slice(request.body());
    if request.method() != Method::PUT {
        let patched = if fault == Fault::PatchNoContent {
            204
        } else {
            202
        };
        let status = if request.method() == Method::GET {
            204
        } else {
            patched
        };
        let range = format!("0-{}", content.len().saturating_sub(1));
        return reply(status, &[("Location", &location), ("Range", &range)], "");
    }
    let content = Bytes::from(std::mem::take(content));
    state.uploads.remove(&key);
    let digest = query(request, "digest").unwrap_or_default();
    if digest_of(&content) != digest {
        return error(400, "DIGEST_INVALID");
    }
    state
        .blobs
        .insert((name.to_owned(), digest.clone()), content);
    let location = format!("/v2/{name}/blobs/{digest}");
    reply(
        201,
        &[("Location", &location), ("Docker-Content-Digest", &digest)],
        "",
    )
}

fn blob(state: &mut State, fault: Fault, request: &Seen, name: &str, digest: &str) -> Reply {
    let key = (name.to_owned(), digest.to_owned());
    if request.method() == Method::DELETE {
        return match state.blobs.remove(&key) {
            Some(_) => reply(202, &[], ""),
            None => error(404, "BLOB_UNKNOWN"),
        };
    }
    match state.blobs.get(&key) {
        Some(content) => {
            let kind = ("Content-Type", "application/octet-stream");
            reply(
                200,
                &[kind, ("Docker-Content-Digest", digest)],
                content.clone(),
            )
        }
        None if fault == Fault::BlobsAppear => reply(200, &[], ""),
        None => error(404, "BLOB_UNKNOWN"),
    }
}

fn manifest(state: &mut State, fault: Fault, request: &Seen, name: &str, reference: &str) -> Reply {
    let tag = (name.to_owned(), reference.to_owned());
    let digest = state
        .tags
        .get(&tag)
        .cloned()
        .unwrap_or_else(|| reference.to_owned());
    let key = (name.to_owned(), digest.clone());
    match *request.method() {
        Method::PUT if fault == Fault::ManifestsRefused => error(403, "DENIED"),
        Method::PUT => {
            let digest = digest_of(request.body());
            if !reference.contains(':') {
                state.tags.insert(tag, digest.clone());
            }
            let kind = request
                .headers()
                .get("Content-Type")
                .and_then(|kind| kind.to_str().ok());
            let kind = kind.unwrap_or_default().to_owned();
            let key = (name.to_owned(), digest.clone());
            state.manifests.insert(key, (kind, request.body().clone()));
            let location = format!("/v2/{name}/manifests/{digest}");
            reply(
                201,
                &[("Location", &location), ("Docker-Content-Digest", &digest)],
                "",
            )
        }
        Method::DELETE if state.manifests.remove(&key).is_some() => {
            state
                .tags
                .retain(|(repository, _), known| repository != name || *known != digest);
            reply(202, &[], "")
        }
        Method::GET | Method::HEAD => match state.manifests.get(&key) {
            Some((kind, content)) => {
                let plain = fault == Fault::PlainJson;
                let kind = if plain { "application/json" } else { kind };
                let headers = [("Content-Type", kind), ("Docker-Content-Digest", &*digest)];
                reply(200, &headers, content.clone())
            }
            None => error(404, "MANIFEST_UNKNOWN"),
        },
        _ => error(404, "MANIFEST_UNKNOWN"),
    }
}

fn tags(state: &State, fault: Fault, request: &Seen, name: &str) -> Reply {
    let tags = state
        .tags
        .keys()
        .filter(|(repository, _)| repository == name);
    let mut tags: Vec<_> = tags.map(|(_, tag)| tag.clone()).collect();
    if tags.is_empty() {
        return error(404, "NAME_UNKNOWN");
    }
    if fault == Fault::TagsUnsorted {
        tags.reverse();
    }
    let last = query(request, "last").unwrap_or_default();
    tags.retain(|tag| *tag > last);
    let n = query(request, "n")
        .and_then(|n| n.parse().ok())
        .unwrap_or(tags.len());
    let more = n < tags.len() && n > 0;
    tags.truncate(n);
    let link = format!(
        "</v2/{name}/tags/list?n={n}&last={}>; rel=\"next\"",
        tags.last().map_or("", |tag| tag)
    );
    let body = serde_json::json!({"name": name, "tags": tags}).to_string();
    let mut headers = vec![("Content-Type", "application/json")];
    if more {
        headers.push(("Link", &link));
    }
    reply(200, &headers, body)
}
