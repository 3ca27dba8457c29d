#include "memory/hints.h"

enum { OVERVIEW_BYTES_MAX = 200 }; /* a longer message is about something else as well */

#include <ctype.h>
#include <string.h>

struct hint {
    const char *name; /* an attribute ("taste:" for all that begin so) or a category */
    const char *words;
};

/* What people say who ask about food; who cannot eat something must be thought of then. */
#define FOOD                                                                                       \
    "food eat cook bake meal recipe breakfast lunch dinner supper brunch snack dessert cake "      \
    "restaurant menu dish ingredient picnic party hungry grocery"

static const struct hint hints[] = {
    {"home", "live city town country place address move"},
    {"origin", "born country hometown come"},
    {"grew-up", "childhood raised"},
    {"born", "birth birthday birthplace age"},
    {"age", "old age birthday year"},
    {"name", "name called"},
    {"birthday", "birth date old gift"},
    {"timezone", "time zone clock"},
    {"job", "job work profession occupation career living"},
    {"employer", "job work company employer business"},
    {"studies", "study school university course degree"},
    {"diet", FOOD " vegetarian"},
    {"allergy:", FOOD " medical"},
    {"eat:", FOOD},
    {"drink:", "beverage drink cafe bar"},
    {"taste:", "like taste prefer"},
    {"fear:", "afraid scared"},
    {"language:", "language"},
    {"learning:", "study learn"},
    {"drive", "car vehicle"},
    {"play:", "instrument sport game hobby music"},
    {"use:", "tool software setup"},
    {"marital", "married husband wife partner relationship"},
    {"work", "job work profession career"},
    {"education", "study school university degree"},
    {"family", "family relative"},
    {"people", "people"},
    {"pets", "pet animal"},
    {"health", "health medical condition exercise workout training doctor"},
    {"preference", "preference favorite favourite"},
    {"hobby", "hobby free weekend fun"},
    {"habit", "habit routine exercise sport"},
    {"possession", "own"},
    {"project", "project work building"},
    {"goal", "goal plan dream aim"},
    {"skill", "skill"},
    {"tool", "tool software"},
    {"location", "place"},
};

static nima_str words_for(nima_str name)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        nima_str key = nima_str_of(hints[i].name);
        bool prefix = nima_str_ends(key, NIMA_STR(":"));
        if (prefix ? nima_str_starts(name, key) : nima_str_eq(name, key)) {
            return nima_str_of(hints[i].words);
        }
    }
    return (nima_str){0};
}

bool nima_memory_limits_food(nima_str fact)
{
    static const char *const signs[] = {"allerg",          "intoleran", "coeliac", "celiac",
                                        "diabet",          "gluten",    "lactose", "vegan",
                                        "vegetarian",      "keto",      "halal",   "kosher",
                                        "pescatar",        "not eat",   "n't eat", "no longer eat",
                                        "stand the taste", "dairy",     "diet"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (nima_str_find_nocase(fact, nima_str_of(signs[i]), 0) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

nima_str nima_memory_hint(nima_str category, nima_str attribute)
{
    nima_str words = attribute.ptr != NULL ? words_for(attribute) : (nima_str){0};
    return words.ptr != NULL ? words : words_for(category);
}

nima_str nima_memory_fact_hint(nima_str fact, nima_str category, nima_str attribute)
{
    return nima_memory_limits_food(fact) ? NIMA_STR(FOOD " health medical")
                                         : nima_memory_hint(category, attribute);
}

nima_str nima_memory_meaning_text(nima_str fact)
{
    static const char *const leads[] = {"The user's ", "The user ", "User's ", "User "};
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        nima_str lead = nima_str_of(leads[i]);
        if (fact.len > lead.len && nima_str_starts_nocase(fact, lead)) {
            return nima_str_sub(fact, lead.len, fact.len);
        }
    }
    return fact;
}

bool nima_memory_small_talk(nima_str text)
{
    static const char talk[] =
        " hi hello hey hiya yo there nima good morning evening afternoon night day how are you "
        "doing"
        " is it going today thanks thank so very much a lot that that's was were helpful great nice"
        " cool ok okay yes no please sure bye goodbye see later tomorrow ciao welcome to meet "
        "sounds"
        " awesome perfect got lol haha hmm what's up sup and fine i'm am i well again cheers"
        " next continue ";
    char word[16] = " ";
    size_t len = 0;
    for (size_t i = 0; i <= text.len; i++) {
        unsigned char c = i < text.len ? (unsigned char)text.ptr[i] : ' ';
        if (isalnum(c) || c == '\'' || c >= 0x80) {
            if (len + 3 >= sizeof(word)) {
                return false;
            }
            word[++len] = (char)tolower(c);
        } else if (len > 0) {
            word[len + 1] = ' ';
            word[len + 2] = '\0';
            if (strstr(talk, word) == NULL) {
                return false;
            }
            len = 0;
        }
    }
    return true;
}

bool nima_memory_asks_overview(nima_str text)
{
    static const nima_str phrases[] = {
        NIMA_STR_INIT("know about me"),
        NIMA_STR_INIT("remember about me"),
        NIMA_STR_INIT("remember of me"),
        NIMA_STR_INIT("learned about me"),
        NIMA_STR_INIT("learnt about me"),
        NIMA_STR_INIT("remembered about me"),
        NIMA_STR_INIT("who am i"),
        NIMA_STR_INIT("tell me about me"),
        NIMA_STR_INIT("tell me about myself"),
        NIMA_STR_INIT("describe me"),
        NIMA_STR_INIT("do you remember me"),
        NIMA_STR_INIT("do you know me"),
        NIMA_STR_INIT("summarize me"),
        NIMA_STR_INIT("facts about me"),
    };
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        size_t at = nima_str_find_nocase(text, phrases[i], 0);
        size_t end = at + phrases[i].len;
        bool whole =
            at != SIZE_MAX &&
            (end >= text.len || !((text.ptr[end] | 0x20) >= 'a' && (text.ptr[end] | 0x20) <= 'z'));
        if (whole && text.len < OVERVIEW_BYTES_MAX) {
            return true;
        }
    }
    return false;
}
