//! The part of the settings that is read again while the server runs.

use std::path::Path;

use oci_auth::{Groups, Rules};
use toml::Table;

use super::{ConfigError, ConfigErrors, RawConfig};

/// What `[[access]]`, `[[immutable]]` and `[groups]` say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ruleset {
    pub(crate) rules: Rules,
    /// How many `[[access]]` and how many `[[immutable]]` there are.
    pub(crate) counts: (usize, usize),
    pub(crate) groups: Groups,
}

/// The tables that a ruleset is made of.
const RELOADED: [&str; 3] = ["access", "immutable", "groups"];

impl Ruleset {
    pub(super) fn take(raw: &mut RawConfig) -> Result<Self, ConfigError> {
        let access = std::mem::take(&mut raw.access);
        let immutable = std::mem::take(&mut raw.immutable);
        let counts = (access.len(), immutable.len());
        Ok(Self {
            counts,
            rules: Rules::new(access, immutable)?,
            groups: std::mem::take(&mut raw.groups),
        })
    }

    /// Reads them in the text of a configuration file, all of which has to make sense.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        Ok(Self::take(&mut RawConfig::parse(text, path)?)?)
    }
}

/// The settings of a configuration file that take a restart.
pub(crate) fn fixed(text: &str) -> Option<Table> {
    let mut table: Table = toml::from_str(text).ok()?;
    for name in RELOADED {
        table.remove(name);
    }
    Some(table)
}
