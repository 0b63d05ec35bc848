//! Upload sessions, and blobs that arrive in one request or are mounted.

use axum::body::Body;
use http::StatusCode;
use http_body::Body as _;
use oci_registry::{BlobInfo, Chunk, MountFrom, RepoKey, UploadId, UploadStatus};
use oci_types::{Digest, ErrorCode};

use crate::body::into_stream;
use crate::call::RepoCall;
use crate::failure::Failure;
use crate::headers::{self, ContentDigest, Location, SessionRange, UploadUuid};
use crate::query::{FinishUploadQuery, Mount, MountSource, QueryError, StartUploadQuery};
use crate::reply::Reply;

/// `POST /v2/<name>/blobs/uploads/` (end-4, end-11): mounts a blob, takes one in, or opens a
/// session.
pub(super) async fn start(at: &RepoCall<'_>, body: Body) -> Result<Reply, Failure> {
    let query = StartUploadQuery::try_from(at.call.query).map_err(|error| malformed(&error))?;
    if let Some(wanted) = &query.mount
        && let Some(info) = mount(at, wanted).await?
    {
        return Ok(stored(at, &info));
    }
    if let Some(digest) = &query.digest {
        return push(at, digest, body).await;
    }
    // What could not be mounted is uploaded next, and then has the digest that was asked for.
    let mounted = query.mount.map(|mount| mount.digest.algorithm());
    let status = at
        .registry()
        .start_upload(at.ctx(), &at.repo, query.algorithm.or(mounted))
        .await
        .map_err(|error| at.refuse(error))?;
    Ok(session(at, StatusCode::ACCEPTED, &status))
}

/// Mounts a blob if there is one within the caller's reach.
async fn mount(at: &RepoCall<'_>, wanted: &Mount) -> Result<Option<BlobInfo>, Failure> {
    let bounds = &at.call.bounds;
    let from = match &wanted.from {
        MountSource::Anywhere => MountFrom::AnyOf(bounds.mountable(&at.repo).await?),
        // Who pushes is told by HEAD what is there already.
        MountSource::Repository(name) if *name == at.repo.name => {
            MountFrom::Repository(at.repo.clone())
        }
        MountSource::Repository(name) if bounds.may_mount_from(name).await? => {
            MountFrom::Repository(RepoKey {
                upstream: at.repo.upstream.clone(),
                name: name.clone(),
            })
        }
        MountSource::Repository(_) | MountSource::Nowhere => return Ok(None),
    };
    at.registry()
        .mount_blob(at.ctx(), &at.repo, &wanted.digest, &from)
        .await
        .map_err(|error| at.refuse(error))
}

async fn push(at: &RepoCall<'_>, digest: &Digest, body: Body) -> Result<Reply, Failure> {
    let info = at
        .registry()
        .push_blob(at.ctx(), &at.repo, digest, chunk(at, body)?)
        .await
        .map_err(|error| at.refuse(error))?;
    Ok(stored(at, &info))
}

/// `PATCH <upload>` (end-5).
pub(super) async fn append(at: &RepoCall<'_>, id: UploadId, body: Body) -> Result<Reply, Failure> {
    let status = at
        .registry()
        .append_upload(at.ctx(), &at.repo, id, chunk(at, body)?)
        .await
        .map_err(|error| at.refuse(error))?;
    Ok(session(at, StatusCode::ACCEPTED, &status))
}

/// `PUT <upload>?digest=` (end-6), with the last chunk or without.
pub(super) async fn finish(at: &RepoCall<'_>, id: UploadId, body: Body) -> Result<Reply, Failure> {
    let query = FinishUploadQuery::try_from(at.call.query).map_err(|error| malformed(&error))?;
    let bodiless = body.is_end_stream();
    let chunk = chunk(at, body)?;
    let chunk = (!bodiless || chunk.range.is_some()).then_some(chunk);
    let info = at
        .registry()
        .finish_upload(at.ctx(), &at.repo, id, chunk, &query.digest)
        .await
        .map_err(|error| at.refuse(error))?;
    Ok(stored(at, &info))
}

/// `GET <upload>` (end-13).
pub(super) async fn status(at: &RepoCall<'_>, id: UploadId) -> Result<Reply, Failure> {
    let status = at
        .registry()
        .upload_status(at.ctx(), &at.repo, id)
        .await
        .map_err(|error| at.refuse(error))?;
    Ok(session(at, StatusCode::NO_CONTENT, &status))
}

/// `DELETE <upload>` (end-14).
pub(super) async fn cancel(at: &RepoCall<'_>, id: UploadId) -> Result<Reply, Failure> {
    at.registry()
        .cancel_upload(at.ctx(), &at.repo, id)
        .await
        .map_err(|error| at.refuse(error))?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

fn chunk(at: &RepoCall<'_>, body: Body) -> Result<Chunk, Failure> {
    let range = headers::content_range(at.headers())
        .map_err(|error| Failure::header(&error, ErrorCode::BlobUploadInvalid))?;
    Ok(Chunk {
        range,
        length: headers::content_length(at.headers()),
        body: into_stream(body),
    })
}

fn session(at: &RepoCall<'_>, status: StatusCode, upload: &UploadStatus) -> Reply {
    Reply::new(status)
        .with(Location(at.urls().upload(upload.id)))
        .with(SessionRange(upload.offset))
        .with(UploadUuid(upload.id))
}

fn stored(at: &RepoCall<'_>, info: &BlobInfo) -> Reply {
    Reply::new(StatusCode::CREATED)
        .with(Location(at.urls().blob(&info.digest)))
        .with(ContentDigest(info.digest))
}

fn malformed(error: &QueryError) -> Failure {
    Failure::query(error, ErrorCode::BlobUploadInvalid)
}
