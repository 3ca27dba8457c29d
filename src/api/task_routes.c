/* Tasks: contract section 9. */
#include "api/api_int.h"
#include "tasks/tasks.h"
#include "util/uuid.h"

enum { WAIT_S_MAX = 300, EVENT_WAIT_MS = 15000, FRAME_BYTES_MAX = 4 << 20, APPROVALS_MAX = 50 };

static const char *const task_statuses[] = {"pending",           "running",   "completed", "failed",
                                            "awaiting_approval", "cancelled", NULL};

struct task_out {
    struct nima_task_row row;
    bool two_person, has_next, has_expires, has_started, has_completed;
    struct {
        nima_str *items;
        size_t count;
    } approved_by;
};
static const struct nima_field task_fields[] = {
    NIMA_FIELD_AS(UUID, "id", struct task_out, row.id, .required = true, .doc = "Its id."),
    NIMA_FIELD_AS(STR, "type", struct task_out, row.type, .required = true,
                  .doc = "The integration."),
    NIMA_FIELD_AS(STR, "action", struct task_out, row.action, .required = true,
                  .doc = "What of it is done."),
    NIMA_FIELD_AS(JSON, "params", struct task_out, row.params, .required = true,
                  .doc = "With what; secrets are named, never shown."),
    NIMA_FIELD_AS(STR, "status", struct task_out, row.status, .required = true,
                  .choices = task_statuses, .doc = "How far it is."),
    NIMA_FIELD_AS(JSON, "result", struct task_out, row.result, .nullable = true,
                  .doc = "What came of it."),
    NIMA_FIELD_AS(STR, "error", struct task_out, row.error, .nullable = true,
                  .doc = "Why it failed, or the last attempt did."),
    NIMA_FIELD_AS(STR, "error_code", struct task_out, row.error_code, .doc = "The same as a code."),
    NIMA_FIELD_AS(INT, "attempts", struct task_out, row.attempts, .doc = "How often it was begun."),
    NIMA_FIELD_AS(INT, "max_attempts", struct task_out, row.max_attempts,
                  .doc = "How often it may be."),
    NIMA_FIELD_AS(STR, "origin", struct task_out, row.origin, .required = true,
                  .doc = "Where it came from: api, chat, schedule, goal."),
    NIMA_FIELD_AS(TIME, "next_attempt_at", struct task_out, row.next_attempt_at,
                  .has = NIMA_HAS(struct task_out, has_next), .doc = "When it is tried next."),
    NIMA_FIELD_AS(TIME, "expires_at", struct task_out, row.expires_at,
                  .has = NIMA_HAS(struct task_out, has_expires),
                  .doc = "Until when it can be approved."),
    NIMA_FIELD(BOOL, struct task_out, two_person,
               .doc = "Whether two different people must approve it."),
    NIMA_FIELD(STR_LIST, struct task_out, approved_by, .doc = "Who has approved it so far."),
    NIMA_FIELD_AS(TIME, "created_at", struct task_out, row.created_at, .doc = "When it was asked."),
    NIMA_FIELD_AS(TIME, "started_at", struct task_out, row.started_at,
                  .has = NIMA_HAS(struct task_out, has_started),
                  .doc = "When its first attempt began."),
    NIMA_FIELD_AS(TIME, "completed_at", struct task_out, row.completed_at,
                  .has = NIMA_HAS(struct task_out, has_completed), .doc = "When it was over."),
    NIMA_FIELD_AS(UUID, "conversation_id", struct task_out, row.conversation_id,
                  .doc = "The conversation it belongs to."),
    NIMA_FIELD_AS(UUID, "plan_id", struct task_out, row.plan_id,
                  .doc = "Of a step: the plan's first task, whose approval is that of all."),
    NIMA_FIELD_AS(INT, "step", struct task_out, row.step, .doc = "Its place in the plan, from 0."),
    NIMA_FIELD_AS(UUID, "goal_id", struct task_out, row.goal_id, .doc = "The goal it serves."),
};
static const struct nima_shape task_shape =
    NIMA_SHAPE("Task", struct task_out, task_fields, .doc = "Something done, or to be done.");

static struct task_out task_of(struct nima_ctx *ctx, const struct nima_task_row *row)
{
    struct task_out out = {.row = *row,
                           .two_person = row->two_person != 0,
                           .has_next = row->next_attempt_at != 0,
                           .has_expires = row->expires_at != 0,
                           .has_started = row->started_at != 0,
                           .has_completed = row->completed_at != 0};
    const nima_str names[] = {row->first_by, row->approved_by};
    out.approved_by.items = NIMA_NEW(ctx->arena, nima_str, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].ptr != NULL) {
            out.approved_by.items[out.approved_by.count++] = names[i];
        }
    }
    return out;
}

/* POST /v1/tasks/execute */
struct execute_in {
    nima_str type, action, params, conversation_id, goal_id;
    int64_t max_attempts, timeout_s, priority, wait;
    bool dry_run;
};
static const struct nima_field execute_fields[] = {
    NIMA_FIELD(STR, struct execute_in, type, .required = true, .max = 40,
               .doc = "The integration; /v1/tasks/integrations lists what there is."),
    NIMA_FIELD(STR, struct execute_in, action, .required = true, .max = 40, .doc = "What to do."),
    NIMA_FIELD(JSON, struct execute_in, params, .preset_str = "{}",
               .doc = "With what: the action's schema says. ${secret:NAME} stands for a secret."),
    NIMA_FIELD(INT, struct execute_in, max_attempts, .min = 1, .max = NIMA_TASK_ATTEMPTS_MAX,
               .preset = 3, .doc = "How often to try what may pass."),
    NIMA_FIELD(INT, struct execute_in, timeout_s, .min = 1, .max = NIMA_TASK_TIMEOUT_S_MAX,
               .preset = 60, .doc = "Seconds that one attempt may take."),
    NIMA_FIELD(INT, struct execute_in, priority, .min = -100, .max = 100,
               .doc = "Higher ones come first."),
    NIMA_FIELD(BOOL, struct execute_in, dry_run,
               .doc = "Show what would happen, as the result, and do nothing."),
    NIMA_FIELD(UUID, struct execute_in, conversation_id, .doc = "The conversation it belongs to."),
    NIMA_FIELD(UUID, struct execute_in, goal_id, .doc = "The goal it serves."),
    NIMA_FIELD(INT, struct execute_in, wait, .place = NIMA_IN_QUERY, .min = 0, .max = WAIT_S_MAX,
               .doc = "Seconds to wait for its end: 200 with the result when it comes in time."),
};
static const struct nima_shape execute_shape =
    NIMA_SHAPE("TaskExecute", struct execute_in, execute_fields, .doc = "Something to do.");

static nima_rc show(struct nima_ctx *ctx, struct nima_exchange *exchange,
                    const struct execute_in *wanted, const struct nima_tasks_request *request,
                    struct task_out *out)
{
    nima_str preview;
    NIMA_TRY(nima_tasks_preview(ctx, nima_api_of(exchange)->tasks, request, &preview));
    out->row = (struct nima_task_row){.id = nima_uuid_new(ctx),
                                      .type = wanted->type,
                                      .action = wanted->action,
                                      .params = wanted->params,
                                      .status = NIMA_STR("completed"),
                                      .result = preview,
                                      .max_attempts = wanted->max_attempts,
                                      .origin = NIMA_STR("api"),
                                      .created_at = nima_ctx_now(ctx)};
    nima_exchange_status(exchange, 200);
    return NIMA_OK;
}

static nima_rc execute(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct execute_in *wanted = in;
    struct nima_tasks *tasks = nima_api_of(exchange)->tasks;
    struct nima_task_row row;
    struct nima_tasks_request request = {.type = wanted->type,
                                         .action = wanted->action,
                                         .params = wanted->params,
                                         .origin = NIMA_STR("api"),
                                         .conversation_id = wanted->conversation_id,
                                         .goal_id = wanted->goal_id,
                                         .max_attempts = wanted->max_attempts,
                                         .timeout_s = wanted->timeout_s,
                                         .priority = wanted->priority};
    if (wanted->dry_run) {
        return show(ctx, exchange, wanted, &request, out);
    }
    NIMA_TRY(nima_tasks_submit(ctx, tasks, &request, &row));
    if (wanted->wait > 0 && nima_str_eq(row.status, NIMA_STR("pending"))) {
        struct nima_task_row seen = {.id = row.id};
        NIMA_TRY(nima_tasks_wait(ctx, tasks, &seen, wanted->wait * 1000, &row));
    }
    if (nima_task_is_over(&row)) {
        nima_exchange_status(exchange, 200);
    }
    *(struct task_out *)out = task_of(ctx, &row);
    return NIMA_OK;
}

/* /v1/tasks/{id}/… */
struct id_in {
    nima_str id;
};
static const struct nima_field id_fields[] = {
    NIMA_FIELD(UUID, struct id_in, id, .place = NIMA_IN_PATH, .required = true,
               .doc = "The task's id."),
};
static const struct nima_shape id_shape = NIMA_SHAPE("TaskId", struct id_in, id_fields);

static nima_rc status(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct id_in *wanted = in;
    struct nima_task_row row;
    NIMA_TRY(nima_task_get(ctx, nima_api_of(exchange)->store, wanted->id, &row));
    *(struct task_out *)out = task_of(ctx, &row);
    return NIMA_OK;
}

#define DECISION(name_)                                                                            \
    static nima_rc name_(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,     \
                         void *out)                                                                \
    {                                                                                              \
        const struct id_in *wanted = in;                                                           \
        struct nima_task_row row;                                                                  \
        NIMA_TRY(nima_tasks_##name_(ctx, nima_api_of(exchange)->tasks, wanted->id, &row));         \
        *(struct task_out *)out = task_of(ctx, &row);                                              \
        return NIMA_OK;                                                                            \
    }
DECISION(approve)
DECISION(reject)
DECISION(cancel)
DECISION(retry)

static nima_rc send_task(struct nima_ctx *ctx, struct nima_exchange *exchange,
                         const struct nima_task_row *row)
{
    struct task_out task = task_of(ctx, row);
    struct nima_buf frame;
    nima_buf_init(&frame, FRAME_BYTES_MAX);
    nima_json_encode(&frame, &task_shape, &task);
    nima_rc rc = frame.overflowed ? nima_fail(ctx, NIMA_E_TOO_LARGE, "the event is over %d bytes",
                                              FRAME_BYTES_MAX)
                                  : nima_sse_send(ctx, exchange, nima_buf_view(&frame));
    nima_buf_done(&frame);
    return rc;
}

static nima_rc events(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    (void)out;
    const struct id_in *wanted = in;
    struct nima_api *api = nima_api_of(exchange);
    struct nima_task_row row, next;
    NIMA_TRY(nima_task_get(ctx, api->store, wanted->id, &row));
    NIMA_TRY(nima_sse_begin(ctx, exchange));
    NIMA_TRY(send_task(ctx, exchange, &row));
    while (!nima_task_is_over(&row)) {
        NIMA_TRY(nima_ctx_stopped(ctx));
        NIMA_TRY(nima_tasks_wait(ctx, api->tasks, &row, EVENT_WAIT_MS, &next));
        if (next.changed_at != row.changed_at || !nima_str_eq(next.status, row.status)) {
            NIMA_TRY(send_task(ctx, exchange, &next));
        }
        row = next;
    }
    return NIMA_OK;
}

/* GET /v1/tasks/history */
struct history_in {
    nima_str type, status, cursor;
    int64_t since, limit;
};
static const struct nima_field history_fields[] = {
    NIMA_FIELD(STR, struct history_in, type, .place = NIMA_IN_QUERY, .max = 40,
               .doc = "Only of this integration."),
    NIMA_FIELD(STR, struct history_in, status, .place = NIMA_IN_QUERY, .choices = task_statuses,
               .doc = "Only those in this state."),
    NIMA_FIELD(TIME, struct history_in, since, .place = NIMA_IN_QUERY,
               .doc = "Asked for then or later."),
    NIMA_FIELD(INT, struct history_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
    NIMA_FIELD(STR, struct history_in, cursor, .place = NIMA_IN_QUERY, .max = 200,
               .doc = "Where to go on: X-Next-Cursor of the reply before."),
};
static const struct nima_shape history_shape =
    NIMA_SHAPE("TaskHistoryIn", struct history_in, history_fields);

static nima_rc history(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct history_in *wanted = in;
    struct nima_task_filter filter = {.type = wanted->type,
                                      .status = wanted->status,
                                      .since = wanted->since,
                                      .limit = (int)wanted->limit,
                                      .cursor = wanted->cursor};
    struct nima_task_rows rows;
    NIMA_TRY(nima_task_list(ctx, nima_api_of(exchange)->store, &filter, &rows));
    nima_exchange_next_cursor(exchange, rows.next_cursor);
    struct task_out *items = NIMA_NEW(ctx->arena, struct task_out, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        items[i] = task_of(ctx, &rows.items[i]);
    }
    *(struct nima_list *)out = (struct nima_list){items, rows.count};
    return NIMA_OK;
}

/* GET /v1/tasks/approvals */
struct approvals_in {
    nima_str cursor;
    int64_t limit;
};
static const struct nima_field approvals_in_fields[] = {
    NIMA_FIELD(INT, struct approvals_in, limit, .place = NIMA_IN_QUERY, .min = 1,
               .max = APPROVALS_MAX, .preset = 20, .doc = "How many at most."),
    NIMA_FIELD(STR, struct approvals_in, cursor, .place = NIMA_IN_QUERY, .max = 200,
               .doc = "Where to go on: X-Next-Cursor of the reply before."),
};
static const struct nima_shape approvals_in_shape =
    NIMA_SHAPE("TaskApprovalsIn", struct approvals_in, approvals_in_fields);
struct approval_out {
    struct nima_tasks_waiting waiting;
    bool has_expires;
};
static const struct nima_field approval_fields[] = {
    NIMA_FIELD_AS(UUID, "id", struct approval_out, waiting.task.id, .required = true,
                  .doc = "The task's id, to approve or reject it by."),
    NIMA_FIELD_AS(STR, "type", struct approval_out, waiting.task.type, .required = true,
                  .doc = "The integration."),
    NIMA_FIELD_AS(STR, "action", struct approval_out, waiting.task.action, .required = true,
                  .doc = "What of it would be done."),
    NIMA_FIELD_AS(JSON, "params", struct approval_out, waiting.task.params, .required = true,
                  .doc = "With what; secrets are named, never shown."),
    NIMA_FIELD_AS(JSON, "would", struct approval_out, waiting.would, .nullable = true,
                  .doc = "What would happen: the policy, the change."),
    NIMA_FIELD_AS(STR, "problem", struct approval_out, waiting.problem,
                  .doc = "Why that cannot be shown as things are now."),
    NIMA_FIELD_AS(STR, "asked_by", struct approval_out, waiting.task.user_id, .required = true,
                  .doc = "Who asked for it."),
    NIMA_FIELD_AS(STR, "approved_by", struct approval_out, waiting.task.first_by,
                  .doc = "Who has approved it: the first of the two."),
    NIMA_FIELD_AS(TIME, "created_at", struct approval_out, waiting.task.created_at,
                  .doc = "When it was asked."),
    NIMA_FIELD_AS(TIME, "expires_at", struct approval_out, waiting.task.expires_at,
                  .has = NIMA_HAS(struct approval_out, has_expires),
                  .doc = "Until when it can be approved."),
    NIMA_FIELD_AS(UUID, "plan_id", struct approval_out, waiting.task.plan_id,
                  .doc = "Of a step: the plan's first task, whose approval is that of all."),
    NIMA_FIELD_AS(INT, "step", struct approval_out, waiting.task.step,
                  .doc = "Its place in the plan, from 0."),
};
static const struct nima_shape approval_shape =
    NIMA_SHAPE("TaskToApprove", struct approval_out, approval_fields,
               .doc = "Another person's task that waits for an approver.");

static nima_rc approvals(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                         void *out)
{
    const struct approvals_in *wanted = in;
    struct nima_tasks_waitings list;
    NIMA_TRY(nima_tasks_to_approve(ctx, nima_api_of(exchange)->tasks, (int)wanted->limit,
                                   wanted->cursor, &list));
    nima_exchange_next_cursor(exchange, list.next_cursor);
    struct approval_out *items = NIMA_NEW(ctx->arena, struct approval_out, list.count);
    for (size_t i = 0; i < list.count; i++) {
        items[i] = (struct approval_out){.waiting = list.items[i],
                                         .has_expires = list.items[i].task.expires_at != 0};
    }
    *(struct nima_list *)out = (struct nima_list){items, list.count};
    return NIMA_OK;
}

/* GET /v1/tasks/integrations */
static const struct nima_field action_fields[] = {
    NIMA_FIELD(STR, struct nima_tasks_action, name, .required = true, .doc = "Its name."),
    NIMA_FIELD_AS(STR, "description", struct nima_tasks_action, doc, .required = true,
                  .doc = "What it does."),
    NIMA_FIELD(JSON, struct nima_tasks_action, params, .required = true,
               .doc = "JSON Schema of its params."),
    NIMA_FIELD(STR, struct nima_tasks_action, permission, .required = true,
               .choices = (const char *const[]){"allow", "ask", "two_person", "deny", NULL},
               .doc = "What happens when no rule on a path or host says otherwise."),
    NIMA_FIELD(BOOL, struct nima_tasks_action, writes, .doc = "Whether it changes something."),
};
static const struct nima_shape action_shape = NIMA_SHAPE(
    "TaskAction", struct nima_tasks_action, action_fields, .doc = "Something that can be done.");
static const struct nima_field integration_fields[] = {
    NIMA_FIELD_AS(STR, "type", struct nima_tasks_integration, name, .required = true,
                  .doc = "Its name: the type of its tasks."),
    NIMA_FIELD_AS(STR, "description", struct nima_tasks_integration, doc, .required = true,
                  .doc = "What it is for."),
    NIMA_FIELD(BOOL, struct nima_tasks_integration, configured, .doc = "Whether it can be used."),
    NIMA_FIELD(STR, struct nima_tasks_integration, problem,
               .doc = "What is wrong with its manifest, with file and line."),
    NIMA_FIELD(LIST, struct nima_tasks_integration, actions, .shape = &action_shape,
               .doc = "What it can do."),
};
static const struct nima_shape integration_shape = NIMA_SHAPE(
    "TaskIntegration", struct nima_tasks_integration, integration_fields, .doc = "A kind of task.");

static nima_rc integrations(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                            void *out)
{
    (void)in;
    struct nima_tasks_integrations list;
    NIMA_TRY(nima_tasks_integrations(ctx, nima_api_of(exchange)->tasks, &list));
    *(struct nima_list *)out = (struct nima_list){list.items, list.count};
    return NIMA_OK;
}

/* GET /v1/tasks/audit */
struct audit_in {
    nima_str task_id, cursor;
    int64_t limit;
};
static const struct nima_field audit_in_fields[] = {
    NIMA_FIELD(UUID, struct audit_in, task_id, .place = NIMA_IN_QUERY, .doc = "Only of this task."),
    NIMA_FIELD(INT, struct audit_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
    NIMA_FIELD(STR, struct audit_in, cursor, .place = NIMA_IN_QUERY, .max = 200,
               .doc = "Where to go on: X-Next-Cursor of the reply before."),
};
static const struct nima_shape audit_in_shape =
    NIMA_SHAPE("TaskAuditIn", struct audit_in, audit_in_fields);
static const struct nima_field audit_fields[] = {
    NIMA_FIELD(INT, struct nima_audit_row, seq, .doc = "Its place in the chain."),
    NIMA_FIELD(TIME, struct nima_audit_row, at, .doc = "When."),
    NIMA_FIELD(UUID, struct nima_audit_row, task_id, .doc = "The task; none for what was denied."),
    NIMA_FIELD(STR, struct nima_audit_row, actor, .required = true,
               .doc = "Who: a person, or nima."),
    NIMA_FIELD(STR, struct nima_audit_row, event, .required = true, .doc = "What happened."),
    NIMA_FIELD(STR, struct nima_audit_row, type, .required = true, .doc = "The integration."),
    NIMA_FIELD(STR, struct nima_audit_row, action, .required = true, .doc = "The action."),
    NIMA_FIELD(STR, struct nima_audit_row, policy, .required = true,
               .doc = "The setting that decided."),
    NIMA_FIELD(JSON, struct nima_audit_row, details, .required = true,
               .doc = "Params with secrets named, digests, errors."),
    NIMA_FIELD(STR, struct nima_audit_row, previous_hash, .required = true,
               .doc = "The hash of the row before."),
    NIMA_FIELD(STR, struct nima_audit_row, hash, .required = true,
               .doc = "SHA-256 of this row and the hash before it."),
};
static const struct nima_shape audit_shape = NIMA_SHAPE(
    "TaskAudit", struct nima_audit_row, audit_fields, .doc = "A row of the record of tasks.");

static nima_rc audit(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    const struct audit_in *wanted = in;
    struct nima_audit_filter filter = {
        .task_id = wanted->task_id, .limit = (int)wanted->limit, .cursor = wanted->cursor};
    struct nima_audit_rows rows;
    NIMA_TRY(nima_audit_list(ctx, nima_api_of(exchange)->store, &filter, &rows));
    nima_exchange_next_cursor(exchange, rows.next_cursor);
    *(struct nima_list *)out = (struct nima_list){rows.items, rows.count};
    return NIMA_OK;
}

#define TASK_ROW(method_, path_, call_, errors_, summary_)                                         \
    {                                                                                              \
        .method = method_, .path = path_, .call = call_, .in = &id_shape, .out = &task_shape,      \
        .errors = NIMA_E_BIT(NOT_FOUND) | (errors_), .scope = "tasks", .tag = "tasks",             \
        .summary = summary_                                                                        \
    }

const struct nima_route nima_api_task_routes[] = {
    {.method = "POST",
     .path = "/v1/tasks/execute",
     .call = execute,
     .slow = true,
     .in = &execute_shape,
     .out = &task_shape,
     .status = 202,
     .status_also = 200,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(FORBIDDEN) | NIMA_E_BIT(NOT_FOUND) |
               NIMA_E_BIT(CONFLICT) | NIMA_E_BIT(TOO_LARGE) | NIMA_E_BIT(RATE),
     .scope = "tasks",
     .tag = "tasks",
     .summary = "Does something, proposes it where the policy asks, or shows what would happen."},
    TASK_ROW("GET", "/v1/tasks/{id}/status", status, 0, "How far a task is, and its result."),
    {.method = "GET",
     .path = "/v1/tasks/{id}/events",
     .call = events,
     .kind = NIMA_ROUTE_STREAM,
     .in = &id_shape,
     .out_type = "text/event-stream",
     .out_schema = "{\"description\":\"data: the Task, at once and on each change, until it is "
                   "over.\"}",
     .errors = NIMA_E_BIT(NOT_FOUND),
     .scope = "tasks",
     .tag = "tasks",
     .summary = "A task as server-sent events, until it is over."},
    TASK_ROW(
        "POST", "/v1/tasks/{id}/approve", approve, NIMA_E_BIT(CONFLICT),
        "Lets a proposal run, exactly as it was proposed; the first of two people agrees to it."),
    TASK_ROW("POST", "/v1/tasks/{id}/reject", reject, NIMA_E_BIT(CONFLICT), "Ends a proposal."),
    TASK_ROW("POST", "/v1/tasks/{id}/cancel", cancel, NIMA_E_BIT(CONFLICT),
             "Cancels a task; one that runs is told to stop."),
    TASK_ROW("POST", "/v1/tasks/{id}/retry", retry,
             NIMA_E_BIT(CONFLICT) | NIMA_E_BIT(INVALID) | NIMA_E_BIT(FORBIDDEN),
             "Begins a failed or cancelled task anew."),
    {.method = "GET",
     .path = "/v1/tasks/history",
     .call = history,
     .kind = NIMA_ROUTE_LIST,
     .in = &history_shape,
     .out = &task_shape,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "tasks",
     .tag = "tasks",
     .summary = "Tasks, last asked for first."},
    {.method = "GET",
     .path = "/v1/tasks/approvals",
     .call = approvals,
     .kind = NIMA_ROUTE_LIST,
     .slow = true,
     .in = &approvals_in_shape,
     .out = &approval_shape,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "tasks",
     .tag = "tasks",
     .summary = "What other people asked for that waits for this person as an approver."},
    {.method = "GET",
     .path = "/v1/tasks/integrations",
     .call = integrations,
     .kind = NIMA_ROUTE_LIST,
     .out = &integration_shape,
     .scope = "tasks",
     .tag = "tasks",
     .summary = "What can be done, with what, and whether it needs an approval."},
    {.method = "GET",
     .path = "/v1/tasks/audit",
     .call = audit,
     .kind = NIMA_ROUTE_LIST,
     .in = &audit_in_shape,
     .out = &audit_shape,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "tasks",
     .tag = "tasks",
     .summary = "The record of what was decided and done, last first."},
    {0},
};
