//! JSON objects whose members are kept as raw text, so that each one can be
//! judged by itself, and errors can name it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The deepest nesting of objects and lists that is read.
pub(super) const MAX_DEPTH: usize = 128;

/// Whether `text` nests no deeper than [`MAX_DEPTH`]. It may be no JSON at all.
///
/// Raw members are skipped without recursion, and so without a limit; but other
/// readers of the manifest recurse.
pub(super) fn is_shallow(text: &str) -> bool {
    let mut depth: usize = 0;
    let mut in_string = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_string => {
                bytes.next();
            }
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

/// A JSON object: its members in order, names unescaped, values raw.
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Why members of an object mean different things to different readers.
pub(super) enum Clash<'o> {
    /// This name occurs twice.
    Duplicate(&'o str),
    /// This name equals a known one but for case.
    Misspelled(&'o str, &'static str),
}

impl<'a> Object<'a> {
    /// Parses `text`, which holds an object and nothing else.
    pub(super) fn parse(text: &'a str) -> Result<Object<'a>, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The value of a member; `null` is none.
    pub(super) fn member(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(*value).filter(|value| value.get() != "null")
    }

    /// Whether there is a member of that name, `null` included.
    pub(super) fn names(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Finds a pair of members, or a member and a `known` name, that readers
    /// may take for one another.
    pub(super) fn clash(&self, known: &[&'static str]) -> Option<Clash<'_>> {
        let mut names: Vec<&str> = self.0.iter().map(|(key, _)| key.as_ref()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Some(Clash::Duplicate(pair[0]));
        }
        names.into_iter().find_map(|name| {
            let meant = known.iter().find(|known| is_folding_of(name, known))?;
            (*meant != name).then_some(Clash::Misspelled(name, meant))
        })
    }
}

/// Whether `name` equals the ASCII text `known` under Unicode's simple case
/// folding, by which readers written in Go match names. Beyond ASCII it maps
/// two characters to ASCII: the long s and the Kelvin sign.
fn is_folding_of(name: &str, known: &str) -> bool {
    let folded = name.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(known.chars().map(|c| c.to_ascii_lowercase()))
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A string, borrowed from the document unless it has escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value as a string, if it is one.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let Text(text) = serde_json::from_str(value.get()).ok()?;
    Some(text)
}
