/* What one has, what one did, what one wants. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "memory/clause_int.h"
#include "memory/lexicon.h"
#include "memory/rules.h"

enum { LEAD_CHARS = 160 };

/* Past */

struct past {
    const char *verb;
    const char *next; /* one of these follows; NULL: anything not vague, "": nothing needed */
    const char *category, *attribute;
    bool single;
};

static const struct past pasts[] = {
    {"grew", " up ", "location", "grew-up", true},
    {"graduated", " from in with ", "education", NULL, false},
    {"studied", NULL, "education", NULL, false},
    {"majored", " in ", "education", NULL, false},
    {"dropped", " out ", "education", NULL, false},
    {"worked", " at for as in with ", "work", NULL, false},
    {"taught", NULL, "work", NULL, false},
    {"founded", NULL, "work", NULL, false},
    {"cofounded", NULL, "work", NULL, false},
    {"co-founded", NULL, "work", NULL, false},
    {"retired", "", "work", "job", true},
    {"served", " in ", "work", NULL, false},
    {"quit", " smoking drinking my sugar coffee alcohol ", "habit", NULL, false},
    {"married", NULL, "family", NULL, false},
    {"lived", " in near with ", "location", NULL, false},
    {"inherited", NULL, "possession", NULL, false},
    {"adopted", " a an two three our my ", "family", NULL, false},
    {"bought", " a an my our ", "possession", NULL, false},
    {"broke", " my ", "health", NULL, false},
};

static bool take(const struct nima_rule_run *run, const struct nima_rule_fact *fact,
                 const char *who, size_t from, size_t object)
{
    size_t end = nima_memory_rule_end(run->clause, from);
    if (end <= from) {
        return false;
    }
    nima_memory_rule_add(run, fact, who, from, end, object);
    return true;
}

/* Only a move to a place with a name is one to another home. */
static bool moved(const struct nima_rule_run *run, const char *who, size_t i)
{
    const struct nima_clause *c = run->clause;
    for (size_t k = i + 1; k < c->count && k < i + 7; k++) {
        if (!is(c, k, "to")) {
            continue;
        }
        bool named = at(c, k + 1)->capital || (is(c, k + 1, "the") && at(c, k + 2)->capital);
        struct nima_rule_fact fact = {.category = "location", .attribute = "home", .single = true};
        bool version = at(c, k + 2)->low[0] != '\0' && isdigit((unsigned char)at(c, k + 2)->low[0]);
        return named && !version && take(run, &fact, who, i, k + 1);
    }
    return false;
}

static bool was(const struct nima_rule_run *run, const char *who, size_t i)
{
    const struct nima_clause *c = run->clause;
    struct nima_rule_fact born = {.category = "identity", .attribute = "born"};
    struct nima_rule_fact health = {.category = "health"};
    struct nima_rule_fact work = {.category = "work"};
    if (is(c, i + 1, "born")) {
        return in(c, i + 2, " in on and ") && take(run, &born, who, i, i + 2);
    }
    if (in(c, i + 1, " raised ")) {
        return is(c, i + 2, "in") && take(run, &born, who, i, i + 2);
    }
    if (is(c, i + 1, "diagnosed")) {
        return is(c, i + 2, "with") && take(run, &health, who, i, i + 3);
    }
    if (!in(c, i + 1, " a an ")) {
        return false;
    }
    for (size_t k = i + 2; k < c->count && k < i + 6; k++) {
        if (nima_memory_listed(NIMA_LIST_NOT_PERSON, at(c, k)->low)) {
            return false;
        }
        if (nima_memory_listed(NIMA_LIST_PERSON, at(c, k)->low)) {
            return take(run, &work, who, i, i + 1);
        }
    }
    return false;
}

static bool used_to(const struct nima_rule_run *run, const char *who, size_t i)
{
    const struct nima_clause *c = run->clause;
    static const char known[] =
        " live work play be own have teach study smoke drive speak coach run"
        " write sing dance box swim row compete ";
    struct nima_rule_fact fact = {.category = is(c, i + 2, "live")                 ? "location"
                                              : in(c, i + 2, " work teach coach ") ? "work"
                                                                                   : "experience"};
    return is(c, i + 1, "to") && in(c, i + 2, known) && !nima_memory_vague(c, i + 3) &&
           take(run, &fact, who, i, i + 3);
}

static bool got(const struct nima_rule_run *run, const char *who, size_t i)
{
    const struct nima_clause *c = run->clause;
    struct nima_rule_fact fact = {.category = "family", .attribute = "marital", .single = true};
    struct nima_rule_fact degree = {.category = "education"};
    if (in(c, i + 1, " married divorced engaged ")) {
        return take(run, &fact, who, i, i + 1);
    }
    return in(c, i + 1, " my a an ") &&
           nima_memory_any_listed(c, i + 2, i + 4, NIMA_LIST_EDUCATION) &&
           take(run, &degree, who, i, i + 1);
}

bool nima_memory_rule_past(const struct nima_rule_run *run, const char *who, size_t i)
{
    const struct nima_clause *c = run->clause;
    while (nima_memory_listed(NIMA_LIST_ADVERBS, at(c, i)->low) || in(c, i, " recently ")) {
        i++;
    }
    if (is(c, i, "moved")) {
        return moved(run, who, i);
    }
    if (is(c, i, "was")) {
        return was(run, who, i);
    }
    if (is(c, i, "used")) {
        return used_to(run, who, i);
    }
    if (is(c, i, "got")) {
        return got(run, who, i);
    }
    bool alone = i + 2 >= c->count || at(c, i + 1)->comma ||
                 in(c, i + 2, " last this in on today yesterday years recently and ");
    if (is(c, i, "turned") && alone && nima_memory_token_number(at(c, i + 1))) {
        struct nima_rule_fact age = {.category = "identity", .attribute = "age", .single = true};
        return take(run, &age, who, i, i + 1);
    }
    if ((is(c, i, "passed") && is(c, i + 1, "away")) || is(c, i, "died")) {
        struct nima_rule_fact death = {.category = "family"};
        size_t before = run->out->count;
        bool taken = run->scope != NULL && take(run, &death, who, i, i);
        if (taken && run->out->count > before) {
            struct nima_candidate *made = &run->out->items[before];
            nima_str scope = nima_str_of(run->scope);
            made->ends_kind = NIMA_ENDS_CREATURE;
            made->ends = nima_str_sub(scope, 0, scope.len - 1);
        }
        return taken;
    }
    for (size_t p = 0; p < sizeof(pasts) / sizeof(pasts[0]); p++) {
        const struct past *v = &pasts[p];
        if (!is(c, i, v->verb)) {
            continue;
        }
        bool fits = v->next == NULL      ? !nima_memory_vague(c, i + 1)
                    : v->next[0] == '\0' ? true
                                         : in(c, i + 1, v->next) && i + 2 < c->count;
        bool vague_place = v->next != NULL && in(c, i + 1, " in at for with from ") &&
                           nima_memory_vague(c, i + 2) && !is(c, i + 2, "the");
        struct nima_rule_fact fact = {
            .category = v->category, .attribute = v->attribute, .single = v->single};
        bool passing = nima_memory_any_listed(c, i + 1, c->count, NIMA_LIST_PASSING);
        size_t object = is(c, i, "grew") ? i + 3 : i + 1; /* behind "up in" */
        return fits && !vague_place && !passing && take(run, &fact, who, i, object);
    }
    return false;
}

/* Have */

struct having {
    enum nima_word_list list;
    const char *category;
};

static const struct having havings[] = {
    {NIMA_LIST_FAMILY, "family"},       {NIMA_LIST_PETS, "pets"},
    {NIMA_LIST_HEALTH, "health"},       {NIMA_LIST_PEOPLE, "people"},
    {NIMA_LIST_EDUCATION, "education"}, {NIMA_LIST_POSSESSIONS, "possession"},
    {NIMA_LIST_HOBBIES, "hobby"},       {NIMA_LIST_PROJECTS, "project"},
};

static const char *had_category(const struct nima_clause *c, size_t from, size_t end)
{
    size_t head = from;
    while (head < end && !in(c, head, " in with for about of who that called named from ")) {
        head++;
    }
    if (nima_memory_any_listed(c, from, head, NIMA_LIST_PASSING)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(havings) / sizeof(havings[0]); i++) {
        for (size_t k = from; k < head; k++) {
            /* The noun that the phrase is about: a boss, not a boss fight. */
            bool closes = k + 1 == head || at(c, k)->comma || in(c, k + 1, " and or plus ") ||
                          at(c, k + 1)->capital;
            if (closes && nima_memory_listed_noun(havings[i].list, at(c, k)->low)) {
                return havings[i].category;
            }
        }
    }
    bool brand = in(c, from, " a an two ") && at(c, from + 1)->capital &&
                 !nima_memory_listed(NIMA_LIST_MONTHS, at(c, from + 1)->low) && head > from + 2;
    return brand ? "possession" : NULL;
}

/* "have been working", "have lived", "have been married". */
static bool perfect(const struct nima_rule_run *run, size_t i)
{
    const struct nima_clause *c = run->clause;
    char lead[LEAD_CHARS] = "The user has";
    static const char doing[] = " working living playing studying learning teaching married"
                                " vegetarian vegan sober retired single divorced using training"
                                " practicing practising running programming coding ";
    while (in(c, i, " also always now already ")) {
        i++;
    }
    if (is(c, i, "been")) {
        bool to = is(c, i + 1, "to") && at(c, i + 2)->capital;
        size_t object = in(c, i + 2, " in at as for on with ") ? i + 3 : i + 2;
        bool lasting = in(c, i + 1, doing) && !nima_memory_vague(c, object) &&
                       !nima_memory_any_listed(c, object, c->count, NIMA_LIST_PASSING);
        bool home = is(c, i + 1, "living") && is(c, i + 2, "in");
        bool diet = in(c, i + 1, " vegetarian vegan ");
        bool marital = in(c, i + 1, " married single divorced ");
        bool work = in(c, i + 1, " working teaching retired programming coding ");
        struct nima_rule_fact fact = {.category = home      ? "location"
                                                  : diet    ? "preference"
                                                  : marital ? "family"
                                                  : work    ? "work"
                                                            : "experience",
                                      .attribute = home      ? "home"
                                                   : diet    ? "diet"
                                                   : marital ? "marital"
                                                             : NULL,
                                      .single = home || diet || marital};
        bool known_state = (diet || marital || in(c, i + 1, " sober retired "));
        return (to || lasting || known_state) && take(run, &fact, lead, i, home ? i + 3 : i + 1);
    }
    struct nima_rule_fact fact = {.category = is(c, i, "lived") ? "location" : "experience"};
    bool lived = is(c, i, "lived") && in(c, i + 1, " in near ");
    fact.attribute = lived ? "home" : NULL;
    fact.single = lived;
    bool did = in(c, i, " worked studied played taught ") && !nima_memory_vague(c, i + 1);
    bool visited = is(c, i, "visited") && at(c, i + 1)->capital;
    return (lived || did || visited) && take(run, &fact, lead, i, i + (lived ? 2 : 1));
}

bool nima_memory_rule_have(const struct nima_rule_run *run, size_t i)
{
    const struct nima_clause *c = run->clause;
    while (nima_memory_listed(NIMA_LIST_ADVERBS, at(c, i)->low)) {
        i++;
    }
    if (!is(c, i, "have")) {
        return false;
    }
    if (is(c, i + 1, "never") && is(c, i + 2, "been") && is(c, i + 3, "to")) {
        struct nima_rule_fact fact = {.category = "experience"};
        return at(c, i + 4)->capital && take(run, &fact, "The user has", i + 1, i + 4);
    }
    if (perfect(run, i + 1)) {
        return true;
    }
    size_t object = i + (is(c, i + 1, "got") ? 2 : 1);
    if ((nima_memory_vague(c, object) && !in(c, object, " another one ")) ||
        in(c, object, " to no been had ")) {
        return false;
    }
    size_t end = nima_memory_rule_end(c, object);
    const char *category = had_category(c, object, end);
    struct nima_rule_fact fact = {.category = category, .attribute = "have:*"};
    return category != NULL && take(run, &fact, "The user has", object, object);
}

/* Wishes */

bool nima_memory_rule_goal(const struct nima_rule_run *run, size_t i)
{
    const struct nima_clause *c = run->clause;
    static const char aims[] = " learn run become move travel visit save lose quit buy start write"
                               " retire finish get study climb open sail go read climb swim live"
                               " adopt apply graduate master teach publish walk cycle see ";
    const char *verb = at(c, i)->low;
    char third[NIMA_TOKEN_CHARS + 4];
    char lead[LEAD_CHARS];
    size_t to = i + 1;
    bool wish = is(c, i, "would") && in(c, i + 1, " like love ");
    while (in(c, i, " really also still ")) {
        i++;
        verb = at(c, i)->low;
        to = i + 1;
    }
    if (wish) {
        verb = "want";
        to = i + 2;
    } else if (!in(c, i, " want plan hope intend aim dream ")) {
        return false;
    }
    bool of = is(c, i, "dream") && is(c, to, "of");
    bool small = in(c, to + 1, " get go see read start write build run buy visit ") &&
                 (nima_memory_vague(c, to + 2) ||
                  nima_memory_any_listed(c, to + 2, c->count, NIMA_LIST_PASSING));
    if (!of && (!is(c, to, "to") || !in(c, to + 1, aims) || small ||
                (is(c, to + 1, "learn") && in(c, to + 2, " more about how ")))) {
        return false;
    }
    nima_memory_third_person(verb, third, sizeof(third));
    snprintf(lead, sizeof(lead), "The user %s", third);
    struct nima_rule_fact fact = {
        .category = "goal", .attribute = "goal:*", .confidence = 0.7, .inferred = true};
    return take(run, &fact, lead, to, to + 1);
}
