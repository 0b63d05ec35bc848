//! Does what `docs/auth.md` tells to do, as it stands there: `cargo xtask recipes`.
//!
//! Each recipe gets a folder, a home and free ports of its own, and a docker daemon that all
//! share; its commands go through one shell.

mod document;

use std::fmt::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use self::document::{Command, Recipe, Step};
use super::client::Desk;
use super::clients::docker;
use super::site::free_address;
use crate::Result;
use crate::junit;
use crate::process::{self, Daemon};
use crate::server;
use crate::test::Counts;
use crate::tools;
use crate::workspace;

/// Where the recipes stand.
const DOCUMENT: &str = "docs/auth.md";
/// Ports that stand there, in whose place others are taken.
const PORTS: &[&str] = &[":5000", ":5001"];
/// What recipes may use beyond a system without extras; a recipe that names one needs it.
const PROGRAMS: &[&str] = &["docker", "skopeo", "htpasswd", "openssl", "curl"];
/// How long a recipe may take.
const LIMIT: Duration = Duration::from_secs(120);
/// What begins a line of the shell's that tells what comes next.
const MARK: &str = "\u{1e}";

/// What `cargo xtask recipes` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only recipes with these words in their headings
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    only: Vec<String>,
    /// Fail where a program is missing that a recipe needs
    #[arg(long)]
    mandatory: bool,
}

/// Does what the recipes say.
///
/// # Errors
/// When one of them does not work as it stands.
pub(crate) fn run(args: &Args) -> Result<()> {
    let text = std::fs::read_to_string(workspace::root().join(DOCUMENT))?;
    let asked = |recipe: &Recipe| {
        args.only.is_empty() || args.only.iter().any(|words| recipe.title.contains(words))
    };
    let recipes = document::recipes(&text).into_iter().filter(asked);
    let binary = server::binary()?;
    let folder = tempfile::Builder::new().prefix("recipes-").tempdir()?;
    let target = workspace::target_dir()?.join("interop");
    let mut kitchen = Kitchen::new(folder.path(), &binary, &target.join("recipes"))?;
    let mut counts = Counts::default();
    let mut cases = Vec::new();
    for (number, recipe) in recipes.enumerate() {
        ensure!(!process::interrupted(), "interrupted");
        let clock = Instant::now();
        let outcome = kitchen.outcome(number, &recipe, args.mandatory);
        let elapsed = clock.elapsed();
        report(&recipe, &outcome, elapsed, &mut counts);
        let name = recipe.title;
        cases.push(junit::Case {
            name,
            elapsed,
            outcome,
        });
    }
    let name = "recipes".to_owned();
    let document = junit::write("recipes", &[junit::Suite { name, cases }]);
    std::fs::write(target.join("junit-recipes.xml"), document)?;
    println!("{counts}");
    ensure!(counts.failed == 0, "not every recipe works as it stands");
    Ok(())
}

fn report(recipe: &Recipe, outcome: &junit::Outcome, elapsed: Duration, counts: &mut Counts) {
    let title = &recipe.title;
    match outcome {
        junit::Outcome::Passed => {
            counts.passed += 1;
            println!("ok   {title} ({:.1} s)", elapsed.as_secs_f64());
        }
        junit::Outcome::Failed(why) => {
            counts.failed += 1;
            println!("FAIL: {title}: {why}");
        }
        junit::Outcome::Skipped(why) => {
            counts.skipped += 1;
            println!("skipped: {title}: {why}");
        }
    }
}

/// Where recipes are done.
struct Kitchen {
    folder: PathBuf,
    /// Where what the shells said is kept.
    logs: PathBuf,
    /// The programs that are built here.
    programs: PathBuf,
    /// Where its daemon's socket is.
    docker: Desk,
    /// Started for the first recipe that needs it.
    daemon: Option<Daemon>,
}

impl Kitchen {
    fn new(folder: &Path, binary: &Path, logs: &Path) -> Result<Kitchen> {
        std::fs::create_dir_all(logs)?;
        let programs = folder.join("bin");
        std::fs::create_dir_all(&programs)?;
        let binary = std::fs::canonicalize(binary)
            .with_context(|| format!("there is no {}", binary.display()))?;
        symlink(binary, programs.join("oci-server"))?;
        Ok(Kitchen {
            folder: folder.to_owned(),
            logs: logs.to_owned(),
            programs,
            docker: Desk::bare(&folder.join("docker"))?,
            daemon: None,
        })
    }

    fn outcome(&mut self, number: usize, recipe: &Recipe, mandatory: bool) -> junit::Outcome {
        if let Some(reason) = obstacle(recipe) {
            return if mandatory {
                junit::Outcome::Failed(reason)
            } else {
                junit::Outcome::Skipped(reason)
            };
        }
        match self.follow(number, recipe) {
            Ok(()) => junit::Outcome::Passed,
            Err(error) => junit::Outcome::Failed(format!("{error:#}")),
        }
    }

    fn follow(&mut self, number: usize, recipe: &Recipe) -> Result<()> {
        if self.daemon.is_none() && needs(recipe, "docker") {
            self.daemon = Some(docker::daemon(&self.docker)?);
        }
        let desk = Desk::bare(&self.folder.join(number.to_string()))?;
        let place = desk.path("place");
        std::fs::create_dir(&place)?;
        let mut ports = Vec::new();
        for port in PORTS {
            let address = free_address()?;
            let free = address.rsplit(':').next().unwrap_or_default();
            ports.push((*port, format!(":{free}")));
        }
        let here = |text: &str| {
            let moved = |text: String, (from, to): &(&str, String)| text.replace(from, to);
            ports.iter().fold(text.to_owned(), moved)
        };
        std::fs::write(desk.path("recipe.sh"), here(&script(recipe, &desk)?))?;
        let mut shell = desk.command("bash");
        let path = format!("{}:{}", self.programs.display(), Desk::PATH);
        shell
            .env("PATH", path)
            .env("DOCKER_HOST", docker::socket(&self.docker));
        shell.arg(desk.path("recipe.sh")).current_dir(place);
        let said = process::run(&mut shell, LIMIT)?.stdout;
        std::fs::write(self.logs.join(format!("{number}.txt")), &said)?;
        check(recipe, &said, here)
    }
}

/// Why a recipe cannot be done here.
fn obstacle(recipe: &Recipe) -> Option<String> {
    for program in PROGRAMS.iter().filter(|program| needs(recipe, program)) {
        let daemons: &[&str] = match *program {
            "docker" => &["dockerd", "containerd"],
            _ => &[],
        };
        let mut all = std::iter::once(program).chain(daemons);
        if let Some(missing) = all.find(|program| tools::find(program).is_none()) {
            return Some(format!("{missing} is not installed"));
        }
        if !daemons.is_empty() && !rustix::process::geteuid().is_root() {
            return Some(format!("the daemon of {program} takes root"));
        }
    }
    None
}

fn needs(recipe: &Recipe, program: &str) -> bool {
    recipe.steps.iter().any(|step| match step {
        Step::Command(command) => {
            let is_word = |c: char| !(c.is_ascii_alphanumeric() || "-_./:".contains(c));
            command.text.split(is_word).any(|word| word == program)
        }
        Step::File { .. } => false,
    })
}

/// All of a recipe for one shell, which says before each command which it is, and after it how it
/// ended; it stops at the first that does not end as it should.
fn script(recipe: &Recipe, desk: &Desk) -> Result<String> {
    let mut script = "exec 2>&1 < /dev/null\n".to_owned();
    for (number, step) in recipe.steps.iter().enumerate() {
        match step {
            Step::File { name, content } => {
                let end = format!("end-{number}");
                ensure!(!content.contains(&end), "{name} holds {end}");
                writeln!(script, "cat > '{name}' <<'{end}'\n{content}{end}")?;
            }
            Step::Command(command) => {
                writeln!(script, "printf '\\n{MARK}%s\\n' {}", command.line)?;
                script.push_str(&typed(command, &desk.path("service.log"))?);
                let wanted = if command.must_fail() { "-ne" } else { "-eq" };
                writeln!(script, "[ $? {wanted} 0 ] || exit 1")?;
            }
        }
    }
    Ok(script + "printf '\\n\u{1e}done\\n'\n")
}

/// A command for the shell. What runs beside the others has to say that it listens before they go
/// on, and keeps the rest of what it says to itself.
fn typed(command: &Command, log: &Path) -> Result<String> {
    let Some(service) = command.service() else {
        return Ok(format!("{}\n", command.text));
    };
    let log = log.display();
    let mut text = format!("{service} > '{log}' 2>&1 &\n");
    writeln!(text, "for i in $(seq 100); do")?;
    writeln!(text, "    grep '^listening on' '{log}' && break")?;
    writeln!(
        text,
        "    kill -0 $! 2> /dev/null || {{ cat '{log}'; exit 1; }}\n    sleep 0.1\ndone"
    )?;
    Ok(text)
}

/// Holds what the shell said against the recipe.
fn check(recipe: &Recipe, said: &str, here: impl Fn(&str) -> String) -> Result<()> {
    for step in &recipe.steps {
        let Step::Command(command) = step else {
            continue;
        };
        let line = command.line;
        let place = format!("{DOCUMENT}:{line}: `{}`", command.text);
        let begin = format!("\n{MARK}{line}\n");
        let (_, after) = said
            .split_once(&begin)
            .with_context(|| format!("{place} did not run: {said}"))?;
        let (said, _) = after
            .split_once(&format!("\n{MARK}"))
            .with_context(|| format!("{place} ended wrongly: {}", after.trim()))?;
        let moved = Command {
            answer: command.answer.iter().map(|line| here(line)).collect(),
            ..Command::default()
        };
        if let Some(missing) = moved.missing(said) {
            anyhow::bail!("{place} did not say `{missing}`: {}", said.trim());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::document::recipes;
    use super::{check, needs, script};
    use crate::interop::client::Desk;
    use crate::process;

    /// What comes of a recipe of one block.
    fn outcome(block: &str) -> Result<(), String> {
        let text = format!("## Recipe\n\n```text note\nhello\n```\n\n```console\n{block}\n```\n");
        let recipe = recipes(&text).remove(0);
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::bare(folder.path()).unwrap();
        let mut shell = desk.command("bash");
        shell.arg("-c").arg(script(&recipe, &desk).unwrap());
        let said = process::run(&mut shell, Duration::from_secs(20)).unwrap();
        check(&recipe, &said.stdout, str::to_owned).map_err(|error| error.to_string())
    }

    #[test]
    fn a_recipe_works_when_its_commands_end_and_answer_as_shown() {
        assert_eq!(
            outcome("$ cat note\nhello\n$ x=1\n$ echo $x\n1\n$ false # refused"),
            Ok(())
        );
        let service = "$ (echo listening on x; sleep 60) &\nlistening on x\n$ echo on\non";
        assert_eq!(outcome(service), Ok(()));
    }

    #[test]
    fn a_recipe_fails_at_the_command_that_differs() {
        let said = outcome("$ cat note\nbye\n$ true").unwrap_err();
        assert!(
            said.contains(":8: `cat note` did not say `bye`: hello"),
            "{said}"
        );
        let said = outcome("$ cat nothing\n$ true").unwrap_err();
        assert!(said.contains("`cat nothing` ended wrongly"), "{said}");
        let said = outcome("$ true # refused\n$ true").unwrap_err();
        assert!(said.contains("`true # refused` ended wrongly"), "{said}");
        let said = outcome("$ (echo no; exit 1) &\n$ true").unwrap_err();
        assert!(said.contains("ended wrongly: no"), "{said}");
    }

    #[test]
    fn a_recipe_needs_the_programs_that_it_names() {
        let recipe = recipes("## R\n\n```console\n$ a | docker login curl.sh\n```\n").remove(0);
        assert!(needs(&recipe, "docker"));
        assert!(!needs(&recipe, "curl"));
    }
}
