//! What the token endpoint answers.

use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::{Identity, ResourceScope, Secret, UnixTime};

/// A token that was handed out. Serialised, it is the body of the answer, which nobody may cache;
/// `Debug` prints no token.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// The token, which the answer has twice: as `token` and as `access_token`.
    pub token: Secret<String>,
    /// For how long it is good.
    pub expires_in: Duration,
    /// When it was made.
    pub issued_at: UnixTime,
    /// What it is for: what was asked for as far as it is allowed now.
    pub scopes: Vec<ResourceScope>,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Secret<String>>,
    /// Whose it is, for logs; not part of the answer.
    pub identity: Identity,
}

impl Serialize for TokenResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scopes: Vec<_> = self.scopes.iter().map(ToString::to_string).collect();
        let token = self.token.expose();
        let fields = 6 + usize::from(self.refresh_token.is_some());
        let mut body = serializer.serialize_struct("TokenResponse", fields)?;
        body.serialize_field("token", token)?;
        body.serialize_field("access_token", token)?;
        body.serialize_field("token_type", "Bearer")?;
        body.serialize_field("expires_in", &self.expires_in.as_secs())?;
        body.serialize_field("issued_at", &self.issued_at.to_string())?;
        body.serialize_field("scope", &scopes.join(" "))?;
        if let Some(refresh) = &self.refresh_token {
            body.serialize_field("refresh_token", refresh.expose())?;
        }
        body.end()
    }
}
