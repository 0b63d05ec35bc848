-- What replicas share for authentication. Times are seconds since the Unix epoch here, as tokens
-- count them.

CREATE TABLE signing_keys (
    position INTEGER PRIMARY KEY, -- in the order of addition
    id TEXT NOT NULL UNIQUE, -- the "kid" of the tokens that it signs
    algorithm INTEGER NOT NULL, -- 1 EdDSA, 2 ES256
    pkcs8 BLOB NOT NULL, -- the private key
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE refresh_tokens (
    position INTEGER PRIMARY KEY, -- in the order of addition
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 32), -- the SHA-256 of the token
    subject TEXT NOT NULL, -- whose it is
    version TEXT NOT NULL, -- the state of the subject's credentials that it was handed out for
    service TEXT NOT NULL,
    client TEXT, -- as it named itself
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX refresh_tokens_by_subject ON refresh_tokens (subject, position);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
