#pragma once
/*
 * packs: the table `pack_activations`: which knowledge packs a person switched on or off, for all
 * conversations or for one. A row of neither is not there: the topic decides.
 */
#include "store/store.h"

struct nima_activation {
    nima_str pack_id;
    nima_str conversation_id; /* empty: all conversations of this person */
    bool on;
    nima_str version; /* that one and no other; absent: the highest there is */
    int64_t updated_at;
};
struct nima_activations {
    struct nima_activation *items; /* those for all conversations first */
    size_t count;
};
/* Those for all conversations, and those for this one (may be absent). */
NIMA_MUST_USE nima_rc nima_activations_list(struct nima_ctx *ctx, struct nima_store *store,
                                            nima_str conversation_id, struct nima_activations *out);
/* NOT_FOUND when the conversation is not this person's. */
NIMA_MUST_USE nima_rc nima_activations_put(struct nima_ctx *ctx, struct nima_store *store,
                                           const struct nima_activation *activation);
/* Deleting what is not there is success. */
NIMA_MUST_USE nima_rc nima_activations_delete(struct nima_ctx *ctx, struct nima_store *store,
                                              nima_str pack_id, nima_str conversation_id);
