#include "search/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/arena.h"
#include "util/rc.h"

enum {
    FIRST_ROWS = 32,
    BLOCK_ROWS = 1024, /* scanned at once; their results stay in the first cache */
    LANES = 16,
    STEP = 32,
    HUGE_PAGE = 2 * 1024 * 1024,
};

void nima_search_rows_init(struct nima_rows *rows, size_t dims, const struct nima_simd *simd)
{
    nima_assert(dims <= NIMA_ROWS_DIMS_MAX);
    *rows = (struct nima_rows){.dims = dims,
                               .stride =
                                   (dims + NIMA_SIMD_ALIGN - 1) / NIMA_SIMD_ALIGN * NIMA_SIMD_ALIGN,
                               .simd = simd};
}

void nima_search_rows_done(struct nima_rows *rows)
{
    for (size_t i = 0; i < rows->chunk_count; i++) {
        free(rows->chunks[i].data);
        free(rows->chunks[i].scales);
    }
    free(rows->chunks);
    *rows = (struct nima_rows){0};
}

/* Large chunks ask for huge pages: with 4 KiB pages the scan waits for address translation. */
static void chunk_resize(struct nima_rows *rows, struct nima_rows_chunk *chunk, size_t used,
                         size_t room)
{
    if (rows->stride > 0) {
        size_t bytes = room * rows->stride;
        bool large = bytes >= HUGE_PAGE;
        size_t align = large ? HUGE_PAGE : NIMA_SIMD_ALIGN;
        uint8_t *data = aligned_alloc(align, (bytes + align - 1) / align * align);
        nima_assert(data != NULL);
        if (large) {
            (void)madvise(data, bytes, MADV_HUGEPAGE); /* a hint; slower without */
        }
        if (used > 0) {
            memcpy(data, chunk->data, used * rows->stride);
        }
        free(chunk->data);
        chunk->data = data;
    }
    chunk->scales = nima_xrealloc(chunk->scales, room * sizeof(float));
    chunk->room = room;
}

static void make_room(struct nima_rows *rows)
{
    size_t chunk = rows->count / NIMA_ROWS_CHUNK;
    size_t used = rows->count % NIMA_ROWS_CHUNK;
    if (chunk == rows->chunk_count) {
        rows->chunks = nima_xrealloc(rows->chunks, (chunk + 1) * sizeof(*rows->chunks));
        rows->chunks[chunk] = (struct nima_rows_chunk){0};
        rows->chunk_count++;
        chunk_resize(rows, &rows->chunks[chunk], 0, chunk == 0 ? FIRST_ROWS : NIMA_ROWS_CHUNK);
    } else if (used == rows->chunks[chunk].room) {
        size_t room = used * 2 < NIMA_ROWS_CHUNK ? used * 2 : NIMA_ROWS_CHUNK;
        chunk_resize(rows, &rows->chunks[chunk], used, room);
    }
}

void nima_search_rows_reserve(struct nima_rows *rows, size_t count)
{
    if (rows->count == 0 && rows->chunk_count == 0 && count > FIRST_ROWS) {
        make_room(rows);
        size_t room = count < NIMA_ROWS_CHUNK ? count : NIMA_ROWS_CHUNK;
        chunk_resize(rows, &rows->chunks[0], 0, room);
    }
}

/* What makes the largest value `top`; 0 for a vector of zeros. */
static float factor_for(const float *vector, size_t dims, float top)
{
    float most[LANES] = {0}, largest = 0; /* one alone would wait for itself at each step */
    size_t d = 0;
    for (; d + LANES <= dims; d += LANES) {
        for (size_t i = 0; i < LANES; i++) {
            float size = fabsf(vector[d + i]);
            most[i] = size > most[i] ? size : most[i]; /* a NaN is passed over */
        }
    }
    for (; d < dims; d++) {
        largest = fabsf(vector[d]) > largest ? fabsf(vector[d]) : largest;
    }
    for (int i = 0; i < LANES; i++) {
        largest = most[i] > largest ? most[i] : largest;
    }
    return largest > 0 && isfinite(largest) ? top / largest : 0;
}

/* What lrintf does, without a call for each value: sums of this size have no fraction left. */
static inline uint8_t quantised(float value, float factor)
{
    const float no_fraction = 12582912.0F; /* 1.5 * 2^23 */
    float rounded = (value * factor + no_fraction) - no_fraction;
    return (uint8_t)(NIMA_SIMD_BIAS + (int)rounded);
}

/* Returns the scale. */
static float quantise_row(const float *vector, size_t dims, uint8_t *out)
{
    float factor = factor_for(vector, dims, NIMA_SIMD_ROW_MAX);
    size_t d = 0;
    for (; factor > 0 && d + STEP <= dims; d += STEP) {
        uint8_t values[STEP]; /* of a known size, so that all are made together */
        for (size_t i = 0; i < STEP; i++) {
            values[i] = quantised(vector[d + i], factor);
        }
        memcpy(out + d, values, STEP);
    }
    for (; factor > 0 && d < dims; d++) {
        out[d] = quantised(vector[d], factor);
    }
    return factor > 0 ? 1.0F / factor : 0;
}

struct query {
    _Alignas(NIMA_SIMD_ALIGN) int8_t values[NIMA_ROWS_DIMS_MAX];
    float scale;
    int32_t bias; /* in every dot product */
};

static void quantise_query(const float *vector, size_t dims, struct query *out)
{
    float factor = factor_for(vector, dims, NIMA_SIMD_QUERY_MAX);
    memset(out, 0, sizeof(*out));
    for (size_t d = 0; factor > 0 && d < dims; d++) {
        out->values[d] = (int8_t)lrintf(vector[d] * factor);
        out->bias += NIMA_SIMD_BIAS * out->values[d];
    }
    out->scale = factor > 0 ? 1.0F / factor : 0;
}

void nima_search_rows_set(struct nima_rows *rows, size_t row, const float *vector)
{
    nima_assert(row < rows->count);
    struct nima_rows_chunk *chunk = &rows->chunks[row / NIMA_ROWS_CHUNK];
    size_t at = row % NIMA_ROWS_CHUNK;
    chunk->scales[at] = 0;
    if (rows->stride == 0) {
        return;
    }
    uint8_t *data = chunk->data + at * rows->stride;
    memset(data, NIMA_SIMD_BIAS, rows->stride);
    if (vector != NULL) {
        chunk->scales[at] = quantise_row(vector, rows->dims, data);
    }
}

void nima_search_rows_add(struct nima_rows *rows, const float *vector)
{
    make_room(rows);
    rows->count++;
    nima_search_rows_set(rows, rows->count - 1, vector);
}

bool nima_search_rows_has(const struct nima_rows *rows, size_t row)
{
    return rows->chunks[row / NIMA_ROWS_CHUNK].scales[row % NIMA_ROWS_CHUNK] != 0;
}

size_t nima_search_rows_bytes(const struct nima_rows *rows)
{
    size_t bytes = rows->chunk_count * sizeof(*rows->chunks);
    for (size_t i = 0; i < rows->chunk_count; i++) {
        bytes += rows->chunks[i].room * (rows->stride + sizeof(float));
    }
    return bytes;
}

typedef void (*block_fn)(void *user, size_t first_row, const float *cosines, size_t count);

static void scan_blocks(const struct nima_rows *rows, const float *query, block_fn each, void *user)
{
    struct query q;
    int32_t dots[BLOCK_ROWS];
    float cosines[BLOCK_ROWS];
    quantise_query(query, rows->dims, &q);
    for (size_t first = 0; first < rows->count; first += BLOCK_ROWS) {
        const struct nima_rows_chunk *chunk = &rows->chunks[first / NIMA_ROWS_CHUNK];
        size_t at = first % NIMA_ROWS_CHUNK;
        size_t count = rows->count - first < BLOCK_ROWS ? rows->count - first : BLOCK_ROWS;
        rows->simd->dots(chunk->data + at * rows->stride, count, rows->stride, q.values, dots);
        for (size_t i = 0; i < count; i++) {
            cosines[i] = (float)(dots[i] - q.bias) * (chunk->scales[at + i] * q.scale);
        }
        each(user, first, cosines, count);
    }
}

static void copy_block(void *user, size_t first_row, const float *cosines, size_t count)
{
    float *out = user;
    memcpy(out + first_row, cosines, count * sizeof(float));
}

void nima_search_rows_scan(const struct nima_rows *rows, const float *query, float *out)
{
    if (rows->stride == 0) {
        memset(out, 0, rows->count * sizeof(float));
        return;
    }
    scan_blocks(rows, query, copy_block, out);
}

static void top_block(void *user, size_t first_row, const float *cosines, size_t count)
{
    struct nima_top *top = user;
    float bar = nima_search_top_bar(top);
    for (size_t i = 0; i < count; i++) {
        if (cosines[i] > bar) {
            nima_search_top_offer(top,
                                  (struct nima_top_hit){(uint32_t)(first_row + i), cosines[i]});
            bar = nima_search_top_bar(top);
        }
    }
}

size_t nima_search_rows_top(const struct nima_rows *rows, const float *query, size_t k,
                            struct nima_top_hit *out)
{
    struct nima_top top = {.heap = out, .room = k};
    if (rows->stride == 0 || k == 0) {
        return 0;
    }
    scan_blocks(rows, query, top_block, &top);
    nima_search_top_sort(&top);
    return top.count;
}
