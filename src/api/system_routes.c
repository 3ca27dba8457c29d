/* Health, the document of the API, metrics, and the page. */
#include "api/api_int.h"
#include "knowledge/knowledge.h"
#include "llm/llm.h"
#include "memory/memory.h"
#include "personality/personality.h"
#include "util/clock.h"
#include "util/embed.h"

NIMA_EMBEDDED(web);
NIMA_EMBEDDED(weblib);

enum { DOCUMENT_BYTES_MAX = 4 << 20 };

/* GET /health and /ready */
struct health_store {
    nima_str kind;
    bool ok;
};
static const struct nima_field health_store_fields[] = {
    NIMA_FIELD(STR, struct health_store, kind, .required = true, .doc = "Which engine."),
    NIMA_FIELD(BOOL, struct health_store, ok, .doc = "Whether it answers."),
};
static const struct nima_shape health_store_shape =
    NIMA_SHAPE("HealthStore", struct health_store, health_store_fields, .doc = "The store.");
static const struct nima_field embedding_fields[] = {
    NIMA_FIELD(STR, struct nima_api_embedding, state, .required = true,
               .choices =
                   (const char *const[]){"unknown", "done", "by_former_model", "by_words", NULL},
               .doc = "unknown: not counted yet, or no model is loaded; by_former_model: facts not "
                      "embedded by the present model yet are found "
                      "through the one before; by_words: they are found by their words alone."),
    NIMA_FIELD(INT, struct nima_api_embedding, done,
               .doc = "Facts with the present model's vector."),
    NIMA_FIELD(INT, struct nima_api_embedding, total, .doc = "Active facts."),
    NIMA_FIELD(STR, struct nima_api_embedding, former_model, .nullable = true,
               .doc = "The model before, while there are vectors of it."),
};
const struct nima_shape nima_api_embedding_shape =
    NIMA_SHAPE("EmbeddingProgress", struct nima_api_embedding, embedding_fields,
               .doc = "After a change of the embedding model facts are embedded anew.");

struct nima_api_embedding *nima_api_embedding_of(struct nima_ctx *ctx,
                                                 const struct nima_memory_change *change)
{
    struct nima_api_embedding *out = NIMA_NEW(ctx->arena, struct nima_api_embedding, 1);
    const char *state = !change->counted                ? "unknown"
                        : change->done >= change->total ? "done"
                        : change->former_loaded         ? "by_former_model"
                                                        : "by_words";
    *out = (struct nima_api_embedding){.state = nima_str_of(state),
                                       .former_model = change->former,
                                       .done = change->done,
                                       .total = change->total};
    return out;
}

struct health_packs {
    int64_t count;
    struct nima_pack_texts problems;
};
static const struct nima_field health_packs_fields[] = {
    NIMA_FIELD(INT, struct health_packs, count, .doc = "How many there are, all versions."),
    NIMA_FIELD(STR_LIST, struct health_packs, problems,
               .doc = "Which are left out and why; nima packs check says it too."),
};
static const struct nima_shape health_packs_shape =
    NIMA_SHAPE("HealthPacks", struct health_packs, health_packs_fields, .doc = "Knowledge packs.");

struct health {
    nima_str status, version, model, embedding_model, problem, personality_problem;
    bool model_loaded, tokenizer_loaded, embeddings_loaded;
    struct health_store *store;
    struct nima_api_embedding *embedding;
    struct health_packs *packs;
    double uptime_s;
};
static const struct nima_field health_fields[] = {
    NIMA_FIELD(STR, struct health, status, .required = true,
               .choices = (const char *const[]){"healthy", "degraded", NULL},
               .doc = "degraded: something is missing, the rest goes on."),
    NIMA_FIELD(STR, struct health, version, .required = true, .doc = "Of this server."),
    NIMA_FIELD(BOOL, struct health, model_loaded, .doc = "Whether it can chat."),
    NIMA_FIELD(BOOL, struct health, tokenizer_loaded, .doc = "Whether it can count tokens."),
    NIMA_FIELD(BOOL, struct health, embeddings_loaded,
               .doc = "Whether memory is searched by meaning; else by words alone."),
    NIMA_FIELD(STR, struct health, model, .nullable = true, .doc = "The chat model's name."),
    NIMA_FIELD(STR, struct health, embedding_model, .nullable = true,
               .doc = "The embedding model's name."),
    NIMA_FIELD(STR, struct health, problem, .nullable = true,
               .doc = "What is wrong with the models, and what to do."),
    NIMA_FIELD(STR, struct health, personality_problem, .nullable = true,
               .doc = "Which persona file cannot be used and why; its last good state stays."),
    NIMA_FIELD(OBJECT, struct health, store, .required = true, .shape = &health_store_shape,
               .doc = "The store."),
    NIMA_FIELD(OBJECT, struct health, embedding, .required = true,
               .shape = &nima_api_embedding_shape, .doc = "Facts of all people."),
    NIMA_FIELD(OBJECT, struct health, packs, .required = true, .shape = &health_packs_shape,
               .doc = "Knowledge packs."),
    NIMA_FIELD(NUM, struct health, uptime_s, .doc = "Seconds since the start."),
};
static const struct nima_shape health_shape =
    NIMA_SHAPE("Health", struct health, health_fields, .doc = "How the server is.");

static nima_str text_or_absent(struct nima_ctx *ctx, const char *text)
{
    return text[0] != '\0' ? nima_str_copy(ctx->arena, nima_str_of(text)) : (nima_str){NULL, 0};
}

static struct health health_of(struct nima_ctx *ctx, struct nima_api *api, bool store_ok)
{
    struct nima_llm_state state;
    nima_llm_state(api->llm, &state);
    struct health_store *store = NIMA_NEW(ctx->arena, struct health_store, 1);
    *store = (struct health_store){nima_str_of(nima_store_kind(api->store)), store_ok};
    struct nima_memory_change change;
    nima_memory_change(ctx, api->memory, &change);
    struct nima_pack_state shelf;
    nima_knowledge_state(ctx, api->knowledge, &shelf);
    struct health_packs *packs = NIMA_NEW(ctx->arena, struct health_packs, 1);
    *packs = (struct health_packs){shelf.count, shelf.problems};
    nima_str persona = nima_personality_problem(ctx, api->personality);
    bool well = state.chat_loaded && state.embeddings_loaded && store_ok && persona.ptr == NULL;
    return (struct health){.status = well ? NIMA_STR("healthy") : NIMA_STR("degraded"),
                           .version = nima_str_of(api->version),
                           .model = text_or_absent(ctx, state.chat_model),
                           .embedding_model = text_or_absent(ctx, state.embedding_model),
                           .problem = text_or_absent(ctx, state.problem),
                           .personality_problem = persona,
                           .model_loaded = state.chat_loaded,
                           .tokenizer_loaded = state.chat_loaded,
                           .embeddings_loaded = state.embeddings_loaded,
                           .store = store,
                           .embedding = nima_api_embedding_of(ctx, &change),
                           .packs = packs,
                           .uptime_s = (double)(nima_mono_ms() - api->started_ms) / 1000};
}

/* On the HTTP thread: it tells what is known and asks nobody. */
static nima_rc health(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    (void)in;
    struct nima_api *api = nima_api_of(exchange);
    *(struct health *)out = health_of(ctx, api, atomic_load(&api->store_ok));
    return NIMA_OK;
}

static nima_rc ready(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    (void)in;
    struct nima_api *api = nima_api_of(exchange);
    bool store_ok = nima_store_ping(ctx, api->store) == NIMA_OK;
    struct health h = health_of(ctx, api, store_ok);
    if (!store_ok) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "the store does not answer; see the log");
    }
    if (!h.model_loaded) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "%s",
                         h.problem.len > 0 ? h.problem.ptr : "the model is still loading");
    }
    *(struct health *)out = h;
    return NIMA_OK;
}

/* The page. Its files are few, so a list is searched, not a table. */
static const char *type_of(nima_str name)
{
    static const struct {
        const char *end;
        const char *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (nima_str_ends(name, nima_str_of(types[i].end))) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

static nima_rc send_file(struct nima_ctx *ctx, struct nima_exchange *exchange,
                         const struct nima_embedded *list, nima_str name)
{
    const struct nima_embedded *file = nima_embedded_find(list, name);
    if (file == NULL) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "there is no such file");
    }
    return nima_http_bytes(ctx, exchange, type_of(name), nima_embedded_data(file));
}

struct file_in {
    nima_str name;
};
static const struct nima_field file_in_fields[] = {
    NIMA_FIELD(STR, struct file_in, name, .place = NIMA_IN_PATH, .required = true, .max = 100,
               .doc = "The file's name."),
};
static const struct nima_shape file_in_shape = NIMA_SHAPE("FileIn", struct file_in, file_in_fields);

static nima_rc app_file(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                        void *out)
{
    (void)out;
    return send_file(ctx, exchange, nima_embedded_web, ((const struct file_in *)in)->name);
}

static nima_rc lib_file(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                        void *out)
{
    (void)out;
    return send_file(ctx, exchange, nima_embedded_weblib, ((const struct file_in *)in)->name);
}

/* For programs: what is served, by version. */
struct index {
    nima_str name, version, docs;
    struct {
        nima_str *items;
        size_t count;
    } endpoints;
};
static const struct nima_field index_fields[] = {
    NIMA_FIELD(STR, struct index, name, .required = true, .doc = "Nima."),
    NIMA_FIELD(STR, struct index, version, .required = true, .doc = "Of this server."),
    NIMA_FIELD(STR, struct index, docs, .required = true, .doc = "Where to read more."),
    NIMA_FIELD(STR_LIST, struct index, endpoints, .required = true,
               .doc = "Method and path of each."),
};
static const struct nima_shape index_shape =
    NIMA_SHAPE("Index", struct index, index_fields, .doc = "What is served.");

static nima_rc send_index(struct nima_ctx *ctx, struct nima_exchange *exchange)
{
    struct index index = {.name = NIMA_STR("Nima"),
                          .version = nima_str_of(nima_api_of(exchange)->version),
                          .docs = NIMA_STR("/docs")};
    size_t rows = 0;
    for (const struct nima_route *const *t = nima_api_tables; *t != NULL; t++) {
        for (const struct nima_route *r = *t; r->path != NULL; r++) {
            rows++;
        }
    }
    index.endpoints.items = NIMA_NEW(ctx->arena, nima_str, rows);
    for (const struct nima_route *const *t = nima_api_tables; *t != NULL; t++) {
        for (const struct nima_route *r = *t; r->path != NULL; r++) {
            index.endpoints.items[index.endpoints.count++] =
                nima_fmt(ctx, "%s %s", r->method, r->path);
        }
    }
    struct nima_buf buf;
    nima_buf_init(&buf, DOCUMENT_BYTES_MAX);
    nima_json_encode(&buf, &index_shape, &index);
    nima_rc rc = nima_http_bytes(ctx, exchange, "application/json", nima_buf_view(&buf));
    nima_buf_done(&buf);
    return rc;
}

static nima_rc index_page(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    (void)in;
    (void)out;
    nima_str accept = nima_exchange_header(exchange, "Accept");
    bool json = nima_str_find(accept, NIMA_STR("application/json"), 0) != SIZE_MAX;
    bool html = nima_str_find(accept, NIMA_STR("text/html"), 0) != SIZE_MAX;
    nima_exchange_add_header(exchange, "Vary", NIMA_STR("Accept"));
    if (json && !html) {
        return send_index(ctx, exchange);
    }
    return send_file(ctx, exchange, nima_embedded_web, NIMA_STR("index.html"));
}

static nima_rc openapi(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    (void)in;
    (void)out;
    struct nima_buf buf;
    nima_buf_init(&buf, DOCUMENT_BYTES_MAX);
    nima_api_openapi(nima_api_of(exchange)->version, &buf);
    nima_rc rc = nima_http_bytes(ctx, exchange, "application/json", nima_buf_view(&buf));
    nima_buf_done(&buf);
    return rc;
}

static nima_rc docs(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    (void)in;
    (void)out;
    struct nima_buf buf;
    nima_buf_init(&buf, DOCUMENT_BYTES_MAX);
    nima_api_docs_html(nima_api_of(exchange)->version, &buf);
    nima_rc rc = nima_http_bytes(ctx, exchange, "text/html; charset=utf-8", nima_buf_view(&buf));
    nima_buf_done(&buf);
    return rc;
}

static void metric(struct nima_buf *buf, const char *name, const char *type, const char *help,
                   double value)
{
    nima_buf_fmt(buf, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name,
                 value);
}

static void persona_metrics(struct nima_buf *buf, struct nima_personality *personality)
{
    static const char name[] = "nima_personality_score";
    struct nima_personality_stats stats;
    nima_personality_stats(personality, &stats);
    nima_buf_fmt(buf,
                 "# HELP %s How well replies fit the persona, by the rules.\n# TYPE %s histogram\n",
                 name, name);
    for (size_t i = 0; i < NIMA_PERSONALITY_BUCKETS; i++) {
        nima_buf_fmt(buf, "%s_bucket{le=\"%g\"} %lld\n", name, nima_personality_bounds[i],
                     (long long)stats.within[i]);
    }
    nima_buf_fmt(buf, "%s_bucket{le=\"+Inf\"} %lld\n%s_sum %.15g\n%s_count %lld\n", name,
                 (long long)stats.replies, name, stats.score_sum, name, (long long)stats.replies);
    metric(buf, "nima_personality_changes_total", "counter", "What the rules changed in replies.",
           (double)stats.changes);
}

/* Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
static nima_rc metrics(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    (void)in;
    (void)out;
    struct nima_api *api = nima_api_of(exchange);
    struct nima_http_stats http = {0};
    if (api->http != NULL) {
        nima_http_stats(api->http, &http);
    }
    struct nima_llm_state llm;
    nima_llm_state(api->llm, &llm);
    struct nima_buf buf;
    nima_buf_init(&buf, DOCUMENT_BYTES_MAX);
    nima_buf_fmt(&buf,
                 "# HELP nima_info Version.\n# TYPE nima_info gauge\nnima_info{version=\"%s\"} 1\n",
                 api->version);
    metric(&buf, "nima_uptime_seconds", "gauge", "Since the start.",
           (double)(nima_mono_ms() - api->started_ms) / 1000);
    metric(&buf, "nima_http_requests_total", "counter", "Requests answered.",
           (double)http.requests);
    metric(&buf, "nima_http_errors_4xx_total", "counter", "Refused requests.",
           (double)http.errors_4xx);
    metric(&buf, "nima_http_errors_5xx_total", "counter", "Failed requests.",
           (double)http.errors_5xx);
    metric(&buf, "nima_http_streams", "gauge", "Event streams open.", (double)http.streams_open);
    metric(&buf, "nima_http_connections", "gauge", "Connections open.", (double)http.connections);
    metric(&buf, "nima_http_waiting", "gauge", "Requests waiting for a worker.",
           (double)http.queue_waiting);
    metric(&buf, "nima_model_loaded", "gauge", "1 when the chat model is loaded.",
           llm.chat_loaded ? 1 : 0);
    metric(&buf, "nima_embeddings_loaded", "gauge", "1 when the embedding model is loaded.",
           llm.embeddings_loaded ? 1 : 0);
    metric(&buf, "nima_model_waiting", "gauge", "Generations waiting for the model.", llm.waiting);
    persona_metrics(&buf, api->personality);
    nima_rc rc = nima_http_bytes(ctx, exchange, "text/plain; version=0.0.4; charset=utf-8",
                                 nima_buf_view(&buf));
    nima_buf_done(&buf);
    return rc;
}

#define TEXT_SCHEMA "{\"type\":\"string\"}"

const struct nima_route nima_api_system_routes[] = {
    {.method = "GET",
     .path = "/",
     .call = index_page,
     .kind = NIMA_ROUTE_BYTES,
     .out = &index_shape,
     .out_type = "text/html",
     .out_schema = TEXT_SCHEMA,
     .tag = "system",
     .summary = "The page; for Accept: application/json the list of endpoints.",
     .quick = true},
    {.method = "GET",
     .path = "/app/{name}",
     .call = app_file,
     .kind = NIMA_ROUTE_BYTES,
     .in = &file_in_shape,
     .out_type = "*/*",
     .out_schema = TEXT_SCHEMA,
     .errors = NIMA_E_BIT(NOT_FOUND),
     .tag = "system",
     .summary = "A file of the page.",
     .quick = true},
    {.method = "GET",
     .path = "/lib/{name}",
     .call = lib_file,
     .kind = NIMA_ROUTE_BYTES,
     .in = &file_in_shape,
     .out_type = "*/*",
     .out_schema = TEXT_SCHEMA,
     .errors = NIMA_E_BIT(NOT_FOUND),
     .tag = "system",
     .summary = "A library of the page.",
     .quick = true},
    {.method = "GET",
     .path = "/health",
     .call = health,
     .quick = true,
     .out = &health_shape,
     .tag = "system",
     .summary = "200 while the process can answer."},
    {.method = "GET",
     .path = "/ready",
     .call = ready,
     .out = &health_shape,
     .errors = NIMA_E_BIT(UNAVAILABLE),
     .tag = "system",
     .summary = "503 until model and store are ready."},
    {.method = "GET",
     .path = "/openapi.json",
     .call = openapi,
     .kind = NIMA_ROUTE_BYTES,
     .out_type = "application/json",
     .out_schema = "{\"type\":\"object\"}",
     .tag = "system",
     .summary = "The document of this API."},
    {.method = "GET",
     .path = "/docs",
     .call = docs,
     .kind = NIMA_ROUTE_BYTES,
     .out_type = "text/html",
     .out_schema = TEXT_SCHEMA,
     .tag = "system",
     .summary = "The same for people."},
    {.method = "GET",
     .path = "/metrics",
     .call = metrics,
     .kind = NIMA_ROUTE_BYTES,
     .out_type = "text/plain",
     .out_schema = TEXT_SCHEMA,
     .tag = "system",
     .summary = "Counters in Prometheus' text format."},
    {0},
};
