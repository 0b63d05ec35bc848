//! A relay between a client and the server that cuts the line once, in the midst of an upload.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::Result;

/// How often the listener looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(10);

/// A listener that passes connections on, until it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    server: String,
    /// After how many bytes from clients, over all connections, the line is cut.
    cut_after: u64,
    passed: AtomicU64,
    cut: AtomicBool,
    closed: AtomicBool,
}

impl Relay {
    /// Listens on a free port for clients of `server`.
    pub(super) fn start(server: &str, cut_after: u64) -> Result<Relay> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let line = Arc::new(Line {
            server: server.to_owned(),
            cut_after,
            passed: AtomicU64::new(0),
            cut: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        let shared = line.clone();
        thread::spawn(move || accept(&listener, &shared));
        Ok(Relay { address, line })
    }

    /// `host:port`, for clients.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether the line was cut.
    pub(super) fn has_cut(&self) -> bool {
        self.line.cut.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.line.closed.store(true, Ordering::SeqCst);
    }
}

fn accept(listener: &TcpListener, line: &Arc<Line>) {
    while !line.closed.load(Ordering::SeqCst) {
        let Ok((client, _)) = listener.accept() else {
            thread::sleep(LOOK);
            continue;
        };
        // A client whose server is gone sees its connection closed, as without a relay.
        if let Ok(server) = TcpStream::connect(&line.server) {
            let _ = connect(client, server, line.clone());
        }
    }
}

fn connect(client: TcpStream, server: TcpStream, line: Arc<Line>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let (client_back, server_back) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(&server_back, &client_back, |_| true));
    thread::spawn(move || pass(&client, &server, |bytes| line.admits(bytes)));
    Ok(())
}

impl Line {
    /// Whether these bytes may still pass; once they may not.
    fn admits(&self, bytes: usize) -> bool {
        let passed = self.passed.fetch_add(bytes as u64, Ordering::SeqCst);
        passed < self.cut_after || self.cut.swap(true, Ordering::SeqCst)
    }
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, admits: impl Fn(usize) -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 {
            // The other direction may still have something to say.
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if !admits(count) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::Relay;

    /// Sends so many bytes through the relay to a server that answers how many have come.
    fn send(relay: &Relay, count: usize) -> Option<usize> {
        let mut client = TcpStream::connect(relay.address()).unwrap();
        let sent = client.write_all(&vec![0; count]);
        let _ = client.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let read = sent.and_then(|()| client.read_to_string(&mut answer));
        read.ok().and_then(|_| answer.parse().ok())
    }

    #[test]
    fn the_line_is_cut_once() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::start(&server.local_addr().unwrap().to_string(), 1 << 20).unwrap();
        thread::spawn(move || {
            for connection in server.incoming() {
                let mut connection = connection.unwrap();
                let mut bytes = Vec::new();
                if connection.read_to_end(&mut bytes).is_ok() {
                    let _ = connection.write_all(bytes.len().to_string().as_bytes());
                }
            }
        });
        assert_eq!(send(&relay, 1000), Some(1000));
        assert!(!relay.has_cut());
        assert_eq!(send(&relay, 4 << 20), None);
        assert!(relay.has_cut());
        assert_eq!(send(&relay, 4 << 20), Some(4 << 20));
    }
}
