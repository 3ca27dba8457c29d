/*
 * How a task ended is said in its conversation: by the turn that waits for it, or else here, once.
 *
 * What was said is read off the conversation: the actions that stand by Nima's messages, and the
 * ids of those that are written here, which follow from the end that they tell of. So several
 * processes say nothing twice, and one that was killed in between leaves nothing unsaid for long.
 */
#include <string.h>

#include "orchestrator/orchestrator_int.h"
#include "tasks/tasks.h"
#include "util/buf.h"
#include "util/digest.h"
#include "util/log.h"
#include "util/uuid.h"

enum {
    MESSAGES = 50, /* of the conversation, that are looked through */
    ENDS = 100,    /* tasks of it that are looked at */
    PLACES = 200,
    DAY_MS = 24 * 3600 * 1000,
    TURN_MS = 120 * 1000, /* a turn that has told of nothing for so long tells of it no more */
    CLOCKS_MS = 2000,     /* by which the clocks of two machines may differ */
    TAIL_CHARS = 12,
    MARK_BYTES_MAX = 16384,
};

#define FIRST_UUID "00000000-0000-0000-0000-000000000000"

/* A conversation as it is now. */
struct place {
    struct nima_orchestrator *o;
    nima_str conversation_id;
    struct nima_message_rows rows; /* on all its branches */
    int64_t since;                 /* what ended before has been said, or will not be */
    int64_t asked_at;              /* when the person last said something; 0: never */
    bool turn_over;                /* and that has been answered */
};

/* A task, or all steps of a plan. */
struct end {
    struct nima_task_rows rows;
    int64_t at;
    nima_str message_id;
};

/* Whether the message asks for something: then nothing comes between it and the answer. */
static nima_rc asks(struct nima_ctx *ctx, const struct place *place,
                    const struct nima_message_row *message, bool *out)
{
    const struct nima_json *tree, *actions;
    struct nima_error before = ctx->error;
    *out = false;
    if (!nima_str_eq(message->role, NIMA_STR("assistant")) ||
        nima_json_parse(ctx, message->metadata, &tree) != NIMA_OK) {
        ctx->error = before;
        return NIMA_OK;
    }
    *out = nima_json_get(tree, "asked") != NULL;
    actions = nima_json_get(tree, "actions");
    for (size_t i = 0; !*out && actions != NULL && i < nima_json_count(actions); i++) {
        const struct nima_json *action = nima_json_at(actions, i, NULL);
        nima_str id = nima_json_str(nima_json_get(action, "id"));
        struct nima_task_row task;
        if (!nima_str_eq(nima_json_str(nima_json_get(action, "status")),
                         NIMA_STR("awaiting_approval")) ||
            !nima_uuid_valid(id)) {
            continue;
        }
        nima_rc rc = nima_task_get(ctx, place->o->store, id, &task);
        *out = rc == NIMA_OK && nima_str_eq(task.status, NIMA_STR("awaiting_approval"));
        if (rc != NIMA_OK && rc != NIMA_E_NOT_FOUND) {
            return rc;
        }
        ctx->error = before;
    }
    return NIMA_OK;
}

static nima_rc look(struct nima_ctx *ctx, struct place *place, bool *busy)
{
    struct nima_message_rows last;
    struct nima_store *store = place->o->store;
    NIMA_TRY(nima_messages_last(ctx, store, place->conversation_id, MESSAGES, &last));
    *busy = last.count == 0;
    if (last.count == 0) {
        return NIMA_OK;
    }
    const struct nima_message_row *newest = &last.items[last.count - 1];
    for (size_t i = 0; i < last.count; i++) {
        bool user = nima_str_eq(last.items[i].role, NIMA_STR("user"));
        place->asked_at = user ? last.items[i].timestamp : place->asked_at;
    }
    NIMA_TRY(asks(ctx, place, newest, busy));
    *busy = *busy || (!place->turn_over && nima_str_eq(newest->role, NIMA_STR("user")) &&
                      newest->timestamp > nima_ctx_now(ctx) - TURN_MS);
    if (last.count == MESSAGES && last.items[0].timestamp > place->since) {
        place->since = last.items[0].timestamp;
    }
    return nima_messages_between(ctx, store, place->conversation_id, last.items[0].position,
                                 INT64_MAX, 0, &place->rows);
}

/* The status that stands by the message for the task; absent: it says nothing of it. */
static nima_str status_in(struct nima_ctx *ctx, const struct nima_message_row *message,
                          const struct nima_task_row *task)
{
    const struct nima_json *tree, *actions;
    if (nima_str_find(message->metadata, task->id, 0) == SIZE_MAX ||
        nima_json_parse(ctx, message->metadata, &tree) != NIMA_OK) {
        return (nima_str){NULL, 0};
    }
    actions = nima_json_get(tree, "actions");
    for (size_t i = 0; actions != NULL && i < nima_json_count(actions); i++) {
        const struct nima_json *action = nima_json_at(actions, i, NULL);
        if (nima_str_eq(nima_json_str(nima_json_get(action, "id")), task->id)) {
            return nima_json_str(nima_json_get(action, "status"));
        }
    }
    return (nima_str){NULL, 0};
}

static bool is_said(struct nima_ctx *ctx, const struct place *place, const struct end *end)
{
    for (size_t i = 0; i < place->rows.count; i++) {
        const struct nima_message_row *message = &place->rows.items[i];
        bool ours = nima_str_find(message->metadata, NIMA_STR("\"task_over\""), 0) != SIZE_MAX;
        int64_t at = message->timestamp + (ours ? 0 : CLOCKS_MS);
        size_t same = 0;
        for (size_t k = 0; at >= end->at && k < end->rows.count; k++) {
            const struct nima_task_row *task = &end->rows.items[k];
            same += nima_str_eq(status_in(ctx, message, task), task->status);
        }
        if (same == end->rows.count || nima_str_eq(message->id, end->message_id)) {
            return true;
        }
    }
    return false;
}

/* Whether it is to be said here: one who has asked for it in words, or a schedule, waits for it
 * and will say so themselves, unless they have said that they do not, or are no more. */
static bool is_ours(struct nima_ctx *ctx, const struct place *place, const struct end *end)
{
    const struct nima_task_row *task = &end->rows.items[0];
    bool chat = nima_str_eq(task->origin, NIMA_STR("chat"));
    if (!chat && !nima_str_eq(task->origin, NIMA_STR("schedule"))) {
        return true;
    }
    for (size_t i = 0; i < place->rows.count; i++) {
        if (status_in(ctx, &place->rows.items[i], task).ptr != NULL) {
            return true;
        }
    }
    return (chat && place->turn_over && task->created_at < place->asked_at) ||
           end->at < nima_ctx_now(ctx) - TURN_MS;
}

/* What the person has ended is no news. */
static bool is_news(const struct end *end)
{
    for (size_t i = 0; i < end->rows.count; i++) {
        if (!nima_str_eq(end->rows.items[i].error_code, NIMA_STR("cancelled"))) {
            return true;
        }
    }
    return false;
}

/* *out without rows: the plan is not over, or an earlier row stood for it. */
static nima_rc end_of(struct nima_ctx *ctx, const struct place *place,
                      const struct nima_task_rows *ended, size_t i, struct end *out)
{
    struct nima_task_row *task = &ended->items[i];
    *out = (struct end){.rows = {.items = task, .count = 1}};
    for (size_t k = 0; task->plan_id.ptr != NULL && k < i; k++) {
        if (nima_str_eq(ended->items[k].plan_id, task->plan_id)) {
            out->rows.count = 0;
            return NIMA_OK;
        }
    }
    if (task->plan_id.ptr != NULL) {
        NIMA_TRY(nima_task_plan(ctx, place->o->store, task->plan_id, &out->rows));
    }
    for (size_t k = 0; k < out->rows.count; k++) {
        const struct nima_task_row *row = &out->rows.items[k];
        if (!nima_task_is_over(row)) {
            out->rows.count = 0;
            return NIMA_OK;
        }
        out->at = row->completed_at > out->at ? row->completed_at : out->at;
    }
    nima_str name = nima_fmt(ctx, "told " NIMA_FMT " %lld", NIMA_ARG(task->id), (long long)out->at);
    out->message_id = nima_fmt(ctx, NIMA_FMT "%.*s",
                               NIMA_ARG(nima_str_sub(task->id, 0, NIMA_UUID_CHARS - TAIL_CHARS)),
                               TAIL_CHARS, nima_sha256_hex(ctx, name).ptr);
    return NIMA_OK;
}

static nima_rc say(struct nima_ctx *ctx, const struct place *place, const struct end *end)
{
    struct nima_message_row row = {.id = end->message_id, .role = NIMA_STR("assistant")}, stored;
    struct nima_error before = ctx->error;
    nima_str actions;
    NIMA_TRY(nima_tasks_say(ctx, place->o->tasks, &end->rows, &row.content, &actions));
    row.metadata =
        nima_fmt(ctx, "{\"task_over\": {\"task_id\": \"" NIMA_FMT "\"}, \"actions\": " NIMA_FMT "}",
                 NIMA_ARG(end->rows.items[0].id), NIMA_ARG(actions));
    nima_rc rc =
        nima_messages_append(ctx, place->o->store, place->conversation_id, &row, 1, &stored);
    if (rc == NIMA_E_CONFLICT || rc == NIMA_E_NOT_FOUND) {
        ctx->error = before; /* another was first, or the conversation is gone */
        return NIMA_OK;
    }
    return rc;
}

static nima_rc say_ended(struct nima_ctx *ctx, struct place *place)
{
    struct nima_task_rows ended;
    bool busy;
    NIMA_TRY(
        nima_task_ended(ctx, place->o->store, place->conversation_id, place->since, ENDS, &ended));
    if (ended.count == 0) {
        return NIMA_OK;
    }
    NIMA_TRY(look(ctx, place, &busy));
    for (size_t i = 0; !busy && i < ended.count; i++) {
        struct end end;
        NIMA_TRY(end_of(ctx, place, &ended, i, &end));
        if (end.rows.count > 0 && end.at >= place->since && is_news(&end) &&
            !is_said(ctx, place, &end) && is_ours(ctx, place, &end)) {
            NIMA_TRY(say(ctx, place, &end));
        }
    }
    return NIMA_OK;
}

nima_rc nima_orchestrator_tasks_said(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                     nima_str conversation_id, bool turn_over)
{
    struct place place = {.o = orchestrator,
                          .conversation_id = conversation_id,
                          .since = nima_ctx_now(ctx) - DAY_MS,
                          .turn_over = turn_over};
    struct nima_error before = ctx->error;
    if (orchestrator->tasks == NULL || conversation_id.len != NIMA_UUID_CHARS ||
        !nima_order_try(orchestrator->order, conversation_id)) {
        return NIMA_OK; /* a turn that is at work there says it when it is over */
    }
    nima_rc rc = say_ended(ctx, &place);
    nima_order_leave(orchestrator->order, conversation_id);
    if (rc == NIMA_E_NOT_FOUND) { /* the conversation is gone, or not theirs */
        ctx->error = before;
        return NIMA_OK;
    }
    return rc;
}

nima_rc nima_tasks_said_all(struct nima_ctx *ctx, struct nima_orchestrator *o)
{
    struct nima_task_place *places = NIMA_NEW(ctx->arena, struct nima_task_place, PLACES);
    struct nima_task_place after = {NIMA_STR(""), NIMA_STR(FIRST_UUID)};
    int64_t since = nima_ctx_now(ctx) - DAY_MS;
    size_t count = PLACES;
    nima_str me = ctx->user_id;
    while (count == PLACES) {
        NIMA_TRY(nima_ctx_stopped(ctx));
        NIMA_TRY(nima_task_places(ctx, o->store, since, &after, PLACES, places, &count));
        for (size_t i = 0; i < count; i++) {
            struct nima_arena_mark mark = nima_scratch(ctx);
            ctx->user_id = places[i].user_id;
            if (nima_orchestrator_tasks_said(ctx, o, places[i].conversation_id, false) != NIMA_OK) {
                nima_log_warn("how tasks ended is not said yet: %s", ctx->error.message);
            }
            ctx->user_id = me;
            nima_scratch_end(ctx, mark);
        }
        after = count > 0 ? places[count - 1] : after;
    }
    return NIMA_OK;
}
