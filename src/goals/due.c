/* Days by which something is to be reached, as people say them. */
#include <stdlib.h>
#include <string.h>

#include "goals/said_int.h"
#include "util/zone.h"

enum { DAY_S = 24 * 3600, YEAR_MIN = 2000, YEAR_MAX = 2199, COUNT_MAX = 600 };

static const char *const month_names[] = {"january|jan", "february|feb", "march|mar",
                                          "april|apr",   "may",          "june|jun",
                                          "july|jul",    "august|aug",   "september|sep|sept",
                                          "october|oct", "november|nov", "december|dec"};
static const char *const weekday_names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                            "thursday", "friday", "saturday"};

static int month_of(const struct nima_wish_words *words, size_t at)
{
    for (int m = 0; m < 12; m++) {
        if (nima_wish_in(words, at, month_names[m])) {
            return m + 1;
        }
    }
    return 0;
}

/* "15", "1st", "2027"; 0: no number. */
static int number_of(const struct nima_wish_words *words, size_t at)
{
    static const char *const names[] = {"one",   "two",   "three", "four", "five",   "six",
                                        "seven", "eight", "nine",  "ten",  "eleven", "twelve"};
    if (at >= words->count) {
        return 0;
    }
    const char *low = words->items[at].low;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(low, names[i]) == 0) {
            return (int)i + 1;
        }
    }
    char *end;
    long value = strtol(low, &end, 10);
    bool plain = *end == '\0' || strcmp(end, "st") == 0 || strcmp(end, "nd") == 0 ||
                 strcmp(end, "rd") == 0 || strcmp(end, "th") == 0;
    return low[0] >= '0' && low[0] <= '9' && plain && value > 0 && value <= YEAR_MAX ? (int)value
                                                                                     : 0;
}

static int year_of(const struct nima_wish_words *words, size_t at)
{
    int year = number_of(words, at);
    return year >= YEAR_MIN ? year : 0;
}

/* "2027-05-01" */
static bool iso(const char *low, struct nima_due *out)
{
    if (strlen(low) != 10 || strspn(low, "0123456789-") != 10 || low[4] != '-' || low[7] != '-') {
        return false;
    }
    *out = (struct nima_due){.kind = NIMA_DUE_DAY,
                             .year = (int)strtol(low, NULL, 10),
                             .month = (int)strtol(low + 5, NULL, 10),
                             .day = (int)strtol(low + 8, NULL, 10)};
    return out->year >= YEAR_MIN && out->month >= 1 && out->month <= 12 && out->day >= 1;
}

/* "1 May", "May 1st", "1st of May 2027", "May", "May 2027" */
static bool with_month(const struct nima_wish_words *words, size_t at, size_t end, bool whole,
                       struct nima_due *out)
{
    *out = (struct nima_due){.kind = NIMA_DUE_DAY};
    if (month_of(words, at) == 0) {
        out->day = number_of(words, at++);
        at += nima_wish_in(words, at, "of");
        if (out->day < 1 || out->day > 31) {
            return false;
        }
    }
    out->month = at < end ? month_of(words, at++) : 0;
    if (out->month != 0 && out->day == 0 && at < end && year_of(words, at) == 0) {
        out->day = number_of(words, at++);
    }
    if (out->month != 0 && at < end) {
        out->year = year_of(words, at++);
        at = out->year != 0 ? at : SIZE_MAX;
    }
    if (out->day == 0) {
        out->day = 1;
        out->kind = whole ? NIMA_DUE_END : NIMA_DUE_DAY;
    }
    return out->month != 0 && at == end && out->day <= 31;
}

/* "this year", "next month", "the week" */
static bool period(const struct nima_wish_words *words, size_t at, size_t end, struct nima_due *out)
{
    int next = nima_wish_in(words, at, "next");
    at += nima_wish_in(words, at, "this|next|the");
    *out = (struct nima_due){.kind = NIMA_DUE_END};
    if (at + 1 != end) {
        return false;
    }
    if (nima_wish_in(words, at, "year")) {
        out->years = next;
    } else if (nima_wish_in(words, at, "month")) {
        out->months = next;
        out->month = -1;
    } else if (nima_wish_in(words, at, "week")) {
        *out = (struct nima_due){.kind = NIMA_DUE_WEEKDAY, .next = next != 0};
    } else {
        return false;
    }
    return true;
}

/* "three months", "a year" */
static bool span(const struct nima_wish_words *words, size_t at, size_t end, struct nima_due *out)
{
    at += nima_wish_in(words, at, "the");
    at += nima_wish_in(words, at, "next|coming");
    int count = nima_wish_in(words, at, "a|an") ? 1 : number_of(words, at);
    *out = (struct nima_due){.kind = NIMA_DUE_AFTER};
    if (count < 1 || count > COUNT_MAX || at + 2 != end) {
        return false;
    }
    at++;
    if (nima_wish_in(words, at, "day|days")) {
        out->days = count;
    } else if (nima_wish_in(words, at, "week|weeks")) {
        out->days = 7 * count;
    } else if (nima_wish_in(words, at, "month|months")) {
        out->months = count;
    } else if (nima_wish_in(words, at, "year|years")) {
        out->months = 12 * count;
    } else {
        return false;
    }
    return true;
}

static bool by_name(const struct nima_wish_words *words, size_t at, size_t end,
                    struct nima_due *out)
{
    bool next = nima_wish_in(words, at, "next");
    at += next || nima_wish_in(words, at, "this");
    if (at + 1 != end) {
        return false;
    }
    *out = (struct nima_due){.kind = NIMA_DUE_AFTER, .days = 1};
    if (nima_wish_in(words, at, "tomorrow")) {
        return true;
    }
    *out = (struct nima_due){.kind = NIMA_DUE_DAY, .month = 12, .day = 25};
    if (nima_wish_in(words, at, "christmas|xmas")) {
        return true;
    }
    for (int i = 0; i < 7; i++) {
        if (strcmp(words->items[at].low, weekday_names[i]) == 0) {
            *out = (struct nima_due){.kind = NIMA_DUE_WEEKDAY, .weekday = i, .next = next};
            return true;
        }
    }
    *out = (struct nima_due){.kind = NIMA_DUE_END, .year = year_of(words, at)};
    return out->year != 0;
}

bool nima_due_read(const struct nima_wish_words *words, size_t from, size_t end, bool whole,
                   struct nima_due *out)
{
    size_t at = from;
    if (at >= end || end > words->count) {
        return false;
    }
    size_t the = nima_wish_in(words, at, "the") ? 1 : 0;
    if (nima_wish_in(words, at + the, "end") && nima_wish_in(words, at + the + 1, "of")) {
        at += the + 2;
        whole = true;
    }
    if (at + 1 == end && iso(words->items[at].low, out)) {
        return true;
    }
    bool next = nima_wish_in(words, at, "next|this") && month_of(words, at + 1) != 0;
    size_t month = at + next + (nima_wish_in(words, at, "the") ? 1 : 0);
    return (month < end && with_month(words, month, end, whole, out)) ||
           period(words, at, end, out) || span(words, at, end, out) || by_name(words, at, end, out);
}

/* The day it means, before it is known whether it exists. */
static struct nima_civil day_of(const struct nima_due *due, const struct nima_civil *today)
{
    struct nima_civil day = {.year = today->year, .month = today->month, .day = today->day};
    if (due->kind == NIMA_DUE_AFTER) {
        int months = day.month - 1 + due->months;
        day.year += months / 12;
        day.month = months % 12 + 1;
    } else if (due->kind == NIMA_DUE_END && due->month <= 0) {
        int months = day.month - 1 + due->months;
        day.year =
            due->year != 0 ? due->year : day.year + due->years + (due->month < 0 ? months / 12 : 0);
        day.month = due->month < 0 ? months % 12 + 1 : 12;
        day.day = 31;
    } else if (due->kind != NIMA_DUE_WEEKDAY) {
        bool over =
            due->month < today->month ||
            (due->month == today->month && due->kind == NIMA_DUE_DAY && due->day < today->day);
        day.year = due->year != 0 ? due->year : today->year + (over ? 1 : 0);
        day.month = due->month;
        day.day = due->kind == NIMA_DUE_END ? 31 : due->day;
    }
    return day;
}

int64_t nima_due_resolve(const struct nima_due *due, const struct nima_zone *zone, int64_t now_ms)
{
    struct nima_civil today;
    nima_civil_of(now_ms / 1000 + nima_zone_offset_s(zone, now_ms / 1000), &today);
    if (due->kind == NIMA_DUE_NONE) {
        return 0;
    }
    struct nima_civil day = day_of(due, &today);
    int last = nima_month_days(day.year, day.month);
    if (day.day > last) {
        if (due->kind == NIMA_DUE_DAY) {
            return 0;
        }
        day.day = last;
    }
    int64_t days = due->kind == NIMA_DUE_AFTER ? due->days : 0;
    if (due->kind == NIMA_DUE_WEEKDAY) {
        int ahead = (due->weekday - today.weekday + 7) % 7;
        days = ahead + (due->next && ahead < 7 ? 7 : 0);
    }
    day.hour = 23;
    day.minute = 59;
    day.second = 59;
    return nima_zone_moment_s(zone, nima_civil_s(&day) + days * DAY_S) * 1000;
}
