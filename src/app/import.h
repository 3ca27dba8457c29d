#pragma once
/*
 * import: what other programs exported, taken in for ctx->user_id. Doing it again adds only what
 * has come since: conversations and messages get ids that follow from theirs, a fact is the same
 * by its words. *out is counted on from what it is, so that several files make one report.
 */
#include "store/store.h"

enum { NIMA_LEFT_REASONS_MAX = 12, NIMA_LEFT_NAME_BYTES_MAX = 80 };

struct nima_left_out {
    const char *why; /* "it holds no messages"; static */
    int64_t count;
    char first[NIMA_LEFT_NAME_BYTES_MAX + 1]; /* what the first one is called, or "" */
};
struct nima_imported {
    int64_t added, there, left_out;
    int64_t grown; /* conversations that were there and got the messages written since */
    struct nima_left_out reasons[NIMA_LEFT_REASONS_MAX]; /* up to the first without `why` */
    struct nima_left_out notes[NIMA_LEFT_REASONS_MAX];   /* taken in, but not as it was */
};
/* One more that is left out: `why` is static, `name` may be absent. */
void nima_imported_leave(struct nima_imported *done, const char *why, nima_str name);
void nima_imported_note(struct nima_imported *done, const char *why, nima_str name);

/* ChatGPT's conversations.json (a list, one conversation, or one a line): of each conversation the
 * branch that was last looked at. MALFORMED for a file that is cut short, after what was whole in
 * it was taken in; INVALID for one without a conversation. */
NIMA_MUST_USE nima_rc nima_import_chatgpt(struct nima_ctx *ctx, struct nima_store *store,
                                          nima_str text, struct nima_imported *out);
/* mem0's export and OpenMemory's: a list of memories, one a line, or {"results": […]} or
 * {"memories": […]} around it. `from`: the user_id there whose memories are meant; absent: the only
 * one of the file, or else the one of ctx->user_id's name, or else INVALID naming them. */
NIMA_MUST_USE nima_rc nima_import_mem0(struct nima_ctx *ctx, struct nima_store *store,
                                       nima_str text, nima_str from, struct nima_imported *out);
