/* Suggestions from the goal itself: its date, its milestones, how it goes. */
#include <math.h>

#include "goals/advice_int.h"
#include "util/buf.h"
#include "util/json.h"

enum { STANDS_STILL_DAYS = 14, PLAN_STEPS_MIN = 2, PLAN_BYTES_MAX = 64 * 1024, SLUG_MAX = 48 };
/* A new date that nothing points to: a quarter of the time there was, within these. */
enum { NEW_DATE_DAYS_MIN = 14, NEW_DATE_DAYS_MAX = 90 };

/* The last thing that the person did about it. */
static const struct nima_goal_entry *last_done(const struct nima_sight *sight)
{
    const struct nima_goal_entries *history = &sight->course->history;
    for (size_t i = history->count; i > 0; i--) {
        const struct nima_goal_entry *entry = &history->items[i - 1];
        if (!nima_str_eq(entry->kind, NIMA_STR("alert")) && !nima_goal_is_settling(entry)) {
            return entry;
        }
    }
    return NULL;
}

static void because_of_last(struct nima_sight *sight, struct nima_goal_suggestion *made)
{
    const struct nima_goal_entry *last = last_done(sight);
    if (last != NULL) {
        nima_advice_because(made, last->id);
    }
}

void nima_advice_date_is_past(struct nima_sight *sight)
{
    const struct nima_goal *goal = sight->goal;
    if (!nima_str_eq(sight->course->state, NIMA_STR("overdue"))) {
        return;
    }
    int days = (int)((sight->now_ms - goal->deadline) / NIMA_DAY_MS);
    int64_t had = (goal->deadline - goal->created_at) / 4, day = NIMA_DAY_MS;
    had = had < NEW_DATE_DAYS_MIN * day ? NEW_DATE_DAYS_MIN * day : had;
    had = had > NEW_DATE_DAYS_MAX * day ? NEW_DATE_DAYS_MAX * day : had;
    bool leads = sight->course->projected > sight->now_ms;
    nima_str to = nima_advice_day(sight, leads ? sight->course->projected : sight->now_ms + had);
    struct nima_goal_suggestion *made = nima_advice_add(
        sight, nima_advice_key_at(sight, "date", goal->deadline),
        nima_fmt(sight->ctx, "Set a new date for \"" NIMA_FMT "\", say " NIMA_FMT ", or pause it",
                 NIMA_ARG(goal->title), NIMA_ARG(to)),
        nima_fmt(sight->ctx, "Its date passed %d day%s ago at %.0f %%%s.", days,
                 days == 1 ? "" : "s", goal->progress * 100,
                 leads ? ", and that is where the present pace leads" : ""));
    made->subject = goal->title;
    nima_advice_because(made, goal->id);
    because_of_last(sight, made);
}

/* The time left is shared out over the open milestones. */
void nima_advice_next_step(struct nima_sight *sight)
{
    const struct nima_milestone *step = nima_advice_next(sight->goal);
    const struct nima_goal *alike = sight->kind.finished;
    if (step == NULL) {
        return;
    }
    size_t left = nima_advice_open(sight->goal);
    struct nima_goal_suggestion *made = nima_advice_add(
        sight, nima_advice_key(sight, "step", step->id),
        nima_fmt(sight->ctx, "Do the next step: " NIMA_FMT, NIMA_ARG(step->title)),
        left == 1 ? NIMA_STR("It is the last open milestone.")
                  : nima_fmt(sight->ctx, "It is the first of %zu open milestones.", left));
    made->subject = step->title;
    nima_advice_because(made, step->id);
    made->due = nima_advice_next_due(sight);
    if (made->due == 0 && alike != NULL && nima_advice_usual_days(alike) >= 0.5) {
        double days = nima_advice_usual_days(alike);
        made->due = sight->now_ms + (int64_t)(days * NIMA_DAY_MS);
        made->reason =
            nima_fmt(sight->ctx,
                     "It is the first of %zu open; a step took about %.0f day%s in "
                     "\"" NIMA_FMT "\".",
                     left, ceil(days), ceil(days) > 1 ? "s" : "", NIMA_ARG(alike->title));
        nima_advice_because(made, alike->id);
    }
}

void nima_advice_stands_still(struct nima_sight *sight)
{
    const struct nima_goal_entry *last = last_done(sight);
    int days = last != NULL ? (int)((sight->now_ms - last->recorded_at) / NIMA_DAY_MS) : 0;
    if (days < STANDS_STILL_DAYS) {
        return;
    }
    const struct nima_milestone *step = nima_advice_next(sight->goal);
    nima_str what = step != NULL ? step->title : sight->goal->title;
    struct nima_goal_suggestion *made = nima_advice_add(
        sight, nima_advice_key_at(sight, "still", last->recorded_at),
        nima_fmt(sight->ctx, "Give \"" NIMA_FMT "\" half an hour this week, then say how it went",
                 NIMA_ARG(what)),
        nima_fmt(sight->ctx, "Nothing has happened for %d days.", days));
    made->subject = what;
    nima_advice_because(made, step != NULL ? step->id : sight->goal->id);
    nima_advice_because(made, last->id);
    made->due = sight->now_ms + 7 * (int64_t)NIMA_DAY_MS;
}

void nima_advice_too_slow(struct nima_sight *sight)
{
    const struct nima_goal_course *course = sight->course;
    if (!nima_str_eq(course->state, NIMA_STR("slipping")) || !course->has_needed) {
        return;
    }
    nima_str action = NIMA_STR("Plan more time for it each week, drop a milestone, or move the "
                               "date");
    if (course->projected > sight->goal->deadline) {
        action = nima_fmt(sight->ctx, NIMA_FMT " to " NIMA_FMT, NIMA_ARG(action),
                          NIMA_ARG(nima_advice_day(sight, course->projected)));
    }
    struct nima_goal_suggestion *made = nima_advice_add(
        sight, nima_advice_key_at(sight, "slow", sight->goal->deadline), action,
        nima_fmt(sight->ctx, "It takes %.0f %% a week to be in time; lately it was %.0f %%.",
                 course->needed_per_week * 100, course->pace_per_week * 100));
    nima_advice_because(made, sight->goal->id);
    because_of_last(sight, made);
}

/* A task */

/* "run-a-half-marathon"; absent: the title has nothing that a file may be called by. */
static nima_str slug_of(struct nima_ctx *ctx, nima_str title)
{
    char *slug = nima_alloc(ctx->arena, SLUG_MAX + 1);
    size_t len = 0;
    for (size_t i = 0; i < title.len && len < SLUG_MAX; i++) {
        char c = title.ptr[i];
        char low = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        if ((low >= 'a' && low <= 'z') || (low >= '0' && low <= '9')) {
            slug[len++] = low;
        } else if (len > 0 && slug[len - 1] != '-') {
            slug[len++] = '-';
        }
    }
    while (len > 0 && slug[len - 1] == '-') {
        len--;
    }
    return (nima_str){slug, len};
}

static nima_str plan_params(struct nima_sight *sight, nima_str path)
{
    const struct nima_goal *goal = sight->goal;
    int64_t share = nima_advice_next_due(sight) - sight->now_ms, due = sight->now_ms;
    struct nima_buf plan, params;
    nima_buf_init(&plan, PLAN_BYTES_MAX);
    nima_buf_init(&params, 2 * PLAN_BYTES_MAX);
    nima_buf_fmt(&plan, "# " NIMA_FMT "\n\n", NIMA_ARG(goal->title));
    for (size_t i = 0; i < goal->milestones.count; i++) {
        const struct nima_milestone *step = &goal->milestones.items[i];
        due += step->completed ? 0 : share;
        nima_str day = step->completed ? NIMA_STR("done") : nima_advice_day(sight, due);
        nima_buf_fmt(&plan, "- [%c] " NIMA_FMT " (" NIMA_FMT ")\n", step->completed ? 'x' : ' ',
                     NIMA_ARG(step->title), NIMA_ARG(day));
    }
    nima_buf_add(&params, NIMA_STR("{\"parents\": true, \"path\": "));
    nima_json_write_str(&params, path);
    nima_buf_add(&params, NIMA_STR(", \"content\": "));
    nima_json_write_str(&params, nima_buf_view(&plan));
    nima_buf_add_char(&params, '}');
    bool whole = !plan.overflowed && !params.overflowed;
    nima_str text =
        whole ? nima_str_copy(sight->ctx->arena, nima_buf_view(&params)) : (nima_str){NULL, 0};
    nima_buf_done(&plan);
    nima_buf_done(&params);
    return text;
}

void nima_advice_write_plan(struct nima_sight *sight)
{
    const struct nima_goal *goal = sight->goal;
    nima_str slug = slug_of(sight->ctx, goal->title);
    bool worth_it = nima_advice_open(goal) >= PLAN_STEPS_MIN && nima_advice_next_due(sight) != 0;
    if (!sight->known->files || !worth_it || slug.len == 0) {
        return;
    }
    nima_str path = nima_fmt(sight->ctx, "goals/" NIMA_FMT ".md", NIMA_ARG(slug));
    nima_str params = plan_params(sight, path);
    if (params.ptr == NULL) {
        return;
    }
    struct nima_goal_suggestion *made = nima_advice_add(
        sight, nima_advice_key_at(sight, "plan", goal->deadline),
        nima_fmt(sight->ctx, "Have the %zu open steps with their days written into " NIMA_FMT,
                 nima_advice_open(goal), NIMA_ARG(path)),
        nima_fmt(sight->ctx, "There are %zu steps until " NIMA_FMT ".", nima_advice_open(goal),
                 NIMA_ARG(nima_advice_day(sight, goal->deadline))));
    made->subject = path;
    made->task = NIMA_NEW(sight->ctx->arena, struct nima_goal_task, 1);
    *made->task = (struct nima_goal_task){NIMA_STR("file"), NIMA_STR("write_file"), params};
    nima_advice_because(made, goal->id);
    for (size_t i = 0; i < goal->milestones.count; i++) {
        if (!goal->milestones.items[i].completed) {
            nima_advice_because(made, goal->milestones.items[i].id);
        }
    }
}
