#include "util/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"

enum {
    HEADER_BYTES = 44,
    FILE_BYTES_MAX = 1 << 20,
    TIMES_MAX = 10000,
    TYPES_MAX = 256,
    DAY_S = 86400,
    RULE_HOURS_MAX = 167
};

/* When daylight saving begins or ends in a year: the footer's "M3.5.0/2", "J60" or "59". */
struct rule {
    char kind; /* 'M', 'J', '0' */
    int month, week, day;
    int32_t time_s; /* local, may be negative or over a day */
};

struct nima_zone {
    const unsigned char *times; /* `count` moments of change, 8 bytes each, big-endian */
    const unsigned char *kinds; /* which type follows each */
    const unsigned char *types; /* `type_count` of 6 bytes */
    size_t count, type_count;
    /* After the last change. */
    bool has_tail, has_dst;
    int32_t std_s, dst_s;
    struct rule begins, ends;
};

static int64_t read_be(const unsigned char *at, int bytes)
{
    uint64_t value = (at[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return (int64_t)value;
}

/* The footer */

static bool take_number(nima_str *s, int max, int *out)
{
    int value = 0;
    size_t digits = 0;
    while (digits < s->len && digits < 4 && isdigit((unsigned char)s->ptr[digits])) {
        value = value * 10 + (s->ptr[digits++] - '0');
    }
    *s = nima_str_sub(*s, digits, s->len);
    *out = value;
    return digits > 0 && value <= max;
}

static bool take_char(nima_str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    *s = nima_str_sub(*s, 1, s->len);
    return true;
}

/* "[+-]hh[:mm[:ss]]" */
static bool take_time(nima_str *s, int32_t *out)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = take_char(s, '-');
    if (!negative) {
        take_char(s, '+');
    }
    bool ok = take_number(s, RULE_HOURS_MAX, &hours);
    if (ok && take_char(s, ':')) {
        ok = take_number(s, 59, &minutes);
    }
    if (ok && take_char(s, ':')) {
        ok = take_number(s, 59, &seconds);
    }
    *out = (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
    return ok;
}

static bool skip_name(nima_str *s)
{
    size_t len = 0;
    if (take_char(s, '<')) {
        size_t end = nima_str_find(*s, NIMA_STR(">"), 0);
        *s = nima_str_sub(*s, end == SIZE_MAX ? s->len : end + 1, s->len);
        return end != SIZE_MAX;
    }
    while (len < s->len && isalpha((unsigned char)s->ptr[len])) {
        len++;
    }
    *s = nima_str_sub(*s, len, s->len);
    return len >= 3;
}

static bool take_rule(nima_str *s, struct rule *out)
{
    *out = (struct rule){.kind = '0', .time_s = 2 * 3600};
    bool ok = take_char(s, ',');
    if (ok && take_char(s, 'M')) {
        out->kind = 'M';
        ok = take_number(s, 12, &out->month) && take_char(s, '.') &&
             take_number(s, 5, &out->week) && take_char(s, '.') && take_number(s, 6, &out->day) &&
             out->month >= 1 && out->week >= 1;
    } else if (ok) {
        out->kind = take_char(s, 'J') ? 'J' : '0';
        ok = take_number(s, 365, &out->day);
    }
    return ok && (!take_char(s, '/') || take_time(s, &out->time_s));
}

static bool read_tail(struct nima_zone *zone, nima_str s)
{
    int32_t west;
    if (s.len == 0) {
        return true; /* the last type goes on for ever */
    }
    if (!skip_name(&s) || !take_time(&s, &west)) {
        return false;
    }
    zone->has_tail = true;
    zone->std_s = -west;
    if (s.len == 0) {
        return true;
    }
    zone->has_dst = true;
    zone->dst_s = zone->std_s + 3600;
    if (!skip_name(&s)) {
        return false;
    }
    if (s.len > 0 && s.ptr[0] != ',') {
        if (!take_time(&s, &west)) {
            return false;
        }
        zone->dst_s = -west;
    }
    return take_rule(&s, &zone->begins) && take_rule(&s, &zone->ends) && s.len == 0;
}

/* The file */

struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

static bool read_header(nima_str data, size_t at, struct counts *out)
{
    if (data.len < at + HEADER_BYTES || memcmp(data.ptr + at, "TZif", 4) != 0) {
        return false;
    }
    const unsigned char *p = (const unsigned char *)data.ptr + at + 20;
    size_t *const fields[] = {&out->isut, &out->isstd, &out->leap,
                              &out->time, &out->type,  &out->chars};
    for (size_t i = 0; i < 6; i++) {
        int64_t value = read_be(p + 4 * i, 4);
        if (value < 0 || value > TIMES_MAX) {
            return false;
        }
        *fields[i] = (size_t)value;
    }
    return out->type >= 1 && out->type <= TYPES_MAX && out->leap == 0;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes)
{
    return c->time * (time_bytes + 1) + c->type * 6 + c->chars + c->isstd + c->isut;
}

static bool check_types(const struct nima_zone *zone)
{
    for (size_t i = 0; i < zone->count; i++) {
        if (zone->kinds[i] >= zone->type_count) {
            return false;
        }
    }
    for (size_t i = 0; i < zone->type_count; i++) {
        int64_t offset = read_be(zone->types + 6 * i, 4);
        if (offset < -2 * DAY_S || offset > 2 * DAY_S) {
            return false;
        }
    }
    return true;
}

/* Only the second part, with 64-bit times: every file of the last twenty years has it. */
static bool read_file(struct nima_zone *zone, nima_str data)
{
    struct counts c;
    if (!read_header(data, 0, &c) || data.ptr[4] < '2') {
        return false;
    }
    size_t at = HEADER_BYTES + block_bytes(&c, 4);
    if (!read_header(data, at, &c)) {
        return false;
    }
    at += HEADER_BYTES;
    size_t end = at + block_bytes(&c, 8);
    if (data.len < end + 2 || data.ptr[end] != '\n' || data.ptr[data.len - 1] != '\n') {
        return false;
    }
    zone->count = c.time;
    zone->type_count = c.type;
    zone->times = (const unsigned char *)data.ptr + at;
    zone->kinds = zone->times + 8 * c.time;
    zone->types = zone->kinds + c.time;
    return check_types(zone) && read_tail(zone, nima_str_sub(data, end + 1, data.len - 1));
}

static bool is_name(nima_str name)
{
    bool ok = name.len > 0 && name.len <= NIMA_ZONE_NAME_MAX && isalpha((unsigned char)name.ptr[0]);
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        ok = ok && (isalnum(c) || c == '_' || c == '-' || c == '+' || c == '/');
    }
    return ok && !nima_str_starts(name, NIMA_STR("right/")) &&
           !nima_str_starts(name, NIMA_STR("posix/"));
}

nima_rc nima_zone_load(struct nima_ctx *ctx, nima_str name, const struct nima_zone **out)
{
    struct nima_zone *zone = NIMA_NEW(ctx->arena, struct nima_zone, 1);
    nima_str data = {0};
    nima_rc rc = NIMA_E_NOT_FOUND;
    struct nima_error before = ctx->error;
    if (nima_str_eq(name, NIMA_STR("UTC"))) { /* also where there is no tzdata */
        zone->has_tail = true;
        *out = zone;
        return NIMA_OK;
    }
    if (is_name(name)) {
        rc = nima_file_read(ctx, nima_fmt(ctx, "/usr/share/zoneinfo/" NIMA_FMT, NIMA_ARG(name)).ptr,
                            FILE_BYTES_MAX, &data);
    }
    if (rc != NIMA_OK || !read_file(zone, data)) {
        ctx->error = before;
        return nima_fail_field(ctx, NIMA_E_INVALID, "timezone",
                               "\"" NIMA_FMT "\" is no time zone that this machine knows; write it "
                               "like Europe/Berlin",
                               NIMA_ARG(nima_utf8_prefix(name, NIMA_ZONE_NAME_MAX)));
    }
    *out = zone;
    return NIMA_OK;
}

/* Days and parts of a day */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* civil_from_days of Howard Hinnant, as nima_days_of is days_from_civil. */
void nima_civil_of(int64_t local_s, struct nima_civil *out)
{
    int64_t days = floor_div(local_s, DAY_S);
    int rest = (int)(local_s - days * DAY_S);
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t of_era = z - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    int month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *out = (struct nima_civil){.year = (int)(year_of_era + era * 400 + (month <= 2)),
                               .month = month,
                               .day = (int)(of_year - (153 * shifted + 2) / 5 + 1),
                               .hour = rest / 3600,
                               .minute = rest / 60 % 60,
                               .second = rest % 60,
                               .weekday = (int)((days % 7 + 11) % 7)};
}

int64_t nima_civil_s(const struct nima_civil *civil)
{
    return nima_days_of(civil->year, civil->month, civil->day) * DAY_S +
           (int64_t)civil->hour * 3600 + civil->minute * 60 + civil->second;
}

int nima_month_days(int year, int month)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Offsets */

/* The local seconds at which a rule's day begins, and its time. */
static int64_t rule_local_s(const struct rule *rule, int year)
{
    int64_t day = nima_days_of(year, 1, 1) + rule->day;
    bool leap = nima_month_days(year, 2) == 29;
    if (rule->kind == 'J') { /* 1..365, 29 February is not counted */
        day -= leap && rule->day >= 60 ? 0 : 1;
    } else if (rule->kind == 'M') {
        int64_t first = nima_days_of(year, rule->month, 1);
        int weekday = (int)((first % 7 + 11) % 7);
        int date = 1 + (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
        date -= date > nima_month_days(year, rule->month) ? 7 : 0;
        day = first + date - 1;
    }
    return day * DAY_S + rule->time_s;
}

static int32_t tail_offset_s(const struct nima_zone *zone, int64_t unix_s)
{
    if (!zone->has_dst) {
        return zone->std_s;
    }
    struct nima_civil local;
    nima_civil_of(unix_s + zone->std_s, &local);
    int64_t begins = rule_local_s(&zone->begins, local.year) - zone->std_s;
    int64_t ends = rule_local_s(&zone->ends, local.year) - zone->dst_s;
    bool summer =
        begins < ends ? unix_s >= begins && unix_s < ends : unix_s >= begins || unix_s < ends;
    return summer ? zone->dst_s : zone->std_s;
}

static int32_t type_offset_s(const struct nima_zone *zone, size_t type)
{
    return (int32_t)read_be(zone->types + 6 * type, 4);
}

int32_t nima_zone_offset_s(const struct nima_zone *zone, int64_t unix_s)
{
    size_t low = 0, high = zone->count; /* changes at or before the moment */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (read_be(zone->times + 8 * middle, 8) <= unix_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == zone->count && zone->has_tail) {
        return tail_offset_s(zone, unix_s);
    }
    return type_offset_s(zone, low > 0 ? zone->kinds[low - 1] : 0);
}

int64_t nima_zone_moment_s(const struct nima_zone *zone, int64_t local_s)
{
    /* No zone is a day away from UTC, and none changes twice within two days. */
    int64_t before = local_s - DAY_S, after = local_s + DAY_S;
    int32_t early = nima_zone_offset_s(zone, before), late = nima_zone_offset_s(zone, after);
    int64_t moment = local_s - (early > late ? early : late);
    int64_t other = local_s - (early > late ? late : early);
    if (nima_zone_offset_s(zone, moment) == local_s - moment) {
        return moment;
    }
    if (nima_zone_offset_s(zone, other) == local_s - other) {
        return other;
    }
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        if (nima_zone_offset_s(zone, middle) == early) {
            before = middle;
        } else {
            after = middle;
        }
    }
    return after;
}

/* The machine's own */

static bool loads(struct nima_ctx *ctx, nima_str name)
{
    const struct nima_zone *zone;
    struct nima_error before = ctx->error;
    bool ok = name.len > 0 && nima_zone_load(ctx, name, &zone) == NIMA_OK;
    ctx->error = before;
    return ok;
}

nima_str nima_zone_server(struct nima_ctx *ctx)
{
    enum { PATH_MAX_BYTES = 256 };
    nima_str name = nima_str_of(getenv("TZ"));
    if (nima_str_starts(name, NIMA_STR(":"))) {
        name = nima_str_sub(name, 1, name.len);
    }
    if (name.len > 0) {
        return loads(ctx, name) ? nima_str_copy(ctx->arena, name) : NIMA_STR("UTC");
    }
    struct nima_error before = ctx->error;
    bool there = nima_file_read(ctx, "/etc/timezone", PATH_MAX_BYTES, &name) == NIMA_OK;
    ctx->error = before;
    name = nima_str_trim(name);
    if (there && loads(ctx, name)) {
        return name;
    }
    char target[PATH_MAX_BYTES];
    ssize_t length = readlink("/etc/localtime", target, sizeof(target));
    nima_str path = {target, length > 0 ? (size_t)length : 0};
    size_t at = nima_str_find(path, NIMA_STR("/zoneinfo/"), 0);
    name = at == SIZE_MAX ? NIMA_STR("") : nima_str_sub(path, at + 10, path.len);
    return loads(ctx, name) ? nima_str_copy(ctx->arena, name) : NIMA_STR("UTC");
}
