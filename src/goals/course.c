/*
 * How a goal goes: pace, where it leads, and whether that is in time (goals.h has the formulas).
 */
#include "goals/said_int.h"
#include "util/clock.h"

#define PACE_DAYS 28.0

/* Days in which the goal was active, and what was gained in them, back from now over the last
 * PACE_DAYS active days. History is walked from its end. */
struct gain {
    double days, progress;
};

static double days_between(int64_t from, int64_t to)
{
    return to > from ? (double)(to - from) / NIMA_DAY_MS : 0;
}

static struct gain gain_of(const struct nima_goal_entries *history, int64_t now_ms)
{
    struct gain gain = {0};
    int64_t until = now_ms;
    double after = history->count > 0 ? history->items[history->count - 1].progress : 0;
    for (size_t i = history->count; i > 0 && gain.days < PACE_DAYS; i--) {
        const struct nima_goal_entry *entry = &history->items[i - 1];
        double before = i > 1 ? history->items[i - 2].progress : entry->progress;
        if (nima_str_eq(entry->status, NIMA_GOAL_ACTIVE)) {
            gain.days += days_between(entry->recorded_at, until);
        }
        if (gain.days < PACE_DAYS) {
            gain.progress += after - before;
        }
        after = before;
        until = entry->recorded_at;
    }
    return gain;
}

static void set_pace(struct nima_goal_course *course, int64_t now_ms)
{
    const struct nima_goal *goal = &course->goal;
    struct gain gain = gain_of(&course->history, now_ms);
    double left = 1 - goal->progress;
    if (gain.days > PACE_DAYS) {
        gain.days = PACE_DAYS;
    }
    if (gain.days >= 1 && gain.progress > 0) {
        double per_day = gain.progress / gain.days;
        double to_go = left / per_day;
        course->has_pace = true;
        course->pace_per_week = per_day * 7;
        if (left > 0 && to_go < 365.0 * 100) {
            course->projected = now_ms + (int64_t)(to_go * NIMA_DAY_MS);
        }
    }
    if (goal->deadline > now_ms && left > 0) {
        course->has_needed = true;
        course->needed_per_week = left / (days_between(now_ms, goal->deadline) / 7);
    }
}

static nima_str state_of(const struct nima_goal_course *course, int64_t now_ms)
{
    const struct nima_goal *goal = &course->goal;
    if (!nima_goal_is(goal, NIMA_GOAL_ACTIVE)) {
        return goal->status;
    }
    if (goal->deadline == 0) {
        return NIMA_STR("open");
    }
    if (goal->deadline <= now_ms) {
        return NIMA_STR("overdue");
    }
    double over = days_between(goal->created_at, now_ms);
    double all = days_between(goal->created_at, goal->deadline);
    bool late = course->projected == 0 || course->projected > goal->deadline;
    return over >= all / 4 && late ? NIMA_STR("slipping") : NIMA_STR("on_track");
}

void nima_goal_measure(struct nima_goal_course *course, int64_t now_ms)
{
    if (nima_goal_is(&course->goal, NIMA_GOAL_ACTIVE)) {
        set_pace(course, now_ms);
    }
    course->state = state_of(course, now_ms);
}

nima_rc nima_goals_course(struct nima_ctx *ctx, struct nima_goals *goals, nima_str id,
                          struct nima_goal_course *out)
{
    struct nima_goal_course course = {0};
    NIMA_TRY(nima_goal_get(ctx, goals->store, id, &course.goal));
    NIMA_TRY(nima_goal_history(ctx, goals->store, id, 0, &course.history));
    nima_goal_measure(&course, nima_ctx_now(ctx));
    *out = course;
    return NIMA_OK;
}

/* Alerts */

enum { ALERT_GOALS_MAX = 10000, ALERT_PAGE = 500 };

struct alert {
    nima_str told; /* what stands in the goal once it was told */
    int64_t deadline;
    bool done;
};

/* Each state is told once for each deadline. Another process may have told it just now: the mark is
 * read and written under the goal's lock. */
static nima_rc alert_rule(struct nima_ctx *ctx, void *arg, struct nima_goal *goal,
                          struct nima_goal_entry *entry)
{
    struct alert *job = arg;
    (void)ctx;
    job->done = false;
    if (goal->deadline != job->deadline || !nima_goal_is(goal, NIMA_GOAL_ACTIVE) ||
        nima_str_eq(goal->alerted, job->told)) {
        return NIMA_OK;
    }
    goal->alerted = job->told;
    entry->kind = NIMA_STR("alert");
    entry->note = job->told;
    entry->aside = true;
    job->done = true;
    return NIMA_OK;
}

static nima_str told_of(struct nima_ctx *ctx, nima_str state, int64_t deadline)
{
    char when[NIMA_TIME_CHARS + 1];
    nima_time_write(deadline, when);
    return nima_fmt(ctx, NIMA_FMT ", due %s", NIMA_ARG(state), when);
}

/* Without looking at its history: a goal whose time has just begun, or that was told of. */
static bool is_quiet(struct nima_ctx *ctx, const struct nima_goal *goal)
{
    int64_t now = nima_ctx_now(ctx);
    bool over = goal->deadline <= now;
    nima_str state = over ? NIMA_STR("overdue") : NIMA_STR("slipping");
    return goal->deadline == 0 ||
           (!over && now - goal->created_at < (goal->deadline - goal->created_at) / 4) ||
           nima_str_eq(goal->alerted, told_of(ctx, state, goal->deadline));
}

struct teller {
    const struct nima_zone *zone;
    nima_goal_alert_tell tell;
    void *user;
};

static nima_rc alert_of(struct nima_ctx *ctx, struct nima_goals *goals, const struct teller *teller,
                        const struct nima_goal *goal, struct nima_goal_alerts *out)
{
    struct nima_goal_course course = {.goal = *goal};
    struct nima_goal changed;
    NIMA_TRY(nima_goal_history(ctx, goals->store, goal->id, 0, &course.history));
    nima_goal_measure(&course, nima_ctx_now(ctx));
    if (!nima_str_eq(course.state, NIMA_STR("overdue")) &&
        !nima_str_eq(course.state, NIMA_STR("slipping"))) {
        return NIMA_OK;
    }
    struct alert job = {.deadline = goal->deadline};
    job.told = told_of(ctx, course.state, goal->deadline);
    struct nima_goal_alert alert = {.goal_id = goal->id,
                                    .title = goal->title,
                                    .state = course.state,
                                    .deadline = goal->deadline,
                                    .projected = course.projected,
                                    .progress = goal->progress,
                                    .text = nima_goal_alert_text(ctx, teller->zone, &course)};
    struct nima_goal_said said = {alert.text, nima_fmt(ctx,
                                                       "{\"goal_alert\": {\"goal_id\": \"" NIMA_FMT
                                                       "\", \"state\": \"" NIMA_FMT "\"}}",
                                                       NIMA_ARG(goal->id), NIMA_ARG(course.state))};
    if (teller->tell != NULL) {
        NIMA_TRY(teller->tell(ctx, teller->user, &alert));
    }
    struct nima_error before = ctx->error;
    nima_rc rc =
        nima_goal_change_saying(ctx, goals->store, goal->id, alert_rule, &job, &said, &changed);
    if (rc == NIMA_E_NOT_FOUND) {
        ctx->error = before;
        return NIMA_OK; /* deleted just now */
    }
    NIMA_TRY(rc);
    if (job.done) {
        out->items[out->count++] = alert;
    }
    return NIMA_OK;
}

nima_rc nima_goals_alerts(struct nima_ctx *ctx, struct nima_goals *goals,
                          const struct nima_zone *zone, nima_goal_alert_tell tell, void *user,
                          struct nima_goal_alerts *out)
{
    struct teller teller = {zone, tell, user};
    struct nima_goal_alerts found = {0};
    nima_str cursor = {0};
    found.items = NIMA_NEW(ctx->arena, struct nima_goal_alert, NIMA_GOAL_ALERTS_AT_ONCE);
    for (size_t seen = 0; seen < ALERT_GOALS_MAX;) {
        struct nima_goal_rows page;
        NIMA_TRY(nima_goal_list(ctx, goals->store, NIMA_GOAL_ACTIVE, ALERT_PAGE, cursor, &page));
        for (size_t i = 0; i < page.count && found.count < NIMA_GOAL_ALERTS_AT_ONCE; i++) {
            if (!is_quiet(ctx, &page.items[i])) {
                NIMA_TRY(alert_of(ctx, goals, &teller, &page.items[i], &found));
            }
        }
        seen += page.count;
        if (page.next_cursor.ptr == NULL || found.count == NIMA_GOAL_ALERTS_AT_ONCE) {
            break;
        }
        cursor = page.next_cursor;
    }
    *out = found;
    return NIMA_OK;
}
