//! The registry's side of what a client did: asked over HTTP, by digest, independent of any client,
//! as somebody who may do everything.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use anyhow::{Context, ensure};
use oci_types::Digest;
use serde_json::Value;
use ureq::http::{Response, StatusCode};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, RequestBuilder};

use super::image::{Hashing, Image, blob_path, text};
use super::site::Site;
use super::ticket::Ticket;
use crate::Result;

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(60);
/// A manifest is no larger than this.
const MANIFEST_LIMIT: u64 = 8 << 20;
/// What this can read.
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// A place in a registry.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// `host:port`.
    pub(super) host: String,
    pub(super) repository: String,
    pub(super) tag: String,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}:{}", self.host, self.repository, self.tag)
    }
}

impl Reference {
    /// The repository with its host.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The same repository with another tag.
    pub(super) fn tagged(&self, tag: &str) -> Reference {
        Reference {
            tag: tag.to_owned(),
            ..self.clone()
        }
    }
}

/// A registry at an address.
#[derive(Debug)]
pub(super) struct Registry {
    base: String,
    /// Where its metrics are.
    metrics: String,
    agent: Agent,
    ticket: Ticket,
}

/// A manifest as the registry serves it.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) digest: String,
    pub(super) document: Value,
}

impl Registry {
    /// # Errors
    /// When it does not say how one logs in.
    pub(super) fn new(site: &Site) -> Result<Registry> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(LIMIT));
        if let Some(authority) = &site.authority {
            let certificate = Certificate::from_pem(&std::fs::read(authority)?)?;
            let roots = RootCerts::new_with_certs(&[certificate]);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let agent = Agent::from(config.build());
        let ticket = match site.mode {
            Some(_) => Ticket::at(site, &agent)?,
            None => Ticket::None,
        };
        Ok(Registry {
            base: site.url(),
            metrics: format!("http://{}/metrics", site.metrics),
            agent,
            ticket,
        })
    }

    /// Adds to a request what lets it in.
    fn admit<B>(&self, request: RequestBuilder<B>, repository: &str) -> Result<RequestBuilder<B>> {
        Ok(match self.ticket.header(&self.agent, repository)? {
            Some(header) => request.header("Authorization", header),
            None => request,
        })
    }

    fn get(&self, repository: &str, rest: &str) -> Result<Response<Body>> {
        let url = format!("{}/v2/{repository}/{rest}", self.base);
        let request = self.admit(self.agent.get(&url), repository)?;
        let request = request.header("Accept", ACCEPT);
        request.call().with_context(|| format!("GET {url}"))
    }

    /// Whether there is a manifest at a tag or digest.
    pub(super) fn has(&self, repository: &str, reference: &str) -> Result<bool> {
        let path = format!("manifests/{reference}");
        let status = self.get(repository, &path)?.status();
        ensure!(
            status.is_success() || status == StatusCode::NOT_FOUND,
            "GET {path}: {status}"
        );
        Ok(status.is_success())
    }

    /// Reads a manifest and holds its digest against its bytes.
    pub(super) fn manifest(&self, repository: &str, reference: &str) -> Result<Served> {
        let path = format!("manifests/{reference}");
        let mut answer = self.get(repository, &path)?;
        ensure!(
            answer.status() == StatusCode::OK,
            "GET {path}: {}",
            answer.status()
        );
        let said = answer.headers().get("Docker-Content-Digest").cloned();
        let said = said
            .context("a manifest came without its digest")?
            .to_str()?
            .to_owned();
        let bytes = answer
            .body_mut()
            .with_config()
            .limit(MANIFEST_LIMIT)
            .read_to_vec()?;
        let digest = Digest::sha256(&bytes).to_string();
        ensure!(
            said == digest,
            "the registry says {said} of a manifest that is {digest}"
        );
        self.check_head(repository, &path, &digest, bytes.len())?;
        Ok(Served {
            digest,
            document: serde_json::from_slice(&bytes)?,
        })
    }

    /// Asks for a manifest's headers alone, as clients do before they push or pull.
    fn check_head(&self, repository: &str, path: &str, digest: &str, length: usize) -> Result<()> {
        let url = format!("{}/v2/{repository}/{path}", self.base);
        let request = self.admit(self.agent.head(url), repository)?;
        let request = request.header("Accept", ACCEPT);
        let answer = request.call().with_context(|| format!("HEAD {path}"))?;
        let status = answer.status();
        ensure!(status == StatusCode::OK, "HEAD {path}: {status}");
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.and_then(|value| value.to_str().ok()).unwrap_or("")
        };
        let told = (header("Docker-Content-Digest"), header("Content-Length"));
        ensure!(
            told == (digest, length.to_string().as_str()),
            "HEAD {path} says {told:?} of {digest}, {length} bytes"
        );
        Ok(())
    }

    /// Reads everything below a manifest and holds each digest and size against its bytes; answers
    /// the manifest.
    pub(super) fn verify(&self, repository: &str, reference: &str) -> Result<Served> {
        let served = self.manifest(repository, reference)?;
        let list = |key: &str| served.document[key].as_array().cloned().unwrap_or_default();
        for child in list("manifests") {
            self.verify(repository, &text(&child["digest"]))?;
        }
        let config = served.document.get("config").cloned();
        for blob in config.iter().chain(&list("layers")) {
            self.verify_blob(repository, blob)?;
        }
        Ok(served)
    }

    fn verify_blob(&self, repository: &str, descriptor: &Value) -> Result<()> {
        let digest = text(&descriptor["digest"]);
        let (found, size) = self.blob(repository, &digest, std::io::sink())?;
        ensure!(found == digest, "the registry serves {found} as {digest}");
        ensure!(
            Some(size) == descriptor["size"].as_u64(),
            "{digest} has {size} bytes"
        );
        Ok(())
    }

    /// Copies a blob to `to`; answers what it hashes to, and its size.
    fn blob(&self, repository: &str, digest: &str, to: impl Write) -> Result<(String, u64)> {
        let path = format!("blobs/{digest}");
        let mut answer = self.get(repository, &path)?;
        ensure!(
            answer.status() == StatusCode::OK,
            "GET {path}: {}",
            answer.status()
        );
        let mut hashing = Hashing::new(to);
        std::io::copy(&mut answer.body_mut().as_reader(), &mut hashing)?;
        Ok(hashing.finish())
    }

    /// What the layers of a served image hash to uncompressed, as its configuration says.
    pub(super) fn diff_ids(&self, repository: &str, served: &Served) -> Result<Vec<String>> {
        let mut config = Vec::new();
        let digest = text(&served.document["config"]["digest"]);
        self.blob(repository, &digest, &mut config)?;
        let config: Value = serde_json::from_slice(&config)?;
        let ids = config["rootfs"]["diff_ids"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        Ok(ids.iter().map(text).collect())
    }

    /// The digests of a manifest's referrers.
    pub(super) fn referrers(&self, repository: &str, digest: &str) -> Result<Vec<String>> {
        let mut answer = self.get(repository, &format!("referrers/{digest}"))?;
        ensure!(
            answer.status() == StatusCode::OK,
            "referrers: {}",
            answer.status()
        );
        let index: Value = serde_json::from_reader(answer.body_mut().as_reader())?;
        let found = index["manifests"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(found
            .iter()
            .map(|descriptor| text(&descriptor["digest"]))
            .collect())
    }

    /// Pushes an image from its layout.
    pub(super) fn push(&self, image: &Image, repository: &str, tag: &str) -> Result<()> {
        for child in &image.children {
            self.push(child, repository, &child.digest)?;
        }
        let manifest = std::fs::read(blob_path(&image.layout, &image.digest))?;
        let document: Value = serde_json::from_slice(&manifest)?;
        let layers = document["layers"].as_array().map_or(&[][..], Vec::as_slice);
        for blob in document.get("config").into_iter().chain(layers) {
            self.push_blob(image, repository, &text(&blob["digest"]))?;
        }
        let url = format!("{}/v2/{repository}/manifests/{tag}", self.base);
        let request = self.admit(self.agent.put(&url), repository)?;
        let request = request.header("Content-Type", image.media_type);
        let status = request.send(&manifest[..])?.status();
        ensure!(status == StatusCode::CREATED, "PUT {url}: {status}");
        Ok(())
    }

    fn push_blob(&self, image: &Image, repository: &str, digest: &str) -> Result<()> {
        let url = format!("{}/v2/{repository}/blobs/uploads/", self.base);
        let request = self.admit(self.agent.post(&url), repository)?;
        let opened = request.send_empty()?;
        let location = opened
            .headers()
            .get("Location")
            .context("no Location")?
            .to_str()?;
        let joint = if location.contains('?') { '&' } else { '?' };
        let url = format!("{}{location}{joint}digest={digest}", self.base);
        let file = File::open(blob_path(&image.layout, digest))?;
        let request = self.admit(self.agent.put(&url), repository)?;
        let request = request.header("Content-Type", "application/octet-stream");
        let status = request.send(&file)?.status();
        ensure!(status == StatusCode::CREATED, "PUT of {digest}: {status}");
        Ok(())
    }

    /// The sum of a counter of the server over the series whose labels contain all of `labels`.
    pub(super) fn counter(&self, name: &str, labels: &[&str]) -> Result<u64> {
        let mut text = String::new();
        let mut answer = self.agent.get(&self.metrics).call()?;
        answer.body_mut().as_reader().read_to_string(&mut text)?;
        let mut sum = 0;
        for line in text.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let (found, with) = series.split_once('{').unwrap_or((series, ""));
            if found == name && labels.iter().all(|label| with.contains(label)) {
                sum += value.parse::<u64>().unwrap_or_default();
            }
        }
        Ok(sum)
    }
}
