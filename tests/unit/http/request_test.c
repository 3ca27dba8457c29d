/* Requests in, replies out: framing, errors, validation, headers. */
#include "support_http.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_answers_with_all_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
