//! Identities, credentials, rules and tokens of an OCI registry, free of transport and storage.

mod action;
mod challenge;
mod credentials;
mod identity;
mod name;
mod scope;
mod secret;
mod time;

pub use action::{Action, ActionError, Rights};
pub use challenge::{BearerError, Challenge, ChallengeError, Quotable, QuotableError};
pub use credentials::{Credentials, CredentialsError, Login};
pub use identity::{External, Identity, User, Workload};
pub use name::{GroupName, NameError, ProviderName, UserName};
pub use scope::{ResourceScope, ResourceType, ScopeAction, ScopeError, merge_scopes};
pub use secret::Secret;
pub use time::UnixTime;
