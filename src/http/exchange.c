/* The life of one request: made by the http thread, shared with a worker, used again. */
#include <stdlib.h>
#include <string.h>

#include "http/http_int.h"
#include "util/clock.h"
#include "util/uuid.h"

enum { BODY_ROOM_KEPT = 64 * 1024 };

static struct nima_exchange *exchange_alloc(struct nima_http *http)
{
    struct nima_exchange *exchange = NIMA_XNEW(struct nima_exchange, 1);
    exchange->http = http;
    nima_ctx_init(&exchange->ctx);
    pthread_mutex_init(&exchange->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&exchange->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return exchange;
}

static void exchange_free(struct nima_exchange *exchange)
{
    nima_buf_done(&exchange->body);
    nima_buf_done(&exchange->stream);
    nima_ctx_done(&exchange->ctx);
    pthread_cond_destroy(&exchange->moved);
    pthread_mutex_destroy(&exchange->lock);
    free(exchange);
}

/* Everything to its beginning but what is worth keeping: lock, arena, the memory of `body`. */
static void exchange_clean(struct nima_exchange *exchange)
{
    struct nima_exchange kept = {0};
    if (exchange->body.room > BODY_ROOM_KEPT) {
        nima_buf_done(&exchange->body);
    }
    nima_buf_done(&exchange->stream);
    nima_buf_clear(&exchange->body);
    nima_ctx_reset(&exchange->ctx);
    kept.http = exchange->http;
    kept.ctx = exchange->ctx;
    kept.body = exchange->body;
    size_t tail = offsetof(struct nima_exchange, stage);
    size_t head = offsetof(struct nima_exchange, lock);
    memcpy((void *)exchange, (const void *)&kept, head);
    memset((char *)exchange + tail, 0, sizeof(*exchange) - tail);
}

struct nima_exchange *nima_http_exchange_new(struct nima_http *http, struct http_conn *conn,
                                             struct MHD_Connection *mhd)
{
    pthread_mutex_lock(&http->lock);
    struct nima_exchange *exchange = http->spare;
    if (exchange != NULL) {
        http->spare = exchange->next_free;
        http->spare_count--;
    }
    http->in_flight++;
    pthread_mutex_unlock(&http->lock);
    if (exchange == NULL) {
        exchange = exchange_alloc(http);
    }
    exchange->next_free = NULL;
    exchange->conn = conn;
    exchange->mhd = mhd;
    exchange->begun_ms = nima_mono_ms();
    exchange->body.max = http->options.body_bytes_max;
    exchange->body_bytes_max = http->options.body_bytes_max;
    atomic_store(&exchange->refs, 1);
    exchange->ctx.cancelled = &exchange->cancelled;
    pthread_mutex_lock(&http->lock);
    conn->exchange = exchange;
    conn->phase = CONN_HEADERS;
    conn->since_ms = conn->used ? exchange->begun_ms : conn->since_ms;
    conn->body_bytes = 0;
    conn->left = false;
    conn->probed_ms = 0;
    pthread_mutex_unlock(&http->lock);
    return exchange;
}

void nima_http_exchange_unref(struct nima_exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->refs, 1) > 1) {
        return;
    }
    struct nima_http *http = exchange->http;
    if (exchange->response != NULL) {
        MHD_destroy_response(exchange->response);
    }
    exchange_clean(exchange);
    pthread_mutex_lock(&http->lock);
    bool keep = http->spare_count < NIMA_HTTP_SPARE_MAX;
    if (keep) {
        exchange->next_free = http->spare;
        http->spare = exchange;
        http->spare_count++;
    }
    if (--http->in_flight == 0 && atomic_load(&http->stopping)) {
        pthread_cond_broadcast(&http->quiet);
    }
    pthread_mutex_unlock(&http->lock);
    if (!keep) {
        exchange_free(exchange);
    }
}

void nima_http_exchange_free_spare(struct nima_http *http)
{
    while (http->spare != NULL) {
        struct nima_exchange *exchange = http->spare;
        http->spare = exchange->next_free;
        exchange_free(exchange);
    }
}

bool nima_http_exchange_ready(struct nima_exchange *exchange, int status,
                              struct MHD_Response *response)
{
    pthread_mutex_lock(&exchange->lock);
    bool first = exchange->stage < STAGE_READY && exchange->mhd != NULL;
    if (first) {
        exchange->stage = STAGE_READY;
        exchange->response = response;
        exchange->response_status = status;
        if (exchange->suspended) {
            exchange->suspended = false;
            MHD_resume_connection(exchange->mhd);
        }
    }
    pthread_mutex_unlock(&exchange->lock);
    if (first) {
        nima_http_reply_count(exchange->http, status);
    } else {
        MHD_destroy_response(response);
    }
    return first;
}

void nima_http_exchange_completed(struct nima_exchange *exchange)
{
    struct nima_http *http = exchange->http;
    pthread_mutex_lock(&http->lock);
    exchange->conn->exchange = NULL;
    exchange->conn->phase = CONN_IDLE;
    exchange->conn->used = true;
    exchange->conn->since_ms = nima_mono_ms();
    pthread_mutex_unlock(&http->lock);
    pthread_mutex_lock(&exchange->lock);
    exchange->mhd = NULL;
    exchange->suspended = false;
    atomic_store(&exchange->cancelled, true);
    pthread_cond_broadcast(&exchange->moved);
    pthread_mutex_unlock(&exchange->lock);
    nima_http_exchange_unref(exchange);
}
