//! What must be so where one has to log in: who comes in, and who is refused what.

use anyhow::{Context, bail, ensure};

use super::authority::Authority;
use super::bench::Bench;
use super::client::{Cannot, Login, cannot};
use super::image::TAG;
use super::mode::{Mode, READER, User, WRITER, WRONG_PASSWORD};
use super::registry::Reference;
use crate::Result;

/// What clients say when they are not let in, or not far enough; in small letters.
const REFUSED: &[&str] = &[
    "unauthorized",
    "forbidden",
    "denied",
    "authentication required",
    "authorization failed",
    "invalid username/password",
    "no basic auth credentials",
    "basic credential not found",
    // What docker shows is the last of its attempts, which on this machine is one without TLS.
    "this port speaks https",
];
/// What they say of what seems not to be there.
const NOT_THERE: &[&str] = &["not found", "unknown"];
/// What they say of certificates that they do not believe.
const MISTRUSTED: &[&str] = &["x509", "certificate", "authority"];

impl Bench<'_> {
    /// Has the client log in as somebody, or log out.
    pub(super) fn be(&mut self, user: Option<&'static User>) -> Result<()> {
        if self.who == user {
            return Ok(());
        }
        if self.who.take().is_some() {
            self.client
                .logout(&self.site.host)
                .context("it does not log out")?;
        }
        if let Some(user) = user {
            self.client
                .login(&self.site.host, user.name, user.password)
                .with_context(|| format!("{} cannot log in", user.name))?;
        }
        self.who = user;
        Ok(())
    }

    pub(super) fn login(&mut self) -> Result<&'static str> {
        self.be(None)?;
        self.be(Some(&WRITER))?;
        match self.client.logs_in() {
            Login::Asks => Ok(""),
            Login::Keeps => Ok("it keeps what it is told, and asks the registry later"),
            Login::Never => cannot("it has no login: name and password go with each command"),
        }
    }

    pub(super) fn password(&mut self) -> Result<&'static str> {
        let from = self.at("password");
        self.be(Some(&WRITER))?;
        self.seed(&from)?;
        self.be(None)?;
        let host = self.site.host.clone();
        let mut attempt = self.client.login(&host, WRITER.name, WRONG_PASSWORD);
        if self.client.logs_in() != Login::Asks {
            attempt.context("it does not keep a password")?;
            attempt = self.client.pull(&from).map(drop);
        }
        // Some keep it although it was refused, and some say that there is nothing to forget.
        let _ = self.client.logout(&host);
        refused("a wrong password", attempt, REFUSED)?;
        Ok("")
    }

    pub(super) fn read_only(&mut self) -> Result<&'static str> {
        let (from, to) = (self.at("read-only"), self.at("read-only/new"));
        self.be(Some(&WRITER))?;
        let digest = self.seed(&from)?;
        self.be(Some(&READER))?;
        self.check_pull(&from, &digest, self.size(&self.images.small))?;
        self.check_no_push("a push by who may only pull", &to)?;
        Ok("")
    }

    /// Pushes, which must be refused and leave nothing there.
    fn check_no_push(&self, what: &str, to: &Reference) -> Result<()> {
        refused(
            what,
            self.client.push(&self.images.small, to).map(drop),
            REFUSED,
        )?;
        let there = self.registry.has(&to.repository, TAG)?;
        ensure!(!there, "a push was refused, and its image is there");
        Ok(())
    }

    pub(super) fn hidden(&mut self) -> Result<&'static str> {
        let mut from = self.at("hidden");
        from.repository = "hidden/image".to_owned();
        self.be(Some(&WRITER))?;
        self.seed(&from)?;
        self.be(Some(&READER))?;
        let words = [REFUSED, NOT_THERE].concat();
        refused(
            "a pull of what is hidden",
            self.client.pull(&from).map(drop),
            &words,
        )?;
        Ok("")
    }

    pub(super) fn anonymous(&mut self, mode: Mode) -> Result<&'static str> {
        let (from, to) = (self.at("anonymous"), self.at("anonymous/new"));
        self.be(Some(&WRITER))?;
        let digest = self.seed(&from)?;
        self.be(None)?;
        if mode.anonymous_pull() {
            self.check_pull(&from, &digest, self.size(&self.images.small))?;
        } else {
            let attempt = self.client.pull(&from).map(drop);
            refused("a pull without a login", attempt, REFUSED)?;
        }
        self.check_no_push("a push without a login", &to)?;
        Ok("")
    }

    pub(super) fn trust(&mut self) -> Result<&'static str> {
        let from = self.at("trust");
        if let Some(reason) = self.client.trusts_blindly() {
            return cannot(reason);
        }
        self.be(Some(&WRITER))?;
        self.seed(&from)?;
        self.be(None)?;
        let file = self
            .client
            .desk()
            .ca()
            .context("it is not told whom to trust")?;
        let known = std::fs::read(&file)?;
        std::fs::write(&file, Authority::new()?.certificate())?;
        let login = self
            .client
            .login(&self.site.host, WRITER.name, WRITER.password);
        let attempt = login.and_then(|()| self.client.pull(&from).map(drop));
        std::fs::write(&file, known)?;
        let _ = self.client.logout(&self.site.host);
        refused("a foreign certificate", attempt, MISTRUSTED)?;
        Ok("")
    }
}

/// Makes sure that an attempt failed, and that the client said so in words that tell why.
fn refused(what: &str, attempt: Result<()>, words: &[&str]) -> Result<()> {
    let Err(error) = attempt else {
        bail!("{what} was not refused");
    };
    if error.is::<Cannot>() {
        return Err(error);
    }
    let said = format!("{error:#}").to_lowercase();
    ensure!(
        words.iter().any(|word| said.contains(word)),
        "{what} was refused without a word of that: {error:#}"
    );
    Ok(())
}
