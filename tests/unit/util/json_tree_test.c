#include <string.h>

#include "support/test.h"
#include "util/json.h"

static struct nima_ctx ctx;

static const struct nima_json *parse(const char *text)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    const struct nima_json *root;
    ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, nima_str_of(text), &root));
    return root;
}

TEST(kinds_are_told_apart)
{
    const struct nima_json *root = parse("[null, true, 1, 1.5, \"s\", [], {}]");
    static const enum nima_json_kind kinds[] = {NIMA_JSON_NULL,  NIMA_JSON_BOOL, NIMA_JSON_NUM,
                                                NIMA_JSON_NUM,   NIMA_JSON_STR,  NIMA_JSON_ARRAY,
                                                NIMA_JSON_OBJECT};
    assert_int_equal(nima_json_count(root), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(nima_json_kind(nima_json_at(root, i, NULL)), kinds[i]);
    }
    assert_null(nima_json_at(root, 7, NULL));
    assert_int_equal(nima_json_kind(NULL), NIMA_JSON_NULL);
}

TEST(objects_are_walked_in_order_with_their_keys)
{
    const struct nima_json *root = parse("{\"b\": 1, \"a\": {\"x\": 2}, \"\": 3}");
    static const char *const keys[] = {"b", "a", ""};
    assert_int_equal(nima_json_count(root), 3);
    for (size_t i = 0; i < 3; i++) {
        nima_str key;
        assert_non_null(nima_json_at(root, i, &key));
        ASSERT_STR_EQ(key, keys[i]);
    }
    int64_t value = 0;
    assert_true(nima_json_int(nima_json_get(nima_json_get(root, "a"), "x"), &value));
    assert_true(value == 2);
    assert_null(nima_json_get(root, "c"));
}

TEST(asking_the_wrong_kind_gives_nothing)
{
    const struct nima_json *root = parse("[\"s\", 2.5, true, null]");
    const struct nima_json *text = nima_json_at(root, 0, NULL);
    const struct nima_json *number = nima_json_at(root, 1, NULL);
    int64_t value = 7;
    assert_null(nima_json_get(root, "a"));
    assert_null(nima_json_get(NULL, "a"));
    assert_int_equal(nima_json_count(text), 0);
    assert_int_equal(nima_json_count(NULL), 0);
    assert_null(nima_json_at(NULL, 0, NULL));
    assert_null(nima_json_str(number).ptr);
    assert_false(nima_json_int(number, &value));
    assert_false(nima_json_int(text, &value));
    assert_false(nima_json_int(NULL, &value));
    assert_true(value == 7);
    ASSERT_NEAR(nima_json_num(text, -1), -1, 0);
    ASSERT_NEAR(nima_json_num(number, -1), 2.5, 0);
    assert_true(nima_json_bool(text, true));
    assert_false(nima_json_bool(number, false));
    assert_true(nima_json_bool(nima_json_at(root, 2, NULL), false));
}

TEST(a_node_is_written_as_compact_text)
{
    const struct nima_json *root = parse(" { \"a\" : [ 1 , \"\\u00e9\" , 0.5 ] } ");
    ASSERT_STR_EQ(nima_json_text(&ctx, root), "{\"a\":[1,\"é\",0.5]}");
    ASSERT_STR_EQ(nima_json_text(&ctx, nima_json_get(root, "a")), "[1,\"é\",0.5]");
}

TEST(an_empty_text_is_present)
{
    const struct nima_json *root = parse("\"\"");
    assert_non_null(nima_json_str(root).ptr);
    assert_int_equal(nima_json_str(root).len, 0);
}

TEST(an_object_of_many_keys_is_checked_in_reasonable_time)
{
    enum { KEYS = 50000 };
    struct nima_buf buf;
    nima_buf_init(&buf, 10 << 20);
    nima_buf_add_char(&buf, '{');
    for (int i = 0; i < KEYS; i++) {
        nima_buf_fmt(&buf, "%s\"key%d\":%d", i > 0 ? "," : "", i, i);
    }
    nima_buf_add_char(&buf, '}');
    assert_int_equal(nima_json_count(parse(buf.ptr)), KEYS);
    nima_buf_drop(&buf, 1);
    nima_buf_done(&buf);
}

TEST(the_text_parsed_stays_as_it_was)
{
    char text[] = "{\"a\": \"\\n\"}";
    char copy[sizeof(text)];
    memcpy(copy, text, sizeof(text));
    parse(text);
    assert_memory_equal(text, copy, sizeof(text));
}

TEST(brackets_within_strings_are_not_counted)
{
    struct nima_buf text;
    const struct nima_json *root;
    nima_buf_init(&text, 10000);
    nima_buf_add(&text, NIMA_STR("[\"\\\\\", \"\\\\\\\"\", \"a\\\"b"));
    for (int i = 0; i < 100; i++) {
        nima_buf_add(&text, NIMA_STR("[\\\"{"));
    }
    nima_buf_add(&text, NIMA_STR("\\\\\"]"));
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, nima_buf_view(&text), &root));
    assert_int_equal(nima_json_count(root), 3);
    nima_buf_done(&text);
}

TEST(an_object_is_walked_from_value_to_value)
{
    const struct nima_json *root = parse("{\"a\": [1, 2], \"b\": {\"c\": 3}, \"d\": 4}"),
                           *value = NULL;
    size_t index = 0, count = 0;
    static const char *const names[] = {"a", "b", "d"};
    nima_str key;
    while ((value = nima_json_next_member(root, value, &index, &key)) != NULL) {
        ASSERT_STR_EQ(key, names[count]);
        assert_int_equal(index, count);
        count++;
    }
    assert_int_equal(count, 3);
    assert_null(nima_json_next_member(parse("{}"), NULL, &index, &key));
    assert_null(nima_json_next_member(parse("[1]"), NULL, &index, &key));
}

TEST_MAIN
