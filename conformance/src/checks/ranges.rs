//! Parts of blobs: the `Range` header of RFC 9110 §14.

use std::ops::Range;

use futures_util::future::try_join_all;

use crate::answer::Answer;
use crate::check::{Stop, Verdict, checks};
use crate::client::{Raw, Request};
use crate::content::Blob;
use crate::context::Cx;

checks! {
    Should Reads first_and_last "range.first-and-last" PULLING_BLOBS
        "`bytes=a-b` answers 206 with exactly these bytes and their Content-Range."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads single_byte "range.single-byte" PULLING_BLOBS
        "`bytes=0-0` answers 206 with the first byte."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads open_end "range.open-end" PULLING_BLOBS
        "`bytes=a-` answers 206 with everything from there on."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads suffix "range.suffix" PULLING_BLOBS
        "`bytes=-n` answers 206 with the last n bytes."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads long_suffix "range.long-suffix" PULLING_BLOBS
        "`bytes=-n` with n beyond the blob's size answers the whole blob."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads clamped "range.clamped" PULLING_BLOBS
        "A range whose end lies beyond the blob is cut to it."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads beyond "range.beyond-the-end" PULLING_BLOBS
        "A range that begins beyond the blob is a 416."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads beyond_size "range.beyond-the-end-tells-size" PULLING_BLOBS
        "A 416 tells the blob's size as `Content-Range: bytes */n`."
        "A registry SHOULD support the `Range` request header in accordance with";
    Client Reads reversed "range.reversed" PULLING_BLOBS
        "A range whose end lies before its beginning is a 416."
        "The rewritten official suite asks for it, though RFC 9110 would let the header be ignored.";
    Should Reads other_unit "range.other-unit" PULLING_BLOBS
        "A range in a unit other than bytes is ignored."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads malformed "range.malformed" PULLING_BLOBS
        "A Range header that is not one is ignored or refused, and never a server error."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads several "range.several" PULLING_BLOBS
        "Several ranges at once are answered in parts, as a whole, or by the whole blob."
        "A registry SHOULD support the `Range` request header in accordance with";
    Should Reads head "range.head" PULLING_BLOBS
        "Range on HEAD is ignored."
        "A registry SHOULD support the `Range` request header in accordance with";
    Client Reads accept_ranges "range.accept-ranges" PULLING_BLOBS
        "Blobs say `Accept-Ranges: bytes`."
        "Lazy pullers (stargz, SOCI) ask for it before they rely on ranges.";
    May Reads if_range "range.if-range" PULLING_BLOBS
        "If-Range with the ETag answers the part, with another one the whole blob."
        "A registry SHOULD support the `Range` request header in accordance with";
    Client Writes empty_blob "range.empty-blob" PULLING_BLOBS
        "A range of the empty blob is a 416 or the empty blob, and never a server error."
        "Clients that always resume ask for `bytes=0-`.";
    Client Writes interrupted "range.resume-interrupted-pull" PULLING_BLOBS
        "What is left of an interrupted pull can be fetched by its range."
        "Clients keep what they have got and ask for the rest.";
    Client Writes side_by_side "range.side-by-side" PULLING_BLOBS
        "Ranges fetched side by side make up the blob."
        "Lazy pullers and parallel downloaders fetch parts at the same time.";
    Client Reads digest_header "range.digest-header" PULLING_BLOBS
        "A part of a blob comes with the digest of the whole, or with none."
        "Clients compare it with the digest that they asked for.";
}

/// A blob of the sample or, where it is too short to be cut, none.
async fn cut(cx: &Cx, header: &str, expected: Range<usize>) -> Result<Answer, Stop> {
    let sample = cx.sample().await?;
    let blob = &sample.blob;
    if blob.bytes.len() < 200 {
        return Err(Stop::skipped("the given blob is shorter than 200 bytes"));
    }
    let header = header.replace("SIZE", &blob.bytes.len().to_string());
    let answer = sample.repo.get_range(&blob.digest, &header).await?;
    let end = expected.end.min(blob.bytes.len());
    partial(&answer, blob, expected.start..end)?;
    Ok(answer)
}

/// Expects a 206 with this part of the blob.
fn partial(answer: &Answer, blob: &Blob, part: Range<usize>) -> Verdict {
    answer.status(206)?.body_is(&blob.bytes[part.clone()])?;
    answer.header_is("Content-Length", &part.len().to_string())?;
    let (first, last, size) = (part.start, part.end - 1, blob.bytes.len());
    let found = answer.need("Content-Range")?;
    let forms = [
        format!("bytes {first}-{last}/{size}"),
        format!("bytes {first}-{last}/*"),
    ];
    let sentence = format!(
        "Expected Content-Range `{}`, and it is `{found}`.",
        forms[0]
    );
    answer.expect(forms.iter().any(|form| form == found), sentence)?;
    Ok(())
}

async fn first_and_last(cx: &Cx) -> Verdict {
    cut(cx, "bytes=50-149", 50..150).await.map(drop)
}

async fn single_byte(cx: &Cx) -> Verdict {
    cut(cx, "bytes=0-0", 0..1).await.map(drop)
}

async fn open_end(cx: &Cx) -> Verdict {
    cut(cx, "bytes=120-", 120..usize::MAX).await.map(drop)
}

async fn suffix(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let size = sample.blob.bytes.len();
    let answer = sample
        .repo
        .get_range(&sample.blob.digest, "bytes=-1")
        .await?;
    partial(&answer, &sample.blob, size - 1..size)
}

async fn long_suffix(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample
        .repo
        .get_range(&sample.blob.digest, "bytes=-99999999999")
        .await?;
    answer.status_in(&[200, 206])?.body_is(&sample.blob.bytes)?;
    Ok(())
}

async fn clamped(cx: &Cx) -> Verdict {
    cut(cx, "bytes=100-99999999999", 100..usize::MAX)
        .await
        .map(drop)
}

async fn beyond(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let size = sample.blob.bytes.len();
    for range in [
        format!("bytes={size}-"),
        format!("bytes={}-{}", size + 5, size + 9),
    ] {
        sample
            .repo
            .get_range(&sample.blob.digest, &range)
            .await?
            .status(416)?;
    }
    Ok(())
}

async fn beyond_size(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let size = sample.blob.bytes.len();
    let answer = sample
        .repo
        .get_range(&sample.blob.digest, &format!("bytes={size}-"))
        .await?;
    answer
        .status(416)?
        .header_is("Content-Range", &format!("bytes */{size}"))?;
    Ok(())
}

async fn reversed(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    sample
        .repo
        .get_range(&sample.blob.digest, "bytes=50-0")
        .await?
        .status(416)?;
    Ok(())
}

async fn other_unit(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample
        .repo
        .get_range(&sample.blob.digest, "pages=0-1")
        .await?;
    answer.status(200)?.body_is(&sample.blob.bytes)?;
    Ok(())
}

async fn malformed(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    for range in [
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "0-1",
        "bytes=1-2-3",
    ] {
        let answer = sample.repo.get_range(&sample.blob.digest, range).await?;
        answer.status_in(&[200, 400, 416])?;
    }
    Ok(())
}

async fn several(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample
        .repo
        .get_range(&sample.blob.digest, "bytes=0-1,4-5")
        .await?;
    if answer.status_in(&[200, 206])?.code() == 200 {
        answer.body_is(&sample.blob.bytes)?;
    } else {
        let kind = answer.need("Content-Type")?;
        let parts = kind.starts_with("multipart/byteranges");
        let sentence = "Expected multipart/byteranges, or one range with its Content-Range.";
        answer.expect(parts || answer.header("Content-Range").is_some(), sentence)?;
    }
    Ok(())
}

async fn head(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let request = Request::head(sample.repo.blob_path(&sample.blob.digest));
    let answer = cx.send(request.header("Range", "bytes=0-0")).await?;
    let size = sample.blob.bytes.len().to_string();
    answer.status(200)?.header_is("Content-Length", &size)?;
    Ok(())
}

async fn accept_ranges(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_blob(&sample.blob.digest).await?;
    answer.status(200)?.header_is("Accept-Ranges", "bytes")?;
    Ok(())
}

async fn if_range(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let first = sample.repo.get_blob(&sample.blob.digest).await?;
    let Some(tag) = first
        .status(200)?
        .header("ETag")
        .filter(|tag| !tag.starts_with("W/"))
    else {
        return Err(Stop::skipped("blobs have no strong ETag"));
    };
    let path = sample.repo.blob_path(&sample.blob.digest);
    let request = Request::get(&path)
        .header("Range", "bytes=0-0")
        .header("If-Range", tag);
    cx.send(request).await?.status(206)?;
    let request = Request::get(&path).header("Range", "bytes=0-0");
    cx.send(request.header("If-Range", "\"another\""))
        .await?
        .status(200)?;
    Ok(())
}

async fn empty_blob(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let empty = Blob::of("");
    repo.given_this_blob(&empty).await?;
    for range in ["bytes=0-", "bytes=0-10", "bytes=-5"] {
        let answer = repo.get_range(&empty.digest, range).await?;
        answer.status_in(&[200, 416])?;
    }
    Ok(())
}

async fn interrupted(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(400_000).await?;
    cx.drop_midway(Raw::new("GET", repo.blob_path(&blob.digest)))
        .await?;
    let answer = repo.get_range(&blob.digest, "bytes=150000-").await?;
    partial(&answer, &blob, 150_000..400_000)
}

async fn side_by_side(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let blob = repo.given_blob(256_000).await?;
    let parts = (0..16).map(|part| {
        let (repo, blob) = (repo.clone(), blob.clone());
        async move {
            let (start, end) = (part * 16_000, (part + 1) * 16_000);
            let range = format!("bytes={start}-{}", end - 1);
            let answer = repo.get_range(&blob.digest, &range).await?;
            partial(&answer, &blob, start..end)
        }
    });
    try_join_all(parts).await.map(drop)
}

async fn digest_header(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample
        .repo
        .get_range(&sample.blob.digest, "bytes=0-0")
        .await?;
    match answer.status(206)?.header("Docker-Content-Digest") {
        None => Ok(()),
        Some(_) => answer
            .header_is("Docker-Content-Digest", &sample.blob.digest)
            .map(drop),
    }
}
