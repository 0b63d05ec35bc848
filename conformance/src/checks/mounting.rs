//! Mounting a blob from another repository.

use crate::answer::Answer;
use crate::check::{Stop, Verdict, checks};
use crate::content::{Blob, digest_of};
use crate::context::Cx;
use crate::upload::Upload;

checks! {
    Must Writes mount "mount.answered" MOUNTING
        "Mounting a blob answers 201 with a Location, or opens a session with 202."
        "The response to a successful mount MUST be `201 Created`, and MUST contain the following header:";
    May Writes supported "mount.supported" MOUNTING
        "Mounting a blob makes it pullable in the target without an upload."
        "If a necessary blob exists already in another repository within the same registry, it can be mounted into a different repository via a `POST`";
    Client Writes location "mount.location" MOUNTING
        "The Location of a mounted blob is its address in the target."
        "The v1.1 official suite compares it letter by letter.";
    Client Writes digest_header "mount.digest-header" MOUNTING
        "The 201 of a mount tells the Docker-Content-Digest."
        "The rewritten official suite asks for it wherever a blob is pushed.";
    Should Writes missing "mount.missing-blob" MOUNTING
        "Mounting a blob that is not there opens a session with 202."
        "it SHOULD return a `202`.";
    Should Writes missing_anywhere "mount.missing-blob-without-from" MOUNTING
        "Mounting a blob that is nowhere, without naming a source, opens a session with 202."
        "it SHOULD return a `202`.";
    Should Writes unknown_source "mount.unknown-source" MOUNTING
        "Mounting from a repository that does not exist opens a session with 202."
        "it SHOULD return a `202`.";
    Should Writes without_from "mount.without-from" MOUNTING
        "Mounting without a source answers 201 or 202."
        "The registry MAY treat the `from` parameter as optional, and it MAY cross-mount the blob if it can be found.";
    May Writes anonymous "mount.without-from-supported" MOUNTING
        "A blob is found and mounted without naming its source."
        "The registry MAY treat the `from` parameter as optional, and it MAY cross-mount the blob if it can be found.";
    Client Writes fallback "mount.fallback" MOUNTING
        "The session of a mount that was not possible takes the blob."
        "BuildKit and docker go on with the upload; an error would end the push.";
    Client Writes same_repository "mount.same-repository" MOUNTING
        "Mounting from the target itself answers 201 or 202."
        "Clients that lost track of where a blob is name the target.";
    Client Writes malformed_digest "mount.malformed-digest" MOUNTING
        "Mounting a malformed digest is refused or opens a session, and is never a server error."
        "It must not reach the storage, where it would be a path.";
    Client Writes malformed_from "mount.malformed-from" MOUNTING
        "Mounting from a name that is none is refused or opens a session."
        "It must not reach the storage, where it would be a path.";
    Client Writes survives "mount.survives-source" MOUNTING
        "A mounted blob stays when it is deleted in its source."
        "Deletion is per repository, whatever is shared underneath.";
}

/// Pushes to the source and mounts into the check's repository.
async fn mounted(cx: &Cx) -> Result<(Answer, Blob), Stop> {
    let source = cx.other();
    let blob = source.given_blob(350).await?;
    let answer = cx.repo().mount(&blob.digest, Some(source.name())).await?;
    Ok((answer, blob))
}

/// As above, skipping where a mount turned into an upload.
async fn really_mounted(cx: &Cx) -> Result<(Answer, Blob), Stop> {
    let (answer, blob) = mounted(cx).await?;
    if answer.code() == 202 {
        return Err(Stop::skipped(
            "the registry answers 202: it did not mount the blob",
        ));
    }
    answer.status(201)?;
    Ok((answer, blob))
}

/// Expects a session that takes the blob.
async fn takes(cx: &Cx, answer: &Answer, blob: &Blob) -> Verdict {
    let upload = Upload::of(cx, answer)?;
    upload.close(&blob.digest, &blob.bytes).await?.status(201)?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn mount(cx: &Cx) -> Verdict {
    let (answer, blob) = mounted(cx).await?;
    let location = answer.status_in(&[201, 202])?.location()?;
    if answer.code() == 201 {
        let answer = cx.get(location.to_string()).await?;
        answer.status(200)?.body_is(&blob.bytes)?;
    }
    Ok(())
}

async fn supported(cx: &Cx) -> Verdict {
    let (_, blob) = really_mounted(cx).await?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn location(cx: &Cx) -> Verdict {
    let (answer, blob) = really_mounted(cx).await?;
    let found = answer.location()?;
    let expected = cx.repo().blob_path(&blob.digest);
    let sentence = format!(
        "Expected Location `{expected}`, and it is `{}`.",
        found.target
    );
    answer.expect(found.target == expected, sentence)?;
    Ok(())
}

async fn digest_header(cx: &Cx) -> Verdict {
    let (answer, blob) = really_mounted(cx).await?;
    answer.header_is("Docker-Content-Digest", &blob.digest)?;
    Ok(())
}

async fn missing(cx: &Cx) -> Verdict {
    let source = cx.other();
    source.given_blob(20).await?;
    let answer = cx
        .repo()
        .mount(&digest_of(&cx.bytes(9)), Some(source.name()))
        .await?;
    let location = answer.status(202)?.location()?;
    let uploads = cx.repo().uploads_path();
    let sentence = format!("Expected a Location below {uploads}, and it is `{location}`.");
    let elsewhere = location.origin != cx.client().base().origin;
    answer.expect(elsewhere || location.target.starts_with(&uploads), sentence)?;
    Ok(())
}

async fn missing_anywhere(cx: &Cx) -> Verdict {
    let answer = cx.repo().mount(&digest_of(&cx.bytes(9)), None).await?;
    answer.status(202)?.location()?;
    Ok(())
}

async fn unknown_source(cx: &Cx) -> Verdict {
    let answer = cx
        .repo()
        .mount(&digest_of(&cx.bytes(9)), Some(cx.other().name()))
        .await?;
    answer.status(202)?.location()?;
    Ok(())
}

async fn without_from(cx: &Cx) -> Verdict {
    let blob = cx.other().given_blob(360).await?;
    let answer = cx.repo().mount(&blob.digest, None).await?;
    answer.status_in(&[201, 202])?.location()?;
    Ok(())
}

async fn anonymous(cx: &Cx) -> Verdict {
    let blob = cx.other().given_blob(370).await?;
    let answer = cx.repo().mount(&blob.digest, None).await?;
    if answer.code() == 202 {
        return Err(Stop::skipped(
            "the registry answers 202: it asks for the source",
        ));
    }
    answer.status(201)?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}

async fn fallback(cx: &Cx) -> Verdict {
    let blob = cx.blob(380);
    let answer = cx
        .repo()
        .mount(&blob.digest, Some(cx.other().name()))
        .await?;
    takes(cx, &answer, &blob).await
}

async fn same_repository(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(390).await?;
    let answer = repo.mount(&blob.digest, Some(repo.name())).await?;
    answer.status_in(&[201, 202])?.location()?;
    Ok(())
}

async fn malformed_digest(cx: &Cx) -> Verdict {
    let source = cx.other();
    source.given_blob(20).await?;
    for digest in ["sha256:xyz", "..%2f..%2fetc", "", "sha256%3A"] {
        let answer = cx.repo().mount(digest, Some(source.name())).await?;
        answer.status_in(&[202, 400, 404])?;
    }
    Ok(())
}

async fn malformed_from(cx: &Cx) -> Verdict {
    let blob = cx.other().given_blob(30).await?;
    for from in ["..", "..%2f..%2fetc", "UPPER", "", "%00"] {
        let answer = cx.repo().mount(&blob.digest, Some(from)).await?;
        answer.status_in(&[201, 202, 400, 404])?;
    }
    Ok(())
}

async fn survives(cx: &Cx) -> Verdict {
    let (_, blob) = really_mounted(cx).await?;
    let answer = cx.other().delete_blob(&blob.digest).await?;
    answer.unless_disabled()?.status(202)?;
    let answer = cx.repo().get_blob(&blob.digest).await?;
    answer.status(200)?.body_is(&blob.bytes)?;
    Ok(())
}
