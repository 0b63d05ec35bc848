//! Listing referrers.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::check::{Stop, Verdict, checks};
use crate::content::{Blob, Document, Draft, EMPTY, INDEX, MANIFEST, digest_of};
use crate::context::Cx;
use crate::repository::Repo;

checks! {
    Must Writes none "referrers.none" LISTING_REFERRERS
        "The referrers of a manifest that has none are an empty index with 200."
        "If a query results in no matching referrers, an empty manifest list MUST be returned.";
    Must Writes unknown_digest "referrers.unknown-digest" LISTING_REFERRERS
        "The referrers of a digest that is not there are an empty index, never a 404."
        "If the registry supports the referrers API, the registry MUST NOT return a `404 Not Found` to a referrers API requests.";
    Must Writes unknown_repository "referrers.unknown-repository" LISTING_REFERRERS
        "The referrers in an unknown repository are an empty index, never a 404."
        "If the registry supports the referrers API, the registry MUST NOT return a `404 Not Found` to a referrers API requests.";
    Must Writes index "referrers.index" LISTING_REFERRERS
        "The list is an image index with its Content-Type, mediaType and schemaVersion."
        "The `Content-Type` header MUST be set to `application/vnd.oci.image.index.v1+json`.";
    Must Writes listed "referrers.listed" LISTING_REFERRERS
        "An image with a subject is listed with its media type, digest and size."
        "Each descriptor is of an image manifest or index in the same `<name>` namespace with a `subject` field that specifies the value of `<digest>`.";
    Must Writes artifact_type "referrers.artifact-type" LISTING_REFERRERS
        "The artifactType of an image is in its descriptor."
        "The descriptors MUST include an `artifactType` field that is set to the value of the `artifactType` in the image manifest or index, if present.";
    Must Writes config_type "referrers.artifact-type-of-config" LISTING_REFERRERS
        "An image without artifactType is listed with the type of its configuration."
        "If the `artifactType` is empty or missing in the image manifest, the value of `artifactType` MUST be set to the config descriptor `mediaType` value.";
    Must Writes index_type "referrers.artifact-type-of-index" LISTING_REFERRERS
        "The artifactType of an index is in its descriptor."
        "The descriptors MUST include an `artifactType` field that is set to the value of the `artifactType` in the image manifest or index, if present.";
    Must Writes index_no_type "referrers.index-without-artifact-type" LISTING_REFERRERS
        "An index without artifactType is listed without one."
        "If the `artifactType` is empty or missing in an index, the `artifactType` MUST be omitted.";
    Must Writes annotations "referrers.annotations" LISTING_REFERRERS
        "The annotations of a referrer are in its descriptor."
        "The descriptors MUST include annotations from the image manifest or index.";
    Must Writes malformed "referrers.malformed-digest" LISTING_REFERRERS
        "The referrers of a malformed digest are a 400."
        "If the request is invalid, such as a `<digest>` with an invalid syntax, a `400 Bad Request` MUST be returned.";
    Must Writes absent_subject "referrers.absent-subject" LISTING_REFERRERS
        "A referrer that was pushed before its subject is listed, then and after."
        "allowing clients to push a manifest and referrers to that manifest in either order.";
    Should Writes filtered "referrers.filter" LISTING_REFERRERS
        "`artifactType` filters, and OCI-Filters-Applied says so."
        "The registry SHOULD support filtering on `artifactType`.";
    Must Writes filter_header "referrers.filter-header" LISTING_REFERRERS
        "A list that was filtered says `OCI-Filters-Applied: artifactType`."
        "If filtering is requested and applied, the response MUST include a header `OCI-Filters-Applied: artifactType` denoting that an `artifactType` filter was applied.";
    Client Writes filter_none "referrers.filter-matches-nothing" LISTING_REFERRERS
        "A filter that nothing matches answers an empty index."
        "cosign asks for signatures of images that have none.";
    Client Writes filter_config "referrers.filter-by-config-type" LISTING_REFERRERS
        "The filter knows the type that comes from a configuration."
        "helm's and older oras' artifacts have no other.";
    Client Writes filter_escaped "referrers.filter-escaped" LISTING_REFERRERS
        "A filter with an escaped `+` and `/` is understood."
        "Most artifact types end in `+json`, and URL libraries escape both.";
    Client Writes unfiltered_header "referrers.no-filter-header" LISTING_REFERRERS
        "A list that was not filtered has no OCI-Filters-Applied."
        "Clients would believe that nothing else is there.";
    Client Writes sha512_subject "referrers.sha512-subject" LISTING_REFERRERS
        "The referrers of a subject with a SHA-512 digest are listed."
        "The rewritten official suite pushes every kind of content under SHA-512, too.";
}

/// The descriptors of a list.
pub(super) fn entries(answer: &Answer) -> Result<Vec<Value>, Stop> {
    let body = answer.status(200)?.json()?;
    let entries = body["manifests"].as_array().cloned();
    entries.ok_or_else(|| answer.failed("Expected `manifests` to be an array."))
}

/// Expects exactly these digests in the list, in any order.
pub(super) fn lists(answer: &Answer, expected: &[&Document]) -> Verdict {
    let entries = entries(answer)?;
    let mut found: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry["digest"].as_str())
        .collect();
    let mut expected: Vec<_> = expected
        .iter()
        .map(|document| document.digest.as_str())
        .collect();
    found.sort_unstable();
    expected.sort_unstable();
    let sentence = format!("Expected the referrers {expected:?}, and they are {found:?}.");
    answer.expect(found == expected, sentence)?;
    Ok(())
}

/// Pushes a subject.
pub(super) async fn given_subject(repo: &Repo<'_>) -> Result<Document, Stop> {
    repo.given_image("subject").await
}

/// Pushes an artifact of this type about a subject.
pub(super) async fn given_artifact(
    repo: &Repo<'_>,
    subject: &Document,
    artifact_type: &str,
) -> Result<Document, Stop> {
    let empty = Blob::of("{}");
    repo.given_this_blob(&empty).await?;
    let draft = Draft::image(empty.descriptor(EMPTY), vec![empty.descriptor(EMPTY)]);
    let draft = draft
        .with("artifactType", artifact_type.into())
        .about(subject);
    let artifact = draft.annotated("org.example.type", artifact_type).build();
    repo.given_manifest(&artifact.digest, &artifact).await?;
    Ok(artifact)
}

/// Pushes a draft by digest and returns the only entry of its subject's list.
async fn only_entry(
    repo: &Repo<'_>,
    subject: &Document,
    draft: Draft,
) -> Result<(Answer, Value), Stop> {
    let referrer = draft.about(subject).build();
    repo.given_manifest(&referrer.digest, &referrer).await?;
    let answer = repo.get_referrers(&subject.digest, "").await?;
    lists(&answer, &[&referrer])?;
    let entry = entries(&answer)?.remove(0);
    Ok((answer, entry))
}

fn field(answer: &Answer, entry: &Value, name: &str, expected: &Value) -> Verdict {
    let found = entry.get(name).unwrap_or(&Value::Null);
    let sentence = format!("Expected the descriptor's {name} to be {expected}, and it is {found}.");
    answer.expect(found == expected, sentence)?;
    Ok(())
}

async fn none(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    lists(&repo.get_referrers(&subject.digest, "").await?, &[])
}

async fn unknown_digest(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_subject(&repo).await?;
    lists(
        &repo.get_referrers(&digest_of(&cx.bytes(9)), "").await?,
        &[],
    )
}

async fn unknown_repository(cx: &Cx) -> Verdict {
    lists(
        &cx.repo()
            .get_referrers(&digest_of(&cx.bytes(9)), "")
            .await?,
        &[],
    )
}

async fn index(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let answer = repo.get_referrers(&subject.digest, "").await?;
    answer.status(200)?.header_is("Content-Type", INDEX)?;
    let body = answer.json()?;
    let same = body["mediaType"] == INDEX && body["schemaVersion"] == 2;
    answer.expect(
        same,
        "Expected an index of schemaVersion 2 with its mediaType.",
    )?;
    Ok(())
}

async fn listed(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let draft = repo.given_small().await?;
    let size = draft.clone().about(&subject).build().bytes.len();
    let (answer, entry) = only_entry(&repo, &subject, draft).await?;
    field(&answer, &entry, "mediaType", &MANIFEST.into())?;
    field(&answer, &entry, "size", &size.into())
}

async fn artifact_type(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let kind = "application/vnd.example.sbom.v1+json";
    let draft = repo.given_small().await?.with("artifactType", kind.into());
    let (answer, entry) = only_entry(&repo, &subject, draft).await?;
    field(&answer, &entry, "artifactType", &kind.into())
}

async fn config_type(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let config = repo.given_blob(40).await?;
    let kind = "application/vnd.example.config.v1+json";
    let draft = Draft::image(config.descriptor(kind), vec![]);
    let (answer, entry) = only_entry(&repo, &subject, draft).await?;
    field(&answer, &entry, "artifactType", &kind.into())
}

async fn index_type(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let kind = "application/vnd.example.set.v1";
    let draft = Draft::index(vec![]).with("artifactType", kind.into());
    let (answer, entry) = only_entry(&repo, &subject, draft).await?;
    field(&answer, &entry, "mediaType", &INDEX.into())?;
    field(&answer, &entry, "artifactType", &kind.into())
}

async fn index_no_type(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let (answer, entry) = only_entry(&repo, &subject, Draft::index(vec![])).await?;
    let sentence = "Expected the descriptor of an index without artifactType to have none.";
    answer.expect(entry.get("artifactType").is_none(), sentence)?;
    Ok(())
}

async fn annotations(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let draft = repo.given_small().await?;
    let draft = draft
        .annotated("org.example.a", "1")
        .annotated("org.example.ä", "<\"b\">");
    let (answer, entry) = only_entry(&repo, &subject, draft).await?;
    let expected = json!({"org.example.a": "1", "org.example.ä": "<\"b\">"});
    field(&answer, &entry, "annotations", &expected)
}

async fn malformed(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    given_subject(&repo).await?;
    for digest in ["sha256:xyz", "sha256:", "latest", "sha256:baddigeststring"] {
        repo.get_referrers(digest, "").await?.status(400)?;
    }
    Ok(())
}

async fn absent_subject(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = repo.given_small().await?.build();
    let referrer = given_artifact(&repo, &subject, "application/vnd.example.early").await?;
    lists(
        &repo.get_referrers(&subject.digest, "").await?,
        &[&referrer],
    )?;
    repo.given_manifest("v1", &subject).await?;
    lists(
        &repo.get_referrers(&subject.digest, "").await?,
        &[&referrer],
    )
}

const SBOM: &str = "application/vnd.example.sbom.v1+json";
const SIGNATURE: &str = "application/vnd.example.signature.v1";

/// A subject with an SBOM and a signature.
async fn two(cx: &Cx) -> Result<(Document, Document, Document), Stop> {
    let repo = cx.repo();
    let subject = given_subject(&repo).await?;
    let sbom = given_artifact(&repo, &subject, SBOM).await?;
    let signature = given_artifact(&repo, &subject, SIGNATURE).await?;
    Ok((subject, sbom, signature))
}

async fn filtered(cx: &Cx) -> Verdict {
    let (subject, _, signature) = two(cx).await?;
    let query = format!("?artifactType={SIGNATURE}");
    let answer = cx.repo().get_referrers(&subject.digest, &query).await?;
    lists(&answer, &[&signature])?;
    answer.need("OCI-Filters-Applied")?;
    Ok(())
}

async fn filter_header(cx: &Cx) -> Verdict {
    let (subject, _, _) = two(cx).await?;
    let query = format!("?artifactType={SIGNATURE}");
    let answer = cx.repo().get_referrers(&subject.digest, &query).await?;
    if entries(&answer)?.len() == 2 {
        return Err(Stop::skipped("the registry does not filter"));
    }
    let applied = answer.need("OCI-Filters-Applied")?;
    let named = applied
        .split(',')
        .any(|filter| filter.trim() == "artifactType");
    answer.expect(named, "Expected OCI-Filters-Applied to name artifactType.")?;
    Ok(())
}

async fn filter_none(cx: &Cx) -> Verdict {
    let (subject, _, _) = two(cx).await?;
    let query = "?artifactType=application/vnd.example.nothing";
    lists(&cx.repo().get_referrers(&subject.digest, query).await?, &[])
}

async fn filter_config(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let (subject, _, _) = two(cx).await?;
    let config = repo.given_blob(40).await?;
    let kind = "application/vnd.example.chart.v1";
    let chart = Draft::image(config.descriptor(kind), vec![])
        .about(&subject)
        .build();
    repo.given_manifest(&chart.digest, &chart).await?;
    let query = format!("?artifactType={kind}");
    lists(
        &repo.get_referrers(&subject.digest, &query).await?,
        &[&chart],
    )
}

async fn filter_escaped(cx: &Cx) -> Verdict {
    let (subject, sbom, _) = two(cx).await?;
    let escaped = crate::client::encode(SBOM);
    let query = format!("?artifactType={escaped}");
    lists(
        &cx.repo().get_referrers(&subject.digest, &query).await?,
        &[&sbom],
    )
}

async fn unfiltered_header(cx: &Cx) -> Verdict {
    let (subject, sbom, signature) = two(cx).await?;
    let answer = cx.repo().get_referrers(&subject.digest, "").await?;
    lists(&answer, &[&sbom, &signature])?;
    answer.header_absent("OCI-Filters-Applied")?;
    Ok(())
}

async fn sha512_subject(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let subject = repo.given_small().await?.build().sha512();
    repo.given_manifest(&subject.digest, &subject).await?;
    let referrer = given_artifact(&repo, &subject, SBOM).await?;
    lists(
        &repo.get_referrers(&subject.digest, "").await?,
        &[&referrer],
    )
}
