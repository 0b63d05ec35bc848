//! Accepting connections, within limits, until it is time to drain.
//!
//! What a connection does happens in a task of its own, TLS handshake included, so that nobody
//! keeps others from being accepted. A connection holds its slots until it is closed.

mod activity;
mod addresses;
mod client;
mod connection;
mod stall;

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::config::HttpConfig;
use crate::tls;

use addresses::Addresses;
use connection::{Drain, Serving};

/// How long to wait before accepting again when the system refuses (out of descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on an address.
pub(crate) async fn bind(addr: SocketAddr) -> Result<TcpListener, Box<dyn Error>> {
    TcpListener::bind(addr)
        .await
        .map_err(|error| format!("could not listen on {addr}: {error}").into())
}

/// The connections that are open.
pub(crate) struct Open(watch::Sender<bool>);

impl Open {
    /// Tells them to finish what was asked of them, and waits until they are closed.
    pub(crate) async fn drain(self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

/// Accepts connections until `stop` is there; answers those that are open then.
pub(crate) async fn accept(
    listener: TcpListener,
    app: Router,
    tls: Option<tls::Current>,
    config: &HttpConfig,
    stop: impl Future<Output = ()>,
) -> Open {
    let serving = Arc::new(Serving::new(app, tls, config));
    let slots = Arc::new(Semaphore::new(config.max_connections));
    let addresses = Addresses::new(config.max_connections_per_address);
    let (open, drain) = watch::channel(false);
    let open = Open(open);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            // The semaphore is never closed, so that this cannot fail.
            let slot = Arc::clone(&slots).acquire_owned().await.ok();
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => return open,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(seat) = addresses.admit(peer.ip()) else {
            continue;
        };
        configure(&stream);
        let serving = Arc::clone(&serving);
        let drain = Drain::new(drain.clone());
        tokio::spawn(async move {
            if let Err(error) = serving.serve(stream, peer.ip(), drain).await {
                let error = crate::chain(&error);
                tracing::debug!(%peer, error, "a connection ended early");
            }
            drop((slot, seat));
        });
    }
}

fn configure(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not turn Nagle's algorithm off");
    }
}
