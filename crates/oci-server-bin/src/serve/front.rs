//! What stands between the network and the registry: routes, policies and logins.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use oci_http::{Audit, RegistryRouter, TokenEndpoint};
use oci_registry::{ImmutableTags, LocalRegistry, ReadOnly, SharedRegistry};

use crate::auth::{Guard, Sources};
use crate::config::{Config, PublicUrl};
use crate::metrics::Metrics;

/// What stands between the network and the registry.
pub(super) struct Front<'a> {
    pub(super) config: &'a Config,
    pub(super) metrics: &'a Metrics,
    pub(super) audit: Option<Arc<dyn Audit>>,
    pub(super) guard: Option<&'a Guard>,
}

impl Front<'_> {
    /// The routes of the registry, and of its token endpoint if it has one.
    pub(super) fn routes(
        &self,
        local: &LocalRegistry,
        sources: &Sources,
    ) -> Result<Router, Box<dyn Error>> {
        let config = self.config;
        let registry = wrapped(config, local.clone(), sources);
        let prefix = config.public_url.as_ref().map_or("", PublicUrl::path);
        let mut api = RegistryRouter::new(registry)
            .max_manifest_bytes(config.http.max_manifest_bytes)
            .page_size(config.http.page_size, config.http.max_page_size)
            .path_prefix(prefix)?
            .require_host(true)
            .observer(self.metrics.requests());
        if let Some(audit) = &self.audit {
            api = api.audit(Arc::clone(audit));
        }
        let Some(guard) = self.guard else {
            return Ok(api.into_router());
        };
        let api = api.access(guard.access.clone()).into_router();
        let Some(tokens) = &guard.tokens else {
            return Ok(api);
        };
        let mut endpoint = TokenEndpoint::new(Arc::clone(tokens));
        if let Some(audit) = &self.audit {
            endpoint = endpoint.audit(Arc::clone(audit));
        }
        Ok(api.merge(endpoint.into_router("/token")))
    }
}

/// The registry with the policies that the settings ask for around it.
fn wrapped(config: &Config, local: LocalRegistry, sources: &Sources) -> SharedRegistry {
    if config.read_only {
        return Arc::new(ReadOnly::new(local));
    }
    let policies = Arc::clone(sources.policies());
    Arc::new(ImmutableTags::new(local, move |repo| {
        policies.immutable(repo)
    }))
}
