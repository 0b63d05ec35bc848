//! The endpoints.

mod blobs;
mod content;
mod lists;
mod manifests;
mod uploads;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use oci_types::MediaType;

use crate::call::Call;
use crate::failure::Failure;
use crate::headers::{Allow, Caching};
use crate::reply::Reply;
use crate::{Route, Verb};

/// Hands the request to its endpoint. The methods here are those of
/// [`RouteName::verbs`](crate::RouteName::verbs).
pub(crate) async fn dispatch(call: &Call<'_>, route: Route, body: Body) -> Result<Reply, Failure> {
    let endpoint = route.name();
    if call.verb == Verb::Options {
        let mut verbs = endpoint.verbs().to_vec();
        verbs.push(Verb::Options);
        return Ok(Reply::new(StatusCode::NO_CONTENT).with(Allow(verbs)));
    }
    if !endpoint.verbs().contains(&call.verb) {
        return Err(Failure::method(endpoint, call.verb));
    }
    match route {
        Route::Base => Ok(base()),
        Route::Catalog => lists::catalog(call).await,
        Route::Blob { name, digest } => {
            let at = call.within(name)?;
            at.scoped(match call.verb {
                Verb::Delete => blobs::delete(&at, &digest).await,
                Verb::Head => blobs::head(&at, &digest).await,
                _ => blobs::get(&at, &digest).await,
            })
        }
        Route::Manifest { name, reference } => {
            let at = call.within(name)?;
            at.scoped(match call.verb {
                Verb::Delete => manifests::delete(&at, reference).await,
                Verb::Put => manifests::put(&at, reference, body).await,
                _ => manifests::get(&at, &reference).await,
            })
        }
        Route::Uploads { name } => {
            let at = call.within(name)?;
            at.scoped(uploads::start(&at, body).await)
        }
        Route::Upload { name, id } => {
            let at = call.within(name)?;
            at.scoped(match call.verb {
                Verb::Patch => uploads::append(&at, id, body).await,
                Verb::Put => uploads::finish(&at, id, body).await,
                Verb::Delete => uploads::cancel(&at, id).await,
                _ => uploads::status(&at, id).await,
            })
        }
        Route::Tags { name } => {
            let at = call.within(name)?;
            at.scoped(lists::tags(&at).await)
        }
        Route::Referrers { name, digest } => {
            let at = call.within(name)?;
            at.scoped(lists::referrers(&at, &digest).await)
        }
    }
}

/// `GET /v2/`: the API is here.
fn base() -> Reply {
    Reply::new(StatusCode::OK)
        .with(Caching::Never)
        .with_document(MediaType::json(), Bytes::from_static(b"{}"))
}
