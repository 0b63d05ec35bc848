//! What operators ask: is it alive, is it ready, what does it measure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use oci_registry::LocalRegistry;

use crate::metrics::Metrics;

/// How long a store may take to answer before it counts as out of reach.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// Whether requests should be sent here.
#[derive(Debug)]
pub(crate) struct Status {
    registry: LocalRegistry,
    draining: AtomicBool,
}

impl Status {
    pub(crate) fn new(registry: LocalRegistry) -> Self {
        Self {
            registry,
            draining: AtomicBool::new(false),
        }
    }

    /// From now on it is not ready.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether it is about to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    async fn unready(&self) -> Option<String> {
        if self.is_draining() {
            return Some("draining".to_owned());
        }
        match tokio::time::timeout(PROBE_LIMIT, self.registry.probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                // What is wrong with a store is for the log, not for whoever can reach the port.
                tracing::error!("not ready: {}", crate::chain(&error));
                Some("a store is out of reach".to_owned())
            }
            Err(_) => {
                tracing::error!("not ready: a store does not answer");
                Some("a store does not answer".to_owned())
            }
        }
    }
}

/// `/live`, `/healthz` and `/ready`.
pub(crate) fn probes(status: Arc<Status>) -> Router {
    Router::new()
        .route("/live", get(|| async { "ok\n" }))
        .route("/healthz", get(healthz))
        .route("/ready", get(ready))
        .with_state(status)
}

/// `/metrics`.
pub(crate) fn metrics(metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(exposition))
        .with_state(metrics)
}

async fn healthz() -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, r#"{"status":"ok"}"#).into_response()
}

async fn ready(State(status): State<Arc<Status>>) -> Response {
    match status.unready().await {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn exposition(State(metrics): State<Metrics>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "could not write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
