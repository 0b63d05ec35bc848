//! The image as an OCI image layout in one tar archive, as engines load it: `podman load`,
//! `skopeo copy oci-archive:`. The bill of materials is not in it: of a layout with two manifests
//! engines do not know which one is meant.

use oci_types::{Descriptor, Digest};
use serde_json::json;

use super::Image;
use crate::Result;
use crate::release::archive::Archive;

impl Image {
    /// The layout; its index says how the image is called once it was loaded.
    ///
    /// # Errors
    /// Never in practice.
    pub(in crate::release) fn layout(&self, epoch: u64) -> Result<Vec<u8>> {
        let mut archive = Archive::new(epoch);
        archive.file(
            "oci-layout",
            0o644,
            json!({ "imageLayoutVersion": "1.0.0" }).to_string(),
        );
        let name = (
            "org.opencontainers.image.ref.name".to_owned(),
            format!("oci-server:{}", self.tag),
        );
        let named = Descriptor {
            annotations: Some([name].into()),
            ..self.manifest.descriptor.clone()
        };
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [named],
        });
        archive.file("index.json", 0o644, index.to_string());
        let mut add = |digest: &Digest, bytes: &[u8]| {
            archive.file(&format!("blobs/sha256/{}", digest.hex()), 0o644, bytes);
        };
        for (digest, bytes) in &self.blobs {
            add(digest, bytes);
        }
        add(&self.manifest.descriptor.digest, &self.manifest.bytes);
        archive.tar()
    }
}
