//! Tags, referrers and the catalog.

use http::StatusCode;
use oci_registry::{Page, PageRequest};
use oci_types::{Descriptor, Digest, ErrorCode, Link, MediaType, RepositoryName, Tag};
use serde::Serialize;

use crate::call::{Call, RepoCall};
use crate::failure::Failure;
use crate::headers::{Caching, FiltersApplied, NextPage};
use crate::query::{self, QueryError, ReferrersQuery};
use crate::reply::Reply;

/// How long a page of referrers may be, in bytes, unless a single one is longer: clients bound
/// the manifests that they read.
const REFERRERS_BYTES: usize = 4 << 20;

/// After how many repositories a page of the catalog ends that is not full yet.
const EXAMINED: usize = 10_000;

/// `GET /v2/<name>/tags/list` (end-8).
pub(super) async fn tags(at: &RepoCall<'_>) -> Result<Reply, Failure> {
    #[derive(Serialize)]
    struct Tags<'a> {
        name: &'a RepositoryName,
        tags: &'a [Tag],
    }

    let query = query::page(at.call.query).map_err(|error| malformed(&error))?;
    let limit = at.call.page_limit(query.n);
    let after = query.last;
    let page = at
        .registry()
        .tags(at.ctx(), &at.repo, PageRequest { after, limit })
        .await
        .map_err(|error| at.refuse(error))?;
    let next = last(&page).map(|last| {
        let n = limit.to_string();
        at.urls()
            .next("tags/list", &[("n", &n), ("last", last.as_str())])
    });
    let document = Tags {
        name: &at.repo.name,
        tags: &page.items,
    };
    list(Reply::json(StatusCode::OK, &document)?, next)
}

/// `GET /v2/_catalog`.
pub(super) async fn catalog(call: &Call<'_>) -> Result<Reply, Failure> {
    #[derive(Serialize)]
    struct Catalog<'a> {
        repositories: &'a [RepositoryName],
    }

    let query = query::page(call.query).map_err(|error| malformed(&error))?;
    let limit = call.page_limit(query.n);
    let page = repositories(call, query.last, limit).await?;
    let next = page.next.map(|last| {
        let path = format!("{}/v2/_catalog", call.options.path_prefix);
        let n = limit.to_string();
        Link::next(&path, &[("n", &n), ("last", last.as_str())])
    });
    let document = Catalog {
        repositories: &page.items,
    };
    list(Reply::json(StatusCode::OK, &document)?, next)
}

/// A page of repositories, and after which one the next page starts, if there is one.
struct Repositories {
    items: Vec<RepositoryName>,
    next: Option<RepositoryName>,
}

/// The repositories that the caller may see. Where a query cannot tell them apart, the page is
/// filled from at most [`EXAMINED`] others, and may be short.
async fn repositories(
    call: &Call<'_>,
    mut after: Option<String>,
    limit: usize,
) -> Result<Repositories, Failure> {
    let listed = call.bounds.listed().await?;
    let mut items = Vec::new();
    let mut examined = 0;
    loop {
        let asked = PageRequest {
            after: after.take(),
            limit: limit - items.len(),
        };
        let page = call.registry.repositories(&call.ctx, &listed.scope, asked);
        let page = page
            .await
            .map_err(|error| Failure::registry(error, call.route, None))?;
        let last = last(&page).cloned();
        examined += page.items.len();
        match &listed.filter {
            None => items.extend(page.items),
            Some(filter) => items.extend(page.items.into_iter().filter(|name| filter(name))),
        }
        match last {
            Some(last) if items.len() < limit && examined < EXAMINED => {
                after = Some(last.as_str().to_owned());
            }
            next => return Ok(Repositories { items, next }),
        }
    }
}

/// `GET /v2/<name>/referrers/<digest>` (end-12).
pub(super) async fn referrers(at: &RepoCall<'_>, subject: &Digest) -> Result<Reply, Failure> {
    let query = ReferrersQuery::try_from(at.call.query).map_err(|error| malformed(&error))?;
    // An empty page could not point to the next one.
    let limit = at.call.page_limit(query.n).max(1);
    let filter = query.artifact_type.as_deref();
    let request = PageRequest {
        after: query.last,
        limit,
    };
    let page = at
        .registry()
        .referrers(at.ctx(), &at.repo, subject, filter, request)
        .await
        .map_err(|error| at.refuse(error))?;
    let (document, cut) = index(&page)?;
    let next = cut.map(|last| {
        let (n, last) = (limit.to_string(), last.to_string());
        let mut query = vec![("n", &*n), ("last", &*last)];
        query.extend(filter.map(|filter| ("artifactType", filter)));
        at.urls().next(format_args!("referrers/{subject}"), &query)
    });
    let reply = Reply::new(StatusCode::OK)
        .with_document(MediaType::oci_index(), document.into())
        .with_some(filter.map(|_| FiltersApplied("artifactType")));
    list(reply, next)
}

/// An image index of as much of the page as fits, and the last descriptor in it where there are
/// more. Each descriptor is serialised once, so the index is put together by hand.
fn index(page: &Page<Descriptor>) -> Result<(Vec<u8>, Option<Digest>), Failure> {
    let media_type = MediaType::oci_index();
    let mut document =
        format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":["#).into_bytes();
    let mut written = None;
    let mut more = page.more;
    for descriptor in &page.items {
        let json = serde_json::to_vec(descriptor).map_err(Failure::internal)?;
        if written.is_some() {
            if document.len() + json.len() + 3 > REFERRERS_BYTES {
                more = true;
                break;
            }
            document.push(b',');
        }
        document.extend_from_slice(&json);
        written = Some(descriptor.digest);
    }
    document.extend_from_slice(b"]}");
    Ok((document, written.filter(|_| more)))
}

/// The last item of a page that is not the last one.
fn last<T>(page: &Page<T>) -> Option<&T> {
    page.items.last().filter(|_| page.more)
}

fn list(reply: Reply, next: Option<Link>) -> Result<Reply, Failure> {
    Ok(reply
        .with(Caching::Revalidate)
        .with_some(next.map(NextPage)))
}

fn malformed(error: &QueryError) -> Failure {
    Failure::query(error, ErrorCode::Unsupported)
}
