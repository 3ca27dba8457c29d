-- What a person wants to reach, the steps to it, and how it went.

CREATE TABLE goals (
    id @uuid NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'completed', 'paused')),
    deadline @time,
    progress @real NOT NULL DEFAULT 0 CHECK (progress >= 0 AND progress <= 1),
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    completed_at @time,
    alerted TEXT, -- the last alert that was told: each is told once
    metadata @json NOT NULL,
    CHECK ((status = 'completed') = (completed_at IS NOT NULL))
) @strict;

CREATE INDEX goals_by_person ON goals (user_id, id, status);

CREATE TABLE milestones (
    id @uuid NOT NULL PRIMARY KEY,
    goal_id @uuid NOT NULL REFERENCES goals (id) ON DELETE CASCADE,
    position @int NOT NULL, -- order within the goal
    title TEXT NOT NULL,
    -- @sqlite
    completed INTEGER GENERATED ALWAYS AS (completed_at IS NOT NULL) VIRTUAL,
    -- @postgres
    completed BOOLEAN GENERATED ALWAYS AS (completed_at IS NOT NULL) STORED,
    -- @end
    completed_at @time,
    created_at @time NOT NULL
) @strict;

CREATE INDEX milestones_by_goal ON milestones (goal_id, position);

-- One row for each thing that happened to a goal; nothing is ever changed here.
CREATE TABLE goal_progress (
    id @uuid NOT NULL PRIMARY KEY,
    goal_id @uuid NOT NULL REFERENCES goals (id) ON DELETE CASCADE,
    recorded_at @time NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('created', 'edited', 'progress', 'milestone', 'status', 'alert')),
    progress @real NOT NULL, -- of the goal, after it
    status TEXT NOT NULL, -- of the goal, after it
    milestone_id @uuid, -- the one it was about; may be gone since
    note TEXT
) @strict;

CREATE INDEX goal_progress_by_goal ON goal_progress (goal_id, recorded_at, id);
