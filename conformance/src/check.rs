//! What a check is, and the ways in which one can end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::client::Exchange;
use crate::context::Cx;
use crate::level::Level;
use crate::section::Section;

/// A check's body.
pub type Run = for<'a> fn(&'a Cx) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// One named question to a registry. Independent of every other check.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name, `group.what-is-asked`.
    pub name: &'static str,
    /// The section of the specification it belongs to.
    pub section: Section,
    /// How binding it is.
    pub level: Level,
    /// When it can run.
    pub mode: Mode,
    /// What a conforming registry does, as one sentence.
    pub title: &'static str,
    /// What it rests on: a quotation of the specification, or for [`Level::Client`] the reason.
    pub basis: &'static str,
    /// The questions themselves.
    pub run: Run,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

/// When a check can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It writes: not against a registry that may only be read.
    Writes,
    /// It only reads, content of its own making or given content.
    Reads,
    /// It judges what the whole run has seen, after every other check.
    Last,
}

/// How a check ends: `Ok` is a pass.
pub type Verdict = Result<(), Stop>;

/// Why a check ended before its end.
#[derive(Clone, Debug)]
pub enum Stop {
    /// The registry does not do what the check asks for.
    Failed(Finding),
    /// A step that only prepared the question failed, so that it could not be asked.
    Blocked(Finding),
    /// The question does not apply to this registry, for this reason.
    Skipped(String),
}

/// What was expected, and the exchange that showed otherwise.
#[derive(Clone, Debug)]
pub struct Finding {
    /// One sentence.
    pub sentence: String,
    /// The request and the answer in question.
    pub exchange: Option<Arc<Exchange>>,
}

impl Stop {
    /// A failure.
    pub fn failed(sentence: impl Into<String>, exchange: Option<Arc<Exchange>>) -> Stop {
        Stop::Failed(Finding {
            sentence: sentence.into(),
            exchange,
        })
    }

    /// A skip with its reason.
    pub fn skipped(reason: impl Into<String>) -> Stop {
        Stop::Skipped(reason.into())
    }

    /// Turns a failure of a preparing step into what it is. `what` completes the sentence
    /// "Could not prepare the check: …".
    #[must_use]
    pub fn while_preparing(self, what: &str) -> Stop {
        match self {
            Stop::Failed(finding) => Stop::Blocked(Finding {
                sentence: format!("Could not prepare the check: {what}. {}", finding.sentence),
                exchange: finding.exchange,
            }),
            other => other,
        }
    }
}

/// Preparing steps: their failures block a check rather than fail it.
pub trait Given<T> {
    /// Marks the step as one that prepares.
    ///
    /// # Errors
    /// [`Stop::Blocked`] where the step failed.
    fn given(self, what: &str) -> Result<T, Stop>;
}

impl<T> Given<T> for Result<T, Stop> {
    fn given(self, what: &str) -> Result<T, Stop> {
        self.map_err(|stop| stop.while_preparing(what))
    }
}

/// Lists the checks of a file: level, mode, function, name, section, title and basis of each.
macro_rules! checks {
    ($($level:ident $mode:ident $function:ident $name:literal $section:ident $title:literal $basis:literal;)*) => {
        /// The checks of this file.
        pub(super) const CHECKS: &[crate::check::Check] = &[
            $(crate::check::Check {
                name: $name,
                section: crate::section::$section,
                level: crate::level::Level::$level,
                mode: crate::check::Mode::$mode,
                title: $title,
                basis: $basis,
                run: |cx| Box::pin($function(cx)),
            },)*
        ];
    };
}
pub(crate) use checks;
