//! Error bodies, and the codes that clients tell failures apart by.

use crate::answer::Answer;
use crate::check::{Stop, Verdict, checks};
use crate::content::{Document, MANIFEST, digest_of};
use crate::context::Cx;

checks! {
    Must Reads form "error.form" ERRORS
        "A JSON error body is `{\"errors\":[{\"code\",\"message\",\"detail\"}]}` with a listed code."
        "If the response body is in JSON format, it MUST have the following format:";
    Should Reads message "error.message" ERRORS
        "The message of an error, where it has one, is text."
        "The `message` field is OPTIONAL, and if present, it SHOULD be a human readable string or MAY be empty.";
    Client Reads json "error.json" ERRORS
        "Errors have a JSON body."
        "docker, containerd and others show its message; without one there is only a number.";
    Client Reads manifest_unknown "error.manifest-unknown" ERRORS
        "An unknown manifest is MANIFEST_UNKNOWN."
        "\"manifest unknown to registry\": containerd and skopeo tell a missing image from a missing right by it.";
    Client Reads blob_unknown "error.blob-unknown" ERRORS
        "An unknown blob is BLOB_UNKNOWN."
        "\"blob unknown to registry\"";
    Client Reads name_unknown "error.name-unknown" ERRORS
        "The tags of an unknown repository are NAME_UNKNOWN."
        "\"repository name not known to registry\"";
    Client Writes name_invalid "error.name-invalid" ERRORS
        "An upload to a malformed name is NAME_INVALID."
        "\"invalid repository name\"";
    Client Writes digest_invalid "error.digest-invalid" ERRORS
        "Content that does not match its digest is DIGEST_INVALID."
        "\"provided digest did not match uploaded content\"";
    Client Writes manifest_invalid "error.manifest-invalid" ERRORS
        "A manifest that is none is MANIFEST_INVALID."
        "\"manifest invalid\"";
    Client Writes upload_unknown "error.blob-upload-unknown" ERRORS
        "A session that never was is BLOB_UPLOAD_UNKNOWN."
        "\"blob upload unknown to registry\"";
    Client Reads unsupported "error.deletion-disabled" ERRORS
        "Where a deletion is disabled, the error is UNSUPPORTED."
        "The v1.1 official suite asks for it; clients tell \"never\" from \"not you\" by it.";
    Client Reads quiet "error.no-internals" ERRORS
        "Errors tell nothing of paths, source files or stack traces."
        "What an attacker learns from them was not meant for them.";
    Client Reads echoed "error.not-echoed" ERRORS
        "An error that repeats what was asked for is not served as HTML."
        "Scripts in a name would run in the browser of whoever follows a link.";
}

async fn form(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let digest = digest_of(&cx.bytes(9));
    let answers = [
        sample.repo.get_manifest("absent").await?,
        sample.repo.get_manifest(&digest).await?,
        sample.repo.get_blob(&digest).await?,
        cx.other().get_tags("").await?,
        cx.other().get_manifest("v1").await?,
    ];
    let mut bodies = 0;
    for answer in answers {
        bodies += answer.error_codes()?.len();
    }
    if bodies == 0 {
        return Err(Stop::skipped("errors have no JSON body"));
    }
    Ok(())
}

async fn message(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let digest = digest_of(&cx.bytes(9));
    for answer in [
        sample.repo.get_manifest("absent").await?,
        sample.repo.get_blob(&digest).await?,
        cx.other().get_tags("").await?,
    ] {
        if answer.error_codes()?.is_empty() {
            return Err(Stop::skipped("errors have no JSON body"));
        }
        let body = answer.json()?;
        let found = body["errors"][0].get("message");
        let text = found.is_none_or(serde_json::Value::is_string);
        answer.expect(text, "Expected the message of an error to be text.")?;
    }
    Ok(())
}

async fn json(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest("absent").await?;
    answer.status(404)?.media_type_is("application/json")?;
    let codes = answer.error_codes()?;
    answer.expect(!codes.is_empty(), "Expected an error body with a code.")?;
    let body = answer.json()?;
    let message = body["errors"][0]["message"].as_str().unwrap_or_default();
    answer.expect(!message.is_empty(), "Expected a message for people.")?;
    Ok(())
}

async fn manifest_unknown(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_manifest("absent").await?;
    answer.status(404)?.error_code_is(&["MANIFEST_UNKNOWN"])?;
    let answer = sample.repo.get_manifest(&digest_of(&cx.bytes(9))).await?;
    answer.status(404)?.error_code_is(&["MANIFEST_UNKNOWN"])?;
    Ok(())
}

async fn blob_unknown(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let answer = sample.repo.get_blob(&digest_of(&cx.bytes(9))).await?;
    answer.status(404)?.error_code_is(&["BLOB_UNKNOWN"])?;
    Ok(())
}

async fn name_unknown(cx: &Cx) -> Verdict {
    let answer = cx.other().get_tags("").await?;
    answer.status(404)?.error_code_is(&["NAME_UNKNOWN"])?;
    Ok(())
}

async fn name_invalid(cx: &Cx) -> Verdict {
    let answer = cx.below("UPPER").post_upload("").await?;
    answer.refused()?.error_code_is(&["NAME_INVALID"])?;
    Ok(())
}

async fn digest_invalid(cx: &Cx) -> Verdict {
    let repo = cx.repo();
    let upload = repo.given_upload().await?;
    let answer = upload.close(&digest_of(b"other"), &cx.bytes(40)).await?;
    answer.refused()?.error_code_is(&["DIGEST_INVALID"])?;
    let image = repo.given_small().await?.build();
    let answer = repo.put_manifest(&digest_of(b"other"), &image).await?;
    answer.refused()?.error_code_is(&["DIGEST_INVALID"])?;
    Ok(())
}

async fn manifest_invalid(cx: &Cx) -> Verdict {
    let answer = cx
        .repo()
        .put_manifest("v1", &Document::raw(MANIFEST, "{]"))
        .await?;
    answer.refused()?.error_code_is(&["MANIFEST_INVALID"])?;
    Ok(())
}

async fn upload_unknown(cx: &Cx) -> Verdict {
    let upload = cx.repo().given_upload().await?;
    let blob = cx.blob(10);
    upload.close(&blob.digest, &blob.bytes).await?.status(201)?;
    let answer = upload.status().await?;
    answer
        .status(404)?
        .error_code_is(&["BLOB_UPLOAD_UNKNOWN"])?;
    Ok(())
}

async fn unsupported(cx: &Cx) -> Verdict {
    let answers = deletions(cx).await?;
    let disabled: Vec<_> = answers
        .iter()
        .filter(|answer| [400, 405].contains(&answer.code()))
        .collect();
    if disabled.is_empty() {
        return Err(Stop::skipped("no deletion is disabled"));
    }
    for answer in disabled {
        answer.error_code_is(&["UNSUPPORTED"])?;
    }
    Ok(())
}

/// Deletes a tag, a manifest and a blob: its own ones or, in a registry that may only be read,
/// such that are not there.
async fn deletions(cx: &Cx) -> Result<[Answer; 3], Stop> {
    let (repo, tag, manifest, blob) = if cx.only_reads() {
        let absent = digest_of(&cx.bytes(20));
        (cx.sample().await?.repo, cx.word(), absent.clone(), absent)
    } else {
        let repo = cx.repo();
        let (image, blob) = repo.given_image_and_blob("v1").await?;
        (repo, "v1".to_owned(), image.digest, blob.digest)
    };
    Ok([
        repo.delete_manifest(&tag).await?,
        repo.delete_manifest(&manifest).await?,
        repo.delete_blob(&blob).await?,
    ])
}

/// Words that only the inside of a program says.
const INTERNALS: [&str; 8] = [
    "goroutine",
    "panicked at",
    "stack trace",
    ".go:",
    ".rs:",
    "/var/lib/",
    "no such file",
    "os error",
];

async fn quiet(cx: &Cx) -> Verdict {
    let sample = cx.sample().await?;
    let digest = digest_of(&cx.bytes(9));
    let answers: [Answer; 5] = [
        sample.repo.get_manifest("absent").await?,
        sample.repo.get_blob(&digest).await?,
        sample.repo.get_blob("sha256:xyz").await?,
        cx.below("UPPER").get_tags("").await?,
        cx.other().get_tags("").await?,
    ];
    for answer in answers {
        let body = String::from_utf8_lossy(answer.bytes()).to_lowercase();
        let word = INTERNALS.iter().find(|word| body.contains(*word));
        let sentence = format!(
            "Expected an error without internals, and it says `{}`.",
            word.unwrap_or(&"")
        );
        answer.expect(word.is_none(), sentence)?;
    }
    Ok(())
}

async fn echoed(cx: &Cx) -> Verdict {
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        format!("/v2/{}/{script}/tags/list", cx.namespace()),
        format!("/v2/{}/manifests/{script}", cx.repo()),
    ] {
        let answer = cx.get(path).await?;
        let found = answer
            .refused()?
            .header("Content-Type")
            .unwrap_or_default()
            .to_lowercase();
        let sentence = format!("Expected a type that no browser renders, and it is `{found}`.");
        answer.expect(!found.contains("html"), sentence)?;
    }
    Ok(())
}
