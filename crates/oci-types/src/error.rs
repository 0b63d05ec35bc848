//! The error codes of the specification, and the envelope they travel in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::excerpt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// An error code (specification: "Error Codes").
        ///
        /// In JSON it is its text; a code that is not listed here reads as
        /// [`Unknown`](Self::Unknown), so that every envelope can be read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The text that stands in the envelope, such as `BLOB_UNKNOWN`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $text,)*
                }
            }
        }
    };
}

error_codes! {
    /// The blob is unknown to the repository.
    BlobUnknown = "BLOB_UNKNOWN",
    /// The blob upload is invalid: out of order, or not as announced.
    BlobUploadInvalid = "BLOB_UPLOAD_INVALID",
    /// There is no such upload session.
    BlobUploadUnknown = "BLOB_UPLOAD_UNKNOWN",
    /// The digest is malformed, or not the content's.
    DigestInvalid = "DIGEST_INVALID",
    /// A manifest refers to a manifest or blob that the repository lacks.
    ManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN",
    /// The manifest is malformed.
    ManifestInvalid = "MANIFEST_INVALID",
    /// The manifest is unknown to the repository.
    ManifestUnknown = "MANIFEST_UNKNOWN",
    /// The repository name is malformed.
    NameInvalid = "NAME_INVALID",
    /// The repository is unknown to the registry.
    NameUnknown = "NAME_UNKNOWN",
    /// The length is not the content's.
    SizeInvalid = "SIZE_INVALID",
    /// Authentication is required.
    Unauthorized = "UNAUTHORIZED",
    /// The caller may not do this.
    Denied = "DENIED",
    /// The registry does not do this.
    Unsupported = "UNSUPPORTED",
    /// Too many requests.
    TooManyRequests = "TOOMANYREQUESTS",
    /// The registry failed, or gave a code that the specification lacks.
    Unknown = "UNKNOWN",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = ErrorCode::ALL.iter().find(|code| code.as_str() == text);
        code.copied().ok_or_else(|| UnknownErrorCode {
            code: excerpt(text),
        })
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(text.parse().unwrap_or(ErrorCode::Unknown))
    }
}

/// A text that is no code of the specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{code}\" is no error code of the distribution specification")]
pub struct UnknownErrorCode {
    /// The text, escaped and bounded.
    pub code: String,
}

/// One error of an envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorInfo {
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, for people; empty where a document has none.
    #[serde(default, deserialize_with = "null_as_default")]
    pub message: String,
    /// Further facts, of any shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

impl fmt::Display for ErrorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// The body of a refusal, `{"errors":[…]}` (specification: "Error Codes").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// The errors, the most important one first.
    pub errors: Vec<ErrorInfo>,
}

impl ErrorEnvelope {
    /// An envelope of one error without detail.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> ErrorEnvelope {
        ErrorEnvelope {
            errors: vec![ErrorInfo {
                code,
                message: message.into(),
                detail: None,
            }],
        }
    }

    /// The same envelope with `detail` on its last error.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Value>) -> ErrorEnvelope {
        if let Some(last) = self.errors.last_mut() {
            last.detail = Some(detail.into());
        }
        self
    }

    /// Whether one of the errors has `code`.
    #[must_use]
    pub fn has(&self, code: ErrorCode) -> bool {
        self.errors.iter().any(|error| error.code == code)
    }
}

fn null_as_default<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
