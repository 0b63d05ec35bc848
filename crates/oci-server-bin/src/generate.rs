//! The manual page and the shells' completions, made of the command line itself, so that they say
//! what the program takes. Packages are filled with them.

use std::io::{self, Write};

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;

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

/// What the manual says beyond the command line, in roff.
const FURTHER: &[u8] = br#".SH FILES
.TP
\fI./oci\-data\fR
What the server keeps, unless it is told another folder.
.TP
\fI/etc/oci\-server/config.toml\fR
The settings of the service that the Debian package brings; the server itself reads no file that
it is not told of.
.SH SIGNALS
.TP
SIGTERM, SIGINT
Take no further connections, finish the requests in flight, and exit with 0.
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

/// The command line as one page: what `serve` takes is what the program takes, and no page of its
/// own is there to be pointed at.
fn whole() -> clap::Command {
    let command = Cli::command().disable_help_subcommand(true);
    command.mut_subcommand("serve", |serve| serve.hide(true))
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
