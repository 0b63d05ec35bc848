//! What a registry answered, and the expectations that checks put to it.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::check::Stop;
use crate::client::{Exchange, Response, Url};
use crate::content::digest_of;

/// An answer together with the record of its exchange. Every expectation that is not met ends
/// the check with a sentence and this exchange.
#[derive(Clone, Debug)]
pub struct Answer {
    response: Response,
    exchange: Arc<Exchange>,
    url: Url,
}

impl Answer {
    pub(crate) fn new(response: Response, exchange: Arc<Exchange>, url: Url) -> Answer {
        Answer {
            response,
            exchange,
            url,
        }
    }

    /// The status code.
    pub fn code(&self) -> u16 {
        self.response.status.as_u16()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.response.headers
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.response.body
    }

    /// A header field as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// Every value of a header field, joined as RFC 9110 §5.3 permits.
    pub fn joined(&self, name: &str) -> String {
        let values = self.response.headers.get_all(name).iter();
        let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
        values.join(", ")
    }

    /// A failure that shows this exchange.
    pub fn failed(&self, sentence: impl Into<String>) -> Stop {
        Stop::failed(sentence, Some(self.exchange.clone()))
    }

    /// Expects what `sentence` says.
    ///
    /// # Errors
    /// [`Stop::Failed`] with the sentence if `condition` does not hold.
    pub fn expect(&self, condition: bool, sentence: impl Into<String>) -> Result<&Answer, Stop> {
        if condition {
            Ok(self)
        } else {
            Err(self.failed(sentence))
        }
    }

    /// Expects one status code.
    ///
    /// # Errors
    /// [`Stop::Failed`] on any other.
    pub fn status(&self, expected: u16) -> Result<&Answer, Stop> {
        self.status_in(&[expected])
    }

    /// Expects one of several status codes.
    ///
    /// # Errors
    /// [`Stop::Failed`] on any other.
    pub fn status_in(&self, expected: &[u16]) -> Result<&Answer, Stop> {
        let code = self.code();
        let codes: Vec<_> = expected.iter().map(u16::to_string).collect();
        let codes = codes.join(" or ");
        self.expect(
            expected.contains(&code),
            format!(
                "Expected status {codes}, and the registry answered {}.",
                self.response.status
            ),
        )
    }

    /// Expects a refusal: any 4xx.
    ///
    /// # Errors
    /// [`Stop::Failed`] on a success, a redirect or a server error.
    pub fn refused(&self) -> Result<&Answer, Stop> {
        self.expect(
            self.response.status.is_client_error(),
            format!(
                "Expected a refusal (4xx), and the registry answered {}.",
                self.response.status
            ),
        )
    }

    /// Expects anything but a server error.
    ///
    /// # Errors
    /// [`Stop::Failed`] on a 5xx.
    pub fn no_server_error(&self) -> Result<&Answer, Stop> {
        self.expect(
            !self.response.status.is_server_error(),
            format!(
                "Expected no server error, and the registry answered {}.",
                self.response.status
            ),
        )
    }

    /// Ends the check as not applicable if the registry says that deletion is disabled.
    ///
    /// # Errors
    /// [`Stop::Skipped`] on 400 and 405, by which the specification lets a registry say so.
    pub fn unless_disabled(&self) -> Result<&Answer, Stop> {
        match self.code() {
            code @ (400 | 405) => {
                let reason = format!("the registry answers {code}: this deletion is disabled");
                Err(Stop::skipped(reason))
            }
            _ => Ok(self),
        }
    }

    /// Expects a header field and returns it.
    ///
    /// # Errors
    /// [`Stop::Failed`] if it is absent.
    pub fn need(&self, name: &str) -> Result<&str, Stop> {
        self.header(name)
            .ok_or_else(|| self.failed(format!("Expected the header {name}, and it is absent.")))
    }

    /// Expects a header field with this value.
    ///
    /// # Errors
    /// [`Stop::Failed`] if it is absent or different.
    pub fn header_is(&self, name: &str, expected: &str) -> Result<&Answer, Stop> {
        let found = self.need(name)?;
        let sentence = format!("Expected {name} to be `{expected}`, and it is `{found}`.");
        self.expect(found == expected, sentence)
    }

    /// Expects the absence of a header field.
    ///
    /// # Errors
    /// [`Stop::Failed`] if it is there.
    pub fn header_absent(&self, name: &str) -> Result<&Answer, Stop> {
        match self.header(name) {
            None => Ok(self),
            Some(found) => {
                Err(self.failed(format!("Expected no {name} header, and it is `{found}`.")))
            }
        }
    }

    /// Expects the media type of `Content-Type`, whatever its parameters.
    ///
    /// # Errors
    /// [`Stop::Failed`] if it is absent or different.
    pub fn media_type_is(&self, expected: &str) -> Result<&Answer, Stop> {
        let found = self.need("Content-Type")?;
        let essence = found.split(';').next().unwrap_or_default().trim();
        let sentence = format!("Expected Content-Type `{expected}`, and it is `{found}`.");
        self.expect(essence.eq_ignore_ascii_case(expected), sentence)
    }

    /// Expects exactly these bytes as the body.
    ///
    /// # Errors
    /// [`Stop::Failed`] if they differ.
    pub fn body_is(&self, expected: &[u8]) -> Result<&Answer, Stop> {
        let found = self.bytes();
        self.expect(
            found.as_ref() == expected,
            format!(
                "Expected the {} bytes that were pushed ({}), and the body has {} bytes ({}).",
                expected.len(),
                digest_of(expected),
                found.len(),
                digest_of(found)
            ),
        )
    }

    /// Expects a JSON body.
    ///
    /// # Errors
    /// [`Stop::Failed`] if it is not JSON.
    pub fn json(&self) -> Result<Value, Stop> {
        serde_json::from_slice(self.bytes())
            .map_err(|error| self.failed(format!("Expected a JSON body, and it is not: {error}.")))
    }

    /// Expects a `Location` and resolves it.
    ///
    /// # Errors
    /// [`Stop::Failed`] if it is absent or no address.
    pub fn location(&self) -> Result<Url, Stop> {
        let location = self.need("Location")?;
        self.url
            .join(location)
            .map_err(|error| self.failed(format!("Expected a usable Location: {error}.")))
    }

    /// The target of the `Link` with `rel="next"`, if there is a `Link` at all.
    ///
    /// # Errors
    /// [`Stop::Failed`] if the header is not of the form RFC 5988 gives it.
    pub fn next_link(&self) -> Result<Option<Url>, Stop> {
        let Some(link) = self.header("Link") else {
            return Ok(None);
        };
        let malformed = || {
            let form = "Expected a Link of the form `<address>; rel=\"next\"`";
            self.failed(format!("{form}, and it is `{link}`."))
        };
        let rest = link.trim().strip_prefix('<').ok_or_else(malformed)?;
        let (target, parameters) = rest.split_once('>').ok_or_else(malformed)?;
        let next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().trim_end_matches(',');
            parameter == "rel=\"next\"" || parameter == "rel=next"
        });
        if !next {
            return Err(malformed());
        }
        self.url.join(target).map(Some).map_err(|_| malformed())
    }

    /// Expects the JSON form that the specification gives to errors, if the body is JSON at all;
    /// returns the codes.
    ///
    /// # Errors
    /// [`Stop::Failed`] if it is JSON of another form or names an unknown code.
    pub fn error_codes(&self) -> Result<Vec<String>, Stop> {
        error_codes(&self.response).map_err(|sentence| self.failed(sentence))
    }

    /// Expects an error body with this code.
    ///
    /// # Errors
    /// [`Stop::Failed`] if the body is none, or has other codes.
    pub fn error_code_is(&self, expected: &[&str]) -> Result<&Answer, Stop> {
        let codes = self.error_codes()?;
        let sentence = format!(
            "Expected an error body with code {}, and the codes are [{}].",
            expected.join(" or "),
            codes.join(", ")
        );
        self.expect(
            codes.iter().any(|code| expected.contains(&code.as_str())),
            sentence,
        )
    }
}

/// The codes that the specification lists, and the two of Docker's first manifests that it
/// says clients may still meet.
const CODES: [&str; 16] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
    "TAG_INVALID",
    "MANIFEST_UNVERIFIED",
];

/// The error codes of a body, none if it is not JSON; a sentence if it is JSON of another form.
pub(crate) fn error_codes(response: &Response) -> Result<Vec<String>, String> {
    let Ok(body) = serde_json::from_slice::<Value>(&response.body) else {
        return Ok(Vec::new());
    };
    let errors = body.get("errors").and_then(Value::as_array);
    let errors =
        errors.ok_or("Expected a JSON error body to be an object with an `errors` array.")?;
    let mut codes = Vec::new();
    for error in errors {
        let code = error.get("code").and_then(Value::as_str);
        let code = code.ok_or("Expected each entry of `errors` to have a `code` that is text.")?;
        if !CODES.contains(&code) {
            return Err(format!(
                "Expected one of the specification's error codes, not `{code}`."
            ));
        }
        codes.push(code.to_owned());
    }
    if codes.is_empty() {
        return Err("Expected at least one entry in `errors`.".to_owned());
    }
    Ok(codes)
}
