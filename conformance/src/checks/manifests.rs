//! Pushing manifests: `PUT /v2/<name>/manifests/<reference>`.

use futures_util::future::try_join_all;

use crate::check::{Verdict, checks};
use crate::client::{Raw, Request};
use crate::content::{Document, Draft, EMPTY, MANIFEST, digest_of};
use crate::context::Cx;

checks! {
    Must Writes by_tag "manifest.put-by-tag" PUSHING_MANIFESTS
        "A manifest pushed under a tag answers 201 with a Location."
        "Upon a successful upload, the registry MUST return response code `201 Created`, and MUST have the following header:";
    Must Writes by_digest "manifest.put-by-digest" PUSHING_MANIFESTS
        "A manifest pushed under its digest answers 201 with a Location."
        "Upon a successful upload, the registry MUST return response code `201 Created`, and MUST have the following header:";
    Must Writes location "manifest.put-location" PUSHING_MANIFESTS
        "The Location of a pushed manifest can be pulled."
        "The `<location>` is a pullable manifest URL.";
    Must Writes exact "manifest.exact-bytes" PUSHING_MANIFESTS
        "A manifest comes back byte for byte, with its spaces, order, escapes and line ends."
        "The registry MUST store the manifest in the exact byte representation provided by the client.";
    Must Writes digest_header "manifest.put-digest-header" PUSHING_MANIFESTS
        "The Docker-Content-Digest of a pushed manifest is the client's."
        "MUST be equal to the client provided digest.";
    Must Writes mismatch "manifest.put-digest-mismatch" PUSHING_MANIFESTS
        "A manifest pushed under another manifest's digest is a 400."
        "MUST be equal to the client provided digest.";
    Client Writes malformed_digest "manifest.put-digest-malformed" PUSHING_MANIFESTS
        "A manifest pushed under a malformed or unsupported digest is a 400."
        "The rewritten official suite asks for it.";
    Should Writes parameters "manifest.put-content-type-parameters" PUSHING_MANIFESTS
        "Parameters of the Content-Type are ignored."
        "The registry SHOULD ignore parameters on the `Content-Type` header.";
    Must Writes no_layers "manifest.no-layers" PUSHING_MANIFESTS
        "An image without layers is accepted."
        "However, the list of blobs MAY be empty.";
    Client Writes retag "manifest.retag" PUSHING_MANIFESTS
        "Pushing to a tag again moves it, and the old manifest stays under its digest."
        "Everybody moves `latest`; who pinned the digest goes on pulling.";
    Client Writes again "manifest.put-again" PUSHING_MANIFESTS
        "Pushing the same manifest again answers 201."
        "Builds that change nothing push the same.";
    Client Writes chunked_coding "manifest.put-chunked-coding" PUSHING_MANIFESTS
        "A manifest without Content-Length, in chunked transfer coding, is accepted."
        "The rewritten official suite pushes manifests this way.";
    Client Writes escaped "manifest.escaped-digest" PUSHING_MANIFESTS
        "A digest in a path is understood with its colon escaped."
        "HTTP libraries that build paths from segments escape it.";
    Should Writes four_megabytes "manifest.4-megabytes" PUSHING_MANIFESTS
        "A manifest of nearly 4 MiB is accepted and comes back."
        "Client and registry implementations SHOULD expect to be able to support manifest pushes of at least 4 megabytes.";
    Should Writes too_large "manifest.too-large" PUSHING_MANIFESTS
        "A manifest of 64 MiB is a 413."
        "A registry that enforces this limit SHOULD respond to a request to push a manifest over this limit with a response code `413 Payload Too Large`.";
    Client Writes too_large_chunked "manifest.too-large-chunked" PUSHING_MANIFESTS
        "A manifest of 64 MiB without an announced length is refused."
        "A limit that looks at Content-Length only is none.";
    Client Writes cut_short "manifest.put-cut-short" PUSHING_MANIFESTS
        "A manifest whose connection breaks before its end is not stored."
        "A tag must not point to half a document.";
    Client Writes tag_race "manifest.same-tag-at-once" PUSHING_MANIFESTS
        "Sixteen manifests pushed to one tag at once leave one of them, whole, and all under their digests."
        "Two pipelines release at the same moment.";
    Client Writes many_tags "manifest.many-tags-at-once" PUSHING_MANIFESTS
        "Thirty-two tags pushed at once are all there afterwards."
        "Matrix builds push their tags side by side.";
    Client Writes sha512 "manifest.sha512" PUSHING_MANIFESTS
        "A manifest can be pushed and pulled by its SHA-512 digest."
        "The rewritten official suite pushes every kind of content under SHA-512, too.";
    Client Writes readable_at_once "manifest.readable-at-once" PUSHING_MANIFESTS
        "A manifest can be pulled by tag and digest as soon as its push is answered."
        "Pipelines push and deploy in the same second.";
}

async fn by_tag(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_parts().await?.0.build();
    repo.put_manifest("v1", &image)
        .await?
        .status(201)?
        .location()?;
    Ok(())
}

async fn by_digest(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_parts().await?.0.build();
    repo.put_manifest(&image.digest, &image)
        .await?
        .status(201)?
        .location()?;
    repo.get_manifest(&image.digest)
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn location(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    for reference in ["v1", &image.digest] {
        let location = repo
            .put_manifest(reference, &image)
            .await?
            .status(201)?
            .location()?;
        let request = Request::get(location.to_string()).header("Accept", MANIFEST);
        cx.send(request).await?.status(200)?.body_is(&image.bytes)?;
    }
    Ok(())
}

async fn exact(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let config = cx.blob(30);
    repo.given_this_blob(&config).await?;
    let text = format!(
        "\r\n{{ \"layers\" : [ ],\t\"config\":{{\"size\":30, \"digest\":\"{}\",\n\
         \"mediaType\":\"{EMPTY}\"}}, \"annotations\":{{\"z\":\"\\u00e4\\/<&>\",\"a\":\"ä\"}},\n\
         \"mediaType\":\"{MANIFEST}\", \"schemaVersion\": 2 }}\n \n",
        config.digest
    );
    let image = Document::raw(MANIFEST, text);
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

async fn digest_header(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    for reference in [&image.digest, "v1"] {
        let answer = repo.put_manifest(reference, &image).await?;
        answer
            .status(201)?
            .header_is("Docker-Content-Digest", &image.digest)?;
    }
    Ok(())
}

async fn mismatch(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let claimed = digest_of(&cx.bytes(8));
    repo.put_manifest(&claimed, &image).await?.status(400)?;
    repo.head_manifest(&claimed).await?.status(404)?;
    Ok(())
}

async fn malformed_digest(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let upper = image.digest.to_uppercase().replace("SHA", "sha");
    for reference in ["sha256:baddigeststring", "sha256:", "md6:00", &upper] {
        repo.put_manifest(reference, &image).await?.status(400)?;
    }
    Ok(())
}

async fn parameters(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let request = Request::put(repo.manifest_path("v1")).body(image.bytes.clone());
    let typed = request.header("Content-Type", format!("{MANIFEST}; charset=utf-8"));
    cx.send(typed).await?.status(201)?;
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .header_is("Content-Type", MANIFEST)?;
    Ok(())
}

async fn no_layers(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    repo.put_manifest("v1", &image).await?.status(201)?;
    Ok(())
}

async fn retag(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let old = repo.given_image("v1").await?;
    let new = repo.given_small().await?.build();
    repo.put_manifest("v1", &new).await?.status(201)?;
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&new.bytes)?;
    repo.get_manifest(&old.digest)
        .await?
        .status(200)?
        .body_is(&old.bytes)?;
    Ok(())
}

async fn again(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    for reference in ["v1", "v2", &image.digest] {
        repo.put_manifest(reference, &image).await?.status(201)?;
    }
    Ok(())
}

async fn chunked_coding(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let request = Request::put(repo.manifest_path("v1")).header("Content-Type", MANIFEST);
    cx.send(request.chunked(image.bytes.clone(), 64))
        .await?
        .status(201)?;
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn escaped(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    let escaped = image.digest.replace(':', "%3A");
    repo.get_manifest(&escaped)
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

/// A manifest of about this many bytes.
fn of_size(draft: Draft, bytes: usize) -> Document {
    let mut draft = draft;
    for part in 0..bytes / 10_000 {
        draft = draft.annotated(&format!("org.example.part-{part}"), &"a".repeat(9_970));
    }
    draft.build()
}

async fn four_megabytes(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = of_size(repo.given_small().await?, 4_190_000);
    repo.put_manifest("v1", &image).await?.status(201)?;
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn too_large(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = of_size(repo.given_small().await?, 64 << 20);
    let raw = Raw::new("PUT", repo.manifest_path("v1"))
        .line(format!("Content-Type: {MANIFEST}"))
        .line(format!("Content-Length: {}", image.bytes.len()))
        .body(&image.bytes);
    cx.raw_answer(raw).await?.status(413)?;
    repo.head_manifest("v1").await?.status(404)?;
    Ok(())
}

async fn too_large_chunked(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = of_size(repo.given_small().await?, 64 << 20);
    let raw = Raw::new("PUT", repo.manifest_path("v1"))
        .line(format!("Content-Type: {MANIFEST}"))
        .line("Transfer-Encoding: chunked")
        .body(format!("{:x}\r\n", image.bytes.len()).as_bytes())
        .body(&image.bytes)
        .body(b"\r\n0\r\n\r\n");
    cx.raw_refused(raw).await?;
    repo.head_manifest("v1").await?.status(404)?;
    Ok(())
}

async fn cut_short(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    let newer = repo.given_small().await?.build();
    let raw = Raw::new("PUT", repo.manifest_path("v1"))
        .line(format!("Content-Type: {MANIFEST}"))
        .line(format!("Content-Length: {}", newer.bytes.len()))
        .body(&newer.bytes[..newer.bytes.len() / 2]);
    cx.drop_midway(raw).await?;
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn tag_race(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let draft = repo.given_small().await?;
    let variants = (0..16).map(|n| draft.clone().annotated("n", &n.to_string()).build());
    let variants: Vec<_> = variants.collect();
    let pushes = try_join_all(variants.iter().map(|image| repo.put_manifest("v1", image)));
    for answer in pushes.await? {
        answer.status(201)?;
    }
    let answer = repo.get_manifest("v1").await?;
    let known = variants.iter().any(|image| image.bytes == answer.bytes());
    answer
        .status(200)?
        .expect(known, "Expected the tag to be one of the pushed manifests.")?;
    for image in &variants {
        repo.get_manifest(&image.digest)
            .await?
            .status(200)?
            .body_is(&image.bytes)?;
    }
    let tags = repo.get_tags("").await?;
    let list = tags.status(200)?.json()?;
    tags.expect(
        list["tags"] == serde_json::json!(["v1"]),
        "Expected exactly one tag.",
    )?;
    Ok(())
}

async fn many_tags(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let tags: Vec<_> = (0..32).map(|n| format!("t{n:02}")).collect();
    let pushes = try_join_all(tags.iter().map(|tag| repo.put_manifest(tag, &image)));
    for answer in pushes.await? {
        answer.status(201)?;
    }
    let answer = repo.get_tags("").await?;
    let list = answer.status(200)?.json()?;
    answer.expect(
        list["tags"] == serde_json::json!(tags),
        "Expected all 32 tags.",
    )?;
    Ok(())
}

async fn sha512(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build().sha512();
    let answer = repo.put_manifest(&image.digest, &image).await?;
    answer
        .status(201)?
        .header_is("Docker-Content-Digest", &image.digest)?;
    let answer = repo.get_manifest(&image.digest).await?;
    answer.status(200)?.body_is(&image.bytes)?;
    answer.header_is("Docker-Content-Digest", &image.digest)?;
    Ok(())
}

async fn readable_at_once(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let draft = repo.given_small().await?;
    for round in 0..10 {
        let image = draft.clone().annotated("round", &round.to_string()).build();
        repo.put_manifest("v1", &image).await?.status(201)?;
        repo.get_manifest("v1")
            .await?
            .status(200)?
            .body_is(&image.bytes)?;
        repo.head_manifest(&image.digest).await?.status(200)?;
    }
    Ok(())
}
