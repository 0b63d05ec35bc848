//! One command that shows whether everything holds: `cargo xtask test`, `ci` for short.
//!
//! It runs each part of the plan as a program of its own, in lanes side by side, prints what it ran,
//! what it left out and why, how long each took, and what failing parts said. Its last line is
//! `N passed, N failed, N skipped`, counted in single tests.

mod board;
mod counts;
mod plan;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use self::board::{Board, Outcome, Verdict};
pub(crate) use self::counts::Counts;
use self::plan::{Lane, Part, Setting};
use crate::Result;
use crate::process;
use crate::workspace;

/// How many lines of a failing part are shown; its log has all.
const SHOWN: usize = 200;

/// What `cargo xtask test` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave the machine as it is: install no packages, build no clients
    #[arg(long)]
    no_install: bool,
    /// Only these parts, and what they need
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<String>,
    /// Not these parts
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    skip: Vec<String>,
    /// Name the parts and stop
    #[arg(long)]
    list: bool,
}

/// Runs the plan.
///
/// # Errors
/// When a part fails or cannot run or, where `CI` is `true`, anything is skipped.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut lanes = plan::lanes();
    if args.list {
        for part in lanes.iter().flatten() {
            println!("{:<14} {}", part.name, part.title);
        }
        return Ok(());
    }
    check_names(args, &lanes)?;
    if !args.only.is_empty() {
        plan::keep(&mut lanes, &args.only);
    }
    let strict = std::env::var("CI").is_ok_and(|value| value == "true");
    let run = Run {
        args,
        board: Board::expecting(&lanes),
        setting: Setting::new(!args.no_install, strict)?,
        logs: workspace::target_dir()?.join("xtask").join("logs"),
    };
    std::fs::create_dir_all(&run.logs)?;
    let clock = Instant::now();
    std::thread::scope(|scope| {
        for lane in &lanes {
            scope.spawn(|| run.lane(lane));
        }
    });
    let total = run.board.summary(&lanes, clock.elapsed());
    println!("{total}");
    if process::interrupted() {
        bail!("interrupted");
    }
    judge(total, strict)
}

/// Whether the sum is good enough: what could not run is a failure where `strict`.
fn judge(total: Counts, strict: bool) -> Result<()> {
    ensure!(total.failed == 0, "not everything holds");
    ensure!(
        !strict || total.skipped == 0,
        "not everything ran, and CI is true"
    );
    Ok(())
}

fn check_names(args: &Args, lanes: &[Lane]) -> Result<()> {
    for name in args.only.iter().chain(&args.skip) {
        let known = lanes.iter().flatten().any(|part| part.name == name);
        ensure!(known, "there is no part {name}; --list names them");
    }
    Ok(())
}

struct Run<'a> {
    args: &'a Args,
    board: Board,
    setting: Setting,
    logs: PathBuf,
}

impl Run<'_> {
    fn lane(&self, lane: &Lane) {
        for part in lane {
            let verdict = self.part(part);
            self.board.post(part, verdict);
        }
    }

    fn part(&self, part: &Part) -> Verdict {
        let skipped = |reason: String| Verdict {
            outcome: Outcome::Skipped {
                reason,
                wanted: false,
            },
            ..Verdict::default()
        };
        if self.args.skip.iter().any(|name| name == part.name) {
            return skipped("not asked for".to_owned());
        }
        self.board.await_end(part.after);
        if let Some(reason) = self.board.obstacle(part.needs) {
            return Verdict {
                outcome: Outcome::Skipped {
                    reason,
                    wanted: true,
                },
                ..Verdict::default()
            };
        }
        if process::interrupted() {
            return skipped("interrupted".to_owned());
        }
        println!("… {}: {}", part.name, part.title);
        let clock = Instant::now();
        let log = self.logs.join(format!("{}.log", part.name));
        let mut verdict = self.carry_out(part, &log).unwrap_or_else(|error| Verdict {
            outcome: Outcome::Failed {
                said: format!("{error:#}"),
            },
            counts: Counts {
                failed: 1,
                ..Counts::default()
            },
            ..Verdict::default()
        });
        verdict.elapsed = clock.elapsed();
        verdict
    }

    fn carry_out(&self, part: &Part, log: &Path) -> Result<Verdict> {
        let mut command = part.command(&self.setting);
        let line = process::line(&command);
        let file =
            File::create(log).with_context(|| format!("{} cannot be made", log.display()))?;
        let ended = process::run_into(&mut command, &file, part.limit);
        let output = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
        let succeeded = ended.as_ref().is_ok_and(|status| status.success());
        let outcome = if succeeded {
            Outcome::Passed
        } else {
            let how = ended.map_or_else(|error| format!("{error:#}"), |status| status.to_string());
            let said = last_lines(&output, SHOWN);
            Outcome::Failed {
                said: format!("$ {line}\n{said}\n{how}; all of it is in {}", log.display()),
            }
        };
        Ok(Verdict {
            outcome,
            counts: Counts::of(&output, succeeded),
            left_out: counts::left_out(&output),
            elapsed: Duration::ZERO,
        })
    }
}

fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Counts, judge};

    #[test]
    fn skips_are_failures_in_ci_alone() {
        let counts = |failed, skipped| Counts {
            passed: 1,
            failed,
            skipped,
        };
        assert!(judge(counts(0, 0), true).is_ok());
        assert!(judge(counts(0, 1), false).is_ok());
        assert!(judge(counts(0, 1), true).is_err());
        assert!(judge(counts(1, 0), false).is_err());
    }
}
