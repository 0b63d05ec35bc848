//! How many connections each client address has open.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections of every address.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    limit: usize,
    open: Arc<Mutex<HashMap<IpAddr, Count>>>,
}

#[derive(Debug, Default)]
struct Count {
    open: usize,
    /// That connections are refused has been logged.
    told: bool,
}

/// A connection counts for as long as it holds this.
#[derive(Debug)]
pub(super) struct Seat {
    addresses: Addresses,
    client: IpAddr,
}

impl Addresses {
    /// At most `limit` connections each.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            open: Arc::default(),
        }
    }

    /// Counts a connection, unless its address has as many as it may have.
    pub(super) fn admit(&self, addr: IpAddr) -> Option<Seat> {
        let client = client(addr);
        let mut open = self.lock();
        let count = open.entry(client).or_default();
        if count.open >= self.limit {
            // Once for each time that it gets there: whoever floods does not flood the log.
            if !std::mem::replace(&mut count.told, true) {
                tracing::warn!(
                    %client,
                    open = count.open,
                    "connections are refused: http.max_connections_per_address is reached"
                );
            }
            return None;
        }
        count.open += 1;
        drop(open);
        Some(Seat {
            addresses: self.clone(),
            client,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Count>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.addresses.lock();
        if let Some(count) = open.get_mut(&self.client) {
            count.open -= 1;
            if count.open == 0 {
                open.remove(&self.client);
            }
        }
    }
}

/// Who counts as one client: an IPv4 address, or an IPv6 network of 64 bits, in which anybody
/// has as many addresses as they want.
fn client(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V4(addr) => IpAddr::V4(addr),
        IpAddr::V6(addr) => {
            let network = u128::from(addr) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_count() {
        let addresses = Addresses::new(2);
        let admit = |text: &str| addresses.admit(text.parse().unwrap());
        for (first, second, stranger) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:0:0:1", "2001:db8:0:1::1"),
        ] {
            let one = admit(first).unwrap();
            let two = admit(second).unwrap();
            assert!(admit(first).is_none());
            assert!(admit(second).is_none());
            assert!(admit(stranger).is_some());
            drop(one);
            assert!(admit(second).is_some());
            drop(two);
        }
        assert!(addresses.lock().is_empty(), "nothing is kept of the gone");
    }
}
