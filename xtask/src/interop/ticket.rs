//! What lets this program in where one has to log in: a password, or tokens had for it.

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use ureq::Agent;
use ureq::http::StatusCode;

use super::image::text;
use super::mode::WRITER;
use super::site::Site;
use crate::Result;

/// What a request says for itself.
#[derive(Debug)]
pub(super) enum Ticket {
    None,
    Basic,
    /// A token for each request, from where the registry sends its clients.
    Bearer {
        realm: String,
        service: String,
    },
}

impl Ticket {
    /// Asks a registry how one logs in.
    ///
    /// # Errors
    /// When it lets everybody in, or asks for something else.
    pub(super) fn at(site: &Site, agent: &Agent) -> Result<Ticket> {
        let answer = agent.get(format!("{}/v2/", site.url())).call()?;
        ensure!(
            answer.status() == StatusCode::UNAUTHORIZED,
            "without a login, /v2/ answers {}",
            answer.status()
        );
        let mut challenges = answer.headers().get_all("WWW-Authenticate").iter();
        let challenge = challenges.next().context("a 401 without a challenge")?;
        ensure!(challenges.next().is_none(), "a 401 with two challenges");
        let challenge = challenge.to_str()?;
        match challenge.split_once(' ') {
            Some(("Basic", _)) => Ok(Ticket::Basic),
            Some(("Bearer", parameters)) => Ok(Ticket::Bearer {
                // A name that clients know need not be one for this program.
                realm: parameter(parameters, "realm")?.replace(&site.host, &site.address),
                service: parameter(parameters, "service")?,
            }),
            _ => bail!("the challenge is {challenge:?}"),
        }
    }

    /// The value of `Authorization` for one request to a repository.
    ///
    /// # Errors
    /// When there is no token to be had.
    pub(super) fn header(&self, agent: &Agent, repository: &str) -> Result<Option<String>> {
        let password = STANDARD.encode(format!("{}:{}", WRITER.name, WRITER.password));
        let basic = format!("Basic {password}");
        match self {
            Ticket::None => Ok(None),
            Ticket::Basic => Ok(Some(basic)),
            Ticket::Bearer { realm, service } => {
                let scope = format!("repository:{repository}:pull,push");
                let request = agent.get(realm).query("service", service);
                let request = request.query("scope", scope).header("Authorization", basic);
                let mut answer = request.call()?;
                ensure!(
                    answer.status() == StatusCode::OK,
                    "no token: {}",
                    answer.status()
                );
                let answer: Value = serde_json::from_reader(answer.body_mut().as_reader())?;
                Ok(Some(format!("Bearer {}", text(&answer["token"]))))
            }
        }
    }
}

/// A parameter of a challenge whose values hold no quotation marks.
fn parameter(parameters: &str, name: &str) -> Result<String> {
    let found = parameters.split(',').find_map(|one| {
        let (key, value) = one.trim().split_once('=')?;
        (key == name).then(|| value.trim_matches('"').to_owned())
    });
    found.with_context(|| format!("the challenge has no {name}: {parameters}"))
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn parameters_are_found_by_their_names() {
        let challenge = "realm=\"https://a:1/token\", service=\"a:1\"";
        assert_eq!(parameter(challenge, "realm").unwrap(), "https://a:1/token");
        assert_eq!(parameter(challenge, "service").unwrap(), "a:1");
        assert!(parameter(challenge, "scope").is_err());
    }
}
