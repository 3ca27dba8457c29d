#include "memory/learn_model.h"

#include <string.h>

#include "memory/first.h"
#include "memory/ground.h"
#include "util/json.h"

enum { FACTS_MAX = 4, TOKENS_MAX = 200 };

static const char system_text[] =
    "You write down lasting facts that the user tells about themselves: family, pets, home, work, "
    "projects, health, food, habits, likes, plans. Use only words of the message. Each fact is one "
    "short sentence that begins with \"The user\". Moods, errors, tasks of the moment, jokes and "
    "other people's news are no facts: then the list is empty.";

/* The same for every message, so that it stays evaluated. */
static const struct nima_llm_message examples[] = {
    {NIMA_STR_INIT("user"), NIMA_STR_INIT("ended up in Graz after uni, my flats above a bakery")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"facts\":[{\"fact\":\"The user lives in Graz\",\"category\":\"location\"},"
                   "{\"fact\":\"The user's flat is above a bakery\",\"category\":\"location\"}]}")},
    {NIMA_STR_INIT("user"), NIMA_STR_INIT("the tests fail again and i have no idea why")},
    {NIMA_STR_INIT("assistant"), NIMA_STR_INIT("{\"facts\":[]}")},
    {NIMA_STR_INIT("user"), NIMA_STR_INIT("cant eat shellfish, gives me hives")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"facts\":[{\"fact\":\"The user can not eat shellfish\","
                   "\"category\":\"health\"}]}")},
    {NIMA_STR_INIT("user"), NIMA_STR_INIT("my cousins name is Bea and shes keeping bees")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"facts\":[{\"fact\":\"The user's cousin is called Bea\",\"category\":"
                   "\"family\"},{\"fact\":\"The user's cousin Bea keeps bees\",\"category\":"
                   "\"family\"}]}")},
    {NIMA_STR_INIT("user"), NIMA_STR_INIT("ok that works for me, back in a minute")},
    {NIMA_STR_INIT("assistant"), NIMA_STR_INIT("{\"facts\":[]}")},
    {NIMA_STR_INIT("user"), NIMA_STR_INIT("quit my job at the port, fixing pianos now")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"facts\":[{\"fact\":\"The user quit their job at the port\",\"category\":"
                   "\"work\"},{\"fact\":\"The user fixes pianos\",\"category\":\"work\"}]}")},
    {NIMA_STR_INIT("user"), NIMA_STR_INIT("my neighbour says the mayor is moving to Spain")},
    {NIMA_STR_INIT("assistant"), NIMA_STR_INIT("{\"facts\":[]}")},
    {NIMA_STR_INIT("user"), NIMA_STR_INIT("spiders freak me out, always have")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"facts\":[{\"fact\":\"The user is freaked out by spiders\",\"category\":"
                   "\"preference\"}]}")},
};
enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static const char schema[] =
    "{\"type\":\"object\",\"properties\":{\"facts\":{\"type\":\"array\",\"maxItems\":4,\"items\":"
    "{\"type\":\"object\",\"properties\":{\"fact\":{\"type\":\"string\",\"maxLength\":160},"
    "\"category\":{\"type\":\"string\",\"enum\":[\"identity\",\"location\",\"work\",\"education\","
    "\"family\",\"people\",\"pets\",\"health\",\"preference\",\"hobby\",\"habit\",\"possession\","
    "\"project\",\"goal\",\"skill\",\"tool\",\"language\"]}},\"required\":[\"fact\",\"category\"],"
    "\"additionalProperties\":false}}},\"required\":[\"facts\"],\"additionalProperties\":false}";

bool nima_memory_may_ask_model(struct nima_memory *memory)
{
    return memory->llm != NULL && nima_llm_may(memory->llm, memory->options.learn_model);
}

static bool known_already(const struct nima_candidates *known, nima_str text)
{
    for (size_t i = 0; i < known->count; i++) {
        if (nima_memory_says_already(known->items[i].text, text)) {
            return true;
        }
    }
    return false;
}

/* A model guesses whether the person is a he or a she; what was not said is "they". */
static nima_str without_guess(struct nima_ctx *ctx, nima_str fact, nima_str said)
{
    static const char *const guesses[][2] = {
        {" him", " them"},          {" his", " their"}, {" her", " their"},
        {" he", " they"},           {" she", " they"},  {" himself", " themselves"},
        {" herself", " themselves"}};
    for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
        nima_str word = nima_str_of(guesses[i][0]);
        size_t at = nima_str_find(fact, word, 0);
        size_t end = at != SIZE_MAX ? at + word.len : 0;
        bool whole = at != SIZE_MAX && (end == fact.len || fact.ptr[end] == ' ');
        if (whole && nima_str_find_nocase(said, nima_str_sub(word, 1, word.len), 0) == SIZE_MAX) {
            fact = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(nima_str_sub(fact, 0, at)),
                            guesses[i][1], NIMA_ARG(nima_str_sub(fact, end, fact.len)));
        }
    }
    return fact;
}

/* "Tideline" of "The user's project is called Tideline"; absent when nothing is named. */
static nima_str name_in(nima_str fact)
{
    static const nima_str marks[] = {NIMA_STR_INIT(" called "), NIMA_STR_INIT(" named ")};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t at = nima_str_find(fact, marks[i], 0);
        nima_str name =
            at != SIZE_MAX ? nima_str_sub(fact, at + marks[i].len, fact.len) : (nima_str){0};
        bool one_word = nima_str_find(name, NIMA_STR(" "), 0) == SIZE_MAX;
        if (name.len > 0 && one_word) {
            return name;
        }
    }
    return (nima_str){0};
}

/* "The user writes it in Zig" says nothing alone; "it" is what was named just before. */
static nima_str with_name(struct nima_ctx *ctx, nima_str fact, nima_str name)
{
    size_t at = nima_str_find(fact, NIMA_STR(" it "), 0);
    if (at == SIZE_MAX || name.len == 0) {
        return fact;
    }
    return nima_fmt(ctx, NIMA_FMT " " NIMA_FMT " " NIMA_FMT, NIMA_ARG(nima_str_sub(fact, 0, at)),
                    NIMA_ARG(name), NIMA_ARG(nima_str_sub(fact, at + 4, fact.len)));
}

static nima_str trimmed(nima_str text)
{
    text = nima_str_trim(text);
    while (text.len > 0 && strchr(".! ", text.ptr[text.len - 1]) != NULL) {
        text.len--;
    }
    return text;
}

static nima_rc take_reply(struct nima_ctx *ctx, nima_str left, nima_str reply,
                          struct nima_candidates *known)
{
    const struct nima_json *tree;
    if (nima_json_parse(ctx, reply, &tree) != NIMA_OK) {
        ctx->error = (struct nima_error){0}; /* cut off in the middle */
        return NIMA_OK;
    }
    const struct nima_json *facts = nima_json_get(tree, "facts");
    struct nima_grounds *grounds = nima_memory_grounds_new(ctx, left);
    nima_str named = {0};
    nima_rc rc = NIMA_OK;
    for (size_t i = 0; i < nima_json_count(facts) && i < FACTS_MAX && rc == NIMA_OK; i++) {
        const struct nima_json *fact = nima_json_at(facts, i, NULL);
        nima_str text = trimmed(nima_json_str(nima_json_get(fact, "fact")));
        struct nima_candidate candidate = {
            .text = with_name(ctx, without_guess(ctx, text, left), named),
            .category = nima_json_str(nima_json_get(fact, "category")),
            .value = NIMA_STR("")};
        bool fits = candidate.text.len > 0 && candidate.category.len > 0 &&
                    nima_memory_grounded(ctx, grounds, &candidate) &&
                    !known_already(known, candidate.text) && known->count < NIMA_CANDIDATES_MAX;
        if (fits) {
            nima_str name = name_in(candidate.text);
            named = name.len > 0 ? name : named;
            rc = nima_memory_name_attribute(ctx, &candidate);
            known->items[known->count++] = candidate;
        }
    }
    nima_memory_grounds_free(grounds);
    return rc;
}

/* Behind the message, so that all before it stays evaluated whoever speaks. What the model makes of
 * these words stands on none of the person's (ground.h). */
static nima_str asked_with(struct nima_ctx *ctx, nima_str left, nima_str cares)
{
    return cares.len > 0 ? nima_fmt(ctx, NIMA_FMT "\n(Above all look for: " NIMA_FMT ".)",
                                    NIMA_ARG(left), NIMA_ARG(cares))
                         : left;
}

nima_rc nima_memory_ask_model(struct nima_ctx *ctx, struct nima_memory *memory, nima_str left,
                              nima_str cares, struct nima_candidates *known)
{
    if (left.len == 0 || nima_memory_secret(left) != NULL || !nima_memory_may_ask_model(memory)) {
        return NIMA_OK;
    }
    struct nima_llm_message messages[EXAMPLES + 2];
    messages[0] = (struct nima_llm_message){NIMA_STR("system"), nima_str_of(system_text)};
    memcpy(messages + 1, examples, sizeof(examples));
    messages[EXAMPLES + 1] =
        (struct nima_llm_message){NIMA_STR("user"), asked_with(ctx, left, cares)};
    struct nima_llm_request request = {.messages = messages,
                                       .count = EXAMPLES + 2,
                                       .max_tokens = TOKENS_MAX,
                                       .json_schema = nima_str_of(schema),
                                       .slot_key = NIMA_STR("learning"),
                                       .background = true};
    struct nima_llm_reply reply;
    nima_rc rc = nima_llm_generate(ctx, memory->llm, &request, NULL, NULL, &reply);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    if (rc != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        return NIMA_OK;
    }
    return take_reply(ctx, left, reply.text, known);
}
