//! The OCI Distribution Specification's HTTP API as an axum router over any registry.
//!
//! [`router`] makes one from anything that implements [`Registry`]; [`RegistryRouter`] does so
//! with options. It answers below `/v2` and can stand beside other routes of a program:
//!
//! ```
//! use axum::{Router, routing::get};
//!
//! # fn app() -> Router {
//! let registry = oci_registry::testing::memory_registry();
//! Router::new()
//!     .route("/", get(|| async { "see /v2/" }))
//!     .merge(oci_http::router(registry))
//! # }
//! # let _ = app();
//! ```
//!
//! # Who asks
//!
//! By default anybody may do everything. With the feature `auth`, an `Access` is put around the
//! registry: an `Authenticator` that says who makes a request and a `Policy` that says what they
//! may do, both of the crate `oci-auth`, which has ready ones, or of one's own;
//! `TokenEndpoint` hands out tokens. The example `authenticator` has its own users in few lines.
//!
//! A layer in front of the router can do it in another way. It puts what it found into the
//! request's extensions: an [`Actor`], on whose behalf the request is then done, and a [`Scope`],
//! which bounds the catalog and what may be mounted. Without them it is [`Actor::Anonymous`] and
//! [`Scope::All`]. To decide what a request may do, such a layer reads its path with
//! [`Route::parse`], as the router does; a layer that answers by itself should [`linger`].
//!
//! What people may have to answer for is told to an [`Audit`], with the [`ClientAddr`] that the
//! server found.
//!
//! # What clients are told
//!
//! Every refusal is an error envelope of the specification with a sentence that says what to do.
//! A failure of the registry itself is a 5xx of code `UNKNOWN`, which the specification leaves
//! free: its body names the request id, and its cause is logged under that id and never sent.
//! A full storage is a 507, so that it can be told from a defect; a storage out of reach is a
//! 503 with `Retry-After`. The id is in every answer as `X-Request-Id`; one that the request
//! brings along is taken over.
//!
//! What digests name may be kept by a client for ever, what tags name is revalidated by `ETag`,
//! nothing may be kept by a shared cache, and refusals not at all. `Location` and `Link` are
//! absolute paths, which TLS proxies do not disturb; where a path is put before `/v2`, the
//! router [has to be told](RegistryRouter::path_prefix).
//!
//! A `+` in a query is a plus, not a space: media types contain it, and nothing here a space.
//!
//! # What is not here
//!
//! TLS, timeouts, limits on connections and headers belong to the server that runs the router;
//! compression must not be put around it, because clients rely on `Content-Length`. CORS is
//! off. No route has axum's default body limit: blobs are streamed, and manifests have
//! [a limit of their own](RegistryRouter::max_manifest_bytes).

#[cfg(feature = "auth")]
mod access;
mod audit;
mod body;
mod bounds;
mod call;
mod client;
mod conditional;
mod failure;
mod handlers;
mod headers;
mod observe;
mod options;
mod percent;
mod query;
mod reply;
mod request_id;
mod route;
mod service;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "auth")]
mod token;
mod urls;
mod verb;

#[cfg(feature = "auth")]
pub use access::Access;
pub use audit::{Audit, AuditAction, AuditEntry, AuditOutcome, LoginKind};
pub use body::linger;
pub use client::ClientAddr;
pub use observe::{NoObserver, Observer, RequestRecord};
pub use oci_registry::{Actor, Registry, Scope};
pub use options::{Namespaces, PathPrefixError, RegistryRouter, router};
pub use route::{Route, RouteError, RouteName};
pub use service::RegistryService;
#[cfg(feature = "auth")]
pub use token::TokenEndpoint;
pub use verb::Verb;
