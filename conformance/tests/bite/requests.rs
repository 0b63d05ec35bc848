//! Faults in how requests are read: what a registry overlooks or mistakes.

use ::http::Method;
use ::http::request::Parts;

use crate::fault::faults;

faults! { Request;
    "`Range` is overlooked" => "range.first-and-last", |parts| forget(parts, "range");
    "the last bytes are taken for the first" => "range.suffix", first_for_last;
    "`If-Range` is overlooked" => "range.if-range", |parts| forget(parts, "if-range");
    "`If-None-Match` is overlooked" => "pull.manifest-if-none-match",
        |parts| forget(parts, "if-none-match");
    "`Content-Range` is overlooked" => "chunk.ahead", |parts| forget(parts, "content-range");
    "`n` is overlooked" => "pages.n", |parts| forget_query(parts, "n");
    "`last` is overlooked" => "pages.last", |parts| forget_query(parts, "last");
    "`artifactType` is overlooked" => "referrers.filter",
        |parts| forget_query(parts, "artifactType");
    "escapes in a list's query stay" => "referrers.filter-escaped", undecoded_query;
    "escapes in a path stay" => "manifest.escaped-digest",
        |parts| retarget(parts, |path, query| (path.replace('%', "%25"), query));
    "names are folded to lower case" => "name.upper-case",
        |parts| retarget(parts, |path, query| (path.to_lowercase(), query));
    "an upload needs its slash" => "base.uploads-without-slash", needs_slash;
}

fn forget(parts: &mut Parts, header: &str) {
    parts.headers.remove(header);
}

fn first_for_last(parts: &mut Parts) {
    let range = parts.headers.get("range");
    let range = range.and_then(|value| value.to_str().ok());
    let length = range.and_then(|range| range.strip_prefix("bytes=-")?.parse::<u64>().ok());
    if let Some(last) = length.and_then(|length| length.checked_sub(1)) {
        let first = format!("bytes=0-{last}").try_into().unwrap();
        parts.headers.insert("range", first);
    }
}

fn undecoded_query(parts: &mut Parts) {
    if parts.method == Method::GET {
        retarget(parts, |path, query| (path, query.replace('%', "%25")));
    }
}

fn needs_slash(parts: &mut Parts) {
    retarget(parts, |path, query| match path.ends_with("/uploads") {
        true => (format!("{path}/none"), query),
        false => (path, query),
    });
}

fn forget_query(parts: &mut Parts, name: &str) {
    retarget(parts, |path, query| {
        let pairs = query.split('&');
        let kept = pairs.filter(|pair| pair.split('=').next() != Some(name));
        (path, kept.collect::<Vec<_>>().join("&"))
    });
}

/// Changes a target's path and query; what is no target afterwards stays as it is.
fn retarget(parts: &mut Parts, change: impl FnOnce(String, String) -> (String, String)) {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let (path, query) = change(parts.uri.path().to_owned(), query);
    let target = match query.is_empty() {
        true => path,
        false => format!("{path}?{query}"),
    };
    if let Ok(uri) = target.parse() {
        parts.uri = uri;
    }
}
