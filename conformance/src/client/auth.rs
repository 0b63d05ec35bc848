//! Credentials, challenges and the token flow that registries share with Docker.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::message::Request;
use super::transport::{Transport, TransportError};
use super::url::Url;

/// What the runner may log in with.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nothing: only what the registry gives to anybody.
    #[default]
    Anonymous,
    /// A user name and a password, for Basic and for token endpoints.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token that is sent as `Bearer` with every request.
    Token(String),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Credentials::Anonymous => f.write_str("Anonymous"),
            Credentials::Password { username, .. } => write!(f, "Password({username:?}, …)"),
            Credentials::Token(_) => f.write_str("Token(…)"),
        }
    }
}

/// A parsed `WWW-Authenticate` challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme, in lower case.
    pub scheme: String,
    /// The parameters, names in lower case.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Parses one challenge of the form `Scheme name="value",name=token`.
    pub fn parse(header: &str) -> Option<Challenge> {
        let header = header.trim();
        let (scheme, mut rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.is_empty() || scheme.contains(['=', ',', '"']) {
            return None;
        }
        let mut parameters = Vec::new();
        while let Some((name, after)) = rest.split_once('=') {
            let name = name
                .trim_start_matches([',', ' '])
                .trim()
                .to_ascii_lowercase();
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => unquote(quoted)?,
                None => match after.split_once(',') {
                    Some((value, after)) => (value.trim().to_owned(), after),
                    None => (after.trim().to_owned(), ""),
                },
            };
            parameters.push((name, value));
            rest = after;
        }
        Some(Challenge {
            scheme: scheme.to_ascii_lowercase(),
            parameters,
        })
    }

    /// A parameter's value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

/// The `Authorization` value of the Basic scheme.
pub fn basic(username: &str, password: &str) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{username}:{password}"))
    )
}

/// Finds the `Authorization` value that answers a challenge; `None` if there is nothing to answer
/// it with. `scopes` are those that earlier challenges asked for; they are asked for again, so
/// that one token serves a request that touches two repositories.
pub(super) async fn answer(
    transport: &Transport,
    base: &Url,
    credentials: &Credentials,
    challenge: &Challenge,
    scopes: &[String],
) -> Result<Option<HeaderValue>, TransportError> {
    let secret = |text: String| {
        let mut value =
            HeaderValue::try_from(text).map_err(|e| TransportError::Login(e.to_string()))?;
        value.set_sensitive(true);
        Ok::<_, TransportError>(Some(value))
    };
    match (challenge.scheme.as_str(), credentials) {
        (_, Credentials::Token(token)) => secret(format!("Bearer {token}")),
        ("basic", Credentials::Password { username, password }) => {
            secret(basic(username, password))
        }
        ("bearer", credentials) => {
            let token = fetch_token(transport, base, credentials, challenge, scopes).await?;
            secret(format!("Bearer {token}"))
        }
        _ => Ok(None),
    }
}

async fn fetch_token(
    transport: &Transport,
    base: &Url,
    credentials: &Credentials,
    challenge: &Challenge,
    scopes: &[String],
) -> Result<String, TransportError> {
    let url = token_url(base, challenge, scopes)?;
    let authorization = match credentials {
        Credentials::Password { username, password } => {
            let value = HeaderValue::try_from(basic(username, password));
            Some(value.map_err(|error| TransportError::Login(error.to_string()))?)
        }
        _ => None,
    };
    let request = Request::get(url.to_string());
    let response = transport
        .send(&url, &request, authorization.as_ref())
        .await?;
    let failed = |what: String| TransportError::Login(format!("the token endpoint {url} {what}"));
    if !response.status.is_success() {
        return Err(failed(format!("answered {}", response.status)));
    }
    let body: serde_json::Value = serde_json::from_slice(&response.body)
        .map_err(|error| failed(format!("gave no JSON: {error}")))?;
    let token = body.get("token").or_else(|| body.get("access_token"));
    let token = token.and_then(serde_json::Value::as_str);
    token
        .map(str::to_owned)
        .ok_or_else(|| failed("gave no token".into()))
}

/// The address that a challenge sends to, with its service and every scope.
fn token_url(base: &Url, challenge: &Challenge, scopes: &[String]) -> Result<Url, TransportError> {
    let realm = challenge.parameter("realm");
    let missing = || TransportError::Login("the Bearer challenge has no realm".into());
    let mut url = base.join(realm.ok_or_else(missing)?)?;
    if let Some(service) = challenge.parameter("service") {
        url = url.with_query("service", service);
    }
    for scope in scopes {
        url = url.with_query("scope", scope);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_challenges_with_commas_and_escapes_in_quotes() {
        let text = r#"Bearer realm="https://a/token?x=1",service=reg, scope="repository:a/b:pull,push",error="a \"b\"""#;
        let challenge = Challenge::parse(text).unwrap();
        assert_eq!(challenge.scheme, "bearer");
        assert_eq!(challenge.parameter("realm"), Some("https://a/token?x=1"));
        assert_eq!(challenge.parameter("service"), Some("reg"));
        assert_eq!(
            challenge.parameter("scope"),
            Some("repository:a/b:pull,push")
        );
        assert_eq!(challenge.parameter("error"), Some("a \"b\""));
        assert_eq!(challenge.parameter("absent"), None);
    }

    #[test]
    fn refuses_what_is_no_challenge() {
        assert_eq!(Challenge::parse(""), None);
        assert_eq!(Challenge::parse("realm=\"x\""), None);
        assert_eq!(Challenge::parse("Basic realm=\"x"), None);
        assert_eq!(Challenge::parse("Negotiate").unwrap().parameters, []);
    }

    #[test]
    fn the_password_is_not_in_debug_output() {
        let credentials = Credentials::Password {
            username: "u".into(),
            password: "hunter2".into(),
        };
        assert_eq!(format!("{credentials:?}"), "Password(\"u\", …)");
        assert_eq!(
            basic("Aladdin", "open sesame"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }
}
