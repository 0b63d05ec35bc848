//! Listing tags: pages.

use crate::answer::Answer;
use crate::check::{Stop, Verdict, checks};
use crate::client::encode;
use crate::context::Cx;
use crate::repository::Repo;

use super::tags::{given_tags, tags_of};

checks! {
    Must Writes limited "pages.n" LISTING_TAGS
        "`n` limits the list to its first n tags."
        "Without the `last` query parameter (described next), the list returned will start at the beginning of the list and include `<int>` results.";
    Must Writes zero "pages.n-zero" LISTING_TAGS
        "`n=0` answers an empty list without a Link."
        "When `n` is zero, this endpoint MUST return an empty list, and MUST NOT include a `Link` header.";
    Must Writes beyond "pages.n-beyond" LISTING_TAGS
        "An `n` beyond the number of tags answers all of them."
        "Otherwise, the response MUST include `<int>` results.";
    Must Writes last "pages.last" LISTING_TAGS
        "`last` begins after the tag that it names."
        "A request of this sort will return up to `<int>` tags, beginning non-inclusively with `<tagname>`.";
    Must Writes last_alone "pages.last-without-n" LISTING_TAGS
        "`last` works without `n`."
        "When using the `last` query parameter, the `n` parameter is OPTIONAL.";
    Client Writes last_absent "pages.last-absent" LISTING_TAGS
        "`last` may name a tag that is not there."
        "The tag may have been deleted between two pages.";
    Client Writes last_end "pages.last-beyond-the-end" LISTING_TAGS
        "`last` at or after the last tag answers `[]` without a Link."
        "Clients page until nothing comes.";
    Client Writes last_escaped "pages.last-escaped" LISTING_TAGS
        "`last` is understood percent-encoded."
        "URL libraries encode what they like.";
    Must Writes link_form "pages.link-form" LISTING_TAGS
        "A Link has the form `<address>; rel=\"next\"`."
        "If included, the `Link` header MUST be set according to";
    Must Writes by_link "pages.by-link" LISTING_TAGS
        "Following the Links lists every tag once, in order."
        "As above, the tags MUST be in lexical";
    Must Writes by_last "pages.by-last" LISTING_TAGS
        "Paging by `n` and `last` lists every tag once, in order."
        "That is to say, `<tagname>` will not be included in the results, but up to `<int>` tags *after* `<tagname>` will be returned.";
    Client Writes link_where_more "pages.link-where-more" LISTING_TAGS
        "A page that is not the last one has a Link."
        "Clients that follow Links stop where there is none.";
    Client Writes no_last_link "pages.no-link-on-last-page" LISTING_TAGS
        "The last page has no Link, even if it is full."
        "Clients would ask for a page that is not there.";
    Client Writes keeps_n "pages.link-keeps-n" LISTING_TAGS
        "The page behind a Link is as long as the first."
        "Clients choose the size of pages once.";
    Client Writes negative "pages.n-negative" LISTING_TAGS
        "A negative `n` is a 400."
        "Registries have taken it for a huge number.";
    Client Writes no_number "pages.n-not-a-number" LISTING_TAGS
        "An `n` that is no number is a 400."
        "A typing error must not list everything.";
    Client Writes huge "pages.n-huge" LISTING_TAGS
        "A huge `n` lists everything or is a 400, and the registry survives it."
        "CVE-2023-2253: memory was reserved for as many entries as were asked for.";
    Client Writes hostile "pages.last-hostile" LISTING_TAGS
        "A `last` that is no tag is refused or answered with a list."
        "It must not reach the storage, where it would be a path.";
    Client Writes stable "pages.deleted-between" LISTING_TAGS
        "A tag that is deleted between two pages hides no other one."
        "Clean-up tools delete while they list.";
}

const TAGS: [&str; 7] = ["a", "b", "b1", "b10", "c", "d", "e"];

/// The check's repository with seven tags.
async fn seven(cx: &Cx) -> Result<Repo<'_>, Stop> {
    let repo = cx.repo();
    given_tags(&repo, &TAGS).await?;
    Ok(repo)
}

/// Expects exactly these tags.
fn are(answer: &Answer, expected: &[&str]) -> Verdict {
    let tags = tags_of(answer)?;
    let sentence = format!("Expected the tags {expected:?}, and they are {tags:?}.");
    answer.expect(tags == expected, sentence)?;
    Ok(())
}

/// Expects these tags, or fewer of them together with a Link.
fn begin(answer: &Answer, expected: &[&str]) -> Verdict {
    let tags = tags_of(answer)?;
    let fewer = !tags.is_empty() && tags.len() < expected.len() && answer.header("Link").is_some();
    let expected = if fewer {
        &expected[..tags.len()]
    } else {
        expected
    };
    are(answer, expected)
}

async fn limited(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    for n in [1, 3, 6] {
        begin(&repo.get_tags(&format!("?n={n}")).await?, &TAGS[..n])?;
    }
    Ok(())
}

async fn zero(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    let answer = repo.get_tags("?n=0").await?;
    are(&answer, &[])?;
    answer.header_absent("Link")?;
    Ok(())
}

async fn beyond(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    for n in [7, 8, 1000] {
        begin(&repo.get_tags(&format!("?n={n}")).await?, &TAGS)?;
    }
    Ok(())
}

async fn last(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    begin(&repo.get_tags("?n=2&last=b").await?, &["b1", "b10"])?;
    begin(&repo.get_tags("?n=10&last=b10").await?, &["c", "d", "e"])?;
    Ok(())
}

async fn last_alone(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    begin(&repo.get_tags("?last=b10").await?, &["c", "d", "e"])
}

async fn last_absent(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    begin(&repo.get_tags("?n=2&last=bb").await?, &["c", "d"])?;
    begin(&repo.get_tags("?n=2&last=0").await?, &["a", "b"])
}

async fn last_end(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    for query in ["?n=3&last=e", "?n=3&last=zzz", "?last=e"] {
        let answer = repo.get_tags(query).await?;
        are(&answer, &[])?;
        answer.header_absent("Link")?;
    }
    Ok(())
}

async fn last_escaped(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_tags(&repo, &["v1.0", "v1.1", "v1_2"]).await?;
    begin(&repo.get_tags("?n=5&last=v1%2E0").await?, &["v1.1", "v1_2"])?;
    begin(&repo.get_tags("?n=5&last=%761.1").await?, &["v1_2"])
}

async fn link_form(cx: &Cx) -> Verdict {
    let answer = seven(cx).await?.get_tags("?n=2").await?;
    match answer.status(200)?.next_link()? {
        Some(_) => Ok(()),
        None => Err(Stop::skipped(
            "the registry has no Link: it pages by `last` only",
        )),
    }
}

async fn by_link(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    let mut answer = repo.get_tags("?n=2").await?;
    let mut found = tags_of(&answer)?;
    if answer.next_link()?.is_none() {
        return Err(Stop::skipped(
            "the registry has no Link: it pages by `last` only",
        ));
    }
    while let Some(next) = answer.next_link()? {
        answer = cx.get(next.to_string()).await?;
        found.extend(tags_of(&answer)?);
        answer.expect(
            found.len() <= TAGS.len(),
            format!("Expected {TAGS:?}, not {found:?}."),
        )?;
    }
    answer.expect(
        found == TAGS,
        format!("Expected {TAGS:?}, and the pages have {found:?}."),
    )?;
    Ok(())
}

async fn by_last(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    let mut found: Vec<String> = Vec::new();
    let mut query = "?n=2".to_owned();
    loop {
        let answer = repo.get_tags(&query).await?;
        // That a list without tags is an array is asked by a check of its own.
        let null = answer
            .json()?
            .get("tags")
            .is_none_or(serde_json::Value::is_null);
        let page = if null { Vec::new() } else { tags_of(&answer)? };
        let Some(last) = page.last() else {
            answer
                .status(200)?
                .expect(found == TAGS, format!("Expected {TAGS:?}, not {found:?}."))?;
            return Ok(());
        };
        query = format!("?n=2&last={}", encode(last));
        found.extend(page);
        answer.expect(
            found.len() <= TAGS.len(),
            format!("Expected {TAGS:?}, not {found:?}."),
        )?;
    }
}

async fn link_where_more(cx: &Cx) -> Verdict {
    let answer = seven(cx).await?.get_tags("?n=2").await?;
    answer.status(200)?.need("Link")?;
    Ok(())
}

async fn no_last_link(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    for query in ["", "?n=7", "?n=20", "?n=2&last=c", "?n=3&last=c"] {
        let answer = repo.get_tags(query).await?;
        if tags_of(&answer)?.last().is_some_and(|tag| tag == "e") {
            answer.header_absent("Link")?;
        }
    }
    Ok(())
}

async fn keeps_n(cx: &Cx) -> Verdict {
    let answer = seven(cx).await?.get_tags("?n=2").await?;
    let Some(next) = answer.status(200)?.next_link()? else {
        return Err(Stop::skipped(
            "the registry has no Link: it pages by `last` only",
        ));
    };
    are(&cx.get(next.to_string()).await?, &TAGS[2..4])
}

async fn negative(cx: &Cx) -> Verdict {
    seven(cx).await?.get_tags("?n=-1").await?.status(400)?;
    Ok(())
}

async fn no_number(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    for n in ["abc", "1.5", "0x10", "%00"] {
        repo.get_tags(&format!("?n={n}")).await?.status(400)?;
    }
    Ok(())
}

async fn huge(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    for n in [
        "9223372036854775807",
        "18446744073709551616",
        "99999999999999999999999999",
    ] {
        let answer = repo.get_tags(&format!("?n={n}")).await?;
        if answer.status_in(&[200, 400])?.code() == 200 {
            begin(&answer, &TAGS)?;
        }
    }
    Ok(())
}

async fn hostile(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    let long = "x".repeat(3_000);
    for last in [
        "..%2F..%2Fetc",
        "%00",
        "%0D%0AX:%20y",
        "%FF",
        "%27%3B--",
        &long,
    ] {
        let answer = repo.get_tags(&format!("?n=2&last={last}")).await?;
        answer
            .status_in(&[200, 400, 404, 414])?
            .header_absent("X")?;
    }
    Ok(())
}

async fn stable(cx: &Cx) -> Verdict {
    let repo = seven(cx).await?;
    let answer = repo.get_tags("?n=2").await?;
    let next = match answer.status(200)?.next_link()? {
        Some(next) => next.to_string(),
        None => format!("/v2/{repo}/tags/list?n=2&last=b"),
    };
    repo.delete_manifest("b")
        .await?
        .unless_disabled()?
        .status(202)?;
    begin(&cx.get(next).await?, &["b1", "b10"])
}
