/*
 * Any server that speaks the OpenAI API (llama-server, Ollama, vLLM, OpenAI): the address is
 * "openai:http://host:port/v1#model". The caller's thread does the call; as many run at once as
 * there are callers.
 *
 * top_k is not sent: it is no part of that API, and some servers refuse what they do not know. A
 * raw prompt goes as one user message, since most servers apply their template in any case.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "llm/openai_int.h"
#include "util/clock.h"
#include "util/json.h"

enum {
    TIMEOUT_DEFAULT_S = 60,
    STREAM_BYTES_MAX = 64 * 1024 * 1024,
    REQUEST_BYTES_MAX = 64 * 1024 * 1024,
    EMBED_AT_ONCE = 128,
    EMBED_TEXT_BYTES_MAX = 8000, /* about 2,000 tokens; servers refuse what is too long for them */
    DIMS_MAX = 16384,
    URL_BYTES_MAX = 2048,
    TEMPLATE_TOKENS = 8, /* about so many around each message */
};

struct remote {
    struct nima_http_pool *pool;
    char *model;
};

struct openai {
    struct remote chat, embeddings; /* pool NULL: not ours */
    atomic_int dims;                /* 0 until a vector came */
};

static void remote_done(struct remote *remote)
{
    nima_http_pool_free(remote->pool);
    free(remote->model);
}

static void openai_close(void *backend)
{
    struct openai *openai = backend;
    remote_done(&openai->chat);
    remote_done(&openai->embeddings);
    free(openai);
}

static nima_rc remote_open(struct nima_ctx *ctx, nima_str address, const char *field,
                           const struct nima_llm_options *options, struct remote *out)
{
    size_t hash = nima_str_find(address, NIMA_STR("#"), 0);
    bool http = nima_str_starts(address, NIMA_STR("http://")) ||
                nima_str_starts(address, NIMA_STR("https://"));
    if (!http || hash == SIZE_MAX || hash + 1 == address.len || address.len > URL_BYTES_MAX ||
        nima_str_find(address, NIMA_STR(" "), 0) != SIZE_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field,
                               "'openai:" NIMA_FMT "' must be openai:http://host:port/v1#model",
                               NIMA_ARG(nima_utf8_prefix(address, 200)));
    }
    for (size_t i = 0; i < options->api_key.len; i++) {
        unsigned char c = (unsigned char)options->api_key.ptr[i];
        if (c <= ' ' || c >= 0x7F || options->api_key.len > 4096) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "api_key",
                                   "the API key must be one word of ASCII");
        }
    }
    out->pool = nima_http_pool_new(nima_str_sub(address, 0, hash), options->api_key,
                                   options->timeout_s > 0 ? options->timeout_s : TIMEOUT_DEFAULT_S);
    out->model = nima_xstrdup(nima_str_sub(address, hash + 1, address.len));
    return NIMA_OK;
}

static nima_rc openai_open(struct nima_ctx *ctx, const struct nima_llm_spec *spec, void **out)
{
    struct openai *openai = NIMA_XNEW(struct openai, 1);
    nima_rc rc = NIMA_OK;
    if (spec->chat.ptr != NULL) {
        rc = remote_open(ctx, spec->chat, "llm", spec->options, &openai->chat);
    }
    if (rc == NIMA_OK && spec->embeddings.ptr != NULL) {
        rc = remote_open(ctx, spec->embeddings, "embeddings", spec->options, &openai->embeddings);
    }
    if (rc != NIMA_OK) {
        openai_close(openai);
        return rc;
    }
    *out = openai;
    return NIMA_OK;
}

static void openai_state(void *backend, struct nima_llm_state *out)
{
    struct openai *openai = backend;
    if (openai->chat.pool != NULL) {
        out->chat_loaded = true;
        snprintf(out->chat_model, sizeof(out->chat_model), "%s", openai->chat.model);
    }
    if (openai->embeddings.pool != NULL) {
        out->embeddings_loaded = true;
        out->embedding_dims = atomic_load(&openai->dims);
        snprintf(out->embedding_model, sizeof(out->embedding_model), "%s",
                 openai->embeddings.model);
    }
}

static void add_field(struct nima_buf *buf, const char *name, nima_str text)
{
    nima_buf_fmt(buf, ",\"%s\":", name);
    nima_json_write_str(buf, text);
}

static void add_messages(struct nima_buf *buf, const struct nima_llm_request *request)
{
    nima_buf_add(buf, NIMA_STR(",\"messages\":["));
    for (size_t i = 0; i < request->count; i++) {
        nima_buf_add(buf, i > 0 ? NIMA_STR(",{\"role\":") : NIMA_STR("{\"role\":"));
        nima_json_write_str(buf, request->messages[i].role);
        add_field(buf, "content", request->messages[i].content);
        nima_buf_add_char(buf, '}');
    }
    if (request->count == 0) {
        nima_buf_add(buf, NIMA_STR("{\"role\":\"user\""));
        add_field(buf, "content", request->raw_prompt);
        nima_buf_add_char(buf, '}');
    }
    nima_buf_add_char(buf, ']');
}

static nima_rc add_schema(struct nima_ctx *ctx, struct nima_buf *buf, nima_str schema)
{
    const struct nima_json *root;
    if (nima_json_parse(ctx, schema, &root) != NIMA_OK ||
        nima_json_kind(root) != NIMA_JSON_OBJECT) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "json_schema",
                               "the schema must be a JSON object");
    }
    if (nima_json_count(root) == 0) {
        nima_buf_add(buf, NIMA_STR(",\"response_format\":{\"type\":\"json_object\"}"));
        return NIMA_OK;
    }
    nima_buf_add(buf, NIMA_STR(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                               "{\"name\":\"reply\",\"schema\":"));
    nima_buf_add(buf, nima_json_text(ctx, root));
    nima_buf_add(buf, NIMA_STR("}}"));
    return NIMA_OK;
}

static nima_rc chat_body(struct nima_ctx *ctx, const struct openai *openai,
                         const struct nima_llm_request *request, nima_str *out)
{
    struct nima_buf buf;
    nima_rc rc = NIMA_OK;
    nima_buf_init(&buf, REQUEST_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("{\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    add_field(&buf, "model", nima_str_of(openai->chat.model));
    add_messages(&buf, request);
    nima_buf_add(&buf, NIMA_STR(",\"temperature\":"));
    nima_json_write_num(&buf, request->temperature);
    if (request->top_p > 0 && request->top_p < 1) {
        nima_buf_add(&buf, NIMA_STR(",\"top_p\":"));
        nima_json_write_num(&buf, request->top_p);
    }
    if (request->max_tokens > 0) {
        nima_buf_fmt(&buf, ",\"max_tokens\":%d", request->max_tokens);
    }
    if (request->has_seed) {
        nima_buf_fmt(&buf, ",\"seed\":%lld", (long long)request->seed);
    }
    for (size_t i = 0; i < request->stop_count; i++) {
        nima_buf_add(&buf, i > 0 ? NIMA_STR(",") : NIMA_STR(",\"stop\":["));
        nima_json_write_str(&buf, request->stops[i]);
    }
    nima_buf_add(&buf, request->stop_count > 0 ? NIMA_STR("]") : NIMA_STR(""));
    if (request->json_schema.ptr != NULL) {
        rc = add_schema(ctx, &buf, request->json_schema);
    }
    nima_buf_add_char(&buf, '}');
    if (rc == NIMA_OK) {
        rc = nima_buf_take(ctx, &buf, out);
    }
    nima_buf_done(&buf);
    return rc;
}

struct talk {
    const struct nima_llm_call *call;
    struct nima_llm_stream stream;
    struct nima_llm_reply reply;
    size_t said;
    int pieces;
    bool ended;  /* a finish_reason or [DONE] was seen */
    bool enough; /* a stop string that the server let pass: we end it ourselves */
};

static nima_rc say(struct nima_ctx *ctx, struct talk *talk)
{
    size_t ready = nima_llm_stream_ready(&talk->stream);
    if (talk->stream.text.overflowed) {
        return nima_fail(ctx, NIMA_E_MODEL, "the model's reply has no end");
    }
    if (ready <= talk->said) {
        return NIMA_OK;
    }
    nima_str piece = nima_str_sub(nima_buf_view(&talk->stream.text), talk->said, ready);
    if (talk->reply.first_token_ms == 0) {
        int64_t ms = nima_mono_ms() - talk->call->started_ms;
        talk->reply.first_token_ms = ms > 0 ? ms : 1;
    }
    talk->said = ready;
    if (talk->call->on_text == NULL) {
        return NIMA_OK;
    }
    return talk->call->on_text(ctx, talk->call->user, nima_str_copy(ctx->arena, piece));
}

static void read_usage(struct talk *talk, const struct nima_json *usage)
{
    int64_t n;
    const struct nima_json *details = nima_json_get(usage, "prompt_tokens_details");
    if (nima_json_int(nima_json_get(usage, "prompt_tokens"), &n) && n >= 0 && n < INT32_MAX) {
        talk->reply.prompt_tokens = (int)n;
    }
    if (nima_json_int(nima_json_get(usage, "completion_tokens"), &n) && n >= 0 && n < INT32_MAX) {
        talk->reply.completion_tokens = (int)n;
    }
    if (nima_json_int(nima_json_get(details, "cached_tokens"), &n) && n >= 0 && n < INT32_MAX) {
        talk->reply.cached_tokens = (int)n;
    }
}

/* A chunk of a stream, or a whole reply: they differ in "delta" and "message". */
static nima_rc read_reply(struct nima_ctx *ctx, struct talk *talk, const struct nima_json *root)
{
    const struct nima_json *error = nima_json_get(root, "error");
    const struct nima_json *choices = nima_json_get(root, "choices");
    if (nima_json_kind(error) != NIMA_JSON_NULL) {
        nima_str words = nima_json_str(nima_json_get(error, "message"));
        words = words.ptr != NULL ? words : nima_json_str(error);
        return nima_fail(ctx, NIMA_E_MODEL, "the model server gave up: " NIMA_FMT,
                         NIMA_ARG(nima_utf8_prefix(words, 300)));
    }
    read_usage(talk, nima_json_get(root, "usage"));
    if (nima_json_count(choices) == 0) {
        return NIMA_OK;
    }
    const struct nima_json *choice = nima_json_at(choices, 0, NULL);
    const struct nima_json *message = nima_json_get(choice, "delta");
    message = message != NULL ? message : nima_json_get(choice, "message");
    nima_str content = nima_json_str(nima_json_get(message, "content"));
    if (content.len > 0) {
        talk->pieces++;
        nima_llm_stream_add(&talk->stream, content);
    }
    nima_str reason = nima_json_str(nima_json_get(choice, "finish_reason"));
    if (reason.len > 0) {
        talk->ended = true;
        talk->reply.finish =
            nima_str_eq(reason, NIMA_STR("length")) ? NIMA_FINISH_LENGTH : NIMA_FINISH_STOP;
    }
    if (talk->stream.stopped) {
        talk->ended = talk->enough = true;
        talk->reply.finish = NIMA_FINISH_STOP;
    }
    return NIMA_OK;
}

static nima_rc on_event(struct nima_ctx *ctx, void *user, nima_str data)
{
    struct talk *talk = user;
    if (nima_str_eq(nima_str_trim(data), NIMA_STR("[DONE]"))) {
        talk->ended = true;
        return NIMA_OK;
    }
    struct nima_arena_mark mark = nima_scratch(ctx);
    const struct nima_json *root;
    if (nima_json_parse(ctx, data, &root) != NIMA_OK) {
        return nima_fail(ctx, NIMA_E_MODEL, "the model server sent something that is no JSON");
    }
    NIMA_TRY(read_reply(ctx, talk, root));
    nima_scratch_end(ctx, mark);
    NIMA_TRY(say(ctx, talk));
    /* Ends the transfer; exchange() knows that it is no error. */
    return talk->enough ? NIMA_E_CANCELLED : NIMA_OK;
}

static nima_rc exchange(struct nima_ctx *ctx, struct openai *openai, nima_str body,
                        struct talk *talk)
{
    struct nima_http_post post = {.path = "/chat/completions",
                                  .body = body,
                                  .on_event = on_event,
                                  .user = talk,
                                  .reply_bytes_max = STREAM_BYTES_MAX};
    nima_str whole = {0};
    nima_rc rc = nima_http_post(ctx, openai->chat.pool, &post, &whole);
    if (rc == NIMA_OK && whole.len > 0) {
        rc = on_event(ctx, talk, whole);
    }
    if (talk->enough) {
        rc = NIMA_OK;
    }
    NIMA_TRY(rc);
    if (!talk->ended) {
        return nima_fail(ctx, NIMA_E_MODEL, "the model server broke off in the middle of a reply");
    }
    nima_llm_stream_end(&talk->stream);
    return say(ctx, talk);
}

static int estimate_tokens(size_t bytes)
{
    return (int)ceil((double)bytes / 3.5);
}

static nima_rc openai_generate(struct nima_ctx *ctx, void *backend,
                               const struct nima_llm_call *call, struct nima_llm_reply *out)
{
    struct openai *openai = backend;
    struct talk talk = {.call = call};
    nima_str body;
    NIMA_TRY(chat_body(ctx, openai, call->request, &body));
    nima_llm_stream_init(&talk.stream, call->request->stops, call->request->stop_count);
    nima_rc rc = exchange(ctx, openai, body, &talk);
    if (rc != NIMA_OK) {
        talk.reply.finish = NIMA_FINISH_CANCELLED;
    }
    if (talk.reply.prompt_tokens == 0) {
        talk.reply.prompt_tokens = estimate_tokens(body.len);
    }
    if (talk.reply.completion_tokens == 0) {
        talk.reply.completion_tokens = talk.pieces;
    }
    nima_str text = talk.said > 0 ? nima_buf_view(&talk.stream.text) : NIMA_STR("");
    talk.reply.text = nima_str_copy(ctx->arena, nima_str_sub(text, 0, talk.said));
    talk.reply.total_ms = nima_mono_ms() - call->started_ms;
    nima_llm_stream_done(&talk.stream);
    *out = talk.reply;
    return rc;
}

static nima_rc openai_count_tokens(struct nima_ctx *ctx, void *backend, nima_str text, int *out)
{
    (void)ctx;
    (void)backend;
    *out = estimate_tokens(text.len);
    return NIMA_OK;
}

static nima_rc openai_count_prompt(struct nima_ctx *ctx, void *backend,
                                   const struct nima_llm_request *request, int *out)
{
    (void)ctx;
    (void)backend;
    int count = 0;
    for (size_t i = 0; i < request->count; i++) {
        count += estimate_tokens(request->messages[i].content.len) + TEMPLATE_TOKENS;
    }
    *out = count;
    return NIMA_OK;
}

static nima_rc embed_body(struct nima_ctx *ctx, const struct openai *openai, const nima_str *texts,
                          size_t count, nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, REQUEST_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("{\"encoding_format\":\"float\""));
    add_field(&buf, "model", nima_str_of(openai->embeddings.model));
    for (size_t i = 0; i < count; i++) {
        nima_buf_add(&buf, i > 0 ? NIMA_STR(",") : NIMA_STR(",\"input\":["));
        /* Some servers refuse an empty text. */
        bool blank = nima_str_trim(texts[i]).len == 0;
        nima_json_write_str(&buf, blank ? NIMA_STR(" ")
                                        : nima_utf8_prefix(texts[i], EMBED_TEXT_BYTES_MAX));
    }
    nima_buf_add(&buf, NIMA_STR("]}"));
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

static nima_rc bad_vectors(struct nima_ctx *ctx)
{
    return nima_fail(ctx, NIMA_E_MODEL, "the embedding server sent something that is no vectors");
}

/* Reads `count` vectors into out->items, which is made with the first that comes. */
static nima_rc read_vectors(struct nima_ctx *ctx, nima_str text, size_t from, size_t count,
                            struct nima_vectors *out)
{
    const struct nima_json *root;
    if (nima_json_parse(ctx, text, &root) != NIMA_OK) {
        return bad_vectors(ctx);
    }
    const struct nima_json *data = nima_json_get(root, "data");
    if (nima_json_count(data) != count) {
        return bad_vectors(ctx);
    }
    for (size_t i = 0; i < count; i++) {
        const struct nima_json *item = nima_json_at(data, i, NULL);
        const struct nima_json *values = nima_json_get(item, "embedding");
        size_t dims = nima_json_count(values);
        int64_t index = (int64_t)i;
        (void)nima_json_int(nima_json_get(item, "index"), &index);
        if (out->items == NULL && dims > 0 && dims <= DIMS_MAX) {
            out->dims = dims;
            out->items = NIMA_NEW(ctx->arena, float, dims * out->count);
        }
        if (dims == 0 || dims != out->dims || index < 0 || (size_t)index >= count) {
            return bad_vectors(ctx);
        }
        float *vector = out->items + (from + (size_t)index) * dims;
        for (size_t d = 0; d < dims; d++) {
            vector[d] = (float)nima_json_num(nima_json_at(values, d, NULL), NAN);
            if (!isfinite(vector[d])) {
                return bad_vectors(ctx);
            }
        }
        nima_llm_normalize(vector, dims);
    }
    return NIMA_OK;
}

static nima_rc openai_embed(struct nima_ctx *ctx, void *backend, const nima_str *texts,
                            size_t count, struct nima_vectors *out)
{
    struct openai *openai = backend;
    struct nima_vectors got = {.count = count};
    for (size_t from = 0; from < count; from += EMBED_AT_ONCE) {
        size_t some = count - from < EMBED_AT_ONCE ? count - from : EMBED_AT_ONCE;
        struct nima_http_post post = {.path = "/embeddings", .reply_bytes_max = STREAM_BYTES_MAX};
        nima_str reply;
        NIMA_TRY(embed_body(ctx, openai, texts + from, some, &post.body));
        NIMA_TRY(nima_http_post(ctx, openai->embeddings.pool, &post, &reply));
        NIMA_TRY(read_vectors(ctx, reply, from, some, &got));
    }
    atomic_store(&openai->dims, (int)got.dims);
    *out = got;
    return NIMA_OK;
}

const struct nima_llm_ops nima_llm_openai = {
    .scheme = "openai:",
    .open = openai_open,
    .close = openai_close,
    .state = openai_state,
    .generate = openai_generate,
    .count_tokens = openai_count_tokens,
    .count_prompt = openai_count_prompt,
    .embed = openai_embed,
};
