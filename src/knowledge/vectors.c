/*
 * The vectors of a pack's facts. embeddings.json beside embeddings.npy says which model made them
 * of which facts; what does not fit is made again. A pack's own folder is written by `nima packs
 * build` alone: the server keeps what it makes in a folder of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "knowledge/knowledge_int.h"
#include "llm/llm.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"
#include "util/npy.h"

enum {
    BATCH = 32,
    ABOUT_BYTES_MAX = 4096,
    DIMS_MAX = 8192,
    HEADER_BYTES_MAX = 4096,
    LANES = 16,
    BLOCK_BYTES = 64 << 10, /* of vectors that are read at once */
};

/* embeddings.json */
struct about {
    nima_str model, facts_sha256;
    int64_t count, dims;
};
static const struct nima_field about_fields[] = {
    NIMA_FIELD(STR, struct about, model, .required = true, .max = 127),
    NIMA_FIELD(STR, struct about, facts_sha256, .required = true, .max = 64),
    NIMA_FIELD(INT, struct about, count, .required = true, .max = NIMA_PACK_FACTS_MAX),
    NIMA_FIELD(INT, struct about, dims, .required = true, .min = 1, .max = DIMS_MAX),
};
static const struct nima_shape about_shape = NIMA_SHAPE("PackVectors", struct about, about_fields);

void nima_pack_vectors_free(struct nima_pack_vectors *vectors)
{
    if (vectors != NULL) {
        nima_search_rows_done(&vectors->rows);
        free(vectors);
    }
}

static struct nima_pack_vectors *vectors_new(size_t dims, nima_str model)
{
    struct nima_pack_vectors *made = NIMA_XNEW(struct nima_pack_vectors, 1);
    nima_search_rows_init(&made->rows, dims, nima_search_simd_best());
    snprintf(made->model, sizeof(made->model), NIMA_FMT, NIMA_ARG(model));
    return made;
}

static void publish(struct nima_pack *pack, struct nima_pack_vectors *made)
{
    struct nima_pack_vectors *none = NULL;
    if (!atomic_compare_exchange_strong(&pack->vectors, &none, made)) {
        nima_pack_vectors_free(made);
    }
}

static bool unit_length(const float *vector, size_t dims)
{
    float sums[LANES] = {0}, sum = 0; /* one alone would wait for itself at each step */
    size_t d = 0;
    for (; d + LANES <= dims; d += LANES) {
        for (size_t i = 0; i < LANES; i++) {
            sums[i] += vector[d + i] * vector[d + i];
        }
    }
    for (; d < dims; d++) {
        sum += vector[d] * vector[d];
    }
    for (size_t i = 0; i < LANES; i++) {
        sum += sums[i];
    }
    return sum > 0.98F && sum < 1.02F; /* false for NaN too */
}

static nima_rc read_at(struct nima_ctx *ctx, int fd, void *out, size_t bytes, size_t at)
{
    for (size_t used = 0; used < bytes;) {
        ssize_t got = pread(fd, (char *)out + used, bytes - used, (off_t)(at + used));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return nima_fail(ctx, NIMA_E_INVALID, "the vectors are cut short");
        }
        used += got > 0 ? (size_t)got : 0;
    }
    return NIMA_OK;
}

/* Some rows at a time: they are still in the processor's cache when they are checked and packed. */
static nima_rc read_rows(struct nima_ctx *ctx, int fd, size_t at, size_t count,
                         struct nima_rows *rows)
{
    size_t dims = rows->dims, row_bytes = dims * sizeof(float);
    size_t some = BLOCK_BYTES / row_bytes > 0 ? BLOCK_BYTES / row_bytes : 1;
    float *block = nima_alloc_unset(ctx->arena, some * row_bytes);
    nima_search_rows_reserve(rows, count);
    for (size_t done = 0; done < count; done += some) {
        size_t now = count - done < some ? count - done : some;
        NIMA_TRY(read_at(ctx, fd, block, now * row_bytes, at + done * row_bytes));
        for (size_t i = 0; i < now; i++) {
            if (!unit_length(block + i * dims, dims)) {
                return nima_fail(ctx, NIMA_E_INVALID, "a vector is not of unit length");
            }
            nima_search_rows_add(rows, block + i * dims);
        }
    }
    return NIMA_OK;
}

static nima_rc load_npy(struct nima_ctx *ctx, int fd, size_t bytes, const struct about *about,
                        struct nima_pack *pack)
{
    size_t rows, dims, at;
    size_t start = bytes < NIMA_NPY_START_MAX ? bytes : NIMA_NPY_START_MAX;
    char *text = nima_alloc_unset(ctx->arena, start);
    NIMA_TRY(read_at(ctx, fd, text, start, 0));
    NIMA_TRY(nima_npy_shape(ctx, (nima_str){text, start}, bytes, &rows, &dims, &at));
    if (rows != pack->count || dims != (size_t)about->dims) {
        return nima_fail(ctx, NIMA_E_INVALID, "the vectors are not as many as the facts");
    }
    struct nima_pack_vectors *made = vectors_new(dims, about->model);
    nima_rc rc = read_rows(ctx, fd, at, rows, &made->rows);
    if (rc != NIMA_OK) {
        nima_pack_vectors_free(made);
        return rc;
    }
    publish(pack, made);
    return NIMA_OK;
}

/* Only what fits the pack and the model that is loaded. */
static nima_rc load(struct nima_ctx *ctx, int folder_fd, const char *json, const char *npy,
                    nima_str model, struct nima_pack *pack)
{
    nima_str text, shown = NIMA_STR("embeddings");
    struct about about;
    int fd;
    size_t bytes;
    NIMA_TRY(nima_pack_read_file(ctx, folder_fd, shown, json, &text));
    NIMA_TRY(nima_json_decode(ctx, &about_shape, text, &about));
    if (!nima_str_eq(about.facts_sha256, nima_str_of(pack->hash)) ||
        !nima_str_eq(about.model, model) || (size_t)about.count != pack->count) {
        return nima_fail(ctx, NIMA_E_INVALID, "the vectors are of other facts or another model");
    }
    NIMA_TRY(nima_pack_open_file(ctx, folder_fd, shown, npy, &fd, &bytes));
    nima_rc rc = load_npy(ctx, fd, bytes, &about, pack);
    close(fd);
    return rc;
}

nima_str nima_pack_vectors_name(struct nima_ctx *ctx, nima_str cache, const struct nima_pack *pack)
{
    return nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT "-%.16s", NIMA_ARG(cache), NIMA_ARG(pack->id),
                    pack->hash);
}

static nima_rc load_cached(struct nima_ctx *ctx, nima_str cache, nima_str model,
                           struct nima_pack *pack)
{
    int fd;
    NIMA_TRY(nima_pack_open_folder(ctx, cache, &fd));
    nima_str name = nima_pack_vectors_name(ctx, cache, pack);
    const char *base = strrchr(nima_cstr(ctx, name), '/') + 1;
    nima_rc rc = load(ctx, fd, nima_fmt(ctx, "%s.json", base).ptr,
                      nima_fmt(ctx, "%s.npy", base).ptr, model, pack);
    close(fd);
    return rc;
}

bool nima_pack_vectors_load(int folder_fd, nima_str cache, struct nima_llm *llm,
                            struct nima_pack *pack)
{
    struct nima_llm_state state = {0};
    if (llm == NULL || atomic_load(&pack->vectors) != NULL) {
        return llm == NULL;
    }
    nima_llm_state(llm, &state);
    if (!state.embeddings_loaded) {
        return false;
    }
    struct nima_ctx work;
    nima_ctx_init(&work);
    nima_str model = nima_str_of(state.embedding_model);
    nima_rc rc = NIMA_E_NOT_FOUND;
    if (folder_fd >= 0) {
        rc = load(&work, folder_fd, "embeddings.json", "embeddings.npy", model, pack);
    }
    if (rc != NIMA_OK && cache.ptr != NULL) {
        rc = load_cached(&work, cache, model, pack);
    }
    nima_ctx_done(&work);
    return rc == NIMA_OK;
}

void nima_pack_making_free(struct nima_pack_making *making)
{
    if (making != NULL) {
        nima_pack_vectors_free(making->made);
        nima_buf_done(&making->floats);
        free(making);
    }
}

static nima_rc embed_batch(struct nima_ctx *ctx, struct nima_llm *llm, const struct nima_pack *pack,
                           nima_str model, struct nima_pack_making *m)
{
    nima_str texts[BATCH];
    struct nima_vectors vectors;
    size_t count = pack->count - m->at < BATCH ? pack->count - m->at : BATCH;
    for (size_t i = 0; i < count; i++) {
        texts[i] = pack->facts[m->at + i].fact;
    }
    NIMA_TRY(nima_llm_embed(ctx, llm, texts, count, &vectors));
    m->made = m->made != NULL ? m->made : vectors_new(vectors.dims, model);
    for (size_t i = 0; i < count; i++) {
        const float *vector = vectors.items + i * vectors.dims;
        nima_search_rows_add(&m->made->rows, vector);
        nima_buf_add(&m->floats, (nima_str){(const char *)vector, vectors.dims * sizeof(float)});
    }
    m->at += count;
    return NIMA_OK;
}

/* Each batch goes to the index and, as it is, to `floats`. */
static nima_rc embed_until(struct nima_ctx *ctx, struct nima_llm *llm, const struct nima_pack *pack,
                           int64_t until_ms, struct nima_pack_making *m)
{
    struct nima_llm_state state = {0};
    nima_rc rc = NIMA_OK;
    nima_llm_state(llm, &state);
    if (!state.embeddings_loaded) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "there is no embedding model: %s",
                         state.problem[0] != '\0' ? state.problem : "it is still loading");
    }
    while (m->at < pack->count && rc == NIMA_OK && nima_mono_ms() < until_ms) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        rc = embed_batch(ctx, llm, pack, nima_str_of(state.embedding_model), m);
        nima_scratch_end(ctx, mark);
    }
    return rc;
}

static nima_rc write_files(struct nima_ctx *ctx, const struct nima_pack *pack,
                           const struct nima_pack_vectors *made, nima_str floats, nima_str name)
{
    struct nima_buf file, text;
    struct about about = {.model = nima_str_of(made->model),
                          .facts_sha256 = nima_str_of(pack->hash),
                          .count = (int64_t)pack->count,
                          .dims = (int64_t)made->rows.dims};
    nima_buf_init(&file, HEADER_BYTES_MAX + floats.len);
    nima_npy_header(&file, pack->count, made->rows.dims);
    nima_buf_add(&file, floats);
    nima_rc rc = nima_file_write(ctx, nima_fmt(ctx, NIMA_FMT ".npy", NIMA_ARG(name)).ptr,
                                 nima_buf_view(&file), 0644);
    nima_buf_done(&file);
    nima_buf_init(&text, ABOUT_BYTES_MAX);
    nima_json_encode(&text, &about_shape, &about);
    nima_buf_add_char(&text, '\n');
    if (rc == NIMA_OK) { /* last: until it is there, nobody takes the other for good */
        rc = nima_file_write(ctx, nima_fmt(ctx, NIMA_FMT ".json", NIMA_ARG(name)).ptr,
                             nima_buf_view(&text), 0644);
    }
    nima_buf_done(&text);
    return rc;
}

nima_rc nima_pack_vectors_make(struct nima_ctx *ctx, struct nima_llm *llm, struct nima_pack *pack,
                               nima_str name, int64_t until_ms)
{
    if (pack->count == 0) {
        return NIMA_OK;
    }
    if (pack->making == NULL) {
        pack->making = NIMA_XNEW(struct nima_pack_making, 1);
        nima_buf_init(&pack->making->floats,
                      (size_t)NIMA_PACK_FACTS_MAX * DIMS_MAX * sizeof(float));
    }
    struct nima_pack_making *m = pack->making;
    nima_rc rc = embed_until(ctx, llm, pack, until_ms, m);
    if (rc == NIMA_OK && m->at < pack->count) {
        return NIMA_OK;
    }
    if (rc == NIMA_OK && name.ptr != NULL) {
        rc = write_files(ctx, pack, m->made, nima_buf_view(&m->floats), name);
    }
    if (rc == NIMA_OK) {
        publish(pack, m->made);
        m->made = NULL;
    }
    nima_pack_making_free(m);
    pack->making = NULL;
    return rc;
}
