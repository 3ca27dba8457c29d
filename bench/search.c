/*
 * How fast one thread finds the ten nearest of 10k, 100k and 1M vectors of 384 dimensions, and how
 * many of the truly nearest ten (exact floats over all rows) are among them.
 *
 *   bench_search [rows …]      a table on stdout, one line of JSON after it for each size
 *
 * Vectors are made, not embedded: "topics" (a thousand centres with noise, the shape that texts
 * have) and "random" (no shape at all: the neighbours are all about equally far, the hardest case
 * for a rounded scan).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/rows.h"
#include "util/arena.h"
#include "util/clock.h"

enum { DIMS = 384, TOPICS = 1000, K = 10, CANDIDATES = 4 * K, QUERIES = 50, ROUNDS = 3 };

static uint64_t state = 1;

static float uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (float)(state >> 40) / (float)(1 << 24) - 0.5F;
}

/* The sum of four uniform numbers is normal enough here. */
static float noise(void)
{
    return uniform() + uniform() + uniform() + uniform();
}

static void to_unit(float *v)
{
    double sum = 0;
    for (size_t d = 0; d < DIMS; d++) {
        sum += (double)v[d] * (double)v[d];
    }
    for (size_t d = 0; d < DIMS; d++) {
        v[d] = (float)((double)v[d] / sqrt(sum));
    }
}

static void make(float *out, const float *topics)
{
    const float *topic =
        topics != NULL ? topics + (size_t)((uniform() + 0.5F) * (TOPICS - 1)) * DIMS : NULL;
    for (size_t d = 0; d < DIMS; d++) {
        out[d] = noise() + (topic != NULL ? topic[d] : 0);
    }
    to_unit(out);
}

static float exact(const float *a, const float *b)
{
    float sums[8] = {0};
    for (size_t d = 0; d < DIMS; d += 8) {
        for (size_t i = 0; i < 8; i++) {
            sums[i] += a[d + i] * b[d + i];
        }
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]) + (sums[4] + sums[5]) + (sums[6] + sums[7]);
}

static size_t nearest(const float *floats, size_t count, const float *query,
                      struct nima_top_hit out[K])
{
    struct nima_top top = {.heap = out, .room = K};
    for (size_t i = 0; i < count; i++) {
        float score = exact(floats + i * DIMS, query);
        if (score > nima_search_top_bar(&top)) {
            nima_search_top_offer(&top, (struct nima_top_hit){(uint32_t)i, score});
        }
    }
    nima_search_top_sort(&top);
    return top.count;
}

/* The scan, then the exact floats of its candidates: what a search does. */
static size_t search(const struct nima_rows *rows, const float *floats, const float *query,
                     struct nima_top_hit out[K])
{
    struct nima_top_hit found[CANDIDATES];
    size_t count = nima_search_rows_top(rows, query, CANDIDATES, found);
    struct nima_top top = {.heap = out, .room = K};
    for (size_t i = 0; i < count; i++) {
        float score = exact(floats + (size_t)found[i].row * DIMS, query);
        nima_search_top_offer(&top, (struct nima_top_hit){found[i].row, score});
    }
    nima_search_top_sort(&top);
    return top.count;
}

static size_t in_common(const struct nima_top_hit a[K], const struct nima_top_hit b[K])
{
    size_t common = 0;
    for (size_t i = 0; i < K; i++) {
        for (size_t j = 0; j < K; j++) {
            common += a[i].row == b[j].row;
        }
    }
    return common;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void measure(const char *shape, size_t count, const float *topics)
{
    float *floats = nima_xcalloc(count * DIMS, sizeof(float));
    struct nima_rows rows;
    nima_search_rows_init(&rows, DIMS, nima_search_simd_best());
    for (size_t i = 0; i < count; i++) {
        make(floats + i * DIMS, topics);
        nima_search_rows_add(&rows, floats + i * DIMS);
    }
    int64_t times[QUERIES * ROUNDS];
    size_t common = 0;
    for (size_t q = 0; q < QUERIES; q++) {
        float query[DIMS];
        struct nima_top_hit truth[K] = {{0}};
        struct nima_top_hit got[K] = {{0}};
        make(query, topics);
        nearest(floats, count, query, truth);
        for (size_t r = 0; r < ROUNDS; r++) {
            int64_t start = nima_mono_us();
            search(&rows, floats, query, got);
            times[q * ROUNDS + r] = nima_mono_us() - start;
        }
        common += in_common(truth, got);
    }
    qsort(times, QUERIES * ROUNDS, sizeof(times[0]), by_value);
    double p50 = (double)times[QUERIES * ROUNDS / 2] / 1000;
    double p99 = (double)times[QUERIES * ROUNDS * 99 / 100] / 1000;
    double recall = (double)common / (QUERIES * K);
    double megabytes = (double)nima_search_rows_bytes(&rows) / 1e6;
    printf("| %-7s | %8zu | %-11s | %8.3f | %8.3f | %9.4f | %8.1f |\n", shape, count,
           rows.simd->name, p50, p99, recall, megabytes);
    printf("{\"bench\": \"search\", \"version\": \"%s\", \"data\": \"%s\", \"rows\": %zu, "
           "\"dims\": %d, \"kernel\": \"%s\", \"ms_p50\": %.3f, \"ms_p99\": %.3f, "
           "\"recall_at_10\": %.4f, \"index_mb\": %.1f}\n",
           NIMA_VERSION, shape, count, DIMS, rows.simd->name, p50, p99, recall, megabytes);
    nima_search_rows_done(&rows);
    free(floats);
}

int main(int argc, char **argv)
{
    static const size_t usual[] = {10000, 100000, 1000000};
    float *topics = nima_xcalloc((size_t)TOPICS * DIMS, sizeof(float));
    for (size_t i = 0; i < (size_t)TOPICS * DIMS; i++) {
        topics[i] = noise();
    }
    printf("| data    |     rows | kernel      |   p50 ms |   p99 ms | recall@10 |       MB |\n"
           "| ------- | -------- | ----------- | -------- | -------- | --------- | -------- |\n");
    size_t sizes = argc > 1 ? (size_t)argc - 1 : sizeof(usual) / sizeof(usual[0]);
    for (size_t i = 0; i < sizes; i++) {
        size_t count = argc > 1 ? strtoul(argv[i + 1], NULL, 10) : usual[i];
        if (count < K) {
            fprintf(stderr, "bench_search: a size is a number of rows, %d at least\n", K);
            return 2;
        }
        measure("topics", count, topics);
        measure("random", count, NULL);
    }
    free(topics);
    return 0;
}
