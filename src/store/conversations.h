#pragma once
/*
 * conversations: the tables `conversations`, `messages`, `prompts` and `prompt_texts`.
 *
 * A conversation is a tree of messages of which one path is active; the others are branches that
 * were left, by an edit or another reply, and are kept. Positions rise along every path.
 */
#include "store/store.h"

/* How a reply's prompt is put together again: `record` is a JSON object that only its writer
 * reads, `text` (with its hash) is kept once for each conversation. */
struct nima_prompt_keep {
    nima_str record, hash, text;
};
struct nima_message_row {
    nima_str id;
    nima_str conversation_id;
    nima_str role; /* "user" | "assistant" | "system" */
    nima_str content;
    nima_str name; /* who said it, when told; else absent */
    int64_t timestamp;
    nima_str metadata;  /* a JSON object's text: context, remembered, interrupted … */
    int64_t position;   /* 0, 1, 2 … in the conversation; given by the store */
    nima_str withheld;  /* "forgotten": never found again; "superseded": found, but put into no
                           prompt; absent: neither */
    nima_str parent_id; /* what it follows; absent: the one a position before, if any */
    bool left;          /* on a branch that is not active; read only */
    const struct nima_prompt_keep *prompt; /* kept with it when appended; NULL: none; not read */
    /* When appended: what stands at leave_from and behind it on the active path is left, and this
     * one begins a branch there. Not read. */
    bool leaves;
    int64_t leave_from;
};
struct nima_message_rows {
    struct nima_message_row *items;
    size_t count;
};
struct nima_conversation {
    nima_str id;
    nima_str title;           /* absent: none yet */
    nima_str context_summary; /* absent: none yet */
    int64_t summary_position; /* it covers the messages before this one */
    nima_str next_summary;    /* made ahead, for when the window moves next; absent: none */
    int64_t next_position;
    nima_str metadata;
    int64_t created_at, updated_at;
    int64_t message_count;
};
struct nima_conversation_rows {
    struct nima_conversation *items; /* last updated first */
    size_t count;
    nima_str next_cursor;
};

/* Makes the conversation (CONFLICT when the id is taken) with its first messages. Ids and times
 * that are absent or 0 are given here. */
NIMA_MUST_USE nima_rc nima_conversation_create(struct nima_ctx *ctx, struct nima_store *store,
                                               const struct nima_conversation *conversation,
                                               const struct nima_message_row *messages,
                                               size_t count, struct nima_conversation *out);
NIMA_MUST_USE nima_rc nima_conversation_get(struct nima_ctx *ctx, struct nima_store *store,
                                            nima_str id, struct nima_conversation *out);
/* limit: 1..1000, 0 is 50. INVALID naming `cursor` for one that is none. */
NIMA_MUST_USE nima_rc nima_conversation_list(struct nima_ctx *ctx, struct nima_store *store,
                                             int limit, nima_str cursor,
                                             struct nima_conversation_rows *out);
/* Title, metadata, summary: absent ones stay as they are. A summary alone leaves updated_at. */
NIMA_MUST_USE nima_rc nima_conversation_update(struct nima_ctx *ctx, struct nima_store *store,
                                               const struct nima_conversation *change,
                                               struct nima_conversation *out);
/* With its messages, their bytes in the files included. */
NIMA_MUST_USE nima_rc nima_conversation_delete(struct nima_ctx *ctx, struct nima_store *store,
                                               nima_str id);
/* Appends in one transaction and moves updated_at. NOT_FOUND when the conversation is gone. */
NIMA_MUST_USE nima_rc nima_messages_append(struct nima_ctx *ctx, struct nima_store *store,
                                           nima_str conversation_id,
                                           const struct nima_message_row *messages, size_t count,
                                           struct nima_message_row *out);
/* Replaces content and metadata of one message (a reply that grew, or was learned from). */
NIMA_MUST_USE nima_rc nima_message_update(struct nima_ctx *ctx, struct nima_store *store,
                                          const struct nima_message_row *message);
/* Sets the four members of the summary as they are given, absent ones too; nothing else. */
NIMA_MUST_USE nima_rc nima_conversation_summarize(struct nima_ctx *ctx, struct nima_store *store,
                                                  const struct nima_conversation *summary);
/* Gives it another title where it still has this one; somebody else's word stays. */
NIMA_MUST_USE nima_rc nima_conversation_retitle(struct nima_ctx *ctx, struct nima_store *store,
                                                nima_str id, nima_str was, nima_str title);
/* A summary made ahead, of the messages before `to`, from a summary (`was`, absent: none) that
 * covered those before `from` and the `usable` active messages since that are not withheld. It is
 * only kept, and *kept true, while all of that is so: what was forgotten or left in the meantime
 * must not come back. */
struct nima_summary_ahead {
    nima_str id, was, text;
    int64_t from, to, usable;
};
NIMA_MUST_USE nima_rc nima_conversation_prepare(struct nima_ctx *ctx, struct nima_store *store,
                                                const struct nima_summary_ahead *summary,
                                                bool *kept);
/* The last `limit` messages of the active path, oldest first; limit 0: all. NOT_FOUND without the
 * conversation. */
NIMA_MUST_USE nima_rc nima_messages_last(struct nima_ctx *ctx, struct nima_store *store,
                                         nima_str conversation_id, int limit,
                                         struct nima_message_rows *out);
/* The same of those before a position. */
NIMA_MUST_USE nima_rc nima_messages_before(struct nima_ctx *ctx, struct nima_store *store,
                                           nima_str conversation_id, int64_t before, int limit,
                                           struct nima_message_rows *out);
/* Makes the path through the message the active one: what it follows, and of what follows it
 * always the newest. */
NIMA_MUST_USE nima_rc nima_message_activate(struct nima_ctx *ctx, struct nima_store *store,
                                            nima_str conversation_id, nima_str id);
/* Those of the conversation with positions from..before-1, branches that were left included, by
 * position; at most `limit` of them, the first ones; 0: all. */
NIMA_MUST_USE nima_rc nima_messages_between(struct nima_ctx *ctx, struct nima_store *store,
                                            nima_str conversation_id, int64_t from, int64_t before,
                                            int limit, struct nima_message_rows *out);
/* The system messages of the active path before a position, the first ones: at most 32. */
NIMA_MUST_USE nima_rc nima_messages_system(struct nima_ctx *ctx, struct nima_store *store,
                                           nima_str conversation_id, int64_t before,
                                           struct nima_message_rows *out);
/* NOT_FOUND when none was kept. */
NIMA_MUST_USE nima_rc nima_prompt_get(struct nima_ctx *ctx, struct nima_store *store,
                                      nima_str conversation_id, nima_str message_id,
                                      nima_str *record_out);
/* NOT_FOUND when it is not there. */
NIMA_MUST_USE nima_rc nima_prompt_text(struct nima_ctx *ctx, struct nima_store *store,
                                       nima_str conversation_id, nima_str hash, nima_str *out);
NIMA_MUST_USE nima_rc nima_message_get(struct nima_ctx *ctx, struct nima_store *store,
                                       nima_str conversation_id, nima_str id,
                                       struct nima_message_row *out);

/* Finding them again (messages_found.c). Every write of a person's messages raises that person's
 * change counter and writes it into the rows, so that an index in memory can read just what it has
 * not seen; and so does every fact that is forgotten or superseded with the messages it came from.
 */
struct nima_messages_change {
    int64_t change; /* 0 before the first write */
    int64_t gone;   /* of the last deletion: who has seen less must read everything anew */
};
NIMA_MUST_USE nima_rc nima_messages_change(struct nima_ctx *ctx, struct nima_store *store,
                                           struct nima_messages_change *out);
struct nima_message_found {
    struct nima_message_row row; /* without metadata */
    nima_str embedding_model;    /* absent: no embedding yet */
    const float *embedding;      /* `dims` floats, unit length; NULL: none */
    size_t dims;
};
/* Called for each message; the row lives only during the call, which must not call the store. */
typedef nima_rc (*nima_messages_visit)(struct nima_ctx *ctx, void *user,
                                       const struct nima_message_found *message);
/* Visits, in one read transaction, the person's messages written after change number `after` (-1:
 * all), those of a conversation together, by position; *out is the state they belong to. */
NIMA_MUST_USE nima_rc nima_messages_scan(struct nima_ctx *ctx, struct nima_store *store,
                                         int64_t after, nima_messages_visit visit, void *user,
                                         struct nima_messages_change *out);
/* The person's messages by id, in the order asked, without metadata; ids that are gone are left
 * out, and so is what is forgotten, or on a branch that was left. */
NIMA_MUST_USE nima_rc nima_messages_get_many(struct nima_ctx *ctx, struct nima_store *store,
                                             const nima_str *ids, size_t count,
                                             struct nima_message_rows *out);
/* Marks a message as forgotten: what it says was asked to be forgotten. */
NIMA_MUST_USE nima_rc nima_message_withhold(struct nima_ctx *ctx, struct nima_store *store,
                                            nima_str conversation_id, nima_str id);
struct nima_message_waiting {
    nima_str user_id, conversation_id, id, name, content;
    int64_t change;
};
struct nima_messages_waiting {
    struct nima_message_waiting *items; /* those of one person together */
    size_t count;
};
/* Of all people, not ctx->user_id's alone: up to `limit` messages without a vector of `model`,
 * system messages and forgotten ones apart. */
NIMA_MUST_USE nima_rc nima_messages_waiting(struct nima_ctx *ctx, struct nima_store *store,
                                            nima_str model, int limit,
                                            struct nima_messages_waiting *out);
/* Stores vectors of ctx->user_id's messages, sorted as nima_messages_waiting gives them, in one
 * transaction: vectors[i * dims …] for items[i]. What was written since it was read, or is gone, is
 * left alone. */
NIMA_MUST_USE nima_rc nima_messages_set_embeddings(struct nima_ctx *ctx, struct nima_store *store,
                                                   const struct nima_message_waiting *items,
                                                   size_t count, nima_str model,
                                                   const float *vectors, size_t dims);
