#include "search/bm25.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/rc.h"

enum { TERMS_FIRST = 64, TIMES_MAX = 255, QUERY_TERMS_MAX = 256, FEW = 2, AHEAD = 6 };

static const float k1 = 1.2F;
static const float b = 0.75F;

void nima_search_bm25_init(struct nima_bm25 *bm25)
{
    *bm25 = (struct nima_bm25){0};
}

void nima_search_bm25_done(struct nima_bm25 *bm25)
{
    for (size_t i = 0; i < bm25->term_room; i++) {
        if (bm25->terms[i].room > 0) {
            free(bm25->terms[i].postings.many);
        }
    }
    free(bm25->terms);
    free(bm25->lengths);
    *bm25 = (struct nima_bm25){0};
}

static size_t first_place(size_t room, uint64_t hash)
{
    return (size_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (room - 1);
}

/* The term's place, or the free one where it belongs. */
static struct nima_bm25_term *term_slot(struct nima_bm25_term *terms, size_t room, uint64_t hash)
{
    size_t at = first_place(room, hash);
    while (terms[at].hash != 0 && terms[at].hash != hash) {
        at = (at + 1) & (room - 1);
    }
    return &terms[at];
}

static void grow_terms(struct nima_bm25 *bm25)
{
    size_t room = bm25->term_room > 0 ? bm25->term_room * 2 : TERMS_FIRST;
    struct nima_bm25_term *terms = NIMA_XNEW(struct nima_bm25_term, room);
    for (size_t i = 0; i < bm25->term_room; i++) {
        if (bm25->terms[i].hash != 0) {
            *term_slot(terms, room, bm25->terms[i].hash) = bm25->terms[i];
        }
    }
    free(bm25->terms);
    bm25->terms = terms;
    bm25->term_room = room;
}

static uint64_t usable_hash(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

static uint32_t *grow_postings(struct nima_bm25 *bm25, struct nima_bm25_term *term)
{
    uint32_t room = term->room > 0 ? term->room + term->room / 2 : 2 * FEW;
    uint32_t *many =
        nima_xrealloc(term->room > 0 ? term->postings.many : NULL, room * sizeof(uint32_t));
    if (term->room == 0) {
        memcpy(many, term->postings.few, sizeof(term->postings.few));
    }
    bm25->posting_bytes += (room - term->room) * sizeof(uint32_t);
    term->postings.many = many;
    term->room = room;
    return many;
}

static void add_posting(struct nima_bm25 *bm25, uint64_t hash, uint32_t row)
{
    if (bm25->term_count * 4 >= bm25->term_room * 3) {
        grow_terms(bm25);
    }
    struct nima_bm25_term *term = term_slot(bm25->terms, bm25->term_room, hash);
    if (term->hash == 0) {
        term->hash = hash;
        bm25->term_count++;
    }
    uint32_t *postings = term->room > 0 ? term->postings.many : term->postings.few;
    if (term->count > 0 && postings[term->count - 1] >> 8 == row) {
        if ((postings[term->count - 1] & TIMES_MAX) < TIMES_MAX) {
            postings[term->count - 1]++;
        }
        return;
    }
    if (term->count == (term->room > 0 ? term->room : FEW)) {
        postings = grow_postings(bm25, term);
    }
    postings[term->count++] = row << 8 | 1;
}

void nima_search_bm25_add(struct nima_bm25 *bm25, struct nima_terms terms)
{
    nima_assert(bm25->row_count < NIMA_BM25_ROWS_MAX);
    if (bm25->row_count == bm25->row_room) {
        bm25->row_room = bm25->row_room + bm25->row_room / 4 + 32;
        bm25->lengths = nima_xrealloc(bm25->lengths, bm25->row_room * sizeof(uint16_t));
    }
    uint32_t row = (uint32_t)bm25->row_count++;
    for (size_t i = 0; i < terms.count; i++) {
        if (i + AHEAD < terms.count && bm25->term_room > 0) { /* the table outgrows the cache */
            uint64_t hash = usable_hash(terms.items[i + AHEAD]);
            __builtin_prefetch(&bm25->terms[first_place(bm25->term_room, hash)], 1);
        }
        add_posting(bm25, usable_hash(terms.items[i]), row);
    }
    size_t length = terms.count < NIMA_BM25_DEAD ? terms.count : NIMA_BM25_DEAD - 1;
    bm25->lengths[row] = (uint16_t)length;
    bm25->total_length += length;
    bm25->living++;
}

void nima_search_bm25_remove(struct nima_bm25 *bm25, size_t row)
{
    nima_assert(row < bm25->row_count && bm25->lengths[row] != NIMA_BM25_DEAD);
    bm25->total_length -= bm25->lengths[row];
    bm25->lengths[row] = NIMA_BM25_DEAD;
    bm25->living--;
}

size_t nima_search_bm25_bytes(const struct nima_bm25 *bm25)
{
    return bm25->term_room * sizeof(*bm25->terms) + bm25->posting_bytes +
           bm25->row_room * sizeof(uint16_t);
}

size_t nima_search_bm25_holders(const struct nima_bm25 *bm25, const struct nima_bm25_term *term)
{
    size_t living = 0;
    const uint32_t *postings = nima_search_bm25_postings(term);
    for (uint32_t i = 0; i < term->count; i++) {
        living += bm25->lengths[postings[i] >> 8] != NIMA_BM25_DEAD;
    }
    return living;
}

float nima_search_bm25_idf(const struct nima_bm25 *bm25, size_t holders)
{
    float rows = (float)(bm25->living > bm25->least_rows ? bm25->living : bm25->least_rows);
    return logf(1.0F + (rows - (float)holders + 0.5F) / ((float)holders + 0.5F));
}

const struct nima_bm25_term *nima_search_bm25_term(const struct nima_bm25 *bm25, uint64_t hash)
{
    const struct nima_bm25_term *term =
        bm25->term_room > 0 ? term_slot(bm25->terms, bm25->term_room, usable_hash(hash)) : NULL;
    return term != NULL && term->hash != 0 ? term : NULL;
}

/* Adds one term's part to every row that holds it; returns the term's weight. */
static float score_term(const struct nima_bm25 *bm25, uint64_t hash, float *out, size_t *found)
{
    const struct nima_bm25_term *term = nima_search_bm25_term(bm25, hash);
    size_t holders = term != NULL ? nima_search_bm25_holders(bm25, term) : 0;
    float rows = (float)bm25->living;
    float idf = nima_search_bm25_idf(bm25, holders);
    if (holders == 0) {
        return idf;
    }
    *found += 1;
    float average = fmaxf(1.0F, (float)bm25->total_length / rows);
    const uint32_t *postings = nima_search_bm25_postings(term);
    for (uint32_t i = 0; i < term->count; i++) {
        uint32_t row = postings[i] >> 8;
        uint16_t length = bm25->lengths[row];
        if (length == NIMA_BM25_DEAD) {
            continue;
        }
        float times = (float)(postings[i] & TIMES_MAX);
        out[row] += idf * times * (k1 + 1) / (times + k1 * (1 - b + b * (float)length / average));
    }
    return idf;
}

static bool seen_before(struct nima_terms query, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (query.items[i] == query.items[at]) {
            return true;
        }
    }
    return false;
}

size_t nima_search_bm25_score(const struct nima_bm25 *bm25, struct nima_terms query, float *out)
{
    size_t found = 0;
    float whole = 0;
    size_t count = query.count < QUERY_TERMS_MAX ? query.count : QUERY_TERMS_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!seen_before(query, i)) {
            whole += score_term(bm25, query.items[i], out, &found);
        }
    }
    if (found == 0) {
        return 0;
    }
    for (size_t row = 0; row < bm25->row_count; row++) {
        if (out[row] > 0) {
            out[row] = fminf(1.0F, out[row] / whole);
        }
    }
    return found;
}
