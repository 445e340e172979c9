-- The resource tree. One row is one resource; its place in a list is the octets in "sort".
CREATE TABLE resource (
    path    TEXT NOT NULL UNIQUE,
    type    TEXT NOT NULL,
    body    BLOB NOT NULL,
    listing TEXT,
    scope   BLOB,
    key     BLOB,
    sort    BLOB NOT NULL,
    state   INTEGER,
    due     INTEGER
);
CREATE INDEX member ON resource (listing, sort) WHERE listing IS NOT NULL;
CREATE INDEX member_in_scope ON resource (listing, scope, sort) WHERE scope IS NOT NULL;
CREATE INDEX member_in_state ON resource (listing, state, sort) WHERE state IS NOT NULL;
CREATE UNIQUE INDEX identity ON resource (key, listing) WHERE key IS NOT NULL;
CREATE INDEX of_type ON resource (type, path);
CREATE INDEX due ON resource (due) WHERE due IS NOT NULL;

-- How many members a list has, so that "all" costs the same for ten and a million.
CREATE TABLE tally (
    listing TEXT NOT NULL,
    scope   BLOB NOT NULL,
    members INTEGER NOT NULL,
    PRIMARY KEY (listing, scope)
) WITHOUT ROWID;

-- The next identifier of each list: none is ever given twice.
CREATE TABLE serial (
    listing TEXT PRIMARY KEY,
    next    INTEGER NOT NULL
) WITHOUT ROWID;

-- What changed, for the caches of every process that reads this file.
CREATE TABLE change (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL
);

CREATE TABLE peer (
    lfdi        BLOB PRIMARY KEY,
    edition     TEXT,
    revoked     INTEGER NOT NULL,
    certificate BLOB,
    aggregator  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
