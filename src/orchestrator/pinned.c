/*
 * Facts that a person has pinned are told with every message, before what is recalled. Which they
 * are is read from all of the person's facts, so it is kept for as long as none of them changes.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/orchestrator_int.h"
#include "store/facts.h"

enum { PINNED_MAX = 16, KEPT = 64, ID_CHARS = 36 };

/* No fact that was found has more, and of equals the first one stays. */
static const double pinned_score = 1;

struct kept {
    uint64_t person; /* hash; 0: empty */
    int64_t change;  /* the person's change counter then */
    size_t count;
    char ids[PINNED_MAX][ID_CHARS + 1];
};

struct nima_pins {
    pthread_mutex_t lock; /* guards kept: any worker asks */
    struct kept kept[KEPT];
};

struct nima_pins *nima_pins_new(void)
{
    struct nima_pins *pins = NIMA_XNEW(struct nima_pins, 1);
    pthread_mutex_init(&pins->lock, NULL);
    return pins;
}

void nima_pins_free(struct nima_pins *pins)
{
    if (pins == NULL) {
        return;
    }
    pthread_mutex_destroy(&pins->lock);
    free(pins);
}

static nima_rc read_pinned(struct nima_ctx *ctx, struct nima_orchestrator *o, struct kept *kept)
{
    struct nima_fact_rows rows;
    NIMA_TRY(nima_facts_pinned(ctx, o->store, PINNED_MAX, &rows));
    kept->count = 0;
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.items[i].id.len == ID_CHARS) {
            memcpy(kept->ids[kept->count++], rows.items[i].id.ptr, ID_CHARS);
        }
    }
    return NIMA_OK;
}

/* The change counter is read first: a fact that is pinned meanwhile is seen at the next turn. */
static nima_rc pinned_of(struct nima_ctx *ctx, struct nima_orchestrator *o, struct kept *out)
{
    uint64_t person = nima_str_hash(ctx->user_id) | 1;
    int64_t change;
    NIMA_TRY(nima_facts_change(ctx, o->store, &change));
    struct kept *kept = &o->pins->kept[person / 2 % KEPT];
    pthread_mutex_lock(&o->pins->lock);
    bool known = kept->person == person && kept->change == change;
    *out = *kept;
    pthread_mutex_unlock(&o->pins->lock);
    if (known) {
        return NIMA_OK;
    }
    struct kept fresh = {.person = person, .change = change};
    NIMA_TRY(read_pinned(ctx, o, &fresh));
    pthread_mutex_lock(&o->pins->lock);
    *kept = fresh;
    pthread_mutex_unlock(&o->pins->lock);
    *out = fresh;
    return NIMA_OK;
}

nima_rc nima_pins_add(struct nima_ctx *ctx, struct nima_orchestrator *o,
                      struct nima_memory_hits *hits)
{
    struct kept kept;
    NIMA_TRY(pinned_of(ctx, o, &kept));
    if (kept.count == 0) {
        return NIMA_OK;
    }
    nima_str ids[PINNED_MAX];
    for (size_t i = 0; i < kept.count; i++) {
        ids[i] = nima_str_of(kept.ids[i]);
    }
    struct nima_fact_rows rows;
    NIMA_TRY(nima_facts_get_many(ctx, o->store, ids, kept.count, &rows));
    struct nima_memory_hits all = {
        .items = NIMA_NEW(ctx->arena, struct nima_memory_hit, rows.count + hits->count)};
    for (size_t i = 0; i < rows.count; i++) {
        all.items[all.count++] =
            (struct nima_memory_hit){.fact = rows.items[i], .score = pinned_score};
    }
    for (size_t i = 0; i < hits->count; i++) {
        bool pinned = false;
        for (size_t n = 0; n < rows.count; n++) {
            pinned = pinned || nima_str_eq(rows.items[n].id, hits->items[i].fact.id);
        }
        if (!pinned) {
            all.items[all.count++] = hits->items[i];
        }
    }
    *hits = all;
    return NIMA_OK;
}
