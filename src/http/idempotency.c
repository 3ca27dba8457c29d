/*
 * Idempotency-Key: a POST that was sent twice (the first answer got lost on its way) is done once.
 * The hooks keep replies; here are the ones that still run.
 */
#include "http/http_int.h"
#include "util/digest.h"

static bool is_same(const struct nima_exchange *a, const struct nima_exchange *b)
{
    return nima_str_eq(a->idem_key, b->idem_key) && nima_str_eq(a->idem_user, b->idem_user) &&
           nima_str_eq(a->idem_route, b->idem_route);
}

static bool enter(struct nima_exchange *exchange)
{
    struct nima_http *http = exchange->http;
    bool clash = false;
    pthread_mutex_lock(&http->idem_lock);
    for (struct nima_exchange *it = http->idem_running; it != NULL; it = it->idem_next) {
        clash = clash || is_same(it, exchange);
    }
    if (!clash) {
        exchange->idem_next = http->idem_running;
        http->idem_running = exchange;
    }
    pthread_mutex_unlock(&http->idem_lock);
    return !clash;
}

static nima_str hash_of(struct nima_exchange *exchange)
{
    nima_str query = exchange->target.query;
    nima_str whole = nima_fmt(&exchange->ctx, NIMA_FMT "\n" NIMA_FMT "?" NIMA_FMT "\n" NIMA_FMT,
                              NIMA_ARG(exchange->method), NIMA_ARG(exchange->target.path),
                              NIMA_ARG(query), NIMA_ARG(nima_buf_view(&exchange->body)));
    return nima_sha256_hex(&exchange->ctx, whole);
}

nima_rc nima_http_idem_begin(struct nima_exchange *exchange, struct http_idem *idem)
{
    const struct nima_http_idempotency *hooks = exchange->http->options.idempotency;
    const struct nima_route *row = exchange->route->row;
    struct nima_ctx *ctx = &exchange->ctx;
    nima_str key = nima_exchange_header(exchange, "Idempotency-Key");
    /* A chat that streams is not kept, one that does not is. */
    bool json = row->out != NULL && row->kind != NIMA_ROUTE_BYTES;
    if (hooks == NULL || key.ptr == NULL || !json ||
        !nima_str_eq(exchange->method, NIMA_STR("POST"))) {
        return NIMA_OK;
    }
    exchange->idem_user = ctx->user_id;
    exchange->idem_route = nima_str_of(row->path);
    exchange->idem_key = key;
    if (!enter(exchange)) {
        exchange->idem_key = (nima_str){0};
        nima_rc rc =
            nima_fail(ctx, NIMA_E_CONFLICT, "a request with this Idempotency-Key is still running");
        ctx->error.retry_after_s = 1;
        return rc;
    }
    nima_str hash = hash_of(exchange);
    struct http_idem found = {.active = true, .hash = hash};
    NIMA_TRY(hooks->find(ctx, exchange->http->options.hooks_user, key, exchange->idem_route, hash,
                         &found.hit, &found.status, &found.reply));
    *idem = found;
    return NIMA_OK;
}

void nima_http_idem_keep(struct nima_exchange *exchange, const struct http_idem *idem, int status,
                         nima_str reply)
{
    if (!idem->active) {
        return;
    }
    const struct nima_http_options *options = &exchange->http->options;
    /* A reply that could not be kept is still the right reply to this request. */
    nima_rc rc = options->idempotency->keep(&exchange->ctx, options->hooks_user, exchange->idem_key,
                                            exchange->idem_route, idem->hash, status, reply);
    (void)rc;
    nima_http_idem_end(exchange); /* before the client has it, who may ask again at once */
}

void nima_http_idem_end(struct nima_exchange *exchange)
{
    struct nima_http *http = exchange->http;
    if (exchange->idem_key.ptr == NULL) {
        return;
    }
    pthread_mutex_lock(&http->idem_lock);
    struct nima_exchange **at = &http->idem_running;
    while (*at != exchange) {
        at = &(*at)->idem_next;
    }
    *at = exchange->idem_next;
    pthread_mutex_unlock(&http->idem_lock);
    exchange->idem_key = (nima_str){0};
}
