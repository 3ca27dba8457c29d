/* From a time as it was said to a time on somebody's clocks. */
#include <stdio.h>
#include <string.h>

#include "schedules/said_int.h"
#include "util/clock.h"
#include "util/zone.h"

enum {
    DAY_S = 86400,
    MORNING = 9,
    AFTERNOON = 15,
    EVENING = 19,
    NIGHT = 21,
    FIRST_HOUR = 7, /* of the day, as people mean it by a bare number */
    AFTER_MAX_S = 366 * DAY_S,
    LEAP_YEARS = 8
};

static const char *const weekday_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                            "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};

struct clock {
    const struct nima_zone *zone;
    int64_t now_ms;
    struct nima_civil now; /* local */
};

/* The hour that is meant; a bare 1..12 is taken as day people mean it. */
static void choose_hour(const struct nima_said_time *time, struct nima_said_when *out)
{
    int part = time->part;
    out->hour = time->hour;
    out->minute = time->minute;
    if (!time->has_hour) {
        out->guessed_time = true;
        out->hour = part == 'a' ? AFTERNOON : part == 'e' ? EVENING : part == 'n' ? NIGHT : MORNING;
        out->minute = 0;
    } else if (!time->exact && part == 'm') {
        out->hour %= 12;
    } else if (!time->exact && part != 0) {
        bool small = part == 'n' && (time->hour < 5 || time->hour == 12);
        out->hour = small ? time->hour % 12 : time->hour % 12 + 12;
    } else if (!time->exact) {
        out->guessed_half = true;
        out->hour = time->hour < FIRST_HOUR ? time->hour + 12 : time->hour;
    }
}

static int64_t local_s(const struct nima_civil *day, int offset, int hour, int minute)
{
    struct nima_civil at = {
        .year = day->year, .month = day->month, .day = day->day, .hour = hour, .minute = minute};
    return nima_civil_s(&at) + (int64_t)offset * DAY_S;
}

static int64_t moment_ms(const struct clock *clock, int64_t local)
{
    return nima_zone_moment_s(clock->zone, local) * 1000;
}

/* A bare number without a day: the next time the clock shows it, at a time people are up. */
static void choose_next(const struct clock *clock, const struct nima_said_time *time,
                        struct nima_said_when *out)
{
    int64_t at = moment_ms(clock, local_s(&clock->now, 0, out->hour, out->minute));
    int hours[2] = {time->hour % 12, time->hour % 12 + 12};
    for (int i = 0; out->guessed_half && i < 2; i++) {
        int64_t candidate = moment_ms(clock, local_s(&clock->now, 0, hours[i], out->minute));
        if (hours[i] >= FIRST_HOUR && candidate > clock->now_ms) {
            at = candidate;
            out->hour = hours[i];
            break;
        }
    }
    if (at <= clock->now_ms) {
        at = moment_ms(clock, local_s(&clock->now, 1, out->hour, out->minute));
    }
    out->when.at = at;
    out->when.has_at = true;
}

static bool on_date(const struct clock *clock, const struct nima_said_time *time,
                    struct nima_said_when *out)
{
    struct nima_civil day = clock->now;
    for (int i = 0; i < 12 * LEAP_YEARS; i++) {
        int year = clock->now.year + i, month = time->month;
        if (month == 0) {
            month = (clock->now.month - 1 + i) % 12 + 1;
            year = clock->now.year + (clock->now.month - 1 + i) / 12;
        }
        year = time->year != 0 ? time->year : year;
        if (time->day > nima_month_days(year, month)) {
            if (time->year != 0) {
                return false;
            }
            continue;
        }
        day.year = year;
        day.month = month;
        day.day = time->day;
        out->when.at = moment_ms(clock, local_s(&day, 0, out->hour, out->minute));
        out->when.has_at = true;
        if (out->when.at > clock->now_ms || time->year != 0) {
            return out->when.at > clock->now_ms;
        }
    }
    return false;
}

static int days_to(const struct clock *clock, int weekday)
{
    return (weekday - clock->now.weekday + 7) % 7;
}

static bool once(const struct clock *clock, const struct nima_said_time *time,
                 struct nima_said_when *out)
{
    if (time->after_s != 0) {
        out->guessed_time = false;
        out->when.at = clock->now_ms + time->after_s * 1000;
        out->when.has_at = true;
        return time->after_s <= AFTER_MAX_S;
    }
    if (time->after_days != 0 && !time->has_hour && time->part == 0) {
        out->guessed_time = false;
        out->when.at = moment_ms(
            clock, local_s(&clock->now, time->after_days, clock->now.hour, clock->now.minute));
        out->when.has_at = true;
        return true;
    }
    if (!time->has_day) {
        choose_next(clock, time, out);
        return true;
    }
    if (time->day != 0) {
        return on_date(clock, time, out);
    }
    int offset = time->day_offset + time->after_days;
    if (time->weekday >= 0) {
        offset = days_to(clock, time->weekday);
        offset += offset == 0 && time->next_week ? 7 : 0;
    }
    out->when.at = moment_ms(clock, local_s(&clock->now, offset, out->hour, out->minute));
    out->when.has_at = true;
    if (out->when.at <= clock->now_ms && time->weekday >= 0) {
        out->when.at = moment_ms(clock, local_s(&clock->now, 7, out->hour, out->minute));
    }
    if (out->when.at <= clock->now_ms && out->guessed_half && out->hour < 12) {
        out->hour += 12; /* "today at 9", said at noon */
        out->when.at = moment_ms(clock, local_s(&clock->now, offset, out->hour, out->minute));
    }
    return out->when.at > clock->now_ms;
}

static nima_str weekdays_text(struct nima_ctx *ctx, unsigned bits)
{
    if (bits == 127 || bits == 62 || bits == 65) {
        return bits == 127  ? NIMA_STR("day")
               : bits == 62 ? NIMA_STR("weekday")
                            : NIMA_STR("Saturday and Sunday");
    }
    nima_str text = NIMA_STR("");
    int left = __builtin_popcount(bits);
    for (int i = 1; i <= 7; i++) {
        if ((bits >> i % 7 & 1) == 0) {
            continue;
        }
        left--;
        text = nima_fmt(ctx, NIMA_FMT "%s%s", NIMA_ARG(text), weekday_names[i % 7],
                        left > 1 ? ", " : (left == 1 ? " and " : ""));
    }
    return text;
}

static nima_str weekdays_cron(struct nima_ctx *ctx, unsigned bits)
{
    nima_str text = NIMA_STR("");
    for (int i = 0; i < 7 && bits != 127; i++) {
        if ((bits >> i & 1) != 0) {
            text = nima_fmt(ctx, NIMA_FMT "%s%d", NIMA_ARG(text), text.len > 0 ? "," : "", i);
        }
    }
    return text.len > 0 ? text : NIMA_STR("*");
}

static void by_weekdays(struct nima_ctx *ctx, unsigned bits, struct nima_said_when *out)
{
    nima_str cron = weekdays_cron(ctx, bits), text = weekdays_text(ctx, bits);
    out->when.cron = nima_fmt(ctx, "%d %d * * " NIMA_FMT, out->minute, out->hour, NIMA_ARG(cron));
    out->repeating =
        nima_fmt(ctx, "every " NIMA_FMT " at %02d:%02d", NIMA_ARG(text), out->hour, out->minute);
}

static bool by_interval(struct nima_ctx *ctx, const struct clock *clock,
                        const struct nima_said_time *time, struct nima_said_when *out)
{
    static const char names[] = "smhdw";
    static const char *const units[] = {"second", "minute", "hour", "day", "week"};
    const char *unit = units[strchr(names, time->unit) - names];
    bool plain = !time->has_hour && time->part == 0 && time->weekday < 0;
    if (time->count == 1 && (time->unit == 'd' || (time->unit == 'w' && time->weekday < 0))) {
        unsigned today = 1u << clock->now.weekday;
        by_weekdays(ctx, time->unit == 'd' ? 127 : today, out);
        return true;
    }
    out->when.every = nima_fmt(ctx, "%d%c", time->count, time->unit);
    nima_str text = time->count == 1 ? nima_fmt(ctx, "every %s", unit)
                                     : nima_fmt(ctx, "every %d %ss", time->count, unit);
    out->repeating = text;
    if (time->unit != 'd' && time->unit != 'w') {
        out->guessed_time = false;
        out->guessed_half = false;
        return !time->has_hour;
    }
    if (plain) {
        out->guessed_time = false;
        return true;
    }
    int offset = time->weekday >= 0 ? days_to(clock, time->weekday) : 0;
    out->first_at = moment_ms(clock, local_s(&clock->now, offset, out->hour, out->minute));
    if (out->first_at <= clock->now_ms) {
        offset += time->weekday >= 0 ? 7 : 1;
        out->first_at = moment_ms(clock, local_s(&clock->now, offset, out->hour, out->minute));
    }
    out->repeating =
        nima_fmt(ctx, NIMA_FMT " at %02d:%02d", NIMA_ARG(text), out->hour, out->minute);
    return true;
}

static bool repeated(struct nima_ctx *ctx, const struct clock *clock,
                     const struct nima_said_time *time, struct nima_said_when *out)
{
    int day = time->day != 0 ? time->day : clock->now.day;
    int month = time->month != 0 ? time->month : clock->now.month;
    switch (time->repeat) {
    case NIMA_REPEAT_INTERVAL:
        return by_interval(ctx, clock, time, out);
    case NIMA_REPEAT_WEEKDAYS:
        by_weekdays(ctx, time->weekdays, out);
        return true;
    case NIMA_REPEAT_MONTH:
        out->when.cron = nima_fmt(ctx, "%d %d %d * *", out->minute, out->hour, day);
        out->repeating =
            nima_fmt(ctx, "on day %d of every month at %02d:%02d", day, out->hour, out->minute);
        return true;
    default:
        out->when.cron = nima_fmt(ctx, "%d %d %d %d *", out->minute, out->hour, day, month);
        out->repeating = nima_fmt(ctx, "every year on %d %s at %02d:%02d", day,
                                  month_names[month - 1], out->hour, out->minute);
        return day <= (month == 2 ? 29 : nima_month_days(2001, month));
    }
}

bool nima_said_resolve(struct nima_ctx *ctx, const struct nima_said_time *time,
                       const struct nima_zone *zone, int64_t now_ms, struct nima_said_when *out)
{
    struct clock clock = {.zone = zone, .now_ms = now_ms};
    nima_civil_of(now_ms / 1000 + nima_zone_offset_s(zone, now_ms / 1000), &clock.now);
    *out = (struct nima_said_when){0};
    choose_hour(time, out);
    if (time->repeat != NIMA_REPEAT_NONE) {
        return repeated(ctx, &clock, time, out);
    }
    return once(&clock, time, out);
}
