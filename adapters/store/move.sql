-- Moving from SQLite to PostgreSQL: every table as it is read from either.

-- name: without_triggers
ALTER TABLE jobs DISABLE TRIGGER USER;
ALTER TABLE pictures DISABLE TRIGGER USER

-- name: with_triggers
ALTER TABLE jobs ENABLE TRIGGER USER;
ALTER TABLE pictures ENABLE TRIGGER USER

-- name: go_on_counting
SELECT setval(pg_get_serial_sequence('feed', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM feed), false),
    setval(pg_get_serial_sequence('records', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM records), false),
    setval('messages_seq', (SELECT coalesce(max(seq), 0) + 1 FROM messages), false)

-- name: people
SELECT * FROM people

-- name: allowances
SELECT * FROM allowances

-- name: jobs
SELECT * FROM jobs

-- name: turns
SELECT * FROM turns

-- name: lanes
SELECT * FROM lanes

-- name: clocks
SELECT * FROM clocks

-- name: ledger
SELECT * FROM ledger

-- name: pictures
SELECT * FROM pictures

-- name: breakers
SELECT * FROM breakers

-- name: speeds
SELECT * FROM speeds

-- name: spending
SELECT * FROM spending

-- name: messages
SELECT * FROM messages

-- name: reports
SELECT * FROM reports

-- name: feed
SELECT * FROM feed

-- name: audit
SELECT * FROM audit

-- name: communities
SELECT * FROM communities

-- name: rules
SELECT * FROM rules

-- name: records
SELECT * FROM records

-- name: strikes
SELECT * FROM strikes

-- name: sanctions
SELECT * FROM sanctions

-- name: items
SELECT * FROM items

-- name: muted_reporters
SELECT * FROM muted_reporters

-- name: posts
SELECT * FROM posts

-- name: blocked_pictures
SELECT * FROM blocked_pictures

-- name: logins
SELECT * FROM logins

-- name: api_keys
SELECT * FROM api_keys

-- name: default_options
SELECT * FROM default_options

-- name: meta
SELECT * FROM meta

-- name: installations
SELECT * FROM installations

-- name: forgotten
SELECT * FROM forgotten

-- name: rates
SELECT * FROM rates

-- name: shared_pictures
SELECT * FROM shared_pictures
