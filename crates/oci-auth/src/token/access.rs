//! The `access` claim: scopes as tokens hold them.

use serde::{Deserialize, Serialize};

use crate::ResourceScope;

/// A scope as a token's `access` claim holds it. A token may hold entries that mean nothing here.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccessEntry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    name: String,
    #[serde(default)]
    actions: Vec<String>,
}

impl From<&ResourceScope> for AccessEntry {
    fn from(scope: &ResourceScope) -> Self {
        let words = scope.actions().iter().map(|action| action.as_str());
        Self {
            kind: scope.kind().as_str().to_owned(),
            class: scope.class().map(str::to_owned),
            name: scope.name().to_owned(),
            actions: words.map(str::to_owned).collect(),
        }
    }
}

impl AccessEntry {
    /// The entry as a scope; none if it could not be one. Actions that could be none are left
    /// out.
    pub(super) fn to_scope(&self) -> Option<ResourceScope> {
        let words = self.actions.iter().map(String::as_str);
        ResourceScope::from_parts(&self.kind, self.class.as_deref(), &self.name, words)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scope::tests::any_scope;

    fn read(json: &str) -> Option<ResourceScope> {
        let entry: AccessEntry = serde_json::from_str(json).unwrap();
        entry.to_scope()
    }

    #[test]
    fn foreign_entries_grant_nothing() {
        for json in [
            r#"{"type":"Repository","name":"a","actions":["pull"]}"#,
            r#"{"type":"repository","name":"","actions":["pull"]}"#,
            r#"{"type":"repository","class":"x)(","name":"a","actions":["pull"]}"#,
            r#"{"type":"repository","name":"a b","actions":["pull"]}"#,
        ] {
            assert_eq!(read(json), None, "{json}");
        }
        for (json, scope) in [
            (
                r#"{"type":"repository","name":"a","actions":["pull","x y"]}"#,
                "repository:a:pull",
            ),
            (
                r#"{"type":"repository","name":"a","actions":[]}"#,
                "repository:a:",
            ),
            (r#"{"type":"repository","name":"a","x":1}"#, "repository:a:"),
            (
                r#"{"type":"repository","name":"a:pull,push","actions":[]}"#,
                "repository:a:pull,push:",
            ),
        ] {
            assert_eq!(read(json).unwrap().to_string(), scope, "{json}");
        }
    }

    proptest! {
        #[test]
        fn scopes_survive_a_token(scope in any_scope()) {
            let json = serde_json::to_string(&AccessEntry::from(&scope)).unwrap();
            prop_assert_eq!(read(&json), Some(scope));
        }
    }
}
