//! How a registry is put into a program.

use std::sync::Arc;

use axum::Router;
use oci_registry::Registry;

#[cfg(feature = "auth")]
use crate::Access;
use crate::{Audit, NoObserver, Observer, RegistryService};

/// Serves `registry` below `/v2`, with the defaults of [`RegistryRouter`].
pub fn router(registry: Arc<dyn Registry>) -> Router {
    RegistryRouter::new(registry).into_router()
}

/// What `?ns=` does (specification: "Registry Proxying").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Namespaces {
    /// Nothing: whatever registry a client is mirroring, it is served this one's own content.
    #[default]
    Ignore,
    /// It becomes the repository's [upstream](oci_registry::RepoKey::upstream), for a registry
    /// that knows what to make of it, and comes back as `OCI-Namespace`.
    Scope,
}

/// A registry about to be served, and how.
#[derive(Clone, Debug)]
#[must_use = "it serves nothing before it is made a router or a service"]
pub struct RegistryRouter {
    registry: Arc<dyn Registry>,
    options: Options,
}

/// What a service is told.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) max_manifest_bytes: usize,
    pub(crate) default_page: usize,
    pub(crate) max_page: usize,
    pub(crate) max_tags_per_push: usize,
    pub(crate) namespaces: Namespaces,
    pub(crate) path_prefix: String,
    pub(crate) require_host: bool,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) audit: Option<Arc<dyn Audit>>,
    #[cfg(feature = "auth")]
    pub(crate) access: Option<Access>,
}

impl RegistryRouter {
    /// Serves `registry` with the defaults.
    pub fn new(registry: Arc<dyn Registry>) -> Self {
        Self {
            registry,
            options: Options {
                max_manifest_bytes: 4 << 20,
                default_page: 1_000,
                max_page: 10_000,
                max_tags_per_push: 100,
                namespaces: Namespaces::default(),
                path_prefix: String::new(),
                require_host: false,
                observer: Arc::new(NoObserver),
                audit: None,
                #[cfg(feature = "auth")]
                access: None,
            },
        }
    }

    /// The largest manifest that is taken, in bytes, this many included; 4 MiB by default. Each
    /// push under way may hold as much in memory.
    pub fn max_manifest_bytes(mut self, bytes: usize) -> Self {
        self.options.max_manifest_bytes = bytes;
        self
    }

    /// How many items a page of a list has where the client does not say, and at most; 1,000
    /// and 10,000 by default. A client that asks for more gets the most.
    ///
    /// Neither is less than one, and the default not more than the most.
    pub fn page_size(mut self, default: usize, max: usize) -> Self {
        self.options.max_page = max.max(1);
        self.options.default_page = default.clamp(1, self.options.max_page);
        self
    }

    /// How many `?tag=` one push may have; 100 by default.
    pub fn max_tags_per_push(mut self, tags: usize) -> Self {
        self.options.max_tags_per_push = tags;
        self
    }

    /// What `?ns=` does; [`Namespaces::Ignore`] by default.
    pub fn namespaces(mut self, namespaces: Namespaces) -> Self {
        self.options.namespaces = namespaces;
        self
    }

    /// What stands before `/v2` in the URLs that clients use; nothing by default.
    ///
    /// Set it where the router is nested below a path, or a proxy strips one: every `Location`
    /// and `Link` is an absolute path, and starts with it.
    ///
    /// # Errors
    /// [`PathPrefixError`] unless the prefix is empty, or starts with a slash, does not end with
    /// one, and consists of what a URL's path consists of.
    pub fn path_prefix(mut self, prefix: &str) -> Result<Self, PathPrefixError> {
        let in_path = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&b);
        let valid = prefix.is_empty()
            || prefix.starts_with('/')
                && !prefix.starts_with("//")
                && !prefix.ends_with('/')
                && prefix.bytes().all(in_path);
        if !valid {
            return Err(PathPrefixError);
        }
        prefix.clone_into(&mut self.options.path_prefix);
        Ok(self)
    }

    /// Whether a request of HTTP/1.1 that has no `Host`, or several, is refused with 400; not so
    /// by default, because requests that are made within a program have none.
    ///
    /// RFC 9112 §3.2 demands it of servers that are reached over a network, and hyper leaves it
    /// to them.
    pub fn require_host(mut self, require: bool) -> Self {
        self.options.require_host = require;
        self
    }

    /// Who is told of every request; nobody by default.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.options.observer = observer;
        self
    }

    /// Who is told of writes, refusals of access and logins; nobody by default.
    pub fn audit(mut self, audit: Arc<dyn Audit>) -> Self {
        self.options.audit = Some(audit);
        self
    }

    /// Who may do what; by default everybody everything that a layer before lets through. With
    /// it, an [`Actor`](crate::Actor) and a [`Scope`](crate::Scope) among a request's extensions
    /// are not looked at.
    #[cfg(feature = "auth")]
    pub fn access(mut self, access: Access) -> Self {
        self.options.access = Some(access);
        self
    }

    /// A router with the routes `/v2` and below, to be merged with others or served.
    pub fn into_router(self) -> Router {
        let service = self.into_service();
        Router::new()
            .route_service("/v2", service.clone())
            .route_service("/v2/", service.clone())
            .route_service("/v2/{*rest}", service)
    }

    /// The service alone, for a program that routes by itself: it saves what axum's router
    /// costs. What is not below `/v2` is answered with a 404.
    pub fn into_service(self) -> RegistryService {
        RegistryService::new(self.registry, self.options)
    }
}

/// The text is no prefix of a URL's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path prefix starts with '/' and does not end with it, such as /registry")]
pub struct PathPrefixError;

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> RegistryRouter {
        RegistryRouter::new(oci_registry::testing::memory_registry())
    }

    #[test]
    fn pages_have_at_least_one_item_and_at_most_the_most() {
        for (default, max, expected) in [(0, 0, (1, 1)), (5, 10, (5, 10)), (50, 10, (10, 10))] {
            let options = registry().page_size(default, max).options;
            assert_eq!((options.default_page, options.max_page), expected);
        }
    }

    #[test]
    fn a_prefix_is_the_beginning_of_a_path() {
        for prefix in ["", "/a", "/a/b-c", "/a%20b"] {
            assert!(registry().path_prefix(prefix).is_ok(), "{prefix}");
        }
        for prefix in [
            "a", "/", "/a/", "//a", "http://a", "/a?b", "/a#b", "/ä", "/a b", "/\r\n",
        ] {
            assert!(registry().path_prefix(prefix).is_err(), "{prefix:?}");
        }
    }
}
