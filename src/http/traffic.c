/*
 * What MHD calls on its threads: connections come and go, requests arrive piece by piece. Nothing
 * here blocks. MHD calls nima_http_on_request once with the headers, once for each piece of the
 * body, once when the request is complete, and again after it was resumed.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "http/http_int.h"
#include "util/clock.h"

enum { UNACKNOWLEDGED_MS_MAX = 30000 };

static int fd_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info != NULL ? info->connect_fd : -1;
}

static struct http_conn *conn_open(struct nima_http *http, struct MHD_Connection *mhd)
{
    struct http_conn *conn = NIMA_XNEW(struct http_conn, 1);
    conn->fd = fd_of(mhd);
    conn->since_ms = nima_mono_ms();
    /* A client whose network is gone says nothing: what it does not acknowledge ends it. */
    unsigned int unacknowledged_ms = UNACKNOWLEDGED_MS_MAX;
    setsockopt(conn->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
               sizeof(unacknowledged_ms));
    pthread_mutex_lock(&http->lock);
    conn->next = http->conns;
    if (conn->next != NULL) {
        conn->next->prev = conn;
    }
    http->conns = conn;
    pthread_mutex_unlock(&http->lock);
    atomic_fetch_add(&http->connections, 1);
    return conn;
}

static void conn_close(struct nima_http *http, struct http_conn *conn)
{
    pthread_mutex_lock(&http->lock);
    if (conn->prev != NULL) {
        conn->prev->next = conn->next;
    } else {
        http->conns = conn->next;
    }
    if (conn->next != NULL) {
        conn->next->prev = conn->prev;
    }
    pthread_mutex_unlock(&http->lock);
    atomic_fetch_sub(&http->connections, 1);
    free(conn);
}

void nima_http_on_connection(void *user, struct MHD_Connection *mhd, void **slot,
                             enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *slot = conn_open(user, mhd);
    } else if (*slot != NULL) {
        conn_close(user, *slot);
        *slot = NULL;
    }
}

void *nima_http_on_request_line(void *user, const char *uri, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct nima_exchange *exchange = nima_http_exchange_new(user, info->socket_context, mhd);
    exchange->raw_target = nima_str_copy(exchange->ctx.arena, nima_str_of(uri));
    return exchange;
}

void nima_http_on_completed(void *user, struct MHD_Connection *mhd, void **slot,
                            enum MHD_RequestTerminationCode why)
{
    (void)user;
    (void)mhd;
    (void)why;
    if (*slot != NULL) {
        nima_http_exchange_completed(*slot);
        *slot = NULL;
    }
}

static void set_phase(struct nima_exchange *exchange, int phase)
{
    struct nima_http *http = exchange->http;
    pthread_mutex_lock(&http->lock);
    exchange->conn->phase = phase;
    exchange->conn->since_ms = nima_mono_ms();
    pthread_mutex_unlock(&http->lock);
}

/* Hands the reply to MHD. */
static enum MHD_Result send_reply(struct nima_exchange *exchange)
{
    pthread_mutex_lock(&exchange->lock);
    struct MHD_Response *response = exchange->response;
    struct MHD_Connection *mhd = exchange->mhd;
    int status = exchange->response_status;
    exchange->response = NULL;
    exchange->stage = STAGE_SENT;
    pthread_mutex_unlock(&exchange->lock);
    enum MHD_Result queued = MHD_queue_response(mhd, (unsigned)status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result refuse(struct nima_exchange *exchange)
{
    set_phase(exchange, CONN_REPLY);
    if (nima_http_door_closes(exchange)) {
        /* What follows on this connection may be anything but a request. */
        nima_http_linger(exchange->http, exchange->conn->fd);
        nima_exchange_add_header(exchange, "Connection", NIMA_STR("close"));
    }
    nima_http_reply_error(exchange, exchange->door_rc);
    return send_reply(exchange);
}

static enum MHD_Result reply_options(struct nima_exchange *exchange)
{
    struct nima_ctx *ctx = &exchange->ctx;
    nima_str allow = nima_http_route_allow(exchange);
    allow = allow.ptr != NULL ? allow : NIMA_STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    nima_exchange_add_header(exchange, "Allow", allow);
    if (exchange->cors_origin.ptr != NULL &&
        nima_exchange_header(exchange, "Access-Control-Request-Method").ptr != NULL) {
        nima_exchange_add_header(exchange, "Access-Control-Allow-Methods", allow);
        nima_exchange_add_header(exchange, "Access-Control-Allow-Headers",
                                 NIMA_STR("Authorization, Content-Type, Idempotency-Key, "
                                          "X-Request-Id, X-Nima-Conversation, Accept"));
        nima_exchange_add_header(exchange, "Access-Control-Max-Age", nima_fmt(ctx, "%d", 600));
    }
    nima_http_reply_empty(exchange, 204);
    return send_reply(exchange);
}

/* Puts the request into its lane and its connection to sleep, as one step: the worker may have the
 * reply before this function is through. False: the queue is full. */
static bool hand_over(struct nima_exchange *exchange)
{
    struct nima_http *http = exchange->http;
    const struct nima_route *row = exchange->route->row;
    bool slow = row->slow || row->kind == NIMA_ROUTE_STREAM;
    pthread_mutex_lock(&exchange->lock);
    exchange->stage = STAGE_WORKING;
    atomic_fetch_add(&exchange->refs, 1);
    bool pushed = nima_http_lane_push(slow ? &http->slow_lane : &http->lane, exchange);
    if (pushed) {
        exchange->suspended = true;
        MHD_suspend_connection(exchange->mhd);
    } else {
        atomic_fetch_sub(&exchange->refs, 1);
    }
    pthread_mutex_unlock(&exchange->lock);
    return pushed;
}

static enum MHD_Result dispatch(struct nima_exchange *exchange)
{
    const struct nima_route *row = exchange->route->row;
    int limit_s = exchange->http->options.request_timeout_s;
    set_phase(exchange, CONN_REPLY);
    if (limit_s > 0 && row->kind != NIMA_ROUTE_STREAM) {
        exchange->deadline_ms = nima_mono_ms() + (int64_t)limit_s * 1000;
    }
    if (row->quick) {
        nima_http_serve(exchange);
        return send_reply(exchange);
    }
    if (!hand_over(exchange)) {
        exchange->door_rc =
            nima_fail(&exchange->ctx, NIMA_E_BUSY, "too many requests are waiting; try again");
        return refuse(exchange);
    }
    return MHD_YES;
}

static enum MHD_Result answer(struct nima_exchange *exchange)
{
    return exchange->route != NULL ? dispatch(exchange) : reply_options(exchange);
}

static enum MHD_Result first_call(struct nima_exchange *exchange, const char *method,
                                  const char *version)
{
    exchange->method = nima_str_copy(exchange->ctx.arena, nima_str_of(method));
    exchange->http_1_0 = strcmp(version, "HTTP/1.1") != 0;
    exchange->door_rc = nima_http_door(exchange);
    if (exchange->door_rc != NIMA_OK && nima_http_has_body(exchange) &&
        nima_http_door_closes(exchange)) {
        return refuse(exchange);
    }
    /* MHD closes the connection behind a reply to this call, so even a request without a body is
     * answered in the next one. */
    exchange->stage = exchange->door_rc == NIMA_OK ? STAGE_BODY : STAGE_DRAIN;
    set_phase(exchange, CONN_BODY);
    return MHD_YES;
}

/* MHD takes no reply in the middle of a body, so this one goes past it, and then the connection. */
static enum MHD_Result refuse_large(struct nima_exchange *exchange)
{
    char message[100];
    snprintf(message, sizeof(message), "the body is larger than the %zu bytes taken here",
             exchange->body_bytes_max);
    nima_http_linger(exchange->http, exchange->conn->fd);
    nima_http_reply_raw(exchange->conn->fd, exchange->http, 413, NIMA_E_TOO_LARGE, message,
                        exchange->request_id);
    return MHD_NO;
}

static enum MHD_Result take_body(struct nima_exchange *exchange, nima_str piece)
{
    struct nima_http *http = exchange->http;
    pthread_mutex_lock(&http->lock);
    exchange->conn->body_bytes += (int64_t)piece.len;
    bool large = exchange->conn->body_bytes > (int64_t)exchange->body_bytes_max;
    pthread_mutex_unlock(&http->lock);
    if (large) {
        return refuse_large(exchange);
    }
    if (exchange->stage == STAGE_BODY) {
        nima_buf_add(&exchange->body, piece);
    }
    return MHD_YES;
}

enum MHD_Result nima_http_on_request(void *user, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *data,
                                     size_t *size, void **slot)
{
    (void)user;
    (void)mhd;
    (void)url;
    struct nima_exchange *exchange = *slot;
    pthread_mutex_lock(&exchange->lock);
    enum http_stage stage = exchange->stage;
    pthread_mutex_unlock(&exchange->lock);
    if (stage == STAGE_NEW) {
        return first_call(exchange, method, version);
    }
    if (stage == STAGE_BODY || stage == STAGE_DRAIN) {
        if (*size > 0) {
            nima_str piece = {data, *size};
            *size = 0;
            return take_body(exchange, piece);
        }
        return stage == STAGE_BODY ? answer(exchange) : refuse(exchange);
    }
    return stage == STAGE_READY ? send_reply(exchange) : MHD_YES;
}
