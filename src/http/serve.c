/*
 * From a request behind the door to its reply: who asks, what was sent, the handler, what it made.
 * Runs on a worker, or for quick rows on the http thread.
 */
#include <string.h>

#include "http/http_int.h"
#include "util/clock.h"
#include "util/log.h"

static nima_rc authorize(struct nima_exchange *exchange)
{
    const struct nima_http_options *options = &exchange->http->options;
    const char *scope = exchange->route->row->scope;
    exchange->ctx.user_id = NIMA_STR("default");
    if (options->authorize == NULL) {
        return NIMA_OK;
    }
    nima_str sent = nima_exchange_header(exchange, "Authorization");
    nima_str bearer = {0};
    if (nima_str_starts_nocase(sent, NIMA_STR("Bearer "))) {
        bearer = nima_str_trim(nima_str_sub(sent, 7, sent.len));
    }
    return options->authorize(&exchange->ctx, options->hooks_user, bearer, scope);
}

/* With too few tokens or none the handler is not called; without a handler nothing is stored. */
static nima_rc call(struct nima_exchange *exchange, const void *in, void *out)
{
    NIMA_TRY(nima_ctx_stopped(&exchange->ctx));
    return exchange->route->row->call(&exchange->ctx, exchange, in, out);
}

static void encode(const struct nima_route *row, const void *out, struct nima_buf *body)
{
    nima_buf_init(body, NIMA_HTTP_REPLY_BYTES_MAX);
    if (row->out == NULL) {
        nima_buf_add(body, NIMA_STR("{}"));
    } else if (row->kind == NIMA_ROUTE_LIST) {
        nima_json_encode_list(body, row->out, out);
    } else {
        nima_json_encode(body, row->out, out);
    }
}

static void reply(struct nima_exchange *exchange, const struct http_idem *idem, const void *out)
{
    const struct nima_route *row = exchange->route->row;
    int status = exchange->status != 0 ? exchange->status : row->status;
    status = status != 0 ? status : 200;
    if (status == 204 || status == 304) {
        nima_http_idem_keep(exchange, idem, status, NIMA_STR(""));
        nima_http_reply_empty(exchange, status);
        return;
    }
    if (row->kind == NIMA_ROUTE_BYTES) {
        nima_fail(&exchange->ctx, NIMA_E_INTERNAL, "the handler made no reply");
        nima_http_reply_error(exchange, NIMA_E_INTERNAL);
        return;
    }
    struct nima_buf body;
    encode(row, out, &body);
    if (body.overflowed) {
        nima_buf_done(&body);
        nima_fail(&exchange->ctx, NIMA_E_INTERNAL, "the reply is larger than %d bytes",
                  NIMA_HTTP_REPLY_BYTES_MAX);
        nima_http_reply_error(exchange, NIMA_E_INTERNAL);
        return;
    }
    nima_http_idem_keep(exchange, idem, status, nima_buf_view(&body));
    nima_http_reply_json(exchange, status, &body);
}

static void reply_failure(struct nima_exchange *exchange, const struct http_idem *idem, nima_rc rc)
{
    /* What passes by itself must not be answered again tomorrow. */
    bool keeps = nima_rc_status(rc) < 500 && rc != NIMA_E_CANCELLED && rc != NIMA_E_RATE;
    if (idem->active && keeps) {
        struct nima_buf body;
        nima_buf_init(&body, 8 * 1024);
        nima_http_error_json(&exchange->ctx, rc, &body);
        struct nima_error error = exchange->ctx.error;
        nima_http_idem_keep(exchange, idem, nima_rc_status(rc), nima_buf_view(&body));
        exchange->ctx.error = error;
        nima_buf_done(&body);
    }
    nima_http_idem_end(exchange);
    nima_http_reply_error(exchange, rc);
}

static void replay(struct nima_exchange *exchange, int status, nima_str stored)
{
    nima_exchange_add_header(exchange, "Idempotency-Replayed", NIMA_STR("true"));
    if (stored.len == 0) {
        nima_http_reply_empty(exchange, status);
        return;
    }
    struct nima_buf body;
    nima_buf_init(&body, NIMA_HTTP_REPLY_BYTES_MAX);
    nima_buf_add(&body, stored);
    nima_http_reply_json(exchange, status, &body);
}

static void *out_of(struct nima_exchange *exchange)
{
    const struct nima_route *row = exchange->route->row;
    size_t size = row->out != NULL ? row->out->size : 1;
    size = row->kind == NIMA_ROUTE_LIST ? sizeof(struct nima_list) : size;
    return nima_alloc(exchange->ctx.arena, size);
}

static void finish(struct nima_exchange *exchange, const struct http_idem *idem, nima_rc rc,
                   const void *out)
{
    if (rc == NIMA_E_CANCELLED && atomic_load(&exchange->http->cutting)) {
        rc = nima_fail(&exchange->ctx, NIMA_E_UNAVAILABLE,
                       "the server is stopping; what was done so far is kept");
    }
    if (exchange->streaming) {
        nima_http_sse_end(exchange, rc);
    } else if (rc != NIMA_OK && exchange->replied) {
        nima_log_error("a handler failed after its reply: %s", nima_rc_code(rc));
    } else if (rc != NIMA_OK) {
        reply_failure(exchange, idem, rc);
    } else if (!exchange->replied) {
        reply(exchange, idem, out);
    }
}

void nima_http_serve(struct nima_exchange *exchange)
{
    struct nima_ctx *ctx = &exchange->ctx;
    struct http_idem idem = {0};
    void *in = NULL;
    void *out = out_of(exchange);
    ctx->deadline_ms = exchange->deadline_ms;
    nima_rc rc = authorize(exchange);
    if (rc == NIMA_OK) {
        rc = nima_http_decode(exchange, &in);
    }
    if (rc == NIMA_OK) {
        rc = nima_http_idem_begin(exchange, &idem);
    }
    if (rc == NIMA_OK && idem.hit) {
        nima_http_idem_end(exchange);
        replay(exchange, idem.status, idem.reply);
    } else {
        rc = rc == NIMA_OK ? call(exchange, in, out) : rc;
        finish(exchange, &idem, rc, out);
    }
    nima_http_idem_end(exchange);
    nima_log_debug(NIMA_FMT " " NIMA_FMT " %s in %lld ms (request %s)", NIMA_ARG(exchange->method),
                   NIMA_ARG(exchange->target.path), rc == NIMA_OK ? "done" : nima_rc_code(rc),
                   (long long)(nima_mono_ms() - exchange->begun_ms), exchange->request_id);
}
