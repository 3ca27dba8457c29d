#include "search/simd.h"

static void plain_dots(const uint8_t *rows, size_t count, size_t stride, const int8_t *query,
                       int32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = rows + i * stride;
        int32_t sum = 0;
        for (size_t d = 0; d < stride; d++) {
            sum += (int32_t)row[d] * (int32_t)query[d];
        }
        out[i] = sum;
    }
}

static bool always(void)
{
    return true;
}

static const struct nima_simd plain = {.name = "plain", .dots = plain_dots, .usable = always};

const struct nima_simd *nima_search_simd_at(size_t i)
{
    size_t known = 0;
    while (nima_search_simd_platform[known].name != NULL) {
        if (known == i) {
            return &nima_search_simd_platform[known];
        }
        known++;
    }
    return i == known ? &plain : NULL;
}

const struct nima_simd *nima_search_simd_best(void)
{
    size_t i = 0;
    while (!nima_search_simd_at(i)->usable()) {
        i++; /* ends: plain C is always usable */
    }
    return nima_search_simd_at(i);
}
