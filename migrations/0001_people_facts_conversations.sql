-- Who there is, what is remembered of them, and what was said.
--
-- Written once for every engine (docs/store.md): the words @uuid @time @json @bytes @int @real,
-- and @strict after a table, are spelled as the engine does; lines between "-- @sqlite" (or "-- @postgres") and
-- "-- @end" are for that engine alone.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    facts_change @int NOT NULL DEFAULT 0, -- raised by each write of the person's facts
    created_at @time NOT NULL
) @strict;

CREATE TABLE human_profiles (
    user_id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    preferences @json NOT NULL,
    context @json NOT NULL,
    updated_at @time NOT NULL
) @strict;

CREATE TABLE facts (
    id @uuid NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    fact TEXT NOT NULL,
    fact_hash @bytes NOT NULL, -- SHA-256 of fact: an index on the text itself has limits of length
    category TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('conversation', 'explicit', 'inferred')),
    confidence @real NOT NULL CHECK (confidence >= 0 AND confidence <= 1),
    status TEXT NOT NULL CHECK (status IN ('active', 'superseded')),
    superseded_by @uuid REFERENCES facts (id) ON DELETE SET NULL,
    conversation_id @uuid, -- where it was said; may be gone since
    message_id @uuid,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    metadata @json NOT NULL,
    embedding_model TEXT,
    embedding @bytes, -- float32, little-endian, unit length; last, since it is long
    CHECK ((embedding IS NULL) = (embedding_model IS NULL))
) @strict;

-- The same person cannot hold the same text twice.
CREATE UNIQUE INDEX facts_active_text ON facts (user_id, fact_hash) WHERE status = 'active';
-- Lists in the order of ids; filters and counts are answered by the index alone.
CREATE INDEX facts_by_person ON facts (user_id, id, status, category, source);
CREATE INDEX facts_by_category ON facts (user_id, category, id, status, source);
CREATE INDEX facts_without_embedding ON facts (user_id, id, status) WHERE embedding IS NULL;
CREATE INDEX facts_by_superseder ON facts (superseded_by) WHERE superseded_by IS NOT NULL;

CREATE TABLE fact_versions (
    fact_id @uuid NOT NULL REFERENCES facts (id) ON DELETE CASCADE,
    version @int NOT NULL, -- 1, 2, 3 … of the fact
    user_id TEXT NOT NULL,
    fact TEXT NOT NULL,
    category TEXT NOT NULL,
    source TEXT NOT NULL,
    confidence @real NOT NULL,
    conversation_id @uuid,
    message_id @uuid,
    created_at @time NOT NULL,
    replaced_at @time NOT NULL,
    metadata @json NOT NULL,
    PRIMARY KEY (fact_id, version)
) @strict;

CREATE TABLE conversations (
    id @uuid NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    title TEXT,
    context_summary TEXT,
    message_count @int NOT NULL DEFAULT 0,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    metadata @json NOT NULL
) @strict;

CREATE INDEX conversations_by_person ON conversations (user_id, updated_at, id);

CREATE TABLE messages (
    id @uuid NOT NULL PRIMARY KEY,
    conversation_id @uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    position @int NOT NULL, -- 0, 1, 2 … in the conversation
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    name TEXT,
    content TEXT NOT NULL,
    timestamp @time NOT NULL,
    metadata @json NOT NULL,
    UNIQUE (conversation_id, position)
) @strict;

CREATE TABLE api_tokens (
    id @uuid NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE, -- SHA-256 of the token, hexadecimal; the token itself is nowhere
    scopes TEXT NOT NULL,
    created_at @time NOT NULL,
    revoked_at @time,
    last_used_at @time
) @strict;

CREATE INDEX api_tokens_valid ON api_tokens (user_id) WHERE revoked_at IS NULL;

CREATE TABLE idempotency (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    route TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status @int NOT NULL,
    reply TEXT NOT NULL,
    created_at @time NOT NULL,
    PRIMARY KEY (user_id, key, route)
) @strict;

CREATE INDEX idempotency_by_age ON idempotency (created_at);
