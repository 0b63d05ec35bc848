//! The clients, one module each: how each is asked for what [`Client`] names.

mod containers;
mod cosign;
mod crane;
mod ctr;
pub(super) mod docker;
mod helm;
mod oras;
mod regctl;
mod skopeo;

use super::client::{Client, Desk};
use crate::Result;

/// A client that may be on this machine.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// The programs it takes beside the one of its name.
    daemons: &'static [&'static str],
    /// How it is asked for its version.
    pub(super) version: &'static [&'static str],
    /// Whether it must be there where everything must be.
    pub(super) mandatory: bool,
    /// Whether it is told a name for the server besides `localhost`.
    pub(super) knows_alias: bool,
    /// Whether it takes root.
    pub(super) privileged: bool,
    pub(super) start: fn(Desk) -> Result<Box<dyn Client>>,
}

/// All of them, those that take longest first.
pub(super) const CLIENTS: &[Entry] = &[
    Entry {
        daemons: &["dockerd", "containerd"],
        knows_alias: true,
        privileged: true,
        ..entry("docker", docker::start)
    },
    entry("podman", containers::podman),
    entry("buildah", containers::buildah),
    entry("skopeo", skopeo::start),
    Entry {
        version: &["version"],
        ..entry("cosign", cosign::start)
    },
    Entry {
        version: &["version", "--short"],
        ..entry("helm", helm::start)
    },
    Entry {
        version: &["version"],
        ..entry("crane", crane::start)
    },
    Entry {
        version: &["version"],
        ..entry("regctl", regctl::start)
    },
    Entry {
        daemons: &["containerd"],
        mandatory: false,
        privileged: true,
        ..entry("ctr", ctr::start)
    },
    Entry {
        version: &["version"],
        mandatory: false,
        ..entry("oras", oras::start)
    },
];

const fn entry(name: &'static str, start: fn(Desk) -> Result<Box<dyn Client>>) -> Entry {
    Entry {
        name,
        daemons: &[],
        version: &["--version"],
        mandatory: true,
        knows_alias: false,
        privileged: false,
        start,
    }
}

impl Entry {
    /// All the programs it takes; the first tells the version.
    pub(super) fn programs(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.daemons.iter().copied())
    }
}
