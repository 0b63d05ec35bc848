//! An upload session as checks drive it.

use bytes::Bytes;

use crate::answer::Answer;
use crate::check::Stop;
use crate::client::{Request, Url};
use crate::content::OCTETS;
use crate::context::Cx;

/// The size of chunks where the registry asks for no minimum, in bytes.
const CHUNK: usize = 1024;

/// An open session at its latest location.
#[derive(Clone)]
pub struct Upload<'a> {
    cx: &'a Cx,
    /// Where the next request goes.
    pub location: Url,
    /// A chunk size in bytes that the registry accepts.
    pub chunk: usize,
}

impl<'a> Upload<'a> {
    /// The session that an answer to a `POST` opens.
    ///
    /// # Errors
    /// [`Stop::Failed`] if it opens none.
    pub fn of(cx: &'a Cx, answer: &Answer) -> Result<Upload<'a>, Stop> {
        let location = answer.status(202)?.location()?;
        let minimum = answer
            .header("OCI-Chunk-Min-Length")
            .and_then(|text| text.parse().ok());
        Ok(Upload {
            cx,
            location,
            chunk: minimum.unwrap_or(CHUNK).max(CHUNK),
        })
    }

    /// `PATCH` with a `Content-Range` that begins at `start`. Follows the answer's `Location`.
    ///
    /// # Errors
    /// [`Stop::Failed`] without an answer; so do all requests below.
    pub async fn patch(&mut self, start: usize, bytes: &[u8]) -> Result<Answer, Stop> {
        let end = (start + bytes.len()).saturating_sub(1);
        self.patch_ranged(&format!("{start}-{end}"), bytes).await
    }

    /// `PATCH` with any `Content-Range`.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn patch_ranged(&mut self, range: &str, bytes: &[u8]) -> Result<Answer, Stop> {
        let request = self
            .patch_request()
            .header("Content-Range", range)
            .body(bytes.to_vec());
        self.send_patch(request).await
    }

    /// `PATCH` without a `Content-Range`, which appends.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn append(&mut self, bytes: &[u8]) -> Result<Answer, Stop> {
        let request = self.patch_request().body(bytes.to_vec());
        self.send_patch(request).await
    }

    /// `PATCH` that streams: chunked transfer coding, no length, no range.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn stream(&mut self, bytes: &[u8]) -> Result<Answer, Stop> {
        let request = self.patch_request().chunked(bytes.to_vec(), 700);
        self.send_patch(request).await
    }

    /// A `PATCH` to this session without a body.
    pub fn patch_request(&self) -> Request {
        Request::patch(self.location.to_string()).header("Content-Type", OCTETS)
    }

    /// Sends a `PATCH` and follows its `Location`.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn send_patch(&mut self, request: Request) -> Result<Answer, Stop> {
        let answer = self.cx.send(request).await?;
        if answer.code() == 202
            && let Ok(location) = answer.location()
        {
            self.location = location;
        }
        Ok(answer)
    }

    /// The address that closes the session.
    pub fn closing(&self, digest: &str) -> String {
        self.location.with_query("digest", digest).to_string()
    }

    /// `PUT` that closes the session, with the rest of the content.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn close(&self, digest: &str, bytes: &[u8]) -> Result<Answer, Stop> {
        let request = Request::put(self.closing(digest)).header("Content-Type", OCTETS);
        self.cx
            .send(request.body(Bytes::copy_from_slice(bytes)))
            .await
    }

    /// `PUT` that closes the session with a chunk that begins at `start`.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn close_at(&self, digest: &str, start: usize, bytes: &[u8]) -> Result<Answer, Stop> {
        let range = format!("{start}-{}", (start + bytes.len()).saturating_sub(1));
        let request = Request::put(self.closing(digest)).header("Content-Type", OCTETS);
        self.cx
            .send(request.header("Content-Range", range).body(bytes.to_vec()))
            .await
    }

    /// `GET` of the session's state.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn status(&self) -> Result<Answer, Stop> {
        self.cx.get(self.location.to_string()).await
    }

    /// `DELETE` of the session.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn cancel(&self) -> Result<Answer, Stop> {
        self.cx
            .send(Request::delete(self.location.to_string()))
            .await
    }
}
