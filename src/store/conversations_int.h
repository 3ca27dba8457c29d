#pragma once
/*
 * conversations_int: what the files of the conversations' repository share.
 */
#include "store/conversations.h"
#include "store/store_int.h"

struct nima_message_place {
    nima_str conversation_id;
    int64_t position;
    int64_t change; /* from nima_store_raise_messages */
    nima_str parent_id;
};
/* Inserts one message, within the caller's transaction. */
NIMA_MUST_USE nima_rc nima_store_add_message(struct nima_ctx *ctx, struct nima_db *db,
                                             const struct nima_message_place *place,
                                             const struct nima_message_row *message,
                                             struct nima_message_row *out);

/* prompts.c: keeps what is to be kept of the reply's prompt, within the caller's transaction. */
NIMA_MUST_USE nima_rc nima_store_keep_prompt(struct nima_ctx *ctx, struct nima_db *db,
                                             nima_str conversation_id, nima_str message_id,
                                             const struct nima_prompt_keep *prompt);
/* Appends one message to a conversation of ctx->user_id, within the caller's transaction. */
NIMA_MUST_USE nima_rc nima_store_append(struct nima_ctx *ctx, struct nima_db *db,
                                        nima_str conversation_id,
                                        const struct nima_message_row *message,
                                        struct nima_message_row *out);

/* branches.c: leaves what stands at the position and behind it, within the caller's transaction, as
 * the person's change number `change` of messages. A summary that tells of it goes, too. */
NIMA_MUST_USE nima_rc nima_store_leave(struct nima_ctx *ctx, struct nima_db *db,
                                       nima_str conversation_id, int64_t from, int64_t change);
