/*
 * What goals of the same kind teach: of the finished ones the steps that led there and how long a
 * step took; of those that stand still where they stopped. Goals are of one kind when their titles
 * are near in meaning; without an embedding model nobody knows, and the other rules still serve.
 */
#include <stdlib.h>

#include "goals/advice_int.h"
#include "llm/llm.h"

/* Those that are compared, the newest of each. */
enum { FINISHED_MAX = 200, ACTIVE_MAX = 60, PAUSED_MAX = 60, SEEN_MAX = 320 };
enum { STILL_DAYS = 28, STEPS_SHOWN = 4, WEEK_DAYS = 7, LONG_DAYS = 9, PATTERN_MIN = 2 };
#define SAME_KIND 0.45 /* cosine of the titles of two goals of one kind (docs/goals.md) */

/* Days a milestone of a finished goal took on average; 0: not known. */
double nima_advice_usual_days(const struct nima_goal *finished)
{
    double all = (double)(finished->completed_at - finished->created_at) / NIMA_DAY_MS;
    return finished->milestones.count > 0 ? all / (double)finished->milestones.count : 0;
}

static bool stands_still(const struct nima_goal *goal, int64_t now_ms)
{
    bool over = goal->deadline != 0 && goal->deadline < now_ms;
    return nima_goal_is(goal, NIMA_GOAL_PAUSED) || over ||
           now_ms - goal->updated_at >= STILL_DAYS * (int64_t)NIMA_DAY_MS;
}

struct seen {
    struct nima_goal *items[SEEN_MAX];
    size_t count;
};

static nima_rc see(struct nima_ctx *ctx, struct nima_goals *goals, nima_str status, int limit,
                   const struct nima_goal *but, struct seen *seen)
{
    struct nima_goal_rows rows;
    bool finished = nima_str_eq(status, NIMA_GOAL_COMPLETED);
    NIMA_TRY(nima_goal_list(ctx, goals->store, status, limit, (nima_str){NULL, 0}, &rows));
    for (size_t i = 0; i < rows.count && seen->count < SEEN_MAX; i++) {
        bool teaches = finished || stands_still(&rows.items[i], nima_ctx_now(ctx));
        if (teaches && !nima_str_eq(rows.items[i].id, but->id)) {
            seen->items[seen->count++] = &rows.items[i];
        }
    }
    return NIMA_OK;
}

static void keep(struct nima_kind *kind, const struct nima_kin *kin)
{
    size_t at = kind->count;
    while (at > 0 && kind->items[at - 1].like < kin->like) {
        at--;
    }
    if (at == NIMA_KIN_MAX) {
        return;
    }
    kind->count = kind->count < NIMA_KIN_MAX ? kind->count + 1 : NIMA_KIN_MAX;
    for (size_t i = kind->count - 1; i > at; i--) {
        kind->items[i] = kind->items[i - 1];
    }
    kind->items[at] = *kin;
}

static int by_time(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* A step took from the end of the one before it until it was done. */
static void count_steps(struct nima_ctx *ctx, const struct nima_goal *goal, struct nima_kind *kind)
{
    int64_t *done = NIMA_NEW(ctx->arena, int64_t, goal->milestones.count + 1);
    size_t count = 0;
    for (size_t i = 0; i < goal->milestones.count; i++) {
        if (goal->milestones.items[i].completed) {
            done[count++] = goal->milestones.items[i].completed_at;
        }
    }
    qsort(done, count, sizeof(done[0]), by_time);
    for (size_t i = 0; i < count; i++) {
        int64_t from = i > 0 ? done[i - 1] : goal->created_at;
        kind->steps++;
        kind->steps_in_a_week += done[i] - from <= WEEK_DAYS * (int64_t)NIMA_DAY_MS;
    }
}

static void learn_from(struct nima_ctx *ctx, struct nima_kind *kind)
{
    for (size_t i = 0; i < kind->count; i++) {
        const struct nima_kin *kin = &kind->items[i];
        if (kin->finished) {
            kind->finished = kind->finished != NULL ? kind->finished : kin->goal;
            count_steps(ctx, kin->goal, kind);
        } else if (kind->stuck == NULL) {
            kind->stuck = kin->goal;
        }
    }
}

nima_rc nima_advice_find_kind(struct nima_ctx *ctx, struct nima_goals *goals,
                              const struct nima_goal *goal, struct nima_kind *out)
{
    struct seen seen = {.count = 0};
    struct nima_vectors vectors;
    *out = (struct nima_kind){.count = 0};
    NIMA_TRY(see(ctx, goals, NIMA_GOAL_COMPLETED, FINISHED_MAX, goal, &seen));
    size_t finished = seen.count;
    NIMA_TRY(see(ctx, goals, NIMA_GOAL_ACTIVE, ACTIVE_MAX, goal, &seen));
    NIMA_TRY(see(ctx, goals, NIMA_GOAL_PAUSED, PAUSED_MAX, goal, &seen));
    if (seen.count == 0) {
        return NIMA_OK;
    }
    nima_str *titles = NIMA_NEW(ctx->arena, nima_str, seen.count + 1);
    titles[0] = goal->title;
    for (size_t i = 0; i < seen.count; i++) {
        titles[i + 1] = seen.items[i]->title;
    }
    struct nima_error before = ctx->error;
    nima_rc rc = nima_llm_embed(ctx, goals->llm, titles, seen.count + 1, &vectors);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    if (rc != NIMA_OK) {
        ctx->error = before;
        return NIMA_OK;
    }
    for (size_t i = 0; i < seen.count; i++) {
        double like =
            nima_goal_cosine(vectors.items, vectors.items + (i + 1) * vectors.dims, vectors.dims);
        if (like >= SAME_KIND) {
            keep(out, &(struct nima_kin){seen.items[i], like, i < finished});
        }
    }
    learn_from(ctx, out);
    return NIMA_OK;
}

/* Rules */

static bool weeks_work(const struct nima_kind *kind)
{
    return kind->steps >= PATTERN_MIN && kind->steps_in_a_week * 3 >= kind->steps * 2;
}

/* Steps of at most a week got done; the next one is longer. */
void nima_advice_steps_of_a_week(struct nima_sight *sight)
{
    const struct nima_milestone *step = nima_advice_next(sight->goal);
    if (step == NULL || !weeks_work(&sight->kind)) {
        return;
    }
    int64_t due = nima_advice_next_due(sight), day = NIMA_DAY_MS;
    bool long_one = due != 0 ? due - sight->now_ms > LONG_DAYS * day
                             : sight->now_ms - step->created_at > WEEK_DAYS * day;
    if (!long_one) {
        return;
    }
    int64_t week = sight->now_ms + WEEK_DAYS * day;
    struct nima_goal_suggestion *made =
        nima_advice_add(sight, nima_advice_key(sight, "week", step->id),
                        nima_fmt(sight->ctx,
                                 "Cut \"" NIMA_FMT
                                 "\" into pieces of at most a week, and do the first by " NIMA_FMT,
                                 NIMA_ARG(step->title), NIMA_ARG(nima_advice_day(sight, week))),
                        nima_fmt(sight->ctx,
                                 "In goals of this kind that you finished, such as \"" NIMA_FMT
                                 "\", %zu of %zu steps took a week or less.",
                                 NIMA_ARG(sight->kind.finished->title), sight->kind.steps_in_a_week,
                                 sight->kind.steps));
    made->subject = step->title;
    made->due = week;
    nima_advice_because(made, step->id);
    for (size_t i = 0; i < sight->kind.count; i++) {
        if (sight->kind.items[i].finished) {
            nima_advice_because(made, sight->kind.items[i].goal->id);
        }
    }
}

/* What led to a finished goal of the same kind. */
void nima_advice_steps_that_worked(struct nima_sight *sight)
{
    const struct nima_goal *alike = sight->kind.finished;
    if (alike == NULL || alike->milestones.count == 0 || nima_advice_open(sight->goal) > 0) {
        return;
    }
    nima_str steps = {0};
    nima_str pace = NIMA_STR("");
    if (weeks_work(&sight->kind)) {
        pace = nima_fmt(sight->ctx, "; %zu of %zu steps took a week or less",
                        sight->kind.steps_in_a_week, sight->kind.steps);
    }
    struct nima_goal_suggestion *made = nima_advice_add(
        sight, nima_advice_key(sight, "steps", alike->id), (nima_str){0},
        nima_fmt(sight->ctx, "\"" NIMA_FMT "\" was finished with %zu milestone%s" NIMA_FMT ".",
                 NIMA_ARG(alike->title), alike->milestones.count,
                 alike->milestones.count == 1 ? "" : "s", NIMA_ARG(pace)));
    nima_advice_because(made, alike->id);
    for (size_t i = 0; i < alike->milestones.count && i < STEPS_SHOWN; i++) {
        const struct nima_milestone *step = &alike->milestones.items[i];
        steps = steps.ptr == NULL ? step->title
                                  : nima_fmt(sight->ctx, NIMA_FMT "; " NIMA_FMT, NIMA_ARG(steps),
                                             NIMA_ARG(step->title));
        nima_advice_because(made, step->id);
    }
    made->steps = &alike->milestones;
    made->subject = steps;
    made->action =
        nima_fmt(sight->ctx, "Set milestones as they worked before: " NIMA_FMT, NIMA_ARG(steps));
}

/* One of the same kind stands still: where it stopped is no place for a first step. */
void nima_advice_where_one_stopped(struct nima_sight *sight)
{
    const struct nima_goal *stuck = sight->kind.stuck;
    const struct nima_milestone *there = stuck != NULL ? nima_advice_next(stuck) : NULL;
    const struct nima_milestone *next = nima_advice_next(sight->goal);
    if (there == NULL) {
        return;
    }
    nima_str what = next != NULL ? next->title : sight->goal->title;
    struct nima_goal_suggestion *made = nima_advice_add(
        sight, nima_advice_key(sight, "stuck", stuck->id),
        nima_fmt(sight->ctx, "Begin \"" NIMA_FMT "\" with a piece that fits into one evening",
                 NIMA_ARG(what)),
        nima_fmt(sight->ctx,
                 "\"" NIMA_FMT "\" stands still at %.0f %%, in front of \"" NIMA_FMT "\".",
                 NIMA_ARG(stuck->title), stuck->progress * 100, NIMA_ARG(there->title)));
    made->subject = what;
    made->due = sight->now_ms + WEEK_DAYS * (int64_t)NIMA_DAY_MS;
    nima_advice_because(made, stuck->id);
    nima_advice_because(made, there->id);
    if (next != NULL) {
        nima_advice_because(made, next->id);
    }
}
