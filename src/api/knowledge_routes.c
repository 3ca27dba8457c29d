/* /v1/knowledge: contract section 7. */
#include "api/api_int.h"
#include "knowledge/knowledge.h"

enum { DETECT_CHARS_MAX = 64000, WANTED_CHARS_MAX = 160 };

/* A pack on the wire; its facts only where one pack is asked for. */
static const struct nima_field rules_fields[] = {
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, topics, .doc = "Any of them calls for the pack."),
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, hints, .doc = "Two of them do."),
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, negative, .doc = "Within these neither counts."),
    NIMA_FIELD(STR, struct nima_pack_rules, tone, .doc = "How to speak of it."),
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, cautions, .doc = "What to be careful with."),
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, ask_first, .doc = "What is good to know first."),
};
static const struct nima_shape rules_shape =
    NIMA_SHAPE("PackRules", struct nima_pack_rules, rules_fields, .doc = "When and how.");
static const struct nima_field fact_fields[] = {
    NIMA_FIELD(STR, struct nima_pack_fact, id, .required = true, .doc = "Its id in the pack."),
    NIMA_FIELD(STR, struct nima_pack_fact, fact, .required = true, .doc = "Its text."),
    NIMA_FIELD(STR, struct nima_pack_fact, category, .required = true, .doc = "Free text."),
    NIMA_FIELD(STR, struct nima_pack_fact, source, .doc = "Who says so."),
    NIMA_FIELD(STR, struct nima_pack_fact, date, .doc = "As of when."),
    NIMA_FIELD(STR, struct nima_pack_fact, jurisdiction, .doc = "Where it holds."),
    NIMA_FIELD(STR, struct nima_pack_fact, caution, .doc = "What to say with it."),
    NIMA_FIELD(STR_LIST, struct nima_pack_fact, keys, .doc = "Words that call for it."),
};
static const struct nima_shape fact_shape =
    NIMA_SHAPE("PackFact", struct nima_pack_fact, fact_fields, .doc = "A fact of a pack.");

struct pack {
    struct nima_pack_info info;
    struct nima_pack_rules *rules;
};
#define PACK_FIELDS                                                                                \
    NIMA_FIELD_AS(STR, "id", struct pack, info.id, .required = true, .doc = "The pack's id."),     \
        NIMA_FIELD_AS(STR, "name", struct pack, info.name, .required = true,                       \
                      .doc = "For people."),                                                       \
        NIMA_FIELD_AS(STR, "category", struct pack, info.category, .required = true,               \
                      .doc = "Free text."),                                                        \
        NIMA_FIELD_AS(STR, "version", struct pack, info.version, .required = true,                 \
                      .doc = "The version that is served."),                                       \
        NIMA_FIELD_AS(STR_LIST, "versions", struct pack, info.versions,                            \
                      .doc = "All there are, highest first."),                                     \
        NIMA_FIELD_AS(STR, "description", struct pack, info.description, .doc = "For people."),    \
        NIMA_FIELD_AS(STR, "language", struct pack, info.language, .doc = "Of its texts."),        \
        NIMA_FIELD_AS(BOOL, "enabled", struct pack, info.enabled, .doc = "Whether it is served."), \
        NIMA_FIELD_AS(BOOL, "shipped", struct pack, info.shipped,                                  \
                      .doc = "Whether it came with the program."),                                 \
        NIMA_FIELD_AS(INT, "fact_count", struct pack, info.fact_count, .doc = "How many facts."),  \
        NIMA_FIELD_AS(STR, "embeddings", struct pack, info.embeddings, .nullable = true,           \
                      .doc = "The model of its vectors; null: found by words alone so far."),      \
        NIMA_FIELD_AS(BOOL, "active", struct pack, info.active,                                    \
                      .doc = "Whether replies use it: for you, and in the conversation asked "     \
                             "about."),                                                            \
        NIMA_FIELD_AS(STR, "activation", struct pack, info.activation, .nullable = true,           \
                      .choices = (const char *const[]){"manual", "auto", NULL},                    \
                      .doc = "Who decided that; null: nobody, the topic will."),                   \
        NIMA_FIELD_AS(BOOL, "this_conversation", struct pack, info.here,                           \
                      .doc = "Whether the decision holds for this conversation alone.")
static const struct nima_field pack_fields[] = {PACK_FIELDS};
static const struct nima_shape pack_shape =
    NIMA_SHAPE("Pack", struct pack, pack_fields, .doc = "A knowledge pack.");
static const struct nima_field whole_fields[] = {
    PACK_FIELDS,
    NIMA_FIELD(OBJECT, struct pack, rules, .required = true, .shape = &rules_shape,
               .doc = "When it comes up and how to speak of it."),
    NIMA_FIELD_AS(LIST, "facts", struct pack, info.facts, .shape = &fact_shape, .doc = "All."),
};
static const struct nima_shape whole_shape =
    NIMA_SHAPE("PackWithFacts", struct pack, whole_fields, .doc = "A knowledge pack, all of it.");

struct pack_in {
    nima_str id, conversation_id, mode;
};
#define PACK_ID                                                                                    \
    NIMA_FIELD(STR, struct pack_in, id, .place = NIMA_IN_PATH, .required = true,                   \
               .max = WANTED_CHARS_MAX, .doc = "The pack's id, or id@version.")
#define IN_QUERY                                                                                   \
    NIMA_FIELD(UUID, struct pack_in, conversation_id, .place = NIMA_IN_QUERY,                      \
               .doc = "How things stand in this conversation.")
static const struct nima_field list_in_fields[] = {IN_QUERY};
static const struct nima_shape list_in_shape =
    NIMA_SHAPE("PackListIn", struct pack_in, list_in_fields);
static const struct nima_field get_in_fields[] = {PACK_ID, IN_QUERY};
static const struct nima_shape get_in_shape =
    NIMA_SHAPE("PackGetIn", struct pack_in, get_in_fields);
static const struct nima_field switch_in_fields[] = {
    PACK_ID,
    NIMA_FIELD(UUID, struct pack_in, conversation_id,
               .doc = "For this conversation alone; without it for all of yours."),
    NIMA_FIELD(STR, struct pack_in, mode, .preset_str = "on",
               .choices = (const char *const[]){"on", "off", "auto", NULL},
               .doc = "auto takes the decision back: the topic decides again."),
};
static const struct nima_shape switch_in_shape = NIMA_SHAPE(
    "PackSwitchIn", struct pack_in, switch_in_fields, .doc = "Switches a pack on, off, or back.");

static nima_rc list(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct pack_in *wanted = in;
    struct nima_pack_infos packs;
    NIMA_TRY(nima_knowledge_list(ctx, nima_api_of(exchange)->knowledge, wanted->conversation_id,
                                 &packs));
    struct pack *items = NIMA_NEW(ctx->arena, struct pack, packs.count);
    for (size_t i = 0; i < packs.count; i++) {
        items[i].info = packs.items[i];
    }
    *(struct nima_list *)out = (struct nima_list){items, packs.count};
    return NIMA_OK;
}

static nima_rc get(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct pack_in *wanted = in;
    struct pack *pack = out;
    NIMA_TRY(nima_knowledge_get(ctx, nima_api_of(exchange)->knowledge, wanted->id,
                                wanted->conversation_id, &pack->info));
    pack->rules = &pack->info.rules;
    return NIMA_OK;
}

static nima_rc set_mode(struct nima_ctx *ctx, struct nima_exchange *exchange,
                        const struct pack_in *wanted, enum nima_pack_mode mode, void *out)
{
    struct nima_knowledge *knowledge = nima_api_of(exchange)->knowledge;
    struct pack *pack = out;
    NIMA_TRY(nima_knowledge_switch(ctx, knowledge, wanted->id, wanted->conversation_id, mode));
    return nima_knowledge_get(ctx, knowledge, wanted->id, wanted->conversation_id, &pack->info);
}

static nima_rc activate(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                        void *out)
{
    const struct pack_in *wanted = in;
    enum nima_pack_mode mode = nima_str_eq(wanted->mode, NIMA_STR("off"))    ? NIMA_PACK_OFF
                               : nima_str_eq(wanted->mode, NIMA_STR("auto")) ? NIMA_PACK_AUTO
                                                                             : NIMA_PACK_ON;
    return set_mode(ctx, exchange, wanted, mode, out);
}

static nima_rc deactivate(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    return set_mode(ctx, exchange, in, NIMA_PACK_OFF, out);
}

/* POST /v1/knowledge/detect */
struct detect_in {
    nima_str text;
    struct {
        nima_str *items;
        size_t count;
    } earlier;
};
static const struct nima_field detect_in_fields[] = {
    NIMA_FIELD(STR, struct detect_in, text, .required = true, .min = 1, .max = DETECT_CHARS_MAX,
               .doc = "What is said."),
    NIMA_FIELD(STR_LIST, struct detect_in, earlier, .max = NIMA_PACK_CUED_MAX - 1,
               .doc = "What was said before, oldest first: a topic lasts some messages."),
};
static const struct nima_shape detect_in_shape =
    NIMA_SHAPE("DetectIn", struct detect_in, detect_in_fields, .doc = "A text and its past.");
static const struct nima_field cue_fields[] = {
    NIMA_FIELD(STR, struct nima_pack_cue, pack, .required = true, .doc = "The pack's id."),
    NIMA_FIELD(STR, struct nima_pack_cue, name, .required = true, .doc = "Its name."),
    NIMA_FIELD(NUM, struct nima_pack_cue, score, .doc = "0..1; 0.5 and more is the topic."),
    NIMA_FIELD(STR_LIST, struct nima_pack_cue, topics, .doc = "Its topics found in the text."),
    NIMA_FIELD(STR_LIST, struct nima_pack_cue, hints, .doc = "Its hints found in the text."),
    NIMA_FIELD(STR_LIST, struct nima_pack_cue, negatives,
               .doc = "Phrases within which neither counted."),
    NIMA_FIELD(STR, struct nima_pack_cue, nearest, .nullable = true,
               .doc = "The pack's fact nearest in meaning."),
    NIMA_FIELD(NUM, struct nima_pack_cue, nearness, .doc = "How near that is, -1..1."),
    NIMA_FIELD(BOOL, struct nima_pack_cue, active,
               .doc = "Whether the pack would be used, with what was said before."),
};
static const struct nima_shape cue_shape =
    NIMA_SHAPE("PackCue", struct nima_pack_cue, cue_fields, .doc = "Why a pack, or why not.");

static nima_rc detect(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct detect_in *wanted = in;
    nima_str *texts = NIMA_NEW(ctx->arena, nima_str, wanted->earlier.count + 1);
    for (size_t i = 0; i < wanted->earlier.count; i++) {
        texts[i] = wanted->earlier.items[i];
    }
    texts[wanted->earlier.count] = wanted->text;
    struct nima_pack_cues cues;
    NIMA_TRY(nima_knowledge_detect(ctx, nima_api_of(exchange)->knowledge, texts,
                                   wanted->earlier.count + 1, &cues));
    *(struct nima_list *)out = (struct nima_list){cues.items, cues.count};
    return NIMA_OK;
}

const struct nima_route nima_api_knowledge_routes[] = {
    {.method = "GET",
     .path = "/v1/knowledge/packs",
     .call = list,
     .kind = NIMA_ROUTE_LIST,
     .in = &list_in_shape,
     .out = &pack_shape,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(NOT_FOUND),
     .scope = "chat",
     .tag = "knowledge",
     .summary = "Packs, and which of them are on."},
    {.method = "GET",
     .path = "/v1/knowledge/packs/{id}",
     .call = get,
     .in = &get_in_shape,
     .out = &whole_shape,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(NOT_FOUND),
     .scope = "chat",
     .tag = "knowledge",
     .summary = "A pack with its facts and rules."},
    {.method = "POST",
     .path = "/v1/knowledge/packs/{id}/activate",
     .call = activate,
     .in = &switch_in_shape,
     .out = &pack_shape,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(NOT_FOUND),
     .scope = "chat",
     .tag = "knowledge",
     .summary = "Switches a pack on for you, whatever the topic; kept across restarts."},
    {.method = "DELETE",
     .path = "/v1/knowledge/packs/{id}/activate",
     .call = deactivate,
     .in = &get_in_shape,
     .out = &pack_shape,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(NOT_FOUND),
     .scope = "chat",
     .tag = "knowledge",
     .summary = "Switches a pack off for you, also when the topic calls for it."},
    {.method = "POST",
     .path = "/v1/knowledge/detect",
     .call = detect,
     .kind = NIMA_ROUTE_LIST,
     .in = &detect_in_shape,
     .out = &cue_shape,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "chat",
     .tag = "knowledge",
     .summary = "Which packs a text is about, and why."},
    {0},
};
