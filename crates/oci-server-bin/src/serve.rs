//! Wiring everything together, serving and draining.

use std::error::Error;
use std::io::{IsTerminal, Write, stdout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use oci_auth::Rules;
use oci_registry::{ImmutableTags, LocalRegistry, ReadOnly, RepoKey, SharedRegistry, TagGuard};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::config::Config;
use crate::listen::{self, Open};
use crate::metrics::Metrics;
use crate::ops::{self, Status};
use crate::stores;
use crate::tls::Reloader;

/// Serves until a signal says to stop, then drains.
pub(crate) async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    // First what is quick and often wrong.
    let reloader = config.tls.clone().map(Reloader::load).transpose()?;
    let metrics = Metrics::new();
    let meta = stores::metadata(&config.metadata)?;
    let blobs = stores::blobs(&config.blobs)?;
    let local = LocalRegistry::observed(meta, blobs, config.registry.clone(), metrics.events());
    let status = Arc::new(Status::new(local.clone()));
    let mut app = ops::probes(Arc::clone(&status)).merge(api(&config, &local, &metrics));

    let mut signals = Signals::new()?;
    let listener = listen::bind(config.listen).await?;
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
    let tls = reloader.as_ref().map(Reloader::current);
    if let Some(reloader) = reloader {
        background.spawn(reloader.run(signal(SignalKind::hangup())?));
    }

    announce(tls.is_some(), listener.local_addr()?)?;
    let stop = async {
        let name = signals.next().await;
        tracing::info!(signal = name, "draining");
    };
    let open = listen::accept(listener, app, tls, &config.http, stop).await;
    status.drain();
    drain(open, config.http.drain_timeout, &mut signals).await;
    Ok(())
}

/// The routes of the registry.
fn api(config: &Config, local: &LocalRegistry, metrics: &Metrics) -> Router {
    oci_http::RegistryRouter::new(wrapped(config, local.clone()))
        .max_manifest_bytes(config.http.max_manifest_bytes)
        .page_size(config.http.page_size, config.http.max_page_size)
        .require_host(true)
        .observer(metrics.requests())
        .into_router()
}

/// The registry with the policies that the settings ask for around it.
fn wrapped(config: &Config, local: LocalRegistry) -> SharedRegistry {
    if config.read_only {
        Arc::new(ReadOnly::new(local))
    } else {
        let rules = Arc::new(config.rules.clone());
        Arc::new(ImmutableTags::new(local, move |repo| {
            immutable(&rules, repo)
        }))
    }
}

/// The tags of a repository that nobody may move or remove.
fn immutable(rules: &Arc<Rules>, repo: &RepoKey) -> TagGuard {
    if rules.immutable_tags(&repo.name).is_empty() {
        return TagGuard::none();
    }
    let (rules, name) = (Arc::clone(rules), repo.name.clone());
    TagGuard::new(move |tag| rules.is_immutable(&name, tag))
}

/// Says where the server is, for scripts, and how to use it, for people.
fn announce(tls: bool, addr: SocketAddr) -> std::io::Result<()> {
    let scheme = if tls { "https" } else { "http" };
    let mut out = stdout().lock();
    writeln!(out, "listening on {scheme}://{addr}")?;
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
