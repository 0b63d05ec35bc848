//! The report as one self-contained page.
//!
//! Everything that a registry said is escaped, and the page's own policy forbids it to load or
//! send anything.

mod checks;

use std::io::{self, Write};

use super::markup::{Escaped, Prose};
use super::{Counts, Outcome, Report, SuiteReport, compare};
use crate::level::Level;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes a page on one registry, or one that compares several.
///
/// # Errors
/// When writing fails.
pub fn write(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    match reports {
        [only] => write_page(&format!("Conformance of {}", only.name), out, &mut |out| {
            write_report(only, out)
        }),
        several => write_page("Conformance of registries", out, &mut |out| {
            write_comparison(several, out)
        }),
    }
}

type Content<'a> = dyn FnMut(&mut dyn Write) -> io::Result<()> + 'a;

fn write_page(title: &str, out: &mut dyn Write, content: &mut Content<'_>) -> io::Result<()> {
    let title = Escaped(title);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"
    )?;
    content(out)?;
    writeln!(
        out,
        "<footer>Made by oci-conformance {}. The sentences in quotation are those of the \
         <a href=\"https://github.com/opencontainers/distribution-spec/blob/main/spec.md\">OCI \
         Distribution Specification</a>.</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION")
    )
}

fn write_report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write_header(report, out)?;
    writeln!(out, "<main>")?;
    write_verdict(report, out)?;
    writeln!(out, "<div class=\"cards\">")?;
    for level in Level::ALL {
        write_card(level, report.counts_of(level), out)?;
    }
    writeln!(out, "</div>")?;
    write_matrix(report, out)?;
    for suite in &report.suites {
        write_suite(suite, out)?;
    }
    checks::write(report, out)?;
    writeln!(out, "</main>")
}

fn write_header(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let counts = report.counts();
    let mut facts = Vec::new();
    if report.name != report.url {
        facts.push(report.url.clone());
    }
    facts.extend(report.software.clone());
    facts.push(report.started.replace('T', " ").replace('Z', " UTC"));
    let seconds = std::time::Duration::from_millis(report.elapsed_ms).as_secs_f64();
    facts.push(format!("{} checks in {seconds:.1} s", counts.total()));
    writeln!(
        out,
        "<header><div><h1>{}</h1><p>{}</p></div><button id=\"theme\">Light / dark</button></header>",
        Escaped(&report.name),
        Escaped(&facts.join(" · ")),
    )
}

fn write_verdict(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let must = report.counts_of(Level::Must);
    let (class, text) = match must.bad() {
        0 if must.total() == 0 => ("", "No MUST was asked.".to_owned()),
        0 => (
            "",
            format!("Every MUST is met: {} of {}.", must.passed, must.passed),
        ),
        1 => (" bad", "1 MUST is not met.".to_owned()),
        bad => (" bad", format!("{bad} MUSTs are not met.")),
    };
    write!(out, "<div class=\"verdict{class}\"><strong>{text}</strong>")?;
    let bad = report
        .results
        .iter()
        .filter(|result| result.level == Level::Must);
    let bad: Vec<_> = bad.filter(|result| result.outcome.is_bad()).collect();
    if !bad.is_empty() {
        write!(out, "<ul>")?;
        for result in bad {
            let name = Escaped(result.name);
            write!(
                out,
                "<li><a class=\"mono\" href=\"#{name}\">{name}</a></li>"
            )?;
        }
        write!(out, "</ul>")?;
    }
    writeln!(out, "</div>")
}

fn write_card(level: Level, counts: Counts, out: &mut dyn Write) -> io::Result<()> {
    let asked = counts.total() - counts.skipped;
    write!(
        out,
        "<div class=\"card\"><h4>{level}</h4><div class=\"number\">{}<span> / {asked}</span></div>",
        counts.passed
    )?;
    write_bar(counts, out)?;
    let mut notes = Vec::new();
    for (count, word) in [
        (counts.failed, "failed"),
        (counts.blocked, "blocked"),
        (counts.skipped, "skipped"),
    ] {
        if count > 0 {
            notes.push(format!("{count} {word}"));
        }
    }
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!("{}. ", notes.join(", "))
    };
    writeln!(out, "<p>{notes}{}</p></div>", level.meaning())
}

fn write_bar(counts: Counts, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<div class=\"bar\">")?;
    for (count, class) in [
        (counts.passed, "passed"),
        (counts.failed, "failed"),
        (counts.blocked, "blocked"),
        (counts.skipped, "skipped"),
    ] {
        if count > 0 {
            write!(out, "<i class=\"{class}\" style=\"flex:{count}\"></i>")?;
        }
    }
    write!(out, "</div>")
}

/// Sections by levels, each cell with what was passed of what was asked.
fn write_matrix(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<h2>By section</h2><div class=\"scroll\"><table><thead><tr><th>Section</th>"
    )?;
    for level in Level::ALL {
        write!(out, "<th class=\"n\">{level}</th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    for (at, section) in crate::section::ALL.iter().enumerate() {
        if !report
            .results
            .iter()
            .any(|result| result.section == *section)
        {
            continue;
        }
        write!(
            out,
            "<tr><td><a href=\"#section-{at}\">{}</a></td>",
            Escaped(section.title)
        )?;
        for level in Level::ALL {
            write_cell(report.counts_in(*section, level), out)?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn write_cell(counts: Counts, out: &mut dyn Write) -> io::Result<()> {
    let asked = counts.total() - counts.skipped;
    let class = match (counts.total(), counts.failed, counts.blocked) {
        (0, _, _) => return write!(out, "<td></td>"),
        (_, 0, 0) if asked == 0 => "none",
        (_, 0, 0) => "good",
        (_, 0, _) => "warn",
        _ => "bad",
    };
    let text = if asked == 0 {
        "–".to_owned()
    } else {
        format!("{}/{asked}", counts.passed)
    };
    write!(
        out,
        "<td class=\"n {class}\" title=\"{} skipped\">{text}</td>",
        counts.skipped
    )
}

fn write_suite(suite: &SuiteReport, out: &mut dyn Write) -> io::Result<()> {
    let counts = suite.counts;
    writeln!(
        out,
        "<h2>{}</h2><div class=\"card\"><div class=\"number\">{}<span> passed, {} failed, {} \
         skipped</span></div>",
        Escaped(&suite.name),
        counts.passed,
        counts.bad(),
        counts.skipped
    )?;
    write_bar(counts, out)?;
    if let Some(error) = &suite.error {
        writeln!(out, "<p>{}</p>", Escaped(error))?;
    }
    let bad: Vec<_> = suite
        .cases
        .iter()
        .filter(|case| case.outcome.is_bad())
        .collect();
    if !bad.is_empty() {
        writeln!(
            out,
            "<details><summary class=\"soft\">{} failed cases</summary>",
            bad.len()
        )?;
        for case in bad {
            let (name, message) = (Escaped(&case.name), Escaped(&case.message));
            writeln!(
                out,
                "<p><b class=\"mono\">{name}</b></p><pre><u>{message}</u></pre>"
            )?;
        }
        writeln!(out, "</details>")?;
    }
    writeln!(out, "</div>")
}

fn write_comparison(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<header><div><h1>Conformance of registries</h1><p>{}</p></div>\
         <button id=\"theme\">Light / dark</button></header><main>",
        Escaped(
            &reports
                .first()
                .map(|report| report.started.clone())
                .unwrap_or_default()
        )
    )?;
    writeln!(
        out,
        "<h2>Registries</h2><div class=\"scroll\"><table><tbody>"
    )?;
    for report in reports {
        let software = report.software.as_deref().unwrap_or_default();
        writeln!(
            out,
            "<tr><td><b>{}</b></td><td class=\"mono\">{}</td><td>{}</td></tr>",
            Escaped(&report.name),
            Escaped(&report.url),
            Escaped(software)
        )?;
    }
    writeln!(out, "</tbody></table></div><h2>Passed of asked</h2>")?;
    write_rows(&compare::summary(reports), 1, out)?;
    writeln!(out, "<h2>Where they differ</h2>")?;
    write_rows(&compare::differences(reports), 2, out)?;
    writeln!(out, "</main>")
}

/// A table whose first row holds the headings and whose first columns are text.
fn write_rows(rows: &[Vec<String>], words: usize, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<div class=\"scroll\"><table>")?;
    for (at, row) in rows.iter().enumerate() {
        write!(out, "<tr>")?;
        for (column, cell) in row.iter().enumerate() {
            let element = if at == 0 { "th" } else { "td" };
            let number = if column < words { "" } else { "n " };
            let class = match cell.as_str() {
                cell if cell == compare::mark(Some(Outcome::Passed)) => "good",
                cell if cell == compare::mark(Some(Outcome::Failed)) => "bad",
                cell if cell == compare::mark(Some(Outcome::Blocked)) => "warn",
                cell if cell == compare::mark(Some(Outcome::Skipped)) => "none",
                _ => "",
            };
            write!(
                out,
                "<{element} class=\"{number}{class}\">{}</{element}>",
                Escaped(cell)
            )?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table></div>")
}
