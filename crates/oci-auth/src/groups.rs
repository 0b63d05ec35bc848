//! Who belongs to which group.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::{GroupName, NameError, UserName};

/// Groups and their members. A name that is no user's is harmless: it is nobody yet.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Groups {
    members: BTreeMap<GroupName, BTreeSet<UserName>>,
    of_user: HashMap<UserName, Arc<BTreeSet<GroupName>>>,
    none: Arc<BTreeSet<GroupName>>,
}

/// A line of a file of groups cannot be read. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupsError {
    /// It has no colon.
    #[error("line {line}: a group has the form `name: member member`")]
    Form {
        /// The line.
        line: usize,
    },
    /// A name is malformed.
    #[error("line {line}: {error}")]
    Name {
        /// The line.
        line: usize,
        /// What is wrong with it.
        error: NameError,
    },
}

impl Groups {
    /// Reads a file of lines `group: member member`, as Apache's `AuthGroupFile` has them. A
    /// group may have several lines. Empty lines and those that start with `#` are passed over.
    ///
    /// # Errors
    /// [`GroupsError`] with the line.
    pub fn parse(text: &str) -> Result<Self, GroupsError> {
        let mut members: BTreeMap<GroupName, BTreeSet<UserName>> = BTreeMap::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (group, names) = text.split_once(':').ok_or(GroupsError::Form { line })?;
            let named = |error| GroupsError::Name { line, error };
            let group = group.trim_end().parse().map_err(named)?;
            let users = members.entry(group).or_default();
            for user in names.split_whitespace() {
                users.insert(user.parse().map_err(named)?);
            }
        }
        Ok(Self::new(members))
    }

    /// These groups with these members.
    #[must_use]
    pub fn new(members: BTreeMap<GroupName, BTreeSet<UserName>>) -> Self {
        let mut of_user: HashMap<UserName, BTreeSet<GroupName>> = HashMap::new();
        for (group, users) in &members {
            for user in users {
                let groups = of_user.entry(user.clone()).or_default();
                groups.insert(group.clone());
            }
        }
        let of_user = of_user.into_iter();
        Self {
            members,
            of_user: of_user
                .map(|(user, groups)| (user, groups.into()))
                .collect(),
            none: Arc::default(),
        }
    }

    /// These and `other` together: a group of both has the members of both.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let mut members = self.members.clone();
        for (group, users) in &other.members {
            let known = members.entry(group.clone()).or_default();
            known.extend(users.iter().cloned());
        }
        Self::new(members)
    }

    /// The groups of a user.
    #[must_use]
    pub fn of(&self, user: &UserName) -> Arc<BTreeSet<GroupName>> {
        Arc::clone(self.of_user.get(user).unwrap_or(&self.none))
    }

    /// Whether there is a group of this name, be it empty.
    #[must_use]
    pub fn contains(&self, group: &GroupName) -> bool {
        self.members.contains_key(group)
    }

    /// The groups and their members, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&GroupName, &BTreeSet<UserName>)> {
        self.members.iter()
    }
}

/// A table of lists: `team-a = ["alice", "bob"]`.
impl<'de> Deserialize<'de> for Groups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(groups: &Groups, user: &str) -> Vec<String> {
        let groups = groups.of(&user.parse().unwrap());
        groups.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_are_read() {
        let text = "# ours\n\nteam-a: alice bob\r\nteam-b:bob\nteam-a : carol\nempty:\n";
        let groups = Groups::parse(text).unwrap();
        assert_eq!(names(&groups, "alice"), ["team-a"]);
        assert_eq!(names(&groups, "bob"), ["team-a", "team-b"]);
        assert_eq!(names(&groups, "carol"), ["team-a"]);
        assert!(names(&groups, "dave").is_empty());
        assert!(groups.contains(&"empty".parse().unwrap()));
        assert!(!groups.contains(&"team-c".parse().unwrap()));
    }

    #[test]
    fn errors_name_the_line() {
        let form = Groups::parse("a: b\n\nnonsense").unwrap_err();
        assert_eq!(form, GroupsError::Form { line: 3 });
        for (text, character) in [("two words: a", ' '), ("a: b:c", ':')] {
            let error = NameError::Character(character);
            let expected = GroupsError::Name { line: 1, error };
            assert_eq!(Groups::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn tables_are_read_and_merged() {
        let table: Groups = toml::from_str("team-a = ['alice']\nteam-c = []").unwrap();
        let both = table.merged(&Groups::parse("team-a: bob\nteam-b: bob").unwrap());
        assert_eq!(names(&both, "alice"), ["team-a"]);
        assert_eq!(names(&both, "bob"), ["team-a", "team-b"]);
        assert!(both.contains(&"team-c".parse().unwrap()));
        assert!(toml::from_str::<Groups>("'a b' = []").is_err());
        assert!(toml::from_str::<Groups>("a = ['b:c']").is_err());
    }
}
