//! Checking if content exists: `HEAD` of manifests and blobs.

use crate::check::{Verdict, checks};
use crate::client::Raw;
use crate::content::{Blob, digest_of};
use crate::context::Cx;

checks! {
    Must Reads manifest_by_tag "head.manifest-by-tag" EXISTENCE
        "HEAD of a manifest by tag answers 200."
        "A HEAD request to an existing blob or manifest URL MUST return `200 OK`.";
    Must Reads manifest_by_digest "head.manifest-by-digest" EXISTENCE
        "HEAD of a manifest by digest answers 200."
        "A HEAD request to an existing blob or manifest URL MUST return `200 OK`.";
    Draft Reads manifest_length "head.manifest-content-length" EXISTENCE
        "HEAD of a manifest tells its size in Content-Length."
        "A successful response MUST contain the size in bytes of the uploaded blob or manifest in the header `Content-Length`.";
    Draft Reads manifest_digest "head.manifest-digest" EXISTENCE
        "HEAD of a manifest tells its digest in Docker-Content-Digest."
        "A successful response MUST contain the digest of the uploaded blob or manifest in the header `Docker-Content-Digest`.";
    Should Reads manifest_type "head.manifest-content-type" PULLING_MANIFESTS
        "HEAD of a manifest tells its media type in Content-Type."
        "The `Content-Type` header SHOULD match what the client [pushed as the manifest's `Content-Type`](#pushing-manifests).";
    Must Reads manifest_missing_tag "head.manifest-missing-tag" EXISTENCE
        "HEAD of an unknown tag is a 404."
        "If the blob or manifest is not found in the repository, the response code MUST be `404 Not Found`.";
    Must Reads manifest_missing_digest "head.manifest-missing-digest" EXISTENCE
        "HEAD of an unknown manifest digest is a 404."
        "If the blob or manifest is not found in the repository, the response code MUST be `404 Not Found`.";
    Must Reads blob "head.blob" EXISTENCE
        "HEAD of a blob answers 200."
        "A HEAD request to an existing blob or manifest URL MUST return `200 OK`.";
    Draft Reads blob_length "head.blob-content-length" EXISTENCE
        "HEAD of a blob tells its size in Content-Length."
        "A successful response MUST contain the size in bytes of the uploaded blob or manifest in the header `Content-Length`.";
    Draft Writes empty_length "head.blob-empty-content-length" EXISTENCE
        "HEAD of the empty blob tells Content-Length 0."
        "A successful response MUST contain the size in bytes of the uploaded blob or manifest in the header `Content-Length`.";
    Draft Reads blob_digest "head.blob-digest" EXISTENCE
        "HEAD of a blob tells its digest in Docker-Content-Digest."
        "A successful response MUST contain the digest of the uploaded blob or manifest in the header `Docker-Content-Digest`.";
    Must Reads blob_missing "head.blob-missing" EXISTENCE
        "HEAD of an unknown blob is a 404."
        "If the blob or manifest is not found in the repository, the response code MUST be `404 Not Found`.";
    Must Reads missing_repository "head.missing-repository" EXISTENCE
        "HEAD of anything in an unknown repository is a 404."
        "If the blob or manifest is not found in the repository, the response code MUST be `404 Not Found`.";
    Draft Reads no_body "head.no-body" HTTP
        "HEAD sends no content, neither of a blob nor of an error."
        "Where this specification does not define specific behavior, implementations SHOULD follow the HTTP semantics defined in [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110).";
    Client Reads same_as_get "head.same-as-get" EXISTENCE
        "HEAD and GET of a manifest tell the same type, size and digest."
        "Clients decide by HEAD whether to GET, and record what HEAD told.";
}

async fn manifest_by_tag(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample.repo.head_manifest(&sample.tag).await?.status(200)?;
    Ok(())
}

async fn manifest_by_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .head_manifest(&sample.image.digest)
        .await?
        .status(200)?;
    Ok(())
}

async fn manifest_length(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    for reference in [&sample.tag, &sample.image.digest] {
        let answer = sample.repo.head_manifest(reference).await?;
        let size = match reference == &sample.tag {
            true => sample.repo.get_manifest(reference).await?.bytes().len(),
            false => sample.image.bytes.len(),
        };
        answer
            .status(200)?
            .header_is("Content-Length", &size.to_string())?;
    }
    Ok(())
}

async fn manifest_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let by_tag = sample.repo.get_manifest(&sample.tag).await?;
    let answer = sample.repo.head_manifest(&sample.tag).await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &digest_of(by_tag.bytes()))?;
    let answer = sample.repo.head_manifest(&sample.image.digest).await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &sample.image.digest)?;
    Ok(())
}

async fn manifest_type(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.head_manifest(&sample.image.digest).await?;
    answer
        .status(200)?
        .media_type_is(&sample.image.media_type)?;
    Ok(())
}

async fn manifest_missing_tag(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .head_manifest(&format!("absent-{}", cx.word()))
        .await?
        .status(404)?;
    Ok(())
}

async fn manifest_missing_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .head_manifest(&digest_of(&cx.bytes(9)))
        .await?
        .status(404)?;
    Ok(())
}

async fn blob(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .head_blob(&sample.blob.digest)
        .await?
        .status(200)?;
    Ok(())
}

async fn blob_length(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.head_blob(&sample.blob.digest).await?;
    let expected = sample.blob.bytes.len().to_string();
    answer.status(200)?.header_is("Content-Length", &expected)?;
    Ok(())
}

async fn empty_length(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let empty = Blob::of("");
    repo.given_this_blob(&empty).await?;
    let answer = repo.head_blob(&empty.digest).await?;
    answer.status(200)?.header_is("Content-Length", "0")?;
    Ok(())
}

async fn blob_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.head_blob(&sample.blob.digest).await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &sample.blob.digest)?;
    Ok(())
}

async fn blob_missing(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .head_blob(&digest_of(&cx.bytes(9)))
        .await?
        .status(404)?;
    Ok(())
}

async fn missing_repository(cx: &Cx) -> Verdict {
    let nowhere = cx.other();
    let digest = digest_of(&cx.bytes(9));
    nowhere.head_blob(&digest).await?.status(404)?;
    nowhere.head_manifest(&digest).await?.status(404)?;
    nowhere.head_manifest("latest").await?.status(404)?;
    Ok(())
}

async fn no_body(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let absent = sample.repo.blob_path(&digest_of(&cx.bytes(9)));
    for path in [sample.repo.blob_path(&sample.blob.digest), absent] {
        let (answer, exchange) = cx.raw(Raw::new("HEAD", path).to_the_end()).await?;
        if answer.trailing > 0 {
            let sentence = format!(
                "Expected nothing after the head of the answer, and {} bytes came.",
                answer.trailing
            );
            return Err(crate::check::Stop::failed(sentence, Some(exchange)));
        }
    }
    Ok(())
}

async fn same_as_get(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let get = sample.repo.get_manifest(&sample.tag).await?;
    let head = sample.repo.head_manifest(&sample.tag).await?;
    for name in ["Content-Type", "Content-Length", "Docker-Content-Digest"] {
        head.status(200)?
            .header_is(name, get.status(200)?.need(name)?)?;
    }
    Ok(())
}
