/* Requests in, replies out: framing, errors, validation, headers. */
#include "support_http.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "0191d2b0-7d4e-7000-8000-000000000001"

static void health_answers_with_all_headers(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, NULL);
    client_ask(&s, "GET /health", "", NULL, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{\"text\":\"healthy\"}");
    assert_string_equal(reply_header(&r, "Content-Type"), "application/json");
    assert_string_equal(reply_header(&r, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(reply_header(&r, "Referrer-Policy"), "no-referrer");
    assert_int_equal(strlen(reply_header(&r, "X-Request-Id")), 36);
    reply_free(&r);
    client_ask(&s, "GET /worker", "X-Request-Id: my.id_1-A\r\n", NULL, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "X-Request-Id"), "my.id_1-A");
    reply_free(&r);
    client_ask(&s, "GET /worker", "X-Request-Id: not sane\r\n", NULL, &r);
    assert_int_equal(strlen(reply_header(&r, "X-Request-Id")), 36);
    reply_free(&r);
    server_close(&s, 1000);
}

/* Asks and checks status, error code and, unless NULL, a part of the body. */
static void expect(const struct server *s, const char *request, const char *headers,
                   const char *body, int status, const char *part)
{
    struct reply r;
    client_ask(s, request, headers, body, &r);
    if (r.status != status || (part != NULL && strstr(r.body, part) == NULL)) {
        fail_msg("%s %s: wanted %d and %s, got %d: %s", request, body != NULL ? body : "", status,
                 part != NULL ? part : "", r.status, r.body != NULL ? r.body : "");
    }
    if (status >= 400) {
        assert_string_equal(reply_header(&r, "Content-Type"), "application/json");
        assert_non_null(strstr(r.body, "\"request_id\":\""));
        assert_non_null(strstr(r.body, "\"detail\":\""));
        assert_non_null(strstr(r.body, reply_header(&r, "X-Request-Id")));
    }
    reply_free(&r);
}

static void routes_are_found_or_refused(void **state)
{
    (void)state;
    struct server s;
    server_open(&s, NULL);
    expect(&s, "GET /nothing", "", NULL, 404, "\"code\":\"not_found\"");
    expect(&s, "GET /health/", "", NULL, 404, NULL);
    expect(&s, "GET //health", "", NULL, 404, NULL);
    expect(&s, "GET /v1/things/", "", NULL, 404, NULL);
    expect(&s, "GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t", "", NULL, 404, NULL);
    expect(&s, "GET /he%61lth", "", NULL, 200, "healthy");
    expect(&s, "GET http://localhost/health", "", NULL, 200, "healthy");
    expect(&s, "GET /health%zz", "", NULL, 400, "\"code\":\"malformed\"");
    expect(&s, "GET /health%", "", NULL, 400, NULL);
    expect(&s, "GET /health%00", "", NULL, 400, NULL);
    expect(&s, "GET /%ff%fe", "", NULL, 400, NULL);
    expect(&s, "GET health", "", NULL, 400, NULL);
    expect(&s, "PUT /v1/things/no-uuid", "", "{\"name\":\"a\"}", 404, NULL);
    expect(&s, "DELETE /v1/things/batch", "", NULL, 405, "method_not_allowed");
    struct reply r;
    client_ask(&s, "PATCH /v1/things", "", "{}", &r);
    assert_int_equal(r.status, 405);
    assert_string_equal(reply_header(&r, "Allow"), "GET, HEAD, POST, OPTIONS");
    reply_free(&r);
    client_ask(&s, "BREW /health", "", NULL, &r);
    assert_int_equal(r.status, 405);
    reply_free(&r);
    client_ask(&s, "HEAD /health", "", NULL, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "Content-Length"), "18");
    reply_free(&r);
    server_close(&s, 1000);
}

static void bodies_are_decoded_and_checked(void **state)
{
    (void)state;
    struct server s;
    server_open(&s, NULL);
    expect(&s, "POST /v1/things", "", "{\"name\":\"bell\"}", 201,
           "{\"id\":null,\"name\":\"bell\",\"count\":3");
    expect(&s, "PUT /v1/things/" ID "?loud=true", "", "{\"name\":\"b\",\"colour\":\"green\"}", 200,
           "{\"id\":\"" ID "\",\"name\":\"b\",\"colour\":\"green\",\"count\":3,\"share\":0.5,"
           "\"loud\":true}");
    expect(&s, "POST /v1/things", "", "{\"name\":", 400, "\"code\":\"malformed\"");
    expect(&s, "POST /v1/things", "", "", 400, NULL);
    expect(&s, "POST /v1/things", "", "[]", 422, NULL);
    expect(&s, "POST /v1/things", "", "{\"name\":\"a\",\"name\":\"b\"}", 400, NULL);
    expect(&s, "POST /v1/things", "", "{\"name\":7}", 422, "\"field\":\"name\"");
    expect(&s, "POST /v1/things", "", "{}", 422, "\"field\":\"name\"");
    expect(&s, "POST /v1/things", "", "{\"name\":\"a\",\"count\":11}", 422, "\"field\":\"count\"");
    expect(&s, "POST /v1/things", "", "{\"name\":\"a\",\"x\":1}", 422, "\"field\":\"x\"");
    expect(&s, "POST /v1/open", "", "{\"name\":\"a\",\"x\":1}", 200, NULL);
    expect(&s, "POST /v1/open?beta=1", "", "{\"name\":\"a\"}", 200, NULL);
    expect(&s, "POST /v1/things", "", "{\"name\":\"taken\"}", 409, "\"field\":\"name\"");
    expect(&s, "POST /v1/things", "", "{\"name\":\"secret\"}", 500, "\"code\":\"store_failed\"");
    expect(&s, "POST /v1/things", "", "{\"name\":\"\xff\"}", 400, NULL);
    expect(&s, "POST /v1/things/batch", "", "[{\"name\":\"a\"},{\"name\":\"b\"}]", 200,
           "\"name\":\"b\"");
    expect(&s, "POST /v1/things/batch", "", "[{\"name\":\"a\"},{}]", 422, "\"field\":\"[1].name\"");
    expect(&s, "POST /v1/things/batch", "",
           "[{\"name\":\"a\"},{\"name\":\"a\"},{\"name\":\"a\"},{\"name\":\"a\"}]", 422, NULL);
    expect(&s, "DELETE /v1/things/" ID, "", NULL, 204, NULL);
    expect(&s, "POST /v1/echo", "", NULL, 200, "\"0 \"");
    struct reply r;
    client_ask(&s, "POST /v1/things", "", "{\"name\":\"secret\"}", &r);
    assert_null(strstr(r.body, "SELECT"));
    reply_free(&r);
    server_close(&s, 1000);
}

static void queries_are_decoded_and_checked(void **state)
{
    (void)state;
    struct server s;
    server_open(&s, NULL);
    expect(&s, "GET /v1/things?q=a%20b+c%26&limit=7", "", NULL, 200, "\"name\":\"a b c&\"");
    expect(&s, "GET /v1/things?q=a", "", NULL, 200, "\"name\":\"default\"");
    expect(&s, "GET /v1/things", "", NULL, 422, "\"field\":\"q\"");
    expect(&s, "GET /v1/things?q=", "", NULL, 422, "\"field\":\"q\"");
    expect(&s, "GET /v1/things?q=a&q=b", "", NULL, 422, "twice");
    expect(&s, "GET /v1/things?q=a&limit=0", "", NULL, 422, "\"field\":\"limit\"");
    expect(&s, "GET /v1/things?q=a&limit=x", "", NULL, 422, "\"field\":\"limit\"");
    expect(&s, "GET /v1/things?q=a&nothing=1", "", NULL, 422, "\"field\":\"nothing\"");
    expect(&s, "GET /health?x=1", "", NULL, 422, "\"field\":\"x\"");
    expect(&s, "GET /?utm_source=x", "", NULL, 200, NULL);
    expect(&s, "GET /v1/things?q=%ff", "", NULL, 400, NULL);
    expect(&s, "GET /v1/things?q=%0", "", NULL, 400, NULL);
    expect(&s, "GET /v1/things?&&q=a&", "", NULL, 200, NULL);
    struct reply r;
    client_ask(&s, "GET /v1/things?q=a&cursor=old&limit=2", "", NULL, &r);
    assert_string_equal(reply_header(&r, "X-Next-Cursor"), "a b/c");
    assert_string_equal(reply_header(&r, "Link"),
                        "</v1/things?q=a&limit=2&cursor=a%20b%2Fc>; rel=\"next\"");
    assert_string_equal(reply_header(&r, "Cache-Control"), "no-store");
    reply_free(&r);
    server_close(&s, 1000);
}

static void media_types_are_checked(void **state)
{
    (void)state;
    struct server s;
    server_open(&s, NULL);
    const char *body = "{\"name\":\"a\"}";
    expect(&s, "POST /v1/things", "Content-Type: text/plain\r\n", body, 415,
           "unsupported_media_type");
    expect(&s, "POST /v1/things", "Content-Type: application/jsonx\r\n", body, 415, NULL);
    expect(&s, "POST /v1/things", "Content-Type: Application/JSON; charset=utf-8\r\n", body, 201,
           NULL);
    int fd = client_open(&s);
    struct reply r;
    client_send(fd, "POST /v1/things HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\n"
                    "{\"name\":\"a\"}");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 201); /* no type at all counts as JSON */
    reply_free(&r);
    close(fd);
    server_close(&s, 1000);
}

static void one_connection_serves_many_requests(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, NULL);
    int fd = client_open(&s);
    for (int i = 0; i < 20; i++) {
        bool refused = i % 3 == 1;
        client_send(fd, refused ? "POST /nowhere HTTP/1.1\r\nHost: localhost\r\n"
                                  "Content-Length: 5\r\n\r\nabcde"
                                : "GET /worker HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client_read(fd, false, &r);
        assert_int_equal(r.status, refused ? 404 : 200);
        reply_free(&r);
    }
    /* Ten at once, before any reply is read. */
    for (int i = 0; i < 10; i++) {
        client_send(fd, i % 2 == 0 ? "GET /worker HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                   : "POST /v1/echo HTTP/1.1\r\nHost: localhost\r\n"
                                     "Content-Length: 2\r\n\r\n{}");
    }
    for (int i = 0; i < 10; i++) {
        client_read(fd, false, &r);
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.body, i % 2 == 0 ? "healthy" : "2 "));
        reply_free(&r);
    }
    close(fd);
    server_close(&s, 1000);
}

static void bodies_come_in_chunks_and_pieces(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, NULL);
    int fd = client_open(&s);
    client_send(fd, "POST /v1/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                    "X-Echo: yes\r\n\r\n5\r\n{\"tex\r\n");
    nap_ms(20);
    client_send(fd, "9;ext=1\r\nt\":\"abc\"}\r\n0\r\n");
    nap_ms(20);
    client_send(fd, "\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{\"text\":\"14 yes\"}");
    reply_free(&r);
    const char *bytewise =
        "POST /v1/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    for (size_t i = 0; i < strlen(bytewise); i++) {
        client_send_bytes(fd, bytewise + i, 1);
        if (i % 10 == 0) {
            nap_ms(1);
        }
    }
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    /* Who expects "100 Continue" gets it. */
    client_send(fd, "POST /v1/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
                    "Expect: 100-continue\r\n\r\n");
    assert_true(client_wait_for(fd, "100 Continue", 2000));
    client_send(fd, "{}");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    close(fd);
    server_close(&s, 1000);
}

static void large_bodies_are_refused_at_once(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, &(struct nima_http_options){.body_bytes_max = 1000});
    int fd = client_open(&s);
    /* Declared: refused before a byte of it came. */
    client_send(fd, "POST /v1/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 413);
    assert_non_null(strstr(r.body, "\"code\":\"too_large\""));
    reply_free(&r);
    close(fd);
    /* In chunks: refused when it passes the limit, in the middle. */
    fd = client_open(&s);
    client_send(fd, "POST /v1/echo HTTP/1.1\r\nHost: localhost\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n");
    char chunk[1100];
    memset(chunk, ' ', sizeof(chunk));
    client_send(fd, "44c\r\n");
    client_send_bytes(fd, chunk, sizeof(chunk));
    client_read(fd, false, &r);
    assert_int_equal(r.status, 413);
    assert_non_null(strstr(r.body, "\"code\":\"too_large\""));
    reply_free(&r);
    close(fd);
    /* A client that sends all it has before it reads still gets to read why. */
    size_t huge = 3 * 1024 * 1024;
    char *body = malloc(huge + 1);
    memset(body, ' ', huge);
    body[huge] = '\0';
    expect(&s, "POST /v1/echo", "", body, 413, NULL);
    body[huge - 4] = '\0';
    memcpy(body, "{}", 2);
    expect(&s, "POST /v1/large", "", body, 200, NULL);
    free(body);
    fd = client_open(&s);
    client_send(fd, "POST /v1/echo HTTP/1.1\r\nHost: localhost\r\n"
                    "Content-Length: 99999999999999999999999\r\n\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 413); /* MHD's own, without our JSON */
    reply_free(&r);
    close(fd);
    server_close(&s, 1000);
}

static void headers_are_bounded(void **state)
{
    (void)state;
    struct server s;
    server_open(&s, NULL);
    size_t bytes = 17 * 1024;
    char *headers = malloc(bytes + 100);
    snprintf(headers, 100, "X-Long: ");
    memset(headers + 8, 'a', bytes);
    memcpy(headers + 8 + bytes, "\r\n", 3);
    expect(&s, "GET /health", headers, NULL, 431, "\"code\":\"too_large\"");
    headers[15 * 1024] = '\0';
    memcpy(headers + 15 * 1024, "\r\n", 3);
    expect(&s, "GET /health", headers, NULL, 200, NULL);
    free(headers);
    struct reply r;
    size_t many = 200 * 1024;
    char *all = malloc(many + 10);
    for (size_t i = 0; i < many; i += 6) {
        memcpy(all + i, "a: b\r\n", 7);
    }
    client_ask(&s, "GET /health", all, NULL, &r);
    assert_true(r.closed || r.status == 431);
    reply_free(&r);
    free(all);
    expect(&s, "GET /health", "", NULL, 200, NULL);
    server_close(&s, 1000);
}

static void framing_tricks_are_refused(void **state)
{
    (void)state;
    static const char *const tricks[] = {
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "Transfer-Encoding: gzip, chunked\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n{}",
        "Content-Length : 2\r\n\r\n{}",
        "Content-Length: -2\r\n\r\n{}",
        "Content-Length: 2x\r\n\r\n{}",
        "Host: other\r\nContent-Length: 2\r\n\r\n{}",
        "no colon\r\n\r\n",
    };
    struct server s;
    server_open(&s, NULL);
    for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
        char text[400];
        struct reply r;
        int fd = client_open(&s);
        snprintf(text, sizeof(text), "POST /v1/echo HTTP/1.1\r\nHost: localhost\r\n%s", tricks[i]);
        client_send(fd, text);
        client_read(fd, false, &r);
        if (r.status != 400) {
            fail_msg("%s: %d", tricks[i], r.status);
        }
        reply_free(&r);
        client_send(fd, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client_read(fd, false, &r);
        assert_true(r.closed);
        reply_free(&r);
        close(fd);
    }
    server_close(&s, 1000);
}

static void hosts_and_origins_are_checked(void **state)
{
    (void)state;
    nima_str hosts[] = {NIMA_STR("nima.home"), NIMA_STR("other.home:8002")};
    nima_str origins[] = {NIMA_STR("https://app.example")};
    struct nima_http_options options = {.allowed_hosts = hosts,
                                        .allowed_host_count = 2,
                                        .cors_origins = origins,
                                        .cors_origin_count = 1};
    struct server s;
    server_open(&s, &options);
    expect(&s, "GET /health", "Host: evil.example\r\n", NULL, 403, "server.allowed_hosts");
    expect(&s, "GET /health", "Host: localhost.evil.example\r\n", NULL, 403, NULL);
    expect(&s, "GET /health", "Host: 127.0.0.1\r\n", NULL, 200, NULL);
    expect(&s, "GET /health", "Host: [::1]:99\r\n", NULL, 200, NULL);
    expect(&s, "GET /health", "Host: LocalHost:1\r\n", NULL, 200, NULL);
    expect(&s, "GET /health", "Host: nima.home:8002\r\n", NULL, 200, NULL);
    expect(&s, "GET /health", "Host: other.home:8002\r\n", NULL, 200, NULL);
    expect(&s, "GET /health", "Host: other.home:1\r\n", NULL, 403, NULL);
    expect(&s, "GET /health", "Origin: http://evil.example\r\n", NULL, 403, "server.cors_origins");
    expect(&s, "GET /health", "Origin: null\r\n", NULL, 403, NULL);
    expect(&s, "GET /health", "Host: nima.home\r\nOrigin: http://nima.home\r\n", NULL, 200, NULL);
    struct reply r;
    client_ask(&s, "GET /health", "Origin: http://localhost:3000\r\n", NULL, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "Access-Control-Allow-Origin"), "http://localhost:3000");
    assert_string_equal(reply_header(&r, "Vary"), "Origin");
    reply_free(&r);
    client_ask(&s, "OPTIONS /v1/things",
               "Origin: https://app.example\r\n"
               "Access-Control-Request-Method: POST\r\n",
               NULL, &r);
    assert_int_equal(r.status, 204);
    assert_string_equal(reply_header(&r, "Access-Control-Allow-Origin"), "https://app.example");
    assert_non_null(strstr(reply_header(&r, "Access-Control-Allow-Methods"), "POST"));
    assert_non_null(strstr(reply_header(&r, "Access-Control-Allow-Headers"), "Authorization"));
    reply_free(&r);
    client_ask(&s, "OPTIONS /v1/things",
               "Origin: http://evil.example\r\n"
               "Access-Control-Request-Method: POST\r\n",
               NULL, &r);
    assert_int_equal(r.status, 403);
    assert_string_equal(reply_header(&r, "Access-Control-Allow-Origin"), "");
    reply_free(&r);
    int fd = client_open(&s);
    client_send(fd, "GET /health HTTP/1.1\r\n\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 400);
    reply_free(&r);
    close(fd);
    server_close(&s, 1000);
}

static void pages_have_tags_and_are_packed(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    char headers[200];
    server_open(&s, NULL);
    client_ask(&s, "GET /", "", NULL, &r);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body_len, 5000);
    assert_non_null(strstr(reply_header(&r, "Content-Security-Policy"), "default-src 'none'"));
    snprintf(headers, sizeof(headers), "If-None-Match: \"x\", %s\r\n", reply_header(&r, "ETag"));
    reply_free(&r);
    client_ask(&s, "GET /", headers, NULL, &r);
    assert_int_equal(r.status, 304);
    assert_int_equal(r.body_len, 0);
    reply_free(&r);
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        client_ask(&s, "GET /", "Accept-Encoding: br, gzip;q=0.8\r\n", NULL, &r);
        assert_string_equal(reply_header(&r, "Content-Encoding"), "gzip");
        assert_true(r.body_len < 200);
        assert_int_equal((unsigned char)r.body[0], 0x1F);
        reply_free(&r);
    }
    client_ask(&s, "GET /", "Accept-Encoding: gzip;q=0\r\n", NULL, &r);
    assert_int_equal(r.body_len, 5000);
    reply_free(&r);
    server_close(&s, 1000);
}

static nima_rc check_token(struct nima_ctx *ctx, void *user, nima_str bearer, const char *scope)
{
    (void)user;
    if (scope == NULL) {
        return NIMA_OK;
    }
    if (bearer.ptr == NULL) {
        return nima_fail(ctx, NIMA_E_UNAUTHORIZED, "send a token");
    }
    if (!nima_str_eq(bearer, NIMA_STR("good"))) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "this token lacks the scope %s", scope);
    }
    ctx->user_id = NIMA_STR("ana");
    return NIMA_OK;
}

static void tokens_are_handed_to_the_hook(void **state)
{
    (void)state;
    struct server s;
    struct reply r;
    server_open(&s, &(struct nima_http_options){.authorize = check_token});
    expect(&s, "GET /health", "", NULL, 200, NULL);
    expect(&s, "GET /v1/things?q=a", "Authorization: bearer good\r\n", NULL, 200, "\"ana\"");
    expect(&s, "GET /v1/things?q=a", "Authorization: Bearer bad\r\n", NULL, 403, "scope memory");
    expect(&s, "GET /v1/things?q=a", "Authorization: Basic x\r\n", NULL, 401, NULL);
    client_ask(&s, "GET /v1/things", "", NULL, &r);
    assert_int_equal(r.status, 401); /* before anything is said about parameters */
    assert_string_equal(reply_header(&r, "WWW-Authenticate"), "Bearer");
    reply_free(&r);
    server_close(&s, 1000);
}

/* One reply is enough here. */
struct kept {
    pthread_mutex_t lock;
    char key[100], hash[100], reply[200];
    int status;
};

static nima_rc find_kept(struct nima_ctx *ctx, void *user, nima_str key, nima_str route,
                         nima_str hash, bool *hit, int *status, nima_str *reply)
{
    (void)route;
    struct kept *kept = user;
    pthread_mutex_lock(&kept->lock);
    bool known = nima_str_eq(key, nima_str_of(kept->key));
    bool same = nima_str_eq(hash, nima_str_of(kept->hash));
    *hit = known && same;
    *status = kept->status;
    *reply = nima_str_copy(ctx->arena, nima_str_of(kept->reply));
    pthread_mutex_unlock(&kept->lock);
    return known && !same ? nima_fail(ctx, NIMA_E_CONFLICT, "another body") : NIMA_OK;
}

static nima_rc keep(struct nima_ctx *ctx, void *user, nima_str key, nima_str route, nima_str hash,
                    int status, nima_str reply)
{
    (void)ctx;
    (void)route;
    struct kept *kept = user;
    pthread_mutex_lock(&kept->lock);
    snprintf(kept->key, sizeof(kept->key), NIMA_FMT, NIMA_ARG(key));
    snprintf(kept->hash, sizeof(kept->hash), NIMA_FMT, NIMA_ARG(hash));
    snprintf(kept->reply, sizeof(kept->reply), NIMA_FMT, NIMA_ARG(reply));
    kept->status = status;
    pthread_mutex_unlock(&kept->lock);
    return NIMA_OK;
}

static void repeated_posts_are_done_once(void **state)
{
    (void)state;
    struct kept kept = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct nima_http_idempotency hooks = {find_kept, keep};
    struct server s;
    struct reply r;
    server_open(&s, &(struct nima_http_options){.idempotency = &hooks, .hooks_user = &kept});
    const char *header = "Idempotency-Key: k1\r\n";
    expect(&s, "POST /v1/things", header, "{\"name\":\"a\"}", 201, "\"name\":\"a\"");
    client_ask(&s, "POST /v1/things", header, "{\"name\":\"a\"}", &r);
    assert_int_equal(r.status, 201);
    assert_non_null(strstr(r.body, "\"name\":\"a\""));
    assert_string_equal(reply_header(&r, "Idempotency-Replayed"), "true");
    reply_free(&r);
    assert_int_equal(atomic_load(&s.calls), 1);
    expect(&s, "POST /v1/things", header, "{\"name\":\"b\"}", 409, NULL);
    assert_int_equal(atomic_load(&s.calls), 1);
    expect(&s, "POST /v1/things", "Idempotency-Key: k2\r\n", "{\"name\":\"taken\"}", 409, NULL);
    client_ask(&s, "POST /v1/things", "Idempotency-Key: k2\r\n", "{\"name\":\"taken\"}", &r);
    assert_int_equal(r.status, 409);
    assert_non_null(strstr(r.body, "there is one of this name"));
    reply_free(&r);
    assert_int_equal(atomic_load(&s.calls), 2);
    expect(&s, "POST /v1/things", "Idempotency-Key: k3\r\n", "{\"name\":\"secret\"}", 500, NULL);
    expect(&s, "POST /v1/things", "Idempotency-Key: k3\r\n", "{\"name\":\"secret\"}", 500, NULL);
    assert_int_equal(atomic_load(&s.calls), 4);
    expect(&s, "POST /v1/things", "Idempotency-Key: \r\n", "{\"name\":\"a\"}", 422, NULL);
    server_close(&s, 1000);
}

static void two_starts_on_one_port_say_what_to_do(void **state)
{
    (void)state;
    struct server s;
    server_open(&s, NULL);
    struct nima_http *second = NULL;
    struct nima_http_options options = {.port = s.port, .tables = server_tables};
    assert_int_equal(nima_http_start(&s.ctx, &options, &second), NIMA_E_UNAVAILABLE);
    assert_non_null(strstr(s.ctx.error.message, "another program uses the port"));
    assert_null(second);
    options = (struct nima_http_options){.host = NIMA_STR("no such host"), .tables = server_tables};
    assert_int_equal(nima_http_start(&s.ctx, &options, &second), NIMA_E_INVALID);
    server_close(&s, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_answers_with_all_headers),
        cmocka_unit_test(routes_are_found_or_refused),
        cmocka_unit_test(bodies_are_decoded_and_checked),
        cmocka_unit_test(queries_are_decoded_and_checked),
        cmocka_unit_test(media_types_are_checked),
        cmocka_unit_test(one_connection_serves_many_requests),
        cmocka_unit_test(bodies_come_in_chunks_and_pieces),
        cmocka_unit_test(large_bodies_are_refused_at_once),
        cmocka_unit_test(headers_are_bounded),
        cmocka_unit_test(framing_tricks_are_refused),
        cmocka_unit_test(hosts_and_origins_are_checked),
        cmocka_unit_test(pages_have_tags_and_are_packed),
        cmocka_unit_test(tokens_are_handed_to_the_hook),
        cmocka_unit_test(repeated_posts_are_done_once),
        cmocka_unit_test(two_starts_on_one_port_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
