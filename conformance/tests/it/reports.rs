//! The written forms of a report that contains the worst.

use std::sync::Arc;

use oci_conformance::checks;
use oci_conformance::client::{Exchange, Message};
use oci_conformance::report::terminal::{self, Style};
use oci_conformance::report::{self, CheckResult, Counts, Outcome, Report, SuiteCase, SuiteReport};

const HOSTILE: &str = "</pre></script><script>alert('x')</script>\u{1b}[31m\u{0}\"&";

fn message(line: &str) -> Message {
    Message {
        line: line.to_owned(),
        headers: vec![("X-Hostile".to_owned(), HOSTILE.to_owned())],
        length: 3,
        body: HOSTILE.to_owned(),
    }
}

fn hostile_report(name: &str, first: Outcome) -> Report {
    let exchange = Exchange {
        request: message(&format!("GET /v2/{HOSTILE} HTTP/1.1")),
        response: Some(message("HTTP/1.1 200 OK")),
        error: None,
        elapsed_ms: 4,
    };
    let outcomes = [first, Outcome::Blocked, Outcome::Skipped, Outcome::Passed];
    let results = checks::all()
        .zip(outcomes)
        .map(|(check, outcome)| CheckResult {
            name: check.name,
            section: check.section,
            link: check.section.link(),
            level: check.level,
            title: check.title,
            basis: check.basis,
            outcome,
            sentence: Some(format!("Expected better than {HOSTILE}.")),
            culprit: (outcome == Outcome::Failed).then_some(0),
            exchanges: vec![Arc::new(exchange.clone())],
            left_out: 2,
            elapsed_ms: 7,
        });
    Report {
        name: name.to_owned(),
        url: "http://127.0.0.1:5000".into(),
        software: Some(HOSTILE.into()),
        namespace: "conformance/x".into(),
        started: "2025-01-01T00:00:00Z".into(),
        elapsed_ms: 1500,
        runner: "0.0.0",
        results: results.collect(),
        suites: vec![SuiteReport {
            name: "Official suite".into(),
            counts: Counts {
                passed: 5,
                failed: 1,
                blocked: 0,
                skipped: 0,
            },
            cases: vec![SuiteCase {
                name: "case".into(),
                outcome: Outcome::Failed,
                message: HOSTILE.into(),
            }],
            error: None,
            elapsed_ms: 3,
        }],
    }
}

fn written(write: impl Fn(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn html_is_one_page_without_a_way_out() {
    let reports = [hostile_report("reg <b>", Outcome::Failed)];
    let page = written(|out| report::html::write(&reports, out));
    assert_eq!(
        page.matches("<script>").count(),
        1,
        "only the page's own script"
    );
    assert!(!page.contains("alert('x')"));
    assert!(!page.contains(['\u{0}', '\u{1b}']));
    assert!(page.contains("reg &lt;b&gt;"));
    for outside in ["src=", "@import", "url(", "<link", "<iframe"] {
        assert!(!page.contains(outside), "{outside} loads something");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("data-outcome=\"failed\" data-level=\"MUST\""));
    assert!(page.contains("exchange culprit"));
    assert!(page.contains("1 failed cases"));
}

#[test]
fn html_compares_several() {
    let reports = [
        hostile_report("one", Outcome::Failed),
        hostile_report("two", Outcome::Passed),
    ];
    let page = written(|out| report::html::write(&reports, out));
    assert!(
        page.contains("<th class=\"n \">one</th>") && page.contains(">two</th>"),
        "{page}"
    );
    assert!(page.contains("base.ping</td>"));
    assert_eq!(page.matches("<script>").count(), 1);
}

#[test]
fn junit_is_xml_with_each_check_in_its_place() {
    let reports = [hostile_report("reg", Outcome::Failed)];
    let text = written(|out| report::junit::write(&reports, out));
    let document = roxmltree::Document::parse(&text).unwrap();
    let count = |name: &str| {
        document
            .descendants()
            .filter(|node| node.has_tag_name(name))
            .count()
    };
    assert_eq!(count("testcase"), 4 + 1);
    assert_eq!(
        (count("failure"), count("error"), count("skipped")),
        (2, 1, 1)
    );
    let failure = document
        .descendants()
        .find(|node| node.has_tag_name("failure"))
        .unwrap();
    assert!(failure.text().unwrap().contains("< HTTP/1.1 200 OK"));
    assert!(failure.attribute("message").unwrap().contains("alert('x')"));
    let suite = document
        .descendants()
        .find(|node| node.has_tag_name("testsuite"))
        .unwrap();
    assert_eq!(suite.attribute("name"), Some("reg: Determining Support"));
}

#[test]
fn json_says_it_all() {
    let one = [hostile_report("one", Outcome::Failed)];
    let value: serde_json::Value =
        serde_json::from_str(&written(|out| report::json::write(&one, out))).unwrap();
    assert_eq!(value["conforms"], false);
    assert_eq!(value["counts"]["failed"], 1);
    assert_eq!(value["results"][0]["name"], "base.ping");
    assert_eq!(
        value["results"][0]["exchanges"][0]["response"]["line"],
        "HTTP/1.1 200 OK"
    );
    assert!(value["levels"]["MUST"]["failed"].is_number());
    let two = [one[0].clone(), hostile_report("two", Outcome::Passed)];
    let value: serde_json::Value =
        serde_json::from_str(&written(|out| report::json::write(&two, out))).unwrap();
    assert_eq!(value.as_array().unwrap().len(), 2);
}

#[test]
fn the_terminal_tells_what_is_wrong_and_why() {
    let report = hostile_report("reg", Outcome::Failed);
    let text = written(|out| terminal::write(&report, Style::new(false), out));
    assert!(
        text.contains("✗ MUST   base.ping  GET of /v2/ answers 200."),
        "{text}"
    );
    assert!(text.contains("→ 200 OK"));
    assert!(text.contains("Official suite  5 passed, 1 failed, 0 skipped"));
    assert!(text.trim_end().ends_with("1 MUST is not met."), "{text}");
    assert!(
        !text.contains("\u{1b}["),
        "control sequences of the registry reach the terminal"
    );
}

#[test]
fn tables_line_up_and_show_differences_only() {
    let reports = [
        hostile_report("one", Outcome::Failed),
        hostile_report("two", Outcome::Passed),
    ];
    let table = report::table(&reports);
    assert!(table.contains("base.ping"), "{table}");
    let row = table
        .lines()
        .find(|line| line.starts_with("base.ping "))
        .unwrap();
    assert!(row.contains('✗') && row.contains('✓'), "{row}");
    let markdown = report::markdown(&reports);
    assert!(
        markdown.contains("\n| level | one | two |\n|---|---|---|\n"),
        "{markdown}"
    );
}
