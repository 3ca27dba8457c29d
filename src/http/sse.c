/*
 * Server-sent events: the handler writes frames into the exchange's buffer, MHD takes them out.
 * While the buffer is empty the connection is suspended; a frame resumes it. A client that reads
 * too slowly fills the buffer and so stops the handler, until it is cut.
 */
#include <string.h>

#include "http/http_int.h"
#include "util/clock.h"

/* On an http thread: what goes out next. */
static ssize_t take_out(void *arg, uint64_t position, char *room, size_t max)
{
    (void)position;
    struct nima_exchange *exchange = arg;
    ssize_t taken = 0;
    pthread_mutex_lock(&exchange->lock);
    if (exchange->stream.len > 0) {
        size_t bytes = exchange->stream.len < max ? exchange->stream.len : max;
        memcpy(room, exchange->stream.ptr, bytes);
        nima_buf_drop(&exchange->stream, bytes);
        pthread_cond_broadcast(&exchange->moved);
        taken = (ssize_t)bytes;
    } else if (exchange->cut) {
        taken = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (exchange->ended) {
        taken = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        exchange->suspended = true;
        MHD_suspend_connection(exchange->mhd);
    }
    pthread_mutex_unlock(&exchange->lock);
    return taken;
}

/* With exchange->lock held. */
static void wake(struct nima_exchange *exchange)
{
    if (exchange->stage == STAGE_SENT && exchange->suspended && exchange->mhd != NULL) {
        exchange->suspended = false;
        MHD_resume_connection(exchange->mhd);
    }
}

static nima_rc left(struct nima_ctx *ctx)
{
    return nima_fail(ctx, NIMA_E_CANCELLED, "the client has left");
}

nima_rc nima_sse_begin(struct nima_ctx *ctx, struct nima_exchange *exchange)
{
    nima_assert(!exchange->replied && exchange->route->row->kind == NIMA_ROUTE_STREAM);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * 1024, take_out, exchange, NULL);
    nima_assert(response != NULL);
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    nima_http_reply_headers(exchange, response);
    nima_buf_init(&exchange->stream, exchange->http->options.stream_bytes_max + 4096);
    exchange->replied = true;
    pthread_mutex_lock(&exchange->lock);
    exchange->streaming = true;
    exchange->wrote_ms = nima_mono_ms();
    pthread_mutex_unlock(&exchange->lock);
    atomic_fetch_add(&exchange->http->streams_open, 1);
    if (!nima_http_exchange_ready(exchange, 200, response)) {
        return left(ctx);
    }
    return nima_ctx_stopped(ctx);
}

/* With exchange->lock held: waits until `bytes` fit. False: the client left, or reads nothing. */
static bool wait_for_room(struct nima_exchange *exchange, size_t bytes)
{
    size_t max = exchange->http->options.stream_bytes_max;
    struct timespec until = nima_mono_after(exchange->http->options.stream_stall_ms);
    int rc = 0;
    while (rc == 0 && exchange->mhd != NULL && !atomic_load(&exchange->cancelled) &&
           exchange->stream.len > 0 && exchange->stream.len + bytes > max) {
        rc = pthread_cond_timedwait(&exchange->moved, &exchange->lock, &until);
    }
    if (rc != 0) {
        exchange->cut = true;
        nima_buf_clear(&exchange->stream);
        atomic_store(&exchange->cancelled, true);
    }
    return exchange->mhd != NULL && !atomic_load(&exchange->cancelled);
}

/* With exchange->lock held. */
static void put(struct nima_exchange *exchange, nima_str json)
{
    struct nima_buf *stream = &exchange->stream;
    /* One frame may be larger than the whole buffer; it then has it for itself. */
    size_t need = stream->len + json.len + 64;
    stream->max = stream->max > need ? stream->max : need;
    nima_buf_add(stream, NIMA_STR("data: "));
    nima_buf_add(stream, json);
    nima_buf_add(stream, NIMA_STR("\n\n"));
    exchange->wrote_ms = nima_mono_ms();
    wake(exchange);
}

nima_rc nima_sse_send(struct nima_ctx *ctx, struct nima_exchange *exchange, nima_str json)
{
    nima_assert(exchange->streaming);
    nima_assert(json.len == 0 || memchr(json.ptr, '\n', json.len) == NULL);
    pthread_mutex_lock(&exchange->lock);
    bool open = wait_for_room(exchange, json.len + 8);
    if (open) {
        put(exchange, json);
    }
    pthread_mutex_unlock(&exchange->lock);
    return open ? nima_ctx_stopped(ctx) : left(ctx);
}

void nima_http_sse_comment(struct nima_exchange *exchange)
{
    if (exchange->stream.len == 0 && !exchange->ended) {
        nima_buf_add(&exchange->stream, NIMA_STR(":\n\n"));
        exchange->wrote_ms = nima_mono_ms();
        wake(exchange);
    }
}

/* {"error": {…}, "detail": …, "done": true}: the last event of a stream that went wrong. */
static void put_error(struct nima_exchange *exchange, nima_rc rc)
{
    struct nima_buf json;
    nima_buf_init(&json, 16 * 1024);
    nima_http_error_json(&exchange->ctx, rc, &json);
    json.len--; /* the closing brace goes behind one more field */
    nima_buf_add(&json, NIMA_STR(",\"done\":true}"));
    pthread_mutex_lock(&exchange->lock);
    if (exchange->mhd != NULL && !exchange->cut) {
        put(exchange, nima_buf_view(&json));
    }
    pthread_mutex_unlock(&exchange->lock);
    nima_buf_done(&json);
}

void nima_http_sse_end(struct nima_exchange *exchange, nima_rc rc)
{
    if (rc != NIMA_OK && rc != NIMA_E_CANCELLED) {
        put_error(exchange, rc);
    }
    pthread_mutex_lock(&exchange->lock);
    exchange->ended = true;
    wake(exchange);
    pthread_mutex_unlock(&exchange->lock);
    atomic_fetch_sub(&exchange->http->streams_open, 1);
}
