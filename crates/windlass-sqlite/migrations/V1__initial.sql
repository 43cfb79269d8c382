-- Times are milliseconds of the epoch. Bodies are in the format of windlass-store's codec. What the
-- columns beside them repeat is what queries need; which statuses mean what, only the core knows.

CREATE TABLE apps (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    body    BLOB NOT NULL
);

CREATE TABLE branches (
    uid            INTEGER PRIMARY KEY AUTOINCREMENT,
    app            TEXT NOT NULL,
    name           TEXT NOT NULL,
    label          TEXT NOT NULL,
    version        INTEGER NOT NULL,
    body           BLOB NOT NULL,
    branch_version INTEGER NOT NULL,
    branch         BLOB NOT NULL,
    working        INTEGER,            -- the job that a runner has
    UNIQUE (app, name),
    UNIQUE (app, label)
);
CREATE INDEX branches_by_app ON branches (app);   -- in the order of their creation

CREATE TABLE jobs (
    id       INTEGER PRIMARY KEY,
    branch   INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    app      TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    birth    BLOB NOT NULL,            -- never changes
    progress BLOB NOT NULL,
    content  INTEGER NOT NULL,         -- the job whose kept bytes it deploys
    last     INTEGER NOT NULL,         -- its newest record
    due      INTEGER,                  -- when time ends it; null once it has ended
    waits    INTEGER,                  -- since when it waits for a runner, if it does
    runner   TEXT,                     -- who has it
    lease    INTEGER                   -- until when
);
CREATE UNIQUE INDEX jobs_by_number ON jobs (branch, number);
CREATE INDEX jobs_by_content ON jobs (branch, content);
CREATE INDEX jobs_due ON jobs (due) WHERE due IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (waits) WHERE waits IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (lease) WHERE lease IS NOT NULL;

-- Appended, never looked up by job: each record names the one before it, so a history is read backwards
-- from the job, and storing one touches no index.
CREATE TABLE records (
    id     INTEGER PRIMARY KEY,
    before INTEGER NOT NULL,           -- 0 for the first of a job
    body   BLOB NOT NULL
);

CREATE TABLE blobs (
    key   TEXT NOT NULL UNIQUE,
    bytes BLOB NOT NULL
);

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) WITHOUT ROWID;
