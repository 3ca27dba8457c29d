/* The document of the routes. tests/api validates it against the OpenAPI schema. */
#include "support_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void document_is_json_and_names_every_route(void **state)
{
    (void)state;
    struct nima_ctx ctx;
    struct nima_buf buf;
    nima_ctx_init(&ctx);
    nima_buf_init(&buf, 1 << 20);
    nima_openapi_write(server_tables, "Test", "1", &buf);
    const struct nima_json *root;
    assert_int_equal(nima_json_parse(&ctx, nima_buf_view(&buf), &root), NIMA_OK);
    const struct nima_json *paths = nima_json_get(root, "paths");
    for (const struct nima_route *row = server_tables[0]; row->method != NULL; row++) {
        const struct nima_json *path = nima_json_get(paths, row->path);
        assert_int_equal(nima_json_kind(path), NIMA_JSON_OBJECT);
    }
    const char *file = getenv("NIMA_TEST_OPENAPI");
    if (file != NULL) { /* to look at it, and for validators */
        FILE *out = fopen(file, "w");
        assert_non_null(out);
        fwrite(buf.ptr, 1, buf.len, out);
        fclose(out);
    }
    nima_buf_done(&buf);
    nima_ctx_done(&ctx);
}

static void document_is_the_same_each_time(void **state)
{
    (void)state;
    struct nima_buf a, b;
    nima_buf_init(&a, 1 << 20);
    nima_buf_init(&b, 1 << 20);
    nima_openapi_write(server_tables, "Test", "1", &a);
    nima_openapi_write(server_tables, "Test", "1", &b);
    assert_true(nima_str_eq(nima_buf_view(&a), nima_buf_view(&b)));
    assert_int_equal(a.ptr[a.len - 1], '\n');
    nima_buf_done(&a);
    nima_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_is_json_and_names_every_route),
        cmocka_unit_test(document_is_the_same_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
