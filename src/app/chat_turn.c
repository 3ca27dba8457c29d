/* One turn: POST /v1/chat/stream, and its server-sent events as they come. */
#include "app/chat.h"

#include <string.h>

#include "app/client.h"
#include "util/buf.h"
#include "util/json.h"

enum { FRAME_BYTES_MAX = 8 << 20, REQUEST_BYTES_MAX = 8 << 20, REPLY_TOKENS = 1000 };

struct reading {
    struct nima_ctx *ctx;
    const struct nima_chat_turn *turn;
    struct nima_chat_reply *reply;
    struct nima_buf line; /* of the stream, until its end has come; else the whole error body */
    nima_rc failed;
    bool heard; /* anything at all from the server */
    bool done;
    bool unheard; /* on_text said that nobody reads */
};

static void take_remembered(struct reading *r, const struct nima_json *frame)
{
    const struct nima_json *list = nima_json_get(frame, "remembered");
    size_t count = nima_json_count(list);
    r->reply->remembered = NIMA_NEW(r->ctx->arena, struct nima_chat_fact, count);
    r->reply->count = count;
    for (size_t i = 0; i < count; i++) {
        const struct nima_json *item = nima_json_at(list, i, NULL);
        r->reply->remembered[i] = (struct nima_chat_fact){
            nima_str_copy(r->ctx->arena, nima_json_str(nima_json_get(item, "fact"))),
            nima_str_copy(r->ctx->arena, nima_json_str(nima_json_get(item, "event")))};
    }
}

static bool take_frame(struct reading *r, nima_str text)
{
    struct nima_ctx *ctx = r->ctx;
    const struct nima_json *frame;
    if (nima_json_parse(ctx, text, &frame) != NIMA_OK) {
        r->failed = nima_fail(ctx, NIMA_E_MODEL, "the server sent what is no JSON");
        return false;
    }
    const struct nima_json *error = nima_json_get(frame, "error");
    if (error != NULL) {
        nima_str message = nima_json_str(nima_json_get(error, "message"));
        r->failed = nima_fail(ctx, NIMA_E_MODEL, NIMA_FMT, NIMA_ARG(message));
        r->done = true;
        return true;
    }
    nima_str piece = nima_json_str(nima_json_get(frame, "content"));
    if (piece.len > 0 && !r->turn->on_text(r->turn->user, piece)) {
        r->unheard = true;
        return false;
    }
    if (nima_json_bool(nima_json_get(frame, "done"), false)) {
        r->done = true;
        nima_str id = nima_json_str(nima_json_get(frame, "conversation_id"));
        if (id.len > 0) {
            r->reply->conversation = nima_str_copy(ctx->arena, id);
        }
        take_remembered(r, frame);
    }
    return true;
}

/* Our server sends each event as one data line; comments and other fields are passed over. */
static bool take_line(struct reading *r)
{
    nima_str line = nima_str_trim(nima_buf_view(&r->line));
    if (!nima_str_starts(line, NIMA_STR("data:"))) {
        return true;
    }
    return take_frame(r, nima_str_trim(nima_str_sub(line, 5, line.len)));
}

static bool on_data(void *user, long status, nima_str data)
{
    struct reading *r = user;
    r->heard = true;
    if (status != 200) {
        nima_buf_add(&r->line, data);
        return !r->line.overflowed;
    }
    while (data.len > 0) {
        size_t end = nima_str_find(data, NIMA_STR("\n"), 0);
        nima_buf_add(&r->line, nima_str_sub(data, 0, end));
        if (end == SIZE_MAX) {
            return !r->line.overflowed;
        }
        data = nima_str_sub(data, end + 1, data.len);
        if (!take_line(r)) {
            return false;
        }
        nima_buf_clear(&r->line);
    }
    return true;
}

static nima_rc make_body(struct nima_ctx *ctx, const struct nima_chat_turn *turn, nima_str *out)
{
    if (!nima_utf8_valid(turn->message)) {
        return nima_fail(ctx, NIMA_E_INVALID, "the message is not UTF-8 text");
    }
    struct nima_buf body;
    nima_buf_init(&body, REQUEST_BYTES_MAX);
    nima_buf_add(&body, NIMA_STR("{\"messages\": [{\"role\": \"user\", \"content\": "));
    nima_json_write_str(&body, turn->message);
    nima_buf_fmt(&body, "}], \"max_length\": %d", REPLY_TOKENS);
    if (turn->conversation.len > 0) {
        nima_buf_add(&body, NIMA_STR(", \"conversation_id\": "));
        nima_json_write_str(&body, turn->conversation);
    }
    nima_buf_add_char(&body, '}');
    nima_rc rc = nima_buf_take(ctx, &body, out);
    nima_buf_done(&body);
    return rc;
}

static nima_rc refused(struct nima_ctx *ctx, long status, nima_str body)
{
    struct nima_client_reply reply = {status, body};
    nima_str message = nima_client_error(ctx, &reply);
    if (status == 401) {
        return nima_fail(ctx, NIMA_E_UNAUTHORIZED,
                         NIMA_FMT "; then: export NIMA_API_TOKEN=THE-TOKEN", NIMA_ARG(message));
    }
    return nima_fail(ctx, NIMA_E_MODEL, NIMA_FMT, NIMA_ARG(message));
}

static nima_rc outcome(struct reading *r, nima_rc rc, long status)
{
    struct nima_ctx *ctx = r->ctx;
    if (rc == NIMA_E_UNAVAILABLE && !r->heard) {
        return nima_fail(ctx, rc, "no server at " NIMA_FMT "; start it with: make run",
                         NIMA_ARG(r->turn->url));
    }
    if (r->failed != NIMA_OK) {
        return r->failed;
    }
    if (r->unheard) {
        return nima_fail(ctx, NIMA_E_CANCELLED, "nobody reads the reply");
    }
    if (rc == NIMA_OK && status != 200) {
        return refused(ctx, status, nima_buf_view(&r->line));
    }
    bool stopped = rc == NIMA_E_CANCELLED || rc == NIMA_E_INVALID;
    if (!r->done && !stopped) {
        return nima_fail(ctx, NIMA_E_MODEL,
                         "the connection to " NIMA_FMT " broke before the reply was complete",
                         NIMA_ARG(r->turn->url));
    }
    return r->done ? NIMA_OK : rc;
}

nima_rc nima_chat_turn(struct nima_ctx *ctx, const struct nima_chat_turn *turn,
                       struct nima_chat_reply *out)
{
    nima_str body;
    NIMA_TRY(make_body(ctx, turn, &body));
    struct nima_chat_reply reply = {.conversation = turn->conversation};
    struct reading r = {.ctx = ctx, .turn = turn, .reply = &reply};
    nima_buf_init(&r.line, FRAME_BYTES_MAX);
    struct nima_client_call call = {
        .url = nima_fmt(ctx, NIMA_FMT "/v1/chat/stream", NIMA_ARG(turn->url)),
        .token = turn->token,
        .json = body,
        .stopped = turn->stopped,
        .header = "X-Nima-Conversation",
        .header_out = &reply.conversation,
        .on_data = on_data,
        .user = &r,
    };
    struct nima_client_reply http = {0};
    nima_rc rc = nima_client_run(ctx, &call, &http);
    rc = outcome(&r, rc, http.status);
    nima_buf_done(&r.line);
    *out = reply;
    return rc;
}
