//! Identities, credentials, rules and tokens of an OCI registry, free of transport and storage.

mod action;
mod challenge;
mod credentials;
mod glob;
mod groups;
mod identity;
mod live;
mod name;
mod passwords;
mod policy;
mod recent;
mod rules;
mod scope;
mod secret;
mod time;

pub use action::{Action, ActionError, Rights};
pub use challenge::{BearerError, Challenge, ChallengeError, Quotable, QuotableError};
pub use credentials::{Credentials, CredentialsError, Login};
pub use glob::{GlobError, RepoGlob, TagGlob};
pub use groups::{Groups, GroupsError};
pub use identity::{External, Identity, User, Workload};
pub use live::{Live, ReloadError, Reloading};
pub use name::{GroupName, NameError, ProviderName, UserName};
pub use passwords::{
    Account, Accounts, CredentialVersion, HashError, Htpasswd, HtpasswdAccounts, HtpasswdError,
    LoginError, PasswordOptions, hash_password,
};
pub use policy::{Policy, PolicyError, PullScope, QueryPattern, QueryScope, TagSet};
pub use rules::{
    AccessRule, Decision, Explanation, Finding, FindingKind, ImmutableRule, Known, Miss, RuleError,
    RuleRef, Rules, RulesConfig, Severity, Who, WhoError,
};
pub use scope::{ResourceScope, ResourceType, ScopeAction, ScopeError, merge_scopes};
pub use secret::Secret;
pub use time::UnixTime;
