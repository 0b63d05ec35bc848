//! How binding a check is.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// How binding the sentence is that a check rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A MUST of the released specification (v1.1). Failing one means not to conform.
    Must,
    /// A SHOULD of the released specification.
    Should,
    /// Something optional: skipped where it is absent, failed where it is there but wrong.
    May,
    /// A MUST or SHOULD of the specification's main branch that is in no release yet.
    Draft,
    /// No sentence of the specification: real clients, other HTTP documents or the safety of a
    /// registry with several users demand it.
    Client,
}

impl Level {
    /// All levels, the most binding first.
    pub const ALL: [Level; 5] = [
        Level::Must,
        Level::Should,
        Level::May,
        Level::Draft,
        Level::Client,
    ];

    /// The level's name, as commands and reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
            Level::Draft => "draft",
            Level::Client => "client",
        }
    }

    /// One sentence on what the level means.
    pub fn meaning(self) -> &'static str {
        match self {
            Level::Must => "Required by the released specification (v1.1).",
            Level::Should => "Recommended by the released specification.",
            Level::May => "Optional: skipped where absent, failed where present but wrong.",
            Level::Draft => "Required or recommended by the specification's next version.",
            Level::Client => "Not in the specification: real clients or safety depend on it.",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no level; the levels are MUST, SHOULD, MAY, draft and client")]
pub struct UnknownLevel(String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Level, UnknownLevel> {
        let same = |level: &Level| level.as_str().eq_ignore_ascii_case(text);
        let found = Level::ALL.into_iter().find(same);
        found.ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}
