//! Rules of access: who may do what in which repositories.
//!
//! A rule grants when all its fields hold. Grants add up, their order does not matter, and
//! nothing takes a right away: what no rule grants is denied. Immutable tags bind everyone,
//! whatever the rules grant.

mod explain;
mod findings;
mod who;

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use oci_types::{RepositoryName, Tag};
use serde::Deserialize;

pub use explain::{Explanation, Miss};
pub use findings::{Finding, FindingKind, Known, Severity};
pub use who::{Who, WhoError};

use crate::{
    Action, Groups, Identity, Live, Policy, PolicyError, PullScope, RepoGlob, Rights, TagGlob,
    TagSet,
};

/// What a configuration says about access: `[[access]]`, `[[immutable]]` and `[groups]`.
///
/// Other keys are refused. A program with further keys in its file takes the fields over into a
/// type of its own, and makes [`Rules::new`] of them.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesConfig {
    /// The rules of access.
    pub access: Vec<AccessRule>,
    /// The tags that are made once.
    pub immutable: Vec<ImmutableRule>,
    /// Groups, besides those of a file.
    pub groups: Groups,
}

/// `[[access]]`: a grant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRule {
    /// The repositories, of which one pattern has to match.
    pub repos: Vec<RepoGlob>,
    /// To whom, of which one has to match.
    pub who: Vec<Who>,
    /// What.
    pub allow: Vec<Action>,
    /// Claims that a workload's token must have, each with exactly this value.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
}

/// `[[immutable]]`: tags that are made once, and neither moved nor removed by anyone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImmutableRule {
    /// The repositories, of which one pattern has to match.
    pub repos: Vec<RepoGlob>,
    /// The tags, of which one pattern has to match.
    pub tags: Vec<TagGlob>,
}

/// Which rule, by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleRef {
    /// An `[[access]]`, counted from 1.
    Access(usize),
    /// An `[[immutable]]`, counted from 1.
    Immutable(usize),
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access(number) => write!(f, "access rule {number}"),
            Self::Immutable(number) => write!(f, "immutable rule {number}"),
        }
    }
}

/// A rule that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A list of it is empty, so that it never matches.
    #[error("{rule}: `{field}` is empty, so the rule never matches")]
    Empty {
        /// The rule.
        rule: RuleRef,
        /// The list.
        field: &'static str,
    },
    /// It grants the catalog.
    #[error("{rule}: the catalog lists what may be pulled; `allow` cannot name it")]
    Catalog {
        /// The rule.
        rule: RuleRef,
    },
    /// It asks for claims, which only workloads have, and names somebody who has none.
    #[error("{rule}: `claims` are those of workloads; `{who}` never has any")]
    Claims {
        /// The rule.
        rule: RuleRef,
        /// Who never has any.
        who: Who,
    },
}

/// What was decided, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is allowed by this rule, the first of them.
    Allowed(RuleRef),
    /// No rule allows it.
    Denied,
}

impl Decision {
    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// Rules that make sense by themselves. [`findings`](Self::findings) says what is odd about them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rules {
    access: Vec<AccessRule>,
    immutable: Vec<ImmutableRule>,
}

impl Rules {
    /// Checks each rule by itself.
    ///
    /// # Errors
    /// [`RuleError`]: the first rule that never matches.
    pub fn new(access: Vec<AccessRule>, immutable: Vec<ImmutableRule>) -> Result<Self, RuleError> {
        let rules = Self { access, immutable };
        rules.numbered().try_for_each(check)?;
        for (rule, ImmutableRule { repos, tags }) in rules.numbered_immutable() {
            not_empty(rule, "repos", repos)?;
            not_empty(rule, "tags", tags)?;
        }
        Ok(rules)
    }

    /// Whether nobody is granted anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.access.is_empty()
    }

    /// What `identity` may do in the repository.
    #[must_use]
    pub fn rights(&self, identity: &Identity, repository: &RepositoryName) -> Rights {
        let granting = self.access.iter().filter(|rule| rule.covers(repository));
        let granting = granting.filter(|rule| rule.names(identity));
        granting
            .flat_map(|rule| rule.allow.iter().copied())
            .collect()
    }

    /// Whether `identity` may do `action`, and the first rule that allows it.
    #[must_use]
    pub fn decide(
        &self,
        identity: &Identity,
        action: Action,
        repository: &RepositoryName,
    ) -> Decision {
        let mut rules = self.numbered();
        let found = rules.find(|(_, rule)| {
            rule.allows(action) && rule.covers(repository) && rule.names(identity)
        });
        found.map_or(Decision::Denied, |(rule, _)| Decision::Allowed(rule))
    }

    /// The repositories from which `identity` may pull.
    #[must_use]
    pub fn pull_scope(&self, identity: &Identity) -> PullScope {
        let mut globs: Vec<RepoGlob> = Vec::new();
        for rule in &self.access {
            if rule.allows(Action::Pull) && rule.names(identity) {
                globs.extend(rule.repos.iter().cloned());
            }
        }
        PullScope::new(globs)
    }

    /// The tags of the repository that are made once.
    #[must_use]
    pub fn immutable_tags(&self, repository: &RepositoryName) -> TagSet {
        let rules = self.immutable.iter();
        let covering = rules.filter(|rule| rule.repos.iter().any(|glob| glob.matches(repository)));
        TagSet::new(
            covering
                .flat_map(|rule| rule.tags.iter().cloned())
                .collect(),
        )
    }

    /// Whether the tag is made once.
    #[must_use]
    pub fn is_immutable(&self, repository: &RepositoryName, tag: &Tag) -> bool {
        self.immutable.iter().any(|rule| {
            rule.tags.iter().any(|glob| glob.matches(tag))
                && rule.repos.iter().any(|glob| glob.matches(repository))
        })
    }

    fn numbered(&self) -> impl Iterator<Item = (RuleRef, &AccessRule)> {
        (1..).map(RuleRef::Access).zip(&self.access)
    }

    fn numbered_immutable(&self) -> impl Iterator<Item = (RuleRef, &ImmutableRule)> {
        (1..).map(RuleRef::Immutable).zip(&self.immutable)
    }
}

impl TryFrom<RulesConfig> for Rules {
    type Error = RuleError;

    fn try_from(config: RulesConfig) -> Result<Self, Self::Error> {
        Self::new(config.access, config.immutable)
    }
}

impl AccessRule {
    fn covers(&self, repository: &RepositoryName) -> bool {
        self.repos.iter().any(|glob| glob.matches(repository))
    }

    fn names(&self, identity: &Identity) -> bool {
        self.who.iter().any(|who| who.is(identity)) && self.claims_hold(identity)
    }

    fn allows(&self, action: Action) -> bool {
        let rights: Rights = self.allow.iter().copied().collect();
        rights.contains(action)
    }

    fn claims_hold(&self, identity: &Identity) -> bool {
        let Identity::Workload(workload) = identity else {
            return self.claims.is_empty();
        };
        self.claims
            .iter()
            .all(|(name, value)| workload.claims.get(name) == Some(value))
    }
}

fn check((rule, access): (RuleRef, &AccessRule)) -> Result<(), RuleError> {
    not_empty(rule, "repos", &access.repos)?;
    not_empty(rule, "who", &access.who)?;
    not_empty(rule, "allow", &access.allow)?;
    if access.allow.contains(&Action::Catalog) {
        return Err(RuleError::Catalog { rule });
    }
    let without_claims = |who: &&Who| !matches!(who, Who::Oidc(_));
    match access.who.iter().find(without_claims) {
        Some(who) if !access.claims.is_empty() => Err(RuleError::Claims {
            rule,
            who: who.clone(),
        }),
        _ => Ok(()),
    }
}

fn not_empty<T>(rule: RuleRef, field: &'static str, list: &[T]) -> Result<(), RuleError> {
    if list.is_empty() {
        return Err(RuleError::Empty { rule, field });
    }
    Ok(())
}

/// One rule in one line, as the configuration has it.
impl fmt::Display for AccessRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "repos = {}, who = ", List(&self.repos))?;
        write!(f, "{}, allow = {}", List(&self.who), List(&self.allow))?;
        if !self.claims.is_empty() {
            let claims = self
                .claims
                .iter()
                .map(|(name, value)| format!("{name} = {value:?}"));
            write!(
                f,
                ", claims = {{ {} }}",
                claims.collect::<Vec<_>>().join(", ")
            )?;
        }
        Ok(())
    }
}

/// A list as TOML writes it.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<_> = self.0.iter().map(|item| format!("\"{item}\"")).collect();
        write!(f, "[{}]", quoted.join(", "))
    }
}

#[async_trait]
impl Policy for Rules {
    async fn rights(
        &self,
        identity: &Identity,
        repository: &RepositoryName,
    ) -> Result<Rights, PolicyError> {
        Ok(Self::rights(self, identity, repository))
    }

    async fn pull_scope(&self, identity: &Identity) -> Result<PullScope, PolicyError> {
        Ok(Self::pull_scope(self, identity))
    }
}

/// The policy of the moment.
#[async_trait]
impl<P: Policy> Policy for Live<P> {
    async fn rights(
        &self,
        identity: &Identity,
        repository: &RepositoryName,
    ) -> Result<Rights, PolicyError> {
        self.current().rights(identity, repository).await
    }

    async fn pull_scope(&self, identity: &Identity) -> Result<PullScope, PolicyError> {
        self.current().pull_scope(identity).await
    }
}

#[cfg(test)]
mod tests;
