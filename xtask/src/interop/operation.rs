//! What is asked of every client, in the columns of the table.

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Login,
    Push,
    Pull,
    Copy,
    Delete,
    List,
    Referrers,
    Signature,
    Index,
    Mount,
    Large,
    Resume,
    Restart,
    Password,
    ReadOnly,
    Hidden,
    Anonymous,
    Trust,
}

impl Operation {
    /// What is asked where everybody may do everything, in the table's order.
    pub(super) const OPEN: &[Operation] = &[
        Operation::Push,
        Operation::Pull,
        Operation::Copy,
        Operation::Delete,
        Operation::List,
        Operation::Referrers,
        Operation::Signature,
        Operation::Index,
        Operation::Mount,
        Operation::Large,
        Operation::Resume,
        Operation::Restart,
    ];

    /// What is asked where one has to log in, in the table's order.
    pub(super) const GUARDED: &[Operation] = &[
        Operation::Login,
        Operation::Push,
        Operation::Pull,
        Operation::Copy,
        Operation::Delete,
        Operation::List,
        Operation::Referrers,
        Operation::Signature,
        Operation::Mount,
        Operation::Password,
        Operation::ReadOnly,
        Operation::Hidden,
        Operation::Anonymous,
        Operation::Trust,
    ];

    /// The column's head, also the repository that is used.
    pub(super) fn name(self) -> &'static str {
        match self {
            Operation::Login => "login",
            Operation::Push => "push",
            Operation::Pull => "pull",
            Operation::Copy => "copy",
            Operation::Delete => "delete",
            Operation::List => "list",
            Operation::Referrers => "referrers",
            Operation::Signature => "signature",
            Operation::Index => "index",
            Operation::Mount => "mount",
            Operation::Large => "300 MB",
            Operation::Resume => "resume",
            Operation::Restart => "restart",
            Operation::Password => "password",
            Operation::ReadOnly => "read-only",
            Operation::Hidden => "hidden",
            Operation::Anonymous => "anonymous",
            Operation::Trust => "trust",
        }
    }

    /// What must be so.
    pub(super) fn title(self) -> &'static str {
        match self {
            Operation::Login => "somebody who has a password logs in",
            Operation::Push => "an image arrives whole, under the digest that the client tells",
            Operation::Pull => "an image comes back under its digest, fetched from the registry",
            Operation::Copy => "a copy within the registry has the same digest",
            Operation::Delete => "a deleted tag is gone",
            Operation::List => "all tags are listed, and no others",
            Operation::Referrers => "what is attached to an image is found from both ends",
            Operation::Signature => "a signature is stored and verified",
            Operation::Index => "an index arrives with all its images, and comes back",
            Operation::Mount => "blobs of another repository are mounted, not sent",
            Operation::Large => "a layer of 300 MB goes in and out",
            Operation::Resume => "a push whose connection was cut is brought to its end",
            Operation::Restart => "what was pushed before a restart comes back after it",
            Operation::Password => "a wrong password is refused",
            Operation::ReadOnly => "who may only pull pulls, and is refused a push",
            Operation::Hidden => "a repository in which one may nothing cannot be pulled from",
            Operation::Anonymous => {
                "without a login there is what the rules give everyone, no more"
            }
            Operation::Trust => "a certificate of somebody else's authority is refused",
        }
    }
}
