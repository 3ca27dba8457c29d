#pragma once
/*
 * memory: what Nima remembers of a person: facts, found again by meaning and by words; learned
 * from what the person says; the profile.
 *
 * Lifetime   One per process; made after store and llm, freed before them.
 * Ownership  Results live in ctx->arena.
 * Threads    Any worker may call at any time. Per person one index in memory, loaded when first
 *            needed and dropped when idle; it answers only when it has seen the store's change
 *            counter, so index and store never disagree, also with several processes or after a
 *            crash.
 * Scope      Always ctx->user_id.
 * Errors     INVALID, NOT_FOUND, CONFLICT; STORE and MODEL come through from below. Without an
 *            embedding model everything goes on by words alone.
 */
#include "llm/llm.h"
#include "store/conversations.h"
#include "store/facts.h"
#include "store/people.h"

struct nima_memory;

enum {
    NIMA_FACT_CHARS_MAX = 8000,
    NIMA_CATEGORY_CHARS_MAX = 64,
    NIMA_BATCH_MAX = 1000,
    NIMA_SEARCH_LIMIT_MAX = 500,
    NIMA_QUERY_CHARS_MAX = 8000
};

struct nima_memory_options {
    double vector_weight, keyword_weight; /* of the fused rank; 0 and 0: defaults */
    double recency_weight;                /* share of the score that age can take, 0..1 */
    double recency_half_life_days;
    double confidence_weight;      /* share that confidence can take, 0..1 */
    int index_idle_s;              /* a person's index is dropped after; 0: 1800 */
    enum nima_llm_use learn_model; /* whether the chat model reads what no rule understood */
};
void nima_memory_defaults(struct nima_memory_options *out);

/* Borrows store and llm; they must outlive it. */
struct nima_memory *nima_memory_new(struct nima_store *store, struct nima_llm *llm,
                                    const struct nima_memory_options *options);
void nima_memory_free(struct nima_memory *memory);

/* Adds a fact (id, times and embedding are given here), or refreshes the one of exactly that text.
 */
NIMA_MUST_USE nima_rc nima_memory_add(struct nima_ctx *ctx, struct nima_memory *memory,
                                      const struct nima_fact *fact, struct nima_fact *out,
                                      bool *created_out);
/* Up to NIMA_BATCH_MAX, embedded together, all or nothing; the field path of the first bad one. */
NIMA_MUST_USE nima_rc nima_memory_add_many(struct nima_ctx *ctx, struct nima_memory *memory,
                                           const struct nima_fact *facts, size_t count,
                                           struct nima_fact *out, bool *created);
struct nima_fact_patch { /* absent, or has_… false: stays */
    nima_str fact, category, source, metadata;
    bool has_confidence;
    double confidence;
};
NIMA_MUST_USE nima_rc nima_memory_patch(struct nima_ctx *ctx, struct nima_memory *memory,
                                        nima_str id, const struct nima_fact_patch *patch,
                                        struct nima_fact *out);
NIMA_MUST_USE nima_rc nima_memory_delete(struct nima_ctx *ctx, struct nima_memory *memory,
                                         nima_str id);
/* The same by the person's wish. *token_out brings it back within ten minutes, on this server and
 * until it stops: the files have nothing of it. Absent for a superseded one, which stays gone. */
NIMA_MUST_USE nima_rc nima_memory_forget_fact(struct nima_ctx *ctx, struct nima_memory *memory,
                                              nima_str id, nima_str *token_out);
/* Brings back what was forgotten, by its token or its id (the other one absent): the fact as it
 * was, under its id. NOT_FOUND when there is nothing to bring back any more. */
NIMA_MUST_USE nima_rc nima_memory_restore(struct nima_ctx *ctx, struct nima_memory *memory,
                                          nima_str token, nima_str id, struct nima_fact *out);
/* The fact of fact->id says this now. Where there is none it is made when `fresh`, and otherwise it
 * stays gone: the person may have forgotten it. */
NIMA_MUST_USE nima_rc nima_memory_keep(struct nima_ctx *ctx, struct nima_memory *memory,
                                       const struct nima_fact *fact, bool fresh);
/* Everything about this person is gone, from the store, the index and every cache. */
NIMA_MUST_USE nima_rc nima_memory_forget(struct nima_ctx *ctx, struct nima_memory *memory);

struct nima_memory_query {
    nima_str text;
    int limit;         /* 1..NIMA_SEARCH_LIMIT_MAX */
    nima_str category; /* absent: any */
    double min_confidence;
    double min_score;
};
struct nima_memory_hit {
    struct nima_fact fact;
    double score;                                /* what the list is ordered by, 0..1 */
    double vector, keyword, recency, confidence; /* parts, 0..1 each */
};
struct nima_memory_hits {
    struct nima_memory_hit *items; /* best first */
    size_t count;
};
/* Facts nearest to the text in meaning and words. Finding none is success with count 0. */
NIMA_MUST_USE nima_rc nima_memory_search(struct nima_ctx *ctx, struct nima_memory *memory,
                                         const struct nima_memory_query *query,
                                         struct nima_memory_hits *out);
/* The same with what a turn should see: only hits that bear on the message (a greeting finds
 * nothing), at most `limit`; twice as many, newest first, for "what do you know about me?". */
NIMA_MUST_USE nima_rc nima_memory_recall(struct nima_ctx *ctx, struct nima_memory *memory,
                                         nima_str message, int limit, struct nima_memory_hits *out);

/* What was said, found again. category and min_confidence of the query are for facts alone. */
struct nima_said_hit {
    struct nima_message_row message; /* without metadata */
    double score;                    /* what the list is ordered by, 0..1 */
    double vector, keyword;          /* parts, 0..1 each */
};
struct nima_said_hits {
    struct nima_said_hit *items; /* best first */
    size_t count;
};
/* Messages nearest to the text, those that say the same words but once. */
NIMA_MUST_USE nima_rc nima_memory_search_said(struct nima_ctx *ctx, struct nima_memory *memory,
                                              const struct nima_memory_query *query,
                                              struct nima_said_hits *out);
struct nima_said_query {
    nima_str message;
    nima_str conversation_id; /* of the turn, may be absent: what stands in it … */
    int64_t from_position;    /* … from here on is before the model's eyes already */
    int limit;
};
/* What of it a turn should see: statements that bear on the message, none that was superseded, and
 * nothing for small talk. */
NIMA_MUST_USE nima_rc nima_memory_recall_said(struct nima_ctx *ctx, struct nima_memory *memory,
                                              const struct nima_said_query *query,
                                              struct nima_said_hits *out);

enum nima_learned_event {
    NIMA_LEARNED_ADDED,
    NIMA_LEARNED_UPDATED,
    NIMA_LEARNED_SUPERSEDED,
    NIMA_LEARNED_UNCHANGED,
    NIMA_LEARNED_FORGOTTEN
};
struct nima_learned {
    struct nima_fact fact;
    enum nima_learned_event event;
};
struct nima_learned_list {
    struct nima_learned *items;
    size_t count;
    struct nima_fact_rows asked; /* "/forget …": any of them may be meant, and none is gone */
    bool everything;             /* "/forget everything": nothing is gone; see nima_memory_forget */
};
struct nima_utterance {
    nima_str text;            /* what the person wrote, untouched */
    nima_str conversation_id; /* where; absent when not from a chat */
    nima_str message_id;
    nima_str cares; /* what the model is to look for above all ("boats; money"); may be absent */
    int64_t said_at_ms; /* what "yesterday" is counted from; 0: now */
    bool wait;          /* for what the model learns; else it learns in the background */
};
/* Finds statements about the person by rules (precision first), compares them with what is known
 * and stores what is new. What speaks of the person and no rule understood goes to the chat model,
 * if there is a fit one: now, or in the background. Also carries out "/remember …" and "/forget …".
 * Finding nothing is success with count 0. */
NIMA_MUST_USE nima_rc nima_memory_learn(struct nima_ctx *ctx, struct nima_memory *memory,
                                        const struct nima_utterance *said,
                                        struct nima_learned_list *out);

/* What a message says that says nothing else, of what was just remembered or recalled. */
enum nima_retraction {
    NIMA_RETRACT_NOTHING,
    NIMA_RETRACT_FORGET, /* "forget that" */
    NIMA_RETRACT_WRONG,  /* "that's wrong" */
    NIMA_RETRACT_ENDED,  /* "that's not true any more" */
    NIMA_RETRACT_UNDO    /* "undo that", "bring it back": see nima_memory_restore */
};
enum nima_retraction nima_memory_retraction(struct nima_ctx *ctx, nima_str message);
/* The facts that "/forget …" may mean, as nima_memory_learn asks for them; none for anything
 * else. */
NIMA_MUST_USE nima_rc nima_memory_forget_candidates(struct nima_ctx *ctx,
                                                    struct nima_memory *memory, nima_str message,
                                                    struct nima_fact_rows *out);
/* Whether a message is "/remember …", "/forget …" or asks in other words to forget something of
 * the person's: what is carried out and confirmed without the model. */
bool nima_memory_is_command(nima_str message);
/* The reply before that message. */
struct nima_last_reply {
    nima_str reply;
    const nima_str *added,
        *recalled; /* ids: of what was learned in its turn, of what it was given */
    size_t added_count, recalled_count;
};
/* The facts that the person may mean: one when it is clear, none when nothing of memory is. */
NIMA_MUST_USE nima_rc nima_memory_retracts(struct nima_ctx *ctx, struct nima_memory *memory,
                                           enum nima_retraction kind,
                                           const struct nima_last_reply *told,
                                           struct nima_fact_rows *out);
/* Deletes the fact, or, when it has ended, lets "The user no longer …" take its place. */
NIMA_MUST_USE nima_rc nima_memory_retract(struct nima_ctx *ctx, struct nima_memory *memory,
                                          enum nima_retraction kind, const struct nima_fact *fact,
                                          const struct nima_utterance *said,
                                          struct nima_learned_list *out);

/* How far the facts of all people are embedded by the present model. */
struct nima_memory_change {
    bool counted;        /* else what follows is not known yet */
    bool running;        /* they are being embedded anew */
    nima_str model;      /* "" until one is loaded */
    nima_str former;     /* the one before, whose vectors serve until then; absent: none */
    bool former_loaded;  /* else what it embedded is found by words alone meanwhile */
    bool former_failed;  /* and it will not be loaded */
    int64_t renewed;     /* facts embedded anew by this process */
    int64_t done, total; /* active facts, when they were counted last */
};
struct nima_memory_stats {
    struct nima_fact_stats facts;
    int64_t index_rows, index_bytes; /* of this person's index in memory */
    nima_str embedding_model;        /* absent: none loaded */
    int embedding_dims;
    int64_t waiting_for_embedding; /* active facts that the present model has not embedded */
    struct nima_memory_change change;
    int64_t learning_waiting, learning_dropped; /* messages, of all persons, since the start */
    int64_t messages, messages_waiting; /* that search finds; of those, by words alone so far */
    int64_t messages_bytes;             /* of their index in memory */
};
NIMA_MUST_USE nima_rc nima_memory_stats(struct nima_ctx *ctx, struct nima_memory *memory,
                                        struct nima_memory_stats *out);
/* Drops indexes that nobody used for a while, and embeds facts that lack a vector of the present
 * embedding model, for half a second at most. Called now and then by app, by one thread; true:
 * there is more to embed. Messages get theirs from a thread of memory's own, which this wakes. */
bool nima_memory_tick(struct nima_ctx *ctx, struct nima_memory *memory);

/* From what is known; asks nobody. */
void nima_memory_change(struct nima_ctx *ctx, struct nima_memory *memory,
                        struct nima_memory_change *out);
