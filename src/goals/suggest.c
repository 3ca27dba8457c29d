/*
 * Suggestions by rules. The order of the rules is the order of the list. What a suggestion rests on
 * stands in its evidence, and what rests on nothing that was read for this goal is dropped.
 */
#include "goals/advice_int.h"

struct nima_goal_suggestion *nima_advice_add(struct nima_sight *sight, nima_str key,
                                             nima_str action, nima_str reason)
{
    nima_assert(sight->found.count < NIMA_ADVICE_MAX);
    struct nima_goal_suggestion *made = &sight->found.items[sight->found.count++];
    *made = (struct nima_goal_suggestion){.key = key, .action = action, .reason = reason};
    made->evidence.items = NIMA_NEW(sight->ctx->arena, nima_str, NIMA_EVIDENCE_MAX);
    return made;
}

void nima_advice_because(struct nima_goal_suggestion *suggestion, nima_str id)
{
    if (suggestion->evidence.count < NIMA_EVIDENCE_MAX && id.len > 0) {
        suggestion->evidence.items[suggestion->evidence.count++] = id;
    }
}

nima_str nima_advice_key(struct nima_sight *sight, const char *rule, nima_str about)
{
    return nima_fmt(sight->ctx, "%s:" NIMA_FMT, rule, NIMA_ARG(about));
}

nima_str nima_advice_key_at(struct nima_sight *sight, const char *rule, int64_t ms)
{
    return nima_fmt(sight->ctx, "%s:%lld", rule, (long long)ms);
}

nima_str nima_advice_day(struct nima_sight *sight, int64_t ms)
{
    return nima_goals_day(sight->ctx, sight->known->zone, ms);
}

size_t nima_advice_open(const struct nima_goal *goal)
{
    return goal->milestones.count - nima_goal_steps_done(goal);
}

const struct nima_milestone *nima_advice_next(const struct nima_goal *goal)
{
    for (size_t i = 0; i < goal->milestones.count; i++) {
        if (!goal->milestones.items[i].completed) {
            return &goal->milestones.items[i];
        }
    }
    return NULL;
}

int64_t nima_advice_next_due(const struct nima_sight *sight)
{
    size_t left = nima_advice_open(sight->goal);
    return left > 0 && sight->goal->deadline > sight->now_ms
               ? sight->now_ms + (sight->goal->deadline - sight->now_ms) / (int64_t)left
               : 0;
}

/* The check: an id that was not read for this goal is no evidence. */

static bool of_goal(const struct nima_goal *goal, nima_str id)
{
    bool found = nima_str_eq(goal->id, id);
    for (size_t i = 0; i < goal->milestones.count && !found; i++) {
        found = nima_str_eq(goal->milestones.items[i].id, id);
    }
    return found;
}

static bool was_read(const struct nima_sight *sight, nima_str id)
{
    bool found = of_goal(sight->goal, id);
    for (size_t i = 0; i < sight->course->history.count && !found; i++) {
        found = nima_str_eq(sight->course->history.items[i].id, id);
    }
    for (size_t i = 0; i < sight->kind.count && !found; i++) {
        found = of_goal(sight->kind.items[i].goal, id);
    }
    for (size_t i = 0; i < sight->known->count && !found; i++) {
        const struct nima_goal_hint *hint = &sight->known->items[i];
        found = nima_str_eq(hint->id, id) ||
                (hint->kind == NIMA_HINT_PACK && nima_str_eq(hint->of, id));
    }
    return found;
}

static void drop_what_rests_on_nothing(struct nima_sight *sight)
{
    size_t kept = 0;
    for (size_t i = 0; i < sight->found.count; i++) {
        struct nima_goal_suggestion *one = &sight->found.items[i];
        bool rests = one->evidence.count > 0;
        for (size_t n = 0; n < one->evidence.count; n++) {
            rests = rests && was_read(sight, one->evidence.items[n]);
        }
        if (rests) {
            sight->found.items[kept++] = *one;
        }
    }
    sight->found.count = kept;
}

nima_rc nima_goals_suggest(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                           const struct nima_goals_known *known, struct nima_goal_suggestions *out)
{
    struct nima_goals_known nothing = {0};
    struct nima_goal_course course;
    NIMA_TRY(nima_goals_course(ctx, goals, id, &course));
    struct nima_sight sight = {.ctx = ctx, .course = &course, .goal = &course.goal};
    sight.known = known != NULL ? known : &nothing;
    sight.now_ms = nima_ctx_now(ctx);
    sight.found.items = NIMA_NEW(ctx->arena, struct nima_goal_suggestion, NIMA_ADVICE_MAX);
    if (nima_goal_is(&course.goal, NIMA_GOAL_ACTIVE)) {
        NIMA_TRY(nima_advice_find_kind(ctx, goals, &course.goal, &sight.kind));
        nima_advice_date_is_past(&sight);
        nima_advice_next_step(&sight);
        nima_advice_steps_of_a_week(&sight);
        nima_advice_steps_that_worked(&sight);
        nima_advice_first_step(&sight);
        nima_advice_where_one_stopped(&sight);
        nima_advice_stands_still(&sight);
        nima_advice_too_slow(&sight);
        nima_advice_open_tasks(&sight);
        nima_advice_keep_in_mind(&sight);
        nima_advice_write_plan(&sight);
        drop_what_rests_on_nothing(&sight);
        NIMA_TRY(nima_goal_unsettled(ctx, &course.goal, &sight.found));
        nima_advice_word(ctx, goals, &course.goal, &sight.found);
    }
    *out = sight.found;
    return NIMA_OK;
}
