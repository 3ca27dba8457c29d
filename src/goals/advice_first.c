/*
 * A first step for a goal that has none, from its title: a share of what is counted ("read 12
 * books"), a third of a distance, else what such goals begin with.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "goals/advice_int.h"

enum { YEAR_MIN = 1900, YEAR_MAX = 2100, NUMBER_MAX = 1000000, NUMBER_CHARS = 7 };
enum { AT_ONCE_MAX = 50 }; /* a distance that is gone in one go */

struct opening {
    const char *verbs; /* "a|b" */
    const char *words; /* %s: the title behind its first word */
    bool whole;        /* %s: all of the title */
};
static const struct opening openings[] = {
    {"learn", "Spend 20 minutes learning %s", false},
    {"study", "Spend 20 minutes studying %s", false},
    {"practise|practice", "Spend 20 minutes practising %s", false},
    {"master|understand|improve", "Spend 20 minutes on %s", false},
    {"write|draft|compose", "Outline %s on one page", false},
    {"build|make|create|develop|design|launch|start|found|record|organise|organize|plan|prepare|"
     "host",
     "Sketch %s on one page", false},
    {"renovate|paint|repair|fix|clean|tidy|declutter|plant|grow|restore|sew|knit|bake|cook|move",
     "List what is needed to %s", true},
    {"run|swim|cycle|bike|ride|row|walk|hike|climb|exercise|train|dance|meditate|stretch|sleep|eat|"
     "drink|play|draw|sing|read|visit",
     "Pick two days of this week to %s", true},
    {"quit|stop|reduce|cut|lose|limit|avoid", "Note for three days what stands in the way: %s",
     true},
    {"save|pay|earn|invest", "Set up a fixed amount a month: %s", true},
};

static bool is_one_of(nima_str word, const char *list)
{
    nima_str rest = nima_str_of(list), one;
    while (nima_str_next(&rest, '|', &one)) {
        if (nima_str_eq_nocase(one, word)) {
            return true;
        }
    }
    return false;
}

/* "Learn Dutch" inside a sentence: "learn Dutch". */
static nima_str in_sentence(struct nima_ctx *ctx, nima_str title)
{
    bool plain = title.len > 1 && isupper((unsigned char)title.ptr[0]) &&
                 islower((unsigned char)title.ptr[1]);
    return plain ? nima_fmt(ctx, "%c" NIMA_FMT, tolower((unsigned char)title.ptr[0]),
                            NIMA_ARG(nima_str_sub(title, 1, title.len)))
                 : title;
}

/* A number as it stands in a title. */
struct amount {
    size_t from, end;
    double value;
};

static bool word_starts(nima_str text, size_t at)
{
    return isdigit((unsigned char)text.ptr[at]) != 0 && (at == 0 || text.ptr[at - 1] == ' ');
}

/* The first number that is no year and stands alone; false: there is none. */
static bool read_amount(nima_str title, struct amount *out)
{
    for (size_t i = 0; i < title.len; i++) {
        if (!word_starts(title, i)) {
            continue;
        }
        size_t end = i;
        double value = 0;
        while (end < title.len && isdigit((unsigned char)title.ptr[end]) &&
               end - i < NUMBER_CHARS) {
            value = value * 10 + (title.ptr[end++] - '0');
        }
        bool alone = end < title.len && title.ptr[end] == ' ';
        bool year = end - i == 4 && value >= YEAR_MIN && value <= YEAR_MAX && i > 0 &&
                    (nima_str_ends(nima_str_sub(title, 0, i), NIMA_STR(" in ")) ||
                     nima_str_ends(nima_str_sub(title, 0, i), NIMA_STR(" of ")) ||
                     nima_str_ends(nima_str_sub(title, 0, i), NIMA_STR(" by ")));
        if (alone && !year && value >= 2 && value <= NUMBER_MAX) {
            *out = (struct amount){i, end, value};
            return true;
        }
        i = end;
    }
    return false;
}

static nima_str with_amount(struct nima_ctx *ctx, nima_str title, const struct amount *amount,
                            nima_str instead)
{
    return nima_fmt(ctx, NIMA_FMT NIMA_FMT NIMA_FMT, NIMA_ARG(nima_str_sub(title, 0, amount->from)),
                    NIMA_ARG(instead), NIMA_ARG(nima_str_sub(title, amount->end, title.len)));
}

struct first {
    nima_str text;
    nima_str reason; /* absent: that there is none yet */
    int64_t due;
};

/* Read 12 books: so many a week, or one in so many days. */
static void share_of(struct nima_sight *sight, const struct amount *amount, struct first *out)
{
    const struct nima_goal *goal = sight->goal;
    double left = amount->value * (1 - goal->progress);
    double days = (double)(goal->deadline - sight->now_ms) / NIMA_DAY_MS;
    if (days < 7) {
        return;
    }
    double a_week = left / (days / 7);
    nima_str instead;
    if (a_week >= 1) {
        instead = nima_fmt(sight->ctx, "%.0f", ceil(a_week));
        out->due = sight->now_ms + 7 * (int64_t)NIMA_DAY_MS;
        out->reason = nima_fmt(sight->ctx, "%.0f until " NIMA_FMT " is %.0f a week.", left,
                               NIMA_ARG(nima_advice_day(sight, goal->deadline)), ceil(a_week));
    } else {
        instead = nima_fmt(sight->ctx, "1 of %.0f", amount->value);
        out->due = sight->now_ms + (int64_t)(days / left * NIMA_DAY_MS);
        out->reason =
            nima_fmt(sight->ctx, "%.0f until " NIMA_FMT " is one in %.0f days.", ceil(left),
                     NIMA_ARG(nima_advice_day(sight, goal->deadline)), floor(days / left));
    }
    out->text = with_amount(sight->ctx, goal->title, amount, instead);
}

static void from_amount(struct nima_sight *sight, nima_str verb, struct first *out)
{
    struct amount amount;
    if (!read_amount(sight->goal->title, &amount)) {
        return;
    }
    bool at_once = amount.value <= AT_ONCE_MAX;
    if (at_once && is_one_of(verb, "run|swim|cycle|bike|ride|row|walk|hike|jog")) {
        nima_str third = nima_fmt(sight->ctx, "%.0f", ceil(amount.value / 3));
        out->text = with_amount(sight->ctx, sight->goal->title, &amount, third);
        out->reason = NIMA_STR("The goal has no milestones yet; a third of it is a beginning.");
    } else if (sight->goal->deadline > sight->now_ms) {
        share_of(sight, &amount, out);
    }
}

static nima_str from_verb(struct nima_sight *sight, nima_str verb)
{
    nima_str title = sight->goal->title, rest = nima_str_sub(title, verb.len, title.len);
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        const struct opening *opening = &openings[i];
        if (is_one_of(verb, opening->verbs) && nima_str_trim(rest).len > 0) {
            nima_str words = nima_str_of(opening->words);
            size_t at = nima_str_find(words, NIMA_STR("%s"), 0);
            nima_str what = opening->whole ? in_sentence(sight->ctx, title) : nima_str_trim(rest);
            return nima_fmt(sight->ctx, NIMA_FMT NIMA_FMT NIMA_FMT,
                            NIMA_ARG(nima_str_sub(words, 0, at)), NIMA_ARG(what),
                            NIMA_ARG(nima_str_sub(words, at + 2, words.len)));
        }
    }
    return nima_fmt(sight->ctx, "List the first three things it takes to reach \"" NIMA_FMT "\"",
                    NIMA_ARG(title));
}

static bool is_habit(nima_str title)
{
    static const char *const marks[] = {"every day",   "each day",    "daily",
                                        "every night", "a night",     "every morning",
                                        "a day",       "days a week", "times a week"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (nima_str_ends(title, nima_str_of(marks[i]))) {
            return true;
        }
    }
    return false;
}

void nima_advice_first_step(struct nima_sight *sight)
{
    const struct nima_goal *goal = sight->goal;
    nima_str rest = goal->title, verb;
    bool steps_worked = sight->kind.finished != NULL && sight->kind.finished->milestones.count > 0;
    if (goal->milestones.count > 0 || steps_worked || !nima_str_next(&rest, ' ', &verb)) {
        return;
    }
    struct first first = {.due = sight->now_ms + 7 * (int64_t)NIMA_DAY_MS};
    from_amount(sight, verb, &first);
    if (first.text.ptr == NULL && is_habit(goal->title)) {
        first.text = nima_fmt(sight->ctx, "Do it today, once: " NIMA_FMT, NIMA_ARG(goal->title));
    }
    if (first.text.ptr == NULL) {
        first.text = from_verb(sight, verb);
    }
    if (first.reason.ptr == NULL) {
        first.reason =
            NIMA_STR("The goal has no milestones yet, so there is no next step to take.");
    }
    struct nima_goal_suggestion *made = nima_advice_add(
        sight, NIMA_STR("split"),
        nima_fmt(sight->ctx,
                 "Write down three milestones, the first small enough for now: " NIMA_FMT,
                 NIMA_ARG(first.text)),
        first.reason);
    struct nima_milestones *steps = NIMA_NEW(sight->ctx->arena, struct nima_milestones, 1);
    steps->items = NIMA_NEW(sight->ctx->arena, struct nima_milestone, 1);
    steps->items[0] =
        (struct nima_milestone){.title = nima_utf8_prefix(first.text, NIMA_GOAL_TITLE_MAX)};
    steps->count = 1;
    made->steps = steps;
    made->subject = first.text;
    made->due = first.due;
    nima_advice_because(made, goal->id);
}
