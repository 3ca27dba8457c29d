/*
 * What a reply did to goals: shown to the person, kept with the reply, and what "undo that" goes
 * by. A change can be taken back once, as long as nothing else has changed the goal.
 */
#include <math.h>

#include "goals/said_int.h"
#include "util/json.h"

enum { ACTIONS_BYTES_MAX = 256 * 1024, ACTIONS_MAX = 64 };

static const struct nima_field entry_fields[] = {
    NIMA_FIELD(UUID, struct nima_goal_entry, id),
    NIMA_FIELD(TIME, struct nima_goal_entry, recorded_at),
    NIMA_FIELD(STR, struct nima_goal_entry, kind),
    NIMA_FIELD(NUM, struct nima_goal_entry, progress),
    NIMA_FIELD(NUM, struct nima_goal_entry, amount,
               .has = NIMA_HAS(struct nima_goal_entry, has_amount)),
    NIMA_FIELD(STR, struct nima_goal_entry, status),
    NIMA_FIELD(UUID, struct nima_goal_entry, milestone_id),
    NIMA_FIELD(STR, struct nima_goal_entry, note),
};
static const struct nima_shape entry_shape =
    NIMA_SHAPE("GoalActionEntry", struct nima_goal_entry, entry_fields, .open = true);

static const struct nima_field milestone_fields[] = {
    NIMA_FIELD(UUID, struct nima_milestone, id),
    NIMA_FIELD(STR, struct nima_milestone, title),
    NIMA_FIELD(BOOL, struct nima_milestone, completed),
    NIMA_FIELD(TIME, struct nima_milestone, completed_at,
               .has = NIMA_HAS(struct nima_milestone, completed)),
    NIMA_FIELD(TIME, struct nima_milestone, created_at),
};
static const struct nima_shape milestone_shape =
    NIMA_SHAPE("GoalActionMilestone", struct nima_milestone, milestone_fields, .open = true);

#define OF_GOAL(kind_, member, ...)                                                                \
    NIMA_FIELD_AS(kind_, #member, struct nima_goal_record, goal.member, __VA_ARGS__)
static const struct nima_field record_fields[] = {
    OF_GOAL(UUID, id),
    OF_GOAL(STR, title),
    OF_GOAL(STR, description),
    OF_GOAL(STR, status),
    OF_GOAL(NUM, progress),
    NIMA_FIELD_AS(NUM, "target", struct nima_goal_record, goal.count.target,
                  .has = NIMA_HAS(struct nima_goal_record, goal.count.there)),
    NIMA_FIELD_AS(STR, "unit", struct nima_goal_record, goal.count.unit),
    NIMA_FIELD_AS(NUM, "amount", struct nima_goal_record, goal.count.amount),
    NIMA_FIELD_AS(NUM, "start", struct nima_goal_record, goal.count.start),
    OF_GOAL(TIME, deadline, .has = NIMA_HAS(struct nima_goal_record, has_deadline)),
    OF_GOAL(TIME, completed_at, .has = NIMA_HAS(struct nima_goal_record, has_completed_at)),
    OF_GOAL(STR, alerted),
    OF_GOAL(TIME, created_at),
    OF_GOAL(TIME, updated_at),
    OF_GOAL(LIST, milestones, .shape = &milestone_shape),
    NIMA_FIELD(LIST, struct nima_goal_record, history, .shape = &entry_shape),
};
static const struct nima_shape record_shape =
    NIMA_SHAPE("GoalActionGoal", struct nima_goal_record, record_fields, .open = true);

static const struct nima_field action_fields[] = {
    NIMA_FIELD(STR, struct nima_goal_action, type),
    NIMA_FIELD(STR, struct nima_goal_action, event),
    NIMA_FIELD(OBJECT, struct nima_goal_action, goal, .shape = &record_shape),
    NIMA_FIELD(OBJECT, struct nima_goal_action, before, .shape = &record_shape),
};
static const struct nima_shape action_shape =
    NIMA_SHAPE("GoalAction", struct nima_goal_action, action_fields, .open = true);

struct nima_goal_record *nima_goal_record_of(struct nima_ctx *ctx, const struct nima_goal *goal)
{
    struct nima_goal_record *record = NIMA_NEW(ctx->arena, struct nima_goal_record, 1);
    *record = (struct nima_goal_record){.goal = *goal,
                                        .has_deadline = goal->deadline != 0,
                                        .has_completed_at = goal->completed_at != 0};
    return record;
}

static bool write_actions(struct nima_ctx *ctx, const struct nima_goal_action *actions,
                          size_t count, nima_str *out)
{
    struct nima_buf buf;
    struct nima_list list = {(void *)actions, count};
    nima_buf_init(&buf, ACTIONS_BYTES_MAX);
    nima_json_encode_list(&buf, &action_shape, &list);
    bool whole = !buf.overflowed;
    *out = whole ? nima_str_copy(ctx->arena, nima_buf_view(&buf)) : NIMA_STR("[]");
    nima_buf_done(&buf);
    return whole;
}

void nima_goal_actions_write(struct nima_ctx *ctx, const struct nima_goal_action *actions,
                             size_t count, nima_str *out)
{
    if (write_actions(ctx, actions, count, out) || count == 0) {
        return;
    }
    /* Too large to be taken back: what was done is shown all the same. */
    struct nima_goal_action plain = actions[0];
    plain.before = NULL;
    plain.goal =
        nima_goal_record_of(ctx, &(struct nima_goal){.id = actions[0].goal->goal.id,
                                                     .title = actions[0].goal->goal.title});
    write_actions(ctx, &plain, 1, out);
}

bool nima_goal_actions_read(struct nima_ctx *ctx, nima_str actions, struct nima_goal_action *out)
{
    struct nima_list list;
    struct nima_error before = ctx->error;
    if (actions.ptr == NULL) {
        return false;
    }
    if (nima_json_decode_list(ctx, &action_shape, actions, ACTIONS_MAX, &list) != NIMA_OK) {
        ctx->error = before; /* another room's actions */
        return false;
    }
    const struct nima_goal_action *items = list.items;
    if (list.count != 1 || !nima_str_eq(items[0].type, NIMA_STR("goal")) || items[0].goal == NULL) {
        return false;
    }
    *out = items[0];
    return items[0].before != NULL || nima_str_eq(items[0].event, NIMA_STR("created"));
}

/* Taking back */

struct undo {
    const struct nima_goal *before, *after;
    bool changed;
};

static nima_rc undo_rule(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                         struct nima_goal_entry *entry)
{
    struct undo *job = arg;
    const struct nima_goal *before = job->before;
    job->changed = goal->updated_at != job->after->updated_at;
    if (job->changed) {
        return NIMA_OK;
    }
    bool status = !nima_str_eq(goal->status, before->status);
    bool progress = fabs(goal->progress - before->progress) > 0;
    entry->kind =
        status ? NIMA_STR("status") : (progress ? NIMA_STR("progress") : NIMA_STR("edited"));
    entry->note = NIMA_STR("taken back");
    goal->title = before->title;
    goal->description = before->description;
    goal->status = before->status;
    goal->progress = before->progress;
    goal->count = before->count;
    goal->deadline = before->deadline;
    goal->completed_at = before->completed_at;
    goal->milestones.count = before->milestones.count;
    goal->milestones.items = NIMA_NEW(ctx->arena, struct nima_milestone, before->milestones.count);
    for (size_t i = 0; i < before->milestones.count; i++) {
        goal->milestones.items[i] = before->milestones.items[i];
    }
    return NIMA_OK;
}

static nima_rc changed_since(struct nima_ctx *ctx)
{
    return nima_fail(ctx, NIMA_E_CONFLICT, "the goal has changed since");
}

nima_rc nima_goal_undo(struct nima_ctx *ctx, struct nima_goals *goals,
                       const struct nima_goal_action *action, struct nima_goal *out)
{
    struct nima_goal now;
    const struct nima_goal *after = &action->goal->goal;
    if (nima_str_eq(action->event, NIMA_STR("created"))) {
        NIMA_TRY(nima_goal_get(ctx, goals->store, after->id, &now));
        if (now.updated_at != after->updated_at) {
            return changed_since(ctx);
        }
        *out = now;
        return nima_goal_delete(ctx, goals->store, after->id);
    }
    if (nima_str_eq(action->event, NIMA_STR("deleted"))) {
        return nima_goal_restore(ctx, goals->store, &action->before->goal, &action->before->history,
                                 out);
    }
    struct undo job = {.before = &action->before->goal, .after = after};
    NIMA_TRY(nima_goal_change(ctx, goals->store, after->id, undo_rule, &job, &now));
    if (job.changed) {
        return changed_since(ctx);
    }
    *out = now;
    return NIMA_OK;
}
