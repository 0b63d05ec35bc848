//! The program as a person or a script uses it.

use std::process::{Command, Output};

use oci_conformance::client::Url;

use crate::registry::{Fault, start};

fn conformance(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oci-conformance"));
    for name in ["OFFICIAL", "USERNAME", "PASSWORD", "TOKEN"] {
        command.env_remove(format!("OCI_CONFORMANCE_{name}"));
    }
    command.args(arguments).output().unwrap()
}

/// Runs the program against a registry of this process.
async fn against(url: &Url, arguments: &[&str]) -> Output {
    let mut all = vec![url.origin.to_string()];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let run = move || conformance(&all.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn usage_errors_exit_with_two() {
    for arguments in [
        &[][..],
        &["--no-such-option"],
        &["ftp://x"],
        &["--compare", "http://127.0.0.1:1"],
        &["http://127.0.0.1:1", "--level", "perhaps"],
        &["http://127.0.0.1:1", "--only", "nothing.like-this"],
        &["http://127.0.0.1:1", "--username", "alice"],
        &["http://127.0.0.1:1", "--read-only"],
        &["http://127.0.0.1:1", "--tag", "v1"],
        &["http://127.0.0.1:1", "--jobs", "0"],
        &["http://127.0.0.1:1"],
    ] {
        let output = conformance(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn lists_what_would_run() {
    let output = conformance(&[
        "--list", "--level", "must", "--only", "pull", "--skip", "*blob*",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let listed = text(&output.stdout);
    assert!(listed.contains("pull.manifest-by-tag"), "{listed}");
    for line in listed.lines() {
        assert!(
            line.starts_with("MUST    pull.") && !line.contains("pull.blob"),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exits_with_zero_when_every_must_is_met() {
    let (url, _) = start(Fault::Nothing).await;
    let output = against(&url, &["--only", "pull.blob,pull.manifest-by-tag"]).await;
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert!(
        printed.contains("2 checks in ") && printed.contains("Every MUST is met."),
        "{printed}"
    );
    assert!(
        output.stderr.is_empty(),
        "a progress bar where there is no terminal"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exits_with_one_when_a_must_is_not_met_and_writes_every_report() {
    let (url, _) = start(Fault::BlobsAppear).await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (json, junit) = (file("r.json"), file("r.xml"));
    let (html, markdown) = (file("r.html"), file("r.md"));
    let arguments = [
        "--only",
        "pull.blob-missing",
        "--quiet",
        "--json",
        &json,
        "--junit",
        &junit,
        "--html",
        &html,
        "--markdown",
        &markdown,
    ];
    let output = against(&url, &arguments).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let value: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(value["results"][0]["outcome"], "failed");
    for (path, part) in [
        (junit, "<failure"),
        (html, "pull.blob-missing"),
        (markdown, "| MUST |"),
    ] {
        assert!(
            std::fs::read_to_string(&path).unwrap().contains(part),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compares_registries_in_one_table() {
    let (good, _) = start(Fault::Nothing).await;
    let (bad, _) = start(Fault::BlobsAppear).await;
    let pairs = [
        format!("{}=good", good.origin),
        format!("{}=bad", bad.origin),
    ];
    let run = move || {
        conformance(&[
            "--quiet",
            "--only",
            "pull.blob-missing",
            "--compare",
            &pairs[0],
            "--compare",
            &pairs[1],
        ])
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    let row = printed
        .lines()
        .find(|line| line.starts_with("pull.blob-missing"))
        .unwrap();
    assert!(row.find('✓') < row.find('✗'), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_report_is_an_error() {
    let (url, _) = start(Fault::Nothing).await;
    let output = against(
        &url,
        &["--only", "base.ping", "--json", "/no/such/folder/x.json"],
    )
    .await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/no/such/folder/x.json"));
}
