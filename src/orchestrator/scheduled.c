/* What a schedule has the model do: a turn like another, but nobody's words are learned from. */
#include "orchestrator/orchestrator_int.h"

enum { SCHEDULED_TOKENS_MAX = 600 };

/* A run that was taken over may have been answered before its process died. */
static nima_rc find_answer(struct nima_ctx *ctx, struct nima_orchestrator *o,
                           const struct nima_schedule_run *run, nima_str conversation_id,
                           nima_str *message_id)
{
    enum { LOOK_BACK = 50 };
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

nima_rc nima_orchestrator_scheduled(struct nima_ctx *ctx, void *user,
                                    const struct nima_schedule_run *run, nima_str *conversation_id,
                                    nima_str *message_id)
{
    struct nima_orchestrator *o = user;
    const struct nima_schedule_row *schedule = &run->schedule;
    if (!nima_str_eq(schedule->action, NIMA_STR("prompt"))) {
        return nima_fail(ctx, NIMA_E_INVALID, "tasks are not there yet");
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
