//! One connection, from its first byte to its last.
//!
//! With TLS the protocol is what ALPN came to. Without, HTTP/2 is spoken with clients that know
//! beforehand that it is understood, which shows in their first bytes. These are looked at before
//! anything is set up for the connection, once, so that requests cost what they cost without.

mod error;
mod http;
mod opening;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioExecutor;
use ipnet::IpNet;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::activity::Activity;
use super::client::{App, Client};
use super::stall::Unstalled;
use crate::config::HttpConfig;
use crate::tls;

use error::ConnectionError;
use opening::Opening;

/// What somebody is told who speaks HTTP where HTTPS is spoken.
const USE_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
    connection: close\r\n\r\n{\"errors\":[{\"code\":\"UNSUPPORTED\",\
    \"message\":\"this port speaks HTTPS and no HTTP\"}]}\n";

/// What all connections are served with.
pub(super) struct Serving {
    app: Router,
    proxies: Arc<[IpNet]>,
    tls: Option<tls::Current>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    header_timeout: Duration,
    handshake_timeout: Duration,
    idle_timeout: Duration,
}

/// How a connection is told to come to an end. While one of these lives, it is waited for.
pub(super) struct Drain(watch::Receiver<bool>);

impl Drain {
    pub(super) fn new(told: watch::Receiver<bool>) -> Self {
        Self(told)
    }

    /// Waits until it is time.
    async fn told(&mut self) {
        // Nobody being left who could tell means the same.
        let _ = self.0.wait_for(|told| *told).await;
    }
}

impl Serving {
    pub(super) fn new(app: Router, tls: Option<tls::Current>, config: &HttpConfig) -> Self {
        Self {
            app,
            proxies: config.trusted_proxies.as_slice().into(),
            tls,
            http1: http::http1(config),
            http2: http::http2(config),
            header_timeout: config.header_timeout,
            handshake_timeout: config.handshake_timeout,
            idle_timeout: config.idle_timeout,
        }
    }

    /// Serves a connection until it is closed by either side.
    pub(super) async fn serve(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        mut drain: Drain,
    ) -> Result<(), ConnectionError> {
        let app = self.app(peer);
        let opening = tokio::select! {
            opening = timeout(self.header_timeout, Opening::of(&stream)) => opening,
            () = drain.told() => return Ok(()),
        };
        let opening = opening
            .map_err(|_| ConnectionError::Silent)?
            .map_err(ConnectionError::Io)?;
        // Boxed, once a connection, where what is set up is large.
        match (&self.tls, opening) {
            (_, Opening::Closed) => Ok(()),
            (None, Opening::Http2) => {
                let activity = Arc::default();
                let stream = self.unstalled(stream).observed(Arc::clone(&activity));
                Box::pin(self.http2(app, stream, (activity, drain))).await
            }
            (None, _) => self.http1(app, self.unstalled(stream), drain).await,
            (Some(_), Opening::Http1 | Opening::Http2) => refuse(self.unstalled(stream)).await,
            (Some(tls), Opening::Other) => Box::pin(self.tls(app, tls, (stream, drain))).await,
        }
    }

    async fn tls(
        &self,
        app: App,
        tls: &tls::Current,
        (stream, mut drain): (TcpStream, Drain),
    ) -> Result<(), ConnectionError> {
        let activity = Arc::<Activity>::default();
        let stream = self.unstalled(stream).observed(Arc::clone(&activity));
        let handshake = TlsAcceptor::from(tls.config()).accept(stream);
        let stream = tokio::select! {
            done = timeout(self.handshake_timeout, handshake) => done,
            () = drain.told() => return Ok(()),
        };
        let stream = stream
            .map_err(|_| ConnectionError::SlowHandshake)?
            .map_err(ConnectionError::Handshake)?;
        if stream.get_ref().1.alpn_protocol() == Some(tls::H2) {
            self.http2(app, stream, (activity, drain)).await
        } else {
            self.http1(app, stream, drain).await
        }
    }

    /// What answers the requests of a client.
    fn app(&self, peer: IpAddr) -> App {
        App {
            router: self.app.clone(),
            client: Client::new(peer, &self.proxies),
        }
    }

    fn unstalled(&self, stream: TcpStream) -> Unstalled {
        Unstalled::new(stream, self.idle_timeout)
    }
}

/// Says in a way that is understood why this will not do.
async fn refuse(mut stream: Unstalled) -> Result<(), ConnectionError> {
    let refused = async {
        // What is left unread would make the kernel drop the answer.
        stream.discard()?;
        stream.write_all(USE_HTTPS).await?;
        stream.shutdown().await
    };
    refused.await.map_err(ConnectionError::Io)?;
    Err(ConnectionError::Plaintext)
}
