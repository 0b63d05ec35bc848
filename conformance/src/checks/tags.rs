//! Listing tags: the list itself.

use futures_util::future::try_join_all;
use serde_json::json;

use crate::answer::Answer;
use crate::check::{Given, Stop, Verdict, checks};
use crate::content::Document;
use crate::context::Cx;
use crate::repository::Repo;

checks! {
    Must Writes list "tags.list" LISTING_TAGS
        "The tags of a repository are listed as `{\"name\", \"tags\"}`."
        "Upon success, the response MUST be a json body in the following format:";
    Must Writes sorted "tags.sorted" LISTING_TAGS
        "Tags are in lexical or in ASCII order."
        "If the list is not empty, the tags MUST be in lexical";
    Client Writes ascii "tags.ascii-order" LISTING_TAGS
        "Tags are in ASCII order."
        "`last` pages through an order that both sides must agree on; two permitted ones are one too many.";
    Should Writes unknown "tags.unknown-repository" LISTING_TAGS
        "The tags of an unknown repository are a 404."
        "`/v2/<name>/tags/list` | `200` | `404`";
    Client Writes none "tags.none" LISTING_TAGS
        "A repository without tags lists `[]`, not null."
        "Clients iterate over it.";
    Client Writes json_type "tags.content-type" LISTING_TAGS
        "The list has Content-Type application/json."
        "Generic HTTP libraries decide by it whether to parse.";
    Must Writes many "tags.many" LISTING_TAGS
        "All of 260 tags are listed, in one answer or over its Links."
        "The response to such a request MAY return fewer than `<int>` results, but only when the total number of tags attached to the repository is less than `<int>` or a `Link` header is provided.";
    Client Writes cases "tags.upper-and-lower-case" LISTING_TAGS
        "Tags that differ in case only are two tags."
        "The grammar of tags knows both cases, and file systems do not always.";
    Client Writes once "tags.listed-once" LISTING_TAGS
        "A tag that was pushed several times is listed once."
        "Mirrors would copy it several times.";
    Client Writes deleted "tags.deleted" LISTING_TAGS
        "A deleted tag is listed no more."
        "Clean-up tools would try again for ever.";
    Client Writes with_manifest "tags.deleted-with-manifest" LISTING_TAGS
        "The tags of a deleted manifest are listed no more."
        "The v1.1 official suite compares the list before and after.";
    Client Writes fallback "tags.referrers-tags-listed" LISTING_TAGS
        "Tags of the referrers tag schema are listed like others."
        "cosign's `tree` and clean-up tools find them there.";
}

/// The tags of a list.
pub(super) fn tags_of(answer: &Answer) -> Result<Vec<String>, Stop> {
    let body = answer.status(200)?.json()?;
    let tags = body["tags"].as_array();
    let tags = tags.ok_or_else(|| answer.failed("Expected `tags` to be an array."))?;
    Ok(tags
        .iter()
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect())
}

/// Pushes one image under all of these tags.
pub(super) async fn given_tags(
    repo: &Repo<'_>,
    tags: &[impl AsRef<str>],
) -> Result<Document, Stop> {
    let image = repo.given_small().await?.build();
    // A few at a time: some registries lose tags that are pushed at once, which is asked elsewhere.
    for some in tags.chunks(1) {
        let pushes = some
            .iter()
            .map(|tag| repo.put_manifest(tag.as_ref(), &image));
        for answer in try_join_all(pushes).await? {
            answer
                .status(201)
                .map(drop)
                .given("a tag could not be pushed")?;
        }
    }
    Ok(image)
}

const MIXED: [&str; 9] = ["10", "9", "A", "B1", "Z", "_", "a", "b", "v1.0-rc"];

async fn list(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_tags(&repo, &["a", "b"]).await?;
    let answer = repo.get_tags("").await?;
    let expected = json!({"name": repo.name(), "tags": ["a", "b"]});
    let sentence = format!("Expected the body to be {expected}.");
    let body = answer.status(200)?.json()?;
    let same = body["name"] == expected["name"] && body["tags"] == expected["tags"];
    answer.expect(same, sentence)?;
    Ok(())
}

async fn sorted(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_tags(&repo, &MIXED).await?;
    let answer = repo.get_tags("").await?;
    let tags = tags_of(&answer)?;
    let mut ascii = tags.clone();
    ascii.sort();
    let mut lexical = tags.clone();
    lexical.sort_by_key(|tag| tag.to_lowercase());
    let sentence =
        format!("Expected the tags in ASCII or in lexical order, and they are {tags:?}.");
    let complete = tags.len() == MIXED.len();
    answer.expect(complete, "Expected all nine tags.")?;
    answer.expect(tags == ascii || tags == lexical, sentence)?;
    Ok(())
}

async fn ascii(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_tags(&repo, &MIXED).await?;
    let answer = repo.get_tags("").await?;
    let tags = tags_of(&answer)?;
    answer.expect(
        tags == MIXED,
        format!("Expected {MIXED:?}, and the tags are {tags:?}."),
    )?;
    Ok(())
}

async fn unknown(cx: &Cx) -> Verdict {
    cx.repo().get_tags("").await?.status(404)?;
    Ok(())
}

async fn none(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    repo.given_manifest(&image.digest, &image).await?;
    let answer = repo.get_tags("").await?;
    let tags = tags_of(&answer)?;
    answer.expect(tags.is_empty(), "Expected no tags.")?;
    Ok(())
}

async fn json_type(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_tags(&repo, &["a"]).await?;
    repo.get_tags("")
        .await?
        .status(200)?
        .media_type_is("application/json")?;
    Ok(())
}

async fn many(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let expected: Vec<_> = (0..260).map(|n| format!("t{n:03}")).collect();
    given_tags(&repo, &expected).await?;
    let mut answer = repo.get_tags("").await?;
    let mut found = tags_of(&answer)?;
    while let Some(next) = answer.next_link()? {
        answer = cx.get(next.to_string()).await?;
        let page = tags_of(&answer)?;
        answer.expect(
            !page.is_empty() && found.len() < 300,
            "Expected the pages to end.",
        )?;
        found.extend(page);
    }
    let sentence = format!(
        "Expected all of 260 tags in order, and there are {}.",
        found.len()
    );
    answer.expect(found == expected, sentence)?;
    Ok(())
}

async fn cases(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let lower = repo.given_image("tag").await?;
    let upper = repo.given_image("TAG").await?;
    repo.get_manifest("tag")
        .await?
        .status(200)?
        .body_is(&lower.bytes)?;
    repo.get_manifest("TAG")
        .await?
        .status(200)?
        .body_is(&upper.bytes)?;
    repo.get_manifest("Tag").await?.status(404)?;
    let answer = repo.get_tags("").await?;
    answer.expect(tags_of(&answer)?.len() == 2, "Expected two tags.")?;
    Ok(())
}

async fn once(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_tags(&repo, &["a", "a", "b", "a"]).await?;
    repo.given_image("a").await?;
    let answer = repo.get_tags("").await?;
    let tags = tags_of(&answer)?;
    answer.expect(
        tags == ["a", "b"],
        format!("Expected a and b, and the tags are {tags:?}."),
    )?;
    Ok(())
}

async fn deleted(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_tags(&repo, &["a", "b", "c"]).await?;
    repo.delete_manifest("b")
        .await?
        .unless_disabled()?
        .status(202)?;
    let answer = repo.get_tags("").await?;
    let tags = tags_of(&answer)?;
    answer.expect(
        tags == ["a", "c"],
        format!("Expected a and c, and the tags are {tags:?}."),
    )?;
    Ok(())
}

async fn with_manifest(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = given_tags(&repo, &["a", "b"]).await?;
    repo.given_image("c").await?;
    repo.delete_manifest(&image.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    let answer = repo.get_tags("").await?;
    let tags = tags_of(&answer)?;
    answer.expect(
        tags == ["c"],
        format!("Expected only c, and the tags are {tags:?}."),
    )?;
    Ok(())
}

async fn fallback(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = given_tags(&repo, &["v1"]).await?;
    let tag = format!("{}.sig", image.digest.replace(':', "-"));
    repo.given_manifest(&tag, &image).await?;
    let answer = repo.get_tags("").await?;
    let tags = tags_of(&answer)?;
    answer.expect(
        tags.contains(&tag),
        "Expected the signature's tag among the tags.",
    )?;
    Ok(())
}
