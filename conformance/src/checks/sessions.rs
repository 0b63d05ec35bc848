//! The state of an upload: asking for it, resuming, cancelling, and what is unknown.

use crate::answer::Answer;
use crate::check::{Given, Stop, Verdict, checks};
use crate::client::{Raw, Request, Url};
use crate::content::{Blob, OCTETS, digest_of};
use crate::context::Cx;
use crate::upload::Upload;

checks! {
    Must Writes status "session.status" CHUNKED
        "GET of an open session answers 204 with a Location."
        "MUST be a `204 No Content` response code, and MUST have the following headers:";
    Must Writes status_range "session.status-range" CHUNKED
        "GET of a session tells the Range received, up to the last byte of the upload."
        "MUST be a `204 No Content` response code, and MUST have the following headers:";
    Client Writes fresh_range "session.fresh-range" CHUNKED
        "GET of a session without content tells `Range: 0-0`."
        "The rewritten official suite parses `0-` and a number even before the first byte.";
    Client Writes status_digest "session.status-with-digest" CHUNKED
        "GET of a session tolerates the digest of a refused closing PUT in its query."
        "The rewritten official suite asks for the state at the address that it tried to close.";
    Must Writes status_location "session.status-location" CHUNKED
        "The Location that GET of a session tells takes the next chunk."
        "The following chunk upload SHOULD use the";
    Should Writes stale "session.first-location" CHUNKED
        "The first Location of a session still tells its state after a chunk."
        "refers to the URL obtained from any preceding `POST` or `PATCH` request.";
    Client Writes stale_patch "session.first-location-replayed" CHUNKED
        "A chunk sent again to the first Location is a 416."
        "The v1.1 official suite retries a chunk at its first address.";
    Should Writes unknown "session.unknown" CHUNKED
        "GET, PATCH and PUT of a session that never was are a 404."
        "`/v2/<name>/blobs/uploads/<reference>` | `204` | `404`";
    Client Writes unknown_malformed "session.malformed" CHUNKED
        "A session id of another form is refused."
        "It must not reach the storage, where it would be a path.";
    Draft Writes cancel "session.cancel" CANCEL
        "DELETE of a session answers 204."
        "If successful, the response SHOULD be a `204 No Content` response code.";
    Draft Writes cancelled "session.cancelled" CANCEL
        "A cancelled session is gone: 404."
        "During a blob upload, the session may be canceled with a `DELETE` request:";
    Client Writes cancel_unknown "session.cancel-unknown" CANCEL
        "DELETE of a session that never was is a 404 or a 400."
        "Clients that abort must hear that there was nothing to abort.";
    Draft Writes sha512 "session.digest-algorithm-sha512" CHUNKED
        "An upload announced with digest-algorithm=sha512 ends under its SHA-512 digest."
        "When pushing a blob with a digest algorithm other than `sha256`, the post request SHOULD include the `digest-algorithm` parameter:";
    Draft Writes sha256 "session.digest-algorithm-sha256" CHUNKED
        "An upload announced with digest-algorithm=sha256 is an ordinary one."
        "Here, `<digest-algorithm>` is the algorithm the registry should use for the blob, e.g. `digest-algorithm=sha512`.";
    Draft Writes unknown_algorithm "session.digest-algorithm-unknown" PUSHING_BLOBS
        "An upload announced with an unknown algorithm is a 400."
        "In each implementation, if the client provided digest is invalid or uses an unsupported algorithm, the registry SHOULD respond with a response code `400 Bad Request`.";
    Client Writes other_algorithm "session.digest-algorithm-changed" CHUNKED
        "An upload announced as one algorithm and closed as another is stored or refused, whole."
        "The announcement is a hint; what is stored must match its digest.";
    Client Writes late_sha512 "session.sha512-unannounced" CHUNKED
        "Chunks of an unannounced upload may end under a SHA-512 digest."
        "The rewritten official suite never sends digest-algorithm.";
    Client Writes resumed "session.resume-interrupted-chunk" CHUNKED
        "After a connection broke within a chunk, GET tells where to go on, and the blob gets complete."
        "The .NET SDK and others resume at the offset that GET tells.";
    Client Writes resumed_stream "session.resume-interrupted-stream" CHUNKED
        "After a streamed PATCH broke off, GET tells where to go on, and the blob gets complete."
        "docker and podman stream whole layers.";
    Client Writes after_mismatch "session.after-mismatch" CHUNKED
        "After a closing PUT with a wrong digest, the session is intact or gone, and never half."
        "A retry must not be stored under content that was never sent.";
    Client Writes too_many "session.too-many" ERRORS
        "An upload beyond the registry's limit is a 429 TOOMANYREQUESTS, and the open ones go on."
        "Clients wait and try again after a 429 only; builds in parallel open many uploads.";
}

/// How many uploads are opened to find a limit.
const MANY: usize = 64;

/// A session with one chunk in it.
async fn begun(cx: &Cx) -> Result<(Upload<'_>, Blob, usize), Stop> {
    let mut upload = cx.repo().given_upload().await?;
    let size = upload.chunk;
    let blob = cx.blob(2 * size);
    let first = upload.patch(0, &blob.bytes[..size]).await;
    let accepted = first.and_then(|answer| answer.status(202).map(drop));
    accepted.given("the first chunk was not accepted")?;
    Ok((upload, blob, size))
}

/// An address of the same form as a session's, of a session that never was.
async fn absent(cx: &Cx) -> Result<Url, Stop> {
    let upload = cx.repo().given_upload().await?;
    upload.cancel().await?;
    let origin = upload.location.origin.clone();
    let id = "3f2d1c0b-5a49-4e87-9d76-1122334455ff";
    let target = format!("{}{id}", cx.repo().uploads_path());
    Ok(Url { origin, target })
}

async fn status(cx: &Cx) -> Verdict {
    let (upload, _, _) = begun(cx).await?;
    upload.status().await?.status(204)?.location()?;
    Ok(())
}

async fn status_range(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    let answer = upload.status().await?;
    answer
        .status(204)?
        .header_is("Range", &format!("0-{}", size - 1))?;
    upload.patch(size, &blob.bytes[size..]).await?.status(202)?;
    let answer = upload.status().await?;
    answer
        .status(204)?
        .header_is("Range", &format!("0-{}", 2 * size - 1))?;
    Ok(())
}

async fn fresh_range(cx: &Cx) -> Verdict {
    let upload = cx.repo().given_upload().await?;
    upload
        .status()
        .await?
        .status(204)?
        .header_is("Range", "0-0")?;
    Ok(())
}

async fn status_digest(cx: &Cx) -> Verdict {
    let (upload, blob, _) = begun(cx).await?;
    cx.get(upload.closing(&blob.digest))
        .await?
        .status(204)?
        .need("Range")?;
    Ok(())
}

async fn status_location(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload.location = upload.status().await?.status(204)?.location()?;
    upload.patch(size, &blob.bytes[size..]).await?.status(202)?;
    upload.close(&blob.digest, b"").await?.status(201)?;
    Ok(())
}

async fn stale(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let first = upload.location.clone();
    let chunk = cx.bytes(upload.chunk);
    upload.patch(0, &chunk).await?.status(202)?;
    let answer = cx.get(first.to_string()).await?;
    answer
        .status(204)?
        .header_is("Range", &format!("0-{}", chunk.len() - 1))?;
    Ok(())
}

async fn stale_patch(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let mut first = upload.clone();
    let chunk = cx.bytes(upload.chunk);
    upload.patch(0, &chunk).await?.status(202)?;
    first.patch(0, &chunk).await?.status(416)?;
    Ok(())
}

async fn unknown(cx: &Cx) -> Verdict {
    let location = absent(cx).await?;
    let blob = cx.blob(10);
    cx.get(location.to_string()).await?.status(404)?;
    let request = Request::patch(location.to_string()).header("Content-Type", OCTETS);
    cx.send(request.body(blob.bytes.clone()))
        .await?
        .status(404)?;
    let closing = location.with_query("digest", &blob.digest).to_string();
    cx.send(Request::put(closing).body(blob.bytes.clone()))
        .await?
        .status(404)?;
    cx.repo().head_blob(&blob.digest).await?.status(404)?;
    Ok(())
}

async fn unknown_malformed(cx: &Cx) -> Verdict {
    let uploads = cx.repo().uploads_path();
    let blob = cx.blob(10);
    for id in ["x", "0", "%20", "..%2f..", "%00", &"a".repeat(300)] {
        cx.get(format!("{uploads}{id}")).await?.refused()?;
        let closing = format!("{uploads}{id}?digest={}", blob.digest);
        cx.send(Request::put(closing).body(blob.bytes.clone()))
            .await?
            .refused()?;
    }
    Ok(())
}

async fn cancel(cx: &Cx) -> Verdict {
    let (upload, _, _) = begun(cx).await?;
    upload.cancel().await?.status(204)?;
    Ok(())
}

async fn cancelled(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload.cancel().await?.status(204)?;
    upload.status().await?.status(404)?;
    upload.patch(size, &blob.bytes[size..]).await?.status(404)?;
    Ok(())
}

async fn cancel_unknown(cx: &Cx) -> Verdict {
    let location = absent(cx).await?;
    cx.send(Request::delete(location.to_string()))
        .await?
        .status_in(&[404, 400])?;
    Ok(())
}

/// Opens a session with an announced algorithm and pushes two chunks.
async fn announced(cx: &Cx, algorithm: &str, blob: &Blob) -> Result<Answer, Stop> {
    let repo = cx.repo();
    let answer = repo
        .post_upload(&format!("?digest-algorithm={algorithm}"))
        .await?;
    let mut upload = Upload::of(cx, &answer)?;
    let (first, rest) = blob.bytes.split_at(upload.chunk.min(blob.bytes.len()));
    upload.patch(0, first).await?.status(202)?;
    if !rest.is_empty() {
        upload.patch(first.len(), rest).await?.status(202)?;
    }
    upload.close(&blob.digest, b"").await
}

async fn sha512(cx: &Cx) -> Verdict {
    let blob = cx.blob(1_500).sha512();
    announced(cx, "sha512", &blob).await?.status(201)?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn sha256(cx: &Cx) -> Verdict {
    let blob = cx.blob(1_500);
    announced(cx, "sha256", &blob).await?.status(201)?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn unknown_algorithm(cx: &Cx) -> Verdict {
    cx.repo()
        .post_upload("?digest-algorithm=md6")
        .await?
        .status(400)?;
    Ok(())
}

async fn other_algorithm(cx: &Cx) -> Verdict {
    let blob = cx.blob(1_500);
    let answer = announced(cx, "sha512", &blob).await?;
    if answer.status_in(&[201, 400])?.code() == 201 {
        let answer = cx.repo().get_blob(&blob.digest).await?;
        answer.status(200)?.body_is(&blob.bytes)?;
    }
    Ok(())
}

async fn late_sha512(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    let blob = blob.sha512();
    upload.patch(size, &blob.bytes[size..]).await?.status(202)?;
    upload.close(&blob.digest, b"").await?.status(201)?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

/// How often to ask again: the registry may take a moment to notice that a connection is gone.
const PATIENCE: usize = 20;

/// Asks where to go on, sends the rest and expects the blob to be there.
async fn resume(cx: &Cx, upload: &mut Upload<'_>, blob: &Blob, sent: usize) -> Verdict {
    for attempt in 1..=PATIENCE {
        let answer = upload.status().await?;
        if answer.code() == 204 {
            let offset = offset_of(&answer)?;
            let sentence = format!("Expected no more than the {sent} bytes that were sent.");
            answer.expect(offset <= sent, sentence)?;
            upload.location = answer.location()?;
            let rest = upload.patch(offset, &blob.bytes[offset..]).await?;
            if rest.code() == 202 {
                break;
            }
            if attempt == PATIENCE || rest.code() != 416 {
                rest.status(202)?;
            }
        } else if attempt == PATIENCE {
            answer.status(204)?;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    upload.close(&blob.digest, b"").await?.status(201)?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

/// Where the next chunk begins, by the Range of a session.
fn offset_of(answer: &Answer) -> Result<usize, Stop> {
    let range = answer.need("Range")?;
    let last = range
        .strip_prefix("0-")
        .and_then(|last| last.parse::<usize>().ok());
    let sentence = format!("Expected a Range of `0-` and a number, and it is `{range}`.");
    // `0-0` is what a session without content says.
    match last.ok_or_else(|| answer.failed(sentence))? {
        0 => Ok(0),
        last => Ok(last + 1),
    }
}

async fn resumed(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let blob = cx.blob(200_000);
    let raw = Raw::new("PATCH", upload.location.target.clone())
        .line("Content-Type: application/octet-stream")
        .line("Content-Range: 0-199999")
        .line("Content-Length: 200000")
        .body(&blob.bytes[..90_000]);
    cx.drop_midway(raw).await?;
    resume(cx, &mut upload, &blob, 90_000).await
}

async fn resumed_stream(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let blob = cx.blob(150_000);
    let raw = Raw::new("PATCH", upload.location.target.clone())
        .line("Content-Type: application/octet-stream")
        .line("Transfer-Encoding: chunked")
        .body(b"10000\r\n")
        .body(&blob.bytes[..0x10000])
        .body(b"\r\n10000\r\n")
        .body(&blob.bytes[0x10000..100_000]);
    cx.drop_midway(raw).await?;
    resume(cx, &mut upload, &blob, 100_000).await
}

async fn after_mismatch(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload.patch(size, &blob.bytes[size..]).await?.status(202)?;
    upload.close(&digest_of(b"other"), b"").await?.refused()?;
    let answer = upload.status().await?;
    if answer.status_in(&[204, 404])?.code() == 204 {
        answer.header_is("Range", &format!("0-{}", 2 * size - 1))?;
        upload.close(&blob.digest, b"").await?.status(201)?;
        let answer = cx.repo().get_blob(&blob.digest).await?;
        answer.status(200)?.body_is(&blob.bytes)?;
    }
    Ok(())
}

async fn too_many(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let first = repo.given_upload().await?;
    for _ in 1..MANY {
        let answer = cx.send(Request::post(repo.uploads_path())).await?;
        if answer.status_in(&[202, 429])?.code() == 202 {
            continue;
        }
        answer.error_code_is(&["TOOMANYREQUESTS"])?;
        let blob = cx.blob(100);
        first.close(&blob.digest, &blob.bytes).await?.status(201)?;
        return Ok(());
    }
    let reason = format!("the registry lets one client open {MANY} uploads");
    Err(Stop::skipped(reason))
}
