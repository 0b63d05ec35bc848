//! The files that users, groups and rules come from, and what is made of them while they change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oci_auth::{Groups, Htpasswd, Live, ProviderName, ReloadError, Reloading};
use tokio::time::{MissedTickBehavior, interval};

use super::findings::{providers, rule_findings};
use super::{BoxError, Policies};
use crate::config::{AuthConfig, Config, Ruleset, fixed};
use crate::finding::Finding;

/// How often the files are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Reads the files once, and again whenever they change. Whatever goes wrong then, what held
/// before stays.
pub(crate) struct Sources {
    users: Option<Source<Htpasswd>>,
    groups: Option<Source<Groups>>,
    rules: Option<Source<Ruleset>>,
    providers: BTreeSet<ProviderName>,
    state: Mutex<State>,
    policies: Arc<Policies>,
}

/// What is known from the last look.
struct State {
    /// The rules that hold. Those of the file may be others, which cannot be used.
    rules: Arc<Ruleset>,
    /// What was reported.
    trouble: Vec<String>,
}

/// What came of looking at the files, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    pub(crate) files: Vec<(PathBuf, Look)>,
    /// What is odd about rules that hold from now on.
    pub(crate) warnings: Vec<String>,
}

/// What came of looking at a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It says what it said before.
    Unchanged,
    /// What it says holds from now on.
    Read,
    /// It cannot be used, so that what held before stays.
    Refused(String),
}

impl Sources {
    /// Reads the files for the first time.
    ///
    /// Blocks.
    pub(crate) fn open(config: &Config) -> Result<Self, Vec<Finding>> {
        let auth = config.auth.as_ref();
        let mut findings = Vec::new();
        let users = auth.and_then(|auth| auth.htpasswd.as_ref());
        let users = users.map(|path| Source::open(path, Htpasswd::parse));
        let users = opened("htpasswd", users, &mut findings);
        let groups = auth.and_then(|auth| auth.groups.as_ref());
        let groups = groups.map(|path| Source::open(path, Groups::parse));
        let groups = opened("groups", groups, &mut findings);
        let rules = config.file.as_ref().map(|path| watched(path.clone()));
        let rules = opened("configuration", rules, &mut findings);
        let (Some(users), Some(groups), Some(rules)) = (users, groups, rules) else {
            return Err(findings);
        };
        let first = rules.as_ref().map(|rules| rules.file.current());
        let first = first.unwrap_or_else(|| Arc::new(config.rules.clone()));
        let sources = Self {
            users,
            groups,
            rules,
            providers: providers(config),
            state: Mutex::new(State {
                rules: Arc::clone(&first),
                trouble: Vec::new(),
            }),
            policies: Arc::default(),
        };
        sources.policies.replace(sources.composed(&first));
        Ok(sources)
    }

    /// The rules without the users, for questions about the rules alone.
    ///
    /// Blocks.
    pub(crate) fn rules_only(mut config: Config) -> Result<Self, Vec<Finding>> {
        config.auth = config.auth.map(|auth| AuthConfig {
            htpasswd: None,
            ..auth
        });
        Self::open(&config)
    }

    /// The rules of the moment.
    pub(crate) fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// The users of the moment, if this registry has users.
    pub(crate) fn users(&self) -> Option<Arc<Live<Htpasswd>>> {
        let users = self.users.as_ref()?;
        Some(Arc::clone(users.file.live()))
    }

    /// Follows the files for as long as it is polled.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look().await;
        }
    }

    /// Looks at the files, and takes over what has changed; what it answers holds from now on.
    pub(crate) async fn look(self: &Arc<Self>) -> Looked {
        let sources = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || sources.refresh()).await;
        looked.unwrap_or_default()
    }

    fn refresh(&self) -> Looked {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looked = Looked::default();
        looked.note(self.users.as_ref());
        let groups = looked.note(self.groups.as_ref());
        looked.note(self.rules.as_ref());
        let rules = self.accept(&mut state, &mut looked);
        if groups || rules {
            self.policies.replace(self.composed(&state.rules));
        }
        state.report(&looked);
        looked
    }

    /// Takes the rules of the file over, unless they would be refused at the start; answers
    /// whether they are others. Those that were refused may be good with the groups of now.
    fn accept(&self, state: &mut State, looked: &mut Looked) -> bool {
        let Some(source) = &self.rules else {
            return false;
        };
        let found = source.file.current();
        let path = source.file.path();
        if Arc::ptr_eq(&found, &state.rules) || looked.has_refused(path) {
            return false;
        }
        let groups = self.groups.as_ref().map(|groups| groups.file.current());
        let users = self
            .users
            .as_ref()
            .map(|users| users.file.current().users());
        let findings = rule_findings(&found, groups.as_deref(), users.as_ref(), &self.providers);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(Finding::is_error);
        let texts = |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.text);
        if errors.is_empty() {
            looked.warnings.extend(texts(warnings));
            looked.set(path, Look::Read);
            state.rules = found;
            return true;
        }
        let why: Vec<_> = texts(errors).collect();
        let why = format!("{} cannot be used: {}", path.display(), why.join("; "));
        looked.set(path, Look::Refused(why));
        false
    }

    /// These rules with all groups there are.
    fn composed(&self, rules: &Ruleset) -> Ruleset {
        let groups = self.groups.as_ref().map(|groups| groups.file.current());
        Ruleset {
            groups: match groups {
                Some(groups) => rules.groups.merged(&groups),
                None => rules.groups.clone(),
            },
            ..rules.clone()
        }
    }
}

impl State {
    /// Says what has changed; and what is wrong, once for as long as it stays so.
    fn report(&mut self, looked: &Looked) {
        let mut trouble = Vec::new();
        for (path, look) in &looked.files {
            match look {
                Look::Unchanged => {}
                Look::Read => {
                    let path = path.display();
                    tracing::info!(%path, "read users, groups or rules again");
                }
                Look::Refused(error) => {
                    if !self.trouble.contains(error) {
                        tracing::error!(error, "what held before stays");
                    }
                    trouble.push(error.clone());
                }
            }
        }
        for warning in &looked.warnings {
            tracing::warn!("{warning}");
        }
        self.trouble = trouble;
    }
}

impl Looked {
    /// Looks at one file; whether there is a new value.
    fn note<T>(&mut self, source: Option<&Source<T>>) -> bool {
        let Some(source) = source else {
            return false;
        };
        let look = source.look();
        let is_new = look == Look::Read;
        self.files.push((source.file.path().to_owned(), look));
        is_new
    }

    /// Puts right what was noted of a file that could be read.
    fn set(&mut self, path: &Path, new: Look) {
        let mut files = self.files.iter_mut();
        if let Some((_, look)) = files.find(|(known, _)| known == path) {
            *look = new;
        }
    }

    fn has_refused(&self, path: &Path) -> bool {
        let mut files = self.files.iter();
        files.any(|(known, look)| known == path && matches!(look, Look::Refused(_)))
    }
}

/// A file, and what is wrong with what it says now.
pub(super) struct Source<T> {
    file: Reloading<T>,
    broken: Mutex<Option<String>>,
}

impl<T> Source<T> {
    pub(super) fn open<E: Into<BoxError>>(
        path: impl Into<PathBuf>,
        parse: impl Fn(&str) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, ReloadError> {
        Ok(Self {
            file: Reloading::open(path, parse)?,
            broken: Mutex::default(),
        })
    }

    /// Content that cannot be used is told of for as long as it is there.
    pub(super) fn look(&self) -> Look {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file.refresh() {
            Ok(true) => {
                *broken = None;
                Look::Read
            }
            Ok(false) => broken.clone().map_or(Look::Unchanged, Look::Refused),
            Err(error) => {
                let text = crate::chain(&error);
                if matches!(error, ReloadError::Content { .. }) {
                    *broken = Some(text.clone());
                }
                Look::Refused(text)
            }
        }
    }
}

/// A source that may not be configured; `None` if it cannot be used.
fn opened<T>(
    name: &'static str,
    source: Option<Result<Source<T>, ReloadError>>,
    findings: &mut Vec<Finding>,
) -> Option<Option<Source<T>>> {
    match source.transpose() {
        Ok(source) => Some(source),
        Err(error) => {
            let name = match (&error, name) {
                (ReloadError::Read { .. }, "htpasswd") => "unreadable-htpasswd",
                (ReloadError::Read { .. }, "groups") => "unreadable-groups",
                (ReloadError::Read { .. }, _) => "unreadable-configuration",
                (_, name) => name,
            };
            findings.push(Finding::of(name, &error));
            None
        }
    }
}

/// The configuration file as a source of rules.
fn watched(path: PathBuf) -> Result<Source<Ruleset>, ReloadError> {
    let named = path.clone();
    let restart = Mutex::new(None);
    Source::open(path, move |text| -> Result<Ruleset, BoxError> {
        let ruleset = Ruleset::parse(text, &named)?;
        let mut restart = restart.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fixed(text);
        let before = restart.get_or_insert_with(|| now.clone());
        if *before != now {
            tracing::warn!(
                path = %named.display(),
                "settings beside access, immutable and groups have changed; they take a restart"
            );
            *before = now;
        }
        Ok(ruleset)
    })
}
