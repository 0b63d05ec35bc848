//! Rules that every answer of a run is held to, whatever was asked.
//!
//! Single checks ask for one thing; these rules see each of the thousands of answers that a run
//! collects, redirects and refusals included. The checks of `observed.*` report on them at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::error_codes;
use crate::client::{Exchange, Message, Request, Response, Url, recorded};

/// What every answer is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// No answer is a 5xx.
    NoServerError,
    /// `Warning` is `299 - "…"` without a date.
    WarningForm,
    /// Warnings are at most 4,096 bytes in all.
    WarningSize,
    /// JSON bodies of refusals have the specification's form.
    ErrorForm,
    /// A 401 carries a challenge.
    Challenge,
    /// A 429 carries `Retry-After`.
    RetryAfter,
    /// A 405 carries `Allow`.
    Allow,
    /// A `Location` to the registry itself keeps its scheme and host.
    LocationOrigin,
    /// A `Docker-Content-Digest` is a digest.
    DigestForm,
}

/// What was seen of one rule.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// How many answers the rule applied to.
    pub applied: usize,
    /// How many broke it.
    pub broken: usize,
    /// The first that did, and what was expected of it.
    pub first: Option<(Arc<Exchange>, String)>,
}

/// Collects what was seen of each rule.
#[derive(Debug, Default)]
pub struct Watch {
    sights: Mutex<BTreeMap<Rule, Sight>>,
}

impl Watch {
    /// What was seen of a rule so far.
    pub fn sight(&self, rule: Rule) -> Sight {
        let sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        sights.get(&rule).cloned().unwrap_or_default()
    }

    /// Holds an answer against every rule.
    pub(crate) fn see(&self, url: &Url, request: &Request, response: &Response) {
        for (rule, verdict) in judge(url, response) {
            self.note(rule, verdict, || recorded(url, request), response);
        }
    }

    /// The same for a request that was written byte by byte.
    pub(crate) fn see_raw(&self, url: &Url, request: &Message, response: &Response) {
        for (rule, verdict) in judge(url, response) {
            self.note(rule, verdict, || request.clone(), response);
        }
    }

    fn note(
        &self,
        rule: Rule,
        verdict: Result<(), String>,
        request: impl FnOnce() -> Message,
        response: &Response,
    ) {
        let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        let sight = sights.entry(rule).or_default();
        sight.applied += 1;
        if let Err(sentence) = verdict {
            sight.broken += 1;
            sight.first.get_or_insert_with(|| {
                let exchange = Exchange::answered(request(), response, std::time::Duration::ZERO);
                (Arc::new(exchange), sentence)
            });
        }
    }
}

/// The rules that apply to an answer, each with what was expected if it is broken.
fn judge(url: &Url, response: &Response) -> Vec<(Rule, Result<(), String>)> {
    let status = response.status;
    let has = |name: &str| response.headers.contains_key(name);
    let require = |holds: bool, sentence: String| if holds { Ok(()) } else { Err(sentence) };
    let sentence = format!("Expected no server error, and the registry answered {status}.");
    let mut rules = vec![(
        Rule::NoServerError,
        require(!status.is_server_error(), sentence),
    )];
    for (code, rule, header) in [
        (401, Rule::Challenge, "WWW-Authenticate"),
        (405, Rule::Allow, "Allow"),
        (429, Rule::RetryAfter, "Retry-After"),
    ] {
        if status == code {
            let sentence = format!("Expected the header {header} on a {code}, and it is absent.");
            rules.push((rule, require(has(header), sentence)));
        }
    }
    if has("Warning") {
        let warnings = texts(response, "Warning");
        let size: usize = warnings.iter().map(String::len).sum();
        let form = warnings
            .iter()
            .try_for_each(|warning| warning_form(warning));
        rules.push((Rule::WarningForm, form));
        let sentence = format!("Expected at most 4,096 bytes of warnings, and there are {size}.");
        rules.push((Rule::WarningSize, require(size <= 4096, sentence)));
    }
    let types = texts(response, "Content-Type");
    if status.is_client_error() && types.iter().any(|found| found.contains("json")) {
        rules.push((Rule::ErrorForm, error_codes(response).map(drop)));
    }
    if let Some(location) = texts(response, "Location").first()
        && status.is_success()
    {
        rules.push((Rule::LocationOrigin, location_origin(url, location)));
    }
    for digest in texts(response, "Docker-Content-Digest") {
        let sentence = format!("Expected Docker-Content-Digest to be a digest, not `{digest}`.");
        rules.push((Rule::DigestForm, require(is_digest(&digest), sentence)));
    }
    rules
}

fn texts(response: &Response, name: &str) -> Vec<String> {
    let values = response.headers.get_all(name).iter();
    values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect()
}

fn warning_form(warning: &str) -> Result<(), String> {
    let text = warning.trim().strip_prefix("299 - \"");
    let ends_in_text = text.is_some_and(|text| text.ends_with('"'));
    // A date would be a second quoted string.
    let quotes = text.map_or(0, |text| text.replace("\\\"", "").matches('"').count());
    if ends_in_text && quotes == 1 {
        Ok(())
    } else {
        Err(format!(
            "Expected a Warning of the form `299 - \"…\"`, and it is `{warning}`."
        ))
    }
}

fn location_origin(url: &Url, location: &str) -> Result<(), String> {
    let Ok(target) = url.join(location) else {
        return Err(format!(
            "Expected a usable Location, and it is `{location}`."
        ));
    };
    // Another host may be a storage service; the same host by another scheme or port is a
    // registry that mistakes how it is reached.
    let same_host = target.origin.host == url.origin.host;
    if same_host && target.origin != url.origin {
        let sentence = format!(
            "Expected a Location at {}, and it is `{location}`.",
            url.origin
        );
        return Err(sentence);
    }
    Ok(())
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return false;
    };
    let digits = encoded
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match algorithm {
        "sha256" => digits && encoded.len() == 64,
        "sha512" => digits && encoded.len() == 128,
        other => {
            let known =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+._-".contains(&b);
            !other.is_empty() && other.bytes().all(known) && !encoded.is_empty()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    fn broken(status: u16, headers: &[(&'static str, &str)], body: &str) -> Vec<Rule> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        let response = Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        let url = "http://a:5000/v2/".parse().unwrap();
        let rules = judge(&url, &response).into_iter();
        rules
            .filter(|(_, verdict)| verdict.is_err())
            .map(|(rule, _)| rule)
            .collect()
    }

    #[test]
    fn statuses_ask_for_their_headers() {
        assert_eq!(broken(500, &[], ""), [Rule::NoServerError]);
        assert_eq!(broken(401, &[], ""), [Rule::Challenge]);
        assert_eq!(broken(405, &[], ""), [Rule::Allow]);
        assert_eq!(broken(429, &[], ""), [Rule::RetryAfter]);
        assert_eq!(broken(429, &[("retry-after", "1")], ""), []);
    }

    #[test]
    fn warnings_have_one_form() {
        for good in ["299 - \"old\"", "299 - \"a \\\"b\\\" c\""] {
            assert_eq!(broken(200, &[("warning", good)], ""), [], "{good}");
        }
        let dated = "299 - \"old\" \"Wed, 21 Oct 2015 07:28:00 GMT\"";
        for bad in ["199 - \"old\"", "299 reg \"old\"", "299 - old", dated] {
            assert_eq!(
                broken(200, &[("warning", bad)], ""),
                [Rule::WarningForm],
                "{bad}"
            );
        }
        let long = format!("299 - \"{}\"", "a".repeat(4096));
        assert_eq!(broken(200, &[("warning", &long)], ""), [Rule::WarningSize]);
    }

    #[test]
    fn error_bodies_have_one_form() {
        let json = [("content-type", "application/json")];
        assert_eq!(
            broken(404, &json, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#),
            []
        );
        for bad in [
            "{}",
            r#"{"errors":[]}"#,
            r#"{"errors":[{"code":"OOPS"}]}"#,
            r#"{"errors":[{"message":"x"}]}"#,
        ] {
            assert_eq!(broken(404, &json, bad), [Rule::ErrorForm], "{bad}");
        }
    }

    #[test]
    fn locations_stay_where_the_registry_was_found() {
        for good in [
            "/v2/x",
            "http://a:5000/v2/x",
            "https://storage.example/x?sig=1",
        ] {
            assert_eq!(broken(202, &[("location", good)], ""), [], "{good}");
        }
        for bad in ["https://a:5000/v2/x", "http://a/v2/x"] {
            assert_eq!(
                broken(202, &[("location", bad)], ""),
                [Rule::LocationOrigin],
                "{bad}"
            );
        }
    }

    #[test]
    fn digests_are_recognised() {
        assert!(is_digest(&crate::content::digest_of(b"")));
        assert!(is_digest(&crate::content::sha512_of(b"")));
        for bad in [
            "",
            "sha256",
            "sha256:ab",
            ":ab",
            &crate::content::digest_of(b"").to_uppercase(),
        ] {
            assert_eq!(
                broken(200, &[("docker-content-digest", bad)], ""),
                [Rule::DigestForm]
            );
        }
    }
}
