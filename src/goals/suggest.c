/*
 * Suggestions by rules. Each rule looks at the goal and adds at most one; the order of the rules is
 * the order of the list. What a suggestion rests on stands in its evidence.
 */
#include <math.h>
#include <string.h>

#include "goals/goals_int.h"
#include "llm/llm.h"

enum {
    SUGGESTIONS_MAX = 8,
    EVIDENCE_MAX = 8,
    FINISHED_MAX = 200, /* finished goals that are compared */
    STANDS_STILL_DAYS = 14,
    HINTS_MAX = 2,
    STEPS_SHOWN = 4
};
#define SAME_KIND 0.45 /* cosine of the titles of two goals of one kind (docs/goals.md) */

struct sight {
    struct nima_ctx *ctx;
    const struct nima_goal_course *course;
    const struct nima_goal *goal;
    const struct nima_goal *alike; /* the finished goal most like it, or NULL */
    int64_t now_ms;
    struct nima_goal_suggestions found;
};

/* `key` names the rule and what it is about: what was settled under it does not come back. */
static struct nima_goal_suggestion *add(struct sight *sight, nima_str key, nima_str action,
                                        nima_str reason)
{
    nima_assert(sight->found.count < SUGGESTIONS_MAX);
    struct nima_goal_suggestion *made = &sight->found.items[sight->found.count++];
    *made = (struct nima_goal_suggestion){.key = key, .action = action, .reason = reason};
    made->evidence.items = NIMA_NEW(sight->ctx->arena, nima_str, EVIDENCE_MAX);
    return made;
}

static nima_str key_of(struct sight *sight, const char *rule, nima_str about)
{
    return nima_fmt(sight->ctx, "%s:" NIMA_FMT, rule, NIMA_ARG(about));
}

/* Of a rule that speaks again when the time it is about has changed. */
static nima_str key_at(struct sight *sight, const char *rule, int64_t ms)
{
    return nima_fmt(sight->ctx, "%s:%lld", rule, (long long)ms);
}

static void because(struct nima_goal_suggestion *suggestion, nima_str id)
{
    if (suggestion->evidence.count < EVIDENCE_MAX) {
        suggestion->evidence.items[suggestion->evidence.count++] = id;
    }
}

static size_t open_steps(const struct nima_goal *goal)
{
    return goal->milestones.count - nima_goal_steps_done(goal);
}

static const struct nima_milestone *next_step(const struct nima_goal *goal)
{
    for (size_t i = 0; i < goal->milestones.count; i++) {
        if (!goal->milestones.items[i].completed) {
            return &goal->milestones.items[i];
        }
    }
    return NULL;
}

/* Days a milestone of a finished goal took, the middle one of all; 0: not known. */
static double usual_days(const struct nima_goal *finished)
{
    double all = (double)(finished->completed_at - finished->created_at) / NIMA_DAY_MS;
    return finished->milestones.count > 0 ? all / (double)finished->milestones.count : 0;
}

/* Rules */

static void date_is_past(struct sight *sight)
{
    if (!nima_str_eq(sight->course->state, NIMA_STR("overdue"))) {
        return;
    }
    int days = (int)((sight->now_ms - sight->goal->deadline) / NIMA_DAY_MS);
    struct nima_goal_suggestion *made =
        add(sight, key_at(sight, "date", sight->goal->deadline),
            NIMA_STR("Set a new date, or pause the goal until there is room for it"),
            nima_fmt(sight->ctx, "Its date passed %d day%s ago at %.0f %%.", days,
                     days == 1 ? "" : "s", sight->goal->progress * 100));
    because(made, sight->goal->id);
}

/* The time left is shared out over the open milestones. */
static void do_next_step(struct sight *sight)
{
    const struct nima_milestone *step = next_step(sight->goal);
    if (step == NULL) {
        return;
    }
    size_t left = open_steps(sight->goal);
    struct nima_goal_suggestion *made =
        add(sight, key_of(sight, "step", step->id),
            nima_fmt(sight->ctx, "Do the next step: " NIMA_FMT, NIMA_ARG(step->title)),
            nima_fmt(sight->ctx, "It is the first of %zu open milestone%s.", left,
                     left == 1 ? "" : "s"));
    because(made, step->id);
    if (sight->goal->deadline > sight->now_ms) {
        made->due = sight->now_ms + (sight->goal->deadline - sight->now_ms) / (int64_t)left;
    } else if (sight->alike != NULL && usual_days(sight->alike) >= 0.5) {
        made->due = sight->now_ms + (int64_t)(usual_days(sight->alike) * NIMA_DAY_MS);
        made->reason = nima_fmt(
            sight->ctx,
            "It is the first of %zu open; a step took about %.0f days in \"" NIMA_FMT "\".", left,
            ceil(usual_days(sight->alike)), NIMA_ARG(sight->alike->title));
        because(made, sight->alike->id);
    }
}

/* What led to a finished goal of the same kind. */
static void steps_that_worked(struct sight *sight)
{
    const struct nima_goal *alike = sight->alike;
    if (alike == NULL || alike->milestones.count == 0 || open_steps(sight->goal) > 0) {
        return;
    }
    nima_str steps = {0};
    struct nima_goal_suggestion *made =
        add(sight, key_of(sight, "steps", alike->id), (nima_str){0},
            nima_fmt(sight->ctx, "\"" NIMA_FMT "\" was finished with %zu milestones.",
                     NIMA_ARG(alike->title), alike->milestones.count));
    because(made, alike->id);
    for (size_t i = 0; i < alike->milestones.count && i < STEPS_SHOWN; i++) {
        const struct nima_milestone *step = &alike->milestones.items[i];
        steps = steps.ptr == NULL ? step->title
                                  : nima_fmt(sight->ctx, NIMA_FMT "; " NIMA_FMT, NIMA_ARG(steps),
                                             NIMA_ARG(step->title));
        because(made, step->id);
    }
    made->steps = &alike->milestones;
    made->action =
        nima_fmt(sight->ctx, "Set milestones as they worked before: " NIMA_FMT, NIMA_ARG(steps));
}

static void split_it(struct sight *sight)
{
    if (sight->goal->milestones.count > 0 || sight->alike != NULL) {
        return;
    }
    because(add(sight, NIMA_STR("split"),
                NIMA_STR("Write down three milestones, the first small enough for this week"),
                NIMA_STR("The goal has no milestones yet, so there is no next step to take.")),
            sight->goal->id);
}

static void stands_still(struct sight *sight)
{
    const struct nima_goal_entries *history = &sight->course->history;
    const struct nima_goal_entry *last = NULL;
    for (size_t i = history->count; i > 0 && last == NULL; i--) {
        if (!nima_str_eq(history->items[i - 1].kind, NIMA_STR("alert"))) {
            last = &history->items[i - 1];
        }
    }
    int days = last != NULL ? (int)((sight->now_ms - last->recorded_at) / NIMA_DAY_MS) : 0;
    if (days < STANDS_STILL_DAYS) {
        return;
    }
    const struct nima_milestone *step = next_step(sight->goal);
    nima_str what = step != NULL ? step->title : sight->goal->title;
    struct nima_goal_suggestion *made = add(
        sight, key_at(sight, "still", last->recorded_at),
        nima_fmt(sight->ctx, "Give \"" NIMA_FMT "\" half an hour this week, then say how it went",
                 NIMA_ARG(what)),
        nima_fmt(sight->ctx, "Nothing has happened for %d days.", days));
    because(made, step != NULL ? step->id : sight->goal->id);
    made->due = sight->now_ms + 7 * (int64_t)NIMA_DAY_MS;
}

static void too_slow(struct sight *sight)
{
    const struct nima_goal_course *course = sight->course;
    if (!nima_str_eq(course->state, NIMA_STR("slipping")) || !course->has_needed) {
        return;
    }
    nima_str reason =
        nima_fmt(sight->ctx, "It takes %.0f %% a week to be in time; lately it was %.0f %%.",
                 course->needed_per_week * 100, course->pace_per_week * 100);
    because(add(sight, key_at(sight, "slow", sight->goal->deadline),
                NIMA_STR("Plan more time for it each week, drop a milestone, or move the date"),
                reason),
            sight->goal->id);
}

static void keep_in_mind(struct sight *sight, const struct nima_goal_hint *hints, size_t count)
{
    for (size_t i = 0; i < count && i < HINTS_MAX && sight->found.count < SUGGESTIONS_MAX; i++) {
        because(
            add(sight, key_of(sight, "known", hints[i].id),
                nima_fmt(sight->ctx, "Plan with this in mind: " NIMA_FMT, NIMA_ARG(hints[i].text)),
                NIMA_STR("It is known and bears on the goal.")),
            hints[i].id);
    }
}

/* The finished goal most like this one */

static nima_rc find_alike(struct nima_ctx *ctx, struct nima_goals *goals, struct sight *sight,
                          struct nima_goal_rows *finished)
{
    struct nima_vectors vectors;
    NIMA_TRY(nima_goal_list(ctx, goals->store, NIMA_GOAL_COMPLETED, FINISHED_MAX, (nima_str){0},
                            finished));
    if (finished->count == 0) {
        return NIMA_OK;
    }
    nima_str *titles = NIMA_NEW(ctx->arena, nima_str, finished->count + 1);
    titles[0] = sight->goal->title;
    for (size_t i = 0; i < finished->count; i++) {
        titles[i + 1] = finished->items[i].title;
    }
    nima_rc rc = nima_llm_embed(ctx, goals->llm, titles, finished->count + 1, &vectors);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    if (rc != NIMA_OK) {
        return NIMA_OK; /* without a model there is no likeness, and the other rules still serve */
    }
    double best = SAME_KIND;
    for (size_t i = 0; i < finished->count; i++) {
        double like =
            nima_goal_cosine(vectors.items, vectors.items + (i + 1) * vectors.dims, vectors.dims);
        if (like >= best && !nima_str_eq(finished->items[i].id, sight->goal->id)) {
            best = like;
            sight->alike = &finished->items[i];
        }
    }
    return NIMA_OK;
}

nima_rc nima_goals_suggest(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                           const struct nima_goal_hint *hints, size_t count,
                           struct nima_goal_suggestions *out)
{
    struct nima_goal_course course;
    struct nima_goal_rows finished;
    NIMA_TRY(nima_goals_course(ctx, goals, id, &course));
    struct sight sight = {.ctx = ctx, .course = &course, .goal = &course.goal};
    sight.now_ms = nima_ctx_now(ctx);
    sight.found.items = NIMA_NEW(ctx->arena, struct nima_goal_suggestion, SUGGESTIONS_MAX);
    if (nima_goal_is(&course.goal, NIMA_GOAL_ACTIVE)) {
        NIMA_TRY(find_alike(ctx, goals, &sight, &finished));
        date_is_past(&sight);
        do_next_step(&sight);
        steps_that_worked(&sight);
        split_it(&sight);
        stands_still(&sight);
        too_slow(&sight);
        keep_in_mind(&sight, hints, count);
        NIMA_TRY(nima_goal_unsettled(ctx, &course.goal, &sight.found));
    }
    *out = sight.found;
    return NIMA_OK;
}
