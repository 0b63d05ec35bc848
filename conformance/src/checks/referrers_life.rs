//! Referrers over time: deletes, repetition, pages, and other repositories.

use futures_util::future::try_join_all;

use crate::check::{Stop, Verdict, checks};
use crate::content::{Document, INDEX};
use crate::context::Cx;

use super::referrers::{entries, given_artifact, given_subject, lists};

checks! {
    Client Writes deleted "referrers.deleted" LISTING_REFERRERS
        "A deleted referrer is listed no more."
        "\"Each descriptor is of an image manifest or index in the same `<name>` namespace\": a deleted one is in none.";
    Client Writes subject_deleted "referrers.subject-deleted" LISTING_REFERRERS
        "After its subject was deleted the list is still answered, with the referrers that are left."
        "Clean-up tools find what to delete next there.";
    Client Writes pushed_again "referrers.pushed-again" LISTING_REFERRERS
        "A referrer that was pushed twice and tagged is listed once."
        "Verifiers would check a signature as often as it is listed.";
    Client Writes restored "referrers.pushed-after-delete" LISTING_REFERRERS
        "A referrer that was deleted and pushed again is listed again."
        "Signatures are renewed.";
    Must Writes elsewhere "referrers.other-repository" LISTING_REFERRERS
        "A referrer in another repository is not listed."
        "Each descriptor is of an image manifest or index in the same `<name>` namespace with a `subject` field that specifies the value of `<digest>`.";
    Client Writes chained "referrers.chained" LISTING_REFERRERS
        "A referrer of a referrer is listed with the referrer, not with the subject."
        "Signatures of SBOMs are chains.";
    Client Writes many "referrers.many" LISTING_REFERRERS
        "All of sixty referrers are listed, in one answer or over its Links, each once."
        "Scanners attach a report every day.";
    Must Writes large "referrers.large" LISTING_REFERRERS
        "Referrers with six megabytes of annotations are all listed, over Links if not in one answer."
        "A `Link` header MUST be included in the response when the descriptor list cannot be returned in a single manifest.";
    Client Writes at_once "referrers.pushed-at-once" LISTING_REFERRERS
        "Sixteen referrers pushed at once are all listed."
        "Signers, scanners and attesters run side by side.";
    Client Writes tagged_delete "referrers.tag-deleted" LISTING_REFERRERS
        "A referrer whose tag was deleted is still listed while its manifest is there."
        "Deleting a tag is not deleting what it points to.";
    Client Writes unknown_query "referrers.unknown-query" LISTING_REFERRERS
        "An unknown filter is ignored and not claimed to be applied."
        "Later versions of the specification may know more filters.";
    Client Writes blob_subject "referrers.blob-digest" LISTING_REFERRERS
        "The referrers of a blob's digest are a list."
        "A digest does not tell whose it is, and clients ask for what they find.";
    Client Writes as_manifest "referrers.same-as-pulled" LISTING_REFERRERS
        "A listed descriptor pulls the manifest that it describes."
        "Clients verify the size and the digest that they were told.";
}

const KIND: &str = "application/vnd.example.report.v1";

async fn deleted(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let first = given_artifact(&repo, &subject, KIND).await?;
    let second = given_artifact(&repo, &subject, "application/vnd.example.other").await?;
    repo.delete_manifest(&first.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    lists(&repo.get_referrers(&subject.digest, "").await?, &[&second])
}

async fn subject_deleted(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let referrer = given_artifact(&repo, &subject, KIND).await?;
    repo.delete_manifest(&subject.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    let answer = repo.get_referrers(&subject.digest, "").await?;
    let left = repo.head_manifest(&referrer.digest).await?.code() == 200;
    lists(
        &answer,
        if left { vec![&referrer] } else { vec![] }.as_slice(),
    )
}

async fn pushed_again(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let referrer = given_artifact(&repo, &subject, KIND).await?;
    for reference in [&referrer.digest, "report", "report-again"] {
        repo.given_manifest(reference, &referrer).await?;
    }
    lists(
        &repo.get_referrers(&subject.digest, "").await?,
        &[&referrer],
    )
}

async fn restored(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let referrer = given_artifact(&repo, &subject, KIND).await?;
    repo.delete_manifest(&referrer.digest)
        .await?
        .unless_disabled()?
        .status(202)?;
    lists(&repo.get_referrers(&subject.digest, "").await?, &[])?;
    given_artifact(&repo, &subject, KIND).await?;
    lists(
        &repo.get_referrers(&subject.digest, "").await?,
        &[&referrer],
    )
}

async fn elsewhere(cx: &Cx) -> Verdict {
    let (repo, other) = (cx.repo(), cx.other());
    let subject = repo.given_small().await?.build();
    repo.given_manifest("v1", &subject).await?;
    let there = given_artifact(&other, &subject, KIND).await?;
    lists(&repo.get_referrers(&subject.digest, "").await?, &[])?;
    lists(&other.get_referrers(&subject.digest, "").await?, &[&there])
}

async fn chained(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let sbom = given_artifact(&repo, &subject, KIND).await?;
    let signature = given_artifact(&repo, &sbom, "application/vnd.example.signature").await?;
    lists(&repo.get_referrers(&subject.digest, "").await?, &[&sbom])?;
    lists(&repo.get_referrers(&sbom.digest, "").await?, &[&signature])
}

/// Expects exactly these over all pages, each an index.
async fn over_pages(cx: &Cx, subject: &Document, expected: &[Document]) -> Verdict {
    let mut answer = cx.repo().get_referrers(&subject.digest, "").await?;
    let mut found = Vec::new();
    loop {
        answer.media_type_is(INDEX)?;
        let page = entries(&answer)?;
        found.extend(
            page.iter()
                .filter_map(|entry| entry["digest"].as_str().map(str::to_owned)),
        );
        let sentence = format!("Expected {} referrers in all, not more.", expected.len());
        answer.expect(found.len() <= expected.len(), sentence)?;
        match answer.next_link()? {
            Some(next) => answer = cx.get(next.to_string()).await?,
            None => break,
        }
    }
    found.sort_unstable();
    let mut digests: Vec<_> = expected
        .iter()
        .map(|document| document.digest.clone())
        .collect();
    digests.sort_unstable();
    let sentence = format!(
        "Expected {} referrers, and there are {}.",
        digests.len(),
        found.len()
    );
    answer.expect(found == digests, sentence)?;
    Ok(())
}

/// Pushes variations of one artifact about a subject.
async fn given_many(
    cx: &Cx,
    count: usize,
    padding: usize,
) -> Result<(Document, Vec<Document>), Stop> {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let draft = repo
        .given_small()
        .await?
        .about(&subject)
        .with("artifactType", KIND.into());
    let mut referrers = Vec::new();
    for n in 0..count {
        let draft = draft.clone().annotated("n", &n.to_string());
        let referrer = draft.annotated("padding", &"a".repeat(padding)).build();
        repo.given_manifest(&referrer.digest, &referrer).await?;
        referrers.push(referrer);
    }
    Ok((subject, referrers))
}

async fn many(cx: &Cx) -> Verdict {
    let (subject, referrers) = given_many(cx, 60, 10).await?;
    over_pages(cx, &subject, &referrers).await
}

async fn large(cx: &Cx) -> Verdict {
    let (subject, referrers) = given_many(cx, 20, 300_000).await?;
    over_pages(cx, &subject, &referrers).await
}

async fn at_once(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let draft = repo.given_small().await?.about(&subject);
    let referrers = (0..16).map(|n| draft.clone().annotated("n", &n.to_string()).build());
    let referrers: Vec<_> = referrers.collect();
    let pushes = referrers
        .iter()
        .map(|referrer| repo.put_manifest(&referrer.digest, referrer));
    for answer in try_join_all(pushes).await? {
        answer.status(201)?;
    }
    over_pages(cx, &subject, &referrers).await
}

async fn tagged_delete(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let referrer = given_artifact(&repo, &subject, KIND).await?;
    repo.given_manifest("report", &referrer).await?;
    repo.delete_manifest("report")
        .await?
        .unless_disabled()?
        .status(202)?;
    let left = repo.head_manifest(&referrer.digest).await?.code() == 200;
    let answer = repo.get_referrers(&subject.digest, "").await?;
    lists(
        &answer,
        if left { vec![&referrer] } else { vec![] }.as_slice(),
    )
}

async fn unknown_query(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let referrer = given_artifact(&repo, &subject, KIND).await?;
    let answer = repo.get_referrers(&subject.digest, "?colour=green").await?;
    lists(&answer, &[&referrer])?;
    let applied = answer.joined("OCI-Filters-Applied");
    let sentence = format!("Expected no filter to be applied, and `{applied}` is.");
    answer.expect(!applied.contains("colour"), sentence)?;
    Ok(())
}

async fn blob_subject(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(50).await?;
    lists(&repo.get_referrers(&blob.digest, "").await?, &[])
}

async fn as_manifest(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    given_artifact(&repo, &subject, KIND).await?;
    let answer = repo.get_referrers(&subject.digest, "").await?;
    let entry = entries(&answer)?.into_iter().next();
    let entry = entry.ok_or_else(|| answer.failed("Expected one referrer."))?;
    let digest = entry["digest"].as_str().unwrap_or_default();
    let pulled = repo.get_manifest(digest).await?;
    let size = pulled.status(200)?.bytes().len();
    let sentence = format!(
        "Expected the listed size {} to be that of the manifest, {size}.",
        entry["size"]
    );
    pulled.expect(entry["size"] == size, sentence)?;
    pulled.media_type_is(entry["mediaType"].as_str().unwrap_or_default())?;
    Ok(())
}
