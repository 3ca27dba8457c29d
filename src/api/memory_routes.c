/* Facts, search, profile: contract section 5. */
#include "api/api_int.h"
#include "goals/goals.h"
#include "schedules/schedules.h"
#include "store/people.h"
#include "tasks/tasks.h"
#include "util/log.h"

const char *const nima_api_sources[] = {"conversation", "explicit", "inferred", NULL};
const char *const nima_api_statuses[] = {"active", "superseded", NULL};

/* A fact as it goes out; `versions` only when asked for. */
struct fact_out {
    struct nima_fact fact;
    struct {
        struct fact_version *items;
        size_t count;
    } versions;
    bool has_versions;
};
struct fact_version {
    nima_str fact, category, source;
    double confidence;
    int64_t created_at, replaced_at;
};
static const struct nima_field version_fields[] = {
    NIMA_FIELD(STR, struct fact_version, fact, .required = true, .doc = "The text it had."),
    NIMA_FIELD(STR, struct fact_version, category, .required = true, .doc = "The category it had."),
    NIMA_FIELD(STR, struct fact_version, source, .required = true, .doc = "The source it had."),
    NIMA_FIELD(NUM, struct fact_version, confidence, .doc = "The confidence it had."),
    NIMA_FIELD(TIME, struct fact_version, created_at, .doc = "When the fact was stored."),
    NIMA_FIELD(TIME, struct fact_version, replaced_at, .doc = "When this version was replaced."),
};
static const struct nima_shape version_shape = NIMA_SHAPE(
    "FactVersion", struct fact_version, version_fields, .doc = "What a fact said before.");
static const struct nima_field fact_fields[] = {
    NIMA_FACT_FIELDS(struct fact_out, fact),
    NIMA_FIELD(LIST, struct fact_out, versions, .shape = &version_shape,
               .has = NIMA_HAS(struct fact_out, has_versions),
               .doc = "Earlier versions, oldest first; only with ?history=true."),
};
static const struct nima_shape fact_shape =
    NIMA_SHAPE("Fact", struct fact_out, fact_fields, .doc = "Something Nima knows of the person.");

static struct fact_out out_of(const struct nima_fact *fact)
{
    return (struct fact_out){.fact = *fact};
}

struct fact_list {
    struct fact_out *items;
    size_t count;
};

static struct fact_list list_of(struct nima_ctx *ctx, const struct nima_fact *facts, size_t count)
{
    struct fact_list list = {NIMA_NEW(ctx->arena, struct fact_out, count), count};
    for (size_t i = 0; i < count; i++) {
        list.items[i] = out_of(&facts[i]);
    }
    return list;
}

/* GET /v1/memory/facts */
struct list_in {
    nima_str category, source, status, q, cursor;
    double min_confidence;
    int64_t since, limit;
};
static const struct nima_field list_in_fields[] = {
    NIMA_FIELD(STR, struct list_in, category, .place = NIMA_IN_QUERY, .doc = "Only of this one."),
    NIMA_FIELD(STR, struct list_in, source, .place = NIMA_IN_QUERY, .choices = nima_api_sources,
               .doc = "Only of this source."),
    NIMA_FIELD(STR, struct list_in, status, .place = NIMA_IN_QUERY, .preset_str = "active",
               .choices = (const char *const[]){"active", "superseded", "all", NULL},
               .doc = "Only in this state."),
    NIMA_FIELD(NUM, struct list_in, min_confidence, .place = NIMA_IN_QUERY, .low = 0, .high = 1,
               .doc = "Only at least this sure."),
    NIMA_FIELD(STR, struct list_in, q, .place = NIMA_IN_QUERY, .max = 200,
               .doc = "Only facts that contain this text."),
    NIMA_FIELD(TIME, struct list_in, since, .place = NIMA_IN_QUERY,
               .doc = "Only facts changed at this time or later."),
    NIMA_FIELD(INT, struct list_in, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50, .doc = "How many at most."),
    NIMA_FIELD(STR, struct list_in, cursor, .place = NIMA_IN_QUERY, .max = 200,
               .doc = "Where to go on: X-Next-Cursor of the reply before."),
};
static const struct nima_shape list_in_shape =
    NIMA_SHAPE("FactListIn", struct list_in, list_in_fields);

static nima_rc list_facts(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    const struct list_in *wanted = in;
    bool all = nima_str_eq(wanted->status, NIMA_STR("all"));
    struct nima_fact_filter filter = {.category = wanted->category,
                                      .source = wanted->source,
                                      .status = all ? (nima_str){NULL, 0} : wanted->status,
                                      .min_confidence = wanted->min_confidence,
                                      .contains = wanted->q,
                                      .since = wanted->since,
                                      .limit = (int)wanted->limit,
                                      .cursor = wanted->cursor};
    struct nima_fact_rows rows;
    NIMA_TRY(nima_facts_list(ctx, nima_api_of(exchange)->store, &filter, &rows));
    nima_exchange_next_cursor(exchange, rows.next_cursor);
    *(struct fact_list *)out = list_of(ctx, rows.items, rows.count);
    return NIMA_OK;
}

/* POST /v1/memory/facts and …/batch */
struct fact_in {
    nima_str fact, category, source, metadata;
    double confidence;
};
static const struct nima_field fact_in_fields[] = {
    NIMA_FIELD(STR, struct fact_in, fact, .required = true, .min = 1, .max = NIMA_FACT_CHARS_MAX,
               .doc = "What to remember, in one sentence."),
    NIMA_FIELD(STR, struct fact_in, category, .required = true, .min = 1,
               .max = NIMA_CATEGORY_CHARS_MAX, .doc = "Free text, such as location or work."),
    NIMA_FIELD(STR, struct fact_in, source, .preset_str = "conversation",
               .choices = nima_api_sources, .doc = "How it became known."),
    NIMA_FIELD(NUM, struct fact_in, confidence, .low = 0, .high = 1, .preset_num = 0.8,
               .doc = "How sure it is."),
    NIMA_FIELD(JSON, struct fact_in, metadata, .preset_str = "{}",
               .doc = "Anything to keep with it."),
};
static const struct nima_shape fact_in_shape =
    NIMA_SHAPE("FactCreate", struct fact_in, fact_in_fields, .doc = "A fact to store.");

static struct nima_fact fact_of(const struct fact_in *in)
{
    return (struct nima_fact){.fact = in->fact,
                              .category = in->category,
                              .source = in->source,
                              .metadata = in->metadata,
                              .confidence = in->confidence};
}

/* The fact is stored, whatever becomes of those who wait for it. */
static void tell_created(struct nima_ctx *ctx, struct nima_api *api)
{
    struct nima_error before = ctx->error;
    if (nima_schedules_event(ctx, api->schedules, NIMA_STR("fact.created")) != NIMA_OK) {
        nima_log_warn("schedules were not told of a new fact: %s", ctx->error.message);
    }
    ctx->error = before;
}

static nima_rc create_fact(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                           void *out)
{
    struct nima_fact wanted = fact_of(in);
    struct nima_fact stored;
    bool created;
    NIMA_TRY(nima_memory_add(ctx, nima_api_of(exchange)->memory, &wanted, &stored, &created));
    nima_exchange_status(exchange, created ? 201 : 200);
    *(struct fact_out *)out = out_of(&stored);
    if (created) {
        tell_created(ctx, nima_api_of(exchange));
    }
    return NIMA_OK;
}

static nima_rc create_facts(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                            void *out)
{
    const struct nima_list *list = in;
    const struct fact_in *items = list->items;
    struct nima_fact *wanted = NIMA_NEW(ctx->arena, struct nima_fact, list->count);
    struct nima_fact *stored = NIMA_NEW(ctx->arena, struct nima_fact, list->count);
    bool *created = NIMA_NEW(ctx->arena, bool, list->count);
    for (size_t i = 0; i < list->count; i++) {
        wanted[i] = fact_of(&items[i]);
    }
    NIMA_TRY(nima_memory_add_many(ctx, nima_api_of(exchange)->memory, wanted, list->count, stored,
                                  created));
    *(struct fact_list *)out = list_of(ctx, stored, list->count);
    bool any = false;
    for (size_t i = 0; i < list->count; i++) {
        any = any || created[i];
    }
    if (any) {
        tell_created(ctx, nima_api_of(exchange));
    }
    return NIMA_OK;
}

/* /v1/memory/facts/{id} */
struct id_in {
    nima_str id;
    bool history;
};
static const struct nima_field id_in_fields[] = {
    NIMA_FIELD(UUID, struct id_in, id, .place = NIMA_IN_PATH, .required = true,
               .doc = "The fact's id."),
};
static const struct nima_shape id_in_shape = NIMA_SHAPE("FactId", struct id_in, id_in_fields);
static const struct nima_field get_in_fields[] = {
    NIMA_FIELD(UUID, struct id_in, id, .place = NIMA_IN_PATH, .required = true,
               .doc = "The fact's id."),
    NIMA_FIELD(BOOL, struct id_in, history, .place = NIMA_IN_QUERY, .doc = "With its versions."),
};
static const struct nima_shape get_in_shape = NIMA_SHAPE("FactGetIn", struct id_in, get_in_fields);

static nima_rc get_fact(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                        void *out)
{
    const struct id_in *wanted = in;
    struct nima_store *store = nima_api_of(exchange)->store;
    struct nima_fact fact;
    NIMA_TRY(nima_facts_get(ctx, store, wanted->id, &fact));
    struct fact_out found = out_of(&fact);
    if (wanted->history) {
        struct nima_fact_versions rows;
        NIMA_TRY(nima_facts_versions(ctx, store, wanted->id, &rows));
        found.has_versions = true;
        found.versions.count = rows.count;
        found.versions.items = NIMA_NEW(ctx->arena, struct fact_version, rows.count);
        for (size_t i = 0; i < rows.count; i++) {
            const struct nima_fact *v = &rows.items[i];
            found.versions.items[i] = (struct fact_version){
                v->fact, v->category, v->source, v->confidence, v->created_at, v->updated_at};
        }
    }
    *(struct fact_out *)out = found;
    return NIMA_OK;
}

struct patch_in {
    nima_str id, fact, category, source, metadata;
    double confidence;
    bool has_confidence;
};
static const struct nima_field patch_in_fields[] = {
    NIMA_FIELD(UUID, struct patch_in, id, .place = NIMA_IN_PATH, .required = true,
               .doc = "The fact's id."),
    NIMA_FIELD(STR, struct patch_in, fact, .min = 1, .max = NIMA_FACT_CHARS_MAX,
               .doc = "The new text."),
    NIMA_FIELD(STR, struct patch_in, category, .min = 1, .max = NIMA_CATEGORY_CHARS_MAX,
               .doc = "The new category."),
    NIMA_FIELD(STR, struct patch_in, source, .choices = nima_api_sources, .doc = "The new source."),
    NIMA_FIELD(NUM, struct patch_in, confidence, .low = 0, .high = 1,
               .has = NIMA_HAS(struct patch_in, has_confidence), .doc = "The new confidence."),
    NIMA_FIELD(JSON, struct patch_in, metadata, .doc = "Replaces the metadata."),
};
static const struct nima_shape patch_in_shape =
    NIMA_SHAPE("FactPatch", struct patch_in, patch_in_fields, .doc = "What of a fact to change.");

static nima_rc patch_fact(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    const struct patch_in *wanted = in;
    struct nima_fact_patch patch = {wanted->fact,     wanted->category,       wanted->source,
                                    wanted->metadata, wanted->has_confidence, wanted->confidence};
    struct nima_fact fact;
    NIMA_TRY(nima_memory_patch(ctx, nima_api_of(exchange)->memory, wanted->id, &patch, &fact));
    *(struct fact_out *)out = out_of(&fact);
    return NIMA_OK;
}

static nima_rc delete_fact(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                           void *out)
{
    (void)out;
    const struct id_in *wanted = in;
    nima_str token;
    NIMA_TRY(nima_memory_forget_fact(ctx, nima_api_of(exchange)->memory, wanted->id, &token));
    if (token.ptr != NULL) {
        nima_exchange_add_header(exchange, "X-Undo", token);
    }
    return NIMA_OK;
}

struct undo_in {
    nima_str token;
};
static const struct nima_field undo_in_fields[] = {
    NIMA_FIELD(STR, struct undo_in, token, .place = NIMA_IN_PATH, .required = true, .min = 1,
               .max = 64, .doc = "What X-Undo said when it was forgotten."),
};
static const struct nima_shape undo_in_shape = NIMA_SHAPE("UndoIn", struct undo_in, undo_in_fields);

static nima_rc undo(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct undo_in *wanted = in;
    struct nima_fact fact;
    NIMA_TRY(nima_memory_restore(ctx, nima_api_of(exchange)->memory, wanted->token, (nima_str){0},
                                 &fact));
    *(struct fact_out *)out = out_of(&fact);
    return NIMA_OK;
}

/* Profile */
static const struct nima_field profile_fields[] = {
    NIMA_FIELD(STR, struct nima_profile, user_id, .required = true, .doc = "Whose it is."),
    NIMA_FIELD(STR, struct nima_profile, name, .nullable = true, .doc = "What to call them."),
    NIMA_FIELD(JSON, struct nima_profile, preferences, .required = true, .doc = "Their wishes."),
    NIMA_FIELD(JSON, struct nima_profile, context, .required = true, .doc = "Their situation."),
    NIMA_FIELD(TIME, struct nima_profile, updated_at, .doc = "When it was last changed."),
};
static const struct nima_shape profile_shape =
    NIMA_SHAPE("HumanProfile", struct nima_profile, profile_fields, .doc = "Who the person is.");
static const struct nima_field profile_in_fields[] = {
    NIMA_FIELD(STR, struct nima_profile, user_id, .max = 200,
               .doc = "May be sent back as it came; it cannot be changed."),
    NIMA_FIELD(STR, struct nima_profile, name, .max = 200, .doc = "What to call them."),
    NIMA_FIELD(JSON, struct nima_profile, preferences, .doc = "Replaces the preferences."),
    NIMA_FIELD(JSON, struct nima_profile, context, .doc = "Replaces the context."),
    NIMA_FIELD(TIME, struct nima_profile, updated_at,
               .doc = "May be sent back as it came; the server sets it."),
};
static const struct nima_shape profile_in_shape =
    NIMA_SHAPE("HumanProfileIn", struct nima_profile, profile_in_fields,
               .doc = "What of the profile to change; what is left out stays.");

static nima_rc get_profile(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                           void *out)
{
    (void)in;
    return nima_profile_get(ctx, nima_api_of(exchange)->store, out);
}

static nima_rc put_profile(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                           void *out)
{
    const struct nima_profile *wanted = in;
    struct nima_store *store = nima_api_of(exchange)->store;
    if (wanted->user_id.ptr != NULL && !nima_str_eq(wanted->user_id, ctx->user_id)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "user_id", "user_id cannot be changed");
    }
    NIMA_TRY(nima_schedules_check_zone(ctx, "preferences", wanted->preferences));
    NIMA_TRY(nima_schedules_check_zone(ctx, "context", wanted->context));
    struct nima_profile profile;
    NIMA_TRY(nima_profile_get(ctx, store, &profile));
    profile.name = wanted->name.ptr != NULL ? wanted->name : profile.name;
    profile.preferences =
        wanted->preferences.ptr != NULL ? wanted->preferences : profile.preferences;
    profile.context = wanted->context.ptr != NULL ? wanted->context : profile.context;
    return nima_profile_put(ctx, store, &profile, out);
}

/* Stats, and forgetting everything */
struct stats_out {
    int64_t total, active, superseded, with_embedding, waiting_for_embedding;
    struct {
        struct nima_fact_count *items;
        size_t count;
    } by_category, by_source;
    struct stats_index *index;
    struct stats_messages *messages;
    nima_str embedding_model;
    int64_t embedding_dims, learning_waiting, learning_dropped;
    struct nima_api_embedding *embedding;
};
struct stats_index {
    int64_t rows, bytes;
};
struct stats_messages {
    int64_t total, waiting_for_embedding, bytes;
};
static const struct nima_field count_fields[] = {
    NIMA_FIELD(STR, struct nima_fact_count, name, .required = true, .doc = "Category or source."),
    NIMA_FIELD(INT, struct nima_fact_count, count, .doc = "How many active facts."),
};
static const struct nima_shape count_shape =
    NIMA_SHAPE("FactCount", struct nima_fact_count, count_fields, .doc = "A count by name.");
static const struct nima_field index_fields[] = {
    NIMA_FIELD(INT, struct stats_index, rows, .doc = "Facts in it."),
    NIMA_FIELD(INT, struct stats_index, bytes, .doc = "Memory it takes."),
};
static const struct nima_shape index_shape =
    NIMA_SHAPE("IndexStats", struct stats_index, index_fields, .doc = "The index in memory.");
static const struct nima_field messages_fields[] = {
    NIMA_FIELD(INT, struct stats_messages, total, .doc = "Messages that search finds."),
    NIMA_FIELD(INT, struct stats_messages, waiting_for_embedding,
               .doc = "Those found by words alone so far."),
    NIMA_FIELD(INT, struct stats_messages, bytes, .doc = "Memory that their index takes."),
};
static const struct nima_shape messages_shape =
    NIMA_SHAPE("MessageStats", struct stats_messages, messages_fields, .doc = "What was said.");
static const struct nima_field stats_fields[] = {
    NIMA_FIELD(INT, struct stats_out, total, .doc = "All facts."),
    NIMA_FIELD(INT, struct stats_out, active, .doc = "Facts that search finds."),
    NIMA_FIELD(INT, struct stats_out, superseded, .doc = "Facts that others took the place of."),
    NIMA_FIELD(INT, struct stats_out, with_embedding, .doc = "Active facts found by meaning."),
    NIMA_FIELD(INT, struct stats_out, waiting_for_embedding,
               .doc = "Active facts found by words alone so far."),
    NIMA_FIELD(LIST, struct stats_out, by_category, .shape = &count_shape, .doc = "By category."),
    NIMA_FIELD(LIST, struct stats_out, by_source, .shape = &count_shape, .doc = "By source."),
    NIMA_FIELD(OBJECT, struct stats_out, index, .required = true, .shape = &index_shape,
               .doc = "The index in memory."),
    NIMA_FIELD(OBJECT, struct stats_out, messages, .required = true, .shape = &messages_shape,
               .doc = "What was said, as search finds it."),
    NIMA_FIELD(STR, struct stats_out, embedding_model, .nullable = true,
               .doc = "The model that gives meanings; null: none loaded."),
    NIMA_FIELD(INT, struct stats_out, embedding_dims, .doc = "Length of its vectors."),
    NIMA_FIELD(INT, struct stats_out, learning_waiting,
               .doc = "Messages of all persons that the model is yet to read."),
    NIMA_FIELD(INT, struct stats_out, learning_dropped,
               .doc = "Messages that it will not, since too many waited."),
    NIMA_FIELD(OBJECT, struct stats_out, embedding, .required = true,
               .shape = &nima_api_embedding_shape,
               .doc = "How far it is with this person's facts."),
};
static const struct nima_shape stats_shape =
    NIMA_SHAPE("MemoryStats", struct stats_out, stats_fields, .doc = "What is in memory.");

static nima_rc get_stats(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                         void *out)
{
    (void)in;
    struct nima_memory_stats s;
    NIMA_TRY(nima_memory_stats(ctx, nima_api_of(exchange)->memory, &s));
    struct stats_index *index = NIMA_NEW(ctx->arena, struct stats_index, 1);
    *index = (struct stats_index){s.index_rows, s.index_bytes};
    struct stats_messages *messages = NIMA_NEW(ctx->arena, struct stats_messages, 1);
    *messages = (struct stats_messages){s.messages, s.messages_waiting, s.messages_bytes};
    struct stats_out *stats = out;
    *stats = (struct stats_out){.total = s.facts.total,
                                .active = s.facts.active,
                                .superseded = s.facts.superseded,
                                .with_embedding = s.facts.with_embedding,
                                .waiting_for_embedding = s.waiting_for_embedding,
                                .index = index,
                                .messages = messages,
                                .embedding_model = s.embedding_model,
                                .embedding_dims = s.embedding_dims,
                                .embedding = nima_api_embedding_of(ctx, &s.change),
                                .learning_waiting = s.learning_waiting,
                                .learning_dropped = s.learning_dropped};
    stats->by_category.items = s.facts.by_category.items;
    stats->by_category.count = s.facts.by_category.count;
    stats->by_source.items = s.facts.by_source.items;
    stats->by_source.count = s.facts.by_source.count;
    return NIMA_OK;
}

struct forget_in {
    nima_str confirm;
};
static const struct nima_field forget_in_fields[] = {
    NIMA_FIELD(STR, struct forget_in, confirm, .required = true,
               .doc = "The person's user id, to show that it is meant."),
};
static const struct nima_shape forget_in_shape =
    NIMA_SHAPE("ForgetIn", struct forget_in, forget_in_fields, .doc = "The word that it is meant.");

static nima_rc forget_all(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    (void)out;
    const struct forget_in *wanted = in;
    if (!nima_str_eq(wanted->confirm, ctx->user_id)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "confirm",
                               "confirm must be your user id (\"" NIMA_FMT
                               "\"); everything about you would be gone",
                               NIMA_ARG(ctx->user_id));
    }
    NIMA_TRY(nima_tasks_forget(ctx, nima_api_of(exchange)->tasks));
    nima_goals_forget(ctx, nima_api_of(exchange)->goals);
    return nima_memory_forget(ctx, nima_api_of(exchange)->memory);
}

#define NOT_FOUND NIMA_E_BIT(NOT_FOUND)
#define INVALID   NIMA_E_BIT(INVALID)

const struct nima_route nima_api_memory_routes[] = {
    {.method = "GET",
     .path = "/v1/memory/facts",
     .call = list_facts,
     .kind = NIMA_ROUTE_LIST,
     .in = &list_in_shape,
     .out = &fact_shape,
     .errors = INVALID,
     .scope = "memory",
     .tag = "memory",
     .summary = "Facts, newest first."},
    {.method = "POST",
     .path = "/v1/memory/facts",
     .call = create_fact,
     .in = &fact_in_shape,
     .out = &fact_shape,
     .status = 201,
     .status_also = 200,
     .errors = INVALID | NIMA_E_BIT(MODEL),
     .scope = "memory",
     .tag = "memory",
     .summary = "Stores a fact; one of exactly the same text is refreshed instead (200)."},
    {.method = "POST",
     .path = "/v1/memory/facts/batch",
     .call = create_facts,
     .slow = true,
     .kind = NIMA_ROUTE_LIST,
     .in = &fact_in_shape,
     .in_list = true,
     .in_list_max = NIMA_BATCH_MAX,
     .out = &fact_shape,
     .status = 201,
     .errors = INVALID | NIMA_E_BIT(MODEL),
     .scope = "memory",
     .tag = "memory",
     .summary = "Stores up to 1,000 facts, all or none.",
     .body_bytes_max = (size_t)64 << 20},
    {.method = "GET",
     .path = "/v1/memory/facts/{id}",
     .call = get_fact,
     .in = &get_in_shape,
     .out = &fact_shape,
     .errors = NOT_FOUND | INVALID,
     .scope = "memory",
     .tag = "memory",
     .summary = "One fact, with its earlier versions when asked for."},
    {.method = "PATCH",
     .path = "/v1/memory/facts/{id}",
     .call = patch_fact,
     .in = &patch_in_shape,
     .out = &fact_shape,
     .errors = NOT_FOUND | INVALID | NIMA_E_BIT(CONFLICT) | NIMA_E_BIT(MODEL),
     .scope = "memory",
     .tag = "memory",
     .summary = "Changes a fact; what it said is kept."},
    {.method = "DELETE",
     .path = "/v1/memory/facts/{id}",
     .call = delete_fact,
     .in = &id_in_shape,
     .status = 204,
     .errors = NOT_FOUND,
     .scope = "memory",
     .tag = "memory",
     .summary = "Forgets a fact and its versions, everywhere at once."},
    {.method = "POST",
     .path = "/v1/undo/{token}",
     .call = undo,
     .in = &undo_in_shape,
     .out = &fact_shape,
     .errors = NOT_FOUND | INVALID | NIMA_E_BIT(CONFLICT) | NIMA_E_BIT(MODEL),
     .scope = "memory",
     .tag = "memory",
     .summary = "Brings back a fact within ten minutes of its deletion; X-Undo of that has the "
                "token. Only the server that forgot it can."},
    {.method = "GET",
     .path = "/v1/memory/profile",
     .call = get_profile,
     .out = &profile_shape,
     .scope = "memory",
     .tag = "memory",
     .summary = "The person's profile."},
    {.method = "PUT",
     .path = "/v1/memory/profile",
     .call = put_profile,
     .in = &profile_in_shape,
     .out = &profile_shape,
     .errors = INVALID,
     .scope = "memory",
     .tag = "memory",
     .summary = "Changes the person's profile."},
    {.method = "GET",
     .path = "/v1/memory/stats",
     .call = get_stats,
     .out = &stats_shape,
     .scope = "memory",
     .tag = "memory",
     .summary = "Counts, index size, embedding model."},
    {.method = "DELETE",
     .path = "/v1/memory",
     .call = forget_all,
     .in = &forget_in_shape,
     .status = 204,
     .errors = INVALID,
     .scope = "memory",
     .tag = "memory",
     .summary = "Forgets everything about the person: facts, profile, conversations, goals."},
    {0},
};
