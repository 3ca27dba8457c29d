/* Goals in a turn: carried out when the message asks for that, and before the model's eyes when
 * they bear on it. */
#include "goals/goals.h"

#include "orchestrator/orchestrator_int.h"
#include "util/zone.h"

nima_rc nima_turn_goals_zone(struct nima_ctx *ctx, struct nima_orchestrator *o,
                             const struct nima_zone **out)
{
    nima_str name;
    return o->schedules != NULL ? nima_schedules_zone(ctx, o->schedules, &name, out)
                                : nima_zone_load(ctx, NIMA_STR("UTC"), out);
}

/* What was said and done last; nothing where the person says an earlier message in other words. */
static nima_rc last_turn(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const struct nima_turn *turn, struct nima_goals_ask *ask)
{
    struct nima_message_rows rows;
    struct nima_reply_meta meta = {0};
    if (turn->conversation_id.ptr == NULL || turn->instead.ptr != NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_messages_last(ctx, o->store, turn->conversation_id, 2, &rows));
    const struct nima_message_row *last = rows.count > 0 ? &rows.items[rows.count - 1] : NULL;
    if (last == NULL || !nima_str_eq(last->role, NIMA_STR("assistant"))) {
        return NIMA_OK;
    }
    struct nima_error before = ctx->error;
    bool ours = nima_json_decode(ctx, &nima_reply_meta_shape, last->metadata, &meta) == NIMA_OK;
    ctx->error = before;
    ask->last_actions = ours ? meta.actions : ask->last_actions;
    if (rows.count == 2 && nima_str_eq(rows.items[0].role, NIMA_STR("user"))) {
        ask->last_message = rows.items[0].content;
        ask->last_reply = last->content;
    }
    return NIMA_OK;
}

nima_rc nima_turn_goals_hear(struct nima_ctx *ctx, struct nima_orchestrator *o,
                             const struct nima_turn *turn, nima_str message,
                             struct nima_goals_heard **out)
{
    struct nima_goals_ask ask = {.message = message};
    *out = NULL;
    if (o->goals == NULL || !turn->use_memory || turn->stateless || turn->scheduled != NULL ||
        turn->again.ptr != NULL ||
        (!nima_goals_asked(ctx, message) && !nima_goals_short(message))) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_turn_goals_zone(ctx, o, &ask.zone));
    NIMA_TRY(last_turn(ctx, o, turn, &ask));
    return nima_goals_hear(ctx, o->goals, &ask, out);
}

nima_rc nima_turn_goals_act(struct nima_ctx *ctx, struct nima_orchestrator *o,
                            const struct nima_goals_heard *heard, nima_str *text, nima_str *actions)
{
    struct nima_goals_reply reply = {0};
    NIMA_TRY(nima_goals_answer(ctx, o->goals, heard, &reply));
    if (reply.changed.ptr != NULL) {
        NIMA_TRY(nima_orchestrator_goal_changed(ctx, o, reply.changed, reply.made));
    }
    *text = reply.text;
    *actions = reply.actions;
    return NIMA_OK;
}

/* In the prompt */

nima_rc nima_turn_goals_recall(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str message,
                               struct nima_notes *out)
{
    struct nima_goals_near near;
    if (o->goals == NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_goals_near(ctx, o->goals, message, NIMA_GOALS_NEAR, &near));
    *out = (struct nima_notes){NIMA_NEW(ctx->arena, struct nima_note, near.count), 0};
    for (size_t i = 0; i < near.count; i++) {
        const struct nima_goal_near *one = &near.items[i];
        out->items[out->count++] =
            (struct nima_note){.id = one->goal.id,
                               .fact = nima_goal_line(ctx, &one->goal),
                               .kind = nima_str_of(nima_sections[NIMA_SECTION_GOALS].kind),
                               .score = one->score,
                               .vector = one->vector,
                               .keyword = one->keyword};
    }
    return NIMA_OK;
}

void nima_turn_goals_ids(struct nima_ctx *ctx, const struct nima_notes *notes,
                         struct nima_turn_goals *out)
{
    *out = (struct nima_turn_goals){NIMA_NEW(ctx->arena, nima_str, notes->count), 0};
    for (size_t i = 0; i < notes->count; i++) {
        if (nima_note_is(&notes->items[i], NIMA_SECTION_GOALS)) {
            out->items[out->count++] = notes->items[i].id;
        }
    }
}

/* Whether the note says how the goal stands now. */
static nima_rc is_current(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_note *note, bool *out)
{
    struct nima_goal goal;
    struct nima_error before = ctx->error;
    nima_rc rc = nima_goals_get(ctx, o->goals, note->id, &goal);
    if (rc == NIMA_E_NOT_FOUND) {
        ctx->error = before;
        *out = false;
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    *out = nima_str_eq(goal.status, NIMA_STR("active")) &&
           nima_str_eq(nima_goal_line(ctx, &goal), note->fact);
    return NIMA_OK;
}

static nima_rc keep_current(struct nima_ctx *ctx, struct nima_orchestrator *o,
                            struct nima_history *history, struct nima_window_message *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->notes.count; i++) {
        const struct nima_note *note = &m->notes.items[i];
        bool current = true;
        if (nima_note_is(note, NIMA_SECTION_GOALS)) {
            NIMA_TRY(is_current(ctx, o, note, &current));
        }
        if (current) {
            m->notes.items[kept++] = *note;
        } else {
            history->without.items[history->without.count++] =
                (struct nima_left_out){m->position, note->id};
        }
    }
    m->notes.count = kept;
    return NIMA_OK;
}

nima_rc nima_turn_goals_check(struct nima_ctx *ctx, struct nima_orchestrator *o,
                              struct nima_history *history)
{
    size_t count = 0, left = history->without.count;
    for (size_t i = 0; i < history->count; i++) {
        const struct nima_notes *notes = &history->items[i].notes;
        for (size_t n = 0; n < notes->count; n++) {
            count += nima_note_is(&notes->items[n], NIMA_SECTION_GOALS);
        }
    }
    if (count == 0 || o->goals == NULL) {
        return NIMA_OK;
    }
    struct nima_left_out *items = NIMA_NEW(ctx->arena, struct nima_left_out, left + count);
    for (size_t i = 0; i < left; i++) {
        items[i] = history->without.items[i];
    }
    history->without.items = items;
    for (size_t i = 0; i < history->count; i++) {
        NIMA_TRY(keep_current(ctx, o, history, &history->items[i]));
    }
    return NIMA_OK;
}
