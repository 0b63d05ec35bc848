//! Patterns of repositories and tags, as rules write them.

use std::fmt;
use std::str::FromStr;

use oci_types::{NameError, RepositoryName, Tag};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The most bytes a pattern may have.
const MAX_LEN: usize = 512;

/// A pattern of repositories.
///
/// Components with slashes between them. A `*` stands for any characters within a component, none
/// included; `**` as a whole component stands for any number of components, at the end for at
/// least one. So `team/**` is everything below `team` and not `team`, and `**` is everything.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RepoGlob {
    text: Box<str>,
    segments: Box<[Segment]>,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Segment {
    /// Any number of components.
    Deep,
    /// One component, perhaps with stars.
    Word(Box<str>),
}

/// What a pattern is to a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// It matches everything.
    All,
    /// It matches this one.
    Exact(RepositoryName),
    /// It matches everything below this one.
    Below(RepositoryName),
    /// It matches some of what is below this one, or, without one, some of everything.
    Some(Option<RepositoryName>),
}

impl RepoGlob {
    /// Whether the repository is meant.
    #[must_use]
    pub fn matches(&self, name: &RepositoryName) -> bool {
        match &self.shape {
            Shape::All => true,
            Shape::Exact(exact) => exact == name,
            Shape::Below(parent) => is_below(name, parent),
            Shape::Some(_) => segments_match(&self.segments, name.as_str()),
        }
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }
}

/// The pattern that this repository alone matches.
impl From<RepositoryName> for RepoGlob {
    fn from(name: RepositoryName) -> Self {
        let words = name.components().map(|word| Segment::Word(word.into()));
        Self {
            text: name.as_str().into(),
            segments: words.collect(),
            shape: Shape::Exact(name),
        }
    }
}

/// Whether `name` is below `parent`, which is not below itself.
pub(crate) fn is_below(name: &RepositoryName, parent: &RepositoryName) -> bool {
    let rest = name.as_str().strip_prefix(parent.as_str());
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Matches components from the left. Where it does not go on, the last `**` takes one component
/// more; an earlier one need not, for it has already found the first place that fits.
fn segments_match(mut pattern: &[Segment], name: &str) -> bool {
    let mut rest = Some(name);
    let mut retry = None;
    loop {
        match pattern.split_first() {
            Some((Segment::Deep, after)) => {
                retry = Some((after, rest));
                pattern = after;
                continue;
            }
            Some((Segment::Word(word), after)) => {
                if let Some((component, tail)) = rest.map(cut)
                    && wildcard_matches(word, component)
                {
                    (pattern, rest) = (after, tail);
                    continue;
                }
            }
            None if rest.is_none() => return true,
            None => {}
        }
        let Some((after, Some(text))) = retry else {
            return false;
        };
        rest = cut(text).1;
        retry = Some((after, rest));
        pattern = after;
    }
}

fn cut(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((component, rest)) => (component, Some(rest)),
        None => (text, None),
    }
}

/// Whether `text` is `pattern` with something, or nothing, for each star.
fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The first occurrence of each part is the best one: it leaves most to the others.
    for part in middle.split('*') {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

/// Why a text is no pattern, or one that nothing could ever match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It is empty.
    #[error("a pattern must not be empty; `**` means everything")]
    Empty,
    /// It has more than 512 bytes.
    #[error("a pattern has at most 512 bytes")]
    TooLong,
    /// `**` stands beside something else in a component.
    #[error("`**` stands for whole components: write `a/**` or `a*`, not `a**`")]
    Stars,
    /// A character that no repository or tag has.
    #[error("no name has the character {0:?}, so the pattern matches nothing")]
    Character(char),
    /// A component that no repository has.
    #[error("no repository matches: {0}")]
    Component(#[from] NameError),
}

impl FromStr for RepoGlob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > MAX_LEN {
            return Err(GlobError::TooLong);
        }
        let mut segments = Vec::new();
        for component in text.split('/') {
            match parse_segment(component)? {
                Segment::Deep if segments.last() == Some(&Segment::Deep) => {}
                // "At least one" is the same on either side; one form of it is enough below.
                Segment::Word(word) if &*word == "*" && segments.last() == Some(&Segment::Deep) => {
                    segments.insert(segments.len() - 1, Segment::Word(word));
                }
                segment => segments.push(segment),
            }
        }
        if text.ends_with("**") {
            segments.insert(segments.len() - 1, Segment::Word("*".into()));
        }
        Ok(Self {
            text: text.into(),
            shape: shape(&segments)?,
            segments: segments.into(),
        })
    }
}

fn parse_segment(component: &str) -> Result<Segment, GlobError> {
    if component == "**" {
        return Ok(Segment::Deep);
    }
    if component.contains("**") {
        return Err(GlobError::Stars);
    }
    if component.contains('*') {
        let allowed = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '*')
        };
        if let Some(character) = component.chars().find(|c| !allowed(*c)) {
            return Err(GlobError::Character(character));
        }
    } else {
        component.parse::<RepositoryName>()?;
    }
    Ok(Segment::Word(component.into()))
}

fn shape(segments: &[Segment]) -> Result<Shape, GlobError> {
    let literal = |segment: &&Segment| match segment {
        Segment::Deep => false,
        Segment::Word(word) => !word.contains('*'),
    };
    let literals: Vec<&str> = segments
        .iter()
        .take_while(literal)
        .filter_map(|segment| match segment {
            Segment::Deep => None,
            Segment::Word(word) => Some(&**word),
        })
        .collect();
    let prefix = match literals.as_slice() {
        [] => None,
        words => Some(words.join("/").parse::<RepositoryName>()?),
    };
    let any = Segment::Word("*".into());
    Ok(match (prefix, &segments[literals.len()..]) {
        (Some(name), []) => Shape::Exact(name),
        (prefix, [one, Segment::Deep]) if *one == any => match prefix {
            Some(parent) => Shape::Below(parent),
            None => Shape::All,
        },
        (prefix, _) => Shape::Some(prefix),
    })
}

/// A pattern of tags: `*` stands for any characters, none included; everything else for itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TagGlob(Box<str>);

impl TagGlob {
    /// Whether the tag is meant.
    #[must_use]
    pub fn matches(&self, tag: &Tag) -> bool {
        wildcard_matches(&self.0, tag.as_str())
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagGlob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > MAX_LEN {
            return Err(GlobError::TooLong);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '*');
        match text.chars().find(|c| !allowed(*c)) {
            Some(character) => Err(GlobError::Character(character)),
            None => Ok(Self(text.into())),
        }
    }
}

macro_rules! glob_as_text {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

glob_as_text!(RepoGlob);
glob_as_text!(TagGlob);

#[cfg(test)]
pub(crate) mod tests;
