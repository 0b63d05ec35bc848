//! Who may use the registry: as it is written, and as it holds.

use std::path::PathBuf;
use std::time::Duration;

use oci_auth::{KeyOptions, ProviderName, Quotable, SigningAlgorithm};
use serde::Deserialize;

use super::ConfigError;
use super::errors::invalid;
use super::file::Span;
use super::url::PublicUrl;

/// What is left of a key's time when the last token that it has signed expires, for clocks that
/// differ.
const KEY_MARGIN: Duration = Duration::from_secs(2 * 60);

/// `[auth]` as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAuth {
    scheme: SchemeName,
    realm: Option<String>,
    htpasswd: Option<PathBuf>,
    groups: Option<PathBuf>,
    token_url: Option<String>,
    service: Option<String>,
    tokens: RawTokens,
    issuers: Vec<RawIssuer>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SchemeName {
    #[default]
    None,
    Basic,
    Bearer,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTokens {
    lifetime: Span,
    refresh_lifetime: Span,
    algorithm: Algorithm,
    rotate_after: Span,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Algorithm {
    #[default]
    EdDSA,
    ES256,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIssuer {
    name: ProviderName,
    issuer: String,
    audience: Option<String>,
    keys: String,
    ca: Option<PathBuf>,
}

impl Default for RawTokens {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            lifetime: Span(Duration::from_secs(5 * 60)),
            refresh_lifetime: Span(Duration::from_secs(90 * DAY)),
            algorithm: Algorithm::default(),
            rotate_after: Span(Duration::from_secs(7 * DAY)),
        }
    }
}

/// Who may use the registry.
#[derive(Clone, Debug)]
pub(crate) struct AuthConfig {
    pub(crate) scheme: Scheme,
    /// The users of this registry, if it has some.
    pub(crate) htpasswd: Option<PathBuf>,
    /// Groups, besides those of the configuration.
    pub(crate) groups: Option<PathBuf>,
}

/// How clients log in.
#[derive(Clone, Debug)]
pub(crate) enum Scheme {
    Basic { realm: Quotable },
    Bearer(BearerConfig),
}

impl Scheme {
    /// As it is written in the file.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "basic",
            Self::Bearer(_) => "bearer",
        }
    }
}

/// Tokens, and who hands them out.
#[derive(Clone, Debug)]
pub(crate) struct BearerConfig {
    /// Where tokens are had; none is this server's own endpoint, where it listens.
    pub(crate) token_url: Option<Quotable>,
    /// The audience of tokens; none is where the server listens.
    pub(crate) service: Option<Quotable>,
    pub(crate) lifetime: Duration,
    pub(crate) refresh_lifetime: Duration,
    pub(crate) keys: KeyOptions,
    pub(crate) issuers: Vec<IssuerConfig>,
}

/// A token server elsewhere that is believed.
#[derive(Clone, Debug)]
pub(crate) struct IssuerConfig {
    pub(crate) name: ProviderName,
    pub(crate) issuer: String,
    pub(crate) audience: Option<String>,
    pub(crate) keys: KeysFrom,
}

/// Where the keys of a token server come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeysFrom {
    File(PathBuf),
    Url {
        url: String,
        /// Who vouches for the server; none is whoever vouches for servers of the web.
        ca: Option<PathBuf>,
    },
}

/// What else decides about it.
pub(super) struct Surroundings<'a> {
    /// Whether only this machine can connect.
    pub(super) loopback: bool,
    pub(super) public_url: Option<&'a PublicUrl>,
}

impl RawAuth {
    /// What holds; none if nobody has to log in.
    pub(super) fn resolve(
        self,
        around: &Surroundings<'_>,
    ) -> Result<Option<AuthConfig>, ConfigError> {
        let scheme = match self.scheme {
            SchemeName::None => return self.nothing_else().map(|()| None),
            SchemeName::Basic => self.basic()?,
            SchemeName::Bearer => self.bearer(around)?,
        };
        Ok(Some(AuthConfig {
            scheme,
            htpasswd: self.htpasswd,
            groups: self.groups,
        }))
    }

    /// Whoever sets these wants people to log in.
    fn nothing_else(&self) -> Result<(), ConfigError> {
        let set = [
            ("auth.htpasswd", self.htpasswd.is_some()),
            ("auth.groups", self.groups.is_some()),
            ("auth.token_url", self.token_url.is_some()),
            ("auth.issuers", !self.issuers.is_empty()),
        ];
        match set.into_iter().find(|(_, set)| *set) {
            Some((setting, _)) => Err(ConfigError::Idle { setting }),
            None => Ok(()),
        }
    }

    fn basic(&self) -> Result<Scheme, ConfigError> {
        if self.htpasswd.is_none() {
            return Err(ConfigError::Lacking {
                setting: "auth.scheme = \"basic\"",
                needs: "auth.htpasswd, a file of users as `htpasswd -B` writes it",
            });
        }
        let bearer_only = [
            ("auth.token_url", self.token_url.is_some()),
            ("auth.issuers", !self.issuers.is_empty()),
        ];
        if let Some((setting, _)) = bearer_only.into_iter().find(|(_, set)| *set) {
            return Err(ConfigError::Lacking {
                setting,
                needs: "auth.scheme = \"bearer\"",
            });
        }
        let realm = self.realm.as_deref().unwrap_or("oci-server");
        let realm = quotable("auth.realm", realm)?;
        Ok(Scheme::Basic { realm })
    }

    fn bearer(&self, around: &Surroundings<'_>) -> Result<Scheme, ConfigError> {
        match (&self.token_url, &self.htpasswd) {
            (None, None) => {
                return Err(ConfigError::Lacking {
                    setting: "auth.scheme = \"bearer\"",
                    needs: "auth.htpasswd for tokens of this server, or auth.token_url and \
                            [[auth.issuers]] for those of a token server elsewhere",
                });
            }
            (Some(_), _) if self.issuers.is_empty() => {
                return Err(ConfigError::Lacking {
                    setting: "auth.token_url",
                    needs: "[[auth.issuers]]: whose tokens are believed",
                });
            }
            (None, Some(_)) if !around.loopback && around.public_url.is_none() => {
                return Err(ConfigError::Lacking {
                    setting: "auth.scheme = \"bearer\"",
                    needs: "public_url as soon as other machines can connect: clients are told \
                            to get their tokens there, and what they send is never believed",
                });
            }
            _ => {}
        }
        let url = around.public_url;
        let own = self.htpasswd.is_some().then_some(url).flatten();
        let own = own.map(|url| format!("{url}/token"));
        let token_url = self.token_url.as_deref().or(own.as_deref());
        let service = self.service.as_deref();
        if service.is_some_and(str::is_empty) {
            let problem = "tokens need an audience; leave it out for the host of public_url";
            return Err(invalid("auth.service", "", problem));
        }
        self.tokens.check()?;
        let service = service.or(url.map(PublicUrl::authority));
        let issuers = self.issuers.iter().map(RawIssuer::resolve);
        Ok(Scheme::Bearer(BearerConfig {
            token_url: token_url
                .map(|url| quotable("auth.token_url", url))
                .transpose()?,
            service: service
                .map(|text| quotable("auth.service", text))
                .transpose()?,
            lifetime: self.tokens.lifetime.0,
            refresh_lifetime: self.tokens.refresh_lifetime.0,
            keys: self.tokens.keys(),
            issuers: issuers.collect::<Result<_, _>>()?,
        }))
    }
}

impl RawTokens {
    /// Clients take a token of less than a minute as one of a minute, and none outlives its key.
    fn check(&self) -> Result<(), ConfigError> {
        let (lifetime, longest) = (self.lifetime.0, self.keys().known_for - KEY_MARGIN);
        let problem = if lifetime < Duration::from_secs(60) {
            "a token has to live for at least 1m".to_owned()
        } else if lifetime > longest {
            let longest = humantime::format_duration(longest);
            format!("a token can live for at most {longest}, or its key is gone before it")
        } else {
            return Ok(());
        };
        let said = humantime::format_duration(lifetime).to_string();
        Err(invalid("auth.tokens.lifetime", &said, &problem))
    }

    fn keys(&self) -> KeyOptions {
        KeyOptions {
            algorithm: match self.algorithm {
                Algorithm::EdDSA => SigningAlgorithm::EdDsa,
                Algorithm::ES256 => SigningAlgorithm::Es256,
            },
            rotate_after: self.rotate_after.0,
            ..KeyOptions::default()
        }
    }
}

impl RawIssuer {
    fn resolve(&self) -> Result<IssuerConfig, ConfigError> {
        let keys = match self.keys.split_once("://") {
            None => KeysFrom::File(PathBuf::from(&self.keys)),
            Some(("https", _)) => KeysFrom::Url {
                url: self.keys.clone(),
                ca: self.ca.clone(),
            },
            Some(_) => {
                let problem = "keys come from a file or by https; whoever could change them on \
                               the way could make tokens";
                return Err(invalid("auth.issuers.keys", &self.keys, problem));
            }
        };
        Ok(IssuerConfig {
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            keys,
        })
    }
}

fn quotable(setting: &'static str, text: &str) -> Result<Quotable, ConfigError> {
    text.parse()
        .map_err(|error| invalid(setting, text, &format!("{error}")))
}
