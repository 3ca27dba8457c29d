/*
 * Changing the embedding model: facts that the present model has not embedded are, in the
 * background, person after person, a few at a time. Until a fact's turn comes it keeps the vector
 * it has, and is found through the model that made it (index.h); no two models' vectors are ever
 * compared.
 *
 * The store's rows are the only record of how far it is, so a crash loses the few at work, and what
 * another process did is not done again. Each process begins with a fact somewhere in the middle,
 * and with another one when it meets somebody, so that they do not walk side by side. One walk a
 * process is enough: with two processes of different models on one store the last one started wins,
 * instead of both working for ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory_int.h"
#include "search/rows.h"
#include "util/clock.h"
#include "util/uuid.h"

enum {
    CHUNK = 32,
    PAGE = 64,
    WORK_MS = 500,          /* of one tick */
    EMBED_MS = 10000,       /* of one chunk: the thread that ticks is also the one that stops */
    PAUSE_MS = 1000,        /* after a failure; doubles … */
    PAUSE_MS_MAX = 60000,   /* … up to this */
    FORMER_MS = 50,         /* the same while the former model loads */
    AGAIN_MS = 3600 * 1000, /* before a second walk, when loaded indexes say that there is need */
};

void nima_memory_renew_init(struct nima_renew *renew)
{
    *renew = (struct nima_renew){.walk = NIMA_WALK_DONE};
    pthread_mutex_init(&renew->lock, NULL);
}

void nima_memory_renew_done(struct nima_renew *renew)
{
    free(renew->person);
    pthread_mutex_destroy(&renew->lock);
}

nima_str nima_memory_former(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    nima_str name = {0};
    if (memory->llm == NULL) {
        return name;
    }
    pthread_mutex_lock(&renew->lock);
    if (renew->former[0] != '\0') {
        name = nima_str_copy(ctx->arena, nima_str_of(renew->former));
    }
    pthread_mutex_unlock(&renew->lock);
    size_t dims = name.ptr != NULL ? nima_llm_before_dims(memory->llm, name) : 0;
    bool usable = dims > 0 && dims <= NIMA_ROWS_DIMS_MAX;
    return usable ? name : (nima_str){0};
}

void nima_memory_change(struct nima_ctx *ctx, struct nima_memory *memory,
                        struct nima_memory_change *out)
{
    struct nima_renew *renew = &memory->renew;
    pthread_mutex_lock(&renew->lock);
    *out = (struct nima_memory_change){
        .counted = renew->model[0] != '\0' && renew->walk != NIMA_WALK_COUNTING,
        .running = renew->walk == NIMA_WALK_RENEWING || renew->walk == NIMA_WALK_CHECKING,
        .model = nima_str_copy(ctx->arena, nima_str_of(renew->model)),
        .renewed = renew->renewed,
        .done = renew->total - renew->waiting,
        .total = renew->total,
    };
    /* The walk may still be on its way past people who have nothing left of it. */
    if (renew->former[0] != '\0' && (renew->waiting > 0 || !out->counted)) {
        out->former_failed = renew->former_failed;
        out->former = nima_str_copy(ctx->arena, nima_str_of(renew->former));
    }
    pthread_mutex_unlock(&renew->lock);
    out->former_loaded = nima_memory_former(ctx, memory).ptr != NULL;
}

/* Counting */

static void begin_counting(struct nima_renew *renew, enum nima_walk walk)
{
    pthread_mutex_lock(&renew->lock);
    renew->walk = walk;
    pthread_mutex_unlock(&renew->lock);
    free(renew->person);
    renew->person = NULL;
    renew->other_count = 0;
    renew->seen_total = 0;
    renew->seen_waiting = 0;
}

static void begin(struct nima_renew *renew, nima_str model)
{
    pthread_mutex_lock(&renew->lock);
    snprintf(renew->model, sizeof(renew->model), NIMA_FMT, NIMA_ARG(model));
    renew->former[0] = '\0';
    pthread_mutex_unlock(&renew->lock);
    begin_counting(renew, NIMA_WALK_COUNTING);
    renew->former_ms = 0;
    renew->former_until_ms = 0;
    renew->began_ms = nima_mono_ms();
}

static void note_other(struct nima_renew *renew, nima_str name, int64_t count)
{
    size_t i = 0;
    while (i < renew->other_count && !nima_str_eq(nima_str_of(renew->others[i].name), name)) {
        i++;
    }
    if (i == NIMA_FACT_MODELS_MAX || name.len >= sizeof(renew->others[0].name)) {
        return;
    }
    if (i == renew->other_count) {
        snprintf(renew->others[i].name, sizeof(renew->others[i].name), NIMA_FMT, NIMA_ARG(name));
        renew->others[i].count = 0;
        renew->other_count++;
    }
    renew->others[i].count += count;
}

static nima_rc count_person(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    nima_str model = nima_str_of(renew->model);
    int64_t total, embedded;
    NIMA_TRY(nima_facts_embedded(ctx, memory->store, model, &total, &embedded));
    renew->seen_total += total;
    renew->seen_waiting += total - embedded;
    if (embedded == total) {
        return NIMA_OK;
    }
    struct nima_fact_models models;
    NIMA_TRY(nima_facts_models(ctx, memory->store, &models));
    for (size_t i = 0; i < models.count; i++) {
        const struct nima_fact_count *of = &models.items[i];
        if (of->name.ptr != NULL && !nima_str_eq(of->name, model)) {
            note_other(renew, of->name, of->count);
        }
    }
    return NIMA_OK;
}

static void counted(struct nima_renew *renew)
{
    const char *former = "";
    int64_t most = 0;
    for (size_t i = 0; i < renew->other_count; i++) {
        former = renew->others[i].count > most ? renew->others[i].name : former;
        most = renew->others[i].count > most ? renew->others[i].count : most;
    }
    pthread_mutex_lock(&renew->lock);
    bool first = renew->walk == NIMA_WALK_COUNTING;
    renew->total = renew->seen_total;
    renew->waiting = renew->seen_waiting;
    renew->walk = first && renew->waiting > 0 ? NIMA_WALK_RENEWING : NIMA_WALK_DONE;
    if (first) {
        snprintf(renew->former, sizeof(renew->former), "%s", former);
    }
    pthread_mutex_unlock(&renew->lock);
    free(renew->person);
    renew->person = NULL;
    renew->inside = false;
}

static nima_str behind(const struct nima_renew *renew)
{
    return renew->person != NULL ? nima_str_of(renew->person) : (nima_str){0};
}

static void move_to(struct nima_renew *renew, nima_str person)
{
    char *copy = nima_xstrdup(person);
    free(renew->person);
    renew->person = copy;
}

static nima_rc count_page(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    nima_str *people = NIMA_NEW(ctx->arena, nima_str, PAGE);
    size_t count = 0;
    NIMA_TRY(nima_facts_people(ctx, memory->store, behind(renew), PAGE, people, &count));
    for (size_t i = 0; i < count; i++) {
        ctx->user_id = people[i];
        NIMA_TRY(count_person(ctx, memory));
        move_to(renew, people[i]);
    }
    if (count < PAGE) {
        counted(renew);
    }
    return NIMA_OK;
}

/* Embedding anew */

/* A text that the model refuses must not hold up the others: each is tried alone then. */
static nima_rc embed_each(struct nima_ctx *ctx, struct nima_memory *memory, struct nima_fact *facts,
                          size_t count, size_t *embedded_out)
{
    size_t embedded = 0;
    ctx->deadline_ms = nima_mono_ms() + EMBED_MS;
    nima_rc rc = nima_memory_embed_facts(ctx, memory, facts, count);
    bool refused = rc == NIMA_OK && count > 1 && facts[0].embedding == NULL;
    for (size_t i = 0; i < count && refused && rc == NIMA_OK; i++) {
        rc = nima_memory_embed_facts(ctx, memory, &facts[i], 1);
    }
    ctx->deadline_ms = 0;
    NIMA_TRY(rc);
    for (size_t i = 0; i < count; i++) {
        struct nima_fact swapped = facts[i];
        if (swapped.embedding != NULL) {
            facts[i] = facts[embedded];
            facts[embedded++] = swapped;
        }
    }
    *embedded_out = embedded;
    return NIMA_OK;
}

/* Stores vectors and puts them into the index, if there is one, in the place of the old ones. */
static nima_rc put_vectors(struct nima_ctx *ctx, struct nima_memory *memory,
                           const struct nima_fact *facts, size_t count, size_t *set_out)
{
    int64_t change = 0;
    bool *set = NIMA_NEW(ctx->arena, bool, count);
    struct nima_delta *deltas = NIMA_NEW(ctx->arena, struct nima_delta, count);
    size_t renewed = 0;
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_memory_person_write(person);
    nima_rc rc = nima_facts_set_embeddings(ctx, memory->store, facts, count, set, &change);
    for (size_t i = 0; rc == NIMA_OK && i < count; i++) {
        if (set[i]) {
            deltas[renewed++] = (struct nima_delta){NIMA_DELTA_RENEW, &facts[i]};
        }
    }
    if (rc == NIMA_OK) {
        nima_memory_person_apply(person, change, deltas, renewed);
    } else if (rc == NIMA_E_NOT_FOUND) { /* others were faster with all of them */
        ctx->error = (struct nima_error){0};
        rc = NIMA_OK;
    }
    *set_out = renewed;
    nima_memory_person_write_end(person);
    nima_memory_person_give(memory, person);
    return rc;
}

nima_rc nima_memory_renew_some(struct nima_ctx *ctx, struct nima_memory *memory, nima_str model,
                               nima_str behind_id, struct nima_renewed *out)
{
    struct nima_fact_rows rows;
    size_t embedded = 0;
    *out = (struct nima_renewed){0};
    NIMA_TRY(nima_facts_without(ctx, memory->store, model, behind_id, 0, CHUNK, &rows));
    if (rows.count == 0) {
        return NIMA_OK;
    }
    nima_str last = rows.items[rows.count - 1].id;
    NIMA_TRY(embed_each(ctx, memory, rows.items, rows.count, &embedded));
    if (embedded == 0) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "the embedding model gives no vectors now");
    }
    NIMA_TRY(put_vectors(ctx, memory, rows.items, embedded, &out->set));
    out->seen = rows.count;
    out->met = out->set < embedded;
    out->last = last;
    return NIMA_OK;
}

/* Any of the person's waiting facts. */
static nima_rc begin_somewhere(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    struct nima_fact_rows rows;
    int64_t total, embedded;
    nima_str model = nima_str_of(renew->model);
    NIMA_TRY(nima_facts_embedded(ctx, memory->store, model, &total, &embedded));
    int64_t waiting = total - embedded;
    renew->wrapped = false;
    renew->behind[0] = '\0';
    if (waiting == 0) {
        return NIMA_OK;
    }
    uint64_t chance = nima_str_hash(nima_uuid_new(ctx));
    int64_t skip = (int64_t)(chance % (uint64_t)waiting);
    NIMA_TRY(nima_facts_without(ctx, memory->store, model, (nima_str){0}, skip, 1, &rows));
    if (rows.count > 0) {
        snprintf(renew->behind, sizeof(renew->behind), NIMA_FMT, NIMA_ARG(rows.items[0].id));
    }
    return NIMA_OK;
}

/* On to the next person; behind the last it is counted once more. */
static nima_rc next_person(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    nima_str person = {0};
    size_t count = 0;
    NIMA_TRY(nima_facts_people(ctx, memory->store, behind(renew), 1, &person, &count));
    if (count == 0) {
        pthread_mutex_lock(&renew->lock);
        renew->former[0] = '\0';
        pthread_mutex_unlock(&renew->lock);
        nima_llm_before_close(memory->llm);
        begin_counting(renew, NIMA_WALK_CHECKING); /* others had their share in it */
        return NIMA_OK;
    }
    ctx->user_id = person;
    struct nima_fact_rows rows;
    NIMA_TRY(nima_facts_without(ctx, memory->store, nima_str_of(renew->model), (nima_str){0}, 0, 1,
                                &rows));
    if (rows.count > 0) {
        NIMA_TRY(begin_somewhere(ctx, memory));
    }
    move_to(renew, person);
    renew->inside = rows.count > 0;
    return NIMA_OK;
}

static nima_rc renew_person(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    struct nima_renewed done;
    nima_str model = nima_str_of(renew->model);
    ctx->user_id = nima_str_of(renew->person);
    nima_str from = renew->behind[0] != '\0' ? nima_str_of(renew->behind) : (nima_str){0};
    NIMA_TRY(nima_memory_renew_some(ctx, memory, model, from, &done));
    if (done.seen > 0) {
        snprintf(renew->behind, sizeof(renew->behind), NIMA_FMT, NIMA_ARG(done.last));
        pthread_mutex_lock(&renew->lock);
        int64_t seen = (int64_t)done.seen; /* others may have been faster with some of them */
        renew->renewed += (int64_t)done.set;
        renew->waiting = renew->waiting > seen ? renew->waiting - seen : 0;
        pthread_mutex_unlock(&renew->lock);
        NIMA_TRY(done.met ? begin_somewhere(ctx, memory) : NIMA_OK);
    } else if (!renew->wrapped) {
        renew->wrapped = true;
        renew->behind[0] = '\0';
    } else {
        NIMA_TRY(nima_facts_drop_embeddings(ctx, memory->store, model));
        renew->inside = false;
    }
    return NIMA_OK;
}

static nima_rc step(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    if (renew->walk != NIMA_WALK_RENEWING) {
        return count_page(ctx, memory);
    }
    return renew->inside ? renew_person(ctx, memory) : next_person(ctx, memory);
}

/* A remote model tells its dimensions with its first vector. */
static nima_rc ask_dims(struct nima_ctx *ctx, struct nima_memory *memory, nima_str former)
{
    static const char word[] = "memory";
    nima_str text = nima_str_of(word);
    struct nima_vectors vectors;
    ctx->deadline_ms = nima_mono_ms() + EMBED_MS;
    nima_rc rc = former.ptr != NULL
                     ? nima_llm_before_embed(ctx, memory->llm, former, &text, 1, &vectors)
                     : nima_llm_embed(ctx, memory->llm, &text, 1, &vectors);
    ctx->deadline_ms = 0;
    return rc;
}

/* It may be loading, away or gone: words serve until it can be had. */
static void load_former(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    nima_str former = nima_str_of(renew->former);
    int64_t now = nima_mono_ms();
    if (former.len == 0 || now < renew->former_until_ms) {
        return;
    }
    bool failed = !nima_llm_before(ctx, memory->llm, former);
    pthread_mutex_lock(&renew->lock);
    renew->former_failed = failed;
    pthread_mutex_unlock(&renew->lock);
    if (failed || nima_llm_before_dims(memory->llm, former) > 0) {
        return;
    }
    if (ask_dims(ctx, memory, former) != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        renew->former_ms = renew->former_ms > 0 ? renew->former_ms * 2 : FORMER_MS;
        renew->former_ms = renew->former_ms < PAUSE_MS_MAX ? renew->former_ms : PAUSE_MS_MAX;
        renew->former_until_ms = nima_mono_ms() + renew->former_ms;
    }
}

static nima_rc prepare(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    struct nima_llm_state state;
    nima_str model = nima_memory_model(memory, &state);
    if (model.ptr == NULL && state.embeddings_loaded && state.embedding_dims == 0) {
        NIMA_TRY(ask_dims(ctx, memory, (nima_str){0}));
        model = nima_memory_model(memory, &state);
    }
    if (model.ptr == NULL) {
        return NIMA_OK; /* loading, or none: words serve on */
    }
    if (!nima_str_eq(model, nima_str_of(renew->model)) ||
        (renew->needed && nima_mono_ms() - renew->began_ms > AGAIN_MS)) {
        begin(renew, model);
    }
    load_former(ctx, memory);
    return NIMA_OK;
}

bool nima_memory_renew(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_renew *renew = &memory->renew;
    int64_t now = nima_mono_ms(), until = now + WORK_MS;
    if (memory->llm == NULL || now < renew->pause_until_ms) {
        return false;
    }
    nima_str asking = ctx->user_id;
    nima_rc rc = prepare(ctx, memory);
    enum nima_walk walk = renew->walk; /* after counting it is told first, and the former loaded */
    while (rc == NIMA_OK && walk != NIMA_WALK_DONE && walk == renew->walk &&
           nima_mono_ms() < until) {
        rc = step(ctx, memory);
    }
    ctx->user_id = asking;
    if (rc != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        renew->pause_ms = renew->pause_ms > 0 ? renew->pause_ms * 2 : PAUSE_MS;
        renew->pause_ms = renew->pause_ms < PAUSE_MS_MAX ? renew->pause_ms : PAUSE_MS_MAX;
        renew->pause_until_ms = nima_mono_ms() + renew->pause_ms;
        return false;
    }
    renew->pause_ms = 0;
    return renew->walk != NIMA_WALK_DONE;
}
