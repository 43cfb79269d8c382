-- Records tell their job and their place among all, which is never used twice, so that whoever follows what happens
-- can go on where it stopped. Those stored before know neither; nobody followed them.
CREATE TABLE new_records (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    before INTEGER NOT NULL,           -- 0 for the first of a job
    branch INTEGER,
    number INTEGER,
    body   BLOB NOT NULL
);
INSERT INTO new_records (id, before, body) SELECT id, before, body FROM records;
DROP TABLE records;
ALTER TABLE new_records RENAME TO records;

CREATE TABLE documents (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    app     TEXT,                      -- that it belongs to
    version INTEGER NOT NULL,
    body    BLOB NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX documents_by_kind ON documents (kind, number);
CREATE INDEX documents_by_app ON documents (app, kind, number);
