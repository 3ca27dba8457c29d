#pragma once
/*
 * Private to src/language: a time on its way from words to days and hours.
 */
#include "language/language_int.h"
#include "language/when.h"
#include "util/zone.h"

enum {
    NIMA_WHEN_PIECES_MAX = 400, /* of one text: what is behind them is not looked at */
    NIMA_WHEN_DAYS_MAX = 8,
    NIMA_WHEN_CLOCKS_MAX = 8,
    NIMA_WHEN_EXCEPT_MAX = 8
};

/* What a pattern's action is. */
#define NIMA_WHEN_ACTIONS(X)                                                                       \
    X(day) X(now) X(weekday) X(weekdays) X(everydays) X(date) X(dom) X(lastday) X(lastworkday)     \
    X(nth) X(nthlast) X(month) X(year) X(quarter) X(period) X(season) X(holiday) X(clock)          \
    X(clock24) X(noon) X(midnight) X(minute) X(part) X(zone) X(after) X(within) X(ago) X(for)      \
    X(duration) X(every) X(everyn) X(everydur) X(repeat) X(times) X(until) X(starting) X(from)     \
    X(to) X(except) X(by) X(and) X(or) X(glue) X(unread)
enum nima_when_action {
#define X(name) NIMA_ACT_##name,
    NIMA_WHEN_ACTIONS(X)
#undef X
        NIMA_ACT_COUNT
};

struct nima_when_piece {
    enum nima_when_action action;
    struct nima_match match;
    size_t first;     /* lexeme */
    size_t from, end; /* bytes of the text */
    size_t text;      /* which passage */
    bool hyphen;      /* a hyphen joins it to the piece before it */
    bool behind;      /* directly behind the piece before it */
};
struct nima_when_pieces {
    struct nima_when_piece *items;
    size_t count;
};

/* A day as it was said. */
enum nima_day_kind {
    NIMA_DAY_OFFSET,
    NIMA_DAY_WEEKDAY,
    NIMA_DAY_DATE, /* year, month 0: not said */
    NIMA_DAY_NTH,  /* n: 1..5, 6: last */
    NIMA_DAY_LAST, /* of a month */
    NIMA_DAY_MONTH,
    NIMA_DAY_YEAR,
    NIMA_DAY_QUARTER,
    NIMA_DAY_SEASON, /* month: its first */
    NIMA_DAY_PERIOD,
    NIMA_DAY_HOLIDAY
};
enum nima_day_edge { NIMA_EDGE_WHOLE, NIMA_EDGE_START, NIMA_EDGE_MID, NIMA_EDGE_END };
struct nima_day {
    enum nima_day_kind kind;
    int n; /* offset, count, quarter, months or weeks from this one */
    int weekday, year, month, day;
    enum nima_unit unit; /* PERIOD; _COUNT: a weekend */
    enum nima_day_edge edge;
    char mod; /* WEEKDAY: 'n'ext, 'c'oming, 'w'eek after, 'f'ortnight, 'l'ast, 't'his week; 0 */
    nima_str holiday;
};
/* First and last local day (since 1970); false: there is no such day. `past`: before today. */
struct nima_day_span {
    int64_t first, last;
    bool past;
};
bool nima_day_resolve(const struct nima_day *day, int64_t today, struct nima_day_span *out);
int64_t nima_easter(int year); /* its Sunday */

struct nima_clock {
    int hour, minute; /* hour -1: the next one */
    bool exact;
    int part; /* 'm' 'a' 'e' 'n', of this one */
};

enum nima_repeat_kind {
    NIMA_AGAIN_NONE,
    NIMA_AGAIN_WEEKDAYS, /* bits */
    NIMA_AGAIN_EVERY,    /* n units */
    NIMA_AGAIN_SECONDS,  /* every so many */
    NIMA_AGAIN_MONTH,    /* days of the month in `days` */
    NIMA_AGAIN_YEAR,
    NIMA_AGAIN_LASTDAY,
    NIMA_AGAIN_LASTWORKDAY,
    NIMA_AGAIN_NTH
};

/* A whole time as it was said. */
struct nima_time_said {
    struct nima_day days[NIMA_WHEN_DAYS_MAX];
    int day_count;
    bool days_range; /* from the first to the second */
    struct nima_clock clocks[NIMA_WHEN_CLOCKS_MAX];
    int clock_count;
    bool clocks_range;
    int part;
    bool now;
    enum nima_repeat_kind again;
    unsigned weekdays; /* bits */
    double every;      /* EVERY: how many; SECONDS: of them */
    enum nima_unit unit;
    bool has_after, has_ago, has_within, has_for, has_duration;
    struct nima_duration duration;
    bool has_until, has_starting;
    struct nima_day until, starting;
    bool until_clock; /* until a time of day alone */
    bool has_until_day, has_starting_day;
    struct nima_clock until_at, starting_at;
    bool has_until_at, has_starting_at;
    unsigned except_weekdays;
    struct nima_day except[NIMA_WHEN_EXCEPT_MAX];
    int except_count;
    int times;
    nima_str zone;
    bool by;
    bool odd; /* parts that do not go together */
    size_t unread_from, unread_end, unread_text;
    bool has_unread;
};

/* The pieces of a text; `weak`: all of it is a time, so a bare number is one. */
void nima_when_scan(struct nima_ctx *ctx, const struct nima_when_setting *setting, nima_str text,
                    size_t which, bool weak, struct nima_lexemes *lexemes,
                    struct nima_when_pieces *out);
/* Puts pieces [from, end) together; false: there is no time in them. */
bool nima_when_compose(const struct nima_when_piece *pieces, size_t count,
                       struct nima_time_said *out);
bool nima_when_is_content(const struct nima_when_piece *piece);
void nima_when_resolve(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                       const struct nima_time_said *said, struct nima_when *out);
/* when_again.c: of what comes again. */
void nima_when_again(struct nima_ctx *ctx, const struct nima_when_setting *setting,
                     const struct nima_time_said *said, const struct nima_zone *zone,
                     struct nima_when *out);
/* The hour that is meant by it. */
void nima_clock_choose(const struct nima_clock *clock, int part, struct nima_when *out);
