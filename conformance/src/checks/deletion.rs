//! Deleting tags, manifests and blobs.

use futures_util::future::try_join_all;

use crate::check::{Verdict, checks};
use crate::content::{Blob, Draft, digest_of};
use crate::context::Cx;

checks! {
    Must Writes tag "delete.tag" DELETING_TAGS
        "DELETE of a tag answers 202, or 400 or 405 where that is disabled."
        "Upon success, the registry MUST respond with a `202 Accepted` code.";
    Must Writes tag_gone "delete.tag-gone" DELETING_TAGS
        "A deleted tag is a 404."
        "Once deleted, a `GET` to `/v2/<name>/manifests/<tag>` will return a 404.";
    Client Writes tag_only "delete.tag-only" DELETING_TAGS
        "Deleting a tag leaves the manifest and its other tags."
        "The specification deletes tags and manifests by separate requests; who pinned the digest goes on pulling.";
    Client Writes tag_missing "delete.tag-missing" DELETING_TAGS
        "DELETE of a tag that is not there is a 404."
        "Clean-up tools tell a typing error from a success by it.";
    Must Writes manifest "delete.manifest" DELETING_MANIFESTS
        "DELETE of a manifest answers 202, or 400 or 405 where that is disabled."
        "Upon success, the registry MUST respond with a `202 Accepted` code.";
    Must Writes manifest_gone "delete.manifest-gone" DELETING_MANIFESTS
        "A deleted manifest is a 404 by its digest."
        "Once deleted, a `GET` to `/v2/<name>/manifests/<digest>` and any tag pointing to that digest will return a 404.";
    Must Writes manifest_tags_gone "delete.manifest-tags-gone" DELETING_MANIFESTS
        "Every tag of a deleted manifest is a 404."
        "Once deleted, a `GET` to `/v2/<name>/manifests/<digest>` and any tag pointing to that digest will return a 404.";
    Client Writes manifest_head_gone "delete.manifest-head-gone" DELETING_MANIFESTS
        "HEAD of a deleted manifest is a 404 at once, though it was pulled just before."
        "Caches in front of the storage outlive it.";
    Should Writes manifest_missing "delete.manifest-missing" DELETING_MANIFESTS
        "DELETE of a manifest that is not there is a 404."
        "`/v2/<name>/manifests/<reference>` | `202` | `404`/`400`/`405`";
    Must Writes repository_missing "delete.repository-missing" DELETING_MANIFESTS
        "DELETE in a repository that does not exist is a 404."
        "If the repository does not exist, the response MUST return `404 Not Found`.";
    Client Writes manifest_twice "delete.manifest-twice" DELETING_MANIFESTS
        "Deleting a manifest again is a 404."
        "Clean-up tools run twice.";
    Client Writes manifest_again "delete.manifest-pushed-again" DELETING_MANIFESTS
        "A deleted manifest can be pushed and pulled again."
        "A release that was withdrawn by mistake is pushed again.";
    Client Writes manifest_malformed "delete.manifest-malformed" DELETING_MANIFESTS
        "DELETE of a malformed digest is a 400 or a 404."
        "It must not reach the storage, where it would be a path.";
    Client Writes child "delete.child" DELETING_MANIFESTS
        "DELETE of an index's child is carried out or refused, and the index stays."
        "Deleting one must not delete what refers to it.";
    Must Writes blob "delete.blob" DELETING_BLOBS
        "DELETE of a blob answers 202, or 400 or 405 where that is disabled."
        "Upon success, the registry MUST respond with code `202 Accepted`.";
    Client Writes blob_gone "delete.blob-gone" DELETING_BLOBS
        "A deleted blob is a 404 at once, though it was pulled just before."
        "Both official suites ask for it at once; caches in front of the storage outlive it.";
    Must Writes blob_missing "delete.blob-missing" DELETING_BLOBS
        "DELETE of a blob that is not there is a 404."
        "If the blob is not found, a `404 Not Found` code MUST be returned.";
    Client Writes blob_again "delete.blob-pushed-again" DELETING_BLOBS
        "A deleted blob can be pushed and pulled again."
        "Registries that keep a memory of what they have seen refuse it.";
    Client Writes empty_json "delete.blob-empty-json" DELETING_BLOBS
        "The blob `{}` can be deleted and pushed like any other."
        "It is the configuration of every artifact, and still an ordinary blob.";
    Client Writes blob_shared "delete.blob-shared" DELETING_BLOBS
        "A blob that is deleted in one repository stays in another."
        "Deletion is per repository, whatever is shared underneath.";
    Client Writes manifest_shared "delete.manifest-shared" DELETING_MANIFESTS
        "A manifest that is deleted in one repository stays in another."
        "Deletion is per repository, whatever is shared underneath.";
    Client Writes at_once "delete.at-once" DELETING_MANIFESTS
        "Of eight deletions of one manifest at once each answers 202 or 404."
        "Clean-up jobs overlap.";
}

async fn tag(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    repo.given_image("v1").await?;
    repo.delete_manifest("v1")
        .await?
        .status_in(&[202, 400, 405])?
        .unless_disabled()?;
    Ok(())
}

async fn tag_gone(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    repo.given_image("v1").await?;
    repo.delete_manifest("v1")
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.get_manifest("v1").await?.status(404)?;
    Ok(())
}

async fn tag_only(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    repo.given_manifest("v2", &image).await?;
    repo.delete_manifest("v1")
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.get_manifest("v2")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    repo.delete_manifest("v2").await?.status(202)?;
    repo.get_manifest(&image.digest)
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn tag_missing(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    repo.given_image("v1").await?;
    repo.delete_manifest("v2")
        .await?
        .unless_disabled()?
        .status(404)?;
    Ok(())
}

async fn manifest(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    let answer = repo.delete_manifest(&image.digest).await?;
    answer.status_in(&[202, 400, 405])?.unless_disabled()?;
    Ok(())
}

async fn manifest_gone(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.get_manifest(&image.digest).await?.status(404)?;
    Ok(())
}

async fn manifest_tags_gone(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    repo.given_manifest("v2", &image).await?;
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    for tag in ["v1", "v2"] {
        repo.get_manifest(tag).await?.status(404)?;
    }
    Ok(())
}

async fn manifest_head_gone(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    for reference in ["v1", &image.digest] {
        repo.get_manifest(reference).await?.status(200)?;
        repo.head_manifest(reference).await?.status(200)?;
    }
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    for reference in ["v1", &image.digest] {
        repo.head_manifest(reference).await?.status(404)?;
    }
    Ok(())
}

async fn manifest_missing(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.given_image("v2").await?;
    repo.delete_manifest(&digest_of(&cx.bytes(9)))
        .await?
        .status(404)?;
    Ok(())
}

async fn repository_missing(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    cx.other()
        .delete_manifest(&image.digest)
        .await?
        .status(404)?;
    Ok(())
}

async fn manifest_twice(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.delete_manifest(&image.digest).await?.status(404)?;
    Ok(())
}

async fn manifest_again(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
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

async fn manifest_malformed(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    repo.given_image("v1").await?;
    for digest in ["sha256:xyz", "sha256:", "md6:00", "sha256:..%2f..%2fv1"] {
        repo.delete_manifest(digest)
            .await?
            .status_in(&[400, 404, 405])?;
    }
    repo.get_manifest("v1").await?.status(200)?;
    Ok(())
}

async fn child(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let child = repo.given_small().await?.build();
    repo.given_manifest(&child.digest, &child).await?;
    let index = Draft::index(vec![child.descriptor()]).build();
    repo.given_manifest("v1", &index).await?;
    repo.delete_manifest(&child.digest)
        .await?
        .status_in(&[202, 400, 403, 405, 409])?;
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&index.bytes)?;
    Ok(())
}

async fn blob(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(100).await?;
    let answer = repo.delete_blob(&blob.digest).await?;
    answer.status_in(&[202, 400, 405])?.unless_disabled()?;
    Ok(())
}

async fn blob_gone(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(110).await?;
    repo.get_blob(&blob.digest).await?.status(200)?;
    repo.head_blob(&blob.digest).await?.status(200)?;
    repo.delete_blob(&blob.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.head_blob(&blob.digest).await?.status(404)?;
    repo.get_blob(&blob.digest).await?.status(404)?;
    repo.get_range(&blob.digest, "bytes=0-1")
        .await?
        .status(404)?;
    Ok(())
}

async fn blob_missing(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(20).await?;
    repo.delete_blob(&blob.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.given_blob(21).await?;
    repo.delete_blob(&digest_of(&cx.bytes(9)))
        .await?
        .status(404)?;
    Ok(())
}

async fn blob_again(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(120).await?;
    repo.delete_blob(&blob.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.push_blob(&blob).await?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn empty_json(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let empty = Blob::of("{}");
    repo.given_this_blob(&empty).await?;
    repo.delete_blob(&empty.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.get_blob(&empty.digest).await?.status(404)?;
    repo.push_blob(&empty).await?;
    repo.get_blob(&empty.digest)
        .await?
        .status(200)?
        .body_is(b"{}")?;
    Ok(())
}

async fn blob_shared(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let blob = repo.given_blob(130).await?;
    other.given_this_blob(&blob).await?;
    repo.delete_blob(&blob.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    other
        .get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    repo.get_blob(&blob.digest).await?.status(404)?;
    Ok(())
}

async fn manifest_shared(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let config = cx.blob(30);
    repo.given_this_blob(&config).await?;
    other.given_this_blob(&config).await?;
    let image = Draft::image(config.descriptor(crate::content::CONFIG), vec![]).build();
    repo.given_manifest("v1", &image).await?;
    other.given_manifest("v1", &image).await?;
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    other
        .get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    repo.get_manifest(&image.digest).await?.status(404)?;
    Ok(())
}

async fn at_once(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_image("v1").await?;
    let answers = try_join_all((0..8).map(|_| repo.delete_manifest(&image.digest))).await?;
    for answer in &answers {
        answer.unless_disabled()?.status_in(&[202, 404])?;
    }
    let sentence = "Expected at least one of eight deletions to succeed.";
    answers[0].expect(answers.iter().any(|answer| answer.code() == 202), sentence)?;
    repo.get_manifest("v1").await?.status(404)?;
    Ok(())
}
