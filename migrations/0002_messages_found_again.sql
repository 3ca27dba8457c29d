-- What was said can be found again: vectors beside the messages, and counters that tell an index
-- in memory what it has not seen yet.

-- Raised by each write of the person's messages; and what it was when messages were last deleted
-- or came in from outside.
ALTER TABLE users ADD COLUMN messages_change @int NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN messages_gone @int NOT NULL DEFAULT 0;

-- The person's messages_change of the last write to one of its messages.
ALTER TABLE conversations ADD COLUMN messages_change @int NOT NULL DEFAULT 0;
CREATE INDEX conversations_by_change ON conversations (user_id, messages_change);

ALTER TABLE messages ADD COLUMN change @int NOT NULL DEFAULT 0; -- messages_change of its last write
-- 'forgotten': never found again; 'superseded': found by a search, but put into no prompt.
ALTER TABLE messages ADD COLUMN withheld TEXT
    CHECK (withheld IN ('forgotten', 'superseded'));
ALTER TABLE messages ADD COLUMN embedding_model TEXT;
ALTER TABLE messages ADD COLUMN embedding @bytes -- float32, little-endian, unit length
    CHECK ((embedding IS NULL) = (embedding_model IS NULL));
CREATE INDEX messages_by_change ON messages (conversation_id, change);
-- Those that another model embedded, or none, are at its ends.
CREATE INDEX messages_by_model ON messages (embedding_model)
    WHERE role <> 'system' AND COALESCE(withheld, '') <> 'forgotten';
