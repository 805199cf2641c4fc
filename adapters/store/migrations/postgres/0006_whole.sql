-- A backend's clock is the highest of its stripes, so that the claims of several workers do not wait for each other.
ALTER TABLE clocks ADD COLUMN stripe BIGINT NOT NULL DEFAULT 0, DROP CONSTRAINT clocks_pkey, ADD PRIMARY KEY (backend, stripe);

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
