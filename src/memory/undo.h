#pragma once
/*
 * undo: facts that were forgotten, for ten minutes, in the memory of this process alone: on disk
 * they are gone.
 *
 * Lifetime   Made with the memory, freed with it.
 * Ownership  Copies what it is given.
 * Threads    Any.
 */
#include "store/facts.h"

enum {
    NIMA_UNDO_MS = 10 * 60 * 1000,
    NIMA_UNDO_MAX = 1024, /* of all persons; the oldest makes room */
    NIMA_UNDO_TOKEN_CHARS = 32
};

struct nima_undo;
struct nima_undo *nima_memory_undo_new(void);
void nima_memory_undo_free(struct nima_undo *undo);
/* Keeps a fact of ctx->user_id; its token. */
nima_str nima_memory_undo_keep(struct nima_ctx *ctx, struct nima_undo *undo,
                               const struct nima_fact *fact);
/* Takes it out again, by its token or its id (the other one absent); false: there is none, or its
 * time is over. */
bool nima_memory_undo_take(struct nima_ctx *ctx, struct nima_undo *undo, nima_str token,
                           nima_str fact_id, struct nima_fact *out);
/* Nothing of the person stays. */
void nima_memory_undo_drop(struct nima_undo *undo, nima_str user_id);
/* Lets go of what is too old. */
void nima_memory_undo_sweep(struct nima_undo *undo);
