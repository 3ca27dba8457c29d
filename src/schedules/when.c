/* When a schedule is due: cron lines, times, intervals, events. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "schedules/schedules_int.h"
#include "util/clock.h"
#include "util/cron.h"
#include "util/zone.h"

enum { INTERVAL_CHARS_MAX = 8, DAY_S = 86400, STEPS_MAX = 4 };
#define INTERVAL_S_MAX (INT64_C(366) * DAY_S)

const char *const nima_schedule_events[] = {"fact.created",
                                            "goal.deadline",
                                            "goal.completed",
                                            "task.completed",
                                            "task.failed",
                                            "conversation.idle",
                                            NULL};

/* "15m" to seconds; 0: it is none. */
static int64_t interval_s(nima_str text)
{
    static const char units[] = "smhdw";
    static const int64_t seconds[] = {1, 60, 3600, DAY_S, 7 * DAY_S};
    int64_t count;
    if (text.len < 2 || text.len > INTERVAL_CHARS_MAX || !isdigit((unsigned char)text.ptr[0])) {
        return 0;
    }
    const char *unit = strchr(units, text.ptr[text.len - 1]);
    if (unit == NULL || !nima_str_to_i64(nima_str_sub(text, 0, text.len - 1), &count) ||
        count < 1 || count * seconds[unit - units] > INTERVAL_S_MAX) {
        return 0;
    }
    return count * seconds[unit - units];
}

static nima_rc read_event(struct nima_ctx *ctx, nima_str event)
{
    for (size_t i = 0; nima_schedule_events[i] != NULL; i++) {
        if (nima_str_eq(event, nima_str_of(nima_schedule_events[i]))) {
            return NIMA_OK;
        }
    }
    return nima_fail_field(ctx, NIMA_E_INVALID, "event", "there is no such event");
}

static nima_rc read_spec(struct nima_ctx *ctx, const struct nima_schedule_when *when,
                         struct nima_schedule_row *row)
{
    struct nima_cron cron;
    if (when->cron.ptr != NULL) {
        row->kind = NIMA_STR("cron");
        row->spec = when->cron;
        return nima_cron_read(ctx, when->cron, &cron);
    }
    if (when->every.ptr != NULL) {
        row->kind = NIMA_STR("every");
        row->spec = when->every;
        return interval_s(when->every) > 0
                   ? NIMA_OK
                   : nima_fail_field(ctx, NIMA_E_INVALID, "every",
                                     "every must be like 30s, 15m, 2h, 1d or 2w, from a second to "
                                     "a year");
    }
    if (when->event.ptr != NULL) {
        row->kind = NIMA_STR("event");
        row->spec = when->event;
        return read_event(ctx, when->event);
    }
    char text[NIMA_TIME_CHARS + 1];
    nima_time_write(when->at, text);
    row->kind = NIMA_STR("at");
    row->spec = nima_str_copy(ctx->arena, nima_str_of(text));
    return when->at > nima_ctx_now(ctx)
               ? NIMA_OK
               : nima_fail_field(ctx, NIMA_E_INVALID, "at", "this time lies in the past");
}

nima_rc nima_schedule_when_read(struct nima_ctx *ctx, const struct nima_schedule_when *when, nima_str zone,
                       struct nima_schedule_row *row)
{
    const struct nima_zone *loaded;
    int given = (when->cron.ptr != NULL) + (when->every.ptr != NULL) + (when->event.ptr != NULL) +
                when->has_at;
    nima_rc rc = NIMA_OK;
    if (given != 1) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "when",
                               "when must have one of cron, at, every and event");
    }
    row->timezone = when->timezone.ptr != NULL ? when->timezone : zone;
    rc = nima_zone_load(ctx, row->timezone, &loaded);
    if (rc == NIMA_OK) {
        rc = read_spec(ctx, when, row);
    }
    if (rc == NIMA_E_INVALID) {
        char field[NIMA_FIELD_CHARS_MAX + 1];
        snprintf(field, sizeof(field), "when.%.20s", ctx->error.field);
        snprintf(ctx->error.field, sizeof(ctx->error.field), "%s", field);
    }
    return rc;
}

/* Days and weeks are counted on the clocks of the zone: the same time of day, whatever they do. */
static int64_t next_interval(const struct nima_zone *zone, int64_t seconds, int64_t from_ms,
                             int64_t after_ms)
{
    int64_t passed = after_ms > from_ms ? (after_ms - from_ms) / (seconds * 1000) : 0;
    int64_t next = from_ms + (passed + 1) * seconds * 1000;
    if (seconds % DAY_S == 0) {
        int64_t local = from_ms / 1000 + nima_zone_offset_s(zone, from_ms / 1000);
        for (int64_t i = passed > 0 ? passed - 1 : 0; i < passed + STEPS_MAX; i++) {
            next = nima_zone_moment_s(zone, local + (i + 1) * seconds) * 1000 + from_ms % 1000;
            if (next > after_ms) {
                break;
            }
        }
    }
    return next;
}

int64_t nima_when_next(struct nima_ctx *ctx, const struct nima_schedule_row *row, int64_t after_ms)
{
    const struct nima_zone *zone;
    struct nima_cron cron;
    struct nima_error before = ctx->error;
    int64_t at = 0, seconds = interval_s(row->spec);
    bool ok = nima_zone_load(ctx, row->timezone, &zone) == NIMA_OK;
    if (ok && nima_str_eq(row->kind, NIMA_STR("cron"))) {
        ok = nima_cron_read(ctx, row->spec, &cron) == NIMA_OK &&
             nima_cron_next(&cron, zone, after_ms, &at);
    } else if (nima_str_eq(row->kind, NIMA_STR("at"))) {
        ok = nima_time_read(row->spec, &at) && at > after_ms;
    } else if (ok && seconds > 0 && nima_str_eq(row->kind, NIMA_STR("every"))) {
        at = next_interval(zone, seconds, row->next_at != 0 ? row->next_at : after_ms, after_ms);
    }
    ctx->error = before; /* a row from elsewhere that says nothing sensible is never due */
    return ok ? at : 0;
}

nima_str nima_schedules_when_text(struct nima_ctx *ctx, int64_t unix_ms, nima_str timezone)
{
    static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                           "Thursday", "Friday", "Saturday"};
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    const struct nima_zone *zone;
    struct nima_civil at;
    struct nima_error before = ctx->error;
    if (nima_zone_load(ctx, timezone, &zone) != NIMA_OK) {
        ctx->error = before;
        timezone = NIMA_STR("UTC");
        nima_rc rc = nima_zone_load(ctx, timezone, &zone);
        nima_assert(rc == NIMA_OK);
    }
    nima_civil_of(unix_ms / 1000 + nima_zone_offset_s(zone, unix_ms / 1000), &at);
    return nima_fmt(ctx, "%s %d %s %d at %02d:%02d (" NIMA_FMT ")", weekdays[at.weekday], at.day,
                    months[at.month - 1], at.year, at.hour, at.minute, NIMA_ARG(timezone));
}
