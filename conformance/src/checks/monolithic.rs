//! Pushing a blob monolithically: `POST` then `PUT`.

use futures_util::future::try_join_all;

use crate::check::{Verdict, checks};
use crate::client::{Raw, Request, Url};
use crate::content::{Blob, OCTETS, digest_of};
use crate::context::Cx;

checks! {
    Must Writes post "push.post" POST_THEN_PUT
        "POST to blobs/uploads/ answers 202 with a Location."
        "Upon success, the response MUST have a code of `202 Accepted`, and MUST include the following header:";
    Must Writes unique "push.post-unique-session" POST_THEN_PUT
        "Every POST opens a session of its own."
        "a unique session ID for the upload to follow.";
    Must Writes uuid "push.post-uuid" POST_THEN_PUT
        "The Location of a session contains a UUID."
        "MUST contain a UUID representing a unique session ID for the upload to follow.";
    Must Writes put "push.put" POST_THEN_PUT
        "PUT of the whole blob to the Location answers 201."
        "Upon successful completion of the request, the response MUST have code `201 Created` and MUST have the following header:";
    Must Writes put_location "push.put-location" POST_THEN_PUT
        "The Location of a pushed blob can be pulled."
        "With `<blob-location>` being a pullable blob URL.";
    Client Writes put_digest "push.put-digest-header" POST_THEN_PUT
        "The answer to a pushed blob, if it has a Docker-Content-Digest, has the pushed one."
        "The official suite compares it, and docker reads it.";
    Draft Writes mismatch "push.put-digest-mismatch" PUSHING_BLOBS
        "Content that does not match its digest is a 400."
        "if the client provided digest is invalid or uses an unsupported algorithm, the registry SHOULD respond with a response code `400 Bad Request`.";
    Client Writes mismatch_stored "push.put-digest-mismatch-not-stored" PUSHING_BLOBS
        "Content that did not match its digest cannot be pulled, under no digest."
        "Everything behind a digest is trusted without another look.";
    Draft Writes malformed "push.put-digest-malformed" PUSHING_BLOBS
        "A malformed digest is a 400."
        "In each implementation, if the client provided digest is invalid or uses an unsupported algorithm, the registry SHOULD respond with a response code `400 Bad Request`.";
    Draft Writes unsupported "push.put-digest-unsupported" PUSHING_BLOBS
        "A digest of an algorithm that the registry does not know is a 400."
        "In each implementation, if the client provided digest is invalid or uses an unsupported algorithm, the registry SHOULD respond with a response code `400 Bad Request`.";
    Client Writes no_digest "push.put-without-digest" POST_THEN_PUT
        "A closing PUT without a digest is refused."
        "There is nothing that the content could be verified against.";
    Client Writes raw_digest "push.put-digest-unescaped" POST_THEN_PUT
        "A digest is understood with its colon escaped and unescaped."
        "Go's clients escape the colon in a query, curl and others do not.";
    Client Writes chunked_coding "push.put-chunked-coding" POST_THEN_PUT
        "A PUT without Content-Length, in chunked transfer coding, is accepted."
        "Clients that compress on the way do not know the length.";
    Client Writes plain "push.put-without-content-type" POST_THEN_PUT
        "A PUT without a Content-Type is accepted."
        "The type of a blob is not the registry's business, and curl sends another one.";
    Client Writes twice "push.put-existing" POST_THEN_PUT
        "Pushing a blob that is there already answers 201 again."
        "Two builds push the same layer; both go on only after a success.";
    Client Writes closed "push.put-closed-session" POST_THEN_PUT
        "A session that has been closed is a 404."
        "A session that stays open after its end can be written into.";
    Client Writes expect_continue "push.put-expect-continue" POST_THEN_PUT
        "`Expect: 100-continue` is answered, and the blob accepted."
        "curl, Java and .NET clients send it for large bodies and wait.";
    Client Writes at_once "push.same-blob-at-once" POST_THEN_PUT
        "Eight pushes of the same blob at once all succeed."
        "If process A and B upload the same layer at the same time, both operations will proceed.";
    Client Writes cut_short "push.put-cut-short" POST_THEN_PUT
        "A PUT whose connection breaks before its end stores nothing."
        "A truncated layer must not be taken for a whole one.";
    Client Writes many_sessions "push.many-sessions" POST_THEN_PUT
        "Sixty-four sessions can be open at once."
        "Kaniko probes permissions by opening uploads, and never uses them.";
    Client Writes sha512 "push.put-sha512" PUSHING_BLOBS
        "A blob can be pushed and pulled by its SHA-512 digest, though nothing announced it."
        "The rewritten official suite pushes every kind of content under SHA-512, too.";
}

async fn post(cx: &Cx) -> Verdict {
    let answer = cx.repo().post_upload("").await?;
    answer.status(202)?.location()?;
    Ok(())
}

async fn unique(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let mut seen: Vec<Url> = Vec::new();
    for _ in 0..4 {
        let answer = repo.post_upload("").await?;
        let location = answer.status(202)?.location()?;
        let known = seen.iter().any(|known| known.target == location.target);
        answer.expect(!known, "Expected a Location that no other session has.")?;
        seen.push(location);
    }
    Ok(())
}

/// Whether somewhere in the text there is a UUID, with or without its hyphens.
fn has_uuid(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    let groups = |word: &str| word.split('-').map(str::len).collect::<Vec<_>>();
    words
        .map(groups)
        .any(|groups| groups == [32] || groups.ends_with(&[8, 4, 4, 4, 12]))
}

async fn uuid(cx: &Cx) -> Verdict {
    let answer = cx.repo().post_upload("").await?;
    let location = answer.status(202)?.location()?;
    let sentence = format!("Expected a UUID in the Location, and it is `{location}`.");
    answer.expect(has_uuid(&location.target), sentence)?;
    Ok(())
}

async fn put(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(500);
    repo.push_blob(&blob).await?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn put_location(cx: &Cx) -> Verdict {
    let blob = cx.blob(500);
    let answer = cx.repo().push_blob(&blob).await?;
    let location = answer.location()?;
    cx.get(location.to_string())
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn put_digest(cx: &Cx) -> Verdict {
    let blob = cx.blob(500);
    let answer = cx.repo().push_blob(&blob).await?;
    answer.header_is("Docker-Content-Digest", &blob.digest)?;
    Ok(())
}

async fn mismatch(cx: &Cx) -> Verdict {
    let upload = cx.repo().given_upload().await?;
    upload
        .close(&digest_of(b"something else"), &cx.bytes(500))
        .await?
        .status(400)?;
    Ok(())
}

async fn mismatch_stored(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(500);
    let claimed = digest_of(&cx.bytes(20));
    let upload = repo.given_upload().await?;
    upload.close(&claimed, &blob.bytes).await?.refused()?;
    repo.get_blob(&claimed).await?.status(404)?;
    repo.get_blob(&blob.digest).await?.status(404)?;
    Ok(())
}

async fn malformed(cx: &Cx) -> Verdict {
    let digest = digest_of(b"x");
    let upper = digest.to_uppercase().replace("SHA", "sha");
    for digest in ["sha256:baddigest", "sha256", "", &upper, &digest[..60]] {
        let upload = cx.repo().given_upload().await?;
        upload.close(digest, &cx.bytes(50)).await?.status(400)?;
    }
    Ok(())
}

async fn unsupported(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    for digest in [
        "md6:d41d8cd98f00b204e9800998ecf8427e",
        "x+y.z:0123456789abcdef",
    ] {
        let upload = repo.given_upload().await?;
        upload.close(digest, &cx.bytes(50)).await?.status(400)?;
    }
    Ok(())
}

async fn no_digest(cx: &Cx) -> Verdict {
    let upload = cx.repo().given_upload().await?;
    let request = Request::put(upload.location.to_string()).body(cx.bytes(50));
    cx.send(request).await?.refused()?;
    Ok(())
}

async fn raw_digest(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    for escaped in [true, false] {
        let blob = cx.blob(60);
        let upload = repo.given_upload().await?;
        let mut address = upload.closing(&blob.digest);
        if !escaped {
            address = address.replace("%3A", ":");
        }
        cx.send(Request::put(address).body(blob.bytes))
            .await?
            .status(201)?;
    }
    Ok(())
}

async fn chunked_coding(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(5_000);
    let upload = repo.given_upload().await?;
    let request = Request::put(upload.closing(&blob.digest)).header("Content-Type", OCTETS);
    cx.send(request.chunked(blob.bytes.clone(), 999))
        .await?
        .status(201)?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn plain(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    for content_type in [None, Some("application/x-www-form-urlencoded")] {
        let blob = cx.blob(70);
        let upload = repo.given_upload().await?;
        let mut request = Request::put(upload.closing(&blob.digest)).body(blob.bytes.clone());
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        cx.send(request).await?.status(201)?;
        repo.get_blob(&blob.digest)
            .await?
            .status(200)?
            .body_is(&blob.bytes)?;
    }
    Ok(())
}

async fn twice(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(80).await?;
    repo.push_blob(&blob).await?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn closed(cx: &Cx) -> Verdict {
    let blob = cx.blob(90);
    let upload = cx.repo().given_upload().await?;
    upload.close(&blob.digest, &blob.bytes).await?.status(201)?;
    upload.status().await?.status(404)?;
    let other = cx.blob(91);
    upload
        .close(&other.digest, &other.bytes)
        .await?
        .status(404)?;
    Ok(())
}

async fn expect_continue(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(5_000);
    let upload = repo.given_upload().await?;
    let target = upload.location.with_query("digest", &blob.digest).target;
    let raw = Raw::new("PUT", target)
        .line("Content-Type: application/octet-stream")
        .line(format!("Content-Length: {}", blob.bytes.len()))
        .expecting_continue()
        .body(&blob.bytes);
    cx.raw_answer(raw).await?.status(201)?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn at_once(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(100_000);
    try_join_all((0..8).map(|_| repo.push_blob(&blob))).await?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn cut_short(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(4_000);
    let half = Blob::of(blob.bytes.slice(..2_000));
    let upload = repo.given_upload().await?;
    // Announces all of it, under the digest of its first half.
    let raw = Raw::new(
        "PUT",
        upload.location.with_query("digest", &half.digest).target,
    )
    .line("Content-Type: application/octet-stream")
    .line(format!("Content-Length: {}", blob.bytes.len()))
    .body(&half.bytes);
    cx.drop_midway(raw).await?;
    repo.head_blob(&half.digest).await?.status(404)?;
    repo.head_blob(&blob.digest).await?.status(404)?;
    Ok(())
}

async fn many_sessions(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let sessions = try_join_all((0..64).map(|_| repo.open())).await?;
    let (first, last) = (&sessions[0], &sessions[63]);
    for session in [first, last] {
        let blob = cx.blob(40);
        session
            .close(&blob.digest, &blob.bytes)
            .await?
            .status(201)?;
    }
    Ok(())
}

async fn sha512(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(300).sha512();
    let answer = repo.push_blob(&blob).await?;
    if answer.header("Docker-Content-Digest").is_some() {
        answer.header_is("Docker-Content-Digest", &blob.digest)?;
    }
    let answer = repo.get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    let answer = repo.head_blob(&blob.digest).await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &blob.digest)?;
    Ok(())
}
