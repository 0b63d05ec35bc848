//! Whole runs against a registry in this process.

use std::sync::Mutex;

use oci_conformance::client::Url;
use oci_conformance::report::{CheckResult, Outcome, Report};
use oci_conformance::{Observer, Options, RunError, Silent, run};

use crate::registry::{Fault, start};

/// What the small registry is complete in.
const COMPLETE: [&str; 12] = [
    "pull.manifest*",
    "pull.blob",
    "pull.blob-*",
    "head",
    "push.p*",
    "chunk.p*",
    "chunk.a*",
    "session.status*",
    "session.cancel*",
    "tags.*",
    "pages",
    "delete.manifest-*",
];
/// What it does not have.
const ABSENT: [&str; 10] = [
    // hyper does not send it.
    "head.blob-empty-content-length",
    "*sha512*",
    "*malformed*",
    "*unsupported*",
    "*expect-continue*",
    "*no-body",
    "tags.none",
    "tags.deleted",
    "pages.deleted-between",
    "pages.n-*",
];

fn options(url: Url) -> Options {
    let mut options = Options::new(url);
    options.selection.only = COMPLETE.map(str::to_owned).to_vec();
    options.selection.skip = ABSENT.map(str::to_owned).to_vec();
    options
}

async fn run_with(fault: Fault) -> Report {
    let (url, _) = start(fault).await;
    run(&options(url), &Silent).await.unwrap()
}

fn bad(report: &Report) -> Vec<(&str, &str)> {
    let bad = report
        .results
        .iter()
        .filter(|result| result.outcome.is_bad());
    bad.map(|result| (result.name, result.sentence.as_deref().unwrap_or_default()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_without_faults_passes_and_is_left_empty() {
    let (url, inside) = start(Fault::Nothing).await;
    let report = run(&options(url), &Silent).await.unwrap();
    let known = [
        "pull.manifest-unc",
        "pull.manifest-if",
        "pull.blob-if",
        "push.put-chunked",
    ];
    let bad = bad(&report);
    assert!(
        bad.iter()
            .all(|(name, _)| known.iter().any(|k| name.starts_with(k))),
        "{bad:#?}"
    );
    assert!(report.conforms());
    assert!(report.counts().passed > 60, "{:?}", report.counts());
    assert_eq!(report.software.as_deref(), Some("tiny"));
    assert_eq!(inside.left(), (0, 0, 0, 0), "something was not swept away");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_found_by_its_check() {
    for (fault, check) in [
        (Fault::BlobsAppear, "pull.blob-missing"),
        (Fault::TagsUnsorted, "tags.sorted"),
        (Fault::ChunksAnywhere, "chunk.ahead"),
        (Fault::PatchNoContent, "chunk.patch"),
        (Fault::PlainJson, "pull.manifest-content-type"),
    ] {
        let report = run_with(fault).await;
        let result = report.result(check).unwrap();
        assert_eq!(result.outcome, Outcome::Failed, "{fault:?}");
        let culprit = &result.exchanges[result.culprit.unwrap()];
        assert!(culprit.response.is_some(), "{fault:?}");
        assert!(
            result.sentence.as_deref().unwrap().starts_with("Expected "),
            "{result:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_cannot_be_prepared_is_blocked_and_counts_as_open() {
    let report = run_with(Fault::ManifestsRefused).await;
    let result = report.result("pull.manifest-by-tag").unwrap();
    assert_eq!(result.outcome, Outcome::Blocked);
    let sentence = result.sentence.as_deref().unwrap();
    assert!(
        sentence.starts_with("Could not prepare the check: "),
        "{sentence}"
    );
    assert!(!report.conforms());
    assert_eq!(
        report
            .result("pull.blob-missing-repository")
            .unwrap()
            .outcome,
        Outcome::Passed
    );
}

#[tokio::test]
async fn results_are_in_the_order_of_sections_and_observers_hear_of_each() {
    #[derive(Default)]
    struct Heard(Mutex<(usize, Vec<&'static str>)>);
    impl Observer for Heard {
        fn begin(&self, total: usize) {
            self.0.lock().unwrap().0 = total;
        }
        fn done(&self, result: &CheckResult) {
            self.0.lock().unwrap().1.push(result.name);
        }
    }
    let (url, _) = start(Fault::Nothing).await;
    let heard = Heard::default();
    let report = run(&options(url), &heard).await.unwrap();
    let sections: Vec<_> = report.results.iter().map(|result| result.section).collect();
    assert!(sections.is_sorted());
    let (total, names) = heard.0.into_inner().unwrap();
    assert_eq!(
        (total, names.len()),
        (report.results.len(), report.results.len())
    );
}

#[tokio::test]
async fn what_is_kept_is_not_swept() {
    let (url, inside) = start(Fault::Nothing).await;
    let mut options = options(url);
    options.selection.only = vec!["pull.manifest-by-tag".to_owned()];
    options.keep = true;
    run(&options, &Silent).await.unwrap();
    assert_eq!(inside.left(), (2, 1, 1, 0));
}

#[tokio::test]
async fn given_content_is_read_and_nothing_is_written() {
    let (url, inside) = start(Fault::Nothing).await;
    let mut first = options(url.clone());
    first.selection.only = vec!["pull.manifest-by-tag".to_owned()];
    first.keep = true;
    let made = run(&first, &Silent).await.unwrap();
    let before = inside.left();
    let mut second = options(url);
    second.read_only = Some(oci_conformance::context::GivenContent {
        repository: format!("{}/pull.manifest-by-tag", made.namespace),
        tag: "v1".into(),
        manifest: None,
        blob: None,
    });
    let report = run(&second, &Silent).await.unwrap();
    assert_eq!(report.result("pull.blob").unwrap().outcome, Outcome::Passed);
    assert_eq!(
        report.result("head.manifest-by-digest").unwrap().outcome,
        Outcome::Passed
    );
    assert!(report.result("push.put").is_none(), "a writing check ran");
    assert_eq!(inside.left(), before);

    let wrong = second.read_only.as_mut().unwrap();
    wrong.manifest = Some(oci_conformance::content::digest_of(b"another"));
    let report = run(&second, &Silent).await.unwrap();
    assert_eq!(
        report.result("pull.blob").unwrap().outcome,
        Outcome::Blocked
    );
}

#[tokio::test]
async fn a_run_needs_a_registry_and_a_check() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = crate::server::url(listener.local_addr().unwrap());
    drop(listener);
    let outcome = run(&Options::new(nobody.clone()), &Silent).await;
    assert!(
        matches!(outcome, Err(RunError::Unreachable { .. })),
        "{outcome:?}"
    );
    let mut nothing = Options::new(nobody);
    nothing.selection.only = vec!["no-such-check".to_owned()];
    assert!(matches!(
        run(&nothing, &Silent).await,
        Err(RunError::NothingSelected)
    ));
}

#[tokio::test]
async fn a_registry_that_lets_nobody_in_is_not_asked_further() {
    let url = crate::server::serve(|_| {
        crate::server::reply(401, &[("WWW-Authenticate", "Basic realm=\"r\"")], "")
    });
    let outcome = run(&Options::new(url.await), &Silent).await;
    assert!(
        matches!(outcome, Err(RunError::Unauthorized { .. })),
        "{outcome:?}"
    );
}
