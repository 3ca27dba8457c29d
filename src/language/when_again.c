/* What comes again: as cron lines where lines can hold it, else as an interval, with its ends. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "language/when_int.h"
#include "util/clock.h"
#include "util/cron.h"

enum { DAY_S = 86400, LINES_MAX = 16, FIELD_CHARS = 100, LAST = 6, ALL = 127 };

struct again {
    struct nima_ctx *ctx;
    const struct nima_time_said *said;
    const struct nima_zone *zone;
    struct nima_when *out;
    int64_t now_ms, today;
    struct nima_civil now;
    int hours[NIMA_WHEN_CLOCKS_MAX], minutes[NIMA_WHEN_CLOCKS_MAX];
    int clock_count;
    nima_str lines[LINES_MAX];
    size_t line_count;
};

static void not_whole(struct again *a)
{
    a->out->whole = false;
}

static void choose_clocks(struct again *a)
{
    const struct nima_time_said *said = a->said;
    struct nima_when chosen = {.kind = NIMA_WHEN_NONE};
    for (int i = 0; i < said->clock_count; i++) {
        nima_clock_choose(&said->clocks[i], said->part, &chosen);
        if (chosen.hour < 0) {
            chosen.hour = a->now.hour;
        }
        a->hours[i] = chosen.hour;
        a->minutes[i] = chosen.minute;
        a->out->guessed_half = a->out->guessed_half || chosen.guessed_half;
    }
    a->clock_count = said->clock_count;
    if (a->clock_count == 0) {
        nima_clock_choose(NULL, said->part, &chosen);
        a->hours[0] = chosen.hour;
        a->minutes[0] = chosen.minute;
        a->clock_count = 1;
        a->out->guessed_time = true;
    }
    a->out->has_time = said->clock_count > 0;
    a->out->hour = a->hours[0];
    a->out->minute = a->minutes[0];
}

static void add_line(struct again *a, nima_str line)
{
    if (a->line_count == LINES_MAX) {
        not_whole(a);
        return;
    }
    a->lines[a->line_count++] = line;
}

/* A line for each minute, with all hours that have it: "0 8,20 <days>". */
static void lines_at_clocks(struct again *a, nima_str days)
{
    bool done[NIMA_WHEN_CLOCKS_MAX] = {false};
    if (a->said->clocks_range) {
        not_whole(a);
    }
    for (int i = 0; i < a->clock_count; i++) {
        char hours[FIELD_CHARS] = "";
        uint32_t bits = 0;
        if (done[i]) {
            continue;
        }
        for (int j = i; j < a->clock_count; j++) {
            done[j] = done[j] || a->minutes[j] == a->minutes[i];
            bits |= a->minutes[j] == a->minutes[i] ? 1u << a->hours[j] : 0;
        }
        for (int hour = 0; hour < 24; hour++) {
            size_t used = strlen(hours);
            if ((bits >> hour & 1) != 0) {
                snprintf(hours + used, sizeof(hours) - used, "%s%d", used > 0 ? "," : "", hour);
            }
        }
        add_line(a, nima_fmt(a->ctx, "%d %s " NIMA_FMT, a->minutes[i], hours, NIMA_ARG(days)));
    }
}

static nima_str weekday_field(struct again *a, unsigned bits)
{
    char out[FIELD_CHARS] = "";
    for (int i = 0; i < 7 && bits != ALL; i++) {
        size_t used = strlen(out);
        if ((bits >> i & 1) != 0) {
            snprintf(out + used, sizeof(out) - used, "%s%d", used > 0 ? "," : "", i);
        }
    }
    return out[0] != '\0' ? nima_fmt(a->ctx, "%s", out) : NIMA_STR("*");
}

static unsigned left_of(struct again *a, unsigned bits)
{
    unsigned left = bits & ~a->said->except_weekdays;
    if (left == 0) {
        a->out->problem = NIMA_STR("that leaves no day");
    }
    return left;
}

static void by_weekdays(struct again *a, unsigned bits)
{
    bits = left_of(a, bits);
    nima_str field = weekday_field(a, bits);
    lines_at_clocks(a, nima_fmt(a->ctx, "* * " NIMA_FMT, NIMA_ARG(field)));
}

static void interval(struct again *a, int64_t count, char unit)
{
    a->out->every = nima_fmt(a->ctx, "%lld%c", (long long)count, unit);
    a->out->whole = a->out->whole && a->said->except_weekdays == 0 && a->said->except_count == 0;
}

static int64_t moment_ms(const struct again *a, int64_t day, int hour, int minute)
{
    return nima_zone_moment_s(a->zone, day * DAY_S + hour * 3600 + minute * 60) * 1000;
}

/* Weeks and days from a certain time on. */
static void interval_days(struct again *a, int64_t count, char unit, int weekday)
{
    const struct nima_time_said *said = a->said;
    int64_t from =
        a->out->starts_ms != 0
            ? (a->out->starts_ms / 1000 + nima_zone_offset_s(a->zone, a->out->starts_ms / 1000)) /
                  DAY_S
            : a->today;
    bool plain = said->clock_count == 0 && said->part == 0 && weekday < 0;
    interval(a, count, unit);
    if (said->clock_count > 1) {
        not_whole(a);
    }
    if (plain && !said->has_starting) {
        a->out->guessed_time = false;
        a->out->first_ms = a->now_ms + count * (unit == 'w' ? 7 : 1) * INT64_C(86400000);
        return;
    }
    struct nima_civil start;
    nima_civil_of(from * DAY_S, &start);
    int ahead = weekday >= 0 ? (weekday - start.weekday + 7) % 7 : 0;
    int64_t first = moment_ms(a, from + ahead, a->hours[0], a->minutes[0]);
    if (first <= a->now_ms) {
        first = moment_ms(a, from + ahead + (weekday >= 0 ? 7 : 1), a->hours[0], a->minutes[0]);
    }
    a->out->first_ms = first;
}

/* "every 2 hours from 9 to 17 on weekdays": a line, when the day holds a whole number of them. */
static void small_within(struct again *a, int minutes)
{
    const struct nima_time_said *said = a->said;
    unsigned bits = left_of(a, said->weekdays != 0 ? said->weekdays : ALL);
    nima_str days = weekday_field(a, bits);
    int from = 0, to = 23;
    if (said->clocks_range && said->clock_count == 2) {
        from = a->hours[0];
        to = a->hours[1] <= from && a->hours[1] < 12 ? a->hours[1] + 12 : a->hours[1];
        a->out->whole = a->out->whole && a->minutes[0] == 0 && a->minutes[1] == 0 && to > from;
        a->out->guessed_half = false;
    } else if (said->clock_count > 0) {
        not_whole(a);
    }
    if (to <= from || to > 23) {
        not_whole(a);
        to = 23;
    }
    if (minutes % 60 == 0 && minutes / 60 < 24) {
        if (24 % (minutes / 60) != 0 && !said->clocks_range) {
            not_whole(a);
        }
        add_line(a, nima_fmt(a->ctx, "0 %d-%d/%d * * " NIMA_FMT, from, to, minutes / 60,
                             NIMA_ARG(days)));
    } else if (minutes < 60 && 60 % minutes == 0) {
        bool end = said->clocks_range;
        add_line(a, nima_fmt(a->ctx, "*/%d %d-%d * * " NIMA_FMT, minutes, from, end ? to - 1 : to,
                             NIMA_ARG(days)));
        if (end) {
            add_line(a, nima_fmt(a->ctx, "0 %d * * " NIMA_FMT, to, NIMA_ARG(days)));
        }
    } else {
        not_whole(a);
        interval(a, minutes, 'm');
    }
}

static void by_small(struct again *a, double seconds)
{
    const struct nima_time_said *said = a->said;
    int64_t whole = (int64_t)(seconds + 0.5);
    bool within = said->clocks_range || said->weekdays != 0 || said->except_weekdays != 0;
    a->out->guessed_time = false;
    a->out->guessed_half = false;
    if (within && whole % 60 == 0 && whole > 0 && whole < DAY_S) {
        small_within(a, (int)(whole / 60));
        return;
    }
    if (said->clock_count > 0 || within || whole < 1) {
        not_whole(a);
    }
    if (whole % 3600 == 0) {
        interval(a, whole / 3600, 'h');
    } else if (whole % 60 == 0) {
        interval(a, whole / 60, 'm');
    } else {
        interval(a, whole, 's');
    }
    a->out->first_ms = said->has_starting ? a->out->starts_ms : a->now_ms + whole * 1000;
}

/* Days of the month, as many as were said: "1,15"; "L" and "2#1" are lines of their own. */
static void by_month_days(struct again *a, nima_str months)
{
    const struct nima_time_said *said = a->said;
    char days[FIELD_CHARS] = "";
    for (int i = 0; i < said->day_count; i++) {
        const struct nima_day *day = &said->days[i];
        size_t used = strlen(days);
        if (day->kind == NIMA_DAY_DATE) {
            snprintf(days + used, sizeof(days) - used, "%s%d", used > 0 ? "," : "", day->day);
            a->out->short_months = a->out->short_months || day->day > 28;
            if (day->day < 1 || day->day > 31) {
                a->out->problem = NIMA_STR("there is no such day");
            }
        } else if (day->kind == NIMA_DAY_NTH) {
            nima_str nth = day->n == LAST ? nima_fmt(a->ctx, "%dL", day->weekday)
                                          : nima_fmt(a->ctx, "%d#%d", day->weekday, day->n);
            if (day->n < 1 || day->n > LAST) {
                a->out->problem = NIMA_STR("no month has so many weeks");
            }
            a->out->short_months = a->out->short_months || day->n == 5;
            lines_at_clocks(
                a, nima_fmt(a->ctx, "* " NIMA_FMT " " NIMA_FMT, NIMA_ARG(months), NIMA_ARG(nth)));
        } else if (day->kind == NIMA_DAY_LAST) {
            lines_at_clocks(a, nima_fmt(a->ctx, "L " NIMA_FMT " *", NIMA_ARG(months)));
        } else {
            not_whole(a);
        }
    }
    if (said->day_count == 0) {
        snprintf(days, sizeof(days), "%d", a->now.day);
        a->out->short_months = a->now.day > 28;
    }
    if (days[0] != '\0') {
        lines_at_clocks(a, nima_fmt(a->ctx, "%s " NIMA_FMT " *", days, NIMA_ARG(months)));
    }
    a->out->whole = a->out->whole && said->except_weekdays == 0;
}

/* Every so many months, counted from this one (or the one in which it starts). */
static void by_months(struct again *a, int count)
{
    char months[FIELD_CHARS] = "";
    int64_t start_s = a->out->starts_ms != 0 ? a->out->starts_ms / 1000 : a->now_ms / 1000;
    struct nima_civil start;
    nima_civil_of(start_s + nima_zone_offset_s(a->zone, start_s), &start);
    if (count < 1 || 12 % count != 0) {
        not_whole(a);
        return;
    }
    int first = (start.month - 1) % count + 1;
    for (int month = first; count > 1 && month <= 12; month += count) {
        size_t used = strlen(months);
        snprintf(months + used, sizeof(months) - used, "%s%d", used > 0 ? "," : "", month);
    }
    by_month_days(a, count > 1 ? nima_fmt(a->ctx, "%s", months) : NIMA_STR("*"));
}

static void by_year(struct again *a)
{
    const struct nima_time_said *said = a->said;
    static const int longest[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int i = 0; i < said->day_count; i++) {
        struct nima_day day = said->days[i];
        struct nima_day_span span = {0, 0, false};
        if (day.kind == NIMA_DAY_HOLIDAY) {
            bool fixed = !nima_str_starts(day.holiday, NIMA_STR("easter")) &&
                         nima_day_resolve(&day, a->today, &span);
            struct nima_civil at;
            nima_civil_of(span.first * DAY_S, &at);
            day.month = at.month;
            day.day = at.day;
            a->out->whole = a->out->whole && fixed && day.holiday.len <= 5;
        } else if (day.kind != NIMA_DAY_DATE || day.month < 1 || day.month > 12) {
            not_whole(a);
            continue;
        }
        if (day.day < 1 || day.day > longest[day.month]) {
            a->out->problem = NIMA_STR("there is no such day");
        }
        a->out->short_months = a->out->short_months || (day.month == 2 && day.day == 29);
        lines_at_clocks(a, nima_fmt(a->ctx, "%d %d *", day.day, day.month));
    }
    if (said->day_count == 0) {
        lines_at_clocks(a, nima_fmt(a->ctx, "%d %d *", a->now.day, a->now.month));
    }
}

static void by_every(struct again *a)
{
    const struct nima_time_said *said = a->said;
    double n = said->every;
    int count = (int)n;
    unsigned bits = said->weekdays;
    bool one = __builtin_popcount(bits) <= 1;
    if (n != floor(n) && said->unit > NIMA_UNIT_HOUR) {
        not_whole(a);
    }
    switch (said->unit) {
    case NIMA_UNIT_SECOND:
        by_small(a, n);
        break;
    case NIMA_UNIT_MINUTE:
        by_small(a, n * 60);
        break;
    case NIMA_UNIT_HOUR:
        by_small(a, n * 3600);
        break;
    case NIMA_UNIT_DAY:
        interval_days(a, count, 'd', -1);
        a->out->whole = a->out->whole && bits == 0;
        break;
    case NIMA_UNIT_WEEK:
        if (count == 1) {
            by_weekdays(a, bits != 0 ? bits : 1u << a->now.weekday);
            break;
        }
        interval_days(a, count, 'w', bits != 0 ? __builtin_ctz(bits) : -1);
        a->out->whole = a->out->whole && one;
        break;
    case NIMA_UNIT_MONTH:
        by_months(a, count);
        break;
    default:
        by_year(a);
        a->out->whole = a->out->whole && count == 1;
        break;
    }
}

/* Several days or times that come once: lines of their dates, until the last is over. */
static void by_list(struct again *a)
{
    const struct nima_time_said *said = a->said;
    int days = said->day_count > 0 ? said->day_count : 1;
    int64_t last = 0;
    a->out->times = 0;
    if (said->days_range || said->clocks_range) {
        not_whole(a);
    }
    for (int i = 0; i < days; i++) {
        struct nima_day today = {.kind = NIMA_DAY_OFFSET};
        const struct nima_day *day = said->day_count > 0 ? &said->days[i] : &today;
        struct nima_day_span span = {0, 0, false};
        struct nima_civil at;
        if (!nima_day_resolve(day, a->today, &span)) {
            a->out->problem = NIMA_STR("there is no such day");
            return;
        }
        a->out->whole = a->out->whole && span.first == span.last && !span.past;
        int64_t first = span.first;
        for (int c = 0; c < a->clock_count; c++) {
            int64_t moment = moment_ms(a, first, a->hours[c], a->minutes[c]);
            if (moment <= a->now_ms && said->day_count == 0) {
                moment = moment_ms(a, first + 1, a->hours[c], a->minutes[c]);
            } else if (moment <= a->now_ms && day->kind == NIMA_DAY_WEEKDAY) {
                moment = moment_ms(a, first + 7, a->hours[c], a->minutes[c]);
            }
            int64_t local = moment / 1000 + nima_zone_offset_s(a->zone, moment / 1000);
            nima_civil_of(local, &at);
            last = moment > last ? moment : last;
            a->out->times++;
            add_line(a, nima_fmt(a->ctx, "%d %d %d %d *", at.minute, at.hour, at.day, at.month));
        }
    }
    a->out->ends_ms = last;
    a->out->has_day = said->day_count > 0;
}

/* The ends */

static void set_ends(struct again *a)
{
    const struct nima_time_said *said = a->said;
    struct nima_day_span span = {0, 0, false};
    if (said->has_starting && said->has_starting_day) {
        if (!nima_day_resolve(&said->starting, a->today, &span)) {
            a->out->problem = NIMA_STR("there is no such day");
            return;
        }
        a->out->starts_ms = moment_ms(a, span.first, 0, 0);
    }
    if (said->has_starting_at) {
        struct nima_when at = {.kind = NIMA_WHEN_NONE};
        nima_clock_choose(&said->starting_at, said->part, &at);
        int64_t day = said->has_starting_day ? span.first : a->today;
        a->out->starts_ms = moment_ms(a, day, at.hour, at.minute);
        if (a->out->starts_ms <= a->now_ms && !said->has_starting_day) {
            a->out->starts_ms = moment_ms(a, day + 1, at.hour, at.minute);
        }
    }
    if (said->has_until && said->has_until_day) {
        if (!nima_day_resolve(&said->until, a->today, &span)) {
            a->out->problem = NIMA_STR("there is no such day");
            return;
        }
        a->out->ends_ms = moment_ms(a, span.last + 1, 0, 0) - 1;
    }
    if (said->has_until_at) {
        struct nima_when at = {.kind = NIMA_WHEN_NONE};
        nima_clock_choose(&said->until_at, said->part, &at);
        int64_t day = said->has_until_day ? span.last : a->today;
        a->out->ends_ms = moment_ms(a, day, at.hour, at.minute);
        if (a->out->ends_ms <= a->now_ms && !said->has_until_day) {
            a->out->ends_ms = moment_ms(a, day + 1, at.hour, at.minute);
        }
    }
}

/* "for a week": so long from its start. */
static void set_length(struct again *a)
{
    const struct nima_duration *d = &a->said->duration;
    if (!a->said->has_for && !a->said->has_within && !a->said->has_duration) {
        return;
    }
    int64_t from = a->out->starts_ms != 0 ? a->out->starts_ms : a->now_ms;
    int64_t local = from / 1000 + nima_zone_offset_s(a->zone, from / 1000);
    struct nima_civil at;
    nima_civil_of(local, &at);
    int months = at.year * 12 + at.month - 1 + d->months;
    int last = nima_month_days(months / 12, months % 12 + 1);
    at.year = months / 12;
    at.month = months % 12 + 1;
    at.day = at.day < last ? at.day : last;
    int64_t end = nima_civil_s(&at) + (int64_t)d->days * DAY_S + d->seconds;
    a->out->ends_ms = nima_zone_moment_s(a->zone, end) * 1000;
}

static void set_except(struct again *a)
{
    const struct nima_time_said *said = a->said;
    if (said->except_count == 0) {
        return;
    }
    a->out->except = NIMA_NEW(a->ctx->arena, int64_t, NIMA_WHEN_EXCEPT_MAX * 32);
    for (int i = 0; i < said->except_count; i++) {
        struct nima_day_span span = {0, 0, false};
        if (!nima_day_resolve(&said->except[i], a->today, &span) || span.last - span.first > 31) {
            not_whole(a);
            continue;
        }
        for (int64_t day = span.first; day <= span.last; day++) {
            a->out->except[a->out->except_count++] = day;
        }
    }
}

/* The first time after `after_ms` of all lines; 0: none. */
static int64_t next_of_lines(struct again *a, int64_t after_ms)
{
    int64_t first = 0, at;
    for (size_t i = 0; i < a->out->cron_count; i++) {
        struct nima_cron cron;
        if (nima_cron_read(a->ctx, a->out->crons[i], &cron) != NIMA_OK) {
            a->out->problem = NIMA_STR("there is no such day");
            return 0;
        }
        if (nima_cron_next(&cron, a->zone, after_ms, &at) && (first == 0 || at < first)) {
            first = at;
        }
    }
    return first;
}

static int64_t interval_ms(nima_str every)
{
    int64_t count = 0;
    char unit = every.ptr[every.len - 1];
    (void)nima_str_to_i64(nima_str_sub(every, 0, every.len - 1), &count);
    return count * 1000 *
           (unit == 's'   ? 1
            : unit == 'm' ? 60
            : unit == 'h' ? 3600
            : unit == 'd' ? DAY_S
                          : 7 * DAY_S);
}

/* "five times": until the fifth. */
static void end_after_times(struct again *a)
{
    struct nima_when *out = a->out;
    if (a->said->times < 1 || out->ends_ms != 0 || out->first_ms == 0) {
        return;
    }
    int64_t at = out->first_ms;
    for (int i = 1; i < a->said->times && at != 0; i++) {
        at = out->cron_count > 0 ? next_of_lines(a, at) : at + interval_ms(out->every);
    }
    out->ends_ms = at;
    out->whole = out->whole && at != 0;
}

static void find_first(struct again *a)
{
    struct nima_when *out = a->out;
    struct nima_error before = a->ctx->error;
    int64_t from = out->starts_ms > a->now_ms ? out->starts_ms - 1 : a->now_ms;
    if (out->cron_count > 0) {
        out->first_ms = next_of_lines(a, from);
    }
    end_after_times(a);
    a->ctx->error = before;
    out->at_ms = out->start_ms = out->first_ms;
    out->end_ms = out->ends_ms;
    if (out->problem.ptr == NULL && out->ends_ms != 0 &&
        (out->first_ms == 0 || out->first_ms > out->ends_ms)) {
        out->problem = NIMA_STR("it would never come");
    }
}

static void by_kind(struct again *a)
{
    const struct nima_time_said *said = a->said;
    switch (said->again) {
    case NIMA_AGAIN_WEEKDAYS:
        by_weekdays(a, said->weekdays);
        a->out->whole = a->out->whole && said->day_count == 0;
        break;
    case NIMA_AGAIN_EVERY:
        by_every(a);
        break;
    case NIMA_AGAIN_SECONDS:
        by_small(a, said->every);
        break;
    case NIMA_AGAIN_MONTH:
    case NIMA_AGAIN_NTH:
        by_month_days(a, NIMA_STR("*"));
        break;
    case NIMA_AGAIN_YEAR:
        by_year(a);
        break;
    case NIMA_AGAIN_LASTDAY:
        lines_at_clocks(a, NIMA_STR("L * *"));
        break;
    case NIMA_AGAIN_LASTWORKDAY:
        lines_at_clocks(a, NIMA_STR("LW * *"));
        break;
    default:
        by_list(a);
        break;
    }
}

void nima_when_again(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                     const struct nima_time_said *said, const struct nima_zone *zone,
                     struct nima_when *out)
{
    struct again *a = NIMA_NEW(ctx->arena, struct again, 1);
    *a = (struct again){
        .ctx = ctx, .said = said, .zone = zone, .out = out, .now_ms = setting->now_ms};
    int64_t local = a->now_ms / 1000 + nima_zone_offset_s(zone, a->now_ms / 1000);
    nima_civil_of(local, &a->now);
    a->today = local / DAY_S;
    out->kind = NIMA_WHEN_RECURRENCE;
    choose_clocks(a);
    set_ends(a);
    set_length(a);
    by_kind(a);
    set_except(a);
    if (said->has_after || said->has_ago || said->now) {
        not_whole(a);
    }
    out->crons = NIMA_NEW(ctx->arena, nima_str, a->line_count + 1);
    memcpy(out->crons, a->lines, a->line_count * sizeof(a->lines[0]));
    out->cron_count = a->line_count;
    find_first(a);
}
