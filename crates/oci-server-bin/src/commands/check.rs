//! `config check`: what is wrong with the settings, without a start.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::BoxError;
use crate::cli::ServeArgs;
use crate::prepare::prepare;

/// Says what is wrong with the settings; fails if a start would be refused, or if `strict` and
/// there is anything at all.
pub(crate) fn check(args: ServeArgs, strict: bool) -> Result<ExitCode, BoxError> {
    let file = args.config.clone();
    let (_, findings) = prepare(args);
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len() - errors;
    let mut out = io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    let subject = match file {
        Some(file) => file.display().to_string(),
        None => "the settings".to_owned(),
    };
    let (errors_said, warnings_said) = (count(errors, "error"), count(warnings, "warning"));
    writeln!(out, "{subject}: {errors_said}, {warnings_said}")?;
    out.flush()?;
    let good = errors == 0 && (warnings == 0 || !strict);
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn count(number: usize, of: &str) -> String {
    match number {
        0 => format!("no {of}s"),
        1 => format!("1 {of}"),
        _ => format!("{number} {of}s"),
    }
}
