//! The `Link` header (RFC 8288), by which a list points to its next page.

use std::fmt::{self, Write};
use std::str::FromStr;

use super::percent;

/// One link of a `Link` header: `<target>; rel="next"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    target: String,
    rel: String,
}

impl Link {
    /// A link to `target`, a URI reference, with the relation `rel`.
    ///
    /// # Errors
    /// [`LinkError::Target`] if `target` is empty or has a character that no
    /// URI has, [`LinkError::Relation`] if `rel` is empty or would need
    /// escapes.
    pub fn new(target: impl Into<String>, rel: impl Into<String>) -> Result<Link, LinkError> {
        let (target, rel) = (target.into(), rel.into());
        let is_uri = |b: u8| b.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&b);
        if target.is_empty() || !target.bytes().all(is_uri) {
            return Err(LinkError::Target);
        }
        let is_rel = |b: u8| b == b' ' || b.is_ascii_graphic() && !b"\"\\".contains(&b);
        if rel.trim().is_empty() || !rel.bytes().all(is_rel) {
            return Err(LinkError::Relation);
        }
        Ok(Link { target, rel })
    }

    /// A link to the next page: `path` with the parameters `query`, whose
    /// values are encoded here and whose names are plain.
    #[must_use]
    pub fn next(path: &str, query: &[(&str, &str)]) -> Link {
        let mut target = percent::path(path).to_string();
        let mut separator = '?';
        for (name, value) in query {
            let (name, value) = (percent::query_value(name), percent::query_value(value));
            // Writing to a string cannot fail.
            let _ = write!(target, "{separator}{name}={value}");
            separator = '&';
        }
        let rel = "next".to_owned();
        Link { target, rel }
    }

    /// Reads the value of a `Link` header: any number of links. Parameters
    /// other than `rel` are dropped.
    ///
    /// # Errors
    /// [`LinkError`]: one of them is malformed.
    pub fn parse_header(value: &str) -> Result<Vec<Link>, LinkError> {
        let mut links = Vec::new();
        let mut rest = skip(value, " \t,");
        while !rest.is_empty() {
            let (link, after) = link(rest)?;
            links.push(link);
            if !after.is_empty() && !after.starts_with(',') {
                return Err(LinkError::Syntax);
            }
            rest = skip(after, " \t,");
        }
        Ok(links)
    }

    /// The URI reference, percent-encoded.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The relation types, separated by spaces.
    #[must_use]
    pub fn rel(&self) -> &str {
        &self.rel
    }

    /// Whether it points to the next page.
    #[must_use]
    pub fn is_next(&self) -> bool {
        let mut relations = self.rel.split(' ');
        relations.any(|relation| relation.eq_ignore_ascii_case("next"))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>; rel=\"{}\"", self.target, self.rel)
    }
}

impl FromStr for Link {
    type Err = LinkError;

    /// Parses a header of exactly one link.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let links: Result<[Link; 1], _> = Link::parse_header(text)?.try_into();
        links.map(|[link]| link).map_err(|_| LinkError::Syntax)
    }
}

/// Reads one link; returns it and what follows.
fn link(text: &str) -> Result<(Link, &str), LinkError> {
    let text = text.strip_prefix('<').ok_or(LinkError::Syntax)?;
    let (target, mut rest) = text.split_once('>').ok_or(LinkError::Syntax)?;
    let mut rel = None;
    loop {
        rest = skip(rest, " \t");
        let Some(parameter) = rest.strip_prefix(';') else {
            break;
        };
        let (name, value, after) = parameter_of(skip(parameter, " \t"))?;
        // RFC 8288 §3.3: of several, the first counts.
        if rel.is_none() && name.eq_ignore_ascii_case("rel") {
            rel = Some(value);
        }
        rest = after;
    }
    let link = Link::new(target, rel.ok_or(LinkError::Relation)?)?;
    Ok((link, rest))
}

/// Reads `name`, `name=token` or `name="text"`; returns name, value and what
/// follows.
fn parameter_of(text: &str) -> Result<(&str, String, &str), LinkError> {
    let end = text.find([' ', '\t', '=', ';', ',']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(value) = skip(rest, " \t").strip_prefix('=') else {
        return Ok((name, String::new(), rest));
    };
    let value = skip(value, " \t");
    match value.strip_prefix('"') {
        Some(quoted) => {
            let (value, rest) = unquote(quoted)?;
            Ok((name, value, rest))
        }
        None => {
            let end = value.find([' ', '\t', ';', ',']).unwrap_or(value.len());
            let (value, rest) = value.split_at(end);
            Ok((name, value.to_owned(), rest))
        }
    }
}

/// Reads up to the closing quote; returns the unescaped text and what follows.
fn unquote(text: &str) -> Result<(String, &str), LinkError> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next().ok_or(LinkError::Syntax)? {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.push(chars.next().ok_or(LinkError::Syntax)?),
            plain => value.push(plain),
        }
    }
}

fn skip<'a>(text: &'a str, blanks: &str) -> &'a str {
    text.trim_start_matches(|c| blanks.contains(c))
}

/// Why a text is no [`Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is not of the form `<target>; rel="relation"`.
    #[error("the link is malformed: it has the form <target>; rel=\"next\"")]
    Syntax,
    /// The target is empty or no URI reference.
    #[error("the target of the link is no URI reference")]
    Target,
    /// The relation is missing, empty, or has invalid characters.
    #[error("the link has no valid relation, such as rel=\"next\"")]
    Relation,
}
