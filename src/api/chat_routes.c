/* /v1/chat, /v1/chat/stream, /v1/inference: contract section 4. */
#include "api/api_int.h"
#include "orchestrator/orchestrator.h"
#include "personality/personality.h"

enum { REPLY_TOKENS_PRESET = 300, INFERENCE_TOKENS_PRESET = 200, FRAME_BYTES_MAX = 4 << 20 };

static const struct nima_field message_fields[] = {
    NIMA_FIELD(STR, struct nima_llm_message, role, .required = true,
               .choices = (const char *const[]){"user", "assistant", "system", NULL},
               .doc = "Who says it."),
    NIMA_FIELD(STR, struct nima_llm_message, content, .required = true, .blank_ok = true,
               .max = NIMA_MESSAGE_CHARS_MAX, .doc = "What is said."),
};
static const struct nima_shape message_shape =
    NIMA_SHAPE("ChatMessage", struct nima_llm_message, message_fields, .open = true,
               .doc = "One message of a conversation.");

struct chat_in {
    struct {
        struct nima_llm_message *items;
        size_t count;
    } messages;
    nima_str conversation_id, learn, persona;
    int64_t max_length, top_k;
    double temperature;
    bool stream, use_memory;
    struct {
        nima_str *items;
        size_t count;
    } packs;
};
static const struct nima_field chat_in_fields[] = {
    NIMA_FIELD(LIST, struct chat_in, messages, .required = true, .shape = &message_shape, .min = 1,
               .max = NIMA_MESSAGES_MAX, .doc = "The last one is the person's new message."),
    NIMA_FIELD(UUID, struct chat_in, conversation_id,
               .doc = "The conversation to go on with; without it a new one is made."),
    NIMA_FIELD(INT, struct chat_in, max_length, .min = 1, .max = NIMA_COMPLETION_TOKENS_MAX,
               .preset = REPLY_TOKENS_PRESET, .doc = "Tokens of the reply at most."),
    NIMA_FIELD(NUM, struct chat_in, temperature, .low = 0, .high = 2, .preset_num = 0.8,
               .doc = "0 gives the likeliest words, more gives more variety."),
    NIMA_FIELD(INT, struct chat_in, top_k, .min = 0, .max = 1000, .preset = 50,
               .doc = "Choose among so many likeliest tokens; 0: all."),
    NIMA_FIELD(BOOL, struct chat_in, stream, .doc = "Reply as /v1/chat/stream does."),
    NIMA_FIELD(BOOL, struct chat_in, use_memory, .preset = 1,
               .doc = "Recall facts for the reply and learn from the message."),
    NIMA_FIELD(STR, struct chat_in, learn, .preset_str = "background",
               .choices = (const char *const[]){"background", "wait", "off", NULL},
               .doc = "Whether the reply waits for what is learned by the model."),
    NIMA_FIELD(STR, struct chat_in, persona, .max = NIMA_PERSONA_NAME_MAX,
               .doc = "Which persona speaks, from now on in this conversation; GET "
                      "/v1/personality lists them."),
    NIMA_FIELD(STR_LIST, struct chat_in, packs, .max = 32,
               .doc = "Knowledge packs to use, those and no others: ids, or id@version."),
};
static const struct nima_shape chat_in_shape =
    NIMA_SHAPE("ChatRequest", struct chat_in, chat_in_fields, .open = true,
               .doc = "A turn of a conversation.");

struct chat_out {
    nima_str response;
    struct {
        struct nima_llm_message *items;
        size_t count;
    } messages;
    nima_str conversation_id, message_id;
    struct nima_turn_context *context;
    nima_str actions;
    struct {
        struct nima_remembered *items;
        size_t count;
    } remembered;
};
#define ACTIONS_SCHEMA "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"
static const struct nima_field chat_out_fields[] = {
    NIMA_FIELD(STR, struct chat_out, response, .required = true, .doc = "The reply."),
    NIMA_FIELD(LIST, struct chat_out, messages, .shape = &message_shape,
               .doc = "The request's messages and the reply."),
    NIMA_FIELD(UUID, struct chat_out, conversation_id, .required = true,
               .doc = "Send it with the next message."),
    NIMA_FIELD(UUID, struct chat_out, message_id, .required = true, .doc = "The reply's id."),
    NIMA_FIELD(OBJECT, struct chat_out, context, .required = true,
               .shape = &nima_turn_context_shape, .doc = "What the reply was made from."),
    NIMA_FIELD(ANY, struct chat_out, actions, .required = true, .schema = ACTIONS_SCHEMA,
               .doc = "Task proposals and results."),
    NIMA_FIELD(LIST, struct chat_out, remembered, .shape = &nima_remembered_shape,
               .doc = "What was learned from the message."),
};
static const struct nima_shape chat_out_shape =
    NIMA_SHAPE("ChatResponse", struct chat_out, chat_out_fields, .doc = "A reply.");

/* The last frame of a stream: chat_out without the texts that were sent already. */
static const struct nima_field done_fields[] = {
    NIMA_FIELD(UUID, struct chat_out, conversation_id),
    NIMA_FIELD(UUID, struct chat_out, message_id),
    NIMA_FIELD(OBJECT, struct chat_out, context, .shape = &nima_turn_context_shape),
    NIMA_FIELD(ANY, struct chat_out, actions),
    NIMA_FIELD(LIST, struct chat_out, remembered, .shape = &nima_remembered_shape),
};
static const struct nima_shape done_shape = NIMA_SHAPE("ChatDone", struct chat_out, done_fields);

static enum nima_learn learn_of(nima_str learn)
{
    if (nima_str_eq(learn, NIMA_STR("off"))) {
        return NIMA_LEARN_OFF;
    }
    return nima_str_eq(learn, NIMA_STR("wait")) ? NIMA_LEARN_WAIT : NIMA_LEARN_BACKGROUND;
}

static struct nima_turn turn_of(const struct chat_in *in)
{
    return (struct nima_turn){.messages = in->messages.items,
                              .count = in->messages.count,
                              .conversation_id = in->conversation_id,
                              .use_memory = in->use_memory,
                              .learn = learn_of(in->learn),
                              .persona = in->persona,
                              .packs = {in->packs.items, in->packs.count},
                              .model = {.max_tokens = (int)in->max_length,
                                        .temperature = in->temperature,
                                        .top_k = (int)in->top_k}};
}

static struct chat_out chat_out_of(const struct nima_turn_out *turn)
{
    struct chat_out out = {.response = turn->response,
                           .conversation_id = turn->conversation_id,
                           .message_id = turn->message_id,
                           .context = turn->context,
                           .actions = turn->actions.ptr != NULL ? turn->actions : NIMA_STR("[]")};
    out.remembered.items = turn->remembered.items;
    out.remembered.count = turn->remembered.count;
    return out;
}

/* Server-sent events */
struct stream {
    struct nima_exchange *exchange;
    bool begun;
};

static nima_rc stream_ready(struct nima_ctx *ctx, void *user, nima_str conversation_id)
{
    struct stream *stream = user;
    if (conversation_id.ptr != NULL) {
        nima_exchange_add_header(stream->exchange, "X-Nima-Conversation", conversation_id);
    }
    NIMA_TRY(nima_sse_begin(ctx, stream->exchange));
    stream->begun = true;
    return NIMA_OK;
}

static nima_rc send_frame(struct nima_ctx *ctx, struct nima_exchange *exchange,
                          struct nima_buf *frame)
{
    nima_rc rc = frame->overflowed ? nima_fail(ctx, NIMA_E_TOO_LARGE, "the frame is over %d bytes",
                                               FRAME_BYTES_MAX)
                                   : nima_sse_send(ctx, exchange, nima_buf_view(frame));
    nima_buf_done(frame);
    return rc;
}

static nima_rc stream_text(struct nima_ctx *ctx, void *user, nima_str piece)
{
    struct stream *stream = user;
    struct nima_buf frame;
    nima_buf_init(&frame, FRAME_BYTES_MAX);
    nima_buf_add(&frame, NIMA_STR("{\"content\": "));
    nima_json_write_str(&frame, piece);
    nima_buf_add(&frame, NIMA_STR(", \"done\": false}"));
    return send_frame(ctx, stream->exchange, &frame);
}

static nima_rc stream_done(struct nima_ctx *ctx, struct stream *stream, const struct chat_out *out)
{
    struct nima_buf frame;
    nima_buf_init(&frame, FRAME_BYTES_MAX);
    struct nima_buf rest;
    nima_buf_init(&rest, FRAME_BYTES_MAX);
    nima_json_encode(&rest, &done_shape, out);
    nima_buf_add(&frame, NIMA_STR("{\"content\": \"\", \"done\": true, "));
    nima_buf_add(&frame, nima_str_sub(nima_buf_view(&rest), 1, SIZE_MAX));
    nima_buf_done(&rest);
    return send_frame(ctx, stream->exchange, &frame);
}

static nima_rc stream_error(struct nima_ctx *ctx, struct stream *stream, nima_rc rc)
{
    struct nima_buf error;
    nima_buf_init(&error, FRAME_BYTES_MAX);
    nima_http_error_json(ctx, rc, &error);
    struct nima_buf frame;
    nima_buf_init(&frame, FRAME_BYTES_MAX);
    /* The error document's own braces, with `done` put in. */
    nima_str inside = nima_str_sub(nima_buf_view(&error), 0, error.len - 1);
    nima_buf_add(&frame, inside);
    nima_buf_add(&frame, NIMA_STR(", \"done\": true}"));
    nima_buf_done(&error);
    return send_frame(ctx, stream->exchange, &frame);
}

static nima_rc stream_turn(struct nima_ctx *ctx, struct nima_exchange *exchange,
                           struct nima_turn turn)
{
    struct stream stream = {.exchange = exchange};
    turn.on_ready = stream_ready;
    turn.on_text = stream_text;
    turn.user = &stream;
    struct nima_turn_out result = {0};
    nima_rc rc = nima_orchestrator_turn(ctx, nima_api_of(exchange)->orchestrator, &turn, &result);
    if (!stream.begun) {
        return rc; /* an ordinary error reply */
    }
    if (rc != NIMA_OK) {
        return stream_error(ctx, &stream, rc);
    }
    struct chat_out done = chat_out_of(&result);
    return stream_done(ctx, &stream, &done);
}

static nima_rc chat_stream(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                           void *out)
{
    (void)out;
    struct nima_turn turn = turn_of(in);
    turn.may_act = nima_api_may(ctx, exchange, "tasks");
    return stream_turn(ctx, exchange, turn);
}

static nima_rc chat(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct chat_in *wanted = in;
    if (wanted->stream) {
        return chat_stream(ctx, exchange, in, out);
    }
    struct nima_api *api = nima_api_of(exchange);
    struct nima_turn turn = turn_of(in);
    turn.may_act = nima_api_may(ctx, exchange, "tasks");
    struct nima_turn_out result;
    NIMA_TRY(nima_orchestrator_turn(ctx, api->orchestrator, &turn, &result));
    struct chat_out *reply = out;
    *reply = chat_out_of(&result);
    size_t count = wanted->messages.count;
    reply->messages.items = NIMA_NEW(ctx->arena, struct nima_llm_message, count + 1);
    for (size_t i = 0; i < count; i++) {
        reply->messages.items[i] = wanted->messages.items[i];
    }
    reply->messages.items[count] =
        (struct nima_llm_message){NIMA_STR("assistant"), result.response};
    reply->messages.count = count + 1;
    return NIMA_OK;
}

/* Branches: a reply made again, a message edited */
struct branch_in {
    nima_str id, mid, content;
    int64_t max_length, top_k;
    double temperature;
    bool stream, use_memory;
};
#define BRANCH_FIELDS                                                                              \
    NIMA_FIELD(UUID, struct branch_in, id, .place = NIMA_IN_PATH, .required = true,                \
               .doc = "The conversation's id."),                                                   \
        NIMA_FIELD(UUID, struct branch_in, mid, .place = NIMA_IN_PATH, .required = true,           \
                   .doc = "The message's id."),                                                    \
        NIMA_FIELD(INT, struct branch_in, max_length, .min = 1, .max = NIMA_COMPLETION_TOKENS_MAX, \
                   .preset = REPLY_TOKENS_PRESET, .doc = "Tokens of the reply at most."),          \
        NIMA_FIELD(NUM, struct branch_in, temperature, .low = 0, .high = 2, .preset_num = 0.8,     \
                   .doc = "0 gives the likeliest words, more gives more variety."),                \
        NIMA_FIELD(INT, struct branch_in, top_k, .min = 0, .max = 1000, .preset = 50,              \
                   .doc = "Choose among so many likeliest tokens; 0: all."),                       \
        NIMA_FIELD(BOOL, struct branch_in, stream, .doc = "Reply as /v1/chat/stream does."),       \
        NIMA_FIELD(BOOL, struct branch_in, use_memory, .preset = 1,                                \
                   .doc = "Recall facts for the reply and learn from the message.")
static const struct nima_field again_fields[] = {BRANCH_FIELDS};
static const struct nima_shape again_shape =
    NIMA_SHAPE("Regenerate", struct branch_in, again_fields, .doc = "How to reply again.");
static const struct nima_field edit_fields[] = {
    BRANCH_FIELDS,
    NIMA_FIELD(STR, struct branch_in, content, .required = true, .max = NIMA_MESSAGE_CHARS_MAX,
               .doc = "What the person says instead."),
};
static const struct nima_shape edit_shape =
    NIMA_SHAPE("MessageEdit", struct branch_in, edit_fields, .doc = "A message in other words.");

static struct nima_turn branch_turn(const struct branch_in *in)
{
    return (struct nima_turn){.conversation_id = in->id,
                              .use_memory = in->use_memory,
                              .learn = NIMA_LEARN_BACKGROUND,
                              .model = {.max_tokens = (int)in->max_length,
                                        .temperature = in->temperature,
                                        .top_k = (int)in->top_k}};
}

static nima_rc run_branch(struct nima_ctx *ctx, struct nima_exchange *exchange, bool stream,
                          struct nima_turn turn, struct chat_out *out)
{
    if (stream) {
        return stream_turn(ctx, exchange, turn);
    }
    struct nima_turn_out result;
    NIMA_TRY(nima_orchestrator_turn(ctx, nima_api_of(exchange)->orchestrator, &turn, &result));
    *out = chat_out_of(&result);
    return NIMA_OK;
}

static nima_rc regenerate(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    const struct branch_in *wanted = in;
    struct nima_turn turn = branch_turn(wanted);
    turn.again = wanted->mid;
    return run_branch(ctx, exchange, wanted->stream, turn, out);
}

static nima_rc edit(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct branch_in *wanted = in;
    struct nima_llm_message message = {NIMA_STR("user"), wanted->content};
    struct nima_turn turn = branch_turn(wanted);
    turn.messages = &message;
    turn.count = 1;
    turn.instead = wanted->mid;
    return run_branch(ctx, exchange, wanted->stream, turn, out);
}

/* /v1/inference: the model alone */
struct inference {
    nima_str prompt, response;
    int64_t max_length, top_k;
    double temperature;
};
static const struct nima_field inference_in_fields[] = {
    NIMA_FIELD(STR, struct inference, prompt, .required = true, .max = NIMA_MESSAGE_CHARS_MAX,
               .doc = "What to answer; no memory and no persona are added."),
    NIMA_FIELD(INT, struct inference, max_length, .min = 1, .max = NIMA_COMPLETION_TOKENS_MAX,
               .preset = INFERENCE_TOKENS_PRESET, .doc = "Tokens of the reply at most."),
    NIMA_FIELD(NUM, struct inference, temperature, .low = 0, .high = 2, .preset_num = 0.8,
               .doc = "0 gives the likeliest words, more gives more variety."),
    NIMA_FIELD(INT, struct inference, top_k, .min = 0, .max = 1000, .preset = 50,
               .doc = "Choose among so many likeliest tokens; 0: all."),
};
static const struct nima_shape inference_in_shape =
    NIMA_SHAPE("InferenceRequest", struct inference, inference_in_fields, .open = true,
               .doc = "A prompt for the model alone.");
static const struct nima_field inference_out_fields[] = {
    NIMA_FIELD(STR, struct inference, response, .required = true, .doc = "The reply."),
    NIMA_FIELD(STR, struct inference, prompt, .required = true, .doc = "The request's prompt."),
};
static const struct nima_shape inference_out_shape =
    NIMA_SHAPE("InferenceResponse", struct inference, inference_out_fields, .doc = "A reply.");

static nima_rc infer(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    const struct inference *wanted = in;
    struct nima_llm_message message = {NIMA_STR("user"), wanted->prompt};
    struct nima_llm_request request = {.messages = &message,
                                       .count = 1,
                                       .max_tokens = (int)wanted->max_length,
                                       .temperature = wanted->temperature,
                                       .top_k = (int)wanted->top_k};
    struct nima_llm_reply reply;
    NIMA_TRY(nima_llm_wait(ctx, nima_api_of(exchange)->llm));
    NIMA_TRY(nima_llm_generate(ctx, nima_api_of(exchange)->llm, &request, NULL, NULL, &reply));
    *(struct inference *)out = (struct inference){wanted->prompt, reply.text, 0, 0, 0};
    return NIMA_OK;
}

#define CHAT_ERRORS                                                                                \
    (NIMA_E_BIT(INVALID) | NIMA_E_BIT(NOT_FOUND) | NIMA_E_BIT(MODEL) | NIMA_E_BIT(BUSY) |          \
     NIMA_E_BIT(UNAVAILABLE) | NIMA_E_BIT(TIMEOUT))

const struct nima_route nima_api_chat_routes[] = {
    {.method = "POST",
     .path = "/v1/chat",
     .call = chat,
     .kind = NIMA_ROUTE_STREAM,
     .in = &chat_in_shape,
     .out = &chat_out_shape,
     .out_type = "text/event-stream",
     .errors = CHAT_ERRORS,
     .scope = "chat",
     .tag = "chat",
     .summary = "A reply to the last message, with what is known of the person."},
    {.method = "POST",
     .path = "/v1/chat/stream",
     .call = chat_stream,
     .kind = NIMA_ROUTE_STREAM,
     .in = &chat_in_shape,
     .out_type = "text/event-stream",
     .out_schema = "{\"description\":\"data: {\\\"content\\\": …, "
                   "\\\"done\\\": false} for each piece, then one with done true, "
                   "conversation_id, message_id, context, actions and remembered.\"}",
     .errors = CHAT_ERRORS,
     .scope = "chat",
     .tag = "chat",
     .summary = "The same, piece by piece as server-sent events."},
    {.method = "POST",
     .path = "/v1/inference",
     .call = infer,
     .slow = true,
     .in = &inference_in_shape,
     .out = &inference_out_shape,
     .errors = CHAT_ERRORS & ~NIMA_E_BIT(NOT_FOUND),
     .scope = "chat",
     .tag = "chat",
     .summary = "The model alone: no memory, no persona."},
    {.method = "POST",
     .path = "/v1/conversations/{id}/messages/{mid}/regenerate",
     .call = regenerate,
     .kind = NIMA_ROUTE_STREAM,
     .in = &again_shape,
     .out = &chat_out_shape,
     .out_type = "text/event-stream",
     .errors = CHAT_ERRORS | NIMA_E_BIT(CONFLICT),
     .scope = "chat",
     .tag = "conversations",
     .summary = "Another reply to the same message, on a new branch; the old one is kept."},
    {.method = "PUT",
     .path = "/v1/conversations/{id}/messages/{mid}",
     .call = edit,
     .kind = NIMA_ROUTE_STREAM,
     .in = &edit_shape,
     .out = &chat_out_shape,
     .out_type = "text/event-stream",
     .errors = CHAT_ERRORS | NIMA_E_BIT(CONFLICT),
     .scope = "chat",
     .tag = "conversations",
     .summary = "Says a message in other words, on a new branch, and replies to it."},
    {0},
};
