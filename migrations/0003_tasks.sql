-- What Nima is asked to do, and the record of it.

CREATE TABLE tasks (
    id @uuid NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    type TEXT NOT NULL, -- the integration: file, api
    action TEXT NOT NULL,
    params @json NOT NULL,
    params_hash TEXT NOT NULL, -- SHA-256 of type, action and params as they are run
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'running', 'completed', 'failed', 'awaiting_approval', 'cancelled')),
    result @json,
    error TEXT,
    error_code TEXT,
    attempts @int NOT NULL,
    max_attempts @int NOT NULL,
    timeout_s @int NOT NULL,
    priority @int NOT NULL,
    origin TEXT NOT NULL, -- api, chat, schedule, goal
    approved_hash TEXT, -- what was approved: runs only while it is params_hash
    approved_by TEXT,
    conversation_id @uuid,
    goal_id @uuid,
    lease_owner TEXT, -- of the process at work; attempts tells its turns apart
    lease_until @time,
    cancel_requested @int NOT NULL,
    next_attempt_at @time,
    expires_at @time, -- of a proposal
    created_at @time NOT NULL,
    started_at @time,
    completed_at @time,
    changed_at @time NOT NULL
) @strict;

CREATE INDEX tasks_by_person ON tasks (user_id, id);
CREATE INDEX tasks_by_conversation ON tasks (conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX tasks_due ON tasks (next_attempt_at) WHERE status = 'pending';
CREATE INDEX tasks_leased ON tasks (lease_until) WHERE status = 'running';
CREATE INDEX tasks_proposed ON tasks (expires_at) WHERE status = 'awaiting_approval';

-- A chain for each person: every row holds the hash of the one before. Rows are only ever added,
-- until the person is forgotten.
CREATE TABLE task_audit (
    user_id TEXT NOT NULL,
    seq @int NOT NULL, -- 1, 2, 3 …
    at @time NOT NULL,
    task_id @uuid,
    actor TEXT NOT NULL, -- a person, or "nima"
    event TEXT NOT NULL,
    type TEXT NOT NULL,
    action TEXT NOT NULL,
    policy TEXT NOT NULL, -- the row of the configuration that decided
    details @json NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (user_id, seq)
) @strict;

-- The last link of each chain: without it nobody would miss the last rows.
CREATE TABLE task_audit_heads (
    user_id TEXT NOT NULL PRIMARY KEY,
    seq @int NOT NULL,
    hash TEXT NOT NULL
) @strict;
