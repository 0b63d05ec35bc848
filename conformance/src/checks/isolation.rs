//! Repositories are apart: what is in one cannot be seen, changed or taken over through another.

use crate::check::{Stop, Verdict, checks};
use crate::client::Request;
use crate::content::{CONFIG, Document, Draft, LAYER, OCTETS};
use crate::context::Cx;
use crate::upload::Upload;

use super::tags::{given_tags, tags_of};

checks! {
    Must Writes blob "isolation.blob" ISOLATION
        "A blob of another repository is a 404: GET, HEAD and ranges."
        "If the blob is not found in the repository, the response code MUST be `404 Not Found`.";
    Must Writes blob_of_unknown "isolation.blob-through-unknown-repository" ISOLATION
        "A blob of another repository is a 404 through a repository that does not exist."
        "If the blob is not found in the repository, the response code MUST be `404 Not Found`.";
    Must Writes manifest "isolation.manifest" ISOLATION
        "A manifest of another repository is a 404, by digest and by tag."
        "If the manifest is not found in the repository, the response code MUST be `404 Not Found`.";
    Client Writes delete_blob "isolation.delete-blob" ISOLATION
        "A blob cannot be deleted through another repository."
        "Who may delete in one repository may not delete in all.";
    Client Writes delete_manifest "isolation.delete-manifest" ISOLATION
        "A manifest cannot be deleted through another repository."
        "Who may delete in one repository may not delete in all.";
    Client Writes warm_cache "isolation.deleted-with-warm-cache" ISOLATION
        "A blob that was deleted here stays a 404 here, though it is pulled elsewhere."
        "zot CVE-2024-39897 and distribution CVE-2026-35172: a cache answered for all repositories.";
    Client Writes by_reference "isolation.referred-blob" ISOLATION
        "Pushing a manifest that names another repository's blob does not make it readable here."
        "Whoever knows a digest could read any blob.";
    Client Writes nested_tags "isolation.nested-tags" ISOLATION
        "The tags of `a/b/c` are not among those of `a/b`."
        "Both are repositories of their own, and may have other readers.";
    Client Writes nested_blob "isolation.nested-blob" ISOLATION
        "A blob of `a/b/c` is a 404 in `a/b`, and the other way round."
        "Both are repositories of their own, and may have other readers.";
    Client Writes session_status "isolation.session-status" ISOLATION
        "The state of an upload cannot be asked through another repository."
        "Quay CVE-2026-32589: an upload of somebody else was taken over.";
    Client Writes session_patch "isolation.session-patch" ISOLATION
        "A chunk cannot be added to an upload through another repository."
        "Quay CVE-2026-32589: an upload of somebody else was taken over.";
    Client Writes session_put "isolation.session-put" ISOLATION
        "An upload cannot be closed into another repository."
        "Quay CVE-2026-32589: an upload of somebody else was taken over.";
    Client Writes session_delete "isolation.session-delete" ISOLATION
        "An upload cannot be cancelled through another repository."
        "Quay CVE-2026-32589: an upload of somebody else was taken over.";
    Client Writes deduplicated "isolation.same-content" ISOLATION
        "The same content in two repositories is pushed, pulled and deleted in each by itself."
        "Sharing storage must not show.";
}

async fn blob(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let secret = other.given_blob(700).await?;
    repo.given_image("v1").await?;
    repo.get_blob(&secret.digest).await?.status(404)?;
    repo.head_blob(&secret.digest).await?.status(404)?;
    repo.get_range(&secret.digest, "bytes=0-9")
        .await?
        .status(404)?;
    Ok(())
}

async fn blob_of_unknown(cx: &Cx) -> Verdict {
    let secret = cx.other().given_blob(700).await?;
    cx.repo().get_blob(&secret.digest).await?.status(404)?;
    cx.repo().head_blob(&secret.digest).await?.status(404)?;
    Ok(())
}

async fn manifest(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let secret = other.given_image("secret").await?;
    repo.given_image("v1").await?;
    for reference in [&secret.digest, "secret"] {
        repo.get_manifest(reference).await?.status(404)?;
        repo.head_manifest(reference).await?.status(404)?;
    }
    repo.get_blob(&secret.digest).await?.status(404)?;
    Ok(())
}

async fn delete_blob(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let blob = other.given_blob(710).await?;
    repo.given_blob(20).await?;
    // What is said to it is asked elsewhere; what it does counts here.
    repo.delete_blob(&blob.digest).await?.no_server_error()?;
    other
        .get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn delete_manifest(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let image = other.given_image("v1").await?;
    repo.given_image("v2").await?;
    for reference in [&image.digest, "v1"] {
        repo.delete_manifest(reference).await?.no_server_error()?;
    }
    other
        .get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn warm_cache(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let blob = repo.given_blob(720).await?;
    other.given_this_blob(&blob).await?;
    repo.get_blob(&blob.digest).await?.status(200)?;
    repo.delete_blob(&blob.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    for _ in 0..2 {
        other.get_blob(&blob.digest).await?.status(200)?;
        other.head_blob(&blob.digest).await?.status(200)?;
        repo.get_blob(&blob.digest).await?.status(404)?;
        repo.head_blob(&blob.digest).await?.status(404)?;
    }
    Ok(())
}

async fn by_reference(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let secret = other.given_blob(730).await?;
    let config = repo.given_blob(30).await?;
    let draft = Draft::image(config.descriptor(CONFIG), vec![secret.descriptor(LAYER)]);
    repo.put_manifest("v1", &draft.build())
        .await?
        .no_server_error()?;
    repo.get_blob(&secret.digest).await?.status(404)?;
    repo.head_blob(&secret.digest).await?.status(404)?;
    Ok(())
}

async fn nested_tags(cx: &Cx) -> Verdict {
    let (outer, inner) = (cx.repo(), cx.below("inner"));
    given_tags(&outer, &["outer"]).await?;
    given_tags(&inner, &["inner"]).await?;
    for (repo, expected) in [(&outer, "outer"), (&inner, "inner")] {
        let answer = repo.get_tags("").await?;
        let tags = tags_of(&answer)?;
        answer.expect(
            tags == [expected],
            format!("Expected only {expected}, not {tags:?}."),
        )?;
    }
    Ok(())
}

async fn nested_blob(cx: &Cx) -> Verdict {
    let (outer, inner) = (cx.repo(), cx.below("inner"));
    let (a, b) = (outer.given_blob(40).await?, inner.given_blob(50).await?);
    inner.get_blob(&a.digest).await?.status(404)?;
    outer.get_blob(&b.digest).await?.status(404)?;
    Ok(())
}

/// An upload in one repository with a chunk in it, and its address through another one.
async fn foreign(cx: &Cx) -> Result<(Upload<'_>, String), Stop> {
    let mut upload = cx.other().given_upload().await?;
    upload
        .patch(0, &cx.bytes(upload.chunk))
        .await?
        .status(202)?;
    let (mine, theirs) = (cx.repo(), cx.other());
    let target = &upload.location.target;
    if upload.location.origin != cx.client().base().origin || !target.contains(theirs.name()) {
        return Err(Stop::skipped(
            "addresses of uploads do not name their repository",
        ));
    }
    mine.given_image("v1").await?;
    let foreign = target.replacen(theirs.name(), mine.name(), 1);
    Ok((upload, foreign))
}

async fn session_status(cx: &Cx) -> Verdict {
    let (_, foreign) = foreign(cx).await?;
    cx.get(foreign).await?.refused()?;
    Ok(())
}

async fn session_patch(cx: &Cx) -> Verdict {
    let (upload, foreign) = foreign(cx).await?;
    let more = Request::patch(foreign)
        .header("Content-Type", OCTETS)
        .body(cx.bytes(100));
    cx.send(more).await?.refused()?;
    let expected = format!("0-{}", upload.chunk - 1);
    upload
        .status()
        .await?
        .status(204)?
        .header_is("Range", &expected)?;
    Ok(())
}

async fn session_put(cx: &Cx) -> Verdict {
    let mut upload = cx.other().given_upload().await?;
    let blob = cx.blob(upload.chunk);
    upload.patch(0, &blob.bytes).await?.status(202)?;
    let (mine, theirs) = (cx.repo(), cx.other());
    let closing = upload.closing(&blob.digest);
    if !closing.contains(theirs.name()) {
        return Err(Stop::skipped(
            "addresses of uploads do not name their repository",
        ));
    }
    mine.given_image("v1").await?;
    cx.send(Request::put(closing.replacen(
        theirs.name(),
        mine.name(),
        1,
    )))
    .await?
    .refused()?;
    mine.head_blob(&blob.digest).await?.status(404)?;
    Ok(())
}

async fn session_delete(cx: &Cx) -> Verdict {
    let (upload, foreign) = foreign(cx).await?;
    cx.send(Request::delete(foreign)).await?.no_server_error()?;
    upload.status().await?.status(204)?;
    Ok(())
}

async fn deduplicated(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let blob = repo.given_blob(60_000).await?;
    other.get_blob(&blob.digest).await?.status(404)?;
    other.push_blob(&blob).await?;
    let config = blob.descriptor(CONFIG);
    let image: Document = Draft::image(config, vec![]).build();
    for place in [&repo, &other] {
        place.put_manifest("v1", &image).await?.status(201)?;
    }
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    repo.delete_blob(&blob.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    other
        .get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    other
        .get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}
