-- A backend's clock is the highest of its stripes, so that claims do not wait for each other at one row. SQLite, with its one
-- writer, has one stripe. The key's columns stand first: SQLite before 3.41 finds a NULL that is not there otherwise.
CREATE TABLE clocks_before AS SELECT backend, tag FROM clocks;
DROP TABLE clocks;
CREATE TABLE clocks (
    backend TEXT NOT NULL,
    stripe INTEGER NOT NULL DEFAULT 0,
    tag REAL NOT NULL,
    PRIMARY KEY (backend, stripe)
) STRICT, WITHOUT ROWID;
INSERT INTO clocks (backend, tag) SELECT backend, tag FROM clocks_before;
DROP TABLE clocks_before;
