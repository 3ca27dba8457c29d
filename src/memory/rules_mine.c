/* "My …": what one calls one's own, and the people and animals of one's life. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "memory/clause_int.h"
#include "memory/lexicon.h"
#include "memory/rules.h"

enum {
    HEAD_TOKENS_MAX = 6,
    LEAD_CHARS = 200,
    WHO_CHARS_MAX = 100, /* longer names are none; and what is made from them fits */
    SCOPE_CHARS = 2 * NIMA_TOKEN_CHARS + 2
};

/* Attributes of oneself: "my name is", "my time zone is". `words` is what stands after "my". */
struct own {
    const char *words;
    const char *category, *attribute;
    bool single;
};

static const struct own owns[] = {
    {"name", "identity", "name", true},
    {"first name", "identity", "name", true},
    {"full name", "identity", "name", true},
    {"last name", "identity", "last-name", true},
    {"surname", "identity", "last-name", true},
    {"nickname", "identity", "nickname", true},
    {"age", "identity", "age", true},
    {"birthday", "identity", "birthday", true},
    {"date of birth", "identity", "birthday", true},
    {"pronouns", "identity", "pronouns", true},
    {"nationality", "identity", "nationality", false},
    {"religion", "identity", "religion", true},
    {"email", "identity", "email", true},
    {"email address", "identity", "email", true},
    {"zodiac sign", "identity", "zodiac", true},
    {"height", "identity", "height", true},
    {"blood type", "health", "blood-type", true},
    {"diet", "preference", "diet", true},
    {"hometown", "location", "hometown", true},
    {"home town", "location", "hometown", true},
    {"address", "location", "address", true},
    {"native language", "language", "native-language", true},
    {"first language", "language", "native-language", true},
    {"mother tongue", "language", "native-language", true},
    {"time zone", "location", "timezone", true},
    {"timezone", "location", "timezone", true},
    {"wedding anniversary", "family", "anniversary", true},
    {"anniversary", "family", "anniversary", true},
    {"major", "education", "studies", true},
    {"salary", "work", "income", true},
    {"profession", "work", "job", true},
    {"occupation", "work", "job", true},
    {"job", "work", "job", true},
    {"job title", "work", "job", true},
    {"employer", "work", "employer", true},
    {"operating system", "tool", "os", true},
    {"programming language", "tool", NULL, false},
};

static bool copula(const struct nima_clause *c, size_t i)
{
    return in(c, i, " is are was ");
}

/* How many tokens from i spell the words, the last one perhaps with "'s"; *possessive tells. */
static size_t spelled(const struct nima_clause *c, size_t i, const char *words, bool *contracted)
{
    nima_str rest = nima_str_of(words);
    nima_str word;
    size_t taken = 0;
    *contracted = false;
    while (nima_str_next(&rest, ' ', &word)) {
        nima_str low = nima_str_of(at(c, i + taken)->low);
        bool last = rest.ptr == NULL;
        nima_str stem =
            nima_str_ends(low, NIMA_STR("'s")) ? nima_str_sub(low, 0, low.len - 2) : low;
        if (nima_str_eq(low, word)) {
            taken++;
        } else if (last && stem.len < low.len && nima_str_eq(stem, word)) {
            *contracted = true;
            taken++;
        } else {
            return 0;
        }
    }
    return taken;
}

/* A value must name something: no "that", "because", "wrong". */
static bool vague_value(const struct nima_clause *c, size_t i)
{
    return i >= c->count || nima_memory_listed(NIMA_LIST_DEICTIC, at(c, i)->low) ||
           in(c, i,
              " not no because wrong right simple that's very quite already still just slow"
              " broken down full empty about also coming late ready on to the important"
              " boring hard easy great good bad killing done fine ");
}

static bool take(const struct nima_rule_run *run, const struct nima_rule_fact *fact,
                 const char *lead, size_t from, size_t object)
{
    size_t end = nima_memory_rule_end(run->clause, from);
    if (end <= from || object >= end) {
        return false;
    }
    nima_memory_rule_add(run, fact, lead, from, end, object);
    return true;
}

static bool own_attribute(const struct nima_rule_run *run, size_t from, const char *whose)
{
    const struct nima_clause *c = run->clause;
    for (size_t i = 0; i < sizeof(owns) / sizeof(owns[0]); i++) {
        bool contracted;
        size_t taken = spelled(c, from, owns[i].words, &contracted);
        size_t value = from + taken + (contracted ? 0 : 1);
        if (taken == 0 || (!contracted && !copula(c, from + taken))) {
            continue;
        }
        value += in(c, value, " actually now currently called ");
        bool on = in(c, value, " on in ") && in(c, from, " birthday wedding anniversary ");
        if (!on && vague_value(c, value)) {
            return false;
        }
        bool name = owns[i].attribute != NULL && strcmp(owns[i].attribute, "name") == 0;
        bool age = owns[i].attribute != NULL && strcmp(owns[i].attribute, "age") == 0;
        if (age && !nima_memory_token_number(at(c, value))) {
            return false;
        }
        if (name && !at(c, value)->capital && !isalpha((unsigned char)at(c, value)->low[0])) {
            return false;
        }
        char lead[LEAD_CHARS];
        bool many = is(c, from + taken, "are");
        snprintf(lead, sizeof(lead), "%s's %s %s", whose, owns[i].words, many ? "are" : "is");
        struct nima_rule_fact fact = {.category = owns[i].category,
                                      .attribute = owns[i].attribute,
                                      .single = owns[i].single,
                                      .confidence = 0.95};
        return take(run, &fact, lead, value, value);
    }
    return false;
}

static bool favourite(const struct nima_rule_run *run)
{
    const struct nima_clause *c = run->clause;
    size_t i = 2;
    while (i < c->count && i < 2 + HEAD_TOKENS_MAX && !copula(c, i)) {
        size_t len = strlen(at(c, i)->low);
        if (len > 2 && strcmp(at(c, i)->low + len - 2, "'s") == 0) {
            return false; /* "my favourite author's wife" is somebody else */
        }
        i++;
    }
    if (!copula(c, i) || i == 2 || vague_value(c, i + 1)) {
        bool definite = copula(c, i) && i > 2 && is(c, i + 1, "the");
        if (!definite) {
            return false;
        }
    }
    char attribute[SCOPE_CHARS];
    char lead[LEAD_CHARS];
    snprintf(attribute, sizeof(attribute), "favorite:%s", nima_memory_one_word(at(c, i - 1)->low));
    snprintf(lead, sizeof(lead), "The user's");
    struct nima_rule_fact fact = {.category = "preference",
                                  .attribute =
                                      nima_arena_cstr(run->ctx->arena, nima_str_of(attribute)),
                                  .single = true};
    return take(run, &fact, lead, 1, i + 1);
}

/* Heads */

struct head_kind {
    enum nima_word_list list;
    const char *category;
    bool person; /* can live, work, play */
};

static const struct head_kind head_kinds[] = {
    {NIMA_LIST_FAMILY, "family", true},
    {NIMA_LIST_PEOPLE, "people", true},
    {NIMA_LIST_PETS, "pets", true},
    {NIMA_LIST_PROJECTS, "project", false},
    {NIMA_LIST_WORK, "work", false},
    {NIMA_LIST_GOALS, "goal", false},
    {NIMA_LIST_HOBBIES, "hobby", false},
    {NIMA_LIST_HEALTH, "health", false},
    {NIMA_LIST_EDUCATION, "education", false},
    {NIMA_LIST_POSSESSIONS, "possession", false},
    {NIMA_LIST_TOOLS, "tool", false},
};

struct head {
    const struct head_kind *kind;
    size_t noun;     /* its token */
    size_t verb;     /* the token after noun and name */
    bool possessive; /* "my husband's …": the verb token is what he has */
};

static const struct head_kind *kind_of(const char *word)
{
    for (size_t i = 0; i < sizeof(head_kinds) / sizeof(head_kinds[0]); i++) {
        if (nima_memory_listed_noun(head_kinds[i].list, word)) {
            return &head_kinds[i];
        }
    }
    return NULL;
}

/* "my older sister Ana plays": the noun, a name after it, then the verb. */
static bool find_head(const struct nima_clause *c, struct head *out)
{
    for (size_t i = 1; i < c->count && i <= HEAD_TOKENS_MAX; i++) {
        char word[NIMA_TOKEN_CHARS];
        snprintf(word, sizeof(word), "%s", at(c, i)->low);
        size_t len = strlen(word);
        bool possessive = len > 2 && strcmp(word + len - 2, "'s") == 0;
        if (possessive) {
            word[len - 2] = '\0';
        }
        const struct head_kind *kind = kind_of(word);
        bool further = kind != NULL && !possessive && kind_of(at(c, i + 1)->low) != NULL;
        if (kind == NULL || further) {
            if (in(c, i, " and of is are was the in at ")) {
                return false;
            }
            continue;
        }
        *out = (struct head){.kind = kind, .noun = i, .verb = i + 1, .possessive = possessive};
        while (!possessive && out->verb < c->count && out->verb < i + 4 &&
               at(c, out->verb)->capital) {
            nima_str low = nima_str_of(at(c, out->verb)->low);
            out->possessive = nima_str_ends(low, NIMA_STR("'s"));
            out->verb++;
        }
        return out->verb < c->count;
    }
    return false;
}

/* "The user's sister Ana" */
static nima_str holder(const struct nima_rule_run *run, const struct head *head)
{
    nima_str text = nima_memory_third_text(run->ctx, "The user's", run->clause->t, 1, head->verb);
    if (!head->possessive) {
        return text;
    }
    /* As it was written: the apostrophe may be a typographic one. */
    bool curly = nima_str_ends(text, NIMA_STR("’s"));
    return nima_str_sub(text, 0, text.len - (curly ? strlen("’s") : strlen("'s")));
}

static bool mortal_state(const struct nima_clause *c, size_t i)
{
    return in(c, i,
              " divorced pregnant retired dead deceased deaf blind autistic diabetic vegan"
              " vegetarian married single engaged bilingual ") ||
           (is(c, i, "on") && in(c, c->count - 1, " leave "));
}

/* "is", "are", "has been" of somebody or something of theirs. */
static bool copula_of(const struct nima_rule_run *run, const struct head *head,
                      const char *lead_who)
{
    const struct nima_clause *c = run->clause;
    size_t value = head->verb + 1;
    const char *lead = nima_fmt(run->ctx, "%s %s", lead_who, at(c, head->verb)->low).ptr;
    struct nima_rule_fact fact = {.category = head->kind->category};
    if (in(c, value, " called named ")) {
        fact.attribute = "name";
        fact.single = true;
        return !vague_value(c, value + 1) && take(run, &fact, lead, value, value + 1);
    }
    if (!head->kind->person) {
        bool place = is(c, value, "in") && at(c, value + 1)->capital;
        bool goal = strcmp(head->kind->category, "goal") == 0;
        fact.inferred = goal;
        fact.confidence = goal ? 0.7 : 0;
        bool fine = place || (goal && is(c, value, "to")) || !vague_value(c, value);
        bool passing = nima_memory_any_listed(c, value, value + 4, NIMA_LIST_PASSING);
        bool noun = in(c, value, " a an my ") || place || at(c, value)->capital || goal ||
                    strcmp(head->kind->category, "hobby") == 0 ||
                    nima_memory_token_number(at(c, value));
        return fine && noun && !passing && take(run, &fact, lead, value, value);
    }
    if (mortal_state(c, value)) {
        return take(run, &fact, lead, value, value);
    }
    if (strcmp(at(c, head->verb)->low, "are") == 0) {
        bool ages = nima_memory_token_number(at(c, value));
        return ages && take(run, &fact, lead, value, value);
    }
    return strcmp(at(c, head->verb)->low, "is") == 0 && nima_memory_rule_am(run, lead_who, value);
}

static bool has_of(const struct nima_rule_run *run, const struct head *head, const char *who)
{
    const struct nima_clause *c = run->clause;
    size_t object = head->verb + 1;
    const char *lead = nima_fmt(run->ctx, "%s %s", who, at(c, head->verb)->low).ptr;
    struct nima_rule_fact fact = {.category = head->kind->category};
    size_t end = nima_memory_rule_end(c, object);
    bool thing = in(c, object, " a an two three four five six ") ||
                 nima_memory_token_number(at(c, object)) ||
                 nima_memory_any_listed(c, object, end, NIMA_LIST_HEALTH);
    return thing && !nima_memory_any_listed(c, object, end, NIMA_LIST_PASSING) &&
           take(run, &fact, lead, object, object);
}

static bool verb_of(const struct nima_rule_run *run, const struct head *head, const char *who)
{
    const struct nima_clause *c = run->clause;
    size_t object = head->verb + 1;
    bool team =
        strcmp(head->kind->category, "work") == 0 && in(c, head->verb, " uses builds makes ");
    if ((!head->kind->person && !team) || nima_memory_verb_category(at(c, head->verb)) == NULL) {
        return false;
    }
    bool place = in(c, object, " in at for with as to alone from near on ");
    if (object >= c->count || (!place && nima_memory_vague(c, object)) ||
        (place && in(c, object + 1, " it this that ")) || in(c, object, " to up like ")) {
        bool school = in(c, head->verb, " starts goes ") &&
                      nima_memory_any_listed(c, object, c->count, NIMA_LIST_EDUCATION);
        if (!school) {
            return false;
        }
    }
    const char *lead = nima_fmt(run->ctx, "%s %s", who, at(c, head->verb)->low).ptr;
    bool home = is(c, head->verb, "lives") && in(c, object, " in near ");
    bool work = is(c, head->verb, "works") && in(c, object, " at for ");
    bool taste = in(c, head->verb, " likes loves hates dislikes enjoys ");
    struct nima_rule_fact fact = {.category = head->kind->category,
                                  .attribute = home    ? "home"
                                               : work  ? "employer"
                                               : taste ? "taste:*"
                                                       : NULL,
                                  .single = home || work};
    return take(run, &fact, lead, object, object);
}

/* "does not like mushrooms" of somebody of theirs */
static bool not_of(const struct nima_rule_run *run, const struct head *head, const char *who)
{
    const struct nima_clause *c = run->clause;
    size_t object = head->verb + 3;
    struct nima_said_word third = *at(c, head->verb + 2);
    if (!head->kind->person || !is(c, head->verb, "does") || !is(c, head->verb + 1, "not") ||
        strlen(third.low) + 4 > sizeof(third.low)) {
        return false;
    }
    nima_memory_third_person(at(c, head->verb + 2)->low, third.low, sizeof(third.low));
    if (nima_memory_verb_category(&third) == NULL || nima_memory_vague(c, object)) {
        return false;
    }
    const char *lead = nima_fmt(run->ctx, "%s does not %s", who, at(c, head->verb + 2)->low).ptr;
    bool taste = in(c, head->verb + 2, " like love enjoy eat drink ");
    struct nima_rule_fact fact = {.category = head->kind->category,
                                  .attribute = taste ? "taste:*" : NULL};
    return take(run, &fact, lead, object, object);
}

/* Words that tell one sister, dog or car from another one. */
static nima_str which_of(const struct nima_rule_run *run, const struct head *head)
{
    static const char telling[] = " older younger elder eldest youngest oldest big little twin half"
                                  " step first second third fourth other new old former ex late"
                                  " middle another next previous ";
    const struct nima_clause *c = run->clause;
    nima_str which = NIMA_STR("");
    /* of which one has one at a time: the new one takes the place of the old */
    bool one = in(c, head->noun,
                  " boss manager landlord landlady job employer partner girlfriend"
                  " boyfriend fiance fiancee address flatmate doctor teacher ");
    for (size_t i = 1; i < head->noun; i++) {
        if (in(c, i, telling) && !(one && is(c, i, "new"))) {
            which = nima_fmt(run->ctx, NIMA_FMT "%s ", NIMA_ARG(which),
                             nima_memory_one_word(at(c, i)->low));
        }
    }
    return which;
}

static bool of_head(const struct nima_rule_run *run, const struct head *head)
{
    const struct nima_clause *c = run->clause;
    char who[LEAD_CHARS];
    char scope[SCOPE_CHARS];
    nima_str held = holder(run, head);
    if (held.len > WHO_CHARS_MAX) {
        return false;
    }
    snprintf(who, sizeof(who), NIMA_FMT, NIMA_ARG(held));
    nima_str noun = nima_str_of(at(c, head->noun)->low);
    noun = nima_str_ends(noun, NIMA_STR("'s")) ? nima_str_sub(noun, 0, noun.len - 2) : noun;
    bool named = head->verb > head->noun + 1;
    snprintf(scope, sizeof(scope), "%s%s" NIMA_FMT, nima_memory_one_word(nima_cstr(run->ctx, noun)),
             named ? " " : "", NIMA_ARG(nima_str_of(named ? at(c, head->noun + 1)->low : "")));
    struct nima_rule_run theirs = *run;
    theirs.scope = nima_fmt(run->ctx, NIMA_FMT "%s:", NIMA_ARG(which_of(run, head)), scope).ptr;
    theirs.category = head->kind->category;
    if (head->possessive) {
        return own_attribute(&theirs, head->verb, who);
    }
    if (copula(c, head->verb)) {
        return copula_of(&theirs, head, who);
    }
    if (in(c, head->verb, " has have ")) {
        return has_of(&theirs, head, who);
    }
    return not_of(&theirs, head, who) || verb_of(&theirs, head, who) ||
           (head->kind->person && nima_memory_rule_past(&theirs, who, head->verb));
}

bool nima_memory_rule_mine(const struct nima_rule_run *run)
{
    const struct nima_clause *c = run->clause;
    if (in(c, 1, " favorite favourite ")) {
        return favourite(run);
    }
    if (own_attribute(run, 1, "The user")) {
        return true;
    }
    struct head head;
    return find_head(c, &head) && of_head(run, &head);
}
