//! A registry that asks who is there, with users, rules, a token endpoint and an audit.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use oci_auth::{
    Authenticator, BasicAuthenticator, BearerAuthenticator, BuiltinTokens, Groups, Htpasswd,
    HtpasswdAccounts, KeyOptions, KeyRing, Live, LoginScheme, MemorySecrets, PasswordOptions,
    Rules, RulesConfig, SharedSecrets, TokenBackends, TokenOptions, TokenService, UnixTime,
};
use oci_http::testing::{Answer, request, send};
use oci_http::{
    Access, Audit, AuditAction, AuditEntry, AuditOutcome, ClientAddr, RegistryRouter, TokenEndpoint,
};
use serde_json::Value;

use crate::fixture::{World, world};

pub(crate) const SERVICE: &str = "registry.example";
pub(crate) const ISSUER: &str = "https://registry.example";
pub(crate) const BASIC: &str = r#"Basic realm="registry.example""#;
pub(crate) const BEARER: &str =
    r#"Bearer realm="https://registry.example/token",service="registry.example""#;

/// The password of every user.
pub(crate) const PASSWORD: &str = "secret";
const HASH: &str = "$2y$04$TOMXGxwh1Pbrz3uWWyb4T.LL0MSdVGoTlH.q7FJCfd3BtmgasTLsy";
/// "hunter2", by another tool.
pub(crate) const OTHER_HASH: &str = "$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.";

/// alice is in the team, bob is somebody without rights of his own, carol only delivers.
pub(crate) const USERS: [&str; 4] = ["alice", "bob", "carol", "root"];

pub(crate) const RULES: &str = r#"
[groups]
team = ["alice"]
admin = ["root"]

[[access]]
repos = ["public/**"]
who = ["anonymous"]
allow = ["pull"]

[[access]]
repos = ["team/**"]
who = ["group:team"]
allow = ["pull", "push"]

[[access]]
repos = ["own/**"]
who = ["user:alice"]
allow = ["pull", "push", "overwrite", "delete"]

[[access]]
repos = ["drop/**"]
who = ["user:carol"]
allow = ["push"]

[[access]]
repos = ["**"]
who = ["group:admin"]
allow = ["pull", "push", "overwrite", "delete"]
"#;

/// How clients log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Basic,
    Bearer,
}

/// A registry with everything that guards it.
pub(crate) struct Guarded {
    pub(crate) world: World,
    /// The registry's API with the token endpoint beside it.
    pub(crate) app: Router,
    pub(crate) mode: Mode,
    pub(crate) users: Arc<Live<Htpasswd>>,
    pub(crate) groups: Arc<Live<Groups>>,
    pub(crate) policy: Arc<Live<Rules>>,
    pub(crate) service: Arc<TokenService>,
    pub(crate) ledger: Arc<Ledger>,
}

/// The rules that a configuration describes, and its groups.
pub(crate) fn rules(text: &str) -> (Rules, Groups) {
    let config: RulesConfig = toml::from_str(text).expect("a configuration");
    let groups = config.groups.clone();
    (config.try_into().expect("rules"), groups)
}

/// A file with these users.
pub(crate) fn htpasswd(users: &[&str]) -> Htpasswd {
    let lines = users.iter().map(|user| format!("{user}:{HASH}\n"));
    Htpasswd::parse(&lines.collect::<String>()).expect("an htpasswd file")
}

/// A registry over [`RULES`].
pub(crate) async fn guarded(mode: Mode) -> Guarded {
    guarded_by(mode, RULES).await
}

/// A registry over other rules.
pub(crate) async fn guarded_by(mode: Mode, text: &str) -> Guarded {
    let world = world();
    let (rules, groups) = rules(text);
    let users = Arc::new(Live::new(htpasswd(&USERS)));
    let (groups, policy) = (Arc::new(Live::new(groups)), Arc::new(Live::new(rules)));
    let options = PasswordOptions::default();
    let accounts = HtpasswdAccounts::start(Arc::clone(&users), Arc::clone(&groups), &options);
    let accounts = Arc::new(accounts.expect("threads that check passwords"));
    let secrets: Arc<dyn SharedSecrets> = Arc::new(MemorySecrets::new());
    let keys = KeyRing::open(Arc::clone(&secrets), KeyOptions::default(), UnixTime::now());
    let backends = TokenBackends {
        accounts: accounts.clone(),
        policy: policy.clone(),
        keys: Arc::new(keys.await.expect("keys")),
        secrets,
    };
    let service = TokenService::new(TokenOptions::new(ISSUER, SERVICE), backends);
    let service = Arc::new(service.expect("a token service"));
    let (authenticator, scheme): (Arc<dyn Authenticator>, _) = match mode {
        Mode::Basic => (Arc::new(BasicAuthenticator::new(accounts)), basic_scheme()),
        Mode::Bearer => {
            let tokens = BuiltinTokens::new(&service).expect("randomness");
            let bearer = BearerAuthenticator::new(vec![Arc::new(tokens)]);
            (Arc::new(bearer), bearer_scheme())
        }
    };
    let ledger = Arc::new(Ledger::default());
    let access = Access::new(authenticator, policy.clone(), scheme);
    let registry = RegistryRouter::new(world.registry.clone())
        .access(access)
        .audit(ledger.clone())
        .into_router();
    let endpoint = TokenEndpoint::new(service.clone()).audit(ledger.clone());
    Guarded {
        app: registry.merge(endpoint.into_router("/token")),
        world,
        mode,
        users,
        groups,
        policy,
        service,
        ledger,
    }
}

pub(crate) fn basic_scheme() -> LoginScheme {
    LoginScheme::Basic {
        realm: SERVICE.parse().expect("a realm"),
    }
}

pub(crate) fn bearer_scheme() -> LoginScheme {
    LoginScheme::Bearer {
        realm: "https://registry.example/token".parse().expect("a realm"),
        service: SERVICE.parse().expect("a service"),
    }
}

/// The value of `Authorization` for a name and a password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

impl Guarded {
    /// What the token endpoint answers to a GET of `user`, or of nobody.
    pub(crate) async fn token_answer(&self, user: &str, scopes: &[&str]) -> Answer {
        let mut uri = format!("/token?service={SERVICE}");
        for scope in scopes {
            let _ = write!(uri, "&scope={scope}");
        }
        let login = basic(user, PASSWORD);
        let headers = [("authorization", &*login)];
        let headers = if user.is_empty() { &[] } else { &headers[..] };
        send(&self.app, request("GET", &uri, headers, "")).await
    }

    /// A token for `user`, or for nobody.
    pub(crate) async fn token(&self, user: &str, scopes: &[&str]) -> String {
        let answer = self.token_answer(user, scopes).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let document: Value = serde_json::from_slice(&answer.body).expect("JSON");
        document["token"].as_str().expect("a token").to_owned()
    }

    /// The value of `Authorization` by which `user` asks; with tokens, one for `scopes`. Nobody
    /// shows nothing with Basic, and a token for nobody with Bearer.
    pub(crate) async fn login(&self, user: &str, scopes: &[&str]) -> Option<String> {
        match self.mode {
            Mode::Basic if user.is_empty() => None,
            Mode::Basic => Some(basic(user, PASSWORD)),
            Mode::Bearer => Some(format!("Bearer {}", self.token(user, scopes).await)),
        }
    }

    /// Asks as `user`, with a token for all of `repositories` where there are tokens.
    pub(crate) async fn ask(
        &self,
        user: &str,
        repositories: &[&str],
        (method, uri): (&str, &str),
        body: impl Into<Body>,
    ) -> Answer {
        let scopes: Vec<_> = repositories
            .iter()
            .map(|name| format!("repository:{name}:pull,push,delete"))
            .chain(["registry:catalog:*".to_owned()])
            .collect();
        let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
        let login = self.login(user, &scopes).await;
        self.ask_with(login.as_deref(), (method, uri), body).await
    }

    /// Asks with this `Authorization`.
    pub(crate) async fn ask_with(
        &self,
        login: Option<&str>,
        (method, uri): (&str, &str),
        body: impl Into<Body>,
    ) -> Answer {
        send(&self.app, authorized(login, (method, uri), body)).await
    }
}

/// A request with this `Authorization`, from an address of a documentation's network.
pub(crate) fn authorized(
    login: Option<&str>,
    (method, uri): (&str, &str),
    body: impl Into<Body>,
) -> Request<Body> {
    let mut headers = vec![("content-type", crate::fixture::MANIFEST)];
    headers.extend(login.map(|login| ("authorization", login)));
    let mut request = request(method, uri, &headers, body);
    request.extensions_mut().insert(ClientAddr(ADDRESS));
    request
}

pub(crate) const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

/// The code of an answer's first error; empty where there is none.
pub(crate) fn code(answer: &Answer) -> String {
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = document["errors"][0]["code"].as_str();
    code.unwrap_or_default().to_owned()
}

/// Writes down what it is told.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<Noted>>);

/// An entry, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Method, endpoint and repository, or `login` and by what.
    pub(crate) what: String,
    pub(crate) actor: String,
    pub(crate) address: Option<IpAddr>,
    pub(crate) request_id: String,
    pub(crate) outcome: AuditOutcome,
    pub(crate) status: Option<u16>,
    pub(crate) digest: Option<String>,
    /// What `Debug` prints of it.
    pub(crate) printed: String,
}

impl Audit for Ledger {
    fn record(&self, entry: &AuditEntry<'_>) {
        let (what, digest) = match entry.action {
            AuditAction::Request {
                verb,
                route,
                repository,
                digest,
                ..
            } => {
                let repository = repository.map(ToString::to_string).unwrap_or_default();
                let what = format!("{verb} {} {repository}", route.as_str());
                (what.trim_end().to_owned(), digest.map(str::to_owned))
            }
            AuditAction::Login { by } => (format!("login {}", by.as_str()), None),
            _ => (String::new(), None),
        };
        self.0.lock().expect("nobody panics with it").push(Noted {
            what,
            actor: entry.actor.to_string(),
            address: entry.address,
            request_id: entry.request_id.to_owned(),
            outcome: entry.outcome,
            status: entry.status.map(|status| status.as_u16()),
            digest,
            printed: format!("{entry:?}"),
        });
    }
}

impl Ledger {
    /// The entries since the last call.
    pub(crate) fn take(&self) -> Vec<Noted> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }
}
