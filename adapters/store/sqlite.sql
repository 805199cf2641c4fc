-- The store's queries, in SQLite's dialect and as far as possible PostgreSQL's too: postgres.sql says the others again.

-- ---------------------------------------------------------------- the way in

-- name: job_by_key
SELECT * FROM jobs WHERE key = :key

-- name: admit_person
INSERT INTO people (person, name, day, waiting, running_limit)
VALUES (:person, :name, :day, 1, :running_limit)
ON CONFLICT (person) DO UPDATE
SET waiting = people.waiting + 1, day = max(people.day, excluded.day), running_limit = excluded.running_limit,
    name = excluded.name
WHERE :waiting_limit = 0 OR people.waiting < :waiting_limit
RETURNING day

-- name: reserve
INSERT INTO allowances (owner, day, reserved, spent)
SELECT :owner, :day, :images, 0 WHERE :allowed = 0 OR :images <= :allowed
ON CONFLICT (owner, day) DO UPDATE SET reserved = allowances.reserved + excluded.reserved
WHERE :allowed = 0 OR allowances.reserved + allowances.spent + excluded.reserved <= :allowed
RETURNING reserved

-- name: allowance
SELECT reserved, spent FROM allowances WHERE owner = :owner AND day = :day

-- name: insert_job
INSERT INTO jobs (id, key, person, platform, tenant, channel, origin, address, request, state, day, images, lane, cost,
    weight, seed, notes, created_at)
VALUES (:id, :key, :person, :platform, :tenant, :channel, :origin, :address, :request, 'received', :day, :images, :lane,
    :cost, :weight, :seed, :notes, :created_at)
ON CONFLICT (key) DO NOTHING
RETURNING *

-- name: write_ledger
INSERT INTO ledger (job, kind, person, tenant, day, images, at)
SELECT id, :kind, person, tenant, day, :images, :at FROM jobs WHERE id = :job AND :images > 0
ON CONFLICT (job, kind) DO NOTHING
RETURNING images

-- name: acknowledge
UPDATE jobs SET state = :state, address = json_patch(address, :address), acked_at = :now,
    queued_at = CASE WHEN :state = 'queued' THEN :now ELSE 0 END
WHERE id = :job AND state = 'received'
RETURNING *

-- name: queue_reviewed
UPDATE jobs SET state = 'queued', queued_at = :now WHERE id = :job AND state = 'review' RETURNING *

-- name: unacknowledged
SELECT id FROM jobs WHERE state = 'received' AND created_at < :before ORDER BY created_at

-- ---------------------------------------------------------------- fair turns

-- name: known_lanes
SELECT lane FROM lanes

-- name: know_lane
INSERT INTO lanes (lane) VALUES (:lane) ON CONFLICT (lane) DO NOTHING

-- name: clock
SELECT tag FROM clocks WHERE backend = :backend

-- name: advance_clock
INSERT INTO clocks (backend, tag) VALUES (:backend, :tag)
ON CONFLICT (backend) DO UPDATE SET tag = max(clocks.tag, excluded.tag)

-- name: turn
SELECT finish, head_job, head_tag FROM turns WHERE person = :person AND lane = :lane

-- name: join_line
INSERT INTO turns (person, lane, finish, head_job, head_tag, head_at, open)
SELECT :person, :lane, :finish, :job, :tag, :at, CASE WHEN running_limit = 0 OR running < running_limit THEN 1 ELSE 0 END
FROM people WHERE person = :person
ON CONFLICT (person, lane) DO UPDATE
SET finish = excluded.finish, open = excluded.open,
    head_job = coalesce(turns.head_job, excluded.head_job), head_tag = coalesce(turns.head_tag, excluded.head_tag),
    head_at = coalesce(turns.head_at, excluded.head_at)

-- name: set_tag
UPDATE jobs SET tag = :tag WHERE id = :job

-- name: next_turn
SELECT person, lane, head_job, head_tag FROM turns
WHERE open = 1 AND head_job IS NOT NULL AND lane IN (SELECT value FROM json_each(:lanes))
ORDER BY head_tag, head_at LIMIT 1

-- name: start_running
UPDATE people SET running = running + 1, waiting = waiting - 1
WHERE person = :person AND (running_limit = 0 OR running < running_limit)
RETURNING running_limit > 0 AND running >= running_limit AS full

-- name: stop_running
UPDATE people SET running = running - 1, waiting = waiting + :waiting WHERE person = :person

-- name: stop_waiting
UPDATE people SET waiting = waiting - 1 WHERE person = :person

-- name: next_of_turn
UPDATE turns SET (head_job, head_tag, head_at) = (
    SELECT id, tag, created_at FROM jobs
    WHERE person = :person AND lane = :lane AND state = 'queued' ORDER BY tag, created_at, id LIMIT 1)
WHERE person = :person AND lane = :lane

-- name: close_turns
UPDATE turns SET open = 0 WHERE person = :person

-- name: open_turns
UPDATE turns SET open = 1, head_tag = max(head_tag, :floor) WHERE person = :person AND open = 0

-- name: line
SELECT id, cost, tag FROM jobs WHERE state = 'queued' ORDER BY tag, created_at, id LIMIT :limit

-- ---------------------------------------------------------------- the way out

-- name: claim_job
UPDATE jobs SET state = 'running', attempt = attempt + 1, worker = :worker, backend = :backend, lease_until = :lease_until,
    started_at = :now
WHERE id = :job AND state = 'queued'
RETURNING *

-- name: any_delivery
SELECT 1 FROM jobs WHERE state IN ('drawn', 'delivering') AND worker = '' AND due_at <= :now LIMIT 1

-- name: any_untold
SELECT 1 FROM jobs WHERE told = 0 AND worker = '' AND due_at <= :now
    AND state IN ('rejected', 'failed', 'cancelled', 'undeliverable') LIMIT 1

-- name: claim_delivery
UPDATE jobs SET state = 'delivering', attempt = attempt + 1, worker = :worker, lease_until = :lease_until
WHERE id = (SELECT id FROM jobs WHERE state IN ('drawn', 'delivering') AND worker = '' AND due_at <= :now
    ORDER BY due_at LIMIT 1)
RETURNING *

-- name: claim_untold
UPDATE jobs SET attempt = attempt + 1, worker = :worker, lease_until = :lease_until
WHERE id = (SELECT id FROM jobs WHERE told = 0 AND worker = '' AND due_at <= :now
    AND state IN ('rejected', 'failed', 'cancelled', 'undeliverable') ORDER BY due_at LIMIT 1)
RETURNING *

-- name: extend_leases
UPDATE jobs SET lease_until = :lease_until
WHERE worker = :worker AND worker <> '' AND id IN (SELECT value FROM json_each(:jobs))
RETURNING id, attempt, cancel_requested

-- name: expired_leases
SELECT * FROM jobs WHERE worker <> '' AND (lease_until < :now OR :all_workers = 1)

-- name: count_crash
UPDATE jobs SET crashes = crashes + 1, attempt = attempt + 1, worker = :worker, lease_until = :lease_until
WHERE id = :job AND attempt = :attempt
RETURNING *

-- name: drop_lease
UPDATE jobs SET attempt = attempt + 1, worker = '', lease_until = 0 WHERE id = :job AND attempt = :attempt

-- name: release
UPDATE jobs SET state = 'queued', worker = '', lease_until = 0, lane = :lane, errors = errors + :error,
    paid_attempts = paid_attempts + :paid, queued_at = :now
WHERE id = :job AND attempt = :attempt AND state = 'running'
RETURNING *

-- name: remember_task
UPDATE jobs SET task = :task WHERE id = :job AND attempt = :attempt AND worker <> '' RETURNING id

-- name: record_paid_attempt
UPDATE jobs SET paid_attempts = paid_attempts + 1 WHERE id = :job AND attempt = :attempt AND worker <> '' RETURNING *

-- name: remember_address
UPDATE jobs SET address = json_patch(address, :address), state = CASE state WHEN 'drawn' THEN 'delivering' ELSE state END
WHERE id = :job AND attempt = :attempt AND worker <> '' RETURNING id

-- name: set_drawn
UPDATE jobs SET state = :state, drawn_at = :now, missing = :missing, notes = :notes, task = ''
WHERE id = :job AND attempt = :attempt AND state = 'running' AND worker <> ''
RETURNING *

-- name: insert_picture
INSERT INTO pictures (job, position, sha256, width, height, media_type, size_bytes, seed)
VALUES (:job, :position, :sha256, :width, :height, :media_type, :size_bytes, :seed)

-- name: deliver_later
UPDATE jobs SET due_at = :due_at, deliveries = deliveries + 1, worker = '', lease_until = 0
WHERE id = :job AND attempt = :attempt AND worker <> '' RETURNING id

-- name: set_delivered
UPDATE jobs SET state = 'delivered', finished_at = :now, worker = '', lease_until = 0, told = 1
WHERE id = :job AND attempt = :attempt AND worker <> '' AND state IN ('drawn', 'delivering')
RETURNING *

-- name: set_finished
UPDATE jobs SET state = :state, reason = :reason, finished_at = :now, worker = '', lease_until = 0, due_at = 0
WHERE id = :job AND attempt = :attempt
    AND state NOT IN ('delivered', 'rejected', 'failed', 'cancelled', 'undeliverable')
RETURNING *

-- name: settle_allowance
UPDATE allowances SET reserved = reserved - :reserved, spent = spent + :spent WHERE owner = :owner AND day = :day

-- name: set_told
UPDATE jobs SET told = 1, worker = '', lease_until = 0 WHERE id = :job AND attempt = :attempt RETURNING *

-- name: request_cancel
UPDATE jobs SET cancel_requested = 1, reason = :reason WHERE id = :job AND state = 'running' AND cancel_requested = 0
RETURNING *

-- ---------------------------------------------------------------- reading

-- name: job
SELECT * FROM jobs WHERE id = :job

-- name: jobs_of
SELECT * FROM jobs WHERE person = :person ORDER BY created_at DESC, id DESC LIMIT :limit

-- name: active_jobs_of
SELECT * FROM jobs WHERE person = :person
    AND state NOT IN ('delivered', 'rejected', 'failed', 'cancelled', 'undeliverable')
ORDER BY created_at DESC, id DESC LIMIT :limit

-- name: pictures_of
SELECT * FROM pictures WHERE job = :job ORDER BY position

-- name: usage
SELECT coalesce((SELECT reserved + spent FROM allowances WHERE owner = :person AND day = max(:day, p.day)), 0) AS images,
    p.waiting, p.running, p.day
FROM people AS p WHERE person = :person

-- name: depths
SELECT state, jobs FROM depths WHERE jobs > 0
    AND state NOT IN ('delivered', 'rejected', 'failed', 'cancelled', 'undeliverable')

-- ---------------------------------------------------------------- the backends' memory

-- name: breakers
SELECT * FROM breakers

-- name: save_breaker
INSERT INTO breakers (backend, failures, closed_until, reason, opened_times)
VALUES (:backend, :failures, :closed_until, :reason, :opened_times)
ON CONFLICT (backend) DO UPDATE SET failures = excluded.failures, closed_until = excluded.closed_until,
    reason = excluded.reason, opened_times = excluded.opened_times

-- name: speeds
SELECT * FROM speeds

-- name: save_speed
INSERT INTO speeds (backend, megapixel_steps, samples) VALUES (:backend, :megapixel_steps, :samples)
ON CONFLICT (backend) DO UPDATE SET megapixel_steps = excluded.megapixel_steps, samples = excluded.samples

-- name: spend
INSERT INTO spending (backend, day, dollars)
SELECT :backend, :day, :dollars WHERE :cap = 0 OR :dollars <= :cap
ON CONFLICT (backend, day) DO UPDATE SET dollars = max(0, spending.dollars + excluded.dollars)
WHERE :cap = 0 OR excluded.dollars <= 0 OR spending.dollars + excluded.dollars <= :cap
RETURNING dollars

-- name: spending
SELECT backend, day, dollars FROM spending WHERE day = :day

-- ---------------------------------------------------------------- the web room

-- name: say
INSERT INTO messages (person, name, text, at, audience, job, correction, key)
VALUES (:person, :name, :text, :at, :audience, :job, :correction, :key)
ON CONFLICT (key) WHERE key <> '' DO NOTHING
RETURNING *

-- name: message_by_key
SELECT * FROM messages WHERE key = :key AND key <> ''

-- name: messages_after
SELECT * FROM messages WHERE seq > :after ORDER BY seq LIMIT :limit

-- name: messages_of_jobs
SELECT * FROM messages WHERE job <> '' AND job IN (SELECT value FROM json_each(:jobs)) ORDER BY seq

-- name: newest_message
SELECT coalesce(max(seq), 0) AS seq FROM messages

-- name: jobs_among
SELECT * FROM jobs WHERE id IN (SELECT value FROM json_each(:jobs))

-- name: pictures_among
SELECT * FROM pictures WHERE job IN (SELECT value FROM json_each(:jobs)) ORDER BY job, position

-- name: report
INSERT INTO reports (job, position, person, reason, at) VALUES (:job, :position, :person, :reason, :at)
ON CONFLICT (job, position, person) DO NOTHING
RETURNING job

-- name: messages
SELECT * FROM messages WHERE seq < :before AND (audience = '' OR audience = :person) ORDER BY seq DESC LIMIT :limit

-- name: changed_since
SELECT seq, job, 1 AS settled FROM feed WHERE seq > :seq ORDER BY seq LIMIT :limit

-- name: newest_change
SELECT coalesce(max(seq), 0) AS seq FROM feed

-- ---------------------------------------------------------------- people's data

-- name: mark_pictures_deleted
UPDATE pictures SET deleted = 1 WHERE job = :job AND deleted = 0 RETURNING sha256

-- name: picture_still_used
SELECT 1 AS used FROM pictures WHERE sha256 = :sha256 AND deleted = 0 LIMIT 1

-- name: known_pictures
SELECT DISTINCT sha256 FROM pictures WHERE deleted = 0 AND sha256 IN (SELECT value FROM json_each(:names))

-- name: jobs_past
SELECT id FROM jobs WHERE finished_at > 0 AND finished_at < :before ORDER BY finished_at LIMIT :limit

-- name: finished_jobs_of
SELECT id FROM jobs WHERE person = :person AND finished_at > 0

-- name: delete_job
DELETE FROM jobs WHERE id = :job

-- name: delete_job_pictures
DELETE FROM pictures WHERE job = :job

-- name: delete_job_ledger
DELETE FROM ledger WHERE job = :job

-- name: delete_job_feed
DELETE FROM feed WHERE job = :job

-- name: delete_job_messages
DELETE FROM messages WHERE job = :job

-- name: delete_job_reports
DELETE FROM reports WHERE job = :job

-- name: delete_reports_of
DELETE FROM reports WHERE person = :person

-- name: delete_old_messages
DELETE FROM messages WHERE at < :before

-- name: delete_messages_of
DELETE FROM messages WHERE person = :person OR audience = :person

-- name: delete_old_feed
DELETE FROM feed WHERE seq < (SELECT max(seq) FROM feed) - :keep

-- name: forget_person
UPDATE people SET name = '' WHERE person = :person

-- name: delete_idle_person
DELETE FROM people WHERE person = :person AND waiting = 0 AND running = 0

-- name: delete_turns_of
DELETE FROM turns WHERE person = :person AND head_job IS NULL

-- name: delete_allowances_of
DELETE FROM allowances WHERE owner = :person AND day < :day

-- name: delete_old_allowances
DELETE FROM allowances WHERE day < :day AND reserved = 0

-- name: delete_idle_turns
DELETE FROM turns WHERE head_job IS NULL AND finish <= coalesce((SELECT min(tag) FROM clocks), 0)

-- ---------------------------------------------------------------- audit

-- name: last_audit
SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1

-- name: insert_audit
INSERT INTO audit (seq, tenant, actor, action, subject, reason, before, after, at, previous_hash, hash)
VALUES (:seq, :tenant, :actor, :action, :subject, :reason, :before, :after, :at, :previous_hash, :hash)

-- name: audit_since
SELECT * FROM audit WHERE at >= :since AND seq > :after ORDER BY seq LIMIT :limit

-- name: meta
SELECT value FROM meta WHERE name = :name

-- name: set_meta
INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value
