#pragma once
/*
 * http_int: what the files of this room share.
 *
 * A request is one `struct nima_exchange`. It is made by the http thread when the request line is
 * there, passes the door (door.c), is handed to a worker while MHD's connection is suspended
 * (lane.c, serve.c), and goes back to the http thread with its reply. Two parties hold it: MHD
 * until the request is completed, and the worker while the handler runs; the last one to let go
 * puts it back for the next request.
 *
 * Locks are taken in this order: nima_http.lock, then nima_exchange.lock. MHD_resume_connection is
 * called under the latter; MHD never calls us with a lock of its own that we could meet there.
 */
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/http.h"
#include "util/queue.h"

enum {
    NIMA_HTTP_SEGMENTS_MAX = 16,
    NIMA_HTTP_ADDED_HEADERS_MAX = 16,
    NIMA_HTTP_REQUEST_ID_MAX = 64,
    NIMA_HTTP_REPLY_BYTES_MAX = 256 * 1024 * 1024,
    NIMA_HTTP_TICK_MS = 250,
};

struct http_header {
    nima_str name, value;
};

/* A route row with its path cut into segments. */
struct http_route {
    const struct nima_route *row;
    nima_str segments[NIMA_HTTP_SEGMENTS_MAX]; /* of a parameter: its name */
    bool is_param[NIMA_HTTP_SEGMENTS_MAX];
    size_t count;
    bool wants_body;    /* the row has fields in the body */
    bool body_optional; /* … and none of them is required */
};

struct http_target { /* the request's address, decoded */
    nima_str path;   /* raw, for logs and for Link */
    nima_str query;  /* raw; absent without '?' */
    nima_str segments[NIMA_HTTP_SEGMENTS_MAX];
    size_t count;
};

/* One TCP connection. Guarded by nima_http.lock. */
struct http_conn {
    struct http_conn *next, *prev;
    int fd;
    enum { CONN_IDLE, CONN_HEADERS, CONN_BODY, CONN_REPLY } phase;
    bool used;        /* has served a request: may idle longer than a fresh one */
    bool kicked;      /* shut down by us, MHD is about to close it */
    bool left;        /* the client's end is closed for sure */
    int64_t since_ms; /* when the phase began */
    int64_t body_bytes;
    int64_t probed_ms; /* when a probe was last sent to a half-closed client */
    int64_t ended_ms;  /* since when no more can come from the client; 0: it can */
    struct nima_exchange *exchange;
};

enum http_stage {
    STAGE_NEW,     /* headers are coming in */
    STAGE_BODY,    /* the body is coming in */
    STAGE_DRAIN,   /* refused; its body is read and dropped, then comes the reply */
    STAGE_WORKING, /* with a worker, or waiting for one */
    STAGE_READY,   /* the reply is there, MHD has not taken it yet */
    STAGE_SENT     /* MHD has the reply */
};

struct nima_exchange {
    struct nima_http *http;
    struct nima_exchange *next_free;
    struct nima_ctx ctx; /* of whoever works on it at the time: http thread, then worker */
    atomic_int refs;
    atomic_bool cancelled;

    /* The request; written by the http thread, read-only from then on. */
    nima_str method, raw_target;
    struct http_target target;
    struct http_header *headers;
    size_t header_count;
    bool http_1_0;
    nima_str cors_origin; /* absent: no CORS headers */
    char request_id[NIMA_HTTP_REQUEST_ID_MAX + 1];
    const struct http_route *route;
    size_t body_bytes_max;
    struct nima_buf body;
    nima_rc door_rc; /* why the door refused; ctx.error says more */
    int door_status; /* instead of door_rc's own; 0: that */
    struct http_conn *conn;
    int64_t begun_ms;
    int64_t deadline_ms;

    /* The reply under construction; the worker's alone. */
    int status; /* set by the handler; 0: the row's */
    struct http_header added[NIMA_HTTP_ADDED_HEADERS_MAX];
    size_t added_count;
    bool replied; /* a response was handed over, or a stream begun */

    /* Idempotency, guarded by nima_http.idem_lock. */
    struct nima_exchange *idem_next;
    nima_str idem_user, idem_key, idem_route;

    /* Guarded by `lock`, which also pairs with `moved`. */
    pthread_mutex_t lock;
    pthread_cond_t moved; /* bytes left the stream's buffer, or the client left */
    enum http_stage stage;
    struct MHD_Connection *mhd; /* NULL: MHD is done with this request */
    bool suspended;
    struct MHD_Response *response;
    int response_status;
    bool streaming; /* nima_sse_begin was called */
    bool ended;     /* no more will be written */
    bool cut;       /* the stream ends without its proper end */
    struct nima_buf stream;
    int64_t wrote_ms; /* when something was last put into the stream */
};

/* A bounded queue and the threads that work it off. */
struct http_lane {
    struct nima_http *http;
    struct nima_queue *queue;
    pthread_mutex_t lock; /* guards the two counts and `threads` */
    pthread_t *threads;
    int threads_max, thread_count;
    int busy; /* threads at work or about to be */
};

struct http_lingering { /* see linger.c */
    int fd;
    int64_t until_ms;
};

struct http_packed; /* see bytes.c */
struct http_packed_cache {
    pthread_mutex_t lock;
    struct http_packed *items;
    size_t count;
    int64_t uses;
};

enum { NIMA_HTTP_LINGERING_MAX = 64, NIMA_HTTP_SPARE_MAX = 128 };

struct nima_http {
    struct nima_http_options options; /* with the defaults filled in; texts in `arena` */
    struct nima_arena *arena;
    bool loopback;
    int port;
    int listen_fd;
    struct MHD_Daemon *daemon;
    struct http_route *routes;
    size_t route_count;
    struct http_lane lane, slow_lane;
    pthread_t ticker;
    bool ticker_runs;

    pthread_mutex_t lock; /* guards conns, spare exchanges, the lingering and `quiet` */
    pthread_cond_t quiet; /* in_flight reached 0, or the ticker is to end */
    struct http_conn *conns;
    struct nima_exchange *spare;
    size_t spare_count;
    struct http_lingering lingering[NIMA_HTTP_LINGERING_MAX];
    size_t lingering_count;
    bool end_ticker;
    struct pollfd *polled; /* the ticker's own */
    size_t polled_max;
    int64_t in_flight; /* exchanges that somebody holds */

    pthread_mutex_t idem_lock; /* guards the list of running idempotent requests */
    struct nima_exchange *idem_running;
    struct http_packed_cache packed;

    atomic_bool stopping; /* new requests are refused */
    atomic_bool cutting;  /* the grace is over: running ones are cancelled */
    atomic_int_fast64_t requests, errors_4xx, errors_5xx, streams_open, connections;
};

/* exchange.c */
struct nima_exchange *nima_http_exchange_new(struct nima_http *http, struct http_conn *conn,
                                             struct MHD_Connection *mhd);
void nima_http_exchange_unref(struct nima_exchange *exchange);
void nima_http_exchange_free_spare(struct nima_http *http);
/* The reply is there: keeps it for the http thread and wakes that. False: one was there already,
 * and the response was dropped. Takes the response over. */
bool nima_http_exchange_ready(struct nima_exchange *exchange, int status,
                              struct MHD_Response *response);
/* MHD is done with the request. */
void nima_http_exchange_completed(struct nima_exchange *exchange);

/* door.c: what is checked before a request is let in. NIMA_OK, or the refusal. */
nima_rc nima_http_door(struct nima_exchange *exchange);
bool nima_http_has_body(struct nima_exchange *exchange);
/* True when the body is not worth waiting for: the reply goes out at once, then the connection. */
bool nima_http_door_closes(const struct nima_exchange *exchange);

/* origin.c */
nima_rc nima_http_check_host(struct nima_exchange *exchange);
nima_rc nima_http_check_origin(struct nima_exchange *exchange);

/* target.c */
nima_rc nima_http_target_read(struct nima_ctx *ctx, nima_str raw, struct http_target *out);
nima_rc nima_http_unescape(struct nima_ctx *ctx, nima_str raw, bool plus, nima_str *out);

/* router.c */
void nima_http_routes_open(struct nima_http *http);
nima_rc nima_http_route_find(struct nima_exchange *exchange);
/* "GET, HEAD, OPTIONS" of this address; absent when nothing is there. */
nima_str nima_http_route_allow(struct nima_exchange *exchange);

/* lane.c */
void nima_http_lane_open(struct http_lane *lane, struct nima_http *http, int threads_max,
                         int queue_max);
bool nima_http_lane_push(struct http_lane *lane, struct nima_exchange *exchange);
void nima_http_lane_close(struct http_lane *lane); /* joins */

/* serve.c: runs the handler and makes the reply, on whatever thread. */
void nima_http_serve(struct nima_exchange *exchange);
nima_rc nima_http_decode(struct nima_exchange *exchange, void **in_out);

/* idempotency.c */
struct http_idem {
    bool active; /* the key is ours until nima_http_idem_end, and the reply is to be kept */
    bool hit;    /* a reply was kept: status and reply */
    nima_str hash;
    int status;
    nima_str reply;
};
nima_rc nima_http_idem_begin(struct nima_exchange *exchange, struct http_idem *idem);
void nima_http_idem_keep(struct nima_exchange *exchange, const struct http_idem *idem, int status,
                         nima_str reply);
void nima_http_idem_end(struct nima_exchange *exchange);

/* reply.c */
void nima_http_reply_json(struct nima_exchange *exchange, int status, struct nima_buf *body);
void nima_http_reply_error(struct nima_exchange *exchange, nima_rc rc);
/* Like nima_http_reply_error, from another thread than the exchange's own. */
void nima_http_reply_error_apart(struct nima_exchange *exchange, nima_rc rc, const char *message);
void nima_http_reply_empty(struct nima_exchange *exchange, int status);
/* The headers that every reply has, and those that the handler added. */
void nima_http_reply_headers(struct nima_exchange *exchange, struct MHD_Response *response);
void nima_http_reply_count(struct nima_http *http, int status);
/* Writes a whole error reply to the socket, past MHD; the connection must end after it. */
void nima_http_reply_raw(int fd, struct nima_http *http, int status, nima_rc rc,
                         const char *message, const char *request_id);

/* sse.c */
void nima_http_sse_comment(struct nima_exchange *exchange); /* with exchange->lock held */
void nima_http_sse_end(struct nima_exchange *exchange, nima_rc rc);

/* bytes.c */
void nima_http_packed_open(struct http_packed_cache *cache);
void nima_http_packed_close(struct http_packed_cache *cache);

/* traffic.c: MHD's callbacks, see there */
enum MHD_Result nima_http_on_request(void *user, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *data,
                                     size_t *size, void **slot);
void *nima_http_on_request_line(void *user, const char *uri, struct MHD_Connection *mhd);
void nima_http_on_completed(void *user, struct MHD_Connection *mhd, void **slot,
                            enum MHD_RequestTerminationCode why);
void nima_http_on_connection(void *user, struct MHD_Connection *mhd, void **slot,
                             enum MHD_ConnectionNotificationCode what);

/* ticker.c */
void *nima_http_ticker(void *http);
void nima_http_linger(struct nima_http *http, int fd);
void nima_http_conn_kick(struct http_conn *conn); /* with nima_http.lock held */
