#pragma once
/*
 * simd: dot products of int8 rows, one kernel for each instruction set, chosen at run time.
 * Every kernel gives the same integers, so a search answers alike on every machine.
 *
 * Rows and query hold values -127..127 (never -128: its absolute value does not fit), padded with
 * zeros to `stride` bytes, a multiple of NIMA_SIMD_ALIGN.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NIMA_SIMD_ALIGN = 64 };

struct nima_simd {
    const char *name;
    /* out[i] = dot(rows[i], query) for `count` rows that follow each other. */
    void (*dots)(const int8_t *rows, size_t count, size_t stride, const int8_t *query,
                 int32_t *out);
    bool (*usable)(void); /* on this processor */
};

/* Best first, ended by plain C; NULL after the last. The tests try each that is usable. */
const struct nima_simd *nima_memory_simd_at(size_t i);
const struct nima_simd *nima_memory_simd_best(void);

/* What the platform files give; NULL name ends. */
extern const struct nima_simd nima_memory_simd_platform[];
