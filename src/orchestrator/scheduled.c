/* What a schedule has the model do: a turn like another, but nobody's words are learned from; and
 * what task it has proposed or started, by the policies of now. */
#include "orchestrator/orchestrator_int.h"
#include "tasks/tasks.h"
#include "util/buf.h"

enum { SCHEDULED_TOKENS_MAX = 600, MARK_BYTES_MAX = 16384, LOOK_BACK = 50 };

/* A run that was taken over may have been answered before its process died. */
static nima_rc find_answer(struct nima_ctx *ctx, struct nima_orchestrator *o,
                           const struct nima_schedule_run *run, nima_str conversation_id,
                           nima_str *message_id)
{
    struct nima_message_rows rows;
    nima_rc rc = nima_messages_last(ctx, o->store, conversation_id, LOOK_BACK, &rows);
    if (rc != NIMA_OK) {
        return rc;
    }
    for (size_t i = 0; i + 1 < rows.count; i++) {
        bool asked = nima_str_find(rows.items[i].metadata, run->id, 0) != SIZE_MAX;
        bool whole =
            nima_str_find(rows.items[i + 1].metadata, NIMA_STR("interrupted"), 0) == SIZE_MAX;
        if (asked && whole && nima_str_eq(rows.items[i + 1].role, NIMA_STR("assistant"))) {
            *message_id = rows.items[i + 1].id;
        }
    }
    return NIMA_OK;
}

static nima_rc mark_of(struct nima_ctx *ctx, const struct nima_schedule_run *run, nima_str actions,
                       nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, MARK_BYTES_MAX);
    nima_buf_fmt(&buf,
                 "{\"scheduled\": {\"schedule_id\": \"" NIMA_FMT "\", \"run_id\": \"" NIMA_FMT
                 "\", \"name\": ",
                 NIMA_ARG(run->schedule_id), NIMA_ARG(run->id));
    nima_json_write_str(&buf, run->schedule.name);
    nima_buf_fmt(&buf, "}, \"actions\": " NIMA_FMT "}", NIMA_ARG(actions));
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

/* Where it is told: the schedule's conversation, or a new one that has the run's id; *told where a
 * process that died had told it already. */
static nima_rc find_place(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_schedule_run *run, nima_str *where, nima_str *told)
{
    struct nima_message_rows rows = {0};
    nima_rc rc = NIMA_E_NOT_FOUND;
    *where = run->schedule.conversation_id;
    if (where->ptr != NULL) {
        rc = nima_messages_last(ctx, o->store, *where, LOOK_BACK, &rows);
    }
    if (rc == NIMA_E_NOT_FOUND) {
        *where = run->id;
        rc = nima_messages_last(ctx, o->store, *where, LOOK_BACK, &rows);
    }
    for (size_t i = 0; rc == NIMA_OK && i < rows.count; i++) {
        if (nima_str_find(rows.items[i].metadata, run->id, 0) != SIZE_MAX) {
            *told = rows.items[i].id;
        }
    }
    return rc == NIMA_E_NOT_FOUND ? NIMA_OK : rc;
}

static nima_rc tell(struct nima_ctx *ctx, struct nima_orchestrator *o,
                    const struct nima_schedule_run *run, nima_str where, nima_str text,
                    nima_str actions, nima_str *message_id)
{
    struct nima_message_row row = {.role = NIMA_STR("assistant"), .content = text}, stored;
    NIMA_TRY(mark_of(ctx, run, actions, &row.metadata));
    if (nima_str_eq(where, run->id)) {
        struct nima_conversation wanted = {.id = run->id, .title = run->schedule.name}, made;
        struct nima_message_rows rows;
        NIMA_TRY(nima_conversation_create(ctx, o->store, &wanted, &row, 1, &made));
        NIMA_TRY(nima_messages_last(ctx, o->store, made.id, 1, &rows));
        *message_id = rows.items[0].id;
        return NIMA_OK;
    }
    NIMA_TRY(nima_messages_append(ctx, o->store, where, &row, 1, &stored));
    *message_id = stored.id;
    return NIMA_OK;
}

/* The task has the run's id, so that a run that is taken over begins nothing twice. */
static nima_rc run_task(struct nima_ctx *ctx, struct nima_orchestrator *o,
                        const struct nima_schedule_run *run, nima_str *conversation_id,
                        nima_str *message_id)
{
    struct nima_schedule_task task;
    nima_str where, told = {NULL, 0}, text, actions;
    if (o->tasks == NULL) {
        return nima_fail(ctx, NIMA_E_INVALID, "no tasks are done here");
    }
    NIMA_TRY(nima_json_decode(ctx, &nima_schedule_task_shape, run->schedule.body, &task));
    NIMA_TRY(find_place(ctx, o, run, &where, &told));
    if (told.ptr == NULL) {
        struct nima_tasks_spoken spoken = {.said = NIMA_SAID_DO,
                                           .type = task.type,
                                           .action = task.action,
                                           .params = task.params,
                                           .origin = NIMA_STR("schedule"),
                                           .as = run->id};
        NIMA_TRY(nima_tasks_answer(ctx, o->tasks, where, &spoken, &text, &actions));
        NIMA_TRY(nima_order_enter(ctx, o->order, where));
        nima_rc rc = tell(ctx, o, run, where, text, actions, &told);
        nima_order_leave(o->order, where);
        NIMA_TRY(rc);
    }
    *conversation_id = where;
    *message_id = told;
    return NIMA_OK;
}

nima_rc nima_orchestrator_scheduled(struct nima_ctx *ctx, void *user,
                                    const struct nima_schedule_run *run, nima_str *conversation_id,
                                    nima_str *message_id)
{
    struct nima_orchestrator *o = user;
    const struct nima_schedule_row *schedule = &run->schedule;
    if (nima_str_eq(schedule->action, NIMA_STR("task"))) {
        return run_task(ctx, o, run, conversation_id, message_id);
    }
    nima_str where = schedule->conversation_id, answer = {NULL, 0};
    if (where.ptr != NULL) {
        nima_rc rc = find_answer(ctx, o, run, where, &answer);
        if (rc != NIMA_OK && rc != NIMA_E_NOT_FOUND) {
            return rc;
        }
        where = rc == NIMA_OK ? where : (nima_str){NULL, 0};
    }
    if (answer.ptr == NULL) {
        struct nima_llm_message message = {NIMA_STR("user"), schedule->body};
        struct nima_scheduled mark = {run->schedule_id, run->id, schedule->name};
        struct nima_turn turn = {
            .messages = &message,
            .count = 1,
            .conversation_id = where,
            .use_memory = true,
            .learn = NIMA_LEARN_OFF,
            .scheduled = &mark,
            .model = {.max_tokens = SCHEDULED_TOKENS_MAX, .temperature = 0.8, .top_k = 50}};
        struct nima_turn_out out = {0};
        NIMA_TRY(nima_orchestrator_turn(ctx, o, &turn, &out));
        where = out.conversation_id;
        answer = out.message_id;
    }
    *conversation_id = where;
    *message_id = answer;
    return NIMA_OK;
}
