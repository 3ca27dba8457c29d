/* The search behind search, recall and learning: candidates from the person's index by every probe,
 * exact cosines from the store's floats, rows from the store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory_int.h"

/* The scan's own order is nearly exact; these many more are looked at exactly (docs/memory.md). */
enum { CANDIDATES_PER_HIT = 2, CANDIDATES_MORE = 16 };

/* What one or more probes found, by id. */
struct found {
    struct nima_index_hit *items;
    size_t count;
};

struct probing {
    const struct nima_find *find;
    struct nima_memory *memory;
    struct nima_index_hits *hits; /* one for each probe */
    nima_str former;              /* the embedding model before, in a change; absent: none */
    struct nima_vectors formers;  /* the probes by that one */
};

static const float *former_of(const struct probing *p, size_t which)
{
    return p->formers.items != NULL ? p->formers.items + which * p->formers.dims : NULL;
}

/* What the former model embedded is found by the probes as that one understands them. Without it
 * those facts are found by words. */
static nima_rc embed_former(struct nima_ctx *ctx, struct probing *p)
{
    p->former = nima_memory_former(ctx, p->memory);
    if (p->former.ptr == NULL) {
        return NIMA_OK;
    }
    nima_str *texts = NIMA_NEW(ctx->arena, nima_str, p->find->probe_count);
    for (size_t i = 0; i < p->find->probe_count; i++) {
        texts[i] = p->find->probes[i].text;
    }
    nima_rc rc = nima_llm_before_embed(ctx, p->memory->llm, p->former, texts, p->find->probe_count,
                                       &p->formers);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    if (rc != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        p->formers = (struct nima_vectors){0};
    }
    return NIMA_OK;
}

static nima_rc probe_index(struct nima_ctx *ctx, struct probing *p)
{
    struct nima_person *person = nima_memory_person_take(ctx, p->memory);
    nima_rc rc = nima_memory_person_read(ctx, p->memory, person);
    if (rc != NIMA_OK) {
        nima_memory_person_give(p->memory, person);
        return rc;
    }
    const struct nima_index *index = person->index;
    struct nima_words *words = nima_search_words_open();
    bool same_model = nima_str_eq(nima_memory_index_model(index), p->find->model);
    bool same_former =
        p->former.ptr != NULL && nima_str_eq(nima_memory_index_former_model(index), p->former);
    for (size_t i = 0; i < p->find->probe_count; i++) {
        const struct nima_probe *probe = &p->find->probes[i];
        bool usable = same_model && probe->dims == nima_memory_index_dims(index);
        struct nima_index_query query = {.vector = usable ? probe->vector : NULL,
                                         .former = same_former ? former_of(p, i) : NULL,
                                         .text = probe->text,
                                         .category = p->find->category,
                                         .min_confidence = p->find->min_confidence,
                                         .now_ms = nima_ctx_now(ctx),
                                         .options = &p->memory->options};
        nima_memory_index_search(ctx->arena, index, words, &query,
                                 p->find->limit * CANDIDATES_PER_HIT + CANDIDATES_MORE,
                                 &p->hits[i]);
    }
    nima_search_words_close(words);
    nima_memory_person_read_end(person);
    nima_memory_person_give(p->memory, person);
    return NIMA_OK;
}

static double dot(const float *a, const float *b, size_t dims)
{
    double sum = 0;
    for (size_t d = 0; d < dims; d++) {
        sum += (double)a[d] * (double)b[d];
    }
    return sum;
}

/* Puts exact cosines and scores in the place of the quantised ones, where `space` has vectors of
 * that many dims. */
static nima_rc rescore(struct nima_ctx *ctx, struct probing *p, struct nima_index_hits *hits,
                       enum nima_index_space space, const float *probe, size_t dims)
{
    if (probe == NULL || hits->count == 0) {
        return NIMA_OK;
    }
    nima_str *ids = NIMA_NEW(ctx->arena, nima_str, hits->count);
    float *vectors = nima_alloc_array(ctx->arena, hits->count * dims, sizeof(float));
    bool *found = NIMA_NEW(ctx->arena, bool, hits->count);
    size_t wanted = 0;
    for (size_t i = 0; i < hits->count; i++) {
        if (hits->items[i].space == space) {
            ids[wanted++] = hits->items[i].id;
        }
    }
    nima_str model = space == NIMA_SPACE_FORMER ? p->former : p->find->model;
    NIMA_TRY(
        nima_facts_embeddings(ctx, p->memory->store, ids, wanted, model, dims, vectors, found));
    bool laid = space == NIMA_SPACE_PRESENT;
    size_t at = 0;
    for (size_t i = 0; i < hits->count; i++) {
        struct nima_index_hit *hit = &hits->items[i];
        if (hit->space != space) {
            continue;
        }
        if (found[at]) {
            double cosine = dot(probe, vectors + at * dims, dims);
            cosine = laid ? hits->scale * cosine + hits->shift : cosine;
            hit->vector = fmin(1.0, fmax(0.0, cosine));
            hit->score = nima_memory_index_score(&p->memory->options, hits->vector_share, hit);
        }
        at++;
    }
    return NIMA_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct nima_index_hit *x = a;
    const struct nima_index_hit *y = b;
    return nima_str_cmp(x->id, y->id);
}

static int by_score(const void *a, const void *b)
{
    const struct nima_index_hit *x = a;
    const struct nima_index_hit *y = b;
    return x->score > y->score ? -1 : x->score < y->score ? 1 : nima_str_cmp(x->id, y->id);
}

/* One hit for each fact: its best score and parts over the probes. */
static struct found merge(struct nima_ctx *ctx, const struct probing *p)
{
    size_t total = 0;
    for (size_t i = 0; i < p->find->probe_count; i++) {
        total += p->hits[i].count;
    }
    struct found all = {NIMA_NEW(ctx->arena, struct nima_index_hit, total), 0};
    for (size_t i = 0; i < p->find->probe_count; i++) {
        for (size_t k = 0; k < p->hits[i].count; k++) {
            all.items[all.count++] = p->hits[i].items[k];
        }
    }
    qsort(all.items, all.count, sizeof(*all.items), by_id);
    size_t kept = 0;
    for (size_t i = 0; i < all.count; i++) {
        struct nima_index_hit *hit = &all.items[i];
        struct nima_index_hit *last = kept > 0 ? &all.items[kept - 1] : NULL;
        if (last != NULL && nima_str_eq(last->id, hit->id)) {
            last->score = fmax(last->score, hit->score);
            last->vector = fmax(last->vector, hit->vector);
            last->keyword = fmax(last->keyword, hit->keyword);
        } else {
            all.items[kept++] = *hit;
        }
    }
    all.count = kept;
    qsort(all.items, all.count, sizeof(*all.items), by_score);
    return all;
}

static size_t at_least(const struct found *found, double min_score, size_t limit)
{
    size_t count = 0;
    while (count < found->count && count < limit && found->items[count].score >= min_score) {
        count++;
    }
    return count;
}

/* Rows in the order of the hits; what was deleted since the index was asked is left out. */
static nima_rc fetch(struct nima_ctx *ctx, struct nima_memory *memory, const struct found *found,
                     size_t count, struct nima_memory_hits *out)
{
    nima_str *ids = NIMA_NEW(ctx->arena, nima_str, count);
    for (size_t i = 0; i < count; i++) {
        ids[i] = found->items[i].id;
    }
    struct nima_fact_rows rows = {0};
    if (count > 0) {
        NIMA_TRY(nima_facts_get_many(ctx, memory->store, ids, count, &rows));
    }
    struct nima_memory_hits hits = {NIMA_NEW(ctx->arena, struct nima_memory_hit, rows.count), 0};
    size_t at = 0;
    for (size_t i = 0; i < rows.count; i++) {
        while (at < count && !nima_str_eq(ids[at], rows.items[i].id)) {
            at++;
        }
        if (at == count || !nima_str_eq(rows.items[i].status, NIMA_STR("active"))) {
            continue;
        }
        const struct nima_index_hit *hit = &found->items[at];
        hits.items[hits.count++] = (struct nima_memory_hit){.fact = rows.items[i],
                                                            .score = hit->score,
                                                            .vector = hit->vector,
                                                            .keyword = hit->keyword,
                                                            .recency = hit->recency,
                                                            .confidence = hit->confidence};
    }
    *out = hits;
    return NIMA_OK;
}

nima_rc nima_memory_find(struct nima_ctx *ctx, struct nima_memory *memory,
                         const struct nima_find *find, struct nima_memory_hits *out)
{
    struct probing p = {.find = find, .memory = memory};
    p.hits = NIMA_NEW(ctx->arena, struct nima_index_hits, find->probe_count);
    NIMA_TRY(embed_former(ctx, &p));
    NIMA_TRY(probe_index(ctx, &p));
    for (size_t i = 0; i < find->probe_count && !find->approximate; i++) {
        const struct nima_probe *probe = &find->probes[i];
        NIMA_TRY(rescore(ctx, &p, &p.hits[i], NIMA_SPACE_PRESENT, probe->vector, probe->dims));
        NIMA_TRY(rescore(ctx, &p, &p.hits[i], NIMA_SPACE_FORMER, former_of(&p, i), p.formers.dims));
    }
    struct found found = merge(ctx, &p);
    return fetch(ctx, memory, &found, at_least(&found, find->min_score, find->limit), out);
}
