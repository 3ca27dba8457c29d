#include <stdlib.h>

#include "memory/hints.h"
#include "memory/learner.h"
#include "memory/memory_int.h"
#include "memory/undo.h"
#include "search/rows.h"

enum { IDLE_S = 1800, EMBED_BATCH = 64, TICK_PEOPLE_MAX = 64 };

void nima_memory_defaults(struct nima_memory_options *out)
{
    *out = (struct nima_memory_options){
        .vector_weight = 1.0,
        .keyword_weight = 0.8,
        .recency_weight = 0.1,
        .recency_half_life_days = 180,
        .confidence_weight = 0.2,
        .index_idle_s = IDLE_S,
    };
}

struct nima_memory *nima_memory_new(struct nima_store *store, struct nima_llm *llm,
                                    const struct nima_memory_options *options)
{
    nima_assert(store != NULL);
    struct nima_memory *memory = NIMA_XNEW(struct nima_memory, 1);
    struct nima_memory_options usual;
    nima_memory_defaults(&usual);
    memory->store = store;
    memory->llm = llm;
    memory->options = options != NULL ? *options : usual;
    if (memory->options.vector_weight <= 0 && memory->options.keyword_weight <= 0) {
        memory->options.vector_weight = usual.vector_weight;
        memory->options.keyword_weight = usual.keyword_weight;
    }
    if (memory->options.index_idle_s <= 0) {
        memory->options.index_idle_s = IDLE_S;
    }
    nima_memory_people_init(&memory->people);
    memory->learner = nima_memory_learner_new(memory);
    memory->undo = nima_memory_undo_new();
    nima_memory_renew_init(&memory->renew);
    nima_memory_embedder_init(&memory->embedder);
    return memory;
}

void nima_memory_free(struct nima_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    nima_memory_learner_free(memory->learner);
    nima_memory_embedder_done(&memory->embedder);
    nima_memory_people_done(&memory->people);
    nima_memory_renew_done(&memory->renew);
    nima_memory_undo_free(memory->undo);
    free(memory);
}

nima_str nima_memory_model(struct nima_memory *memory, struct nima_llm_state *state)
{
    *state = (struct nima_llm_state){0};
    if (memory->llm == NULL) {
        return (nima_str){0};
    }
    nima_llm_state(memory->llm, state);
    bool usable = state->embeddings_loaded && state->embedding_model[0] != '\0' &&
                  state->embedding_dims > 0 && state->embedding_dims <= NIMA_ROWS_DIMS_MAX;
    return usable ? nima_str_of(state->embedding_model) : (nima_str){0};
}

/* What no embedding model can do now is no failure: words alone serve on. */
static nima_rc forgive(struct nima_ctx *ctx, nima_rc rc)
{
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    ctx->error = (struct nima_error){0};
    return NIMA_OK;
}

nima_rc nima_memory_embed(struct nima_ctx *ctx, struct nima_memory *memory, const nima_str *texts,
                          size_t count, struct nima_vectors *out, nima_str *model_out)
{
    struct nima_llm_state state;
    nima_str model = nima_memory_model(memory, &state);
    *out = (struct nima_vectors){0};
    *model_out = (nima_str){0};
    if (model.ptr == NULL || count == 0) {
        return NIMA_OK;
    }
    struct nima_vectors vectors = {0};
    nima_rc rc = nima_llm_embed(ctx, memory->llm, texts, count, &vectors);
    if (rc != NIMA_OK) {
        return forgive(ctx, rc);
    }
    if (vectors.dims == (size_t)state.embedding_dims && vectors.count == count) {
        *out = vectors;
        *model_out = nima_str_copy(ctx->arena, model);
    }
    return NIMA_OK;
}

nima_rc nima_memory_embed_facts(struct nima_ctx *ctx, struct nima_memory *memory,
                                struct nima_fact *facts, size_t count)
{
    nima_str texts[EMBED_BATCH];
    for (size_t first = 0; first < count; first += EMBED_BATCH) {
        size_t some = count - first < EMBED_BATCH ? count - first : EMBED_BATCH;
        for (size_t i = 0; i < some; i++) {
            texts[i] = nima_memory_meaning_text(facts[first + i].fact);
        }
        struct nima_vectors vectors;
        nima_str model;
        NIMA_TRY(nima_memory_embed(ctx, memory, texts, some, &vectors, &model));
        for (size_t i = 0; i < some; i++) {
            struct nima_fact *fact = &facts[first + i];
            fact->embedding = vectors.items != NULL ? vectors.items + i * vectors.dims : NULL;
            fact->dims = vectors.items != NULL ? vectors.dims : 0;
            fact->embedding_model = model;
        }
    }
    return NIMA_OK;
}

nima_rc nima_memory_stats(struct nima_ctx *ctx, struct nima_memory *memory,
                          struct nima_memory_stats *out)
{
    struct nima_memory_stats stats = {0};
    NIMA_TRY(nima_facts_stats(ctx, memory->store, &stats.facts));
    struct nima_llm_state state;
    nima_str model = nima_memory_model(memory, &state);
    stats.embedding_model = nima_str_copy(ctx->arena, model);
    stats.embedding_dims = model.ptr != NULL ? state.embedding_dims : 0;
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_rc rc = nima_memory_person_read(ctx, memory, person);
    if (rc == NIMA_OK) {
        stats.index_rows = (int64_t)nima_memory_index_rows(person->index);
        stats.index_bytes = (int64_t)nima_memory_index_bytes(person->index);
        stats.waiting_for_embedding = person->waiting;
        nima_memory_person_read_end(person);
    }
    if (rc == NIMA_OK) {
        rc = nima_memory_talk_read(ctx, memory, person);
    }
    if (rc == NIMA_OK) {
        stats.messages = (int64_t)nima_memory_talk_rows(person->talk);
        stats.messages_waiting = (int64_t)nima_memory_talk_waiting(person->talk);
        stats.messages_bytes = (int64_t)nima_memory_talk_bytes(person->talk);
        nima_memory_talk_read_end(person);
    }
    nima_memory_person_give(memory, person);
    NIMA_TRY(rc);
    struct nima_learner_counts learning;
    nima_memory_learner_counts(memory->learner, &learning);
    stats.learning_waiting = learning.waiting;
    stats.learning_dropped = learning.dropped;
    nima_memory_change(ctx, memory, &stats.change);
    stats.change.counted = true;
    stats.change.total = stats.facts.active;
    stats.change.done = stats.facts.active - stats.waiting_for_embedding;
    *out = stats;
    return NIMA_OK;
}

/* Loaded persons with facts that wait; their names are copied, so that no lock is held while
 * embedding. */
static size_t who_waits(struct nima_ctx *ctx, struct nima_memory *memory, nima_str *out)
{
    size_t count = 0;
    pthread_mutex_lock(&memory->people.lock);
    for (size_t i = 0; i < NIMA_PEOPLE_BUCKETS; i++) {
        struct nima_person *person = memory->people.buckets[i];
        for (; person != NULL && count < TICK_PEOPLE_MAX; person = person->next) {
            if (pthread_rwlock_tryrdlock(&person->lock) == 0) {
                if (person->index != NULL && person->waiting > 0) {
                    out[count++] = nima_str_copy(ctx->arena, nima_str_of(person->user_id));
                }
                pthread_rwlock_unlock(&person->lock);
            }
        }
    }
    pthread_mutex_unlock(&memory->people.lock);
    return count;
}

/* What was stored while no model was there; when there are vectors of another model, renew.c is
 * told. */
static void embed_waiting(struct nima_ctx *ctx, struct nima_memory *memory)
{
    nima_str *waiting = NIMA_NEW(ctx->arena, nima_str, TICK_PEOPLE_MAX);
    size_t count = who_waits(ctx, memory, waiting);
    nima_str asking = ctx->user_id;
    for (size_t i = 0; i < count; i++) {
        struct nima_renewed done;
        ctx->user_id = waiting[i];
        nima_rc rc = nima_memory_renew_some(ctx, memory, (nima_str){0}, (nima_str){0}, &done);
        memory->renew.needed = memory->renew.needed || (rc == NIMA_OK && done.seen == 0);
        if (rc != NIMA_OK) {
            ctx->error = (struct nima_error){0}; /* the next tick tries again */
            break;
        }
    }
    ctx->user_id = asking;
}

bool nima_memory_tick(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_llm_state state;
    nima_memory_people_sweep(&memory->people, (int64_t)memory->options.index_idle_s * 1000);
    nima_memory_undo_sweep(memory->undo);
    nima_memory_embedder_wake(memory);
    bool more = nima_memory_renew(ctx, memory);
    if (!more && nima_memory_model(memory, &state).ptr != NULL) {
        embed_waiting(ctx, memory);
    }
    return more;
}
