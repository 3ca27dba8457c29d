/* Search over facts and what was said: contract section 5. */
#include "api/api_int.h"

struct search_in {
    nima_str q, query, category, scope;
    int64_t limit;
    double min_confidence, min_score;
};
#define SEARCH_SCOPES                                                                              \
    (const char *const[])                                                                          \
    {                                                                                              \
        "facts", "messages", "all", NULL                                                           \
    }
#define SEARCH_FIELDS(place_)                                                                      \
    NIMA_FIELD(INT, struct search_in, limit, .place = (place_), .min = 1,                          \
               .max = NIMA_SEARCH_LIMIT_MAX, .preset = 10, .doc = "How many at most."),            \
        NIMA_FIELD(STR, struct search_in, category, .place = (place_),                             \
                   .doc = "Of facts, only of this one."),                                          \
        NIMA_FIELD(NUM, struct search_in, min_confidence, .place = (place_), .low = 0, .high = 1,  \
                   .doc = "Of facts, only at least this sure."),                                   \
        NIMA_FIELD(NUM, struct search_in, min_score, .place = (place_), .low = 0, .high = 1,       \
                   .doc = "Only with at least this score."),                                       \
        NIMA_FIELD(STR, struct search_in, scope, .place = (place_), .preset_str = "facts",         \
                   .choices = SEARCH_SCOPES,                                                       \
                   .doc = "What to search: facts, what was said, or both. What was said needs a "  \
                          "token with the scope chat beside memory.")
static const struct nima_field search_get_fields[] = {
    NIMA_FIELD(STR, struct search_in, q, .place = NIMA_IN_QUERY, .required = true, .min = 1,
               .max = NIMA_QUERY_CHARS_MAX, .doc = "What to look for."),
    SEARCH_FIELDS(NIMA_IN_QUERY),
};
static const struct nima_shape search_get_shape =
    NIMA_SHAPE("SearchGetIn", struct search_in, search_get_fields);
static const struct nima_field search_post_fields[] = {
    NIMA_FIELD(STR, struct search_in, query, .required = true, .min = 1,
               .max = NIMA_QUERY_CHARS_MAX, .doc = "What to look for."),
    SEARCH_FIELDS(NIMA_IN_BODY),
};
static const struct nima_shape search_post_shape = NIMA_SHAPE(
    "SearchIn", struct search_in, search_post_fields, .doc = "What to look for, and how much.");

struct search_scores {
    double vector, keyword, recency, confidence;
    bool of_fact;
};
static const struct nima_field scores_fields[] = {
    NIMA_FIELD(NUM, struct search_scores, vector, .doc = "Nearness in meaning, 0..1."),
    NIMA_FIELD(NUM, struct search_scores, keyword, .doc = "Shared words, 0..1."),
    NIMA_FIELD(NUM, struct search_scores, recency, .has = NIMA_HAS(struct search_scores, of_fact),
               .doc = "How fresh, 0..1; of facts."),
    NIMA_FIELD(NUM, struct search_scores, confidence,
               .has = NIMA_HAS(struct search_scores, of_fact), .doc = "How sure, 0..1; of facts."),
};
static const struct nima_shape scores_shape = NIMA_SHAPE(
    "SearchScores", struct search_scores, scores_fields, .doc = "What the score is made of.");

/* A fact or a message; the fields of the other one are left out. */
struct search_hit {
    bool is_fact, is_message;
    struct nima_fact fact;
    nima_str conversation_id, message_id, role, name, content;
    int64_t timestamp;
    double score;
    struct search_scores *scores;
};
#define OF_FACT    .has = NIMA_HAS(struct search_hit, is_fact)
#define OF_MESSAGE .has = NIMA_HAS(struct search_hit, is_message)
static const struct nima_field hit_fields[] = {
    NIMA_FIELD_AS(UUID, "id", struct search_hit, fact.id, .doc = "The fact's id."),
    NIMA_FIELD_AS(STR, "fact", struct search_hit, fact.fact, .doc = "Its text."),
    NIMA_FIELD_AS(STR, "category", struct search_hit, fact.category,
                  .doc = "Free text, such as location or work."),
    NIMA_FIELD_AS(STR, "source", struct search_hit, fact.source, .choices = nima_api_sources,
                  .doc = "How it became known."),
    NIMA_FIELD_AS(NUM, "confidence", struct search_hit, fact.confidence, .low = 0, .high = 1,
                  OF_FACT, .doc = "How sure it is."),
    NIMA_FIELD_AS(JSON, "metadata", struct search_hit, fact.metadata,
                  .doc = "Anything the writer wanted to keep with it."),
    NIMA_FIELD_AS(TIME, "created_at", struct search_hit, fact.created_at, OF_FACT,
                  .doc = "When it was stored."),
    NIMA_FIELD_AS(TIME, "updated_at", struct search_hit, fact.updated_at, OF_FACT,
                  .doc = "When it was last changed or said again."),
    NIMA_FIELD_AS(STR, "status", struct search_hit, fact.status, .choices = nima_api_statuses,
                  .doc = "A superseded fact is out of search."),
    NIMA_FIELD_AS(UUID, "superseded_by", struct search_hit, fact.superseded_by,
                  .doc = "The fact that took its place."),
    NIMA_FIELD(UUID, struct search_hit, conversation_id,
               .doc = "The message's conversation, or the one the fact was learned in."),
    NIMA_FIELD(UUID, struct search_hit, message_id,
               .doc = "The message, or the one the fact was learned from."),
    NIMA_FIELD(STR, struct search_hit, role,
               .choices = (const char *const[]){"user", "assistant", "system", NULL},
               .doc = "Who said it; of messages."),
    NIMA_FIELD(STR, struct search_hit, name, .doc = "The speaker's name, when told."),
    NIMA_FIELD(STR, struct search_hit, content, .doc = "What was said."),
    NIMA_FIELD(TIME, struct search_hit, timestamp, OF_MESSAGE, .doc = "When it was said."),
    NIMA_FIELD(NUM, struct search_hit, score, .doc = "What the list is ordered by, 0..1."),
    NIMA_FIELD(OBJECT, struct search_hit, scores, .required = true, .shape = &scores_shape,
               .doc = "What it is made of."),
};
static const struct nima_shape hit_shape =
    NIMA_SHAPE("SearchHit", struct search_hit, hit_fields,
               .doc = "A fact that was found (id, fact …), or a message (message_id, content …).");

struct hit_list {
    struct search_hit *items;
    size_t count;
};

/* Scores are told to four digits: more would be noise. */
static double rounded(double score)
{
    return (double)(int64_t)(score * 10000 + 0.5) / 10000;
}

static struct search_scores *scores_of(struct nima_ctx *ctx, double vector, double keyword)
{
    struct search_scores *scores = NIMA_NEW(ctx->arena, struct search_scores, 1);
    scores->vector = rounded(vector);
    scores->keyword = rounded(keyword);
    return scores;
}

static struct search_hit of_fact(struct nima_ctx *ctx, const struct nima_memory_hit *hit)
{
    struct search_scores *scores = scores_of(ctx, hit->vector, hit->keyword);
    scores->of_fact = true;
    scores->recency = rounded(hit->recency);
    scores->confidence = rounded(hit->confidence);
    return (struct search_hit){.is_fact = true,
                               .fact = hit->fact,
                               .conversation_id = hit->fact.conversation_id,
                               .message_id = hit->fact.message_id,
                               .score = rounded(hit->score),
                               .scores = scores};
}

static struct search_hit of_message(struct nima_ctx *ctx, const struct nima_said_hit *hit)
{
    const struct nima_message_row *message = &hit->message;
    return (struct search_hit){.is_message = true,
                               .conversation_id = message->conversation_id,
                               .message_id = message->id,
                               .role = message->role,
                               .name = message->name,
                               .content = message->content,
                               .timestamp = message->timestamp,
                               .score = rounded(hit->score),
                               .scores = scores_of(ctx, hit->vector, hit->keyword)};
}

/* Both are ranked already; of equal scores facts stand in front. */
static struct hit_list merge(struct nima_ctx *ctx, const struct nima_memory_hits *facts,
                             const struct nima_said_hits *said, size_t limit)
{
    size_t total = facts->count + said->count, f = 0, m = 0;
    struct hit_list list = {NIMA_NEW(ctx->arena, struct search_hit, total), 0};
    while (list.count < limit && list.count < total) {
        bool fact =
            m == said->count || (f < facts->count && facts->items[f].score >= said->items[m].score);
        list.items[list.count++] =
            fact ? of_fact(ctx, &facts->items[f++]) : of_message(ctx, &said->items[m++]);
    }
    return list;
}

static nima_rc search(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    const struct search_in *wanted = in;
    struct nima_memory *memory = nima_api_of(exchange)->memory;
    struct nima_memory_query query = {.text = wanted->q.ptr != NULL ? wanted->q : wanted->query,
                                      .limit = (int)wanted->limit,
                                      .category = wanted->category,
                                      .min_confidence = wanted->min_confidence,
                                      .min_score = wanted->min_score};
    struct nima_memory_hits facts = {0};
    struct nima_said_hits said = {0};
    bool facts_alone = nima_str_eq(wanted->scope, NIMA_STR("facts"));
    if (!facts_alone && !nima_api_may(ctx, exchange, "chat")) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN,
                         "to search what was said, the token needs the scope \"chat\", too");
    }
    if (!nima_str_eq(wanted->scope, NIMA_STR("messages"))) {
        NIMA_TRY(nima_memory_search(ctx, memory, &query, &facts));
    }
    if (!facts_alone) {
        NIMA_TRY(nima_memory_search_said(ctx, memory, &query, &said));
    }
    *(struct hit_list *)out = merge(ctx, &facts, &said, (size_t)wanted->limit);
    return NIMA_OK;
}

const struct nima_route nima_api_search_routes[] = {
    {.method = "GET",
     .path = "/v1/memory/search",
     .call = search,
     .kind = NIMA_ROUTE_LIST,
     .in = &search_get_shape,
     .out = &hit_shape,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(MODEL),
     .scope = "memory",
     .tag = "memory",
     .summary = "Facts and messages nearest in meaning and words, best first."},
    {.method = "POST",
     .path = "/v1/memory/search",
     .call = search,
     .kind = NIMA_ROUTE_LIST,
     .in = &search_post_shape,
     .out = &hit_shape,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(MODEL),
     .scope = "memory",
     .tag = "memory",
     .summary = "The same, for long queries."},
    {0},
};
