//! The routes of the admin API.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Extension, Router};
use http::{StatusCode, header};
use oci_auth::{Action, UnixTime, UserName};
use oci_http::AuditOutcome;
use oci_types::RepositoryName;
use serde::Serialize;

use super::messages::{
    ErrorAnswer, ExplainQuestion, FileAnswer, Outcome, ReloadAnswer, RevokeAnswer, StatusAnswer,
};
use crate::audit::{AdminEntry, AuditLog};
use crate::auth::{Keys, Listening, Look, Sources, Surroundings};
use crate::ops::Status;
use crate::tls::Rereader;

/// What the API is about.
pub(crate) struct Admin {
    pub(crate) started: Instant,
    pub(crate) listening: Listening,
    pub(crate) status: Arc<Status>,
    /// How clients log in.
    pub(crate) scheme: &'static str,
    pub(crate) surroundings: Surroundings,
    pub(crate) sources: Arc<Sources>,
    pub(crate) keys: Keys,
    pub(crate) certificate: Option<Rereader>,
    pub(crate) audit: Option<Arc<AuditLog>>,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) uid: Option<u32>,
}

/// Why something was not done, in a sentence.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    text: String,
}

type Answer = Result<Response, Failure>;
type Shared = State<Arc<Admin>>;

/// Every route: its method, its path, and what serves it.
fn routes() -> [(&'static str, &'static str, MethodRouter<Arc<Admin>>); 5] {
    [
        ("GET", "/v1/status", get(status)),
        ("POST", "/v1/reload", post(reload)),
        ("POST", "/v1/access/explain", post(explain)),
        ("POST", "/v1/keys/rotate", post(rotate)),
        ("DELETE", "/v1/refresh-tokens/{user}", delete(revoke)),
    ]
}

impl Admin {
    /// The API.
    pub(crate) fn router(self) -> Router {
        let mut router = Router::new();
        for (_, path, served) in routes() {
            router = router.route(path, served);
        }
        router
            .fallback(|| async { Failure::new(StatusCode::NOT_FOUND, "there is no such path") })
            .method_not_allowed_fallback(|| async {
                let text = "the path does not take this method";
                Failure::new(StatusCode::METHOD_NOT_ALLOWED, text)
            })
            .with_state(Arc::new(self))
    }

    /// Looks at everything that can be read again.
    pub(crate) async fn reload(&self) -> ReloadAnswer {
        let looked = self.sources.look().await;
        let files = looked.files.into_iter();
        let mut files: Vec<_> = files
            .map(|(path, look)| FileAnswer::of(path.display().to_string(), look))
            .collect();
        if let Some(certificate) = &self.certificate {
            let look = match certificate.reread().await {
                Ok(()) => Look::Read,
                Err(error) => Look::Refused(error),
            };
            files.push(FileAnswer::of(
                certificate.cert().display().to_string(),
                look,
            ));
        }
        let keys = self.keys.look().await.into_iter();
        files.extend(keys.map(|(name, look)| FileAnswer::of(name, look)));
        ReloadAnswer {
            files,
            warnings: looked.warnings,
        }
    }

    /// Notes in the audit log what came of something.
    fn audited(
        &self,
        (action, user): (&'static str, Option<&str>),
        peer: Peer,
        answer: Answer,
    ) -> Answer {
        let status = match &answer {
            Ok(answer) => answer.status(),
            Err(failure) => failure.status,
        };
        let outcome = AuditOutcome::of(Some(status));
        self.note((action, user), peer, status, outcome);
        answer
    }

    fn note(
        &self,
        (action, user): (&'static str, Option<&str>),
        peer: Peer,
        status: StatusCode,
        outcome: AuditOutcome,
    ) {
        if let Some(audit) = &self.audit {
            audit.record_admin(&AdminEntry {
                action,
                user,
                uid: peer.uid,
                outcome: outcome.as_str(),
                status: status.as_u16(),
            });
        }
        tracing::info!(action, user, uid = peer.uid, %status, "the admin API was used");
    }

    async fn rotated(&self) -> Answer {
        let ring = self.keys.ring().ok_or_else(Failure::no_tokens)?;
        let replaced = ring.replace_all(UnixTime::now()).await;
        replaced.map_err(|error| Failure::internal(&error))?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    async fn revoked(&self, user: &str) -> Answer {
        let user: UserName = user.parse().map_err(Failure::malformed)?;
        let secrets = self.keys.secrets().ok_or_else(Failure::no_tokens)?;
        let removed = secrets.remove_refresh_tokens(&user).await;
        let removed = removed.map_err(|error| Failure::internal(&error))?;
        json(&RevokeAnswer { removed })
    }
}

async fn status(State(admin): Shared) -> Answer {
    let ruleset = admin.sources.policies().current();
    let users = admin.sources.users();
    json(&StatusAnswer {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: admin.started.elapsed().as_secs(),
        url: admin.listening.url(),
        draining: admin.status.is_draining(),
        scheme: admin.scheme.to_owned(),
        access_rules: ruleset.counts.0 as u64,
        immutable_rules: ruleset.counts.1 as u64,
        groups: ruleset.groups.iter().count() as u64,
        users: users.map(|users| users.current().users().len() as u64),
    })
}

async fn reload(State(admin): Shared, Extension(peer): Extension<Peer>) -> Answer {
    let answer = admin.reload().await;
    let mut outcomes = answer.files.iter().map(|file| file.outcome);
    let outcome = if outcomes.any(|outcome| outcome == Outcome::Refused) {
        AuditOutcome::Refused
    } else {
        AuditOutcome::Done
    };
    admin.note(("reload", None), peer, StatusCode::OK, outcome);
    json(&answer)
}

async fn explain(State(admin): Shared, body: Result<Bytes, BytesRejection>) -> Answer {
    let body = body.map_err(|error| Failure::new(error.status(), error.body_text()))?;
    let question: ExplainQuestion = serde_json::from_slice(&body).map_err(Failure::malformed)?;
    let action: Action = question.action.parse().map_err(Failure::malformed)?;
    let repository = question.repository.parse::<RepositoryName>();
    let repository = repository.map_err(Failure::malformed)?;
    let surroundings = admin.surroundings;
    let answer = surroundings.explain(&admin.sources, &question.who, action, &repository);
    json(&answer.map_err(Failure::malformed)?)
}

async fn rotate(State(admin): Shared, Extension(peer): Extension<Peer>) -> Answer {
    let answer = admin.rotated().await;
    admin.audited(("rotate_keys", None), peer, answer)
}

async fn revoke(
    State(admin): Shared,
    Extension(peer): Extension<Peer>,
    Path(user): Path<String>,
) -> Answer {
    let answer = admin.revoked(&user).await;
    admin.audited(("revoke_refresh_tokens", Some(&user)), peer, answer)
}

impl FileAnswer {
    fn of(source: String, look: Look) -> Self {
        let (outcome, error) = match look {
            Look::Read => (Outcome::Read, None),
            Look::Unchanged => (Outcome::Unchanged, None),
            Look::Refused(error) => (Outcome::Refused, Some(error)),
        };
        Self {
            source,
            outcome,
            error,
        }
    }
}

impl Failure {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, text }
    }

    fn malformed(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }

    fn no_tokens() -> Self {
        let text = "this server hands out no tokens: that takes auth.scheme = \"bearer\" and \
                    auth.htpasswd";
        Self::new(StatusCode::CONFLICT, text)
    }

    /// Whoever can open the socket can read the log, too; here the causes are told.
    fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let text = crate::chain(error);
        tracing::error!(error = text, "the admin API failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let answer = json(&ErrorAnswer { error: self.text });
        let mut response = answer.unwrap_or_else(|failure| failure.status.into_response());
        *response.status_mut() = self.status;
        response
    }
}

fn json(value: &impl Serialize) -> Answer {
    let written = serde_json::to_vec(value).map_err(|error| Failure::internal(&error))?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, written).into_response())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The description has the routes that there are, and no others.
    #[test]
    fn the_description_is_complete() {
        let text = include_str!("../../../../docs/admin-api.json");
        let described: serde_json::Value = serde_json::from_str(text).unwrap();
        let paths = described["paths"].as_object().unwrap().iter();
        let described: BTreeSet<_> = paths
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                let methods = methods.filter(|key| *key != "parameters");
                methods.map(move |method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        let served = routes().map(|(method, path, _)| (method.to_owned(), path.to_owned()));
        assert_eq!(described, served.into());
    }
}
