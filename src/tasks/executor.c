/*
 * The workers: each claims a task, runs it, ends it. A keeper beside them renews the leases of
 * what runs, looks for work of other processes, and ends proposals whose time is over. A worker
 * that cannot renew its lease is stopped before the lease runs out elsewhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tasks/file/file_int.h"
#include "tasks/tasks_int.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/log.h"
#include "util/uuid.h"

enum {
    TICK_MS = 500,
    FINISH_TRIES = 20,
    FINISH_PAUSE_MS = 250,
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 300000,
    RETRY_AFTER_MAX_S = 3600,
    HOUR_MS = 3600000,
};

void nima_executor_work_came(struct nima_tasks *tasks)
{
    pthread_mutex_lock(&tasks->lock);
    tasks->work++;
    pthread_cond_broadcast(&tasks->moved);
    pthread_mutex_unlock(&tasks->lock);
}

void nima_executor_changed(struct nima_tasks *tasks)
{
    pthread_mutex_lock(&tasks->lock);
    tasks->changes++;
    pthread_cond_broadcast(&tasks->moved);
    pthread_mutex_unlock(&tasks->lock);
}

/* With the lock held. The first reason stays. */
static void stop_worker(struct nima_worker *worker, enum nima_stop why)
{
    if (worker->busy && worker->stop == NIMA_STOP_NONE) {
        worker->stop = why;
        atomic_store(&worker->cancelled, true);
    }
}

void nima_executor_cancel(struct nima_tasks *tasks, nima_str id)
{
    pthread_mutex_lock(&tasks->lock);
    for (size_t i = 0; i < tasks->worker_count; i++) {
        if (nima_str_eq(id, nima_str_of(tasks->workers[i].id))) {
            stop_worker(&tasks->workers[i], NIMA_STOP_ASKED);
        }
    }
    pthread_mutex_unlock(&tasks->lock);
}

static int number_of(nima_str type)
{
    for (int i = 0; nima_integrations[i] != NULL; i++) {
        if (nima_str_eq(type, nima_str_of(nima_integrations[i]->name))) {
            return i;
        }
    }
    return -1;
}

/* Ending an attempt */

static nima_str text_of(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_rc rc)
{
    const char *message = ctx->error.message[0] != '\0' ? ctx->error.message : nima_rc_text(rc);
    return nima_secrets_mask(ctx, &tasks->secrets, nima_fmt(ctx, "%s", message));
}

static bool is_transient(nima_rc rc)
{
    return rc == NIMA_E_BUSY || rc == NIMA_E_RATE || rc == NIMA_E_UNAVAILABLE ||
           rc == NIMA_E_TIMEOUT;
}

/* 1 s, 2 s, 4 s … and up to a quarter more, so that what failed together does not come back
 * together; not before the service said. */
static int64_t pause_ms(int64_t attempts, int retry_after_s)
{
    uint32_t random;
    nima_random_bytes(&random, sizeof(random));
    int64_t wait = BACKOFF_FIRST_MS;
    for (int64_t i = 1; i < attempts && wait < BACKOFF_MAX_MS; i++) {
        wait *= 2;
    }
    wait = wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
    wait += wait / 4 * (random % 1000) / 1000;
    int64_t asked = retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S;
    return wait > asked * 1000 ? wait : asked * 1000;
}

struct ending {
    struct nima_task_end end;
    const char *event; /* NULL: not on record */
};

static struct ending ending_of(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                               const struct nima_task_row *task, nima_rc rc, nima_str result,
                               enum nima_stop stop)
{
    struct ending e = {.event = "failed"};
    if (rc == NIMA_OK) {
        e.event = "completed";
        e.end = (struct nima_task_end){.status = NIMA_STR("completed"), .result = result};
        return e;
    }
    e.end.error = text_of(ctx, tasks, rc);
    e.end.error_code = nima_str_of(nima_rc_code(rc));
    if (stop == NIMA_STOP_ASKED) {
        e.event = "cancelled";
        e.end.status = NIMA_STR("cancelled");
        e.end.error = NIMA_STR("cancelled while it ran");
    } else if (stop == NIMA_STOP_CLOSING) {
        e.event = "released";
        e.end.status = NIMA_STR("pending");
        e.end.uncounted = true;
        e.end.next_attempt_at = nima_ctx_now(ctx);
    } else if (is_transient(rc) && task->attempts < task->max_attempts) {
        e.event = "attempt_failed";
        e.end.status = NIMA_STR("pending");
        e.end.next_attempt_at =
            nima_ctx_now(ctx) + pause_ms(task->attempts, ctx->error.retry_after_s);
    } else {
        e.end.status = NIMA_STR("failed");
    }
    return e;
}

static void nap(int64_t ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

void nima_tasks_tell(struct nima_tasks *tasks, nima_tasks_told told, void *user)
{
    pthread_mutex_lock(&tasks->lock);
    tasks->told = told;
    tasks->told_user = user;
    while (told == NULL && tasks->telling > 0) {
        pthread_cond_wait(&tasks->moved, &tasks->lock);
    }
    pthread_mutex_unlock(&tasks->lock);
}

/* NULL: it has changed nothing. */
static const char *what_it_did(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                               const struct nima_task_row *task)
{
    const struct nima_integration *integration;
    const struct nima_action *action;
    void *params;
    bool wrote = nima_action_find(ctx, &tasks->options, task->type, task->action, &integration,
                                  &action) == NIMA_OK &&
                 nima_action_params(ctx, action, task->params, &params) == NIMA_OK &&
                 (action->writes_with != NULL ? action->writes_with(params) : action->writes);
    return wrote ? action->past : NULL;
}

void nima_executor_tell(struct nima_ctx *ctx, struct nima_tasks *tasks,
                        const struct nima_task_over *over)
{
    nima_str me = ctx->user_id;
    pthread_mutex_lock(&tasks->lock);
    nima_tasks_told told = tasks->told;
    void *user = tasks->told_user;
    tasks->telling += told != NULL;
    pthread_mutex_unlock(&tasks->lock);
    if (told == NULL) {
        return;
    }
    ctx->user_id = over->task->user_id;
    told(ctx, user, over);
    ctx->user_id = me;
    pthread_mutex_lock(&tasks->lock);
    tasks->telling--;
    pthread_cond_broadcast(&tasks->moved);
    pthread_mutex_unlock(&tasks->lock);
}

static void tell(struct nima_ctx *ctx, struct nima_tasks *tasks, const struct nima_task_row *task,
                 const struct nima_task_end *end)
{
    bool completed = nima_str_eq(end->status, NIMA_STR("completed"));
    struct nima_task_over over = {.event = completed ? NIMA_STR("task.completed")
                                                     : NIMA_STR("task.failed"),
                                  .task = task,
                                  .result = end->result,
                                  .did = completed ? what_it_did(ctx, tasks, task) : NULL};
    if (completed || nima_str_eq(end->status, NIMA_STR("failed"))) {
        nima_executor_tell(ctx, tasks, &over);
    }
}

/* What was done must be written down: a store that is away for a moment is waited for. */
static void end_attempt(struct nima_ctx *ctx, struct nima_tasks *tasks,
                        const struct nima_task_row *task, const struct ending *e)
{
    nima_str error = e->end.error.ptr != NULL ? e->end.error : NIMA_STR("");
    struct nima_buf details;
    nima_buf_init(&details, NIMA_TASK_RESULT_BYTES_MAX);
    nima_buf_fmt(&details, "{\"attempt\":%lld", (long long)task->attempts);
    if (e->end.result.ptr != NULL) {
        nima_buf_fmt(&details, ",\"result_sha256\":\"" NIMA_FMT "\"",
                     NIMA_ARG(nima_sha256_hex(ctx, e->end.result)));
    } else {
        nima_buf_add(&details, NIMA_STR(",\"error\":"));
        nima_json_write_str(&details, nima_utf8_prefix(error, NIMA_ERROR_CHARS_MAX));
    }
    nima_buf_add_char(&details, '}');
    struct nima_audit_row audit = {.actor = NIMA_STR("nima"),
                                   .event = nima_str_of(e->event),
                                   .type = task->type,
                                   .action = task->action,
                                   .details = nima_buf_view(&details)};
    nima_rc rc = NIMA_E_BUSY;
    for (int i = 0; i < FINISH_TRIES && (rc == NIMA_E_BUSY || rc == NIMA_E_UNAVAILABLE); i++) {
        if (i > 0) {
            nap(FINISH_PAUSE_MS);
        }
        rc = nima_task_finish(ctx, tasks->options.store, task, &e->end, &audit);
    }
    nima_buf_done(&details);
    if (rc != NIMA_OK) {
        nima_log_warn("task " NIMA_FMT " is over, which could not be written down: %s",
                      NIMA_ARG(task->id), ctx->error.message);
        return;
    }
    tell(ctx, tasks, task, &e->end);
}

/* Running one */

static bool may_approve(const struct nima_tasks *tasks, const struct nima_task_row *task,
                        nima_str person)
{
    return nima_str_eq(person, task->user_id) || nima_policy_approver(tasks, person);
}

/* Two different people, so one of them is an approver who has not asked for it. */
static bool two_agreed(const struct nima_tasks *tasks, const struct nima_task_row *task,
                       nima_str hash)
{
    return nima_str_eq(task->approved_hash, hash) && nima_str_eq(task->first_hash, hash) &&
           !nima_str_eq(task->first_by, task->approved_by) &&
           may_approve(tasks, task, task->first_by) && may_approve(tasks, task, task->approved_by);
}

/* Nothing runs on the word of a row alone: what it says must be what was decided on, and the
 * policies of now must allow it. */
static nima_rc check(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                     const struct nima_task_row *task, const struct nima_integration *integration,
                     const struct nima_action *action)
{
    void *params;
    struct nima_policy policy;
    NIMA_TRY(nima_program_unchanged(ctx, task, action));
    nima_str hash =
        nima_task_hash(ctx, nima_program_seal(ctx, action, task->type), task->action, task->params);
    if (!nima_str_eq(hash, task->params_hash)) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "the task is not what was asked for");
    }
    NIMA_TRY(nima_action_params(ctx, action, task->params, &params));
    NIMA_TRY(nima_policy_decide(ctx, tasks, integration, action, params, &policy));
    if (policy.verdict == NIMA_DENY) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, NIMA_FMT "." NIMA_FMT " is denied by " NIMA_FMT,
                         NIMA_ARG(task->type), NIMA_ARG(task->action), NIMA_ARG(policy.row));
    }
    if (policy.verdict == NIMA_ASK && !nima_str_eq(task->approved_hash, hash)) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "this needs an approval that it does not have");
    }
    if (policy.verdict == NIMA_TWO_PERSON && !two_agreed(tasks, task, hash)) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "this needs the approval of two people");
    }
    return NIMA_OK;
}

static nima_rc perform(struct nima_ctx *ctx, struct nima_tasks *tasks,
                       const struct nima_task_row *task, nima_str *result)
{
    const struct nima_integration *integration;
    const struct nima_action *action;
    nima_str text = task->params;
    void *params;
    NIMA_TRY(
        nima_action_find(ctx, &tasks->options, task->type, task->action, &integration, &action));
    NIMA_TRY(check(ctx, tasks, task, integration, action));
    if (integration->secrets) {
        NIMA_TRY(nima_secrets_fill(ctx, &tasks->secrets, text, &text));
    }
    NIMA_TRY(nima_action_params(ctx, action, text, &params));
    struct nima_job job = {
        .tasks = tasks, .id = task->id, .params = params, .created_at = task->created_at};
    nima_str made = NIMA_STR("{}");
    NIMA_TRY(action->run(ctx, &job, &made));
    made = nima_secrets_mask(ctx, &tasks->secrets, made);
    if (made.len > NIMA_TASK_RESULT_BYTES_MAX) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "the result is over %d bytes",
                         NIMA_TASK_RESULT_BYTES_MAX);
    }
    *result = made;
    return NIMA_OK;
}

static void note_start(struct nima_ctx *ctx, struct nima_tasks *tasks,
                       const struct nima_task_row *task, bool taken_up)
{
    struct nima_audit_row audit = {
        .task_id = task->id,
        .actor = NIMA_STR("nima"),
        .event = taken_up ? NIMA_STR("taken_up") : NIMA_STR("started"),
        .type = task->type,
        .action = task->action,
        .details = nima_fmt(ctx, "{\"attempt\":%lld}", (long long)task->attempts),
    };
    if (nima_audit_add(ctx, tasks->options.store, &audit) != NIMA_OK) {
        nima_log_warn("task " NIMA_FMT ": its start is not on record: %s", NIMA_ARG(task->id),
                      ctx->error.message);
    }
}

static enum nima_stop stop_of(struct nima_worker *worker)
{
    pthread_mutex_lock(&worker->tasks->lock);
    enum nima_stop stop = worker->stop;
    pthread_mutex_unlock(&worker->tasks->lock);
    return stop;
}

static void run_task(struct nima_ctx *ctx, struct nima_worker *worker,
                     const struct nima_task_row *task, bool taken_up)
{
    struct nima_tasks *tasks = worker->tasks;
    nima_str result = {0};
    nima_rc rc;
    ctx->user_id = task->user_id;
    ctx->request_id = task->id;
    note_start(ctx, tasks, task, taken_up);
    if (task->cancel_requested != 0) {
        nima_executor_cancel(tasks, task->id);
    }
    if (task->attempts > task->max_attempts) {
        rc = nima_fail(ctx, NIMA_E_INTERNAL,
                       "the process that ran it went away, and no attempt is left");
    } else {
        ctx->deadline_ms = nima_mono_ms() + task->timeout_s * 1000;
        ctx->cancelled = &worker->cancelled;
        rc = nima_ctx_stopped(ctx);
        rc = rc == NIMA_OK ? perform(ctx, tasks, task, &result) : rc;
        ctx->deadline_ms = 0;
        ctx->cancelled = NULL;
    }
    enum nima_stop stop = stop_of(worker);
    if (stop == NIMA_STOP_LOST && rc != NIMA_OK) {
        nima_log_warn("task " NIMA_FMT " was given up: its lease is lost", NIMA_ARG(task->id));
        return;
    }
    struct ending e = ending_of(ctx, tasks, task, rc, result, stop);
    end_attempt(ctx, tasks, task, &e);
}

/* Claiming */

/* Of what a manifest describes, how many may run here; it may have changed since the last. */
static int at_once_of(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str type)
{
    const struct nima_integration *program;
    return nima_program_find(ctx, &tasks->options, type, &program) == NIMA_OK ? program->at_once
                                                                              : 1;
}

/* With the lock held: adds the types that run as often as they may. */
static size_t busy_programs(const struct nima_tasks *tasks, struct nima_task_claim *wanted,
                            size_t busy)
{
    for (size_t i = 0; i < tasks->worker_count && busy < NIMA_TASK_BUSY_TYPES; i++) {
        const struct nima_worker *worker = &tasks->workers[i];
        int running = 0;
        for (size_t k = 0; worker->busy && worker->program[0] != '\0' && k <= i; k++) {
            running +=
                tasks->workers[k].busy && strcmp(tasks->workers[k].program, worker->program) == 0;
        }
        if (running > 0 && running >= worker->program_at_once) {
            wanted->busy[busy++] = nima_str_of(worker->program);
        }
    }
    return busy;
}

static void begin(struct nima_ctx *ctx, struct nima_worker *worker,
                  const struct nima_task_row *task)
{
    struct nima_tasks *tasks = worker->tasks;
    int number = number_of(task->type);
    int program_at_once = number < 0 ? at_once_of(ctx, tasks, task->type) : 0;
    pthread_mutex_lock(&tasks->lock);
    worker->program_at_once = program_at_once;
    worker->program[0] = '\0';
    if (number < 0 && task->type.len < sizeof(worker->program)) {
        memcpy(worker->program, task->type.ptr, task->type.len);
        worker->program[task->type.len] = '\0';
    }
    nima_assert(task->id.len < sizeof(worker->id));
    memcpy(worker->id, task->id.ptr, task->id.len);
    worker->id[task->id.len] = '\0';
    worker->attempts = task->attempts;
    worker->beat_ms = nima_mono_ms();
    worker->held_until_ms = worker->beat_ms + tasks->options.lease_ms;
    worker->stop = NIMA_STOP_NONE;
    atomic_store(&worker->cancelled, false);
    worker->busy = true;
    if (number >= 0) {
        tasks->running[number]++;
    }
    tasks->changes++;
    pthread_cond_broadcast(&tasks->moved);
    pthread_mutex_unlock(&tasks->lock);
}

static void end(struct nima_worker *worker, int number)
{
    struct nima_tasks *tasks = worker->tasks;
    pthread_mutex_lock(&tasks->lock);
    worker->busy = false;
    worker->id[0] = '\0';
    if (number >= 0) {
        tasks->running[number]--;
    }
    tasks->changes++;
    tasks->work++; /* one of its kind may have waited for this */
    pthread_cond_broadcast(&tasks->moved);
    pthread_mutex_unlock(&tasks->lock);
}

static nima_rc claim(struct nima_ctx *ctx, struct nima_worker *worker, bool *found, bool *taken_up,
                     struct nima_task_row *task)
{
    struct nima_tasks *tasks = worker->tasks;
    struct nima_task_claim wanted = {.owner = nima_str_of(tasks->owner),
                                     .lease_ms = tasks->options.lease_ms};
    size_t busy = 0;
    pthread_mutex_lock(&tasks->claiming);
    pthread_mutex_lock(&tasks->lock);
    for (size_t i = 0; nima_integrations[i] != NULL && busy < NIMA_TASK_BUSY_TYPES; i++) {
        if (tasks->running[i] >= nima_integrations[i]->at_once) {
            wanted.busy[busy++] = nima_str_of(nima_integrations[i]->name);
        }
    }
    busy = busy_programs(tasks, &wanted, busy);
    /* With a full list nothing is begun: the next that ends makes room in it. */
    bool stopping = tasks->stopping || busy == NIMA_TASK_BUSY_TYPES;
    pthread_mutex_unlock(&tasks->lock);
    *found = false;
    nima_rc rc = stopping
                     ? NIMA_OK
                     : nima_task_claim(ctx, tasks->options.store, &wanted, found, taken_up, task);
    if (rc == NIMA_OK && *found) {
        begin(ctx, worker, task);
    }
    pthread_mutex_unlock(&tasks->claiming);
    return rc;
}

/* False: the end has come. */
static bool wait_for_work(struct nima_tasks *tasks, uint64_t *seen)
{
    pthread_mutex_lock(&tasks->lock);
    while (tasks->work == *seen && !tasks->stopping) {
        pthread_cond_wait(&tasks->moved, &tasks->lock);
    }
    *seen = tasks->work;
    bool on = !tasks->stopping;
    pthread_mutex_unlock(&tasks->lock);
    return on;
}

static void *work(void *arg)
{
    struct nima_worker *worker = arg;
    uint64_t seen = 0;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    while (wait_for_work(worker->tasks, &seen)) {
        bool found = true, taken_up = false;
        while (found) {
            struct nima_task_row task;
            nima_ctx_reset(&ctx);
            if (claim(&ctx, worker, &found, &taken_up, &task) != NIMA_OK) {
                break; /* the keeper calls again */
            }
            if (found) {
                int number = number_of(task.type);
                run_task(&ctx, worker, &task, taken_up);
                end(worker, number);
            }
        }
    }
    nima_ctx_done(&ctx);
    return NULL;
}

/* The keeper */

static void renew(struct nima_ctx *ctx, struct nima_worker *worker, const struct nima_task_row *row)
{
    struct nima_tasks *tasks = worker->tasks;
    bool cancel = false;
    int64_t asked_ms = nima_mono_ms();
    nima_rc rc =
        nima_task_heartbeat(ctx, tasks->options.store, row, tasks->options.lease_ms, &cancel);
    pthread_mutex_lock(&tasks->lock);
    bool same = worker->busy && nima_str_eq(row->id, nima_str_of(worker->id));
    if (same && rc == NIMA_OK) {
        worker->beat_ms = asked_ms;
        worker->held_until_ms = asked_ms + tasks->options.lease_ms;
        if (cancel) {
            stop_worker(worker, NIMA_STOP_ASKED);
        }
    } else if (same && (rc == NIMA_E_CONFLICT || nima_mono_ms() >= worker->held_until_ms)) {
        stop_worker(worker, NIMA_STOP_LOST);
    }
    pthread_mutex_unlock(&tasks->lock);
}

static void renew_all(struct nima_ctx *ctx, struct nima_tasks *tasks)
{
    for (size_t i = 0; i < (size_t)tasks->options.workers; i++) {
        struct nima_worker *worker = &tasks->workers[i];
        pthread_mutex_lock(&tasks->lock);
        bool due = worker->busy && worker->stop != NIMA_STOP_LOST &&
                   nima_mono_ms() - worker->beat_ms >= tasks->options.lease_ms / 3;
        struct nima_task_row row = {.id = nima_fmt(ctx, "%s", worker->id),
                                    .lease_owner = nima_str_of(tasks->owner),
                                    .attempts = worker->attempts};
        pthread_mutex_unlock(&tasks->lock);
        if (due) {
            renew(ctx, worker, &row);
        }
    }
}

static void look_for_work(struct nima_ctx *ctx, struct nima_tasks *tasks)
{
    static const struct nima_audit_row expired = {.actor = NIMA_STR_INIT("nima"),
                                                  .event = NIMA_STR_INIT("expired"),
                                                  .details = NIMA_STR_INIT("{}")};
    bool due = false, overdue = false;
    if (nima_task_due(ctx, tasks->options.store, &due, &overdue) != NIMA_OK) {
        return; /* it will be there again, or /health says that it is not */
    }
    while (overdue && nima_task_expire(ctx, tasks->options.store, &expired, &overdue) == NIMA_OK) {
        nima_executor_changed(tasks);
    }
    if (due) {
        nima_executor_work_came(tasks);
    }
}

static bool wait_for_tick(struct nima_tasks *tasks)
{
    int64_t until_ms = nima_mono_ms() + TICK_MS;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    int rc = 0;
    pthread_mutex_lock(&tasks->lock);
    while (tasks->keeper_started && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&tasks->moved, &tasks->lock, &until);
    }
    bool on = tasks->keeper_started;
    pthread_mutex_unlock(&tasks->lock);
    return on;
}

static void *keep(void *arg)
{
    struct nima_tasks *tasks = arg;
    int64_t cleaned_ms = nima_mono_ms() - HOUR_MS;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    do {
        nima_ctx_reset(&ctx);
        renew_all(&ctx, tasks);
        look_for_work(&ctx, tasks);
        if (nima_mono_ms() - cleaned_ms >= HOUR_MS) {
            cleaned_ms = nima_mono_ms();
            nima_undo_clean(&ctx, tasks);
        }
        nima_programs_watch(&ctx, tasks);
    } while (wait_for_tick(tasks));
    nima_ctx_done(&ctx);
    return NULL;
}

nima_rc nima_executor_start(struct nima_ctx *ctx, struct nima_tasks *tasks)
{
    size_t wanted = (size_t)tasks->options.workers;
    tasks->workers = NIMA_XNEW(struct nima_worker, wanted);
    for (size_t i = 0; i < wanted; i++) {
        tasks->workers[i].tasks = tasks;
        atomic_init(&tasks->workers[i].cancelled, false);
    }
    tasks->keeper_started = true;
    if (pthread_create(&tasks->keeper, NULL, keep, tasks) != 0) {
        tasks->keeper_started = false;
        return nima_fail(ctx, NIMA_E_INTERNAL, "no thread for the tasks' keeper");
    }
    for (size_t i = 0; i < wanted; i++) {
        if (pthread_create(&tasks->workers[i].thread, NULL, work, &tasks->workers[i]) != 0) {
            return nima_fail(ctx, NIMA_E_INTERNAL, "no thread for a tasks' worker");
        }
        pthread_mutex_lock(&tasks->lock);
        tasks->worker_count++;
        pthread_mutex_unlock(&tasks->lock);
    }
    return NIMA_OK;
}

/* With the lock held. */
static bool any_busy(const struct nima_tasks *tasks)
{
    for (size_t i = 0; i < tasks->worker_count; i++) {
        if (tasks->workers[i].busy) {
            return true;
        }
    }
    return false;
}

void nima_executor_stop(struct nima_tasks *tasks, int64_t grace_ms)
{
    int64_t until_ms = nima_mono_ms() + grace_ms;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    int rc = 0;
    pthread_mutex_lock(&tasks->lock);
    bool kept = tasks->keeper_started;
    tasks->stopping = true;
    pthread_cond_broadcast(&tasks->moved);
    while (any_busy(tasks) && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&tasks->moved, &tasks->lock, &until);
    }
    for (size_t i = 0; i < tasks->worker_count; i++) {
        stop_worker(&tasks->workers[i], NIMA_STOP_CLOSING);
    }
    pthread_mutex_unlock(&tasks->lock);
    for (size_t i = 0; i < tasks->worker_count; i++) {
        pthread_join(tasks->workers[i].thread, NULL);
    }
    pthread_mutex_lock(&tasks->lock);
    tasks->keeper_started = false;
    pthread_cond_broadcast(&tasks->moved);
    pthread_mutex_unlock(&tasks->lock);
    if (kept) {
        pthread_join(tasks->keeper, NULL);
    }
    free(tasks->workers);
}
