//! Pushing a blob in chunks: `PATCH`, and what keeps chunks in order.

use futures_util::future::join_all;

use crate::answer::Answer;
use crate::check::{Given, Stop, Verdict, checks};
use crate::content::{Blob, digest_of};
use crate::context::Cx;
use crate::upload::Upload;

checks! {
    Must Writes patch "chunk.patch" CHUNKED
        "A chunk answers 202 with a Location."
        "MUST have the following headers:";
    Must Writes patch_range "chunk.patch-range" CHUNKED
        "A chunk's answer tells `Range: 0-<last byte received>`."
        "MUST have the following headers:";
    Must Writes whole_range "chunk.patch-range-of-the-whole" CHUNKED
        "The Range after a second chunk covers both."
        "The `<end-of-range>` value is the position of the last uploaded byte";
    Must Writes close "chunk.close" CHUNKED
        "An upload in chunks is closed by an empty PUT with 201 and a pullable Location."
        "The response to a successful closing of the session MUST be `201 Created`, and MUST contain the following header:";
    Must Writes close_with_chunk "chunk.close-with-chunk" CHUNKED
        "The closing PUT may carry the last chunk."
        "The final chunk MAY be uploaded using a `PATCH` request or it MAY be uploaded in the closing `PUT` request.";
    Must Writes ahead "chunk.ahead" CHUNKED
        "A chunk that leaves a gap is a 416."
        "If a chunk is uploaded out of order, the registry MUST respond with a `416 Requested Range Not Satisfiable` code.";
    Must Writes first_ahead "chunk.first-not-at-zero" CHUNKED
        "A first chunk that does not begin at 0 is a 416."
        "If a chunk is uploaded out of order, the registry MUST respond with a `416 Requested Range Not Satisfiable` code.";
    Must Writes again "chunk.again" CHUNKED
        "A chunk that was received already is a 416."
        "If a chunk is uploaded out of order, the registry MUST respond with a `416 Requested Range Not Satisfiable` code.";
    Must Writes overlap "chunk.overlap" CHUNKED
        "A chunk that overlaps what was received is a 416."
        "with the first byte of a chunk being the last chunk's `<end-of-range>` plus one.";
    Client Writes intact "chunk.416-keeps-the-session" CHUNKED
        "After a 416 the right chunk is accepted and the blob complete."
        "Both official suites go on after a 416, and so do clients.";
    Draft Writes put_ahead "chunk.put-out-of-order" CHUNKED
        "A closing PUT whose chunk is out of order is a 416."
        "If the final chunk is uploaded out of order, the registry MUST respond with a `416 Requested Range Not Satisfiable` code.";
    Client Writes put_intact "chunk.put-416-keeps-the-session" CHUNKED
        "After a 416 on the closing PUT, the right PUT succeeds."
        "The rewritten official suite goes on after it.";
    Client Writes longer_body "chunk.length-mismatch" CHUNKED
        "A chunk whose body is not as long as its Content-Range is refused, and leaves no trace."
        "Which of the two is wrong cannot be known, and guessing corrupts the blob.";
    Client Writes bad_range "chunk.malformed-range" CHUNKED
        "A Content-Range that is not one is refused."
        "Ignoring it would append a chunk at a place that the client did not mean.";
    Client Writes streamed "chunk.streamed" CHUNKED
        "A PATCH without length and range, in chunked transfer coding, is accepted."
        "docker and podman push every layer this way.";
    Client Writes streamed_range "chunk.streamed-range" CHUNKED
        "The answer to a streamed PATCH tells the Range received."
        "docker takes the next offset from it.";
    Client Writes appended "chunk.appended" CHUNKED
        "A PATCH without Content-Range appends to what is there."
        "docker and containerd never send Content-Range.";
    Draft Writes mismatch "chunk.digest-mismatch" PUSHING_BLOBS
        "Chunks that do not make up the digest are a 400 at the end."
        "the registry SHOULD respond with a response code `400 Bad Request`.";
    Client Writes minimum "chunk.minimum-length" CHUNKED
        "OCI-Chunk-Min-Length, if there is one, is a number of bytes."
        "Clients parse it.";
    Client Writes many "chunk.many" CHUNKED
        "Sixty-four chunks make up a blob."
        "Slow links upload in small pieces.";
    Client Writes empty_patch "chunk.empty-patch" CHUNKED
        "A PATCH without content is answered, and changes nothing."
        "The end of a stream may fall on the end of a chunk.";
    Client Writes at_once "chunk.same-chunk-at-once" CHUNKED
        "Of four PATCHes with the same chunk at once one is accepted, and the blob is right."
        "A client that timed out repeats a chunk while the first attempt still runs.";
    Client Writes large "chunk.large" CHUNKED
        "Chunks of 5 MiB make up a blob."
        "Object storage takes parts of 5 MiB at least, and clients choose that size.";
}

/// A session and content for three chunks.
async fn three(cx: &Cx) -> Result<(Upload<'_>, Blob, usize), Stop> {
    let upload = cx.repo().given_upload().await?;
    let size = upload.chunk;
    let blob = cx.blob(3 * size - 5);
    Ok((upload, blob, size))
}

/// A session that has its first chunk.
async fn begun(cx: &Cx) -> Result<(Upload<'_>, Blob, usize), Stop> {
    let (mut upload, blob, size) = three(cx).await?;
    let first = upload.patch(0, &blob.bytes[..size]).await;
    let accepted = first.and_then(|answer| answer.status(202).map(drop));
    accepted.given("the first chunk was not accepted")?;
    Ok((upload, blob, size))
}

/// Sends the second and the third chunk, closes, and expects the blob to be there.
async fn finish(cx: &Cx, upload: &mut Upload<'_>, blob: &Blob, size: usize) -> Verdict {
    upload
        .patch(size, &blob.bytes[size..2 * size])
        .await?
        .status(202)?;
    upload
        .patch(2 * size, &blob.bytes[2 * size..])
        .await?
        .status(202)?;
    upload.close(&blob.digest, b"").await?.status(201)?;
    complete(cx, blob).await
}

async fn complete(cx: &Cx, blob: &Blob) -> Verdict {
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn patch(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = three(cx).await?;
    let answer = upload.patch(0, &blob.bytes[..size]).await?;
    answer.status(202)?.location()?;
    Ok(())
}

async fn patch_range(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = three(cx).await?;
    let answer = upload.patch(0, &blob.bytes[..size]).await?;
    answer
        .status(202)?
        .header_is("Range", &format!("0-{}", size - 1))?;
    Ok(())
}

async fn whole_range(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    let answer = upload.patch(size, &blob.bytes[size..2 * size]).await?;
    answer
        .status(202)?
        .header_is("Range", &format!("0-{}", 2 * size - 1))?;
    Ok(())
}

async fn close(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload.patch(size, &blob.bytes[size..]).await?.status(202)?;
    let answer = upload.close(&blob.digest, b"").await?;
    let location = answer.status(201)?.location()?;
    cx.get(location.to_string())
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn close_with_chunk(cx: &Cx) -> Verdict {
    let (upload, blob, size) = begun(cx).await?;
    upload
        .close_at(&blob.digest, size, &blob.bytes[size..])
        .await?
        .status(201)?;
    complete(cx, &blob).await
}

async fn ahead(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload
        .patch(2 * size, &blob.bytes[2 * size..])
        .await?
        .status(416)?;
    Ok(())
}

async fn first_ahead(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = three(cx).await?;
    upload
        .patch(size, &blob.bytes[size..2 * size])
        .await?
        .status(416)?;
    Ok(())
}

async fn again(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload.patch(0, &blob.bytes[..size]).await?.status(416)?;
    Ok(())
}

async fn overlap(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload
        .patch(size - 1, &blob.bytes[size - 1..2 * size])
        .await?
        .status(416)?;
    Ok(())
}

async fn intact(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload
        .patch(2 * size, &blob.bytes[2 * size..])
        .await?
        .status(416)?;
    upload.patch(0, &blob.bytes[..size]).await?.status(416)?;
    finish(cx, &mut upload, &blob, size).await
}

async fn put_ahead(cx: &Cx) -> Verdict {
    let (upload, blob, size) = begun(cx).await?;
    let answer = upload
        .close_at(&blob.digest, 2 * size, &blob.bytes[2 * size..])
        .await?;
    answer.status(416)?;
    Ok(())
}

async fn put_intact(cx: &Cx) -> Verdict {
    let (upload, blob, size) = begun(cx).await?;
    let answer = upload
        .close_at(&blob.digest, 2 * size, &blob.bytes[2 * size..])
        .await?;
    answer.status(416)?;
    upload
        .close_at(&blob.digest, size, &blob.bytes[size..])
        .await?
        .status(201)?;
    complete(cx, &blob).await
}

async fn longer_body(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    for end in [2 * size - 2, 2 * size] {
        let range = format!("{size}-{end}");
        upload
            .patch_ranged(&range, &blob.bytes[size..2 * size])
            .await?
            .refused()?;
    }
    finish(cx, &mut upload, &blob, size).await
}

async fn bad_range(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    for range in [
        "abc",
        "5",
        &format!("{}-{size}", 2 * size),
        "-1-5",
        "99999999999999999999-99999999999999999999",
    ] {
        upload
            .patch_ranged(range, &blob.bytes[size..2 * size])
            .await?
            .refused()?;
    }
    finish(cx, &mut upload, &blob, size).await
}

async fn streamed(cx: &Cx) -> Verdict {
    let blob = cx.blob(5_000);
    let mut upload = cx.repo().given_upload().await?;
    upload.stream(&blob.bytes).await?.status(202)?.location()?;
    upload.close(&blob.digest, b"").await?.status(201)?;
    complete(cx, &blob).await
}

async fn streamed_range(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let answer = upload.stream(&cx.bytes(5_000)).await?;
    answer.status(202)?.header_is("Range", "0-4999")?;
    Ok(())
}

async fn appended(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload
        .append(&blob.bytes[size..2 * size])
        .await?
        .status(202)?;
    upload.append(&blob.bytes[2 * size..]).await?.status(202)?;
    upload.close(&blob.digest, b"").await?.status(201)?;
    complete(cx, &blob).await
}

async fn mismatch(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload.patch(size, &blob.bytes[size..]).await?.status(202)?;
    let claimed = digest_of(&cx.bytes(8));
    upload.close(&claimed, b"").await?.status(400)?;
    cx.repo().head_blob(&claimed).await?.status(404)?;
    Ok(())
}

async fn minimum(cx: &Cx) -> Verdict {
    let answer = cx.repo().post_upload("").await?;
    let Some(text) = answer.status(202)?.header("OCI-Chunk-Min-Length") else {
        return Err(Stop::skipped("the registry has no minimum chunk length"));
    };
    let sentence = format!("Expected OCI-Chunk-Min-Length to be a number, and it is `{text}`.");
    answer.expect(text.parse::<u64>().is_ok(), sentence)?;
    Ok(())
}

async fn many(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let size = upload.chunk;
    let blob = cx.blob(64 * size);
    for chunk in 0..64 {
        let start = chunk * size;
        upload
            .patch(start, &blob.bytes[start..start + size])
            .await?
            .status(202)?;
    }
    upload.close(&blob.digest, b"").await?.status(201)?;
    complete(cx, &blob).await
}

async fn empty_patch(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    upload.append(b"").await?.no_server_error()?;
    finish(cx, &mut upload, &blob, size).await
}

async fn at_once(cx: &Cx) -> Verdict {
    let (mut upload, blob, size) = begun(cx).await?;
    let attempts = (0..4).map(|_| {
        let mut same = upload.clone();
        let chunk = blob.bytes.slice(size..2 * size);
        async move { same.patch(size, &chunk).await.map(|answer| (answer, same)) }
    });
    let answers: Vec<(Answer, Upload<'_>)> = join_all(attempts)
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    let mut accepted = answers.iter().filter(|(answer, _)| answer.code() == 202);
    let Some((_, winner)) = accepted.next() else {
        return Err(answers[0]
            .0
            .failed("Expected one of four equal chunks to be accepted."));
    };
    if let Some((second, _)) = accepted.next() {
        return Err(second.failed("Expected one of four equal chunks to be accepted, not two."));
    }
    for (answer, _) in answers.iter().filter(|(answer, _)| answer.code() != 202) {
        answer.refused()?;
    }
    upload.location = winner.location.clone();
    upload
        .patch(2 * size, &blob.bytes[2 * size..])
        .await?
        .status(202)?;
    upload.close(&blob.digest, b"").await?.status(201)?;
    complete(cx, &blob).await
}

async fn large(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let size = upload.chunk.max(5 << 20);
    let blob = cx.blob(2 * size + 100);
    for start in [0, size, 2 * size] {
        let end = blob.bytes.len().min(start + size);
        upload
            .patch(start, &blob.bytes[start..end])
            .await?
            .status(202)?;
    }
    upload.close(&blob.digest, b"").await?.status(201)?;
    complete(cx, &blob).await
}
