-- Digests are one byte for the algorithm (1 sha256, 2 sha512) and the raw hash.
-- Times are milliseconds since the Unix epoch, where nothing else is said.
-- Names are compared as bytes, so that lists come in ASCII order whatever the database's locale.

CREATE TABLE repositories (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upstream text COLLATE "C" NOT NULL, -- empty: this registry's own
    name text COLLATE "C" NOT NULL,
    UNIQUE (upstream, name)
);

CREATE TABLE blobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    size bigint NOT NULL,
    locator text COLLATE "C" NOT NULL,
    unlinked_at bigint -- when the last link went; null as long as there is one
);
CREATE INDEX blobs_unlinked ON blobs (unlinked_at) WHERE unlinked_at IS NOT NULL;

CREATE TABLE repository_blobs (
    repository bigint NOT NULL REFERENCES repositories (id),
    blob bigint NOT NULL REFERENCES blobs (id),
    PRIMARY KEY (repository, blob)
);
CREATE INDEX repository_blobs_by_blob ON repository_blobs (blob);

CREATE TABLE manifests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository bigint NOT NULL REFERENCES repositories (id),
    digest bytea NOT NULL,
    media_type text COLLATE "C" NOT NULL,
    pushed_at bigint NOT NULL,
    pushed_by text COLLATE "C" NOT NULL,
    payload bytea NOT NULL, -- the bytes as they were pushed
    UNIQUE (repository, digest)
);

CREATE TABLE manifest_edges (
    repository bigint NOT NULL,
    target bytea NOT NULL, -- a digest, which need not be there
    kind smallint NOT NULL, -- 1 config, 2 layer, 3 child, 4 child that is no manifest, 5 subject
    manifest bigint NOT NULL REFERENCES manifests (id),
    PRIMARY KEY (repository, target, kind, manifest)
);
CREATE INDEX manifest_edges_by_manifest ON manifest_edges (manifest);

CREATE TABLE referrers (
    manifest bigint PRIMARY KEY REFERENCES manifests (id),
    repository bigint NOT NULL,
    subject bytea NOT NULL,
    digest bytea NOT NULL,
    artifact_type bytea, -- the digest of the text, which may have any length
    descriptor text COLLATE "C" NOT NULL -- JSON, as the referrers API lists it
);
CREATE UNIQUE INDEX referrers_by_subject ON referrers (repository, subject, digest);
CREATE INDEX referrers_by_type ON referrers (repository, subject, artifact_type, digest)
    WHERE artifact_type IS NOT NULL;

CREATE TABLE tags (
    repository bigint NOT NULL REFERENCES repositories (id),
    name text COLLATE "C" NOT NULL,
    manifest bigint NOT NULL REFERENCES manifests (id),
    updated_at bigint NOT NULL, -- when it last came to name another manifest
    PRIMARY KEY (repository, name)
);
CREATE INDEX tags_by_manifest ON tags (manifest, name);

CREATE TABLE tag_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- within a repository in order
    repository bigint NOT NULL REFERENCES repositories (id),
    tag text COLLATE "C" NOT NULL,
    digest bytea, -- what it named from then on; null: it was removed
    at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL
);

CREATE TABLE collection_queue (
    ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never used twice
    digest bytea NOT NULL,
    locator text COLLATE "C" NOT NULL UNIQUE,
    size bigint NOT NULL,
    available_at bigint NOT NULL, -- when it is due; once claimed, when the claim ends
    claims bigint NOT NULL DEFAULT 0 -- how often it was handed out
);
CREATE INDEX collection_queue_available ON collection_queue (available_at, ticket);

CREATE TABLE sessions (
    id bytea PRIMARY KEY,
    upstream text COLLATE "C" NOT NULL, -- empty: this registry's own
    repository text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    expires_at bigint NOT NULL,
    bytes bigint NOT NULL,
    state bytea NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at, id);

-- What all sessions hold together, so that asking needs no scan. Few rows to a page leave room
-- for the versions of this one.
CREATE TABLE totals (
    id smallint PRIMARY KEY CHECK (id = 1),
    sessions bigint NOT NULL,
    bytes bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO totals (id, sessions, bytes) VALUES (1, 0, 0);

-- What replicas share for authentication. Times are seconds since the Unix epoch here, as tokens
-- count them.

CREATE TABLE signing_keys (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order of addition
    id text COLLATE "C" NOT NULL UNIQUE, -- the "kid" of the tokens that it signs
    algorithm smallint NOT NULL, -- 1 EdDSA, 2 ES256
    pkcs8 bytea NOT NULL, -- the private key
    created_at bigint NOT NULL
);

CREATE TABLE refresh_tokens (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order of addition
    id bytea NOT NULL UNIQUE CHECK (length(id) = 32), -- the SHA-256 of the token
    subject text COLLATE "C" NOT NULL, -- whose it is
    version text COLLATE "C" NOT NULL, -- the state of the subject's credentials then
    service bytea NOT NULL, -- UTF-8; a text could not hold every character
    client bytea, -- UTF-8, as it named itself
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX refresh_tokens_by_subject ON refresh_tokens (subject, position);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
