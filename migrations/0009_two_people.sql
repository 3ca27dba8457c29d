-- Approval by two people: the first one's is kept beside the one that lets the task run.

ALTER TABLE tasks ADD COLUMN two_person @int NOT NULL DEFAULT 0; -- 1: two different people must approve
ALTER TABLE tasks ADD COLUMN first_hash TEXT; -- params_hash as the first one approved it
ALTER TABLE tasks ADD COLUMN first_by TEXT;
CREATE INDEX tasks_for_two ON tasks (id) WHERE two_person = 1;
