//! `GET /v2/` and what RFC 9110 says about any endpoint.

use crate::check::{Verdict, checks};
use crate::client::{Raw, Request};
use crate::context::Cx;

checks! {
    Must Reads ping "base.ping" DETERMINING_SUPPORT
        "GET of /v2/ answers 200."
        "If the response is `200 OK`, then the registry implements this specification.";
    Client Reads without_slash "base.ping-without-slash" DETERMINING_SUPPORT
        "GET of /v2 answers like GET of /v2/."
        "Reverse proxies strip trailing slashes.";
    Client Writes uploads_without_slash "base.uploads-without-slash" POST_THEN_PUT
        "POST to blobs/uploads opens an upload as blobs/uploads/ does."
        "Reverse proxies strip trailing slashes.";
    Draft Reads head "base.head" HTTP
        "HEAD of /v2/ answers like GET."
        "Where this specification does not define specific behavior, implementations SHOULD follow the HTTP semantics defined in [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110).";
    Draft Reads unknown_method "base.unknown-method" HTTP
        "A method that an endpoint does not have is refused with 405 or 501."
        "Where this specification does not define specific behavior, implementations SHOULD follow the HTTP semantics defined in [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110).";
    Draft Reads allow "base.allow" HTTP
        "A 405 names the methods that the endpoint has in an Allow header."
        "Where this specification does not define specific behavior, implementations SHOULD follow the HTTP semantics defined in [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110).";
    Client Reads unknown_path "base.unknown-path" HTTP
        "A path below /v2/ that is no endpoint is refused."
        "Clients probe for extensions and must hear that there are none.";
    Client Reads http10 "base.http-1.0" HTTP
        "A client of HTTP/1.0 is answered."
        "Health checks of load balancers still speak HTTP/1.0.";
    Draft Reads absolute_form "base.absolute-form" HTTP
        "A request target in absolute form is understood."
        "Where this specification does not define specific behavior, implementations SHOULD follow the HTTP semantics defined in [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110).";
    Client Reads unknown_query "base.unknown-query" HTTP
        "Query parameters that nobody knows are ignored."
        "Signed and cache-busting URLs carry parameters of their own.";
}

async fn ping(cx: &Cx) -> Verdict {
    cx.get("/v2/").await?.status(200)?;
    Ok(())
}

async fn without_slash(cx: &Cx) -> Verdict {
    cx.get("/v2").await?.status(200)?;
    Ok(())
}

async fn uploads_without_slash(cx: &Cx) -> Verdict {
    let path = cx.repo().uploads_path();
    let answer = cx.send(Request::post(path.trim_end_matches('/'))).await?;
    answer.status(202)?.location()?;
    Ok(())
}

async fn head(cx: &Cx) -> Verdict {
    cx.send(Request::head("/v2/")).await?.status(200)?;
    Ok(())
}

async fn unknown_method(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let tags = format!("/v2/{}/tags/list", sample.repo);
    cx.send(Request::post(tags)).await?.status_in(&[405, 501])?;
    let manifest = sample.repo.manifest_path(&sample.tag);
    cx.send(Request::post(manifest))
        .await?
        .status_in(&[405, 501])?;
    Ok(())
}

async fn allow(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = cx
        .send(Request::post(format!("/v2/{}/tags/list", sample.repo)))
        .await?;
    let allowed = answer.status(405)?.need("Allow")?;
    let sentence = format!("Expected Allow to name GET, and it is `{allowed}`.");
    answer.expect(allowed.to_ascii_uppercase().contains("GET"), sentence)?;
    Ok(())
}

async fn unknown_path(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    for path in ["nothing", "tags", "manifests", "blobs"] {
        cx.get(format!("/v2/{}/{path}", sample.repo))
            .await?
            .refused()?;
    }
    Ok(())
}

async fn http10(cx: &Cx) -> Verdict {
    // Logs in where that is needed; the raw request reuses it.
    cx.get("/v2/").await?.status(200)?;
    cx.raw_answer(Raw::new("GET", "/v2/").http10())
        .await?
        .status(200)?;
    Ok(())
}

async fn absolute_form(cx: &Cx) -> Verdict {
    cx.get("/v2/").await?.status(200)?;
    let target = format!("{}/v2/", cx.client().base().origin);
    cx.raw_answer(Raw::new("GET", target)).await?.status(200)?;
    Ok(())
}

async fn unknown_query(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let query = "?x-unknown=1&empty=&bare";
    let manifest = sample.repo.manifest_path(&format!("{}{query}", sample.tag));
    let accept = sample.image.media_type.as_str();
    cx.send(Request::get(manifest).header("Accept", accept))
        .await?
        .status(200)?;
    let blob = sample
        .repo
        .blob_path(&format!("{}{query}", sample.blob.digest));
    cx.get(blob)
        .await?
        .status(200)?
        .body_is(&sample.blob.bytes)?;
    Ok(())
}
