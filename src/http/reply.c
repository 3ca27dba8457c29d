/* Replies: status, headers, body; and the one shape of an error. */
#include <string.h>
#include <sys/socket.h>

#include "http/http_int.h"
#include "util/log.h"

enum { ERROR_BYTES_MAX = 8 * 1024 };

/* Messages of these are for the log: they may hold what is nobody's business outside. */
static bool is_internal(nima_rc rc)
{
    return nima_rc_status(rc) == 500;
}

static void error_json(nima_rc rc, nima_str message, nima_str field, nima_str request_id,
                       struct nima_buf *buf)
{
    nima_buf_fmt(buf, "{\"error\":{\"code\":\"%s\",\"message\":", nima_rc_code(rc));
    nima_json_write_str(buf, message);
    if (field.len > 0) {
        nima_buf_add(buf, NIMA_STR(",\"field\":"));
        nima_json_write_str(buf, field);
    }
    nima_buf_add(buf, NIMA_STR(",\"request_id\":"));
    nima_json_write_str(buf, request_id);
    nima_buf_add(buf, NIMA_STR("},\"detail\":"));
    nima_json_write_str(buf, message);
    nima_buf_add_char(buf, '}');
}

void nima_http_error_json(const struct nima_ctx *ctx, nima_rc rc, struct nima_buf *buf)
{
    bool told = ctx->error.rc == rc && ctx->error.message[0] != '\0' && !is_internal(rc);
    nima_str message = nima_str_of(told ? ctx->error.message : nima_rc_text(rc));
    if (!nima_utf8_valid(message)) {
        message = nima_str_of(nima_rc_text(rc));
    }
    nima_str field = nima_str_of(told ? ctx->error.field : "");
    error_json(rc, message, nima_utf8_valid(field) ? field : NIMA_STR(""), ctx->request_id, buf);
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

static void add_cors(struct nima_exchange *exchange, struct MHD_Response *response)
{
    if (nima_exchange_header(exchange, "Origin").ptr != NULL) {
        add(response, "Vary", "Origin");
    }
    if (exchange->cors_origin.ptr != NULL) {
        /* A copied header: there is a NUL behind it. */
        add(response, "Access-Control-Allow-Origin", exchange->cors_origin.ptr);
        add(response, "Access-Control-Expose-Headers",
            "X-Request-Id, X-Next-Cursor, Link, Retry-After, Idempotency-Replayed, X-Undo");
    }
}

/* Touches nothing that a worker may be changing. */
static void add_common(struct nima_exchange *exchange, struct MHD_Response *response)
{
    add(response, "X-Request-Id", exchange->request_id);
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Referrer-Policy", "no-referrer");
    add_cors(exchange, response);
    if (atomic_load(&exchange->http->stopping)) {
        add(response, "Connection", "close");
    }
}

void nima_http_reply_headers(struct nima_exchange *exchange, struct MHD_Response *response)
{
    add_common(exchange, response);
    for (size_t i = 0; i < exchange->added_count; i++) {
        /* Ours are copies with a NUL behind them. */
        add(response, exchange->added[i].name.ptr, exchange->added[i].value.ptr);
    }
}

void nima_http_reply_count(struct nima_http *http, int status)
{
    atomic_fetch_add(&http->requests, 1);
    if (status >= 500) {
        atomic_fetch_add(&http->errors_5xx, 1);
    } else if (status >= 400) {
        atomic_fetch_add(&http->errors_4xx, 1);
    }
}

/* Takes the buffer's memory over. */
static struct MHD_Response *response_of(struct nima_buf *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->len, body->ptr, MHD_RESPMEM_MUST_FREE);
    nima_assert(response != NULL);
    *body = (struct nima_buf){0};
    return response;
}

void nima_http_reply_json(struct nima_exchange *exchange, int status, struct nima_buf *body)
{
    struct MHD_Response *response = response_of(body);
    add(response, "Content-Type", "application/json");
    add(response, "Cache-Control", "no-store");
    nima_http_reply_headers(exchange, response);
    exchange->replied = true;
    nima_http_exchange_ready(exchange, status, response);
}

void nima_http_reply_empty(struct nima_exchange *exchange, int status)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    nima_assert(response != NULL);
    nima_http_reply_headers(exchange, response);
    exchange->replied = true;
    nima_http_exchange_ready(exchange, status, response);
}

static int retry_after(const struct nima_ctx *ctx, nima_rc rc)
{
    if (ctx->error.rc == rc && ctx->error.retry_after_s > 0) {
        return ctx->error.retry_after_s;
    }
    return rc == NIMA_E_BUSY || rc == NIMA_E_UNAVAILABLE || rc == NIMA_E_RATE ? 1 : 0;
}

/* Where a handler's failure leaves the rooms; it is logged here and nowhere else. */
static void log_error(const struct nima_exchange *exchange, nima_rc rc)
{
    bool load =
        rc == NIMA_E_BUSY || rc == NIMA_E_UNAVAILABLE; /* no fault, and then there are many */
    if (nima_rc_status(rc) >= 500 && !load) {
        nima_log_error(NIMA_FMT " " NIMA_FMT ": %s: %s (request %s)", NIMA_ARG(exchange->method),
                       NIMA_ARG(exchange->target.path), nima_rc_code(rc),
                       exchange->ctx.error.rc == rc ? exchange->ctx.error.message : "",
                       exchange->request_id);
    }
}

void nima_http_reply_error(struct nima_exchange *exchange, nima_rc rc)
{
    log_error(exchange, rc);
    struct nima_buf body;
    nima_buf_init(&body, ERROR_BYTES_MAX);
    nima_http_error_json(&exchange->ctx, rc, &body);
    int seconds = retry_after(&exchange->ctx, rc);
    if (seconds > 0) {
        nima_exchange_add_header(exchange, "Retry-After", nima_fmt(&exchange->ctx, "%d", seconds));
    }
    if (rc == NIMA_E_UNAUTHORIZED) {
        nima_exchange_add_header(exchange, "WWW-Authenticate", NIMA_STR("Bearer"));
    }
    if (rc == NIMA_E_METHOD) {
        nima_exchange_add_header(exchange, "Allow", nima_http_route_allow(exchange));
    }
    int status = exchange->door_status != 0 ? exchange->door_status : nima_rc_status(rc);
    nima_http_reply_json(exchange, status, &body);
}

void nima_http_reply_error_apart(struct nima_exchange *exchange, nima_rc rc, const char *message)
{
    struct nima_buf body;
    nima_buf_init(&body, ERROR_BYTES_MAX);
    error_json(rc, nima_str_of(message), NIMA_STR(""), nima_str_of(exchange->request_id), &body);
    struct MHD_Response *response = response_of(&body);
    add(response, "Content-Type", "application/json");
    add(response, "Cache-Control", "no-store");
    add_common(exchange, response);
    nima_http_exchange_ready(exchange, nima_rc_status(rc), response);
}

void nima_http_reply_raw(int fd, struct nima_http *http, int status, nima_rc rc,
                         const char *message, const char *request_id)
{
    struct nima_buf body, reply;
    nima_buf_init(&body, ERROR_BYTES_MAX);
    nima_buf_init(&reply, 2 * ERROR_BYTES_MAX);
    error_json(rc, nima_str_of(message), NIMA_STR(""), nima_str_of(request_id), &body);
    nima_buf_fmt(&reply,
                 "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                 "X-Request-Id: %s\r\nConnection: close\r\n\r\n" NIMA_FMT,
                 status, MHD_get_reason_phrase_for((unsigned)status), body.len, request_id,
                 NIMA_ARG(nima_buf_view(&body)));
    /* A few hundred bytes into an empty socket buffer; if they do not fit, so be it. */
    ssize_t sent = send(fd, reply.ptr, reply.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
    nima_http_reply_count(http, status);
    nima_buf_done(&body);
    nima_buf_done(&reply);
}

void *nima_exchange_app(struct nima_exchange *exchange)
{
    return exchange->http->options.app;
}

nima_str nima_exchange_body(struct nima_exchange *exchange)
{
    return nima_buf_view(&exchange->body);
}

void nima_exchange_status(struct nima_exchange *exchange, int status)
{
    nima_assert(status >= 200 && status < 600);
    exchange->status = status;
}

void nima_exchange_add_header(struct nima_exchange *exchange, const char *name, nima_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        nima_assert((unsigned char)value.ptr[i] >= 0x20 && value.ptr[i] != 0x7F);
    }
    nima_assert(exchange->added_count < NIMA_HTTP_ADDED_HEADERS_MAX);
    struct nima_arena *arena = exchange->ctx.arena;
    struct http_header *header = &exchange->added[exchange->added_count++];
    header->name = nima_str_copy(arena, nima_str_of(name));
    header->value = nima_str_copy(arena, value);
}

static void add_escaped(struct nima_buf *buf, nima_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c != '\0' && strchr("-._~", c) != NULL);
        nima_buf_fmt(buf, plain ? "%c" : "%%%02X", c);
    }
}

/* The request's own path and query without `cursor`, then the new one. */
static void write_next_link(struct nima_exchange *exchange, nima_str cursor, struct nima_buf *buf)
{
    nima_buf_add_char(buf, '<');
    nima_buf_add(buf, exchange->target.path);
    char sep = '?';
    nima_str rest = exchange->target.query;
    nima_str pair;
    while (nima_str_next(&rest, '&', &pair)) {
        if (pair.len > 0 && !nima_str_starts(pair, NIMA_STR("cursor="))) {
            nima_buf_add_char(buf, sep);
            for (size_t i = 0; i < pair.len; i++) {
                /* What would end the address early, or the header. */
                unsigned char c = (unsigned char)pair.ptr[i];
                bool plain = c > 0x20 && c < 0x7F && strchr("<>\"\\^`{|}", c) == NULL;
                nima_buf_fmt(buf, plain ? "%c" : "%%%02X", c);
            }
            sep = '&';
        }
    }
    nima_buf_fmt(buf, "%ccursor=", sep);
    add_escaped(buf, cursor);
    nima_buf_add(buf, NIMA_STR(">; rel=\"next\""));
}

void nima_exchange_next_cursor(struct nima_exchange *exchange, nima_str cursor)
{
    if (cursor.ptr == NULL) {
        return;
    }
    struct nima_buf buf;
    nima_buf_init(&buf, 2 * exchange->http->options.header_bytes_max + 4 * cursor.len + 64);
    write_next_link(exchange, cursor, &buf);
    nima_exchange_add_header(exchange, "X-Next-Cursor", cursor);
    if (!buf.overflowed) {
        nima_exchange_add_header(exchange, "Link", nima_buf_view(&buf));
    }
    nima_buf_done(&buf);
}
