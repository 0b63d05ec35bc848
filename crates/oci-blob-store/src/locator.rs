//! Where a sealed object is.

use std::fmt;
use std::str::FromStr;

#[cfg(any(feature = "fs", feature = "memory"))]
use oci_types::Digest;
#[cfg(any(feature = "fs", feature = "memory", feature = "object-store"))]
use uuid::Uuid;

/// Where a sealed object is within its store: an opaque, relative, printable path.
///
/// It is made by [`BlobStore::seal`](crate::BlobStore::seal), recorded as text, and means
/// something to the store that made it only. It never leaves the store's own root: segments are
/// non-empty, none is `.` or `..`, and characters are ASCII letters, digits, `.`, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locator(String);

/// The text is not a locator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the place of a stored object")]
pub struct LocatorError {
    text: String,
}

impl Locator {
    /// Where an object of this content goes that was staged as `id`:
    /// `<algorithm>/<first 2 hex digits>/<hex>.<id>`.
    #[cfg(any(feature = "fs", feature = "memory"))]
    pub(crate) fn of_object(digest: &Digest, id: Uuid) -> Self {
        let algorithm = digest.algorithm();
        let hex = digest.hex().to_string();
        let id = id.simple();
        Self(format!("{algorithm}/{}/{hex}.{id}", &hex[..2]))
    }

    /// Where an object goes whose content is not known yet: `<first 2 hex digits of key>/<key>`.
    #[cfg(feature = "object-store")]
    pub(crate) fn of_key(key: Uuid) -> Self {
        let key = key.simple().to_string();
        Self(format!("{}/{key}", &key[..2]))
    }

    /// The locator as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Locator {
    type Err = LocatorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let segment = |s: &str| !matches!(s, "" | "." | "..") && s.bytes().all(allowed);
        if text.split('/').all(segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LocatorError {
                text: text.chars().take(128).collect(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_root_are_locators() {
        for good in ["a", "sha256/ab/abcd.0f", "x-1_2.3/y"] {
            assert_eq!(good.parse::<Locator>().unwrap().as_str(), good);
        }
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a\0", "a b", "ä",
        ] {
            assert!(bad.parse::<Locator>().is_err(), "{bad:?}");
        }
    }
}
