ALTER TABLE messages ADD COLUMN decision TEXT NOT NULL DEFAULT '';

CREATE INDEX messages_by_decision ON messages (decision) WHERE decision <> '';
