/* Start, stop, and figures of the server. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_int.h"
#include "util/clock.h"
#include "util/log.h"

enum { BACKLOG = 1024, FLUSH_MS = 2000, STILL_RUNNING_MS = 5000, POLLED_SPARE = 256 };

static size_t unescape_nothing(void *user, struct MHD_Connection *mhd, char *text)
{
    /* MHD would decode in place and lose what %2F was; target.c reads the raw text. */
    (void)user;
    (void)mhd;
    return strlen(text);
}

static nima_str *copy_list(struct nima_arena *arena, const nima_str *list, size_t count)
{
    nima_str *copy = NIMA_NEW(arena, nima_str, count);
    for (size_t i = 0; i < count; i++) {
        copy[i] = nima_str_copy(arena, list[i]);
    }
    return copy;
}

static void or_default(int *value, int preset)
{
    *value = *value > 0 ? *value : preset;
}

static void take_options(struct nima_http *http, const struct nima_http_options *options)
{
    static const struct nima_route *const none[] = {NULL};
    http->options = *options;
    struct nima_http_options *own = &http->options;
    own->host = nima_str_copy(http->arena,
                              options->host.ptr != NULL ? options->host : NIMA_STR("127.0.0.1"));
    own->cors_origins = copy_list(http->arena, options->cors_origins, options->cors_origin_count);
    own->allowed_hosts =
        copy_list(http->arena, options->allowed_hosts, options->allowed_host_count);
    own->tables = options->tables != NULL ? options->tables : none;
    own->io_threads = options->io_threads > 2 ? options->io_threads : 2;
    or_default(&own->workers, 8);
    or_default(&own->slow_workers, 64);
    or_default(&own->queue_max, 1024);
    or_default(&own->connections_max, 1024);
    or_default(&own->header_timeout_s, 10);
    or_default(&own->idle_timeout_s, 75);
    or_default(&own->stream_stall_ms, 30000);
    own->body_bytes_max = own->body_bytes_max > 0 ? own->body_bytes_max : 1024 * 1024;
    own->header_bytes_max = own->header_bytes_max > 0 ? own->header_bytes_max : 16 * 1024;
    own->stream_bytes_max = own->stream_bytes_max > 0 ? own->stream_bytes_max : 256 * 1024;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *v6 = (const void *)address;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static nima_rc try_bind(struct nima_ctx *ctx, struct nima_http *http, const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        const char *hint = why == EADDRINUSE ? "; another program uses the port: stop it, or take "
                                               "another one with --port"
                                             : "";
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "cannot listen on " NIMA_FMT " port %d: %s%s",
                         NIMA_ARG(http->options.host), http->options.port, strerror(why), hint);
    }
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    getsockname(fd, (struct sockaddr *)&bound, &length);
    http->loopback = is_loopback((const struct sockaddr *)&bound);
    http->port = ntohs(bound.ss_family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                                  : ((struct sockaddr_in6 *)&bound)->sin6_port);
    http->listen_fd = fd;
    return NIMA_OK;
}

static nima_rc listen_on(struct nima_ctx *ctx, struct nima_http *http)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[16];
    snprintf(port, sizeof(port), "%d", http->options.port);
    int rc = getaddrinfo(nima_cstr(ctx, http->options.host), port, &hints, &found);
    if (rc != 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "server.host",
                               "the address \"" NIMA_FMT "\" to listen on is not known: %s",
                               NIMA_ARG(http->options.host), gai_strerror(rc));
    }
    nima_rc bound = NIMA_E_INTERNAL;
    for (const struct addrinfo *at = found; at != NULL && bound != NIMA_OK; at = at->ai_next) {
        bound = try_bind(ctx, http, at);
    }
    freeaddrinfo(found);
    return bound;
}

static nima_rc start_daemon(struct nima_ctx *ctx, struct nima_http *http)
{
    const struct nima_http_options *options = &http->options;
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    /* Twice the headers: their parsed form, and the reply's headers, live beside their text. */
    size_t memory = 2 * options->header_bytes_max + 8 * 1024;
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, nima_http_on_request, http, MHD_OPTION_LISTEN_SOCKET, http->listen_fd,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned int)options->io_threads, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)options->connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)options->idle_timeout_s + 15,
        MHD_OPTION_NOTIFY_COMPLETED, nima_http_on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        nima_http_on_connection, http, MHD_OPTION_URI_LOG_CALLBACK, nima_http_on_request_line, http,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_END);
    if (http->daemon == NULL) {
        return nima_fail(ctx, NIMA_E_INTERNAL, "the HTTP server cannot start: %s", strerror(errno));
    }
    return NIMA_OK;
}

static void http_init(struct nima_http *http)
{
    http->arena = nima_arena_new();
    http->listen_fd = -1;
    pthread_mutex_init(&http->lock, NULL);
    pthread_mutex_init(&http->idem_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&http->quiet, &monotonic);
    pthread_condattr_destroy(&monotonic);
    nima_http_packed_open(&http->packed);
}

static void http_free(struct nima_http *http)
{
    if (http->ticker_runs) {
        pthread_mutex_lock(&http->lock);
        http->end_ticker = true;
        pthread_cond_broadcast(&http->quiet);
        pthread_mutex_unlock(&http->lock);
        pthread_join(http->ticker, NULL);
    }
    for (size_t i = 0; i < http->lingering_count; i++) {
        close(http->lingering[i].fd);
    }
    nima_http_exchange_free_spare(http);
    nima_http_packed_close(&http->packed);
    pthread_cond_destroy(&http->quiet);
    pthread_mutex_destroy(&http->idem_lock);
    pthread_mutex_destroy(&http->lock);
    nima_arena_free(http->arena);
    free(http);
}

static nima_rc start(struct nima_ctx *ctx, struct nima_http *http)
{
    const struct nima_http_options *options = &http->options;
    nima_http_routes_open(http);
    http->polled_max = (size_t)options->connections_max + POLLED_SPARE;
    http->polled = NIMA_NEW(http->arena, struct pollfd, http->polled_max);
    NIMA_TRY(listen_on(ctx, http));
    nima_http_lane_open(&http->lane, http, options->workers, options->queue_max);
    nima_http_lane_open(&http->slow_lane, http, options->slow_workers, options->queue_max);
    if (pthread_create(&http->ticker, NULL, nima_http_ticker, http) != 0) {
        return nima_fail(ctx, NIMA_E_INTERNAL, "no thread for the HTTP server");
    }
    http->ticker_runs = true;
    return start_daemon(ctx, http);
}

nima_rc nima_http_start(struct nima_ctx *ctx, const struct nima_http_options *options,
                        struct nima_http **out)
{
    struct nima_http *http = NIMA_XNEW(struct nima_http, 1);
    http_init(http);
    take_options(http, options);
    nima_rc rc = start(ctx, http);
    if (rc != NIMA_OK) {
        if (http->listen_fd >= 0) {
            close(http->listen_fd);
        }
        nima_http_lane_close(&http->lane);
        nima_http_lane_close(&http->slow_lane);
        http_free(http);
        return rc;
    }
    *out = http;
    return NIMA_OK;
}

int nima_http_port(const struct nima_http *http)
{
    return http->port;
}

/* Waits until nobody holds an exchange. */
static bool wait_quiet(struct nima_http *http, int64_t limit_ms)
{
    int64_t until = nima_mono_ms() + limit_ms;
    pthread_mutex_lock(&http->lock);
    while (http->in_flight > 0 && nima_mono_ms() < until) {
        int64_t left = until - nima_mono_ms();
        int64_t step = left < 50 ? left : 50;
        struct timespec at = nima_mono_after(step);
        pthread_cond_timedwait(&http->quiet, &http->lock, &at);
    }
    bool quiet = http->in_flight == 0;
    pthread_mutex_unlock(&http->lock);
    return quiet;
}

static void kick_all(struct nima_http *http)
{
    pthread_mutex_lock(&http->lock);
    for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next) {
        nima_http_conn_kick(conn);
    }
    pthread_mutex_unlock(&http->lock);
}

/* Handlers are told to end and do so soon; what they wrote last is given time to be sent. */
static void cut_short(struct nima_http *http)
{
    atomic_store(&http->cutting, true);
    if (wait_quiet(http, FLUSH_MS)) {
        return;
    }
    kick_all(http);
    while (!wait_quiet(http, STILL_RUNNING_MS)) {
        nima_log_warn("waiting for %lld requests that do not end", (long long)http->in_flight);
        kick_all(http);
    }
}

/* New connections are refused from now on. MHD_quiesce_daemon is made for this, but with epoll and
 * several threads it races with them for the removal of the socket, and the loser aborts the
 * process ("Failed to remove listen FD from epoll set"). So the socket's number is given to
 * something that never has an event; the socket itself is closed by it and so leaves the sets. */
static void stop_listening(struct nima_http *http)
{
    int quiet = eventfd(0, EFD_CLOEXEC);
    if (quiet >= 0 && dup3(quiet, http->listen_fd, O_CLOEXEC) >= 0) {
        close(quiet);
        return;
    }
    nima_log_warn("the listening socket stays open until the end: %s", strerror(errno));
    if (quiet >= 0) {
        close(quiet);
    }
}

void nima_http_stop(struct nima_http *http, int grace_ms)
{
    if (http == NULL) {
        return;
    }
    atomic_store(&http->stopping, true);
    stop_listening(http);
    if (!wait_quiet(http, grace_ms)) {
        cut_short(http);
    }
    nima_http_lane_close(&http->lane);
    nima_http_lane_close(&http->slow_lane);
    MHD_stop_daemon(http->daemon); /* closes listen_fd */
    http_free(http);
}

void nima_http_stats(struct nima_http *http, struct nima_http_stats *out)
{
    out->requests = atomic_load(&http->requests);
    out->errors_4xx = atomic_load(&http->errors_4xx);
    out->errors_5xx = atomic_load(&http->errors_5xx);
    out->streams_open = atomic_load(&http->streams_open);
    out->connections = atomic_load(&http->connections);
    out->queue_waiting =
        (int64_t)(nima_queue_count(http->lane.queue) + nima_queue_count(http->slow_lane.queue));
}
