//! Tokens: asked for, handed out, and believed.

mod access;
mod claims;
mod rejection;
mod request;
mod response;
mod service;
mod verify;

pub use rejection::TokenRejection;
pub use request::{GrantRequest, TokenRequest, TokenRequestError};
pub use response::TokenResponse;
pub use service::{
    TokenBackends, TokenError, TokenOptions, TokenOptionsError, TokenPeer, TokenService,
};
pub use verify::{BuiltinTokens, ExternalIssuer, ExternalTokens, TokenVerifier};
