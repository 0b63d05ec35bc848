//! The threads that check passwords.
//!
//! They are few, they have a low priority where the system knows one for threads, and what waits
//! for them is bounded, in all and for each address: whoever floods the registry with passwords
//! is refused, and neither slows down those who are logged in nor keeps others from it.

use std::any::Any;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Answers something that is dropped once its place is free again.
type Work = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// All threads are busy and enough is waiting, in all or from this address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

pub(super) struct Pool {
    sender: SyncSender<(Work, Slot)>,
    addresses: Arc<Addresses>,
}

impl Pool {
    /// Starts `workers` threads, for which `queue` pieces of work may wait.
    pub(super) fn start(workers: usize, queue: usize, niceness: u8) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 1..=workers {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || {
                    lower_priority(niceness);
                    run(&receiver);
                })?;
        }
        let addresses = Addresses {
            waiting: Mutex::default(),
            limit: ((workers + queue) / 2).max(1),
        };
        Ok(Self {
            sender,
            addresses: Arc::new(addresses),
        })
    }

    /// Hands work over; never blocks. What it answers is dropped once its place is free again,
    /// so that whoever is told by that finds the place free.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        address: Option<IpAddr>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(), Busy> {
        let slot = Addresses::enter(&self.addresses, address).ok_or(Busy)?;
        let sent = self.sender.try_send((Box::new(|| Box::new(work())), slot));
        sent.map_err(|_| Busy)
    }
}

/// Ends when the pool is dropped and nothing is waiting.
fn run(receiver: &Mutex<Receiver<(Work, Slot)>>) {
    loop {
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok((work, slot)) = next else { return };
        // Work that panics tells those who wait for it by what it drops.
        let answer = catch_unwind(AssertUnwindSafe(work));
        drop(slot);
        drop(answer);
    }
}

#[cfg(target_os = "linux")]
fn lower_priority(niceness: u8) {
    // On Linux, it is the calling thread's. Without the permission it stays as it is.
    let _ = rustix::process::nice(i32::from(niceness.min(19)));
}

#[cfg(not(target_os = "linux"))]
fn lower_priority(_niceness: u8) {}

/// How much each address has waiting.
struct Addresses {
    waiting: Mutex<HashMap<u128, usize>>,
    limit: usize,
}

/// A place, given back when it is dropped.
struct Slot {
    addresses: Arc<Addresses>,
    key: Option<u128>,
}

impl Addresses {
    fn enter(this: &Arc<Self>, address: Option<IpAddr>) -> Option<Slot> {
        let key = address.map(network);
        if let Some(key) = key {
            let mut waiting = this.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let count = waiting.entry(key).or_default();
            if *count >= this.limit {
                return None;
            }
            *count += 1;
        }
        let addresses = Arc::clone(this);
        Some(Slot { addresses, key })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waiting = &self.addresses.waiting;
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&key);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or a /64 of IPv6, which is what one customer has.
pub(super) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::*;

    const A: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
    const B: Option<IpAddr> = Some(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST));

    #[test]
    fn what_waits_is_bounded_in_all_and_by_address() {
        let pool = Pool::start(1, 3, 10).unwrap();
        let (started, starts) = channel();
        let (release, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let work = || {
            let (gate, started) = (Arc::clone(&gate), started.clone());
            move || {
                started.send(()).unwrap();
                gate.lock().unwrap().recv().unwrap();
            }
        };
        pool.submit(A, work()).unwrap();
        starts.recv_timeout(Duration::from_secs(10)).unwrap();
        pool.submit(A, work()).unwrap();
        assert_eq!(pool.submit(A, work()), Err(Busy), "half is for others");
        pool.submit(B, work()).unwrap();
        pool.submit(None, work()).unwrap();
        assert_eq!(pool.submit(B, work()), Err(Busy), "enough is waiting");
        for _ in 0..4 {
            release.send(()).unwrap();
        }
        for _ in 0..3 {
            starts.recv_timeout(Duration::from_secs(10)).unwrap();
        }
    }

    /// Says that it was dropped.
    struct Bell(Sender<()>);

    impl Drop for Bell {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn a_place_is_free_when_its_work_is_done() {
        let pool = Pool::start(1, 1, 10).unwrap();
        let (sender, receiver) = channel();
        for _ in 0..100 {
            let bell = Bell(sender.clone());
            pool.submit(A, || bell).unwrap();
            receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        }
    }

    #[test]
    fn a_panic_ends_no_thread_and_gives_its_place_back() {
        let pool = Pool::start(1, 1, 10).unwrap();
        let (sender, receiver) = channel();
        for round in 0..3 {
            while pool.submit(A, || panic!("expected by the test")).is_err() {
                thread::yield_now();
            }
            loop {
                let sender = sender.clone();
                if pool.submit(A, move || sender.send(round)).is_ok() {
                    break;
                }
                thread::yield_now();
            }
            assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(round));
        }
    }

    /// The calling thread's priority, as the system counts it.
    #[cfg(target_os = "linux")]
    fn niceness() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let behind_name = stat.rsplit_once(')').unwrap().1;
        behind_name
            .split_whitespace()
            .nth(16)
            .unwrap()
            .parse()
            .unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn its_threads_alone_have_a_low_priority() {
        let before = niceness();
        let pool = Pool::start(1, 1, 5).unwrap();
        let (sender, receiver) = channel();
        pool.submit(A, move || sender.send(niceness())).unwrap();
        let there = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(there, (before + 5).min(19));
        assert_eq!(niceness(), before);
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let key = |text: &str| network(text.parse().unwrap());
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    }
}
