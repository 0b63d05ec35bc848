//! Pulling manifests: `GET /v2/<name>/manifests/<reference>`.

use crate::check::{Stop, Verdict, checks};
use crate::client::Request;
use crate::content::{EMPTY, MANIFEST, digest_of};
use crate::context::Cx;
use crate::repository::Repo;

checks! {
    Must Reads by_tag "pull.manifest-by-tag" PULLING_MANIFESTS
        "A manifest is served by its tag with 200."
        "A GET request to an existing manifest URL MUST provide the expected manifest, with a response code that MUST be `200 OK`.";
    Must Reads by_digest "pull.manifest-by-digest" PULLING_MANIFESTS
        "A manifest is served by its digest with 200."
        "A GET request to an existing manifest URL MUST provide the expected manifest, with a response code that MUST be `200 OK`.";
    Must Reads missing_tag "pull.manifest-missing-tag" PULLING_MANIFESTS
        "An unknown tag of a known repository is a 404."
        "If the manifest is not found in the repository, the response code MUST be `404 Not Found`.";
    Must Reads missing_digest "pull.manifest-missing-digest" PULLING_MANIFESTS
        "An unknown digest in a known repository is a 404."
        "If the manifest is not found in the repository, the response code MUST be `404 Not Found`.";
    Must Reads missing_repository "pull.manifest-missing-repository" PULLING_MANIFESTS
        "A manifest of an unknown repository is a 404."
        "An attempt to pull a nonexistent repository MUST return response code `404 Not Found`.";
    Must Reads malformed_tag "pull.manifest-malformed-tag" PULLING_MANIFESTS
        "A reference that is neither a tag nor a digest is a 404."
        "If the manifest is not found in the repository, the response code MUST be `404 Not Found`.";
    Client Reads malformed_digest "pull.manifest-malformed-digest" PULLING_MANIFESTS
        "A malformed digest as a reference is a 404 or a 400."
        "The official suite asks for it: clients report a missing manifest, not a broken registry.";
    Draft Reads digest_by_tag "pull.manifest-digest-header-by-tag" PULLING_MANIFESTS
        "A manifest pulled by tag comes with its Docker-Content-Digest."
        "A successful response MUST contain the digest of the uploaded blob in the header `Docker-Content-Digest`.";
    Draft Reads digest_by_digest "pull.manifest-digest-header-by-digest" PULLING_MANIFESTS
        "A manifest pulled by digest comes with its Docker-Content-Digest."
        "A successful response MUST contain the digest of the uploaded blob in the header `Docker-Content-Digest`.";
    Should Reads content_type "pull.manifest-content-type" PULLING_MANIFESTS
        "The Content-Type of a manifest is the one it was pushed with."
        "The `Content-Type` header SHOULD match what the client [pushed as the manifest's `Content-Type`](#pushing-manifests).";
    Should Reads no_parameters "pull.manifest-content-type-without-parameters" PULLING_MANIFESTS
        "The Content-Type of a manifest has no parameters such as a charset."
        "The registry SHOULD NOT include parameters on the `Content-Type` header.";
    Should Writes no_media_type "pull.manifest-without-media-type" PULLING_MANIFESTS
        "A manifest without a mediaType field keeps the Content-Type it was pushed with."
        "The `Content-Type` header SHOULD match what the client [pushed as the manifest's `Content-Type`](#pushing-manifests).";
    Client Reads content_length "pull.manifest-content-length" PULLING_MANIFESTS
        "A manifest comes with its Content-Length."
        "containerd and BuildKit build descriptors from the header instead of counting.";
    Client Reads uncompressed "pull.manifest-uncompressed" PULLING_MANIFESTS
        "A manifest is not compressed on the way, even for clients that accept gzip."
        "A compressed answer loses its Content-Length, and the digest no longer matches what is received.";
    Client Reads any_accept "pull.manifest-accept-anything" PULLING_MANIFESTS
        "A manifest is served to clients that send no Accept, `*/*`, or several types with weights."
        "Scripts, curl and generic HTTP libraries send nothing more specific.";
    May Reads not_modified "pull.manifest-if-none-match" PULLING_MANIFESTS
        "Where a manifest has an ETag, asking again with If-None-Match answers 304."
        "Clients MAY use a conditional HTTP push for registries that support ETag conditions to avoid conflicts with other clients.";
    Client Writes as_blob "pull.manifest-as-blob" PULLING_MANIFESTS
        "A manifest asked for as a blob is a 404, or has its true media type."
        "containerd falls back to `HEAD /blobs/<digest>` and remembers application/octet-stream for good.";
    Client Writes sha512_tag "pull.manifest-sha512-tag" PULLING_MANIFESTS
        "A tag that was pushed along with a SHA-512 digest answers with that digest."
        "Clients pin what a tag resolves to; a digest of another algorithm is another pin.";
}

async fn by_tag(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest(&sample.tag).await?;
    answer.status(200)?.body_is(&sample.image.bytes)?;
    Ok(())
}

async fn by_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest(&sample.image.digest).await?;
    answer.status(200)?.body_is(&sample.image.bytes)?;
    Ok(())
}

async fn missing_tag(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .get_manifest(&format!("absent-{}", cx.word()))
        .await?
        .status(404)?;
    Ok(())
}

async fn missing_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .get_manifest(&digest_of(&cx.bytes(9)))
        .await?
        .status(404)?;
    Ok(())
}

async fn missing_repository(cx: &Cx) -> Verdict {
    let nowhere = cx.other();
    nowhere.get_manifest("latest").await?.status(404)?;
    nowhere
        .get_manifest(&digest_of(&cx.bytes(9)))
        .await?
        .status(404)?;
    Ok(())
}

async fn malformed_tag(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    for reference in [".hidden", "-dash", &"a".repeat(129)] {
        sample.repo.get_manifest(reference).await?.status(404)?;
        sample.repo.head_manifest(reference).await?.status(404)?;
    }
    Ok(())
}

async fn malformed_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let upper = sample.image.digest.to_uppercase().replace("SHA", "sha");
    for reference in ["sha256:baddigeststring", "sha256:", ":", "md6:00", &upper] {
        sample
            .repo
            .get_manifest(reference)
            .await?
            .status_in(&[400, 404])?;
    }
    Ok(())
}

async fn digest_by_tag(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest(&sample.tag).await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &digest_of(answer.bytes()))?;
    Ok(())
}

async fn digest_by_digest(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest(&sample.image.digest).await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &sample.image.digest)?;
    Ok(())
}

async fn content_type(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest(&sample.tag).await?;
    answer
        .status(200)?
        .media_type_is(&sample.image.media_type)?;
    Ok(())
}

async fn no_parameters(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest(&sample.tag).await?;
    let found = answer.status(200)?.need("Content-Type")?;
    let sentence = format!("Expected a Content-Type without parameters, and it is `{found}`.");
    answer.expect(!found.contains(';'), sentence)?;
    Ok(())
}

async fn no_media_type(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.without("mediaType").build();
    repo.given_manifest("v1", &image).await?;
    let answer = repo.get_manifest("v1").await?;
    answer.status(200)?.header_is("Content-Type", MANIFEST)?;
    let answer = repo.head_manifest(&image.digest).await?;
    answer.status(200)?.header_is("Content-Type", MANIFEST)?;
    Ok(())
}

async fn content_length(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest(&sample.tag).await?;
    let expected = sample.image.bytes.len().to_string();
    answer.status(200)?.header_is("Content-Length", &expected)?;
    Ok(())
}

async fn uncompressed(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let request = Request::get(sample.repo.manifest_path(&sample.tag));
    let request = request.header("Accept", sample.image.media_type.as_str());
    let answer = cx
        .send(request.header("Accept-Encoding", "gzip, zstd, br"))
        .await?;
    answer.status(200)?.header_absent("Content-Encoding")?;
    answer
        .body_is(&sample.image.bytes)?
        .need("Content-Length")?;
    Ok(())
}

async fn any_accept(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let path = sample.repo.manifest_path(&sample.tag);
    let weighted = format!(
        "text/html;q=0.1, {};q=0.9, */*;q=0.5",
        sample.image.media_type
    );
    let requests = [
        Request::get(&path),
        Request::get(&path).header("Accept", "*/*"),
        Request::get(&path).header("Accept", weighted),
        Request::get(&path)
            .header("Accept", "application/vnd.example.unknown.v1+json")
            .header("Accept", sample.image.media_type.as_str()),
    ];
    for request in requests {
        let answer = cx.send(request).await?;
        answer.status(200)?.body_is(&sample.image.bytes)?;
    }
    Ok(())
}

async fn not_modified(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let first = sample.repo.get_manifest(&sample.tag).await?;
    let Some(tag) = first.status(200)?.header("ETag") else {
        return Err(Stop::skipped("manifests have no ETag"));
    };
    let request = Request::get(sample.repo.manifest_path(&sample.tag));
    let request = request.header("Accept", sample.image.media_type.as_str());
    let answer = cx.send(request.header("If-None-Match", tag)).await?;
    answer.status(304)?;
    Ok(())
}

async fn as_blob(cx: &Cx) -> Verdict {
    let repo: Repo<'_> = cx.repo();
    let image = repo.given_image("v1").await?;
    let answer = repo.head_blob(&image.digest).await?;
    if answer.status_in(&[200, 404])?.code() == 200 {
        answer.media_type_is(&image.media_type)?;
    }
    Ok(())
}

async fn sha512_tag(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let config = cx.blob(30);
    repo.given_this_blob(&config).await?;
    let draft = crate::content::Draft::image(config.descriptor(EMPTY), vec![]);
    let image = draft.build().sha512();
    let reference = format!("{}?tag=v1", image.digest);
    let answer = repo.put_manifest(&reference, &image).await?;
    if answer.code() == 400 || !answer.joined("OCI-Tag").contains("v1") {
        return Err(Stop::skipped("SHA-512 manifests cannot be tagged here"));
    }
    let answer = repo.head_manifest("v1").await?;
    answer
        .status(200)?
        .header_is("Docker-Content-Digest", &image.digest)?;
    Ok(())
}
