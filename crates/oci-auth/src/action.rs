//! What can be done in a repository.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Something that can be done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Add blobs, manifests and tags. Moving a tag that exists takes
    /// [`Overwrite`](Self::Overwrite) as well.
    Push,
    /// Let an existing tag name something else.
    Overwrite,
    /// Remove blobs, manifests and tags.
    Delete,
    /// Have it listed in the catalog. It is never granted by itself: who may pull from a
    /// repository has it listed.
    Catalog,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 5] = [
        Self::Pull,
        Self::Push,
        Self::Overwrite,
        Self::Delete,
        Self::Catalog,
    ];

    /// The word for it in rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Overwrite => "overwrite",
            Self::Delete => "delete",
            Self::Catalog => "catalog",
        }
    }

    /// The bit that grants it.
    const fn bit(self) -> u8 {
        match self {
            Self::Pull | Self::Catalog => 1,
            Self::Push => 1 << 1,
            Self::Overwrite => 1 << 2,
            Self::Delete => 1 << 3,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is no action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an action is one of pull, push, overwrite and delete, or catalog, which follows pull")]
pub struct ActionError;

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|action| action.as_str() == text);
        found.ok_or(ActionError)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Which actions somebody may do in a repository.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u8);

impl Rights {
    /// No action.
    pub const NONE: Self = Self(0);

    /// Every action.
    pub const ALL: Self = Self(
        Action::Pull.bit() | Action::Push.bit() | Action::Overwrite.bit() | Action::Delete.bit(),
    );

    /// Whether `action` is among them.
    #[must_use]
    pub const fn contains(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that both have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The actions that can be granted and are among them.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        let granted = Action::ALL
            .into_iter()
            .filter(|action| *action != Action::Catalog);
        granted.filter(move |action| self.contains(*action))
    }
}

impl FromIterator<Action> for Rights {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        let bits = actions.into_iter().map(Action::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_print_and_parse() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
        assert_eq!("Pull".parse::<Action>(), Err(ActionError));
    }

    #[test]
    fn the_catalog_follows_pull() {
        let pull: Rights = [Action::Pull].into_iter().collect();
        assert!(pull.contains(Action::Catalog));
        let others: Rights = [Action::Push, Action::Overwrite, Action::Delete]
            .into_iter()
            .collect();
        assert!(!others.contains(Action::Catalog));
        assert_eq!(pull.union(others), Rights::ALL);
        assert_eq!(pull.intersection(others), Rights::NONE);
        assert_eq!(Rights::ALL.iter().count(), 4);
    }
}
