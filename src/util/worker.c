#include "util/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/log.h"

struct entry {
    char *user_id, *key; /* key NULL: none */
    void *job;
};

struct nima_worker {
    struct nima_worker_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below but `cancel` */
    pthread_cond_t changed;
    struct entry *line; /* in order of arrival */
    size_t count;
    struct entry now; /* at work; user_id NULL: none */
    bool started, stop;
    atomic_bool cancel; /* of the one at work */
    int64_t finished, dropped;
};

struct nima_worker *nima_worker_new(const struct nima_worker_options *options)
{
    nima_assert(options->line_max > 0);
    struct nima_worker *worker = NIMA_XNEW(struct nima_worker, 1);
    worker->options = *options;
    worker->line = NIMA_XNEW(struct entry, options->line_max);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
    return worker;
}

static void entry_done(struct nima_worker *worker, struct entry *entry)
{
    worker->options.done(entry->job);
    free(entry->user_id);
    free(entry->key);
    *entry = (struct entry){0};
}

void nima_worker_free(struct nima_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->stop = true;
    atomic_store(&worker->cancel, true);
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    if (worker->started) {
        pthread_join(worker->thread, NULL);
    }
    for (size_t i = 0; i < worker->count; i++) {
        entry_done(worker, &worker->line[i]);
    }
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free(worker->line);
    free(worker);
}

static void run_one(struct nima_ctx *ctx, struct nima_worker *worker, const struct entry *entry)
{
    const struct nima_worker_options *options = &worker->options;
    ctx->user_id = nima_str_of(entry->user_id);
    ctx->cancelled = &worker->cancel;
    ctx->deadline_ms = nima_mono_ms() + options->job_ms_max;
    nima_rc rc = options->run(ctx, options->user, entry->job);
    if (rc != NIMA_OK && rc != NIMA_E_CANCELLED) {
        nima_log_debug("%s: %s", options->name, ctx->error.message);
    }
    nima_ctx_reset(ctx);
}

static void *work(void *user)
{
    struct nima_worker *worker = user;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    pthread_mutex_lock(&worker->lock);
    while (!worker->stop) {
        if (worker->count == 0) {
            pthread_cond_wait(&worker->changed, &worker->lock);
            continue;
        }
        worker->now = worker->line[0];
        worker->count--;
        memmove(worker->line, worker->line + 1, worker->count * sizeof(*worker->line));
        atomic_store(&worker->cancel, false);
        pthread_mutex_unlock(&worker->lock);
        run_one(&ctx, worker, &worker->now);
        pthread_mutex_lock(&worker->lock);
        entry_done(worker, &worker->now);
        worker->finished++;
        pthread_cond_broadcast(&worker->changed);
    }
    pthread_mutex_unlock(&worker->lock);
    nima_ctx_done(&ctx);
    return NULL;
}

static struct entry *waiting_for(struct nima_worker *worker, nima_str key)
{
    for (size_t i = 0; key.ptr != NULL && i < worker->count; i++) {
        const char *own = worker->line[i].key;
        if (own != NULL && nima_str_eq(nima_str_of(own), key)) {
            return &worker->line[i];
        }
    }
    return NULL;
}

bool nima_worker_push(struct nima_worker *worker, nima_str user_id, nima_str key, void *job)
{
    struct entry entry = {.user_id = nima_xstrdup(user_id),
                          .key = key.ptr != NULL ? nima_xstrdup(key) : NULL,
                          .job = job};
    pthread_mutex_lock(&worker->lock);
    if (!worker->started && !worker->stop) {
        worker->started = pthread_create(&worker->thread, NULL, work, worker) == 0;
    }
    struct entry *same = waiting_for(worker, key);
    bool taken = worker->started && !worker->stop &&
                 (same != NULL || worker->count < worker->options.line_max);
    if (taken && same != NULL) {
        entry_done(worker, same);
        *same = entry;
    } else if (taken) {
        worker->line[worker->count++] = entry;
        pthread_cond_broadcast(&worker->changed);
    } else {
        worker->dropped++;
        entry_done(worker, &entry);
    }
    pthread_mutex_unlock(&worker->lock);
    return taken;
}

void nima_worker_drop(struct nima_worker *worker, nima_str user_id)
{
    pthread_mutex_lock(&worker->lock);
    size_t left = 0;
    for (size_t i = 0; i < worker->count; i++) {
        if (nima_str_eq(nima_str_of(worker->line[i].user_id), user_id)) {
            entry_done(worker, &worker->line[i]);
        } else {
            worker->line[left++] = worker->line[i];
        }
    }
    worker->count = left;
    int64_t finished = worker->finished;
    bool busy =
        worker->now.user_id != NULL && nima_str_eq(nima_str_of(worker->now.user_id), user_id);
    if (busy) {
        atomic_store(&worker->cancel, true);
    }
    while (busy && worker->finished == finished) {
        pthread_cond_wait(&worker->changed, &worker->lock);
    }
    pthread_mutex_unlock(&worker->lock);
}

void nima_worker_count(struct nima_worker *worker, struct nima_worker_counts *out)
{
    pthread_mutex_lock(&worker->lock);
    *out = (struct nima_worker_counts){.waiting =
                                           (int64_t)worker->count + (worker->now.user_id != NULL),
                                       .done = worker->finished,
                                       .dropped = worker->dropped};
    pthread_mutex_unlock(&worker->lock);
}
