#pragma once
/*
 * http: the server: sockets, limits, routing, decoding and encoding by tables, SSE, OpenAPI. Knows
 * nothing of what is served; src/api gives it route rows.
 *
 * Lifetime   _start binds and begins to serve; _stop (from any thread but a worker) refuses new
 *            requests, lets running ones finish up to a deadline, then cancels them and joins.
 * Threads    http threads own the sockets and never block; handlers are plain blocking code on
 *            workers. A connection is suspended while its handler works. A client that leaves sets
 *            ctx->cancelled of its request.
 * Errors     Handlers return nima_rc; http turns it and ctx->error into the error JSON.
 */
#include "util/ctx.h"
#include "util/json.h"

struct nima_http;
struct nima_exchange; /* one request and its reply */

typedef nima_rc (*nima_http_call)(struct nima_ctx *ctx, struct nima_exchange *exchange,
                                  const void *in, void *out);

enum nima_route_kind {
    NIMA_ROUTE_JSON,   /* out is encoded by its shape */
    NIMA_ROUTE_LIST,   /* out is a struct nima_list: a bare array of the shape */
    NIMA_ROUTE_STREAM, /* the handler may begin SSE, or return as for JSON */
    NIMA_ROUTE_BYTES   /* the handler replies itself, with nima_http_bytes */
};

struct nima_route {
    const char *method, *path; /* "/v1/memory/facts/{id}": {id} is a field placed in the path */
    nima_http_call call;
    enum nima_route_kind kind;
    const struct nima_shape *in, *out; /* NULL: no fields, no body; BYTES: what it may send as
                                          application/json beside out_type */
    bool in_list; /* the body is a bare array of `in`; the handler gets a nima_list */
    int64_t in_list_max;
    int status;        /* of success; 0: 200. 204 has no body */
    int status_also;   /* another one that the handler may set (200 beside 201); 0: none */
    uint32_t errors;   /* NIMA_E_BIT(…): which of ours this route can give, for the document;
                          those of the door (400, 401, 413 …) are added where they apply */
    const char *scope; /* needed: "chat", "memory", "tasks", "admin"; NULL: open to all */
    const char *tag, *summary;
    const char *out_schema; /* STREAM, BYTES: what the document says of the body */
    const char *out_type;   /* STREAM: "text/event-stream"; BYTES: its Content-Type */
    size_t body_bytes_max;  /* 0: the server's */
    bool quick; /* the handler never blocks (no store, no model, no lock held for long): it runs on
                   the http thread itself, which spares two thread switches a request */
    bool slow;  /* the handler may take seconds (it waits for the model): it gets a thread of the
                   slow lane, so that short requests never wait behind it. STREAM rows always do */
};

/* Called on the worker before each handler: sets ctx->user_id, or UNAUTHORIZED or FORBIDDEN.
 * `bearer` is the token without "Bearer ", absent when none was sent. */
typedef nima_rc (*nima_http_authorize)(struct nima_ctx *ctx, void *user, nima_str bearer,
                                       const char *scope);
/* Idempotency-Key on POST. Before the handler: *hit and the stored reply, or CONFLICT. After a
 * reply below 500: to be stored. May be NULL. */
struct nima_http_idempotency {
    nima_rc (*find)(struct nima_ctx *ctx, void *user, nima_str key, nima_str route,
                    nima_str body_hash, bool *hit, int *status, nima_str *reply);
    nima_rc (*keep)(struct nima_ctx *ctx, void *user, nima_str key, nima_str route,
                    nima_str body_hash, int status, nima_str reply);
};

struct nima_http_options {
    nima_str host;           /* "127.0.0.1", "::1", "0.0.0.0" */
    int port;                /* 0: any free one, see nima_http_port */
    int io_threads;          /* 0: 2, never less */
    int workers;             /* threads for handlers; 0: 8 */
    int slow_workers;        /* threads for STREAM and .slow rows, made when needed; 0: 64. So many
                                of them run at once, the others wait in the queue */
    int queue_max;           /* requests that wait for a worker, for each of the two; 0: 1024.
                                One more is 503 with Retry-After */
    int connections_max;     /* 0: 1024 */
    size_t body_bytes_max;   /* 0: 1 MiB */
    size_t header_bytes_max; /* 0: 16 KiB */
    int header_timeout_s;    /* 0: 10 */
    int idle_timeout_s;      /* a kept-alive connection without a request; 0: 75 */
    int request_timeout_s;   /* 0: none; a JSON reply that takes longer is TIMEOUT */
    int stream_stall_ms;     /* 0: 30,000: a stream whose client reads nothing for so long is cut */
    size_t stream_bytes_max; /* 0: 256 KiB: what one stream buffers before the handler waits */
    const nima_str *cors_origins; /* beside the server's own and localhost ones; "*" is any */
    size_t cors_origin_count;
    const nima_str *allowed_hosts; /* Host header, beside localhost names on loopback; "*": any */
    size_t allowed_host_count;
    const struct nima_route *const *tables; /* NULL-terminated list of tables ending in {0} */
    void *app;                              /* nima_exchange_app */
    nima_http_authorize authorize;          /* NULL: everybody is "default" */
    const struct nima_http_idempotency *idempotency;
    void *hooks_user;
    const char *title, *version; /* of the OpenAPI document */
};

NIMA_MUST_USE nima_rc nima_http_start(struct nima_ctx *ctx, const struct nima_http_options *options,
                                      struct nima_http **out);
int nima_http_port(const struct nima_http *http);
void nima_http_stop(struct nima_http *http, int grace_ms); /* frees it */

struct nima_http_stats {
    int64_t requests, errors_4xx, errors_5xx, streams_open, connections, queue_waiting;
};
void nima_http_stats(struct nima_http *http, struct nima_http_stats *out);

/* For handlers */
void *nima_exchange_app(struct nima_exchange *exchange);
nima_str nima_exchange_header(struct nima_exchange *exchange, const char *name); /* or absent */
nima_str nima_exchange_body(struct nima_exchange *exchange);
/* Another success status than the row's (201 against 200). */
void nima_exchange_status(struct nima_exchange *exchange, int status);
/* Adds a reply header; the value must hold no control characters. */
void nima_exchange_add_header(struct nima_exchange *exchange, const char *name, nima_str value);
/* Sets X-Next-Cursor and Link rel="next" (the request's own address with cursor replaced);
 * nothing when absent. */
void nima_exchange_next_cursor(struct nima_exchange *exchange, nima_str cursor);
/* Replies with bytes as they are (copied), gzip and ETag handled; for pages and documents. */
NIMA_MUST_USE nima_rc nima_http_bytes(struct nima_ctx *ctx, struct nima_exchange *exchange,
                                      const char *content_type, nima_str bytes);

/* Server-sent events. _begin sends status 200 and the headers; from then on errors can only be
 * events. Comments are sent by http itself every second before the first event and every 15 s after
 * (so that a client that left is noticed). CANCELLED once the client has left. */
NIMA_MUST_USE nima_rc nima_sse_begin(struct nima_ctx *ctx, struct nima_exchange *exchange);
/* "data: " + json + two newlines. `json` must hold no newline. */
NIMA_MUST_USE nima_rc nima_sse_send(struct nima_ctx *ctx, struct nima_exchange *exchange,
                                    nima_str json);

/* The error JSON of contract section 3, as sent in replies and in events. */
void nima_http_error_json(const struct nima_ctx *ctx, nima_rc rc, struct nima_buf *buf);
/* The OpenAPI 3.1 document of the tables, indented, ending in a newline. */
void nima_openapi_write(const struct nima_route *const *tables, const char *title,
                        const char *version, struct nima_buf *buf);
