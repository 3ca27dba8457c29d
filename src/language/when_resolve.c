/* A time as it was said to a moment, a day or a range on the person's clocks. */
#include "language/when_int.h"
#include "util/clock.h"

enum {
    DAY_S = 86400,
    MORNING = 9,
    AFTERNOON = 15,
    EVENING = 19,
    NIGHT = 21,
    FIRST_HOUR = 7, /* of the day, as people mean it by a bare number */
    YEARS_MAX = 200
};

struct place {
    const struct nima_zone *zone;
    int64_t now_ms;
    int64_t today; /* local day */
    struct nima_civil now;
};

static int64_t moment_ms(const struct place *p, int64_t day, int hour, int minute)
{
    return nima_zone_moment_s(p->zone, day * DAY_S + hour * 3600 + minute * 60) * 1000;
}

static int64_t end_of_day_ms(const struct place *p, int64_t day)
{
    return nima_zone_moment_s(p->zone, (day + 1) * DAY_S) * 1000 - 1;
}

/* A bare 1..12 is taken as day people mean it. */
void nima_clock_choose(const struct nima_clock *clock, int part, struct nima_when *out)
{
    part = clock != NULL && clock->part != 0 ? clock->part : part;
    out->guessed_half = false;
    if (clock == NULL) {
        out->guessed_time = true;
        out->hour = part == 'a' ? AFTERNOON : part == 'e' ? EVENING : part == 'n' ? NIGHT : MORNING;
        out->minute = 0;
        return;
    }
    out->hour = clock->hour;
    out->minute = clock->minute;
    bool evening =
        clock->part == 'a' || clock->part == 'e' || (clock->part == 'n' && clock->hour > 4);
    if (clock->exact && evening && clock->hour > 0 && clock->hour < 12) {
        out->hour += 12; /* "six heures du soir" */
        return;
    }
    if (clock->exact || clock->hour < 0) {
        return;
    }
    if (part == 'm') {
        out->hour %= 12;
    } else if (part != 0) {
        bool small = part == 'n' && (clock->hour < 5 || clock->hour == 12);
        out->hour = small ? clock->hour % 12 : clock->hour % 12 + 12;
    } else {
        out->guessed_half = true;
        out->hour = clock->hour < FIRST_HOUR ? clock->hour + 12 : clock->hour;
    }
}

/* A time without a day: the next time the clock shows it, at a time people are up. */
static void next_clock(const struct place *p, const struct nima_clock *clock, struct nima_when *out)
{
    if (out->hour < 0) {
        int hour = p->now.hour + (p->now.minute >= out->minute ? 1 : 0);
        out->at_ms = moment_ms(p, p->today, hour, out->minute);
        out->hour = hour % 24;
        return;
    }
    out->at_ms = moment_ms(p, p->today, out->hour, out->minute);
    int hours[2] = {clock->hour % 12, clock->hour % 12 + 12};
    for (int i = 0; out->guessed_half && i < 2; i++) {
        int64_t candidate = moment_ms(p, p->today, hours[i], out->minute);
        if (hours[i] >= FIRST_HOUR && candidate > p->now_ms) {
            out->at_ms = candidate;
            out->hour = hours[i];
            return;
        }
    }
    if (out->at_ms <= p->now_ms) {
        out->at_ms = moment_ms(p, p->today + 1, out->hour, out->minute);
    }
}

static void set_span(const struct place *p, const struct nima_day_span *span, struct nima_when *out)
{
    out->has_day = true;
    out->past = span->past;
    out->start_ms = nima_zone_moment_s(p->zone, span->first * DAY_S) * 1000;
    out->end_ms = end_of_day_ms(p, span->last);
    out->at_ms = moment_ms(p, span->first, out->hour, out->minute);
    out->kind = span->first == span->last ? NIMA_WHEN_DAY : NIMA_WHEN_RANGE;
}

/* A day with a time that is over: the next such day where the words leave it open. */
static void after_now(const struct place *p, const struct nima_day *day,
                      const struct nima_day_span *span, bool has_clock, struct nima_when *out)
{
    bool open = (day->kind == NIMA_DAY_WEEKDAY && day->mod == '\0') ||
                ((day->kind == NIMA_DAY_DATE || day->kind == NIMA_DAY_HOLIDAY) && day->year == 0);
    if (out->at_ms > p->now_ms || out->past) {
        return;
    }
    if (!has_clock && !out->has_time) {
        /* today, whose morning is over */
        int hour = p->now.hour < 23 ? p->now.hour + 1 : 23;
        out->at_ms = moment_ms(p, p->today, hour, 0);
        out->hour = hour;
        out->minute = 0;
        if (out->at_ms <= p->now_ms) {
            out->at_ms = p->now_ms + 60000;
        }
        return;
    }
    if (out->guessed_half && out->hour < 12 &&
        moment_ms(p, span->first, out->hour + 12, out->minute) > p->now_ms) {
        out->hour += 12; /* "today at 9", said at noon */
        out->at_ms = moment_ms(p, span->first, out->hour, out->minute);
        return;
    }
    struct nima_day_span next;
    if (open && nima_day_resolve(day, p->today + 1, &next)) {
        out->at_ms = moment_ms(p, next.first, out->hour, out->minute);
        out->start_ms = nima_zone_moment_s(p->zone, next.first * DAY_S) * 1000;
        out->end_ms = end_of_day_ms(p, next.last);
        return;
    }
    out->past = true;
}

static void no_such_day(struct nima_ctx *ctx, const struct nima_day *day, struct nima_when *out)
{
    static const char *const months[] = {"",        "January",  "February", "March",  "April",
                                         "May",     "June",     "July",     "August", "September",
                                         "October", "November", "December"};
    int month = day->month >= 1 && day->month <= 12 ? day->month : 0;
    out->problem = month == 0 ? NIMA_STR("there is no such day")
                   : day->year != 0
                       ? nima_fmt(ctx, "there is no %d %s %d", day->day, months[month], day->year)
                       : nima_fmt(ctx, "there is no %d %s", day->day, months[month]);
}

static bool in_days(struct nima_ctx *ctx, const struct place *p, const struct nima_time_said *said,
                    struct nima_when *out)
{
    const struct nima_day *day = &said->days[0];
    const struct nima_clock *clock = said->clock_count > 0 ? &said->clocks[0] : NULL;
    struct nima_day_span span, last;
    if (!nima_day_resolve(day, p->today, &span)) {
        no_such_day(ctx, day, out);
        return false;
    }
    nima_clock_choose(clock, said->part, out);
    if (out->hour < 0) {
        out->hour =
            span.first == p->today ? p->now.hour + (p->now.minute >= out->minute ? 1 : 0) : MORNING;
    }
    int part = clock != NULL && clock->part != 0 ? clock->part : said->part;
    bool today = day->kind == NIMA_DAY_OFFSET && day->n == 0;
    bool small = clock != NULL &&
                 ((out->hour < 5 && part == 'n') || (out->hour == 0 && (part == 'e' || today)));
    span.first += small ? 1 : 0; /* "tonight at 12", "today at midnight" */
    span.last += small ? 1 : 0;
    out->has_time = clock != NULL;
    out->named_month = day->kind == NIMA_DAY_MONTH && day->edge == NIMA_EDGE_WHOLE;
    set_span(p, &span, out);
    if (said->part != 0 && clock == NULL) {
        out->has_time = false;
    }
    if (said->days_range) {
        if (!nima_day_resolve(&said->days[1], p->today, &last)) {
            no_such_day(ctx, &said->days[1], out);
            return false;
        }
        while (last.last < span.first && said->days[1].kind == NIMA_DAY_WEEKDAY) {
            last.last += 7;
        }
        out->kind = NIMA_WHEN_RANGE;
        out->end_ms = end_of_day_ms(p, last.last);
        out->whole = out->whole && clock == NULL; /* each day, or the first? */
        return true;
    }
    after_now(p, day, &span, clock != NULL || said->part != 0, out);
    out->kind = clock != NULL ? NIMA_WHEN_MOMENT : out->kind;
    return true;
}

/* "from 3 to 5": the end takes its half of the day from the beginning, and the other way. */
static void clock_range(const struct place *p, const struct nima_time_said *said,
                        struct nima_when *out)
{
    struct nima_when end = {.kind = NIMA_WHEN_NONE};
    const struct nima_clock *first = &said->clocks[0], *second = &said->clocks[1];
    nima_clock_choose(second, said->part, &end);
    int64_t day = (out->at_ms / 1000 + nima_zone_offset_s(p->zone, out->at_ms / 1000)) / DAY_S;
    if (second->exact && !first->exact && first->part == 0 && said->part == 0) {
        int pm = first->hour % 12 + 12;
        out->hour = pm < end.hour ? pm : first->hour;
        out->at_ms = moment_ms(p, day, out->hour, out->minute);
    }
    int from = out->hour * 60 + out->minute, to = end.hour * 60 + end.minute;
    if (to <= from && !second->exact && end.hour < 12) {
        to += 12 * 60;
    }
    out->kind = NIMA_WHEN_RANGE;
    out->start_ms = out->at_ms;
    out->end_ms = moment_ms(p, day + (to <= from ? 1 : 0), to / 60, to % 60);
}

static void from_now(const struct place *p, const struct nima_time_said *said, int sign,
                     struct nima_when *out)
{
    const struct nima_duration *d = &said->duration;
    const struct nima_clock *clock = said->clock_count > 0 ? &said->clocks[0] : NULL;
    int64_t day = p->today + sign * (int64_t)d->days;
    out->from_now = true;
    if (d->months != 0) {
        int months = p->now.year * 12 + p->now.month - 1 + sign * d->months;
        int year = months / 12, month = months % 12 + 1;
        if (year < 1 || year > p->now.year + YEARS_MAX) {
            out->problem = NIMA_STR("that is too far away");
            return;
        }
        int last = nima_month_days(year, month);
        day = nima_days_of(year, month, p->now.day < last ? p->now.day : last) +
              sign * (int64_t)d->days;
    }
    bool days = d->months != 0 || d->days != 0;
    if (!days) {
        out->at_ms = p->now_ms + sign * d->seconds * 1000;
        out->has_time = true;
        out->kind = NIMA_WHEN_MOMENT;
    } else if (clock != NULL || said->part != 0) {
        nima_clock_choose(clock, said->part, out);
        out->at_ms = moment_ms(p, day, out->hour < 0 ? MORNING : out->hour, out->minute);
        out->has_time = clock != NULL;
        out->kind = clock != NULL ? NIMA_WHEN_MOMENT : NIMA_WHEN_DAY;
    } else {
        out->at_ms = moment_ms(p, day, p->now.hour, p->now.minute) + sign * d->seconds * 1000;
        out->kind = d->seconds != 0 ? NIMA_WHEN_MOMENT : NIMA_WHEN_DAY;
        out->has_time = d->seconds != 0;
    }
    out->has_day = days;
    out->past = sign < 0;
    int64_t local = (out->at_ms / 1000 + nima_zone_offset_s(p->zone, out->at_ms / 1000));
    struct nima_civil at;
    nima_civil_of(local, &at);
    out->hour = at.hour;
    out->minute = at.minute;
    out->start_ms = out->at_ms;
    out->end_ms = days ? end_of_day_ms(p, local / DAY_S) : out->at_ms;
}

static void once(struct nima_ctx *ctx, const struct place *p, const struct nima_time_said *said,
                 struct nima_when *out)
{
    const struct nima_clock *clock = said->clock_count > 0 ? &said->clocks[0] : NULL;
    if (said->now) {
        out->kind = NIMA_WHEN_MOMENT;
        out->at_ms = out->start_ms = out->end_ms = p->now_ms;
        out->has_time = true;
    } else if (said->has_after || said->has_within) {
        from_now(p, said, 1, out);
        out->by = out->by || said->has_within;
        out->whole = out->whole && said->day_count == 0;
    } else if (said->has_ago) {
        from_now(p, said, -1, out);
        out->whole = out->whole && said->day_count == 0;
    } else if (said->day_count > 0) {
        if (in_days(ctx, p, said, out) && said->clocks_range) {
            clock_range(p, said, out);
        }
    } else if (clock != NULL) {
        nima_clock_choose(clock, said->part, out);
        out->has_time = true;
        out->kind = NIMA_WHEN_MOMENT;
        next_clock(p, clock, out);
        out->start_ms = out->end_ms = out->at_ms;
        if (said->clocks_range) {
            clock_range(p, said, out);
        }
    } else if (said->part != 0) {
        nima_clock_choose(NULL, said->part, out);
        out->kind = NIMA_WHEN_DAY;
        out->at_ms = moment_ms(p, p->today, out->hour, 0);
        out->at_ms =
            out->at_ms <= p->now_ms ? moment_ms(p, p->today + 1, out->hour, 0) : out->at_ms;
        out->start_ms = out->at_ms;
        out->end_ms = out->at_ms;
    } else if (said->has_for || said->has_duration) {
        out->kind = NIMA_WHEN_DURATION;
    } else if (said->has_until) {
        struct nima_time_said end = {.day_count = said->has_until_day ? 1 : 0,
                                     .days = {said->until},
                                     .clock_count = said->has_until_at ? 1 : 0,
                                     .clocks = {said->until_at}};
        if (end.day_count + end.clock_count > 0) {
            once(ctx, p, &end, out);
        }
        out->by = true;
    }
    bool apart = said->has_duration && (said->by || said->day_count > 0 || clock != NULL);
    out->whole = out->whole && !apart; /* "two days before Christmas" */
    bool extra = said->has_until && out->kind != NIMA_WHEN_NONE && !out->by;
    bool aside = said->except_count > 0 || said->except_weekdays != 0 || said->times > 1 ||
                 (said->has_starting && said->day_count + said->clock_count > 0);
    out->whole = out->whole && !aside && !extra;
    if (said->has_starting && out->kind == NIMA_WHEN_NONE) {
        struct nima_time_said start = {.day_count = said->has_starting_day ? 1 : 0,
                                       .days = {said->starting},
                                       .clock_count = said->has_starting_at ? 1 : 0,
                                       .clocks = {said->starting_at}};
        if (start.day_count + start.clock_count > 0) {
            once(ctx, p, &start, out);
        }
    }
}

/* "Monday to Friday at 8" comes every week. */
static bool weekly(const struct nima_time_said *said, struct nima_time_said *out)
{
    bool days = said->days_range && said->clock_count > 0 && said->again == NIMA_AGAIN_NONE &&
                said->days[0].kind == NIMA_DAY_WEEKDAY && said->days[1].kind == NIMA_DAY_WEEKDAY &&
                said->days[0].mod == '\0' && said->day_count == 2;
    if (!days) {
        return false;
    }
    *out = *said;
    out->again = NIMA_AGAIN_WEEKDAYS;
    out->day_count = 0;
    out->days_range = false;
    int at = said->days[0].weekday;
    for (; at != said->days[1].weekday; at = (at + 1) % 7) {
        out->weekdays |= 1u << at;
    }
    out->weekdays |= 1u << at;
    return true;
}

void nima_when_resolve(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                       const struct nima_time_said *said, struct nima_when *out)
{
    struct place p = {.zone = setting->zone, .now_ms = setting->now_ms};
    nima_str zone_name = {NULL, 0};
    if (said->zone.ptr != NULL) {
        struct nima_error before = ctx->error;
        const struct nima_zone *named;
        if (nima_zone_load(ctx, said->zone, &named) == NIMA_OK) {
            p.zone = named;
            zone_name = said->zone;
        }
        ctx->error = before;
    }
    *out = (struct nima_when){.whole = !said->odd && !said->has_unread,
                              .zone_name = zone_name,
                              .by = said->by,
                              .duration = said->duration,
                              .times = said->times};
    int64_t local = p.now_ms / 1000 + nima_zone_offset_s(p.zone, p.now_ms / 1000);
    nima_civil_of(local, &p.now);
    p.today = (local - (local % DAY_S + DAY_S) % DAY_S) / DAY_S;
    struct nima_time_said *again = NIMA_NEW(ctx->arena, struct nima_time_said, 1);
    said = weekly(said, again) ? again : said;
    bool listed = (said->day_count > 1 && !said->days_range) ||
                  (said->clock_count > 1 && !said->clocks_range);
    if (said->again != NIMA_AGAIN_NONE || (listed && !said->has_after && !said->has_ago)) {
        nima_when_again(ctx, setting, said, p.zone, out);
    } else {
        once(ctx, &p, said, out);
    }
}
