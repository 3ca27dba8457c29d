-- Which knowledge packs a person switched on or off.

CREATE TABLE pack_activations (
    user_id TEXT NOT NULL,
    pack_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL, -- '': all of the person's
    state TEXT NOT NULL CHECK (state IN ('on', 'off')),
    version TEXT, -- that one alone; NULL: the highest there is
    updated_at @time NOT NULL,
    PRIMARY KEY (user_id, pack_id, conversation_id)
) @strict;

CREATE INDEX pack_activations_by_conversation ON pack_activations (conversation_id)
    WHERE conversation_id <> '';
