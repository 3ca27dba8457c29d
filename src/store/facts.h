#pragma once
/*
 * facts: the tables `facts` and `fact_versions`. Each write of a person's facts raises that
 * person's change counter in the same transaction and returns it, so that an index in memory
 * knows whether it has seen everything (see memory/index).
 */
#include "store/store.h"

/* What stands in place of a forgotten fact's text. */
#define NIMA_FORGOTTEN_TEXT "[forgotten]"

struct nima_fact {
    nima_str id;
    nima_str fact;
    nima_str category;
    nima_str source; /* "conversation" | "explicit" | "inferred" */
    double confidence;
    nima_str metadata; /* a JSON object's text */
    int64_t created_at, updated_at;
    nima_str status;          /* "active" | "superseded" */
    nima_str superseded_by;   /* absent unless superseded */
    nima_str conversation_id; /* where it came from; absent when not from a chat */
    nima_str message_id;
    nima_str embedding_model; /* absent: no embedding yet */
    const float *embedding;   /* `dims` floats, unit length; NULL: none, or not asked for */
    size_t dims;
};
struct nima_fact_rows {
    struct nima_fact *items;
    size_t count;
    nima_str next_cursor; /* absent at the end */
};
struct nima_fact_filter {
    nima_str category, source, status; /* absent: any */
    double min_confidence;
    nima_str contains; /* text that must occur, letter case ignored; absent: any */
    int64_t since;     /* updated at or after; 0: any */
    int limit;
    nima_str cursor; /* opaque, from next_cursor; absent: from the newest */
};

/* Inserts as active, or, when the person has an active fact of exactly this text, updates its
 * updated_at (confidence to the higher of both, metadata when not "{}", the embedding when given)
 * and returns that row. An absent id and times of 0 are given here; metadata may be absent.
 * INVALID names the field; CONFLICT for an id that is taken. Rows that come back from a write
 * carry embedding_model but no embedding. */
NIMA_MUST_USE nima_rc nima_facts_put(struct nima_ctx *ctx, struct nima_store *store,
                                     const struct nima_fact *fact, struct nima_fact *out,
                                     bool *created_out, int64_t *change_out);
/* The same for many, all or nothing. out: `count` rows. created: `count` flags. */
NIMA_MUST_USE nima_rc nima_facts_put_many(struct nima_ctx *ctx, struct nima_store *store,
                                          const struct nima_fact *facts, size_t count,
                                          struct nima_fact *out, bool *created,
                                          int64_t *change_out);
/* With its embedding, as the next one. NOT_FOUND for what is no UUID, too. */
NIMA_MUST_USE nima_rc nima_facts_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                     struct nima_fact *out);
/* Rows by id in the order asked; ids that are gone are left out. */
NIMA_MUST_USE nima_rc nima_facts_get_many(struct nima_ctx *ctx, struct nima_store *store,
                                          const nima_str *ids, size_t count,
                                          struct nima_fact_rows *out);
/* Active facts whose metadata say {"pinned": true}, newest first, at most `limit` (1..1000). Reads
 * all of the person's facts: to be asked when they changed. */
NIMA_MUST_USE nima_rc nima_facts_pinned(struct nima_ctx *ctx, struct nima_store *store, int limit,
                                        struct nima_fact_rows *out);
/* Embeddings by id, for the exact scores of a search's candidates (the index holds rounded ones):
 * out[i * dims …] for ids[i]; found[i] is false where the row is gone or has none of that model
 * and of that many dims. One query for all: it is part of every search. */
NIMA_MUST_USE nima_rc nima_facts_embeddings(struct nima_ctx *ctx, struct nima_store *store,
                                            const nima_str *ids, size_t count, nima_str model,
                                            size_t dims, float *out, bool *found);
/* Newest first (by id, which sorts by time), without embeddings. limit: 1..1000, 0 is 50. INVALID
 * naming `cursor` for one that is none. `contains` ignores the case of ASCII letters only, and
 * reads the person's facts until it has found enough. */
NIMA_MUST_USE nima_rc nima_facts_list(struct nima_ctx *ctx, struct nima_store *store,
                                      const struct nima_fact_filter *filter,
                                      struct nima_fact_rows *out);
/* Replaces text, category, source, confidence, metadata and embedding of fact->id; what was there
 * is kept in fact_versions when the text changed. With the text unchanged and no embedding given,
 * the one that is there stays. CONFLICT when another active fact says exactly this. */
NIMA_MUST_USE nima_rc nima_facts_update(struct nima_ctx *ctx, struct nima_store *store,
                                        const struct nima_fact *fact, struct nima_fact *out,
                                        int64_t *change_out);
/* Puts `fact` (as nima_facts_put) and marks `old_id` superseded by it, in one transaction.
 * CONFLICT when it is superseded already. With the old fact's own words it is a mere put. */
NIMA_MUST_USE nima_rc nima_facts_supersede(struct nima_ctx *ctx, struct nima_store *store,
                                           nima_str old_id, const struct nima_fact *fact,
                                           struct nima_fact *out, int64_t *change_out);
/* The same two for who decided by what the facts were at change number `seen`: BUSY, and nothing is
 * written, when they have changed since, in whatever process. */
NIMA_MUST_USE nima_rc nima_facts_put_seen(struct nima_ctx *ctx, struct nima_store *store,
                                          int64_t seen, const struct nima_fact *fact,
                                          struct nima_fact *out, bool *created_out,
                                          int64_t *change_out);
NIMA_MUST_USE nima_rc nima_facts_supersede_seen(struct nima_ctx *ctx, struct nima_store *store,
                                                int64_t seen, nima_str old_id,
                                                const struct nima_fact *fact, struct nima_fact *out,
                                                int64_t *change_out);
/* The fact and its versions, their bytes in the files included; NOT_FOUND when there is none. A
 * fact that it had superseded stays superseded, by nobody. */
NIMA_MUST_USE nima_rc nima_facts_delete(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                        int64_t *change_out);
struct nima_fact_versions {
    struct nima_fact *items; /* oldest first; updated_at is when it was replaced */
    size_t count;
};
NIMA_MUST_USE nima_rc nima_facts_versions(struct nima_ctx *ctx, struct nima_store *store,
                                          nima_str id, struct nima_fact_versions *out);

struct nima_fact_count {
    nima_str name;
    int64_t count;
};
struct nima_fact_stats {
    int64_t total, active, superseded;
    int64_t with_embedding; /* this and the lists: of active facts; most first */
    struct {
        struct nima_fact_count *items;
        size_t count;
    } by_category, by_source;
};
NIMA_MUST_USE nima_rc nima_facts_stats(struct nima_ctx *ctx, struct nima_store *store,
                                       struct nima_fact_stats *out);

/* The person's change counter: 0 before the first write. */
NIMA_MUST_USE nima_rc nima_facts_change(struct nima_ctx *ctx, struct nima_store *store,
                                        int64_t *out);
/* Called for each active fact with its embedding; the row lives only during the call. It must not
 * call the store: the scan holds one of the store's read connections. */
typedef nima_rc (*nima_facts_visit)(struct nima_ctx *ctx, void *user, const struct nima_fact *fact);
/* Visits all active facts of the person, oldest first, in one read transaction; *change_out is the
 * counter that this state belongs to. */
NIMA_MUST_USE nima_rc nima_facts_scan(struct nima_ctx *ctx, struct nima_store *store,
                                      nima_facts_visit visit, void *user, int64_t *change_out);

/* Changing the embedding model (memory/renew.c) */

/* Ids of all people, in order, behind `after` (absent: from the first); `ids` has room for `limit`.
 * The one call here that is not about ctx->user_id. */
NIMA_MUST_USE nima_rc nima_facts_people(struct nima_ctx *ctx, struct nima_store *store,
                                        nima_str after, int limit, nima_str *ids,
                                        size_t *count_out);
enum { NIMA_FACT_MODELS_MAX = 8 };
struct nima_fact_models { /* active facts by the model of their vector; name absent: none yet */
    struct nima_fact_count items[NIMA_FACT_MODELS_MAX]; /* most first; the rarest may be left out */
    size_t count;
};
NIMA_MUST_USE nima_rc nima_facts_models(struct nima_ctx *ctx, struct nima_store *store,
                                        struct nima_fact_models *out);
/* Active facts, and those among them that `model` has embedded: one pass, nothing sorted. */
NIMA_MUST_USE nima_rc nima_facts_embedded(struct nima_ctx *ctx, struct nima_store *store,
                                          nima_str model, int64_t *total, int64_t *embedded);
/* Id and text of active facts that `model` has not embedded (absent: that have no vector at all),
 * behind an id (absent: from the first), in order, the first `skip` of them left out. */
NIMA_MUST_USE nima_rc nima_facts_without(struct nima_ctx *ctx, struct nima_store *store,
                                         nima_str model, nima_str behind, int64_t skip, int limit,
                                         struct nima_fact_rows *out);
/* Stores embeddings of facts (id, fact, embedding, dims, embedding_model), in one transaction.
 * set[i] is false where the text is another by now, the row is gone, or the model's vector is there
 * already; NOT_FOUND when that is all of them. */
NIMA_MUST_USE nima_rc nima_facts_set_embeddings(struct nima_ctx *ctx, struct nima_store *store,
                                                const struct nima_fact *facts, size_t count,
                                                bool *set, int64_t *change_out);
/* Superseded facts lose the vectors that other models made: no search looks at them. */
NIMA_MUST_USE nima_rc nima_facts_drop_embeddings(struct nima_ctx *ctx, struct nima_store *store,
                                                 nima_str model);
