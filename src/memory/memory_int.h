#pragma once
/*
 * Private to src/memory.
 */
#include <pthread.h>

#include "llm/llm.h"
#include "memory/memory.h"
#include "memory/people.h"
#include "memory/talk_embed.h"

struct nima_learner;
struct nima_undo;
/* The change of the embedding model (renew.c). What has no comment is the ticking thread's own. */
enum nima_walk { NIMA_WALK_COUNTING, NIMA_WALK_RENEWING, NIMA_WALK_CHECKING, NIMA_WALK_DONE };
struct nima_renew {
    pthread_mutex_t lock; /* guards what others read: to `waiting`; one thread writes */
    enum nima_walk walk;
    char model[128];        /* the present one, since the walk began */
    char former[128];       /* whose vectors there are most of, else; "": none */
    bool former_failed;     /* it cannot be loaded */
    int64_t renewed;        /* by this process */
    int64_t total, waiting; /* active facts of all people; those that the present one has not yet */
    char *person;           /* the walk's; NULL: before the first */
    bool inside;            /* of the person, not done with them */
    char behind[64];        /* the id that was looked at last; "": before the first */
    bool wrapped;           /* past the last id, and again from the first */
    bool needed;            /* a loaded index has vectors of another model */
    int64_t seen_total, seen_waiting; /* counted so far */
    int64_t began_ms, pause_ms, pause_until_ms, former_ms, former_until_ms;
    struct {
        char name[128];
        int64_t count;
    } others[NIMA_FACT_MODELS_MAX];
    size_t other_count;
};

struct nima_memory {
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory_options options;
    struct nima_people people;
    struct nima_learner *learner;
    struct nima_undo *undo;
    struct nima_renew renew;
    struct nima_talk_embedder embedder;
};

void nima_memory_renew_init(struct nima_renew *renew);
void nima_memory_renew_done(struct nima_renew *renew);
/* Works for half a second at most; true: there is more to do. */
bool nima_memory_renew(struct nima_ctx *ctx, struct nima_memory *memory);
struct nima_renewed {
    size_t seen, set; /* facts looked at, vectors stored; 0 and 0: there is none left */
    nima_str last;    /* id */
    bool met;         /* somebody else was faster with some of them */
};
/* Embeds a few of ctx->user_id's facts behind an id (absent: from the first) that `model` has not
 * embedded; model absent: that none has. UNAVAILABLE when no model can do it now. */
NIMA_MUST_USE nima_rc nima_memory_renew_some(struct nima_ctx *ctx, struct nima_memory *memory,
                                             nima_str model, nima_str behind_id,
                                             struct nima_renewed *out);
/* The model before the present one, while there are vectors of it and it is loaded; else absent. */
nima_str nima_memory_former(struct nima_ctx *ctx, struct nima_memory *memory);

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
/* What a decision was made by: the facts' change number; ANY: by nothing. */
enum { NIMA_SEEN_ANY = -1 };
/* Stores one checked and embedded fact that takes the place of old_id (absent: of none), and keeps
 * the index right. BUSY when the facts have changed since `seen`, and nothing is stored. */
NIMA_MUST_USE nima_rc nima_memory_put_seen(struct nima_ctx *ctx, struct nima_memory *memory,
                                           int64_t seen, nima_str old_id,
                                           const struct nima_fact *fact, struct nima_fact *out,
                                           bool *created);
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

/* INVALID naming the field of a query that makes no sense. */
NIMA_MUST_USE nima_rc nima_memory_check_query(struct nima_ctx *ctx,
                                              const struct nima_memory_query *query);
