//! Requests for tokens, as clients write them: queries of GET and forms of POST.

use crate::{Login, ResourceScope, Secret, merge_scopes};

/// The most scopes that one request may name.
const MAX_SCOPES: usize = 100;

/// The most bytes of a form or a query.
const MAX_LEN: usize = 64 * 1024;

/// A request for a token.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The audience that the token is to have; none leaves it to the service.
    pub service: Option<String>,
    /// What the token is to be for, each thing once. What is no scope has been left out: it
    /// grants nothing, and no client is helped by an error.
    pub scopes: Vec<ResourceScope>,
    /// Who is to have it.
    pub grant: GrantRequest,
    /// Whether a refresh token is wanted too.
    pub offline: bool,
    /// The client, as it names itself; cut to 255 bytes.
    pub client: Option<String>,
}

/// By what somebody asks for a token.
#[derive(Clone, Debug)]
pub enum GrantRequest {
    /// By the `Authorization` header of the request, or by nothing (GET).
    Header,
    /// By a name and a password (POST, `grant_type=password`).
    Password(Login),
    /// By a refresh token (POST, `grant_type=refresh_token`).
    Refresh(Secret<String>),
}

/// Why a request for a token cannot be answered: 400 with this sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRequestError {
    /// It is longer than 64 KiB.
    #[error("the request has more than 64 KiB")]
    TooLong,
    /// A parameter that may be there once is there twice.
    #[error("the parameter `{name}` is there more than once")]
    Repeated {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter is missing.
    #[error("the parameter `{name}` is missing")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// Tokens are handed out for something else than a password and a refresh token.
    #[error("`grant_type` is `password` or `refresh_token`")]
    GrantType,
    /// It names more than a hundred scopes.
    #[error("the request names more than 100 scopes")]
    TooManyScopes,
}

impl TokenRequestError {
    /// The code for it (RFC 6749 §5.2).
    #[must_use]
    pub const fn oauth_code(self) -> &'static str {
        match self {
            Self::GrantType => "unsupported_grant_type",
            Self::TooLong | Self::Repeated { .. } | Self::Missing { .. } | Self::TooManyScopes => {
                "invalid_request"
            }
        }
    }
}

impl TokenRequest {
    /// Reads the query of a GET, without the question mark: `service`, `scope` (repeated, and
    /// with spaces), `offline_token`, `client_id`; `account` and others are passed over.
    ///
    /// # Errors
    /// [`TokenRequestError`].
    pub fn from_query(query: &str) -> Result<Self, TokenRequestError> {
        let parameters = Parameters::parse(query.as_bytes())?;
        let offline = parameters.offline_token.as_deref();
        Ok(Self {
            offline: matches!(offline, Some("true" | "1")),
            grant: GrantRequest::Header,
            service: parameters.service,
            scopes: merge_scopes(parameters.scopes),
            client: parameters.client_id.map(cut),
        })
    }

    /// Reads the form of a POST (`application/x-www-form-urlencoded`): `grant_type`, `service`,
    /// `scope`, `client_id`, `access_type`, `username`, `password`, `refresh_token`.
    ///
    /// # Errors
    /// [`TokenRequestError`].
    pub fn from_form(form: &[u8]) -> Result<Self, TokenRequestError> {
        let parameters = Parameters::parse(form)?;
        let missing = |name| TokenRequestError::Missing { name };
        let grant = match parameters.grant_type.as_deref() {
            Some("password") => GrantRequest::Password(Login {
                user: parameters.username.ok_or(missing("username"))?,
                password: parameters.password.ok_or(missing("password"))?,
            }),
            Some("refresh_token") => {
                let token = parameters.refresh_token;
                GrantRequest::Refresh(token.ok_or(missing("refresh_token"))?)
            }
            Some(_) => return Err(TokenRequestError::GrantType),
            None => return Err(missing("grant_type")),
        };
        Ok(Self {
            offline: parameters.access_type.as_deref() == Some("offline"),
            grant,
            service: parameters.service,
            scopes: merge_scopes(parameters.scopes),
            client: parameters.client_id.map(cut),
        })
    }
}

fn cut(mut text: String) -> String {
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=text.len().min(255)).rev().find(fits).unwrap_or(0);
    text.truncate(end);
    text
}

/// All parameters of both forms.
#[derive(Default)]
struct Parameters {
    service: Option<String>,
    scopes: Vec<ResourceScope>,
    client_id: Option<String>,
    offline_token: Option<String>,
    grant_type: Option<String>,
    access_type: Option<String>,
    username: Option<String>,
    password: Option<Secret<String>>,
    refresh_token: Option<Secret<String>>,
}

impl Parameters {
    fn parse(text: &[u8]) -> Result<Self, TokenRequestError> {
        if text.len() > MAX_LEN {
            return Err(TokenRequestError::TooLong);
        }
        let mut found = Self::default();
        let mut named = 0;
        for (name, value) in form_urlencoded::parse(text) {
            let value = value.into_owned();
            match &*name {
                "scope" => {
                    named += value.split_ascii_whitespace().count();
                    if named > MAX_SCOPES {
                        return Err(TokenRequestError::TooManyScopes);
                    }
                    let scopes = value.split_ascii_whitespace().map(str::parse);
                    found.scopes.extend(scopes.filter_map(Result::ok));
                }
                "service" => once(&mut found.service, value, "service")?,
                "client_id" => once(&mut found.client_id, value, "client_id")?,
                "offline_token" => once(&mut found.offline_token, value, "offline_token")?,
                "grant_type" => once(&mut found.grant_type, value, "grant_type")?,
                "access_type" => once(&mut found.access_type, value, "access_type")?,
                "username" => once(&mut found.username, value, "username")?,
                "password" => once(&mut found.password, Secret::new(value), "password")?,
                "refresh_token" => {
                    once(
                        &mut found.refresh_token,
                        Secret::new(value),
                        "refresh_token",
                    )?;
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

fn once<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), TokenRequestError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(TokenRequestError::Repeated { name }),
    }
}

#[cfg(test)]
mod tests;
