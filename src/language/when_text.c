/* A time in words, for replies in English. */
#include "language/when_int.h"
#include "util/buf.h"
#include "util/cron.h"

enum { TEXT_BYTES_MAX = 2000, DAY_S = 86400 };

static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

static void put_moment(struct nima_buf *buf, const struct nima_zone *zone, int64_t ms, bool time)
{
    struct nima_civil at;
    nima_civil_of(ms / 1000 + nima_zone_offset_s(zone, ms / 1000), &at);
    nima_buf_fmt(buf, "%s %d %s %d", weekdays[at.weekday], at.day, months[at.month - 1], at.year);
    if (time) {
        nima_buf_fmt(buf, " at %02d:%02d", at.hour, at.minute);
    }
}

static const char *and_between(int left)
{
    return left > 1 ? ", " : left == 1 ? " and " : "";
}

static void put_weekdays(struct nima_buf *buf, unsigned bits)
{
    int left = __builtin_popcount(bits);
    if (bits == 127 || bits == 62) {
        nima_buf_fmt(buf, "every %s", bits == 127 ? "day" : "weekday");
        return;
    }
    nima_buf_fmt(buf, "every ");
    for (int i = 1; i <= 7; i++) {
        if ((bits >> i % 7 & 1) != 0) {
            left--;
            nima_buf_fmt(buf, "%s%s", weekdays[i % 7], and_between(left));
        }
    }
}

static void put_times(struct nima_buf *buf, const struct nima_cron *cron)
{
    int left = __builtin_popcountll(cron->minutes) * __builtin_popcount(cron->hours);
    if (left > 6) {
        return;
    }
    nima_buf_fmt(buf, " at ");
    for (int hour = 0; hour < 24; hour++) {
        for (int minute = 0; (cron->hours >> hour & 1) != 0 && minute < 60; minute++) {
            if ((cron->minutes >> minute & 1) != 0) {
                left--;
                nima_buf_fmt(buf, "%02d:%02d%s", hour, minute, and_between(left));
            }
        }
    }
}

static const char *ordinal(int n)
{
    static const char *const names[] = {"", "first", "second", "third", "fourth", "fifth", "last"};
    return n >= 1 && n <= 6 ? names[n] : "";
}

static void put_nth(struct nima_buf *buf, const struct nima_cron *cron)
{
    const char *before = "";
    for (int day = 0; day < 7; day++) {
        for (int n = 1; n <= 6; n++) {
            if ((cron->nth[day] >> n & 1) != 0) {
                nima_buf_fmt(buf, "%sthe %s %s of ", before, ordinal(n), weekdays[day]);
                before = "and ";
            }
        }
    }
}

/* "the 1st and 15th of every month", "3 May" */
static void put_days(struct nima_buf *buf, const struct nima_cron *cron)
{
    bool all = (cron->months & 0x1ffe) == 0x1ffe;
    int left = __builtin_popcount(cron->days);
    if (cron->has_nth) {
        put_nth(buf, cron);
    } else if (cron->last_day) {
        nima_buf_fmt(buf, "the last %sday of ", cron->last_workday ? "week" : "");
    } else {
        nima_buf_fmt(buf, "day ");
        for (int day = 1; day <= 31; day++) {
            if ((cron->days >> day & 1) != 0) {
                left--;
                nima_buf_fmt(buf, "%d%s", day, and_between(left));
            }
        }
        nima_buf_fmt(buf, " of ");
    }
    left = __builtin_popcount(cron->months);
    nima_buf_fmt(buf, all ? "every month" : "");
    for (int month = 1; month <= 12 && !all; month++) {
        if ((cron->months >> month & 1) != 0) {
            left--;
            nima_buf_fmt(buf, "%s%s", months[month - 1], and_between(left));
        }
    }
}

static void put_line(struct nima_ctx *ctx, struct nima_buf *buf, nima_str line)
{
    struct nima_cron cron;
    struct nima_error before = ctx->error;
    if (nima_cron_read(ctx, line, &cron) != NIMA_OK) {
        ctx->error = before;
        nima_buf_fmt(buf, NIMA_FMT, NIMA_ARG(line));
        return;
    }
    int hours = __builtin_popcount(cron.hours), minutes = __builtin_popcountll(cron.minutes);
    if (hours * minutes > 6) {
        nima_buf_fmt(buf, "%s at %s, ", minutes > 1 ? "several times an hour" : "several hours",
                     "the times of \"");
        nima_buf_fmt(buf, NIMA_FMT "\"", NIMA_ARG(line));
        return;
    }
    bool monthly = cron.has_nth || cron.last_day || !cron.any_day;
    if (monthly) {
        put_days(buf, &cron);
    } else {
        put_weekdays(buf, cron.weekdays);
    }
    put_times(buf, &cron);
}

static void put_again(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                      const struct nima_when *when, struct nima_buf *buf)
{
    static const char names[] = "smhdw";
    static const char *const units[] = {"second", "minute", "hour", "day", "week"};
    for (size_t i = 0; i < when->cron_count; i++) {
        nima_buf_fmt(buf, "%s", i > 0 ? ", and " : "");
        put_line(ctx, buf, when->crons[i]);
    }
    if (when->every.len > 1) {
        int64_t count = 1;
        size_t unit = 0;
        (void)nima_str_to_i64(nima_str_sub(when->every, 0, when->every.len - 1), &count);
        while (unit < 4 && names[unit] != when->every.ptr[when->every.len - 1]) {
            unit++;
        }
        if (count == 1) {
            nima_buf_fmt(buf, "every %s", units[unit]);
        } else {
            nima_buf_fmt(buf, "every %lld %ss", (long long)count, units[unit]);
        }
    }
    if (when->starts_ms != 0) {
        nima_buf_fmt(buf, ", from ");
        put_moment(buf, setting->zone, when->starts_ms, false);
    }
    if (when->ends_ms != 0 && when->times == 0) {
        nima_buf_fmt(buf, ", until ");
        put_moment(buf, setting->zone, when->ends_ms, true);
    }
    if (when->times > 0) {
        nima_buf_fmt(buf, ", %d times", when->times);
    }
    if (when->except_count > 0) {
        nima_buf_fmt(buf, ", but not on");
    }
    for (size_t i = 0; i < when->except_count; i++) {
        nima_buf_fmt(buf, "%s ", i > 0 ? "," : "");
        put_moment(buf, setting->zone,
                   nima_zone_moment_s(setting->zone, when->except[i] * DAY_S) * 1000, false);
    }
    if (when->short_months) {
        nima_buf_fmt(buf, ", in the months that have it");
    }
}

nima_str nima_when_text(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                        const struct nima_when *when)
{
    struct nima_buf buf;
    nima_buf_init(&buf, TEXT_BYTES_MAX);
    if (when->kind == NIMA_WHEN_RECURRENCE) {
        put_again(ctx, setting, when, &buf);
    } else if (when->kind != NIMA_WHEN_NONE) {
        put_moment(&buf, setting->zone, when->at_ms, true);
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text.ptr != NULL ? text : NIMA_STR("");
}
