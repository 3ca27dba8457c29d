#pragma once
/*
 * Private to src/memory.
 */
#include "llm/llm.h"
#include "memory/memory.h"
#include "memory/people.h"

struct nima_learner;

struct nima_memory {
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory_options options;
    struct nima_people people;
    struct nima_learner *learner;
};

/* The present embedding model's name in `state`; absent while none is loaded. */
nima_str nima_memory_model(struct nima_memory *memory, struct nima_llm_state *state);

/* Embeds; out->items stays NULL when no model can do it now (everything then goes by words). Only
 * CANCELLED and TIMEOUT come through. */
NIMA_MUST_USE nima_rc nima_memory_embed(struct nima_ctx *ctx, struct nima_memory *memory,
                                        const nima_str *texts, size_t count,
                                        struct nima_vectors *out, nima_str *model_out);
/* Fills embedding, dims and model of `count` facts. */
NIMA_MUST_USE nima_rc nima_memory_embed_facts(struct nima_ctx *ctx, struct nima_memory *memory,
                                              struct nima_fact *facts, size_t count);

/* learn.c: what the model makes of a message whose rules' facts are stored already. */
NIMA_MUST_USE nima_rc nima_memory_learn_by_model(struct nima_ctx *ctx, struct nima_memory *memory,
                                                 const struct nima_utterance *said,
                                                 struct nima_learned_list *out);

/* INVALID naming `prefix`field, or NIMA_OK; absent metadata becomes "{}". */
NIMA_MUST_USE nima_rc nima_memory_check_fact(struct nima_ctx *ctx, const char *prefix,
                                             struct nima_fact *fact);
/* Stores one checked and embedded fact that takes the place of old_id, and keeps the index right.
 */
NIMA_MUST_USE nima_rc nima_memory_supersede(struct nima_ctx *ctx, struct nima_memory *memory,
                                            nima_str old_id, const struct nima_fact *fact,
                                            struct nima_fact *out);
/* Gives id and times, stores, keeps the index right. Facts are checked and embedded. */
NIMA_MUST_USE nima_rc nima_memory_store_facts(struct nima_ctx *ctx, struct nima_memory *memory,
                                              struct nima_fact *facts, size_t count,
                                              struct nima_fact *out, bool *created);

/* One thing to look for. */
struct nima_probe {
    nima_str text;
    const float *vector; /* NULL: by words alone */
    size_t dims;
};
struct nima_find {
    const struct nima_probe *probes; /* a hit's parts are its best over all of them */
    size_t probe_count;
    nima_str model;
    nima_str category;
    double min_confidence, min_score;
    size_t limit;
    bool approximate; /* the index's own cosines (off by less than 0.01) are good enough */
};
/* The search behind search, recall and learning: facts with exact scores, best first. */
NIMA_MUST_USE nima_rc nima_memory_find(struct nima_ctx *ctx, struct nima_memory *memory,
                                       const struct nima_find *find, struct nima_memory_hits *out);
