#include "memory/learner.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory_int.h"
#include "util/clock.h"
#include "util/log.h"

enum { LINE_MAX = 64, TEXT_BYTES_MAX = 8192, READ_MS_MAX = 300000 };

struct job {
    char *user_id, *text, *conversation_id, *message_id; /* NULL: absent */
    int64_t said_at_ms;
};

struct nima_learner {
    struct nima_memory *memory;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below but `cancel` */
    pthread_cond_t changed;
    struct job line[LINE_MAX]; /* in order of arrival */
    size_t count;
    struct job now; /* being read; user_id NULL: none */
    bool started, stop;
    atomic_bool cancel; /* of the one being read */
    struct nima_learner_counts counts;
};

static char *kept(nima_str s)
{
    return s.ptr != NULL ? nima_xstrdup(s) : NULL;
}

static void job_done(struct job *job)
{
    free(job->user_id);
    free(job->text);
    free(job->conversation_id);
    free(job->message_id);
    *job = (struct job){0};
}

struct nima_learner *nima_memory_learner_new(struct nima_memory *memory)
{
    struct nima_learner *learner = NIMA_XNEW(struct nima_learner, 1);
    learner->memory = memory;
    pthread_mutex_init(&learner->lock, NULL);
    pthread_cond_init(&learner->changed, NULL);
    return learner;
}

void nima_memory_learner_free(struct nima_learner *learner)
{
    if (learner == NULL) {
        return;
    }
    pthread_mutex_lock(&learner->lock);
    learner->stop = true;
    atomic_store(&learner->cancel, true);
    pthread_cond_broadcast(&learner->changed);
    pthread_mutex_unlock(&learner->lock);
    if (learner->started) {
        pthread_join(learner->thread, NULL);
    }
    for (size_t i = 0; i < learner->count; i++) {
        job_done(&learner->line[i]);
    }
    pthread_cond_destroy(&learner->changed);
    pthread_mutex_destroy(&learner->lock);
    free(learner);
}

static void read_one(struct nima_ctx *ctx, struct nima_learner *learner, const struct job *job)
{
    struct nima_utterance said = {.text = nima_str_of(job->text),
                                  .conversation_id = nima_str_of(job->conversation_id),
                                  .message_id = nima_str_of(job->message_id),
                                  .said_at_ms = job->said_at_ms};
    struct nima_learned_list learned;
    ctx->user_id = nima_str_of(job->user_id);
    ctx->cancelled = &learner->cancel;
    ctx->deadline_ms = nima_mono_ms() + READ_MS_MAX;
    nima_rc rc = nima_memory_learn_by_model(ctx, learner->memory, &said, &learned);
    if (rc != NIMA_OK && rc != NIMA_E_CANCELLED) {
        nima_log_debug("a message was not learned from: %s", ctx->error.message);
    }
    nima_ctx_reset(ctx);
}

static void *work(void *user)
{
    struct nima_learner *learner = user;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    pthread_mutex_lock(&learner->lock);
    while (!learner->stop) {
        if (learner->count == 0) {
            pthread_cond_wait(&learner->changed, &learner->lock);
            continue;
        }
        learner->now = learner->line[0];
        learner->count--;
        memmove(learner->line, learner->line + 1, learner->count * sizeof(learner->line[0]));
        atomic_store(&learner->cancel, false);
        pthread_mutex_unlock(&learner->lock);
        read_one(&ctx, learner, &learner->now);
        pthread_mutex_lock(&learner->lock);
        job_done(&learner->now);
        learner->counts.read++;
        pthread_cond_broadcast(&learner->changed);
    }
    pthread_mutex_unlock(&learner->lock);
    nima_ctx_done(&ctx);
    return NULL;
}

bool nima_memory_learner_push(struct nima_learner *learner, nima_str user_id,
                              const struct nima_utterance *said)
{
    pthread_mutex_lock(&learner->lock);
    if (!learner->started) {
        learner->started = pthread_create(&learner->thread, NULL, work, learner) == 0;
    }
    bool taken = learner->started && !learner->stop && learner->count < LINE_MAX;
    if (taken) {
        learner->line[learner->count++] =
            (struct job){.user_id = kept(user_id),
                         .text = kept(nima_utf8_prefix(said->text, TEXT_BYTES_MAX)),
                         .conversation_id = kept(said->conversation_id),
                         .message_id = kept(said->message_id),
                         .said_at_ms = said->said_at_ms};
        pthread_cond_broadcast(&learner->changed);
    } else {
        learner->counts.dropped++;
    }
    pthread_mutex_unlock(&learner->lock);
    return taken;
}

void nima_memory_learner_drop(struct nima_learner *learner, nima_str user_id)
{
    pthread_mutex_lock(&learner->lock);
    size_t left = 0;
    for (size_t i = 0; i < learner->count; i++) {
        if (nima_str_eq(nima_str_of(learner->line[i].user_id), user_id)) {
            job_done(&learner->line[i]);
        } else {
            learner->line[left++] = learner->line[i];
        }
    }
    learner->count = left;
    int64_t read = learner->counts.read;
    bool busy =
        learner->now.user_id != NULL && nima_str_eq(nima_str_of(learner->now.user_id), user_id);
    if (busy) {
        atomic_store(&learner->cancel, true);
    }
    while (busy && learner->counts.read == read) {
        pthread_cond_wait(&learner->changed, &learner->lock);
    }
    pthread_mutex_unlock(&learner->lock);
}

void nima_memory_learner_counts(struct nima_learner *learner, struct nima_learner_counts *out)
{
    pthread_mutex_lock(&learner->lock);
    *out = learner->counts;
    out->waiting = (int64_t)learner->count + (learner->now.user_id != NULL);
    pthread_mutex_unlock(&learner->lock);
}
