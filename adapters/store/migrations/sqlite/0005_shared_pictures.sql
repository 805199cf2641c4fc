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

INSERT INTO shared_pictures (tenant, at, job, position, backend, style, words)
SELECT j.tenant, p.shared_at, p.job, p.position, j.backend, coalesce(json_extract(j.request, '$.style'), ''),
    folded(json_extract(j.request, '$.prompt'))
FROM pictures AS p JOIN jobs AS j ON j.id = p.job
WHERE p.shared = 1 AND p.deleted = 0 AND j.state = 'delivered';

DROP INDEX pictures_shared;
ALTER TABLE pictures DROP COLUMN shared_at;
