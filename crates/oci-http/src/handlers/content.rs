//! What manifests and blobs have in common when they are served: validators, conditions, ranges.

use std::ops::Range;

use http::StatusCode;
use oci_types::{Digest, ErrorCode, MediaKind, MediaType};

use crate::call::RepoCall;
use crate::conditional::{self, Outcome};
use crate::failure::Failure;
use crate::headers::{
    AcceptRanges, Caching, ContentDigest, ContentLength, ContentType, ETag, Satisfied,
    SecurityPolicy, Unsatisfied,
};
use crate::reply::{Reply, ReplyBody};

/// Content that can be served, without its bytes.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) digest: Digest,
    /// The length in bytes.
    pub(super) size: u64,
    pub(super) media_type: MediaType,
    pub(super) caching: Caching,
}

impl Content {
    /// Answers at once where the request's conditions say so.
    pub(super) fn precondition(&self, at: &RepoCall<'_>) -> Result<Option<Reply>, Failure> {
        match conditional::evaluate(at.headers(), &self.digest) {
            Outcome::Proceed => Ok(None),
            Outcome::NotModified => Ok(Some(self.described(StatusCode::NOT_MODIFIED))),
            Outcome::Failed => Err(Failure::new(
                StatusCode::PRECONDITION_FAILED,
                ErrorCode::Unsupported,
                format!("If-Match does not name {}, which is there now", self.digest),
            )),
        }
    }

    /// All of it; without a body for a HEAD.
    pub(super) fn whole(&self, body: ReplyBody) -> Reply {
        self.answer(StatusCode::OK, self.size, body)
    }

    /// The half-open `range` of it.
    pub(super) fn part(&self, range: &Range<u64>, body: ReplyBody) -> Reply {
        self.answer(StatusCode::PARTIAL_CONTENT, range.end - range.start, body)
            .with(Satisfied((range.clone(), self.size)))
    }

    /// No byte of it is in the range, for the reason `message`.
    pub(super) fn unsatisfied(&self, message: String) -> Failure {
        Failure::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            ErrorCode::SizeInvalid,
            message,
        )
        .with(Unsatisfied(self.size))
        .with(AcceptRanges("bytes"))
    }

    fn answer(&self, status: StatusCode, len: u64, body: ReplyBody) -> Reply {
        let mut reply = self
            .described(status)
            .with(AcceptRanges("bytes"))
            .with(ContentType(self.media_type.clone()))
            .with(ContentLength(len))
            .with_some(self.policy());
        reply.body = body;
        reply
    }

    fn described(&self, status: StatusCode) -> Reply {
        Reply::new(status)
            .with(ContentDigest(self.digest))
            .with(ETag(self.digest))
            .with(self.caching)
    }

    /// Manifests carry the media type that their client chose, which may be one that browsers
    /// run.
    fn policy(&self) -> Option<SecurityPolicy> {
        (self.media_type.kind() == MediaKind::Other)
            .then_some(SecurityPolicy("default-src 'none'; sandbox"))
    }
}
