/*
 * What a change of a goal leaves elsewhere: one fact that says how it stands, and the event that it
 * was reached. Goals and memory do not know each other; they meet here.
 */
#include <ctype.h>

#include "goals/goals.h"
#include "orchestrator/orchestrator_int.h"
#include "store/schedules.h"
#include "tasks/tasks.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/log.h"
#include "util/uuid.h"

enum { DATE_CHARS = 10, TAIL_CHARS = 12, TRIES = 3, PEOPLE = 100 };
enum { WEBHOOK_BYTES_MAX = 64 * 1024, WEBHOOK_ATTEMPTS = 5, WEBHOOK_TIMEOUT_S = 30 };
#define GOAL_CONFIDENCE 0.9

/* The goal's own id with another end: it sorts where the goal does. */
static nima_str fact_id_of(struct nima_ctx *ctx, nima_str goal_id)
{
    char *id = nima_cstr(ctx, goal_id);
    for (char *c = id; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    nima_str hex = nima_sha256_hex(ctx, nima_fmt(ctx, "goal %s", id));
    return nima_fmt(ctx, "%.*s%.*s", (int)(NIMA_UUID_CHARS - TAIL_CHARS), id, TAIL_CHARS, hex.ptr);
}

static nima_str day_of(struct nima_ctx *ctx, int64_t ms)
{
    char when[NIMA_TIME_CHARS + 1];
    nima_time_write(ms, when);
    return nima_fmt(ctx, "%.*s", DATE_CHARS, when);
}

static nima_str fact_text(struct nima_ctx *ctx, const struct nima_goal *goal)
{
    if (nima_str_eq(goal->status, NIMA_STR("completed"))) {
        return nima_fmt(ctx, "The user reached the goal \"" NIMA_FMT "\" on " NIMA_FMT,
                        NIMA_ARG(goal->title), NIMA_ARG(day_of(ctx, goal->completed_at)));
    }
    nima_str due = NIMA_STR("");
    if (goal->deadline != 0) {
        due = nima_fmt(ctx, ", due " NIMA_FMT, NIMA_ARG(day_of(ctx, goal->deadline)));
    }
    return nima_fmt(ctx, "The user %s the goal \"" NIMA_FMT "\", %.0f %% done" NIMA_FMT,
                    nima_str_eq(goal->status, NIMA_STR("paused")) ? "paused" : "has",
                    NIMA_ARG(goal->title), goal->progress * 100, NIMA_ARG(due));
}

static nima_rc forget(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str fact_id)
{
    struct nima_error before = ctx->error;
    nima_rc rc = nima_memory_delete(ctx, o->memory, fact_id);
    if (rc != NIMA_E_NOT_FOUND) {
        return rc;
    }
    ctx->error = before;
    return NIMA_OK;
}

/* Whether the last thing that happened to the goal was that it was reached. */
static nima_rc just_reached(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str goal_id,
                            bool *out)
{
    struct nima_goal_entries last;
    nima_str completed = NIMA_STR("completed");
    NIMA_TRY(nima_goal_history(ctx, o->store, goal_id, 2, &last));
    *out = last.count > 0 && nima_str_eq(last.items[last.count - 1].status, completed) &&
           (last.count == 1 || !nima_str_eq(last.items[0].status, completed));
    return NIMA_OK;
}

/* Says how the goal stands now; again when it has changed meanwhile. */
static nima_rc keep_fact(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str goal_id,
                         bool made)
{
    struct nima_goal goal;
    nima_str told = {NULL, 0};
    NIMA_TRY(nima_goals_get(ctx, o->goals, goal_id, &goal));
    for (int i = 0; i < TRIES && !nima_str_eq(told, fact_text(ctx, &goal)); i++) {
        told = fact_text(ctx, &goal);
        struct nima_fact fact = {
            .id = fact_id_of(ctx, goal_id),
            .fact = told,
            .category = NIMA_STR("goal"),
            .source = NIMA_STR("inferred"),
            .confidence = GOAL_CONFIDENCE,
            .metadata = nima_fmt(ctx, "{\"goal_id\": \"" NIMA_FMT "\"}", NIMA_ARG(goal.id))};
        NIMA_TRY(nima_memory_keep(ctx, o->memory, &fact, made));
        NIMA_TRY(nima_goals_get(ctx, o->goals, goal_id, &goal));
    }
    return NIMA_OK;
}

nima_rc nima_orchestrator_goal_changed(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                       nima_str goal_id, bool made)
{
    struct nima_orchestrator *o = orchestrator;
    struct nima_error before = ctx->error;
    bool reached;
    nima_rc rc = keep_fact(ctx, o, goal_id, made);
    if (rc == NIMA_E_NOT_FOUND) {
        ctx->error = before;
        return forget(ctx, o, fact_id_of(ctx, goal_id));
    }
    NIMA_TRY(rc);
    NIMA_TRY(just_reached(ctx, o, goal_id, &reached));
    if (o->schedules != NULL) {
        nima_schedules_look_soon(o->schedules);
    }
    return reached && o->schedules != NULL
               ? nima_schedules_event(ctx, o->schedules, NIMA_STR("goal.completed"))
               : NIMA_OK;
}

bool nima_turn_goal_tells(struct nima_ctx *ctx, const struct nima_turn_goals *goals,
                          nima_str fact_id)
{
    for (size_t i = 0; i < goals->count; i++) {
        if (nima_str_eq(fact_id_of(ctx, goals->items[i]), fact_id)) {
            return true;
        }
    }
    return false;
}

/* Overdue and slipping */

struct webhook {
    nima_str event, user_id, goal_id, title, state, text;
    int64_t deadline;
    double progress;
};
static const struct nima_field webhook_fields[] = {
    NIMA_FIELD(STR, struct webhook, event),    NIMA_FIELD(STR, struct webhook, user_id),
    NIMA_FIELD(UUID, struct webhook, goal_id), NIMA_FIELD(STR, struct webhook, title),
    NIMA_FIELD(STR, struct webhook, state),    NIMA_FIELD(TIME, struct webhook, deadline),
    NIMA_FIELD(NUM, struct webhook, progress), NIMA_FIELD(STR, struct webhook, text),
};
static const struct nima_shape webhook_shape =
    NIMA_SHAPE("GoalWebhook", struct webhook, webhook_fields);

/* What the person wrote names no secret to a task. */
static nima_str without_secrets(struct nima_ctx *ctx, nima_str text)
{
    nima_str mark = NIMA_STR("${");
    for (size_t at = nima_str_find(text, mark, 0); at != SIZE_MAX;
         at = nima_str_find(text, mark, at)) {
        text = nima_fmt(ctx, NIMA_FMT "$ " NIMA_FMT, NIMA_ARG(nima_str_sub(text, 0, at)),
                        NIMA_ARG(nima_str_sub(text, at + 1, text.len)));
    }
    return text;
}

static nima_rc webhook_params(struct nima_ctx *ctx, const struct nima_orchestrator *o,
                              const struct nima_goal_alert *alert, nima_str *out)
{
    struct nima_buf buf;
    struct webhook told = {.event = NIMA_STR("goal.alert"),
                           .user_id = ctx->user_id,
                           .goal_id = alert->goal_id,
                           .title = without_secrets(ctx, alert->title),
                           .state = alert->state,
                           .text = without_secrets(ctx, alert->text),
                           .deadline = alert->deadline,
                           .progress = alert->progress};
    nima_buf_init(&buf, WEBHOOK_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("{\"url\": "));
    nima_json_write_str(&buf, nima_str_of(o->goal_webhook));
    nima_buf_add(&buf, NIMA_STR(", \"json\": "));
    nima_json_encode(&buf, &webhook_shape, &told);
    nima_buf_add_char(&buf, '}');
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

/* A task whose id follows from the alert: told twice, it is sent once. One that may not be sent
 * keeps nobody from being told in the conversation. */
static nima_rc tell_webhook(struct nima_ctx *ctx, void *user, const struct nima_goal_alert *alert)
{
    struct nima_orchestrator *o = user;
    struct nima_task_row row;
    struct nima_error before = ctx->error;
    nima_str hex = nima_sha256_hex(ctx, nima_fmt(ctx, "webhook " NIMA_FMT " " NIMA_FMT " %lld",
                                                 NIMA_ARG(alert->goal_id), NIMA_ARG(alert->state),
                                                 (long long)alert->deadline));
    struct nima_tasks_request request = {
        .id = nima_fmt(ctx, NIMA_FMT "%.*s",
                       NIMA_ARG(nima_str_sub(alert->goal_id, 0, NIMA_UUID_CHARS - TAIL_CHARS)),
                       TAIL_CHARS, hex.ptr),
        .type = NIMA_STR("api"),
        .action = NIMA_STR("webhook"),
        .origin = NIMA_STR("goal"),
        .goal_id = alert->goal_id,
        .max_attempts = WEBHOOK_ATTEMPTS,
        .timeout_s = WEBHOOK_TIMEOUT_S};
    NIMA_TRY(webhook_params(ctx, o, alert, &request.params));
    nima_rc rc = nima_tasks_submit(ctx, o->tasks, &request, &row);
    if (rc == NIMA_E_FORBIDDEN || rc == NIMA_E_INVALID) {
        nima_log_warn("goals.webhook: %s", ctx->error.message);
    }
    if (rc == NIMA_E_CONFLICT || rc == NIMA_E_FORBIDDEN || rc == NIMA_E_INVALID) {
        ctx->error = before;
        return NIMA_OK;
    }
    return rc;
}

static nima_rc look_at(struct nima_ctx *ctx, struct nima_orchestrator *o)
{
    const struct nima_zone *zone;
    struct nima_goal_alerts alerts;
    NIMA_TRY(nima_turn_goals_zone(ctx, o, &zone));
    bool webhook = o->goal_webhook != NULL && o->tasks != NULL;
    NIMA_TRY(nima_goals_alerts(ctx, o->goals, zone, webhook ? tell_webhook : NULL, o, &alerts));
    bool overdue = false;
    for (size_t i = 0; i < alerts.count; i++) {
        overdue = overdue || nima_str_eq(alerts.items[i].state, NIMA_STR("overdue"));
    }
    return overdue && o->schedules != NULL
               ? nima_schedules_event(ctx, o->schedules, NIMA_STR("goal.deadline"))
               : NIMA_OK;
}

nima_rc nima_orchestrator_look(struct nima_ctx *ctx, void *user)
{
    struct nima_orchestrator *o = user;
    nima_str *people = NIMA_NEW(ctx->arena, nima_str, PEOPLE), after = {NULL, 0};
    size_t count = PEOPLE;
    if (nima_tasks_said_all(ctx, o) != NIMA_OK) {
        nima_log_warn("how tasks ended is not said yet: %s", ctx->error.message);
    }
    while (o->goals != NULL && count == PEOPLE) {
        NIMA_TRY(nima_goal_people(ctx, o->store, after, PEOPLE, people, &count));
        for (size_t i = 0; i < count; i++) {
            struct nima_arena_mark mark = nima_scratch(ctx);
            ctx->user_id = people[i];
            nima_rc rc = nima_ctx_stopped(ctx);
            rc = rc == NIMA_OK ? look_at(ctx, o) : rc;
            nima_scratch_end(ctx, mark);
            NIMA_TRY(rc);
        }
        after = count > 0 ? people[count - 1] : after;
    }
    return NIMA_OK;
}

/* What was raised, read back from where it was said */

static const struct nima_field raised_fields[] = {
    NIMA_FIELD_AS(UUID, "goal_id", struct nima_goal_raised, goal_id),
    NIMA_FIELD_AS(STR, "state", struct nima_goal_raised, state),
};
static const struct nima_shape raised_shape =
    NIMA_SHAPE("GoalRaised", struct nima_goal_raised, raised_fields);
struct raised {
    struct nima_goal_raised *alert; /* NULL: a reminder */
};
static const struct nima_field mark_fields[] = {
    NIMA_FIELD_AS(OBJECT, "goal_alert", struct raised, alert, .shape = &raised_shape),
};
static const struct nima_shape mark_shape =
    NIMA_SHAPE("GoalRaisedMark", struct raised, mark_fields, .open = true);

static bool read_raised(struct nima_ctx *ctx, const struct nima_message_row *row,
                        struct nima_goal_raised *out)
{
    struct raised mark = {0};
    struct nima_error before = ctx->error;
    bool ours =
        nima_json_decode(ctx, &mark_shape, row->metadata, &mark) == NIMA_OK && mark.alert != NULL;
    ctx->error = before;
    if (ours) {
        *out = *mark.alert;
        out->message_id = row->id;
        out->text = row->content;
        out->raised_at = row->timestamp;
    }
    return ours;
}

nima_rc nima_orchestrator_raised(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                 int64_t since, int limit, struct nima_goals_raised *out)
{
    struct nima_message_rows rows = {0};
    struct nima_error before = ctx->error;
    nima_str where = nima_schedule_conversation(ctx, ctx->user_id);
    nima_rc rc = nima_messages_last(ctx, orchestrator->store, where, limit, &rows);
    if (rc == NIMA_E_NOT_FOUND) {
        ctx->error = before; /* nothing was ever said there, or it was deleted */
        rc = NIMA_OK;
    }
    NIMA_TRY(rc);
    *out = (struct nima_goals_raised){NIMA_NEW(ctx->arena, struct nima_goal_raised, rows.count), 0};
    for (size_t i = 0; i < rows.count; i++) {
        struct nima_goal_raised *next = &out->items[out->count];
        if (rows.items[i].timestamp > since && read_raised(ctx, &rows.items[i], next)) {
            next->conversation_id = where;
            out->count++;
        }
    }
    return NIMA_OK;
}
