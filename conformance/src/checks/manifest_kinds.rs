//! The kinds of manifests that clients push.

use serde_json::json;

use crate::check::{Stop, Verdict, checks};
use crate::client::Request;
use crate::content::{
    Blob, CONFIG, DOCKER_LIST, DOCKER_MANIFEST, Document, Draft, EMPTY, INDEX, LAYER, MANIFEST,
};
use crate::context::Cx;
use crate::repository::Repo;

checks! {
    Client Writes index "kind.index" PUSHING_MANIFESTS
        "An image index of two platforms is stored and served with its type."
        "Every multi-platform image is one.";
    Client Writes nested "kind.nested-index" PUSHING_MANIFESTS
        "An index of indexes is stored."
        "The image specification permits it, and both official suites push content of this kind.";
    Client Writes empty_index "kind.empty-index" PUSHING_MANIFESTS
        "An index without children is stored."
        "Clients that maintain the referrers tag begin with one.";
    Client Writes big_index "kind.big-index" PUSHING_MANIFESTS
        "An index of a thousand children is stored."
        "Collections of charts and build caches have as many.";
    Client Writes artifact "kind.artifact" PUSHING_MANIFESTS
        "An artifact with an artifactType and the empty configuration is stored."
        "cosign, oras, helm and flux push artifacts.";
    Client Writes artifact_index "kind.artifact-index" PUSHING_MANIFESTS
        "An index with an artifactType is stored."
        "The image specification permits it since v1.1.";
    Client Writes unknown_config "kind.unknown-config" PUSHING_MANIFESTS
        "An image whose configuration has a type of its own is stored."
        "helm, flux and WebAssembly tools have their own types.";
    Client Writes custom_fields "kind.custom-fields" PUSHING_MANIFESTS
        "A manifest with fields that nobody knows is stored."
        "The image specification demands that unknown fields are ignored.";
    Client Writes data_field "kind.data-field" PUSHING_MANIFESTS
        "Descriptors with embedded data are stored."
        "The image specification permits it, and the official suite pushes it.";
    Client Writes nondistributable "kind.nondistributable-layers" PUSHING_MANIFESTS
        "A layer of a non-distributable type need not be there."
        "Windows base images refer to layers that only Microsoft may serve.";
    Client Writes docker "kind.docker-manifest" PUSHING_MANIFESTS
        "A Docker image manifest (schema 2) is stored and served with its type."
        "docker still pushes it by default.";
    Client Writes docker_list "kind.docker-manifest-list" PUSHING_MANIFESTS
        "A Docker manifest list is stored and served with its type."
        "`docker manifest push` makes them.";
    Must Writes sparse "kind.sparse-answered" PUSHING_MANIFESTS
        "An index whose children are absent is stored, or refused with MANIFEST_BLOB_UNKNOWN."
        "When a manifest is rejected for this reason, it MUST result in one or more `MANIFEST_BLOB_UNKNOWN` errors";
    Client Writes sparse_index "kind.sparse-index" PUSHING_MANIFESTS
        "An index whose children are absent is stored."
        "Tools that mirror one platform push the whole index, so that its digest stays.";
    Must Writes absent_layer "kind.absent-layer" PUSHING_MANIFESTS
        "An image whose layer is absent is stored, or refused with MANIFEST_BLOB_UNKNOWN."
        "When a manifest is rejected for this reason, it MUST result in one or more `MANIFEST_BLOB_UNKNOWN` errors";
    Client Writes sparse_image "kind.sparse-image" PUSHING_MANIFESTS
        "An image whose layer is absent is stored."
        "The rewritten official suite pushes one; mirrors fetch layers on demand.";
    Client Writes unknown_type "kind.unknown-type" PUSHING_MANIFESTS
        "A manifest of a type that nobody knows is stored and served with its type."
        "The specification lets registries be agnostic of content types, and new types come up.";
    Client Writes octets "kind.octet-stream" PUSHING_MANIFESTS
        "A manifest sent as application/octet-stream is stored with the type it declares."
        "Old versions of containerd's ctr send it so.";
    Client Writes no_type "kind.no-content-type" PUSHING_MANIFESTS
        "A manifest sent without a Content-Type is stored with the type it declares."
        "Clients SHOULD set it, and do not always.";
    Client Writes build_cache "kind.build-cache" PUSHING_MANIFESTS
        "An index whose children are blobs rather than manifests is stored."
        "BuildKit keeps its cache in such indexes.";
    Client Writes no_platform "kind.index-without-platform" PUSHING_MANIFESTS
        "An index whose children have no platform is stored."
        "BuildKit and helm push such indexes.";
    Client Writes fallback_tag "kind.referrers-tag" PUSHING_MANIFESTS
        "A tag of the referrers tag schema, well-formed or not, is an ordinary tag."
        "cosign and clients of registries without the referrers API keep their lists there.";
    Client Writes same_blob_twice "kind.layer-twice" PUSHING_MANIFESTS
        "An image that names a layer twice, and its configuration as a layer, is stored."
        "Empty layers repeat in many images.";
}

/// Pushes under a tag and expects it back with its type.
async fn round_trip(repo: &Repo<'_>, document: &Document) -> Verdict {
    repo.put_manifest("v1", document).await?.status(201)?;
    let answer = repo.get_manifest("v1").await?;
    answer
        .status(200)?
        .body_is(&document.bytes)?
        .media_type_is(&document.media_type)?;
    let answer = repo.get_manifest(&document.digest).await?;
    answer.status(200)?.body_is(&document.bytes)?;
    Ok(())
}

/// Two images, pushed by digest.
async fn children(repo: &Repo<'_>) -> Result<Vec<Document>, Stop> {
    let draft = repo.given_small().await?;
    let mut children = Vec::new();
    for platform in ["amd64", "arm64"] {
        let child = draft
            .clone()
            .annotated("org.example.arch", platform)
            .build();
        repo.given_manifest(&child.digest, &child).await?;
        children.push(child);
    }
    Ok(children)
}

fn on_platform(child: &Document, architecture: &str) -> serde_json::Value {
    let mut descriptor = child.descriptor();
    descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
    descriptor
}

async fn platforms(repo: &Repo<'_>) -> Result<Draft, Stop> {
    let children = children(repo).await?;
    let (amd64, arm64) = (
        on_platform(&children[0], "amd64"),
        on_platform(&children[1], "arm64"),
    );
    Ok(Draft::index(vec![amd64, arm64]))
}

async fn index(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    round_trip(&repo, &platforms(&repo).await?.build()).await
}

async fn nested(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let inner = platforms(&repo).await?.build();
    repo.given_manifest(&inner.digest, &inner).await?;
    round_trip(&repo, &Draft::index(vec![inner.descriptor()]).build()).await
}

async fn empty_index(cx: &Cx) -> Verdict {
    round_trip(&cx.repo(), &Draft::index(vec![]).build()).await
}

async fn big_index(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let child = repo.given_small().await?.build();
    repo.given_manifest(&child.digest, &child).await?;
    let entry = |n: u32| {
        let mut descriptor = child.descriptor();
        descriptor["annotations"] = json!({"org.example.n": n.to_string()});
        descriptor
    };
    round_trip(&repo, &Draft::index((0..1000).map(entry).collect()).build()).await
}

async fn artifact(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let (empty, content) = (Blob::of("{}"), repo.given_blob(60).await?);
    repo.given_this_blob(&empty).await?;
    let layers = vec![content.descriptor("application/vnd.example.content.v1")];
    let draft = Draft::image(empty.descriptor(EMPTY), layers);
    round_trip(
        &repo,
        &draft
            .with("artifactType", "application/vnd.example.v1".into())
            .build(),
    )
    .await
}

async fn artifact_index(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let draft = platforms(&repo)
        .await?
        .with("artifactType", "application/vnd.example.v1".into());
    round_trip(&repo, &draft.build()).await
}

async fn unknown_config(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let config = repo.given_blob(40).await?;
    let descriptor = config.descriptor("application/vnd.cncf.helm.config.v1+json");
    round_trip(&repo, &Draft::image(descriptor, vec![]).build()).await
}

async fn custom_fields(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let draft = repo.given_small().await?;
    let custom = json!({"nested": [1, 2.5, null, {"deep": "value"}]});
    round_trip(&repo, &draft.with("org.example.custom", custom).build()).await
}

async fn data_field(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let empty = Blob::of("{}");
    repo.given_this_blob(&empty).await?;
    let mut config = empty.descriptor(EMPTY);
    config["data"] = "e30=".into();
    round_trip(
        &repo,
        &Draft::image(config, vec![])
            .annotated("word", &cx.word())
            .build(),
    )
    .await
}

async fn nondistributable(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let config = repo.given_blob(40).await?;
    let mut layer = cx
        .blob(50)
        .descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar");
    layer["urls"] = json!(["https://layers.example.org/base.tar"]);
    round_trip(
        &repo,
        &Draft::image(config.descriptor(CONFIG), vec![layer]).build(),
    )
    .await
}

async fn docker(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let (config, layer) = (repo.given_blob(40).await?, repo.given_blob(50).await?);
    let draft = Draft::new(DOCKER_MANIFEST)
        .with(
            "config",
            config.descriptor("application/vnd.docker.container.image.v1+json"),
        )
        .with(
            "layers",
            json!([layer.descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip")]),
        );
    round_trip(&repo, &draft.build()).await
}

async fn docker_list(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let children = children(&repo).await?;
    let children = [
        on_platform(&children[0], "amd64"),
        on_platform(&children[1], "arm64"),
    ];
    let draft = Draft::new(DOCKER_LIST).with("manifests", children.to_vec().into());
    round_trip(&repo, &draft.build()).await
}

fn sparse_document(cx: &Cx) -> Document {
    let absent = [cx.repo().absent_image(), cx.repo().absent_image()];
    let children = [
        on_platform(&absent[0], "amd64"),
        on_platform(&absent[1], "arm64"),
    ];
    Draft::index(children.to_vec()).build()
}

async fn sparse(cx: &Cx) -> Verdict {
    let answer = cx.repo().put_manifest("v1", &sparse_document(cx)).await?;
    if answer.code() != 201 {
        answer
            .refused()?
            .error_code_is(&["MANIFEST_BLOB_UNKNOWN"])?;
    }
    Ok(())
}

async fn sparse_index(cx: &Cx) -> Verdict {
    round_trip(&cx.repo(), &sparse_document(cx)).await
}

/// An image whose configuration is there and whose layer is not.
async fn without_layer(cx: &Cx) -> Result<Document, Stop> {
    let config = cx.repo().given_blob(40).await?;
    let layer = cx.blob(50).descriptor(LAYER);
    Ok(Draft::image(config.descriptor(CONFIG), vec![layer]).build())
}

async fn sparse_image(cx: &Cx) -> Verdict {
    round_trip(&cx.repo(), &without_layer(cx).await?).await
}

async fn absent_layer(cx: &Cx) -> Verdict {
    let answer = cx
        .repo()
        .put_manifest("v1", &without_layer(cx).await?)
        .await?;
    if answer.code() != 201 {
        answer
            .refused()?
            .error_code_is(&["MANIFEST_BLOB_UNKNOWN"])?;
    }
    Ok(())
}

async fn unknown_type(cx: &Cx) -> Verdict {
    let draft = Draft::new("application/vnd.example.thing.v1+json");
    round_trip(&cx.repo(), &draft.with("word", cx.word().into()).build()).await
}

/// Pushes with this Content-Type and expects the declared type back.
async fn declared(cx: &Cx, content_type: Option<&str>) -> Verdict {
    let repo = cx.repo();
    for document in [
        repo.given_small().await?.build(),
        platforms(&repo).await?.build(),
    ] {
        let mut request = Request::put(repo.manifest_path("v1")).body(document.bytes.clone());
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        cx.send(request).await?.status(201)?;
        let answer = repo.get_manifest("v1").await?;
        answer
            .status(200)?
            .media_type_is(&document.media_type)?
            .body_is(&document.bytes)?;
    }
    Ok(())
}

async fn octets(cx: &Cx) -> Verdict {
    declared(cx, Some("application/octet-stream")).await
}

async fn no_type(cx: &Cx) -> Verdict {
    declared(cx, None).await
}

async fn build_cache(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let (layer, config) = (repo.given_blob(90).await?, repo.given_blob(40).await?);
    let children = vec![
        layer.descriptor("application/vnd.oci.image.layer.v1.tar+gzip"),
        config.descriptor("application/vnd.buildkit.cacheconfig.v0"),
    ];
    round_trip(&repo, &Draft::index(children).build()).await
}

async fn no_platform(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let children = children(&repo).await?;
    let children = children.iter().map(Document::descriptor).collect();
    round_trip(&repo, &Draft::index(children).build()).await
}

async fn fallback_tag(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let well_formed = image.digest.replace(':', "-");
    for tag in [
        &well_formed,
        &format!("{well_formed}.sig"),
        "sha256-abc",
        "sha256-",
        "sha512-xyz",
    ] {
        repo.put_manifest(tag, &image).await?.status(201)?;
        repo.get_manifest(tag)
            .await?
            .status(200)?
            .media_type_is(MANIFEST)?;
    }
    let list = Draft::index(vec![image.descriptor()]).build();
    repo.put_manifest(&well_formed, &list).await?.status(201)?;
    repo.get_manifest(&well_formed)
        .await?
        .status(200)?
        .media_type_is(INDEX)?;
    Ok(())
}

async fn same_blob_twice(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let (config, layer) = (repo.given_blob(40).await?, repo.given_blob(50).await?);
    let layers = vec![
        layer.descriptor(LAYER),
        layer.descriptor(LAYER),
        config.descriptor("application/octet-stream"),
    ];
    round_trip(
        &repo,
        &Draft::image(config.descriptor(CONFIG), layers).build(),
    )
    .await
}
