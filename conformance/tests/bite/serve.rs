//! A registry in memory on a port of the loopback, with a fault or without.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use oci_http::{Registry, RegistryRouter, RegistryService};
use oci_registry::testing::memory_registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use crate::fault::{Fault, Place};
use crate::http::{Asked, Told};
use crate::registry::Faulty;

/// A registry that is served until it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(fault: Option<&'static Fault>) -> Server {
        let registry: Arc<dyn Registry> = match fault.map(|fault| &fault.place) {
            Some(Place::Registry(defect)) => Arc::new(Faulty::new(memory_registry(), *defect)),
            _ => memory_registry(),
        };
        let service = RegistryRouter::new(registry).into_service();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, service.clone(), fault));
            }
        });
        Server { url, task }
    }
}

async fn serve(stream: TcpStream, service: RegistryService, fault: Option<&'static Fault>) {
    let answer = service_fn(|request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(service, request, fault).await) }
    });
    let mut http = http1::Builder::new();
    let connection = http
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answer);
    // A connection that a check breaks is none of this test's business.
    let _ = connection.await;
}

async fn answer(
    service: RegistryService,
    request: Request<Incoming>,
    fault: Option<&'static Fault>,
) -> Response<Body> {
    // Hyper leaves it to whoever serves (RFC 9112 §3.2).
    if request.version() == Version::HTTP_11 && !request.headers().contains_key("host") {
        return Response::builder().status(400).body(Body::empty()).unwrap();
    }
    match fault.map(|fault| &fault.place) {
        None | Some(Place::Registry(_)) => call(service, request).await,
        Some(Place::Request(change)) => {
            let (mut parts, body) = request.into_parts();
            change(&mut parts);
            call(service, Request::from_parts(parts, body)).await
        }
        Some(Place::Answer(change)) => {
            let asked = Asked::of(&request);
            let mut told = Told::read(call(service, request).await).await;
            change(&asked, &mut told);
            told.into_response(&asked)
        }
    }
}

async fn call(service: RegistryService, request: Request<Incoming>) -> Response<Body> {
    service
        .oneshot(request)
        .await
        .unwrap_or_else(|never| match never {})
}
