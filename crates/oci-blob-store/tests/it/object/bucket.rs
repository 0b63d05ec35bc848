//! A bucket in memory that takes multipart uploads as strictly as S3 does and makes entity tags
//! as S3 does, counts requests, and fails on demand.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use md5::{Digest as _, Md5};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use tokio::sync::Semaphore;

/// One request as a store would have seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Request {
    Put,
    Get,
    Head,
    Delete,
    List,
    Create,
    Part,
    Complete,
    Abort,
}

/// How a request fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It never arrives.
    Lost,
    /// It is done, and the answer is lost.
    Unanswered,
}

/// Clones share one bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    objects: InMemory,
    state: Arc<Mutex<State>>,
    /// Whether completing an upload again is a success, whatever the parts, as on some servers.
    pub(crate) forgiving: bool,
    /// Parts wait here for a permit, if they are held up.
    pub(super) gate: Option<Arc<Semaphore>>,
}

#[derive(Debug, Default)]
struct State {
    uploads: BTreeMap<String, BTreeMap<usize, (String, Bytes)>>,
    /// The tag of each object of parts by its key.
    tags: BTreeMap<String, String>,
    /// Uploads that were completed.
    completed: BTreeMap<String, Path>,
    count: usize,
    seen: Vec<Request>,
    fault: Option<(usize, Fault)>,
}

impl Bucket {
    pub(crate) fn new() -> Self {
        Self {
            objects: InMemory::new(),
            state: Arc::default(),
            forgiving: false,
            gate: None,
        }
    }

    /// The requests since this was last asked, in order.
    pub(super) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// Makes the request fail that comes after `requests` others.
    pub(super) fn fail_after(&self, requests: usize, fault: Fault) {
        self.state.lock().unwrap().fault = Some((requests, fault));
    }

    /// Lets everything succeed again, and answers whether something failed.
    pub(super) fn heal(&self) -> bool {
        self.state.lock().unwrap().fault.take().is_none()
    }

    pub(super) fn open_uploads(&self) -> usize {
        self.state.lock().unwrap().uploads.len()
    }

    /// Every key, without counting requests.
    pub(super) async fn keys(&self) -> Vec<String> {
        let found = self.objects.list(None);
        found
            .map(|found| found.unwrap().location.to_string())
            .collect()
            .await
    }

    async fn request<T>(&self, kind: Request, work: impl Future<Output = Result<T>>) -> Result<T> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(kind);
            match state.fault {
                Some((0, fault)) => {
                    state.fault = None;
                    Some(fault)
                }
                Some((n, fault)) => {
                    state.fault = Some((n - 1, fault));
                    None
                }
                None => None,
            }
        };
        match fault {
            Some(Fault::Lost) => Err(unanswered()),
            Some(Fault::Unanswered) => work.await.and_then(|_| Err(unanswered())),
            None => work.await,
        }
    }
}

fn unanswered() -> Error {
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    Error::Generic {
        store: "Bucket",
        source: HttpError::new(HttpErrorKind::Interrupted, reset).into(),
    }
}

fn no_such_upload(id: &str) -> Error {
    Error::NotFound {
        path: id.to_owned(),
        source: "NoSuchUpload".into(),
    }
}

fn invalid_part() -> Error {
    Error::Generic {
        store: "Bucket",
        source: "Server returned non-2xx status code: 400 Bad Request: InvalidPart".into(),
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bucket")
    }
}

#[async_trait]
impl MultipartStore for Bucket {
    async fn create_multipart(&self, _: &Path) -> Result<MultipartId> {
        let create = async {
            let mut state = self.state.lock().unwrap();
            state.count += 1;
            let id = format!("upload-{}", state.count);
            state.uploads.insert(id.clone(), BTreeMap::new());
            Ok(id)
        };
        self.request(Request::Create, create).await
    }

    async fn put_part(
        &self,
        _: &Path,
        id: &MultipartId,
        number: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let put = async {
            let mut state = self.state.lock().unwrap();
            let data = Bytes::from(data);
            let content_id = tag(&data);
            let upload = state
                .uploads
                .get_mut(id)
                .ok_or_else(|| no_such_upload(id))?;
            upload.insert(number, (content_id.clone(), data));
            Ok(PartId { content_id })
        };
        self.request(Request::Part, put).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let complete = async {
            let (whole, tag) = {
                let mut state = self.state.lock().unwrap();
                if self.forgiving && state.completed.contains_key(id) {
                    return Ok(put_result(Some(whole_tag(&parts))));
                }
                let upload = state.uploads.get(id).ok_or_else(|| no_such_upload(id))?;
                let whole = assemble(upload, &parts)?;
                let tag = whole_tag(&parts);
                state.uploads.remove(id);
                state.completed.insert(id.clone(), path.clone());
                state.tags.insert(path.to_string(), tag.clone());
                (whole, tag)
            };
            self.objects.put(path, whole).await?;
            Ok(put_result(Some(tag)))
        };
        self.request(Request::Complete, complete).await
    }

    async fn abort_multipart(&self, _: &Path, id: &MultipartId) -> Result<()> {
        let abort = async {
            let gone = self.state.lock().unwrap().uploads.remove(id);
            gone.map(drop).ok_or_else(|| no_such_upload(id))
        };
        self.request(Request::Abort, abort).await
    }
}

fn put_result(e_tag: Option<String>) -> PutResult {
    PutResult {
        e_tag,
        version: None,
        extensions: Default::default(),
    }
}

/// The MD5 as a tag.
fn tag(data: &[u8]) -> String {
    let hex: String = Md5::digest(data)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("\"{hex}\"")
}

/// The tag of an object of these parts.
fn whole_tag(parts: &[PartId]) -> String {
    let tags = parts.iter().map(|part| unhex(&part.content_id));
    let tag = tag(&tags.collect::<Vec<_>>().concat());
    format!("\"{}-{}\"", tag.trim_matches('"'), parts.len())
}

fn unhex(tag: &str) -> Vec<u8> {
    let hex = tag.trim_matches('"').as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.chunks(2).map(byte).collect()
}

/// What a multipart upload of these parts is, if each is the one that was last sent and all but
/// the last are of one length.
fn assemble(upload: &BTreeMap<usize, (String, Bytes)>, parts: &[PartId]) -> Result<PutPayload> {
    let mut chunks: Vec<Bytes> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let (etag, data) = upload.get(&number).ok_or_else(invalid_part)?;
        let first = chunks.first().unwrap_or(data).len();
        let last = number + 1 == parts.len();
        if *etag != part.content_id || (data.len() != first && !last) || data.len() > first {
            return Err(invalid_part());
        }
        chunks.push(data.clone());
    }
    Ok(chunks.into_iter().collect())
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = async {
            let e_tag = tag(&Bytes::from(payload.clone()));
            self.objects.put_opts(path, payload, options).await?;
            self.state
                .lock()
                .unwrap()
                .tags
                .insert(path.to_string(), e_tag.clone());
            Ok(put_result(Some(e_tag)))
        };
        self.request(Request::Put, put).await
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        panic!("an upload that another process can not go on with");
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let kind = if options.head {
            Request::Head
        } else {
            Request::Get
        };
        let get = async {
            let mut found = self.objects.get_opts(path, options).await?;
            found.meta.e_tag = self.state.lock().unwrap().tags.get(path.as_ref()).cloned();
            Ok(found)
        };
        self.request(kind, get).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        let deleted = paths.then(move |path| {
            let this = this.clone();
            async move {
                let path = path?;
                let delete = this.objects.delete(&path);
                this.request(Request::Delete, delete).await?;
                Ok(path)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.state.lock().unwrap().seen.push(Request::List);
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        panic!("objects are never copied");
    }
}
