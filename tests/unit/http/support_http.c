#include "support_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"

struct thing {
    nima_str id, name, colour;
    int64_t count;
    double share;
    bool loud;
};
static const char *const colours[] = {"red", "green", NULL};
static const struct nima_field thing_fields[] = {
    NIMA_FIELD(UUID, struct thing, id, .place = NIMA_IN_PATH, .required = true),
    NIMA_FIELD(STR, struct thing, name, .required = true, .min = 1, .max = 20,
               .doc = "What it is called."),
    NIMA_FIELD(STR, struct thing, colour, .choices = colours, .preset_str = "red"),
    NIMA_FIELD(INT, struct thing, count, .min = 1, .max = 10, .preset = 3),
    NIMA_FIELD(NUM, struct thing, share, .low = 0, .high = 1, .preset_num = 0.5),
    NIMA_FIELD(BOOL, struct thing, loud, .place = NIMA_IN_QUERY),
};
static const struct nima_shape thing_in = NIMA_SHAPE("ThingIn", struct thing, thing_fields);

static const struct nima_field new_thing_fields[] = {
    NIMA_FIELD(STR, struct thing, name, .required = true, .min = 1, .max = 20),
    NIMA_FIELD(INT, struct thing, count, .min = 1, .max = 10, .preset = 3),
};
static const struct nima_shape new_thing =
    NIMA_SHAPE("NewThing", struct thing, new_thing_fields, .doc = "A thing to be made.");
static const struct nima_shape open_thing =
    NIMA_SHAPE("OpenThing", struct thing, new_thing_fields, .open = true);

static const struct nima_field thing_out_fields[] = {
    NIMA_FIELD(UUID, struct thing, id, .nullable = true),
    NIMA_FIELD(STR, struct thing, name, .required = true),
    NIMA_FIELD(STR, struct thing, colour, .choices = colours),
    NIMA_FIELD(INT, struct thing, count, .min = 1, .max = 10),
    NIMA_FIELD(NUM, struct thing, share, .low = 0, .high = 1),
    NIMA_FIELD(BOOL, struct thing, loud),
};
static const struct nima_shape thing_out = NIMA_SHAPE("Thing", struct thing, thing_out_fields);

struct listing {
    nima_str q, cursor;
    int64_t limit;
};
static const struct nima_field listing_fields[] = {
    NIMA_FIELD(STR, struct listing, q, .place = NIMA_IN_QUERY, .required = true, .max = 30),
    NIMA_FIELD(INT, struct listing, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500,
               .preset = 50),
    NIMA_FIELD(STR, struct listing, cursor, .place = NIMA_IN_QUERY),
};
static const struct nima_shape listing = NIMA_SHAPE("Listing", struct listing, listing_fields);

struct text {
    nima_str text;
};
static const struct nima_field text_fields[] = {
    NIMA_FIELD(STR, struct text, text, .blank_ok = true),
};
static const struct nima_shape text_shape = NIMA_SHAPE("Text", struct text, text_fields);

static nima_rc health(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    (void)ctx;
    (void)exchange;
    (void)in;
    ((struct text *)out)->text = NIMA_STR("healthy");
    return NIMA_OK;
}

static nima_rc put_thing(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                         void *out)
{
    (void)ctx;
    struct server *server = nima_exchange_app(exchange);
    atomic_fetch_add(&server->calls, 1);
    *(struct thing *)out = *(const struct thing *)in;
    return NIMA_OK;
}

static nima_rc post_thing(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                          void *out)
{
    struct server *server = nima_exchange_app(exchange);
    const struct thing *thing = in;
    atomic_fetch_add(&server->calls, 1);
    *(struct thing *)out = *thing;
    if (nima_str_eq(thing->name, NIMA_STR("taken"))) {
        return nima_fail_field(ctx, NIMA_E_CONFLICT, "name", "there is one of this name");
    }
    if (nima_str_eq(thing->name, NIMA_STR("secret"))) {
        return nima_fail(ctx, NIMA_E_STORE, "SELECT password FROM users");
    }
    return NIMA_OK;
}

static nima_rc list_things(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                           void *out)
{
    const struct listing *asked = in;
    struct nima_list *list = out;
    struct thing *things = NIMA_NEW(ctx->arena, struct thing, 2);
    things[0].name = asked->q;
    things[0].count = asked->limit;
    things[1].name = ctx->user_id;
    *list = (struct nima_list){things, 2};
    nima_exchange_next_cursor(exchange, NIMA_STR("a b/c"));
    return NIMA_OK;
}

static nima_rc batch(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    (void)ctx;
    (void)exchange;
    *(struct nima_list *)out = *(const struct nima_list *)in;
    return NIMA_OK;
}

static nima_rc drop(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    (void)ctx;
    (void)exchange;
    (void)in;
    (void)out;
    return NIMA_OK;
}

/* The request's body and one header, as they arrived. */
static nima_rc echo(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    (void)in;
    nima_str body = nima_exchange_body(exchange);
    nima_str header = nima_exchange_header(exchange, "x-echo");
    ((struct text *)out)->text = nima_fmt(ctx, "%zu " NIMA_FMT, body.len, NIMA_ARG(header));
    return NIMA_OK;
}

static void saw(struct server *server)
{
    atomic_store(&server->cancelled_ms, nima_mono_ms());
    atomic_store(&server->cancelled, true);
}

/* Works until it is let go, or has nobody to work for. */
static nima_rc wait_here(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                         void *out)
{
    (void)in;
    struct server *server = nima_exchange_app(exchange);
    atomic_fetch_add(&server->running, 1);
    nima_rc rc = NIMA_OK;
    while (!atomic_load(&server->go) && (rc = nima_ctx_stopped(ctx)) == NIMA_OK) {
        nap_ms(5);
    }
    if (rc == NIMA_E_CANCELLED) {
        saw(server);
    }
    atomic_fetch_sub(&server->running, 1);
    ((struct text *)out)->text = NIMA_STR("waited");
    return rc;
}

/* Ignores its deadline. */
static nima_rc stubborn(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                        void *out)
{
    (void)ctx;
    (void)in;
    struct server *server = nima_exchange_app(exchange);
    for (int i = 0; i < 2000 && !atomic_load(&server->go); i++) {
        nap_ms(5);
    }
    ((struct text *)out)->text = NIMA_STR("late");
    return NIMA_OK;
}

struct stream_in {
    int64_t frames, pause_ms, bytes;
    bool fail;
};
static const struct nima_field stream_fields[] = {
    NIMA_FIELD(INT, struct stream_in, frames, .place = NIMA_IN_QUERY, .preset = 3),
    NIMA_FIELD(INT, struct stream_in, pause_ms, .place = NIMA_IN_QUERY),
    NIMA_FIELD(INT, struct stream_in, bytes, .place = NIMA_IN_QUERY),
    NIMA_FIELD(BOOL, struct stream_in, fail, .place = NIMA_IN_QUERY),
};
static const struct nima_shape stream_shape =
    NIMA_SHAPE("StreamIn", struct stream_in, stream_fields);

static nima_rc send_frames(struct nima_ctx *ctx, struct nima_exchange *exchange,
                           const struct stream_in *asked, struct server *server)
{
    char *filler = nima_alloc(ctx->arena, (size_t)asked->bytes + 1);
    memset(filler, 'x', (size_t)asked->bytes);
    for (int64_t i = 0; i < asked->frames; i++) {
        struct nima_arena_mark mark = nima_scratch(ctx);
        nima_str json =
            nima_fmt(ctx, "{\"content\": \"%lld%s\", \"done\": false}", (long long)i, filler);
        NIMA_TRY(nima_sse_send(ctx, exchange, json));
        nima_scratch_end(ctx, mark);
        atomic_fetch_add(&server->sent, 1);
        for (int64_t slept = 0; slept < asked->pause_ms; slept += 5) {
            nap_ms(5);
            NIMA_TRY(nima_ctx_stopped(ctx));
        }
    }
    return NIMA_OK;
}

static nima_rc stream(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                      void *out)
{
    (void)out;
    const struct stream_in *asked = in;
    struct server *server = nima_exchange_app(exchange);
    if (asked->frames < 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "frames", "frames must not be negative");
    }
    atomic_fetch_add(&server->running, 1);
    nima_rc rc = nima_sse_begin(ctx, exchange);
    if (rc == NIMA_OK) {
        rc = send_frames(ctx, exchange, asked, server);
    }
    if (rc == NIMA_OK && asked->fail) {
        rc = nima_fail(ctx, NIMA_E_MODEL, "the model stumbled");
    }
    if (rc == NIMA_E_CANCELLED) {
        saw(server);
    }
    atomic_fetch_sub(&server->running, 1);
    return rc;
}

static nima_rc page(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    (void)in;
    (void)out;
    char *text = nima_alloc(ctx->arena, 5001);
    memset(text, 'a', 5000);
    return nima_http_bytes(ctx, exchange, "text/html; charset=utf-8", (nima_str){text, 5000});
}

static const struct nima_route routes[] = {
    {.method = "GET",
     .path = "/",
     .call = page,
     .kind = NIMA_ROUTE_BYTES,
     .out_type = "text/html",
     .summary = "A page."},
    {.method = "GET",
     .path = "/health",
     .call = health,
     .out = &text_shape,
     .quick = true,
     .tag = "server",
     .summary = "Whether it lives."},
    {.method = "GET", .path = "/worker", .call = health, .out = &text_shape},
    {.method = "PUT",
     .path = "/v1/things/{id}",
     .call = put_thing,
     .in = &thing_in,
     .out = &thing_out,
     .errors = NIMA_E_BIT(NOT_FOUND)},
    {.method = "DELETE", .path = "/v1/things/{id}", .call = drop, .status = 204},
    {.method = "POST",
     .path = "/v1/things",
     .call = post_thing,
     .in = &new_thing,
     .out = &thing_out,
     .status = 201,
     .errors = NIMA_E_BIT(CONFLICT)},
    {.method = "GET",
     .path = "/v1/things",
     .call = list_things,
     .kind = NIMA_ROUTE_LIST,
     .in = &listing,
     .out = &thing_out,
     .scope = "memory"},
    {.method = "POST",
     .path = "/v1/things/batch",
     .call = batch,
     .kind = NIMA_ROUTE_LIST,
     .in = &new_thing,
     .in_list = true,
     .in_list_max = 3,
     .out = &thing_out},
    {.method = "POST",
     .path = "/v1/open",
     .call = post_thing,
     .in = &open_thing,
     .out = &thing_out},
    {.method = "POST", .path = "/v1/echo", .call = echo, .in = &text_shape, .out = &text_shape},
    {.method = "POST",
     .path = "/v1/large",
     .call = echo,
     .in = &text_shape,
     .out = &text_shape,
     .body_bytes_max = 4 * 1024 * 1024},
    {.method = "GET", .path = "/wait", .call = wait_here, .out = &text_shape},
    {.method = "GET", .path = "/stubborn", .call = stubborn, .out = &text_shape},
    {.method = "GET",
     .path = "/stream",
     .call = stream,
     .kind = NIMA_ROUTE_STREAM,
     .in = &stream_shape,
     .out = &text_shape,
     .out_type = "text/event-stream"},
    {0},
};
const struct nima_route *const server_tables[] = {routes, NULL};

void server_open(struct server *server, const struct nima_http_options *options)
{
    struct nima_http_options own = options != NULL ? *options : (struct nima_http_options){0};
    *server = (struct server){0};
    nima_ctx_init(&server->ctx);
    own.tables = server_tables;
    own.app = server;
    own.title = "Test";
    own.version = "1";
    nima_rc rc = nima_http_start(&server->ctx, &own, &server->http);
    if (rc != NIMA_OK) {
        fail_msg("%s", server->ctx.error.message);
    }
    server->port = nima_http_port(server->http);
}

void server_close(struct server *server, int grace_ms)
{
    nima_http_stop(server->http, grace_ms);
    nima_ctx_done(&server->ctx);
}

int client_open(const struct server *server)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

void client_send_bytes(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server closed: the test looks at what it said */
        }
        bytes += sent;
        len -= (size_t)sent;
    }
}

void client_send(int fd, const char *text)
{
    client_send_bytes(fd, text, strlen(text));
}

/* A reader of one byte at a time would be slow; one that reads ahead would need a place to keep
 * what belongs to the next reply. Peeking does both. */
static bool read_until(int fd, const char *mark, struct nima_buf *buf)
{
    size_t from = buf->len;
    for (;;) {
        char room[4096];
        ssize_t got = recv(fd, room, sizeof(room), MSG_PEEK);
        if (got <= 0) {
            return false;
        }
        size_t before = buf->len;
        nima_buf_add(buf, (nima_str){room, (size_t)got});
        size_t start = before >= from + 3 ? before - 3 : from;
        size_t hit = nima_str_find(nima_buf_view(buf), nima_str_of(mark), start);
        size_t take = hit == SIZE_MAX ? (size_t)got : hit + strlen(mark) - before;
        buf->len = before + take;
        buf->ptr[buf->len] = '\0';
        if (recv(fd, room, take, 0) != (ssize_t)take) {
            return false;
        }
        if (hit != SIZE_MAX) {
            return true;
        }
    }
}

static bool read_bytes(int fd, size_t bytes, struct nima_buf *buf)
{
    while (bytes > 0) {
        char room[4096];
        ssize_t got = recv(fd, room, bytes < sizeof(room) ? bytes : sizeof(room), 0);
        if (got <= 0) {
            return false;
        }
        nima_buf_add(buf, (nima_str){room, (size_t)got});
        bytes -= (size_t)got;
    }
    return true;
}

static bool read_chunks(int fd, struct nima_buf *body)
{
    for (;;) {
        struct nima_buf line;
        nima_buf_init(&line, 1 << 16);
        bool good = read_until(fd, "\r\n", &line);
        size_t bytes = good ? strtoul(line.ptr, NULL, 16) : 0;
        nima_buf_done(&line);
        struct nima_buf end;
        nima_buf_init(&end, 10);
        good = good && read_bytes(fd, bytes, body) && read_bytes(fd, 2, &end);
        nima_buf_done(&end);
        if (!good || bytes == 0) {
            return good;
        }
    }
}

const char *reply_header(const struct reply *reply, const char *name)
{
    static _Thread_local char value[2000];
    value[0] = '\0';
    char wanted[200];
    snprintf(wanted, sizeof(wanted), "\r\n%s: ", name);
    nima_str head = nima_str_of(reply->head);
    size_t at = head.ptr != NULL ? nima_str_find_nocase(head, nima_str_of(wanted), 0) : SIZE_MAX;
    if (at != SIZE_MAX) {
        size_t from = at + strlen(wanted);
        size_t end = nima_str_find(head, NIMA_STR("\r\n"), from);
        snprintf(value, sizeof(value), "%.*s", (int)(end - from), head.ptr + from);
    }
    return value;
}

static bool read_body(int fd, const struct reply *reply, struct nima_buf *body)
{
    if (strcmp(reply_header(reply, "Transfer-Encoding"), "chunked") == 0) {
        return read_chunks(fd, body);
    }
    const char *length = reply_header(reply, "Content-Length");
    if (length[0] != '\0') {
        return read_bytes(fd, strtoul(length, NULL, 10), body);
    }
    return reply->status == 204 || reply->status == 304;
}

void client_read(int fd, bool head_only, struct reply *out)
{
    *out = (struct reply){0};
    struct nima_buf head, body;
    do {
        nima_buf_init(&head, 1 << 20);
        if (!read_until(fd, "\r\n\r\n", &head)) {
            nima_buf_done(&head);
            out->closed = true;
            out->body = nima_xstrdup(NIMA_STR(""));
            return;
        }
        free(out->head);
        out->head = head.ptr;
        assert_int_equal(strncmp(out->head, "HTTP/1.", 7), 0);
        out->status = (int)strtol(out->head + 9, NULL, 10);
    } while (out->status < 200);
    nima_buf_init(&body, 1 << 30);
    nima_buf_add(&body, NIMA_STR(""));
    out->closed = !head_only && !read_body(fd, out, &body);
    out->body = body.ptr;
    out->body_len = body.len;
}

void reply_free(struct reply *reply)
{
    free(reply->head);
    free(reply->body);
    *reply = (struct reply){0};
}

void client_ask(const struct server *server, const char *request, const char *headers,
                const char *body, struct reply *out)
{
    struct nima_buf text;
    nima_buf_init(&text, 1 << 26);
    nima_buf_fmt(&text, "%s HTTP/1.1\r\n%s", request, headers);
    if (!nima_str_starts(nima_str_of(headers), NIMA_STR("Host:"))) {
        nima_buf_fmt(&text, "Host: localhost:%d\r\n", server->port);
    }
    if (body != NULL) {
        if (nima_str_find_nocase(nima_str_of(headers), NIMA_STR("Content-Type:"), 0) == SIZE_MAX) {
            nima_buf_add(&text, NIMA_STR("Content-Type: application/json\r\n"));
        }
        nima_buf_fmt(&text, "Content-Length: %zu\r\n", strlen(body));
    }
    nima_buf_fmt(&text, "\r\n%s", body != NULL ? body : "");
    int fd = client_open(server);
    client_send_bytes(fd, text.ptr, text.len);
    client_read(fd, strncmp(request, "HEAD ", 5) == 0, out);
    close(fd);
    nima_buf_done(&text);
}

bool client_wait_for(int fd, const char *needle, int ms)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 1 << 26);
    int64_t until = nima_mono_ms() + ms;
    bool found = false;
    while (!found && nima_mono_ms() < until) {
        struct pollfd at = {.fd = fd, .events = POLLIN};
        char room[4096];
        if (poll(&at, 1, 20) > 0) {
            ssize_t got = recv(fd, room, sizeof(room), 0);
            if (got <= 0) {
                break;
            }
            nima_buf_add(&buf, (nima_str){room, (size_t)got});
            found = nima_str_find(nima_buf_view(&buf), nima_str_of(needle), 0) != SIZE_MAX;
        }
    }
    nima_buf_done(&buf);
    return found;
}

void wait_until_at_least(atomic_int *value, int least, int ms)
{
    for (int64_t until = nima_mono_ms() + ms; atomic_load(value) < least;) {
        assert_true(nima_mono_ms() < until);
        nap_ms(2);
    }
}

void wait_until_true(atomic_bool *value, int ms)
{
    for (int64_t until = nima_mono_ms() + ms; !atomic_load(value);) {
        assert_true(nima_mono_ms() < until);
        nap_ms(2);
    }
}

void nap_ms(int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}
