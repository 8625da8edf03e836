-- The engine's own tables. Times are milliseconds since 1970-01-01T00:00:00Z.
CREATE TABLE IF NOT EXISTS adieu_request (
    id                 TEXT PRIMARY KEY NOT NULL,
    kind               TEXT NOT NULL,
    format             TEXT NOT NULL,
    status             TEXT NOT NULL,
    phase              TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    due_at             INTEGER NOT NULL,
    execute_at         INTEGER NOT NULL,
    next_at            INTEGER,              -- when it is next to be advanced; NULL when it is not
    finished_at        INTEGER,
    fence              INTEGER NOT NULL DEFAULT 0,
    lease_until        INTEGER NOT NULL DEFAULT 0,
    takeups            INTEGER NOT NULL DEFAULT 0, -- how often an executor began, since one last wrote down how far it came
    attempts           INTEGER NOT NULL DEFAULT 0,
    extension          TEXT,                 -- when and why it was given more time
    subject_hash       BLOB NOT NULL,        -- keyed hash of all given identities
    tenant_hash        BLOB,                 -- keyed hash of the tenant
    owner_hash         BLOB,                 -- keyed hash of the owner's identity
    idempotency_hash   BLOB UNIQUE,
    sealed             BLOB,                 -- identities, archive key, commitment salt; NULL once it is all over
    blockers           TEXT NOT NULL DEFAULT '[]',
    exceptions         TEXT NOT NULL DEFAULT '[]',
    archive_sha256     TEXT,
    archive_bytes      INTEGER,
    archive_expires_at INTEGER,
    receipt            TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS adieu_request_next ON adieu_request (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS adieu_request_status ON adieu_request (status, due_at, created_at);
CREATE INDEX IF NOT EXISTS adieu_request_owner ON adieu_request (owner_hash) WHERE owner_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS adieu_request_subject ON adieu_request (subject_hash);

CREATE TABLE IF NOT EXISTS adieu_step (
    request_id  TEXT NOT NULL REFERENCES adieu_request (id),
    connector   TEXT NOT NULL,
    collection  TEXT NOT NULL,
    state       TEXT NOT NULL,               -- pending, done, failed
    attempts    INTEGER NOT NULL,
    records     INTEGER NOT NULL,
    sealed      BLOB NOT NULL,               -- cursor, marks, counts, the last error
    PRIMARY KEY (request_id, connector, collection)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS adieu_suppression (
    hash        BLOB PRIMARY KEY NOT NULL,   -- keyed hash of an erased person's identity
    kind        TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    erased_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS adieu_hold (
    id          TEXT PRIMARY KEY NOT NULL,
    created_at  INTEGER NOT NULL,
    tenant_hash BLOB,
    sealed      BLOB NOT NULL                -- the reason, the tenant, the kinds of identity
) STRICT;
CREATE TABLE IF NOT EXISTS adieu_held (
    hash        BLOB NOT NULL,               -- keyed hash of an identity of a person who must not be erased
    hold_id     TEXT NOT NULL REFERENCES adieu_hold (id),
    PRIMARY KEY (hash, hold_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS adieu_notice (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    request_id  TEXT NOT NULL REFERENCES adieu_request (id),
    occasion    TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,            -- when it is next tried
    lease_until INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    sealed      BLOB NOT NULL                -- the address; it goes with the row, once the notice was sent
) STRICT;
CREATE INDEX IF NOT EXISTS adieu_notice_next ON adieu_notice (next_at);

CREATE TABLE IF NOT EXISTS adieu_spent (
    hash        BLOB PRIMARY KEY NOT NULL,   -- keyed hash of a token that may be used once
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS adieu_audit (
    sequence    INTEGER PRIMARY KEY NOT NULL,
    at          INTEGER NOT NULL,
    request_id  TEXT NOT NULL,
    event       TEXT NOT NULL,
    tenant_hash BLOB,
    previous    BLOB NOT NULL,
    hash        BLOB NOT NULL                -- SHA-256 over all the rest
) STRICT;
CREATE TRIGGER IF NOT EXISTS adieu_audit_is_append_only BEFORE UPDATE ON adieu_audit
BEGIN SELECT RAISE (ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS adieu_audit_keeps_its_rows BEFORE DELETE ON adieu_audit
BEGIN SELECT RAISE (ABORT, 'the audit log is append-only'); END;
