/* Schedules: contract section 10. */
#include "api/api_int.h"
#include "schedules/schedules.h"
#include "tasks/tasks.h"

struct run_out {
    struct nima_schedule_run run;
    nima_str name;
    bool has_started_at, has_finished_at;
};
static const struct nima_field run_fields[] = {
    NIMA_FIELD_AS(UUID, "id", struct run_out, run.id, .required = true, .doc = "Its id."),
    NIMA_FIELD_AS(UUID, "schedule_id", struct run_out, run.schedule_id, .required = true,
                  .doc = "Of which schedule."),
    NIMA_FIELD(STR, struct run_out, name, .doc = "The schedule's name."),
    NIMA_FIELD_AS(TIME, "due_at", struct run_out, run.due_at, .required = true,
                  .doc = "When it was due."),
    NIMA_FIELD_AS(STR, "status", struct run_out, run.status, .required = true,
                  .choices = (const char *const[]){"due", "running", "done", "failed", NULL},
                  .doc = "What became of it."),
    NIMA_FIELD_AS(INT, "attempts", struct run_out, run.attempts, .doc = "How often it was tried."),
    NIMA_FIELD_AS(TIME, "started_at", struct run_out, run.started_at,
                  .has = NIMA_HAS(struct run_out, has_started_at), .doc = "When it began."),
    NIMA_FIELD_AS(TIME, "finished_at", struct run_out, run.finished_at,
                  .has = NIMA_HAS(struct run_out, has_finished_at), .doc = "When it ended."),
    NIMA_FIELD_AS(UUID, "conversation_id", struct run_out, run.conversation_id,
                  .doc = "Where it led to."),
    NIMA_FIELD_AS(UUID, "message_id", struct run_out, run.message_id,
                  .doc = "The message it led to."),
    NIMA_FIELD_AS(STR, "error", struct run_out, run.error, .doc = "Why it failed."),
};
static const struct nima_shape run_shape =
    NIMA_SHAPE("ScheduleRun", struct run_out, run_fields, .doc = "One firing of a schedule.");

static struct run_out run_out_of(const struct nima_schedule_run *run)
{
    return (struct run_out){.run = *run,
                            .name = run->schedule.name,
                            .has_started_at = run->started_at != 0,
                            .has_finished_at = run->finished_at != 0};
}

/* GET, POST /v1/schedules */
struct list_in {
    int64_t limit;
    nima_str cursor;
};
static const struct nima_field list_in_fields[] = {
    NIMA_FIELD(INT, struct list_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
    NIMA_FIELD(STR, struct list_in, cursor, .place = NIMA_IN_QUERY, .max = 200,
               .doc = "Where to go on: X-Next-Cursor of the reply before."),
};
static const struct nima_shape list_in_shape =
    NIMA_SHAPE("ScheduleListIn", struct list_in, list_in_fields);

static nima_rc list(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct list_in *wanted = in;
    struct nima_schedule_rows rows;
    NIMA_TRY(nima_schedule_list(ctx, nima_api_of(exchange)->store, (int)wanted->limit,
                                wanted->cursor, &rows));
    struct nima_schedule_view *views = NIMA_NEW(ctx->arena, struct nima_schedule_view, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        nima_schedules_view(ctx, &rows.items[i], &views[i]);
    }
    nima_exchange_next_cursor(exchange, rows.next_cursor);
    *(struct nima_list *)out = (struct nima_list){views, rows.count};
    return NIMA_OK;
}

struct wish_in {
    nima_str id;
    bool preview;
    struct nima_schedule_wish wish;
};
#define WISH_FIELDS                                                                                \
    NIMA_FIELD_AS(STR, "name", struct wish_in, wish.name, .max = NIMA_SCHEDULE_NAME_CHARS_MAX,     \
                  .doc = "Its name; else the first words of what it does."),                       \
        NIMA_FIELD_AS(STR, "label", struct wish_in, wish.label, .choices = nima_schedule_labels,   \
                      .doc = "What it is to the person: else a reminder."),                        \
        NIMA_FIELD_AS(OBJECT, "when", struct wish_in, wish.when,                                   \
                      .shape = &nima_schedule_when_shape, .doc = "When."),                         \
        NIMA_FIELD_AS(OBJECT, "do", struct wish_in, wish.what, .shape = &nima_schedule_do_shape,   \
                      .doc = "What.")
static const struct nima_field create_fields[] = {
    NIMA_FIELD(BOOL, struct wish_in, preview, .place = NIMA_IN_QUERY,
               .doc = "Only tell when it would be due; nothing is stored."),
    WISH_FIELDS,
    NIMA_FIELD_AS(BOOL, "enabled", struct wish_in, wish.enabled, .preset = 1,
                  .has = NIMA_HAS(struct wish_in, wish.has_enabled),
                  .doc = "Whether it is in use at once."),
};
static const struct nima_shape create_shape =
    NIMA_SHAPE("ScheduleCreate", struct wish_in, create_fields, .doc = "A schedule to make.");

/* A task that could never be begun is refused here, not when it is due. */
static nima_rc check_task(struct nima_ctx *ctx, struct nima_api *api,
                          const struct nima_schedule_wish *wish)
{
    struct nima_schedule_task task;
    if (wish->what == NULL || wish->what->task.ptr == NULL ||
        nima_json_decode(ctx, &nima_schedule_task_shape, wish->what->task, &task) != NIMA_OK) {
        return NIMA_OK; /* the room says what is wrong with it */
    }
    struct nima_tasks_request request = {
        .type = task.type, .action = task.action, .params = task.params};
    nima_rc rc = nima_tasks_check(ctx, api->tasks, &request);
    if (rc == NIMA_E_INVALID || rc == NIMA_E_FORBIDDEN || rc == NIMA_E_TOO_LARGE) {
        nima_str why = nima_fmt(ctx, "%s", ctx->error.message);
        return nima_fail_field(ctx, NIMA_E_INVALID, "do.task", NIMA_FMT, NIMA_ARG(why));
    }
    return rc;
}

static nima_rc create(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct wish_in *wanted = in;
    NIMA_TRY(check_task(ctx, nima_api_of(exchange), &wanted->wish));
    NIMA_TRY(nima_schedules_add(ctx, nima_api_of(exchange)->schedules, &wanted->wish,
                                wanted->preview, out));
    if (wanted->preview) {
        nima_exchange_status(exchange, 200);
    }
    return NIMA_OK;
}

/* /v1/schedules/{id} */
#define ID_FIELD(type)                                                                             \
    NIMA_FIELD(UUID, type, id, .place = NIMA_IN_PATH, .required = true, .doc = "The schedule's id.")
struct one_in {
    nima_str id;
    int64_t limit;
};
static const struct nima_field id_fields[] = {ID_FIELD(struct one_in)};
static const struct nima_shape id_shape = NIMA_SHAPE("ScheduleId", struct one_in, id_fields);
static const struct nima_field patch_fields[] = {
    ID_FIELD(struct wish_in),
    WISH_FIELDS,
    NIMA_FIELD_AS(BOOL, "enabled", struct wish_in, wish.enabled,
                  .has = NIMA_HAS(struct wish_in, wish.has_enabled),
                  .doc = "false pauses it, true takes it into use again."),
};
static const struct nima_shape patch_shape = NIMA_SHAPE(
    "SchedulePatch", struct wish_in, patch_fields, .doc = "What of a schedule to change.");

static nima_rc get(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct one_in *wanted = in;
    struct nima_schedule_row row;
    NIMA_TRY(nima_schedule_get(ctx, nima_api_of(exchange)->store, wanted->id, &row));
    nima_schedules_view(ctx, &row, out);
    return NIMA_OK;
}

static nima_rc patch(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    const struct wish_in *wanted = in;
    NIMA_TRY(check_task(ctx, nima_api_of(exchange), &wanted->wish));
    return nima_schedules_change(ctx, nima_api_of(exchange)->schedules, wanted->id, &wanted->wish,
                                 out);
}

struct status_out {
    nima_str status;
};
static const struct nima_field status_fields[] = {
    NIMA_FIELD(STR, struct status_out, status, .required = true, .doc = "What was done."),
};
static const struct nima_shape status_shape =
    NIMA_SHAPE("ScheduleDeleted", struct status_out, status_fields, .doc = "What was done.");

static nima_rc delete (struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct one_in *wanted = in;
    NIMA_TRY(nima_schedule_delete(ctx, nima_api_of(exchange)->store, wanted->id));
    *(struct status_out *)out = (struct status_out){NIMA_STR("deleted")};
    return NIMA_OK;
}

static nima_rc run_now(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct one_in *wanted = in;
    struct nima_schedule_run run = {0};
    NIMA_TRY(nima_schedules_run_now(ctx, nima_api_of(exchange)->schedules, wanted->id, &run));
    *(struct run_out *)out = run_out_of(&run);
    return NIMA_OK;
}

/* GET /v1/schedules/{id}/runs, GET /v1/schedules/runs */
static const struct nima_field runs_fields[] = {
    ID_FIELD(struct one_in),
    NIMA_FIELD(INT, struct one_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
};
static const struct nima_shape runs_in_shape =
    NIMA_SHAPE("ScheduleRunsIn", struct one_in, runs_fields);
struct since_in {
    int64_t since, limit;
};
static const struct nima_field since_fields[] = {
    NIMA_FIELD(TIME, struct since_in, since, .place = NIMA_IN_QUERY,
               .doc = "Only what ended after this time."),
    NIMA_FIELD(INT, struct since_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
};
static const struct nima_shape since_shape =
    NIMA_SHAPE("ScheduleRunsSince", struct since_in, since_fields);

static nima_rc reply_runs(struct nima_ctx *ctx, struct nima_exchange *exchange, nima_str id,
                          int64_t since, int64_t limit, void *out)
{
    struct nima_schedule_runs runs;
    NIMA_TRY(
        nima_schedule_runs_list(ctx, nima_api_of(exchange)->store, id, since, (int)limit, &runs));
    struct run_out *rows = NIMA_NEW(ctx->arena, struct run_out, runs.count);
    for (size_t i = 0; i < runs.count; i++) {
        rows[i] = run_out_of(&runs.items[i]);
    }
    *(struct nima_list *)out = (struct nima_list){rows, runs.count};
    return NIMA_OK;
}

static nima_rc runs_of(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct one_in *wanted = in;
    return reply_runs(ctx, exchange, wanted->id, 0, wanted->limit, out);
}

static nima_rc runs_since(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    const struct since_in *wanted = in;
    return reply_runs(ctx, exchange, (nima_str){NULL, 0}, wanted->since, wanted->limit, out);
}

const struct nima_route nima_api_schedule_routes[] = {
    {.method = "GET",
     .path = "/v1/schedules",
     .call = list,
     .kind = NIMA_ROUTE_LIST,
     .in = &list_in_shape,
     .out = &nima_schedule_view_shape,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "tasks",
     .tag = "schedules",
     .summary = "Schedules, last made first."},
    {.method = "POST",
     .path = "/v1/schedules",
     .call = create,
     .in = &create_shape,
     .out = &nima_schedule_view_shape,
     .status = 201,
     .status_also = 200,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "tasks",
     .tag = "schedules",
     .summary = "Makes a schedule; or tells, with preview, when it would be due."},
    {.method = "GET",
     .path = "/v1/schedules/runs",
     .call = runs_since,
     .kind = NIMA_ROUTE_LIST,
     .in = &since_shape,
     .out = &run_shape,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "tasks",
     .tag = "schedules",
     .summary = "Firings of all schedules that ended since, in the order of their ends."},
    {.method = "GET",
     .path = "/v1/schedules/{id}",
     .call = get,
     .in = &id_shape,
     .out = &nima_schedule_view_shape,
     .errors = NIMA_E_BIT(NOT_FOUND),
     .scope = "tasks",
     .tag = "schedules",
     .summary = "A schedule."},
    {.method = "PATCH",
     .path = "/v1/schedules/{id}",
     .call = patch,
     .in = &patch_shape,
     .out = &nima_schedule_view_shape,
     .errors = NIMA_E_BIT(NOT_FOUND) | NIMA_E_BIT(INVALID),
     .scope = "tasks",
     .tag = "schedules",
     .summary = "Changes, pauses or resumes a schedule."},
    {.method = "DELETE",
     .path = "/v1/schedules/{id}",
     .call = delete,
     .in = &id_shape,
     .out = &status_shape,
     .errors = NIMA_E_BIT(NOT_FOUND),
     .scope = "tasks",
     .tag = "schedules",
     .summary = "Deletes a schedule and what is known of its firings."},
    {.method = "POST",
     .path = "/v1/schedules/{id}/run",
     .call = run_now,
     .in = &id_shape,
     .out = &run_shape,
     .status = 202,
     .errors = NIMA_E_BIT(NOT_FOUND),
     .scope = "tasks",
     .tag = "schedules",
     .summary = "Fires a schedule now, beside its own times."},
    {.method = "GET",
     .path = "/v1/schedules/{id}/runs",
     .call = runs_of,
     .kind = NIMA_ROUTE_LIST,
     .in = &runs_in_shape,
     .out = &run_shape,
     .errors = NIMA_E_BIT(NOT_FOUND) | NIMA_E_BIT(INVALID),
     .scope = "tasks",
     .tag = "schedules",
     .summary = "Firings of a schedule, last due first."},
    {0},
};
