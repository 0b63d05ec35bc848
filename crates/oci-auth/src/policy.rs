//! May they? The trait that answers, and what is made of the answer.

use std::error::Error;
use std::fmt::Debug;

use async_trait::async_trait;
use oci_types::{RepositoryName, Tag};

use crate::glob::{Shape, is_below};
use crate::{Identity, RepoGlob, Rights, TagGlob};

/// Decides who may do what. [`Rules`](crate::Rules) is the one that reads a configuration.
///
/// It is asked anew for each request, so that a revoked right is gone from the next one on.
#[async_trait]
pub trait Policy: Debug + Send + Sync {
    /// What `identity` may do in the repository, whether or not that exists.
    ///
    /// # Errors
    /// [`PolicyError`]: it cannot be said. The request must not be carried out.
    async fn rights(
        &self,
        identity: &Identity,
        repository: &RepositoryName,
    ) -> Result<Rights, PolicyError>;

    /// The repositories from which `identity` may pull. It agrees with [`rights`](Self::rights).
    ///
    /// # Errors
    /// As [`rights`](Self::rights).
    async fn pull_scope(&self, identity: &Identity) -> Result<PullScope, PolicyError>;
}

/// A policy cannot be asked, for instance because it is elsewhere and out of reach.
#[derive(Debug, thiserror::Error)]
#[error("the access policy cannot be asked")]
pub struct PolicyError(#[source] Box<dyn Error + Send + Sync>);

impl PolicyError {
    /// A failure with its cause.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// The repositories that somebody may read, for the queries of lists and mounts.
///
/// A query knows single repositories and everything below one. A pattern such as `a/*/b` is
/// neither: [`narrowed`](Self::narrowed) leaves it out, and [`cover`](Self::cover) takes
/// everything below `a` for it, which has to be filtered by [`contains`](Self::contains). Rules
/// with exact names, `a/**` and `**` alone make the two the same; see
/// [`is_exact`](Self::is_exact).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PullScope {
    globs: Vec<RepoGlob>,
}

/// What a query can express.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryScope {
    /// Every repository.
    All,
    /// Those that at least one pattern matches; with no pattern none.
    AnyOf(Vec<QueryPattern>),
}

/// One repository, or all below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryPattern {
    /// The repository of exactly this name.
    Exact(RepositoryName),
    /// Every repository below this one, without itself.
    Below(RepositoryName),
}

impl PullScope {
    /// The repositories that at least one of `globs` matches.
    #[must_use]
    pub fn new(globs: Vec<RepoGlob>) -> Self {
        Self { globs }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// Whether `name` is among them.
    #[must_use]
    pub fn contains(&self, name: &RepositoryName) -> bool {
        self.globs.iter().any(|glob| glob.matches(name))
    }

    /// Whether a query can express them all, so that nothing is lost by
    /// [`narrowed`](Self::narrowed) and nothing has to be filtered out of [`cover`](Self::cover).
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.narrowed() == self.cover()
    }

    /// Never more than they are: what a query cannot express is left out.
    #[must_use]
    pub fn narrowed(&self) -> QueryScope {
        self.query(|_| None)
    }

    /// Never less than they are: what a query cannot express is taken with its surroundings, and
    /// each name that comes out must be asked about with [`contains`](Self::contains).
    #[must_use]
    pub fn cover(&self) -> QueryScope {
        self.query(|parent| {
            Some(match parent {
                Some(parent) => Shape::Below(parent.clone()),
                None => Shape::All,
            })
        })
    }

    fn query(&self, widen: impl Fn(Option<&RepositoryName>) -> Option<Shape>) -> QueryScope {
        let mut patterns = Vec::new();
        for glob in &self.globs {
            let widened = match glob.shape() {
                Shape::Some(parent) => widen(parent.as_ref()),
                shape => Some(shape.clone()),
            };
            match widened {
                Some(Shape::All) => return QueryScope::All,
                Some(Shape::Exact(name)) => patterns.push(QueryPattern::Exact(name)),
                Some(Shape::Below(parent)) => patterns.push(QueryPattern::Below(parent)),
                Some(Shape::Some(_)) | None => {}
            }
        }
        QueryScope::AnyOf(without_redundant(patterns))
    }
}

/// Leaves out what another pattern covers, so that no query visits a repository twice.
fn without_redundant(patterns: Vec<QueryPattern>) -> Vec<QueryPattern> {
    let mut kept: Vec<QueryPattern> = Vec::new();
    for pattern in patterns {
        if !kept.iter().any(|other| other.covers(&pattern)) {
            kept.retain(|other| !pattern.covers(other));
            kept.push(pattern);
        }
    }
    kept
}

impl QueryPattern {
    /// Whether it matches `name`.
    #[must_use]
    pub fn matches(&self, name: &RepositoryName) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Below(parent) => is_below(name, parent),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Exact(name) => self.matches(name),
            Self::Below(name) => match self {
                Self::Exact(_) => false,
                Self::Below(parent) => parent == name || is_below(name, parent),
            },
        }
    }
}

impl QueryScope {
    /// Whether it matches `name`.
    #[must_use]
    pub fn contains(&self, name: &RepositoryName) -> bool {
        match self {
            Self::All => true,
            Self::AnyOf(patterns) => patterns.iter().any(|pattern| pattern.matches(name)),
        }
    }
}

/// A set of tags, by patterns.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TagSet {
    globs: Vec<TagGlob>,
}

impl TagSet {
    /// The tags that at least one of `globs` matches.
    #[must_use]
    pub fn new(globs: Vec<TagGlob>) -> Self {
        Self { globs }
    }

    /// Whether it is certain that there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// Whether `tag` is among them.
    #[must_use]
    pub fn contains(&self, tag: &Tag) -> bool {
        self.globs.iter().any(|glob| glob.matches(tag))
    }

    /// The patterns.
    #[must_use]
    pub fn globs(&self) -> &[TagGlob] {
        &self.globs
    }
}

#[cfg(test)]
mod tests;
