/* Goals in words. */
#include <math.h>

#include "goals/said_int.h"
#include "util/buf.h"
#include "util/zone.h"

enum { LINES_BYTES_MAX = 64 * 1024, LISTED_MAX = 30 };

nima_str nima_goals_day(struct nima_ctx *ctx, const struct nima_zone *zone, int64_t ms)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    struct nima_civil day;
    int32_t offset_s = zone != NULL ? nima_zone_offset_s(zone, ms / 1000) : 0;
    nima_civil_of(ms / 1000 + offset_s, &day);
    return nima_fmt(ctx, "%d %s %d", day.day, months[day.month - 1], day.year);
}

static void add_next(const struct nima_goal *goal, struct nima_buf *buf)
{
    for (size_t i = 0; i < goal->milestones.count; i++) {
        if (!goal->milestones.items[i].completed) {
            nima_buf_fmt(buf, " Next: " NIMA_FMT ".", NIMA_ARG(goal->milestones.items[i].title));
            return;
        }
    }
}

nima_str nima_goals_number(struct nima_ctx *ctx, double value)
{
    bool whole = fabs(value - round(value)) < 1e-6;
    nima_str plain = whole ? nima_fmt(ctx, "%.0f", value) : nima_fmt(ctx, "%.2f", value);
    size_t dot = nima_str_find(plain, NIMA_STR("."), 0), sign = plain.ptr[0] == '-';
    size_t digits = (dot == SIZE_MAX ? plain.len : dot) - sign;
    char *text = nima_alloc(ctx->arena, plain.len + digits / 3 + 1);
    size_t used = 0;
    for (size_t i = 0; i < plain.len; i++) {
        size_t left = i >= sign && i < sign + digits ? sign + digits - i : 0;
        if (i > sign && left > 0 && left % 3 == 0) {
            text[used++] = ',';
        }
        text[used++] = plain.ptr[i];
    }
    return (nima_str){text, used};
}

static void add_head(struct nima_ctx *ctx, const struct nima_zone *zone,
                     const struct nima_goal *goal, struct nima_buf *buf)
{
    nima_buf_fmt(buf, NIMA_FMT ": %.0f %%", NIMA_ARG(goal->title), goal->progress * 100);
    if (goal->count.there) {
        nima_buf_fmt(buf, ", " NIMA_FMT " of " NIMA_FMT "%s" NIMA_FMT,
                     NIMA_ARG(nima_goals_number(ctx, goal->count.amount)),
                     NIMA_ARG(nima_goals_number(ctx, goal->count.target)),
                     goal->count.unit.len > 0 ? " " : "", NIMA_ARG(goal->count.unit));
    }
    if (goal->milestones.count > 0) {
        nima_buf_fmt(buf, ", %zu of %zu milestones", nima_goal_steps_done(goal),
                     goal->milestones.count);
    }
    if (!nima_goal_is(goal, NIMA_GOAL_ACTIVE)) {
        nima_buf_fmt(buf, ", " NIMA_FMT, NIMA_ARG(goal->status));
    } else if (goal->deadline != 0) {
        nima_buf_fmt(buf, ", due " NIMA_FMT, NIMA_ARG(nima_goals_day(ctx, zone, goal->deadline)));
    }
}

nima_rc nima_goals_told(struct nima_ctx *ctx, struct nima_goals *goals,
                        const struct nima_zone *zone, nima_str id, nima_str *out)
{
    struct nima_goal_course course;
    struct nima_buf buf;
    NIMA_TRY(nima_goals_course(ctx, goals, id, &course));
    nima_buf_init(&buf, LINES_BYTES_MAX);
    add_head(ctx, zone, &course.goal, &buf);
    if (nima_str_eq(course.state, NIMA_STR("on_track"))) {
        nima_buf_add(&buf, NIMA_STR(", on track"));
    } else if (nima_str_eq(course.state, NIMA_STR("slipping"))) {
        nima_buf_add(&buf, NIMA_STR(", slipping"));
    } else if (nima_str_eq(course.state, NIMA_STR("overdue"))) {
        nima_buf_add(&buf, NIMA_STR(", overdue"));
    }
    nima_buf_add_char(&buf, '.');
    if (course.projected != 0) {
        nima_buf_fmt(&buf, " At the present pace it is reached around " NIMA_FMT ".",
                     NIMA_ARG(nima_goals_day(ctx, zone, course.projected)));
    }
    if (!nima_goal_is(&course.goal, NIMA_GOAL_COMPLETED)) {
        add_next(&course.goal, &buf);
    }
    *out = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return NIMA_OK;
}

nima_str nima_goal_lines(struct nima_ctx *ctx, const struct nima_zone *zone,
                         const struct nima_goal_rows *rows)
{
    struct nima_buf buf;
    nima_buf_init(&buf, LINES_BYTES_MAX);
    for (size_t i = 0; i < rows->count && i < LISTED_MAX; i++) {
        nima_buf_add(&buf, NIMA_STR("\n- "));
        add_head(ctx, zone, &rows->items[i], &buf);
    }
    if (rows->count > LISTED_MAX) {
        nima_buf_fmt(&buf, "\n- and %zu more", rows->count - LISTED_MAX);
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

nima_str nima_goal_alert_text(struct nima_ctx *ctx, const struct nima_zone *zone,
                              const struct nima_goal_course *course)
{
    const struct nima_goal *goal = &course->goal;
    nima_str due = nima_goals_day(ctx, zone, goal->deadline);
    if (nima_str_eq(course->state, NIMA_STR("overdue"))) {
        return nima_fmt(ctx,
                        "Your goal \"" NIMA_FMT "\" was due " NIMA_FMT " and stands at %.0f %%. "
                        "Give it a new date, pause it, or tell me how it went.",
                        NIMA_ARG(goal->title), NIMA_ARG(due), goal->progress * 100);
    }
    nima_str leads = NIMA_STR("lately it has not moved");
    if (course->projected != 0) {
        leads = nima_fmt(ctx, "at the present pace it is reached around " NIMA_FMT,
                         NIMA_ARG(nima_goals_day(ctx, zone, course->projected)));
    }
    return nima_fmt(ctx,
                    "Your goal \"" NIMA_FMT "\" is slipping: it is due " NIMA_FMT ", stands at "
                    "%.0f %%, and " NIMA_FMT ".",
                    NIMA_ARG(goal->title), NIMA_ARG(due), goal->progress * 100, NIMA_ARG(leads));
}
