#include "memory/thin.h"

#include <math.h>

#include "memory/decide.h"

enum { TERMS_MAX = 64 };

/* Measured by bench_recall (docs/memory.md); the second is what learning takes for a rewording. */
static const double relevance_share = 0.7, rewording = 0.93;

struct sketch {
    uint64_t terms[TERMS_MAX];
    size_t count;
    double nearest; /* to one that was chosen */
    bool taken, repeats;
};

static void read_words(struct nima_words *words, const struct nima_fact *fact, struct sketch *out)
{
    struct nima_terms terms = nima_search_words_of(words, fact->fact, (nima_str){0});
    *out = (struct sketch){0};
    for (size_t i = 0; i < terms.count && i < TERMS_MAX; i++) {
        out->terms[out->count++] = terms.items[i];
    }
}

/* Twice what they share of their words. */
static double by_words(const struct sketch *a, const struct sketch *b)
{
    size_t shared = 0;
    for (size_t i = 0; i < a->count; i++) {
        bool found = false;
        for (size_t k = 0; k < b->count && !found; k++) {
            found = a->terms[i] == b->terms[k];
        }
        shared += found;
    }
    return a->count + b->count > 0 ? 2.0 * (double)shared / (double)(a->count + b->count) : 0;
}

static double likeness(const struct nima_fact *a, const struct sketch *a_words,
                       const struct nima_fact *b, const struct sketch *b_words)
{
    bool vectors = a->embedding != NULL && b->embedding != NULL && a->dims == b->dims &&
                   nima_str_eq(a->embedding_model, b->embedding_model);
    if (!vectors) {
        return by_words(a_words, b_words);
    }
    double sum = 0;
    for (size_t d = 0; d < a->dims; d++) {
        sum += (double)a->embedding[d] * (double)b->embedding[d];
    }
    return fmax(0, sum);
}

/* The best of those left, or SIZE_MAX. */
static size_t choose(const struct nima_memory_hits *hits, const struct sketch *sketches)
{
    size_t best = SIZE_MAX;
    double most = -INFINITY;
    for (size_t i = 0; i < hits->count; i++) {
        const struct sketch *s = &sketches[i];
        double worth = relevance_share * hits->items[i].score - (1 - relevance_share) * s->nearest;
        if (!s->taken && !s->repeats && worth > most) {
            most = worth;
            best = i;
        }
    }
    return best;
}

void nima_memory_thin(struct nima_ctx *ctx, struct nima_memory_hits *hits, size_t limit)
{
    struct sketch *sketches = NIMA_NEW(ctx->arena, struct sketch, hits->count);
    struct nima_memory_hit *kept = NIMA_NEW(ctx->arena, struct nima_memory_hit, hits->count);
    struct nima_words *words = nima_search_words_open();
    size_t count = 0;
    for (size_t i = 0; i < hits->count; i++) {
        read_words(words, &hits->items[i].fact, &sketches[i]);
    }
    nima_search_words_close(words);
    for (size_t at; count < limit && (at = choose(hits, sketches)) != SIZE_MAX;) {
        const struct nima_fact *chosen = &hits->items[at].fact;
        kept[count++] = hits->items[at];
        sketches[at].taken = true;
        for (size_t i = 0; i < hits->count; i++) {
            const struct nima_fact *fact = &hits->items[i].fact;
            double like = likeness(chosen, &sketches[at], fact, &sketches[i]);
            sketches[i].nearest = fmax(sketches[i].nearest, like);
            sketches[i].repeats =
                sketches[i].repeats ||
                (like >= rewording && nima_memory_same_details(chosen->fact, fact->fact));
        }
    }
    *hits = (struct nima_memory_hits){kept, count};
}
