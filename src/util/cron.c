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

/* A step that is a whole round ("*\/60") would come once, at 0: what is meant is the next field. */
static bool is_round(const struct kind *kind, nima_str part)
{
    return (kind == &kinds[0] && nima_str_eq(part, NIMA_STR("*/60"))) ||
           (kind == &kinds[1] && nima_str_eq(part, NIMA_STR("*/24")));
}

static nima_rc refuse(struct nima_ctx *ctx, const struct kind *kind, nima_str part)
{
    if (is_round(kind, part)) {
        bool hour = kind == &kinds[0];
        return nima_fail_field(
            ctx, NIMA_E_INVALID, "cron",
            "\"" NIMA_FMT "\" steps over the whole %s; write \"%s\" for every %s", NIMA_ARG(part),
            hour ? "hour" : "day", hour ? "0 * * * *" : "0 0 * * *", hour ? "hour" : "day");
    }
    return nima_fail_field(ctx, NIMA_E_INVALID, "cron",
                           "the %s of this cron line cannot be \"" NIMA_FMT
                           "\": it takes %d..%d%s, lists, ranges and steps%s",
                           kind->name, NIMA_ARG(nima_utf8_prefix(part, 40)), kind->low, kind->high,
                           kind->words == NULL ? "" : ", names",
                           kind == &kinds[2]   ? ", L and W"
                           : kind == &kinds[4] ? ", # and L"
                                               : "");
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
        if (!read_value(kind, left, &low) || !read_value(kind, range, &high)) {
            return false;
        }
        if (low > high) { /* "fri-mon", "22-6": over the end */
            int last = kind == &kinds[4] ? 6 : kind->high;
            high += last - kind->low + 1;
            bool round = kind->words != NULL || kind == &kinds[1];
            for (int i = low; round && i <= high; i += step) {
                *bits |= UINT64_C(1) << (i > last ? i - last - 1 + kind->low : i);
            }
            return round;
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

static bool ends_in(nima_str text, char letter)
{
    return text.len > 0 && (text.ptr[text.len - 1] | 32) == (letter | 32);
}

/* "L", "L-2", "LW", "15W" */
static bool read_day_word(nima_str part, struct nima_cron *out)
{
    static const struct kind before = {"day", 1, 30, NULL};
    int day;
    if (nima_str_eq_nocase(part, NIMA_STR("lw")) || nima_str_eq_nocase(part, NIMA_STR("wl"))) {
        out->last_workday = true;
        return true;
    }
    if (nima_str_eq_nocase(part, NIMA_STR("l"))) {
        out->before_last |= 1;
        return out->last_day = true;
    }
    if (part.len > 2 && nima_str_starts_nocase(part, NIMA_STR("l-")) &&
        read_value(&before, nima_str_sub(part, 2, part.len), &day)) {
        out->before_last |= 1u << day;
        return out->last_day = true;
    }
    if (ends_in(part, 'w') && read_value(&kinds[2], nima_str_sub(part, 0, part.len - 1), &day)) {
        out->near |= 1u << day;
        return true;
    }
    return false;
}

/* "1#2", "fri#L", "5L" */
static bool read_weekday_word(nima_str part, struct nima_cron *out)
{
    static const struct kind nths = {"week", 1, 5, NULL};
    size_t sign = nima_str_find(part, NIMA_STR("#"), 0);
    nima_str day_text = nima_str_sub(part, 0, sign != SIZE_MAX ? sign : part.len - 1);
    nima_str nth_text = sign != SIZE_MAX ? nima_str_sub(part, sign + 1, part.len) : NIMA_STR("L");
    int day, nth = 6;
    if ((sign == SIZE_MAX && !ends_in(part, 'l')) || !read_value(&kinds[4], day_text, &day) ||
        (!nima_str_eq_nocase(nth_text, NIMA_STR("l")) && !read_value(&nths, nth_text, &nth))) {
        return false;
    }
    out->nth[day % 7] |= (uint8_t)(1u << nth);
    out->has_nth = true;
    return true;
}

static bool read_word(const struct kind *kind, nima_str part, struct nima_cron *out)
{
    return (kind == &kinds[2] && read_day_word(part, out)) ||
           (kind == &kinds[4] && part.len > 1 && read_weekday_word(part, out));
}

static nima_rc read_field(struct nima_ctx *ctx, const struct kind *kind, nima_str field,
                          struct nima_cron *cron, uint64_t *out)
{
    uint64_t bits = 0;
    nima_str rest = nima_str_eq(field, NIMA_STR("?")) ? NIMA_STR("*") : field, part;
    while (nima_str_next(&rest, ',', &part)) {
        if (!read_part(kind, part, &bits) && !read_word(kind, part, cron)) {
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

/* A weekday that is the nearest to one that is meant: a Friday before it, a Monday behind it. */
static bool is_near(const struct nima_cron *cron, const struct nima_civil *date, int last)
{
    int wd = date->weekday, day = date->day;
    if (wd == 0 || wd == 6) {
        return false;
    }
    uint32_t near = cron->near;
    bool here = (near >> day & 1) != 0;
    bool friday = wd == 5 && day < 31 && (near >> (day + 1) & 1) != 0 && day + 1 <= last;
    bool monday = wd == 1 && day > 1 && (near >> (day - 1) & 1) != 0;
    bool first = wd == 1 && day == 3 && (near >> 1 & 1) != 0;         /* Saturday the 1st */
    bool end = wd == 5 && day == last - 2 && (near >> last & 1) != 0; /* Sunday the last */
    return here || friday || monday || first || end;
}

static bool is_special(const struct nima_cron *cron, const struct nima_civil *date)
{
    int last = nima_month_days(date->year, date->month);
    if (cron->last_day && (cron->before_last >> (last - date->day) & 1) != 0) {
        return true;
    }
    int back = last - date->day, wd = date->weekday;
    if (cron->last_workday && wd >= 1 && wd <= 5 && (back == 0 || (wd == 5 && back <= 2))) {
        return true;
    }
    return cron->near != 0 && is_near(cron, date, last);
}

static bool is_nth(const struct nima_cron *cron, const struct nima_civil *date)
{
    unsigned bits = cron->nth[date->weekday];
    bool last = date->day + 7 > nima_month_days(date->year, date->month);
    return (bits >> ((date->day - 1) / 7 + 1) & 1) != 0 || (last && (bits >> 6 & 1) != 0);
}

static bool is_day(const struct nima_cron *cron, const struct nima_civil *date)
{
    bool special = cron->last_day || cron->last_workday || cron->near != 0;
    bool day = (cron->days >> date->day & 1) != 0 || (special && is_special(cron, date));
    bool weekday =
        (cron->weekdays >> date->weekday & 1) != 0 || (cron->has_nth && is_nth(cron, date));
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
    struct nima_cron cron = {.minutes = 0};
    for (size_t i = 0; i < FIELDS; i++) {
        NIMA_TRY(read_field(ctx, &kinds[i], fields[i], &cron, &bits[i]));
    }
    cron.minutes = bits[0];
    cron.hours = (uint32_t)bits[1];
    cron.days = (uint32_t)bits[2];
    cron.months = (uint32_t)bits[3];
    cron.weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 127);
    cron.any_day = fields[2].ptr[0] == '*' || fields[2].ptr[0] == '?';
    cron.any_weekday = fields[4].ptr[0] == '*' || fields[4].ptr[0] == '?';
    cron.elapsed = fields[0].ptr[0] == '*' || fields[1].ptr[0] == '*';
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
