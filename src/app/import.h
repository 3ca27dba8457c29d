#pragma once
/*
 * import: what other programs exported, taken in for ctx->user_id. Doing it again adds nothing:
 * conversations and messages get ids that follow from theirs, a fact is the same by its words.
 */
#include "store/store.h"

struct nima_imported {
    int64_t added, there, left_out; /* left out: empty, or longer than a fact may be */
};
/* ChatGPT's conversations.json: of each conversation the branch that was last looked at. */
NIMA_MUST_USE nima_rc nima_import_chatgpt(struct nima_ctx *ctx, struct nima_store *store,
                                          nima_str text, struct nima_imported *out);
/* mem0's export: a list of memories, or {"results": […]} or {"memories": […]} around it. */
NIMA_MUST_USE nima_rc nima_import_mem0(struct nima_ctx *ctx, struct nima_store *store,
                                       nima_str text, struct nima_imported *out);
