//! Manifests: read, pushed, deleted.

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use oci_registry::{
    ManifestDelete, ManifestPush, ManifestPushed, RegistryError, TagDelete, TagGuard,
};
use oci_types::{ErrorCode, Reference};

use super::content::Content;
use crate::Verb;
use crate::body::{Collect, collect};
use crate::call::RepoCall;
use crate::conditional::{self, WriteCondition, write_condition};
use crate::failure::Failure;
use crate::headers::{self, Caching, ContentDigest, Location, Subject, Tags};
use crate::query::PushManifestQuery;
use crate::reply::{Reply, ReplyBody};

/// `GET` and `HEAD /v2/<name>/manifests/<tag-or-digest>` (end-3).
pub(super) async fn get(at: &RepoCall<'_>, reference: &Reference) -> Result<Reply, Failure> {
    let manifest = at
        .registry()
        .manifest(at.ctx(), &at.repo, reference)
        .await
        .map_err(|error| at.refuse(error))?;
    let content = Content {
        digest: manifest.digest,
        size: manifest.bytes.len() as u64,
        media_type: manifest.media_type,
        caching: match reference {
            Reference::Digest(_) => Caching::Immutable,
            Reference::Tag(_) => Caching::Revalidate,
        },
    };
    if let Some(reply) = content.precondition(at)? {
        return Ok(reply);
    }
    serve(at, &content, manifest.bytes)
}

fn serve(at: &RepoCall<'_>, content: &Content, bytes: Bytes) -> Result<Reply, Failure> {
    let ranged =
        at.call.verb == Verb::Get && conditional::range_applies(at.headers(), &content.digest);
    if !ranged {
        return Ok(content.whole(ReplyBody::Bytes(bytes)));
    }
    let range =
        headers::range(at.headers()).map_err(|error| content.unsatisfied(error.to_string()))?;
    let Some(range) = range else {
        return Ok(content.whole(ReplyBody::Bytes(bytes)));
    };
    let range = range
        .resolve(content.size)
        .map_err(|error| content.unsatisfied(error.to_string()))?;
    // Within the bytes, which are in memory.
    let part = bytes.slice(range.start as usize..range.end as usize);
    Ok(content.part(&range, ReplyBody::Bytes(part)))
}

/// `PUT /v2/<name>/manifests/<tag-or-digest>` (end-7).
pub(super) async fn put(
    at: &RepoCall<'_>,
    reference: Reference,
    body: Body,
) -> Result<Reply, Failure> {
    let invalid = ErrorCode::ManifestInvalid;
    let protect = protection(at)?.or(at.call.bounds.protected());
    let query = PushManifestQuery::parse(at.call.query, at.call.options.max_tags_per_push)
        .map_err(|error| Failure::query(&error, invalid))?;
    let content_type =
        headers::content_type(at.headers()).map_err(|error| Failure::header(&error, invalid))?;
    let push = ManifestPush {
        reference,
        tags: query.tags,
        content_type,
        bytes: receive(at, body).await?,
        protect,
    };
    match at.registry().push_manifest(at.ctx(), &at.repo, push).await {
        Ok(pushed) => Ok(created(at, pushed)),
        Err(RegistryError::TagImmutable { tag }) if is_conditional(at) => Err(Failure::new(
            StatusCode::PRECONDITION_FAILED,
            ErrorCode::Denied,
            format!("tag {tag} is there, and If-None-Match: * asks that it is not"),
        )),
        Err(RegistryError::TagImmutable { tag }) if !at.call.bounds.may_overwrite() => {
            Err(Failure::new(
                StatusCode::FORBIDDEN,
                ErrorCode::Denied,
                format!(
                    "tag {tag} names another manifest, and moving it takes the right to overwrite"
                ),
            ))
        }
        Err(error) => Err(at.refuse(error)),
    }
}

fn is_conditional(at: &RepoCall<'_>) -> bool {
    write_condition(at.headers()) == WriteCondition::Absent
}

/// The tags that the request's conditions keep from being moved.
fn protection(at: &RepoCall<'_>) -> Result<TagGuard, Failure> {
    match write_condition(at.headers()) {
        WriteCondition::Any => Ok(TagGuard::none()),
        WriteCondition::Absent => Ok(TagGuard::new(|_| true)),
        WriteCondition::Unsupported => Err(unsupported_condition()),
    }
}

fn unsupported_condition() -> Failure {
    Failure::new(
        StatusCode::BAD_REQUEST,
        ErrorCode::Unsupported,
        "of the conditions for a change only If-None-Match: * on a push is supported",
    )
}

async fn receive(at: &RepoCall<'_>, body: Body) -> Result<Bytes, Failure> {
    let limit = at.call.options.max_manifest_bytes;
    let announced = headers::content_length(at.headers());
    match collect(body, announced, limit).await {
        Collect::Whole(bytes) => Ok(bytes),
        Collect::TooLarge => Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::SizeInvalid,
            format!("the manifest is larger than the limit of {limit} bytes"),
        )),
        Collect::Interrupted => Err(Failure::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::ManifestInvalid,
            "the request's body ended before it was complete",
        )),
    }
}

fn created(at: &RepoCall<'_>, pushed: ManifestPushed) -> Reply {
    let tags = (!pushed.tags.is_empty()).then_some(Tags(pushed.tags));
    Reply::new(StatusCode::CREATED)
        .with(Location(at.urls().manifest(&pushed.digest)))
        .with(ContentDigest(pushed.digest))
        .with_some(pushed.subject.map(Subject))
        .with_some(tags)
}

/// `DELETE /v2/<name>/manifests/<tag-or-digest>` (end-9): a tag alone, or a manifest with its
/// tags.
pub(super) async fn delete(at: &RepoCall<'_>, reference: Reference) -> Result<Reply, Failure> {
    let (registry, ctx, repo) = (at.registry(), at.ctx(), &at.repo);
    if write_condition(at.headers()) != WriteCondition::Any {
        return Err(unsupported_condition());
    }
    let protect = TagGuard::none();
    let deleted = match reference {
        Reference::Tag(tag) => {
            registry
                .delete_tag(ctx, repo, TagDelete { tag, protect })
                .await
        }
        Reference::Digest(digest) => {
            let delete = ManifestDelete { digest, protect };
            registry.delete_manifest(ctx, repo, delete).await
        }
    };
    deleted.map_err(|error| at.refuse(error))?;
    Ok(Reply::new(StatusCode::ACCEPTED))
}
