/*
 * Requests bent at random: whatever comes back, the server lives, serves others, and every reply
 * is HTTP. The seed is fixed, so that a failure comes again; NIMA_TEST_SEED and NIMA_TEST_ROUNDS
 * try others.
 */
#include "support_http.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 400, BYTES_MAX = 4096 };

static const char *const seeds[] = {
    "GET /health HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    "GET /v1/things?q=a%20b&limit=5 HTTP/1.1\r\nHost: localhost\r\nOrigin: "
    "http://localhost\r\n\r\n",
    "POST /v1/things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    "Content-Length: 25\r\n\r\n{\"name\":\"abc\",\"count\":5}  ",
    "PUT /v1/things/0191d2b0-7d4e-7000-8000-000000000001?loud=1 HTTP/1.1\r\nHost: localhost\r\n"
    "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"nam\r\n7\r\ne\":\"x\"}\r\n0\r\n\r\n",
    "POST /v1/things/batch HTTP/1.0\r\nContent-Length: 14\r\n\r\n[{\"name\":\"a\"}]",
    "GET /stream?frames=3 HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: abc\r\n\r\n",
    "OPTIONS /v1/things HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    "Access-Control-Request-Method: POST\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"x\"\r\n\r\n",
};

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static size_t bend(uint64_t *seed, char *text, size_t len)
{
    static const char *const pieces[] = {"\r\n",       "\n",       "\0x",  "%",      "%00", "..",
                                         "\xff",       "\"",       "{{{{", ": ",     "0",   "-1",
                                         "9999999999", "HTTP/9.9", " ",    "Host: x"};
    size_t at = next(seed) % len;
    switch (next(seed) % 5) {
    case 0:
        text[at] = (char)next(seed);
        return len;
    case 1: { /* a piece in */
        const char *piece = pieces[next(seed) % (sizeof(pieces) / sizeof(pieces[0]))];
        size_t bytes = strlen(piece) > 0 ? strlen(piece) : 2;
        if (len + bytes > BYTES_MAX) {
            return len;
        }
        memmove(text + at + bytes, text + at, len - at);
        memcpy(text + at, piece, bytes);
        return len + bytes;
    }
    case 2: { /* a stretch out */
        size_t bytes = next(seed) % 12;
        bytes = bytes < len - at ? bytes : len - at - 1;
        memmove(text + at, text + at + bytes, len - at - bytes);
        return len - bytes;
    }
    case 3: /* cut short */
        return at + 1;
    default: { /* a stretch twice */
        size_t bytes = next(seed) % 200;
        bytes = bytes < len - at ? bytes : len - at;
        if (len + bytes > BYTES_MAX) {
            return len;
        }
        memmove(text + at + bytes, text + at, len - at);
        return len + bytes;
    }
    }
}

static void read_what_comes(int fd)
{
    char room[4096];
    bool first = true;
    struct pollfd at = {.fd = fd, .events = POLLIN};
    while (poll(&at, 1, 15) > 0) {
        ssize_t got = recv(fd, room, sizeof(room), 0);
        if (got <= 0) {
            return;
        }
        if (first && got >= 7) {
            assert_memory_equal(room, "HTTP/1.", 7);
        }
        first = false;
    }
}

static void send_bent(const struct server *server, uint64_t *seed)
{
    char text[BYTES_MAX + 16];
    const char *from = seeds[next(seed) % (sizeof(seeds) / sizeof(seeds[0]))];
    size_t len = strlen(from);
    memcpy(text, from, len);
    for (uint64_t i = 0, times = 1 + next(seed) % 4; i < times; i++) {
        len = bend(seed, text, len);
    }
    int fd = client_open(server);
    client_send_bytes(fd, text, len);
    if (next(seed) % 4 == 0) {
        shutdown(fd, SHUT_WR);
    }
    read_what_comes(fd);
    close(fd);
}

static void the_server_survives_bent_requests(void **state)
{
    (void)state;
    const char *given = getenv("NIMA_TEST_SEED");
    const char *rounds = getenv("NIMA_TEST_ROUNDS");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20261122;
    long count = rounds != NULL ? strtol(rounds, NULL, 10) : ROUNDS;
    struct server s;
    struct reply r;
    server_open(&s, NULL);
    for (long i = 0; i < count; i++) {
        send_bent(&s, &seed);
    }
    client_ask(&s, "GET /worker", "", NULL, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    server_close(&s, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_survives_bent_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
