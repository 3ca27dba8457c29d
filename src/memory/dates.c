#include "memory/dates.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/buf.h"
#include "util/zone.h"

enum { WORDS_MAX = 64, WORD_CHARS = 24, PHRASE_CHARS = 64, TEXT_BYTES_MAX = 1024, COUNT_MAX = 120 };
enum { DAY_S = 86400, WEEK = 7, MONTHS = 12 };

static const char *const months[] = {"january",   "february", "march",    "april",
                                     "may",       "june",     "july",     "august",
                                     "september", "october",  "november", "december"};
static const char *const weekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                       "thursday", "friday", "saturday"};
static const char *const numbers[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                      "seven", "eight", "nine", "ten",   "eleven", "twelve"};

/* A season and the month it begins in, north of the equator; it lasts three months. */
static const struct {
    const char *name;
    int first;
} seasons[] = {{"spring", 3}, {"summer", 6}, {"autumn", 9}, {"fall", 9}, {"winter", 12}};

struct word {
    size_t from, end; /* in the text, marks around it left out */
    char low[WORD_CHARS];
};

struct dating {
    nima_str text;
    struct word words[WORDS_MAX];
    size_t count;
    struct nima_civil today;
    int64_t day; /* days since 1970 */
    bool past, future;
};

/* What stands in the place of some words. */
struct dated {
    size_t taken;
    char with[PHRASE_CHARS];
};

static const char *low(const struct dating *d, size_t i)
{
    return i < d->count ? d->words[i].low : "";
}

static bool is(const struct dating *d, size_t i, const char *word)
{
    return strcmp(low(d, i), word) == 0;
}

static bool listed(const char *word, const char *list)
{
    char padded[WORD_CHARS + 2];
    snprintf(padded, sizeof(padded), " %s ", word);
    return word[0] != '\0' && strstr(list, padded) != NULL;
}

static int place_in(const char *word, const char *const *list, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(word, list[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* 1..12, or 0. */
static int month_of(const char *word)
{
    return place_in(word, months, MONTHS) + 1;
}

static int number_of(const char *word)
{
    int value = 0;
    size_t digits = strspn(word, "0123456789");
    if (digits > 0 && digits <= 3 && word[digits] == '\0') {
        for (size_t i = 0; i < digits; i++) {
            value = value * 10 + (word[i] - '0');
        }
        return value <= COUNT_MAX ? value : -1;
    }
    return listed(word, " a an ") ? 1 : place_in(word, numbers, MONTHS + 1);
}

static bool year_follows(const struct dating *d, size_t i)
{
    const char *word = low(d, i);
    return strlen(word) == 4 && strspn(word, "0123456789") == 4;
}

/* Writing */

static void write_day(int64_t day, char *out, size_t room)
{
    struct nima_civil c;
    nima_civil_of(day * DAY_S, &c);
    snprintf(out, room, "%c%s %d, %d", toupper((unsigned char)months[c.month - 1][0]),
             months[c.month - 1] + 1, c.day, c.year);
}

static void write_month(int year, int month, char *out, size_t room)
{
    snprintf(out, room, "%c%s %d", toupper((unsigned char)months[month - 1][0]),
             months[month - 1] + 1, year);
}

/* A preposition of its own, unless one stands before it already. */
static bool put(const struct dating *d, size_t i, size_t taken, const char *preposition,
                const char *when, struct dated *out)
{
    bool has = i > 0 && listed(low(d, i - 1), " on since until till by from in during before after"
                                              " around of ");
    out->taken = taken;
    snprintf(out->with, sizeof(out->with), "%s%s%s", has ? "" : preposition, has ? "" : " ", when);
    return true;
}

static bool put_day(const struct dating *d, size_t i, size_t taken, int64_t day, struct dated *out)
{
    char when[PHRASE_CHARS / 2];
    write_day(day, when, sizeof(when));
    return put(d, i, taken, "on", when, out);
}

static bool put_month(const struct dating *d, size_t i, size_t taken, int months_on,
                      struct dated *out)
{
    char when[PHRASE_CHARS / 2];
    int at = d->today.year * MONTHS + d->today.month - 1 + months_on;
    write_month(at / MONTHS, at % MONTHS + 1, when, sizeof(when));
    return put(d, i, taken, "in", when, out);
}

static bool put_year(const struct dating *d, size_t i, size_t taken, int year, struct dated *out)
{
    char when[PHRASE_CHARS / 2];
    snprintf(when, sizeof(when), "%d", year);
    return put(d, i, taken, "in", when, out);
}

static bool put_week(const struct dating *d, size_t i, size_t taken, int weeks_on,
                     struct dated *out)
{
    char when[PHRASE_CHARS / 2];
    char week[PHRASE_CHARS / 2 + 16];
    int since_monday = (d->today.weekday + WEEK - 1) % WEEK;
    write_day(d->day - since_monday + (int64_t)weeks_on * WEEK, when, sizeof(when));
    snprintf(week, sizeof(week), "the week of %s", when);
    return put(d, i, taken, "in", week, out);
}

/* "yesterday", "tonight", "the day after tomorrow", "this morning" */
static bool named_day(const struct dating *d, size_t i, struct dated *out)
{
    bool the_day = is(d, i, "the") && is(d, i + 1, "day");
    if (the_day && is(d, i + 2, "before") && is(d, i + 3, "yesterday")) {
        return put_day(d, i, 4, d->day - 2, out);
    }
    if (the_day && is(d, i + 2, "after") && is(d, i + 3, "tomorrow")) {
        return put_day(d, i, 4, d->day + 2, out);
    }
    if (is(d, i, "this") && listed(low(d, i + 1), " morning afternoon evening ")) {
        return put_day(d, i, 2, d->day, out);
    }
    if (is(d, i, "last") && is(d, i + 1, "night")) {
        return put_day(d, i, 2, d->day - 1, out);
    }
    if (listed(low(d, i), " yesterday today tomorrow ") &&
        listed(low(d, i + 1), " morning afternoon evening night ")) {
        int on = is(d, i, "yesterday") ? -1 : is(d, i, "tomorrow") ? 1 : 0;
        return put_day(d, i, 2, d->day + on, out);
    }
    return is(d, i, "yesterday")                      ? put_day(d, i, 1, d->day - 1, out)
           : is(d, i, "tomorrow")                     ? put_day(d, i, 1, d->day + 1, out)
           : is(d, i, "today") || is(d, i, "tonight") ? put_day(d, i, 1, d->day, out)
                                                      : false;
}

/* So many days, weeks, months or years from the day of the message. */
static bool put_distance(const struct dating *d, size_t i, size_t taken, const char *unit, int far,
                         struct dated *out)
{
    if (listed(unit, " day days ")) {
        return put_day(d, i, taken, d->day + far, out);
    }
    if (listed(unit, " week weeks ")) {
        char when[PHRASE_CHARS / 2];
        write_day(d->day + (int64_t)far * WEEK, when, sizeof(when));
        return put(d, i, taken, "around", when, out);
    }
    return listed(unit, " month months ") ? put_month(d, i, taken, far, out)
           : listed(unit, " year years ") ? put_year(d, i, taken, d->today.year + far, out)
                                          : false;
}

/* "three years ago", "in two weeks" */
static bool distance(const struct dating *d, size_t i, struct dated *out)
{
    int back = number_of(low(d, i));
    if (back > 0 && is(d, i + 2, "ago")) {
        return put_distance(d, i, 3, low(d, i + 1), -back, out);
    }
    int on = is(d, i, "in") ? number_of(low(d, i + 1)) : 0;
    bool goes_on = listed(low(d, i + 3), " of row time total ");
    if (on <= 0 || d->past || goes_on) {
        return false;
    }
    return put_distance(d, i, 3, low(d, i + 2), on, out);
}

/* "last month", "next year", "this week" */
static bool near_period(const struct dating *d, size_t i, struct dated *out)
{
    int on = is(d, i, "last") ? -1 : is(d, i, "next") ? 1 : is(d, i, "this") ? 0 : 2;
    const char *unit = low(d, i + 1);
    if (on == 2) {
        return false;
    }
    if (strcmp(unit, "weekend") == 0 && on == -1) {
        int since_saturday = (d->today.weekday + 1) % WEEK;
        int back = since_saturday <= 1 ? since_saturday + WEEK : since_saturday;
        char when[PHRASE_CHARS / 2];
        char weekend[PHRASE_CHARS / 2 + 16];
        write_day(d->day - back, when, sizeof(when));
        snprintf(weekend, sizeof(weekend), "the weekend of %s", when);
        return put(d, i, 2, "on", weekend, out);
    }
    if (strcmp(unit, "christmas") == 0) {
        bool over = d->today.month == MONTHS && d->today.day >= 25;
        int year = d->today.year + (on < 0 ? (over ? 0 : -1) : on > 0 && over ? 1 : 0);
        char when[PHRASE_CHARS / 2];
        snprintf(when, sizeof(when), "Christmas %d", year);
        return put(d, i, 2, "at", when, out);
    }
    return strcmp(unit, "week") == 0    ? put_week(d, i, 2, on, out)
           : strcmp(unit, "month") == 0 ? put_month(d, i, 2, on, out)
           : strcmp(unit, "year") == 0  ? put_year(d, i, 2, d->today.year + on, out)
                                        : false;
}

/* "last summer": the one that is over; "next summer": the one that has not begun. */
static bool season(const struct dating *d, size_t i, struct dated *out)
{
    int on = is(d, i, "last") ? -1 : is(d, i, "next") ? 1 : is(d, i, "this") ? 0 : 2;
    for (size_t s = 0; on != 2 && s < sizeof(seasons) / sizeof(seasons[0]); s++) {
        if (!is(d, i + 1, seasons[s].name)) {
            continue;
        }
        /* Months since the season's beginning in this year, or in the last for January's winter. */
        int first = seasons[s].first;
        int since = d->today.month - first;
        bool winter = first == MONTHS;
        bool within =
            winter ? d->today.month == MONTHS || d->today.month <= 2 : since >= 0 && since < 3;
        bool begun = winter ? d->today.month == MONTHS : since >= 0;
        int year = d->today.year - (begun ? 0 : 1); /* of the last beginning */
        year += on > 0 ? 1 : 0;
        year -= on < 0 && within ? 1 : 0;
        if (on == 0 && !within) {
            bool soon = winter ? d->today.month >= 9 : true;
            if (!soon) {
                return false; /* "this winter", said in May */
            }
            year = d->today.year;
        }
        char when[PHRASE_CHARS];
        if (winter) {
            snprintf(when, sizeof(when), "the winter of %d/%02d", year, (year + 1) % 100);
        } else {
            snprintf(when, sizeof(when), "the %s of %d", seasons[s].name, year);
        }
        return put(d, i, 2, "in", when, out);
    }
    return false;
}

/* "last Monday", "since Monday", "until Friday", "on Friday" of what was or will be */
static bool weekday(const struct dating *d, size_t i, struct dated *out)
{
    bool last = is(d, i, "last");
    bool coming = is(d, i, "this");
    size_t at = i + (last || coming);
    int which = place_in(low(d, at), weekdays, WEEK);
    if (which < 0) {
        return false;
    }
    const char *before = i > 0 ? low(d, i - 1) : "";
    int on = (which - d->today.weekday + WEEK) % WEEK;
    int back = on == 0 ? -WEEK : on - WEEK;
    if (last || strcmp(before, "since") == 0) {
        return put_day(d, i, at - i + 1, d->day + back, out);
    }
    if (coming) {
        bool this_week = (which + WEEK - 1) % WEEK >= (d->today.weekday + WEEK - 1) % WEEK;
        return this_week && put_day(d, i, 2, d->day + on, out);
    }
    on = on == 0 ? WEEK : on;
    if (listed(before, " until till by ")) {
        return put_day(d, i, 1, d->day + on, out);
    }
    if (strcmp(before, "on") != 0 || d->past == d->future) {
        return false;
    }
    return put_day(d, i, 1, d->day + (d->past ? back : on), out);
}

/* The year of a month by what stands before it; 0: not sure. */
static int year_of_month(const struct dating *d, const char *before, int month)
{
    int behind = d->today.year - (month > d->today.month ? 1 : 0);
    int ahead = d->today.year + (month < d->today.month ? 1 : 0);
    if (strcmp(before, "since") == 0) {
        return behind;
    }
    if (listed(before, " until till by ")) {
        return ahead;
    }
    return d->past == d->future ? 0 : d->past ? behind : ahead;
}

/* "since March", "last March", "in May" of what was or will be */
static bool month_alone(const struct dating *d, size_t i, struct dated *out)
{
    bool last = is(d, i, "last");
    bool next = is(d, i, "next");
    size_t at = i + (last || next);
    int month = month_of(low(d, at));
    const char *before = i > 0 ? low(d, i - 1) : "";
    bool led = last || next || listed(before, " since until till by in ");
    if (month == 0 || !led || year_follows(d, at + 1) || number_of(low(d, at + 1)) > 1 ||
        isdigit((unsigned char)low(d, at + 1)[0])) {
        return false;
    }
    int year = last   ? d->today.year - (month >= d->today.month ? 1 : 0)
               : next ? d->today.year + (month <= d->today.month ? 1 : 0)
                      : year_of_month(d, before, month);
    char when[PHRASE_CHARS / 2];
    if (year == 0) {
        return false;
    }
    write_month(year, month, when, sizeof(when));
    return put(d, i, at - i + 1, "in", when, out);
}

/* 1..31 of "5", "5th", "1st"; else 0. */
static int day_number(const char *word)
{
    size_t digits = strspn(word, "0123456789");
    bool ends = word[digits] == '\0' || listed(word + digits, " st nd rd th ");
    return digits >= 1 && digits <= 2 && ends
               ? number_of(digits == 1 ? (char[]){word[0], '\0'} : (char[]){word[0], word[1], '\0'})
               : 0;
}

/* "March 5th", "the 14th of December", without a year, of what was or will be */
static bool day_of_month(const struct dating *d, size_t i, struct dated *out)
{
    bool the = is(d, i, "the");
    size_t at = i + the;
    bool of = is(d, at + 1, "of");
    int month = month_of(low(d, at));
    int day = month > 0 ? day_number(low(d, at + 1)) : day_number(low(d, at));
    size_t taken = (size_t)the + (month > 0 ? 2 : of ? 3 : 2);
    month = month > 0 ? month : month_of(low(d, at + (of ? 2 : 1)));
    const char *before = i > 0 ? low(d, i - 1) : "";
    if (month == 0 || day == 0 || day > nima_month_days(2024, month) ||
        year_follows(d, i + taken)) {
        return false;
    }
    bool behind = strcmp(before, "since") == 0 || (d->past && !d->future);
    bool ahead = listed(before, " until till by ") || (d->future && !d->past);
    if (behind == ahead) {
        return false;
    }
    int here = d->today.month * 32 + d->today.day;
    int there = month * 32 + day;
    int year = d->today.year + (behind ? (there > here ? -1 : 0) : there < here ? 1 : 0);
    struct nima_civil date = {.year = year, .month = month, .day = day};
    return day <= nima_month_days(year, month) &&
           put_day(d, i, taken, nima_civil_s(&date) / DAY_S, out);
}

typedef bool (*matcher)(const struct dating *d, size_t i, struct dated *out);
static const matcher matchers[] = {named_day, distance,     near_period, season,
                                   weekday,   day_of_month, month_alone};

/* Words and tense */

static void take_words(struct dating *d)
{
    for (size_t at = 0; at < d->text.len && d->count < WORDS_MAX;) {
        while (at < d->text.len && d->text.ptr[at] == ' ') {
            at++;
        }
        size_t from = at;
        while (at < d->text.len && d->text.ptr[at] != ' ') {
            at++;
        }
        size_t end = at;
        while (end > from && strchr(",.;:!?)", d->text.ptr[end - 1]) != NULL) {
            end--;
        }
        struct word *word = &d->words[d->count];
        word->from = from;
        word->end = end;
        for (size_t i = from; i < end && i - from + 1 < WORD_CHARS; i++) {
            word->low[i - from] = (char)tolower((unsigned char)d->text.ptr[i]);
        }
        d->count += end > from;
    }
}

/* What comes every year or week is dated already. */
static bool recurs(const struct dating *d)
{
    for (size_t i = 0; i < d->count; i++) {
        if (listed(low(d, i), " birthday birthdays anniversary born every each always usually often"
                              " never sometimes annually yearly name-day ")) {
            return true;
        }
    }
    return false;
}

static void find_tense(struct dating *d)
{
    static const char was[] = " was were had got went met left quit bought broke lost won ran came"
                              " began became took gave sold found fell built wrote made flew drove"
                              " had saw spent grew stopped ";
    static const char will[] = " will going plans wants starts leaves flies moves travels begins"
                               " intends hopes exam interview appointment deadline flight surgery"
                               " operation wedding due ";
    static const char coming[] = " getting moving starting travelling traveling flying leaving"
                                 " visiting marrying running taking having meeting ";
    for (size_t i = 0; i < d->count; i++) {
        size_t len = strlen(low(d, i));
        bool joined = i > 0 && listed(low(d, i - 1), " is are be getting get gets need ");
        bool past = len > 4 && strcmp(low(d, i) + len - 2, "ed") == 0 && !joined;
        d->past = d->past || past || listed(low(d, i), was);
        bool is_coming = i > 0 && is(d, i - 1, "is") && listed(low(d, i), coming);
        d->future = d->future || listed(low(d, i), will) || is_coming;
    }
}

nima_str nima_memory_dates_absolute(struct nima_ctx *ctx, nima_str fact, int64_t local_s)
{
    struct dating *d = NIMA_NEW(ctx->arena, struct dating, 1);
    d->text = fact;
    nima_civil_of(local_s, &d->today);
    d->day = local_s >= 0 ? local_s / DAY_S : (local_s - DAY_S + 1) / DAY_S;
    take_words(d);
    if (recurs(d) || fact.len > TEXT_BYTES_MAX / 2) {
        return fact;
    }
    find_tense(d);
    struct nima_buf buf;
    nima_buf_init(&buf, TEXT_BYTES_MAX);
    size_t copied = 0;
    for (size_t i = 0; i < d->count; i++) {
        struct dated dated;
        bool found = false;
        for (size_t m = 0; m < sizeof(matchers) / sizeof(matchers[0]) && !found; m++) {
            found = matchers[m](d, i, &dated);
        }
        if (found) {
            nima_buf_add(&buf, nima_str_sub(fact, copied, d->words[i].from));
            nima_buf_add(&buf, nima_str_of(dated.with));
            i += dated.taken - 1;
            copied = d->words[i].end;
        }
    }
    nima_buf_add(&buf, nima_str_sub(fact, copied, fact.len));
    nima_str text = buf.overflowed ? fact : nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}
