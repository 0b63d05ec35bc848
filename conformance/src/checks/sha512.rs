//! Content under SHA-512 digests, which the image specification registers beside SHA-256.

use crate::check::{Stop, Verdict, checks};
use crate::client::Request;
use crate::content::{Blob, CONFIG, Document, Draft, digest_of, sha512_of};
use crate::context::Cx;

checks! {
    Client Writes get "sha512.get-header" PULLING_BLOBS
        "A blob pulled by its SHA-512 digest tells that digest in Docker-Content-Digest."
        "The rewritten official suite compares it: who asked by one digest is not helped by another.";
    Client Writes head "sha512.head-header" EXISTENCE
        "HEAD of a blob by its SHA-512 digest tells that digest in Docker-Content-Digest."
        "The rewritten official suite compares it: who asked by one digest is not helped by another.";
    Client Writes put "sha512.put-header" POST_THEN_PUT
        "The answer to a PUT under a SHA-512 digest does not name another digest."
        "The rewritten official suite compares it for POST and PUT.";
    Client Writes chunked "sha512.chunked-header" CHUNKED
        "The answer to an upload in chunks under a SHA-512 digest does not name another digest."
        "The rewritten official suite compares it for chunks.";
    Client Writes streamed "sha512.streamed-header" CHUNKED
        "The answer to a streamed upload under a SHA-512 digest does not name another digest."
        "The rewritten official suite compares it for streams.";
    Client Writes empty "sha512.empty" POST_THEN_PUT
        "The empty blob can be pushed and pulled by its SHA-512 digest."
        "The rewritten official suite pushes it.";
    Draft Writes mismatch "sha512.digest-mismatch" PUSHING_BLOBS
        "Content that does not match its SHA-512 digest is a 400, and not stored."
        "In each implementation, if the client provided digest is invalid or uses an unsupported algorithm, the registry SHOULD respond with a response code `400 Bad Request`.";
    Client Writes range "sha512.range" PULLING_BLOBS
        "A part of a blob is served by its SHA-512 digest."
        "Ranges do not depend on the name that content goes by.";
    Client Writes mount "sha512.mount" MOUNTING
        "A blob mounted by its SHA-512 digest can be pulled by it."
        "The rewritten official suite mounts and pulls.";
    Client Writes mount_anonymous "sha512.mount-without-from" MOUNTING
        "A blob mounted by its SHA-512 digest without a source can be pulled by it, or is uploaded."
        "The rewritten official suite mounts and pulls.";
    Client Writes delete "sha512.delete" DELETING_BLOBS
        "A blob can be deleted by its SHA-512 digest."
        "Deletion does not depend on the name that content goes by.";
    Client Writes image "sha512.image" PUSHING_MANIFESTS
        "An image whose descriptors are SHA-512 is stored and served by tag and digest."
        "The rewritten official suite pushes such images and indexes.";
    Client Writes index "sha512.index" PUSHING_MANIFESTS
        "An index whose children are SHA-512 is stored under its own SHA-512 digest."
        "The rewritten official suite pushes such images and indexes.";
    Draft Writes tags "sha512.tag-param" PUSHING_MANIFESTS
        "A manifest pushed by its SHA-512 digest with `?tag=` creates the tags."
        "MUST include an `OCI-Tag` response header, in accordance with [RFC 9110 (section 5)](https://www.rfc-editor.org/rfc/rfc9110#section-5) semantics, for each accepted tag.";
    Client Writes referrers "sha512.oci-subject" SUBJECT
        "OCI-Subject names the subject by the SHA-512 digest that it was given by."
        "Clients compare the header with what they sent.";
    Client Writes truncated "sha512.wrong-length" PUSHING_BLOBS
        "A SHA-512 digest of the length of a SHA-256 one is refused."
        "It could never be verified.";
}

/// A blob pushed under its SHA-512 digest.
async fn given(cx: &Cx) -> Result<Blob, Stop> {
    let blob = cx.blob(900).sha512();
    cx.repo().given_this_blob(&blob).await?;
    Ok(blob)
}

/// Expects no other digest than this one.
fn no_other(answer: &crate::answer::Answer, digest: &str) -> Verdict {
    answer.status(201)?;
    match answer.header("Docker-Content-Digest") {
        None => Ok(()),
        Some(_) => answer.header_is("Docker-Content-Digest", digest).map(drop),
    }
}

async fn get(cx: &Cx) -> Verdict {
    let blob = given(cx).await?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    answer.header_is("Docker-Content-Digest", &blob.digest)?;
    Ok(())
}

async fn head(cx: &Cx) -> Verdict {
    let blob = given(cx).await?;
    let answer = cx.repo().head_blob(&blob.digest).await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &blob.digest)?;
    Ok(())
}

async fn put(cx: &Cx) -> Verdict {
    let blob = cx.blob(910).sha512();
    no_other(&cx.repo().push_blob(&blob).await?, &blob.digest)
}

async fn chunked(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let blob = cx.blob(2 * upload.chunk).sha512();
    let (first, second) = blob.bytes.split_at(upload.chunk);
    upload.patch(0, first).await?.status(202)?;
    upload.patch(first.len(), second).await?.status(202)?;
    no_other(&upload.close(&blob.digest, b"").await?, &blob.digest)
}

async fn streamed(cx: &Cx) -> Verdict {
    let mut upload = cx.repo().given_upload().await?;
    let blob = cx.blob(3_000).sha512();
    upload.stream(&blob.bytes).await?.status(202)?;
    no_other(&upload.close(&blob.digest, b"").await?, &blob.digest)
}

async fn empty(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = Blob::of("").sha512();
    repo.push_blob(&blob).await?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(b"")?;
    Ok(())
}

async fn mismatch(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let claimed = sha512_of(&cx.bytes(8));
    let upload = repo.given_upload().await?;
    upload.close(&claimed, &cx.bytes(100)).await?.status(400)?;
    repo.head_blob(&claimed).await?.status(404)?;
    Ok(())
}

async fn range(cx: &Cx) -> Verdict {
    let blob = given(cx).await?;
    let answer = cx.repo().get_range(&blob.digest, "bytes=100-199").await?;
    answer.status(206)?.body_is(&blob.bytes[100..200])?;
    Ok(())
}

/// Mounts and expects the blob to be pullable; skips where a mount turned into an upload.
async fn mounted(cx: &Cx, from: bool) -> Verdict {
    let source = cx.other();
    let blob = cx.blob(920).sha512();
    source.given_this_blob(&blob).await?;
    let answer = cx
        .repo()
        .mount(&blob.digest, from.then(|| source.name()))
        .await?;
    if answer.code() == 202 {
        return Err(Stop::skipped(
            "the registry answers 202: it did not mount the blob",
        ));
    }
    no_other(&answer, &blob.digest)?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn mount(cx: &Cx) -> Verdict {
    mounted(cx, true).await
}

async fn mount_anonymous(cx: &Cx) -> Verdict {
    mounted(cx, false).await
}

async fn delete(cx: &Cx) -> Verdict {
    let blob = given(cx).await?;
    let repo = cx.repo();
    repo.delete_blob(&blob.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.get_blob(&blob.digest).await?.status(404)?;
    Ok(())
}

async fn parts(cx: &Cx) -> Result<Document, Stop> {
    let config = given(cx).await?;
    Ok(Draft::image(config.descriptor(CONFIG), vec![]).build())
}

async fn image(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = parts(cx).await?;
    repo.put_manifest("v1", &image).await?.status(201)?;
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    repo.get_manifest(&image.digest)
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn index(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let child = parts(cx).await?.sha512();
    repo.put_manifest(&child.digest, &child)
        .await?
        .status(201)?;
    let index = Draft::index(vec![child.descriptor()]).build().sha512();
    repo.put_manifest(&index.digest, &index)
        .await?
        .status(201)?;
    for document in [&child, &index] {
        let answer = repo.get_manifest(&document.digest).await?;
        answer.status(200)?.body_is(&document.bytes)?;
        answer.header_is("Docker-Content-Digest", &document.digest)?;
    }
    Ok(())
}

async fn tags(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build().sha512();
    let reference = format!("{}?tag=a&tag=b", image.digest);
    let answer = repo.put_manifest(&reference, &image).await?;
    let named = answer.status(201)?.joined("OCI-Tag");
    for tag in ["a", "b"] {
        let there = named.split(',').any(|name| name.trim() == tag);
        answer.expect(
            there,
            format!("Expected OCI-Tag to name `{tag}`, and it is `{named}`."),
        )?;
        let pulled = repo.get_manifest(tag).await?;
        pulled.status(200)?.body_is(&image.bytes)?;
    }
    Ok(())
}

async fn referrers(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = repo.absent_image().sha512();
    let image = repo.given_small().await?.about(&subject).build();
    let answer = repo.put_manifest("v1", &image).await?;
    answer
        .status(201)?
        .header_is("OCI-Subject", &subject.digest)?;
    Ok(())
}

async fn truncated(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let bytes = cx.bytes(50);
    let short = sha512_of(&bytes)[..7 + 64].to_owned();
    let swapped = digest_of(&bytes).replace("sha256", "sha512");
    for digest in [short, swapped] {
        let upload = repo.given_upload().await?;
        let request = Request::put(upload.closing(&digest)).body(bytes.clone());
        cx.send(request).await?.refused()?;
    }
    Ok(())
}
