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
    weight, seed, notes, review, created_at)
VALUES (:id, :key, :person, :platform, :tenant, :channel, :origin, :address, :request, 'received', :day, :images, :lane,
    :cost, :weight, :seed, :notes, :review, :created_at)
ON CONFLICT (key) DO NOTHING
RETURNING id

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
SELECT coalesce(max(tag), 0) AS tag FROM clocks WHERE backend = :backend

-- name: advance_clock
INSERT INTO clocks (backend, tag) VALUES (:backend, :tag)
ON CONFLICT (backend, stripe) DO UPDATE SET tag = max(clocks.tag, excluded.tag)

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

-- name: any_turn
SELECT 1 FROM turns WHERE open = 1 AND head_job IS NOT NULL LIMIT 1

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
UPDATE turns SET open = 1, head_tag = CASE WHEN head_job IS NOT NULL THEN max(head_tag, :floor) END
WHERE person = :person AND open = 0
RETURNING head_job

-- name: line
SELECT id, cost, tag FROM jobs WHERE state = 'queued' ORDER BY tag, created_at, id LIMIT :limit

-- name: stranded
SELECT * FROM jobs WHERE state = 'queued' AND queued_at <= :before AND lane IN (SELECT value FROM json_each(:lanes))
ORDER BY tag, created_at, id LIMIT :limit

-- ---------------------------------------------------------------- the way out

-- name: claim_job
UPDATE jobs SET state = 'running', attempt = attempt + 1, worker = :worker, backend = :backend, lease_until = :lease_until,
    started_at = :now
WHERE id = :job AND state = 'queued'
RETURNING *

-- name: lost_claim
SELECT * FROM jobs
WHERE worker = :worker AND worker <> '' AND state = 'running' AND lease_until = :lease_until AND started_at = :now

-- name: any_delivery
SELECT 1 FROM jobs WHERE state IN ('drawn', 'delivering') AND worker = '' AND due_at <= :now LIMIT 1

-- name: any_untold
SELECT 1 FROM jobs WHERE told = 0 AND worker = '' AND due_at <= :now
    AND state IN ('rejected', 'failed', 'cancelled', 'undeliverable') LIMIT 1

-- name: deliveries_stuck
SELECT (SELECT count(*) FROM jobs WHERE state IN ('drawn', 'delivering') AND worker = '' AND deliveries > 0)
    + (SELECT count(*) FROM jobs WHERE told = 0 AND worker = '' AND deliveries > 0
        AND state IN ('rejected', 'failed', 'cancelled', 'undeliverable'))
    + (SELECT count(*) FROM jobs WHERE worker <> '' AND state <> 'running' AND deliveries > 0) AS jobs

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
-- Who was taken for dead may have come back meanwhile: have drawn it, or have extended its lease.
UPDATE jobs SET crashes = crashes + 1, attempt = attempt + 1, worker = :worker, lease_until = :lease_until
WHERE id = :job AND state = 'running' AND attempt = :attempt AND lease_until = :seen
RETURNING *

-- name: drop_lease
UPDATE jobs SET attempt = attempt + 1, worker = '', lease_until = 0
WHERE id = :job AND attempt = :attempt AND (:seen < 0 OR lease_until = :seen)

-- name: release
UPDATE jobs SET state = 'queued', worker = '', lease_until = 0, lane = :lane, errors = errors + :error,
    paid_attempts = paid_attempts + :paid, queued_at = :now
WHERE id = :job AND attempt = :attempt AND state = 'running'
RETURNING *

-- name: remember_task
UPDATE jobs SET task = :task WHERE id = :job AND attempt = :attempt AND worker <> '' RETURNING id

-- name: remember_address
UPDATE jobs SET address = json_patch(address, :address), state = CASE state WHEN 'drawn' THEN 'delivering' ELSE state END
WHERE id = :job AND attempt = :attempt AND worker <> '' RETURNING id

-- name: set_drawn
UPDATE jobs SET state = :state, drawn_at = :now, missing = :missing, notes = :notes, task = '',
    worker = CASE :state WHEN 'held' THEN '' ELSE worker END, review = CASE :state WHEN 'held' THEN 1 ELSE review END
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

-- name: settle_tenant
UPDATE allowances SET reserved = max(0, reserved - :reserved), spent = max(0, spent + :spent)
WHERE owner = :owner AND day = :day

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

-- name: rate
SELECT next_at, paused_until, :now AS now FROM rates WHERE account = :account

-- name: held_rate
INSERT INTO rates (account, next_at, paused_until) VALUES (:account, 0, 0)
ON CONFLICT (account) DO UPDATE SET account = excluded.account
RETURNING next_at, paused_until, :now AS now

-- name: save_rate
UPDATE rates SET next_at = :next_at, paused_until = :paused_until WHERE account = :account

-- name: database_now
SELECT :now AS now

-- ---------------------------------------------------------------- the web room

-- name: say
INSERT INTO messages (person, name, text, at, audience, job, correction, decision, key)
VALUES (:person, :name, :text, :at, :audience, :job, :correction, :decision, :key)
ON CONFLICT (key) WHERE key <> '' DO NOTHING
RETURNING *

-- name: message_by_key
SELECT * FROM messages WHERE key = :key AND key <> ''

-- name: messages_after
SELECT * FROM messages WHERE seq > :after ORDER BY seq LIMIT :limit

-- name: messages_of_jobs
SELECT * FROM messages WHERE job <> '' AND job IN (SELECT value FROM json_each(:jobs)) ORDER BY seq

-- name: messages_about
SELECT * FROM messages WHERE decision = :decision AND decision <> '' AND audience = :person ORDER BY seq

-- name: newest_message
SELECT coalesce(max(seq), 0) AS seq FROM messages

-- name: jobs_among
SELECT * FROM jobs WHERE id IN (SELECT value FROM json_each(:jobs))

-- name: pictures_among
SELECT * FROM pictures WHERE job IN (SELECT value FROM json_each(:jobs)) ORDER BY job, position

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

-- name: drawn_again
SELECT 1 AS again FROM jobs AS gone JOIN jobs AS other ON other.worker <> '' AND other.state = 'running'
    AND other.id <> gone.id AND other.seed < gone.seed + gone.images AND gone.seed < other.seed + other.images
WHERE gone.id = :job LIMIT 1

-- name: known_pictures
SELECT DISTINCT sha256 FROM pictures WHERE deleted = 0 AND sha256 IN (SELECT value FROM json_each(:names))

-- name: jobs_past
SELECT id FROM jobs WHERE finished_at > 0 AND finished_at < :before ORDER BY finished_at LIMIT :limit

-- name: told_jobs_of
SELECT id FROM jobs WHERE person = :owner AND told = 1 AND finished_at > 0 AND created_at <= :until

-- name: told_jobs_in
SELECT id FROM jobs WHERE tenant = :owner AND told = 1 AND finished_at > 0 AND created_at <= :until

-- name: drop_tokens
UPDATE jobs SET address = json_remove(address, '$.token')
WHERE finished_at > :since AND finished_at <= :until AND platform = 'discord'
    AND json_extract(address, '$.token') IS NOT NULL
RETURNING id

-- name: begin_forgetting
INSERT INTO forgotten (owner, at) VALUES (:owner, :at) ON CONFLICT (owner) DO UPDATE SET at = excluded.at

-- name: forgotten
SELECT owner, at FROM forgotten

-- name: end_forgetting
DELETE FROM forgotten WHERE owner = :owner
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE person = :owner AND created_at <= :until)
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = :owner AND created_at <= :until)
RETURNING owner

-- name: active_jobs_in
SELECT id FROM jobs WHERE tenant = :tenant AND finished_at = 0

-- name: delete_job
DELETE FROM jobs WHERE id = :job

-- name: delete_job_pictures
DELETE FROM pictures WHERE job = :job

-- name: delete_job_shared_pictures
DELETE FROM shared_pictures WHERE job = :job

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

-- name: delete_default_options
DELETE FROM default_options WHERE owner = :owner

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
DELETE FROM turns WHERE head_job IS NULL AND finish <= coalesce(
    (SELECT min(tag) FROM (SELECT max(tag) AS tag FROM clocks GROUP BY backend) AS latest), 0)

-- ---------------------------------------------------------------- audit

-- name: last_audit
SELECT * FROM audit WHERE tenant = :tenant ORDER BY seq DESC LIMIT 1

-- name: insert_audit
INSERT INTO audit (tenant, seq, actor, action, subject, reason, before, after, at, previous_hash, hash)
VALUES (:tenant, :seq, :actor, :action, :subject, :reason, :before, :after, :at, :previous_hash, :hash)

-- name: audited_tenants
SELECT DISTINCT tenant FROM audit ORDER BY tenant

-- name: audit_since
SELECT * FROM audit WHERE tenant = :tenant AND seq > :after AND at >= :since ORDER BY seq LIMIT :limit

-- name: newest_audit
SELECT * FROM audit WHERE tenant = :tenant ORDER BY seq DESC LIMIT :limit

-- ---------------------------------------------------------------- moderation: the community

-- name: community
SELECT * FROM communities WHERE tenant = :tenant

-- name: tenants
SELECT tenant FROM communities UNION SELECT tenant FROM audit UNION SELECT tenant FROM items
UNION SELECT tenant FROM jobs ORDER BY tenant

-- name: change_community
INSERT INTO communities (tenant, version) VALUES (:tenant, 1)
ON CONFLICT (tenant) DO UPDATE SET version = communities.version + 1
RETURNING *

-- name: set_mode
UPDATE communities SET mode = :mode WHERE tenant = :tenant

-- name: set_channel_modes
UPDATE communities SET channel_modes = :channel_modes WHERE tenant = :tenant

-- name: set_paused
UPDATE communities SET paused = :paused WHERE tenant = :tenant

-- name: rules
SELECT * FROM rules WHERE tenant = :tenant AND current = 1 ORDER BY at, id

-- name: newest_rule
SELECT * FROM rules WHERE tenant = :tenant AND id = :id ORDER BY version DESC LIMIT 1

-- name: retire_rule
UPDATE rules SET current = 0 WHERE tenant = :tenant AND id = :id AND current = 1 RETURNING *

-- name: insert_rule
INSERT INTO rules (tenant, id, version, rule, author, at, current)
VALUES (:tenant, :id, :version, :rule, :author, :at, 1)

-- name: past_requests
SELECT * FROM jobs WHERE tenant = :tenant AND created_at >= :since ORDER BY created_at DESC LIMIT :limit

-- ---------------------------------------------------------------- moderation: members

-- name: names_of
SELECT person, name FROM people WHERE name <> '' AND person IN (SELECT value FROM json_each(:persons))

-- name: people_known
WITH asked AS (
    SELECT person, count(*) AS requests, max(created_at) AS asked_at FROM (SELECT person, created_at FROM jobs
        WHERE tenant = :tenant AND created_at >= :since ORDER BY created_at DESC LIMIT 5000) AS newest
    GROUP BY person
), met AS (
    SELECT person FROM asked UNION SELECT person FROM sanctions WHERE tenant = :tenant
    UNION SELECT person FROM strikes WHERE tenant = :tenant
    UNION SELECT person FROM muted_reporters WHERE tenant = :tenant
), known AS (
    SELECT m.person, coalesce(p.name, '') AS name, coalesce(a.requests, 0) AS requests,
        coalesce(a.asked_at, 0) AS asked_at,
        (SELECT count(*) FROM strikes AS s WHERE s.tenant = :tenant AND s.person = m.person AND s.at >= :since) AS strikes,
        coalesce((SELECT max(s.until) FROM sanctions AS s WHERE s.tenant = :tenant AND s.person = m.person
            AND s.kind = 'ban' AND s.lifted = 0 AND s.until > :now), 0) AS banned_until,
        coalesce((SELECT max(s.until) FROM sanctions AS s WHERE s.tenant = :tenant AND s.person = m.person
            AND s.kind = 'timeout' AND s.lifted = 0 AND s.until > :now), 0) AS timeout_until,
        (SELECT count(*) FROM muted_reporters AS r WHERE r.tenant = :tenant AND r.person = m.person) AS muted
    FROM met AS m LEFT JOIN people AS p ON p.person = m.person LEFT JOIN asked AS a ON a.person = m.person
)
SELECT * FROM known
WHERE :words = '' OR instr(folded(name), :words) > 0 OR instr(folded(person), :words) > 0
ORDER BY CASE WHEN banned_until > 0 OR timeout_until > 0 THEN 0 ELSE 1 END, strikes DESC, asked_at DESC, person
LIMIT :limit

-- name: dossier
SELECT 'community' AS what, '' AS id, '' AS kind, '' AS actor, '' AS said, version AS number, 0.0 AS at, 0.0 AS until
FROM communities WHERE tenant = :tenant
UNION ALL SELECT 'sanction', id, kind, actor, reason, 0, at, until
FROM sanctions WHERE tenant = :tenant AND person = :person AND lifted = 0
UNION ALL SELECT 'record', decision, kind, '', '', seq, at, 0.0
FROM records WHERE tenant = :tenant AND person = :person
UNION ALL SELECT 'default', owner, '', '', options, 0, 0.0, 0.0
FROM default_options WHERE owner = :person OR owner = :owner
UNION ALL SELECT 'paused', '', '', '', '', 0, 0.0, 0.0
FROM meta WHERE name = 'switch:paused' AND value <> ''
ORDER BY number, at, id

-- name: sanctions_of
SELECT * FROM sanctions WHERE tenant = :tenant AND person = :person ORDER BY at, id

-- name: sanction
SELECT * FROM sanctions WHERE tenant = :tenant AND id = :id

-- name: tenant_of_decision
SELECT tenant FROM sanctions WHERE id = :id AND person = :person
UNION ALL SELECT tenant FROM items WHERE id = :id AND author = :person
UNION ALL SELECT tenant FROM jobs WHERE id = :id AND person = :person

-- name: strikes_of
SELECT * FROM strikes WHERE tenant = :tenant AND person = :person ORDER BY at, id

-- name: record_of
SELECT * FROM records WHERE tenant = :tenant AND person = :person ORDER BY seq

-- name: reports_decided
SELECT outcome FROM reports WHERE tenant = :tenant AND person = :person AND outcome <> '' ORDER BY at DESC LIMIT :limit

-- name: muted
SELECT 1 AS muted FROM muted_reporters WHERE tenant = :tenant AND person = :person

-- name: mute
INSERT INTO muted_reporters (tenant, person) VALUES (:tenant, :person) ON CONFLICT (tenant, person) DO NOTHING
RETURNING person

-- name: unmute
DELETE FROM muted_reporters WHERE tenant = :tenant AND person = :person RETURNING person

-- name: insert_sanction
INSERT INTO sanctions (tenant, id, person, kind, at, until, actor, reason)
VALUES (:tenant, :id, :person, :kind, :at, :until, :actor, :reason)

-- name: lift_sanctions
UPDATE sanctions SET lifted = 1
WHERE tenant = :tenant AND person = :person AND lifted = 0 AND until > :now AND kind <> 'warn'
RETURNING *

-- name: lift_sanction
UPDATE sanctions SET lifted = 1 WHERE tenant = :tenant AND id = :id RETURNING *

-- name: insert_strike
INSERT INTO strikes (tenant, id, person, at, decision) VALUES (:tenant, :id, :person, :at, :decision)

-- name: take_strikes_back
DELETE FROM strikes WHERE tenant = :tenant AND decision = :decision

-- name: insert_record
INSERT INTO records (tenant, person, kind, decision, at) VALUES (:tenant, :person, :kind, :decision, :at)
ON CONFLICT (tenant, decision, kind) DO NOTHING

-- name: unfinished_jobs_of_member
SELECT * FROM jobs WHERE person = :person AND tenant = :tenant
    AND state NOT IN ('delivered', 'rejected', 'failed', 'cancelled', 'undeliverable')

-- name: newest_job_of_member
SELECT * FROM jobs WHERE person = :person AND tenant = :tenant ORDER BY created_at DESC LIMIT 1

-- name: forget_records
DELETE FROM records WHERE person = :person

-- name: forget_old_sanctions
DELETE FROM sanctions WHERE person = :person AND until < :before

-- name: forget_old_strikes
DELETE FROM strikes WHERE person = :person AND at < :before

-- name: delete_old_strikes
DELETE FROM strikes WHERE at < :before

-- name: delete_old_sanctions
DELETE FROM sanctions WHERE at < :before AND (until < :before OR lifted = 1) AND NOT EXISTS (SELECT 1 FROM items AS i
    WHERE i.tenant = sanctions.tenant AND i.decision = sanctions.id AND i.kind = 'appeal'
    AND i.state IN ('open', 'claimed'))
RETURNING tenant, id

-- name: delete_appeal
DELETE FROM items WHERE tenant = :tenant AND decision = :decision AND kind = 'appeal' RETURNING id

-- name: delete_posts_about
DELETE FROM posts WHERE subject = :subject

-- ---------------------------------------------------------------- moderation: the review queue

-- name: insert_item
INSERT INTO items (id, tenant, kind, job, position, author, opened_at, category, required, state, decision,
    decided_first_by, grounds, words, ready)
VALUES (:id, :tenant, :kind, :job, :position, :author, :opened_at, :category, :required, 'open', :decision,
    :decided_first_by, :grounds, :words, :ready)
ON CONFLICT DO NOTHING
RETURNING *

-- name: items_to_decide
SELECT * FROM items WHERE tenant = :tenant AND ready = 1 AND state IN ('open', 'claimed')
ORDER BY opened_at, id LIMIT :limit

-- name: count_items
SELECT count(*) AS items FROM items WHERE tenant = :tenant AND ready = 1 AND state IN ('open', 'claimed')

-- name: item
SELECT * FROM items WHERE tenant = :tenant AND id = :id

-- name: items_of_job
SELECT * FROM items WHERE job = :job AND tenant = :tenant ORDER BY opened_at, id

-- name: appeals_of
SELECT * FROM items WHERE tenant = :tenant AND decision = :decision AND kind = 'appeal'

-- name: appeals_among
SELECT decision, state FROM items WHERE tenant = :tenant AND kind = 'appeal'
    AND decision IN (SELECT value FROM json_each(:decisions))

-- name: open_report
SELECT * FROM items WHERE tenant = :tenant AND job = :job AND position = :position AND kind = 'report'
    AND state IN ('open', 'claimed')

-- name: items_ready
UPDATE items SET ready = 1 WHERE job = :job AND kind = 'request' AND ready = 0 RETURNING *

-- name: save_item
UPDATE items SET state = :state, claimed_by = :claimed_by, claimed_until = :claimed_until, approvals = :approvals,
    decided_by = :decided_by, decided_at = :decided_at, reason = :reason, grounds = :grounds, original = :original,
    revision = revision + 1
WHERE tenant = :tenant AND id = :id AND revision = :revision
RETURNING *

-- name: withdraw_items
UPDATE items SET state = 'withdrawn', claimed_by = '', claimed_until = 0, decided_at = :now, revision = revision + 1
WHERE job = :job AND kind IN ('request', 'picture') AND state IN ('open', 'claimed')
RETURNING *

-- name: withdraw_other_reports
UPDATE items SET state = 'withdrawn', claimed_by = '', claimed_until = 0, decided_at = :now, revision = revision + 1
WHERE job = :job AND kind = 'report' AND state IN ('open', 'claimed') AND id <> :id
RETURNING *

-- name: items_to_expire
SELECT * FROM items WHERE ready = 1 AND state IN ('open', 'claimed') AND kind IN ('request', 'picture')
    AND opened_at <= :before ORDER BY opened_at LIMIT :limit

-- name: edit_request
UPDATE jobs SET request = :request, lane = :lane, cost = :cost, notes = :notes WHERE id = :job AND state = 'review'
RETURNING *

-- name: hold_running
UPDATE jobs SET state = 'review', review = 1, queued_at = 0, worker = '', lease_until = 0
WHERE id = :job AND attempt = :attempt AND state = 'running' AND worker <> ''
RETURNING *

-- name: hold_drawn
UPDATE jobs SET state = 'held', review = 1, worker = '', lease_until = 0
WHERE id = :job AND attempt = :attempt AND state IN ('drawn', 'delivering') AND worker <> ''
RETURNING *

-- name: let_through
UPDATE jobs SET state = 'drawn', due_at = 0 WHERE id = :job AND state = 'held' RETURNING *

-- name: hide_pictures
UPDATE pictures SET hidden = :hidden WHERE job = :job AND (position = :position OR :position < 0) AND hidden <> :hidden
    AND (:hidden = 1 OR NOT EXISTS (SELECT 1 FROM reports WHERE reports.job = pictures.job
        AND reports.position = pictures.position AND reports.outcome = 'upheld'))
RETURNING position

-- name: insert_report
INSERT INTO reports (tenant, job, position, person, reason, at, weight)
VALUES (:tenant, :job, :position, :person, :reason, :at, :weight)
ON CONFLICT (job, position, person) DO NOTHING
RETURNING job

-- name: block_picture
INSERT INTO blocked_pictures (tenant, likeness) VALUES (:tenant, :likeness) ON CONFLICT (tenant, likeness) DO NOTHING
RETURNING likeness

-- name: blocked_pictures
SELECT likeness FROM blocked_pictures WHERE tenant = :tenant

-- name: reports_on
SELECT * FROM reports WHERE tenant = :tenant AND job = :job AND (position = :position OR :position < 0)
ORDER BY at, person, position

-- name: decide_reports
UPDATE reports SET outcome = :outcome
WHERE tenant = :tenant AND job = :job AND (position = :position OR :position < 0) AND outcome = ''

-- name: overturn_reports
UPDATE reports SET outcome = 'dismissed'
WHERE tenant = :tenant AND job = :job AND (position = :position OR :position < 0) AND outcome = 'upheld'

-- name: committed
SELECT images, day FROM ledger WHERE job = :job AND kind = 'commit'

-- name: delete_job_items
DELETE FROM items WHERE job = :job

-- name: delete_job_posts
DELETE FROM posts WHERE subject = :job OR subject IN (SELECT id FROM items WHERE job = :job)

-- ---------------------------------------------------------------- moderation: what is still to be shown

-- name: touch_post
INSERT INTO posts (tenant, kind, subject, platform, revision) VALUES (:tenant, :kind, :subject, :platform, 1)
ON CONFLICT (tenant, kind, subject) DO UPDATE SET revision = posts.revision + 1, due_at = 0, tries = 0

-- name: any_post
SELECT 1 FROM posts WHERE shown < revision AND due_at <= :now AND platform IN (SELECT value FROM json_each(:platforms))
LIMIT 1

-- name: claim_post
UPDATE posts SET due_at = :due_at, tries = tries + 1
WHERE (tenant, kind, subject) IN (SELECT tenant, kind, subject FROM posts
    WHERE shown < revision AND due_at <= :now AND platform IN (SELECT value FROM json_each(:platforms))
    ORDER BY due_at LIMIT 1)
RETURNING *

-- name: remember_post
UPDATE posts SET address = json_patch(address, :address)
WHERE tenant = :tenant AND kind = :kind AND subject = :subject

-- name: post_shown
UPDATE posts SET shown = max(shown, :revision) WHERE tenant = :tenant AND kind = :kind AND subject = :subject

-- name: post_later
UPDATE posts SET due_at = :due_at WHERE tenant = :tenant AND kind = :kind AND subject = :subject AND due_at <> 0

-- ---------------------------------------------------------------- logins

-- name: insert_login
INSERT INTO logins (hash, kind, name, expires_at) VALUES (:hash, :kind, :name, :expires_at)

-- name: login
SELECT name FROM logins WHERE hash = :hash AND kind = :kind AND expires_at > :now

-- name: take_login
DELETE FROM logins WHERE hash = :hash AND kind = :kind AND expires_at > :now RETURNING name

-- name: delete_old_logins
DELETE FROM logins WHERE expires_at <= :now

-- ---------------------------------------------------------------- small values

-- name: meta
SELECT value FROM meta WHERE name = :name

-- name: set_meta
INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- ---------------------------------------------------------------- programs: keys, gallery, defaults, operators

-- name: insert_api_key
INSERT INTO api_keys (digest, name, created_at) VALUES (:digest, :name, :at)
ON CONFLICT DO NOTHING RETURNING name

-- name: api_key
SELECT name FROM api_keys WHERE digest = :digest AND revoked_at = 0

-- name: api_keys
SELECT k.name, k.created_at, k.revoked_at, coalesce((SELECT max(created_at) FROM jobs WHERE person = 'api:key:' || k.name
    AND created_at >= k.created_at AND (k.revoked_at = 0 OR created_at <= k.revoked_at)), 0) AS used_at
FROM api_keys AS k ORDER BY k.created_at, k.name

-- name: revoke_api_key
UPDATE api_keys SET revoked_at = :at WHERE name = :name AND revoked_at = 0 RETURNING name

-- name: is_api_key_in_use
SELECT 1 AS used FROM api_keys WHERE name = :name AND revoked_at = 0

-- name: own_pictures
SELECT j.created_at AS at, p.job, p.position
FROM jobs AS j CROSS JOIN pictures AS p
WHERE p.job = j.id AND j.person = :owner AND j.state = 'delivered' AND p.hidden = 0 AND p.deleted = 0
    AND (j.created_at, j.id) <= (:at, :job) AND NOT (j.id = :job AND p.position >= :position)
    AND (:backend = '' OR j.backend = :backend)
    AND (:style = '' OR json_extract(j.request, '$.style') = :style)
    AND (:words = '' OR instr(CASE WHEN :plain = 1 THEN lower(json_extract(j.request, '$.prompt'))
        ELSE folded(json_extract(j.request, '$.prompt')) END, :words) > 0)
ORDER BY j.created_at DESC, j.id DESC, p.position DESC LIMIT :limit

-- name: shared_pictures
SELECT s.at, s.job, s.position
FROM shared_pictures AS s
WHERE s.tenant = :owner AND (s.at, s.job, s.position) < (:at, :job, :position)
    AND (:backend = '' OR s.backend = :backend) AND (:style = '' OR s.style = :style)
    AND (:words = '' OR instr(s.words, :words) > 0)
    AND EXISTS (SELECT 1 FROM pictures AS p WHERE p.job = s.job AND p.position = s.position AND p.hidden = 0)
ORDER BY s.at DESC, s.job DESC, s.position DESC LIMIT :limit

-- name: share_picture
UPDATE pictures SET shared = 1 WHERE job = :job AND position = :position AND deleted = 0 AND shared = 0 RETURNING job

-- name: hang_picture
INSERT INTO shared_pictures (tenant, at, job, position, backend, style, words)
SELECT tenant, :at, id, :position, backend, coalesce(json_extract(request, '$.style'), ''),
    folded(json_extract(request, '$.prompt'))
FROM jobs WHERE id = :job AND state = 'delivered'

-- name: unshare_picture
UPDATE pictures SET shared = 0 WHERE job = :job AND position = :position AND shared = 1 RETURNING job

-- name: take_picture_down
DELETE FROM shared_pictures WHERE job = :job AND position = :position

-- name: default_options
SELECT owner, options FROM default_options WHERE owner IN (SELECT value FROM json_each(:owners))

-- name: set_default_options
INSERT INTO default_options (owner, options) VALUES (:owner, :options)
ON CONFLICT (owner) DO UPDATE SET options = excluded.options

-- name: people_of_a_day
SELECT p.person, p.name, p.waiting, p.running, a.reserved + a.spent AS images
FROM allowances AS a JOIN people AS p ON p.person = a.owner
WHERE a.day = :day ORDER BY p.running + p.waiting DESC, images DESC, p.person LIMIT :limit

-- name: jobs_at_work
SELECT * FROM jobs WHERE worker <> '' ORDER BY started_at LIMIT :limit

-- name: failures
SELECT * FROM jobs WHERE finished_at > max(0, :since) AND finished_at > 0 AND state IN ('failed', 'undeliverable')
ORDER BY finished_at DESC LIMIT :limit

-- ---------------------------------------------------------------- installations of a platform's app

-- name: installation
SELECT sealed, expires_at FROM installations WHERE key = :key

-- name: save_installation
INSERT INTO installations (key, sealed, expires_at, claimed_until) VALUES (:key, :sealed, :expires_at, 0)
ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at, claimed_until = 0

-- name: claim_installation
UPDATE installations SET claimed_until = :until WHERE key = :key AND claimed_until < :now RETURNING key

-- name: delete_installation
DELETE FROM installations WHERE key = :key
