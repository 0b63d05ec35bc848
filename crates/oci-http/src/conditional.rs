//! Conditional requests (RFC 9110 §13). The validator is the digest: strong, and the same for
//! every replica.

use http::header::{self, HeaderMap, HeaderName};
use oci_types::Digest;

/// What the conditions of a GET or HEAD come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answer as if there were none.
    Proceed,
    /// The client has it: 304.
    NotModified,
    /// It is not what the client asks about: 412.
    Failed,
}

/// Whether the request has conditions at all.
pub(crate) fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_NONE_MATCH) || headers.contains_key(header::IF_MATCH)
}

/// Evaluates the conditions against the content that would be served, in the order of §13.2.2.
pub(crate) fn evaluate(headers: &HeaderMap, current: &Digest) -> Outcome {
    if headers.contains_key(header::IF_MATCH)
        && !matches(headers, &header::IF_MATCH, current, Comparison::Strong)
    {
        Outcome::Failed
    } else if matches(headers, &header::IF_NONE_MATCH, current, Comparison::Weak) {
        Outcome::NotModified
    } else {
        Outcome::Proceed
    }
}

/// Whether a `Range` may be followed: `If-Range` is absent or names the content that would be
/// served. A date names nothing here.
pub(crate) fn range_applies(headers: &HeaderMap, current: &Digest) -> bool {
    !headers.contains_key(header::IF_RANGE)
        || matches(headers, &header::IF_RANGE, current, Comparison::Strong)
}

/// What a PUT demands of what is there (§13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteCondition {
    /// Nothing.
    Any,
    /// `If-None-Match: *`: tags may be made, and not moved.
    Absent,
    /// A condition that is not supported; to ignore it would overwrite what it protects.
    Unsupported,
}

/// Reads the conditions of a PUT or DELETE.
pub(crate) fn write_condition(headers: &HeaderMap) -> WriteCondition {
    let mut wanted = headers.get_all(header::IF_NONE_MATCH).iter();
    if headers.contains_key(header::IF_MATCH) {
        return WriteCondition::Unsupported;
    }
    match (wanted.next(), wanted.next()) {
        (None, _) => WriteCondition::Any,
        (Some(value), None) if value.as_bytes().trim_ascii() == b"*" => WriteCondition::Absent,
        _ => WriteCondition::Unsupported,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags is `*` or contains `current`.
fn matches(headers: &HeaderMap, name: &HeaderName, current: &Digest, by: Comparison) -> bool {
    let current = current.to_string();
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|list| list.trim() == "*" || tags(list).any(|tag| tag.is(&current, by)))
}

struct EntityTag<'a> {
    weak: bool,
    opaque: &'a str,
}

impl EntityTag<'_> {
    fn is(&self, current: &str, by: Comparison) -> bool {
        self.opaque == current && (by == Comparison::Weak || !self.weak)
    }
}

/// The entity tags of a list. One without quotes is taken too, up to the next comma: clients of
/// old registries send them.
fn tags(list: &str) -> impl Iterator<Item = EntityTag<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return None;
        }
        let weak = rest.starts_with("W/");
        let tag = rest.strip_prefix("W/").unwrap_or(rest);
        let (opaque, after) = match tag.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => tag.split_once(',').unwrap_or((tag, "")),
        };
        rest = after;
        let opaque = opaque.trim_end();
        Some(EntityTag { weak, opaque })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn if_none_match(values: &[String]) -> HeaderMap {
        let value = |value: &String| value.parse().expect("a header's value");
        values
            .iter()
            .map(|text| (header::IF_NONE_MATCH, value(text)))
            .collect()
    }

    #[test]
    fn reads_lists_of_entity_tags() {
        let current = Digest::sha256(b"");
        let cases = [
            (vec!["*".to_owned()], true, true),
            (vec![format!("\"{current}\"")], true, true),
            (vec![format!("W/\"{current}\"")], true, false),
            (vec![current.to_string()], true, true),
            (vec![format!("\"a,b\", ,\"{current}\" , \"c\"")], true, true),
            (vec!["\"a\"".into(), format!("\"{current}\"")], true, true),
            (vec![format!("x, {current} ,y")], true, true),
            (vec!["\"sha256:e3b0\"".into()], false, false),
            (vec!["\"*\"".into()], false, false),
            (vec!["\"unclosed".into()], false, false),
            (vec!["W/".into()], false, false),
            (vec![String::new()], false, false),
        ];
        for (values, weakly, strongly) in cases {
            let headers = if_none_match(&values);
            let by = |by| matches(&headers, &header::IF_NONE_MATCH, &current, by);
            assert_eq!(by(Comparison::Weak), weakly, "{values:?}");
            assert_eq!(by(Comparison::Strong), strongly, "{values:?}");
        }
    }
}
