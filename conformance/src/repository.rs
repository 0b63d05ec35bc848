//! A repository as checks see it: the endpoints, and steps that prepare a question.

use std::fmt;

use crate::answer::Answer;
use crate::check::{Given, Stop};
use crate::client::Request;
use crate::content::{Blob, CONFIG, Document, Draft, LAYER, MANIFEST};
use crate::context::Cx;
use crate::upload::Upload;

/// What clients accept when they ask for a manifest.
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, */*";

/// A repository's name together with the check that uses it.
#[derive(Clone)]
pub struct Repo<'a> {
    cx: &'a Cx,
    name: String,
}

impl fmt::Display for Repo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<'a> Repo<'a> {
    /// A repository of any name, also one that no registry accepts.
    pub fn new(cx: &'a Cx, name: impl Into<String>) -> Repo<'a> {
        let name = name.into();
        Repo { cx, name }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Path of a manifest.
    pub fn manifest_path(&self, reference: &str) -> String {
        format!("/v2/{}/manifests/{reference}", self.name)
    }

    /// Path of a blob.
    pub fn blob_path(&self, digest: &str) -> String {
        format!("/v2/{}/blobs/{digest}", self.name)
    }

    /// Path of the uploads, with a trailing slash.
    pub fn uploads_path(&self) -> String {
        format!("/v2/{}/blobs/uploads/", self.name)
    }

    /// `GET` of a manifest by tag or digest.
    ///
    /// # Errors
    /// [`Stop::Failed`] without an answer; so do all requests below.
    pub async fn get_manifest(&self, reference: &str) -> Result<Answer, Stop> {
        let request = Request::get(self.manifest_path(reference)).header("Accept", ACCEPT);
        self.cx.send(request).await
    }

    /// `HEAD` of a manifest by tag or digest.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn head_manifest(&self, reference: &str) -> Result<Answer, Stop> {
        let request = Request::head(self.manifest_path(reference)).header("Accept", ACCEPT);
        self.cx.send(request).await
    }

    /// `PUT` of a manifest under a tag or digest.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn put_manifest(&self, reference: &str, document: &Document) -> Result<Answer, Stop> {
        let request = Request::put(self.manifest_path(reference));
        let request = request.header("Content-Type", document.media_type.as_str());
        self.cx.send(request.body(document.bytes.clone())).await
    }

    /// `DELETE` of a manifest or a tag.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn delete_manifest(&self, reference: &str) -> Result<Answer, Stop> {
        self.cx
            .send(Request::delete(self.manifest_path(reference)))
            .await
    }

    /// `GET` of a blob.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn get_blob(&self, digest: &str) -> Result<Answer, Stop> {
        self.cx.get(self.blob_path(digest)).await
    }

    /// `GET` of a part of a blob; `range` is the value of the `Range` header.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn get_range(&self, digest: &str, range: &str) -> Result<Answer, Stop> {
        let request = Request::get(self.blob_path(digest)).header("Range", range);
        self.cx.send(request).await
    }

    /// `HEAD` of a blob.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn head_blob(&self, digest: &str) -> Result<Answer, Stop> {
        self.cx.send(Request::head(self.blob_path(digest))).await
    }

    /// `DELETE` of a blob.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn delete_blob(&self, digest: &str) -> Result<Answer, Stop> {
        self.cx.send(Request::delete(self.blob_path(digest))).await
    }

    /// `GET` of the tags; `query` with its `?`, or empty.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn get_tags(&self, query: &str) -> Result<Answer, Stop> {
        self.cx
            .get(format!("/v2/{}/tags/list{query}", self.name))
            .await
    }

    /// `GET` of the referrers of a digest; `query` with its `?`, or empty.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn get_referrers(&self, digest: &str, query: &str) -> Result<Answer, Stop> {
        self.cx
            .get(format!("/v2/{}/referrers/{digest}{query}", self.name))
            .await
    }

    /// `POST` that opens an upload; `query` with its `?`, or empty.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn post_upload(&self, query: &str) -> Result<Answer, Stop> {
        self.cx
            .send(Request::post(format!("{}{query}", self.uploads_path())))
            .await
    }

    /// `POST` of a whole blob in one request.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn post_blob(&self, digest: &str, bytes: &[u8]) -> Result<Answer, Stop> {
        let request = Request::post(format!("{}?digest={digest}", self.uploads_path()));
        let request = request.header("Content-Type", "application/octet-stream");
        self.cx.send(request.body(bytes.to_vec())).await
    }

    /// `POST` that mounts a blob; `from` is left out if there is none.
    ///
    /// # Errors
    /// Without an answer.
    pub async fn mount(&self, digest: &str, from: Option<&str>) -> Result<Answer, Stop> {
        let from = from.map(|from| format!("&from={from}")).unwrap_or_default();
        self.post_upload(&format!("?mount={digest}{from}")).await
    }

    /// Opens an upload and expects a session.
    ///
    /// # Errors
    /// [`Stop::Failed`] if there is none.
    pub async fn open(&self) -> Result<Upload<'a>, Stop> {
        let answer = self.post_upload("").await?;
        Upload::of(self.cx, &answer)
    }

    /// Opens an upload for a check that asks about something later.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if there is none.
    pub async fn given_upload(&self) -> Result<Upload<'a>, Stop> {
        self.open().await.given("an upload could not be opened")
    }

    /// Pushes a blob by `POST` and `PUT`.
    ///
    /// # Errors
    /// [`Stop::Failed`] if either is refused.
    pub async fn push_blob(&self, blob: &Blob) -> Result<Answer, Stop> {
        let upload = self.open().await?;
        let answer = upload.close(&blob.digest, &blob.bytes).await?;
        answer.status(201)?;
        Ok(answer)
    }

    /// Pushes a blob for a check that asks about something later.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if it is refused.
    pub async fn given_blob(&self, length: usize) -> Result<Blob, Stop> {
        let blob = self.cx.blob(length);
        self.given_this_blob(&blob).await?;
        Ok(blob)
    }

    /// Pushes this blob for a check that asks about something later.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if it is refused.
    pub async fn given_this_blob(&self, blob: &Blob) -> Result<(), Stop> {
        self.push_blob(blob)
            .await
            .map(drop)
            .given("a blob could not be pushed")
    }

    /// Pushes a manifest for a check that asks about something later.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if it is refused.
    pub async fn given_manifest(&self, reference: &str, document: &Document) -> Result<(), Stop> {
        let answer = self.put_manifest(reference, document).await;
        let accepted = answer.and_then(|answer| answer.status(201).map(drop));
        accepted.given("a manifest could not be pushed")
    }

    /// Pushes a configuration and a layer and drafts the image made of them.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if a blob is refused.
    pub async fn given_parts(&self) -> Result<(Draft, Blob), Stop> {
        let config = Blob::of(format!(
            r#"{{"architecture":"amd64","os":"linux","author":"{}","rootfs":{{"type":"layers","diff_ids":[]}}}}"#,
            self.cx.word()
        ));
        let layer = self.cx.blob(300);
        self.given_this_blob(&config).await?;
        self.given_this_blob(&layer).await?;
        let layers = vec![layer.descriptor(LAYER)];
        Ok((Draft::image(config.descriptor(CONFIG), layers), layer))
    }

    /// Pushes an image under a tag.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if something is refused.
    pub async fn given_image(&self, tag: &str) -> Result<Document, Stop> {
        self.given_image_and_blob(tag).await.map(|(image, _)| image)
    }

    /// Pushes an image under a tag; returns its layer, too.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if something is refused.
    pub async fn given_image_and_blob(&self, tag: &str) -> Result<(Document, Blob), Stop> {
        let (draft, layer) = self.given_parts().await?;
        let image = draft.build();
        self.given_manifest(tag, &image).await?;
        Ok((image, layer))
    }

    /// Pushes the empty JSON object and drafts an image that consists of it alone.
    ///
    /// # Errors
    /// [`Stop::Blocked`] if the blob is refused.
    pub async fn given_small(&self) -> Result<Draft, Stop> {
        let config = Blob::of(format!("{{\"word\":\"{}\"}}", self.cx.word()));
        self.given_this_blob(&config).await?;
        Ok(Draft::image(config.descriptor(CONFIG), vec![]))
    }

    /// Drafts an image whose parts nobody has pushed.
    pub fn absent_image(&self) -> Document {
        Document::raw(
            MANIFEST,
            Draft::image(
                self.cx.blob(40).descriptor(CONFIG),
                vec![self.cx.blob(50).descriptor(LAYER)],
            )
            .build()
            .bytes,
        )
    }
}
