-- What is not over yet of a person's tasks is counted with each new one.

CREATE INDEX tasks_open ON tasks (user_id) WHERE status IN ('pending', 'running', 'awaiting_approval');
