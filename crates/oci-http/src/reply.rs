//! An answer under construction.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use oci_types::MediaType;
use serde::Serialize;

use crate::body::BlobBody;
use crate::failure::Failure;
use crate::headers::{ContentLength, ContentType, ResponseHeader};

/// An answer: the service adds to it what every answer has.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ReplyBody,
}

/// What an answer sends behind its headers.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// Nothing.
    Empty,
    /// What is in memory.
    Bytes(Bytes),
    /// What is read while it is sent.
    Blob(BlobBody),
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn new(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::with_capacity(12),
            body: ReplyBody::Empty,
        }
    }

    /// A document.
    pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Result<Self, Failure> {
        let bytes = serde_json::to_vec(document).map_err(Failure::internal)?;
        Ok(Self::new(status).with_document(MediaType::json(), bytes.into()))
    }

    /// The same with `header` set.
    pub(crate) fn with(mut self, header: impl ResponseHeader) -> Self {
        self.set(header);
        self
    }

    /// The same with `header` set, where there is one.
    pub(crate) fn with_some(mut self, header: Option<impl ResponseHeader>) -> Self {
        if let Some(header) = header {
            self.set(header);
        }
        self
    }

    /// The same with a body in memory.
    pub(crate) fn with_document(self, media_type: MediaType, bytes: Bytes) -> Self {
        let mut reply = self
            .with(ContentType(media_type))
            .with(ContentLength(bytes.len() as u64));
        reply.body = ReplyBody::Bytes(bytes);
        reply
    }

    /// Sets `header`.
    pub(crate) fn set(&mut self, header: impl ResponseHeader) {
        let (name, value) = header.into_pair();
        self.headers.insert(name, value);
    }

    /// Sets `header` unless it is there.
    pub(crate) fn set_default(&mut self, header: impl ResponseHeader) {
        let (name, value) = header.into_pair();
        self.headers.entry(name).or_insert(value);
    }
}
