#pragma once
/*
 * simd: dot products of rows of bytes, one kernel for each instruction set, chosen at run time.
 * Every kernel gives the same integers, so a search answers alike on every machine.
 *
 * x86 multiplies unsigned by signed bytes and saturates pairwise sums at 16 bits, hence the ranges:
 * a row's values stand as 128 + (-127..127), the query's are -64..64, and 255 * 64 * 2 just fits.
 * Both are padded to `stride` bytes (a multiple of NIMA_SIMD_ALIGN), the query with zeros. The
 * search's rounding of the query is made good by the exact scores of its candidates.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NIMA_SIMD_ALIGN = 64,
    NIMA_SIMD_BIAS = 128,
    NIMA_SIMD_ROW_MAX = 127,
    NIMA_SIMD_QUERY_MAX = 64
};

struct nima_simd {
    const char *name;
    /* out[i] = sum of rows[i][d] * query[d], the 128 not taken off, for `count` rows that follow
     * each other. */
    void (*dots)(const uint8_t *rows, size_t count, size_t stride, const int8_t *query,
                 int32_t *out);
    bool (*usable)(void); /* on this processor */
};

/* Best first, ended by plain C; NULL after the last. The tests try each that is usable. */
const struct nima_simd *nima_search_simd_at(size_t i);
const struct nima_simd *nima_search_simd_best(void);

/* What the platform files give; NULL name ends. */
extern const struct nima_simd nima_search_simd_platform[];
