#pragma once
/*
 * Private to src/schedules.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "schedules/schedules.h"

struct nima_schedules {
    struct nima_store *store;
    int64_t (*now_ms)(void *user);
    void *now_user;
    int64_t idle_ms;
    nima_schedule_perform perform;
    void *perform_user;
    nima_schedule_look look; /* NULL: none */
    void *look_user;
    atomic_bool look_soon;
    pthread_t threads[2];
    bool started;
    atomic_bool stopping;
    pthread_mutex_t lock; /* guards wakes */
    pthread_cond_t woken;
    uint64_t wakes; /* raised when there may be something new to do */
};

void nima_schedules_wake(struct nima_schedules *schedules);

/* when.c: kind, spec and timezone of the row from what was asked for. */
NIMA_MUST_USE nima_rc nima_schedule_when_read(struct nima_ctx *ctx,
                                              const struct nima_schedule_when *when, nima_str zone,
                                              struct nima_schedule_row *row);
/* cron or every of the row with its limits, as it goes out. */
void nima_schedule_when_fill(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                             struct nima_schedule_when *when);
/* The first time after `after_ms`; 0: none. */
int64_t nima_schedule_when_next(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                                int64_t after_ms);
