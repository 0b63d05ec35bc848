//! Access control: who asks, what they may do, and what they are told where they may not.
//!
//! Each request is held against the policy of the moment before anything of it is carried out.
//! What the policy says of other repositories (mounts, the catalog) is asked where it is needed.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use oci_auth::{
    Access as Kind, Action, Attempt, AuthError, Authenticator, BearerError, Caller, Credentials,
    CredentialsError, LoginScheme, Need, Policy, PullScope, QueryPattern, QueryScope,
    ResourceScope, Rights, UnixTime, Verdict, authorize,
};
use oci_registry::{Actor, RegistryError, RepoKey, RepoPattern, Scope};
use oci_types::{ErrorCode, RepositoryName};

use crate::bounds::{Filter, Listed};
use crate::failure::Failure;
use crate::headers::{Authenticate, RetryAfter};
use crate::{AuditOutcome, Route, RouteName, Verb};

/// Who may use a registry: see [`RegistryRouter::access`](crate::RegistryRouter::access).
#[derive(Clone, Debug)]
pub struct Access {
    authenticator: Arc<dyn Authenticator>,
    policy: Arc<dyn Policy>,
    scheme: LoginScheme,
}

impl Access {
    /// Asks `authenticator` who makes each request and `policy` what they may do. Who has to log
    /// in is told by the challenge of `scheme`, which the authenticator has to understand.
    pub fn new(
        authenticator: Arc<dyn Authenticator>,
        policy: Arc<dyn Policy>,
        scheme: LoginScheme,
    ) -> Self {
        Self {
            authenticator,
            policy,
            scheme,
        }
    }

    /// Finds out who makes a request, and whether it may be carried out.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        asked: Asked<'_>,
    ) -> Result<Admitted<'_>, Refused> {
        let need = asked.need();
        let caller = match self.caller(headers, address).await {
            Ok(caller) => caller,
            Err(failure) => {
                let login = failure.is_failed_login().then_some(AuditOutcome::Denied);
                // What a token would have to be for is told whatever was wrong with this one.
                let scopes = match authorize(&*self.policy, &nobody(), need).await {
                    Ok(Verdict::Challenge { scopes, .. }) => scopes,
                    Ok(_) | Err(_) => Vec::new(),
                };
                let failure = self.unauthenticated(failure, scopes);
                return Err(Refused {
                    failure,
                    actor: Actor::Anonymous,
                    is_question: false,
                    login,
                });
            }
        };
        let verdict = authorize(&*self.policy, &caller, need)
            .await
            .map_err(|error| Refused::by(&caller, unavailable(error)))?;
        let failure = match verdict {
            Verdict::Allowed(rights) => {
                return Ok(Admitted {
                    access: self,
                    caller,
                    rights,
                });
            }
            Verdict::Challenge { scopes, error } => {
                let is_question = need == Need::Base && !headers.contains_key(AUTHORIZATION);
                return Err(Refused {
                    is_question,
                    ..Refused::by(&caller, self.challenge(scopes, error))
                });
            }
            Verdict::Hidden => asked.hidden(),
            Verdict::Denied => asked.denied(&caller),
        };
        Err(Refused::by(&caller, failure))
    }

    async fn caller(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<Caller, Unauthenticated> {
        let credentials = credentials(headers)?;
        let attempt = Attempt {
            credentials: credentials.as_ref(),
            address,
            now: UnixTime::now(),
        };
        Ok(self.authenticator.authenticate(attempt).await?)
    }

    fn unauthenticated(&self, why: Unauthenticated, scopes: Vec<ResourceScope>) -> Failure {
        let text = why.to_string();
        match why {
            Unauthenticated::Repeated => {
                Failure::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, text)
            }
            Unauthenticated::Auth(AuthError::TooMany { retry_after }) => {
                too_many(text, retry_after)
            }
            Unauthenticated::Auth(AuthError::Unavailable(source)) => unavailable(source),
            Unauthenticated::Malformed(_) => self.unauthorized(text, scopes, None),
            Unauthenticated::Auth(error) => self.unauthorized(text, scopes, error.bearer_error()),
        }
    }

    fn challenge(&self, scopes: Vec<ResourceScope>, error: Option<BearerError>) -> Failure {
        let text = match error {
            Some(_) => "the token is not for this: ask for one with the scope of the challenge",
            None => "log in first: this takes credentials",
        };
        self.unauthorized(text.to_owned(), scopes, error)
    }

    fn unauthorized(
        &self,
        text: String,
        scopes: Vec<ResourceScope>,
        error: Option<BearerError>,
    ) -> Failure {
        let challenge = self.scheme.challenge(scopes, error);
        Failure::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, text)
            .with(Authenticate(challenge.to_string()))
    }
}

/// What a request wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) verb: Verb,
    pub(crate) route: &'a Route,
}

impl<'a> Asked<'a> {
    fn need(self) -> Need<'a> {
        match (self.route, self.route.repository()) {
            (_, Some(name)) => Need::Repository {
                name,
                access: self.kind(),
            },
            (Route::Catalog, None) => Need::Catalog,
            (_, None) => Need::Base,
        }
    }

    fn kind(self) -> Kind {
        match (self.route.name(), self.verb) {
            (RouteName::Uploads | RouteName::Upload, _)
            | (_, Verb::Put | Verb::Post | Verb::Patch) => Kind::Write,
            (_, Verb::Delete) => Kind::Delete,
            (RouteName::Blob | RouteName::Manifest, Verb::Head) => Kind::Probe,
            _ => Kind::Read,
        }
    }

    /// As if the repository were not there.
    fn hidden(self) -> Failure {
        let repo = self.route.repository().cloned().map(RepoKey::local);
        match repo {
            Some(repo) => {
                let unknown = RegistryError::RepositoryUnknown { repo };
                Failure::registry(unknown, self.route.name(), None)
            }
            None => self.forbidden("there is nothing here for you".to_owned()),
        }
    }

    fn denied(self, caller: &Caller) -> Failure {
        let (who, what) = (&caller.identity, self.kind().as_str());
        let text = match self.route.repository() {
            Some(name) => format!("{who} has no right to {what} in repository {name}"),
            None => format!("{who} has no right to {what} here"),
        };
        self.forbidden(text)
    }

    fn forbidden(self, text: String) -> Failure {
        Failure::new(StatusCode::FORBIDDEN, ErrorCode::Denied, text)
    }
}

/// A request that may be carried out.
#[derive(Debug)]
pub(crate) struct Admitted<'a> {
    access: &'a Access,
    caller: Caller,
    rights: Rights,
}

impl Admitted<'_> {
    /// On whose behalf it is carried out.
    pub(crate) fn actor(&self) -> Actor {
        actor(&self.caller)
    }

    /// Whether who asks has logged in by it.
    pub(crate) fn logged_in(&self) -> bool {
        self.caller.logged_in
    }

    pub(crate) fn may_overwrite(&self) -> bool {
        self.rights.contains(Action::Overwrite)
    }

    pub(crate) async fn may_mount_from(&self, source: &RepositoryName) -> Result<bool, Failure> {
        let policy = &*self.access.policy;
        let may = self.caller.may_mount_from(policy, source).await;
        may.map_err(unavailable)
    }

    pub(crate) async fn mountable(&self) -> Result<Scope, Failure> {
        let scope = self.caller.mount_scope(&*self.access.policy).await;
        Ok(query(scope.map_err(unavailable)?.narrowed()))
    }

    pub(crate) async fn listed(&self) -> Result<Listed<'_>, Failure> {
        let pulls = self.caller.catalog_scope(&*self.access.policy).await;
        let pulls = pulls.map_err(unavailable)?;
        Ok(Listed {
            scope: Cow::Owned(query(pulls.cover())),
            filter: (!pulls.is_exact()).then(|| filter(pulls)),
        })
    }
}

fn filter(pulls: PullScope) -> Filter {
    Box::new(move |name| pulls.contains(name))
}

fn query(scope: QueryScope) -> Scope {
    let patterns = match scope {
        QueryScope::All => return Scope::All,
        QueryScope::AnyOf(patterns) => patterns.into_iter(),
    };
    Scope::AnyOf(
        patterns
            .map(|pattern| match pattern {
                QueryPattern::Exact(name) => RepoPattern::Exact(name),
                QueryPattern::Below(name) => RepoPattern::Below(name),
            })
            .collect(),
    )
}

/// A request that is not carried out.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) failure: Failure,
    /// Who asked, as far as it is known.
    pub(crate) actor: Actor,
    /// Whether nothing was tried: clients ask like this how they are to log in.
    pub(crate) is_question: bool,
    /// What came of the login, if it is one.
    pub(crate) login: Option<AuditOutcome>,
}

impl Refused {
    fn by(caller: &Caller, failure: Failure) -> Self {
        Self {
            failure,
            actor: actor(caller),
            is_question: false,
            login: caller.logged_in.then_some(AuditOutcome::Done),
        }
    }
}

/// Why it is not known who makes a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unauthenticated {
    #[error("a request has at most one header Authorization")]
    Repeated,
    #[error(transparent)]
    Malformed(#[from] CredentialsError),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl Unauthenticated {
    fn is_failed_login(&self) -> bool {
        matches!(
            self,
            Self::Auth(AuthError::Password | AuthError::TooMany { .. })
        )
    }
}

/// The credentials that a request brings along.
pub(crate) fn credentials(headers: &HeaderMap) -> Result<Option<Credentials>, Unauthenticated> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => Ok(Some(Credentials::parse(value.as_bytes())?)),
        (Some(_), Some(_)) => Err(Unauthenticated::Repeated),
    }
}

/// On whose behalf something is done.
pub(crate) fn actor(caller: &Caller) -> Actor {
    caller
        .identity
        .name()
        .map_or(Actor::Anonymous, Actor::Named)
}

fn nobody() -> Caller {
    Caller::new(oci_auth::Identity::Anonymous, oci_auth::Grant::NoToken)
}

fn too_many(text: String, retry_after: Duration) -> Failure {
    Failure::new(
        StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TooManyRequests,
        text,
    )
    .with(RetryAfter(retry_after))
}

/// Who cannot be asked now may be asked later; nothing is carried out meanwhile.
fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    const LATER: Duration = Duration::from_secs(5);
    Failure::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unknown,
        "it cannot be found out for now what you may do; try again later",
    )
    .with(RetryAfter(LATER))
    .caused_by(source)
}
