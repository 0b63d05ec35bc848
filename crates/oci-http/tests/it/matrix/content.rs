//! What the registry of the matrix holds: in each repository an image under two tags, a
//! referrer of it, a loose blob and an upload session.

use std::collections::BTreeMap;

use oci_http::testing::{Answer, request, send};
use oci_registry::testing::anonymous;
use oci_registry::{Delete, ManifestDelete, Push, TagGuard, UploadId};
use oci_types::Digest;
use serde_json::Value;

use super::requests::{Ask, Undo};
use crate::fixture::{World, image, referrer, repo};

const TAGS: [&str; 2] = ["v0", "v1"];

pub(super) struct Content {
    sessions: BTreeMap<String, UploadId>,
    /// What it was without anything having been asked.
    whole: BTreeMap<String, Vec<String>>,
}

pub(super) fn document(name: &str) -> String {
    image(name)
}

/// Another manifest, which nothing has.
pub(super) fn other(name: &str) -> String {
    image(&format!("other {name}"))
}

pub(super) fn blob(name: &str) -> String {
    format!("blob of {name}")
}

pub(super) fn session(name: &str) -> String {
    format!("session of {name}")
}

pub(super) fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

impl Content {
    pub(super) async fn make(world: &World, names: &[&str]) -> Self {
        let mut content = Self {
            sessions: BTreeMap::new(),
            whole: BTreeMap::new(),
        };
        for name in names {
            content.tag(world, name).await;
            let referrer = referrer(&digest(&document(name)), "a/signature", name);
            world.manifest(name, None, &referrer).await;
            world.blob(name, blob(name).as_bytes()).await;
            content.open(world, name).await;
            let state = content.state(world, name).await;
            content.whole.insert((*name).to_owned(), state);
        }
        content
    }

    /// The session of a repository; one of nobody where it has none.
    pub(super) fn session_of(&self, name: &str) -> String {
        match self.sessions.get(name) {
            Some(id) => id.to_string(),
            None => "f81d4fae-7dec-41d0-a765-00a0c91e6bf6".to_owned(),
        }
    }

    async fn tag(&self, world: &World, name: &str) {
        for tag in TAGS {
            world.manifest(name, Some(tag), &document(name)).await;
        }
    }

    async fn open(&mut self, world: &World, name: &str) {
        let id = world.session(name, session(name).as_bytes()).await;
        self.sessions.insert(name.to_owned(), id);
    }

    /// All names, as the registry has them without rules.
    pub(super) async fn names(&self, world: &World) -> Vec<String> {
        let answer = send(&world.app, request("GET", "/v2/_catalog", &[], "")).await;
        let document: Value = serde_json::from_slice(&answer.body).expect("JSON");
        serde_json::from_value(document["repositories"].clone()).expect("names")
    }

    /// What of the repository has changed, if anything has.
    pub(super) async fn changed(&self, world: &World, name: &str) -> Option<String> {
        let (before, now) = (&self.whole[name], self.state(world, name).await);
        (*before != now).then(|| format!("{before:?}, now {now:?}"))
    }

    async fn state(&self, world: &World, name: &str) -> Vec<String> {
        let subject = digest(&document(name));
        let other = digest(&other(name));
        let mut state = Vec::new();
        for below in [
            "tags/list".to_owned(),
            "manifests/v0".into(),
            "manifests/v1".into(),
            format!("manifests/{other}"),
            format!("referrers/{subject}"),
            format!("blobs/{}", digest(&blob(name))),
        ] {
            let uri = format!("/v2/{name}/{below}");
            let answer = send(&world.app, request("GET", &uri, &[], "")).await;
            state.push(String::from_utf8_lossy(&answer.body).into_owned());
        }
        let offset = world.offset(name, self.sessions[name]).await;
        state.push(format!("{offset:?}"));
        state
    }

    /// Puts back what a request has changed that was carried out.
    pub(super) async fn undo(&mut self, world: &World, ask: &Ask, answer: &Answer) {
        let (registry, ctx) = (&world.registry, anonymous());
        let name = &*ask.target;
        match &ask.undo {
            Undo::Nothing => {}
            Undo::Tags => self.tag(world, name).await,
            Undo::Blob => {
                world.blob(name, blob(name).as_bytes()).await;
            }
            Undo::Session => {
                // One that was written to is still there.
                let id = self.sessions[name];
                let _ = registry.cancel_upload(&ctx, &repo(name), id).await;
                self.open(world, name).await;
            }
            Undo::Manifest => {
                self.tag(world, name).await;
                let delete = ManifestDelete {
                    digest: digest(&other(name)),
                    protect: TagGuard::none(),
                };
                let deleted = registry.delete_manifest(&ctx, &repo(name), delete).await;
                deleted.expect("it was pushed");
            }
            Undo::Mount(digest) if answer.status == 201 => {
                let deleted = registry.delete_blob(&ctx, &repo(name), digest).await;
                deleted.expect("it was mounted");
            }
            Undo::Mount(_) | Undo::Opened => {
                let id = answer.header("location").rsplit('/').next();
                let id = id.and_then(|id| id.parse().ok()).expect("a session");
                let cancelled = registry.cancel_upload(&ctx, &repo(name), id).await;
                cancelled.expect("it was opened");
            }
        }
    }
}
