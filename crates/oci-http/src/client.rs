//! Where a request comes from.

use std::net::IpAddr;

use http::request::Parts;

/// The address of the client that makes a request, as far as it can be believed.
///
/// A server puts it into the request's extensions: the peer's address, or the one that a proxy
/// names which the server trusts. Without it, the address is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr(pub IpAddr);

impl ClientAddr {
    /// The address of the request's client, if it is known.
    pub(crate) fn of(parts: &Parts) -> Option<IpAddr> {
        parts.extensions.get::<Self>().map(|client| client.0)
    }
}
