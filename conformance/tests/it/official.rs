//! The runner of official suites, with programs that behave like them.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use oci_conformance::client::Credentials;
use oci_conformance::report::Outcome;
use oci_conformance::{Options, Silent, run};

use crate::registry::{Fault, start};

/// Writes a program that bears a suite's mark.
fn program(directory: &tempfile::TempDir, name: &str, script: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

const REWRITTEN: &str = r#"# oci-conformance.yaml OCI_CONFIGURATION
cat > "$OCI_RESULTS_DIR/junit.xml" <<END
<testsuites><testsuite tests="9" failures="1" errors="0" skipped="2">
<testcase name="env" status="failure"><system-out>$OCI_REGISTRY $OCI_TLS $OCI_VERSION $OCI_DATA_SPARSE $OCI_USERNAME $OCI_LEFTOVER</system-out></testcase>
<testcase name="repositories" status="passed"><system-out>$OCI_REPO1 $OCI_REPO2</system-out></testcase>
</testsuite></testsuites>
END
exit 1"#;

const V1: &str = r#"# OCI_CROSSMOUNT_NAMESPACE
cat > junit.xml <<END
<testsuites><testsuite tests="1" failures="0" errors="0" skipped="0">
<testcase name="$OCI_ROOT_URL $OCI_TEST_PUSH ${OCI_AUTOMATIC_CROSSMOUNT-unset}" status="passed"/></testsuite></testsuites>
END"#;

#[tokio::test(flavor = "multi_thread")]
async fn suites_are_configured_run_and_folded_in() {
    let directory = tempfile::tempdir().unwrap();
    let (url, _) = start(Fault::Nothing).await;
    let mut options = Options::new(url.clone());
    options.selection.only = vec!["base.ping".into()];
    options.credentials = Credentials::Password {
        username: "alice".into(),
        password: "x".into(),
    };
    options.official = vec![
        program(&directory, "new", REWRITTEN),
        program(&directory, "old", V1),
        program(&directory, "other", "exit 0"),
        program(
            &directory,
            "broken",
            "# OCI_CROSSMOUNT_NAMESPACE\necho gone >&2; exit 3",
        ),
        directory.path().join("absent"),
    ];
    let report = run(&options, &Silent).await.unwrap();
    let [new, old, other, broken, absent] = report.suites.as_slice() else {
        panic!("not five suites")
    };
    assert_eq!(new.name, "Official suite, rewritten");
    assert_eq!(
        (new.counts.passed, new.counts.failed, new.counts.skipped),
        (6, 1, 2)
    );
    assert_eq!(new.cases[0].outcome, Outcome::Failed);
    let authority = url.origin.authority();
    assert_eq!(
        new.cases[0].message,
        format!("{authority} disabled dev true alice")
    );
    let two = new.cases[1].message.split_once(' ').unwrap();
    assert!(
        two.0.starts_with(&report.namespace) && two.0 != two.1,
        "{two:?}"
    );
    assert_eq!(old.name, "Official suite v1.1");
    assert_eq!(old.cases[0].name, format!("{} 1 unset", url.origin));
    assert!(
        other.error.as_ref().unwrap().contains("neither"),
        "{other:?}"
    );
    assert!(
        broken.error.as_ref().unwrap().contains("gone"),
        "{broken:?}"
    );
    assert!(
        absent.error.as_ref().unwrap().contains("cannot run"),
        "{absent:?}"
    );
}
