/*
 * A model that does what it is told, for tests: no weights, no chance, no network.
 *
 * "scripted:"      answers by what the last user message says:
 *   [[reply:TEXT]]      TEXT, exactly (a ]] ends it)
 *   [[tokens:N]]        "word1 word2 … wordN"
 *   [[recall]]          everything it was given but the last user message's own directive: one
 *                       "role: content" line for each message
 *   [[system]]          the system messages alone
 *   [[delay:MS]]        waits that long in front of each piece (with any of the others)
 *   [[fail]]            MODEL at once; [[fail-after:N]] after N pieces
 *   [[busy]]            BUSY with retry_after_s 1
 *   anything else       "You said: <the message>"
 *   A json_schema gets a small instance of it, with the text where a string is free to choose.
 * "scripted:FILE"  a JSON array of {"match": part of the last user message, "reply": text}; the
 *                  first that matches wins ("" matches all), else as above.
 *
 * A token is a word with the blanks in front of it; those that a conversation's prompt has in
 * common with its last one count as cached (scripted_slots.c). Embeddings are 384 dimensions of
 * hashed words: texts that share words are near, and nothing else is.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llm/scripted_int.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"

enum {
    DIMS = 384,
    TOKENS_MAX = 100000,
    RULES_MAX = 1000,
    CONTEXT_TOKENS = 8192,
    RULES_BYTES_MAX = 1024 * 1024,
    DELAY_MS_MAX = 60000
};

struct rule {
    nima_str match, reply;
};

struct scripted {
    struct nima_ctx keep; /* its arena holds the rules */
    struct rule *rules;
    size_t rule_count;
    bool chat, embeddings;
    int context_tokens;
    struct nima_scripted_slots *slots;
};

struct script {
    nima_str text;
    int delay_ms;
    int fail_after; /* -1: never */
    bool busy;
};

static nima_rc load_rules(struct nima_ctx *ctx, struct scripted *scripted, nima_str path)
{
    struct nima_ctx *keep = &scripted->keep;
    nima_str text;
    const struct nima_json *root;
    nima_rc rc = nima_file_read(keep, nima_cstr(keep, path), RULES_BYTES_MAX, &text);
    rc = rc == NIMA_OK ? nima_json_parse(keep, text, &root) : rc;
    if (rc != NIMA_OK) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "llm", "scripted:" NIMA_FMT ": %s",
                               NIMA_ARG(path), keep->error.message);
    }
    size_t count = nima_json_count(root);
    if (nima_json_kind(root) != NIMA_JSON_ARRAY || count > RULES_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "llm",
                               "scripted:" NIMA_FMT " must be an array of at most %d rules",
                               NIMA_ARG(path), RULES_MAX);
    }
    scripted->rules = NIMA_NEW(keep->arena, struct rule, count);
    scripted->rule_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct nima_json *rule = nima_json_at(root, i, NULL);
        scripted->rules[i].match = nima_json_str(nima_json_get(rule, "match"));
        scripted->rules[i].reply = nima_json_str(nima_json_get(rule, "reply"));
        if (scripted->rules[i].match.ptr == NULL || scripted->rules[i].reply.ptr == NULL) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "llm",
                                   "scripted:" NIMA_FMT ": rule %zu needs \"match\" and \"reply\"",
                                   NIMA_ARG(path), i);
        }
    }
    return NIMA_OK;
}

static void scripted_close(void *backend)
{
    struct scripted *scripted = backend;
    nima_ctx_done(&scripted->keep);
    nima_scripted_slots_free(scripted->slots);
    free(scripted);
}

static nima_rc scripted_open(struct nima_ctx *ctx, const struct nima_llm_spec *spec, void **out)
{
    struct scripted *scripted = NIMA_XNEW(struct scripted, 1);
    nima_ctx_init(&scripted->keep);
    scripted->slots = nima_scripted_slots_new();
    scripted->chat = spec->chat.ptr != NULL;
    scripted->embeddings = spec->embeddings.ptr != NULL;
    int context = spec->options->context_tokens;
    scripted->context_tokens = context > 0 ? context : CONTEXT_TOKENS;
    if (spec->chat.len > 0) {
        nima_rc rc = load_rules(ctx, scripted, spec->chat);
        if (rc != NIMA_OK) {
            scripted_close(scripted);
            return rc;
        }
    }
    *out = scripted;
    return NIMA_OK;
}

static void scripted_state(void *backend, struct nima_llm_state *out)
{
    const struct scripted *scripted = backend;
    if (scripted->chat) {
        out->chat_loaded = true;
        out->context_tokens = scripted->context_tokens;
        snprintf(out->chat_model, sizeof(out->chat_model), "scripted");
    }
    if (scripted->embeddings) {
        out->embeddings_loaded = true;
        out->embedding_dims = DIMS;
        snprintf(out->embedding_model, sizeof(out->embedding_model), "scripted");
    }
}

/* What stands in [[name:…]] or [[name]]; absent when the directive is not there. */
static nima_str directive(nima_str text, const char *name)
{
    size_t name_len = strlen(name);
    for (size_t at = nima_str_find(text, NIMA_STR("[["), 0); at != SIZE_MAX;
         at = nima_str_find(text, NIMA_STR("[["), at + 2)) {
        nima_str rest = nima_str_sub(text, at + 2, text.len);
        size_t end = nima_str_find(rest, NIMA_STR("]]"), 0);
        if (end == SIZE_MAX || !nima_str_starts(rest, nima_str_of(name))) {
            continue;
        }
        if (end == name_len) {
            return nima_str_sub(rest, end, end);
        }
        if (end > name_len && rest.ptr[name_len] == ':') {
            return nima_str_sub(rest, name_len + 1, end);
        }
    }
    return (nima_str){0};
}

static int directive_int(nima_str text, const char *name, int most, int otherwise)
{
    int64_t value;
    if (!nima_str_to_i64(directive(text, name), &value) || value < 0) {
        return otherwise;
    }
    return value > most ? most : (int)value;
}

static nima_rc recall(struct nima_ctx *ctx, const struct nima_llm_request *request,
                      bool system_only, nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_LLM_PROMPT_BYTES_MAX * 2);
    for (size_t i = 0; i < request->count; i++) {
        const struct nima_llm_message *message = &request->messages[i];
        if (!system_only) {
            nima_buf_fmt(&buf, NIMA_FMT ": ", NIMA_ARG(message->role));
        } else if (!nima_str_eq(message->role, NIMA_STR("system"))) {
            continue;
        }
        nima_buf_add(&buf, message->content);
        nima_buf_add_char(&buf, '\n');
    }
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

static nima_rc number_words(struct nima_ctx *ctx, int count, nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)TOKENS_MAX * 16);
    for (int i = 1; i <= count; i++) {
        nima_buf_fmt(&buf, "%sword%d", i > 1 ? " " : "", i);
    }
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

static nima_str last_user_message(const struct nima_llm_request *request)
{
    for (size_t i = request->count; i > 0; i--) {
        if (nima_str_eq(request->messages[i - 1].role, NIMA_STR("user"))) {
            return request->messages[i - 1].content;
        }
    }
    return request->count > 0 ? NIMA_STR("") : request->raw_prompt;
}

static nima_rc choose_text(struct nima_ctx *ctx, const struct scripted *scripted,
                           const struct nima_llm_request *request, nima_str said, nima_str *out)
{
    for (size_t i = 0; i < scripted->rule_count; i++) {
        nima_str match = scripted->rules[i].match;
        if (match.len == 0 || nima_str_find(said, match, 0) != SIZE_MAX) {
            *out = nima_str_copy(ctx->arena, scripted->rules[i].reply);
            return NIMA_OK;
        }
    }
    nima_str reply = directive(said, "reply");
    int tokens = directive_int(said, "tokens", TOKENS_MAX, -1);
    if (reply.ptr != NULL) {
        *out = nima_str_copy(ctx->arena, reply);
    } else if (tokens >= 0) {
        return number_words(ctx, tokens, out);
    } else if (directive(said, "recall").ptr != NULL) {
        return recall(ctx, request, false, out);
    } else if (directive(said, "system").ptr != NULL) {
        return recall(ctx, request, true, out);
    } else {
        *out = nima_fmt(ctx, "You said: " NIMA_FMT, NIMA_ARG(said));
    }
    return NIMA_OK;
}

static nima_rc write_script(struct nima_ctx *ctx, const struct scripted *scripted,
                            const struct nima_llm_request *request, struct script *out)
{
    nima_str said = last_user_message(request);
    struct script script = {
        .delay_ms = directive_int(said, "delay", DELAY_MS_MAX, 0),
        .fail_after = directive_int(said, "fail-after", TOKENS_MAX, -1),
        .busy = directive(said, "busy").ptr != NULL,
    };
    if (directive(said, "fail").ptr != NULL) {
        script.fail_after = 0;
    }
    NIMA_TRY(choose_text(ctx, scripted, request, said, &script.text));
    if (request->json_schema.ptr != NULL) {
        /* A text that a rule or [[reply:]] chose and that is JSON stands as it is. */
        struct nima_ctx probe = {.arena = ctx->arena};
        const struct nima_json *tree;
        if (nima_json_parse(&probe, script.text, &tree) != NIMA_OK) {
            NIMA_TRY(nima_llm_schema_sample(ctx, request->json_schema, script.text, &script.text));
        }
    }
    *out = script;
    return NIMA_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

nima_str nima_scripted_token(nima_str *rest)
{
    size_t at = 0;
    while (at < rest->len && is_blank(rest->ptr[at])) {
        at++;
    }
    while (at < rest->len && !is_blank(rest->ptr[at])) {
        at++;
    }
    nima_str token = nima_str_sub(*rest, 0, at);
    *rest = nima_str_sub(*rest, at, rest->len);
    return token;
}

static int count_words(nima_str text)
{
    int count = 0;
    nima_str token;
    while ((token = nima_scripted_token(&text)).len > 0) {
        count += nima_str_trim(token).len > 0;
    }
    return count;
}

static int count_prompt(const struct nima_llm_request *request)
{
    int count = count_words(request->raw_prompt);
    for (size_t i = 0; i < request->count; i++) {
        count += count_words(request->messages[i].content);
    }
    return count;
}

static nima_rc wait_piece(struct nima_ctx *ctx, int delay_ms)
{
    int64_t until = nima_mono_ms() + delay_ms;
    NIMA_TRY(nima_ctx_stopped(ctx));
    while (nima_mono_ms() < until) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
        NIMA_TRY(nima_ctx_stopped(ctx));
    }
    return NIMA_OK;
}

/* Says what is ready and not said yet. */
static nima_rc say(struct nima_ctx *ctx, const struct nima_llm_call *call,
                   const struct nima_llm_stream *stream, size_t *said, struct nima_llm_reply *reply)
{
    size_t ready = nima_llm_stream_ready(stream);
    if (ready == *said) {
        return NIMA_OK;
    }
    nima_str piece = nima_str_sub(nima_buf_view(&stream->text), *said, ready);
    if (*said == 0) {
        reply->first_token_ms = nima_mono_ms() - call->started_ms;
    }
    *said = ready;
    return call->on_text != NULL ? call->on_text(ctx, call->user, piece) : NIMA_OK;
}

/* One piece a token, as a real model does it. */
static nima_rc play(struct nima_ctx *ctx, const struct nima_llm_call *call,
                    const struct script *script, struct nima_llm_stream *stream, size_t *said,
                    struct nima_llm_reply *reply)
{
    int most = call->request->max_tokens > 0 ? call->request->max_tokens : TOKENS_MAX;
    nima_str rest = script->text;
    reply->finish = NIMA_FINISH_STOP;
    while (rest.len > 0 && !stream->stopped) {
        if (reply->completion_tokens == most) {
            reply->finish = NIMA_FINISH_LENGTH;
            break;
        }
        if (reply->completion_tokens == script->fail_after) {
            return nima_fail(ctx, NIMA_E_MODEL, "the scripted model failed as it was told");
        }
        NIMA_TRY(wait_piece(ctx, script->delay_ms));
        nima_llm_stream_add(stream, nima_scripted_token(&rest));
        reply->completion_tokens++;
        NIMA_TRY(say(ctx, call, stream, said, reply));
    }
    nima_llm_stream_end(stream);
    return say(ctx, call, stream, said, reply);
}

static nima_rc scripted_generate(struct nima_ctx *ctx, void *backend,
                                 const struct nima_llm_call *call, struct nima_llm_reply *out)
{
    const struct nima_llm_request *request = call->request;
    struct scripted *scripted = backend;
    struct script script;
    NIMA_TRY(write_script(ctx, scripted, request, &script));
    if (script.busy) {
        nima_rc rc = nima_fail(ctx, NIMA_E_BUSY, "the scripted model is busy, as it was told");
        ctx->error.retry_after_s = 1;
        return rc;
    }
    struct nima_llm_reply reply = {.prompt_tokens = count_prompt(request)};
    if (script.fail_after == 0) {
        return nima_fail(ctx, NIMA_E_MODEL, "the scripted model failed as it was told");
    }
    struct nima_llm_stream stream;
    size_t said = 0;
    nima_llm_stream_init(&stream, request->stops, request->stop_count);
    nima_rc rc = play(ctx, call, &script, &stream, &said, &reply);
    if (rc != NIMA_OK) {
        reply.finish = NIMA_FINISH_CANCELLED;
    }
    reply.text = nima_str_copy(
        ctx->arena,
        nima_str_sub((nima_str){stream.text.len > 0 ? stream.text.ptr : "", stream.text.len}, 0,
                     said));
    reply.cached_tokens = nima_scripted_slots_take(scripted->slots, request, reply.text);
    reply.total_ms = nima_mono_ms() - call->started_ms;
    nima_llm_stream_done(&stream);
    *out = reply;
    return rc;
}

static nima_rc scripted_count_tokens(struct nima_ctx *ctx, void *backend, nima_str text, int *out)
{
    (void)ctx;
    (void)backend;
    *out = count_words(text);
    return NIMA_OK;
}

static nima_rc scripted_count_prompt(struct nima_ctx *ctx, void *backend,
                                     const struct nima_llm_request *request, int *out)
{
    (void)ctx;
    (void)backend;
    *out = count_prompt(request);
    return NIMA_OK;
}

/* A word adds ±1 at three places that its hash names: two texts share what they share in words. */
static void add_word(float *vector, nima_str word)
{
    uint64_t hash = nima_str_hash(word);
    for (int i = 0; i < 3; i++) {
        hash ^= hash >> 29;
        hash *= UINT64_C(0xbf58476d1ce4e5b9);
        hash ^= hash >> 32;
        vector[hash % DIMS] += (hash >> 40) % 2 == 0 ? 1.0F : -1.0F;
    }
}

static void embed_words(nima_str text, float *vector)
{
    char word[64];
    size_t len = 0;
    for (size_t i = 0; i <= text.len; i++) {
        unsigned char c = i < text.len ? (unsigned char)text.ptr[i] : ' ';
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
        if (c >= 'A' && c <= 'Z') {
            c = (unsigned char)(c + ('a' - 'A'));
            letter = true;
        }
        if (letter && len < sizeof(word)) {
            word[len++] = (char)c;
        } else if (!letter && len > 0) {
            add_word(vector, (nima_str){word, len});
            len = 0;
        }
    }
    nima_llm_normalize(vector, DIMS);
}

static nima_rc scripted_embed(struct nima_ctx *ctx, void *backend, const nima_str *texts,
                              size_t count, struct nima_vectors *out)
{
    (void)backend;
    struct nima_vectors got = {NIMA_NEW(ctx->arena, float, count *DIMS), count, DIMS};
    for (size_t i = 0; i < count; i++) {
        embed_words(texts[i], got.items + i * DIMS);
    }
    *out = got;
    return NIMA_OK;
}

const struct nima_llm_ops nima_llm_scripted = {
    .scheme = "scripted:",
    .open = scripted_open,
    .close = scripted_close,
    .state = scripted_state,
    .generate = scripted_generate,
    .count_tokens = scripted_count_tokens,
    .count_prompt = scripted_count_prompt,
    .embed = scripted_embed,
};
