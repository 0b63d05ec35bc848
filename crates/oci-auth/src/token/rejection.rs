//! Why a token is not believed.

/// Why a token is not believed. Nothing of the token is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenRejection {
    /// It is longer than [`Credentials::MAX_LEN`](crate::Credentials::MAX_LEN).
    #[error("the token is too long")]
    TooLong,
    /// It is not three parts of base64url with JSON in them.
    #[error("the token is malformed")]
    Malformed,
    /// Its header does not say that it is a JWT.
    #[error("the token is not a JWT")]
    Type,
    /// Its header asks for extensions, of which none is known.
    #[error("the token asks for extensions that are not known")]
    Critical,
    /// Its header brings a key along, or says where one is.
    #[error("the token brings its own key along")]
    EmbeddedKey,
    /// It names no configured key.
    #[error("the token is signed with a key that is not known")]
    UnknownKey,
    /// It is signed otherwise than its key signs.
    #[error("the token is not signed as its key signs")]
    Algorithm,
    /// The signature is not that of its key.
    #[error("the signature of the token is wrong")]
    Signature,
    /// It is of another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("the token is for another service")]
    Audience,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Its user is not there any more, or has another password.
    #[error("the user of the token is gone, or has another password")]
    Subject,
}
