//! The list of checks: filter, groups, and the exchanges of each check.

use std::io::{self, Write};

use super::{Counts, Escaped, Level, Outcome, Prose, Report};
use crate::client::{Exchange, Message};
use crate::report::CheckResult;

/// How many exchanges of a check that passed are shown.
const SHOWN_OF_A_PASS: usize = 3;
/// How much of a body is shown where nothing went wrong, in characters.
const BODY_OF_A_PASS: usize = 300;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h2>Checks</h2>")?;
    write_tools(report, out)?;
    for (at, section) in crate::section::ALL.iter().enumerate() {
        let results = report
            .results
            .iter()
            .filter(|result| result.section == *section);
        let results: Vec<_> = results.collect();
        if results.is_empty() {
            continue;
        }
        let counts = Counts::of(results.iter().map(|result| result.outcome));
        write!(
            out,
            "<section class=\"group\"><h3 id=\"section-{at}\">{}",
            Escaped(section.title)
        )?;
        if let Some(link) = section.link() {
            write!(
                out,
                "<small><a href=\"{}\">text</a></small>",
                Escaped(&link)
            )?;
        }
        let asked = counts.total() - counts.skipped;
        writeln!(
            out,
            "<small>{} of {asked} passed</small></h3>",
            counts.passed
        )?;
        for result in results {
            write_check(result, out)?;
        }
        writeln!(out, "</section>")?;
    }
    Ok(())
}

fn write_tools(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<div class=\"tools\"><input id=\"search\" type=\"search\" \
         placeholder=\"Search names, sentences, status codes… ( / )\" aria-label=\"Search\">\
         <div class=\"chips\" role=\"group\" aria-label=\"Outcome\">"
    )?;
    let counts = report.counts();
    for (outcome, count) in [
        (Outcome::Failed, counts.failed),
        (Outcome::Blocked, counts.blocked),
        (Outcome::Skipped, counts.skipped),
        (Outcome::Passed, counts.passed),
    ] {
        let word = outcome.as_str();
        write_chip("outcome", word, &format!("{word} {count}"), out)?;
    }
    writeln!(
        out,
        "</div><div class=\"chips\" role=\"group\" aria-label=\"Level\">"
    )?;
    for level in Level::ALL {
        write_chip("level", level.as_str(), level.as_str(), out)?;
    }
    writeln!(out, "</div><span id=\"count\"></span></div>")
}

fn write_chip(kind: &str, value: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<button aria-pressed=\"false\" data-kind=\"{kind}\" data-value=\"{value}\">{text}</button>"
    )
}

fn mark(outcome: Outcome) -> &'static str {
    super::compare::mark(Some(outcome))
}

fn write_check(result: &CheckResult, out: &mut dyn Write) -> io::Result<()> {
    let sentence = result.sentence.as_deref().unwrap_or_default();
    let text = format!("{} {} {sentence}", result.name, result.title).to_lowercase();
    writeln!(
        out,
        "<details class=\"check {outcome}\" id=\"{name}\" data-outcome=\"{outcome}\" \
         data-level=\"{level}\" data-text=\"{text}\"><summary><span class=\"mark\" \
         title=\"{outcome}\">{mark}</span><span class=\"level {level}\">{level}</span><span \
         class=\"mono\">{name}</span><span class=\"title\">{title}</span></summary><div class=\"body\">",
        outcome = result.outcome.as_str(),
        name = Escaped(result.name),
        level = result.level,
        text = Escaped(&text),
        mark = mark(result.outcome),
        title = Prose(result.title),
    )?;
    if !sentence.is_empty() {
        writeln!(out, "<p class=\"finding\">{}</p>", Prose(sentence))?;
    }
    write_basis(result, out)?;
    write_exchanges(result, out)?;
    writeln!(out, "</div></details>")
}

fn write_basis(result: &CheckResult, out: &mut dyn Write) -> io::Result<()> {
    let basis = Prose(result.basis);
    let quoted = result.level != Level::Client;
    let text = if quoted {
        format!("“{basis}”")
    } else {
        basis.to_string()
    };
    match (&result.link, quoted) {
        (Some(link), true) => {
            let (link, title) = (Escaped(link), Escaped(result.section.title));
            writeln!(
                out,
                "<p class=\"said\">{text} <a href=\"{link}\">{title}</a></p>"
            )
        }
        _ => writeln!(out, "<p class=\"said\">{text}</p>"),
    }
}

fn write_exchanges(result: &CheckResult, out: &mut dyn Write) -> io::Result<()> {
    let bad = result.outcome.is_bad();
    let shown = if bad { usize::MAX } else { SHOWN_OF_A_PASS };
    let limit = if bad { usize::MAX } else { BODY_OF_A_PASS };
    for (at, exchange) in result.exchanges.iter().enumerate().take(shown) {
        write_exchange(exchange, result.culprit == Some(at), limit, out)?;
    }
    let hidden = result.exchanges.len().saturating_sub(shown) + result.left_out;
    if hidden > 0 {
        writeln!(
            out,
            "<p class=\"soft\">{hidden} more exchanges are not shown.</p>"
        )?;
    }
    Ok(())
}

fn write_exchange(
    exchange: &Exchange,
    culprit: bool,
    limit: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (class, open) = if culprit {
        (" culprit", " open")
    } else {
        ("", "")
    };
    let answer = match (&exchange.response, &exchange.error) {
        (Some(response), _) => response.line.trim_start_matches("HTTP/1.1 "),
        (None, Some(error)) => error,
        (None, None) => "no answer",
    };
    let line = exchange.request.line.trim_end_matches(" HTTP/1.1");
    writeln!(
        out,
        "<details class=\"exchange{class}\"{open}><summary>{} → <b>{}</b></summary>\
         <div class=\"sides\"><div><h5>Request</h5><pre>",
        Escaped(&shortened(line, 130)),
        Escaped(answer),
    )?;
    write_message(&exchange.request, limit, out)?;
    writeln!(
        out,
        "</pre></div><div><h5>Response, {} ms</h5><pre>",
        exchange.elapsed_ms
    )?;
    match &exchange.response {
        Some(response) => write_message(response, limit, out)?,
        None => write!(out, "{}", Escaped(answer))?,
    }
    writeln!(out, "</pre></div></div></details>")
}

fn write_message(message: &Message, limit: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", Escaped(&shortened(&message.line, 2_000)))?;
    for (name, value) in message.headers.iter().take(60) {
        writeln!(
            out,
            "<u>{}:</u> {}",
            Escaped(name),
            Escaped(&shortened(value, 500))
        )?;
    }
    if !message.body.is_empty() {
        writeln!(out, "\n{}", Escaped(&shortened(&message.body, limit)))?;
    }
    Ok(())
}

/// A text, or its beginning with an ellipsis.
fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
