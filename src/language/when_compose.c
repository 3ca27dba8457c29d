/* Pieces to one time: what "every", "until", "except", "from" and "to" do to what follows them. */
#include <stdlib.h>
#include <string.h>

#include "language/when_int.h"

enum { TIMES_MAX = 999 };
enum mode { MAIN, UNTIL, STARTING, EXCEPT };

struct composer {
    struct nima_time_said *out;
    enum mode mode;
    bool filled;            /* what the mode waits for has come */
    int every;              /* "every 2": waiting for what comes again; 0: no */
    bool broken;            /* other words stand between this piece and those before it */
    bool chosen;            /* "or": of two, nobody said which */
    bool anded;             /* "and" since the last of them */
    bool to, from, between; /* "to", "from" stood before */
    bool anchored;          /* EVERY weeks or months have their day */
    int last_clock;         /* index + 1 of the clock that the piece before set */
    const struct nima_when_piece *waiting; /* an "until" or such without what it needs */
};

static nima_str arg(const struct nima_when_piece *piece, int at)
{
    return at < piece->match.pattern->arg_count ? piece->match.pattern->args[at]
                                                : (nima_str){"", 0};
}

static bool is_arg(const struct nima_when_piece *piece, int at, const char *text)
{
    return nima_str_eq(arg(piece, at), nima_str_of(text));
}

static int int_arg(const struct nima_when_piece *piece, int at)
{
    int64_t value = 0;
    nima_str text = arg(piece, at);
    bool minus = text.len > 0 && text.ptr[0] == '-';
    (void)nima_str_to_i64(minus ? nima_str_sub(text, 1, text.len) : text, &value);
    return (int)(minus ? -value : value);
}

static enum nima_day_edge edge_of(nima_str text)
{
    return nima_str_eq(text, NIMA_STR("end"))     ? NIMA_EDGE_END
           : nima_str_eq(text, NIMA_STR("start")) ? NIMA_EDGE_START
           : nima_str_eq(text, NIMA_STR("mid"))   ? NIMA_EDGE_MID
                                                  : NIMA_EDGE_WHOLE;
}

/* Days */

static void fill_date(const struct nima_captures *c, struct nima_day *day)
{
    day->kind = NIMA_DAY_DATE;
    if (c->has_date) {
        day->year = c->date_year;
        day->month = c->date_month;
        day->day = c->date_day;
    } else {
        day->year = c->year;
        day->month = c->month;
        day->day = c->day;
    }
}

static enum nima_unit unit_named(nima_str name)
{
    return nima_str_eq(name, NIMA_STR("week"))        ? NIMA_UNIT_WEEK
           : nima_str_eq(name, NIMA_STR("month"))     ? NIMA_UNIT_MONTH
           : nima_str_eq(name, NIMA_STR("quarter"))   ? NIMA_UNIT_QUARTER
           : nima_str_eq(name, NIMA_STR("year"))      ? NIMA_UNIT_YEAR
           : nima_str_eq(name, NIMA_STR("hour"))      ? NIMA_UNIT_HOUR
           : nima_str_eq(name, NIMA_STR("day"))       ? NIMA_UNIT_DAY
           : nima_str_eq(name, NIMA_STR("fortnight")) ? NIMA_UNIT_FORTNIGHT
                                                      : NIMA_UNIT_COUNT;
}

static int season_month(nima_str name)
{
    return nima_str_eq(name, NIMA_STR("spring"))   ? 3
           : nima_str_eq(name, NIMA_STR("summer")) ? 6
           : nima_str_eq(name, NIMA_STR("autumn")) ? 9
                                                   : 12;
}

/* The day of a piece that is one; false: it is none. */
static bool day_of(const struct nima_when_piece *piece, struct nima_day *out)
{
    const struct nima_captures *c = &piece->match.captures;
    struct nima_day day = {.weekday = c->weekday, .year = c->year, .month = c->month};
    switch (piece->action) {
    case NIMA_ACT_day:
        day.kind = NIMA_DAY_OFFSET;
        day.n = int_arg(piece, 0);
        break;
    case NIMA_ACT_weekday:
        day.kind = NIMA_DAY_WEEKDAY;
        day.mod =
            arg(piece, 0).len > 0 && arg(piece, 0).ptr[0] != '-' ? arg(piece, 0).ptr[0] : '\0';
        break;
    case NIMA_ACT_date:
        fill_date(c, &day);
        break;
    case NIMA_ACT_dom:
        day.kind = NIMA_DAY_DATE;
        day.day = c->day > 0 ? c->day : c->ordinal;
        day.year = day.month = 0;
        day.n = is_arg(piece, 0, "next") ? 1 : 0;
        break;
    case NIMA_ACT_nth:
    case NIMA_ACT_nthlast:
        day.kind = NIMA_DAY_NTH;
        day.n = piece->action == NIMA_ACT_nthlast ? 6 : c->ordinal;
        day.mod = is_arg(piece, 0, "next") ? 'n' : '\0';
        break;
    case NIMA_ACT_lastday:
        day.kind = NIMA_DAY_LAST;
        day.n = is_arg(piece, 0, "next") ? 1 : 0;
        break;
    case NIMA_ACT_month:
        day.kind = NIMA_DAY_MONTH;
        day.edge = edge_of(arg(piece, 0));
        day.mod = is_arg(piece, 0, "next") ? 'n' : is_arg(piece, 0, "last") ? 'l' : '\0';
        break;
    case NIMA_ACT_year:
        day.kind = NIMA_DAY_YEAR;
        day.edge = edge_of(arg(piece, 0));
        break;
    case NIMA_ACT_quarter:
        day.kind = NIMA_DAY_QUARTER;
        day.n = int_arg(piece, 0);
        break;
    case NIMA_ACT_season:
        day.kind = NIMA_DAY_SEASON;
        day.month = season_month(arg(piece, 0));
        break;
    case NIMA_ACT_period:
        day.kind = NIMA_DAY_PERIOD;
        day.unit = unit_named(arg(piece, 0));
        day.n = int_arg(piece, 1);
        day.edge = edge_of(arg(piece, 2));
        break;
    case NIMA_ACT_holiday:
        day.kind = NIMA_DAY_HOLIDAY;
        day.holiday = arg(piece, 0);
        break;
    default:
        return false;
    }
    *out = day;
    return true;
}

/* "tomorrow" and "Friday" are the same day said twice only where they can be: "friday 5 march" is
 * one pattern; else both are kept and told apart as two. */
static void add_day(struct composer *c, const struct nima_day *day)
{
    struct nima_time_said *out = c->out;
    if (out->day_count == NIMA_WHEN_DAYS_MAX) {
        out->odd = true;
        return;
    }
    if ((c->to || (c->from && !c->anded)) && out->day_count == 1) {
        out->days_range = true;
    }
    bool weekdays = out->day_count > 0 && out->days[0].kind == NIMA_DAY_WEEKDAY &&
                    day->kind == NIMA_DAY_WEEKDAY;
    bool loose = out->day_count > 0 && !c->anded && !out->days_range && !weekdays;
    out->odd = out->odd || loose || (c->chosen && out->day_count > 0); /* "friday 13th" */
    c->anded = false;
    out->odd = out->odd || (c->broken && out->day_count > 0);
    c->to = false;
    out->days[out->day_count++] = *day;
}

/* Hours */

static int minutes_of(const struct nima_when_piece *piece)
{
    nima_str text = arg(piece, 0);
    int minute = piece->match.captures.minute;
    if (nima_str_eq(text, NIMA_STR("min"))) {
        return minute;
    }
    if (nima_str_eq(text, NIMA_STR("-min"))) {
        return -minute;
    }
    if (nima_str_ends(text, NIMA_STR("-min")) || nima_str_ends(text, NIMA_STR("+min"))) {
        bool minus = text.ptr[text.len - 4] == '-';
        int64_t base = 0;
        bool negative = text.ptr[0] == '-';
        (void)nima_str_to_i64(nima_str_sub(text, negative ? 1 : 0, text.len - 4), &base);
        return (int)(negative ? -base : base) + (minus ? -minute : minute);
    }
    return int_arg(piece, 0) +
           (piece->match.captures.has_hour &&
                    (is_arg(piece, 0, "0") || is_arg(piece, 0, "am") || is_arg(piece, 0, "pm"))
                ? minute
                : 0);
}

static bool clock_of(const struct nima_when_piece *piece, struct nima_clock *out)
{
    const struct nima_captures *c = &piece->match.captures;
    bool am = is_arg(piece, 0, "am"), pm = is_arg(piece, 0, "pm");
    if (piece->action == NIMA_ACT_noon || piece->action == NIMA_ACT_midnight) {
        *out = (struct nima_clock){.hour = piece->action == NIMA_ACT_noon ? 12 : 0, .exact = true};
        if (piece->match.pattern->arg_count > 0) {
            int minute = minutes_of(piece);
            out->hour = (out->hour + 24 + (minute < 0 ? -1 : 0)) % 24;
            out->minute = (minute + 60) % 60;
        }
        return true;
    }
    if (piece->action == NIMA_ACT_minute) {
        *out = (struct nima_clock){.hour = -1, .exact = true};
        out->minute = is_arg(piece, 0, "past") ? c->minute : int_arg(piece, 0);
        return true;
    }
    int hour = c->hour, minute = minutes_of(piece);
    if (am || pm) {
        hour = hour <= 12 ? hour % 12 + (pm ? 12 : 0) : hour;
    }
    bool exact = c->hour_exact || am || pm || piece->action == NIMA_ACT_clock24;
    bool back = minute < 0;
    if (back) {
        minute += 60;
        hour = hour == 0 ? 23 : hour == 1 && !exact ? 12 : hour - 1;
    }
    if (hour > 24 || minute > 59 || (hour == 24 && minute > 0)) {
        return false;
    }
    *out = (struct nima_clock){.hour = hour % 24, .minute = minute, .exact = exact};
    return true;
}

static void add_clock(struct composer *c, const struct nima_clock *clock)
{
    struct nima_time_said *out = c->out;
    if (out->clock_count == NIMA_WHEN_CLOCKS_MAX || out->clocks_range) {
        out->odd = true;
        return;
    }
    c->to = c->to || (c->from && !c->anded && out->clock_count == 1); /* "de 9h à 17h" */
    out->odd = out->odd || (c->chosen && out->clock_count > 0);
    c->anded = false;
    out->clocks_range = c->to && out->clock_count == 1;
    out->odd = out->odd || (c->to && out->clock_count != 1) || (c->broken && out->clock_count > 0);
    c->to = false;
    out->clocks[out->clock_count++] = *clock;
    c->last_clock = out->clock_count;
}

static void set_part(struct composer *c, int part)
{
    struct nima_time_said *out = c->out;
    if (c->last_clock > 0) {
        out->clocks[c->last_clock - 1].part = part;
    } else if (out->part != 0 && out->part != part) {
        out->odd = true;
    } else {
        out->part = part;
    }
}

/* Again */

static void again(struct composer *c, enum nima_repeat_kind kind)
{
    c->out->odd = c->out->odd || (c->out->again != NIMA_AGAIN_NONE && c->out->again != kind);
    c->out->again = kind;
}

static void again_weekdays(struct composer *c, unsigned bits)
{
    if (c->out->again == NIMA_AGAIN_EVERY &&
        (c->out->unit == NIMA_UNIT_WEEK || c->out->unit == NIMA_UNIT_DAY ||
         c->out->unit == NIMA_UNIT_HOUR || c->out->unit == NIMA_UNIT_MINUTE)) {
        c->out->weekdays |= bits;
        return;
    }
    if (c->out->again == NIMA_AGAIN_SECONDS) {
        c->out->weekdays |= bits;
        return;
    }
    again(c, NIMA_AGAIN_WEEKDAYS);
    c->out->weekdays |= bits;
}

/* The weekdays so far come again: "sunday mornings", "Monday and Thursdays". */
static bool weekdays_again(struct composer *c)
{
    struct nima_time_said *out = c->out;
    int kept = 0, count = out->day_count;
    for (int i = 0; i < count; i++) {
        if (out->days[i].kind == NIMA_DAY_WEEKDAY && out->days[i].mod == '\0') {
            again_weekdays(c, 1u << out->days[i].weekday);
        } else {
            out->days[kept++] = out->days[i];
        }
    }
    out->day_count = kept;
    return kept < count;
}

static void again_every(struct composer *c, double n, int unit)
{
    bool small = unit == NIMA_UNIT_HOUR || unit == NIMA_UNIT_MINUTE || unit == NIMA_UNIT_SECOND;
    if (n <= 0 || n > 10000) {
        c->out->odd = true;
        return;
    }
    if (unit == NIMA_UNIT_DAY && n == 1) {
        again_weekdays(c, 127);
        return;
    }
    if (c->out->again == NIMA_AGAIN_WEEKDAYS && (small || n == 1)) {
        c->out->again = NIMA_AGAIN_NONE; /* "every hour on weekdays", "every week on Monday" */
    }
    if (c->out->again == NIMA_AGAIN_EVERY && unit == (int)c->out->unit && n == c->out->every) {
        return;
    }
    again(c, NIMA_AGAIN_EVERY);
    c->out->every = unit == NIMA_UNIT_FORTNIGHT ? 2 * n : unit == NIMA_UNIT_QUARTER ? 3 * n : n;
    c->out->unit = unit == NIMA_UNIT_FORTNIGHT ? NIMA_UNIT_WEEK
                   : unit == NIMA_UNIT_QUARTER ? NIMA_UNIT_MONTH
                                               : (enum nima_unit)unit;
}

/* A day behind "every", or one that says by itself that it comes again. */
static void again_day(struct composer *c, const struct nima_when_piece *piece,
                      const struct nima_day *day)
{
    switch (day->kind) {
    case NIMA_DAY_WEEKDAY:
        if (c->every > 1) {
            again_every(c, c->every, NIMA_UNIT_WEEK);
        }
        again_weekdays(c, 1u << day->weekday);
        break;
    case NIMA_DAY_DATE:
        again(c, day->month != 0 ? NIMA_AGAIN_YEAR : NIMA_AGAIN_MONTH);
        add_day(c, day);
        break;
    case NIMA_DAY_NTH:
        again(c, NIMA_AGAIN_NTH);
        add_day(c, day);
        break;
    case NIMA_DAY_LAST:
        again(c, NIMA_AGAIN_LASTDAY);
        break;
    case NIMA_DAY_HOLIDAY:
        again(c, NIMA_AGAIN_YEAR);
        add_day(c, day);
        break;
    default:
        c->out->odd = true;
        break;
    }
    (void)piece;
}

static void take_repeat(struct composer *c, const struct nima_when_piece *piece)
{
    const struct nima_captures *captures = &piece->match.captures;
    enum nima_unit unit = unit_named(arg(piece, 0));
    switch (piece->action) {
    case NIMA_ACT_everydays:
        if (!(arg(piece, 1).len > 0 && weekdays_again(c))) {
            again_weekdays(c, (unsigned)int_arg(piece, 0));
        }
        if (arg(piece, 1).len > 0) {
            set_part(c, arg(piece, 1).ptr[0]);
        }
        break;
    case NIMA_ACT_everyn: {
        int n = int_arg(piece, 0);
        again_every(c,
                    n > 0             ? n
                    : captures->n > 0 ? captures->n
                                      : 1,
                    captures->unit >= 0 ? captures->unit : NIMA_UNIT_WEEK);
        break;
    }
    case NIMA_ACT_everydur:
        again(c, NIMA_AGAIN_SECONDS);
        c->out->every = (double)nima_duration_seconds(&captures->duration);
        c->out->odd = c->out->odd || captures->duration.months > 0;
        break;
    case NIMA_ACT_lastworkday:
        again(c, NIMA_AGAIN_LASTWORKDAY);
        break;
    default:
        again_every(c, 1, unit);
        break;
    }
}

/* Around */

static void wait_for(struct composer *c, enum mode mode, const struct nima_when_piece *piece)
{
    c->mode = mode;
    c->filled = false;
    c->waiting = piece;
    c->every = 0;
}

/* A day of "until", "starting", "except"; false: it is for the time itself. */
static bool take_aside(struct composer *c, const struct nima_when_piece *piece)
{
    struct nima_day day;
    struct nima_time_said *out = c->out;
    struct nima_clock clock;
    bool is_day = day_of(piece, &day);
    bool is_clock = piece->action == NIMA_ACT_clock || piece->action == NIMA_ACT_clock24 ||
                    piece->action == NIMA_ACT_noon || piece->action == NIMA_ACT_midnight;
    if (c->mode == MAIN || (!is_day && !is_clock && piece->action != NIMA_ACT_weekdays &&
                            piece->action != NIMA_ACT_everydays && c->filled)) {
        return false;
    }
    if (c->mode == EXCEPT) {
        bool plural = is_day && day.kind == NIMA_DAY_WEEKDAY;
        bool set = piece->action == NIMA_ACT_weekdays || piece->action == NIMA_ACT_everydays;
        if (plural || set) {
            out->except_weekdays |= set ? (unsigned)int_arg(piece, 0) : 1u << day.weekday;
        } else if (is_day && out->except_count < NIMA_WHEN_EXCEPT_MAX) {
            out->except[out->except_count++] = day;
        } else {
            return false;
        }
        c->filled = true;
        c->waiting = NULL;
        return true;
    }
    bool until = c->mode == UNTIL;
    if (is_day && !(until ? out->has_until_day : out->has_starting_day) &&
        !(piece->action == NIMA_ACT_weekday && is_arg(piece, 0, "every"))) {
        *(until ? &out->until : &out->starting) = day;
        *(until ? &out->has_until_day : &out->has_starting_day) = true;
    } else if (is_clock && !(until ? out->has_until_at : out->has_starting_at) &&
               (!c->filled || (out->clock_count > 0 && piece->behind)) && clock_of(piece, &clock)) {
        *(until ? &out->until_at : &out->starting_at) = clock;
        *(until ? &out->has_until_at : &out->has_starting_at) = true;
    } else if (is_clock && !until && c->filled && clock_of(piece, &clock)) {
        add_clock(c, &clock); /* "starting Monday at 9": the time of each */
    } else {
        return false;
    }
    *(until ? &out->has_until : &out->has_starting) = true;
    c->filled = true;
    c->waiting = NULL;
    return true;
}

static void set_duration(struct composer *c, const struct nima_when_piece *piece, bool *flag)
{
    struct nima_time_said *out = c->out;
    out->odd = out->odd || out->has_after || out->has_ago || out->has_within || out->has_for ||
               out->has_duration;
    *flag = true;
    out->duration = piece->match.captures.duration;
}

static void take_pointer(struct composer *c, const struct nima_when_piece *piece)
{
    switch (piece->action) {
    case NIMA_ACT_every:
        c->every = int_arg(piece, 0);
        c->mode = MAIN;
        c->waiting = piece;
        if (piece->match.captures.weekday >= 0) { /* "un mardi sur deux" */
            again_every(c, c->every, NIMA_UNIT_WEEK);
            again_weekdays(c, 1u << piece->match.captures.weekday);
            c->waiting = NULL;
        }
        break;
    case NIMA_ACT_until:
        /* "from 3 until 5", "Monday till Friday" */
        if (c->from && (c->out->clock_count == 1 || c->out->day_count == 1)) {
            c->to = true;
        } else {
            wait_for(c, UNTIL, piece);
        }
        break;
    case NIMA_ACT_starting:
        wait_for(c, STARTING, piece);
        break;
    case NIMA_ACT_except:
        wait_for(c, EXCEPT, piece);
        break;
    case NIMA_ACT_from:
        c->from = true;
        c->between = is_arg(piece, 0, "between");
        break;
    case NIMA_ACT_to:
        c->to = true;
        break;
    case NIMA_ACT_or:
        c->chosen = true;
        break;
    case NIMA_ACT_and:
        c->anded = true;
        c->to = c->to || (c->between && (c->out->clock_count == 1 || c->out->day_count == 1));
        c->between = c->between && !c->to;
        break;
    case NIMA_ACT_by:
        if (c->out->again != NIMA_AGAIN_NONE) {
            wait_for(c, UNTIL, piece); /* "every day by Friday" */
        } else {
            c->out->by = true;
        }
        break;
    default:
        break;
    }
}

static void take_day(struct composer *c, const struct nima_when_piece *piece)
{
    struct nima_day day;
    struct nima_time_said *out = c->out;
    if (!day_of(piece, &day)) {
        return;
    }
    bool plural = day.kind == NIMA_DAY_WEEKDAY &&
                  (piece->match.captures.weekday_plural || is_arg(piece, 0, "every"));
    bool is_weekdays = out->again == NIMA_AGAIN_WEEKDAYS && day.kind == NIMA_DAY_WEEKDAY;
    bool goes_on = is_weekdays && !is_arg(piece, 0, "next");
    bool in_weeks = out->again == NIMA_AGAIN_EVERY && out->unit == NIMA_UNIT_WEEK &&
                    day.kind == NIMA_DAY_WEEKDAY;
    bool in_months =
        out->again == NIMA_AGAIN_EVERY && out->unit == NIMA_UNIT_MONTH &&
        (day.kind == NIMA_DAY_DATE || day.kind == NIMA_DAY_NTH || day.kind == NIMA_DAY_LAST) &&
        day.month == 0;
    bool in_years = out->again == NIMA_AGAIN_EVERY && out->unit == NIMA_UNIT_YEAR &&
                    (day.kind == NIMA_DAY_DATE || day.kind == NIMA_DAY_HOLIDAY);
    bool limits = c->from && out->again != NIMA_AGAIN_NONE && !in_months && !in_years && !goes_on &&
                  !in_weeks && c->every == 0 && !plural;
    if (limits) { /* "every day from 1 to 24 December" */
        bool end = out->has_starting_day;
        *(end ? &out->until : &out->starting) = day;
        *(end ? &out->has_until_day : &out->has_starting_day) = true;
        *(end ? &out->has_until : &out->has_starting) = true;
        c->to = false;
    } else if (in_weeks) {
        again_weekdays(c, 1u << day.weekday);
    } else if (in_months || in_years) {
        add_day(c, &day);
    } else if (c->to && day.kind == NIMA_DAY_WEEKDAY && out->again == NIMA_AGAIN_WEEKDAYS) {
        int from = 0;
        while (from < 7 && (out->weekdays >> from & 1) == 0) {
            from++;
        }
        for (int at = from; at != day.weekday; at = (at + 1) % 7) {
            out->weekdays |= 1u << at;
        }
        out->weekdays |= 1u << day.weekday;
        c->to = false;
    } else if (c->every > 0 || plural || goes_on || is_arg(piece, 0, "every")) {
        /* "Mondays and Thursday": days before it come again as well */
        if (plural && out->day_count > 0 && out->again == NIMA_AGAIN_NONE) {
            weekdays_again(c);
        }
        again_day(c, piece, &day);
    } else {
        add_day(c, &day);
    }
    if (c->waiting != NULL && c->waiting->action == NIMA_ACT_every) {
        c->waiting = NULL;
    }
    if ((piece->action == NIMA_ACT_day || piece->action == NIMA_ACT_weekday) &&
        arg(piece, 1).len > 0) {
        c->last_clock = 0;
        set_part(c, arg(piece, 1).ptr[0]);
    }
}

static void take_duration(struct composer *c, const struct nima_when_piece *piece)
{
    struct nima_time_said *out = c->out;
    switch (piece->action) {
    case NIMA_ACT_after:
        set_duration(c, piece, &out->has_after);
        break;
    case NIMA_ACT_within:
        set_duration(c, piece, &out->has_within);
        break;
    case NIMA_ACT_ago:
        set_duration(c, piece, &out->has_ago);
        break;
    case NIMA_ACT_for:
        set_duration(c, piece, &out->has_for);
        break;
    default:
        set_duration(c, piece, c->every > 0 ? &out->has_for : &out->has_duration);
        break;
    }
}

static void take_times(struct composer *c, const struct nima_when_piece *piece)
{
    int n = int_arg(piece, 0) > 0 ? int_arg(piece, 0) : (int)piece->match.captures.n;
    c->out->odd = c->out->odd || n < 1 || n > TIMES_MAX;
    c->out->times = n;
}

static void take_main(struct composer *c, const struct nima_when_piece *piece)
{
    struct nima_time_said *out = c->out;
    struct nima_clock clock;
    int before = c->last_clock;
    switch (piece->action) {
    case NIMA_ACT_clock:
    case NIMA_ACT_clock24:
    case NIMA_ACT_noon:
    case NIMA_ACT_midnight:
    case NIMA_ACT_minute:
        if (!clock_of(piece, &clock)) {
            out->odd = true;
            break;
        }
        add_clock(c, &clock);
        return;
    case NIMA_ACT_part:
        if (c->every > 0 && out->again == NIMA_AGAIN_NONE) {
            again_weekdays(c, 127);
            c->waiting = NULL;
        }
        c->last_clock = piece->behind ? before : 0;
        set_part(c, arg(piece, 0).ptr[0]);
        break;
    case NIMA_ACT_weekdays:
        again_weekdays(c, (unsigned)int_arg(piece, 0));
        c->waiting = NULL;
        break;
    case NIMA_ACT_everydays:
    case NIMA_ACT_everyn:
    case NIMA_ACT_everydur:
    case NIMA_ACT_repeat:
    case NIMA_ACT_lastworkday:
        if (is_arg(piece, 2, "soft") && (before > 0 || out->day_count > 0) && piece->behind) {
            set_part(c, arg(piece, 1).ptr[0]); /* "um 3 Uhr nachmittags" */
            break;
        }
        c->mode = MAIN;
        take_repeat(c, piece);
        break;
    case NIMA_ACT_after:
    case NIMA_ACT_within:
    case NIMA_ACT_ago:
    case NIMA_ACT_for:
    case NIMA_ACT_duration:
        take_duration(c, piece);
        break;
    case NIMA_ACT_times:
        take_times(c, piece);
        break;
    case NIMA_ACT_now:
        out->now = true;
        break;
    case NIMA_ACT_zone:
        out->zone = piece->match.captures.zone;
        return;
    case NIMA_ACT_unread:
        out->has_unread = true;
        out->unread_from = piece->from;
        out->unread_end = piece->end;
        out->unread_text = piece->text;
        break;
    default:
        take_day(c, piece);
        break;
    }
    c->last_clock = 0;
}

static bool is_pointer(enum nima_when_action action)
{
    return action == NIMA_ACT_every || action == NIMA_ACT_until || action == NIMA_ACT_starting ||
           action == NIMA_ACT_from || action == NIMA_ACT_to || action == NIMA_ACT_except ||
           action == NIMA_ACT_by || action == NIMA_ACT_or || action == NIMA_ACT_and ||
           action == NIMA_ACT_glue;
}

bool nima_when_compose(const struct nima_when_piece *pieces, size_t count,
                       struct nima_time_said *out)
{
    struct composer c = {.out = out};
    bool any = false;
    *out = (struct nima_time_said){.again = NIMA_AGAIN_NONE};
    for (size_t i = 0; i < count; i++) {
        const struct nima_when_piece *piece = &pieces[i];
        c.broken = c.broken || (i > 0 && !piece->behind);
        c.to = c.to || (piece->hyphen &&
                        (piece->action == NIMA_ACT_weekday || piece->action == NIMA_ACT_clock ||
                         piece->action == NIMA_ACT_clock24 ||
                         piece->action == NIMA_ACT_noon)); /* "mon-fri" */
        if (is_pointer(piece->action)) {
            any = any || nima_when_is_content(piece);
            take_pointer(&c, piece);
            continue;
        }
        any = any || nima_when_is_content(piece);
        if (!take_aside(&c, piece)) {
            if (c.filled) {
                c.mode = MAIN;
            }
            take_main(&c, piece);
        }
    }
    bool needs = c.waiting != NULL && !out->has_unread &&
                 (c.waiting->action == NIMA_ACT_until || c.waiting->action == NIMA_ACT_except ||
                  c.waiting->action == NIMA_ACT_starting || c.waiting->action == NIMA_ACT_every);
    if (needs) {
        out->has_unread = true;
        out->unread_from = c.waiting->from;
        out->unread_end = SIZE_MAX; /* and the words behind it */
        out->unread_text = c.waiting->text;
    }
    return any;
}
