//! Wiring everything together, serving and draining.

use std::error::Error;
use std::io::{IsTerminal, Write, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use oci_http::{Audit, RegistryRouter, TokenEndpoint};
use oci_registry::{ImmutableTags, LocalRegistry, ReadOnly, SharedRegistry};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::admin::{self, Admin, AdminSocket, SocketError};
use crate::audit::AuditLog;
use crate::auth::{self, Guard, Listening, Sources, Surroundings};
use crate::config::{Config, PublicUrl};
use crate::listen::{self, Open};
use crate::metrics::Metrics;
use crate::ops::{self, Status};
use crate::prepare::Prepared;
use crate::stores;
use crate::tls::Reloader;

/// Serves until a signal says to stop, then drains.
pub(crate) async fn serve(prepared: Prepared) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let Prepared {
        config,
        certificate,
        sources,
    } = prepared;
    let audit = config.audit.as_ref().map(AuditLog::open).transpose()?;
    let audit = audit.map(Arc::new);
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
        tls: certificate.is_some(),
    };
    let socket = admin_socket(&config).await?;
    let guard = match &config.auth {
        Some(auth) => {
            let guard = auth::guard(&config, auth, &sources, meta.secrets, listening);
            Some(guard.await?)
        }
        None => None,
    };
    let keys = guard.as_ref().map(Guard::keys).unwrap_or_default();
    let front = Front {
        config: &config,
        metrics: &metrics,
        audit: audit.clone().map(|audit| audit as Arc<dyn Audit>),
        guard: guard.as_ref(),
    };
    let mut app = ops::probes(Arc::clone(&status)).merge(front.routes(&local, &sources)?);
    // Dropped at the end, it ends what runs beside the requests.
    let mut background = JoinSet::new();
    match config.metrics_listen {
        None => app = app.merge(ops::metrics(metrics)),
        Some(addr) => {
            let listener = listen::bind(addr).await?;
            background.spawn(metrics_alone(listener, metrics));
        }
    }
    if let Some(socket) = socket {
        let admin = Admin {
            started,
            listening,
            status: Arc::clone(&status),
            scheme: config
                .auth
                .as_ref()
                .map_or("none", |auth| auth.scheme.as_str()),
            surroundings: Surroundings::of(&config),
            sources: Arc::clone(&sources),
            keys: keys.clone(),
            certificate: certificate.as_ref().map(Reloader::rereader),
            audit,
        };
        background.spawn(admin::serve(socket, admin.router()));
    }
    let sweep_every = config.sweep_every;
    background.spawn(async move { local.maintain(sweep_every).await });
    background.spawn(Arc::clone(&sources).run());
    let hangup = || signal(SignalKind::hangup());
    background.spawn(keys.clone().follow(sources, hangup()?));
    background.spawn(keys.run());
    let tls = certificate.as_ref().map(Reloader::current);
    if let Some(certificate) = certificate {
        background.spawn(certificate.run(hangup()?));
    }

    announce(listening)?;
    let stop = async {
        let name = signals.next().await;
        tracing::info!(signal = name, "draining");
    };
    let open = listen::accept(listener, app, tls, &config.http, stop).await;
    status.drain();
    drain(open, config.http.drain_timeout, &mut signals).await;
    background.shutdown().await;
    Ok(())
}

/// The socket of the admin API, if there is one to be had.
async fn admin_socket(config: &Config) -> Result<Option<AdminSocket>, SocketError> {
    let Some(path) = &config.admin_socket else {
        return Ok(None);
    };
    let is_default = *path == config.data_dir.join("admin.sock");
    match AdminSocket::bind(path).await {
        Ok(socket) => Ok(Some(socket)),
        Err(SocketError::NoFolder { path }) if is_default => {
            let folder = path.display();
            tracing::debug!(%folder, "no admin socket: nothing is kept in the data folder");
            Ok(None)
        }
        Err(error @ SocketError::TooLong { .. }) => {
            tracing::warn!("{error}; going on without an admin socket");
            Ok(None)
        }
        // Some filesystems have no sockets.
        Err(ref error @ SocketError::Io { .. }) if is_default => {
            let error = crate::chain(error);
            tracing::warn!("{error}; going on without an admin socket");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn metrics_alone(listener: TcpListener, metrics: Metrics) {
    if let Err(error) = axum::serve(listener, ops::metrics(metrics)).await {
        tracing::error!(%error, "metrics are served no longer");
    }
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
