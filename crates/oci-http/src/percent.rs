//! Percent-decoding (RFC 3986 §2.1).
//!
//! It is total: a `%` that two hexadecimal digits do not follow stands for itself, and
//! what is not UTF-8 becomes U+FFFD. No name, tag, digest or number contains either, so their
//! parsers refuse them. A `+` stands for itself too: nothing in this API contains a space, and
//! media types contain `+`.

use std::borrow::Cow;

/// Decodes `text` once.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, octet(after)) {
            (b'%', Some(octet)) => {
                out.push(octet);
                rest = &after[2..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    Cow::Owned(match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn octet(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| (*digits.get(at)? as char).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decodes_once_and_keeps_what_is_malformed() {
        for (text, decoded) in [
            ("plain", "plain"),
            ("a%2Fb", "a/b"),
            ("sha256%3Aab%3acd", "sha256:ab:cd"),
            ("%252e", "%2e"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%+1", "%+1"),
            ("a+b", "a+b"),
            ("%00", "\0"),
            ("%ff", "\u{fffd}"),
            ("%c3%a9", "é"),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decodes_whatever_was_encoded(text in any::<String>()) {
            let encoded: String = text.bytes().map(|b| format!("%{b:02x}")).collect();
            prop_assert_eq!(decode(&encoded), text);
        }

        #[test]
        fn is_total(text in any::<String>()) {
            let decoded = decode(&text);
            prop_assert!(text.contains('%') || decoded == text);
        }
    }
}
