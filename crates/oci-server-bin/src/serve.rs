//! Listening, serving and draining.

use std::error::Error;
use std::io::{IsTerminal, Write, stdout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use oci_registry::{ImmutableTags, LocalRegistry, ReadOnly, SharedRegistry};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;

use crate::config::{Config, HttpConfig};
use crate::metrics::Metrics;
use crate::ops::{self, Status};
use crate::stores;

/// How long to wait before accepting again when the system refuses (out of descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until a signal says to stop, then drains.
pub(crate) async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    let metrics = Metrics::new();
    let meta = stores::metadata(&config.metadata)?;
    let blobs = stores::blobs(&config.blobs)?;
    let local = LocalRegistry::observed(meta, blobs, config.registry.clone(), metrics.events());
    let status = Arc::new(Status::new(local.clone()));

    let registry = oci_http::RegistryRouter::new(wrapped(&config, local.clone()))
        .max_manifest_bytes(config.http.max_manifest_bytes)
        .page_size(config.http.page_size, config.http.max_page_size)
        .require_host(true)
        .observer(metrics.requests())
        .into_router();
    let mut app = ops::probes(Arc::clone(&status)).merge(registry);

    let mut signals = Signals::new()?;
    let listener = bind(config.listen).await?;
    let metrics_task = match config.metrics_listen {
        None => {
            app = app.merge(ops::metrics(metrics));
            None
        }
        Some(addr) => {
            let listener = bind(addr).await?;
            Some(tokio::spawn(async move {
                axum::serve(listener, ops::metrics(metrics)).await
            }))
        }
    };
    let sweep_every = config.sweep_every;
    let maintenance = tokio::spawn(async move { local.maintain(sweep_every).await });

    announce(listener.local_addr()?)?;
    let connections = accept(listener, app, &config.http, &mut signals).await;
    status.drain();
    drain(connections, config.http.drain_timeout, &mut signals).await;
    maintenance.abort();
    if let Some(task) = metrics_task {
        task.abort();
    }
    Ok(())
}

/// The registry with the policies that the settings ask for around it.
fn wrapped(config: &Config, local: LocalRegistry) -> SharedRegistry {
    if config.read_only {
        Arc::new(ReadOnly::new(local))
    } else if config.immutable.is_empty() {
        Arc::new(local)
    } else {
        Arc::new(ImmutableTags::new(local, config.immutable.clone()))
    }
}

async fn bind(addr: SocketAddr) -> Result<TcpListener, Box<dyn Error>> {
    TcpListener::bind(addr)
        .await
        .map_err(|error| format!("could not listen on {addr}: {error}").into())
}

/// Says where the server is, for scripts, and how to use it, for people.
fn announce(addr: SocketAddr) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "listening on http://{addr}")?;
    if out.is_terminal() {
        writeln!(
            out,
            "\n  docker tag alpine {addr}/alpine\n  docker push {addr}/alpine\n"
        )?;
    }
    out.flush()
}

/// Accepts connections until a signal arrives; answers those that are open then.
async fn accept(
    listener: TcpListener,
    app: Router,
    config: &HttpConfig,
    signals: &mut Signals,
) -> GracefulShutdown {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout);
    let connections = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(config.max_connections));
    loop {
        let accepted = async {
            // The semaphore is never closed, so that this cannot fail.
            let slot = Arc::clone(&slots).acquire_owned().await.ok();
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            accepted = accepted => accepted,
            name = signals.next() => {
                tracing::info!(signal = name, "draining");
                return connections;
            }
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        configure(&stream);
        let service = TowerToHyperService::new(app.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(slot);
        });
    }
}

fn configure(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not turn Nagle's algorithm off");
    }
}

/// Lets requests in flight finish; a second signal or the limit cuts them off.
async fn drain(connections: GracefulShutdown, limit: Duration, signals: &mut Signals) {
    tokio::select! {
        () = connections.shutdown() => {}
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
