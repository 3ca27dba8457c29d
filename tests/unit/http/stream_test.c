/* Streams, clients that leave or dawdle, deadlines, full queues, and the stop in the middle. */
#include "support_http.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/clock.h"

static void ask(int fd, const char *target)
{
    char text[200];
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    client_send(fd, text);
}

static void close_with_reset(int fd)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
}

static void frames_are_exact(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, NULL);
    int fd = client_open(&s);
    ask(fd, "/stream?frames=3");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "Content-Type"), "text/event-stream");
    assert_string_equal(reply_header(&r, "Cache-Control"), "no-cache");
    assert_string_equal(reply_header(&r, "X-Accel-Buffering"), "no");
    assert_int_equal(strlen(reply_header(&r, "X-Request-Id")), 36);
    assert_string_equal(r.body, "data: {\"content\": \"0\", \"done\": false}\n\n"
                                "data: {\"content\": \"1\", \"done\": false}\n\n"
                                "data: {\"content\": \"2\", \"done\": false}\n\n");
    reply_free(&r);
    /* The connection goes on, and an error before the first frame is a plain one. */
    ask(fd, "/stream?frames=-1");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 422);
    assert_non_null(strstr(r.body, "\"field\":\"frames\""));
    reply_free(&r);
    ask(fd, "/stream?frames=1&fail=true");
    client_read(fd, false, &r);
    assert_non_null(strstr(r.body, "\n\ndata: {\"error\":{\"code\":\"model_failed\","));
    assert_non_null(strstr(r.body, ",\"done\":true}\n\n"));
    reply_free(&r);
    ask(fd, "/stream?frames=5&pause_ms=20&bytes=100000");
    client_read(fd, false, &r);
    assert_true(r.body_len > 500000);
    reply_free(&r);
    close(fd);
    struct nima_http_stats stats;
    nima_http_stats(s.http, &stats);
    assert_int_equal(stats.streams_open, 0);
    assert_int_equal(stats.requests, 4);
    assert_int_equal(stats.errors_4xx, 1);
    server_close(&s, 1000);
}

static void frames_arrive_as_they_are_written(void **state)
{
    (void)state;
    struct server s;
    server_open(&s, NULL);
    int fd = client_open(&s);
    int64_t begun = nima_mono_ms();
    ask(fd, "/stream?frames=3&pause_ms=1500");
    assert_true(client_wait_for(fd, "\"content\": \"0\"", 2000));
    assert_true(nima_mono_ms() - begun < 1200);
    close(fd);
    server_close(&s, 3000);
}

/* The handler at `target` hears of its client's leaving within 1.5 s. */
static void check_leaving(const char *target, void (*leave)(int fd))
{
    struct server s;
    server_open(&s, NULL);
    int fd = client_open(&s);
    ask(fd, target);
    wait_until_at_least(&s.running, 1, 5000);
    nap_ms(50);
    int64_t left = nima_mono_ms();
    leave(fd);
    wait_until_true(&s.cancelled, 3000);
    int64_t took = atomic_load(&s.cancelled_ms) - left;
    if (took > 1500) {
        fail_msg("%s: took %lld ms", target, (long long)took);
    }
    server_close(&s, 3000);
}

static void just_close(int fd)
{
    close(fd);
}

static void leaving_is_noticed(void **state)
{
    (void)state;
    /* A handler that streams, one that has begun and is silent, one that has a plain reply to make.
     */
    check_leaving("/stream?frames=1000&pause_ms=10", just_close);
    check_leaving("/stream?frames=1000&pause_ms=10", close_with_reset);
    check_leaving("/stream?frames=2&pause_ms=60000", just_close);
    check_leaving("/stream?frames=2&pause_ms=60000", close_with_reset);
    check_leaving("/wait", just_close);
    check_leaving("/wait", close_with_reset);
}

/* shutdown(SHUT_WR) is no leaving: the reply is waited for. */
static void half_closed_clients_are_served(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, NULL);
    int fd = client_open(&s);
    ask(fd, "/wait");
    wait_until_at_least(&s.running, 1, 5000);
    shutdown(fd, SHUT_WR);
    nap_ms(1600);
    assert_false(atomic_load(&s.cancelled));
    atomic_store(&s.go, true);
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "waited"));
    reply_free(&r);
    close(fd);
    fd = client_open(&s);
    ask(fd, "/stream?frames=3&pause_ms=600");
    shutdown(fd, SHUT_WR);
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "\"content\": \"2\""));
    reply_free(&r);
    close(fd);
    server_close(&s, 3000);
}

static void slow_readers_stop_the_handler_and_are_cut(void **state)
{
    (void)state;
    struct server s;
    struct nima_http_options options = {.stream_stall_ms = 700, .stream_bytes_max = 16 * 1024};
    server_open(&s, &options);
    int fd = client_open(&s);
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    ask(fd, "/stream?frames=100000&bytes=10000");
    wait_until_at_least(&s.running, 1, 5000);
    nap_ms(400);
    int sent = atomic_load(&s.sent);
    assert_true(sent < 2000); /* of 100,000: the buffers are full and the handler waits */
    wait_until_true(&s.cancelled, 5000);
    close(fd);
    /* One that reads slowly but does read is served to the end. */
    atomic_store(&s.cancelled, false);
    fd = client_open(&s);
    ask(fd, "/stream?frames=100&bytes=10000");
    nap_ms(300);
    struct reply r;
    client_read(fd, false, &r);
    assert_true(r.body_len > 1000000);
    assert_false(r.closed);
    assert_false(atomic_load(&s.cancelled));
    reply_free(&r);
    close(fd);
    server_close(&s, 3000);
}

static void a_full_queue_is_busy(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    int fds[4];
    server_open(&s, &(struct nima_http_options){.workers = 2, .queue_max = 2});
    for (int i = 0; i < 4; i++) {
        fds[i] = client_open(&s);
        ask(fds[i], "/wait");
        if (i == 1) {
            wait_until_at_least(&s.running, 2, 5000);
        }
    }
    nap_ms(100);
    client_ask(&s, "GET /wait", "", NULL, &r);
    assert_int_equal(r.status, 503);
    assert_string_equal(reply_header(&r, "Retry-After"), "1");
    assert_non_null(strstr(r.body, "\"code\":\"busy\""));
    reply_free(&r);
    /* Quick rows and the slow lane are not held up. */
    client_ask(&s, "GET /health", "", NULL, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    client_ask(&s, "GET /stream", "", NULL, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    struct nima_http_stats stats;
    nima_http_stats(s.http, &stats);
    assert_int_equal(stats.queue_waiting, 2);
    assert_int_equal(stats.errors_5xx, 1);
    atomic_store(&s.go, true);
    for (int i = 0; i < 4; i++) {
        client_read(fds[i], false, &r);
        assert_int_equal(r.status, 200);
        reply_free(&r);
        close(fds[i]);
    }
    server_close(&s, 1000);
}

static void deadlines_are_kept(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, &(struct nima_http_options){.request_timeout_s = 1});
    client_ask(&s, "GET /wait", "", NULL, &r); /* this handler looks at its deadline */
    assert_int_equal(r.status, 504);
    assert_non_null(strstr(r.body, "this took longer than allowed"));
    reply_free(&r);
    int64_t begun = nima_mono_ms();
    client_ask(&s, "GET /stubborn", "", NULL, &r); /* this one does not */
    assert_int_equal(r.status, 504);
    assert_true(nima_mono_ms() - begun < 3000);
    reply_free(&r);
    atomic_store(&s.go, true);
    server_close(&s, 3000);
}

static void slow_senders_are_ended(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, &(struct nima_http_options){.header_timeout_s = 1});
    int fd = client_open(&s);
    client_send(fd, "GET /health HTTP/1.1\r\nHost: localhost\r\n");
    bool ended = false;
    for (int i = 0; i < 30 && !ended; i++) {
        char more[40];
        snprintf(more, sizeof(more), "X-%d: a\r\n", i); /* a byte now and then keeps MHD patient */
        client_send(fd, more);
        struct pollfd at = {.fd = fd, .events = POLLIN};
        ended = poll(&at, 1, 100) > 0;
    }
    assert_true(ended);
    client_read(fd, false, &r);
    assert_int_equal(r.status, 408);
    reply_free(&r);
    close(fd);
    fd = client_open(&s); /* says nothing at all */
    client_read(fd, false, &r);
    assert_true(r.closed);
    reply_free(&r);
    close(fd);
    server_close(&s, 1000);
}

static void stop_lets_streams_finish(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, NULL);
    int idle = client_open(&s);
    ask(idle, "/health");
    client_read(idle, false, &r);
    reply_free(&r);
    int fd = client_open(&s);
    ask(fd, "/stream?frames=10&pause_ms=100");
    wait_until_at_least(&s.sent, 1, 5000);
    int64_t begun = nima_mono_ms();
    server_close(&s, 10000);
    assert_true(nima_mono_ms() - begun < 9000);
    client_read(fd, false, &r);
    assert_false(r.closed);
    assert_non_null(strstr(r.body, "\"content\": \"9\""));
    reply_free(&r);
    client_read(idle, false, &r);
    assert_true(r.closed);
    reply_free(&r);
    close(fd);
    close(idle);
}

static void stop_cancels_what_does_not_finish(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, NULL);
    int fd = client_open(&s);
    ask(fd, "/stream?frames=10000&pause_ms=20");
    int waiting = client_open(&s);
    ask(waiting, "/wait");
    wait_until_at_least(&s.running, 2, 5000);
    int64_t begun = nima_mono_ms();
    server_close(&s, 300);
    assert_true(nima_mono_ms() - begun < 8000);
    assert_true(atomic_load(&s.cancelled));
    client_read(fd, false, &r);
    assert_false(r.closed); /* a proper end, and a last event that says why */
    assert_non_null(strstr(r.body, "\"code\":\"unavailable\""));
    assert_non_null(strstr(r.body, "\"done\":true}\n\n"));
    reply_free(&r);
    client_read(waiting, false, &r);
    assert_int_equal(r.status, 503);
    reply_free(&r);
    close(fd);
    close(waiting);
}

struct crowd {
    const struct server *server;
    atomic_int good;
};

static void *crowd_member(void *arg)
{
    struct crowd *crowd = arg;
    struct reply r;
    for (int i = 0; i < 5; i++) {
        int fd = client_open(crowd->server);
        for (int k = 0; k < 5; k++) {
            ask(fd, k % 2 == 0 ? "/worker" : k % 3 == 0 ? "/stream?frames=2" : "/health");
            client_read(fd, false, &r);
            atomic_fetch_add(&crowd->good, r.status == 200 && !r.closed ? 1 : 0);
            reply_free(&r);
        }
        close(fd);
    }
    return NULL;
}

static void two_hundred_clients_at_once(void **state)
{
    (void)state;
    enum { CLIENTS = 200 };
    struct server s;
    server_open(&s, NULL);
    struct crowd crowd = {.server = &s};
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &crowd), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&crowd.good), CLIENTS * 25);
    server_close(&s, 3000);
}

/* Many streams with few threads for them: all are served, in turn, and others meanwhile. */
static void more_streams_than_threads(void **state)
{
    (void)state;
    enum { STREAMS = 100 };
    struct server s;
    struct reply r;
    int fds[STREAMS];
    server_open(&s, &(struct nima_http_options){.slow_workers = 20});
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = client_open(&s);
        ask(fds[i], "/stream?frames=3&pause_ms=30");
    }
    client_ask(&s, "GET /worker", "", NULL, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    for (int i = 0; i < STREAMS; i++) {
        client_read(fds[i], false, &r);
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.body, "\"content\": \"2\""));
        reply_free(&r);
        close(fds[i]);
    }
    server_close(&s, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_exact),
        cmocka_unit_test(frames_arrive_as_they_are_written),
        cmocka_unit_test(leaving_is_noticed),
        cmocka_unit_test(half_closed_clients_are_served),
        cmocka_unit_test(slow_readers_stop_the_handler_and_are_cut),
        cmocka_unit_test(a_full_queue_is_busy),
        cmocka_unit_test(deadlines_are_kept),
        cmocka_unit_test(slow_senders_are_ended),
        cmocka_unit_test(stop_lets_streams_finish),
        cmocka_unit_test(stop_cancels_what_does_not_finish),
        cmocka_unit_test(two_hundred_clients_at_once),
        cmocka_unit_test(more_streams_than_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
