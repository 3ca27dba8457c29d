#pragma once
/*
 * talk: what was said, of one person: each message's words, vector, speaker and day, and which
 * message stands before and after it. Texts stay in the store. How a search ranks messages is in
 * docs/memory.md, with the figures it was chosen by.
 *
 * Lifetime   _new/_free.
 * Threads    Readers together, or one writer; people.h holds the lock.
 */
#include "memory/asked.h"
#include "store/conversations.h"

struct nima_talk;

/* model: vectors of another one count as none. */
struct nima_talk *nima_memory_talk_new(nima_str model, size_t dims);
void nima_memory_talk_free(struct nima_talk *talk);
/* Takes in a message, those of a conversation by rising position. One that is there already gets
 * its new vector and mark. */
void nima_memory_talk_put(struct nima_talk *talk, struct nima_words *words,
                          const struct nima_message_found *message);
/* After messages were put. */
void nima_memory_talk_settle(struct nima_talk *talk);
/* It is better, or right only, when built anew. */
bool nima_memory_talk_worn(const struct nima_talk *talk);
size_t nima_memory_talk_rows(const struct nima_talk *talk);    /* living */
size_t nima_memory_talk_waiting(const struct nima_talk *talk); /* those without a vector */
size_t nima_memory_talk_bytes(const struct nima_talk *talk);
size_t nima_memory_talk_dims(const struct nima_talk *talk);
nima_str nima_memory_talk_model(const struct nima_talk *talk);

struct nima_talk_query {
    const float *vector; /* dims of the index, unit length; NULL: by words alone */
    nima_str text;
    bool for_prompt;          /* statements only, and none that was superseded … */
    nima_str conversation_id; /* … nor those of this conversation (may be absent) … */
    int64_t from_position;    /* … from this position on */
};
struct nima_talk_hit {
    nima_str id;
    double score;           /* 0..1 */
    double vector, keyword; /* nearness in meaning; share of the query's words that it or its
                               neighbours answer, 0..1 */
    double own;             /* the share of the query's words that it has itself, 0..1 */
    bool has_vector;
};
struct nima_talk_hits {
    struct nima_talk_hit *items; /* best first */
    size_t count;
};
/* The k best, without repetitions; by words alone only those that answer one. In `arena`. */
void nima_memory_talk_search(struct nima_arena *arena, const struct nima_talk *talk,
                             struct nima_words *words, const struct nima_talk_query *query,
                             size_t k, struct nima_talk_hits *out);
