/*
 * "I am no longer …", "I stopped …", "I quit …", "I sold …", "I left …": what is true no longer.
 * A denial is read as the statement that it denies, by the rules that would have taken that one.
 */
#include <stdio.h>
#include <string.h>

#include "memory/clause_int.h"
#include "memory/lexicon.h"
#include "memory/rules.h"

enum { LEAD_CHARS = 160 };

/* The place behind "have", "just", "finally" and the like. */
static size_t verb_place(const struct nima_clause *c)
{
    size_t i = 1;
    while (in(c, i, " have just now recently finally already also actually since then ") &&
           i + 1 < c->count) {
        i++;
    }
    return i;
}

/* The end of the clause without "any more"; c->count: it has none. */
static size_t any_more(const struct nima_clause *c)
{
    bool one = is(c, c->count - 1, "anymore");
    bool two = c->count > 2 && is(c, c->count - 2, "any") && in(c, c->count - 1, " more longer ");
    return one ? c->count - 1 : two ? c->count - 2 : c->count;
}

/* What the rules make of "I" and tokens [from, end), `verb` in front of them when it is given. */
static bool statement_of(const struct nima_rule_run *run, const char *verb, size_t from, size_t end,
                         struct nima_candidate *out)
{
    struct nima_candidates *found = NIMA_NEW(run->ctx->arena, struct nima_candidates, 1);
    struct nima_clause *clause = NIMA_NEW(run->ctx->arena, struct nima_clause, 1);
    const struct nima_clause *c = run->clause;
    clause->t[clause->count++] = c->t[0];
    if (verb != NULL) {
        struct nima_said_word word = {.raw = nima_str_of(verb)};
        snprintf(word.low, sizeof(word.low), "%s", verb);
        clause->t[clause->count++] = word;
    }
    for (size_t i = from; i < end && i < c->count && clause->count < NIMA_TOKENS_MAX; i++) {
        clause->t[clause->count++] = c->t[i];
    }
    struct nima_rule_run inner = *run;
    inner.clause = clause;
    inner.out = found;
    if (clause->count >= 2) {
        nima_memory_rule_self(&inner);
    }
    if (found->count != 1 || found->items[0].ended) {
        return false;
    }
    *out = found->items[0];
    return true;
}

static bool add(const struct nima_rule_run *run, const struct nima_candidate *candidate)
{
    if (run->out->count == NIMA_CANDIDATES_MAX || candidate->text.len == 0 ||
        nima_memory_secret(candidate->text) != NULL) {
        return false;
    }
    run->out->items[run->out->count++] = *candidate;
    return true;
}

/* "The user is no longer diabetic" of "The user is diabetic". */
static nima_str denied(struct nima_ctx *ctx, nima_str text)
{
    nima_str lead = NIMA_STR("The user ");
    nima_str is_lead = NIMA_STR("The user is ");
    if (!nima_str_starts(text, lead)) {
        return NIMA_STR("");
    }
    bool be = nima_str_starts(text, is_lead);
    return nima_fmt(ctx, "The user %sno longer " NIMA_FMT, be ? "is " : "",
                    NIMA_ARG(nima_str_sub(text, be ? is_lead.len : lead.len, text.len)));
}

static bool no_longer_is(const struct nima_rule_run *run)
{
    const struct nima_clause *c = run->clause;
    size_t more = any_more(c);
    bool no_longer = in(c, 1, " am are ") && is(c, 2, "no") && is(c, 3, "longer");
    bool not_more = in(c, 1, " am are ") && is(c, 2, "not") && more < c->count;
    struct nima_candidate was;
    if ((!no_longer && !not_more) || !statement_of(run, "am", no_longer ? 4 : 3, more, &was)) {
        return false;
    }
    was.ends = was.text;
    was.ends_kind = NIMA_ENDS_STATEMENT;
    was.text = denied(run->ctx, was.text);
    was.ended = true;
    was.single = true;
    return add(run, &was);
}

/* "stopped playing tennis", "quit smoking", "gave up meat" */
static bool gives_up(const struct nima_rule_run *run, size_t i)
{
    const struct nima_clause *c = run->clause;
    bool up = in(c, i, " gave given ") && is(c, i + 1, "up");
    size_t object = i + (up ? 2 : 1);
    if ((!up && !in(c, i, " stopped quit ")) || object >= c->count) {
        return false;
    }
    size_t end = nima_memory_rule_end(c, object);
    const char *verb = nima_memory_verb_of_gerund(at(c, object)->low);
    struct nima_candidate made = {0};
    size_t said_end = object + 1; /* without "years ago", "last May" */
    while (said_end < end && !in(c, said_end,
                                 " last since because yesterday when ago in two three"
                                 " four five six ten many some years months weeks ")) {
        said_end++;
    }
    if (verb != NULL && statement_of(run, verb, object + 1, said_end, &made)) {
        made.ends = made.text;
        made.ends_kind = NIMA_ENDS_STATEMENT;
    } else if (verb != NULL && said_end == object + 1) {
        made = (struct nima_candidate){.category = NIMA_STR("habit"), .value = NIMA_STR("")};
        made.ends = nima_str_of(verb);
        made.ends_kind = NIMA_ENDS_ACTIVITY;
    } else if (up && !nima_memory_vague(c, object) &&
               !in(c, object, " on hope all it my everything ")) {
        made = (struct nima_candidate){.category = NIMA_STR("habit"), .value = NIMA_STR("")};
        made.ends = nima_memory_third_text(run->ctx, "", c->t, object, end);
        made.ends_kind = NIMA_ENDS_ACTIVITY;
    } else if (up && is(c, object, "the") && object + 1 < end) {
        made = (struct nima_candidate){.category = NIMA_STR("habit"), .value = NIMA_STR("")};
        made.ends = nima_memory_third_text(run->ctx, "", c->t, object + 1, end);
        made.ends_kind = NIMA_ENDS_ACTIVITY;
    } else {
        return false;
    }
    made.text = nima_memory_third_text(run->ctx, "The user", c->t, i, end);
    made.ended = true;
    made.single = true;
    made.confidence = 0.9;
    return add(run, &made);
}

static bool sold(const struct nima_rule_run *run, size_t i)
{
    const struct nima_clause *c = run->clause;
    bool away = is(c, i, "gave") && is(c, i + 1, "away");
    bool rid = is(c, i, "got") && is(c, i + 1, "rid") && is(c, i + 2, "of");
    size_t object = i + (away ? 2 : rid ? 3 : 1);
    size_t end = nima_memory_rule_end(c, object);
    if ((!away && !rid && !in(c, i, " sold scrapped crashed ")) || !in(c, object, " my our the ") ||
        object + 1 >= end) {
        return false;
    }
    size_t thing_end = object + 1;
    while (thing_end < end && !in(c, thing_end,
                                  " last in to for on at because yesterday today this "
                                  "because when two three ")) {
        thing_end++;
    }
    bool known = at(c, object + 1)->capital ||
                 nima_memory_any_listed(c, object + 1, thing_end, NIMA_LIST_POSSESSIONS) ||
                 nima_memory_any_listed(c, object + 1, thing_end, NIMA_LIST_PETS);
    struct nima_candidate made = {.category = NIMA_STR("possession"),
                                  .value = NIMA_STR(""),
                                  .confidence = 0.9,
                                  .ends_kind = NIMA_ENDS_POSSESSION};
    made.ends = nima_memory_third_text(run->ctx, "", c->t, object + 1, thing_end);
    made.text = nima_memory_third_text(run->ctx, "The user", c->t, i, end);
    return known && add(run, &made);
}

/* What one works at is over: "retired", "quit my job", "was laid off", "left Siemens". */
static bool left_work(const struct nima_rule_run *run, size_t i)
{
    static const char jobs[] =
        " job work company position employer post role firm teaching career ";
    const struct nima_clause *c = run->clause;
    bool off = in(c, i, " was got been ") && in(c, i + 1, " laid fired dismissed sacked let ");
    bool from_off = off && (in(c, i + 1, " fired dismissed sacked ") || in(c, i + 2, " off go "));
    bool lost = is(c, i, "lost") && is(c, i + 1, "my") && in(c, i + 2, " job position ");
    bool resigned = is(c, i, "resigned");
    bool retired =
        is(c, i, "retired") ||
        (is(c, 1, "am") && (is(c, 2, "retired") || (is(c, 2, "now") && is(c, 3, "retired"))));
    bool left = in(c, i, " left quit ");
    bool job = left && in(c, i + 1, " my the ") && in(c, i + 2, jobs);
    const struct nima_said_word *named = at(c, i + 1);
    bool place = left && named->capital && !nima_memory_listed(NIMA_LIST_MONTHS, named->low) &&
                 !in(c, i + 1, " i ");
    if (!from_off && !lost && !resigned && !retired && !job && !place) {
        return false;
    }
    size_t end = nima_memory_rule_end(c, i);
    struct nima_candidate made = {.category = NIMA_STR("work"),
                                  .value = NIMA_STR(""),
                                  .ends = NIMA_STR(""),
                                  .confidence = 0.9,
                                  .ends_kind = place ? NIMA_ENDS_PLACE : NIMA_ENDS_WORK};
    for (size_t k = i + 1; k < end && made.ends.len == 0; k++) {
        bool after = (in(c, k - 1, " from at with ") || place) && at(c, k)->capital;
        size_t stop = k;
        while (after && stop < end && at(c, stop)->capital) {
            stop++;
        }
        made.ends = after ? nima_memory_third_text(run->ctx, "", c->t, k, stop) : made.ends;
    }
    bool am = is(c, 1, "am");
    made.text = am ? NIMA_STR("The user is retired")
                   : nima_memory_third_text(run->ctx, "The user", c->t, i, end);
    if (retired) {
        made.attribute = NIMA_STR("job");
        made.value = NIMA_STR("retired");
        made.single = true;
    }
    return add(run, &made);
}

static bool dropped_out(const struct nima_rule_run *run, size_t i)
{
    const struct nima_clause *c = run->clause;
    size_t end = nima_memory_rule_end(c, i);
    struct nima_candidate made = {.category = NIMA_STR("education"),
                                  .value = NIMA_STR(""),
                                  .ends = NIMA_STR(""),
                                  .confidence = 0.9,
                                  .ends_kind = NIMA_ENDS_STUDIES};
    if (!is(c, i, "dropped") || !is(c, i + 1, "out")) {
        return false;
    }
    made.text = nima_memory_third_text(run->ctx, "The user", c->t, i, end);
    return add(run, &made);
}

bool nima_memory_rule_ended(const struct nima_rule_run *run)
{
    size_t i = verb_place(run->clause);
    return no_longer_is(run) || gives_up(run, i) || sold(run, i) || left_work(run, i) ||
           dropped_out(run, i);
}
