//! The configurations in which this workspace's server is asked whether it conforms.
//!
//! A check that does not apply to one of them must apply to another, or stand in the list of what
//! this registry has not by its nature ([`super::tally::NOT_APPLICABLE`]).

/// One configuration, and how the runner is to ask about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Configuration {
    /// The folder of its reports below that of all.
    pub(super) name: &'static str,
    pub(super) data: Data,
    /// What the server's settings file says.
    pub(super) settings: &'static str,
    /// Other files that the settings name, such as accounts, by their path in the folder that the
    /// server works in.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// The server's arguments.
    pub(super) arguments: &'static [&'static str],
    pub(super) content: Content,
    /// The runner's options, such as credentials or a selection.
    pub(super) options: &'static [&'static str],
}

/// On which data the server starts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Data {
    /// On none.
    Fresh,
    /// It is the server of the run before, started again at the same address.
    OfTheRunBefore,
}

/// What the checks ask about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// What they push.
    OfTheChecks,
    /// An image that was pushed before the server got these settings: the checks only read.
    Given,
}

/// The server as it comes.
pub(super) const PLAIN: Configuration = Configuration {
    name: "",
    data: Data::Fresh,
    settings: "",
    files: &[],
    arguments: &[],
    content: Content::OfTheChecks,
    options: &[],
};

/// A user's name and password, and the line of a file of users that lets nobody else in.
const LOGIN: &[&str] = &["--username", "alice", "--password", "wonderland"];
const USERS: &[(&str, &str)] = &[(
    "users",
    "alice:$2y$10$rTJJsaAh9.EPc24.8WS/QOg5jhIYxVvghIh9PJzt6OAa24h2gncf2\n",
)];

/// Every configuration, in the order in which they are asked.
pub(super) const CONFIGURATIONS: &[Configuration] = &[
    Configuration {
        name: "fresh",
        ..PLAIN
    },
    Configuration {
        name: "restarted",
        data: Data::OfTheRunBefore,
        ..PLAIN
    },
    Configuration {
        name: "memory",
        arguments: &["--metadata", "memory:", "--blobs", "memory:"],
        ..PLAIN
    },
    Configuration {
        name: "read-only",
        settings: "read_only = true\n",
        content: Content::Given,
        ..PLAIN
    },
    Configuration {
        name: "few-uploads",
        settings: "[uploads]\nmax_sessions = 20\n",
        options: &["--only", "session.too-many,observed.retry-after"],
        ..PLAIN
    },
    Configuration {
        name: "basic",
        settings: r#"
            auth = { scheme = "basic", htpasswd = "users" }
            access = [{ repos = ["**"], who = ["user:alice"], allow = ["pull", "push", "overwrite", "delete"] }]
        "#,
        files: USERS,
        options: LOGIN,
        ..PLAIN
    },
    Configuration {
        name: "bearer",
        settings: r#"
            auth = { scheme = "bearer", htpasswd = "users" }
            access = [{ repos = ["**"], who = ["user:alice"], allow = ["pull", "push", "overwrite", "delete"] }]
        "#,
        files: USERS,
        options: LOGIN,
        ..PLAIN
    },
];
