//! Something that is wrong or odd about the settings, or about a file that they name.

use std::error::Error;
use std::fmt;

use oci_auth::Severity;

/// Something that is wrong or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// What kind of thing it is. It stays the same whatever the sentence says.
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

impl Finding {
    /// Something that ends the start.
    pub(crate) fn error(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            name,
            text: text.into(),
        }
    }

    /// An error with its causes.
    pub(crate) fn of(name: &'static str, error: &dyn Error) -> Self {
        Self::error(name, crate::chain(error))
    }

    /// Something to look at.
    pub(crate) fn warning(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            name,
            text: text.into(),
        }
    }

    /// Whether it ends the start.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {} [{}]", self.text, self.name)
    }
}
