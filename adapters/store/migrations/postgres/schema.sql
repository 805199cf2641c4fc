-- Functions that SQLite has built in, so that most queries have one text for both dialects.

CREATE FUNCTION max(a BIGINT, b BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT greatest(a, b)';

CREATE FUNCTION max(a DOUBLE PRECISION, b DOUBLE PRECISION) RETURNS DOUBLE PRECISION LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT greatest(a, b)';

CREATE FUNCTION json_patch(target TEXT, patch TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT CAST(CAST(target AS jsonb) || CAST(patch AS jsonb) AS text)';

CREATE FUNCTION json_each(list TEXT) RETURNS TABLE (value TEXT) LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT jsonb_array_elements_text(CAST(list AS jsonb))';

CREATE FUNCTION json_extract(document TEXT, path TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT CAST(document AS json) ->> substr(path, 3)';

CREATE FUNCTION instr(text TEXT, part TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT strpos(text, part)';

CREATE FUNCTION folded(text TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT lower(text)';

CREATE FUNCTION database_time() RETURNS DOUBLE PRECISION LANGUAGE sql VOLATILE PARALLEL SAFE
    AS 'SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)';

CREATE TABLE people (
    person TEXT PRIMARY KEY,
    name TEXT NOT NULL DEFAULT '',
    day BIGINT NOT NULL DEFAULT 0,
    waiting BIGINT NOT NULL DEFAULT 0,
    running BIGINT NOT NULL DEFAULT 0,
    running_limit BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT waiting_is_a_count CHECK (waiting >= 0),
    CONSTRAINT running_is_a_count CHECK (running >= 0)
);

CREATE TABLE allowances (
    owner TEXT NOT NULL,
    day BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    PRIMARY KEY (owner, day),
    CONSTRAINT reserved_is_a_count CHECK (reserved >= 0),
    CONSTRAINT spent_is_a_count CHECK (spent >= 0)
);

CREATE INDEX allowances_of_a_day ON allowances (day);

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    person TEXT NOT NULL,
    platform TEXT NOT NULL,
    tenant TEXT NOT NULL,
    channel TEXT NOT NULL,
    origin TEXT NOT NULL,
    address TEXT NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    day BIGINT NOT NULL,
    images BIGINT NOT NULL,
    lane TEXT NOT NULL,
    cost DOUBLE PRECISION NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    tag DOUBLE PRECISION NOT NULL DEFAULT 0,
    seed BIGINT,
    attempt BIGINT NOT NULL DEFAULT 0,
    worker TEXT NOT NULL DEFAULT '',
    backend TEXT NOT NULL DEFAULT '',
    errors BIGINT NOT NULL DEFAULT 0,
    crashes BIGINT NOT NULL DEFAULT 0,
    paid_attempts BIGINT NOT NULL DEFAULT 0,
    task TEXT NOT NULL DEFAULT '',
    lease_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    due_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    deliveries BIGINT NOT NULL DEFAULT 0,
    missing BIGINT NOT NULL DEFAULT 0,
    cancel_requested BIGINT NOT NULL DEFAULT 0,
    told BIGINT NOT NULL DEFAULT 0,
    review BIGINT NOT NULL DEFAULT 0,
    reason TEXT,
    notes TEXT NOT NULL DEFAULT '[]',
    created_at DOUBLE PRECISION NOT NULL,
    acked_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    queued_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    started_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    drawn_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    finished_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    CONSTRAINT state_is_known CHECK (state IN ('received', 'acked', 'review', 'queued', 'running', 'drawn', 'held',
        'delivering', 'delivered', 'rejected', 'failed', 'cancelled', 'undeliverable')),
    CONSTRAINT images_are_asked_for CHECK (images > 0),
    CONSTRAINT missing_are_some_of_them CHECK (missing BETWEEN 0 AND images)
);

CREATE INDEX jobs_of_a_turn ON jobs (person, lane, tag, created_at, id) WHERE state = 'queued';
CREATE INDEX jobs_in_line ON jobs (tag, created_at, id, cost) WHERE state = 'queued';
CREATE INDEX jobs_under_lease ON jobs (worker) WHERE worker <> '';
CREATE INDEX jobs_to_deliver ON jobs (due_at) WHERE state IN ('drawn', 'delivering') AND worker = '';
CREATE INDEX jobs_to_tell ON jobs (due_at) WHERE told = 0 AND worker = ''
    AND state IN ('rejected', 'failed', 'cancelled', 'undeliverable');
CREATE INDEX jobs_received ON jobs (created_at) WHERE state = 'received';
CREATE INDEX jobs_of_a_person ON jobs (person, created_at, id);
CREATE INDEX jobs_of_a_community ON jobs (tenant, created_at);
CREATE INDEX jobs_by_age ON jobs (finished_at) WHERE finished_at > 0;
CREATE INDEX jobs_unfinished ON jobs (state)
    WHERE state NOT IN ('delivered', 'rejected', 'failed', 'cancelled', 'undeliverable');

CREATE TABLE turns (
    person TEXT NOT NULL,
    lane TEXT NOT NULL,
    finish DOUBLE PRECISION NOT NULL DEFAULT 0,
    head_job TEXT,
    head_tag DOUBLE PRECISION,
    head_at DOUBLE PRECISION,
    open BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (person, lane)
);

CREATE INDEX turns_next ON turns (open, head_tag, head_at, lane) WHERE head_job IS NOT NULL;

-- A person's row is locked before their turns, so that two requests at once get two turns. A volatile function's second
-- statement sees what was committed while the first one waited.
CREATE FUNCTION locked_turn(of_person TEXT, of_lane TEXT) RETURNS SETOF turns LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM 1 FROM people WHERE person = of_person FOR UPDATE;
    RETURN QUERY SELECT * FROM turns WHERE person = of_person AND lane = of_lane;
END $$;

CREATE TABLE lanes (
    lane TEXT PRIMARY KEY
);

-- A backend's clock is the highest of its stripes, so that the claims of several workers do not wait for each other.
CREATE TABLE clocks (
    backend TEXT NOT NULL,
    tag DOUBLE PRECISION NOT NULL,
    stripe BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (backend, stripe)
);

CREATE TABLE ledger (
    job TEXT NOT NULL,
    kind TEXT NOT NULL,
    person TEXT NOT NULL,
    tenant TEXT NOT NULL,
    day BIGINT NOT NULL,
    images BIGINT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (job, kind),
    CONSTRAINT kind_is_known CHECK (kind IN ('reserve', 'commit', 'refund', 'restore')),
    CONSTRAINT images_are_some CHECK (images > 0)
);

CREATE TABLE pictures (
    job TEXT NOT NULL,
    position BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    seed BIGINT,
    hidden BIGINT NOT NULL DEFAULT 0,
    deleted BIGINT NOT NULL DEFAULT 0,
    shared BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (job, position)
);

CREATE INDEX pictures_by_file ON pictures (sha256) WHERE deleted = 0;

CREATE TABLE breakers (
    backend TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    closed_until DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    opened_times BIGINT NOT NULL
);

CREATE TABLE speeds (
    backend TEXT PRIMARY KEY,
    megapixel_steps DOUBLE PRECISION NOT NULL,
    samples BIGINT NOT NULL
);

CREATE TABLE spending (
    backend TEXT NOT NULL,
    day BIGINT NOT NULL,
    dollars DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (backend, day)
);

CREATE SEQUENCE messages_seq;

CREATE TABLE messages (
    seq BIGINT PRIMARY KEY,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    audience TEXT NOT NULL DEFAULT '',
    job TEXT NOT NULL DEFAULT '',
    correction TEXT NOT NULL DEFAULT '',
    key TEXT NOT NULL DEFAULT '',
    decision TEXT NOT NULL DEFAULT ''
);

CREATE INDEX messages_of_a_person ON messages (person);
CREATE INDEX messages_by_job ON messages (job) WHERE job <> '';
CREATE UNIQUE INDEX messages_by_key ON messages (key) WHERE key <> '';
CREATE INDEX messages_by_decision ON messages (decision) WHERE decision <> '';
ALTER SEQUENCE messages_seq OWNED BY messages.seq;

-- A reader goes on after the highest number it saw, so a message gets its number in the order of the commits.
CREATE FUNCTION number_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq IS NULL THEN
        PERFORM pg_advisory_xact_lock(7302, 1);
        NEW.seq := nextval('messages_seq');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER messages_in_order BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION number_message();

CREATE TABLE reports (
    tenant TEXT NOT NULL,
    job TEXT NOT NULL,
    position BIGINT NOT NULL,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, position, person)
);

CREATE INDEX reports_of_a_reporter ON reports (tenant, person, at);

CREATE TABLE feed (
    seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    job TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL
);

-- Numbers are given before the commit, so a reader may see 11 before 10: `at`, the database's time, says whether a gap
-- can still be filled.
CREATE FUNCTION feed_a_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed (job, at) VALUES (NEW.id, database_time());
    RETURN NULL;
END $$;

CREATE FUNCTION feed_a_picture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed (job, at) SELECT id, database_time() FROM jobs WHERE id = NEW.job AND platform IN ('web', 'api');
    RETURN NULL;
END $$;

CREATE TRIGGER feed_of_a_new_job AFTER INSERT ON jobs
    FOR EACH ROW WHEN (NEW.platform IN ('web', 'api')) EXECUTE FUNCTION feed_a_job();

CREATE TRIGGER feed_of_a_moved_job AFTER UPDATE OF state, cancel_requested ON jobs
    FOR EACH ROW WHEN (NEW.platform IN ('web', 'api')) EXECUTE FUNCTION feed_a_job();

CREATE TRIGGER feed_of_a_changed_picture AFTER UPDATE OF hidden, deleted, shared ON pictures
    FOR EACH ROW EXECUTE FUNCTION feed_a_picture();

CREATE TABLE audit (
    tenant TEXT NOT NULL,
    seq BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)
);

CREATE TABLE communities (
    tenant TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    mode TEXT NOT NULL DEFAULT '',
    channel_modes TEXT NOT NULL DEFAULT '{}',
    paused BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE rules (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    rule TEXT NOT NULL,
    author TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    current BIGINT NOT NULL,
    PRIMARY KEY (tenant, id, version)
);

CREATE UNIQUE INDEX rules_in_force ON rules (tenant, id) WHERE current = 1;

CREATE TABLE records (
    seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    decision TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    CONSTRAINT one_effect_a_decision UNIQUE (tenant, decision, kind)
);

CREATE INDEX records_of_a_member ON records (tenant, person);

CREATE TABLE strikes (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    person TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    decision TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX strikes_of_a_member ON strikes (tenant, person);

CREATE TABLE sanctions (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    until DOUBLE PRECISION NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    lifted BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX sanctions_of_a_member ON sanctions (tenant, person);

CREATE TABLE items (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    job TEXT NOT NULL,
    position BIGINT NOT NULL,
    author TEXT NOT NULL,
    opened_at DOUBLE PRECISION NOT NULL,
    category TEXT NOT NULL,
    required BIGINT NOT NULL,
    state TEXT NOT NULL,
    claimed_by TEXT NOT NULL DEFAULT '',
    claimed_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    approvals TEXT NOT NULL DEFAULT '[]',
    decided_by TEXT NOT NULL DEFAULT '',
    decided_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    decision TEXT NOT NULL DEFAULT '',
    decided_first_by TEXT NOT NULL DEFAULT '',
    grounds TEXT NOT NULL DEFAULT '[]',
    words TEXT NOT NULL DEFAULT '',
    original TEXT NOT NULL DEFAULT '',
    ready BIGINT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT item_state_is_known CHECK (state IN ('open', 'claimed', 'approved', 'rejected', 'expired', 'withdrawn')),
    CONSTRAINT item_kind_is_known CHECK (kind IN ('request', 'picture', 'report', 'appeal'))
);

CREATE INDEX items_to_decide ON items (tenant, opened_at, id) WHERE ready = 1 AND state IN ('open', 'claimed');
CREATE INDEX items_to_expire ON items (opened_at)
    WHERE ready = 1 AND state IN ('open', 'claimed') AND kind IN ('request', 'picture');
CREATE INDEX items_of_a_job ON items (job);
CREATE UNIQUE INDEX appeals_once ON items (tenant, decision) WHERE kind = 'appeal';
CREATE UNIQUE INDEX reports_open_once ON items (job, position) WHERE kind = 'report' AND state IN ('open', 'claimed');

-- A decision has the request too, which is locked before its item, as it is where a request ends by itself.
CREATE FUNCTION locked_item(of_tenant TEXT, of_id TEXT) RETURNS SETOF items LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM 1 FROM jobs WHERE id = (SELECT job FROM items WHERE tenant = of_tenant AND id = of_id) FOR UPDATE;
    RETURN QUERY SELECT * FROM items WHERE tenant = of_tenant AND id = of_id FOR UPDATE;
END $$;

-- Two strikes at once count as two.
CREATE FUNCTION locked_strikes_of(of_tenant TEXT, of_person TEXT) RETURNS SETOF strikes LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7304, hashtext(of_tenant || ' ' || of_person));
    RETURN QUERY SELECT * FROM strikes WHERE tenant = of_tenant AND person = of_person ORDER BY at, id;
END $$;

CREATE TABLE muted_reporters (
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (tenant, person)
);

CREATE TABLE posts (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    platform TEXT NOT NULL,
    revision BIGINT NOT NULL,
    shown BIGINT NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT '{}',
    tries BIGINT NOT NULL DEFAULT 0,
    due_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, kind, subject)
);

CREATE INDEX posts_to_show ON posts (platform, due_at) WHERE shown < revision;
CREATE INDEX posts_of_a_subject ON posts (subject);

CREATE TABLE blocked_pictures (
    tenant TEXT NOT NULL,
    likeness TEXT NOT NULL,
    PRIMARY KEY (tenant, likeness)
);

CREATE TABLE logins (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL
);

CREATE TABLE api_keys (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    revoked_at DOUBLE PRECISION NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX api_keys_in_use ON api_keys (name) WHERE revoked_at = 0;

CREATE TABLE default_options (
    owner TEXT PRIMARY KEY,
    options TEXT NOT NULL
);

-- One writer of a community's trail at a time; the second one sees what the first one wrote.
CREATE FUNCTION locked_last_audit(of_tenant TEXT) RETURNS SETOF audit LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7303, hashtext(of_tenant));
    RETURN QUERY SELECT * FROM audit WHERE tenant = of_tenant ORDER BY seq DESC LIMIT 1;
END $$;

CREATE UNLOGGED TABLE progress (
    job TEXT PRIMARY KEY,
    step BIGINT,
    steps BIGINT,
    previews BIGINT,
    at DOUBLE PRECISION
);

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE installations (
    key TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    claimed_until DOUBLE PRECISION NOT NULL DEFAULT 0
);

CREATE TABLE forgotten (
    owner TEXT PRIMARY KEY,
    at DOUBLE PRECISION NOT NULL
);

CREATE TABLE rates (
    account TEXT PRIMARY KEY,
    next_at DOUBLE PRECISION NOT NULL,
    paused_until DOUBLE PRECISION NOT NULL
);

CREATE TABLE shared_pictures (
    tenant TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    job TEXT NOT NULL,
    position BIGINT NOT NULL,
    backend TEXT NOT NULL,
    style TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (tenant, at, job, position)
);

CREATE UNIQUE INDEX shared_pictures_of_a_job ON shared_pictures (job, position);

-- The usual case of each transaction that every request goes through, in one call. Each says again what
-- adapters/store/jobs.py does step by step, and locks in its order: job, person, turns, allowances, clock. Where the case
-- is not the usual one it changes nothing and returns nothing, and the steps decide.

-- Raises no_data_found where the owner has not so many left.
CREATE FUNCTION reserve_images(of_owner TEXT, on_day BIGINT, of_images BIGINT, allowed BIGINT) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO allowances (owner, day, reserved, spent)
    SELECT of_owner, on_day, of_images, 0 WHERE allowed = 0 OR of_images <= allowed
    ON CONFLICT (owner, day) DO UPDATE SET reserved = allowances.reserved + excluded.reserved
    WHERE allowed = 0 OR allowances.reserved + allowances.spent + excluded.reserved <= allowed;
    IF NOT FOUND THEN
        RAISE no_data_found;
    END IF;
END $$;

CREATE FUNCTION submit_job(
    of_id TEXT, of_key TEXT, of_person TEXT, of_name TEXT, of_platform TEXT, of_tenant TEXT, of_channel TEXT,
    of_origin TEXT, of_address TEXT, of_request TEXT, on_day BIGINT, of_images BIGINT, of_lane TEXT,
    of_cost DOUBLE PRECISION, of_weight DOUBLE PRECISION, of_seed BIGINT, of_notes TEXT, of_review BIGINT,
    at_time DOUBLE PRECISION, of_running_limit BIGINT, waiting_limit BIGINT, allowed BIGINT, tenant_allowed BIGINT
) RETURNS SETOF jobs LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    its_day BIGINT;
BEGIN
    IF EXISTS (SELECT 1 FROM jobs WHERE key = of_key) THEN
        RETURN;
    END IF;
    INSERT INTO people (person, name, day, waiting, running_limit)
    VALUES (of_person, of_name, on_day, 1, of_running_limit)
    ON CONFLICT (person) DO UPDATE
    SET waiting = people.waiting + 1, day = greatest(people.day, excluded.day), running_limit = excluded.running_limit,
        name = excluded.name
    WHERE waiting_limit = 0 OR people.waiting < waiting_limit
    RETURNING day INTO its_day;
    IF its_day IS NULL THEN
        RETURN;
    END IF;
    PERFORM reserve_images(of_person, its_day, of_images, allowed);
    IF tenant_allowed > 0 THEN
        PERFORM reserve_images(of_tenant, its_day, of_images, tenant_allowed);
    END IF;
    INSERT INTO ledger (job, kind, person, tenant, day, images, at)
    VALUES (of_id, 'reserve', of_person, of_tenant, its_day, of_images, at_time);
    RETURN QUERY INSERT INTO jobs (id, key, person, platform, tenant, channel, origin, address, request, state, day,
        images, lane, cost, weight, seed, notes, review, created_at)
    VALUES (of_id, of_key, of_person, of_platform, of_tenant, of_channel, of_origin, of_address, of_request, 'received',
        its_day, of_images, of_lane, of_cost, of_weight, of_seed, of_notes, of_review, at_time)
    RETURNING *;
EXCEPTION WHEN no_data_found OR unique_violation THEN
    RETURN;
END $$;

-- The tag is bot.fairness.start_tag, the turn's end bot.fairness.finish_tag.
CREATE FUNCTION queue_job(of_job TEXT, more_address TEXT, of_clock TEXT, at_time DOUBLE PRECISION) RETURNS SETOF jobs
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    its jobs;
    asker people;
    starts DOUBLE PRECISION;
BEGIN
    SELECT * INTO its FROM jobs WHERE id = of_job AND state = 'received' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO asker FROM people WHERE person = its.person FOR UPDATE;
    starts := greatest(
        (SELECT finish FROM turns WHERE person = its.person AND lane = its.lane),
        (SELECT max(tag) FROM clocks WHERE backend = of_clock), 0);
    IF NOT EXISTS (SELECT 1 FROM lanes WHERE lane = its.lane) THEN
        INSERT INTO lanes (lane) VALUES (its.lane) ON CONFLICT (lane) DO NOTHING;
    END IF;
    INSERT INTO turns (person, lane, finish, head_job, head_tag, head_at, open)
    VALUES (its.person, its.lane, starts + its.cost / greatest(its.weight, 1e-6), of_job, starts, its.created_at,
        CASE WHEN asker.running_limit = 0 OR asker.running < asker.running_limit THEN 1 ELSE 0 END)
    ON CONFLICT (person, lane) DO UPDATE
    SET finish = excluded.finish, open = excluded.open,
        head_job = coalesce(turns.head_job, excluded.head_job), head_tag = coalesce(turns.head_tag, excluded.head_tag),
        head_at = coalesce(turns.head_at, excluded.head_at);
    RETURN QUERY UPDATE jobs
    SET state = 'queued', tag = starts, address = json_patch(address, more_address), acked_at = at_time,
        queued_at = at_time
    WHERE id = of_job RETURNING *;
END $$;

-- ``backends`` has for each lane the one that draws it now. A lane that the caller does not know may have an earlier turn.
CREATE FUNCTION claim_turn(
    of_lanes TEXT[], backends TEXT[], lanes_known BIGINT, by_worker TEXT, until DOUBLE PRECISION,
    at_time DOUBLE PRECISION
) RETURNS SETOF jobs LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    turn RECORD;
    its jobs;
    is_full BOOLEAN;
BEGIN
    IF (SELECT count(*) FROM lanes) <> lanes_known THEN
        RETURN;
    END IF;
    SELECT t.person, t.lane, t.head_job INTO turn
    FROM turns AS t JOIN people AS p ON p.person = t.person JOIN jobs AS j ON j.id = t.head_job
    WHERE t.open = 1 AND t.head_job IS NOT NULL AND t.lane = ANY (of_lanes) AND j.state = 'queued'
        AND (p.running_limit = 0 OR p.running < p.running_limit)
    ORDER BY t.head_tag, t.head_at LIMIT 1
    FOR UPDATE OF p, t, j SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE people SET running = running + 1, waiting = waiting - 1 WHERE person = turn.person
    RETURNING running_limit > 0 AND running >= running_limit INTO is_full;
    UPDATE jobs SET state = 'running', attempt = attempt + 1, worker = by_worker,
        backend = backends[array_position(of_lanes, turn.lane)], lease_until = until, started_at = at_time
    WHERE id = turn.head_job RETURNING * INTO its;
    UPDATE turns SET (head_job, head_tag, head_at) = (
        SELECT id, tag, created_at FROM jobs
        WHERE person = turn.person AND lane = turn.lane AND state = 'queued' ORDER BY tag, created_at, id LIMIT 1)
    WHERE person = turn.person AND lane = turn.lane;
    IF is_full THEN
        UPDATE turns SET open = 0 WHERE person = turn.person;
    END IF;
    RETURN NEXT its;
    PERFORM advance_clock(its.backend, its.tag, hashtext(by_worker) & 15);
END $$;

-- Without a look at the row that would wait for whoever is changing it, where there is nothing to add.
CREATE FUNCTION advance_clock(of_backend TEXT, to_tag DOUBLE PRECISION, of_stripe BIGINT) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM clocks WHERE backend = of_backend AND stripe = of_stripe AND tag >= to_tag) THEN
        RETURN;
    END IF;
    INSERT INTO clocks (backend, tag, stripe) VALUES (of_backend, to_tag, of_stripe)
    ON CONFLICT (backend, stripe) DO UPDATE SET tag = greatest(clocks.tag, excluded.tag);
END $$;

-- ``freed``: another request of the person can begin now.
CREATE FUNCTION store_drawn(
    of_job TEXT, of_attempt BIGINT, of_missing BIGINT, of_notes TEXT, of_pictures TEXT, at_time DOUBLE PRECISION,
    catch_up DOUBLE PRECISION
) RETURNS TABLE (job jobs, freed BOOLEAN) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    its jobs;
    lowest DOUBLE PRECISION;
BEGIN
    UPDATE jobs SET state = 'drawn', drawn_at = at_time, missing = of_missing, notes = of_notes, task = ''
    WHERE id = of_job AND attempt = of_attempt AND state = 'running' AND worker <> '' RETURNING * INTO its;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO pictures (job, position, sha256, width, height, media_type, size_bytes, seed)
    SELECT of_job, p.position, p.sha256, p.width, p.height, p.media_type, p.size_bytes, p.seed
    FROM json_to_recordset(CAST(of_pictures AS json)) AS p (position BIGINT, sha256 TEXT, width BIGINT, height BIGINT,
        media_type TEXT, size_bytes BIGINT, seed BIGINT);
    UPDATE people SET running = running - 1 WHERE person = its.person;
    lowest := greatest((SELECT max(tag) FROM clocks WHERE backend = its.backend) - catch_up, 0);
    WITH opened AS (
        UPDATE turns SET open = 1, head_tag = CASE WHEN head_job IS NOT NULL THEN greatest(head_tag, lowest) END
        WHERE person = its.person AND open = 0 RETURNING head_job
    )
    SELECT count(head_job) > 0 INTO freed FROM opened;
    job := its;
    RETURN NEXT;
END $$;

CREATE FUNCTION store_delivered(of_job TEXT, of_attempt BIGINT, at_time DOUBLE PRECISION) RETURNS SETOF jobs
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    its jobs;
    paid BIGINT;
    written BIGINT;
BEGIN
    UPDATE jobs SET state = 'delivered', finished_at = at_time, worker = '', lease_until = 0, told = 1
    WHERE id = of_job AND attempt = of_attempt AND worker <> '' AND state IN ('drawn', 'delivering')
    RETURNING * INTO its;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    paid := its.images - its.missing;
    WITH entries AS (
        INSERT INTO ledger (job, kind, person, tenant, day, images, at)
        SELECT of_job, entry.kind, its.person, its.tenant, its.day, entry.images, at_time
        FROM (VALUES ('commit', paid), ('refund', its.missing)) AS entry (kind, images) WHERE entry.images > 0
        ON CONFLICT (job, kind) DO NOTHING
        RETURNING images
    )
    SELECT sum(images) INTO written FROM entries;
    IF written = its.images THEN
        UPDATE allowances SET reserved = reserved - its.images, spent = spent + paid
        WHERE owner = its.person AND day = its.day;
        UPDATE allowances SET reserved = greatest(0, reserved - its.images), spent = spent + paid
        WHERE owner = its.tenant AND day = its.day;
    END IF;
    DELETE FROM progress WHERE progress.job = of_job;
    RETURN NEXT its;
END $$;
