//! Where requests come from, as far as it can be believed.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::response::Response;
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use ipnet::IpNet;
use oci_http::ClientAddr;
use tower::Service;

/// The router, which is told with each request where it comes from.
#[derive(Clone)]
pub(super) struct App {
    pub(super) router: Router,
    pub(super) client: Client,
}

impl Service<Request<Incoming>> for App {
    type Response = Response;
    type Error = Infallible;
    type Future = <Router as Service<Request<Incoming>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Incoming>>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let address = self.client.address(request.headers());
        request.extensions_mut().insert(ClientAddr(address));
        self.router.call(request)
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Client {
    peer: IpAddr,
    /// Those to be believed, if the peer is one of them.
    proxies: Option<Arc<[IpNet]>>,
}

impl Client {
    pub(super) fn new(peer: IpAddr, proxies: &Arc<[IpNet]>) -> Self {
        let peer = peer.to_canonical();
        let trusted = trusts(proxies, peer);
        Self {
            peer,
            proxies: trusted.then(|| Arc::clone(proxies)),
        }
    }

    /// The peer; or, where that is a proxy to be believed, the last address that
    /// `X-Forwarded-For` names and that is none. What stands before that is anybody's word.
    fn address(&self, headers: &HeaderMap) -> IpAddr {
        let Some(proxies) = &self.proxies else {
            return self.peer;
        };
        let mut nearest = self.peer;
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        for hop in lines.flat_map(|line| line.as_bytes().rsplit(|b| *b == b',')) {
            let Some(address) = parse(hop) else {
                return nearest;
            };
            nearest = address;
            if !trusts(proxies, address) {
                return nearest;
            }
        }
        nearest
    }
}

fn trusts(proxies: &[IpNet], address: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(&address))
}

/// An address, perhaps with a port or in brackets, as some proxies write it.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    let address: Option<IpAddr> = address.or_else(|| {
        let with_port: std::net::SocketAddr = text.parse().ok()?;
        Some(with_port.ip())
    });
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_that_are_trusted_are_believed() {
        let proxies: Arc<[IpNet]> = ["10.0.0.0/8", "fd00::/8"]
            .map(|network| network.parse().unwrap())
            .into();
        for (peer, forwarded, expected) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            (
                "10.0.0.1",
                &["203.0.113.9", "198.51.100.7, 10.2.2.2"],
                "198.51.100.7",
            ),
            ("10.0.0.1", &["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
            ("10.0.0.1", &["198.51.100.7, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("fd00::1", &["2001:db8::2"], "2001:db8::2"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        ] {
            let client = Client::new(peer.parse().unwrap(), &proxies);
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let found = client.address(&headers);
            assert_eq!(
                found,
                expected.parse::<IpAddr>().unwrap(),
                "{peer} {forwarded:?}"
            );
        }
    }
}
