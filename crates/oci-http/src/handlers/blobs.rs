//! Blobs: read, looked for, deleted.

use http::StatusCode;
use oci_registry::BlobInfo;
use oci_types::{Digest, MediaType};

use super::content::Content;
use crate::call::RepoCall;
use crate::conditional;
use crate::failure::Failure;
use crate::headers::{self, Caching};
use crate::reply::{Reply, ReplyBody};

/// `GET /v2/<name>/blobs/<digest>` (end-2).
pub(super) async fn get(at: &RepoCall<'_>, digest: &Digest) -> Result<Reply, Failure> {
    if conditional::is_conditional(at.headers())
        && let Some(reply) = content(&look(at, digest).await?).precondition(at)?
    {
        return Ok(reply);
    }
    let range = match headers::range(at.headers()) {
        Ok(range) => range.filter(|_| conditional::range_applies(at.headers(), digest)),
        Err(error) => {
            let content = content(&look(at, digest).await?);
            return Err(content.unsatisfied(error.to_string()));
        }
    };
    let (ctx, repo) = (at.ctx(), &at.repo);
    let blob = at
        .registry()
        .blob(ctx, repo, digest, range)
        .await
        .map_err(|error| at.refuse(error))?;
    let content = content(&blob.info);
    let body = ReplyBody::Blob(blob.read.into());
    Ok(match &blob.range {
        Some(range) => content.part(range, body),
        None => content.whole(body),
    })
}

/// `HEAD /v2/<name>/blobs/<digest>` (end-2). A range is one of a GET (RFC 9110 §14.2).
pub(super) async fn head(at: &RepoCall<'_>, digest: &Digest) -> Result<Reply, Failure> {
    let content = content(&look(at, digest).await?);
    match content.precondition(at)? {
        Some(reply) => Ok(reply),
        None => Ok(content.whole(ReplyBody::Empty)),
    }
}

/// `DELETE /v2/<name>/blobs/<digest>` (end-10).
pub(super) async fn delete(at: &RepoCall<'_>, digest: &Digest) -> Result<Reply, Failure> {
    at.registry()
        .delete_blob(at.ctx(), &at.repo, digest)
        .await
        .map_err(|error| at.refuse(error))?;
    Ok(Reply::new(StatusCode::ACCEPTED))
}

async fn look(at: &RepoCall<'_>, digest: &Digest) -> Result<BlobInfo, Failure> {
    at.registry()
        .blob_info(at.ctx(), &at.repo, digest)
        .await
        .map_err(|error| at.refuse(error))
}

fn content(info: &BlobInfo) -> Content {
    Content {
        digest: info.digest,
        size: info.size,
        media_type: MediaType::octet_stream(),
        caching: Caching::Immutable,
    }
}
