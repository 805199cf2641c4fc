-- What PostgreSQL says differently: it has several writers, so rows are locked, always in this order:
-- job, person, turns, allowances, clock. A query named locked_x takes the place of x inside a writing transaction.

-- name: locked_job
SELECT * FROM jobs WHERE id = :job FOR UPDATE

-- name: locked_turn
SELECT finish, head_job, head_tag FROM locked_turn(:person, :lane)

-- name: locked_last_audit
SELECT * FROM locked_last_audit(:tenant)

-- name: locked_item
SELECT * FROM locked_item(:tenant, :id)

-- name: locked_strikes_of
SELECT * FROM locked_strikes_of(:tenant, :person)

-- name: next_turn
SELECT t.person, t.lane, t.head_job, t.head_tag
FROM turns AS t JOIN people AS p ON p.person = t.person JOIN jobs AS j ON j.id = t.head_job
WHERE t.open = 1 AND t.head_job IS NOT NULL AND t.lane = ANY (ARRAY(SELECT value FROM json_each(:lanes)))
    AND j.state = 'queued'
ORDER BY t.head_tag, t.head_at LIMIT 1
FOR UPDATE OF p, t, j SKIP LOCKED

-- name: claim_delivery
UPDATE jobs SET state = 'delivering', attempt = attempt + 1, worker = :worker, lease_until = :lease_until
WHERE id = (SELECT id FROM jobs WHERE state IN ('drawn', 'delivering') AND worker = '' AND due_at <= :now
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *

-- name: claim_untold
UPDATE jobs SET attempt = attempt + 1, worker = :worker, lease_until = :lease_until
WHERE id = (SELECT id FROM jobs WHERE told = 0 AND worker = '' AND due_at <= :now
    AND state IN ('rejected', 'failed', 'cancelled', 'undeliverable') ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *

-- name: depths
SELECT state, count(*) AS jobs FROM jobs
WHERE state NOT IN ('delivered', 'rejected', 'failed', 'cancelled', 'undeliverable') GROUP BY state

-- name: changed_since
SELECT seq, job, CASE WHEN at < database_time() - 10 THEN 1 ELSE 0 END AS settled
FROM feed WHERE seq > :seq ORDER BY seq LIMIT :limit

-- name: newest_change
WITH settled AS (
    SELECT coalesce((SELECT seq FROM feed WHERE at < database_time() - 10 ORDER BY seq DESC LIMIT 1), 0) AS seq
), fresh AS (
    SELECT seq, seq - row_number() OVER (ORDER BY seq) AS run FROM feed WHERE seq > (SELECT seq FROM settled)
)
SELECT coalesce((SELECT max(seq) FROM fresh WHERE run = (SELECT seq FROM settled)), (SELECT seq FROM settled)) AS seq

-- name: jobs_past
SELECT id FROM jobs WHERE finished_at > 0 AND finished_at < :before ORDER BY finished_at LIMIT :limit
FOR UPDATE SKIP LOCKED

-- name: delete_idle_turns
DELETE FROM turns WHERE (person, lane) IN (SELECT person, lane FROM turns
    WHERE head_job IS NULL AND finish <= coalesce(
        (SELECT min(tag) FROM (SELECT max(tag) AS tag FROM clocks GROUP BY backend) AS latest), 0)
    FOR UPDATE SKIP LOCKED)

-- name: claim_post
UPDATE posts SET due_at = :due_at, tries = tries + 1
WHERE (tenant, kind, subject) IN (SELECT tenant, kind, subject FROM posts
    WHERE shown < revision AND due_at <= :now AND platform IN (SELECT value FROM json_each(:platforms))
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *

-- name: drop_tokens
UPDATE jobs SET address = (address::jsonb - 'token')::text
WHERE finished_at > :since AND finished_at <= :until AND platform = 'discord' AND address::jsonb ? 'token'
RETURNING id

-- name: rate
SELECT next_at, paused_until, database_time() AS now FROM rates WHERE account = :account

-- name: held_rate
-- The time is that of when the row is locked, not that of the question.
INSERT INTO rates (account, next_at, paused_until) VALUES (:account, 0, 0)
ON CONFLICT (account) DO UPDATE SET account = excluded.account
RETURNING next_at, paused_until, database_time() AS now

-- name: database_now
SELECT database_time() AS now


-- The usual case of a whole transaction; no row: it is another case, and nothing happened.

-- name: whole_submit
SELECT * FROM submit_job(:id, :key, :person, :name, :platform, :tenant, :channel, :origin, :address, :request, :day,
    :images, :lane, :cost, :weight, :seed, :notes, :review, :created_at, :running_limit, :waiting_limit, :allowed,
    :tenant_allowed)

-- name: whole_acknowledge
SELECT * FROM queue_job(:job, :address, :clock, :now)

-- name: whole_claim
SELECT * FROM claim_turn(ARRAY(SELECT value FROM json_each(:lanes)), ARRAY(SELECT value FROM json_each(:backends)),
    :lanes_known, :worker, :lease_until, :now)

-- name: whole_drawn
SELECT (job).*, freed FROM store_drawn(:job, :attempt, :missing, :notes, :pictures, :now, :catch_up)

-- name: whole_delivered
SELECT * FROM store_delivered(:job, :attempt, :now)
