/*
 * Keeps the beginning of every prompt evaluated: the persona of those who did not choose another.
 * A thread of its own, since that takes seconds where the model's state is not on disk yet, and
 * looks again now and then, since persona files are read again when they change.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "orchestrator/orchestrator_int.h"
#include "personality/personality.h"
#include "util/digest.h"

enum { LOOK_S = 2, HASH_CHARS = NIMA_SHA256_HEX };

struct nima_keeper {
    struct nima_orchestrator *o;
    pthread_t thread;
    pthread_mutex_t lock; /* guards nothing but the wait */
    pthread_cond_t changed;
    atomic_bool closing;
    char kept[HASH_CHARS + 1]; /* the thread's own */
};

static nima_rc keep(struct nima_ctx *ctx, struct nima_keeper *keeper)
{
    struct nima_prompt_texts texts = {0};
    nima_str text;
    nima_str nobody = {NULL, 0};
    NIMA_TRY(nima_prompt_persona(ctx, keeper->o, nobody, true, &texts));
    NIMA_TRY(nima_prompt_join(ctx, &texts, &text));
    nima_str hash = nima_sha256_hex(ctx, text);
    if (nima_str_eq(hash, nima_str_of(keeper->kept))) {
        return NIMA_OK;
    }
    struct nima_llm_message message = {NIMA_STR("system"), text};
    NIMA_TRY(nima_llm_keep(ctx, keeper->o->llm, &message, 1, NIMA_STR("persona"), NULL));
    snprintf(keeper->kept, sizeof(keeper->kept), NIMA_FMT, NIMA_ARG(hash));
    return NIMA_OK;
}

static void *run(void *user)
{
    struct nima_keeper *keeper = user;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ctx.cancelled = &keeper->closing;
    while (!atomic_load(&keeper->closing)) {
        nima_rc rc = nima_llm_wait(&ctx, keeper->o->llm);
        if (rc == NIMA_OK) {
            rc = keep(&ctx, keeper);
        }
        (void)rc; /* a turn evaluates what is not kept; the next look tries again */
        nima_ctx_reset(&ctx);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_S;
        pthread_mutex_lock(&keeper->lock);
        if (!atomic_load(&keeper->closing)) {
            pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until);
        }
        pthread_mutex_unlock(&keeper->lock);
    }
    nima_ctx_done(&ctx);
    return NULL;
}

struct nima_keeper *nima_keeper_new(struct nima_orchestrator *o)
{
    struct nima_keeper *keeper = NIMA_XNEW(struct nima_keeper, 1);
    keeper->o = o;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pthread_create(&keeper->thread, NULL, run, keeper);
    nima_assert(failed == 0);
    return keeper;
}

void nima_keeper_free(struct nima_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    pthread_mutex_lock(&keeper->lock);
    atomic_store(&keeper->closing, true);
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}
