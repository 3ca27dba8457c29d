/*
 * What OpenAI's own clients call: /v1/chat/completions, /v1/models, /v1/embeddings. Shapes are
 * OpenAI's (platform.openai.com/docs/api-reference); what we add stands under "nima".
 */
#include <openssl/evp.h>
#include <string.h>

#include "api/api_int.h"
#include "llm/llm.h"
#include "orchestrator/orchestrator.h"
#include "util/clock.h"
#include "util/uuid.h"

enum { STOPS_MAX = 8, FRAME_BYTES_MAX = 4 << 20, EMBED_TEXTS_MAX = 2048 };

struct message_in {
    nima_str role, content;
};
static const struct nima_field message_fields[] = {
    NIMA_FIELD(STR, struct message_in, role, .required = true,
               .choices = (const char *const[]){"system", "developer", "user", "assistant", "tool",
                                                "function", NULL},
               .doc = "Who says it."),
    NIMA_FIELD(ANY, struct message_in, content,
               .schema = "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":"
                         "{\"type\":\"object\"}},{\"type\":\"null\"}]}",
               .doc = "A text, or a list of parts of type text."),
};
static const struct nima_shape message_shape =
    NIMA_SHAPE("CompletionMessage", struct message_in, message_fields, .open = true,
               .doc = "One message, as OpenAI has it.");

struct stream_options {
    bool include_usage;
};
static const struct nima_field stream_options_fields[] = {
    NIMA_FIELD(BOOL, struct stream_options, include_usage, .doc = "A last chunk with the usage."),
};
static const struct nima_shape stream_options_shape =
    NIMA_SHAPE("StreamOptions", struct stream_options, stream_options_fields, .open = true,
               .doc = "Of a stream.");

struct completion_in {
    struct {
        struct message_in *items;
        size_t count;
    } messages;
    nima_str model, stop, response_format, tool_choice;
    int64_t max_tokens, max_completion_tokens, seed, n;
    double temperature, top_p;
    bool stream, has_seed;
    struct stream_options *stream_options;
};
static const struct nima_field completion_in_fields[] = {
    NIMA_FIELD(LIST, struct completion_in, messages, .required = true, .shape = &message_shape,
               .min = 1, .max = NIMA_MESSAGES_MAX, .doc = "The last one is the person's."),
    NIMA_FIELD(STR, struct completion_in, model, .max = 256,
               .doc = "Any name: this server has one chat model."),
    NIMA_FIELD(INT, struct completion_in, max_tokens, .min = 0, .max = NIMA_COMPLETION_TOKENS_MAX,
               .doc = "Tokens of the reply at most; 0: as many as fit."),
    NIMA_FIELD(INT, struct completion_in, max_completion_tokens, .min = 0,
               .max = NIMA_COMPLETION_TOKENS_MAX, .doc = "The newer name of max_tokens."),
    NIMA_FIELD(NUM, struct completion_in, temperature, .low = 0, .high = 2, .preset_num = 0.8,
               .doc = "0 gives the likeliest words."),
    NIMA_FIELD(NUM, struct completion_in, top_p, .low = 0, .high = 1, .preset_num = 1,
               .doc = "Choose among the likeliest tokens that make up this share."),
    NIMA_FIELD(INT, struct completion_in, seed, .has = NIMA_HAS(struct completion_in, has_seed),
               .doc = "Draws alike. The reply is the same where the same was evaluated before; "
                      "with another cache a word that is as likely may come instead."),
    NIMA_FIELD(INT, struct completion_in, n, .min = 1, .max = 128, .preset = 1,
               .doc = "Only 1 is served."),
    NIMA_FIELD(ANY, struct completion_in, stop,
               .schema = "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":"
                         "{\"type\":\"string\"},\"maxItems\":8},{\"type\":\"null\"}]}",
               .doc = "The reply ends before one of these."),
    NIMA_FIELD(JSON, struct completion_in, response_format,
               .doc = "{\"type\": \"json_schema\", …}, {\"type\": \"json_object\"} or text."),
    NIMA_FIELD(ANY, struct completion_in, tool_choice,
               .doc = "\"required\" is refused: tools are not called by this server yet."),
    NIMA_FIELD(BOOL, struct completion_in, stream, .doc = "Reply by server-sent events."),
    NIMA_FIELD(OBJECT, struct completion_in, stream_options, .shape = &stream_options_shape,
               .doc = "Of a stream."),
};
static const struct nima_shape completion_in_shape =
    NIMA_SHAPE("CompletionRequest", struct completion_in, completion_in_fields, .open = true,
               .doc = "A chat completion, as OpenAI has it.");

/* Reply */
struct message_out {
    nima_str role, content;
};
static const struct nima_field message_out_fields[] = {
    NIMA_FIELD(STR, struct message_out, role, .doc = "assistant."),
    NIMA_FIELD(STR, struct message_out, content, .doc = "The reply, or a piece of it."),
};
static const struct nima_shape message_out_shape = NIMA_SHAPE(
    "CompletionReply", struct message_out, message_out_fields, .doc = "What the model says.");
struct choice_out {
    int64_t index;
    struct message_out *message, *delta;
    nima_str finish_reason;
};
static const struct nima_field choice_fields[] = {
    NIMA_FIELD(INT, struct choice_out, index, .doc = "0."),
    NIMA_FIELD(OBJECT, struct choice_out, message, .shape = &message_out_shape,
               .doc = "The reply."),
    NIMA_FIELD(OBJECT, struct choice_out, delta, .shape = &message_out_shape,
               .doc = "A piece of it, in a stream."),
    NIMA_FIELD(STR, struct choice_out, finish_reason, .nullable = true,
               .doc = "stop or length; null while it goes on."),
};
static const struct nima_shape choice_shape =
    NIMA_SHAPE("CompletionChoice", struct choice_out, choice_fields, .doc = "The one choice.");
struct prompt_details {
    int64_t cached_tokens;
};
static const struct nima_field details_fields[] = {
    NIMA_FIELD(INT, struct prompt_details, cached_tokens, .doc = "Not evaluated again."),
};
static const struct nima_shape details_shape = NIMA_SHAPE(
    "PromptTokensDetails", struct prompt_details, details_fields, .doc = "Of the prompt's tokens.");
struct usage_out {
    int64_t prompt_tokens, completion_tokens, total_tokens;
    struct prompt_details *prompt_tokens_details;
};
static const struct nima_field usage_fields[] = {
    NIMA_FIELD(INT, struct usage_out, prompt_tokens, .doc = "Of the whole prompt."),
    NIMA_FIELD(INT, struct usage_out, completion_tokens, .doc = "Of the reply."),
    NIMA_FIELD(INT, struct usage_out, total_tokens, .doc = "Both."),
    NIMA_FIELD(OBJECT, struct usage_out, prompt_tokens_details, .shape = &details_shape,
               .doc = "Of the prompt's."),
};
static const struct nima_shape usage_shape =
    NIMA_SHAPE("CompletionUsage", struct usage_out, usage_fields, .doc = "What it cost.");
struct extra_out {
    nima_str conversation_id, message_id;
    struct nima_turn_context *context;
    struct {
        struct nima_remembered *items;
        size_t count;
    } remembered;
};
static const struct nima_field extra_fields[] = {
    NIMA_FIELD(UUID, struct extra_out, conversation_id, .doc = "With X-Nima-Conversation."),
    NIMA_FIELD(UUID, struct extra_out, message_id, .doc = "The stored reply's id."),
    NIMA_FIELD(OBJECT, struct extra_out, context, .required = true,
               .shape = &nima_turn_context_shape, .doc = "What the reply was made from."),
    NIMA_FIELD(LIST, struct extra_out, remembered, .shape = &nima_remembered_shape,
               .doc = "What was learned from the message."),
};
static const struct nima_shape extra_shape = NIMA_SHAPE(
    "CompletionExtra", struct extra_out, extra_fields, .doc = "What Nima adds to OpenAI's shape.");
struct completion_out {
    nima_str id, object, model;
    int64_t created;
    struct {
        struct choice_out *items;
        size_t count;
    } choices;
    struct usage_out *usage;
    struct extra_out *nima;
};
static const struct nima_field completion_out_fields[] = {
    NIMA_FIELD(STR, struct completion_out, id, .required = true, .doc = "chatcmpl-…"),
    NIMA_FIELD(STR, struct completion_out, object, .required = true, .doc = "chat.completion."),
    NIMA_FIELD(INT, struct completion_out, created, .doc = "Seconds since 1970."),
    NIMA_FIELD(STR, struct completion_out, model, .required = true, .doc = "The model's name."),
    NIMA_FIELD(LIST, struct completion_out, choices, .shape = &choice_shape, .doc = "One."),
    NIMA_FIELD(OBJECT, struct completion_out, usage, .shape = &usage_shape, .doc = "The cost."),
    NIMA_FIELD(OBJECT, struct completion_out, nima, .shape = &extra_shape, .doc = "Our additions."),
};
static const struct nima_shape completion_out_shape =
    NIMA_SHAPE("CompletionResponse", struct completion_out, completion_out_fields,
               .doc = "A chat completion, as OpenAI has it.");

/* A content that is a list of parts: the texts, joined. */
static nima_rc read_content(struct nima_ctx *ctx, const struct message_in *message, size_t at,
                            nima_str *out)
{
    const char *field = nima_fmt(ctx, "messages[%zu].content", at).ptr;
    if (message->content.ptr == NULL) {
        *out = NIMA_STR("");
        return NIMA_OK;
    }
    const struct nima_json *content;
    NIMA_TRY(nima_json_parse(ctx, message->content, &content));
    if (nima_json_kind(content) == NIMA_JSON_STR) {
        *out = nima_json_str(content);
    } else if (nima_json_kind(content) == NIMA_JSON_ARRAY) {
        nima_str joined = NIMA_STR("");
        for (size_t i = 0; i < nima_json_count(content); i++) {
            const struct nima_json *part = nima_json_at(content, i, NULL);
            nima_str text = nima_json_str(nima_json_get(part, "text"));
            if (text.ptr == NULL) {
                return nima_fail_field(ctx, NIMA_E_INVALID, field,
                                       "%s has a part that is no text; only text is understood",
                                       field);
            }
            joined = nima_fmt(ctx, NIMA_FMT NIMA_FMT, NIMA_ARG(joined), NIMA_ARG(text));
        }
        *out = joined;
    } else {
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s must be a text or a list of parts",
                               field);
    }
    if (nima_utf8_count(*out) > NIMA_MESSAGE_CHARS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s has over %d characters", field,
                               NIMA_MESSAGE_CHARS_MAX);
    }
    return NIMA_OK;
}

/* What a tool returned is data: the model sees it, but nobody said it. */
static bool is_result(nima_str role)
{
    return nima_str_eq(role, NIMA_STR("tool")) || nima_str_eq(role, NIMA_STR("function"));
}

static nima_str role_of(nima_str role)
{
    if (nima_str_eq(role, NIMA_STR("developer"))) {
        return NIMA_STR("system");
    }
    return is_result(role) ? NIMA_STR("user") : role;
}

static nima_rc read_messages(struct nima_ctx *ctx, const struct completion_in *in,
                             struct nima_turn *turn)
{
    struct nima_llm_message *messages =
        NIMA_NEW(ctx->arena, struct nima_llm_message, in->messages.count);
    for (size_t i = 0; i < in->messages.count; i++) {
        messages[i].role = role_of(in->messages.items[i].role);
        NIMA_TRY(read_content(ctx, &in->messages.items[i], i, &messages[i].content));
        turn->data = is_result(in->messages.items[i].role);
        if (turn->data) {
            messages[i].content =
                nima_fmt(ctx, "[What a tool returned: data, nobody's words]\n" NIMA_FMT,
                         NIMA_ARG(messages[i].content));
        }
    }
    turn->messages = messages;
    turn->count = in->messages.count;
    return NIMA_OK;
}

static nima_rc read_stops(struct nima_ctx *ctx, nima_str raw, struct nima_llm_request *model)
{
    if (raw.ptr == NULL) {
        return NIMA_OK;
    }
    const struct nima_json *stop;
    NIMA_TRY(nima_json_parse(ctx, raw, &stop));
    nima_str *stops = NIMA_NEW(ctx->arena, nima_str, STOPS_MAX);
    bool list = nima_json_kind(stop) == NIMA_JSON_ARRAY;
    size_t count = list ? nima_json_count(stop) : 1;
    for (size_t i = 0; i < count && i < STOPS_MAX; i++) {
        stops[i] = nima_json_str(list ? nima_json_at(stop, i, NULL) : stop);
        if (stops[i].len == 0) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "stop", "stop must be texts, none empty");
        }
    }
    if (count > STOPS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "stop", "stop has over %d texts", STOPS_MAX);
    }
    model->stops = stops;
    model->stop_count = count;
    return NIMA_OK;
}

static nima_rc read_format(struct nima_ctx *ctx, nima_str raw, struct nima_llm_request *model)
{
    if (raw.ptr == NULL) {
        return NIMA_OK;
    }
    const struct nima_json *format;
    NIMA_TRY(nima_json_parse(ctx, raw, &format));
    nima_str type = nima_json_str(nima_json_get(format, "type"));
    if (nima_str_eq(type, NIMA_STR("json_object"))) {
        model->json_schema = NIMA_STR("{}");
        return NIMA_OK;
    }
    if (nima_str_eq(type, NIMA_STR("json_schema"))) {
        const struct nima_json *schema =
            nima_json_get(nima_json_get(format, "json_schema"), "schema");
        if (nima_json_kind(schema) != NIMA_JSON_OBJECT) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "response_format",
                                   "response_format.json_schema.schema must be an object");
        }
        model->json_schema = nima_json_text(ctx, schema);
        return NIMA_OK;
    }
    if (nima_str_eq(type, NIMA_STR("text"))) {
        return NIMA_OK;
    }
    return nima_fail_field(ctx, NIMA_E_INVALID, "response_format",
                           "response_format.type must be text, json_object or json_schema");
}

static nima_rc read_turn(struct nima_ctx *ctx, struct nima_exchange *exchange,
                         const struct completion_in *in, struct nima_turn *turn)
{
    *turn = (struct nima_turn){.use_memory = true, .stateless = true};
    nima_str conversation = nima_exchange_header(exchange, "X-Nima-Conversation");
    if (conversation.ptr != NULL) {
        turn->stateless = false;
        NIMA_TRY(nima_uuid_read(ctx, conversation, "X-Nima-Conversation", &turn->conversation_id));
    }
    if (in->n != 1) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "n", "n must be 1: one reply at a time");
    }
    if (nima_str_eq(in->tool_choice, NIMA_STR("\"required\""))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "tool_choice",
                               "tool_choice \"required\" cannot be met: this server does not call "
                               "tools yet");
    }
    int64_t max = in->max_completion_tokens > 0 ? in->max_completion_tokens : in->max_tokens;
    turn->model = (struct nima_llm_request){.max_tokens = (int)max,
                                            .temperature = in->temperature,
                                            .top_p = in->top_p,
                                            .has_seed = in->has_seed,
                                            .seed = in->seed};
    NIMA_TRY(read_messages(ctx, in, turn));
    NIMA_TRY(read_stops(ctx, in->stop, &turn->model));
    return read_format(ctx, in->response_format, &turn->model);
}

/* What every chunk and the whole reply have in common. */
static struct completion_out frame_of(struct nima_ctx *ctx, struct nima_api *api,
                                      const char *object)
{
    struct nima_llm_state state;
    nima_llm_state(api->llm, &state);
    nima_str id = nima_uuid_new(ctx);
    struct completion_out out = {.id = nima_fmt(ctx, "chatcmpl-" NIMA_FMT, NIMA_ARG(id)),
                                 .object = nima_str_of(object),
                                 .model = nima_str_copy(ctx->arena, nima_str_of(state.chat_model)),
                                 .created = nima_ctx_now(ctx) / 1000};
    out.choices.items = NIMA_NEW(ctx->arena, struct choice_out, 1);
    out.choices.count = 1;
    return out;
}

static nima_str finish_of(enum nima_llm_finish finish)
{
    return finish == NIMA_FINISH_LENGTH ? NIMA_STR("length") : NIMA_STR("stop");
}

static struct usage_out *usage_of(struct nima_ctx *ctx, const struct nima_turn_out *turn)
{
    const struct nima_context_tokens *tokens = turn->context->tokens;
    struct usage_out *usage = NIMA_NEW(ctx->arena, struct usage_out, 1);
    usage->prompt_tokens = tokens->prompt;
    usage->completion_tokens = tokens->completion;
    usage->total_tokens = tokens->prompt + tokens->completion;
    usage->prompt_tokens_details = NIMA_NEW(ctx->arena, struct prompt_details, 1);
    usage->prompt_tokens_details->cached_tokens = tokens->cached;
    return usage;
}

static struct extra_out *extra_of(struct nima_ctx *ctx, const struct nima_turn_out *turn)
{
    struct extra_out *extra = NIMA_NEW(ctx->arena, struct extra_out, 1);
    *extra = (struct extra_out){turn->conversation_id, turn->message_id, turn->context, {NULL, 0}};
    extra->remembered.items = turn->remembered.items;
    extra->remembered.count = turn->remembered.count;
    return extra;
}

/* Streaming */
struct chunks {
    struct nima_exchange *exchange;
    struct completion_out frame;
    struct message_out delta;
    bool begun;
};

static nima_rc send_chunk(struct nima_ctx *ctx, struct chunks *chunks)
{
    struct nima_buf buf;
    nima_buf_init(&buf, FRAME_BYTES_MAX);
    nima_json_encode(&buf, &completion_out_shape, &chunks->frame);
    nima_rc rc = nima_sse_send(ctx, chunks->exchange, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return rc;
}

static nima_rc chunks_ready(struct nima_ctx *ctx, void *user, nima_str conversation_id)
{
    struct chunks *chunks = user;
    if (conversation_id.ptr != NULL) {
        nima_exchange_add_header(chunks->exchange, "X-Nima-Conversation", conversation_id);
    }
    NIMA_TRY(nima_sse_begin(ctx, chunks->exchange));
    chunks->begun = true;
    chunks->frame.choices.items[0].delta = &chunks->delta;
    chunks->delta = (struct message_out){NIMA_STR("assistant"), NIMA_STR("")};
    return send_chunk(ctx, chunks);
}

static nima_rc chunks_text(struct nima_ctx *ctx, void *user, nima_str piece)
{
    struct chunks *chunks = user;
    chunks->delta = (struct message_out){{NULL, 0}, piece};
    return send_chunk(ctx, chunks);
}

static nima_rc chunks_end(struct nima_ctx *ctx, struct chunks *chunks,
                          const struct completion_in *in, const struct nima_turn_out *turn)
{
    chunks->delta = (struct message_out){0};
    chunks->frame.choices.items[0].finish_reason = finish_of(turn->finish);
    chunks->frame.nima = extra_of(ctx, turn);
    NIMA_TRY(send_chunk(ctx, chunks));
    if (in->stream_options != NULL && in->stream_options->include_usage) {
        chunks->frame.choices.count = 0;
        chunks->frame.nima = NULL;
        chunks->frame.usage = usage_of(ctx, turn);
        NIMA_TRY(send_chunk(ctx, chunks));
    }
    return nima_sse_send(ctx, chunks->exchange, NIMA_STR("[DONE]"));
}

static nima_rc complete_stream(struct nima_ctx *ctx, struct nima_exchange *exchange,
                               const struct completion_in *in, struct nima_turn turn)
{
    struct nima_api *api = nima_api_of(exchange);
    struct chunks chunks = {.exchange = exchange,
                            .frame = frame_of(ctx, api, "chat.completion.chunk")};
    turn.on_ready = chunks_ready;
    turn.on_text = chunks_text;
    turn.user = &chunks;
    struct nima_turn_out result = {0};
    nima_rc rc = nima_orchestrator_turn(ctx, api->orchestrator, &turn, &result);
    if (rc == NIMA_OK) {
        return chunks_end(ctx, &chunks, in, &result);
    }
    if (!chunks.begun) {
        return rc;
    }
    struct nima_buf error;
    nima_buf_init(&error, FRAME_BYTES_MAX);
    nima_http_error_json(ctx, rc, &error);
    rc = nima_sse_send(ctx, exchange, nima_buf_view(&error));
    nima_buf_done(&error);
    return rc;
}

static nima_rc complete(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                        void *out)
{
    const struct completion_in *wanted = in;
    struct nima_api *api = nima_api_of(exchange);
    struct nima_turn turn;
    NIMA_TRY(read_turn(ctx, exchange, wanted, &turn));
    if (wanted->stream) {
        return complete_stream(ctx, exchange, wanted, turn);
    }
    struct nima_turn_out result;
    NIMA_TRY(nima_orchestrator_turn(ctx, api->orchestrator, &turn, &result));
    struct completion_out reply = frame_of(ctx, api, "chat.completion");
    struct message_out *message = NIMA_NEW(ctx->arena, struct message_out, 1);
    *message = (struct message_out){NIMA_STR("assistant"), result.response};
    reply.choices.items[0].message = message;
    reply.choices.items[0].finish_reason = finish_of(result.finish);
    reply.usage = usage_of(ctx, &result);
    reply.nima = extra_of(ctx, &result);
    *(struct completion_out *)out = reply;
    return NIMA_OK;
}

/* GET /v1/models */
struct model_out {
    nima_str id, object, owned_by;
    int64_t created;
};
static const struct nima_field model_fields[] = {
    NIMA_FIELD(STR, struct model_out, id, .required = true, .doc = "Its name."),
    NIMA_FIELD(STR, struct model_out, object, .required = true, .doc = "model."),
    NIMA_FIELD(INT, struct model_out, created, .doc = "Always 0: not known."),
    NIMA_FIELD(STR, struct model_out, owned_by, .required = true, .doc = "nima."),
};
static const struct nima_shape model_shape =
    NIMA_SHAPE("Model", struct model_out, model_fields, .doc = "A model of this server.");
struct models_out {
    nima_str object;
    struct {
        struct model_out *items;
        size_t count;
    } data;
};
static const struct nima_field models_fields[] = {
    NIMA_FIELD(STR, struct models_out, object, .required = true, .doc = "list."),
    NIMA_FIELD(LIST, struct models_out, data, .shape = &model_shape, .doc = "The models."),
};
static const struct nima_shape models_shape =
    NIMA_SHAPE("Models", struct models_out, models_fields, .doc = "The models of this server.");

static nima_rc list_models(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                           void *out)
{
    (void)in;
    struct nima_llm_state state;
    nima_llm_state(nima_api_of(exchange)->llm, &state);
    const char *names[] = {state.chat_model, state.embedding_model};
    struct models_out *models = out;
    models->object = NIMA_STR("list");
    models->data.items = NIMA_NEW(ctx->arena, struct model_out, 2);
    for (size_t i = 0; i < 2; i++) {
        if (names[i][0] != '\0') {
            models->data.items[models->data.count++] =
                (struct model_out){nima_str_copy(ctx->arena, nima_str_of(names[i])),
                                   NIMA_STR("model"), NIMA_STR("nima"), 0};
        }
    }
    return NIMA_OK;
}

/* POST /v1/embeddings */
struct embed_in {
    nima_str input, model, encoding_format;
    int64_t dimensions;
};
static const struct nima_field embed_in_fields[] = {
    NIMA_FIELD(ANY, struct embed_in, input, .required = true,
               .schema = "{\"anyOf\":[{\"type\":\"string\",\"minLength\":1},{\"type\":\"array\","
                         "\"items\":{\"type\":\"string\"},\"minItems\":1,\"maxItems\":2048}]}",
               .doc = "A text, or a list of texts."),
    NIMA_FIELD(STR, struct embed_in, model, .max = 256,
               .doc = "Any name: this server has one embedding model."),
    NIMA_FIELD(STR, struct embed_in, encoding_format, .preset_str = "float",
               .choices = (const char *const[]){"float", "base64", NULL},
               .doc = "Numbers, or little-endian float32 in base64."),
    NIMA_FIELD(INT, struct embed_in, dimensions, .min = 1, .max = 65536,
               .doc = "Must be the model's own when given."),
};
static const struct nima_shape embed_in_shape = NIMA_SHAPE(
    "EmbeddingsRequest", struct embed_in, embed_in_fields, .open = true, .doc = "Texts to embed.");
struct embedding_out {
    nima_str object, embedding;
    int64_t index;
};
static const struct nima_field embedding_fields[] = {
    NIMA_FIELD(STR, struct embedding_out, object, .required = true, .doc = "embedding."),
    NIMA_FIELD(INT, struct embedding_out, index, .doc = "Which text."),
    NIMA_FIELD(ANY, struct embedding_out, embedding, .required = true,
               .schema = "{\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"number\"}},"
                         "{\"type\":\"string\"}]}",
               .doc = "Its meaning, of unit length."),
};
static const struct nima_shape embedding_shape = NIMA_SHAPE(
    "Embedding", struct embedding_out, embedding_fields, .doc = "The meaning of a text.");
struct embed_out {
    nima_str object, model;
    struct {
        struct embedding_out *items;
        size_t count;
    } data;
    struct usage_out *usage;
};
static const struct nima_field embed_out_fields[] = {
    NIMA_FIELD(STR, struct embed_out, object, .required = true, .doc = "list."),
    NIMA_FIELD(LIST, struct embed_out, data, .shape = &embedding_shape,
               .doc = "One for each text."),
    NIMA_FIELD(STR, struct embed_out, model, .required = true, .doc = "The model's name."),
    NIMA_FIELD(OBJECT, struct embed_out, usage, .required = true, .shape = &usage_shape,
               .doc = "The cost."),
};
static const struct nima_shape embed_out_shape = NIMA_SHAPE(
    "EmbeddingsResponse", struct embed_out, embed_out_fields, .doc = "The meanings of the texts.");

static nima_rc read_texts(struct nima_ctx *ctx, nima_str raw, nima_str **texts_out,
                          size_t *count_out)
{
    const struct nima_json *input;
    NIMA_TRY(nima_json_parse(ctx, raw, &input));
    bool list = nima_json_kind(input) == NIMA_JSON_ARRAY;
    size_t count = list ? nima_json_count(input) : 1;
    if (count == 0 || count > EMBED_TEXTS_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "input", "input must have 1 to %d texts",
                               EMBED_TEXTS_MAX);
    }
    nima_str *texts = NIMA_NEW(ctx->arena, nima_str, count);
    for (size_t i = 0; i < count; i++) {
        texts[i] = nima_json_str(list ? nima_json_at(input, i, NULL) : input);
        if (texts[i].len == 0) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "input",
                                   "input must be texts, none of them empty");
        }
    }
    *texts_out = texts;
    *count_out = count;
    return NIMA_OK;
}

static nima_str numbers_json(struct nima_ctx *ctx, const float *vector, size_t dims)
{
    struct nima_buf buf;
    nima_buf_init(&buf, dims * 32 + 2);
    nima_buf_add_char(&buf, '[');
    for (size_t i = 0; i < dims; i++) {
        nima_buf_fmt(&buf, "%s%.9g", i > 0 ? "," : "", (double)vector[i]);
    }
    nima_buf_add_char(&buf, ']');
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

static nima_str base64_json(struct nima_ctx *ctx, const float *vector, size_t dims)
{
    size_t bytes = dims * sizeof(float);
    unsigned char *text = nima_alloc(ctx->arena, (bytes + 2) / 3 * 4 + 3);
    text[0] = '"';
    int length = EVP_EncodeBlock(text + 1, (const unsigned char *)vector, (int)bytes);
    text[length + 1] = '"';
    return (nima_str){(const char *)text, (size_t)length + 2};
}

static nima_rc embed(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    const struct embed_in *wanted = in;
    struct nima_api *api = nima_api_of(exchange);
    nima_str *texts = NULL;
    size_t count = 0;
    NIMA_TRY(read_texts(ctx, wanted->input, &texts, &count));
    struct nima_vectors vectors;
    NIMA_TRY(nima_llm_embed(ctx, api->llm, texts, count, &vectors));
    if (wanted->dimensions != 0 && (size_t)wanted->dimensions != vectors.dims) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "dimensions",
                               "dimensions must be %zu with this model", vectors.dims);
    }
    struct nima_llm_state state;
    nima_llm_state(api->llm, &state);
    struct embed_out *reply = out;
    reply->object = NIMA_STR("list");
    reply->model = nima_str_copy(ctx->arena, nima_str_of(state.embedding_model));
    reply->usage = NIMA_NEW(ctx->arena, struct usage_out, 1);
    reply->data.count = count;
    reply->data.items = NIMA_NEW(ctx->arena, struct embedding_out, count);
    bool base64 = nima_str_eq(wanted->encoding_format, NIMA_STR("base64"));
    for (size_t i = 0; i < count; i++) {
        const float *vector = vectors.items + i * vectors.dims;
        reply->data.items[i] =
            (struct embedding_out){NIMA_STR("embedding"),
                                   base64 ? base64_json(ctx, vector, vectors.dims)
                                          : numbers_json(ctx, vector, vectors.dims),
                                   (int64_t)i};
    }
    return NIMA_OK;
}

#define COMPLETION_ERRORS                                                                          \
    (NIMA_E_BIT(INVALID) | NIMA_E_BIT(NOT_FOUND) | NIMA_E_BIT(MODEL) | NIMA_E_BIT(BUSY) |          \
     NIMA_E_BIT(UNAVAILABLE) | NIMA_E_BIT(TIMEOUT))

const struct nima_route nima_api_openai_routes[] = {
    {.method = "POST",
     .path = "/v1/chat/completions",
     .call = complete,
     .kind = NIMA_ROUTE_STREAM,
     .in = &completion_in_shape,
     .out = &completion_out_shape,
     .out_type = "text/event-stream",
     .errors = COMPLETION_ERRORS,
     .scope = "chat",
     .tag = "openai",
     .summary = "For OpenAI clients; memory and persona apply."},
    {.method = "GET",
     .path = "/v1/models",
     .call = list_models,
     .out = &models_shape,
     .scope = "chat",
     .tag = "openai",
     .summary = "The models of this server."},
    {.method = "POST",
     .path = "/v1/embeddings",
     .call = embed,
     .slow = true,
     .in = &embed_in_shape,
     .out = &embed_out_shape,
     .errors = COMPLETION_ERRORS & ~NIMA_E_BIT(NOT_FOUND),
     .scope = "chat",
     .tag = "openai",
     .summary = "Meanings of texts, of unit length."},
    {0},
};
