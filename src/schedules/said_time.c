/* Times as people say them, word by word: "tomorrow at half past six", "every other Friday". */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedules/said_int.h"

enum { HALF_HOUR_S = 1800, COUNT_MAX = 999 };

bool nima_said_is(const struct nima_said_words *words, size_t at, const char *low)
{
    return at < words->count && strcmp(words->items[at].low, low) == 0;
}

bool nima_said_in(const struct nima_said_words *words, size_t at, const char *list)
{
    char wanted[NIMA_SAID_WORD_CHARS + 3];
    if (at >= words->count || words->items[at].low[0] == '\0') {
        return false;
    }
    snprintf(wanted, sizeof(wanted), " %s ", words->items[at].low);
    return strstr(list, wanted) != NULL;
}

size_t nima_said_begins(const struct nima_said_words *words, size_t at, const char *phrase)
{
    nima_str rest = nima_str_of(phrase), word;
    size_t used = 0;
    while (nima_str_next(&rest, ' ', &word)) {
        if (at + used >= words->count ||
            !nima_str_eq(word, nima_str_of(words->items[at + used].low))) {
            return 0;
        }
        used++;
    }
    return used;
}

/* Small parts. Each returns how many words it took, 0: it is something else. */

static const char *low(const struct nima_said_words *words, size_t at)
{
    return at < words->count ? words->items[at].low : "";
}

static bool read_digits(const char *text, size_t digits_max, int *out, const char **rest)
{
    size_t digits = 0;
    int value = 0;
    while (digits < digits_max && isdigit((unsigned char)text[digits])) {
        value = value * 10 + (text[digits++] - '0');
    }
    *out = value;
    *rest = text + digits;
    return digits > 0 && !isdigit((unsigned char)**rest);
}

static bool read_count(const struct nima_said_words *words, size_t at, int *out)
{
    static const char *const names[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                        "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    static const char *const tens[] = {"fifteen",    "twenty", "thirty", "forty",
                                       "forty-five", "sixty",  "ninety"};
    static const int tens_of[] = {15, 20, 30, 40, 45, 60, 90};
    const char *text = low(words, at), *rest;
    if (read_digits(text, 3, out, &rest)) {
        return *rest == '\0' && *out >= 1 && *out <= COUNT_MAX;
    }
    for (int i = 1; i <= 12; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(tens) / sizeof(tens[0]); i++) {
        if (strcmp(text, tens[i]) == 0) {
            *out = tens_of[i];
            return true;
        }
    }
    *out = 1;
    return strcmp(text, "a") == 0 || strcmp(text, "an") == 0;
}

static char unit_of(const struct nima_said_words *words, size_t at)
{
    static const struct {
        const char *names;
        char unit;
    } units[] = {{" second seconds sec secs ", 's'},
                 {" minute minutes min mins ", 'm'},
                 {" hour hours hr hrs ", 'h'},
                 {" day days ", 'd'},
                 {" week weeks ", 'w'}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (nima_said_in(words, at, units[i].names)) {
            return units[i].unit;
        }
    }
    return 0;
}

static int64_t seconds_of(char unit)
{
    return unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86400 : 604800;
}

static int weekday_of(const char *text, bool *plural)
{
    static const char *const names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday"};
    size_t length = strlen(text);
    for (int i = 0; i < 7; i++) {
        size_t whole = strlen(names[i]);
        bool same = strncmp(text, names[i], whole) == 0;
        *plural = same && length == whole + 1 && text[whole] == 's';
        if ((same && length == whole) || *plural ||
            (length == 3 && strncmp(text, names[i], 3) == 0 && i != 0 && i != 6)) {
            return i;
        }
    }
    return -1;
}

static int month_of(const char *text)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    for (int i = 0; i < 12; i++) {
        if (strcmp(text, names[i]) == 0 || (strlen(text) == 3 && strncmp(text, names[i], 3) == 0)) {
            return i + 1;
        }
    }
    return 0;
}

/* "24", "24th", "first". With `ordinal` a bare number is none. */
static int month_day_of(const char *text, bool ordinal)
{
    static const char *const names[] = {"first", "second", "third", "fourth", "fifth"};
    const char *rest;
    int day;
    for (int i = 0; i < 5; i++) {
        if (strcmp(text, names[i]) == 0) {
            return i + 1;
        }
    }
    if (!read_digits(text, 2, &day, &rest) || day < 1 || day > 31) {
        return 0;
    }
    bool ends = strcmp(rest, "st") == 0 || strcmp(rest, "nd") == 0 || strcmp(rest, "rd") == 0 ||
                strcmp(rest, "th") == 0;
    return ends || (*rest == '\0' && !ordinal) ? day : 0;
}

static int part_of(const struct nima_said_words *words, size_t at)
{
    return nima_said_in(words, at, " morning mornings ")       ? 'm'
           : nima_said_in(words, at, " afternoon afternoons ") ? 'a'
           : nima_said_in(words, at, " evening evenings ")     ? 'e'
           : nima_said_in(words, at, " night nights ")         ? 'n'
                                                               : 0;
}

/* Hours */

static void set_hour(struct nima_said_time *time, int hour, int minute, bool exact)
{
    time->has_hour = true;
    time->hour = hour;
    time->minute = minute;
    time->exact = exact;
}

/* "pm" behind or at the number; *hour is set to 24 hours. */
static bool half(const char *text, int *hour)
{
    bool pm = strcmp(text, "pm") == 0 || strcmp(text, "p.m") == 0 || strcmp(text, "p.m.") == 0;
    bool am = strcmp(text, "am") == 0 || strcmp(text, "a.m") == 0 || strcmp(text, "a.m.") == 0;
    if ((!am && !pm) || *hour < 1 || *hour > 12) {
        return false;
    }
    *hour = *hour % 12 + (pm ? 12 : 0);
    return true;
}

/* "9", "9:30", "09.30", "9pm", "9 p.m.", "9 o'clock". `told`: "at" stood before it; a bare number
 * is a time only then. */
static size_t take_clock(const struct nima_said_words *words, size_t at, bool told,
                         struct nima_said_time *time)
{
    const char *text = low(words, at), *rest;
    int hour, minute = 0, counted;
    bool minutes = false, exact;
    if (!read_digits(text, 2, &hour, &rest) || hour > 23) {
        if (!told || !read_count(words, at, &counted) || counted > 12 || text[1] == '\0' ||
            strcmp(text, "an") == 0) {
            return 0;
        }
        hour = counted;
        rest = "";
    }
    if ((*rest == ':' || (*rest == '.' && isdigit((unsigned char)rest[1]))) &&
        read_digits(rest + 1, 2, &minute, &rest)) {
        minutes = true;
    }
    exact = hour > 12 || hour == 0 || (text[0] == '0' && minutes);
    if (minute > 59) {
        return 0;
    }
    if (*rest != '\0') {
        bool o24 = strcmp(rest, "h") == 0 && told;
        if (!o24 && !half(rest, &hour)) {
            return 0;
        }
        set_hour(time, hour, minute, true);
        return 1;
    }
    if (half(low(words, at + 1), &hour)) {
        set_hour(time, hour, minute, true);
        return 2;
    }
    bool oclock = nima_said_in(words, at + 1, " o'clock oclock ");
    if (!told && !minutes && !oclock) {
        return 0;
    }
    set_hour(time, hour, minute, exact);
    return oclock ? 2 : 1;
}

/* "half past 7", "quarter to nine", "noon". */
static size_t take_spoken(const struct nima_said_words *words, size_t at,
                          struct nima_said_time *time)
{
    int hour = 0, minute = nima_said_is(words, at, "half") ? 30 : 15;
    if (nima_said_in(words, at, " noon midday midnight ")) {
        set_hour(time, nima_said_is(words, at, "midnight") ? 0 : 12, 0, true);
        return 1;
    }
    size_t used = nima_said_is(words, at, "a") ? 1 : 0;
    if (!nima_said_in(words, at + used, " half quarter ") ||
        !nima_said_in(words, at + used + 1, " past to ") ||
        !read_count(words, at + used + 2, &hour) || hour > 12) {
        return 0;
    }
    if (nima_said_is(words, at + used + 1, "to")) {
        hour = hour == 1 ? 12 : hour - 1;
        minute = 45;
    }
    set_hour(time, hour, minute, false);
    return used + 3;
}

/* "in the evening", "at night" behind a time. */
static size_t take_part_behind(const struct nima_said_words *words, size_t at,
                               struct nima_said_time *time)
{
    size_t used = nima_said_begins(words, at, "in the");
    used = used == 0 ? nima_said_begins(words, at, "at") : used;
    int part = used > 0 ? part_of(words, at + used) : 0;
    if (part == 0 || time->part != 0) {
        return 0;
    }
    time->part = part;
    return used + 1;
}

static size_t take_hour(const struct nima_said_words *words, size_t at, struct nima_said_time *time)
{
    size_t used = 0;
    if (time->has_hour || time->after_s != 0) {
        return 0;
    }
    bool told = nima_said_in(words, at, " at around by ");
    used += told ? 1 : 0;
    used += told && nima_said_in(words, at + used, " around about exactly ") ? 1 : 0;
    size_t more = take_spoken(words, at + used, time);
    more = more == 0 ? take_clock(words, at + used, told, time) : more;
    if (more == 0) {
        return 0;
    }
    used += more;
    used += nima_said_is(words, at + used, "sharp") ? 1 : 0;
    return used + take_part_behind(words, at + used, time);
}

/* "in 20 minutes", "in an hour and a half", "2 hours from now", "in 45min" */

static size_t take_glued(const char *text, int64_t *seconds)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"s", 1},     {"sec", 1},  {"m", 60},    {"min", 60},
                 {"mins", 60}, {"h", 3600}, {"hr", 3600}, {"hrs", 3600}};
    const char *rest;
    int count;
    if (!read_digits(text, 3, &count, &rest) || count < 1) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(rest, units[i].name) == 0) {
            *seconds = count * units[i].seconds;
            return 1;
        }
    }
    return 0;
}

static size_t take_length(const struct nima_said_words *words, size_t at, int64_t *seconds,
                          int *days)
{
    int count = 0;
    size_t used = take_glued(low(words, at), seconds);
    if (used > 0) {
        return used;
    }
    used = nima_said_begins(words, at, "half an hour");
    used = used == 0 ? nima_said_begins(words, at, "half hour") : used;
    if (used > 0) {
        *seconds = HALF_HOUR_S;
        return used;
    }
    used = nima_said_begins(words, at, "a couple of");
    count = 2;
    if (used == 0 && !read_count(words, at, &count)) {
        return 0;
    }
    used = used == 0 ? 1 : used;
    bool and_half = nima_said_begins(words, at + used, "and a half") > 0;
    used += and_half ? 3 : 0;
    char unit = unit_of(words, at + used);
    if (unit == 0) {
        return 0;
    }
    used++;
    if (!and_half && nima_said_begins(words, at + used, "and a half") > 0) {
        and_half = true;
        used += 3;
    }
    if (unit == 'd' || unit == 'w') {
        *days = count * (unit == 'w' ? 7 : 1);
        return and_half ? 0 : used;
    }
    *seconds = count * seconds_of(unit) + (and_half ? seconds_of(unit) / 2 : 0);
    return used;
}

static size_t take_after(const struct nima_said_words *words, size_t at,
                         struct nima_said_time *time)
{
    int64_t seconds = 0, more_s = 0;
    int days = 0, none = 0;
    bool told = nima_said_in(words, at, " in after within ");
    size_t used = told ? 1 : 0;
    size_t length = take_length(words, at + used, &seconds, &days);
    if (length == 0 || time->has_day || time->repeat != NIMA_REPEAT_NONE) {
        return 0;
    }
    used += length;
    if (seconds > 0 && nima_said_is(words, at + used, "and")) {
        length = take_length(words, at + used + 1, &more_s, &none);
        used += length > 0 && more_s > 0 ? 1 + length : 0;
    }
    bool from_now = nima_said_begins(words, at + used, "from now") > 0;
    if ((!told && !from_now) || (seconds > 0 && time->has_hour)) {
        return 0;
    }
    time->after_s = seconds + more_s;
    time->after_days = days;
    time->has_day = true;
    return used + (from_now ? 2 : 0);
}

/* Days */

static size_t take_named_day(const struct nima_said_words *words, size_t at,
                             struct nima_said_time *time)
{
    static const struct {
        const char *phrase;
        int offset, part;
    } days[] = {{"the day after tomorrow", 2, 0},
                {"day after tomorrow", 2, 0},
                {"tomorrow", 1, 0},
                {"today", 0, 0},
                {"tonight", 0, 'n'},
                {"this morning", 0, 'm'},
                {"this afternoon", 0, 'a'},
                {"this evening", 0, 'e'},
                {"next week", 7, 0},
                {"later today", 0, 'e'}};
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        size_t used = nima_said_begins(words, at, days[i].phrase);
        if (used > 0) {
            time->has_day = true;
            time->day_offset = days[i].offset;
            time->part = days[i].part != 0 ? days[i].part : time->part;
            int part = time->part == 0 ? part_of(words, at + used) : 0;
            time->part = part != 0 ? part : time->part;
            return used + (part != 0 ? 1 : 0);
        }
    }
    return 0;
}

static size_t take_weekday(const struct nima_said_words *words, size_t at,
                           struct nima_said_time *time)
{
    bool plural;
    size_t used = nima_said_in(words, at, " on this next coming ") ? 1 : 0;
    bool next = nima_said_is(words, at, "next");
    used += used > 0 && nima_said_in(words, at + used, " next this coming ") ? 1 : 0;
    next = next || (used == 2 && nima_said_is(words, at + 1, "next"));
    int weekday = weekday_of(low(words, at + used), &plural);
    if (weekday < 0 || plural || (used == 0 && strlen(low(words, at)) == 3)) {
        return 0;
    }
    time->has_day = true;
    time->weekday = weekday;
    time->next_week = next;
    used++;
    int part = part_of(words, at + used);
    time->part = part != 0 ? part : time->part;
    return used + (part != 0 ? 1 : 0);
}

static size_t take_year(const struct nima_said_words *words, size_t at, int *year)
{
    const char *rest;
    if (read_digits(low(words, at), 4, year, &rest) && *rest == '\0' && *year >= 2000 &&
        *year <= 2200) {
        return 1;
    }
    *year = 0;
    return 0;
}

/* "2026-12-24", "24 December", "the 24th of December 2026", "December 24th", "the 24th". */
static size_t take_date(const struct nima_said_words *words, size_t at, struct nima_said_time *time)
{
    int year = 0, month = 0, day = 0;
    size_t used = nima_said_is(words, at, "on") ? 1 : 0;
    const char *text = low(words, at + used), *rest;
    if (strlen(text) == 10 && read_digits(text, 4, &year, &rest) && *rest == '-' &&
        read_digits(rest + 1, 2, &month, &rest) && *rest == '-' &&
        read_digits(rest + 1, 2, &day, &rest) && *rest == '\0') {
        used++;
    } else if (month_of(text) != 0 && month_day_of(low(words, at + used + 1), false) != 0) {
        month = month_of(text);
        day = month_day_of(low(words, at + used + 1), false);
        used += 2;
        used += take_year(words, at + used, &year);
    } else {
        bool the = nima_said_is(words, at + used, "the");
        used += the ? 1 : 0;
        day = month_day_of(low(words, at + used), false);
        bool of = nima_said_is(words, at + used + 1, "of");
        month = day != 0 ? month_of(low(words, at + used + (of ? 2 : 1))) : 0;
        if (month != 0) {
            used += of ? 3 : 2;
            used += take_year(words, at + used, &year);
        } else if (the && !of && month_day_of(low(words, at + used), true) != 0 &&
                   nima_said_is(words, at, "on")) {
            used++;
        } else {
            return 0;
        }
    }
    if (month > 12 || day < 1 || day > 31) {
        return 0;
    }
    time->has_day = true;
    time->year = year;
    time->month = month;
    time->day = day;
    return used;
}

static size_t take_day(const struct nima_said_words *words, size_t at, struct nima_said_time *time)
{
    if (time->has_day || time->repeat != NIMA_REPEAT_NONE) {
        return 0;
    }
    size_t used = take_named_day(words, at, time);
    used = used == 0 ? take_weekday(words, at, time) : used;
    return used == 0 ? take_date(words, at, time) : used;
}

/* Again and again */

/* "monday", "mondays and thursdays", "mon, wed and fri". */
static size_t take_weekdays(const struct nima_said_words *words, size_t at, bool need_plural,
                            unsigned *bits)
{
    size_t used = 0, last = 0;
    unsigned found = 0;
    bool plural = false, any_plural = false;
    int weekday;
    while ((weekday = weekday_of(low(words, at + used), &plural)) >= 0) {
        found |= 1u << weekday;
        any_plural = any_plural || plural;
        used++;
        last = used;
        used += nima_said_in(words, at + used, " and or & ") ? 1 : 0;
        used += nima_said_is(words, at + used, "every") ? 1 : 0;
    }
    if (found == 0 || (need_plural && !any_plural)) {
        return 0;
    }
    *bits = found;
    return last;
}

static void repeat_days(struct nima_said_time *time, unsigned bits)
{
    time->repeat = NIMA_REPEAT_WEEKDAYS;
    time->weekdays = bits;
}

static void repeat_each(struct nima_said_time *time, int count, char unit)
{
    time->repeat = NIMA_REPEAT_INTERVAL;
    time->count = count;
    time->unit = unit;
}

static size_t take_every_word(const struct nima_said_words *words, size_t at,
                              struct nima_said_time *time)
{
    size_t used = nima_said_is(words, at, "single") ? 1 : 0;
    int part = part_of(words, at + used);
    if (part != 0 || nima_said_in(words, at + used, " day days ")) {
        repeat_days(time, 127);
        time->part = part != 0 ? part : time->part;
    } else if (nima_said_in(words, at + used, " weekday weekdays workday workdays ")) {
        repeat_days(time, 62);
    } else if (nima_said_in(words, at + used, " weekend weekends ")) {
        repeat_days(time, 65);
    } else if (nima_said_is(words, at + used, "month")) {
        time->repeat = NIMA_REPEAT_MONTH;
    } else if (nima_said_is(words, at + used, "year")) {
        time->repeat = NIMA_REPEAT_YEAR;
    } else {
        return 0;
    }
    return used + 1;
}

static size_t take_every(const struct nima_said_words *words, size_t at,
                         struct nima_said_time *time)
{
    unsigned bits;
    int count = 1, part;
    size_t used = take_weekdays(words, at, false, &bits);
    if (used > 0) {
        repeat_days(time, bits);
        part = part_of(words, at + used);
        time->part = part != 0 ? part : time->part;
        return used + (part != 0 ? 1 : 0);
    }
    used = take_every_word(words, at, time);
    if (used > 0) {
        return used;
    }
    bool other = nima_said_in(words, at, " other second ");
    bool plural;
    if (other && weekday_of(low(words, at + 1), &plural) >= 0) {
        repeat_each(time, 2, 'w');
        time->weekday = weekday_of(low(words, at + 1), &plural);
        return 2;
    }
    count = other ? 2 : 1;
    used = other || (read_count(words, at, &count) && unit_of(words, at + 1) != 0) ? 1 : 0;
    char unit = unit_of(words, at + used);
    if (unit != 0) {
        repeat_each(time, count, unit);
        return used + 1;
    }
    int day = month_day_of(low(words, at), true);
    if (day != 0 && nima_said_begins(words, at + 1, "of the month") > 0) {
        time->repeat = NIMA_REPEAT_MONTH;
        time->day = day;
        return 4;
    }
    int month = month_of(low(words, at));
    day = month != 0 ? month_day_of(low(words, at + 1), false) : 0;
    if (day != 0) {
        time->repeat = NIMA_REPEAT_YEAR;
        time->month = month;
        time->day = day;
        return 2;
    }
    return 0;
}

/* "on the 1st of every month". */
static size_t take_every_month(const struct nima_said_words *words, size_t at,
                               struct nima_said_time *time)
{
    size_t used = nima_said_is(words, at, "on") ? 1 : 0;
    used += nima_said_is(words, at + used, "the") ? 1 : 0;
    int day = month_day_of(low(words, at + used), true);
    if (day == 0 || !nima_said_in(words, at + used + 1, " of ") ||
        !nima_said_in(words, at + used + 2, " every each the ") ||
        !nima_said_is(words, at + used + 3, "month")) {
        return 0;
    }
    time->repeat = NIMA_REPEAT_MONTH;
    time->day = day;
    return used + 4;
}

static size_t take_adverb(const struct nima_said_words *words, size_t at,
                          struct nima_said_time *time)
{
    if (nima_said_is(words, at, "daily")) {
        repeat_days(time, 127);
    } else if (nima_said_is(words, at, "hourly")) {
        repeat_each(time, 1, 'h');
    } else if (nima_said_is(words, at, "weekly")) {
        repeat_each(time, 1, 'w');
    } else if (nima_said_is(words, at, "monthly")) {
        time->repeat = NIMA_REPEAT_MONTH;
    } else if (nima_said_in(words, at, " yearly annually ")) {
        time->repeat = NIMA_REPEAT_YEAR;
    } else {
        return 0;
    }
    return 1;
}

/* "every week on Monday", "every month on the 1st", "every year on 3 May". */
static size_t take_which(const struct nima_said_words *words, size_t at,
                         struct nima_said_time *time)
{
    struct nima_said_time day = {.weekday = -1};
    unsigned bits;
    size_t used = nima_said_is(words, at, "on") ? 1 : 0;
    if (used > 0 && time->repeat == NIMA_REPEAT_INTERVAL && time->unit == 'w' &&
        time->weekday < 0) {
        size_t days = take_weekdays(words, at + 1, false, &bits);
        if (days > 0 && time->count == 1) {
            repeat_days(time, bits);
            return 1 + days;
        }
        bool plural;
        time->weekday = days > 0 ? weekday_of(low(words, at + 1), &plural) : -1;
        return days == 1 ? 2 : 0;
    }
    if (used == 0 || time->day != 0 ||
        (time->repeat != NIMA_REPEAT_MONTH && time->repeat != NIMA_REPEAT_YEAR)) {
        return 0;
    }
    used = take_date(words, at, &day);
    if (used == 0 || (time->repeat == NIMA_REPEAT_YEAR) != (day.month != 0)) {
        return 0;
    }
    time->day = day.day;
    time->month = day.month;
    return used;
}

static size_t take_repeat(const struct nima_said_words *words, size_t at,
                          struct nima_said_time *time)
{
    unsigned bits;
    if (time->repeat != NIMA_REPEAT_NONE) {
        return take_which(words, at, time);
    }
    if (time->has_day) {
        return 0;
    }
    if (nima_said_in(words, at, " every each ")) {
        size_t used = take_every(words, at + 1, time);
        return used > 0 ? used + 1 : 0;
    }
    size_t used = take_every_month(words, at, time);
    used = used == 0 ? take_adverb(words, at, time) : used;
    if (used == 0 && nima_said_is(words, at, "on")) {
        if (nima_said_in(words, at + 1, " weekdays weekends workdays ")) {
            return 1 + take_every_word(words, at + 1, time);
        }
        used = take_weekdays(words, at + 1, true, &bits);
        if (used > 0) {
            repeat_days(time, bits);
            return used + 1;
        }
    }
    return used;
}

size_t nima_said_time(const struct nima_said_words *words, size_t at, struct nima_said_time *time)
{
    struct nima_said_time next = *time;
    size_t used = take_repeat(words, at, &next);
    used = used == 0 ? take_after(words, at, &next) : used;
    used = used == 0 ? take_day(words, at, &next) : used;
    used = used == 0 ? take_hour(words, at, &next) : used;
    if (used == 0 && !time->has_hour && time->part == 0) {
        used = take_part_behind(words, at, &next);
    }
    if (used > 0) {
        *time = next;
    }
    return used;
}
