-- What need not survive a crash: the same text in both dialects.

-- name: save_progress
INSERT INTO progress (job, step, steps, previews, at) VALUES (:job, :step, :steps, :previews, :at)
ON CONFLICT (job) DO UPDATE
SET step = excluded.step, steps = excluded.steps, previews = excluded.previews, at = excluded.at

-- name: progress
SELECT * FROM progress WHERE job = :job

-- name: delete_progress
DELETE FROM progress WHERE job = :job
