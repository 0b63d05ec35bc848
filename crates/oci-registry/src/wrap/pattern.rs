//! Which tags a rule means.

use std::fmt;
use std::str::FromStr;

use oci_types::Tag;

/// A pattern of tags: `*` stands for any characters, none included; everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagPattern(String);

/// The text is not a pattern of tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} can match no tag: a pattern has letters, digits, `_`, `.`, `-` and `*`")]
pub struct TagPatternError {
    text: String,
}

impl TagPattern {
    /// Whether `tag` is meant.
    #[must_use]
    pub fn matches(&self, tag: &Tag) -> bool {
        let text = tag.as_str();
        let Some((head, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut text) = text.strip_prefix(head) else {
            return false;
        };
        let (middle, tail) = match rest.rsplit_once('*') {
            Some((middle, tail)) => (middle, tail),
            None => ("", rest),
        };
        // The first occurrence of each part is the best one: it leaves most to the others.
        for part in middle.split('*') {
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(tail)
    }
}

impl FromStr for TagPattern {
    type Err = TagPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'*');
        if !text.is_empty() && text.len() <= 256 && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TagPatternError {
                text: text.chars().take(64).collect(),
            })
        }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, yes, no) in [
            ("v1", &["v1"][..], &["v10", "V1"][..]),
            ("v*", &["v", "v1", "v1.2"], &["1v", "w"]),
            ("*-rc", &["1-rc", "1-rc-rc"], &["1-rc2", "rc"]),
            ("v*-*-x", &["v1-2-x", "v--x"], &["v-x", "v1-2-y"]),
            ("a*bc*c", &["abcc", "aXbcYc"], &["abc", "acc"]),
            ("*", &["anything"], &[]),
            ("**", &["anything"], &[]),
        ] {
            let parsed: TagPattern = pattern.parse().unwrap();
            for tag in yes {
                assert!(parsed.matches(&tag.parse().unwrap()), "{pattern} {tag}");
            }
            for tag in no {
                assert!(!parsed.matches(&tag.parse().unwrap()), "{pattern} {tag}");
            }
        }
        for bad in ["", "a b", "a/b", "v?"] {
            assert!(bad.parse::<TagPattern>().is_err(), "{bad:?}");
        }
    }
}
