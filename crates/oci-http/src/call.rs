//! One request, as the handlers see it.

use http::HeaderMap;
use oci_registry::{Ctx, Registry, RegistryError, RepoKey};
use oci_types::{ErrorCode, RepositoryName};

use crate::bounds::Bounds;
use crate::failure::Failure;
use crate::headers::Namespace;
use crate::options::Options;
use crate::query::{self, RawQuery};
use crate::reply::Reply;
use crate::urls::Urls;
use crate::{Namespaces, RouteName, Verb};

/// One request without its body.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) registry: &'a dyn Registry,
    pub(crate) options: &'a Options,
    pub(crate) ctx: Ctx,
    pub(crate) verb: Verb,
    pub(crate) route: RouteName,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: RawQuery<'a>,
    pub(crate) bounds: Bounds<'a>,
}

impl<'a> Call<'a> {
    /// The request as one about the repository `name`.
    pub(crate) fn within(&'a self, name: RepositoryName) -> Result<RepoCall<'a>, Failure> {
        let upstream = match self.options.namespaces {
            Namespaces::Ignore => None,
            Namespaces::Scope => query::namespace(self.query)
                .map_err(|error| Failure::query(&error, ErrorCode::NameInvalid))?,
        };
        let repo = RepoKey { upstream, name };
        Ok(RepoCall { call: self, repo })
    }

    /// How many items a page has, of which the client wants `n`.
    pub(crate) fn page_limit(&self, n: Option<u64>) -> usize {
        let Some(n) = n else {
            return self.options.default_page;
        };
        usize::try_from(n).map_or(self.options.max_page, |n| n.min(self.options.max_page))
    }
}

/// One request about a repository, without its body.
#[derive(Debug)]
pub(crate) struct RepoCall<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) repo: RepoKey,
}

impl RepoCall<'_> {
    pub(crate) fn registry(&self) -> &dyn Registry {
        self.call.registry
    }

    pub(crate) fn ctx(&self) -> &Ctx {
        &self.call.ctx
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.call.headers
    }

    pub(crate) fn urls(&self) -> Urls<'_> {
        Urls {
            prefix: &self.call.options.path_prefix,
            repo: &self.repo,
        }
    }

    /// What the client is to see of the registry's refusal.
    pub(crate) fn refuse(&self, error: RegistryError) -> Failure {
        Failure::registry(error, self.call.route, Some(self.urls()))
    }

    /// Says by which namespace the request was scoped, if by one.
    pub(crate) fn scoped(&self, outcome: Result<Reply, Failure>) -> Result<Reply, Failure> {
        let Some(upstream) = &self.repo.upstream else {
            return outcome;
        };
        let namespace = Namespace(upstream.clone());
        match outcome {
            Ok(reply) => Ok(reply.with(namespace)),
            Err(failure) => Err(failure.with(namespace)),
        }
    }
}
