//! Wiring everything together, serving and draining.

use std::error::Error;
use std::io::{IsTerminal, Write, stdout};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use oci_auth::Severity;
use oci_http::{Audit, RegistryRouter, TokenEndpoint};
use oci_registry::{ImmutableTags, LocalRegistry, ReadOnly, SharedRegistry};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::audit::AuditLog;
use crate::auth::{self, Finding, Guard, Listening, Sources};
use crate::config::{Config, PublicUrl};
use crate::listen::{self, Open};
use crate::metrics::Metrics;
use crate::ops::{self, Status};
use crate::stores;
use crate::tls::Reloader;

/// Serves until a signal says to stop, then drains.
pub(crate) async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    // First what is quick and often wrong.
    let reloader = config.tls.clone().map(Reloader::load).transpose()?;
    let sources = Arc::new(Sources::open(&config)?);
    heed(auth::findings(&config, &sources))?;
    let audit = config.audit.as_ref().map(AuditLog::open).transpose()?;
    let metrics = Metrics::new();
    let meta = stores::metadata(&config.metadata)?;
    let blobs = stores::blobs(&config.blobs)?;
    let observer = metrics.events();
    let local = LocalRegistry::observed(meta.store, blobs, config.registry.clone(), observer);
    let status = Arc::new(Status::new(local.clone()));

    let mut signals = Signals::new()?;
    let listener = listen::bind(config.listen).await?;
    let listening = Listening {
        addr: listener.local_addr()?,
        tls: reloader.is_some(),
    };
    let guard = match &config.auth {
        Some(auth) => {
            let guard = auth::guard(&config, auth, &sources, meta.secrets, listening);
            Some(guard.await?)
        }
        None => None,
    };
    let front = Front {
        config: &config,
        metrics: &metrics,
        audit: audit.map(|audit| Arc::new(audit) as Arc<dyn Audit>),
        guard: guard.as_ref(),
    };
    let mut app = ops::probes(Arc::clone(&status)).merge(front.routes(&local, &sources)?);
    // Dropped at the end, it ends what runs beside the requests.
    let mut background = JoinSet::new();
    match config.metrics_listen {
        None => app = app.merge(ops::metrics(metrics)),
        Some(addr) => {
            let listener = listen::bind(addr).await?;
            let serving = axum::serve(listener, ops::metrics(metrics));
            background.spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "metrics are served no longer");
                }
            });
        }
    }
    let sweep_every = config.sweep_every;
    background.spawn(async move { local.maintain(sweep_every).await });
    background.spawn(Arc::clone(&sources).run());
    if let Some(guard) = &guard {
        background.spawn(guard.keys().run());
    }
    let tls = reloader.as_ref().map(Reloader::current);
    if let Some(reloader) = reloader {
        background.spawn(reloader.run(signal(SignalKind::hangup())?));
    }

    announce(listening)?;
    let stop = async {
        let name = signals.next().await;
        tracing::info!(signal = name, "draining");
    };
    let open = listen::accept(listener, app, tls, &config.http, stop).await;
    status.drain();
    drain(open, config.http.drain_timeout, &mut signals).await;
    Ok(())
}

/// Says what is odd about the settings; what is wrong with them ends the start.
fn heed(findings: Vec<Finding>) -> Result<(), Box<dyn Error>> {
    for finding in findings {
        match finding.severity {
            Severity::Warning => tracing::warn!("{}", finding.text),
            Severity::Error => return Err(finding.text.into()),
        }
    }
    Ok(())
}

/// What stands between the network and the registry.
struct Front<'a> {
    config: &'a Config,
    metrics: &'a Metrics,
    audit: Option<Arc<dyn Audit>>,
    guard: Option<&'a Guard>,
}

impl Front<'_> {
    /// The routes of the registry, and of its token endpoint if it has one.
    fn routes(&self, local: &LocalRegistry, sources: &Sources) -> Result<Router, Box<dyn Error>> {
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

/// Says where the server is, for scripts, and how to use it, for people.
fn announce(listening: Listening) -> std::io::Result<()> {
    let Listening { addr, .. } = listening;
    let mut out = stdout().lock();
    writeln!(out, "listening on {}", listening.url())?;
    if out.is_terminal() {
        writeln!(
            out,
            "\n  docker tag alpine {addr}/alpine\n  docker push {addr}/alpine\n"
        )?;
    }
    out.flush()
}

/// Lets requests in flight finish; a second signal or the limit cuts them off.
async fn drain(open: Open, limit: Duration, signals: &mut Signals) {
    tokio::select! {
        () = open.drain() => {}
        () = tokio::time::sleep(limit) => {
            tracing::warn!("requests that were still in flight are cut off");
        }
        name = signals.next() => {
            tracing::warn!(signal = name, "told twice to stop: requests in flight are cut off");
        }
    }
}

/// The signals that mean: stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
