//! Where a client works and what must be so afterwards at both ends.

use anyhow::{Context, bail, ensure};

use super::client::{Cannot, Client, Freight, Mounts, cannot};
use super::image::{Image, Images, TAG, text};
use super::mode::{Mode, User, WRITER};
use super::operation::Operation;
use super::registry::{Reference, Registry, Served};
use super::relay::Relay;
use super::site::Site;
use crate::Result;
use crate::server::Server;

/// A second tag.
const LATER: &str = "1.1.0";
/// After how many bytes an upload is interrupted.
const CUT_AFTER: u64 = 9 << 20;
/// How often a client may be told to push again what was interrupted.
const ATTEMPTS: usize = 3;

/// Where operations take place: a server for this client alone.
pub(super) struct Bench<'a> {
    pub(super) client: &'a dyn Client,
    pub(super) images: &'a Images,
    /// None only while it is being restarted.
    server: Option<Server>,
    pub(super) registry: Registry,
    pub(super) site: Site,
    /// As whom the client is logged in.
    pub(super) who: Option<&'static User>,
}

impl<'a> Bench<'a> {
    /// # Errors
    /// When the registry does not say how one logs in.
    pub(super) fn new(
        client: &'a dyn Client,
        images: &'a Images,
        server: Server,
        site: Site,
    ) -> Result<Bench<'a>> {
        Ok(Bench {
            client,
            images,
            server: Some(server),
            registry: Registry::new(&site)?,
            site,
            who: None,
        })
    }

    /// Carries an operation out; answers a remark for the report.
    ///
    /// # Errors
    /// When something is not so; [`Cannot`] when the client has no command for it.
    pub(super) fn perform(&mut self, operation: Operation) -> Result<&'static str> {
        if let Some(mode) = self.site.mode
            && let Some(outcome) = self.perform_guarded(operation, mode)
        {
            return outcome;
        }
        match operation {
            Operation::Push => self.push("push", &self.images.small),
            Operation::Pull => self.pull(),
            Operation::Copy => self.copy(),
            Operation::Delete => self.delete(),
            Operation::List => self.list(),
            Operation::Referrers => self.refer(),
            Operation::Signature => self.sign(),
            Operation::Index => self.index(),
            Operation::Mount => self.mount(),
            Operation::Large => self.large(),
            Operation::Resume => self.resume(),
            Operation::Restart => self.restart(),
            Operation::Login
            | Operation::Password
            | Operation::ReadOnly
            | Operation::Hidden
            | Operation::Anonymous
            | Operation::Trust => cannot("nobody has to log in"),
        }
    }

    /// What is asked only where one has to log in; the rest is done by somebody who has.
    fn perform_guarded(
        &mut self,
        operation: Operation,
        mode: Mode,
    ) -> Option<Result<&'static str>> {
        match operation {
            Operation::Login => Some(self.login()),
            Operation::Password => Some(self.password()),
            Operation::ReadOnly => Some(self.read_only()),
            Operation::Hidden => Some(self.hidden()),
            Operation::Anonymous => Some(self.anonymous(mode)),
            Operation::Trust => Some(self.trust()),
            _ => self.be(Some(&WRITER)).err().map(Err),
        }
    }

    /// Ends the server.
    pub(super) fn end(self) -> Result<()> {
        self.server.map_or(Ok(()), Server::stop)
    }

    pub(super) fn at(&self, repository: &str) -> Reference {
        Reference {
            host: self.site.host.clone(),
            repository: format!("interop/{repository}"),
            tag: TAG.to_owned(),
        }
    }

    /// Puts something there for the client to work on, independent of its own pushing if that can
    /// be; answers its digest.
    pub(super) fn seed(&self, to: &Reference) -> Result<String> {
        if self.client.freight() == Freight::Images {
            self.registry
                .push(&self.images.small, &to.repository, &to.tag)?;
            return Ok(self.images.small.digest.clone());
        }
        self.client.push(&self.images.small, to)
    }

    /// Holds what the client says that it pushed against what the registry has.
    fn check_pushed(&self, image: &Image, to: &Reference, told: &str) -> Result<Served> {
        let served = self.registry.verify(&to.repository, &to.tag)?;
        ensure!(
            served.digest == told,
            "pushed as {told}, and it is {} there",
            served.digest
        );
        if self.client.freight() == Freight::Images && image.children.is_empty() {
            let found = self.registry.diff_ids(&to.repository, &served)?;
            ensure!(
                found == image.diff_ids,
                "the layers are {found:?}, not {:?}",
                image.diff_ids
            );
        }
        Ok(served)
    }

    /// Pulls, and holds what the client says of it against the registry; the bytes must have come
    /// from there.
    pub(super) fn check_pull(&self, from: &Reference, digest: &str, size: u64) -> Result<()> {
        let sent = || {
            self.registry
                .counter("oci_server_http_sent_bytes_total", &[])
        };
        let before = sent()?;
        let told = self.client.pull(from)?;
        ensure!(
            told.iter().any(|told| told == digest),
            "{digest} was pulled as {told:?}"
        );
        let came = sent()? - before;
        ensure!(came >= size, "{came} bytes came of an image of {size}");
        Ok(())
    }

    fn push(&self, repository: &str, image: &Image) -> Result<&'static str> {
        let to = self.at(repository);
        let told = self.client.push(image, &to)?;
        self.check_pushed(image, &to, &told)?;
        Ok("")
    }

    fn pull(&self) -> Result<&'static str> {
        let from = self.at("pull");
        let digest = self.seed(&from)?;
        self.check_pull(&from, &digest, self.size(&self.images.small))?;
        Ok("")
    }

    pub(super) fn size(&self, image: &Image) -> u64 {
        match self.client.freight() {
            Freight::Images => image.size,
            Freight::Charts { .. } => 0,
        }
    }

    fn copy(&self) -> Result<&'static str> {
        let (from, to) = (self.at("copy"), self.at("copied"));
        let digest = self.seed(&from)?;
        self.client.copy(&from, &to)?;
        let served = self.registry.verify(&to.repository, &to.tag)?;
        ensure!(
            served.digest == digest,
            "{digest} was copied as {}",
            served.digest
        );
        Ok("")
    }

    fn delete(&self) -> Result<&'static str> {
        let reference = self.at("delete");
        self.seed(&reference)?;
        self.client.delete(&reference)?;
        let there = self.registry.has(&reference.repository, &reference.tag)?;
        ensure!(!there, "the tag is still there");
        Ok("")
    }

    fn list(&self) -> Result<&'static str> {
        let first = self.at("list");
        self.seed(&first)?;
        self.seed(&first.tagged(LATER))?;
        let found = self.client.tags(&first)?;
        ensure!(found == [TAG, LATER], "the tags are {found:?}");
        Ok("")
    }

    fn refer(&self) -> Result<&'static str> {
        let subject = self.at("referrers");
        let digest = self.seed(&subject)?;
        let listed = self.client.refer(&subject)?;
        let known = self.registry.referrers(&subject.repository, &digest)?;
        ensure!(!known.is_empty(), "the registry knows no referrer");
        for referrer in &known {
            ensure!(
                listed.contains(referrer),
                "the client does not list {referrer}: {listed}"
            );
            self.registry.verify(&subject.repository, referrer)?;
        }
        Ok("")
    }

    fn sign(&self) -> Result<&'static str> {
        let subject = self.at("signature");
        self.seed(&subject)?;
        self.client.sign(&subject)?;
        Ok("")
    }

    fn index(&self) -> Result<&'static str> {
        let (index, to) = (&self.images.index, self.at("index"));
        if self.client.freight() != Freight::Images {
            return cannot("it carries no images");
        }
        let told = self.client.push_index(index, &to)?;
        let served = self.check_pushed(index, &to, &told)?;
        let list = served.document["manifests"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let children: Vec<_> = list.iter().map(|child| text(&child["digest"])).collect();
        ensure!(
            children.len() == index.children.len(),
            "the index has {children:?}"
        );
        // Some clients know what they pulled by the image that is for this platform.
        let pulled = self.client.pull_index(&to)?;
        let is_known = |digest: &String| *digest == served.digest || children.contains(digest);
        ensure!(
            pulled.iter().any(is_known),
            "{told} was pulled as {pulled:?}"
        );
        Ok("")
    }

    fn mount(&self) -> Result<&'static str> {
        let (from, to) = (self.at("mount/from"), self.at("mount/to"));
        let image = &self.images.small;
        let by = self.client.mounts();
        if let Mounts::Never(reason) = by {
            return cannot(reason);
        }
        let told = self.client.push(image, &from)?;
        let received = || {
            self.registry
                .counter("oci_server_http_received_bytes_total", &[])
        };
        let mounted = || {
            let labels = ["method=\"POST\"", "status=\"201\""];
            self.registry
                .counter("oci_server_http_requests_total", &labels)
        };
        let before = (received()?, mounted()?);
        if by == Mounts::ByCopy {
            self.client.copy(&from, &to)?;
        } else {
            let again = self.client.push(image, &to)?;
            ensure!(again == told, "{told} was pushed again as {again}");
        }
        let (sent, mounts) = (received()? - before.0, mounted()? - before.1);
        ensure!(
            mounts > 0,
            "nothing was mounted, and {sent} bytes were sent"
        );
        ensure!(
            sent < image.size,
            "{sent} bytes were sent in spite of {mounts} mounts"
        );
        self.check_pushed(image, &to, &told)?;
        Ok("")
    }

    fn large(&self) -> Result<&'static str> {
        let (image, to) = (&self.images.large, self.at("large"));
        if let Freight::Charts { limit } = self.client.freight()
            && image.size > limit
        {
            return cannot("it refuses charts of more than 100 MiB");
        }
        let told = self.client.push(image, &to)?;
        self.check_pushed(image, &to, &told)?;
        self.check_pull(&to, &told, image.size)?;
        Ok("")
    }

    fn resume(&self) -> Result<&'static str> {
        let (image, direct) = (&self.images.medium, self.at("resume"));
        let relay = Relay::start(&self.site.host, CUT_AFTER)?;
        let to = Reference {
            host: relay.address(),
            ..direct.clone()
        };
        let mut attempt = 1;
        let told = loop {
            match self.client.push(image, &to) {
                Ok(told) => break told,
                Err(error) if error.is::<Cannot>() || attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        };
        ensure!(
            relay.has_cut(),
            "the push ended before it could be interrupted"
        );
        self.check_pushed(image, &direct, &told)?;
        self.check_pull(&direct, &told, self.size(image))?;
        Ok(if attempt == 1 {
            "went on by itself"
        } else {
            "went on when pushed again"
        })
    }

    fn restart(&mut self) -> Result<&'static str> {
        let (image, to) = (&self.images.small, self.at("restart"));
        let told = self.client.push(image, &to)?;
        let server = self.server.take().context("the server has not come back")?;
        let server = server.restart()?;
        if server.address != self.site.host {
            bail!("the server came back at {}", server.address);
        }
        self.server = Some(server);
        self.check_pushed(image, &to, &told)?;
        self.check_pull(&to, &told, self.size(image))?;
        Ok("")
    }
}
