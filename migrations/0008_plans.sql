-- Several steps that were asked for at once: they run in their order and stop at the first that fails.

ALTER TABLE tasks ADD COLUMN plan_id @uuid; -- the first step's id, which stands for all; NULL: it is alone
ALTER TABLE tasks ADD COLUMN step @int NOT NULL DEFAULT 0; -- 0, 1, 2 …
CREATE INDEX tasks_by_plan ON tasks (plan_id, step) WHERE plan_id IS NOT NULL;
