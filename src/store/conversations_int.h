#pragma once
/*
 * conversations_int: what the files of the conversations' repository share.
 */
#include "store/conversations.h"
#include "store/store_int.h"

/* Inserts one message, within the caller's transaction. */
NIMA_MUST_USE nima_rc nima_store_add_message(struct nima_ctx *ctx, struct nima_db *db,
                                             nima_str conversation_id, int64_t position,
                                             const struct nima_message_row *message,
                                             struct nima_message_row *out);
