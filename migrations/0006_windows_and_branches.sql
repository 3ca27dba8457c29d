-- What has left the window in short, branches of a conversation, and what each prompt was made of.

ALTER TABLE conversations ADD COLUMN summary_position @int NOT NULL DEFAULT 0; -- context_summary covers those before it
ALTER TABLE conversations ADD COLUMN next_summary TEXT; -- made ahead, for when the window moves next
ALTER TABLE conversations ADD COLUMN next_position @int NOT NULL DEFAULT 0;

ALTER TABLE messages ADD COLUMN parent_id @uuid; -- what it follows; NULL: the one a position before
ALTER TABLE messages ADD COLUMN active @int NOT NULL DEFAULT 1; -- 0: on a branch that was left
CREATE INDEX messages_left ON messages (conversation_id, position) WHERE active = 0;
CREATE INDEX messages_system ON messages (conversation_id, position) WHERE role = 'system';

-- How a reply's prompt is put together again, exactly.
CREATE TABLE prompts (
    message_id @uuid NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    record @json NOT NULL
) @strict;

-- System messages, each once in a conversation.
CREATE TABLE prompt_texts (
    conversation_id @uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    hash TEXT NOT NULL, -- of the text as it was given to the model
    text TEXT NOT NULL,
    PRIMARY KEY (conversation_id, hash)
) @strict;
