//! Reads the JUnit files that the official suites write.

use roxmltree::{Document, Node};

use crate::report::{Counts, Outcome, SuiteCase};

/// The longest message that is kept, in characters.
const MESSAGE: usize = 2000;

/// The suite's own counts, and its cases.
///
/// # Errors
/// A sentence, if the text is not such a file.
pub(super) fn parse(text: &str) -> Result<(Counts, Vec<SuiteCase>), String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let suites = document
        .descendants()
        .filter(|node| node.has_tag_name("testsuite"));
    let mut counts = Counts::default();
    for suite in suites {
        let number = |name: &str| {
            suite
                .attribute(name)
                .and_then(|text| text.parse::<usize>().ok())
        };
        let failed = number("failures").unwrap_or(0);
        let blocked = number("errors").unwrap_or(0);
        let skipped = number("skipped").unwrap_or(0) + number("disabled").unwrap_or(0);
        let all = number("tests").unwrap_or(0);
        counts.failed += failed;
        counts.blocked += blocked;
        counts.skipped += skipped;
        counts.passed += all.saturating_sub(failed + blocked + skipped);
    }
    let cases = document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"));
    let cases: Vec<_> = cases.map(case).collect();
    if cases.is_empty() {
        return Err("it has no test case".to_owned());
    }
    Ok((counts, cases))
}

fn case(node: Node<'_, '_>) -> SuiteCase {
    let child = |name: &str| node.children().find(|child| child.has_tag_name(name));
    let outcome = match node.attribute("status") {
        Some("passed") => Outcome::Passed,
        Some("skipped" | "pending" | "disabled") => Outcome::Skipped,
        Some("failed" | "failure") => Outcome::Failed,
        Some(_) => Outcome::Blocked,
        None if child("failure").is_some() => Outcome::Failed,
        None if child("error").is_some() => Outcome::Blocked,
        None if child("skipped").is_some() => Outcome::Skipped,
        None => Outcome::Passed,
    };
    // One suite tells the reason in an attribute, the other one on its standard output.
    let reason = ["failure", "error", "skipped"].into_iter().find_map(child);
    let message = reason.and_then(|node| node.attribute("message").or_else(|| node.text()));
    let message = message.or_else(|| child("system-out").and_then(|node| node.text()));
    let message = message.unwrap_or_default().trim();
    SuiteCase {
        name: node.attribute("name").unwrap_or_default().to_owned(),
        outcome,
        message: message.chars().take(MESSAGE).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::report::{Counts, Outcome};

    #[test]
    fn reads_the_form_of_the_v1_suite() {
        let text = r#"<testsuites tests="4" failures="1"><testsuite tests="4" skipped="1" errors="0" failures="1" disabled="0">
            <testcase name="a" status="passed"><system-err>noise</system-err></testcase>
            <testcase name="b" status="failed"><failure message="expected 400"/></testcase>
            <testcase name="c" status="skipped"><skipped message="skipped - off"/></testcase>
            <testcase name="d" status="panicked"><error message="boom"/></testcase>
            </testsuite></testsuites>"#;
        let (counts, cases) = parse(text).unwrap();
        assert_eq!(
            counts,
            Counts {
                passed: 2,
                failed: 1,
                blocked: 0,
                skipped: 1
            }
        );
        let found: Vec<_> = cases
            .iter()
            .map(|case| (case.outcome, case.message.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (Outcome::Passed, ""),
                (Outcome::Failed, "expected 400"),
                (Outcome::Skipped, "skipped - off"),
                (Outcome::Blocked, "boom")
            ]
        );
    }

    #[test]
    fn reads_the_form_of_the_rewritten_suite() {
        let text = r#"<testsuites tests="7" failures="2"><testsuite tests="7" failures="2" errors="0" skipped="1">
            <testcase name="x/y" status="failure"><system-out>404, not 200</system-out></testcase>
            <testcase name="x/z" status="passed"/></testsuite></testsuites>"#;
        let (counts, cases) = parse(text).unwrap();
        assert_eq!((counts.passed, counts.failed, counts.skipped), (4, 2, 1));
        assert_eq!(cases[0].outcome, Outcome::Failed);
        assert_eq!(cases[0].message, "404, not 200");
    }

    #[test]
    fn refuses_what_is_no_result() {
        assert!(parse("not xml").is_err());
        assert!(parse("<testsuites/>").is_err());
    }
}
