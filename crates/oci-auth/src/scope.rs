//! What a token is for: `type[(class)]:name:action[,action]`, in requests, challenges and tokens.
//!
//! Clients write scopes with more in them than this registry grants: other types, other actions,
//! names with a host and a port. They are read without complaint, and grant nothing.

use std::fmt;
use std::str::FromStr;

use oci_types::RepositoryName;

use crate::{Action, Rights};

/// The most bytes a scope may have as text.
const MAX_LEN: usize = 1024;

/// Actions on one thing, such as `repository:team/api:pull,push`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceScope {
    kind: ResourceType,
    class: Option<Box<str>>,
    name: Box<str>,
    actions: Vec<ScopeAction>,
}

/// The type of the thing that a scope is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResourceType {
    /// `repository`.
    Repository,
    /// `registry`, the type of the catalog.
    Registry,
    /// Another one: lower-case letters, digits, `-` and `_`.
    Other(Box<str>),
}

/// An action as scopes name it. Overwriting has no name there: `push` asks for it too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScopeAction {
    /// `pull`.
    Pull,
    /// `push`.
    Push,
    /// `delete`.
    Delete,
    /// `*`: whatever there is.
    All,
    /// Another one: ASCII letters, digits, `-` and `_`.
    Other(Box<str>),
}

impl ResourceScope {
    /// `actions` in the repository `name`; one named twice is taken once.
    pub fn repository(
        name: &RepositoryName,
        actions: impl IntoIterator<Item = ScopeAction>,
    ) -> Self {
        let mut scope = Self {
            kind: ResourceType::Repository,
            class: None,
            name: name.as_str().into(),
            actions: Vec::new(),
        };
        scope.add(actions);
        scope
    }

    /// `registry:catalog:*`, which the catalog takes.
    #[must_use]
    pub fn catalog() -> Self {
        Self {
            kind: ResourceType::Registry,
            class: None,
            name: "catalog".into(),
            actions: vec![ScopeAction::All],
        }
    }

    /// The type of the thing.
    #[must_use]
    pub fn kind(&self) -> &ResourceType {
        &self.kind
    }

    /// The class in brackets behind the type.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        self.class.as_deref()
    }

    /// The name of the thing, which may be no repository's: clients put a host before it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The actions, each once, in the order in which they were named. There may be none.
    #[must_use]
    pub fn actions(&self) -> &[ScopeAction] {
        &self.actions
    }

    /// Whether it is about the catalog.
    #[must_use]
    pub fn is_catalog(&self) -> bool {
        self.kind == ResourceType::Registry && &*self.name == "catalog"
    }

    /// The repository that it is about; none if it is about something else, or about a name that
    /// no repository has.
    #[must_use]
    pub fn repository_name(&self) -> Option<RepositoryName> {
        match self.kind {
            ResourceType::Repository => self.name.parse().ok(),
            ResourceType::Registry | ResourceType::Other(_) => None,
        }
    }

    /// What it permits in the repository `name`, as far as a token goes: `push` stands for
    /// overwriting too, and what comes of it is a matter of the rules.
    #[must_use]
    pub fn rights_in(&self, name: &RepositoryName) -> Rights {
        if self.kind == ResourceType::Repository && &*self.name == name.as_str() {
            self.rights()
        } else {
            Rights::NONE
        }
    }

    /// The actions as rights.
    pub(crate) fn rights(&self) -> Rights {
        let rights = self.actions.iter().map(|action| match action {
            ScopeAction::Pull => Rights::from_iter([Action::Pull]),
            ScopeAction::Push => Rights::from_iter([Action::Push, Action::Overwrite]),
            ScopeAction::Delete => Rights::from_iter([Action::Delete]),
            ScopeAction::All => Rights::ALL,
            ScopeAction::Other(_) => Rights::NONE,
        });
        rights.fold(Rights::NONE, Rights::union)
    }

    /// The same thing with other actions.
    pub(crate) fn with_actions(&self, actions: impl IntoIterator<Item = ScopeAction>) -> Self {
        let mut scope = Self {
            actions: Vec::new(),
            ..self.clone()
        };
        scope.add(actions);
        scope
    }

    /// A scope of parts that somebody else has written; none if it could not be one. Words that
    /// could be no action are left out.
    pub(crate) fn from_parts<'a>(
        kind: &str,
        class: Option<&str>,
        name: &str,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let kind = parse_kind(kind)?;
        let fits = !name.is_empty() && name.len() <= MAX_LEN && name.bytes().all(is_name_byte);
        if !fits || !class.is_none_or(is_word) {
            return None;
        }
        let mut scope = Self {
            kind,
            class: class.map(Into::into),
            name: name.into(),
            actions: Vec::new(),
        };
        scope.add(words.into_iter().filter_map(|word| parse_action(word).ok()));
        Some(scope)
    }

    fn add(&mut self, actions: impl IntoIterator<Item = ScopeAction>) {
        for action in actions {
            if !self.actions.contains(&action) {
                self.actions.push(action);
            }
        }
    }

    fn is_same_thing(&self, other: &Self) -> bool {
        self.kind == other.kind && self.class == other.class && self.name == other.name
    }
}

/// Folds scopes of the same thing into one; the order of the first mentions is kept.
#[must_use]
pub fn merge_scopes(scopes: impl IntoIterator<Item = ResourceScope>) -> Vec<ResourceScope> {
    let mut merged: Vec<ResourceScope> = Vec::new();
    for scope in scopes {
        match merged.iter_mut().find(|known| known.is_same_thing(&scope)) {
            Some(known) => known.add(scope.actions),
            None => merged.push(scope),
        }
    }
    merged
}

/// Why a text is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It has fewer than three parts.
    #[error("a scope has the form type:name:action, such as repository:team/api:pull,push")]
    Parts,
    /// It is longer than 1,024 bytes.
    #[error("a scope has at most 1024 bytes")]
    TooLong,
    /// The type or its class has other characters than it may.
    #[error("the type of a scope is a lower-case word, perhaps with a class: repository(plugin)")]
    Type,
    /// The name is empty, or not all printable ASCII without spaces, quotes and backslashes.
    #[error("the name of a scope is the name of a repository, or `catalog`")]
    Name,
    /// An action has other characters than it may.
    #[error("the actions of a scope are words with commas between them, such as pull,push")]
    Action,
}

impl FromStr for ResourceScope {
    type Err = ScopeError;

    /// Splits at the first and the last colon, because the name may hold one of a port.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_LEN {
            return Err(ScopeError::TooLong);
        }
        let (kind, rest) = text.split_once(':').ok_or(ScopeError::Parts)?;
        let (name, actions) = rest.rsplit_once(':').ok_or(ScopeError::Parts)?;
        let (kind, class) = parse_type(kind)?;
        if name.is_empty() || !name.bytes().all(is_name_byte) {
            return Err(ScopeError::Name);
        }
        let mut scope = Self {
            kind,
            class,
            name: name.into(),
            actions: Vec::new(),
        };
        // Some clients ask for nothing in particular: `repository:a:`.
        for action in actions.split(',').filter(|action| !action.is_empty()) {
            scope.add([parse_action(action)?]);
        }
        Ok(scope)
    }
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_graphic() && b != b'"' && b != b'\\'
}

/// Whether it could be a type or a class.
fn is_word(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    !text.is_empty() && text.bytes().all(allowed)
}

fn parse_type(text: &str) -> Result<(ResourceType, Option<Box<str>>), ScopeError> {
    let (kind, class) = match text.strip_suffix(')') {
        Some(rest) => {
            let (kind, class) = rest.split_once('(').ok_or(ScopeError::Type)?;
            (kind, Some(class))
        }
        None => (text, None),
    };
    match parse_kind(kind) {
        Some(kind) if class.is_none_or(is_word) => Ok((kind, class.map(Into::into))),
        _ => Err(ScopeError::Type),
    }
}

fn parse_kind(text: &str) -> Option<ResourceType> {
    match text {
        "repository" => Some(ResourceType::Repository),
        "registry" => Some(ResourceType::Registry),
        other => is_word(other).then(|| ResourceType::Other(other.into())),
    }
}

fn parse_action(text: &str) -> Result<ScopeAction, ScopeError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    Ok(match text {
        "pull" => ScopeAction::Pull,
        "push" => ScopeAction::Push,
        "delete" => ScopeAction::Delete,
        "*" => ScopeAction::All,
        other if !other.is_empty() && other.bytes().all(allowed) => {
            ScopeAction::Other(other.into())
        }
        _ => return Err(ScopeError::Action),
    })
}

impl ResourceType {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Repository => "repository",
            Self::Registry => "registry",
            Self::Other(other) => other,
        }
    }
}

impl ScopeAction {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::All => "*",
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for ResourceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if let Some(class) = &self.class {
            write!(f, "({class})")?;
        }
        write!(f, ":{}:", self.name)?;
        for (index, action) in self.actions.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", action.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
