#include "memory/decide.h"

#include <string.h>

#include "memory/first.h"
#include "memory/forget.h"
#include "memory/hints.h"
#include "search/words.h"
#include "util/json.h"

enum { METADATA_BYTES_MAX = 2048, NEAR_LIMIT = 16 };

/* Measured with MiniLM on pairs of facts (docs/memory.md): above it two sentences that agree in
 * numbers, names and denial say the same. */
static const double rewording_cosine = 0.93;

nima_str nima_memory_candidate_metadata(struct nima_ctx *ctx,
                                        const struct nima_candidate *candidate)
{
    if (candidate->attribute.ptr == NULL) {
        return NIMA_STR("{}");
    }
    struct nima_buf buf;
    nima_buf_init(&buf, METADATA_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("{\"attribute\":"));
    nima_json_write_str(&buf, candidate->attribute);
    nima_buf_add(&buf, NIMA_STR(",\"value\":"));
    nima_json_write_str(&buf, candidate->ended
                                  ? nima_fmt(ctx, "no longer " NIMA_FMT, NIMA_ARG(candidate->value))
                                  : candidate->value);
    nima_buf_add(&buf, NIMA_STR("}"));
    nima_str text =
        buf.overflowed ? NIMA_STR("{}") : nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

static nima_rc value_of(struct nima_ctx *ctx, const struct nima_fact *fact, nima_str *out)
{
    const struct nima_json *tree;
    NIMA_TRY(nima_json_parse(ctx, fact->metadata, &tree));
    nima_str value = nima_json_str(nima_json_get(tree, "value"));
    *out = value.ptr != NULL ? value : NIMA_STR("");
    return NIMA_OK;
}

static bool has_word(nima_str text, nima_str wanted)
{
    nima_str word;
    while (nima_str_next(&text, ' ', &word)) {
        if (nima_str_eq_nocase(word, wanted)) {
            return true;
        }
    }
    return false;
}

/* Every word of `part` stands in `whole`. */
static bool within(nima_str part, nima_str whole)
{
    nima_str word;
    if (part.len == 0) {
        return false;
    }
    while (nima_str_next(&part, ' ', &word)) {
        if (word.len > 0 && !has_word(whole, word)) {
            return false;
        }
    }
    return true;
}

/* "The user hates": the taste is against it. */
static bool against(nima_str text)
{
    static const char *const words[] = {"hates",  "dislikes", "detests", "loathes", "not",
                                        "cannot", "never",    "no",      "bad",     "terrible"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (has_word(text, nima_str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_number(nima_str word)
{
    bool digits = false;
    for (size_t i = 0; i < word.len; i++) {
        digits = digits || (word.ptr[i] >= '0' && word.ptr[i] <= '9');
    }
    return digits;
}

static bool is_name(nima_str word)
{
    unsigned char c = word.len > 0 ? (unsigned char)word.ptr[0] : 0;
    return (c >= 'A' && c <= 'Z') || c >= 0xC3;
}

/* Numbers and names of one stand in the other. */
static bool details_within(nima_str part, nima_str whole)
{
    nima_str word;
    while (nima_str_next(&part, ' ', &word)) {
        if ((is_number(word) || is_name(word)) && !has_word(whole, word)) {
            return false;
        }
    }
    return true;
}

bool nima_memory_same_details(nima_str a, nima_str b)
{
    return against(a) == against(b) && details_within(a, b) && details_within(b, a);
}

/* Part of the time, so that another one may be true beside it. */
static bool partly(nima_str text)
{
    static const char *const phrases[] = {
        "weekend",       "part-time",       "part time",   "sometimes",       "in summer",
        "in winter",     "in spring",       "in autumn",   "in the summer",   "in the winter",
        "evenings",      "at night",        "nights",      "holidays",        "half of",
        "half the",      "mondays",         "tuesdays",    "wednesdays",      "thursdays",
        "fridays",       "saturdays",       "sundays",     "during the week", "on weekdays",
        "occasionally",  "as a side",       "on the side", "in the mornings", "in the afternoons",
        "months a year", "during vacation", "second job",  "freelance",       "every other"};
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (nima_str_find_nocase(text, nima_str_of(phrases[i]), 0) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* How many the fact says there are: "has two cats" is 2, "has a cat" 1; 0: it does not say. */
static int64_t count_of(nima_str text)
{
    static const char *const words[] = {"no",    "one",   "two",  "three", "four",   "five",  "six",
                                        "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    nima_str rest = text, word, before = {0};
    int64_t number = 0;
    while (nima_str_next(&rest, ' ', &word)) {
        bool after = nima_str_eq(before, NIMA_STR("has")) || nima_str_eq(before, NIMA_STR("owns"));
        before = nima_str_eq(word, NIMA_STR("only")) || nima_str_eq(word, NIMA_STR("now")) ? before
                                                                                           : word;
        if (!after) {
            continue;
        }
        if (nima_str_eq(word, NIMA_STR("a")) || nima_str_eq(word, NIMA_STR("an"))) {
            return 1;
        }
        for (size_t i = 1; i < sizeof(words) / sizeof(words[0]); i++) {
            number = nima_str_eq(word, nima_str_of(words[i])) ? (int64_t)i : number;
        }
        if (number == 0 && !nima_str_to_i64(word, &number)) {
            number = 0;
        }
        return number;
    }
    return 0;
}

/* A number of things that is another one now; ADD: the two say nothing of each other. */
static enum nima_decision_kind by_count(nima_str new, nima_str old)
{
    int64_t now = count_of(new), before = count_of(old);
    bool named = nima_str_find(new, NIMA_STR(" called "), 0) != SIZE_MAX ||
                 nima_str_find(old, NIMA_STR(" called "), 0) != SIZE_MAX ||
                 nima_str_find(new, NIMA_STR(" named "), 0) != SIZE_MAX;
    bool article = now == 1 && !has_word(new, NIMA_STR("one"));
    if (now == 0 || before == 0 || named || against(new) != against(old)) {
        return NIMA_DECIDE_ADD;
    }
    return now == before || (article && before > 1) ? NIMA_DECIDE_NOTHING : NIMA_DECIDE_REPLACE;
}

/* What a statement on the same attribute means. */
static enum nima_decision_kind by_attribute(const struct nima_candidate *new, nima_str old_value,
                                            const struct nima_fact *old)
{
    bool starred = nima_str_find(new->attribute, NIMA_STR(":"), 0) != SIZE_MAX &&
                   nima_str_starts(new->value, NIMA_STR("The user"));
    if (nima_str_eq_nocase(new->text, old->fact)) {
        return NIMA_DECIDE_NOTHING;
    }
    if (new->ended) {
        bool same = starred || new->value.len == 0 || within(new->value, old_value) ||
                    within(old_value, new->value);
        return same && !against(old->fact) ? NIMA_DECIDE_REPLACE : NIMA_DECIDE_ADD;
    }
    bool ended = nima_str_starts(old_value, NIMA_STR("no longer"));
    if (partly(new->text) != partly(old->fact) && !ended) {
        return NIMA_DECIDE_ADD;
    }
    if (starred && !ended && nima_str_find(new->attribute, NIMA_STR("have:"), 0) != SIZE_MAX) {
        enum nima_decision_kind kind = by_count(new->text, old->fact);
        if (kind != NIMA_DECIDE_ADD) {
            return kind;
        }
    }
    if (starred) {
        bool turned = against(new->text) != against(old->fact);
        bool detail = !turned && !nima_memory_same_details(new->text, old->fact);
        return turned || ended ? NIMA_DECIDE_REPLACE
               : detail        ? NIMA_DECIDE_ADD
                               : NIMA_DECIDE_NOTHING;
    }
    if (!ended && within(new->value, old_value)) {
        return NIMA_DECIDE_NOTHING;
    }
    return new->single ? NIMA_DECIDE_REPLACE : NIMA_DECIDE_ADD;
}

static nima_rc facts_of_attribute(struct nima_ctx *ctx, struct nima_memory *memory,
                                  nima_str attribute, struct nima_fact_rows *out)
{
    nima_str *ids = NULL;
    size_t count = 0;
    *out = (struct nima_fact_rows){0};
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    nima_rc rc = nima_memory_person_read(ctx, memory, person);
    if (rc == NIMA_OK) {
        count = nima_memory_index_attribute(ctx->arena, person->index, attribute, &ids);
        nima_memory_person_read_end(person);
    }
    nima_memory_person_give(memory, person);
    NIMA_TRY(rc);
    return count > 0 ? nima_facts_get_many(ctx, memory->store, ids, count, out) : NIMA_OK;
}

static nima_rc decide_by_attribute(struct nima_ctx *ctx, struct nima_memory *memory,
                                   const struct nima_candidate *candidate,
                                   struct nima_decision *out)
{
    struct nima_fact_rows rows;
    NIMA_TRY(facts_of_attribute(ctx, memory, candidate->attribute, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        nima_str value;
        NIMA_TRY(value_of(ctx, &rows.items[i], &value));
        enum nima_decision_kind kind = by_attribute(candidate, value, &rows.items[i]);
        if (kind != NIMA_DECIDE_ADD) {
            *out = (struct nima_decision){.kind = kind, .known = rows.items[i]};
        }
        if (kind == NIMA_DECIDE_NOTHING) {
            return NIMA_OK;
        }
    }
    return NIMA_OK;
}

/* The facts nearest to this one, by its own words and by those that ask for what it is about. */
static nima_rc near_facts(struct nima_ctx *ctx, struct nima_memory *memory,
                          const struct nima_candidate *candidate, const struct nima_fact *fact,
                          struct nima_memory_hits *out)
{
    nima_str asked = nima_memory_hint(candidate->category, candidate->attribute);
    struct nima_probe probes[2] = {
        {.text = fact->fact, .vector = fact->embedding, .dims = fact->dims}, {.text = asked}};
    struct nima_find find = {.probes = probes,
                             .probe_count = asked.len > 0 ? 2 : 1,
                             .model = fact->embedding_model,
                             .limit = NEAR_LIMIT};
    return nima_memory_find(ctx, memory, &find, out);
}

static bool has_attribute(struct nima_ctx *ctx, const struct nima_fact *fact)
{
    const struct nima_json *tree;
    bool read = nima_json_parse(ctx, fact->metadata, &tree) == NIMA_OK;
    return read && nima_json_get(tree, "attribute") != NULL;
}

/* A fact that no rule wrote (by the API, an import) is about what the rules find in its text. */
static nima_rc decide_by_text(struct nima_ctx *ctx, const struct nima_candidate *candidate,
                              const struct nima_memory_hits *near, struct nima_decision *out)
{
    for (size_t i = 0; i < near->count && candidate->attribute.ptr != NULL; i++) {
        const struct nima_fact *known = &near->items[i].fact;
        struct nima_candidate old = {.text = known->fact, .value = NIMA_STR("")};
        if (has_attribute(ctx, known)) {
            continue;
        }
        NIMA_TRY(nima_memory_name_attribute(ctx, &old));
        if (old.attribute.ptr == NULL || !nima_str_eq(old.attribute, candidate->attribute)) {
            continue;
        }
        nima_str value =
            old.ended ? nima_fmt(ctx, "no longer " NIMA_FMT, NIMA_ARG(old.value)) : old.value;
        enum nima_decision_kind kind = by_attribute(candidate, value, known);
        if (kind != NIMA_DECIDE_ADD) {
            *out = (struct nima_decision){.kind = kind, .known = *known};
            return NIMA_OK;
        }
    }
    return NIMA_OK;
}

/* A sentence of other words for what is known, whoever wrote that: nothing new. */
static void decide_by_meaning(const struct nima_fact *fact, const struct nima_memory_hits *near,
                              struct nima_decision *out)
{
    for (size_t i = 0; i < near->count; i++) {
        const struct nima_memory_hit *hit = &near->items[i];
        bool same_text = nima_str_eq_nocase(hit->fact.fact, fact->fact);
        /* of a script that the embedding model does not know all texts are one */
        bool reworded = fact->embedding != NULL && !nima_memory_beyond_latin(fact->fact) &&
                        hit->vector >= rewording_cosine &&
                        nima_memory_same_details(hit->fact.fact, fact->fact);
        if (same_text || reworded) {
            *out = (struct nima_decision){.kind = NIMA_DECIDE_NOTHING, .known = hit->fact};
            return;
        }
    }
}

/* How the facts begin that such a statement ends; behind "user's" it is the creature. */
static bool may_end(enum nima_ends kind, nima_str fact)
{
    static const char *const having[] = {"has ", "owns ", "drives ", "rides ", "keeps ", NULL};
    static const char *const working[] = {"works ", "is working ", "is employed ", "teaches ",
                                          NULL};
    static const char *const placed[] = {"lives ",   "is living ",  "moved ",
                                         "works ",   "is working ", "resides ",
                                         "studies ", "teaches ",    NULL};
    static const char *const doing[] = {
        "plays ",   "drinks ", "eats ",       "does ", "practices ", "practises ",   "smokes",
        "goes ",    "swims",   "cycles",      "hikes", "climbs",     "meditates",    "dances",
        "sings",    "paints",  "bakes",       "cooks", "reads",      "writes",       "jogs",
        "walks",    "knits",   "takes ",      "runs",  "collects ",  "is learning ", "learns ",
        "watches ", "uses ",   "is playing ", NULL};
    static const char *const studying[] = {"studies ", "is studying ", "majors ", "attends ", NULL};
    const char *const *begins[] = {[NIMA_ENDS_POSSESSION] = having, [NIMA_ENDS_CREATURE] = having,
                                   [NIMA_ENDS_ACTIVITY] = doing,    [NIMA_ENDS_WORK] = working,
                                   [NIMA_ENDS_PLACE] = placed,      [NIMA_ENDS_STUDIES] = studying};
    nima_str lead = NIMA_STR("The user ");
    if (!nima_str_starts(fact, lead)) {
        bool of = nima_str_starts(fact, NIMA_STR("The user's "));
        bool job = nima_str_starts(fact, NIMA_STR("The user's job is"));
        bool died = has_word(fact, NIMA_STR("died")) || has_word(fact, NIMA_STR("passed"));
        return kind == NIMA_ENDS_CREATURE ? of && !died : kind == NIMA_ENDS_WORK && job;
    }
    nima_str rest = nima_str_sub(fact, lead.len, fact.len);
    for (size_t i = 0; begins[kind][i] != NULL; i++) {
        if (nima_str_starts(rest, nima_str_of(begins[kind][i]))) {
            return kind != NIMA_ENDS_CREATURE || count_of(fact) <= 1;
        }
    }
    return false;
}

static bool is_ended_by(struct nima_ctx *ctx, struct nima_words *words,
                        const struct nima_candidate *candidate, nima_str fact)
{
    if (against(fact) || nima_str_eq_nocase(fact, candidate->text)) {
        return false;
    }
    if (candidate->ends_kind == NIMA_ENDS_STATEMENT) {
        return nima_memory_meant(ctx, words, candidate->ends, fact) >= NIMA_MEANT_CLEAR;
    }
    return may_end(candidate->ends_kind, fact) &&
           (candidate->ends.len == 0 ||
            nima_memory_meant(ctx, words, candidate->ends, fact) >= NIMA_MEANT_CLEAR);
}

/* The facts that the statement ends: of the attributes that it may be about, and near in words. */
static nima_rc decide_ended(struct nima_ctx *ctx, struct nima_memory *memory,
                            const struct nima_candidate *candidate, struct nima_decision *out)
{
    static const nima_str attributes[] = {NIMA_STR_INIT("employer"), NIMA_STR_INIT("job"),
                                          NIMA_STR_INIT("home"), NIMA_STR_INIT("studies")};
    nima_str asked = candidate->ends.len > 0 ? candidate->ends : NIMA_STR("works job profession");
    struct nima_probe probe = {.text = asked};
    struct nima_find find = {.probes = &probe, .probe_count = 1, .limit = NEAR_LIMIT};
    struct nima_memory_hits near;
    NIMA_TRY(nima_memory_find(ctx, memory, &find, &near));
    size_t room = near.count, count = 0;
    struct nima_fact_rows rows[sizeof(attributes) / sizeof(attributes[0])];
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        NIMA_TRY(facts_of_attribute(ctx, memory, attributes[i], &rows[i]));
        room += rows[i].count;
    }
    struct nima_fact *facts = NIMA_NEW(ctx->arena, struct nima_fact, room);
    for (size_t i = 0; i < near.count; i++) {
        facts[count++] = near.items[i].fact;
    }
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        for (size_t k = 0; k < rows[i].count; k++) {
            facts[count++] = rows[i].items[k];
        }
    }
    struct nima_words *words = nima_search_words_open();
    for (size_t i = 0; i < count && out->also_count < NIMA_ALSO_MAX; i++) {
        bool again = out->kind == NIMA_DECIDE_REPLACE && nima_str_eq(out->known.id, facts[i].id);
        for (size_t k = 0; k < out->also_count; k++) {
            again = again || nima_str_eq(out->also[k].id, facts[i].id);
        }
        if (again || !is_ended_by(ctx, words, candidate, facts[i].fact)) {
            continue;
        }
        if (out->kind == NIMA_DECIDE_REPLACE) {
            out->also[out->also_count++] = facts[i];
        } else {
            out->kind = NIMA_DECIDE_REPLACE;
            out->known = facts[i];
        }
    }
    nima_search_words_close(words);
    return NIMA_OK;
}

nima_rc nima_memory_decide(struct nima_ctx *ctx, struct nima_memory *memory,
                           const struct nima_candidate *candidate, const struct nima_fact *fact,
                           struct nima_decision *out)
{
    struct nima_decision decision = {.kind = NIMA_DECIDE_ADD};
    if (candidate->attribute.ptr != NULL) {
        NIMA_TRY(decide_by_attribute(ctx, memory, candidate, &decision));
    }
    if (candidate->ends_kind != NIMA_ENDS_NOTHING && decision.kind != NIMA_DECIDE_NOTHING) {
        NIMA_TRY(decide_ended(ctx, memory, candidate, &decision));
    }
    struct nima_memory_hits near = {0};
    if (decision.kind == NIMA_DECIDE_ADD) {
        NIMA_TRY(near_facts(ctx, memory, candidate, fact, &near));
        NIMA_TRY(decide_by_text(ctx, candidate, &near, &decision));
    }
    if (decision.kind == NIMA_DECIDE_ADD) {
        decide_by_meaning(fact, &near, &decision);
    }
    *out = decision;
    return NIMA_OK;
}
