#pragma once
/*
 * conversations: the tables `conversations` and `messages`.
 */
#include "store/store.h"

struct nima_message_row {
    nima_str id;
    nima_str conversation_id;
    nima_str role; /* "user" | "assistant" | "system" */
    nima_str content;
    nima_str name; /* who said it, when told; else absent */
    int64_t timestamp;
    nima_str metadata; /* a JSON object's text: context, remembered, interrupted … */
    int64_t position;  /* 0, 1, 2 … in the conversation; given by the store */
};
struct nima_message_rows {
    struct nima_message_row *items;
    size_t count;
};
struct nima_conversation {
    nima_str id;
    nima_str title;           /* absent: none yet */
    nima_str context_summary; /* absent: none yet */
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
/* The last `limit` messages, oldest first; limit 0: all. NOT_FOUND without the conversation. */
NIMA_MUST_USE nima_rc nima_messages_last(struct nima_ctx *ctx, struct nima_store *store,
                                         nima_str conversation_id, int limit,
                                         struct nima_message_rows *out);
NIMA_MUST_USE nima_rc nima_message_get(struct nima_ctx *ctx, struct nima_store *store,
                                       nima_str conversation_id, nima_str id,
                                       struct nima_message_row *out);
