#include "util/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t nima_now_ms(void)
{
    return read_clock_us(CLOCK_REALTIME) / 1000;
}

int64_t nima_mono_ms(void)
{
    return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t nima_mono_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

struct timespec nima_mono_after(int64_t ms)
{
    struct timespec then;
    clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_sec += ms / 1000;
    then.tv_nsec += ms % 1000 * 1000000;
    if (then.tv_nsec >= 1000000000) {
        then.tv_sec++;
        then.tv_nsec -= 1000000000;
    }
    return then;
}

enum { MS_A_DAY = 86400000 };
#define YEAR_1_MS    INT64_C(-62135596800000)
#define YEAR_9999_MS INT64_C(253402300799999)

void nima_time_write(int64_t unix_ms, char out[NIMA_TIME_CHARS + 1])
{
    unix_ms = unix_ms < YEAR_1_MS ? YEAR_1_MS : unix_ms;
    unix_ms = unix_ms > YEAR_9999_MS ? YEAR_9999_MS : unix_ms;
    int64_t ms = unix_ms % 1000;
    if (ms < 0) {
        ms += 1000;
    }
    time_t seconds = (time_t)((unix_ms - ms) / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    snprintf(out, NIMA_TIME_CHARS + 1, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(parts.tm_year + 1900) % 10000, (unsigned)(parts.tm_mon + 1) % 100,
             (unsigned)parts.tm_mday % 100, (unsigned)parts.tm_hour % 100,
             (unsigned)parts.tm_min % 100, (unsigned)parts.tm_sec % 100, (unsigned)ms % 1000);
}

/* Reads exactly `digits` digits at *at. */
static bool take_number(nima_str s, size_t *at, int digits, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (*at >= s.len || s.ptr[*at] < '0' || s.ptr[*at] > '9') {
            return false;
        }
        value = value * 10 + (s.ptr[*at] - '0');
    }
    *out = value;
    return true;
}

static bool take_char(nima_str s, size_t *at, const char *any_of)
{
    if (*at >= s.len || strchr(any_of, s.ptr[*at]) == NULL || s.ptr[*at] == '\0') {
        return false;
    }
    (*at)++;
    return true;
}

static bool take_fraction(nima_str s, size_t *at, int *ms_out)
{
    int ms = 0;
    int weight = 100;
    size_t start = *at;
    while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
        ms += (s.ptr[*at] - '0') * weight;
        weight /= 10;
        (*at)++;
    }
    *ms_out = ms;
    return *at > start && *at - start <= 9;
}

static bool take_offset(nima_str s, size_t *at, int *minutes_out)
{
    if (take_char(s, at, "Zz")) {
        *minutes_out = 0;
        return true;
    }
    bool west = *at < s.len && s.ptr[*at] == '-';
    int hours, minutes = 0;
    if (!take_char(s, at, "+-") || !take_number(s, at, 2, &hours)) {
        return false;
    }
    if (*at < s.len) {
        take_char(s, at, ":");
        if (!take_number(s, at, 2, &minutes)) {
            return false;
        }
    }
    *minutes_out = (west ? -1 : 1) * (hours * 60 + minutes);
    return hours <= 23 && minutes <= 59;
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
int64_t nima_days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static bool is_date(int year, int month, int day)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    /* What we read, PostgreSQL and other readers of our replies must read too: no year 0. */
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
           day <= lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool nima_time_read(nima_str text, int64_t *unix_ms_out)
{
    size_t at = 0;
    int year, month, day, hour, minute, second, ms = 0, offset_minutes;
    bool ok = take_number(text, &at, 4, &year) && take_char(text, &at, "-") &&
              take_number(text, &at, 2, &month) && take_char(text, &at, "-") &&
              take_number(text, &at, 2, &day) && take_char(text, &at, "Tt ") &&
              take_number(text, &at, 2, &hour) && take_char(text, &at, ":") &&
              take_number(text, &at, 2, &minute) && take_char(text, &at, ":") &&
              take_number(text, &at, 2, &second);
    if (ok && take_char(text, &at, ".")) {
        ok = take_fraction(text, &at, &ms);
    }
    ok = ok && take_offset(text, &at, &offset_minutes) && at == text.len;
    if (!ok || !is_date(year, month, day) || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    int64_t seconds = (int64_t)hour * 3600 + minute * 60 + second - (int64_t)offset_minutes * 60;
    *unix_ms_out = nima_days_of(year, month, day) * MS_A_DAY + seconds * 1000 + ms;
    return true;
}
