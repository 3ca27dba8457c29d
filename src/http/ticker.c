/*
 * The ticker looks at all connections four times a second and does what MHD cannot: it ends slow
 * senders, answers for handlers that miss their deadline, keeps streams alive by comments, and
 * finds out which clients have left.
 *
 * A client that is gone: a suspended connection is not in MHD's epoll set, so we poll(2) it here.
 * POLLHUP or POLLERR (a reset) is a client that left. POLLRDHUP (a FIN) is not: a client may close
 * its sending half and wait for the reply (shutdown(SHUT_WR), `nc -N`), and TCP tells it apart from
 * close() only when something is sent to it. So we send: a comment into a stream, and to a client
 * that waits for a plain reply "HTTP/1.1 100 Continue", which every HTTP/1.1 client must be ready
 * to read any number of times. Who has closed answers with a reset, which the next tick sees.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_int.h"
#include "util/clock.h"

enum {
    BODY_TIMEOUT_MS = 30000,
    BODY_BYTES_PER_MS = 10, /* slower than 10 kB/s over the whole body is too slow */
    COMMENT_MS = 15000,
    PROBE_MS = 1000,
    LATE_MS = 1000, /* for the handler to answer TIMEOUT itself, with its own words */
    HALF_CLOSED_MS = 200,
    LINGER_MS = 2000,
    LINGER_TICK_MS = 10
};

static const char probe[] = "HTTP/1.1 100 Continue\r\n\r\n";

void nima_http_conn_kick(struct http_conn *conn)
{
    if (!conn->kicked) {
        conn->kicked = true;
        shutdown(conn->fd, SHUT_RDWR);
    }
}

/* A client that still sends when we have closed gets a reset, and loses the reply that explains
 * it. A second descriptor keeps the socket open; MHD has shut our sending half down by then, and
 * here is read and dropped what still comes, for a while. */
void nima_http_linger(struct nima_http *http, int fd)
{
    int copy = dup(fd);
    pthread_mutex_lock(&http->lock);
    bool room = copy >= 0 && http->lingering_count < NIMA_HTTP_LINGERING_MAX;
    if (room) {
        http->lingering[http->lingering_count++] =
            (struct http_lingering){copy, nima_mono_ms() + LINGER_MS};
        pthread_cond_broadcast(&http->quiet);
    }
    pthread_mutex_unlock(&http->lock);
    if (!room && copy >= 0) {
        close(copy);
    }
}

/* False: it is over. */
static bool drain(const struct http_lingering *it, int64_t now)
{
    char dropped[16 * 1024];
    for (int i = 0; i < 64; i++) {
        ssize_t got = recv(it->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        if (got < 0) {
            break;
        }
    }
    return now < it->until_ms;
}

static void tick_lingering(struct nima_http *http, int64_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < http->lingering_count; i++) {
        if (drain(&http->lingering[i], now)) {
            http->lingering[kept++] = http->lingering[i];
        } else {
            close(http->lingering[i].fd);
        }
    }
    http->lingering_count = kept;
}

static void end_slow_sender(struct nima_http *http, struct http_conn *conn, int64_t now)
{
    const struct nima_http_options *options = &http->options;
    int64_t limit_ms = (int64_t)options->header_timeout_s * 1000;
    if (conn->phase == CONN_IDLE && conn->used) {
        limit_ms = (int64_t)options->idle_timeout_s * 1000;
    } else if (conn->phase == CONN_BODY) {
        limit_ms = BODY_TIMEOUT_MS + conn->body_bytes / BODY_BYTES_PER_MS;
    }
    bool stopping = atomic_load(&http->stopping);
    if (conn->kicked || (now - conn->since_ms <= limit_ms && !stopping)) {
        return;
    }
    if (conn->exchange != NULL && !stopping) {
        const char *id = conn->phase == CONN_BODY ? conn->exchange->request_id : "";
        nima_http_reply_raw(conn->fd, http, 408, NIMA_E_TIMEOUT,
                            "the request did not arrive in time", id);
    }
    nima_http_conn_kick(conn);
}

/* A FIN that comes together with data gives MHD's edge-triggered epoll no second edge, so it would
 * hear of it only by its timeout. Nothing unread and nothing more to come: no request follows. Two
 * ticks, so that what MHD has just read is not taken for nothing. */
static void end_half_closed(struct http_conn *conn, int seen, int64_t now)
{
    int unread = 0;
    if ((seen & POLLRDHUP) == 0 || ioctl(conn->fd, FIONREAD, &unread) != 0 || unread > 0) {
        conn->ended_ms = 0;
    } else if (conn->ended_ms < conn->since_ms || conn->ended_ms == 0) {
        conn->ended_ms = now;
    } else if (now - conn->ended_ms >= HALF_CLOSED_MS) {
        nima_http_conn_kick(conn);
    }
}

/* With both locks held. */
static void look_for_client(struct nima_exchange *exchange, struct http_conn *conn, int seen,
                            int64_t now)
{
    if (conn->left || seen == 0) {
        return;
    }
    if ((seen & (POLLHUP | POLLERR)) != 0) {
        conn->left = true;
        atomic_store(&exchange->cancelled, true);
        pthread_cond_broadcast(&exchange->moved);
        return;
    }
    if (now - conn->probed_ms < PROBE_MS) {
        return;
    }
    conn->probed_ms = now;
    if (exchange->streaming) {
        nima_http_sse_comment(exchange);
    } else if (exchange->stage == STAGE_WORKING && exchange->suspended && !exchange->http_1_0) {
        ssize_t sent = send(conn->fd, probe, sizeof(probe) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)sent;
    }
}

/* With nima_http.lock held. True: the handler missed its deadline and does not even say so. */
static bool tick_exchange(struct nima_exchange *exchange, struct http_conn *conn, int seen,
                          int64_t now)
{
    bool late = false;
    pthread_mutex_lock(&exchange->lock);
    if (exchange->stage == STAGE_WORKING || exchange->streaming) {
        look_for_client(exchange, conn, seen, now);
        if (exchange->streaming && now - exchange->wrote_ms >= COMMENT_MS) {
            nima_http_sse_comment(exchange);
        }
        if (exchange->cut) {
            nima_http_conn_kick(conn);
        }
        if (atomic_load(&exchange->http->cutting)) {
            atomic_store(&exchange->cancelled, true);
            pthread_cond_broadcast(&exchange->moved);
        }
    }
    if (exchange->stage == STAGE_WORKING && exchange->deadline_ms != 0 &&
        now > exchange->deadline_ms + LATE_MS) {
        atomic_store(&exchange->cancelled, true);
        late = true;
    }
    pthread_mutex_unlock(&exchange->lock);
    return late;
}

/* What happened to the connections' other ends, in the order of the list. */
static size_t poll_all(struct nima_http *http)
{
    size_t count = 0;
    struct http_conn *conn = http->conns;
    for (; conn != NULL && count < http->polled_max; conn = conn->next) {
        http->polled[count++] = (struct pollfd){.fd = conn->fd, .events = POLLRDHUP};
    }
    if (poll(http->polled, count, 0) < 0) {
        return 0;
    }
    return count;
}

static void tick(struct nima_http *http)
{
    int64_t now = nima_mono_ms();
    size_t at = 0;
    tick_lingering(http, now);
    size_t count = poll_all(http);
    for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next, at++) {
        int seen = at < count ? http->polled[at].revents : 0;
        if (conn->phase != CONN_REPLY) {
            end_slow_sender(http, conn, now);
            end_half_closed(conn, seen, now);
        } else if (conn->exchange != NULL && tick_exchange(conn->exchange, conn, seen, now)) {
            nima_http_reply_error_apart(conn->exchange, NIMA_E_TIMEOUT,
                                        nima_rc_text(NIMA_E_TIMEOUT));
        }
    }
}

void *nima_http_ticker(void *arg)
{
    struct nima_http *http = arg;
    pthread_mutex_lock(&http->lock);
    while (!http->end_ticker) {
        tick(http);
        int64_t wait_ms = http->lingering_count > 0 ? LINGER_TICK_MS : NIMA_HTTP_TICK_MS;
        struct timespec until = nima_mono_after(wait_ms);
        pthread_cond_timedwait(&http->quiet, &http->lock, &until);
    }
    pthread_mutex_unlock(&http->lock);
    return NULL;
}
