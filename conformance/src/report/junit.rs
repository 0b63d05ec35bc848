//! The report as JUnit XML, for continuous integration.

use std::io::{self, Write};

use super::markup::Escaped;
use super::{CheckResult, Counts, Outcome, Report, SuiteReport};

/// Writes one `testsuite` for each section of each report, and one for each official suite.
///
/// # Errors
/// When writing fails.
pub fn write(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, "<testsuites>")?;
    for report in reports {
        for section in crate::section::ALL {
            let results = report
                .results
                .iter()
                .filter(|result| result.section == *section);
            let results: Vec<_> = results.collect();
            if !results.is_empty() {
                write_section(report, section.title, &results, out)?;
            }
        }
        for suite in &report.suites {
            write_suite(report, suite, out)?;
        }
    }
    writeln!(out, "</testsuites>")
}

fn open_suite(out: &mut dyn Write, name: &str, counts: Counts, elapsed_ms: u64) -> io::Result<()> {
    writeln!(
        out,
        r#"  <testsuite name="{}" tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.3}">"#,
        Escaped(name),
        counts.total(),
        counts.failed,
        counts.blocked,
        counts.skipped,
        seconds(elapsed_ms),
    )
}

fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}

fn write_section(
    report: &Report,
    title: &str,
    results: &[&CheckResult],
    out: &mut dyn Write,
) -> io::Result<()> {
    let counts = Counts::of(results.iter().map(|result| result.outcome));
    let elapsed = results.iter().map(|result| result.elapsed_ms).sum();
    open_suite(out, &format!("{}: {title}", report.name), counts, elapsed)?;
    for result in results {
        write!(
            out,
            r#"    <testcase classname="{}" name="{} ({})" time="{:.3}""#,
            Escaped(&report.name),
            Escaped(result.name),
            result.level,
            seconds(result.elapsed_ms),
        )?;
        write_outcome(result, out)?;
    }
    writeln!(out, "  </testsuite>")
}

fn write_outcome(result: &CheckResult, out: &mut dyn Write) -> io::Result<()> {
    let sentence = Escaped(result.sentence.as_deref().unwrap_or_default());
    match result.outcome {
        Outcome::Passed => writeln!(out, "/>"),
        Outcome::Skipped => {
            writeln!(out, "><skipped message=\"{sentence}\"/></testcase>")
        }
        Outcome::Failed | Outcome::Blocked => {
            let element = if result.outcome == Outcome::Failed {
                "failure"
            } else {
                "error"
            };
            let text = format!(
                "{}\n{}\n\n{}",
                result.title,
                result.basis,
                exchange_text(result)
            );
            writeln!(out, ">")?;
            writeln!(
                out,
                "      <{element} message=\"{sentence}\" type=\"{}\">{}</{element}>",
                result.level,
                Escaped(&text)
            )?;
            writeln!(out, "    </testcase>")
        }
    }
}

/// The exchange that decided, as text.
fn exchange_text(result: &CheckResult) -> String {
    let Some(exchange) = result.culprit.and_then(|at| result.exchanges.get(at)) else {
        return String::new();
    };
    let mut text = String::new();
    for (mark, message) in [
        (">", Some(&exchange.request)),
        ("<", exchange.response.as_ref()),
    ] {
        let Some(message) = message else { continue };
        text.push_str(&format!("{mark} {}\n", message.line));
        for (name, value) in &message.headers {
            text.push_str(&format!("{mark} {name}: {value}\n"));
        }
        if !message.body.is_empty() {
            text.push_str(&format!("{mark}\n{mark} {}\n", message.body.trim_end()));
        }
    }
    if let Some(error) = &exchange.error {
        text.push_str(&format!("! {error}\n"));
    }
    text
}

fn write_suite(report: &Report, suite: &SuiteReport, out: &mut dyn Write) -> io::Result<()> {
    let name = format!("{}: {}", report.name, suite.name);
    let mut counts = Counts::of(suite.cases.iter().map(|case| case.outcome));
    counts.blocked += usize::from(suite.error.is_some());
    open_suite(out, &name, counts, suite.elapsed_ms)?;
    for case in &suite.cases {
        let message = Escaped(&case.message);
        write!(
            out,
            r#"    <testcase classname="{}" name="{}">"#,
            Escaped(&name),
            Escaped(&case.name)
        )?;
        match case.outcome {
            Outcome::Passed => {}
            Outcome::Skipped => write!(out, "<skipped/>")?,
            Outcome::Failed => write!(out, "<failure message=\"{message}\"/>")?,
            Outcome::Blocked => write!(out, "<error message=\"{message}\"/>")?,
        }
        writeln!(out, "</testcase>")?;
    }
    if let Some(error) = &suite.error {
        let error = Escaped(error);
        writeln!(
            out,
            "    <testcase name=\"run\"><error message=\"{error}\"/></testcase>"
        )?;
    }
    writeln!(out, "  </testsuite>")
}
