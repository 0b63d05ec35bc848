//! Rules that every answer of the run was held to.

use crate::check::{Stop, Verdict, checks};
use crate::context::Cx;
use crate::watch::Rule;

checks! {
    Client Last server_errors "observed.no-server-errors" HTTP
        "No request of the whole run was answered with a 5xx."
        "A server error is a fault of the server, whatever was asked.";
    Must Last error_form "observed.error-bodies" ERRORS
        "Every JSON body of a refusal had the specification's form and codes."
        "If the response body is in JSON format, it MUST have the following format:";
    Must Last warning_form "observed.warning-form" WARNINGS
        "Every Warning was `299 - \"…\"` without a date."
        "`Warning` headers MUST specify a `warn-code` of `299` and a `warn-agent` of `-`, and MUST NOT specify a `warn-date` value.";
    Must Last warning_size "observed.warning-size" WARNINGS
        "No answer had more than 4,096 bytes of warnings."
        "A registry MUST NOT send more than 4096 bytes of warning data from all headers combined.";
    Client Last challenges "observed.challenges" AUTHENTICATION
        "Every 401 carried a challenge."
        "Without one, clients never send credentials (RFC 9110 §11.6.1).";
    Draft Last retry_after "observed.retry-after" ERRORS
        "Every 429 said when to come back."
        "SHOULD include a `Retry-After` header per [RFC 9110 (section 10.2.3)](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).";
    Draft Last allow "observed.allow" HTTP
        "Every 405 named the methods that are there."
        "Where this specification does not define specific behavior, implementations SHOULD follow the HTTP semantics defined in [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110).";
    Client Last locations "observed.locations" HTTP
        "No Location led to the registry's host by another scheme or port."
        "skopeo, podman and buildah follow it; behind a TLS proxy an `http://` Location breaks them.";
    Client Last digests "observed.digests" HTTP
        "Every Docker-Content-Digest was a digest."
        "Clients parse it.";
}

/// Reports on a rule; skips if it never applied.
fn report(cx: &Cx, rule: Rule, never: &str) -> Verdict {
    let sight = cx.sight(rule);
    match sight.first {
        Some((exchange, sentence)) => {
            let times = format!(
                "{sentence} ({} of {} answers.)",
                sight.broken, sight.applied
            );
            Err(Stop::failed(times, Some(exchange)))
        }
        None if sight.applied == 0 => Err(Stop::skipped(never)),
        None => Ok(()),
    }
}

async fn server_errors(cx: &Cx) -> Verdict {
    report(cx, Rule::NoServerError, "there was no answer")
}

async fn error_form(cx: &Cx) -> Verdict {
    report(cx, Rule::ErrorForm, "no refusal had a JSON body")
}

async fn warning_form(cx: &Cx) -> Verdict {
    report(cx, Rule::WarningForm, "there was no Warning")
}

async fn warning_size(cx: &Cx) -> Verdict {
    report(cx, Rule::WarningSize, "there was no Warning")
}

async fn challenges(cx: &Cx) -> Verdict {
    report(cx, Rule::Challenge, "there was no 401")
}

async fn retry_after(cx: &Cx) -> Verdict {
    report(cx, Rule::RetryAfter, "there was no 429")
}

async fn allow(cx: &Cx) -> Verdict {
    report(cx, Rule::Allow, "there was no 405")
}

async fn locations(cx: &Cx) -> Verdict {
    report(cx, Rule::LocationOrigin, "there was no Location")
}

async fn digests(cx: &Cx) -> Verdict {
    report(cx, Rule::DigestForm, "there was no Docker-Content-Digest")
}
