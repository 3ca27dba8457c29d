-- What is to happen at a time or upon an event, and what came of it.

CREATE TABLE schedules (
    id @uuid NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('cron', 'at', 'every', 'event')),
    spec TEXT NOT NULL, -- the line, the time, the interval or the event's name
    timezone TEXT NOT NULL, -- whose clocks a cron line goes by
    action TEXT NOT NULL CHECK (action IN ('remind', 'prompt', 'task')),
    body TEXT NOT NULL, -- the reminder, the prompt, or the task's JSON
    conversation_id @uuid, -- where it goes; may be gone since
    enabled @int NOT NULL CHECK (enabled IN (0, 1)),
    next_at @time, -- NULL: nothing is to come by itself
    last_at @time,
    created_at @time NOT NULL,
    updated_at @time NOT NULL
) @strict;

CREATE INDEX schedules_by_person ON schedules (user_id, id);
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE schedule_runs (
    id @uuid NOT NULL PRIMARY KEY,
    schedule_id @uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    due_at @time NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('due', 'running', 'done', 'failed')),
    attempts @int NOT NULL,
    not_before @time NOT NULL, -- of one that waits or is at work: when it may be taken up (again)
    started_at @time,
    finished_at @time,
    conversation_id @uuid, -- where it went
    message_id @uuid,
    error TEXT,
    UNIQUE (schedule_id, due_at) -- a firing happens once, whoever sees it first
) @strict;

CREATE INDEX schedule_runs_open ON schedule_runs (not_before) WHERE status IN ('due', 'running');
CREATE INDEX schedule_runs_by_person ON schedule_runs (user_id, finished_at, id);
