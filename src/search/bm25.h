#pragma once
/*
 * bm25: keyword ranking over one person's facts (Robertson and Spärck Jones; k1 = 1.2, b = 0.75).
 * Documents are rows of the index; a removed one stays in the postings until the index is built
 * anew, but counts for nothing: frequencies are taken over living rows.
 *
 * Lifetime   Embedded: _init/_done.
 * Threads    Readers together, or one writer.
 */
#include <stddef.h>
#include <stdint.h>

#include "search/words.h"

struct nima_bm25_term {
    uint64_t hash; /* 0: free */
    union {
        uint32_t few[2]; /* while room is 0: most terms stand in one or two rows */
        uint32_t *many;
    } postings; /* row << 8 | times, by rising row; see nima_search_bm25_postings */
    uint32_t count, room;
};
static inline const uint32_t *nima_search_bm25_postings(const struct nima_bm25_term *term)
{
    return term->room > 0 ? term->postings.many : term->postings.few;
}
struct nima_bm25 {
    struct nima_bm25_term *terms; /* open addressing */
    size_t term_count, term_room;
    size_t posting_bytes;
    uint16_t *lengths; /* terms in each row; NIMA_BM25_DEAD: removed */
    size_t row_count, row_room;
    size_t living;
    uint64_t total_length; /* of living rows */
    size_t least_rows;     /* fewer count as so many: of a few rows each word is in most */
};
enum { NIMA_BM25_DEAD = UINT16_MAX, NIMA_BM25_ROWS_MAX = 1 << 24 };

void nima_search_bm25_init(struct nima_bm25 *bm25);
void nima_search_bm25_done(struct nima_bm25 *bm25);
/* Appends row number bm25->row_count. */
void nima_search_bm25_add(struct nima_bm25 *bm25, struct nima_terms terms);
void nima_search_bm25_remove(struct nima_bm25 *bm25, size_t row);
size_t nima_search_bm25_bytes(const struct nima_bm25 *bm25);
/* out[row] (zeroed by the caller) becomes the share of the query that the row answers, 0..1:
 * its BM25 over what a row of average length with every term once would get. Returns how many of
 * the query's terms occur at all. */
size_t nima_search_bm25_score(const struct nima_bm25 *bm25, struct nima_terms query, float *out);
/* For who ranks otherwise: a term's postings, NULL when no row has it; and how many living rows
 * have it. */
const struct nima_bm25_term *nima_search_bm25_term(const struct nima_bm25 *bm25, uint64_t hash);
size_t nima_search_bm25_holders(const struct nima_bm25 *bm25, const struct nima_bm25_term *term);
/* ln(1 + (N - holders + 0.5) / (holders + 0.5)) over the living rows. */
float nima_search_bm25_idf(const struct nima_bm25 *bm25, size_t holders);
