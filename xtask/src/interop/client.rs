//! What a client can be asked to do, and where it does it.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::image::Image;
use super::registry::Reference;
use super::site::Site;
use crate::Result;
use crate::process;
use crate::tools;

/// How long one command of a client may take.
const LIMIT: Duration = Duration::from_secs(240);

/// A client that is ready to be asked. Digests are those that the client itself tells, never the
/// registry's answer to somebody else.
pub(super) trait Client {
    /// Brings an image to a registry; answers the digest of its manifest.
    fn push(&self, image: &Image, to: &Reference) -> Result<String>;

    /// Fetches what is there, with nothing of it kept from before; answers every digest by which
    /// the client knows what came.
    fn pull(&self, from: &Reference) -> Result<Vec<String>>;

    /// Copies within the registry.
    fn copy(&self, _from: &Reference, _to: &Reference) -> Result<()> {
        cannot("it has no command that copies from registry to registry")
    }

    /// Deletes a tag with what it names.
    fn delete(&self, _reference: &Reference) -> Result<()> {
        cannot("it has no command that deletes in a registry")
    }

    /// Lists the tags of a repository.
    fn tags(&self, _repository: &Reference) -> Result<Vec<String>> {
        cannot("it has no command that lists tags")
    }

    /// Attaches something to an image, lists what is attached, and answers what it finds.
    fn refer(&self, _subject: &Reference) -> Result<String> {
        cannot("it has no command for referrers")
    }

    /// Signs an image and verifies that.
    fn sign(&self, _subject: &Reference) -> Result<()> {
        cannot("it has no command that signs in a registry")
    }

    /// Brings an index with its images to a registry; answers the digest of the index.
    fn push_index(&self, index: &Image, to: &Reference) -> Result<String> {
        self.push(index, to)
    }

    /// Fetches what an index names.
    fn pull_index(&self, from: &Reference) -> Result<Vec<String>> {
        self.pull(from)
    }

    /// Keeps a name and a password for a registry, and asks it about them if the client does that.
    fn login(&self, host: &str, name: &str, password: &str) -> Result<()>;

    /// Forgets the name and the password.
    fn logout(&self, host: &str) -> Result<()>;

    /// What its login does.
    fn logs_in(&self) -> Login {
        Login::Asks
    }

    /// Why it takes any certificate from servers of this machine, if it does.
    fn trusts_blindly(&self) -> Option<&'static str> {
        None
    }

    /// The folder where it works.
    fn desk(&self) -> &Desk;

    /// How it comes to mount blobs of another repository.
    fn mounts(&self) -> Mounts {
        Mounts::ByPush
    }

    /// What it carries.
    fn freight(&self) -> Freight {
        Freight::Images
    }
}

/// How a client comes to mount blobs of another repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mounts {
    /// When it pushes again what it has pushed elsewhere.
    ByPush,
    /// When it copies.
    ByCopy,
    /// It does not.
    Never(&'static str),
}

/// What a client's login does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// It asks the registry whether the password is right.
    Asks,
    /// It keeps the password unseen.
    Keeps,
    /// There is none; the password goes with each command.
    Never,
}

/// What a client carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freight {
    Images,
    /// Charts of its own making, in place of the images; no larger than so many bytes.
    Charts {
        limit: u64,
    },
}

/// Something that a client has no command for.
#[derive(Debug)]
pub(super) struct Cannot(pub(super) &'static str);

impl fmt::Display for Cannot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Cannot {}

/// Says that a client has no command for something.
pub(super) fn cannot<T>(reason: &'static str) -> Result<T> {
    Err(Cannot(reason).into())
}

/// A folder of a client's own, in which it finds no one else's configuration.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    folder: PathBuf,
    /// Where the certificates are that the registry may be known by; none without TLS.
    certificates: Option<PathBuf>,
}

/// Any image is accepted, from any registry of this machine.
const POLICY: &str = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;

impl Desk {
    /// Where programs of the system are.
    pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// Furnishes a folder.
    pub(super) fn bare(folder: &Path) -> Result<Desk> {
        let desk = Desk {
            folder: folder.to_owned(),
            certificates: None,
        };
        for name in ["home/.config/containers", "tmp", "run"] {
            std::fs::create_dir_all(desk.path(name))?;
        }
        std::fs::write(desk.path("home/.config/containers/policy.json"), POLICY)?;
        Ok(desk)
    }

    /// Furnishes a folder for a client of a registry.
    pub(super) fn new(folder: &Path, site: &Site) -> Result<Desk> {
        let mut desk = Desk::bare(folder)?;
        if let Some(authority) = &site.authority {
            let certificates = desk.path(CERTIFICATES).join(&site.host);
            std::fs::create_dir_all(&certificates)?;
            std::fs::copy(authority, certificates.join("ca.crt"))?;
            desk.certificates = Some(certificates);
        }
        Ok(desk)
    }

    /// The folder with the certificate of the authority that the registry is known by, laid out
    /// as most clients want it; none without TLS.
    pub(super) fn certificates(&self) -> Option<&Path> {
        self.certificates.as_deref()
    }

    /// The certificate of that authority.
    pub(super) fn ca(&self) -> Option<PathBuf> {
        Some(self.certificates()?.join("ca.crt"))
    }

    /// The option that says how the registry is come to: without TLS, or by that certificate.
    pub(super) fn transport(&self, plain: &str, ca: &str) -> String {
        match self.ca() {
            Some(file) => format!("{ca}={}", file.display()),
            None => plain.to_owned(),
        }
    }

    /// A path in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A path of that beginning that nothing is at yet.
    pub(super) fn fresh(&self, name: &str) -> PathBuf {
        let numbered = |number: u32| self.path(&format!("{name}-{number}"));
        (0..)
            .map(numbered)
            .find(|path| !path.exists())
            .unwrap_or_default()
    }

    /// A program, with this folder for its home and nothing else of the environment.
    pub(super) fn command(&self, program: &str) -> Command {
        let path = tools::find(program).unwrap_or_else(|| PathBuf::from(program));
        let mut command = Command::new(path);
        command.env_clear().current_dir(&self.folder);
        command.env("PATH", Desk::PATH).env("LC_ALL", "C.UTF-8");
        command
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"));
        command.env("XDG_RUNTIME_DIR", self.path("run"));
        command
    }

    /// Runs a program with arguments separated by spaces, and answers what it prints.
    pub(super) fn run(&self, program: &str, line: &str) -> Result<String> {
        let mut command = self.command(program);
        ask(command.args(line.split_whitespace()))
    }
}

/// Where a client's certificates are: a folder for each registry.
pub(super) const CERTIFICATES: &str = "etc/certs.d";

/// Runs a client's command to its end and answers what it prints.
///
/// # Errors
/// When it fails or takes too long.
pub(super) fn ask(command: &mut Command) -> Result<String> {
    process::run(command, LIMIT)?.ok()
}

/// The same for a client that reads a password.
///
/// # Errors
/// As for [`ask`].
pub(super) fn tell(password: &str, command: &mut Command) -> Result<String> {
    process::run_fed(password, command, LIMIT)?.ok()
}

/// The same as [`ask`] for a client that prints what matters to standard error too.
///
/// # Errors
/// As for [`ask`].
pub(super) fn ask_aloud(command: &mut Command) -> Result<String> {
    let finished = process::run(command, LIMIT)?;
    let aloud = finished.stderr.clone();
    Ok(finished.ok()? + "\n" + &aloud)
}

/// The first digest in what a client printed.
pub(super) fn digest_in(text: &str) -> Result<String> {
    let start = text
        .find("sha256:")
        .with_context(|| format!("no digest in {text:?}"))?;
    let digest: String = text[start..].chars().take("sha256:".len() + 64).collect();
    let hex = digest.trim_start_matches("sha256:");
    let whole = hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit());
    ensure!(whole, "no digest in {text:?}");
    Ok(digest)
}
