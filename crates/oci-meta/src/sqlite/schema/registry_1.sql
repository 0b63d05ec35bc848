-- Digests are one byte for the algorithm (1 sha256, 2 sha512) and the raw hash.
-- Times are milliseconds since the Unix epoch.

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    upstream TEXT NOT NULL, -- empty: this registry's own
    name TEXT NOT NULL,
    UNIQUE (upstream, name)
) STRICT;

CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    locator TEXT NOT NULL,
    unlinked_at INTEGER -- when the last link went; null as long as there is one
) STRICT;
CREATE INDEX blobs_unlinked ON blobs (unlinked_at) WHERE unlinked_at IS NOT NULL;

CREATE TABLE repository_blobs (
    repository INTEGER NOT NULL REFERENCES repositories (id),
    blob INTEGER NOT NULL REFERENCES blobs (id),
    PRIMARY KEY (repository, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blobs_by_blob ON repository_blobs (blob);

CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    repository INTEGER NOT NULL REFERENCES repositories (id),
    digest BLOB NOT NULL,
    media_type TEXT NOT NULL,
    pushed_at INTEGER NOT NULL,
    pushed_by TEXT NOT NULL,
    payload BLOB NOT NULL, -- the bytes as they were pushed
    UNIQUE (repository, digest)
) STRICT;

CREATE TABLE manifest_edges (
    repository INTEGER NOT NULL,
    target BLOB NOT NULL, -- a digest, which need not be there
    kind INTEGER NOT NULL, -- 1 config, 2 layer, 3 child, 4 child that is no manifest, 5 subject
    manifest INTEGER NOT NULL REFERENCES manifests (id),
    PRIMARY KEY (repository, target, kind, manifest)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_edges_by_manifest ON manifest_edges (manifest);

CREATE TABLE referrers (
    manifest INTEGER PRIMARY KEY REFERENCES manifests (id),
    repository INTEGER NOT NULL,
    subject BLOB NOT NULL,
    digest BLOB NOT NULL,
    artifact_type TEXT,
    descriptor TEXT NOT NULL -- JSON, as the referrers API lists it
) STRICT;
CREATE UNIQUE INDEX referrers_by_subject ON referrers (repository, subject, digest);
CREATE INDEX referrers_by_type ON referrers (repository, subject, artifact_type, digest)
    WHERE artifact_type IS NOT NULL;

CREATE TABLE tags (
    repository INTEGER NOT NULL REFERENCES repositories (id),
    name TEXT NOT NULL,
    manifest INTEGER NOT NULL REFERENCES manifests (id),
    updated_at INTEGER NOT NULL, -- when it last came to name another manifest
    PRIMARY KEY (repository, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_manifest ON tags (manifest, name);

CREATE TABLE tag_history (
    id INTEGER PRIMARY KEY, -- in the order of the changes
    repository INTEGER NOT NULL REFERENCES repositories (id),
    tag TEXT NOT NULL,
    digest BLOB, -- what it named from then on; null: it was removed
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT;

CREATE TABLE collection_queue (
    ticket INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
    digest BLOB NOT NULL,
    locator TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    available_at INTEGER NOT NULL, -- when it is due; once claimed, when the claim ends
    claims INTEGER NOT NULL DEFAULT 0 -- how often it was handed out
) STRICT;
CREATE INDEX collection_queue_available ON collection_queue (available_at);
