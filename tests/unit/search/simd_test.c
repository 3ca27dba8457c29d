/* Kernels: the same integers on every one; the scan: the same rows as exact floats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/rows.h"
#include "support/test.h"

enum { ROWS = 37, DIMS = 384, MANY = 5000, K = 10, QUERIES = 20 };

static uint64_t seed = 7;

static uint32_t next(void)
{
    seed = seed * UINT64_C(6364136223846793005) + 1;
    return (uint32_t)(seed >> 33);
}

static void unit(float *v)
{
    double sum = 0;
    for (size_t d = 0; d < DIMS; d++) {
        v[d] = (float)next() / (float)(1U << 31) - 0.5F;
        sum += (double)v[d] * (double)v[d];
    }
    for (size_t d = 0; d < DIMS; d++) {
        v[d] = (float)((double)v[d] / sqrt(sum));
    }
}

static void compare_kernels(size_t stride, bool extreme)
{
    uint8_t *rows = aligned_alloc(NIMA_SIMD_ALIGN, ROWS * stride);
    int8_t *query = aligned_alloc(NIMA_SIMD_ALIGN, stride);
    for (size_t i = 0; i < ROWS * stride; i++) {
        rows[i] = (uint8_t)(extreme ? (next() % 2 == 0 ? 1 : 255) : 1 + next() % 255);
    }
    for (size_t i = 0; i < stride; i++) {
        query[i] = (int8_t)(extreme ? NIMA_SIMD_QUERY_MAX * (next() % 2 == 0 ? 1 : -1)
                                    : (int)(next() % 129) - NIMA_SIMD_QUERY_MAX);
    }
    int32_t plain[ROWS];
    int32_t other[ROWS];
    size_t last = 0;
    while (nima_search_simd_at(last + 1) != NULL) {
        last++;
    }
    nima_search_simd_at(last)->dots(rows, ROWS, stride, query, plain);
    for (size_t i = 0; i < last; i++) {
        const struct nima_simd *kernel = nima_search_simd_at(i);
        if (!kernel->usable()) {
            printf("kernel %s: not on this processor\n", kernel->name);
            continue;
        }
        kernel->dots(rows, ROWS, stride, query, other);
        assert_memory_equal(plain, other, sizeof(plain));
    }
    free(rows);
    free(query);
}

TEST(all_kernels_give_the_same_integers)
{
    static const size_t strides[] = {64, 128, 384, 448, 1536, 8192};
    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        compare_kernels(strides[i], false);
        compare_kernels(strides[i], true);
    }
}

static void exact_best(float *all, const float *query, struct nima_top_hit out[K])
{
    struct nima_top top = {.heap = out, .room = K};
    for (size_t i = 0; i < MANY; i++) {
        float sum = 0;
        for (size_t d = 0; d < DIMS; d++) {
            sum += all[i * DIMS + d] * query[d];
        }
        nima_search_top_offer(&top, (struct nima_top_hit){(uint32_t)i, sum});
    }
    nima_search_top_sort(&top);
}

TEST(the_ten_nearest_are_among_the_candidates)
{
    float *all = calloc((size_t)MANY * DIMS, sizeof(float));
    struct nima_rows rows;
    nima_search_rows_init(&rows, DIMS, nima_search_simd_best());
    for (size_t i = 0; i < MANY; i++) {
        unit(all + i * DIMS);
        nima_search_rows_add(&rows, all + i * DIMS);
    }
    size_t found = 0;
    for (size_t q = 0; q < QUERIES; q++) {
        float query[DIMS];
        struct nima_top_hit truth[K] = {{0}};
        struct nima_top_hit got[4 * K];
        unit(query);
        exact_best(all, query, truth);
        size_t count = nima_search_rows_top(&rows, query, 4 * K, got);
        ASSERT_INT_EQ(count, 4 * K);
        for (size_t i = 0; i < K; i++) {
            for (size_t j = 0; j < count; j++) {
                found += truth[i].row == got[j].row;
            }
            ASSERT_TRUE(got[i].score >= got[i + 1].score);
        }
    }
    ASSERT_TRUE(found >= QUERIES * K * 995 / 1000);
    nima_search_rows_done(&rows);
    free(all);
}

TEST(a_scan_is_near_the_cosine_and_zero_for_rows_without_vector)
{
    struct nima_rows rows;
    float v[DIMS];
    float cosines[3];
    nima_search_rows_init(&rows, DIMS, nima_search_simd_best());
    unit(v);
    nima_search_rows_add(&rows, v);
    nima_search_rows_add(&rows, NULL);
    for (size_t d = 0; d < DIMS; d++) {
        v[d] = -v[d];
    }
    nima_search_rows_add(&rows, v);
    nima_search_rows_scan(&rows, v, cosines);
    ASSERT_NEAR(cosines[0], -1, 0.01);
    ASSERT_NEAR(cosines[1], 0, 0);
    ASSERT_NEAR(cosines[2], 1, 0.01);
    ASSERT_TRUE(!nima_search_rows_has(&rows, 1));
    nima_search_rows_set(&rows, 1, v);
    nima_search_rows_scan(&rows, v, cosines);
    ASSERT_NEAR(cosines[1], 1, 0.01);
    nima_search_rows_done(&rows);
}

TEST(vectors_that_are_none_count_as_none)
{
    struct nima_rows rows;
    float v[DIMS] = {0};
    float out[2];
    nima_search_rows_init(&rows, DIMS, nima_search_simd_best());
    nima_search_rows_add(&rows, v);
    v[3] = NAN;
    v[4] = INFINITY;
    nima_search_rows_add(&rows, v);
    nima_search_rows_scan(&rows, v, out);
    ASSERT_NEAR(out[0], 0, 0);
    ASSERT_TRUE(!nima_search_rows_has(&rows, 0) && !nima_search_rows_has(&rows, 1));
    nima_search_rows_done(&rows);
}

TEST(more_rows_than_a_chunk_stay_in_their_places)
{
    enum { LESS_DIMS = 64, COUNT = NIMA_ROWS_CHUNK + 100 };
    struct nima_rows rows;
    nima_search_rows_init(&rows, LESS_DIMS, nima_search_simd_best());
    for (size_t i = 0; i < COUNT; i++) {
        float v[LESS_DIMS] = {0};
        v[i % LESS_DIMS] = 1;
        nima_search_rows_add(&rows, v);
    }
    float query[LESS_DIMS] = {0};
    float *out = calloc(COUNT, sizeof(float));
    query[5] = 1;
    nima_search_rows_scan(&rows, query, out);
    for (size_t i = 0; i < COUNT; i++) {
        ASSERT_NEAR(out[i], i % LESS_DIMS == 5 ? 1 : 0, 0.02);
    }
    free(out);
    nima_search_rows_done(&rows);
}

TEST_MAIN
