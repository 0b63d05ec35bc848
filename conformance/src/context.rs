//! What a check works with: a client, repositories of its own, content of its own, and a broom.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{Method, StatusCode};

use crate::answer::Answer;
use crate::check::{Given, Stop};
use crate::client::{Client, Exchange, Raw, RawAnswer, Request, Url, decode};
use crate::content::{Blob, Document, Uniques, digest_of, sha512_of};
use crate::repository::Repo;
use crate::watch::{Rule, Sight, Watch};

/// Content that is in a registry already, for runs that must not write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenContent {
    /// The repository.
    pub repository: String,
    /// A tag in it.
    pub tag: String,
    /// A manifest's digest; that of the tag if none is given.
    pub manifest: Option<String>,
    /// A blob's digest; the manifest's last blob if none is given.
    pub blob: Option<String>,
}

/// A tagged image for checks that only read.
pub struct Sample<'a> {
    /// Where it is.
    pub repo: Repo<'a>,
    /// Its tag.
    pub tag: String,
    /// Its manifest.
    pub image: Document,
    /// One of its blobs.
    pub blob: Blob,
}

/// Which kinds of deletion the registry has refused: no use in asking again while sweeping.
#[derive(Debug, Default)]
pub struct Refused {
    manifests: AtomicBool,
    blobs: AtomicBool,
    sessions: AtomicBool,
}

/// What all checks of a run share.
pub(crate) struct Shared {
    pub(crate) namespace: String,
    pub(crate) given: Option<GivenContent>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) refused: Refused,
}

/// The context of one check.
pub struct Cx {
    client: Client,
    shared: Arc<Shared>,
    uniques: Uniques,
    name: String,
    made: Mutex<Made>,
}

/// What a check has left in the registry.
#[derive(Default)]
struct Made {
    manifests: Vec<String>,
    blobs: Vec<String>,
    sessions: Vec<Url>,
}

impl Cx {
    pub(crate) fn new(client: Client, shared: Arc<Shared>, name: &str, seed: u64) -> Cx {
        Cx {
            client,
            shared,
            uniques: Uniques::new(seed),
            name: name.to_owned(),
            made: Mutex::default(),
        }
    }

    /// The check's own repository.
    pub fn repo(&self) -> Repo<'_> {
        self.named(&self.name)
    }

    /// A second repository of this check.
    pub fn other(&self) -> Repo<'_> {
        self.named(&format!("{}-other", self.name))
    }

    /// A repository below the check's own.
    pub fn below(&self, path: &str) -> Repo<'_> {
        self.named(&format!("{}/{path}", self.name))
    }

    /// A repository below the run's namespace.
    fn named(&self, name: &str) -> Repo<'_> {
        Repo::new(self, format!("{}/{name}", self.shared.namespace))
    }

    /// The namespace of the run.
    pub fn namespace(&self) -> &str {
        &self.shared.namespace
    }

    /// Whether the registry may only be read, and what is asked about is given.
    pub fn only_reads(&self) -> bool {
        self.shared.given.is_some()
    }

    /// The client, for what the methods here do not offer.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Bytes that nobody else pushes.
    pub fn bytes(&self, length: usize) -> Vec<u8> {
        self.uniques.bytes(length)
    }

    /// A blob that nobody else pushes.
    pub fn blob(&self, length: usize) -> Blob {
        Blob::of(self.bytes(length))
    }

    /// A word that nobody else uses.
    pub fn word(&self) -> String {
        self.uniques.word()
    }

    /// What the run has seen of a rule.
    pub fn sight(&self, rule: Rule) -> Sight {
        self.shared.watch.sight(rule)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`Stop::Failed`] if no complete answer comes.
    pub async fn send(&self, request: Request) -> Result<Answer, Stop> {
        let url = self.client.base().join(&request.address);
        let url = url.unwrap_or_else(|_| self.client.base().clone());
        match self.client.send(&request).await {
            Ok((response, exchange)) => {
                let answer = Answer::new(response, exchange, url.clone());
                self.note(&request, &url, &answer);
                Ok(answer)
            }
            Err((error, exchange)) => {
                let sentence = format!("Expected an answer: {error}.");
                Err(Stop::failed(sentence, Some(exchange)))
            }
        }
    }

    /// `GET` of a path.
    ///
    /// # Errors
    /// As [`Cx::send`].
    pub async fn get(&self, path: impl Into<String>) -> Result<Answer, Stop> {
        self.send(Request::get(path)).await
    }

    /// Writes a request byte by byte.
    ///
    /// # Errors
    /// [`Stop::Failed`] if the connection fails or the answer is not HTTP. A connection that the
    /// registry closes without an answer is not an error.
    pub async fn raw(&self, raw: Raw) -> Result<(RawAnswer, Arc<Exchange>), Stop> {
        let (exchange, outcome) = self.client.raw(&raw).await;
        match outcome {
            Ok(answer) => Ok((answer, exchange)),
            Err(error) => {
                let sentence = format!("Expected an answer: {error}.");
                Err(Stop::failed(sentence, Some(exchange)))
            }
        }
    }

    /// Writes a request byte by byte and expects an answer.
    ///
    /// # Errors
    /// [`Stop::Failed`] if there is none.
    pub async fn raw_answer(&self, raw: Raw) -> Result<Answer, Stop> {
        let (answer, exchange) = self.raw(raw).await?;
        match answer.response {
            Some(response) => Ok(Answer::new(response, exchange, self.client.base().clone())),
            None => {
                let sentence = "Expected an answer, and the registry closed the connection.";
                Err(Stop::failed(sentence, Some(exchange)))
            }
        }
    }

    /// Writes a request byte by byte and expects a refusal: a 4xx, a closed connection, or a
    /// redirect to what the target would be without its oddities.
    ///
    /// # Errors
    /// [`Stop::Failed`] on any other answer.
    pub async fn raw_refused(&self, raw: Raw) -> Result<(), Stop> {
        let (answer, exchange) = self.raw(raw).await?;
        match answer.response {
            Some(response) if !response.status.is_redirection() => {
                let base = self.client.base().clone();
                Answer::new(response, exchange, base).refused().map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Writes a request and drops the connection.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if not everything could be written.
    pub async fn drop_midway(&self, raw: Raw) -> Result<(), Stop> {
        let (exchange, outcome) = self.client.raw_dropped(&raw).await;
        let failed = |error| Stop::failed(format!("{error}."), Some(exchange));
        outcome
            .map_err(failed)
            .given("the interrupted request could not be sent")
    }

    /// An image to read: one that is made for this, or the given one.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if it cannot be pushed or found.
    pub async fn sample(&self) -> Result<Sample<'_>, Stop> {
        match &self.shared.given {
            Some(given) => self
                .given_sample(given)
                .await
                .given("the given content is not there"),
            None => {
                let repo = self.repo();
                let tag = "v1".to_owned();
                let (image, blob) = repo.given_image_and_blob(&tag).await?;
                Ok(Sample {
                    repo,
                    tag,
                    image,
                    blob,
                })
            }
        }
    }

    async fn given_sample(&self, given: &GivenContent) -> Result<Sample<'_>, Stop> {
        let repo = Repo::new(self, given.repository.clone());
        let reference = given.manifest.as_deref().unwrap_or(&given.tag);
        let answer = repo.get_manifest(reference).await?;
        let media_type = answer.status(200)?.need("Content-Type")?;
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        let bytes = answer.bytes().clone();
        let digest = given.manifest.clone().unwrap_or_else(|| digest_of(&bytes));
        let image = Document {
            media_type: media_type.to_owned(),
            bytes,
            digest,
        };
        verify(&answer, &image.digest)?;
        let digest = match &given.blob {
            Some(digest) => digest.clone(),
            None => last_blob(&answer)?,
        };
        let answer = repo.get_blob(&digest).await?;
        let bytes = answer.status(200)?.bytes().clone();
        verify(&answer, &digest)?;
        let (tag, blob) = (given.tag.clone(), Blob { bytes, digest });
        Ok(Sample {
            repo,
            tag,
            image,
            blob,
        })
    }

    /// Remembers what a request has made, so that it can be swept away.
    fn note(&self, request: &Request, url: &Url, answer: &Answer) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let path = url.path();
        let Some(rest) = path.strip_prefix("/v2/") else {
            return;
        };
        match (request.method.clone(), answer.code()) {
            (Method::PUT, 201)
                if rest.contains("/manifests/") && !rest.contains("/blobs/uploads") =>
            {
                let name = rest
                    .rsplit_once("/manifests/")
                    .map_or(rest, |(name, _)| name);
                let body = || digest_of(&request.body.contiguous());
                let digest = answer
                    .header("Docker-Content-Digest")
                    .map_or_else(body, str::to_owned);
                made.manifests
                    .push(format!("/v2/{name}/manifests/{digest}"));
            }
            (Method::POST | Method::PUT, 201) => {
                made.sessions.retain(|session| session.path() != path);
                let name = rest.rsplit_once("/blobs/uploads").map(|(name, _)| name);
                if let (Some(name), Some(digest)) = (name, queried_digest(url)) {
                    made.blobs.push(format!("/v2/{name}/blobs/{digest}"));
                }
            }
            (Method::POST | Method::PATCH, 202) => {
                if let Ok(session) = answer.location() {
                    made.sessions.retain(|known| known.path() != session.path());
                    made.sessions.push(session);
                }
            }
            (Method::DELETE, 202 | 204) => {
                made.manifests.retain(|known| known != path);
                made.blobs.retain(|known| known != path);
                made.sessions.retain(|known| known.path() != path);
            }
            _ => {}
        }
    }

    /// Deletes what the check has made, as far as the registry permits.
    pub(crate) async fn sweep(&self) {
        let made = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *made)
        };
        let refused = &self.shared.refused;
        // The newest first: what refers to something goes before what it refers to.
        let manifests = made.manifests.into_iter().rev();
        self.sweep_all(manifests, &refused.manifests).await;
        self.sweep_all(made.blobs.into_iter().rev(), &refused.blobs)
            .await;
        let sessions = made.sessions.into_iter().map(|session| session.to_string());
        self.sweep_all(sessions, &refused.sessions).await;
    }

    async fn sweep_all(&self, addresses: impl Iterator<Item = String>, refused: &AtomicBool) {
        for address in addresses {
            if refused.load(Ordering::Relaxed) {
                return;
            }
            let answer = self.client.send_unrecorded(&Request::delete(address)).await;
            let disabled = [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
            if answer.is_ok_and(|answer| disabled.contains(&answer.status)) {
                refused.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// Expects content of this digest.
fn verify(answer: &Answer, digest: &str) -> Result<(), Stop> {
    let actual = match digest.starts_with("sha512:") {
        true => sha512_of(answer.bytes()),
        false => digest_of(answer.bytes()),
    };
    let sentence = format!("Expected content of the digest {digest}, and it has {actual}.");
    answer.expect(actual == digest, sentence).map(drop)
}

fn last_blob(manifest: &Answer) -> Result<String, Stop> {
    let body = manifest.json()?;
    let layer = body["layers"].as_array().and_then(|layers| layers.last());
    let digest = layer.unwrap_or(&body["config"])["digest"].as_str();
    let missing = "Expected a manifest with a blob; name one with --blob.";
    digest
        .map(str::to_owned)
        .ok_or_else(|| manifest.failed(missing))
}

fn queried_digest(url: &Url) -> Option<String> {
    let mut pairs = url
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(name, _)| matches!(*name, "digest" | "mount"));
    found.map(|(_, value)| decode(value))
}
