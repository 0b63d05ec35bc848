//! Addresses, kept byte for byte.
//!
//! A general URL type normalises: it resolves `..`, decodes `%2e` and drops empty segments. A
//! conformance runner must be able to send those, so this one only splits an address into its
//! origin and its target and never looks into the target.

use std::fmt;
use std::str::FromStr;

/// The scheme of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme as it is written in an address, without `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// Where connections go: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host as written, an IPv6 address without its brackets.
    pub host: String,
    /// The port, the scheme's own if none was written.
    pub port: u16,
}

impl Origin {
    /// The value of a `Host` header: the port is left out where it is the scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// An origin and a request target (path and query).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// Where to connect to.
    pub origin: Origin,
    /// What to ask for; begins with `/` and is sent as it is.
    pub target: String,
}

impl Url {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, without `?`.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The same address with `name=value` added to its query. The value is percent-encoded the
    /// way a browser's form does, so that a digest's `:` arrives as `%3A`.
    #[must_use]
    pub fn with_query(&self, name: &str, value: &str) -> Url {
        let joint = if self.target.contains('?') { '&' } else { '?' };
        Url {
            origin: self.origin.clone(),
            target: format!("{}{joint}{name}={}", self.target, encode(value)),
        }
    }

    /// Resolves a `Location` or a `Link` target against this address (RFC 3986 §5.2, without the
    /// removal of dot segments).
    ///
    /// # Errors
    /// When the reference is an absolute address that cannot be parsed.
    pub fn join(&self, reference: &str) -> Result<Url, UrlError> {
        if reference.contains("://") && !reference.starts_with(['/', '?']) {
            return reference.parse();
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return format!("{}://{rest}", self.origin.scheme.as_str()).parse();
        }
        let target = if reference.starts_with('/') {
            reference.to_owned()
        } else if reference.starts_with('?') {
            format!("{}{reference}", self.path())
        } else {
            let directory = self
                .path()
                .rsplit_once('/')
                .map_or("", |(before, _)| before);
            format!("{directory}/{reference}")
        };
        Ok(Url {
            origin: self.origin.clone(),
            target,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.target)
    }
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The scheme is neither `http` nor `https`.
    #[error("`{0}` begins with neither http:// nor https://")]
    Scheme(String),
    /// There is no host, or the port is not a number.
    #[error("`{0}` names no host and port that could be connected to")]
    Authority(String),
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            _ => return Err(UrlError::Scheme(text.to_owned())),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let target = match target.chars().next() {
            None => "/".to_owned(),
            Some('?') => format!("/{target}"),
            Some(_) => target.to_owned(),
        };
        let (host, port) =
            split_authority(authority, scheme).ok_or_else(|| UrlError::Authority(text.into()))?;
        Ok(Url {
            origin: Origin { scheme, host, port },
            target,
        })
    }
}

fn split_authority(authority: &str, scheme: Scheme) -> Option<(String, u16)> {
    let authority = authority.rsplit('@').next()?;
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        (host, after.strip_prefix(':'))
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => scheme.default_port(),
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Undoes percent-encoding; what is not valid stays as it is.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn splits_addresses_and_keeps_targets_as_they_are() {
        for (text, host, port, target) in [
            ("http://a", "a", 80, "/"),
            ("https://a", "a", 443, "/"),
            ("http://a:5000/v2/../x%2f?q=1", "a", 5000, "/v2/../x%2f?q=1"),
            ("http://[::1]:5000/v2/", "::1", 5000, "/v2/"),
            ("HTTP://a?x=1", "a", 80, "/?x=1"),
        ] {
            let url = url(text);
            assert_eq!(
                (url.origin.host.as_str(), url.origin.port),
                (host, port),
                "{text}"
            );
            assert_eq!(url.target, target);
        }
        assert_eq!(url("http://[::1]:5000/").to_string(), "http://[::1]:5000/");
        assert_eq!(url("http://a:80/x").to_string(), "http://a/x");
    }

    #[test]
    fn refuses_what_cannot_be_connected_to() {
        for text in [
            "a:5000",
            "ftp://a",
            "http://",
            "http://:5000",
            "http://a:port",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn resolves_every_form_of_location() {
        let base = url("http://a:5000/v2/x/blobs/uploads/?digest=1");
        for (reference, expected) in [
            ("/v2/y", "http://a:5000/v2/y"),
            ("https://b/z?state=a://b", "https://b/z?state=a://b"),
            ("//b/z", "http://b/z"),
            ("id", "http://a:5000/v2/x/blobs/uploads/id"),
            ("?n=2", "http://a:5000/v2/x/blobs/uploads/?n=2"),
            ("/v2/y?from=http://c/", "http://a:5000/v2/y?from=http://c/"),
        ] {
            assert_eq!(base.join(reference).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn appends_to_a_query_that_may_be_there() {
        let digest = "sha256:ab";
        assert_eq!(
            url("http://a/u").with_query("digest", digest).target,
            "/u?digest=sha256%3Aab"
        );
        assert_eq!(
            url("http://a/u?s=1").with_query("digest", digest).target,
            "/u?s=1&digest=sha256%3Aab"
        );
    }

    #[test]
    fn percent_encoding_round_trips() {
        for text in ["a+b/c:d", "ä 100%", ""] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode("100%zz%4"), "100%zz%4");
    }
}
