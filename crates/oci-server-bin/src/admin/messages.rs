//! What goes over the socket, as JSON.

use serde::{Deserialize, Serialize};

/// What the server is and does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusAnswer {
    pub(crate) version: String,
    pub(crate) uptime_seconds: u64,
    /// Where it listens.
    pub(crate) url: String,
    /// Whether it is about to end.
    pub(crate) draining: bool,
    /// `none`, `basic` or `bearer`.
    pub(crate) scheme: String,
    pub(crate) access_rules: u64,
    pub(crate) immutable_rules: u64,
    pub(crate) groups: u64,
    /// None if the server has no users of its own.
    pub(crate) users: Option<u64>,
}

/// What was read again, and what could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadAnswer {
    pub(crate) files: Vec<FileAnswer>,
    /// What is odd about rules that hold from now on.
    pub(crate) warnings: Vec<String>,
}

/// What came of reading one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileAnswer {
    /// The path of a file, or `keys of NAME` for a token server's keys.
    pub(crate) source: String,
    pub(crate) outcome: Outcome,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// What came of reading something again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// What it says holds from now on.
    Read,
    /// It says what it said before.
    Unchanged,
    /// It cannot be used; what held before stays.
    Refused,
}

/// Who may do what?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainQuestion {
    pub(crate) who: String,
    pub(crate) action: String,
    pub(crate) repository: String,
}

/// Whether it is allowed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExplainAnswer {
    pub(crate) allowed: bool,
    pub(crate) who: String,
    pub(crate) action: String,
    pub(crate) repository: String,
    /// The rules that cover the repository; first those that allow it.
    pub(crate) rules: Vec<RuleAnswer>,
    /// The whole of it in sentences.
    pub(crate) text: String,
}

/// A rule that covers the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleAnswer {
    /// By its place in the configuration.
    pub(crate) rule: String,
    /// What it says.
    pub(crate) text: String,
    /// Why it does not allow it: `who`, `claims` or `action`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) miss: Option<String>,
}

/// What was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RevokeAnswer {
    /// How many refresh tokens there were.
    pub(crate) removed: u64,
}

/// Why there is no other answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErrorAnswer {
    /// A sentence.
    pub(crate) error: String,
}
