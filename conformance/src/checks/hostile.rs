//! Requests that nobody sends by accident.

use crate::check::{Stop, Verdict, checks};
use crate::client::{Raw, Request};
use crate::content::{CONFIG, Draft, MANIFEST, digest_of};
use crate::context::Cx;

checks! {
    Client Writes dots "hostile.dot-segments" HOSTILE
        "Dot segments in names, plain and escaped, are refused."
        "Kraken CVE-2022-47747: files outside of the storage were read and written.";
    Client Writes slashes "hostile.escaped-slashes" HOSTILE
        "An escaped slash in a name makes no second repository: it is refused or means a slash."
        "One check by the proxy in front, another one by the registry: what is forbidden is reached.";
    Client Writes empty_segments "hostile.empty-segments" HOSTILE
        "Empty segments in names are refused or folded, and never a server error."
        "`//` before the name has led around access rules.";
    Client Writes control "hostile.control-characters" HOSTILE
        "NUL, CR LF and other control characters, escaped, are refused and never echoed as header fields."
        "They end strings, split headers and forge log lines.";
    Client Writes raw_bytes "hostile.raw-bytes" HOSTILE
        "Raw bytes that no URI has are refused."
        "Parsers in front and behind disagree on what they mean.";
    Client Writes overlong "hostile.bad-utf-8" HOSTILE
        "Names that are no UTF-8, or overlong UTF-8, are refused."
        "An overlong slash is a slash to some.";
    Client Reads digests "hostile.digests" HOSTILE
        "Digests that are paths are refused."
        "Content is stored below its digest.";
    Client Reads references "hostile.references" HOSTILE
        "References that are paths are refused."
        "Tags are stored below their name.";
    Client Writes long_target "hostile.long-target" HOSTILE
        "A target of 100,000 characters is refused, and the registry survives it."
        "A reader without bounds fills the memory.";
    Client Writes many_headers "hostile.large-header" HOSTILE
        "A megabyte of header fields is refused, and the registry survives it."
        "A reader without bounds fills the memory.";
    Client Writes two_lengths "hostile.two-lengths" HOSTILE
        "Two different Content-Lengths are refused."
        "RFC 9112 §6.3: request smuggling.";
    Client Writes length_and_chunked "hostile.length-and-chunked" HOSTILE
        "A Content-Length beside chunked transfer coding is refused, or the connection closed after it."
        "RFC 9112 §6.1: request smuggling.";
    Client Writes bad_chunk "hostile.bad-chunk" HOSTILE
        "A chunked body whose framing is broken is refused, and nothing is stored."
        "RFC 9112 §7.1: request smuggling.";
    Client Writes no_host "hostile.no-host" HOSTILE
        "A request of HTTP/1.1 without Host is a 400."
        "RFC 9112 §3.2: a server MUST respond with 400.";
    Client Writes foreign_host "hostile.foreign-host" HOSTILE
        "A Location does not lead to a host that the client merely named."
        "Poisoned caches and password resets: a Host header is the client's word.";
    Client Writes urls "hostile.urls-not-fetched" HOSTILE
        "A layer's `urls` are not fetched, and the layer stays a 404."
        "A registry that fetches what it is told reaches into its own network.";
    Client Writes negative_length "hostile.negative-length" HOSTILE
        "A Content-Length that is no number is refused."
        "RFC 9112 §6.3: it is unrecoverable.";
    Client Writes survives "hostile.survives" HOSTILE
        "A hundred connections that are dropped in the middle do no harm."
        "Scanners and broken networks do nothing else all day.";
}

/// Tries to open an upload at this raw path.
async fn no_upload(cx: &Cx, path: &str) -> Verdict {
    cx.raw_refused(Raw::new("POST", path).line("Content-Length: 0"))
        .await
}

async fn dots(cx: &Cx) -> Verdict {
    let base = cx.namespace();
    for name in [
        "..",
        "%2e%2e",
        "a/../b",
        "a/%2e%2e/%2e%2e/b",
        ".%2e/x",
        "%252e%252e",
        ".",
    ] {
        // What is left of it after normalising may be a good name; it must not be taken as one.
        no_upload(cx, &format!("/v2/{base}/{name}/blobs/uploads/")).await?;
    }
    for path in [
        "/v2/../../etc/passwd",
        "/v2/%2e%2e/%2e%2e/etc/passwd",
        "/../v2/../etc/passwd",
    ] {
        cx.raw_refused(Raw::new("GET", path)).await?;
    }
    Ok(())
}

async fn slashes(cx: &Cx) -> Verdict {
    let repo = cx.below("inner");
    let image = repo.given_image("v1").await?;
    let escaped = repo.name().replace('/', "%2F");
    let request = Request::get(format!("/v2/{escaped}/manifests/v1")).header("Accept", MANIFEST);
    let answer = cx.send(request).await?;
    if answer.status_in(&[200, 400, 404])?.code() == 200 {
        answer.body_is(&image.bytes)?;
    }
    let answer = cx
        .send(Request::post(format!("/v2/{escaped}/blobs/uploads/")))
        .await?;
    if answer.code() == 202 {
        let location = answer.location()?;
        let sentence = "Expected the upload to be opened in the repository with the slash.";
        answer.expect(location.target.contains(repo.name()), sentence)?;
        return Ok(());
    }
    answer.refused()?;
    Ok(())
}

async fn empty_segments(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    repo.given_image("v1").await?;
    let name = repo.name().replacen('/', "//", 1);
    for path in [
        format!("/v2/{name}/manifests/v1"),
        format!("/v2//{repo}/manifests/v1"),
    ] {
        let request = Request::get(path).header("Accept", MANIFEST);
        cx.send(request).await?.status_in(&[200, 400, 404])?;
    }
    for path in [
        "/v2//manifests/v1",
        "/v2///tags/list",
        "/v2//blobs/uploads/",
    ] {
        cx.get(path).await?.refused()?;
    }
    Ok(())
}

async fn control(cx: &Cx) -> Verdict {
    let base = cx.namespace();
    for name in [
        "a%00b",
        "a%0d%0aX-Injected:%20yes",
        "a%0ab",
        "a%09b",
        "a%7fb",
        "a%1b%5b31m",
    ] {
        let request = Request::post(format!("/v2/{base}/{name}/blobs/uploads/"));
        cx.send(request)
            .await?
            .refused()?
            .header_absent("X-Injected")?;
    }
    let repo = cx.repo();
    repo.given_image("v1").await?;
    for tag in ["v1%00", "v1%0d%0aX-Injected:%20yes", "v1%0a"] {
        repo.get_manifest(tag)
            .await?
            .refused()?
            .header_absent("X-Injected")?;
    }
    Ok(())
}

async fn raw_bytes(cx: &Cx) -> Verdict {
    let base = cx.namespace();
    for byte in [b"\0".as_slice(), b"\x7f", b"\xff", b"\x01", b"\""] {
        let path = [b"/v2/", base.as_bytes(), b"/a", byte, b"b/blobs/uploads/"].concat();
        cx.raw_refused(Raw::new("POST", path).line("Content-Length: 0"))
            .await?;
    }
    Ok(())
}

async fn overlong(cx: &Cx) -> Verdict {
    let base = cx.namespace();
    for name in ["%ff", "a%c0%afb", "%c0%ae%c0%ae", "%e2%80%ae", "a%ed%a0%80"] {
        no_upload(cx, &format!("/v2/{base}/{name}/blobs/uploads/")).await?;
    }
    Ok(())
}

async fn digests(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let digest = digest_of(b"x");
    for hostile in [
        "sha256:..%2f..%2f..%2fetc%2fpasswd".to_owned(),
        format!("{digest}%2f..%2f.."),
        format!("{digest}%00"),
        "sha256:%00".to_owned(),
        "..%2f:aa".to_owned(),
        "sha256:../../../../etc/passwd".to_owned(),
    ] {
        cx.raw_refused(Raw::new("GET", sample.repo.blob_path(&hostile)))
            .await?;
        cx.raw_refused(Raw::new("GET", sample.repo.manifest_path(&hostile)))
            .await?;
    }
    Ok(())
}

async fn references(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    for hostile in [
        "..%2fv1",
        "%2e%2e",
        "..",
        "..%5cv1",
        "v1%2f..%2fv1",
        "~root",
    ] {
        cx.raw_refused(Raw::new("GET", sample.repo.manifest_path(hostile)))
            .await?;
    }
    Ok(())
}

async fn long_target(cx: &Cx) -> Verdict {
    let path = format!("/v2/{}/{}/tags/list", cx.namespace(), "a".repeat(100_000));
    cx.raw_refused(Raw::new("GET", path)).await?;
    let query = format!("/v2/{}/tags/list?last={}", cx.repo(), "a".repeat(100_000));
    cx.raw_refused(Raw::new("GET", query)).await?;
    cx.get("/v2/").await?.status(200)?;
    Ok(())
}

async fn many_headers(cx: &Cx) -> Verdict {
    let mut raw = Raw::new("GET", "/v2/");
    for n in 0..1_000 {
        raw = raw.line(format!("X-Field-{n}: {}", "a".repeat(1_100)));
    }
    cx.raw_refused(raw).await?;
    cx.get("/v2/").await?.status(200)?;
    Ok(())
}

async fn two_lengths(cx: &Cx) -> Verdict {
    let blob = cx.blob(10);
    let upload = cx.repo().given_upload().await?;
    let raw = Raw::new(
        "PUT",
        upload.location.with_query("digest", &blob.digest).target,
    )
    .line("Content-Length: 10")
    .line("Content-Length: 5")
    .body(&blob.bytes);
    cx.raw_refused(raw).await?;
    cx.repo().head_blob(&blob.digest).await?.status(404)?;
    Ok(())
}

async fn length_and_chunked(cx: &Cx) -> Verdict {
    let blob = cx.blob(10);
    let upload = cx.repo().given_upload().await?;
    // As keep-alive, which is where a second request could hide.
    let raw = Raw::new(
        "PUT",
        upload.location.with_query("digest", &blob.digest).target,
    )
    .line("Content-Length: 4")
    .line("Transfer-Encoding: chunked")
    .body(b"a\r\n")
    .body(&blob.bytes)
    .body(b"\r\n0\r\n\r\n")
    .to_the_end();
    let (answer, exchange) = cx.raw(raw).await?;
    let Some(response) = answer.response else {
        return Ok(());
    };
    if response.status.is_success() {
        // Then chunked has won, and the whole blob is there.
        let stored = cx.repo().get_blob(&blob.digest).await?;
        stored.status(200)?.body_is(&blob.bytes)?;
    } else if !response.status.is_client_error() || answer.trailing > 0 {
        let sentence = "Expected a refusal and nothing after it.";
        return Err(Stop::failed(sentence, Some(exchange)));
    }
    Ok(())
}

async fn bad_chunk(cx: &Cx) -> Verdict {
    let blob = cx.blob(10);
    for size in ["zz", "-1", "ffffffffffffffffff", "0x0a"] {
        let upload = cx.repo().given_upload().await?;
        let raw = Raw::new(
            "PUT",
            upload.location.with_query("digest", &blob.digest).target,
        )
        .line("Transfer-Encoding: chunked")
        .body(format!("{size}\r\n").as_bytes())
        .body(&blob.bytes)
        .body(b"\r\n0\r\n\r\n");
        cx.raw_refused(raw).await?;
    }
    cx.repo().head_blob(&blob.digest).await?.status(404)?;
    Ok(())
}

async fn no_host(cx: &Cx) -> Verdict {
    cx.raw_refused(Raw::new("GET", "/v2/").without_host()).await
}

async fn foreign_host(cx: &Cx) -> Verdict {
    let raw = Raw::new("POST", cx.repo().uploads_path())
        .without_host()
        .line("Host: evil.example")
        .line("Content-Length: 0");
    let (answer, exchange) = cx.raw(raw).await?;
    let location = answer
        .response
        .and_then(|response| response.headers.get("Location").cloned());
    let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match location {
        Some(location) if location.contains("evil.example") => {
            let sentence = format!("Expected a Location at the registry, and it is `{location}`.");
            Err(Stop::failed(sentence, Some(exchange)))
        }
        _ => Ok(()),
    }
}

async fn urls(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(|error| Stop::skipped(format!("no local port: {error}")))?;
    let port = listener
        .local_addr()
        .map(|address| address.port())
        .unwrap_or_default();
    let config = repo.given_blob(40).await?;
    let absent = cx.blob(50);
    let mut layer = absent.descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar");
    layer["urls"] = serde_json::json!([format!("http://127.0.0.1:{port}/layer")]);
    let image = Draft::image(config.descriptor(CONFIG), vec![layer]).build();
    repo.put_manifest("v1", &image).await?.no_server_error()?;
    let answer = repo.get_blob(&absent.digest).await?;
    let fetched = tokio::time::timeout(std::time::Duration::from_millis(300), listener.accept());
    let sentence = "Expected nobody to fetch the layer's address, and somebody connected to it.";
    answer.expect(fetched.await.is_err(), sentence)?;
    answer.status(404)?;
    Ok(())
}

async fn negative_length(cx: &Cx) -> Verdict {
    let upload = cx.repo().given_upload().await?;
    for length in ["-1", "abc", "18446744073709551617", "1 2"] {
        let raw = Raw::new("PATCH", upload.location.target.clone());
        cx.raw_refused(raw.line(format!("Content-Length: {length}")).body(b"a"))
            .await?;
    }
    Ok(())
}

async fn survives(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    let drops = (0..100).map(|n| {
        let head = ["GET", "PUT", "POST", "PATCH"][n % 4];
        let raw = Raw::new(head, repo.manifest_path("v1")).line("Content-Length: 5000");
        cx.drop_midway(raw.body(b"{\"half\":"))
    });
    for dropped in futures_util::future::join_all(drops).await {
        dropped?;
    }
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}
