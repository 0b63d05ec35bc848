//! Who may use the registry: users, tokens and rules, from what the settings name.
//!
//! What is read from files is read again while the server runs, see [`Sources`].

mod findings;
mod jwks;
mod keys;
mod policies;
mod question;
mod sources;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use oci_auth::{
    Accounts, BasicAuthenticator, BearerAuthenticator, BuiltinTokens, ExternalIssuer,
    ExternalTokens, Groups, HtpasswdAccounts, KeyRing, Live, LoginScheme, PasswordOptions, Policy,
    SharedSecrets, TokenBackends, TokenOptions, TokenService, TokenVerifier, UnixTime,
};
use oci_http::Access;

use crate::config::{AuthConfig, BearerConfig, Config, Scheme};

pub(crate) use findings::{findings, key_findings};
pub(crate) use keys::Keys;
pub(crate) use policies::Policies;
pub(crate) use question::Surroundings;
pub(crate) use sources::{Look, Sources};

use keys::Foreign;

type BoxError = Box<dyn Error + Send + Sync>;

/// Who may use the registry, ready to be asked.
pub(crate) struct Guard {
    /// What the HTTP layer asks.
    pub(crate) access: Access,
    /// The token endpoint of this server, if it has one.
    pub(crate) tokens: Option<Arc<TokenService>>,
    keys: Keys,
}

/// Where the server listens, for what the settings leave open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listening {
    pub(crate) addr: SocketAddr,
    pub(crate) tls: bool,
}

impl Listening {
    pub(crate) fn url(self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }
}

/// Sets up what the settings ask for.
pub(crate) async fn guard(
    config: &Config,
    auth: &AuthConfig,
    sources: &Sources,
    secrets: Arc<dyn SharedSecrets>,
    listening: Listening,
) -> Result<Guard, Box<dyn Error>> {
    let policy: Arc<dyn Policy> = Arc::clone(sources.policies()) as _;
    let accounts = accounts(sources)?;
    match &auth.scheme {
        Scheme::Basic { realm } => {
            let accounts = accounts.ok_or("auth.scheme = \"basic\" needs auth.htpasswd")?;
            let authenticator = Arc::new(BasicAuthenticator::new(accounts));
            let realm = realm.clone();
            Ok(Guard {
                access: Access::new(authenticator, policy, LoginScheme::Basic { realm }),
                tokens: None,
                keys: Keys::default(),
            })
        }
        Scheme::Bearer(bearer) => {
            let names = Names::of(config, bearer, listening)?;
            let mut verifiers: Vec<Arc<dyn TokenVerifier>> = Vec::new();
            let mut keys = Keys::default();
            let mut tokens = None;
            if let Some(accounts) = accounts {
                let ring =
                    KeyRing::open(Arc::clone(&secrets), bearer.keys.clone(), UnixTime::now());
                let ring = Arc::new(ring.await?);
                let backends = TokenBackends {
                    accounts,
                    policy: Arc::clone(&policy),
                    keys: Arc::clone(&ring),
                    secrets: Arc::clone(&secrets),
                };
                let service = Arc::new(TokenService::new(names.options(bearer), backends)?);
                verifiers.push(Arc::new(BuiltinTokens::new(&service)?));
                tokens = Some(service);
                keys.ring = Some(ring);
                keys.secrets = Some(secrets);
            }
            for issuer in &bearer.issuers {
                let foreign = Foreign::open(issuer).await?;
                let audience = issuer.audience.clone();
                let believed = ExternalIssuer {
                    name: issuer.name.clone(),
                    issuer: issuer.issuer.clone(),
                    audience: audience.unwrap_or_else(|| names.service.clone()),
                };
                verifiers.push(Arc::new(ExternalTokens::new(
                    believed,
                    Arc::clone(&foreign.jwks),
                )?));
                keys.foreign.push(Arc::new(foreign));
            }
            let scheme = LoginScheme::Bearer {
                realm: names.token_url.parse()?,
                service: names.service.parse()?,
            };
            let authenticator = Arc::new(BearerAuthenticator::new(verifiers));
            Ok(Guard {
                access: Access::new(authenticator, policy, scheme),
                tokens,
                keys,
            })
        }
    }
}

impl Guard {
    /// What has to be refreshed, besides files.
    pub(crate) fn keys(&self) -> Keys {
        self.keys.clone()
    }
}

/// The users of this registry, if it has some.
fn accounts(sources: &Sources) -> std::io::Result<Option<Arc<dyn Accounts>>> {
    let Some(users) = sources.users() else {
        return Ok(None);
    };
    // Groups are the policy's matter, where they are of one state with the rules.
    let groups = Arc::new(Live::new(Groups::default()));
    let accounts = HtpasswdAccounts::start(users, groups, &PasswordOptions::default())?;
    Ok(Some(Arc::new(accounts)))
}

/// What tokens and challenges say, with what the settings leave open.
struct Names {
    issuer: String,
    token_url: String,
    service: String,
}

impl Names {
    fn of(
        config: &Config,
        bearer: &BearerConfig,
        listening: Listening,
    ) -> Result<Self, Box<dyn Error>> {
        let url = config.public_url.as_ref();
        let issuer = url.map_or_else(|| listening.url(), ToString::to_string);
        let token_url = bearer.token_url.as_ref();
        let token_url = token_url.map_or_else(
            || format!("{issuer}/token"),
            |text| text.as_str().to_owned(),
        );
        let service = bearer.service.as_ref();
        let service = service.map_or_else(
            || listening.addr.to_string(),
            |text| text.as_str().to_owned(),
        );
        if service.is_empty() {
            return Err("auth.service is empty".into());
        }
        Ok(Self {
            issuer,
            token_url,
            service,
        })
    }

    fn options(&self, bearer: &BearerConfig) -> TokenOptions {
        TokenOptions {
            lifetime: bearer.lifetime,
            refresh_lifetime: bearer.refresh_lifetime,
            ..TokenOptions::new(&*self.issuer, &*self.service)
        }
    }
}
