//! Names of repositories and tags: what the grammar permits and what it does not.

use crate::check::{Stop, Verdict, checks};
use crate::client::Request;
use crate::content::MANIFEST;
use crate::context::Cx;
use crate::repository::Repo;

use super::tags::tags_of;

checks! {
    Must Writes separators "name.separators" NAMES
        "Names with dots, underscores, double underscores and dashes are served."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes short "name.short" NAMES
        "Components of one letter or digit are served."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes deep "name.deep" NAMES
        "A name of twelve components is served."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Client Writes long "name.long" NAMES
        "A name as long as clients can use (255 with host) is served."
        "\"Many clients impose a limit of 255 characters on the length of the concatenation of the registry hostname (and optional port), `/`, and `<name>` value.\"";
    Must Writes blobs "name.with-blobs" NAMES
        "A name that contains `blobs` and `blobs/uploads` is served."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes manifests "name.with-manifests" NAMES
        "A name that contains `manifests` is served."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes tags "name.with-tags-list" NAMES
        "A name that contains `tags/list` is served."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes referrers "name.with-referrers" NAMES
        "A name that contains `referrers` and `v2` is served."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes upper_case "name.upper-case" NAMES
        "A name with upper-case letters is refused."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes bad_separators "name.bad-separators" NAMES
        "Names that begin, end or double their separators wrongly are refused."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes bad_characters "name.bad-characters" NAMES
        "Names with spaces, signs or letters beyond ASCII are refused."
        "Throughout this document, `<name>` MUST match the following regular expression:";
    Must Writes bad_pull "name.bad-pull" NAMES
        "Pulling from a name that is none is a 404 or a 400."
        "An attempt to pull a nonexistent repository MUST return response code `404 Not Found`.";
    Client Writes too_long "name.too-long" NAMES
        "A name of a thousand characters is refused or served, and never a server error."
        "File systems end at 255 bytes for a component and 4096 for a path.";
    Must Writes tag_characters "name.tag-characters" NAMES
        "Tags of every permitted character, first characters included, are served."
        "MUST be at most 128 characters in length and MUST match the following regular expression:";
    Must Writes tag_length "name.tag-length" NAMES
        "A tag of 128 characters is served."
        "MUST be at most 128 characters in length and MUST match the following regular expression:";
    Client Writes tag_hex "name.tag-like-a-digest" NAMES
        "A tag of 64 hexadecimal digits is a tag."
        "Build systems tag by hash.";
    Client Writes component_tags "name.repository-like-a-tag" NAMES
        "A repository called `latest` and a tag called like a repository are served."
        "Routes are told apart from the right.";
}

/// Pushes and pulls everything in a repository of this name.
async fn serves(repo: &Repo<'_>) -> Verdict {
    let (draft, blob) = repo.given_parts().await.map_err(unprepared)?;
    let image = draft.build();
    repo.put_manifest("v1", &image).await?.status(201)?;
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    repo.head_manifest(&image.digest).await?.status(200)?;
    repo.get_blob(&blob.digest)
        .await?
        .status(200)?
        .body_is(&blob.bytes)?;
    let answer = repo.get_tags("").await?;
    let tags = tags_of(&answer)?;
    answer.expect(
        tags == ["v1"],
        format!("Expected the tag v1, not {tags:?}."),
    )?;
    let body = answer.json()?;
    answer.expect(
        body["name"] == repo.name(),
        "Expected the repository's own name.",
    )?;
    Ok(())
}

/// A repository that takes no blob is what these checks are about.
fn unprepared(stop: Stop) -> Stop {
    match stop {
        Stop::Blocked(finding) => Stop::Failed(finding),
        other => other,
    }
}

async fn all_serve(cx: &Cx, names: &[&str]) -> Verdict {
    for name in names {
        serves(&cx.below(name)).await?;
    }
    Ok(())
}

/// Expects that no upload can be opened below these names.
async fn none_opens(cx: &Cx, names: &[&str]) -> Verdict {
    for name in names {
        cx.below(name).post_upload("").await?.refused()?;
    }
    Ok(())
}

async fn separators(cx: &Cx) -> Verdict {
    all_serve(
        cx,
        &[
            "a.b",
            "a_b",
            "a__b",
            "a-b",
            "a--b",
            "a---------b",
            "a.b_c__d-e/f.g",
        ],
    )
    .await
}

async fn short(cx: &Cx) -> Verdict {
    all_serve(cx, &["a", "0", "a/0/b/1"]).await
}

async fn deep(cx: &Cx) -> Verdict {
    all_serve(cx, &["a/b/c/d/e/f/g/h/i"]).await
}

async fn long(cx: &Cx) -> Verdict {
    let used = cx.client().base().origin.authority().len() + 1 + cx.repo().name().len() + 1;
    let Some(left) = 255_usize.checked_sub(used).filter(|left| *left > 60) else {
        return Err(Stop::skipped(
            "the namespace leaves no room for a long name",
        ));
    };
    // Two components, so that neither is longer than file systems permit.
    let name = format!(
        "{}/{}",
        "a".repeat(left / 2),
        "b".repeat(left - left / 2 - 1)
    );
    serves(&cx.below(&name)).await
}

async fn blobs(cx: &Cx) -> Verdict {
    all_serve(
        cx,
        &["blobs", "x/blobs/y", "blobs/uploads", "x/blobs/uploads/y"],
    )
    .await
}

async fn manifests(cx: &Cx) -> Verdict {
    all_serve(
        cx,
        &[
            "manifests",
            "x/manifests/y",
            "manifests/latest",
            "manifests/manifests",
        ],
    )
    .await
}

async fn tags(cx: &Cx) -> Verdict {
    all_serve(
        cx,
        &[
            "tags",
            "tags/list",
            "x/tags/list/y",
            "manifests/x/tags/list",
        ],
    )
    .await
}

async fn referrers(cx: &Cx) -> Verdict {
    all_serve(
        cx,
        &["referrers", "x/referrers/y", "v2", "v2/x/blobs", "uploads"],
    )
    .await
}

async fn upper_case(cx: &Cx) -> Verdict {
    none_opens(cx, &["A", "aB", "a/B"]).await
}

async fn bad_separators(cx: &Cx) -> Verdict {
    none_opens(
        cx,
        &[
            "-a", "a-", ".a", "a.", "_a", "a_", "a..b", "a___b", "a._b", "a/-b", "a-/b",
        ],
    )
    .await
}

async fn bad_characters(cx: &Cx) -> Verdict {
    none_opens(
        cx,
        &[
            "a%20b", "a+b", "a@b", "a:b", "a~b", "%C3%A4", "a%5Cb", "a$b", "a*b",
        ],
    )
    .await
}

async fn bad_pull(cx: &Cx) -> Verdict {
    for name in ["A", "a..b", "a%20b", "-a"] {
        let repo = cx.below(name);
        repo.get_manifest("v1").await?.status_in(&[404, 400])?;
        repo.get_tags("").await?.status_in(&[404, 400])?;
    }
    Ok(())
}

async fn too_long(cx: &Cx) -> Verdict {
    for name in ["a".repeat(1_000), vec!["a"; 500].join("/")] {
        cx.below(&name)
            .post_upload("")
            .await?
            .status_in(&[202, 400, 404, 414])?;
    }
    Ok(())
}

async fn tag_characters(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let every = "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    for tag in [every, "a", "A", "0", "_", "__", "a.", "a-", "_.-", "1.2.3"] {
        repo.put_manifest(tag, &image).await?.status(201)?;
        repo.get_manifest(tag)
            .await?
            .status(200)?
            .body_is(&image.bytes)?;
    }
    Ok(())
}

async fn tag_length(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let tag = "t".repeat(128);
    repo.put_manifest(&tag, &image).await?.status(201)?;
    repo.get_manifest(&tag)
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn tag_hex(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let hex = image.digest.trim_start_matches("sha256:");
    repo.get_manifest(hex).await?.status(404)?;
    repo.put_manifest(hex, &image).await?.status(201)?;
    repo.get_manifest(hex)
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn component_tags(cx: &Cx) -> Verdict {
    serves(&cx.below("latest")).await?;
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    for tag in ["manifests", "blobs", "list", "uploads", "latest"] {
        let request = Request::put(repo.manifest_path(tag)).header("Content-Type", MANIFEST);
        cx.send(request.body(image.bytes.clone()))
            .await?
            .status(201)?;
        repo.get_manifest(tag)
            .await?
            .status(200)?
            .body_is(&image.bytes)?;
    }
    Ok(())
}
