//! The report as JSON, for other programs.

use std::io::{self, Write};

use serde::Serialize;

use super::{Counts, Report};
use crate::level::Level;

#[derive(Serialize)]
struct Summary<'a> {
    conforms: bool,
    counts: Counts,
    levels: std::collections::BTreeMap<&'static str, Counts>,
    #[serde(flatten)]
    report: &'a Report,
}

fn summary(report: &Report) -> Summary<'_> {
    let levels = Level::ALL
        .iter()
        .map(|level| (level.as_str(), report.counts_of(*level)));
    Summary {
        conforms: report.conforms(),
        counts: report.counts(),
        levels: levels.collect(),
        report,
    }
}

/// Writes one report as an object, several as an array of such objects.
///
/// # Errors
/// When writing fails.
pub fn write(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    match reports {
        [only] => serde_json::to_writer_pretty(&mut *out, &summary(only))?,
        several => {
            let several: Vec<_> = several.iter().map(summary).collect();
            serde_json::to_writer_pretty(&mut *out, &several)?;
        }
    }
    writeln!(out)
}
