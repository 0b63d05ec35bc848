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
    Quotable, SharedSecrets, TokenBackends, TokenOptions, TokenService, TokenVerifier, UnixTime,
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
    let parts = Parts {
        policy: Arc::clone(sources.policies()) as _,
        accounts: accounts(sources)?,
        secrets,
    };
    match &auth.scheme {
        Scheme::Basic { realm } => parts.basic(realm.clone()),
        Scheme::Bearer(bearer) => {
            let names = Names::of(config, bearer, listening)?;
            parts.bearer(bearer, &names).await
        }
    }
}

/// What a guard is made of, however clients log in.
struct Parts {
    policy: Arc<dyn Policy>,
    accounts: Option<Arc<dyn Accounts>>,
    secrets: Arc<dyn SharedSecrets>,
}

impl Parts {
    fn basic(self, realm: Quotable) -> Result<Guard, Box<dyn Error>> {
        let accounts = self.accounts;
        let accounts = accounts.ok_or("auth.scheme = \"basic\" needs auth.htpasswd")?;
        let authenticator = Arc::new(BasicAuthenticator::new(accounts));
        Ok(Guard {
            access: Access::new(authenticator, self.policy, LoginScheme::Basic { realm }),
            tokens: None,
            keys: Keys::default(),
        })
    }

    async fn bearer(self, bearer: &BearerConfig, names: &Names) -> Result<Guard, Box<dyn Error>> {
        let mut verifiers: Vec<Arc<dyn TokenVerifier>> = Vec::new();
        let mut keys = Keys::default();
        let tokens = self.tokens(bearer, names, &mut keys).await?;
        if let Some(tokens) = &tokens {
            verifiers.push(Arc::new(BuiltinTokens::new(tokens)?));
        }
        for issuer in &bearer.issuers {
            let foreign = Arc::new(Foreign::open(issuer).await?);
            let audience = issuer.audience.clone();
            let believed = ExternalIssuer {
                name: issuer.name.clone(),
                issuer: issuer.issuer.clone(),
                audience: audience.unwrap_or_else(|| names.service.clone()),
            };
            let jwks = Arc::clone(&foreign.jwks);
            verifiers.push(Arc::new(ExternalTokens::new(believed, jwks)?));
            keys.foreign.push(foreign);
        }
        let scheme = LoginScheme::Bearer {
            realm: names.token_url.parse()?,
            service: names.service.parse()?,
        };
        let authenticator = Arc::new(BearerAuthenticator::new(verifiers));
        Ok(Guard {
            access: Access::new(authenticator, self.policy, scheme),
            tokens,
            keys,
        })
    }

    /// The tokens of this registry, if it has users.
    async fn tokens(
        &self,
        bearer: &BearerConfig,
        names: &Names,
        keys: &mut Keys,
    ) -> Result<Option<Arc<TokenService>>, Box<dyn Error>> {
        let Some(accounts) = &self.accounts else {
            return Ok(None);
        };
        let secrets = Arc::clone(&self.secrets);
        let ring = KeyRing::open(secrets, bearer.keys.clone(), UnixTime::now());
        let ring = Arc::new(ring.await?);
        let backends = TokenBackends {
            accounts: Arc::clone(accounts),
            policy: Arc::clone(&self.policy),
            keys: Arc::clone(&ring),
            secrets: Arc::clone(&self.secrets),
        };
        keys.ring = Some(ring);
        keys.secrets = Some(Arc::clone(&self.secrets));
        let service = TokenService::new(names.options(bearer), backends)?;
        Ok(Some(Arc::new(service)))
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
