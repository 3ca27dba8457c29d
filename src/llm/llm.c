/*
 * The door: addresses, checks that hold for every backend, and the cache of embeddings.
 */
#include "llm/llm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llm/llm_int.h"
#include "util/clock.h"

enum { EMBED_CACHE_ENTRIES = 4096, LOAD_POLL_MS = 30 };

struct backend {
    const struct nima_llm_ops *ops; /* NULL: nothing here */
    void *self;
};

struct nima_llm {
    struct backend owned[2];          /* in the order they were opened */
    const struct backend *chat;       /* into owned */
    const struct backend *embeddings; /* into owned; NULL for "none:" */
    struct nima_embed_cache *cache;
    struct nima_llm_former *former;
    struct {
        char *address, *models_dir, *api_key;
        int threads, timeout_s;
    } before; /* what the former model is opened with */
};

static const struct nima_llm_ops *const all_ops[] = {
    &nima_llm_local,
    &nima_llm_openai,
    &nima_llm_scripted,
};

static const char address_help[] =
    "use local:NAME, openai:http://host:port/v1#model, or scripted: for tests";

/* Finds who serves the address; *rest is what stands behind the scheme. */
static const struct nima_llm_ops *ops_of(nima_str address, nima_str *rest)
{
    for (size_t i = 0; i < sizeof(all_ops) / sizeof(all_ops[0]); i++) {
        nima_str scheme = nima_str_of(all_ops[i]->scheme);
        if (nima_str_starts(address, scheme)) {
            *rest = nima_str_sub(address, scheme.len, address.len);
            return all_ops[i];
        }
    }
    return NULL;
}

static nima_rc open_backends(struct nima_ctx *ctx, const struct nima_llm_options *options,
                             struct nima_llm *llm)
{
    struct nima_llm_spec chat = {.options = options};
    struct nima_llm_spec embeddings = {.options = options};
    const struct nima_llm_ops *chat_ops = ops_of(options->chat, &chat.chat);
    if (chat_ops == NULL) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "llm", "'" NIMA_FMT "' is no model address: %s",
                               NIMA_ARG(options->chat), address_help);
    }
    bool none = options->embeddings.len == 0 || nima_str_eq(options->embeddings, NIMA_STR("none:"));
    const struct nima_llm_ops *embed_ops =
        none ? NULL : ops_of(options->embeddings, &embeddings.embeddings);
    if (!none && embed_ops == NULL) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "embeddings",
                               "'" NIMA_FMT "' is no model address: %s, or none:",
                               NIMA_ARG(options->embeddings), address_help);
    }
    if (chat_ops == embed_ops) {
        chat.embeddings = embeddings.embeddings;
    }
    NIMA_TRY(chat_ops->open(ctx, &chat, &llm->owned[0].self));
    llm->owned[0].ops = chat_ops;
    llm->chat = &llm->owned[0];
    if (embed_ops == chat_ops) {
        llm->embeddings = &llm->owned[0];
    } else if (embed_ops != NULL) {
        NIMA_TRY(embed_ops->open(ctx, &embeddings, &llm->owned[1].self));
        llm->owned[1].ops = embed_ops;
        llm->embeddings = &llm->owned[1];
    }
    return NIMA_OK;
}

nima_rc nima_llm_open(struct nima_ctx *ctx, const struct nima_llm_options *options,
                      struct nima_llm **out)
{
    nima_assert(options != NULL && out != NULL);
    struct nima_llm *llm = NIMA_XNEW(struct nima_llm, 1);
    llm->cache = nima_embed_cache_new(EMBED_CACHE_ENTRIES);
    llm->former = nima_llm_former_new();
    llm->before.address = nima_xstrdup(options->former);
    llm->before.models_dir = nima_xstrdup(options->models_dir);
    llm->before.api_key = nima_xstrdup(options->api_key);
    llm->before.threads = options->threads;
    llm->before.timeout_s = options->timeout_s;
    nima_rc rc = open_backends(ctx, options, llm);
    if (rc != NIMA_OK) {
        nima_llm_close(llm);
        return rc;
    }
    *out = llm;
    return NIMA_OK;
}

void nima_llm_close(struct nima_llm *llm)
{
    if (llm == NULL) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (llm->owned[i].ops != NULL) {
            llm->owned[i].ops->close(llm->owned[i].self);
        }
    }
    nima_llm_former_free(llm->former);
    free(llm->before.address);
    free(llm->before.models_dir);
    free(llm->before.api_key);
    nima_embed_cache_free(llm->cache);
    free(llm);
}

void nima_llm_state(struct nima_llm *llm, struct nima_llm_state *out)
{
    nima_assert(llm != NULL && out != NULL);
    *out = (struct nima_llm_state){0};
    for (size_t i = 0; i < 2; i++) {
        if (llm->owned[i].ops != NULL) {
            llm->owned[i].ops->state(llm->owned[i].self, out);
        }
    }
}

nima_rc nima_llm_check_request(struct nima_ctx *ctx, const struct nima_llm_request *request)
{
    if ((request->count == 0) == (request->raw_prompt.ptr == NULL)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "messages",
                               "messages or a prompt must be given, and not both");
    }
    size_t bytes = request->raw_prompt.len;
    for (size_t i = 0; i < request->count; i++) {
        bytes += request->messages[i].content.len;
    }
    if (bytes > NIMA_LLM_PROMPT_BYTES_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "messages", "the prompt is longer than %d MiB",
                               NIMA_LLM_PROMPT_BYTES_MAX / 1024 / 1024);
    }
    if (request->stop_count > NIMA_LLM_STOPS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "stop", "at most %d stop texts are allowed",
                               NIMA_LLM_STOPS_MAX);
    }
    for (size_t i = 0; i < request->stop_count; i++) {
        if (request->stops[i].len == 0 || request->stops[i].len > NIMA_LLM_STOP_BYTES_MAX) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "stop",
                                   "a stop text must have 1 to %d bytes", NIMA_LLM_STOP_BYTES_MAX);
        }
    }
    if (request->max_tokens < 0 || !(request->temperature >= 0 && request->temperature <= 100)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "temperature",
                               "temperature must be 0..100 and max_tokens not negative");
    }
    return NIMA_OK;
}

/* A model as small as the tiny one is not trusted with what nobody sees first; docs/memory.md. */
static const int64_t least_parameters = 1000000000;

bool nima_llm_may(struct nima_llm *llm, enum nima_llm_use use)
{
    struct nima_llm_state state;
    nima_llm_state(llm, &state);
    bool able = strcmp(state.chat_model, "scripted") != 0 &&
                (state.chat_parameters == 0 || state.chat_parameters >= least_parameters);
    return state.chat_loaded && use != NIMA_LLM_USE_OFF && (able || use == NIMA_LLM_USE_ON);
}

nima_rc nima_llm_wait(struct nima_ctx *ctx, struct nima_llm *llm)
{
    for (;;) {
        struct nima_llm_state state;
        nima_llm_state(llm, &state);
        if (state.chat_loaded) {
            return NIMA_OK;
        }
        if (state.chat_failed) {
            return nima_fail(ctx, NIMA_E_UNAVAILABLE, "%s", state.problem);
        }
        NIMA_TRY(nima_ctx_stopped(ctx));
        struct timespec moment = {0, LOAD_POLL_MS * 1000000L};
        nanosleep(&moment, NULL);
    }
}

nima_rc nima_llm_generate(struct nima_ctx *ctx, struct nima_llm *llm,
                          const struct nima_llm_request *request, nima_llm_on_text on_text,
                          void *user, struct nima_llm_reply *out)
{
    nima_assert(llm != NULL && request != NULL && out != NULL);
    NIMA_TRY(nima_llm_check_request(ctx, request));
    struct nima_llm_call call = {request, on_text, user, nima_mono_ms()};
    nima_rc stopped = nima_ctx_stopped(ctx);
    if (stopped != NIMA_OK) {
        *out = (struct nima_llm_reply){.text = NIMA_STR(""), .finish = NIMA_FINISH_CANCELLED};
        return stopped;
    }
    return llm->chat->ops->generate(ctx, llm->chat->self, &call, out);
}

nima_rc nima_llm_keep(struct nima_ctx *ctx, struct nima_llm *llm,
                      const struct nima_llm_message *messages, size_t count, nima_str name,
                      int *evaluated_out)
{
    nima_assert(llm != NULL && messages != NULL);
    struct nima_llm_request request = {.messages = messages,
                                       .count = count,
                                       .max_tokens = 1,
                                       .slot_key = name,
                                       .background = true};
    NIMA_TRY(nima_llm_check_request(ctx, &request));
    int evaluated = 0;
    if (llm->chat->ops->keep != NULL) {
        NIMA_TRY(llm->chat->ops->keep(ctx, llm->chat->self, &request, &evaluated));
    }
    if (evaluated_out != NULL) {
        *evaluated_out = evaluated;
    }
    return NIMA_OK;
}

nima_rc nima_llm_count_tokens(struct nima_ctx *ctx, struct nima_llm *llm, nima_str text, int *out)
{
    nima_assert(llm != NULL && out != NULL);
    if (text.len > NIMA_LLM_PROMPT_BYTES_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID, "the text is longer than %d MiB",
                         NIMA_LLM_PROMPT_BYTES_MAX / 1024 / 1024);
    }
    return llm->chat->ops->count_tokens(ctx, llm->chat->self, text, out);
}

nima_rc nima_llm_count_prompt(struct nima_ctx *ctx, struct nima_llm *llm,
                              const struct nima_llm_message *messages, size_t count, int *out)
{
    nima_assert(llm != NULL && messages != NULL && out != NULL);
    struct nima_llm_request request = {.messages = messages, .count = count};
    NIMA_TRY(nima_llm_check_request(ctx, &request));
    return llm->chat->ops->count_prompt(ctx, llm->chat->self, &request, out);
}

void nima_llm_normalize(float *vector, size_t dims)
{
    double sum = 0;
    for (size_t i = 0; i < dims; i++) {
        sum += (double)vector[i] * (double)vector[i];
    }
    if (!(sum > 0) || !isfinite(sum)) {
        memset(vector, 0, dims * sizeof(*vector));
        vector[0] = 1;
        return;
    }
    double scale = 1 / sqrt(sum);
    for (size_t i = 0; i < dims; i++) {
        vector[i] = (float)((double)vector[i] * scale);
    }
}

/* Embeds the texts that the cache does not have, all in one call, and puts them in their places. */
static nima_rc embed_missing(struct nima_ctx *ctx, struct nima_llm *llm, const nima_str *texts,
                             const size_t *missing, size_t missing_count, size_t count,
                             struct nima_vectors *out)
{
    nima_str *wanted = NIMA_NEW(ctx->arena, nima_str, missing_count);
    for (size_t i = 0; i < missing_count; i++) {
        wanted[i] = texts[missing[i]];
    }
    struct nima_vectors fresh = {0};
    NIMA_TRY(
        llm->embeddings->ops->embed(ctx, llm->embeddings->self, wanted, missing_count, &fresh));
    nima_assert(fresh.count == missing_count && fresh.dims > 0);
    if (missing_count == count) {
        *out = fresh;
    } else if (fresh.dims != out->dims) {
        return nima_fail(ctx, NIMA_E_MODEL, "the embedding model changed its dimensions");
    }
    size_t bytes = fresh.dims * sizeof(float);
    for (size_t i = 0; i < missing_count; i++) {
        const float *vector = fresh.items + i * fresh.dims;
        nima_embed_cache_put(llm->cache, wanted[i], fresh.dims, vector);
        if (missing_count != count) {
            memcpy(out->items + missing[i] * fresh.dims, vector, bytes);
        }
    }
    return NIMA_OK;
}

static nima_rc embed_check(struct nima_ctx *ctx, struct nima_llm *llm, const nima_str *texts,
                           size_t count)
{
    if (llm->embeddings == NULL) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE,
                         "no embedding model is configured: set NIMA_EMBEDDINGS");
    }
    if (count > NIMA_LLM_EMBED_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID, "at most %d texts can be embedded in one call",
                         NIMA_LLM_EMBED_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (texts[i].len > NIMA_LLM_TEXT_BYTES_MAX) {
            return nima_fail(ctx, NIMA_E_INVALID, "text %zu is longer than %d KiB", i,
                             NIMA_LLM_TEXT_BYTES_MAX / 1024);
        }
    }
    return NIMA_OK;
}

nima_rc nima_llm_embed(struct nima_ctx *ctx, struct nima_llm *llm, const nima_str *texts,
                       size_t count, struct nima_vectors *out)
{
    nima_assert(llm != NULL && out != NULL && (texts != NULL || count == 0));
    NIMA_TRY(embed_check(ctx, llm, texts, count));
    NIMA_TRY(nima_ctx_stopped(ctx));
    struct nima_llm_state state;
    nima_llm_state(llm, &state);
    struct nima_vectors got = {.count = count, .dims = (size_t)state.embedding_dims};
    if (count == 0) {
        *out = got;
        return NIMA_OK;
    }
    /* Room for all of them is taken only when the dimensions are known, else nothing is cached. */
    got.items = NIMA_NEW(ctx->arena, float, count *got.dims);
    size_t *missing = NIMA_NEW(ctx->arena, size_t, count);
    size_t missing_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (got.dims == 0 ||
            !nima_embed_cache_get(llm->cache, texts[i], got.dims, got.items + i * got.dims)) {
            missing[missing_count++] = i;
        }
    }
    if (missing_count > 0) {
        NIMA_TRY(embed_missing(ctx, llm, texts, missing, missing_count, count, &got));
    }
    *out = got;
    return NIMA_OK;
}

bool nima_llm_before(struct nima_ctx *ctx, struct nima_llm *llm, nima_str name)
{
    struct nima_llm_options options = {.models_dir = nima_str_of(llm->before.models_dir),
                                       .api_key = nima_str_of(llm->before.api_key),
                                       .threads = llm->before.threads,
                                       .timeout_s = llm->before.timeout_s};
    struct nima_llm_spec spec = {.options = &options};
    nima_str address = nima_str_of(llm->before.address);
    if (address.len == 0) {
        address = nima_fmt(ctx, "local:" NIMA_FMT, NIMA_ARG(name));
    }
    const struct nima_llm_ops *ops = ops_of(address, &spec.embeddings);
    if (ops == NULL || nima_llm_former_open(ctx, llm->former, name, ops, &spec) != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        return false;
    }
    struct nima_llm_state state;
    (void)nima_llm_former_state(llm->former, name, &state);
    return !state.embeddings_failed;
}

size_t nima_llm_before_dims(struct nima_llm *llm, nima_str name)
{
    struct nima_llm_state state;
    bool loaded = nima_llm_former_state(llm->former, name, &state);
    return loaded && state.embedding_dims > 0 ? (size_t)state.embedding_dims : 0;
}

nima_rc nima_llm_before_embed(struct nima_ctx *ctx, struct nima_llm *llm, nima_str name,
                              const nima_str *texts, size_t count, struct nima_vectors *out)
{
    NIMA_TRY(embed_check(ctx, llm, texts, count));
    NIMA_TRY(nima_ctx_stopped(ctx));
    return nima_llm_former_embed(ctx, llm->former, name, texts, count, out);
}

void nima_llm_before_close(struct nima_llm *llm)
{
    nima_llm_former_close(llm->former);
}
