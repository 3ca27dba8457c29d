#include <stdlib.h>
#include <string.h>

#include "memory/memory_int.h"
#include "util/clock.h"

enum { READ_TRIES = 16 };

void nima_memory_people_init(struct nima_people *people)
{
    *people = (struct nima_people){0};
    pthread_mutex_init(&people->lock, NULL);
}

static void person_free(struct nima_person *person)
{
    nima_memory_index_free(person->index);
    nima_memory_talk_free(person->talk);
    pthread_rwlock_destroy(&person->talk_lock);
    pthread_mutex_destroy(&person->talk_writing);
    pthread_rwlock_destroy(&person->lock);
    pthread_mutex_destroy(&person->deciding);
    pthread_mutex_destroy(&person->writing);
    free(person->user_id);
    free(person);
}

void nima_memory_people_done(struct nima_people *people)
{
    for (size_t i = 0; i < NIMA_PEOPLE_BUCKETS; i++) {
        while (people->buckets[i] != NULL) {
            struct nima_person *person = people->buckets[i];
            people->buckets[i] = person->next;
            person_free(person);
        }
    }
    pthread_mutex_destroy(&people->lock);
}

static struct nima_person *person_new(nima_str user_id)
{
    struct nima_person *person = NIMA_XNEW(struct nima_person, 1);
    person->user_id = nima_xstrdup(user_id);
    pthread_mutex_init(&person->deciding, NULL);
    pthread_mutex_init(&person->writing, NULL);
    /* Writers first: a stream of searches must not keep a new fact waiting. */
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&person->lock, &attr);
    pthread_mutex_init(&person->talk_writing, NULL);
    pthread_rwlock_init(&person->talk_lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return person;
}

struct nima_person *nima_memory_person_take(struct nima_ctx *ctx, struct nima_memory *memory)
{
    struct nima_people *people = &memory->people;
    size_t bucket = nima_str_hash(ctx->user_id) % NIMA_PEOPLE_BUCKETS;
    pthread_mutex_lock(&people->lock);
    struct nima_person *person = people->buckets[bucket];
    while (person != NULL && !nima_str_eq(nima_str_of(person->user_id), ctx->user_id)) {
        person = person->next;
    }
    if (person == NULL) {
        person = person_new(ctx->user_id);
        person->next = people->buckets[bucket];
        people->buckets[bucket] = person;
    }
    person->refs++;
    person->used_ms = nima_mono_ms();
    pthread_mutex_unlock(&people->lock);
    return person;
}

void nima_memory_person_give(struct nima_memory *memory, struct nima_person *person)
{
    pthread_mutex_lock(&memory->people.lock);
    nima_assert(person->refs > 0);
    person->refs--;
    pthread_mutex_unlock(&memory->people.lock);
}

struct loading {
    struct nima_index *index;
    struct nima_words *words;
    nima_str model;
    int64_t waiting;
};

static nima_rc load_row(struct nima_ctx *ctx, void *user, const struct nima_fact *fact)
{
    struct loading *loading = user;
    nima_memory_index_put(loading->index, loading->words, fact);
    bool other = loading->model.ptr != NULL && !nima_str_eq(fact->embedding_model, loading->model);
    loading->waiting += fact->embedding_model.ptr == NULL || other;
    return nima_ctx_stopped(ctx);
}

/* person->writing is held, so no write of ours can come between the scan and the swap. */
static nima_rc load(struct nima_ctx *ctx, struct nima_memory *memory, struct nima_person *person)
{
    struct nima_llm_state state;
    struct loading loading = {.model = nima_memory_model(memory, &state)};
    size_t dims = loading.model.ptr != NULL ? (size_t)state.embedding_dims : 0;
    loading.index = nima_memory_index_new(loading.model, dims);
    nima_str former = nima_memory_former(ctx, memory);
    if (former.ptr != NULL) {
        nima_memory_index_former(loading.index, former, nima_llm_before_dims(memory->llm, former));
    }
    loading.words = nima_search_words_open();
    int64_t change = 0;
    nima_rc rc = nima_facts_scan(ctx, memory->store, load_row, &loading, &change);
    nima_search_words_close(loading.words);
    if (rc != NIMA_OK) {
        nima_memory_index_free(loading.index);
        return rc;
    }
    pthread_rwlock_wrlock(&person->lock);
    struct nima_index *old = person->index;
    person->index = loading.index;
    person->change = change;
    person->waiting = loading.waiting;
    pthread_rwlock_unlock(&person->lock);
    nima_memory_index_free(old);
    return NIMA_OK;
}

/* True with the lock for reading held when the index may answer. */
static bool read_if_fresh(struct nima_ctx *ctx, struct nima_memory *memory,
                          struct nima_person *person, int64_t change)
{
    struct nima_llm_state state;
    nima_str model = nima_memory_model(memory, &state);
    nima_str former = nima_memory_former(ctx, memory);
    pthread_rwlock_rdlock(&person->lock);
    bool fresh = person->index != NULL && person->change == change &&
                 !nima_memory_index_worn(person->index) &&
                 nima_str_eq(nima_memory_index_model(person->index),
                             model.ptr != NULL ? model : NIMA_STR("")) &&
                 nima_str_eq(nima_memory_index_former_model(person->index), former);
    if (!fresh) {
        pthread_rwlock_unlock(&person->lock);
    }
    return fresh;
}

static nima_rc refresh(struct nima_ctx *ctx, struct nima_memory *memory, struct nima_person *person)
{
    int64_t change = 0;
    pthread_mutex_lock(&person->writing);
    nima_rc rc = nima_facts_change(ctx, memory->store, &change);
    if (rc == NIMA_OK && read_if_fresh(ctx, memory, person, change)) {
        pthread_rwlock_unlock(&person->lock); /* a writer was just about to put it right */
    } else if (rc == NIMA_OK) {
        rc = load(ctx, memory, person);
    }
    pthread_mutex_unlock(&person->writing);
    return rc;
}

nima_rc nima_memory_person_read(struct nima_ctx *ctx, struct nima_memory *memory,
                                struct nima_person *person)
{
    int64_t change = 0;
    NIMA_TRY(nima_facts_change(ctx, memory->store, &change));
    if (read_if_fresh(ctx, memory, person, change)) {
        return NIMA_OK;
    }
    for (int i = 0; i < READ_TRIES; i++) {
        NIMA_TRY(refresh(ctx, memory, person));
        pthread_rwlock_rdlock(&person->lock);
        /* It holds all that was there when we asked, perhaps more by now. */
        if (person->index != NULL && person->change >= change) {
            return NIMA_OK;
        }
        pthread_rwlock_unlock(&person->lock);
    }
    return nima_fail(ctx, NIMA_E_BUSY, "memory is changing too fast to be searched; try again");
}

void nima_memory_person_read_end(struct nima_person *person)
{
    pthread_rwlock_unlock(&person->lock);
}

void nima_memory_person_write(struct nima_person *person)
{
    pthread_mutex_lock(&person->writing);
}

void nima_memory_person_write_end(struct nima_person *person)
{
    pthread_mutex_unlock(&person->writing);
}

static bool apply_one(struct nima_person *person, struct nima_words *words,
                      const struct nima_delta *delta)
{
    switch (delta->kind) {
    case NIMA_DELTA_TOUCH:
        return nima_memory_index_touch(person->index, delta->fact);
    case NIMA_DELTA_RENEW:
        person->waiting -= 1;
        return nima_memory_index_renew(person->index, delta->fact);
    case NIMA_DELTA_DROP:
        nima_memory_index_drop(person->index, delta->fact->id);
        return true;
    case NIMA_DELTA_PUT:
        break;
    }
    nima_memory_index_put(person->index, words, delta->fact);
    person->waiting += delta->fact->embedding == NULL;
    return true;
}

void nima_memory_person_apply(struct nima_person *person, int64_t change,
                              const struct nima_delta *deltas, size_t count)
{
    struct nima_words *words = nima_search_words_open();
    pthread_rwlock_wrlock(&person->lock);
    if (person->index != NULL) {
        bool known = change == person->change + 1;
        for (size_t i = 0; known && i < count; i++) {
            known = apply_one(person, words, &deltas[i]);
        }
        person->change = known ? change : -1; /* somebody else wrote too: the next read loads */
    }
    pthread_rwlock_unlock(&person->lock);
    nima_search_words_close(words);
}

void nima_memory_person_unload(struct nima_person *person)
{
    pthread_rwlock_wrlock(&person->lock);
    struct nima_index *index = person->index;
    person->index = NULL;
    person->waiting = 0;
    pthread_rwlock_unlock(&person->lock);
    nima_memory_index_free(index);
}

void nima_memory_people_sweep(struct nima_people *people, int64_t idle_ms)
{
    int64_t now = nima_mono_ms();
    pthread_mutex_lock(&people->lock);
    for (size_t i = 0; i < NIMA_PEOPLE_BUCKETS; i++) {
        struct nima_person **at = &people->buckets[i];
        while (*at != NULL) {
            struct nima_person *person = *at;
            if (person->refs == 0 && now - person->used_ms >= idle_ms) {
                *at = person->next;
                person_free(person);
            } else {
                at = &person->next;
            }
        }
    }
    pthread_mutex_unlock(&people->lock);
}
