//! The report for people at a terminal, and the progress bar on the way to it.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use super::{CheckResult, Counts, Outcome, Report};
use crate::level::Level;
use crate::runner::Observer;

/// Width of the progress bar in characters.
const BAR: usize = 30;
/// How much of a request line or of a suite's message is printed, in characters.
const LINE: usize = 140;

/// Colours, where they are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// Colours or none.
    pub fn new(colours: bool) -> Style {
        Style { colours }
    }

    /// Colours if standard output is a terminal and `NO_COLOR` is not set.
    pub fn detect() -> Style {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Style::new(wanted && io::stdout().is_terminal())
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn outcome(self, outcome: Outcome, text: &str) -> String {
        let code = match outcome {
            Outcome::Passed => "32",
            Outcome::Failed => "31",
            Outcome::Blocked => "33",
            Outcome::Skipped => "36",
        };
        self.paint(code, text)
    }
}

/// Text of a registry's, without the control characters that a terminal would obey.
fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}

/// Writes what a run found: counts by level, what is not as it should be, the official suites.
///
/// # Errors
/// When writing fails.
///
/// What the registry has said goes to the terminal without its control characters.
pub fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let software = report.software.as_deref().unwrap_or_default();
    let heading = format!("{} {software}", report.name);
    writeln!(out, "\n{}", style.bold(plain(&heading).trim_end()))?;
    write_levels(report, style, out)?;
    for result in &report.results {
        if result.outcome.is_bad() {
            write_result(result, style, out)?;
        }
    }
    write_skips(report, style, out)?;
    write_suites(report, style, out)?;
    let counts = report.counts();
    writeln!(
        out,
        "\n{} checks in {:.1} s: {} passed, {} failed, {} blocked, {} skipped. {}",
        counts.total(),
        std::time::Duration::from_millis(report.elapsed_ms).as_secs_f64(),
        counts.passed,
        counts.failed,
        counts.blocked,
        counts.skipped,
        verdict(report, style),
    )
}

fn verdict(report: &Report, style: Style) -> String {
    let must = report.counts_of(Level::Must);
    match must.bad() {
        0 if must.total() == 0 => style.outcome(Outcome::Skipped, "No MUST was asked."),
        0 => style.outcome(Outcome::Passed, "Every MUST is met."),
        1 => style.outcome(Outcome::Failed, "1 MUST is not met."),
        bad => style.outcome(Outcome::Failed, &format!("{bad} MUSTs are not met.")),
    }
}

fn write_levels(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let heads = "  level    passed  failed  blocked  skipped";
    writeln!(out, "{}", style.dim(heads))?;
    for level in Level::ALL {
        let counts = report.counts_of(level);
        if counts.total() == 0 {
            continue;
        }
        let cell = |outcome: Outcome, count: usize, width: usize| {
            let text = format!("{count:>width$}");
            if count == 0 {
                style.dim(&text)
            } else {
                style.outcome(outcome, &text)
            }
        };
        writeln!(
            out,
            "  {level:<7}{}{}{}{}",
            cell(Outcome::Passed, counts.passed, 8),
            cell(Outcome::Failed, counts.failed, 8),
            cell(Outcome::Blocked, counts.blocked, 9),
            cell(Outcome::Skipped, counts.skipped, 9),
        )?;
    }
    Ok(())
}

fn write_result(result: &CheckResult, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mark = if result.outcome == Outcome::Failed {
        "✗"
    } else {
        "!"
    };
    let level = format!("{mark} {:<6}", result.level.as_str());
    let name = style.bold(result.name);
    writeln!(
        out,
        "\n{} {name}  {}",
        style.outcome(result.outcome, &level),
        result.title
    )?;
    if let Some(sentence) = &result.sentence {
        writeln!(out, "         {}", plain(sentence))?;
    }
    let Some(exchange) = result.culprit.and_then(|at| result.exchanges.get(at)) else {
        return Ok(());
    };
    let answer = exchange
        .response
        .as_ref()
        .map(|response| response.line.as_str());
    let answer = answer.or(exchange.error.as_deref()).unwrap_or_default();
    let request: String = exchange.request.line.chars().take(LINE).collect();
    let line = format!(
        "{} → {}",
        request.trim_end_matches(" HTTP/1.1"),
        answer.trim_start_matches("HTTP/1.1 ")
    );
    writeln!(out, "         {}", style.dim(&plain(&line)))
}

fn write_skips(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for result in report
        .results
        .iter()
        .filter(|result| result.outcome == Outcome::Skipped)
    {
        let reason = result.sentence.as_deref().unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(result.name),
            None => reasons.push((reason, vec![result.name])),
        }
    }
    if !reasons.is_empty() {
        writeln!(out, "\n{}", style.dim("skipped"))?;
    }
    for (reason, names) in reasons {
        writeln!(
            out,
            "  {} {}",
            style.outcome(Outcome::Skipped, &plain(reason)),
            style.dim(&names.join(" "))
        )?;
    }
    Ok(())
}

fn write_suites(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for suite in &report.suites {
        let Counts {
            passed,
            failed,
            blocked,
            skipped,
        } = suite.counts;
        let counts = format!(
            "{passed} passed, {} failed, {skipped} skipped",
            failed + blocked
        );
        let outcome = match failed + blocked {
            0 if suite.error.is_none() => Outcome::Passed,
            _ => Outcome::Failed,
        };
        let name = style.bold(&suite.name);
        writeln!(out, "\n{name}  {}", style.outcome(outcome, &counts))?;
        for case in suite.cases.iter().filter(|case| case.outcome.is_bad()) {
            let message = case.message.lines().next().unwrap_or_default();
            let message: String = message.chars().take(LINE).collect();
            writeln!(
                out,
                "  {} {}",
                style.outcome(case.outcome, "✗"),
                plain(&case.name)
            )?;
            writeln!(out, "    {}", style.dim(&plain(&message)))?;
        }
        if let Some(error) = &suite.error {
            writeln!(out, "  {}", style.outcome(Outcome::Failed, &plain(error)))?;
        }
    }
    Ok(())
}

/// A progress bar on standard error, if that is a terminal.
pub struct Progress {
    state: Mutex<State>,
    shown: bool,
}

#[derive(Default)]
struct State {
    total: usize,
    done: usize,
    bad: usize,
}

impl Progress {
    /// A bar that shows itself only on a terminal.
    pub fn new() -> Progress {
        Progress {
            state: Mutex::default(),
            shown: io::stderr().is_terminal(),
        }
    }

    fn draw(&self, state: &State, last: &str) {
        if !self.shown {
            return;
        }
        let mut error = io::stderr().lock();
        // A bar that cannot be drawn is no reason to stop.
        let drawn = write!(error, "\r\x1b[2K{}", bar(state, last));
        drop(drawn.and_then(|()| error.flush()));
    }

    fn clear(&self) {
        if self.shown {
            drop(write!(io::stderr(), "\r\x1b[2K"));
        }
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

fn bar(state: &State, last: &str) -> String {
    let filled = (BAR * state.done).checked_div(state.total).unwrap_or(0);
    let (full, rest) = ("█".repeat(filled), "░".repeat(BAR - filled));
    let bad = if state.bad > 0 {
        format!("  {} bad", state.bad)
    } else {
        String::new()
    };
    format!("{full}{rest} {}/{}{bad}  {last}", state.done, state.total)
}

impl Observer for Progress {
    fn begin(&self, total: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State {
            total,
            done: 0,
            bad: 0,
        };
        self.draw(&state, "");
    }

    fn done(&self, result: &CheckResult) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += 1;
        state.bad += usize::from(result.outcome.is_bad());
        self.draw(&state, result.name);
        if state.done == state.total {
            self.clear();
        }
    }

    fn suite(&self, name: &str) {
        if self.shown {
            drop(write!(io::stderr(), "\r\x1b[2K{name} …"));
        }
    }

    fn suite_done(&self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{State, Style, bar};
    use crate::report::Outcome;

    #[test]
    fn the_bar_fills_with_what_is_done() {
        let state = State {
            total: 3,
            done: 1,
            bad: 0,
        };
        assert!(bar(&state, "x").starts_with(&format!(
            "{}{} 1/3  x",
            "█".repeat(10),
            "░".repeat(20)
        )));
        let state = State {
            total: 0,
            done: 0,
            bad: 2,
        };
        assert!(bar(&state, "").contains("0/0  2 bad"));
    }

    #[test]
    fn colours_only_where_wanted() {
        assert_eq!(Style::new(false).outcome(Outcome::Failed, "x"), "x");
        assert_eq!(
            Style::new(true).outcome(Outcome::Failed, "x"),
            "\x1b[31mx\x1b[0m"
        );
    }
}
