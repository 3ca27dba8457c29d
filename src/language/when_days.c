/* Days as they are said to days of the calendar: "next Friday", "end of March", "Q2", Easter. */
#include <stdlib.h>

#include "language/when_int.h"
#include "util/clock.h"

enum { DAY_S = 86400, LAST = 6, YEARS_AHEAD = 9 };

static struct nima_civil civil_of(int64_t day)
{
    struct nima_civil out;
    nima_civil_of(day * DAY_S, &out);
    return out;
}

static int weekday_of(int64_t day)
{
    return civil_of(day).weekday;
}

static int64_t monday_of(int64_t day)
{
    return day - (weekday_of(day) + 6) % 7;
}

static void add_months(int *year, int *month, int count)
{
    int months = *year * 12 + *month - 1 + count;
    *year = months / 12;
    *month = months % 12 + 1;
}

/* Anonymous Gregorian algorithm (Meeus, Jones, Butcher). */
int64_t nima_easter(int year)
{
    int a = year % 19, b = year / 100, c = year % 100;
    int d = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    int e = (32 + 2 * (b % 4) + 2 * (c / 4) - d - c % 4) % 7;
    int f = d + e - 7 * ((a + 11 * d + 22 * e) / 451) + 114;
    return nima_days_of(year, f / 31, f % 31 + 1);
}

/* "easter-2", "12-25", "11-4-4" (the fourth Thursday of November), in that year. */
static int64_t holiday_in(nima_str name, int year)
{
    int64_t parts[3] = {0};
    int count = 0;
    nima_str rest = name, part;
    if (nima_str_starts(name, NIMA_STR("easter"))) {
        int64_t offset = 0;
        nima_str tail = nima_str_sub(name, 6, name.len);
        bool minus = tail.len > 0 && tail.ptr[0] == '-';
        if (tail.len > 1) {
            (void)nima_str_to_i64(nima_str_sub(tail, 1, tail.len), &offset);
        }
        return nima_easter(year) + (minus ? -offset : offset);
    }
    while (count < 3 && nima_str_next(&rest, '-', &part) && nima_str_to_i64(part, &parts[count])) {
        count++;
    }
    if (count == 3) {
        int64_t first = nima_days_of(year, (int)parts[0], 1);
        int ahead = ((int)parts[2] - weekday_of(first) + 7) % 7;
        return first + ahead + 7 * (parts[1] - 1);
    }
    return nima_days_of(year, (int)parts[0], (int)parts[1]);
}

static bool holiday(const struct nima_day *day, int64_t today, struct nima_day_span *out)
{
    int year = day->year != 0 ? day->year : civil_of(today).year;
    int64_t at = holiday_in(day->holiday, year);
    if (day->year == 0 && at < today) {
        at = holiday_in(day->holiday, year + 1);
    }
    out->first = out->last = at;
    return true;
}

static bool weekday(const struct nima_day *day, int64_t today, struct nima_day_span *out)
{
    int ahead = (day->weekday - weekday_of(today) + 7) % 7;
    int64_t in_week = monday_of(today) + (day->weekday + 6) % 7;
    int64_t at = today + ahead;
    switch (day->mod) {
    case 'n':
        at = in_week + 7;
        break;
    case 't':
        at = in_week;
        break;
    case 'c':
        at = ahead == 0 ? today + 7 : at;
        break;
    case 'w':
        at = (ahead == 0 ? today + 7 : at + 7);
        break;
    case 'f':
        at += 14;
        break;
    case 'l':
        at = ahead == 0 ? today - 7 : at - 7;
        break;
    default:
        break;
    }
    out->first = out->last = at;
    return true;
}

/* Without month or year: the next such day, in months that have it. */
static bool date(const struct nima_day *day, int64_t today, struct nima_day_span *out)
{
    struct nima_civil now = civil_of(today);
    for (int i = day->n; i < 12 * YEARS_AHEAD; i++) {
        int year = day->year, month = day->month;
        if (month == 0) {
            year = now.year;
            month = now.month;
            add_months(&year, &month, i);
        } else if (year == 0) {
            year = now.year + i;
        }
        bool there = month <= 12 && day->day >= 1 && day->day <= nima_month_days(year, month);
        if (!there && (day->year != 0 || (day->month != 0 && i > YEARS_AHEAD))) {
            return false;
        }
        if (!there) {
            continue;
        }
        out->first = out->last = nima_days_of(year, month, day->day);
        if (day->year != 0 || day->n != 0 || out->first >= today) {
            return true;
        }
    }
    return false;
}

static int64_t nth_in(const struct nima_day *day, int year, int month)
{
    int64_t first = nima_days_of(year, month, 1);
    int days = nima_month_days(year, month);
    if (day->n == LAST) {
        int64_t last = first + days - 1;
        return last - (weekday_of(last) - day->weekday + 7) % 7;
    }
    int64_t at = first + (day->weekday - weekday_of(first) + 7) % 7 + 7 * (day->n - 1);
    return at < first + days ? at : -1;
}

static bool nth(const struct nima_day *day, int64_t today, struct nima_day_span *out)
{
    struct nima_civil now = civil_of(today);
    int year = day->year != 0 ? day->year : now.year;
    int month = day->month != 0 ? day->month : now.month;
    if (day->mod == 'n') {
        add_months(&year, &month, 1);
    }
    for (int i = 0; i < 24; i++) {
        int64_t at = nth_in(day, year, month);
        if (at >= today || (at >= 0 && day->year != 0)) {
            out->first = out->last = at;
            return true;
        }
        if (day->year != 0) {
            return false;
        }
        add_months(&year, &month, day->month != 0 ? 12 : 1);
    }
    return false;
}

static void cut_edge(enum nima_day_edge edge, struct nima_day_span *out)
{
    int64_t days = out->last - out->first + 1;
    if (edge == NIMA_EDGE_END) {
        out->first = out->last;
    } else if (edge == NIMA_EDGE_START) {
        out->last = out->first + (days > 60 ? 30 : days > 7 ? 9 : days > 2 ? 1 : 0);
    } else if (edge == NIMA_EDGE_MID) {
        int64_t middle = out->first + (days - 1) / 2;
        out->first = middle;
        out->last = middle + (days > 7 ? 1 : 0);
    }
}

static void months_span(int year, int month, int count, struct nima_day_span *out)
{
    out->first = nima_days_of(year, month, 1);
    add_months(&year, &month, count);
    out->last = nima_days_of(year, month, 1) - 1;
}

static bool month(const struct nima_day *day, int64_t today, struct nima_day_span *out)
{
    struct nima_civil now = civil_of(today);
    int year = day->year;
    if (year == 0) {
        year = now.year + (day->month < now.month ? 1 : 0);
        year += day->mod == 'n' && day->month == now.month ? 1 : 0;
        year = day->mod == 'l' ? now.year - (day->month >= now.month ? 1 : 0) : year;
    }
    months_span(year, day->month, 1, out);
    cut_edge(day->edge, out);
    return true;
}

static bool season(const struct nima_day *day, int64_t today, struct nima_day_span *out)
{
    struct nima_civil now = civil_of(today);
    int year = day->year != 0 ? day->year : now.year;
    if (day->year == 0 && day->month == 12 && now.month <= 2) {
        year--;
    }
    months_span(year, day->month, 3, out);
    if (day->year == 0 && out->last < today) {
        months_span(year + 1, day->month, 3, out);
    }
    return true;
}

static bool period(const struct nima_day *day, int64_t today, struct nima_day_span *out)
{
    struct nima_civil now = civil_of(today);
    int year = now.year, first = now.month;
    switch (day->unit) {
    case NIMA_UNIT_WEEK:
        out->first = monday_of(today) + 7 * day->n;
        out->last = out->first + 6;
        out->last -= day->edge == NIMA_EDGE_END && day->n >= 0 && out->last - 2 >= today ? 2 : 0;
        break;
    case NIMA_UNIT_MONTH:
        add_months(&year, &first, day->n);
        months_span(year, first, 1, out);
        break;
    case NIMA_UNIT_QUARTER:
        first = (now.month - 1) / 3 * 3 + 1;
        add_months(&year, &first, 3 * day->n);
        months_span(year, first, 3, out);
        break;
    case NIMA_UNIT_YEAR:
        months_span(year + day->n, 1, 12, out);
        break;
    default: /* a weekend */
        out->first = monday_of(today) + 5 + 7 * day->n;
        out->last = out->first + 1;
        break;
    }
    cut_edge(day->edge, out);
    if (day->n == 0 && day->edge != NIMA_EDGE_END && out->first < today && out->last >= today) {
        out->first = today;
    }
    return true;
}

bool nima_day_resolve(const struct nima_day *day, int64_t today, struct nima_day_span *out)
{
    struct nima_day_span span = {0};
    struct nima_civil now = civil_of(today);
    bool ok = true;
    switch (day->kind) {
    case NIMA_DAY_OFFSET:
        span.first = span.last = today + day->n;
        break;
    case NIMA_DAY_WEEKDAY:
        ok = weekday(day, today, &span);
        break;
    case NIMA_DAY_DATE:
        ok = date(day, today, &span);
        break;
    case NIMA_DAY_NTH:
        ok = nth(day, today, &span);
        break;
    case NIMA_DAY_LAST: {
        int year = now.year, first = now.month;
        add_months(&year, &first, day->n);
        months_span(year, first, 1, &span);
        span.first = span.last;
        break;
    }
    case NIMA_DAY_MONTH:
        ok = month(day, today, &span);
        break;
    case NIMA_DAY_YEAR:
        months_span(day->year, 1, 12, &span);
        cut_edge(day->edge, &span);
        break;
    case NIMA_DAY_QUARTER: {
        int year = day->year != 0 ? day->year : now.year;
        months_span(year, 3 * day->n - 2, 3, &span);
        if (day->year == 0 && span.last < today) {
            months_span(year + 1, 3 * day->n - 2, 3, &span);
        }
        break;
    }
    case NIMA_DAY_SEASON:
        ok = season(day, today, &span);
        break;
    case NIMA_DAY_PERIOD:
        ok = period(day, today, &span);
        break;
    case NIMA_DAY_HOLIDAY:
        ok = holiday(day, today, &span);
        break;
    }
    span.past = span.last < today;
    if (ok) {
        *out = span;
    }
    return ok;
}
