CREATE TABLE rates (
    account TEXT PRIMARY KEY,
    next_at REAL NOT NULL,
    paused_until REAL NOT NULL
) STRICT, WITHOUT ROWID;
