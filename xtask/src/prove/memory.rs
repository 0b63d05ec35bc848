//! A large blob goes in and out in constant memory.

use std::io::{self, Read};
use std::path::Path;

use anyhow::{Result, ensure};
use oci_types::{Algorithm, Digest, Hasher};

use super::random::Random;
use super::target::Server;

const MIB: u64 = 1 << 20;
/// What the server may have resident when it does nothing.
const IDLE: u64 = 20 * MIB;
/// By how much a transfer may raise that.
const RISE: u64 = 32 * MIB;

/// One MiB again and again.
struct Repeated {
    block: Vec<u8>,
    at: u64,
    end: u64,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(self.at % MIB).unwrap_or(0);
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let len = buffer.len().min(self.block.len() - start).min(left);
        buffer[..len].copy_from_slice(&self.block[start..start + len]);
        self.at += len as u64;
        Ok(len)
    }
}

pub(super) fn prove(binary: &Path, size: u64) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(binary, &dir.path().join("data"))?;
    let client = server.client();
    client.get("/v2/")?.expect(200)?;
    let (idle, _) = server.resident()?;
    let block = Random::new(1).bytes(1 << 20);
    let digest = digest(&block, size);

    let started = client
        .send("POST", "/v2/big/blobs/uploads/", &[], &[])?
        .expect(202)?;
    let body = Repeated {
        block,
        at: 0,
        end: size,
    };
    let patched = client
        .stream("PATCH", &started.location()?, body, size)?
        .expect(202)?;
    let finish = format!("{}?digest={digest}", patched.location()?);
    client.send("PUT", &finish, &[], &[])?.expect(201)?;
    let (_, pushed) = server.resident()?;
    let read = client.drain(&format!("/v2/big/blobs/{digest}"))?;
    ensure!(read == size, "{read} bytes came back");
    let (_, peak) = server.resident()?;
    server.stop()?;

    println!(
        "memory: idle {:.1} MiB, peak after {} MiB in {:.1} MiB, and out again {:.1} MiB",
        mib(idle),
        size / MIB,
        mib(pushed),
        mib(peak)
    );
    ensure!(idle <= IDLE, "the idle server takes more than 20 MiB");
    ensure!(peak <= idle + RISE, "the transfer takes more than 32 MiB");
    Ok(())
}

fn digest(block: &[u8], size: u64) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for _ in 0..size / MIB {
        hasher.update(block);
    }
    hasher.finish()
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}
