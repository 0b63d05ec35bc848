//! Manifests that a registry should not take.

use serde_json::json;

use crate::check::{Stop, Verdict, checks};
use crate::client::Request;
use crate::content::{CONFIG, Document, Draft, INDEX, MANIFEST};
use crate::context::Cx;

checks! {
    Client Writes not_json "refuse.not-json" PUSHING_MANIFESTS
        "What is not JSON is refused as a manifest."
        "The v1.1 official suite pushes `blablabla` and expects an error.";
    Client Writes not_object "refuse.not-an-object" PUSHING_MANIFESTS
        "JSON that is no object is refused as a manifest."
        "Clients that pull it fail with errors that point elsewhere.";
    Client Writes empty "refuse.empty" PUSHING_MANIFESTS
        "An empty body is refused as a manifest."
        "An upload that was cut off must not become a manifest.";
    Client Writes ambiguous_index "refuse.index-with-layers" PUSHING_MANIFESTS
        "A document that is an index and an image at once is refused, as an index."
        "CVE-2021-41190: what it is would depend on who reads it.";
    Client Writes ambiguous_image "refuse.image-with-manifests" PUSHING_MANIFESTS
        "A document that is an image and an index at once is refused, as an image."
        "CVE-2021-41190: what it is would depend on who reads it.";
    Client Writes other_media_type "refuse.other-media-type" PUSHING_MANIFESTS
        "A mediaType that differs from the Content-Type is refused."
        "CVE-2021-41190: \"clients MUST set the `Content-Type` header to the value specified by the `mediaType` field\".";
    Client Writes doubled "refuse.doubled-field" PUSHING_MANIFESTS
        "A document that has a field twice is refused."
        "Parsers disagree on which of the two counts.";
    Client Writes other_case "refuse.field-in-other-case" PUSHING_MANIFESTS
        "A document with `Layers` beside `layers` is refused."
        "Go's parsers match fields whatever their case, others do not.";
    Client Writes schema1 "refuse.docker-schema-1" PUSHING_MANIFESTS
        "A Docker manifest of schema 1 is refused."
        "It carries no digests of its parts that could be verified as they are today.";
    Client Writes trailing "refuse.trailing-content" PUSHING_MANIFESTS
        "A document followed by another one is refused."
        "Parsers disagree on whether the second counts.";
    Client Writes deep "refuse.deep-nesting" PUSHING_MANIFESTS
        "A document nested a hundred thousand levels deep is refused, and the registry survives it."
        "Recursive parsers run out of stack.";
    Client Writes bad_descriptor "refuse.malformed-descriptor" PUSHING_MANIFESTS
        "A descriptor whose digest is none is refused."
        "It could never be pulled.";
    Client Writes negative_size "refuse.negative-size" PUSHING_MANIFESTS
        "A descriptor of a negative size is refused."
        "Clients allocate by the size.";
    Client Writes not_stored "refuse.not-stored" PUSHING_MANIFESTS
        "A refused manifest is not stored, and its tag does not exist."
        "A refusal that stores is none.";
    Client Writes bad_tag "refuse.malformed-tag" PUSHING_MANIFESTS
        "A manifest pushed under a malformed tag is refused."
        "A tag that cannot be pulled by its name is lost.";
}

/// Pushes this text with this type.
async fn push(
    cx: &Cx,
    media_type: &str,
    text: impl Into<Vec<u8>>,
) -> Result<crate::answer::Answer, Stop> {
    cx.repo()
        .put_manifest("v1", &Document::raw(media_type, text.into()))
        .await
}

async fn not_json(cx: &Cx) -> Verdict {
    for text in ["blablabla", "{", "{\"schemaVersion\":2", "\u{0}"] {
        push(cx, MANIFEST, text).await?.refused()?;
    }
    push(cx, MANIFEST, b"{\"a\":\"\xff\xfe\"}".to_vec())
        .await?
        .refused()?;
    Ok(())
}

async fn not_object(cx: &Cx) -> Verdict {
    for text in ["[]", "null", "2", "\"text\""] {
        push(cx, MANIFEST, text).await?.refused()?;
    }
    Ok(())
}

async fn empty(cx: &Cx) -> Verdict {
    push(cx, MANIFEST, "").await?.refused()?;
    push(cx, INDEX, "").await?.refused()?;
    Ok(())
}

/// An image that has children, too.
async fn ambiguous(cx: &Cx) -> Result<Draft, Stop> {
    let repo = cx.repo();
    let (draft, _) = repo.given_parts().await?;
    let child = repo.given_small().await?.build();
    repo.given_manifest(&child.digest, &child).await?;
    Ok(draft.with("manifests", json!([child.descriptor()])))
}

async fn ambiguous_index(cx: &Cx) -> Verdict {
    let draft = ambiguous(cx).await?.with("mediaType", INDEX.into());
    push(cx, INDEX, draft.build().bytes).await?.refused()?;
    let draft = ambiguous(cx).await?.without("mediaType");
    push(cx, INDEX, draft.build().bytes).await?.refused()?;
    Ok(())
}

async fn ambiguous_image(cx: &Cx) -> Verdict {
    push(cx, MANIFEST, ambiguous(cx).await?.build().bytes)
        .await?
        .refused()?;
    Ok(())
}

async fn other_media_type(cx: &Cx) -> Verdict {
    let image = cx.repo().given_small().await?.build();
    push(cx, INDEX, image.bytes.clone()).await?.refused()?;
    let index = Draft::index(vec![]).build();
    push(cx, MANIFEST, index.bytes.clone()).await?.refused()?;
    Ok(())
}

/// The text of a valid image with one more field in front.
async fn with_field(cx: &Cx, field: &str) -> Result<String, Stop> {
    let image = cx.repo().given_small().await?.build();
    let text = String::from_utf8_lossy(&image.bytes).into_owned();
    Ok(text.replacen('{', &format!("{{{field},"), 1))
}

async fn doubled(cx: &Cx) -> Verdict {
    let other = cx.blob(9).descriptor(CONFIG);
    let text = with_field(cx, &format!("\"config\":{other}")).await?;
    push(cx, MANIFEST, text).await?.refused()?;
    Ok(())
}

async fn other_case(cx: &Cx) -> Verdict {
    for field in ["\"Layers\":[]", "\"MediaType\":\"x/y\"", "\"CONFIG\":null"] {
        let text = with_field(cx, field).await?;
        push(cx, MANIFEST, text).await?.refused()?;
    }
    Ok(())
}

async fn schema1(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let layer = repo.given_blob(20).await?;
    let body = json!({
        "schemaVersion": 1, "name": repo.name(), "tag": "v1", "architecture": "amd64",
        "fsLayers": [{"blobSum": layer.digest}], "history": [{"v1Compatibility": "{}"}],
        "signatures": [],
    });
    for kind in ["v1+json", "v1+prettyjws"] {
        let media_type = format!("application/vnd.docker.distribution.manifest.{kind}");
        push(cx, &media_type, body.to_string()).await?.refused()?;
    }
    Ok(())
}

async fn trailing(cx: &Cx) -> Verdict {
    let image = cx.repo().given_small().await?.build();
    let text = [image.bytes.as_ref(), b"{}"].concat();
    push(cx, MANIFEST, text).await?.refused()?;
    Ok(())
}

async fn deep(cx: &Cx) -> Verdict {
    let nested = "[".repeat(100_000);
    let text = with_field(cx, &format!("\"x\":{nested}{}", "]".repeat(100_000))).await?;
    push(cx, MANIFEST, text).await?.refused()?;
    cx.get("/v2/").await?.status(200)?;
    Ok(())
}

async fn bad_descriptor(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    for digest in ["sha256:xyz", "../../etc/passwd", "", "sha256:"] {
        let layer = json!({"mediaType": "x/y", "digest": digest, "size": 1});
        let draft = repo.given_small().await?.with("layers", json!([layer]));
        push(cx, MANIFEST, draft.build().bytes).await?.refused()?;
    }
    Ok(())
}

async fn negative_size(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let layer = repo.given_blob(20).await?;
    for size in ["-1", "1e400", "\"20\""] {
        let draft = repo.given_small().await?.build();
        let text = String::from_utf8_lossy(&draft.bytes).replace(
            "\"layers\":[]",
            &format!(
                "\"layers\":[{{\"mediaType\":\"x/y\",\"digest\":\"{}\",\"size\":{size}}}]",
                layer.digest
            ),
        );
        push(cx, MANIFEST, text).await?.refused()?;
    }
    Ok(())
}

async fn not_stored(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    repo.given_image("v0").await?;
    let broken = Document::raw(MANIFEST, format!("{{\"word\":\"{}\",", cx.word()));
    repo.put_manifest("v1", &broken).await?.refused()?;
    repo.head_manifest("v1").await?.status(404)?;
    repo.head_manifest(&broken.digest).await?.status(404)?;
    let tags = repo.get_tags("").await?;
    tags.expect(
        tags.json()?["tags"] == json!(["v0"]),
        "Expected only the tag v0.",
    )?;
    Ok(())
}

async fn bad_tag(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let image = repo.given_small().await?.build();
    let long = "a".repeat(129);
    for tag in [".hidden", "-dash", "a%20b", "a+b", "%C3%A4", "a%00b", &long] {
        let request = Request::put(repo.manifest_path(tag)).header("Content-Type", MANIFEST);
        cx.send(request.body(image.bytes.clone()))
            .await?
            .refused()?;
    }
    Ok(())
}
