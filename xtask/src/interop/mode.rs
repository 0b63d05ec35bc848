//! How one logs in to a registry, and who may do what there.

use std::fmt::Write;

/// A way to log in: a row of the table for each client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Basic,
    Bearer,
    /// Bearer, with images that everyone may pull.
    Anonymous,
    BasicTls,
    BearerTls,
}

/// Somebody who can log in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: &'static str,
    pub(super) password: &'static str,
    /// What `htpasswd -B` makes of the password, at a cost that tests can bear.
    hash: &'static str,
}

/// May do everything everywhere.
pub(super) const WRITER: User = User {
    name: "alice",
    password: "correct horse",
    hash: "$2y$05$0mc/s/.mNe8vs6IZ4bl0nO.I8dfUAiMzItaPZTbez5yF1YC7pMAJ2",
};

/// May pull below `interop/`, and nothing else.
pub(super) const READER: User = User {
    name: "bob",
    password: "battery staple",
    hash: "$2y$05$zbttZn83O77m2flS5yqleO/a.tgyMsZulglFNbbf9YFXuT5f/czoq",
};

/// Nobody's.
pub(super) const WRONG_PASSWORD: &str = "incorrect donkey";

/// The rules, but for what everyone may do.
const RULES: &str = r#"
[groups]
writers = ["alice"]

[[access]]
repos = ["**"]
who = ["group:writers"]
allow = ["pull", "push", "overwrite", "delete"]

[[access]]
repos = ["interop/**"]
who = ["user:bob"]
allow = ["pull"]
"#;

/// What everyone may do where one need not log in to pull.
const ANONYMOUS_PULL: &str = r#"
[[access]]
repos = ["interop/**"]
who = ["anonymous"]
allow = ["pull"]
"#;

/// The file of users.
pub(super) fn htpasswd() -> String {
    let line = |user: &User| format!("{}:{}\n", user.name, user.hash);
    [&WRITER, &READER].map(line).concat()
}

impl Mode {
    /// All of them, in the table's order.
    pub(super) const ALL: [Mode; 5] = [
        Mode::Basic,
        Mode::Bearer,
        Mode::Anonymous,
        Mode::BasicTls,
        Mode::BearerTls,
    ];

    /// What the row says.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::Basic => "basic",
            Mode::Bearer => "bearer",
            Mode::Anonymous => "bearer+anonymous",
            Mode::BasicTls => "basic+tls",
            Mode::BearerTls => "bearer+tls",
        }
    }

    /// Whether it is over TLS, with an authority of its own.
    pub(super) fn tls(self) -> bool {
        matches!(self, Mode::BasicTls | Mode::BearerTls)
    }

    /// Whether one may pull without a login.
    pub(super) fn anonymous_pull(self) -> bool {
        self == Mode::Anonymous
    }

    /// The server's configuration file, with `htpasswd`, `cert.pem` and `key.pem` beside it.
    pub(super) fn settings(self, host: &str, metrics: &str) -> String {
        let scheme = match self {
            Mode::Basic | Mode::BasicTls => "basic",
            Mode::Bearer | Mode::Anonymous | Mode::BearerTls => "bearer",
        };
        let mut text = format!(
            "metrics.listen = \"{metrics}\"\n\
             auth.scheme = \"{scheme}\"\n\
             auth.htpasswd = \"htpasswd\"\n"
        );
        if self.tls() {
            let _ = write!(
                text,
                "public_url = \"https://{host}\"\n\
                 tls.cert = \"cert.pem\"\n\
                 tls.key = \"key.pem\"\n"
            );
        }
        text.push_str(RULES);
        if self.anonymous_pull() {
            text.push_str(ANONYMOUS_PULL);
        }
        text
    }
}
