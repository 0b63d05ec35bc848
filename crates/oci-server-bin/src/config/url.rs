//! Where clients find the server.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// The URL under which clients find the server, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    scheme: &'static str,
    authority: String,
    path: String,
}

/// The text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a URL such as https://registry.example.com")]
pub(crate) struct PublicUrlError;

impl PublicUrl {
    /// The host, with its port where it is not the scheme's own.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// What stands before `/v2`: nothing, or a path without a slash at its end.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether what clients send is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let uri: Uri = text.parse().map_err(|_| PublicUrlError)?;
        let (scheme, own_port) = match uri.scheme_str() {
            Some("https") => ("https", 443),
            Some("http") => ("http", 80),
            _ => return Err(PublicUrlError),
        };
        let authority = uri.authority().ok_or(PublicUrlError)?;
        let has_user = authority.as_str().contains('@');
        if has_user || authority.host().is_empty() || uri.query().is_some() || text.contains('#') {
            return Err(PublicUrlError);
        }
        let host = authority.host().to_ascii_lowercase();
        Ok(Self {
            scheme,
            authority: match authority.port_u16() {
                Some(port) if port != own_port => format!("{host}:{port}"),
                _ => host,
            },
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_made_plain() {
        for (text, printed, authority, path) in [
            ("https://a.example", "https://a.example", "a.example", ""),
            (
                "HTTPS://A.example:443/",
                "https://a.example",
                "a.example",
                "",
            ),
            ("http://a:5000/x/y/", "http://a:5000/x/y", "a:5000", "/x/y"),
            ("http://[::1]:80", "http://[::1]", "[::1]", ""),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), printed);
            assert_eq!(url.authority(), authority);
            assert_eq!(url.path(), path);
        }
        for bad in [
            "",
            "a.example",
            "/a",
            "ftp://a",
            "https://",
            "https://u:p@a",
            "https://a/?b",
            "https://a/#b",
            "https://a b",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}
