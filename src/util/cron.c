#include "util/cron.h"

#include <ctype.h>
#include <string.h>

#include "util/clock.h"
#include "util/zone.h"

enum { DAY_S = 86400, LOOK_DAYS = 50 * 366, FIELDS = 5 };

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                     "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

/* What a field may hold. */
struct kind {
    const char *name;
    int low, high;
    const char *const *words; /* the first means `low` */
};
static const struct kind kinds[FIELDS] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of the month", 1, 31, NULL},
    {"month", 1, 12, months},
    {"day of the week", 0, 7, weekdays},
};

static nima_rc refuse(struct nima_ctx *ctx, const struct kind *kind, nima_str part)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "cron",
                           "the %s of this cron line cannot be \"" NIMA_FMT
                           "\": it takes %d..%d%s, lists, ranges and steps",
                           kind->name, NIMA_ARG(nima_utf8_prefix(part, 40)), kind->low, kind->high,
                           kind->words == NULL ? "" : ", names");
}

static bool read_value(const struct kind *kind, nima_str text, int *out)
{
    int64_t value;
    for (int i = 0; kind->words != NULL && kind->words[i] != NULL; i++) {
        if (nima_str_eq_nocase(text, nima_str_of(kind->words[i]))) {
            *out = kind->low + i;
            return true;
        }
    }
    bool digits = text.len > 0 && text.len <= 2;
    for (size_t i = 0; i < text.len; i++) {
        digits = digits && isdigit((unsigned char)text.ptr[i]);
    }
    if (!digits || !nima_str_to_i64(text, &value) || value < kind->low || value > kind->high) {
        return false;
    }
    *out = (int)value;
    return true;
}

/* One of a list: "*", "5", "1-5", each with "/step". */
static bool read_part(const struct kind *kind, nima_str part, uint64_t *bits)
{
    static const struct kind steps = {"step", 1, 59, NULL};
    nima_str range = part, left;
    int step = 1, low = kind->low, high = kind->high;
    size_t slash = nima_str_find(part, NIMA_STR("/"), 0);
    if (slash != SIZE_MAX) {
        range = nima_str_sub(part, 0, slash);
        if (!read_value(&steps, nima_str_sub(part, slash + 1, part.len), &step) || step > high) {
            return false;
        }
    }
    if (nima_str_find(range, NIMA_STR("-"), 0) != SIZE_MAX) {
        nima_str_next(&range, '-', &left);
        if (!read_value(kind, left, &low) || !read_value(kind, range, &high) || low > high) {
            return false;
        }
    } else if (!nima_str_eq(range, NIMA_STR("*"))) {
        if (!read_value(kind, range, &low)) {
            return false;
        }
        high = slash == SIZE_MAX ? low : high;
    }
    for (int i = low; i <= high; i += step) {
        *bits |= UINT64_C(1) << i;
    }
    return true;
}

static nima_rc read_field(struct nima_ctx *ctx, const struct kind *kind, nima_str field,
                          uint64_t *out)
{
    uint64_t bits = 0;
    nima_str rest = field, part;
    while (nima_str_next(&rest, ',', &part)) {
        if (!read_part(kind, part, &bits)) {
            return refuse(ctx, kind, field);
        }
    }
    *out = bits;
    return NIMA_OK;
}

static nima_str of_nickname(nima_str text)
{
    static const char *const names[][2] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                                           {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                                           {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                                           {"@annually", "0 0 1 1 *"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (nima_str_eq_nocase(text, nima_str_of(names[i][0]))) {
            return nima_str_of(names[i][1]);
        }
    }
    return text;
}

static size_t cut(nima_str text, nima_str fields[FIELDS + 1])
{
    size_t count = 0, at = 0;
    while (count <= FIELDS) {
        while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t')) {
            at++;
        }
        size_t start = at;
        while (at < text.len && text.ptr[at] != ' ' && text.ptr[at] != '\t') {
            at++;
        }
        if (at == start) {
            break;
        }
        fields[count++] = nima_str_sub(text, start, at);
    }
    return count;
}

static bool is_day(const struct nima_cron *cron, const struct nima_civil *date)
{
    bool day = (cron->days >> date->day & 1) != 0;
    bool weekday = (cron->weekdays >> date->weekday & 1) != 0;
    bool both = cron->any_day || cron->any_weekday;
    return (cron->months >> date->month & 1) != 0 && (both ? day && weekday : day || weekday);
}

static bool ever(const struct nima_cron *cron)
{
    struct nima_civil date;
    for (int64_t day = 0; day < LOOK_DAYS; day++) {
        nima_civil_of(day * DAY_S, &date);
        if (is_day(cron, &date)) {
            return true;
        }
    }
    return false;
}

nima_rc nima_cron_read(struct nima_ctx *ctx, nima_str text, struct nima_cron *out)
{
    nima_str fields[FIELDS + 1];
    uint64_t bits[FIELDS];
    if (text.len > NIMA_CRON_CHARS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "cron", "a cron line has at most %d characters",
                               NIMA_CRON_CHARS_MAX);
    }
    if (cut(of_nickname(nima_str_trim(text)), fields) != FIELDS) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "cron",
                               "a cron line has five fields: minute, hour, day of the month, "
                               "month, day of the week; or it is @hourly, @daily, @weekly, "
                               "@monthly or @yearly");
    }
    for (size_t i = 0; i < FIELDS; i++) {
        NIMA_TRY(read_field(ctx, &kinds[i], fields[i], &bits[i]));
    }
    struct nima_cron cron = {.minutes = bits[0],
                             .hours = (uint32_t)bits[1],
                             .days = (uint32_t)bits[2],
                             .months = (uint32_t)bits[3],
                             .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 127),
                             .any_day = fields[2].ptr[0] == '*',
                             .any_weekday = fields[4].ptr[0] == '*',
                             .elapsed = fields[0].ptr[0] == '*' || fields[1].ptr[0] == '*'};
    if (!ever(&cron)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "cron",
                               "this cron line never comes: no month it names has such a day");
    }
    *out = cron;
    return NIMA_OK;
}

/* By the clock on the wall: each local time that is meant has one moment, in the same order. */
static bool next_by_clock(const struct nima_cron *cron, const struct nima_zone *zone,
                          int64_t after_s, int64_t *out)
{
    struct nima_civil date;
    int64_t day = (after_s + nima_zone_offset_s(zone, after_s)) / DAY_S - 1;
    for (int64_t end = day + LOOK_DAYS; day < end; day++) {
        nima_civil_of(day * DAY_S, &date);
        for (int at = 0; is_day(cron, &date) && at < 24 * 60; at++) {
            if ((cron->hours >> at / 60 & 1) == 0) {
                at += 59;
                continue;
            }
            if ((cron->minutes >> at % 60 & 1) == 0) {
                continue;
            }
            int64_t moment = nima_zone_moment_s(zone, day * DAY_S + at * 60);
            if (moment > after_s) {
                *out = moment;
                return true;
            }
        }
    }
    return false;
}

/* By elapsed time: each minute that passes is looked at, but for days and hours that are not
 * meant. */
static bool next_by_elapsed(const struct nima_cron *cron, const struct nima_zone *zone,
                            int64_t after_s, int64_t *out)
{
    int64_t end = after_s + (int64_t)LOOK_DAYS * DAY_S;
    int64_t now = after_s - after_s % 60 + 60;
    while (now < end) {
        struct nima_civil at;
        int32_t offset = nima_zone_offset_s(zone, now);
        nima_civil_of(now + offset, &at);
        if (!is_day(cron, &at)) {
            int64_t local = now + offset;
            int64_t morning = nima_zone_moment_s(zone, local - local % DAY_S + DAY_S);
            now = morning > now ? morning : now + 60;
            continue;
        }
        if ((cron->hours >> at.hour & 1) == 0) {
            int64_t hour = now + (60 - at.minute) * 60;
            now = nima_zone_offset_s(zone, hour - 60) == offset ? hour : now + 60;
            continue;
        }
        if ((cron->minutes >> at.minute & 1) != 0) {
            *out = now;
            return true;
        }
        now += 60;
    }
    return false;
}

bool nima_cron_next(const struct nima_cron *cron, const struct nima_zone *zone, int64_t after_ms,
                    int64_t *out_ms)
{
    int64_t after_s = after_ms / 1000, found;
    bool ok = cron->elapsed ? next_by_elapsed(cron, zone, after_s, &found)
                            : next_by_clock(cron, zone, after_s, &found);
    if (ok) {
        *out_ms = found * 1000;
    }
    return ok;
}
