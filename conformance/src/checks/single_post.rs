//! Pushing a blob in a single `POST`.

use crate::check::{Stop, Verdict, checks};
use crate::content::{Blob, digest_of};
use crate::context::Cx;
use crate::repository::Repo;
use crate::upload::Upload;

checks! {
    Should Writes answered "post.answered" SINGLE_POST
        "A single POST stores the blob with 201, or opens a session with 202."
        "Registries that do not support single request monolithic uploads SHOULD return a `202 Accepted` status code and `Location` header";
    May Writes supported "post.supported" SINGLE_POST
        "A single POST stores the blob."
        "Registries MAY support pushing blobs using a single POST request.";
    Must Writes location "post.location" SINGLE_POST
        "The Location of a blob stored by a single POST can be pulled."
        "Successful completion of the request MUST return a `201 Created` and MUST include the following header:";
    Client Writes digest_header "post.digest-header" SINGLE_POST
        "The 201 of a single POST tells the Docker-Content-Digest."
        "The rewritten official suite asks for it wherever a blob is pushed.";
    Must Writes mismatch "post.digest-mismatch" SINGLE_POST
        "A single POST whose content does not match its digest is a 400."
        "Likewise, the `<digest>` MUST match the blob's digest.";
    Draft Writes malformed "post.digest-malformed" PUSHING_BLOBS
        "A single POST with a malformed or unsupported digest is a 400."
        "In each implementation, if the client provided digest is invalid or uses an unsupported algorithm, the registry SHOULD respond with a response code `400 Bad Request`.";
    Must Writes empty "post.empty" SINGLE_POST
        "The empty blob can be pushed by a single POST."
        "Successful completion of the request MUST return a `201 Created` and MUST include the following header:";
    Client Writes again "post.existing" SINGLE_POST
        "A single POST of a blob that is there already succeeds."
        "helm pushes the same configuration with every chart.";
    Client Writes sha512 "post.sha512" SINGLE_POST
        "A blob can be pushed by a single POST under its SHA-512 digest."
        "The rewritten official suite pushes every kind of content under SHA-512, too.";
}

/// Pushes by a single POST; skips where that is not supported.
async fn given(repo: &Repo<'_>, blob: &Blob) -> Result<crate::answer::Answer, Stop> {
    let answer = repo.post_blob(&blob.digest, &blob.bytes).await?;
    if answer.code() == 202 {
        return Err(Stop::skipped(
            "the registry answers 202: it has no single POST",
        ));
    }
    Ok(answer)
}

async fn answered(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = cx.blob(400);
    let answer = repo.post_blob(&blob.digest, &blob.bytes).await?;
    if answer.status_in(&[201, 202])?.code() == 202 {
        let upload = Upload::of(cx, &answer)?;
        upload.close(&blob.digest, &blob.bytes).await?.status(201)?;
    }
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn supported(cx: &Cx) -> Verdict {
    let (repo, blob) = (cx.repo(), cx.blob(410));
    given(&repo, &blob).await?.status(201)?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn location(cx: &Cx) -> Verdict {
    let (repo, blob) = (cx.repo(), cx.blob(420));
    let location = given(&repo, &blob).await?.status(201)?.location()?;
    cx.get(location.to_string())
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}

async fn digest_header(cx: &Cx) -> Verdict {
    let (repo, blob) = (cx.repo(), cx.blob(430));
    let answer = given(&repo, &blob).await?;
    answer
        .status(201)?
        .header_is("Docker-Content-Digest", &blob.digest)?;
    Ok(())
}

async fn mismatch(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let bytes = cx.bytes(440);
    let claimed = Blob {
        digest: digest_of(b"other"),
        ..Blob::of(bytes.clone())
    };
    given(&repo, &claimed).await?.status(400)?;
    repo.head_blob(&claimed.digest).await?.status(404)?;
    repo.head_blob(&digest_of(&bytes)).await?.status(404)?;
    Ok(())
}

async fn malformed(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    for digest in ["sha256:baddigest", "md6:0123456789abcdef", "x"] {
        let answer = repo.post_blob(digest, &cx.bytes(30)).await?;
        if answer.code() == 202 {
            return Err(Stop::skipped(
                "the registry answers 202: it has no single POST",
            ));
        }
        answer.status(400)?;
    }
    Ok(())
}

async fn empty(cx: &Cx) -> Verdict {
    let (repo, blob) = (cx.repo(), Blob::of(""));
    given(&repo, &blob).await?.status(201)?.location()?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(b"")?;
    Ok(())
}

async fn again(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(450).await?;
    given(&repo, &blob).await?.status(201)?.location()?;
    Ok(())
}

async fn sha512(cx: &Cx) -> Verdict {
    let (repo, blob) = (cx.repo(), cx.blob(460).sha512());
    given(&repo, &blob).await?.status(201)?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    Ok(())
}
