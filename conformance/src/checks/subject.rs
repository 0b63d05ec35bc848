//! Manifests with a subject, and tags given along with a manifest's digest.

use serde_json::json;

use crate::check::{Stop, Verdict, checks};
use crate::content::{CONFIG, Document, Draft};
use crate::context::Cx;

checks! {
    Must Writes header "subject.header" SUBJECT
        "An image with a subject is answered with `OCI-Subject: <digest>`."
        "MUST respond with the response header `OCI-Subject: <subject digest>` to indicate to the client that the registry processed the request's `subject`.";
    Client Writes header_by_digest "subject.header-by-digest" SUBJECT
        "The same when it is pushed by digest."
        "cosign and oras push referrers by digest.";
    Client Writes header_index "subject.header-on-index" SUBJECT
        "An index with a subject is answered with OCI-Subject, too."
        "The rewritten official suite asks for it; an index is listed among the referrers like an image.";
    Client Writes no_header "subject.no-header" SUBJECT
        "A manifest without a subject is answered without OCI-Subject."
        "Clients would believe that a subject was understood where there was none.";
    Must Writes absent "subject.absent" PUSHING_MANIFESTS
        "A manifest whose subject is absent is accepted."
        "A registry MUST initially accept an otherwise valid manifest with a `subject` field that references a manifest that does not exist in the repository";
    Client Writes malformed "subject.malformed" SUBJECT
        "A subject whose digest is none is refused."
        "It could be listed nowhere.";
    Client Writes null "subject.null" SUBJECT
        "A subject that is null counts as none."
        "Serialisers of many languages write absent fields as null.";
    Draft Writes tags "tag-param.tags" PUSHING_MANIFESTS
        "A manifest pushed by digest with `?tag=` creates the tags, and OCI-Tag names them."
        "MUST include an `OCI-Tag` response header, in accordance with [RFC 9110 (section 5)](https://www.rfc-editor.org/rfc/rfc9110#section-5) semantics, for each accepted tag.";
    Draft Writes ten_tags "tag-param.ten" PUSHING_MANIFESTS
        "Ten tags can be given in one request."
        "SHOULD support pushing at least 10 tags per request.";
    Draft Writes too_many "tag-param.too-many" PUSHING_MANIFESTS
        "A thousand tags in one request are accepted, or refused with 414 or 431, and nothing between."
        "MAY return a `414 Request-URI Too Long` status if too many tags are included in the request.";
    Client Writes bad_tag "tag-param.malformed" PUSHING_MANIFESTS
        "A malformed tag among them is refused, or at least neither created nor named in OCI-Tag."
        "A tag that cannot be pulled by its name is lost.";
    Client Writes no_tag "tag-param.none" PUSHING_MANIFESTS
        "A manifest pushed by digest without `?tag=` is answered without OCI-Tag."
        "Clients would believe in tags that are not there.";
    Client Writes moves "tag-param.moves" PUSHING_MANIFESTS
        "`?tag=` moves a tag that exists."
        "It replaces a push by tag in all respects.";
}

/// A subject and a draft of something about it.
async fn about(cx: &Cx) -> Result<(Document, Draft), Stop> {
    let repo = cx.repo();
    let subject = repo.given_image("v1").await?;
    let draft = repo.given_small().await?.about(&subject);
    Ok((subject, draft))
}

async fn header(cx: &Cx) -> Verdict {
    let (subject, draft) = about(cx).await?;
    let answer = cx.repo().put_manifest("v2", &draft.build()).await?;
    answer
        .status(201)?
        .header_is("OCI-Subject", &subject.digest)?;
    Ok(())
}

async fn header_by_digest(cx: &Cx) -> Verdict {
    let (subject, draft) = about(cx).await?;
    let referrer = draft.build();
    let answer = cx.repo().put_manifest(&referrer.digest, &referrer).await?;
    answer
        .status(201)?
        .header_is("OCI-Subject", &subject.digest)?;
    Ok(())
}

async fn header_index(cx: &Cx) -> Verdict {
    let (subject, _) = about(cx).await?;
    let index = Draft::index(vec![]).about(&subject).build();
    let answer = cx.repo().put_manifest(&index.digest, &index).await?;
    answer
        .status(201)?
        .header_is("OCI-Subject", &subject.digest)?;
    Ok(())
}

async fn no_header(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    repo.put_manifest("v1", &image)
        .await?
        .status(201)?
        .header_absent("OCI-Subject")?;
    Ok(())
}

async fn absent(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo
        .given_small()
        .await?
        .about(&repo.absent_image())
        .build();
    repo.put_manifest(&image.digest, &image)
        .await?
        .status(201)?;
    repo.get_manifest(&image.digest)
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}

async fn malformed(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    for digest in ["sha256:xyz", "../..", ""] {
        let subject = json!({"mediaType": CONFIG, "digest": digest, "size": 1});
        let image = repo.given_small().await?.with("subject", subject).build();
        repo.put_manifest("v1", &image).await?.refused()?;
    }
    Ok(())
}

async fn null(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo
        .given_small()
        .await?
        .with("subject", json!(null))
        .build();
    repo.put_manifest("v1", &image)
        .await?
        .status(201)?
        .header_absent("OCI-Subject")?;
    Ok(())
}

/// Pushes by digest with these tags; skips where the registry has no tag parameters.
async fn push_tagged(cx: &Cx, tags: &[&str]) -> Result<(crate::answer::Answer, Document), Stop> {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let query: Vec<_> = tags.iter().map(|tag| format!("tag={tag}")).collect();
    let reference = format!("{}?{}", image.digest, query.join("&"));
    let answer = repo.put_manifest(&reference, &image).await?;
    Ok((answer, image))
}

/// The tags that OCI-Tag names.
fn named(answer: &crate::answer::Answer) -> Vec<String> {
    let names = answer.joined("OCI-Tag");
    let names = names.split(',').map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

async fn expect_tags(cx: &Cx, tags: &[&str]) -> Verdict {
    let (answer, image) = push_tagged(cx, tags).await?;
    let named = named(answer.status(201)?);
    for tag in tags {
        let sentence = format!("Expected OCI-Tag to name `{tag}`, and it names {named:?}.");
        answer.expect(named.iter().any(|name| name == tag), sentence)?;
        cx.repo()
            .get_manifest(tag)
            .await?
            .status(200)?
            .body_is(&image.bytes)?;
    }
    Ok(())
}

async fn tags(cx: &Cx) -> Verdict {
    expect_tags(cx, &["1", "1.2", "latest"]).await
}

async fn ten_tags(cx: &Cx) -> Verdict {
    expect_tags(
        cx,
        &["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"],
    )
    .await
}

async fn too_many(cx: &Cx) -> Verdict {
    let tags: Vec<_> = (0..1000).map(|n| format!("tag-{n:04}")).collect();
    let tags: Vec<_> = tags.iter().map(String::as_str).collect();
    let (answer, _) = push_tagged(cx, &tags).await?;
    if answer.status_in(&[201, 400, 414, 431])?.code() == 201 {
        let named = named(&answer).len();
        let sentence = format!("Expected all of 1000 tags, and OCI-Tag names {named}.");
        answer.expect(named == 1000 || named == 0, sentence)?;
    }
    Ok(())
}

async fn bad_tag(cx: &Cx) -> Verdict {
    let (answer, _) = push_tagged(cx, &["good", ".bad"]).await?;
    if answer.status_in(&[201, 400])?.code() == 201 {
        let named = named(&answer);
        let created = named.iter().any(|name| name == ".bad");
        answer.expect(!created, "Expected OCI-Tag not to name a malformed tag.")?;
    }
    cx.repo().get_manifest(".bad").await?.status(404)?;
    Ok(())
}

async fn no_tag(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let answer = repo.put_manifest(&image.digest, &image).await?;
    answer.status(201)?.header_absent("OCI-Tag")?;
    Ok(())
}

async fn moves(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    repo.given_image("v1").await?;
    let (answer, image) = push_tagged(cx, &["v1"]).await?;
    if named(answer.status(201)?).is_empty() {
        return Err(Stop::skipped("the registry has no tag parameters"));
    }
    repo.get_manifest("v1")
        .await?
        .status(200)?
        .body_is(&image.bytes)?;
    Ok(())
}
