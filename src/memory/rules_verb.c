/*
 * "I live in …", "I build …", "I don't eat …": verbs that tell something lasting in the present. A
 * verb that is not in the table says nothing we keep; most verbs of a chat (see, try, need) are of
 * the moment.
 */
#include <stdio.h>
#include <string.h>

#include "memory/clause_int.h"
#include "memory/lexicon.h"
#include "memory/rules.h"

enum { LEAD_CHARS = 160 };

enum need {
    NEED_OBJECT, /* something after it that is not vague */
    NEED_PLACE,  /* one of `words` right after it */
    NEED_OFTEN,  /* a habit: "every …", "in a …", or an object */
    NEED_NOTHING,
};

struct verb {
    const char *base, *words;
    const char *category, *attribute;
    enum need need;
    bool single;
};

static const struct verb verbs[] = {
    {"live", " in near on at outside between ", "location", "home", NEED_PLACE, true},
    {"live", " with alone ", "family", "household", NEED_PLACE, true},
    {"reside", " in ", "location", "home", NEED_PLACE, true},
    {"come", " from ", "location", "origin", NEED_PLACE, true},
    {"work", " at for ", "work", "employer", NEED_PLACE, true},
    {"work", " as ", "work", "job", NEED_PLACE, true},
    {"work",
     " in with from remotely nights night shifts part-time full-time freelance weekends long ",
     "work", NULL, NEED_PLACE, false},
    {"work", " on ", "project", NULL, NEED_PLACE, false},
    {"commute", NULL, "habit", "commute", NEED_NOTHING, true},
    {"build", NULL, "work", NULL, NEED_OBJECT, false},
    {"develop", NULL, "work", NULL, NEED_OBJECT, false},
    {"design", NULL, "work", NULL, NEED_OBJECT, false},
    {"write", NULL, "work", NULL, NEED_OBJECT, false},
    {"make",
     " furniture music jewelry jewellery pottery films movies videos clothes candles cheese"
     " wine beer bread games toys instruments soap quilts ",
     "work", NULL, NEED_PLACE, false},
    {"program", NULL, "work", NULL, NEED_OBJECT, false},
    {"code", NULL, "work", NULL, NEED_OBJECT, false},
    {"maintain", NULL, "project", NULL, NEED_OBJECT, false},
    {"teach", " at in ", "work", "employer", NEED_PLACE, true},
    {"teach", NULL, "work", NULL, NEED_OBJECT, false},
    {"tutor", NULL, "work", NULL, NEED_OBJECT, false},
    {"manage", NULL, "work", NULL, NEED_OBJECT, false},
    {"lead", NULL, "work", NULL, NEED_OBJECT, false},
    {"coach", NULL, "work", NULL, NEED_OBJECT, false},
    {"research", NULL, "work", NULL, NEED_OBJECT, false},
    {"sell", NULL, "work", NULL, NEED_OBJECT, false},
    {"repair", NULL, "work", NULL, NEED_OBJECT, false},
    {"restore", NULL, "hobby", NULL, NEED_OBJECT, false},
    {"earn", NULL, "work", "income", NEED_OBJECT, true},
    {"freelance", NULL, "work", NULL, NEED_NOTHING, false},
    {"study", NULL, "education", "studies", NEED_OBJECT, true},
    {"major", " in ", "education", "studies", NEED_PLACE, true},
    {"attend", NULL, "education", NULL, NEED_OBJECT, false},
    {"hold", " a an two dual ", "identity", NULL, NEED_PLACE, false},
    {"speak", NULL, "language", "language:*", NEED_OBJECT, false},
    {"love", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"like", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"enjoy", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"adore", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"prefer", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"hate", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"dislike", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"detest", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"loathe", NULL, "preference", "taste:*", NEED_OBJECT, false},
    {"fear", NULL, "preference", "fear:*", NEED_OBJECT, false},
    {"support", NULL, "preference", NULL, NEED_OBJECT, false},
    {"collect", NULL, "hobby", NULL, NEED_OBJECT, false},
    {"paint", NULL, "hobby", NULL, NEED_OBJECT, false},
    {"sing", NULL, "hobby", NULL, NEED_OFTEN, false},
    {"dance", NULL, "hobby", NULL, NEED_OFTEN, false},
    {"play", NULL, "hobby", "play:*", NEED_OBJECT, false},
    {"practice", NULL, "hobby", NULL, NEED_OBJECT, false},
    {"practise", NULL, "hobby", NULL, NEED_OBJECT, false},
    {"bake", NULL, "hobby", NULL, NEED_OFTEN, false},
    {"cook", NULL, "hobby", NULL, NEED_OFTEN, false},
    {"brew", NULL, "hobby", NULL, NEED_OBJECT, false},
    {"grow", NULL, "hobby", NULL, NEED_OBJECT, false},
    {"knit", NULL, "hobby", NULL, NEED_OFTEN, false},
    {"sew", NULL, "hobby", NULL, NEED_OFTEN, false},
    {"keep", " bees chickens hens goats sheep tropical ", "hobby", NULL, NEED_PLACE, false},
    {"watch", NULL, "hobby", NULL, NEED_OFTEN, false},
    {"read", NULL, "hobby", NULL, NEED_OFTEN, false},
    {"listen", " to mostly mainly ", "hobby", NULL, NEED_PLACE, false},
    {"volunteer", NULL, "habit", NULL, NEED_OFTEN, false},
    {"meditate", NULL, "habit", NULL, NEED_OFTEN, false},
    {"do",
     " yoga pilates karate judo crossfit ballet taekwondo aikido gymnastics archery pottery"
     " parkour ceramics woodworking calligraphy ",
     "habit", NULL, NEED_PLACE, false},
    {"swim", NULL, "habit", NULL, NEED_OFTEN, false},
    {"jog", NULL, "habit", NULL, NEED_OFTEN, false},
    {"cycle", NULL, "habit", NULL, NEED_OFTEN, false},
    {"hike", NULL, "habit", NULL, NEED_OFTEN, false},
    {"climb", NULL, "habit", NULL, NEED_OFTEN, false},
    {"walk", NULL, "habit", NULL, NEED_OFTEN, false},
    {"exercise", NULL, "habit", NULL, NEED_OFTEN, false},
    {"sleep", NULL, "habit", NULL, NEED_OFTEN, false},
    {"wake", " up ", "habit", NULL, NEED_PLACE, false},
    {"get", " up ", "habit", NULL, NEED_PLACE, false},
    {"smoke", NULL, "habit", "smoke", NEED_NOTHING, true},
    {"eat", NULL, "preference", "eat:*", NEED_OFTEN, false},
    {"drink", NULL, "preference", "drink:*", NEED_OFTEN, false},
    {"wear", NULL, "identity", NULL, NEED_OBJECT, false},
    {"ride", NULL, "possession", NULL, NEED_OBJECT, false},
    {"drive", NULL, "possession", "drive", NEED_OBJECT, false},
    {"own", NULL, "possession", "have:*", NEED_OBJECT, false},
    {"use", NULL, "tool", "use:*", NEED_OBJECT, false},
    {"host", NULL, "habit", NULL, NEED_OBJECT, false},
    {"raise", NULL, "family", NULL, NEED_OBJECT, false},
    {"suffer", " from ", "health", NULL, NEED_PLACE, false},
    {"identify", " as ", "identity", NULL, NEED_PLACE, false},
    {"belong", " to ", "identity", NULL, NEED_PLACE, false},
    {"need", " glasses insulin crutches ", "health", NULL, NEED_PLACE, false},
};

static bool often(const struct nima_clause *c, size_t from)
{
    return nima_memory_any_listed(c, from, c->count, NIMA_LIST_OFTEN) || c->tail_count > 0;
}

/* Made or used for the moment: "I use this function", "I write an email". */
static bool momentary(const struct nima_clause *c, const char *base, size_t from)
{
    static const char checked[] =
        " build develop design write make code program use maintain manage"
        " have research repair read watch run sell play ";
    char word[NIMA_TOKEN_CHARS + 2];
    snprintf(word, sizeof(word), " %s ", base);
    size_t end = from;
    while (end < c->count && !in(c, end, " in with for about at on to ")) {
        end++;
    }
    return strstr(checked, word) != NULL && nima_memory_any_listed(c, from, end, NIMA_LIST_PASSING);
}

static bool fits(const struct nima_clause *c, const struct verb *v, size_t from)
{
    switch (v->need) {
    case NEED_NOTHING:
        return !in(c, from, " out through over up around this that it ");
    case NEED_PLACE:
        return in(c, from, v->words) &&
               (!in(c, from, " in near on at as for with from to outside ") ||
                (from + 1 < c->count &&
                 (!nima_memory_vague(c, from + 1) || is(c, from + 1, "the")) &&
                 !in(c, from + 1,
                     " now order case this that it all society fear hope peace experience "))) &&
               (strcmp(v->base, "work") != 0 || !is(c, from, "on") ||
                !nima_memory_any_listed(c, from + 1, c->count, NIMA_LIST_PASSING)) &&
               !(strcmp(v->base, "work") == 0 && is(c, from, "on") && is(c, from + 1, "the"));
    case NEED_OFTEN:
        if (from >= c->count) {
            return false;
        }
        return !in(c, from,
                   " it him her them this that these those through out over away up around the "
                   "your ") &&
               (often(c, from) || in(c, from, " in at with on alone as to ") ||
                !nima_memory_vague(c, from));
    case NEED_OBJECT:
        break;
    }
    return !nima_memory_vague(c, from) &&
           !in(c, from, " up out down off over to with on at from for of about through into as ");
}

/* What people say they like of the talk itself: your style, that idea, how you put it, to know. */
static bool about_the_talk(const struct nima_clause *c, const struct verb *v, size_t from)
{
    if (v->attribute == NULL || strcmp(v->attribute, "taste:*") != 0) {
        return false;
    }
    return in(c, from, " to ") ? in(c, from + 1, " know see hear ask say think thank ")
                               : in(c, from, " working being seeing hearing getting ");
}

static const struct verb *verb_of(const struct nima_clause *c, size_t i)
{
    const struct verb *named = NULL;
    for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
        if (!is(c, i, verbs[v].base)) {
            continue;
        }
        named = &verbs[v];
        bool to_like = in(c, i, " love like prefer hate ") && is(c, i + 1, "to");
        if (to_like ? !about_the_talk(c, named, i + 1)
                    : fits(c, named, i + 1) && !momentary(c, named->base, i + 1) &&
                          !about_the_talk(c, named, i + 1)) {
            return named;
        }
    }
    return NULL;
}

static bool take(const struct nima_rule_run *run, const char *adverb, const struct verb *v,
                 const char *base, size_t from)
{
    char third[NIMA_TOKEN_CHARS + 4];
    char lead[LEAD_CHARS];
    nima_memory_third_person(base, third, sizeof(third));
    snprintf(lead, sizeof(lead), "The user %s%s%s", adverb, adverb[0] != '\0' ? " " : "", third);
    struct nima_rule_fact fact = {
        .category = v->category, .attribute = v->attribute, .single = v->single};
    size_t end = nima_memory_rule_end(run->clause, from);
    if (end == from && v->need != NEED_NOTHING) {
        return false;
    }
    nima_memory_rule_add(run, &fact, lead, from, end, from);
    return true;
}

/* "run" and "go" mean many things; each of these few is a verb of its own. */
static const struct verb *special(const struct nima_clause *c, size_t i)
{
    static const struct verb running = {"run", NULL, "habit", NULL, NEED_NOTHING, false};
    static const struct verb business = {"run", NULL, "work", NULL, NEED_NOTHING, false};
    static const struct verb going = {"go", NULL, "habit", NULL, NEED_NOTHING, false};
    static const struct verb school = {"go", NULL, "education", NULL, NEED_NOTHING, false};
    static const struct verb taking = {"take", NULL, "habit", NULL, NEED_NOTHING, false};
    static const struct verb pills = {"take", NULL, "health", NULL, NEED_NOTHING, false};
    if (is(c, i, "run")) {
        bool distance = in(c, i + 1, " every marathons ultramarathons daily twice three half ") ||
                        (often(c, i + 1) && !in(c, i + 1, " a an the it this my "));
        bool thing = in(c, i + 1, " a an my our ") && !momentary(c, "run", i + 1) &&
                     nima_memory_any_listed(c, i + 1, c->count, NIMA_LIST_POSSESSIONS);
        thing = thing || (in(c, i + 1, " a an my our ") && !momentary(c, "run", i + 1) &&
                          nima_memory_any_listed(c, i + 1, c->count, NIMA_LIST_PROJECTS));
        return distance ? &running : thing ? &business : NULL;
    }
    if (is(c, i, "go")) {
        bool to_school =
            is(c, i + 1, "to") && nima_memory_any_listed(c, i + 2, i + 5, NIMA_LIST_EDUCATION);
        size_t len = strlen(at(c, i + 1)->low);
        bool gerund = len > 5 && strcmp(at(c, i + 1)->low + len - 3, "ing") == 0;
        bool place = is(c, i + 1, "to") && often(c, i + 2);
        return to_school ? &school : gerund || place ? &going : NULL;
    }
    if (is(c, i, "take") && !nima_memory_vague(c, i + 1)) {
        bool coffee = is(c, i + 1, "my") && in(c, i + 2, " coffee tea ");
        return coffee ? &taking : often(c, i + 1) && !in(c, i + 1, " a an my ") ? &pills : NULL;
    }
    return NULL;
}

bool nima_memory_rule_verb(const struct nima_rule_run *run, size_t from)
{
    const struct nima_clause *c = run->clause;
    char adverb[NIMA_TOKEN_CHARS] = "";
    while (nima_memory_listed(NIMA_LIST_ADVERBS, at(c, from)->low) ||
           nima_memory_listed(NIMA_LIST_FREQUENCY, at(c, from)->low)) {
        if (nima_memory_listed(NIMA_LIST_FREQUENCY, at(c, from)->low)) {
            snprintf(adverb, sizeof(adverb), "%s", at(c, from)->low);
        }
        from++;
    }
    const struct verb *v = special(c, from);
    v = v != NULL ? v : verb_of(c, from);
    if (v == NULL && adverb[0] != '\0' && !is(c, from, "go")) {
        return false;
    }
    return v != NULL && take(run, adverb, v, v->base, from + 1);
}

const char *nima_memory_verb_of_gerund(const char *gerund)
{
    size_t len = strlen(gerund);
    if (len < 5 || strcmp(gerund + len - 3, "ing") != 0) {
        return NULL;
    }
    size_t stem = len - 3;
    for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
        const char *base = verbs[v].base;
        size_t n = strlen(base);
        bool plain = n == stem && strncmp(base, gerund, n) == 0;
        bool mute = n == stem + 1 && base[stem] == 'e' && strncmp(base, gerund, stem) == 0;
        bool doubled = n + 1 == stem && gerund[n] == base[n - 1] && strncmp(base, gerund, n) == 0;
        if (plain || mute || doubled) {
            return base;
        }
    }
    return strcmp(gerund, "running") == 0  ? "run"
           : strcmp(gerund, "going") == 0  ? "go"
           : strcmp(gerund, "taking") == 0 ? "take"
                                           : NULL;
}

const char *nima_memory_verb_category(const struct nima_said_word *third)
{
    for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
        char form[NIMA_TOKEN_CHARS + 4];
        nima_memory_third_person(verbs[v].base, form, sizeof(form));
        if (nima_memory_token_is(third, form)) {
            return verbs[v].category;
        }
    }
    return nima_memory_token_in(third, " starts runs goes ") ? "habit" : NULL;
}

/* "any more" within the clause: its place, or the clause's end. */
static size_t any_more(const struct nima_clause *c, size_t from)
{
    for (size_t i = from; i < c->count; i++) {
        if (is(c, i, "anymore") ||
            (is(c, i, "any") && (is(c, i + 1, "more") || is(c, i + 1, "longer")))) {
            return i;
        }
    }
    return c->count;
}

static bool take_ended(const struct nima_rule_run *run, size_t verb, size_t end)
{
    const struct nima_clause *c = run->clause;
    const struct verb *v = verb_of(c, verb);
    struct nima_clause cut = *c;
    cut.count = end;
    struct nima_rule_run cut_run = *run;
    cut_run.clause = &cut;
    char third[NIMA_TOKEN_CHARS + 4];
    char lead[LEAD_CHARS];
    if (v == NULL && !is(c, verb, "have")) {
        return false;
    }
    nima_memory_third_person(at(c, verb)->low, third, sizeof(third));
    snprintf(lead, sizeof(lead), "The user no longer %s", third);
    struct nima_rule_fact fact = {.category = v != NULL ? v->category : "possession",
                                  .attribute = v != NULL ? v->attribute : "have:*",
                                  .single = true,
                                  .ended = true};
    size_t stop = nima_memory_rule_end(&cut, verb + 1);
    nima_memory_rule_add(&cut_run, &fact, lead, verb + 1, stop, verb + 1);
    return true;
}

static bool take_denied(const struct nima_rule_run *run, size_t verb)
{
    const struct nima_clause *c = run->clause;
    static const char denied[] = " like love enjoy eat drink smoke speak own have drive ";
    const struct verb *v = verb_of(c, verb);
    bool has = is(c, verb, "have");
    size_t end = nima_memory_rule_end(c, verb + 1);
    if (!in(c, verb, denied) || (v == NULL && !has)) {
        return false;
    }
    static const char thing[] = " a an any kids children siblings pets ";
    if (has && (!in(c, verb + 1, thing) ||
                !(nima_memory_any_listed(c, verb + 1, end, NIMA_LIST_FAMILY) ||
                  nima_memory_any_listed(c, verb + 1, end, NIMA_LIST_PETS) ||
                  nima_memory_any_listed(c, verb + 1, end, NIMA_LIST_POSSESSIONS)))) {
        return false;
    }
    char lead[LEAD_CHARS];
    snprintf(lead, sizeof(lead), "The user does not %s", at(c, verb)->low);
    struct nima_rule_fact fact = {.category = has ? "possession" : v->category,
                                  .attribute = has ? "have:*" : v->attribute,
                                  .single = true};
    nima_memory_rule_add(run, &fact, lead, verb + 1, end, verb + 1);
    return true;
}

static bool take_can(const struct nima_rule_run *run, size_t verb, bool denied)
{
    static const char skills[] =
        " swim drive cook ride juggle dance sing ski surf skate whistle knit"
        " sew code type hear see walk read fly play speak ";
    const struct nima_clause *c = run->clause;
    bool stand = denied && in(c, verb, " stand bear eat drink tolerate digest ");
    if (!stand && (!in(c, verb, skills) || (in(c, verb, " see hear read play speak code type ") &&
                                            nima_memory_vague(c, verb + 1)))) {
        return false;
    }
    if (in(c, verb, " see hear read walk type code ") && (!denied || verb + 1 < c->count)) {
        return false;
    }
    if (stand && nima_memory_vague(c, verb + 1)) {
        return false;
    }
    struct nima_rule_fact fact = {.category = stand ? "preference" : "skill",
                                  .attribute = stand ? "taste:*" : NULL,
                                  .single = true};
    size_t end = nima_memory_rule_end(c, verb);
    nima_memory_rule_add(run, &fact, denied ? "The user cannot" : "The user can", verb, end,
                         verb + 1);
    return true;
}

bool nima_memory_rule_not(const struct nima_rule_run *run, size_t from)
{
    const struct nima_clause *c = run->clause;
    if (is(c, from, "no") && is(c, from + 1, "longer")) {
        return take_ended(run, from + 2, c->count);
    }
    if (is(c, from, "can")) {
        bool denied = is(c, from + 1, "not");
        return take_can(run, from + (denied ? 2 : 1), denied);
    }
    if (!is(c, from, "do") || !is(c, from + 1, "not")) {
        return false;
    }
    size_t verb = from + 2;
    while (in(c, verb, " really actually currently even ")) {
        verb++;
    }
    size_t more = any_more(c, verb);
    return more < c->count ? take_ended(run, verb, more) : take_denied(run, verb);
}
