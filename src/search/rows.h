#pragma once
/*
 * rows: unit vectors as int8 with one scale a row (x ~ scale * q), a quarter of the floats' room.
 * A scan gives every row's cosine with an error of about 0.001, enough to choose candidates; the
 * exact floats stay in the store and are fetched for those alone.
 *
 * Lifetime   Embedded: _init/_done.
 * Threads    Readers together, or one writer.
 */
#include <stddef.h>
#include <stdint.h>

#include "search/simd.h"
#include "search/top.h"

struct nima_rows_chunk {
    uint8_t *data; /* room * stride bytes as simd.h wants them */
    float *scales; /* 0: the row has no vector */
    size_t room;
};
struct nima_rows {
    size_t dims, stride; /* 0 until the first vector is known */
    size_t count;
    struct nima_rows_chunk *chunks;
    size_t chunk_count;
    const struct nima_simd *simd;
};
enum { NIMA_ROWS_DIMS_MAX = 8192 };
enum { NIMA_ROWS_CHUNK = 16384 }; /* of 384 dimensions: exactly three huge pages */

void nima_search_rows_init(struct nima_rows *rows, size_t dims, const struct nima_simd *simd);
void nima_search_rows_done(struct nima_rows *rows);
/* Room for so many rows at once, for who knows how many will come. */
void nima_search_rows_reserve(struct nima_rows *rows, size_t count);
/* Appends; NULL: a row without vector, whose cosine is 0 with everything. */
void nima_search_rows_add(struct nima_rows *rows, const float *vector);
void nima_search_rows_set(struct nima_rows *rows, size_t row, const float *vector);
bool nima_search_rows_has(const struct nima_rows *rows, size_t row);
size_t nima_search_rows_bytes(const struct nima_rows *rows);
/* out[i] = about the cosine of row i and the unit vector `query`, for all rows. */
void nima_search_rows_scan(const struct nima_rows *rows, const float *query, float *out);

/* The k best rows, best first (ties: lower row first); returns how many. */
size_t nima_search_rows_top(const struct nima_rows *rows, const float *query, size_t k,
                            struct nima_top_hit *out);
