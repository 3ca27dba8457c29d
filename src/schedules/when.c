/*
 * When a schedule is due: cron lines, times, intervals, events. The row's spec of cron and every is
 * "LINE; LINE from TIME until TIME except DAY,DAY", of which only the first line must be there.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "language/when.h"
#include "schedules/schedules_int.h"
#include "util/clock.h"
#include "util/cron.h"
#include "util/zone.h"

enum { INTERVAL_CHARS_MAX = 8, DAY_S = 86400, STEPS_MAX = 4, LOOKS_MAX = 400, DAY_CHARS = 10 };
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

/* A spec in its parts. */
struct spec {
    nima_str base;       /* lines or interval */
    int64_t from, until; /* 0: none */
    nima_str except;     /* days with commas between; absent: none */
};

static bool cut_behind(nima_str *text, nima_str mark, nima_str *tail)
{
    size_t at = nima_str_find(*text, mark, 0);
    if (at == SIZE_MAX) {
        return false;
    }
    *tail = nima_str_sub(*text, at + mark.len, text->len);
    *text = nima_str_sub(*text, 0, at);
    return true;
}

static void cut_spec(nima_str text, struct spec *out)
{
    nima_str time;
    *out = (struct spec){.base = text};
    (void)cut_behind(&out->base, NIMA_STR(" except "), &out->except);
    if (cut_behind(&out->base, NIMA_STR(" until "), &time)) {
        (void)nima_time_read(time, &out->until);
    }
    if (cut_behind(&out->base, NIMA_STR(" from "), &time)) {
        (void)nima_time_read(time, &out->from);
    }
}

/* "2026-12-25" to days since 1970. */
static bool day_of(nima_str text, int64_t *out)
{
    char full[NIMA_TIME_CHARS + 1];
    int64_t ms;
    if (text.len != DAY_CHARS) {
        return false;
    }
    snprintf(full, sizeof(full), NIMA_FMT "T00:00:00Z", NIMA_ARG(text));
    if (!nima_time_read(nima_str_of(full), &ms)) {
        return false;
    }
    *out = ms / 1000 / DAY_S;
    return true;
}

static nima_rc check_limits(struct nima_ctx *ctx, const struct nima_schedule_when *when)
{
    bool limits = when->has_starting || when->has_until || when->except.count > 0;
    int64_t day;
    if (limits && when->cron.ptr == NULL && when->every.ptr == NULL) {
        return nima_fail_field(ctx, NIMA_E_INVALID,
                               when->has_starting ? "starting"
                               : when->has_until  ? "until"
                                                  : "except",
                               "starting, until and except go with cron or every");
    }
    if (when->has_until && (when->until <= nima_ctx_now(ctx) ||
                            (when->has_starting && when->until <= when->starting))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "until", "it would be over before it begins");
    }
    for (size_t i = 0; i < when->except.count; i++) {
        if (!day_of(when->except.items[i], &day)) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "except", "a day is like 2026-12-25");
        }
    }
    return NIMA_OK;
}

static nima_str with_limits(struct nima_ctx *ctx, const struct nima_schedule_when *when,
                            nima_str base)
{
    char time[NIMA_TIME_CHARS + 1];
    if (when->has_starting) {
        nima_time_write(when->starting, time);
        base = nima_fmt(ctx, NIMA_FMT " from %s", NIMA_ARG(base), time);
    }
    if (when->has_until) {
        nima_time_write(when->until, time);
        base = nima_fmt(ctx, NIMA_FMT " until %s", NIMA_ARG(base), time);
    }
    for (size_t i = 0; i < when->except.count; i++) {
        base = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(base), i > 0 ? "," : " except ",
                        NIMA_ARG(when->except.items[i]));
    }
    return base;
}

static nima_rc check_lines(struct nima_ctx *ctx, nima_str lines)
{
    struct nima_cron cron;
    nima_str line;
    int count = 0;
    while (nima_str_next(&lines, ';', &line)) {
        if (count++ == NIMA_SCHEDULE_LINES_MAX) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "cron", "there are at most %d lines",
                                   NIMA_SCHEDULE_LINES_MAX);
        }
        NIMA_TRY(nima_cron_read(ctx, nima_str_trim(line), &cron));
    }
    return NIMA_OK;
}

/* A row's own spec may come back as it stands, with its limits in it: when something is undone. */
static nima_rc check_embedded(struct nima_ctx *ctx, const char *field, nima_str text,
                              struct spec *out)
{
    int64_t day;
    nima_str rest, part;
    cut_spec(text, out);
    bool ok = (nima_str_find(text, NIMA_STR(" until "), 0) == SIZE_MAX || out->until != 0) &&
              (nima_str_find(text, NIMA_STR(" from "), 0) == SIZE_MAX || out->from != 0);
    rest = out->except;
    while (ok && rest.ptr != NULL && nima_str_next(&rest, ',', &part)) {
        ok = day_of(part, &day);
    }
    return ok ? NIMA_OK
              : nima_fail_field(ctx, NIMA_E_INVALID, field,
                                "what limits it is written as starting, until and except");
}

static nima_rc read_spec(struct nima_ctx *ctx, const struct nima_schedule_when *when,
                         struct nima_schedule_row *row)
{
    struct spec spec;
    NIMA_TRY(check_limits(ctx, when));
    if (when->cron.ptr != NULL) {
        row->kind = NIMA_STR("cron");
        NIMA_TRY(check_embedded(ctx, "cron", when->cron, &spec));
        row->spec = with_limits(ctx, when, when->cron);
        return check_lines(ctx, spec.base);
    }
    if (when->every.ptr != NULL) {
        row->kind = NIMA_STR("every");
        NIMA_TRY(check_embedded(ctx, "every", when->every, &spec));
        row->spec = with_limits(ctx, when, when->every);
        return interval_s(spec.base) > 0
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

nima_rc nima_schedule_when_read(struct nima_ctx *ctx, const struct nima_schedule_when *when,
                                nima_str zone, struct nima_schedule_row *row)
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
    if (!nima_schedules_zone_named(ctx, row->timezone, &row->timezone, &loaded)) {
        rc = nima_fail_field(ctx, NIMA_E_INVALID, "timezone",
                             "there is no time zone \"" NIMA_FMT
                             "\"; write one such as Europe/Berlin, Berlin, CET or UTC+2",
                             NIMA_ARG(nima_utf8_prefix(row->timezone, 40)));
    }
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

/* The first of all lines; 0: none comes. */
static int64_t next_of_lines(struct nima_ctx *ctx, const struct nima_zone *zone, nima_str lines,
                             int64_t after_ms)
{
    int64_t first = 0, at;
    nima_str line;
    while (nima_str_next(&lines, ';', &line)) {
        struct nima_cron cron;
        if (nima_cron_read(ctx, nima_str_trim(line), &cron) != NIMA_OK) {
            return 0;
        }
        if (nima_cron_next(&cron, zone, after_ms, &at) && (first == 0 || at < first)) {
            first = at;
        }
    }
    return first;
}

static bool is_left_out(const struct spec *spec, const struct nima_zone *zone, int64_t at_ms)
{
    int64_t local = at_ms / 1000 + nima_zone_offset_s(zone, at_ms / 1000), day;
    nima_str rest = spec->except, text;
    while (rest.ptr != NULL && nima_str_next(&rest, ',', &text)) {
        if (day_of(text, &day) && local >= day * DAY_S && local < (day + 1) * DAY_S) {
            return true;
        }
    }
    return false;
}

/* Of lines and intervals, within their limits; days that are left out are passed over. */
static int64_t next_again(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                          const struct nima_zone *zone, int64_t after_ms)
{
    struct spec spec;
    cut_spec(row->spec, &spec);
    int64_t seconds = interval_s(spec.base), at = row->next_at;
    bool cron = nima_str_eq(row->kind, NIMA_STR("cron"));
    after_ms = after_ms < spec.from ? spec.from - 1 : after_ms;
    if (!cron && (seconds == 0 || !nima_str_eq(row->kind, NIMA_STR("every")))) {
        return 0;
    }
    for (int i = 0; i < LOOKS_MAX; i++) {
        at = cron ? next_of_lines(ctx, zone, spec.base, after_ms)
                  : next_interval(zone, seconds, at != 0 ? at : after_ms, after_ms);
        if (at == 0 || (spec.until != 0 && at > spec.until)) {
            return 0;
        }
        if (!is_left_out(&spec, zone, at)) {
            return at;
        }
        after_ms = at;
    }
    return 0;
}

int64_t nima_schedule_when_next(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                                int64_t after_ms)
{
    const struct nima_zone *zone;
    struct nima_error before = ctx->error;
    int64_t at = 0;
    bool ok = nima_zone_load(ctx, row->timezone, &zone) == NIMA_OK;
    if (nima_str_eq(row->kind, NIMA_STR("at"))) {
        at = nima_time_read(row->spec, &at) && at > after_ms ? at : 0;
    } else if (ok) {
        at = next_again(ctx, row, zone, after_ms);
    }
    ctx->error = before; /* a row from elsewhere that says nothing sensible is never due */
    return at;
}

void nima_schedule_when_fill(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                             struct nima_schedule_when *when)
{
    struct spec spec;
    nima_str rest, day;
    cut_spec(row->spec, &spec);
    *(nima_str_eq(row->kind, NIMA_STR("cron")) ? &when->cron : &when->every) = spec.base;
    when->starting = spec.from;
    when->has_starting = spec.from != 0;
    when->until = spec.until;
    when->has_until = spec.until != 0;
    if (spec.except.ptr == NULL) {
        return;
    }
    when->except.items = NIMA_NEW(ctx->arena, nima_str, NIMA_SCHEDULE_EXCEPT_MAX);
    rest = spec.except;
    when->has_except = true;
    while (when->except.count < NIMA_SCHEDULE_EXCEPT_MAX && nima_str_next(&rest, ',', &day)) {
        when->except.items[when->except.count++] = day;
    }
}

void nima_schedules_when_of(struct nima_ctx *ctx, const struct nima_when *when,
                            struct nima_schedule_when *out, int64_t *first_at)
{
    *out = (struct nima_schedule_when){.timezone = when->zone_name};
    *first_at = 0;
    if (when->kind != NIMA_WHEN_RECURRENCE) {
        out->at = when->at_ms;
        out->has_at = true;
        return;
    }
    nima_str lines = NIMA_STR("");
    for (size_t i = 0; i < when->cron_count; i++) {
        lines = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(lines), i > 0 ? "; " : "",
                         NIMA_ARG(when->crons[i]));
    }
    out->cron = when->cron_count > 0 ? lines : (nima_str){NULL, 0};
    out->every = when->every;
    *first_at = when->every.ptr != NULL ? when->first_ms : 0;
    out->starting = when->starts_ms;
    out->has_starting = when->starts_ms > 0;
    out->until = when->ends_ms;
    out->has_until = when->ends_ms > 0;
    out->except.items = NIMA_NEW(ctx->arena, nima_str, when->except_count + 1);
    for (size_t i = 0; i < when->except_count && i < NIMA_SCHEDULE_EXCEPT_MAX; i++) {
        struct nima_civil day;
        nima_civil_of(when->except[i] * DAY_S, &day);
        out->except.items[out->except.count++] =
            nima_fmt(ctx, "%04d-%02d-%02d", day.year, day.month, day.day);
    }
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
