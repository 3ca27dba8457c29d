/*
 * "I am …" and "My sister is …": what is said with a form of to be. The predicate is taken apart at
 * commas and "and"; each part must be known for something lasting, or it is dropped: most of what
 * people are in a chat (tired, back, sure) lasts an hour.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "memory/clause_int.h"
#include "memory/lexicon.h"
#include "memory/rules.h"

enum { AGE_MAX = 120, AGE_ALONE_MIN = 10, NAME_TOKENS_MAX = 3, LEAD_CHARS = 160 };

struct part {
    struct nima_rule_fact fact;
    size_t from, end, object; /* object 0: from */
    enum { PART_TEXT, PART_AGE, PART_NAME, PART_NATION, PART_LIST } kind;
};

static bool listed(const struct nima_clause *c, size_t i, enum nima_word_list list)
{
    return nima_memory_listed(list, at(c, i)->low);
}

static bool age_part(const struct nima_clause *c, size_t from, size_t end, struct part *out)
{
    static const char units[] = " cm m meters metres kg ft feet foot inches pounds lbs kilos ";
    int64_t age = 0;
    bool digits = nima_str_to_i64(nima_str_of(at(c, from)->low), &age);
    if (!nima_memory_token_number(at(c, from)) || is(c, from, "one")) {
        return false;
    }
    if (in(c, from + 1, units) && from + 1 < end) {
        out->fact = (struct nima_rule_fact){.category = "identity",
                                            .attribute = is(c, end - 1, "tall") ? "height" : NULL,
                                            .single = true};
        return is(c, end - 1, "tall");
    }
    bool years = in(c, from + 1, " years year yrs yo y/o y.o months ") && from + 1 < end;
    bool fits = !digits || (age >= (years ? 3 : AGE_ALONE_MIN) && age <= AGE_MAX);
    bool months = is(c, from + 1, "months");
    if (!fits || months || (!years && end != from + 1)) {
        return false;
    }
    out->kind = PART_AGE;
    out->fact = (struct nima_rule_fact){
        .category = "identity", .attribute = "age", .single = true, .confidence = 0.95};
    out->end = from + 1;
    return true;
}

static bool name_token(const struct nima_said_word *t)
{
    bool any_lower = false;
    for (size_t i = 1; i < t->raw.len; i++) {
        any_lower = any_lower || !isupper((unsigned char)t->raw.ptr[i]);
        if (isdigit((unsigned char)t->raw.ptr[i])) {
            return false;
        }
    }
    return t->capital && t->raw.len >= 2 && any_lower &&
           !nima_memory_listed(NIMA_LIST_NATIONS, t->low) &&
           !nima_memory_listed(NIMA_LIST_LANGUAGES, t->low) &&
           !nima_memory_listed(NIMA_LIST_STATES, t->low) &&
           !nima_memory_listed(NIMA_LIST_PERSON, t->low) &&
           !nima_memory_listed(NIMA_LIST_ADVERBS, t->low) &&
           !nima_memory_token_in(t,
                                 " not sorry back ok okay here done fine so the a just good great"
                                 " happy sure new no yes team ");
}

static bool name_part(const struct nima_clause *c, size_t from, size_t end, struct part *out)
{
    if (end <= from || end - from > NAME_TOKENS_MAX) {
        return false;
    }
    for (size_t i = from; i < end; i++) {
        if (!name_token(at(c, i))) {
            return false;
        }
    }
    out->kind = PART_NAME;
    out->fact =
        (struct nima_rule_fact){.category = "identity", .attribute = "name", .single = true};
    return true;
}

static bool ends_like_a_person(const char *word)
{
    static const char *const endings[] = {"er", "or", "ist", "eer", "man", "woman"};
    size_t len = strlen(word);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t n = strlen(endings[i]);
        if (len >= n + 3 && strcmp(word + len - n, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The person noun of "second-year law student at …", or SIZE_MAX. */
static size_t person_noun(const struct nima_clause *c, size_t from, size_t end)
{
    size_t stop = from;
    while (stop < end && !in(c, stop, " of at in from for with who by to on and who's ")) {
        stop++;
    }
    for (size_t i = stop; i > from; i--) {
        if (nima_memory_listed_noun(NIMA_LIST_NOT_PERSON, at(c, i - 1)->low)) {
            return SIZE_MAX;
        }
        if (nima_memory_listed_noun(NIMA_LIST_PERSON, at(c, i - 1)->low)) {
            return i - 1;
        }
    }
    return stop > from && ends_like_a_person(at(c, stop - 1)->low) ? stop - 1 : SIZE_MAX;
}

static struct nima_rule_fact fact_of_person(const char *noun)
{
    char word[NIMA_TOKEN_CHARS + 2];
    snprintf(word, sizeof(word), " %s ", noun);
    if (strstr(" vegetarian vegan pescatarian ", word) != NULL) {
        return (struct nima_rule_fact){"preference", "diet", .single = true};
    }
    if (strstr(" fan supporter ", word) != NULL) {
        return (struct nima_rule_fact){"preference", "taste:*", .single = true};
    }
    if (strstr(" diabetic celiac coeliac asthmatic insomniac ", word) != NULL) {
        return (struct nima_rule_fact){"health", NULL, .single = false};
    }
    if (strstr(" student undergrad freshman sophomore senior postdoc phd graduate ", word) !=
        NULL) {
        return (struct nima_rule_fact){"education", "studies", .single = true};
    }
    if (strstr(" runner cyclist climber hiker swimmer surfer skier gamer reader beekeeper gardener"
               " hobbyist amateur beginner novice ",
               word) != NULL) {
        return (struct nima_rule_fact){"hobby", NULL, .single = false};
    }
    static const char not_work[] =
        " introvert extrovert ambivert atheist agnostic christian muslim jew buddhist hindu sikh"
        " catholic protestant minimalist perfectionist optimist pessimist feminist owl person bird"
        " smoker nonsmoker non-smoker expat immigrant refugee citizen native resident homeowner"
        " landlord tenant local newcomer child twin son daughter mother father mom mum dad parent"
        " grandmother grandfather grandparent widow widower lefty user veteran speaker lover"
        " pensioner retiree ";
    if (strstr(not_work, word) != NULL) {
        return (struct nima_rule_fact){"identity", NULL, .single = false};
    }
    return (struct nima_rule_fact){"work", "job", .single = true};
}

static bool person_part(const struct nima_clause *c, size_t from, size_t end, struct part *out)
{
    bool article = in(c, from, " a an ");
    bool definite = is(c, from, "the") || is(c, from, "my") || is(c, from, "our");
    size_t noun_from = article || definite ? from + 1 : from;
    if (is(c, noun_from, "one") || noun_from >= end) {
        return false;
    }
    size_t noun = person_noun(c, noun_from, end);
    /* Without an article only what follows "a nurse and": a bare noun after "I am" is no English.
     */
    if (noun == SIZE_MAX || (!article && !definite && (noun != from || at(c, from)->capital))) {
        return false;
    }
    const char *word = at(c, noun)->low;
    bool listed_one = nima_memory_listed_noun(NIMA_LIST_PERSON, word);
    if ((definite && !listed_one) || in(c, noun, " bit little lot ")) {
        return false;
    }
    out->fact = fact_of_person(word);
    if (in(c, noun, " fan supporter lover ")) {
        size_t object = noun + 2;
        out->object = is(c, noun + 1, "of") ? object : from;
        return !is(c, noun + 1, "of") || !nima_memory_vague(c, object);
    }
    return true;
}

struct phrase {
    const char *first, *second; /* second: one of these words, NULL: any */
    const char *category, *attribute;
    bool single;
};

/* Adjectives and participles that want a word after them: "allergic to nuts". */
static const struct phrase phrases[] = {
    {"from", NULL, "location", "origin", true},
    {"based", " in out near ", "location", "home", true},
    {"located", " in near ", "location", "home", true},
    {"living", " in near ", "location", "home", true},
    {"residing", " in ", "location", "home", true},
    {"allergic", " to ", "health", "allergy:*", false},
    {"intolerant", " to ", "health", "allergy:*", false},
    {"lactose", " intolerant ", "health", "allergy:lactose", true},
    {"gluten", " intolerant sensitive ", "health", "allergy:gluten", true},
    {"fluent", " in ", "language", "language:*", false},
    {"interested", " in ", "preference", "taste:*", false},
    {"passionate", " about ", "preference", "taste:*", false},
    {"obsessed", " with ", "preference", "taste:*", false},
    {"keen", " on ", "preference", "taste:*", false},
    {"fond", " of ", "preference", "taste:*", false},
    {"crazy", " about ", "preference", "taste:*", false},
    {"into", NULL, "preference", "taste:*", false},
    {"afraid", " of ", "preference", "fear:*", false},
    {"scared", " of ", "preference", "fear:*", false},
    {"terrified", " of ", "preference", "fear:*", false},
    {"good", " at ", "skill", "skill:*", false},
    {"great", " at ", "skill", "skill:*", false},
    {"bad", " at ", "skill", "skill:*", false},
    {"terrible", " at ", "skill", "skill:*", false},
    {"named", " after ", "identity", NULL, false},
    {"called", NULL, "identity", "name", true},
    {"named", NULL, "identity", "name", true},
    {"born", " in on ", "identity", NULL, false},
    {"married", " to ", "family", "marital", true},
    {"engaged", " to ", "family", "marital", true},
    {"colour", " blind ", "health", NULL, false},
    {"color", " blind ", "health", NULL, false},
    {"wheelchair", " bound ", "health", NULL, false},
    {"deaf", " in ", "health", NULL, false},
    {"blind", " in ", "health", NULL, false},
    {"hard", " of ", "health", NULL, false},
    {"pregnant", " with ", "family", NULL, false},
    {"addicted", " to ", "habit", NULL, false},
};

static bool phrase_part(const struct nima_clause *c, size_t from, size_t end, struct part *out)
{
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        const struct phrase *p = &phrases[i];
        if (!is(c, from, p->first) || (p->second != NULL && !in(c, from + 1, p->second))) {
            continue;
        }
        size_t object = from + (p->second != NULL ? 2 : 1);
        bool whole = strchr(p->attribute != NULL ? p->attribute : "", '*') == NULL;
        bool intolerant = in(c, from + 1, " intolerant sensitive blind bound ");
        if (!intolerant && (object >= end || nima_memory_vague(c, object))) {
            return false;
        }
        if (is(c, from, "born") && nima_memory_any_listed(c, object, end, NIMA_LIST_PASSING)) {
            return false;
        }
        out->kind = PART_LIST;
        out->object = object;
        out->fact = (struct nima_rule_fact){
            .category = p->category, .attribute = p->attribute, .single = p->single || !whole};
        return true;
    }
    return false;
}

static bool state_part(const struct nima_clause *c, size_t from, size_t end, struct part *out)
{
    bool half = is(c, from, "half") || is(c, from, "part");
    if (listed(c, half ? from + 1 : from, NIMA_LIST_NATIONS) &&
        (at(c, half ? from + 1 : from)->capital || half)) {
        bool alone = end == from + (half ? 2U : 1U) || in(c, from + 1, " by but american ");
        out->kind = PART_NATION;
        out->fact = (struct nima_rule_fact){"identity", "nationality", .single = false};
        return alone;
    }
    if (!listed(c, from, NIMA_LIST_STATES)) {
        return false;
    }
    bool diet = listed(c, from, NIMA_LIST_DIETS);
    bool marital = listed(c, from, NIMA_LIST_MARITAL);
    bool alone = end == from + 1 || in(c, from + 1, " with in by since for again at ");
    bool health = in(c, from,
                     " blind deaf diabetic asthmatic celiac coeliac autistic dyslexic"
                     " epileptic colorblind colourblind color-blind colour-blind pregnant"
                     " neurodivergent hard-of-hearing ");
    bool work = in(c, from, " retired unemployed self-employed freelance freelancing ");
    out->fact = (struct nima_rule_fact){diet      ? "preference"
                                        : marital ? "family"
                                        : health  ? "health"
                                        : work    ? "work"
                                                  : "identity",
                                        diet      ? "diet"
                                        : marital ? "marital"
                                        : work    ? "job"
                                                  : NULL,
                                        .single = diet || marital || work};
    out->end = is(c, from + 1, "at") ? from + 1 : end;
    return alone;
}

static bool place_part(const struct nima_clause *c, size_t from, size_t end, struct part *out)
{
    if (is(c, from, "in")) {
        bool zone = false;
        for (size_t i = from; i < end; i++) {
            zone = zone || is(c, i, "timezone") || (is(c, i, "zone") && is(c, i - 1, "time"));
        }
        bool decade = is(c, from + 1, "my") && isdigit((unsigned char)at(c, from + 2)->low[0]);
        out->fact = zone ? (struct nima_rule_fact){"location", "timezone", .single = true}
                         : (struct nima_rule_fact){"identity", "age", .single = true};
        return zone || decade;
    }
    bool on_a = is(c, from, "on") && in(c, end - 1, " diet leave ");
    out->fact = is(c, end - 1, "diet")
                    ? (struct nima_rule_fact){"preference", "diet", .single = true}
                    : (struct nima_rule_fact){"work", "leave", .single = true};
    return on_a;
}

struct doing {
    const char *verb, *next; /* next: one of these must follow; NULL: an object */
    const char *category, *attribute;
    bool single, inferred;
};

static const struct doing doings[] = {
    {"learning", NULL, "skill", "learning:*", false, false},
    {"studying", NULL, "education", "studies", true, false},
    {"majoring", " in ", "education", "studies", true, false},
    {"building", NULL, "project", NULL, false, false},
    {"developing", NULL, "project", NULL, false, false},
    {"designing", NULL, "project", NULL, false, false},
    {"restoring", NULL, "project", NULL, false, false},
    {"renovating", NULL, "project", NULL, false, false},
    {"writing", NULL, "project", NULL, false, false},
    {"creating", NULL, "project", NULL, false, false},
    {"researching", NULL, "project", NULL, false, false},
    {"working", " as ", "work", "job", true, false},
    {"working", " at for ", "work", "employer", true, false},
    {"working", " in remotely ", "work", NULL, false, false},
    {"working", " on ", "project", NULL, false, false},
    {"training", " for ", "goal", NULL, false, true},
    {"preparing", " for ", "goal", NULL, false, true},
    {"saving", " for up ", "goal", NULL, false, true},
    {"planning", " to on ", "goal", NULL, false, true},
    {"hoping", " to ", "goal", NULL, false, true},
    {"moving", " to ", "goal", NULL, false, true},
    {"getting", " married divorced ", "family", NULL, false, false},
    {"expecting", " a our my twins ", "family", NULL, false, false},
    {"recovering", " from ", "health", NULL, false, false},
    {"teaching", NULL, "work", NULL, false, false},
    {"taking", NULL, "habit", NULL, false, false},
    {"volunteering", " at for in ", "habit", NULL, false, false},
    {"raising", NULL, "family", NULL, false, false},
    {"trying", " to ", "goal", NULL, false, true},
};

static bool doing_fits(const struct nima_clause *c, size_t from, size_t end, size_t object)
{
    if (object >= end || nima_memory_vague(c, object) || in(c, object, " some on with ")) {
        return false;
    }
    if (is(c, from, "taking")) {
        return nima_memory_any_listed(c, object, end, NIMA_LIST_OFTEN) ||
               in(c, end - 1, " class classes course courses lessons ");
    }
    if (is(c, from, "trying")) {
        return in(c, object, " learn lose quit save become eat stop conceive ") &&
               !nima_memory_vague(c, object + 1);
    }
    if (in(c, from, " planning hoping ")) {
        return !nima_memory_vague(c, object + 1) && !in(c, object, " go get do be use ask see ");
    }
    bool checked = in(c, from,
                      " building developing designing writing creating working teaching"
                      " researching preparing ");
    return !checked || !nima_memory_any_listed(c, object, end, NIMA_LIST_PASSING);
}

static bool doing_part(const struct nima_clause *c, size_t from, size_t end, struct part *out)
{
    for (size_t i = 0; i < sizeof(doings) / sizeof(doings[0]); i++) {
        const struct doing *d = &doings[i];
        if (!is(c, from, d->verb) || (d->next != NULL && !in(c, from + 1, d->next))) {
            continue;
        }
        bool needs_none = in(c, from + 1, " married divorced remotely twins ");
        size_t object = from + (d->next != NULL ? 2 : 1);
        if (in(c, from + 1, " up ") && is(c, from + 2, "for")) {
            object++;
        }
        if (is(c, from, "expecting")) {
            object = from + 1;
        }
        if (!needs_none && !doing_fits(c, from, end, object)) {
            return false;
        }
        out->kind = PART_LIST;
        out->object = object < end ? object : from;
        out->fact = (struct nima_rule_fact){.category = d->category,
                                            .attribute = d->attribute,
                                            .single = d->single,
                                            .inferred = d->inferred,
                                            .confidence = d->inferred ? 0.7 : 0.85};
        return true;
    }
    return false;
}

/* What the words [from, end) say, if it is something known. */
static bool classify(const struct nima_clause *c, size_t from, size_t end, struct part *out)
{
    while (from < end && (listed(c, from, NIMA_LIST_ADVERBS) ||
                          (listed(c, from, NIMA_LIST_FREQUENCY) && !is(c, from, "never")))) {
        from++;
    }
    *out = (struct part){.from = from, .end = end, .object = from};
    if (from >= end) {
        return false;
    }
    return age_part(c, from, end, out) || phrase_part(c, from, end, out) ||
           state_part(c, from, end, out) || doing_part(c, from, end, out) ||
           person_part(c, from, end, out) || place_part(c, from, end, out) ||
           name_part(c, from, end, out);
}

static void emit(const struct nima_rule_run *run, const char *who, const struct part *part)
{
    char lead[LEAD_CHARS];
    const struct nima_clause *c = run->clause;
    if (part->kind == PART_AGE) {
        snprintf(lead, sizeof(lead), "%s is " NIMA_FMT " years old", who,
                 NIMA_ARG(at(c, part->from)->raw));
        nima_memory_rule_add(run, &part->fact, lead, part->end, part->end, part->from);
        /* The value is the number alone, which stands in no object here. */
        if (run->out->count > 0) {
            run->out->items[run->out->count - 1].value =
                nima_str_copy(run->ctx->arena, nima_str_of(at(c, part->from)->low));
        }
        return;
    }
    bool called = in(c, part->from, " called named ") && part->fact.attribute != NULL;
    bool named = part->kind == PART_NAME || called;
    snprintf(lead, sizeof(lead), named ? "%s's name is" : "%s is", who);
    size_t from = called ? part->from + 1 : part->from;
    nima_memory_rule_add(run, &part->fact, lead, from, part->end, part->object);
}

/* Whether a part that is not known by itself belongs to the one before: "nuts and shellfish". */
static bool goes_on(const struct nima_clause *c, const struct part *last, size_t from, size_t end)
{
    bool after_comma = at(c, from - 1)->comma;
    return last->kind == PART_LIST && end - from <= 4 &&
           (!after_comma || in(c, from, " mostly mainly especially "));
}

static size_t part_end(const struct nima_clause *c, size_t from, size_t limit)
{
    size_t i = from;
    while (i < limit && !at(c, i)->comma && !is(c, i + 1, "and")) {
        i++;
    }
    return i < limit ? i + 1 : limit;
}

bool nima_memory_rule_am(const struct nima_rule_run *run, const char *who, size_t from)
{
    const struct nima_clause *c = run->clause;
    struct part parts[8];
    size_t count = 0;
    size_t limit = c->count;
    for (size_t i = from; i < limit && count < 8;) {
        i += is(c, i, "and");
        size_t end = part_end(c, i, limit);
        struct part part;
        bool known = classify(c, i, end, &part) && (count == 0 || part.kind != PART_NAME);
        if (known) {
            bool join =
                count > 0 && part.kind == PART_NATION && parts[count - 1].kind == PART_NATION;
            if (join) {
                parts[count - 1].end = end;
            } else {
                parts[count++] = part;
            }
        } else if (count > 0 && goes_on(c, &parts[count - 1], i, end)) {
            parts[count - 1].end = end;
        } else {
            break;
        }
        i = end;
    }
    for (size_t i = 0; i < count; i++) {
        struct nima_clause cut = *c;
        cut.count = parts[i].end;
        size_t end = nima_memory_rule_end(&cut, parts[i].from);
        if (parts[i].kind != PART_AGE) {
            parts[i].end =
                parts[i].kind == PART_LIST || parts[i].kind == PART_NATION ? parts[i].end : end;
        }
        emit(run, who, &parts[i]);
    }
    return count > 0;
}
