//! What the server counts, in the OpenMetrics text format.

use std::fmt;
use std::sync::Arc;

use oci_http::{Observer, RequestRecord};
use oci_registry::{Ctx, Event, Events, RepoKey};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Upper bounds of the histogram of durations, in seconds.
const DURATIONS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabel {
    event: &'static str,
}

/// All that is counted. Clones count together.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    requests: Requests,
    events: Family<EventLabel, Counter>,
    resident: Gauge,
}

#[derive(Clone, Debug)]
struct Requests {
    total: Family<RequestLabels, Counter>,
    durations: Family<RouteLabel, Histogram, fn() -> Histogram>,
    received: Family<RouteLabel, Counter>,
    sent: Family<RouteLabel, Counter>,
    in_flight: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let requests = Requests {
            total: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            received: Family::default(),
            sent: Family::default(),
            in_flight: Gauge::default(),
        };
        let (events, resident) = (Family::default(), Gauge::default());
        let mut registry = Registry::with_prefix("oci_server");
        for (name, help, metric) in [
            (
                "http_received_bytes",
                "Bytes of request bodies read",
                &requests.received,
            ),
            (
                "http_sent_bytes",
                "Bytes of response bodies sent",
                &requests.sent,
            ),
        ] {
            registry.register(name, help, metric.clone());
        }
        let r = &requests;
        registry.register(
            "http_requests",
            "Requests answered; status 0 is a client gone before the answer",
            r.total.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "From a request's headers to the end of its answer",
            r.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests being answered",
            r.in_flight.clone(),
        );
        registry.register(
            "events",
            "What happened to manifests, tags and blobs",
            Family::clone(&events),
        );
        registry.register(
            "resident_memory_bytes",
            "Resident memory of the process",
            Gauge::clone(&resident),
        );
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The running program", Info::new(version));
        Self {
            registry: Arc::new(registry),
            requests,
            events,
            resident,
        }
    }

    /// What counts requests.
    pub(crate) fn requests(&self) -> Arc<dyn Observer> {
        Arc::new(self.requests.clone())
    }

    /// What counts the registry's events.
    pub(crate) fn events(&self) -> Arc<dyn Events> {
        Arc::new(self.clone())
    }

    /// Everything as text.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        if let Some(bytes) = resident_bytes() {
            self.resident.set(bytes);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Observer for Requests {
    fn started(&self) {
        self.in_flight.inc();
    }

    fn request(&self, record: &RequestRecord) {
        self.in_flight.dec();
        let route = record.route.as_str();
        let labels = RequestLabels {
            method: record.verb.as_str(),
            route,
            status: record.status.map_or(0, |status| status.as_u16()),
        };
        let label = RouteLabel { route };
        self.total.get_or_create(&labels).inc();
        let seconds = record.duration.as_secs_f64();
        self.durations.get_or_create(&label).observe(seconds);
        self.received.get_or_create(&label).inc_by(record.bytes_in);
        self.sent.get_or_create(&label).inc_by(record.bytes_out);
    }
}

impl Events for Metrics {
    fn observe(&self, _: &Ctx, _: &RepoKey, event: &Event) {
        let event = match event {
            Event::ManifestPushed { .. } => "manifest_pushed",
            Event::ManifestPulled { .. } => "manifest_pulled",
            Event::ManifestDeleted { .. } => "manifest_deleted",
            Event::TagDeleted { .. } => "tag_deleted",
            Event::BlobPushed { .. } => "blob_pushed",
            Event::BlobMounted { .. } => "blob_mounted",
            Event::BlobPulled { .. } => "blob_pulled",
            Event::BlobDeleted { .. } => "blob_deleted",
            Event::BlobDamaged { .. } => "blob_damaged",
            _ => "other",
        };
        self.events.get_or_create(&EventLabel { event }).inc();
    }
}

/// The resident set, where the system tells it.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
