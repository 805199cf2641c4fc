CREATE TABLE people (
    person TEXT PRIMARY KEY,
    name TEXT NOT NULL DEFAULT '',
    day INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    running INTEGER NOT NULL DEFAULT 0,
    running_limit INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT waiting_is_a_count CHECK (waiting >= 0),
    CONSTRAINT running_is_a_count CHECK (running >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE allowances (
    owner TEXT NOT NULL,
    day INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    PRIMARY KEY (owner, day),
    CONSTRAINT reserved_is_a_count CHECK (reserved >= 0),
    CONSTRAINT spent_is_a_count CHECK (spent >= 0)
) STRICT, WITHOUT ROWID;

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
    day INTEGER NOT NULL,
    images INTEGER NOT NULL,
    lane TEXT NOT NULL,
    cost REAL NOT NULL,
    weight REAL NOT NULL,
    tag REAL NOT NULL DEFAULT 0,
    seed INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0,
    worker TEXT NOT NULL DEFAULT '',
    backend TEXT NOT NULL DEFAULT '',
    errors INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    paid_attempts INTEGER NOT NULL DEFAULT 0,
    task TEXT NOT NULL DEFAULT '',
    lease_until REAL NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    deliveries INTEGER NOT NULL DEFAULT 0,
    missing INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0,
    review INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    notes TEXT NOT NULL DEFAULT '[]',
    created_at REAL NOT NULL,
    acked_at REAL NOT NULL DEFAULT 0,
    queued_at REAL NOT NULL DEFAULT 0,
    started_at REAL NOT NULL DEFAULT 0,
    drawn_at REAL NOT NULL DEFAULT 0,
    finished_at REAL NOT NULL DEFAULT 0,
    CONSTRAINT state_is_known CHECK (state IN ('received', 'acked', 'review', 'queued', 'running', 'drawn', 'held',
        'delivering', 'delivered', 'rejected', 'failed', 'cancelled', 'undeliverable')),
    CONSTRAINT images_are_asked_for CHECK (images > 0),
    CONSTRAINT missing_are_some_of_them CHECK (missing BETWEEN 0 AND images)
) STRICT;

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

CREATE TABLE depths (
    state TEXT PRIMARY KEY,
    jobs INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TRIGGER depth_of_a_new_job AFTER INSERT ON jobs BEGIN
    INSERT INTO depths (state, jobs) VALUES (NEW.state, 1) ON CONFLICT (state) DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER depth_of_a_moved_job AFTER UPDATE OF state ON jobs WHEN NEW.state <> OLD.state BEGIN
    UPDATE depths SET jobs = jobs - 1 WHERE state = OLD.state;
    INSERT INTO depths (state, jobs) VALUES (NEW.state, 1) ON CONFLICT (state) DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER depth_of_a_deleted_job AFTER DELETE ON jobs BEGIN
    UPDATE depths SET jobs = jobs - 1 WHERE state = OLD.state;
END;

CREATE TABLE turns (
    person TEXT NOT NULL,
    lane TEXT NOT NULL,
    finish REAL NOT NULL DEFAULT 0,
    head_job TEXT,
    head_tag REAL,
    head_at REAL,
    open INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (person, lane)
) STRICT, WITHOUT ROWID;

CREATE INDEX turns_next ON turns (open, head_tag, head_at, lane) WHERE head_job IS NOT NULL;

CREATE TABLE lanes (
    lane TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE clocks (
    backend TEXT NOT NULL,
    stripe INTEGER NOT NULL DEFAULT 0,
    tag REAL NOT NULL,
    PRIMARY KEY (backend, stripe)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    job TEXT NOT NULL,
    kind TEXT NOT NULL,
    person TEXT NOT NULL,
    tenant TEXT NOT NULL,
    day INTEGER NOT NULL,
    images INTEGER NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (job, kind),
    CONSTRAINT kind_is_known CHECK (kind IN ('reserve', 'commit', 'refund', 'restore')),
    CONSTRAINT images_are_some CHECK (images > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE pictures (
    job TEXT NOT NULL,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    seed INTEGER,
    hidden INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    shared INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX pictures_by_file ON pictures (sha256) WHERE deleted = 0;

CREATE TABLE breakers (
    backend TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    closed_until REAL NOT NULL,
    reason TEXT NOT NULL,
    opened_times INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE speeds (
    backend TEXT PRIMARY KEY,
    megapixel_steps REAL NOT NULL,
    samples INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE spending (
    backend TEXT NOT NULL,
    day INTEGER NOT NULL,
    dollars REAL NOT NULL,
    PRIMARY KEY (backend, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    at REAL NOT NULL,
    audience TEXT NOT NULL DEFAULT '',
    job TEXT NOT NULL DEFAULT '',
    correction TEXT NOT NULL DEFAULT '',
    key TEXT NOT NULL DEFAULT '',
    decision TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX messages_of_a_person ON messages (person);
CREATE INDEX messages_by_job ON messages (job) WHERE job <> '';
CREATE UNIQUE INDEX messages_by_key ON messages (key) WHERE key <> '';
CREATE INDEX messages_by_decision ON messages (decision) WHERE decision <> '';

CREATE TABLE reports (
    tenant TEXT NOT NULL,
    job TEXT NOT NULL,
    position INTEGER NOT NULL,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    at REAL NOT NULL,
    weight REAL NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, position, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX reports_of_a_reporter ON reports (tenant, person, at);

CREATE TABLE feed (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;

CREATE TRIGGER feed_of_a_new_job AFTER INSERT ON jobs WHEN NEW.platform IN ('web', 'api') BEGIN
    INSERT INTO feed (job, at) VALUES (NEW.id, NEW.created_at);
END;

CREATE TRIGGER feed_of_a_moved_job AFTER UPDATE OF state, cancel_requested ON jobs
WHEN NEW.platform IN ('web', 'api') BEGIN
    INSERT INTO feed (job, at) VALUES (NEW.id, NEW.created_at);
END;

CREATE TRIGGER feed_of_a_changed_picture AFTER UPDATE OF hidden, deleted, shared ON pictures BEGIN
    INSERT INTO feed (job, at)
    SELECT id, created_at FROM jobs WHERE id = NEW.job AND platform IN ('web', 'api');
END;

CREATE TABLE audit (
    tenant TEXT NOT NULL,
    seq INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    at REAL NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE communities (
    tenant TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    mode TEXT NOT NULL DEFAULT '',
    channel_modes TEXT NOT NULL DEFAULT '{}',
    paused INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE rules (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    rule TEXT NOT NULL,
    author TEXT NOT NULL,
    at REAL NOT NULL,
    current INTEGER NOT NULL,
    PRIMARY KEY (tenant, id, version)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX rules_in_force ON rules (tenant, id) WHERE current = 1;

CREATE TABLE records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    decision TEXT NOT NULL,
    at REAL NOT NULL,
    CONSTRAINT one_effect_a_decision UNIQUE (tenant, decision, kind)
) STRICT;

CREATE INDEX records_of_a_member ON records (tenant, person);

CREATE TABLE strikes (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    person TEXT NOT NULL,
    at REAL NOT NULL,
    decision TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX strikes_of_a_member ON strikes (tenant, person);

CREATE TABLE sanctions (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    at REAL NOT NULL,
    until REAL NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    lifted INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX sanctions_of_a_member ON sanctions (tenant, person);

CREATE TABLE items (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    job TEXT NOT NULL,
    position INTEGER NOT NULL,
    author TEXT NOT NULL,
    opened_at REAL NOT NULL,
    category TEXT NOT NULL,
    required INTEGER NOT NULL,
    state TEXT NOT NULL,
    claimed_by TEXT NOT NULL DEFAULT '',
    claimed_until REAL NOT NULL DEFAULT 0,
    approvals TEXT NOT NULL DEFAULT '[]',
    decided_by TEXT NOT NULL DEFAULT '',
    decided_at REAL NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    decision TEXT NOT NULL DEFAULT '',
    decided_first_by TEXT NOT NULL DEFAULT '',
    grounds TEXT NOT NULL DEFAULT '[]',
    words TEXT NOT NULL DEFAULT '',
    original TEXT NOT NULL DEFAULT '',
    ready INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT item_state_is_known CHECK (state IN ('open', 'claimed', 'approved', 'rejected', 'expired', 'withdrawn')),
    CONSTRAINT item_kind_is_known CHECK (kind IN ('request', 'picture', 'report', 'appeal'))
) STRICT, WITHOUT ROWID;

CREATE INDEX items_to_decide ON items (tenant, opened_at, id) WHERE ready = 1 AND state IN ('open', 'claimed');
CREATE INDEX items_to_expire ON items (opened_at)
    WHERE ready = 1 AND state IN ('open', 'claimed') AND kind IN ('request', 'picture');
CREATE INDEX items_of_a_job ON items (job);
CREATE UNIQUE INDEX appeals_once ON items (tenant, decision) WHERE kind = 'appeal';
CREATE UNIQUE INDEX reports_open_once ON items (job, position) WHERE kind = 'report' AND state IN ('open', 'claimed');

CREATE TABLE muted_reporters (
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (tenant, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE posts (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    platform TEXT NOT NULL,
    revision INTEGER NOT NULL,
    shown INTEGER NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT '{}',
    tries INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, kind, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX posts_to_show ON posts (platform, due_at) WHERE shown < revision;
CREATE INDEX posts_of_a_subject ON posts (subject);

CREATE TABLE blocked_pictures (
    tenant TEXT NOT NULL,
    likeness TEXT NOT NULL,
    PRIMARY KEY (tenant, likeness)
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    revoked_at REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_in_use ON api_keys (name) WHERE revoked_at = 0;

CREATE TABLE default_options (
    owner TEXT PRIMARY KEY,
    options TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE installations (
    key TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    expires_at REAL NOT NULL,
    claimed_until REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE forgotten (
    owner TEXT PRIMARY KEY,
    at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rates (
    account TEXT PRIMARY KEY,
    next_at REAL NOT NULL,
    paused_until REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE shared_pictures (
    tenant TEXT NOT NULL,
    at REAL NOT NULL,
    job TEXT NOT NULL,
    position INTEGER NOT NULL,
    backend TEXT NOT NULL,
    style TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (tenant, at, job, position)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX shared_pictures_of_a_job ON shared_pictures (job, position);
