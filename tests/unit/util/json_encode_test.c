#include <float.h>
#include <string.h>

#include "support/test.h"
#include "util/json.h"

struct inner {
    nima_str name;
};
struct outer {
    nima_str text, note, raw, any;
    int64_t number, at;
    double score;
    bool flag, has_number, has_list;
    struct inner *object;
    struct {
        struct inner *items;
        size_t count;
    } list;
    struct {
        nima_str *items;
        size_t count;
    } words;
};

static const struct nima_field inner_fields[] = {NIMA_FIELD(STR, struct inner, name)};
static const struct nima_shape inner_shape = NIMA_SHAPE("Inner", struct inner, inner_fields);
static const struct nima_field outer_fields[] = {
    NIMA_FIELD(STR, struct outer, text),
    NIMA_FIELD(STR, struct outer, note, .nullable = true),
    NIMA_FIELD(JSON, struct outer, raw),
    NIMA_FIELD(ANY, struct outer, any),
    NIMA_FIELD(INT, struct outer, number, .has = NIMA_HAS(struct outer, has_number)),
    NIMA_FIELD(TIME, struct outer, at),
    NIMA_FIELD(NUM, struct outer, score),
    NIMA_FIELD(BOOL, struct outer, flag),
    NIMA_FIELD(OBJECT, struct outer, object, .shape = &inner_shape),
    NIMA_FIELD(LIST, struct outer, list, .shape = &inner_shape,
               .has = NIMA_HAS(struct outer, has_list)),
    NIMA_FIELD(STR_LIST, struct outer, words),
};
static const struct nima_shape outer_shape = NIMA_SHAPE("Outer", struct outer, outer_fields);

static void assert_encodes(const struct outer *in, const char *expected)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 10000);
    nima_json_encode(&buf, &outer_shape, in);
    ASSERT_STR_EQ(nima_buf_view(&buf), expected);
    nima_buf_done(&buf);
}

TEST(absent_fields_are_left_out_or_null)
{
    assert_encodes(&(struct outer){0}, "{\"note\":null,\"at\":\"1970-01-01T00:00:00.000Z\","
                                       "\"score\":0,\"flag\":false,\"words\":[]}");
}

TEST(every_kind_is_written)
{
    struct inner one = {NIMA_STR("x")};
    nima_str words[] = {NIMA_STR("a\"b"), NIMA_STR("")};
    struct outer in = {.text = NIMA_STR(""),
                       .note = NIMA_STR("n"),
                       .raw = NIMA_STR("{\"a\":1}"),
                       .any = NIMA_STR("[null]"),
                       .number = INT64_MIN,
                       .has_number = true,
                       .at = 1,
                       .score = 0.1,
                       .flag = true,
                       .object = &one,
                       .has_list = true};
    in.list.items = &one;
    in.list.count = 1;
    in.words.items = words;
    in.words.count = 2;
    assert_encodes(&in, "{\"text\":\"\",\"note\":\"n\",\"raw\":{\"a\":1},\"any\":[null],"
                        "\"number\":-9223372036854775808,\"at\":\"1970-01-01T00:00:00.001Z\","
                        "\"score\":0.1,\"flag\":true,\"object\":{\"name\":\"x\"},"
                        "\"list\":[{\"name\":\"x\"}],\"words\":[\"a\\\"b\",\"\"]}");
}

TEST(a_list_of_its_own_is_an_array)
{
    struct inner two[] = {{NIMA_STR("a")}, {{NULL, 0}}};
    struct nima_list list = {two, 2};
    struct nima_buf buf;
    nima_buf_init(&buf, 100);
    nima_json_encode_list(&buf, &inner_shape, &list);
    nima_json_encode_list(&buf, &inner_shape, &(struct nima_list){NULL, 0});
    ASSERT_STR_EQ(nima_buf_view(&buf), "[{\"name\":\"a\"},{}][]");
    nima_buf_done(&buf);
}

TEST(a_text_is_escaped_so_that_it_reads_back_the_same)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    char all[200];
    size_t used = 0;
    for (int c = 1; c < 0x80; c++) {
        all[used++] = (char)c;
    }
    memcpy(all + used, "é日🎉\xE2\x80\xA8", 12); /* and the line separator */
    nima_str text = {all, used + 12};
    struct nima_buf buf;
    nima_buf_init(&buf, 10000);
    nima_json_write_str(&buf, text);
    nima_str json = nima_buf_view(&buf);
    for (size_t i = 0; i < json.len; i++) {
        assert_true((unsigned char)json.ptr[i] >= 0x20 && json.ptr[i] != 0x7F);
    }
    const struct nima_json *node;
    ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, json, &node));
    assert_true(nima_str_eq(nima_json_str(node), text));
    nima_buf_done(&buf);
    nima_ctx_done(&ctx);
}

static const char *written(struct nima_buf *buf, double value)
{
    nima_buf_clear(buf);
    nima_json_write_num(buf, value);
    return buf->ptr;
}

TEST(bytes_that_are_no_characters_are_replaced)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 1000);
    nima_json_write_str(&buf, NIMA_STR("a\xff\xc3(\xed\xa0\x80\xc3\xa9\xe2\x80"));
    ASSERT_STR_EQ(nima_buf_view(&buf),
                  "\"a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                  "\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBD\"");
    nima_buf_done(&buf);
}

TEST(numbers_are_as_short_as_reads_back)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 100);
    assert_string_equal(written(&buf, 0.1), "0.1");
    assert_string_equal(written(&buf, 1), "1");
    assert_string_equal(written(&buf, -2.5), "-2.5");
    assert_string_equal(written(&buf, 1e300), "1e+300");
    assert_string_equal(written(&buf, 0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(written(&buf, (double)NAN), "null");
    assert_string_equal(written(&buf, (double)-INFINITY), "null");
    static const double hard[] = {DBL_MAX, DBL_MIN, DBL_TRUE_MIN, 1.0 / 3, 2.0 / 3, 123456789.123};
    for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
        assert_true(strtod(written(&buf, hard[i]), NULL) == hard[i]);
    }
    nima_buf_done(&buf);
}

TEST(what_was_encoded_decodes_to_the_same)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct inner one = {NIMA_STR("x\n")};
    struct outer in = {.text = NIMA_STR("t"), .number = 5, .has_number = true, .score = 0.7};
    in.object = &one;
    in.at = INT64_C(1795352939120);
    struct nima_buf buf;
    nima_buf_init(&buf, 10000);
    nima_json_encode(&buf, &outer_shape, &in);
    struct outer back;
    ASSERT_OK_CTX(&ctx, nima_json_decode(&ctx, &outer_shape, nima_buf_view(&buf), &back));
    ASSERT_STR_EQ(back.text, "t");
    assert_null(back.note.ptr);
    assert_true(back.number == 5 && back.has_number && back.at == in.at && back.score == 0.7);
    ASSERT_STR_EQ(back.object->name, "x\n");
    nima_buf_done(&buf);
    nima_ctx_done(&ctx);
}

TEST_MAIN
