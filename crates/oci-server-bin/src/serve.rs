//! Wiring everything together, serving and draining.

mod front;

use std::error::Error;
use std::io::{IsTerminal, Write, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oci_auth::SharedSecrets;
use oci_blob_store::object::ObjectBlobStore;
use oci_http::Audit;
use oci_registry::LocalRegistry;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::admin::{self, Admin};
use crate::audit::AuditLog;
use crate::auth::{self, Guard, Keys, Listening, Surroundings};
use crate::config::Config;
use crate::listen::{self, Open};
use crate::metrics::Metrics;
use crate::ops::{self, Status};
use crate::prepare::Prepared;
use crate::stores;
use crate::tls::Reloader;

use front::Front;

/// Serves until a signal says to stop, then drains.
pub(crate) async fn serve(prepared: Prepared) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let config = &prepared.config;
    let audit = config.audit.as_ref().map(AuditLog::open).transpose()?;
    let audit = audit.map(Arc::new);
    let back = Back::open(config).await?;
    let mut signals = Signals::new()?;
    let listener = listen::bind(config.listen).await?;
    let listening = Listening {
        addr: listener.local_addr()?,
        tls: prepared.certificate.is_some(),
    };
    let socket = admin::bind(config).await?;
    let guard = guard(&prepared, &back, listening).await?;
    let front = Front {
        config,
        metrics: &back.metrics,
        audit: audit.clone().map(|audit| audit as Arc<dyn Audit>),
        guard: guard.as_ref(),
    };
    let keys = guard.as_ref().map(Guard::keys).unwrap_or_default();
    let status = Arc::new(Status::new(back.local.clone()));
    let mut app = ops::probes(Arc::clone(&status));
    app = app.merge(front.routes(&back.local, &prepared.sources)?);
    // Dropped at the end, it ends what runs beside the requests.
    let mut background = beside(&prepared, &back, &keys)?;
    match config.metrics_listen {
        None => app = app.merge(ops::metrics(back.metrics)),
        Some(addr) => {
            let listener = listen::bind(addr).await?;
            background.spawn(metrics_alone(listener, back.metrics));
        }
    }
    if let Some(socket) = socket {
        let status = Arc::clone(&status);
        let scheme = config.auth.as_ref().map(|auth| auth.scheme.as_str());
        let admin = Admin {
            started,
            listening,
            status,
            scheme: scheme.unwrap_or("none"),
            surroundings: Surroundings::of(config),
            sources: prepared.sources,
            keys,
            certificate: prepared.certificate.as_ref().map(Reloader::rereader),
            audit,
        };
        background.spawn(admin::serve(socket, admin.router()));
    }
    let tls = prepared.certificate.as_ref().map(Reloader::current);
    if let Some(certificate) = prepared.certificate {
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

/// What requests end at.
struct Back {
    metrics: Metrics,
    local: LocalRegistry,
    secrets: Arc<dyn SharedSecrets>,
    object: Option<ObjectBlobStore>,
}

impl Back {
    /// Opens the stores.
    async fn open(config: &Config) -> Result<Self, Box<dyn Error>> {
        let metrics = Metrics::new();
        let meta = stores::metadata(&config.metadata).await?;
        let blobs = stores::blobs(&config.blobs).await?;
        let options = config.registry.clone();
        let local = LocalRegistry::observed(meta.store, blobs.store, options, metrics.events());
        Ok(Self {
            metrics,
            local,
            secrets: meta.secrets,
            object: blobs.object,
        })
    }
}

/// Who may use the registry, if anybody has to log in.
async fn guard(
    prepared: &Prepared,
    back: &Back,
    listening: Listening,
) -> Result<Option<Guard>, Box<dyn Error>> {
    let Prepared {
        config, sources, ..
    } = prepared;
    let Some(auth) = &config.auth else {
        return Ok(None);
    };
    let secrets = Arc::clone(&back.secrets);
    let guard = auth::guard(config, auth, sources, secrets, listening).await?;
    Ok(Some(guard))
}

/// Starts what runs beside the requests, whatever the settings.
fn beside(prepared: &Prepared, back: &Back, keys: &Keys) -> std::io::Result<JoinSet<()>> {
    let mut background = JoinSet::new();
    let (local, sweep_every) = (back.local.clone(), prepared.config.sweep_every);
    background.spawn(async move { local.maintain(sweep_every).await });
    if let Some(store) = &back.object {
        let sessions_live = prepared.config.registry.terms.expiry;
        background.spawn(stores::tidy(store.clone(), sessions_live));
    }
    let sources = || Arc::clone(&prepared.sources);
    background.spawn(sources().run());
    background.spawn(keys.clone().follow(sources(), hangup()?));
    background.spawn(keys.clone().run());
    Ok(background)
}

fn hangup() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

async fn metrics_alone(listener: TcpListener, metrics: Metrics) {
    if let Err(error) = axum::serve(listener, ops::metrics(metrics)).await {
        tracing::error!(%error, "metrics are served no longer");
    }
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
