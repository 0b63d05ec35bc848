//! Pulling blobs: `GET /v2/<name>/blobs/<digest>`.

use futures_util::future::join_all;

use crate::check::{Stop, Verdict, checks};
use crate::client::Request;
use crate::content::{Blob, digest_of};
use crate::context::Cx;

checks! {
    Must Reads blob "pull.blob" PULLING_BLOBS
        "A blob is served by its digest with 200."
        "A GET request to an existing blob URL MUST provide the expected blob, with a response code that MUST be `200 OK`.";
    Must Reads missing "pull.blob-missing" PULLING_BLOBS
        "An unknown blob of a known repository is a 404."
        "If the blob is not found in the repository, the response code MUST be `404 Not Found`.";
    Must Reads missing_repository "pull.blob-missing-repository" PULLING_BLOBS
        "A blob of an unknown repository is a 404."
        "If the blob is not found in the repository, the response code MUST be `404 Not Found`.";
    Draft Reads digest_header "pull.blob-digest-header" PULLING_BLOBS
        "A blob comes with its Docker-Content-Digest."
        "A successful response MUST contain the digest of the uploaded blob in the header `Docker-Content-Digest`.";
    Must Reads digest_matches "pull.blob-digest-matches" PULLING_BLOBS
        "A Docker-Content-Digest is the digest of the body it comes with."
        "If present, the value of this header MUST be a digest matching that of the response body.";
    Client Reads content_length "pull.blob-content-length" PULLING_BLOBS
        "A blob comes with its Content-Length."
        "containerd refuses blobs of unknown length, and every progress bar depends on it.";
    Client Reads uncompressed "pull.blob-uncompressed" PULLING_BLOBS
        "A blob is not compressed on the way, even for clients that accept gzip."
        "A compressed answer loses its Content-Length, and Go's clients ask for gzip by default.";
    Client Reads malformed_digest "pull.blob-malformed-digest" PULLING_BLOBS
        "A malformed digest is refused with 400 or 404."
        "It must not reach the storage, where it would be a path.";
    Must Writes empty "pull.blob-empty" PULLING_BLOBS
        "The blob without any content can be pushed and pulled."
        "A GET request to an existing blob URL MUST provide the expected blob, with a response code that MUST be `200 OK`.";
    Client Writes empty_length "pull.blob-empty-content-length" PULLING_BLOBS
        "The blob without any content comes with Content-Length 0."
        "Clients take an absent length for an unknown one.";
    Must Writes large "pull.blob-large" PULLING_BLOBS
        "A blob of 24 MiB comes back unchanged."
        "A GET request to an existing blob URL MUST provide the expected blob, with a response code that MUST be `200 OK`.";
    Must Writes every_byte "pull.blob-every-byte" PULLING_BLOBS
        "Bytes of every value come back unchanged."
        "A GET request to an existing blob URL MUST provide the expected blob, with a response code that MUST be `200 OK`.";
    Client Writes not_html "pull.blob-not-html" PULLING_BLOBS
        "A blob that looks like a web page is not served as one."
        "Who may push would otherwise run scripts in the browser of whoever follows a link.";
    May Reads not_modified "pull.blob-if-none-match" PULLING_BLOBS
        "Where a blob has an ETag, asking again with If-None-Match answers 304."
        "Clients MAY use a conditional HTTP push for registries that support ETag conditions to avoid conflicts with other clients.";
    Client Writes parallel "pull.blob-parallel" PULLING_BLOBS
        "Sixteen pulls of one blob at once all get it."
        "A deployment pulls one image on many machines at the same time.";
}

async fn blob(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_blob(&sample.blob.digest).await?;
    answer.status(200)?.body_is(&sample.blob.bytes)?;
    Ok(())
}

async fn missing(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .get_blob(&digest_of(&cx.bytes(9)))
        .await?
        .status(404)?;
    Ok(())
}

async fn missing_repository(cx: &Cx) -> Verdict {
    cx.other()
        .get_blob(&digest_of(&cx.bytes(9)))
        .await?
        .status(404)?;
    Ok(())
}

async fn digest_header(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_blob(&sample.blob.digest).await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &sample.blob.digest)?;
    Ok(())
}

async fn digest_matches(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_blob(&sample.blob.digest).await?;
    match answer.status(200)?.header("Docker-Content-Digest") {
        None => Err(Stop::skipped("blobs come without Docker-Content-Digest")),
        Some(found) if found.starts_with("sha512:") => {
            answer.header_is(
                "Docker-Content-Digest",
                &crate::content::sha512_of(answer.bytes()),
            )?;
            Ok(())
        }
        Some(_) => {
            answer.header_is("Docker-Content-Digest", &digest_of(answer.bytes()))?;
            Ok(())
        }
    }
}

async fn content_length(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_blob(&sample.blob.digest).await?;
    let expected = sample.blob.bytes.len().to_string();
    answer.status(200)?.header_is("Content-Length", &expected)?;
    Ok(())
}

async fn uncompressed(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let request = Request::get(sample.repo.blob_path(&sample.blob.digest));
    let answer = cx
        .send(request.header("Accept-Encoding", "gzip, zstd, br"))
        .await?;
    answer.status(200)?.header_absent("Content-Encoding")?;
    answer.body_is(&sample.blob.bytes)?.need("Content-Length")?;
    Ok(())
}

async fn malformed_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let upper = sample.blob.digest.to_uppercase().replace("SHA", "sha");
    let short = &sample.blob.digest[..sample.blob.digest.len() - 1];
    for digest in [
        "sha256:xyz",
        "sha256:",
        "sha256",
        "a:b",
        "md6:00",
        &upper,
        short,
    ] {
        sample.repo.get_blob(digest).await?.status_in(&[400, 404])?;
    }
    Ok(())
}

async fn empty(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = Blob::of("");
    repo.push_blob(&blob).await?;
    let answer = repo.get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(b"")?;
    repo.head_blob(&blob.digest).await?.status(200)?;
    Ok(())
}

async fn empty_length(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = Blob::of("");
    repo.given_this_blob(&blob).await?;
    let answer = repo.get_blob(&blob.digest).await?;
    answer.status(200)?.header_is("Content-Length", "0")?;
    Ok(())
}

async fn large(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(24 << 20);
    repo.push_blob(&blob).await?;
    let answer = repo.get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn every_byte(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let mut bytes: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    bytes.extend_from_slice(b"\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
    bytes.extend(cx.bytes(16));
    let blob = Blob::of(bytes);
    repo.push_blob(&blob).await?;
    let answer = repo.get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn not_html(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let page = format!(
        "<!doctype html><html><script>alert('{}')</script></html>",
        cx.word()
    );
    let blob = Blob::of(page);
    let upload = repo.given_upload().await?;
    let request = Request::put(upload.closing(&blob.digest)).header("Content-Type", "text/html");
    let answer = cx.send(request.body(blob.bytes.clone())).await?;
    answer.status(201)?;
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let request = Request::get(repo.blob_path(&blob.digest)).header("Accept", browser);
    let answer = cx.send(request).await?;
    let found = answer
        .status(200)?
        .need("Content-Type")?
        .to_ascii_lowercase();
    let sentence = format!("Expected a type that no browser renders, and it is `{found}`.");
    answer.expect(!found.contains("html") && !found.contains("svg"), sentence)?;
    Ok(())
}

async fn not_modified(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let first = sample.repo.get_blob(&sample.blob.digest).await?;
    let Some(tag) = first.status(200)?.header("ETag") else {
        return Err(Stop::skipped("blobs have no ETag"));
    };
    let request = Request::get(sample.repo.blob_path(&sample.blob.digest));
    cx.send(request.header("If-None-Match", tag))
        .await?
        .status(304)?;
    Ok(())
}

async fn parallel(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(200_000).await?;
    let pulls = (0..16).map(|_| repo.get_blob(&blob.digest));
    for answer in join_all(pulls).await {
        answer?.status(200)?.body_is(&blob.bytes)?;
    }
    Ok(())
}
