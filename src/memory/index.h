#pragma once
/*
 * index: everything of one person that a search looks at: quantised vectors (rows.h), words
 * (bm25.h), and of each fact the id, category, confidence and time. Texts stay in the store.
 *
 * Lifetime   _new/_free.
 * Threads    Readers together, or one writer; people.h holds the lock.
 *
 * How a hit is scored, everything 0..1:
 *   vector     the cosine, below 0 taken as 0
 *   keyword    the share of the query's words answered (bm25.h)
 *   base       share * vector + (1 - share) * keyword, where the shares stand as
 *              vector_weight / sd(vector) to keyword_weight / sd(keyword) over this person's facts:
 *              the order is that of summed z-scores, the value stays an average
 *   score      base * (1 - wr * (1 - recency)) * (1 - wc * (1 - confidence))
 *   recency    2 ^ (-age / half-life)
 */
#include "memory/memory.h"
#include "search/words.h"

struct nima_index;

/* model: rows embedded by another one count as having no vector. */
struct nima_index *nima_memory_index_new(nima_str model, size_t dims);
/* While the embedding model is being changed: rows embedded by the former one keep their vectors,
 * in a space of their own. A vector is compared with the query's of its own model only; the present
 * model's cosines are laid on the former's scale (by mean and deviation over this person's facts),
 * so that both can stand in one list. Before the first put. */
void nima_memory_index_former(struct nima_index *index, nima_str model, size_t dims);
void nima_memory_index_free(struct nima_index *index);
/* Adds, or replaces the row of fact->id. */
void nima_memory_index_put(struct nima_index *index, struct nima_words *words,
                           const struct nima_fact *fact);
/* New confidence, category and time for a text that stays; false: no such row. */
bool nima_memory_index_touch(struct nima_index *index, const struct nima_fact *fact);
/* The vector of a text that stays, embedded anew; false: no such row. */
bool nima_memory_index_renew(struct nima_index *index, const struct nima_fact *fact);
/* Ids of the living facts whose metadata says {"attribute": "…"}. */
size_t nima_memory_index_attribute(struct nima_arena *arena, const struct nima_index *index,
                                   nima_str attribute, nima_str **ids_out);
void nima_memory_index_drop(struct nima_index *index, nima_str id);
size_t nima_memory_index_rows(const struct nima_index *index); /* living */
size_t nima_memory_index_bytes(const struct nima_index *index);
size_t nima_memory_index_dims(const struct nima_index *index);
nima_str nima_memory_index_model(const struct nima_index *index);
nima_str nima_memory_index_former_model(const struct nima_index *index); /* absent: none */
/* Many dead rows: better built anew. */
bool nima_memory_index_worn(const struct nima_index *index);

struct nima_index_query {
    const float *vector; /* dims of the index, unit length; NULL: by words alone */
    const float *former; /* the same by the former model; NULL: its rows by words alone */
    nima_str text;
    nima_str category; /* absent: any */
    double min_confidence;
    int64_t now_ms;
    const struct nima_memory_options *options;
};
enum nima_index_space { NIMA_SPACE_NONE, NIMA_SPACE_PRESENT, NIMA_SPACE_FORMER };
struct nima_index_hit {
    nima_str id;
    double score, vector, keyword, recency, confidence;
    enum nima_index_space space;
};
struct nima_index_hits {
    struct nima_index_hit *items; /* best first; vectors' parts not exact yet */
    size_t count;
    double vector_share; /* of the base */
    double scale,
        shift; /* a present cosine c counts as scale * c + shift; 1 and 0 but in a change */
};
/* The k best; by words alone only rows that share a word. In `arena`. */
void nima_memory_index_search(struct nima_arena *arena, const struct nima_index *index,
                              struct nima_words *words, const struct nima_index_query *query,
                              size_t k, struct nima_index_hits *out);
/* The score of a hit from its parts. */
double nima_memory_index_score(const struct nima_memory_options *options, double vector_share,
                               const struct nima_index_hit *hit);
