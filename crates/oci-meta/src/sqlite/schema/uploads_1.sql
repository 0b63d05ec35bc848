CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    upstream TEXT NOT NULL, -- empty: this registry's own
    repository TEXT NOT NULL,
    revision INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, -- milliseconds since the Unix epoch
    bytes INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expires_at, id);

-- What all sessions hold together, so that asking needs no scan.
CREATE TABLE totals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sessions INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO totals (id, sessions, bytes) VALUES (1, 0, 0);
