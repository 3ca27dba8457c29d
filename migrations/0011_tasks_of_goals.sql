-- The tasks of one goal are found among all of a person's.

CREATE INDEX tasks_by_goal ON tasks (user_id, goal_id, id) WHERE goal_id IS NOT NULL;
