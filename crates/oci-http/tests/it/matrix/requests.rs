//! Every request of the matrix.

use oci_types::Digest;

use super::content::{Content, blob, digest, document, other, session};
use super::model::Need;

/// A request about a repository.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) target: String,
    pub(super) method: &'static str,
    pub(super) uri: String,
    pub(super) body: String,
    pub(super) need: Need,
    pub(super) done: Done,
    pub(super) undo: Undo,
}

/// What is answered where it is carried out.
#[derive(Debug)]
pub(super) enum Done {
    /// The same as by the registry without rules.
    AsWithoutRules,
    /// This status and code.
    Answers(u16, &'static str),
    /// 201 to those who may overwrite, else 403.
    Moves,
    /// 201 where the blob that `from` alone has may be mounted, else 202.
    Mounts { from: String, named: bool },
}

/// What there is to be put back.
#[derive(Debug)]
pub(super) enum Undo {
    Nothing,
    /// The tags are gone, or name something else.
    Tags,
    /// The loose blob is gone.
    Blob,
    /// The session has changed, or is gone.
    Session,
    /// The other manifest is there.
    Manifest,
    /// A blob is mounted, or a session open.
    Mount(Digest),
    /// A further session is open.
    Opened,
}

/// All requests about `target`, some with what `foreign` has.
pub(super) fn all(content: &Content, target: &str, foreign: &str) -> Vec<Ask> {
    let mut asks = Vec::with_capacity(64);
    reads(target, foreign, &mut asks);
    sessions(content, target, foreign, &mut asks);
    uploads(target, foreign, &mut asks);
    manifests(target, foreign, &mut asks);
    deletes(target, foreign, &mut asks);
    asks
}

fn ask(target: &str, method: &'static str, below: &str, need: Need, done: Done) -> Ask {
    Ask {
        target: target.to_owned(),
        method,
        uri: format!("/v2/{target}/{below}"),
        body: String::new(),
        need,
        done,
        undo: Undo::Nothing,
    }
}

impl Ask {
    fn with(self, body: impl Into<String>) -> Self {
        let body = body.into();
        Self { body, ..self }
    }

    fn undo(self, undo: Undo) -> Self {
        Self { undo, ..self }
    }
}

fn reads(target: &str, foreign: &str, asks: &mut Vec<Ask>) {
    for name in [target, foreign] {
        let (manifest, loose) = (digest(&document(name)), digest(&blob(name)));
        for (below, probe) in [
            (format!("manifests/{manifest}"), Need::Probe),
            (format!("blobs/{loose}"), Need::Probe),
            (format!("referrers/{manifest}"), Need::Read),
            (
                format!("referrers/{manifest}?n=1&last={manifest}"),
                Need::Read,
            ),
        ] {
            let done = Done::AsWithoutRules;
            asks.push(ask(target, "GET", &below, Need::Read, done));
            asks.push(ask(target, "HEAD", &below, probe, Done::AsWithoutRules));
        }
    }
    for (below, probe) in [
        ("manifests/v1", Need::Probe),
        ("manifests/none", Need::Probe),
        ("tags/list", Need::Read),
        ("tags/list?n=1", Need::Read),
        ("tags/list?n=1&last=v0", Need::Read),
    ] {
        let done = Done::AsWithoutRules;
        asks.push(ask(target, "GET", below, Need::Read, done));
        asks.push(ask(target, "HEAD", below, probe, Done::AsWithoutRules));
    }
}

fn sessions(content: &Content, target: &str, foreign: &str, asks: &mut Vec<Ask>) {
    let write = Need::Write;
    let own = format!("blobs/uploads/{}", content.session_of(target));
    let end = format!("{own}?digest={}", digest(&session(target)));
    for method in ["GET", "HEAD"] {
        asks.push(ask(target, method, &own, write, Done::AsWithoutRules));
    }
    for (method, below, body, status) in [
        ("PATCH", &own, "more", 202),
        ("PUT", &end, "", 201),
        ("DELETE", &own, "", 204),
    ] {
        let ask = ask(target, method, below, write, Done::Answers(status, ""));
        asks.push(ask.with(body).undo(Undo::Session));
    }
    let others = format!("blobs/uploads/{}", content.session_of(foreign));
    let end = format!("{others}?digest={}", digest(&session(foreign)));
    for (method, below, body) in [
        ("GET", &others, ""),
        ("HEAD", &others, ""),
        ("PATCH", &others, "more"),
        ("PUT", &end, ""),
        ("DELETE", &others, ""),
    ] {
        let unknown = Done::Answers(404, "BLOB_UPLOAD_UNKNOWN");
        asks.push(ask(target, method, below, write, unknown).with(body));
    }
}

fn uploads(target: &str, foreign: &str, asks: &mut Vec<Ask>) {
    let (write, uploads) = (Need::Write, "blobs/uploads/");
    let opened = ask(target, "POST", uploads, write, Done::Answers(202, ""));
    asks.push(opened.undo(Undo::Opened));
    let whole = format!("{uploads}?digest={}", digest(&blob(target)));
    let pushed = ask(target, "POST", &whole, write, Done::Answers(201, ""));
    asks.push(pushed.with(blob(target)));
    let loose = digest(&blob(foreign));
    for (from, named) in [
        (format!("&from={foreign}"), true),
        (format!("&from={}", foreign.replace('/', "%2F")), true),
        (String::new(), false),
        ("&from=".into(), false),
    ] {
        let below = format!("{uploads}?mount={loose}{from}");
        let done = Done::Mounts {
            from: foreign.to_owned(),
            named,
        };
        let mounts = ask(target, "POST", &below, write, done);
        asks.push(mounts.undo(Undo::Mount(loose)));
    }
    // What is there already is mounted by who could ask whether it is there.
    for from in [format!("&from={target}"), String::new()] {
        let below = format!("{uploads}?mount={}{from}", digest(&blob(target)));
        asks.push(ask(target, "POST", &below, write, Done::Answers(201, "")));
    }
    for from in ["nowhere/at/all", "No-Name", target] {
        let below = format!("{uploads}?mount={loose}&from={from}");
        let nothing = ask(target, "POST", &below, write, Done::Answers(202, ""));
        asks.push(nothing.undo(Undo::Opened));
    }
}

fn manifests(target: &str, foreign: &str, asks: &mut Vec<Ask>) {
    let put = |below: &str, done| ask(target, "PUT", below, Need::Write, done);
    let (mine, new) = (document(target), other(target));
    for below in [
        "manifests/v1".to_owned(),
        format!("manifests/{}", digest(&mine)),
    ] {
        asks.push(put(&below, Done::Answers(201, "")).with(&mine));
    }
    let pushed = digest(&new);
    for below in [
        "manifests/v1".to_owned(),
        "manifests/v2?tag=v1".into(),
        "manifests/v2?tag=v3&tag=v0".into(),
        format!("manifests/{pushed}?tag=v1"),
    ] {
        asks.push(put(&below, Done::Moves).with(&new).undo(Undo::Manifest));
    }
    for below in ["manifests/v2".to_owned(), format!("manifests/{pushed}")] {
        let added = put(&below, Done::Answers(201, "")).with(&new);
        asks.push(added.undo(Undo::Manifest));
    }
    // What another repository has is pushed as if nobody had it.
    let below = format!("manifests/{}", digest(&document(foreign)));
    let wrong = put(&below, Done::Answers(400, "DIGEST_INVALID"));
    asks.push(wrong.with(&mine));
}

fn deletes(target: &str, foreign: &str, asks: &mut Vec<Ask>) {
    let delete = |below: &str, done| ask(target, "DELETE", below, Need::Delete, done);
    let gone = || Done::Answers(202, "");
    let mine = format!("manifests/{}", digest(&document(target)));
    asks.push(delete("manifests/v1", gone()).undo(Undo::Tags));
    asks.push(delete(&mine, gone()).undo(Undo::Tags));
    let loose = format!("blobs/{}", digest(&blob(target)));
    asks.push(delete(&loose, gone()).undo(Undo::Blob));
    let theirs = format!("manifests/{}", digest(&document(foreign)));
    asks.push(delete(&theirs, Done::Answers(404, "MANIFEST_UNKNOWN")));
    let theirs = format!("blobs/{}", digest(&blob(foreign)));
    asks.push(delete(&theirs, Done::Answers(404, "BLOB_UNKNOWN")));
}
