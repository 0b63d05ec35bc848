//! Faults in how answers are written: wrong statuses, headers and bodies.

use ::http::Method;
use oci_http::RouteName as Route;
use serde_json::{Value, json};

use crate::fault::faults;
use crate::http::{Asked, Told};

/// The digest of other content than any that is served.
const OTHER: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

faults! { Answer;
    "a pushed manifest answers 200" => "manifest.put-by-tag",
        |asked, told| if asked.puts(Route::Manifest) { told.status(201, 200) };
    "a pushed blob answers 202" => "push.put",
        |asked, told| if asked.puts(Route::Upload) { told.status(201, 202) };
    "a chunk answers 204" => "chunk.patch",
        |asked, told| if asked.method == Method::PATCH { told.status(202, 204) };
    "an upload's state answers 200" => "session.status",
        |asked, told| if asked.gets(Route::Upload) { told.status(204, 200) };
    "a deletion answers 200" => "delete.manifest",
        |asked, told| if asked.method == Method::DELETE { told.status(202, 200) };
    "a cancellation answers 202" => "session.cancel",
        |asked, told| if asked.method == Method::DELETE { told.status(204, 202) };
    "a chunk out of order answers 400" => "chunk.ahead", |_, told| told.status(416, 400);
    "a manifest that is too large answers 400" => "manifest.too-large",
        |_, told| told.status(413, 400);
    "a malformed request answers 500" => "observed.no-server-errors",
        |_, told| told.status(400, 500);
    "a mount that cannot be is forbidden" => "mount.missing-blob",
        |asked, told| if asked.queries("mount") { told.status(202, 403) };
    "a manifest without referrers has a 404" => "referrers.none", no_referrers;
    "deletions need a login and say not which" => "observed.challenges",
        |asked, told| if asked.method == Method::DELETE { told.refuse(401, "UNAUTHORIZED") };
    "a body needs its length announced" => "manifest.put-chunked-coding",
        |asked, told| if asked.is_chunked() { told.refuse(411, "SIZE_INVALID") };
    "a manifest has at most 2 MB" => "manifest.4-megabytes",
        |asked, told| if asked.puts(Route::Manifest) && asked.length() > Some(2_000_000) {
            told.refuse(413, "SIZE_INVALID");
        };

    "an opened upload has no Location" => "push.post",
        |asked, told| if asked.method == Method::POST { told.drop("location") };
    "a pushed blob has no Location" => "push.put-location",
        |asked, told| if asked.puts(Route::Upload) { told.drop("location") };
    "a Location is of another scheme" => "observed.locations",
        |asked, told| told.edit("location", |path| format!("https://{}{path}", asked.header("host")));
    "a Location is of the host that the client names" => "hostile.foreign-host",
        |asked, told| told.edit("location", |path| format!("http://{}{path}", asked.header("host")));
    "an upload's Range has a unit" => "chunk.patch-range",
        |_, told| told.edit("range", |range| format!("bytes={range}"));
    "an upload's Range tells its size" => "chunk.patch-range-of-the-whole",
        |_, told| told.edit("range", one_more);
    "an upload's state has no Range" => "session.status-range",
        |asked, told| if asked.gets(Route::Upload) { told.drop("range") };
    "manifests have no Docker-Content-Digest" => "pull.manifest-digest-header-by-tag",
        |asked, told| if asked.route == Route::Manifest { told.drop("docker-content-digest") };
    "blobs have another's Docker-Content-Digest" => "pull.blob-digest-matches",
        |asked, told| if asked.gets(Route::Blob) { told.edit("docker-content-digest", |_| OTHER.into()) };
    "HEAD has no Content-Length" => "head.manifest-content-length",
        |asked, told| if asked.method == Method::HEAD { told.drop("content-length") };
    "blobs have no Content-Length" => "pull.blob-content-length",
        |asked, told| if asked.gets(Route::Blob) { told.drop("content-length") };
    "a part has no Content-Range" => "range.first-and-last",
        |_, told| if told.is(206) { told.drop("content-range") };
    "a manifest's type has a charset" => "pull.manifest-content-type-without-parameters",
        |asked, told| if asked.is_pull() { told.edit("content-type", |of| format!("{of}; charset=utf-8")) };
    "a manifest's type is that of JSON" => "pull.manifest-content-type",
        |asked, told| if asked.is_pull() { told.edit("content-type", |_| "application/json".into()) };
    "a 405 has no Allow" => "observed.allow", |_, told| told.drop("allow");
    "a subject is not acknowledged" => "subject.header", |_, told| told.drop("oci-subject");
    "further tags are not acknowledged" => "tag-param.tags", |_, told| told.drop("oci-tag");
    "a filter is not acknowledged" => "referrers.filter-header",
        |_, told| told.drop("oci-filters-applied");
    "a filter is claimed where there was none" => "referrers.no-filter-header",
        |asked, told| if asked.route == Route::Referrers { told.set("oci-filters-applied", "artifactType") };
    "a page has no Link" => "pages.link-where-more", |_, told| told.drop("link");
    "the last page has a Link" => "pages.no-link-on-last-page", link_to_nothing;
    "a Link has no angle brackets" => "pages.link-form",
        |_, told| told.edit("link", |link| link.replace(['<', '>'], ""));
    "a warning has a date" => "observed.warning-form",
        |_, told| told.set("warning", r#"299 - "old" "Wed, 21 Oct 2015 07:28:00 GMT""#);
    "manifests are compressed" => "pull.manifest-uncompressed", compressed;

    "errors are texts" => "error.json", text_errors;
    "errors are not in a list" => "error.form",
        |_, told| if told.status.is_client_error() { told.json(|error| *error = error["errors"][0].take()) };
    "errors have codes of their own" => "observed.error-bodies",
        |_, told| if told.status.is_client_error() { told.json(|error| error["errors"][0]["code"] = json!("OOPS")) };
    "an unknown blob is called a manifest" => "error.blob-unknown",
        |asked, told| if asked.route == Route::Blob && told.is(404) { told.refuse(404, "MANIFEST_UNKNOWN") };
    "errors name a source file" => "error.no-internals",
        |_, told| if told.status.is_client_error() {
            told.json(|error| error["errors"][0]["message"] = json!("panicked at src/main.rs:1:1"));
        };
    "errors repeat the path as HTML" => "error.not-echoed", echo;
    "a repository without tags lists null" => "tags.none",
        |asked, told| if asked.route == Route::Tags {
            told.json(|list| if list["tags"] == json!([]) { list["tags"] = Value::Null });
        };
    "referrers are an index without its mediaType" => "referrers.index",
        |asked, told| if asked.route == Route::Referrers {
            told.json(|index| drop(index.as_object_mut().unwrap().remove("mediaType")));
        };
    "blobs lose their last byte" => "pull.blob",
        |asked, told| if asked.gets(Route::Blob) { told.replace(told.body.slice(..told.body.len().saturating_sub(1))) };
    "blobs are read as text" => "pull.blob-every-byte",
        |asked, told| if asked.gets(Route::Blob) {
            told.replace(told.body.iter().map(|byte| byte & 0x7f).collect::<Vec<_>>());
        };
}

fn no_referrers(asked: &Asked, told: &mut Told) {
    let list = serde_json::from_slice::<Value>(&told.body).unwrap_or_default();
    if asked.route == Route::Referrers && list["manifests"] == json!([]) {
        told.refuse(404, "MANIFEST_UNKNOWN");
    }
}

fn one_more(range: &str) -> String {
    let last = range
        .strip_prefix("0-")
        .and_then(|last| last.parse::<u64>().ok());
    last.map_or_else(|| range.to_owned(), |last| format!("0-{}", last + 1))
}

fn link_to_nothing(asked: &Asked, told: &mut Told) {
    if asked.route == Route::Tags && told.is(200) && !told.headers.contains_key("link") {
        let next = format!("<{}?n=1&last=zzzz>; rel=\"next\"", asked.uri.path());
        told.set("link", next);
    }
}

fn text_errors(_: &Asked, told: &mut Told) {
    if told.status.is_client_error() {
        told.set("content-type", "text/plain");
        told.replace("something is wrong");
    }
}

fn echo(asked: &Asked, told: &mut Told) {
    if told.status.is_client_error() {
        told.set("content-type", "text/html");
        told.replace(format!("<h1>nothing at {}</h1>", asked.uri));
    }
}

/// Wraps a manifest as gzip in blocks that are stored as they are.
fn compressed(asked: &Asked, told: &mut Told) {
    if !asked.gets(Route::Manifest)
        || !told.is(200)
        || !asked.header("accept-encoding").contains("gzip")
    {
        return;
    }
    let mut zipped = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks = told.body.chunks(0xffff);
    let last = blocks.len().saturating_sub(1);
    for (index, block) in blocks.enumerate() {
        let length = block.len() as u16;
        zipped.push(u8::from(index == last));
        zipped.extend(length.to_le_bytes());
        zipped.extend((!length).to_le_bytes());
        zipped.extend(block);
    }
    zipped.extend(crc32(&told.body).to_le_bytes());
    zipped.extend((told.body.len() as u32).to_le_bytes());
    told.set("content-encoding", "gzip");
    told.replace(zipped);
}

/// The checksum of gzip (RFC 1952 §8).
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    let add = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), shift);
    !bytes.iter().fold(!0, add)
}
