#include "memory/decide.h"

#include <string.h>

#include "memory/first.h"
#include "memory/hints.h"
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
        bool same = starred || within(new->value, old_value) || within(old_value, new->value);
        return same && !against(old->fact) ? NIMA_DECIDE_REPLACE : NIMA_DECIDE_ADD;
    }
    bool ended = nima_str_starts(old_value, NIMA_STR("no longer"));
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
            *out = (struct nima_decision){kind, rows.items[i]};
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
            *out = (struct nima_decision){kind, *known};
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
        bool reworded = fact->embedding != NULL && hit->vector >= rewording_cosine &&
                        nima_memory_same_details(hit->fact.fact, fact->fact);
        if (same_text || reworded) {
            *out = (struct nima_decision){NIMA_DECIDE_NOTHING, hit->fact};
            return;
        }
    }
}

nima_rc nima_memory_decide(struct nima_ctx *ctx, struct nima_memory *memory,
                           const struct nima_candidate *candidate, const struct nima_fact *fact,
                           struct nima_decision *out)
{
    struct nima_decision decision = {.kind = NIMA_DECIDE_ADD};
    if (candidate->attribute.ptr != NULL) {
        NIMA_TRY(decide_by_attribute(ctx, memory, candidate, &decision));
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
