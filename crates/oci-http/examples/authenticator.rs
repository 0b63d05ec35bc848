//! A registry with users of one's own: each has the repositories below their name.
//!
//! `cargo run -p oci-http --example authenticator`, then `docker login` at the
//! address that it prints, as anybody, with the password `open sesame`.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use oci_auth::{
    Attempt, AuthError, Authenticator, Caller, Credentials, Identity, LoginScheme, Policy,
    PolicyError, PullScope, Rights,
};
use oci_http::{Access, RegistryRouter};
use oci_types::RepositoryName;
use tokio::net::TcpListener;

#[derive(Debug)]
struct Mine;

#[async_trait]
impl Authenticator for Mine {
    async fn authenticate(&self, attempt: Attempt<'_>) -> Result<Caller, AuthError> {
        let identity = match attempt.credentials {
            None => Identity::Anonymous,
            Some(Credentials::Basic(login)) if login.password.expose() == "open sesame" => {
                let name = login.user.parse().map_err(|_| AuthError::Password)?;
                Identity::user(name, BTreeSet::new())
            }
            Some(_) => return Err(AuthError::Password),
        };
        Ok(Caller::unbounded(identity))
    }
}

#[async_trait]
impl Policy for Mine {
    async fn rights(&self, who: &Identity, repo: &RepositoryName) -> Result<Rights, PolicyError> {
        let own = self.pull_scope(who).await?.contains(repo);
        Ok(if own { Rights::ALL } else { Rights::NONE })
    }

    async fn pull_scope(&self, who: &Identity) -> Result<PullScope, PolicyError> {
        let below = who
            .name()
            .and_then(|name| format!("{name}/**").parse().ok());
        Ok(PullScope::new(below.into_iter().collect()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    serve(TcpListener::bind("127.0.0.1:0").await?).await
}

/// Serves a registry that asks who is there.
pub async fn serve(listener: TcpListener) -> Result<(), Box<dyn std::error::Error>> {
    println!("listening on http://{}", listener.local_addr()?);
    let registry = oci_registry::testing::memory_registry();
    let realm = "this registry".parse()?;
    let access = Access::new(Arc::new(Mine), Arc::new(Mine), LoginScheme::Basic { realm });
    let app = RegistryRouter::new(registry).access(access).into_router();
    Ok(axum::serve(listener, app).await?)
}
