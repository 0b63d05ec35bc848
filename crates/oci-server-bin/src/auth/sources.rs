//! The files that users, groups and rules come from, and what is made of them while they change.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oci_auth::{Groups, Htpasswd, Live, ReloadError, Reloading, Severity};
use tokio::time::{MissedTickBehavior, interval};

use super::findings::rule_findings;
use super::{BoxError, Policies};
use crate::config::{Config, Ruleset, fixed};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Reads the files once, and again whenever they change. Whatever goes wrong then, what held
/// before stays.
pub(crate) struct Sources {
    rules: Option<Reloading<Ruleset>>,
    groups: Option<Reloading<Groups>>,
    users: Option<Reloading<Htpasswd>>,
    /// What the settings said at the start.
    first: Ruleset,
    policies: Arc<Policies>,
    trouble: Mutex<Vec<String>>,
}

/// What came of looking at the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// The files that were read again.
    pub(crate) read: Vec<PathBuf>,
    /// What could not be used, so that what held before stays.
    pub(crate) errors: Vec<String>,
}

impl Sources {
    /// Reads the files for the first time.
    ///
    /// Blocks.
    pub(crate) fn open(config: &Config) -> Result<Self, ReloadError> {
        let auth = config.auth.as_ref();
        let users = auth.and_then(|auth| auth.htpasswd.as_ref());
        let users = users.map(|path| Reloading::open(path, Htpasswd::parse));
        let groups = auth.and_then(|auth| auth.groups.as_ref());
        let groups = groups.map(|path| Reloading::open(path, Groups::parse));
        let (users, groups) = (users.transpose()?, groups.transpose()?);
        let rules = match &config.file {
            Some(path) => Some(watched(config, path.clone(), groups.as_ref())?),
            None => None,
        };
        let sources = Self {
            rules,
            groups,
            users,
            first: config.rules.clone(),
            policies: Arc::default(),
            trouble: Mutex::default(),
        };
        sources.policies.replace(sources.composed());
        Ok(sources)
    }

    /// The rules of the moment.
    pub(crate) fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// The users of the moment, if this registry has users.
    pub(super) fn users(&self) -> Option<Arc<Live<Htpasswd>>> {
        let users = self.users.as_ref()?;
        Some(Arc::clone(users.live()))
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
        let mut looked = Looked::default();
        looked.note(self.users.as_ref());
        let groups = looked.note(self.groups.as_ref());
        let rules = looked.note(self.rules.as_ref());
        if groups || rules {
            self.policies.replace(self.composed());
        }
        for path in &looked.read {
            tracing::info!(path = %path.display(), "read users, groups or rules again");
        }
        self.report(&looked.errors);
        looked
    }

    /// Says what is wrong, once for as long as it stays so.
    fn report(&self, errors: &[String]) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        for error in errors.iter().filter(|error| !trouble.contains(error)) {
            tracing::error!(error, "what held before stays");
        }
        *trouble = errors.to_vec();
    }

    /// The rules with all groups there are.
    fn composed(&self) -> Ruleset {
        let rules = self.rules.as_ref().map(Reloading::current);
        let rules = rules.as_deref().unwrap_or(&self.first);
        let groups = self.groups.as_ref().map(Reloading::current);
        Ruleset {
            rules: rules.rules.clone(),
            groups: match groups {
                Some(groups) => rules.groups.merged(&groups),
                None => rules.groups.clone(),
            },
        }
    }
}

impl Looked {
    /// Looks at one file; whether there is a new value.
    fn note<T>(&mut self, file: Option<&Reloading<T>>) -> bool {
        let Some(file) = file else {
            return false;
        };
        let refreshed = file.refresh();
        match refreshed {
            Ok(false) => {}
            Ok(true) => self.read.push(file.path().to_owned()),
            Err(ref error) => self.errors.push(crate::chain(error)),
        }
        matches!(refreshed, Ok(true))
    }
}

/// The configuration file as a source of rules. Rules that would be refused at the start are
/// refused later, too.
fn watched(
    config: &Config,
    path: PathBuf,
    groups: Option<&Reloading<Groups>>,
) -> Result<Reloading<Ruleset>, ReloadError> {
    let groups = groups.map(|groups| Arc::clone(groups.live()));
    let providers = super::findings::providers(config);
    let named = path.clone();
    let restart = Mutex::new(None);
    Reloading::open(path, move |text| -> Result<Ruleset, BoxError> {
        let ruleset = Ruleset::parse(text, &named)?;
        let of_file = groups.as_ref().map(|groups| groups.current());
        let found = rule_findings(&ruleset, of_file.as_deref(), None, &providers);
        if let Some(finding) = found
            .into_iter()
            .find(|finding| finding.severity == Severity::Error)
        {
            return Err(finding.text.into());
        }
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
