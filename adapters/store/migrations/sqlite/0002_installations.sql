CREATE TABLE installations (
    key TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    expires_at REAL NOT NULL,
    claimed_until REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
