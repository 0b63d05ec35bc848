//! Pushing the image to a registry and pulling it back, by the few requests of the distribution
//! specification that this takes.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use oci_types::{Digest, ImageIndex, ImageManifest};
use ureq::Agent;
use ureq::http::{Request, Response};

use super::{Image, Manifest};
use crate::Result;
use crate::release::sbom;

const REQUEST_LIMIT: Duration = Duration::from_secs(60);
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A repository of a registry.
#[derive(Debug)]
pub(super) struct Repository {
    agent: Agent,
    /// Where it begins, such as `http://localhost:5000/v2/name`.
    url: String,
}

/// What was pulled.
#[derive(Debug)]
pub(super) struct Pulled {
    /// The layers as they are stored, in order.
    pub(super) layers: Vec<Vec<u8>>,
    /// The bill of materials.
    pub(super) sbom: Vec<u8>,
}

impl Repository {
    /// A repository at a registry's URL.
    pub(super) fn new(registry: &str, name: &str) -> Repository {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(REQUEST_LIMIT))
            .build();
        Repository {
            agent: config.into(),
            url: format!("{registry}/v2/{name}"),
        }
    }

    /// Pushes the image under its tag, and its bill of materials by its digest.
    ///
    /// # Errors
    /// When the registry refuses something, or does not see what refers to what.
    pub(super) fn push(&self, image: &Image) -> Result<()> {
        for (digest, bytes) in image.blobs.iter().chain(&image.sbom_blobs) {
            let url = format!("{}/blobs/uploads/?digest={digest}", self.url);
            self.send("POST", &url, "application/octet-stream", bytes, 201)?;
        }
        self.put(&image.tag, &image.manifest)?;
        let sbom = self.put(&image.sbom.descriptor.digest.to_string(), &image.sbom)?;
        let subject = sbom
            .headers()
            .get("oci-subject")
            .context("the registry saw no subject")?;
        ensure!(
            subject.to_str()? == image.digest().to_string(),
            "the registry saw {subject:?}"
        );
        Ok(())
    }

    /// Pulls the image by its tag, and its bill of materials by what refers to it.
    ///
    /// # Errors
    /// When something is not what was pushed.
    pub(super) fn pull(&self, image: &Image) -> Result<Pulled> {
        let bytes = self.get(&format!("manifests/{}", image.tag))?;
        ensure!(
            bytes == image.manifest.bytes,
            "the manifest is not what was pushed"
        );
        let manifest: ImageManifest = serde_json::from_slice(&bytes)?;
        let mut layers = Vec::new();
        for layer in &manifest.layers {
            layers.push(self.blob(&layer.digest)?);
        }
        self.blob(&manifest.config.digest)?;
        Ok(Pulled {
            layers,
            sbom: self.sbom(&image.digest())?,
        })
    }

    fn sbom(&self, image: &Digest) -> Result<Vec<u8>> {
        let kind = sbom::MEDIA_TYPE.replace('+', "%2B");
        let list = self.get(&format!("referrers/{image}?artifactType={kind}"))?;
        let list: ImageIndex = serde_json::from_slice(&list)?;
        let [found] = list.manifests.as_slice() else {
            bail!(
                "{} bills of materials refer to the image",
                list.manifests.len()
            );
        };
        ensure!(
            found.artifact_type.as_deref() == Some(sbom::MEDIA_TYPE),
            "it has another type"
        );
        let manifest = self.get(&format!("manifests/{}", found.digest))?;
        ensure!(
            Digest::sha256(&manifest) == found.digest,
            "its manifest has another digest"
        );
        let manifest: ImageManifest = serde_json::from_slice(&manifest)?;
        ensure!(
            manifest
                .subject
                .is_some_and(|subject| subject.digest == *image),
            "its subject"
        );
        let layer = manifest
            .layers
            .first()
            .context("its manifest has no layer")?;
        self.blob(&layer.digest)
    }

    fn blob(&self, digest: &Digest) -> Result<Vec<u8>> {
        let bytes = self.get(&format!("blobs/{digest}"))?;
        ensure!(
            Digest::sha256(&bytes) == *digest,
            "the blob {digest} has another digest"
        );
        Ok(bytes)
    }

    fn put(&self, reference: &str, manifest: &Manifest) -> Result<Response<Vec<u8>>> {
        let url = format!("{}/manifests/{reference}", self.url);
        self.send("PUT", &url, MANIFEST_TYPE, &manifest.bytes, 201)
    }

    fn get(&self, path: &str) -> Result<Vec<u8>> {
        let url = format!("{}/{path}", self.url);
        let request = Request::get(&url)
            .header("accept", MANIFEST_TYPE)
            .body(())?;
        Ok(read(self.agent.run(request)?, &url, 200)?.into_body())
    }

    fn send(
        &self,
        method: &str,
        url: &str,
        kind: &str,
        body: &[u8],
        expected: u16,
    ) -> Result<Response<Vec<u8>>> {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("content-type", kind);
        read(self.agent.run(request.body(body)?)?, url, expected)
    }
}

fn read(response: Response<ureq::Body>, url: &str, expected: u16) -> Result<Response<Vec<u8>>> {
    let (head, mut body) = response.into_parts();
    let bytes = body.with_config().limit(u64::MAX).read_to_vec()?;
    if head.status != expected {
        let said = String::from_utf8_lossy(&bytes);
        bail!(
            "{url} answered {} instead of {expected}: {said}",
            head.status
        );
    }
    Ok(Response::from_parts(head, bytes))
}
