#pragma once
/*
 * worker: jobs done one after the other by a thread of its own, behind everything that somebody
 * waits for. What belongs to a person can be taken back.
 *
 * Lifetime   _new/_free; the thread starts with the first job. _free cancels the job at hand, and
 *            what still waits is not done.
 * Ownership  A job is the worker's from the push on, also of one that is refused.
 * Threads    Any may push, drop and count; `run` is called on the worker's thread.
 * Errors     What `run` returns is only told to the log.
 */
#include "util/ctx.h"

struct nima_worker;

struct nima_worker_options {
    const char *name; /* for the log: "a message was not learned from" */
    size_t line_max;
    int64_t job_ms_max; /* how long one may take */
    /* ctx->user_id is the job's person; ctx is cancelled by _drop and _free. */
    nima_rc (*run)(struct nima_ctx *ctx, void *user, void *job);
    void (*done)(void *job); /* frees it */
    void *user;
};

struct nima_worker *nima_worker_new(const struct nima_worker_options *options);
void nima_worker_free(struct nima_worker *worker);
/* One job for each key waits at most: another with the same takes its place. An absent key is like
 * no other. False: the line is full, and the job is counted as dropped. */
bool nima_worker_push(struct nima_worker *worker, nima_str user_id, nima_str key, void *job);
/* Takes the person's jobs out of the line and waits until none is at work. Not from `run`. */
void nima_worker_drop(struct nima_worker *worker, nima_str user_id);
struct nima_worker_counts {
    int64_t waiting, done, dropped; /* `waiting` with the one at work */
};
void nima_worker_count(struct nima_worker *worker, struct nima_worker_counts *out);
