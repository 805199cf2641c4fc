CREATE TABLE installations (
    key TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    claimed_until DOUBLE PRECISION NOT NULL DEFAULT 0
);
