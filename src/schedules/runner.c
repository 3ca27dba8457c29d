/*
 * The runner: two threads. One turns what is due into runs and delivers reminders, the other takes
 * up the runs that take their time. Both sleep until the store knows something to do, are woken
 * when a schedule is made or changed in this process, and look again every PAUSE_MAX_MS, for
 * another process on the same store may have died with its work.
 *
 * The wall clock may jump. Forward: what is due by then happens, each schedule once. Back: what was
 * moved ahead by the wrong time is computed anew from the right one; a firing that was done before
 * has its run already and is not done again.
 */
#include <errno.h>
#include <time.h>

#include "schedules/schedules_int.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"

enum {
    PAUSE_MAX_MS = 15000,
    PAUSE_AFTER_ERROR_MS = 5000,
    IDLE_LOOK_MS = 60000,
    WATCH_MS = 5 * 60 * 1000,
    JUMP_MS = 2000,
    LEASE_MS = 15 * 60 * 1000,
    WORK_MS = 14 * 60 * 1000, /* less than the lease: two never work on one run at a time */
    AGAIN_MS = 30 * 1000,
    ATTEMPTS_MAX = 3
};

struct runner {
    struct nima_schedules *s;
    struct nima_ctx ctx;
    bool reminders;
    bool looked;
    bool made;                /* runs, which may be for the other one */
    int64_t wall_ms, mono_ms; /* of the last look */
    int64_t idle_at_ms;       /* on nima_mono_ms() */
    int64_t watch_at_ms;      /* the same */
    nima_rc told;             /* the trouble that was logged already */
};

static void begin(struct runner *r)
{
    nima_ctx_reset(&r->ctx);
    r->ctx.user_id = (nima_str){NULL, 0};
    r->ctx.cancelled = NULL;
    r->ctx.deadline_ms = 0;
    r->ctx.now_ms = r->s->now_ms(r->s->now_user);
}

/* After a jump back, and once at the start: nothing lies further ahead than it should. */
static nima_rc straighten(struct runner *r)
{
    struct nima_ctx *ctx = &r->ctx;
    nima_str after = {NULL, 0};
    for (;;) {
        struct nima_schedule_rows rows;
        NIMA_TRY(nima_schedules_ahead(ctx, r->s->store, after, &rows));
        for (size_t i = 0; i < rows.count; i++) {
            struct nima_schedule_row fresh = rows.items[i];
            fresh.next_at = 0;
            int64_t next = nima_schedule_when_next(ctx, &fresh, ctx->now_ms);
            ctx->user_id = fresh.user_id;
            if (next != 0 && next < rows.items[i].next_at) {
                NIMA_TRY(nima_schedule_move(ctx, r->s->store, &rows.items[i], next));
            }
        }
        if (rows.count == 0) {
            return NIMA_OK;
        }
        after = rows.items[rows.count - 1].id;
    }
}

static nima_rc watch_clock(struct runner *r)
{
    int64_t mono_ms = nima_mono_ms();
    int64_t ahead = (r->ctx.now_ms - r->wall_ms) - (mono_ms - r->mono_ms);
    bool back = !r->looked || ahead < -JUMP_MS;
    r->wall_ms = r->ctx.now_ms;
    r->mono_ms = mono_ms;
    NIMA_TRY(back ? straighten(r) : NIMA_OK);
    r->looked = true;
    return NIMA_OK;
}

static nima_rc advance_due(struct runner *r)
{
    struct nima_schedule_rows rows;
    do {
        begin(r);
        NIMA_TRY(nima_schedules_due(&r->ctx, r->s->store, &rows));
        for (size_t i = 0; i < rows.count; i++) {
            r->ctx.user_id = rows.items[i].user_id;
            int64_t next = nima_schedule_when_next(&r->ctx, &rows.items[i], r->ctx.now_ms);
            NIMA_TRY(nima_schedule_advance(&r->ctx, r->s->store, &rows.items[i], next));
            r->made = true;
        }
    } while (rows.count > 0 && !atomic_load(&r->s->stopping));
    return NIMA_OK;
}

static nima_rc look_for_idle(struct runner *r)
{
    if (nima_mono_ms() < r->idle_at_ms) {
        return NIMA_OK;
    }
    begin(r);
    struct nima_schedule_idles rows;
    NIMA_TRY(nima_schedules_idle(&r->ctx, r->s->store, r->ctx.now_ms - r->s->idle_ms, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        r->ctx.user_id = rows.items[i].user_id;
        NIMA_TRY(nima_schedule_fire_idle(&r->ctx, r->s->store, &rows.items[i]));
        r->made = true;
    }
    int64_t pause = r->s->idle_ms < IDLE_LOOK_MS ? r->s->idle_ms : IDLE_LOOK_MS;
    r->idle_at_ms = nima_mono_ms() + pause;
    return NIMA_OK;
}

static nima_rc watch(struct runner *r)
{
    bool soon = atomic_exchange(&r->s->look_soon, false);
    if (r->s->look == NULL || (!soon && nima_mono_ms() < r->watch_at_ms)) {
        return NIMA_OK;
    }
    begin(r);
    r->watch_at_ms = nima_mono_ms() + WATCH_MS;
    r->ctx.cancelled = &r->s->stopping;
    nima_rc rc = r->s->look(&r->ctx, r->s->look_user);
    r->ctx.cancelled = NULL;
    return rc == NIMA_E_CANCELLED ? NIMA_OK : rc;
}

static nima_str mark_of(struct nima_ctx *ctx, const struct nima_schedule_run *run)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 4096);
    nima_buf_fmt(&buf,
                 "{\"scheduled\": {\"schedule_id\": \"" NIMA_FMT "\", \"run_id\": \"" NIMA_FMT
                 "\", \"name\": ",
                 NIMA_ARG(run->schedule_id), NIMA_ARG(run->id));
    nima_json_write_str(&buf, run->schedule.name);
    nima_buf_add(&buf, NIMA_STR("}}"));
    nima_str mark =
        buf.overflowed ? NIMA_STR("{}") : nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return mark;
}

/* A run that cannot be carried out is written off, so that it does not come back for ever. */
static nima_rc write_off(struct runner *r, const struct nima_schedule_run *run, nima_rc rc)
{
    if (rc == NIMA_E_STORE || rc == NIMA_E_BUSY || rc == NIMA_E_UNAVAILABLE) {
        return rc;
    }
    struct nima_schedule_run failed = *run;
    failed.status = NIMA_STR("failed");
    failed.error = nima_str_copy(r->ctx.arena, nima_str_of(r->ctx.error.message));
    return nima_schedule_finish(&r->ctx, r->s->store, &failed);
}

static nima_rc deliver_reminders(struct runner *r)
{
    struct nima_schedule_runs runs;
    do {
        begin(r);
        NIMA_TRY(nima_schedule_runs_open(&r->ctx, r->s->store, true, &runs));
        for (size_t i = 0; i < runs.count; i++) {
            const struct nima_schedule_run *run = &runs.items[i];
            bool done;
            r->ctx.user_id = run->user_id;
            nima_rc rc =
                nima_schedule_deliver(&r->ctx, r->s->store, run, mark_of(&r->ctx, run), &done);
            NIMA_TRY(rc == NIMA_OK ? rc : write_off(r, run, rc));
        }
    } while (runs.count > 0 && !atomic_load(&r->s->stopping));
    return NIMA_OK;
}

static nima_rc remind(struct runner *r)
{
    NIMA_TRY(watch_clock(r));
    NIMA_TRY(advance_due(r));
    NIMA_TRY(look_for_idle(r));
    NIMA_TRY(deliver_reminders(r));
    return watch(r);
}

static bool may_pass(nima_rc rc)
{
    return rc == NIMA_E_BUSY || rc == NIMA_E_UNAVAILABLE || rc == NIMA_E_MODEL ||
           rc == NIMA_E_TIMEOUT || rc == NIMA_E_STORE;
}

static nima_rc take_up(struct runner *r, const struct nima_schedule_run *run)
{
    struct nima_ctx *ctx = &r->ctx;
    struct nima_schedule_run after = *run;
    bool claimed;
    ctx->user_id = run->user_id;
    NIMA_TRY(nima_schedule_claim(ctx, r->s->store, run, ctx->now_ms + LEASE_MS, &claimed));
    if (!claimed) {
        return NIMA_OK;
    }
    ctx->cancelled = &r->s->stopping;
    ctx->deadline_ms = nima_mono_ms() + WORK_MS;
    ctx->now_ms = 0;
    nima_rc rc =
        r->s->perform(ctx, r->s->perform_user, run, &after.conversation_id, &after.message_id);
    ctx->cancelled = NULL;
    ctx->deadline_ms = 0;
    ctx->now_ms = r->s->now_ms(r->s->now_user);
    after.status = rc == NIMA_OK ? NIMA_STR("done") : NIMA_STR("failed");
    after.not_before = ctx->now_ms;
    if (rc != NIMA_OK) {
        after.error = nima_str_copy(ctx->arena, nima_str_of(ctx->error.message));
    }
    if (rc == NIMA_E_CANCELLED && atomic_load(&r->s->stopping)) {
        after.status = NIMA_STR("due"); /* done at the next start */
    } else if (may_pass(rc) && run->attempts + 1 < ATTEMPTS_MAX) {
        after.status = NIMA_STR("due");
        after.not_before += AGAIN_MS << (2 * run->attempts);
    }
    return nima_schedule_finish(ctx, r->s->store, &after);
}

static nima_rc perform(struct runner *r)
{
    struct nima_schedule_runs runs;
    do {
        begin(r);
        NIMA_TRY(nima_schedule_runs_open(&r->ctx, r->s->store, false, &runs));
        if (runs.count > 0) {
            NIMA_TRY(take_up(r, &runs.items[0]));
        }
    } while (runs.count > 0 && !atomic_load(&r->s->stopping));
    return NIMA_OK;
}

static int64_t pause_ms(struct runner *r, nima_rc rc)
{
    int64_t next = 0;
    if (rc == NIMA_OK) {
        begin(r);
        rc = nima_schedules_next(&r->ctx, r->s->store, r->reminders, &next);
    }
    if (rc != NIMA_OK) {
        if (rc != r->told) {
            nima_log_warn("schedules wait: %s", r->ctx.error.message);
        }
        r->told = rc;
        return PAUSE_AFTER_ERROR_MS;
    }
    r->told = NIMA_OK;
    int64_t left = next != 0 ? next - r->ctx.now_ms : PAUSE_MAX_MS;
    return left < 0 ? 0 : (left < PAUSE_MAX_MS ? left : PAUSE_MAX_MS);
}

static uint64_t wakes_of(struct nima_schedules *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t wakes = s->wakes;
    pthread_mutex_unlock(&s->lock);
    return wakes;
}

static void sleep_for(struct nima_schedules *s, int64_t ms, uint64_t seen)
{
    int64_t until_ms = nima_mono_ms() + ms;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    int waited = 0;
    pthread_mutex_lock(&s->lock);
    while (waited != ETIMEDOUT && s->wakes == seen && !atomic_load(&s->stopping)) {
        waited = pthread_cond_timedwait(&s->woken, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
}

static void *run(void *arg)
{
    struct runner *r = arg;
    nima_ctx_init(&r->ctx);
    while (!atomic_load(&r->s->stopping)) {
        uint64_t seen = wakes_of(r->s);
        begin(r);
        nima_rc rc = r->reminders ? remind(r) : perform(r);
        if (r->made) {
            r->made = false;
            nima_schedules_wake(r->s);
        }
        int64_t pause = pause_ms(r, rc);
        sleep_for(r->s, pause, seen);
    }
    nima_ctx_done(&r->ctx);
    free(r);
    return NULL;
}

void nima_schedules_start(struct nima_schedules *schedules, nima_schedule_perform perform_run,
                          void *user)
{
    nima_assert(!schedules->started);
    schedules->perform = perform_run;
    schedules->perform_user = user;
    schedules->started = true;
    for (int i = 0; i < 2; i++) {
        struct runner *r = NIMA_XNEW(struct runner, 1);
        r->s = schedules;
        r->reminders = i == 0;
        int failed = pthread_create(&schedules->threads[i], NULL, run, r);
        nima_assert(failed == 0);
    }
}

void nima_schedules_stop(struct nima_schedules *schedules)
{
    if (!schedules->started) {
        return;
    }
    atomic_store(&schedules->stopping, true);
    nima_schedules_wake(schedules);
    for (int i = 0; i < 2; i++) {
        pthread_join(schedules->threads[i], NULL);
    }
    schedules->started = false;
}
