//! Writes JUnit XML, the form of test results that continuous integration reads.

use std::fmt::Write;
use std::time::Duration;

/// Results that belong together.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

/// One result.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) elapsed: Duration,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// The document.
pub(crate) fn write(name: &str, suites: &[Suite]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites name=\"{}\">", escape(name));
    for suite in suites {
        write_suite(&mut text, suite);
    }
    text.push_str("</testsuites>\n");
    text
}

fn write_suite(text: &mut String, suite: &Suite) {
    let count = |wanted: fn(&Outcome) -> bool| {
        suite
            .cases
            .iter()
            .filter(|case| wanted(&case.outcome))
            .count()
    };
    let elapsed: Duration = suite.cases.iter().map(|case| case.elapsed).sum();
    let _ = writeln!(
        text,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        escape(&suite.name),
        suite.cases.len(),
        count(|outcome| matches!(outcome, Outcome::Failed(_))),
        count(|outcome| matches!(outcome, Outcome::Skipped(_))),
        elapsed.as_secs_f64(),
    );
    for case in &suite.cases {
        write_case(text, &suite.name, case);
    }
    text.push_str("  </testsuite>\n");
}

fn write_case(text: &mut String, suite: &str, case: &Case) {
    let _ = write!(
        text,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escape(suite),
        escape(&case.name),
        case.elapsed.as_secs_f64(),
    );
    let _ = match &case.outcome {
        Outcome::Passed => writeln!(text, "/>"),
        Outcome::Failed(why) => {
            let first = escape(why.lines().next().unwrap_or_default());
            let all = escape(why);
            writeln!(
                text,
                "><failure message=\"{first}\">{all}</failure></testcase>"
            )
        }
        Outcome::Skipped(why) => {
            writeln!(text, "><skipped message=\"{}\"/></testcase>", escape(why))
        }
    };
}

/// Text as XML may hold it, in attributes too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            // No form of these is allowed in XML 1.0.
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Case, Outcome, Suite, write};

    #[test]
    fn results_are_counted_and_escaped() {
        let case = |name: &str, outcome| Case {
            name: name.to_owned(),
            elapsed: Duration::from_millis(1500),
            outcome,
        };
        let suite = Suite {
            name: "s".to_owned(),
            cases: vec![
                case("a", Outcome::Passed),
                case(
                    "b",
                    Outcome::Failed("1 < 2 & \"3\"\u{1b}[0m\nmore".to_owned()),
                ),
                case("c", Outcome::Skipped("not here".to_owned())),
            ],
        };
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites name=\"n\">\n  \
            <testsuite name=\"s\" tests=\"3\" failures=\"1\" skipped=\"1\" time=\"4.500\">\n    \
            <testcase classname=\"s\" name=\"a\" time=\"1.500\"/>\n    \
            <testcase classname=\"s\" name=\"b\" time=\"1.500\">\
            <failure message=\"1 &lt; 2 &amp; &quot;3&quot;\u{fffd}[0m\">\
            1 &lt; 2 &amp; &quot;3&quot;\u{fffd}[0m\nmore</failure></testcase>\n    \
            <testcase classname=\"s\" name=\"c\" time=\"1.500\">\
            <skipped message=\"not here\"/></testcase>\n  \
            </testsuite>\n</testsuites>\n";
        assert_eq!(write("n", &[suite]), expected);
    }
}
