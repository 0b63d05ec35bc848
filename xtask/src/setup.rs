//! Makes sure of what the tests drive: installs or builds it where it may, and names exactly what
//! is missing where it may not.

use std::time::Instant;

use anyhow::bail;

use crate::Result;
use crate::tools::{self, GO_TOOLS, PACKAGED};

/// What `cargo xtask setup` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only say what is missing
    #[arg(long)]
    no_install: bool,
}

/// Installs packages and builds clients, as far as that is possible here.
///
/// # Errors
/// When something that it tried does not work. What it may not try is said, and is no error.
pub(crate) fn run(args: &Args) -> Result<()> {
    let packages = packages(args.no_install);
    let clients = clients(args.no_install);
    packages.and(clients)
}

fn packages(only_say: bool) -> Result<()> {
    let missing: Vec<_> = PACKAGED
        .iter()
        .filter(|packaged| tools::find(packaged.program).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !only_say && tools::can_install() {
        let names: Vec<_> = missing.iter().map(|packaged| packaged.program).collect();
        println!("installing the packages of {}", names.join(", "));
        return tools::install(&missing);
    }
    for packaged in missing {
        println!(
            "missing: {} ({}): apt-get install {}",
            packaged.program,
            packaged.purpose,
            packaged.packages.last().unwrap_or(&"")
        );
    }
    Ok(())
}

fn clients(only_say: bool) -> Result<()> {
    let missing: Vec<_> = GO_TOOLS
        .iter()
        .filter(|tool| tools::find(tool.program).is_none())
        .collect();
    let can_build = tools::find("go").is_some();
    let mut failed = Vec::new();
    for tool in missing {
        let (name, source) = (tool.program, format!("{}@{}", tool.module, tool.version));
        if only_say || !can_build {
            let how = if can_build {
                "cargo xtask setup builds it"
            } else {
                "install go"
            };
            println!("missing: {name} ({}): {how} ({source})", tool.purpose());
            continue;
        }
        let clock = Instant::now();
        match tool.build() {
            Ok(()) => println!(
                "built {name} of {source} in {} s",
                clock.elapsed().as_secs()
            ),
            Err(error) => {
                println!("missing: {name}: {error:#}");
                failed.push(name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("could not build {}", failed.join(", "));
    }
    Ok(())
}
