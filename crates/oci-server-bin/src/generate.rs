//! The manual page and the shells' completions, made of the command line itself, so that they say
//! what the program takes. Packages are filled with them.

use std::io::{self, Write};

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::cli::Cli;

/// A text that is made of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Text {
    /// The manual page, in roff
    Man,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
}

/// Writes a text to standard output.
///
/// # Errors
/// When standard output cannot be written to.
pub(crate) fn print(text: Text) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&render(text)?)?;
    out.flush()
}

/// What the program does besides serving, each as people write it.
const COMMANDS: &[&[&str]] = &[
    &["config", "check"],
    &["access", "explain"],
    &["hash-password"],
    &["admin", "status"],
    &["admin", "reload"],
    &["admin", "rotate-keys"],
    &["admin", "revoke"],
];

/// What the manual says beyond the command line, in roff.
const FURTHER: &[u8] = br#".SH FILES
.TP
\fI./oci\-data\fR
What the server keeps, unless it is told another folder.
.TP
\fI./oci\-data/admin.sock\fR
The socket over which a running server is asked, while it runs.
.TP
\fI/etc/oci\-server/config.toml\fR
The settings of the service that the Debian package brings; the server itself reads no file that
it is not told of.
.SH SIGNALS
.TP
SIGTERM, SIGINT
Take no further connections, finish the requests in flight, and exit with 0.
.TP
SIGHUP
Read users, groups, rules, the certificate and keys again; what cannot be used leaves what held
before.
.SH EXAMPLES
.nf
oci\-server \-\-data\-dir /srv/registry &
docker tag alpine 127.0.0.1:5000/alpine
docker push 127.0.0.1:5000/alpine
.fi
"#;

fn render(text: Text) -> io::Result<Vec<u8>> {
    let mut written = Vec::new();
    let shell = match text {
        Text::Man => {
            let page = Man::new(whole()).manual("oci-server");
            page.render(&mut written)?;
            commands().to_writer(&mut written)?;
            written.extend_from_slice(FURTHER);
            return Ok(written);
        }
        Text::Bash => Shell::Bash,
        Text::Zsh => Shell::Zsh,
        Text::Fish => Shell::Fish,
    };
    clap_complete::generate(shell, &mut Cli::command(), "oci-server", &mut written);
    Ok(written)
}

/// Serving: the other commands have a section of their own, and no pages that could be pointed at.
fn whole() -> clap::Command {
    let command = Cli::command().disable_help_subcommand(true);
    let names: Vec<_> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let hide = |command: clap::Command, name| command.mut_subcommand(name, |sub| sub.hide(true));
    names.into_iter().fold(command, hide)
}

/// The commands besides serving.
fn commands() -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["COMMANDS"]);
    let mut built = Cli::command();
    built.build();
    for path in COMMANDS {
        let found = path
            .iter()
            .try_fold(&built, |command, name| command.find_subcommand(name));
        if let Some(command) = found {
            describe(&mut page, path, command);
        }
    }
    page
}

fn describe(page: &mut Roff, path: &[&str], command: &clap::Command) {
    let takes = |arg: &&clap::Arg| !arg.is_hide_set() && arg.get_id() != "help";
    let mut title = vec![bold(format!("oci-server {}", path.join(" ")))];
    for arg in command.get_positionals() {
        title.push(roman(" "));
        title.push(italic(arg.get_id().as_str().to_uppercase()));
    }
    page.control("TP", []);
    page.text(title);
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    // Only the first paragraph comes without its full stop.
    page.text([roman(about.replacen("\n\n", ". ", 1).replace('\n', " "))]);
    page.control("RS", []);
    for arg in command.get_arguments().filter(takes) {
        page.control("TP", []);
        page.text(naming(arg));
        let help = arg.get_help().map(ToString::to_string);
        page.text([roman(help.unwrap_or_default())]);
    }
    page.control("RE", []);
}

/// A flag with its value, or the name of what has a place.
fn naming(arg: &clap::Arg) -> Vec<Inline> {
    let Some(long) = arg.get_long() else {
        return vec![italic(arg.get_id().as_str().to_uppercase())];
    };
    let mut text = vec![bold(format!("--{long}"))];
    let takes_value = arg.get_action().takes_values();
    if let Some(value) = arg.get_value_names().and_then(|names| names.first())
        && takes_value
    {
        text.push(roman(" "));
        text.push(italic(value.as_str()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> Vec<String> {
        let command = Cli::command();
        let longs = command.get_arguments().filter_map(clap::Arg::get_long);
        longs.map(str::to_owned).collect()
    }

    #[test]
    fn each_text_has_every_flag() {
        assert!(flags().contains(&"data-dir".to_owned()));
        for text in Text::value_variants() {
            let rendered = String::from_utf8(render(*text).unwrap()).unwrap();
            // In roff a hyphen that is no dash is escaped.
            let rendered = rendered.replace("\\-", "-");
            for flag in flags() {
                assert!(rendered.contains(&flag), "{text:?} lacks {flag}");
            }
        }
    }

    /// Each command that is not hidden, as people write it, with its flags.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, Vec<String>)>) {
        let subs: Vec<_> = command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
            .collect();
        for sub in &subs {
            leaves(sub, &format!("{path} {}", sub.get_name()), found);
        }
        if subs.is_empty() {
            let longs = command.get_arguments().filter_map(clap::Arg::get_long);
            let longs = longs.filter(|long| !matches!(*long, "help" | "version"));
            found.push((path.to_owned(), longs.map(str::to_owned).collect()));
        }
    }

    #[test]
    fn each_text_has_every_command_with_its_flags() {
        let mut built = Cli::command();
        built.build();
        let mut found = Vec::new();
        leaves(&built, "oci-server", &mut found);
        found.retain(|(path, _)| path != "oci-server serve");
        assert_eq!(found.len(), COMMANDS.len(), "{found:?}");
        for text in Text::value_variants() {
            let rendered = String::from_utf8(render(*text).unwrap()).unwrap();
            let rendered = rendered.replace("\\-", "-");
            for (path, flags) in &found {
                let words = path.split(' ');
                let said = match text {
                    Text::Man => rendered.contains(&format!("\\fB{path}\\fR")),
                    _ => words.clone().all(|word| rendered.contains(word)),
                };
                assert!(said, "{text:?} lacks {path}");
                for flag in flags {
                    assert!(rendered.contains(flag), "{text:?} lacks {flag} of {path}");
                }
            }
        }
    }

    #[test]
    fn the_manual_page_uses_macros_that_there_are() {
        let page = String::from_utf8(render(Text::Man).unwrap()).unwrap();
        let known = ["ie", "el", "TH", "SH", "TP", "RS", "RE", "br", "nf", "fi"];
        for line in page.lines().filter_map(|line| line.strip_prefix('.')) {
            let name = line.split_whitespace().next();
            assert!(name.is_some_and(|name| known.contains(&name)), ".{line}");
        }
    }

    #[test]
    fn the_manual_page_names_the_environment_and_hides_what_packages_use() {
        let page = String::from_utf8(render(Text::Man).unwrap()).unwrap();
        assert!(page.contains("OCI_SERVER_LISTEN"), "{page}");
        assert!(!page.contains("generate"), "{page}");
        assert!(!page.contains("(1)"), "points at another page: {page}");
    }
}
