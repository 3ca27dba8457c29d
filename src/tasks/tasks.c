/*
 * What is asked for: checked, decided on, written down; and the decisions of people afterwards.
 */
#include "tasks/tasks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tasks/file/file_int.h"
#include "tasks/tasks_int.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/file.h"
#include "util/uuid.h"

extern char **environ;

enum { WAIT_STEP_MS = 500, DETAILS_BYTES_MAX = 4000, WORKERS_MAX = 64 };

/* Opening and closing */

/* The texts of the options, which are copied. */
#define TEXT(name) offsetof(struct nima_tasks_options, name)
static const size_t option_texts[] = {
    TEXT(data),
    TEXT(file_roots),
    TEXT(file_permission),
    TEXT(allow),
    TEXT(ask),
    TEXT(deny),
    TEXT(two_person),
    TEXT(approvers),
    TEXT(api_hosts),
    TEXT(api_permission),
    TEXT(secrets_file),
    TEXT(processor),
    TEXT(k8s_kubeconfig),
    TEXT(k8s_context),
    TEXT(k8s_namespaces),
    TEXT(k8s_permission),
    TEXT(k8s_kubectl),
    TEXT(k8s_service_account),
    TEXT(program_permission),
    TEXT(sandbox),
    TEXT(github_permission),
    TEXT(github_api_url),
    TEXT(github_token_secret),
    TEXT(github_repos),
    TEXT(github_author),
};
#undef TEXT
enum { OPTION_TEXTS = sizeof(option_texts) / sizeof(option_texts[0]) };

static nima_str *option_text(struct nima_tasks_options *options, size_t i)
{
    return (nima_str *)(void *)((char *)options + option_texts[i]);
}

static void copy_options(struct nima_tasks_options *to, const struct nima_tasks_options *from)
{
    *to = *from;
    for (size_t i = 0; i < OPTION_TEXTS; i++) {
        nima_str *text = option_text(to, i);
        *text = nima_str_of(nima_xstrdup(text->ptr != NULL ? *text : NIMA_STR("")));
    }
}

static void free_options(struct nima_tasks_options *options)
{
    for (size_t i = 0; i < OPTION_TEXTS; i++) {
        free((char *)(uintptr_t)option_text(options, i)->ptr);
    }
}

static nima_rc open_parts(struct nima_ctx *ctx, struct nima_tasks *tasks)
{
    const struct nima_tasks_options *options = &tasks->options;
    NIMA_TRY(nima_rules_read(ctx, options, &tasks->rules));
    NIMA_TRY(nima_secrets_read(ctx, options->secrets_file, environ, &tasks->secrets));
    NIMA_TRY(nima_roots_open(ctx, options, &tasks->roots));
    NIMA_TRY(nima_github_open(ctx, options, &tasks->github));
    tasks->undo = nima_xstrdup(nima_fmt(ctx, NIMA_FMT "/undo", NIMA_ARG(options->data)));
    NIMA_TRY(nima_dir_make(ctx, tasks->undo));
    return nima_executor_start(ctx, tasks);
}

nima_rc nima_tasks_open(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                        struct nima_tasks **out)
{
    nima_assert(options->workers >= 1 && options->workers <= WORKERS_MAX);
    struct nima_tasks *tasks = NIMA_XNEW(struct nima_tasks, 1);
    copy_options(&tasks->options, options);
    nima_uuid_write(tasks->owner);
    pthread_mutex_init(&tasks->claiming, NULL);
    pthread_mutex_init(&tasks->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&tasks->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    nima_rc rc = open_parts(ctx, tasks);
    if (rc != NIMA_OK) {
        nima_tasks_close(tasks, 0);
        return rc;
    }
    *out = tasks;
    return NIMA_OK;
}

void nima_tasks_close(struct nima_tasks *tasks, int64_t grace_ms)
{
    if (tasks == NULL) {
        return;
    }
    nima_executor_stop(tasks, grace_ms);
    nima_roots_close(&tasks->roots);
    nima_github_close(tasks->github);
    nima_secrets_done(&tasks->secrets);
    nima_rules_done(&tasks->rules);
    pthread_cond_destroy(&tasks->moved);
    pthread_mutex_destroy(&tasks->lock);
    pthread_mutex_destroy(&tasks->claiming);
    free_options(&tasks->options);
    free(tasks->undo);
    free(tasks);
}

/* Asking for one */

nima_str nima_task_hash(struct nima_ctx *ctx, nima_str type, nima_str action, nima_str params)
{
    const struct nima_json *tree;
    if (nima_json_parse(ctx, params, &tree) == NIMA_OK) {
        params = nima_json_ordered(ctx, tree); /* JSONB spells it in another way */
    }
    return nima_sha256_hex(ctx, nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT "\n" NIMA_FMT, NIMA_ARG(type),
                                         NIMA_ARG(action), NIMA_ARG(params)));
}

nima_str nima_task_details(struct nima_ctx *ctx, nima_str params)
{
    if (params.len > DETAILS_BYTES_MAX) {
        return nima_fmt(ctx, "{\"params_bytes\":%zu,\"params_sha256\":\"" NIMA_FMT "\"}",
                        params.len, NIMA_ARG(nima_sha256_hex(ctx, params)));
    }
    return nima_fmt(ctx, "{\"params\":" NIMA_FMT "}", NIMA_ARG(params));
}

struct checked {
    const struct nima_integration *integration;
    const struct nima_action *action;
    void *params;
    nima_str text; /* the params in one spelling */
    struct nima_policy policy;
};

static nima_rc check(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str type,
                     nima_str action, nima_str params, struct checked *out)
{
    const struct nima_json *tree;
    NIMA_TRY(nima_action_find(ctx, &tasks->options, type, action, &out->integration, &out->action));
    if (params.len > NIMA_TASK_PARAMS_BYTES_MAX) {
        return nima_fail_field(ctx, NIMA_E_TOO_LARGE, "params", "params are over %d bytes",
                               NIMA_TASK_PARAMS_BYTES_MAX);
    }
    NIMA_TRY(nima_action_params(ctx, out->action, params, &out->params));
    NIMA_TRY(nima_json_parse(ctx, params, &tree));
    out->text = nima_json_ordered(ctx, tree);
    if (nima_secrets_named(out->text)) {
        nima_str filled;
        if (!out->integration->secrets) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "params", "secrets cannot be used with %s",
                                   out->integration->name);
        }
        NIMA_TRY(nima_secrets_fill(ctx, &tasks->secrets, out->text, &filled));
    }
    return nima_policy_decide(ctx, tasks, out->integration, out->action, out->params, &out->policy);
}

static struct nima_audit_row note(struct nima_ctx *ctx, const char *event, nima_str type,
                                  nima_str action, nima_str policy, nima_str details)
{
    return (struct nima_audit_row){.actor = ctx->user_id,
                                   .event = nima_str_of(event),
                                   .type = type,
                                   .action = action,
                                   .policy = policy,
                                   .details = details};
}

static nima_rc denied(struct nima_ctx *ctx, struct nima_tasks *tasks,
                      const struct nima_tasks_request *request, const struct checked *c)
{
    struct nima_audit_row audit = note(ctx, "denied", request->type, request->action, c->policy.row,
                                       nima_task_details(ctx, c->text));
    NIMA_TRY(nima_audit_add(ctx, tasks->options.store, &audit));
    return nima_fail(ctx, NIMA_E_FORBIDDEN, NIMA_FMT "." NIMA_FMT " is denied by " NIMA_FMT,
                     NIMA_ARG(request->type), NIMA_ARG(request->action), NIMA_ARG(c->policy.row));
}

static struct nima_task_row row_of(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                   const struct nima_tasks_request *request,
                                   const struct checked *c, bool ask, bool two)
{
    return (struct nima_task_row){
        .id = request->id,
        .type = request->type,
        .action = request->action,
        .params = c->text,
        .params_hash = nima_task_hash(ctx, nima_program_seal(ctx, c->action, request->type),
                                      request->action, c->text),
        .status = ask ? NIMA_STR("awaiting_approval") : NIMA_STR("pending"),
        .max_attempts = request->max_attempts,
        .timeout_s = request->timeout_s,
        .priority = request->priority,
        .origin = request->origin,
        .conversation_id = request->conversation_id,
        .goal_id = request->goal_id,
        .expires_at = ask ? nima_ctx_now(ctx) + tasks->options.approval_s * 1000 : 0,
        .two_person = two,
    };
}

/* Soft: those that are asked for in the same moment may go over it by as many. */
static nima_rc check_room(struct nima_ctx *ctx, const struct nima_tasks *tasks)
{
    int64_t max = tasks->options.waiting_max, count = 0;
    if (max <= 0) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_task_open_count(ctx, tasks->options.store, max, &count));
    return count < max ? NIMA_OK
                       : nima_fail(ctx, NIMA_E_RATE,
                                   "%lld tasks are not over yet; wait for some to end, or settle "
                                   "those that need a yes",
                                   (long long)count);
}

nima_rc nima_tasks_submit(struct nima_ctx *ctx, struct nima_tasks *tasks,
                          const struct nima_tasks_request *request, struct nima_task_row *out)
{
    struct checked c;
    NIMA_TRY(check(ctx, tasks, request->type, request->action, request->params, &c));
    if (c.policy.verdict == NIMA_DENY) {
        return denied(ctx, tasks, request, &c);
    }
    bool two = c.policy.verdict == NIMA_TWO_PERSON;
    bool ask = two || c.policy.verdict == NIMA_ASK || request->propose;
    NIMA_TRY(check_room(ctx, tasks));
    struct nima_task_row task = row_of(ctx, tasks, request, &c, ask, two);
    struct nima_audit_row audit =
        note(ctx, ask ? "proposed" : "allowed", request->type, request->action, c.policy.row,
             nima_task_details(ctx, c.text));
    NIMA_TRY(nima_task_add(ctx, tasks->options.store, &task, &audit, out));
    if (!ask) {
        nima_executor_work_came(tasks);
    }
    return NIMA_OK;
}

nima_rc nima_tasks_submit_plan(struct nima_ctx *ctx, struct nima_tasks *tasks,
                               const struct nima_tasks_request *steps, size_t count,
                               struct nima_task_rows *out)
{
    struct checked c[NIMA_TASKS_STEPS_MAX];
    struct nima_task_row rows[NIMA_TASKS_STEPS_MAX];
    struct nima_audit_row audits[NIMA_TASKS_STEPS_MAX];
    bool ask = false, two = false;
    nima_assert(count > 0 && count <= NIMA_TASKS_STEPS_MAX);
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(check(ctx, tasks, steps[i].type, steps[i].action, steps[i].params, &c[i]));
        if (c[i].policy.verdict == NIMA_DENY) {
            return denied(ctx, tasks, &steps[i], &c[i]);
        }
        two = two || c[i].policy.verdict == NIMA_TWO_PERSON;
        ask = ask || two || c[i].policy.verdict == NIMA_ASK || steps[i].propose;
    }
    NIMA_TRY(check_room(ctx, tasks));
    for (size_t i = 0; i < count; i++) {
        rows[i] = row_of(ctx, tasks, &steps[i], &c[i], ask, two);
        rows[i].expires_at = i == 0 ? rows[i].expires_at : 0; /* the first one's is the plan's */
        nima_str details = nima_task_details(ctx, c[i].text);
        details = nima_fmt(ctx, NIMA_FMT ",\"step\":%zu,\"steps\":%zu}",
                           NIMA_ARG(nima_str_sub(details, 0, details.len - 1)), i + 1, count);
        audits[i] = note(ctx, ask ? "proposed" : "allowed", steps[i].type, steps[i].action,
                         c[i].policy.row, details);
    }
    NIMA_TRY(nima_task_add_plan(ctx, tasks->options.store, rows, audits, count, out));
    if (!ask) {
        nima_executor_work_came(tasks);
    }
    return NIMA_OK;
}

nima_rc nima_tasks_check(struct nima_ctx *ctx, struct nima_tasks *tasks,
                         const struct nima_tasks_request *request)
{
    struct checked c;
    NIMA_TRY(check(ctx, tasks, request->type, request->action, request->params, &c));
    return c.policy.verdict == NIMA_DENY ? denied(ctx, tasks, request, &c) : NIMA_OK;
}

static nima_rc preview(struct nima_ctx *ctx, struct nima_tasks *tasks, const struct checked *c,
                       nima_str *change)
{
    struct nima_job job = {.tasks = tasks, .params = c->params};
    void *params;
    nima_str text;
    if (c->integration->secrets_in_preview && nima_secrets_named(c->text)) {
        NIMA_TRY(nima_secrets_fill(ctx, &tasks->secrets, c->text, &text));
        NIMA_TRY(nima_action_params(ctx, c->action, text, &params));
        job.params = params;
    }
    nima_rc rc = c->action->preview(ctx, &job, change);
    if (rc != NIMA_OK) { /* a service may have said the value that it did not like */
        text = nima_secrets_mask(ctx, &tasks->secrets, nima_fmt(ctx, "%s", ctx->error.message));
        snprintf(ctx->error.message, sizeof(ctx->error.message), NIMA_FMT, NIMA_ARG(text));
    }
    return rc;
}

static nima_rc show(struct nima_ctx *ctx, struct nima_tasks *tasks, const struct checked *c,
                    nima_str *out)
{
    nima_str change = NIMA_STR("{}");
    if (c->action->preview != NULL) {
        NIMA_TRY(preview(ctx, tasks, c, &change));
    }
    bool writes =
        c->action->writes_with != NULL ? c->action->writes_with(c->params) : c->action->writes;
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)4 * NIMA_TASK_RESULT_BYTES_MAX);
    nima_buf_fmt(&buf, "{\"permission\":\"%s\",\"policy\":", nima_verdict_names[c->policy.verdict]);
    nima_json_write_str(&buf, c->policy.row);
    nima_buf_fmt(&buf, ",\"changes\":%s,\"would\":" NIMA_FMT "}", writes ? "true" : "false",
                 NIMA_ARG(change));
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    NIMA_TRY(rc);
    *out = nima_secrets_mask(ctx, &tasks->secrets, *out);
    return NIMA_OK;
}

nima_rc nima_tasks_preview(struct nima_ctx *ctx, struct nima_tasks *tasks,
                           const struct nima_tasks_request *request, nima_str *out)
{
    struct checked c;
    NIMA_TRY(check(ctx, tasks, request->type, request->action, request->params, &c));
    if (c.policy.verdict == NIMA_DENY) {
        return denied(ctx, tasks, request, &c);
    }
    return show(ctx, tasks, &c, out);
}

/* Deciding on one */

static nima_rc note_decision(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str id,
                             bool approver, const char *event, struct nima_audit_row *out)
{
    struct nima_task_row task;
    NIMA_TRY(nima_task_get_shared(ctx, tasks->options.store, id, approver, &task));
    *out = note(ctx, event, task.type, task.action, NIMA_STR(""),
                nima_fmt(ctx, "{\"params_sha256\":\"" NIMA_FMT "\"}", NIMA_ARG(task.params_hash)));
    return NIMA_OK;
}

/* What an approver of another's task is told: the task, not what it belongs to. */
static void keep_apart(const struct nima_ctx *ctx, struct nima_task_row *row)
{
    if (!nima_str_eq(row->user_id, ctx->user_id)) {
        row->conversation_id = row->goal_id = (nima_str){NULL, 0};
    }
}

nima_rc nima_tasks_approve(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str id,
                           struct nima_task_row *out)
{
    bool approver = nima_policy_approver(tasks, ctx->user_id);
    struct nima_audit_row audit;
    NIMA_TRY(note_decision(ctx, tasks, id, approver, "approved", &audit));
    NIMA_TRY(nima_task_approve(ctx, tasks->options.store, id, approver, &audit, out));
    keep_apart(ctx, out);
    nima_executor_changed(tasks);
    nima_executor_work_came(tasks);
    return NIMA_OK;
}

nima_rc nima_tasks_reject(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str id,
                          struct nima_task_row *out)
{
    bool approver = nima_policy_approver(tasks, ctx->user_id);
    struct nima_audit_row audit;
    NIMA_TRY(note_decision(ctx, tasks, id, approver, "rejected", &audit));
    NIMA_TRY(nima_task_reject(ctx, tasks->options.store, id, approver, &audit, out));
    if (!nima_str_eq(out->user_id, ctx->user_id)) {
        nima_executor_tell(ctx, tasks, &(struct nima_task_over){.task = out});
    }
    keep_apart(ctx, out);
    nima_executor_changed(tasks);
    return NIMA_OK;
}

nima_rc nima_tasks_cancel(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str id,
                          struct nima_task_row *out)
{
    struct nima_audit_row audit;
    NIMA_TRY(note_decision(ctx, tasks, id, false, "cancel_asked", &audit));
    NIMA_TRY(nima_task_cancel(ctx, tasks->options.store, id, &audit, out));
    nima_executor_changed(tasks);
    nima_executor_cancel(tasks, out->id);
    return NIMA_OK;
}

/* As it would be for the one who asked; looking at it puts nothing on record. */
static nima_rc show_as_asked(struct nima_ctx *ctx, struct nima_tasks *tasks,
                             const struct nima_task_row *task, nima_str *out)
{
    struct checked c;
    NIMA_TRY(check(ctx, tasks, task->type, task->action, task->params, &c));
    if (c.policy.verdict == NIMA_DENY) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "denied by " NIMA_FMT, NIMA_ARG(c.policy.row));
    }
    return show(ctx, tasks, &c, out);
}

static nima_rc show_to_approver(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                struct nima_tasks_waiting *item)
{
    nima_str me = ctx->user_id;
    ctx->user_id = item->task.user_id;
    nima_rc rc = show_as_asked(ctx, tasks, &item->task, &item->would);
    ctx->user_id = me;
    NIMA_TRY(nima_ctx_stopped(ctx));
    if (rc != NIMA_OK) {
        item->problem =
            nima_secrets_mask(ctx, &tasks->secrets, nima_fmt(ctx, "%s", ctx->error.message));
    }
    return NIMA_OK;
}

nima_rc nima_tasks_to_approve(struct nima_ctx *ctx, struct nima_tasks *tasks, int limit,
                              nima_str cursor, struct nima_tasks_waitings *out)
{
    struct nima_task_filter filter = {.for_approver = true, .limit = limit, .cursor = cursor};
    struct nima_task_rows rows;
    if (!nima_policy_approver(tasks, ctx->user_id)) {
        *out = (struct nima_tasks_waitings){0};
        return NIMA_OK;
    }
    NIMA_TRY(nima_task_list(ctx, tasks->options.store, &filter, &rows));
    struct nima_tasks_waitings list = {.count = rows.count, .next_cursor = rows.next_cursor};
    list.items = NIMA_NEW(ctx->arena, struct nima_tasks_waiting, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        list.items[i].task = rows.items[i];
        keep_apart(ctx, &list.items[i].task);
        NIMA_TRY(show_to_approver(ctx, tasks, &list.items[i]));
    }
    *out = list;
    return NIMA_OK;
}

/* The task, and behind it the steps that were skipped because of it. */
static nima_rc with_skipped(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str id,
                            struct nima_task_row out[NIMA_TASKS_STEPS_MAX], size_t *count)
{
    nima_str skipped = NIMA_STR(NIMA_TASK_SKIPPED);
    struct nima_task_rows plan;
    NIMA_TRY(nima_task_get(ctx, tasks->options.store, id, &out[0]));
    *count = 1;
    if (out[0].plan_id.ptr == NULL || nima_str_eq(out[0].error, skipped)) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_task_plan(ctx, tasks->options.store, out[0].plan_id, &plan));
    for (size_t i = 0; i < plan.count && *count < NIMA_TASKS_STEPS_MAX; i++) {
        if (plan.items[i].step > out[0].step && nima_str_eq(plan.items[i].error, skipped)) {
            out[(*count)++] = plan.items[i];
        }
    }
    return NIMA_OK;
}

nima_rc nima_tasks_retry(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str id,
                         struct nima_task_row *out)
{
    struct nima_task_row rows[NIMA_TASKS_STEPS_MAX];
    struct nima_audit_row audits[NIMA_TASKS_STEPS_MAX];
    struct checked c[NIMA_TASKS_STEPS_MAX];
    size_t count;
    bool two = false, ask = false;
    NIMA_TRY(with_skipped(ctx, tasks, id, rows, &count));
    for (size_t i = 0; i < count; i++) {
        NIMA_TRY(check(ctx, tasks, rows[i].type, rows[i].action, rows[i].params, &c[i]));
        NIMA_TRY(nima_program_unchanged(ctx, &rows[i], c[i].action));
        if (c[i].policy.verdict == NIMA_DENY) {
            struct nima_tasks_request request = {.type = rows[i].type, .action = rows[i].action};
            return denied(ctx, tasks, &request, &c[i]);
        }
        two = two || c[i].policy.verdict == NIMA_TWO_PERSON;
        ask = ask || two || c[i].policy.verdict == NIMA_ASK;
    }
    for (size_t i = 0; i < count; i++) {
        audits[i] = note(ctx, ask ? "proposed" : "allowed", rows[i].type, rows[i].action,
                         c[i].policy.row, nima_task_details(ctx, c[i].text));
    }
    NIMA_TRY(nima_task_retry(ctx, tasks->options.store, rows, audits, count,
                             ask ? nima_ctx_now(ctx) + tasks->options.approval_s * 1000 : 0, two,
                             out));
    nima_executor_changed(tasks);
    nima_executor_work_came(tasks);
    return NIMA_OK;
}

/* Waiting for one */

bool nima_task_is_over(const struct nima_task_row *task)
{
    return nima_str_eq(task->status, NIMA_STR("completed")) ||
           nima_str_eq(task->status, NIMA_STR("failed")) ||
           nima_str_eq(task->status, NIMA_STR("cancelled"));
}

static bool moved_on(const struct nima_task_row *seen, const struct nima_task_row *now)
{
    return seen->status.ptr == NULL
               ? nima_task_is_over(now)
               : !nima_str_eq(seen->status, now->status) || seen->attempts != now->attempts ||
                     seen->changed_at != now->changed_at;
}

/* Another process's work shows in the store alone, so it is looked at now and then. */
static void wait_for_change(struct nima_tasks *tasks, uint64_t seen, int64_t until_ms)
{
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    int rc = 0;
    pthread_mutex_lock(&tasks->lock);
    while (tasks->changes == seen && !tasks->stopping && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&tasks->moved, &tasks->lock, &until);
    }
    pthread_mutex_unlock(&tasks->lock);
}

nima_rc nima_tasks_wait(struct nima_ctx *ctx, struct nima_tasks *tasks,
                        const struct nima_task_row *seen, int64_t timeout_ms,
                        struct nima_task_row *out)
{
    int64_t until_ms = nima_mono_ms() + timeout_ms;
    for (;;) {
        struct nima_task_row row;
        pthread_mutex_lock(&tasks->lock);
        uint64_t changes = tasks->changes;
        bool stopping = tasks->stopping;
        pthread_mutex_unlock(&tasks->lock);
        NIMA_TRY(nima_task_get(ctx, tasks->options.store, seen->id, &row));
        int64_t now = nima_mono_ms();
        if (moved_on(seen, &row) || now >= until_ms || stopping) {
            *out = row;
            return NIMA_OK;
        }
        NIMA_TRY(nima_ctx_stopped(ctx));
        int64_t step = now + WAIT_STEP_MS;
        wait_for_change(tasks, changes, step < until_ms ? step : until_ms);
    }
}

/* What there is */

static nima_rc list_actions(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                            const struct nima_integration *integration,
                            struct nima_tasks_integration *out)
{
    size_t count = 0;
    while (integration->actions[count].name != NULL) {
        count++;
    }
    out->actions.items = NIMA_NEW(ctx->arena, struct nima_tasks_action, count);
    out->actions.count = count;
    for (size_t i = 0; i < count; i++) {
        const struct nima_action *action = &integration->actions[i];
        struct nima_policy policy;
        NIMA_TRY(nima_policy_decide(ctx, tasks, integration, action, NULL, &policy));
        out->actions.items[i] = (struct nima_tasks_action){
            .name = nima_str_of(action->name),
            .doc = nima_str_of(action->doc),
            .params = nima_action_schema(ctx, action->params),
            .permission = nima_str_of(nima_verdict_names[policy.verdict]),
            .writes = action->writes,
        };
    }
    return NIMA_OK;
}

nima_rc nima_tasks_integrations(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                struct nima_tasks_integrations *out)
{
    struct nima_tasks_integrations list = {0}, programs;
    NIMA_TRY(nima_tasks_programs(ctx, &tasks->options, &programs));
    list.items =
        NIMA_NEW(ctx->arena, struct nima_tasks_integration, NIMA_INTEGRATIONS_MAX + programs.count);
    for (size_t i = 0; nima_integrations[i] != NULL; i++) {
        const struct nima_integration *integration = nima_integrations[i];
        struct nima_tasks_integration *item = &list.items[list.count++];
        *item = (struct nima_tasks_integration){.name = nima_str_of(integration->name),
                                                .doc = nima_str_of(integration->doc),
                                                .configured = integration->configured(tasks)};
        NIMA_TRY(list_actions(ctx, tasks, integration, item));
    }
    for (size_t i = 0; i < programs.count; i++) {
        const struct nima_integration *integration;
        struct nima_tasks_integration *item = &list.items[list.count++];
        *item = programs.items[i];
        if (item->problem.ptr == NULL &&
            nima_program_find(ctx, &tasks->options, item->name, &integration) == NIMA_OK) {
            item->configured = integration->configured(tasks);
            NIMA_TRY(list_actions(ctx, tasks, integration, item));
        } else {
            item->actions.count = 0;
        }
    }
    *out = list;
    return NIMA_OK;
}
