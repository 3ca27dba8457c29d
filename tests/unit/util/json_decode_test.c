#include <string.h>

#include "support/test.h"
#include "util/json.h"

struct tag {
    nima_str name;
    int64_t weight;
};
struct message {
    nima_str role, content;
    struct {
        struct tag *items;
        size_t count;
    } tags;
};
struct body {
    nima_str text, id, kind, note, raw, any, hidden;
    int64_t count, at;
    double score;
    bool flag, has_count, has_at, has_score, has_flag, has_words;
    struct message *first;
    struct {
        struct message *items;
        size_t count;
    } messages;
    struct {
        nima_str *items;
        size_t count;
    } words;
};

static const struct nima_field tag_fields[] = {
    NIMA_FIELD(STR, struct tag, name, .required = true, .max = 5),
    NIMA_FIELD(INT, struct tag, weight, .min = -3, .max = 3, .preset = 1),
};
static const struct nima_shape tag_shape = NIMA_SHAPE("Tag", struct tag, tag_fields);

static const char *const roles[] = {"user", "assistant", NULL};
static const struct nima_field message_fields[] = {
    NIMA_FIELD(STR, struct message, role, .required = true, .choices = roles),
    NIMA_FIELD(STR, struct message, content, .required = true, .blank_ok = true),
    NIMA_FIELD(LIST, struct message, tags, .shape = &tag_shape),
};
static const struct nima_shape message_shape =
    NIMA_SHAPE("Message", struct message, message_fields);

static const struct nima_field body_fields[] = {
    NIMA_FIELD(STR, struct body, text, .min = 2, .max = 6),
    NIMA_FIELD(UUID, struct body, id),
    NIMA_FIELD(STR, struct body, kind, .preset_str = "plain"),
    NIMA_FIELD_AS(STR, "the-note", struct body, note, .blank_ok = true),
    NIMA_FIELD(JSON, struct body, raw),
    NIMA_FIELD(ANY, struct body, any),
    NIMA_FIELD(STR, struct body, hidden, .place = NIMA_IN_QUERY),
    NIMA_FIELD(INT, struct body, count, .preset = -1, .has = NIMA_HAS(struct body, has_count)),
    NIMA_FIELD(TIME, struct body, at, .has = NIMA_HAS(struct body, has_at)),
    NIMA_FIELD(NUM, struct body, score, .low = 0, .high = 1, .preset_num = 0.5,
               .has = NIMA_HAS(struct body, has_score)),
    NIMA_FIELD(BOOL, struct body, flag, .preset = 1, .has = NIMA_HAS(struct body, has_flag)),
    NIMA_FIELD(OBJECT, struct body, first, .shape = &message_shape),
    NIMA_FIELD(LIST, struct body, messages, .shape = &message_shape, .min = 1, .max = 3),
    NIMA_FIELD(STR_LIST, struct body, words, .max = 4, .has = NIMA_HAS(struct body, has_words)),
};
static const struct nima_shape body_shape = NIMA_SHAPE("Body", struct body, body_fields);

static struct nima_ctx ctx;

static struct body decode(const char *text)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    struct body body;
    ASSERT_OK_CTX(&ctx, nima_json_decode(&ctx, &body_shape, nima_str_of(text), &body));
    return body;
}

/* The text is refused by this result, naming this field, and the struct stays as it was. */
static void refuse(nima_str text, nima_rc expected, const char *field)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    struct body body, before;
    memset(&body, 0x77, sizeof(body));
    memcpy(&before, &body, sizeof(body));
    nima_rc rc = nima_json_decode(&ctx, &body_shape, text, &body);
    if (rc != expected || strcmp(ctx.error.field, field) != 0) {
        fail_msg(NIMA_FMT ": %s at \"%s\": %s", NIMA_ARG(text), nima_rc_code(rc), ctx.error.field,
                 ctx.error.message);
    }
    assert_memory_equal(&body, &before, sizeof(body));
}

static void invalid(const char *text, const char *field, const char *says)
{
    refuse(nima_str_of(text), NIMA_E_INVALID, field);
    if (strstr(ctx.error.message, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", ctx.error.message, says);
    }
}

static void malformed(const char *text)
{
    refuse(nima_str_of(text), NIMA_E_MALFORMED, "");
}

TEST(every_kind_of_field_is_read)
{
    struct body b = decode(
        "{\"text\": \"h\\u00e9llo\", \"id\": \"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6\", \"kind\": "
        "\"x\", \"the-note\": \" \", \"raw\": {\"a\": [1, 2]}, \"any\": [null, \"\\ud83c\\udf89\"],"
        " \"count\": 12, \"at\": \"1970-01-01T00:00:01Z\", \"score\": 0.25, \"flag\": false,"
        " \"first\": {\"role\": \"user\", \"content\": \"\"}, \"messages\": [{\"role\": "
        "\"assistant\", \"content\": \"c\", \"tags\": [{\"name\": \"n\", \"weight\": -3}]}],"
        " \"words\": [\"a\", \"\"]}");
    ASSERT_STR_EQ(b.text, "héllo");
    ASSERT_STR_EQ(b.id, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    ASSERT_STR_EQ(b.kind, "x");
    ASSERT_STR_EQ(b.note, " ");
    ASSERT_STR_EQ(b.raw, "{\"a\":[1,2]}");
    ASSERT_STR_EQ(b.any, "[null,\"🎉\"]");
    assert_true(b.count == 12 && b.has_count);
    assert_true(b.at == 1000 && b.has_at);
    assert_true(b.score == 0.25 && b.has_score);
    assert_true(!b.flag && b.has_flag);
    ASSERT_STR_EQ(b.first->role, "user");
    assert_int_equal(b.messages.count, 1);
    assert_true(b.messages.items[0].tags.items[0].weight == -3);
    assert_true(b.words.count == 2 && b.has_words);
    ASSERT_STR_EQ(b.words.items[0], "a");
}

TEST(what_is_not_given_is_preset_or_absent)
{
    static const char *const texts[] = {
        "{}", " { \"text\" : null, \"count\":null, \"flag\":null,\"first\":null,\"words\":null} "};
    for (size_t i = 0; i < 2; i++) {
        struct body b = decode(texts[i]);
        assert_null(b.text.ptr);
        assert_null(b.raw.ptr);
        assert_null(b.any.ptr);
        ASSERT_STR_EQ(b.kind, "plain");
        assert_true(b.count == -1 && !b.has_count);
        assert_true(b.at == 0 && !b.has_at);
        assert_true(b.score == 0.5 && !b.has_score);
        assert_true(b.flag && !b.has_flag);
        assert_null(b.first);
        assert_int_equal(b.messages.count, 0);
        assert_false(b.has_words);
    }
}

TEST(presets_of_a_nested_list_are_filled_in)
{
    struct body b = decode("{\"messages\":[{\"role\":\"user\",\"content\":\"\",\"tags\":[{"
                           "\"name\":\"a\"},{\"name\":\"b\",\"weight\":2}]}]}");
    assert_true(b.messages.items[0].tags.items[0].weight == 1);
    assert_true(b.messages.items[0].tags.items[1].weight == 2);
}

TEST(integers_reach_the_limits_of_int64_and_no_further)
{
    assert_true(decode("{\"count\": 9223372036854775807}").count == INT64_MAX);
    assert_true(decode("{\"count\": -9223372036854775808}").count == INT64_MIN);
    assert_true(decode("{\"count\": 3.0}").count == 3);
    assert_true(decode("{\"count\": 1e3}").count == 1000);
    assert_true(decode("{\"count\": -0}").count == 0);
    static const char *const bad[] = {
        "9223372036854775808", "-9223372036854775809", "1.5", "1e300", "\"1\"", "true", "[]", "{}",
        "9007199254740993.0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"count\": %s}", bad[i]);
        invalid(text, "count", "must be a whole number");
    }
}

TEST(bounds_are_told)
{
    invalid("{\"score\": 1.01}", "score", "must be 0 to 1");
    invalid("{\"score\": \"1\"}", "score", "must be a number");
    invalid("{\"score\": -0.001}", "score", "must be 0 to 1");
    invalid("{\"text\": \"1234567\"}", "text", "has 7 characters, at most 6 are allowed");
    invalid("{\"text\": \"1\"}", "text", "has 1 characters, at least 2 are needed");
    invalid("{\"text\": \"  \"}", "text", "must not be blank");
    invalid("{\"text\": \"\"}", "text", "must not be blank");
    ASSERT_STR_EQ(decode("{\"text\": \"ñañaña\"}").text, "ñañaña"); /* characters, not bytes */
    invalid("{\"messages\": []}", "messages", "must have 1 to 3 items");
    invalid("{\"words\": [\"\",\"\",\"\",\"\",\"\"]}", "words", "must have 0 to 4 items");
}

TEST(wrong_types_name_their_field)
{
    invalid("{\"text\": 1}", "text", "must be a text");
    invalid("{\"id\": \"1\"}", "id", "must be a UUID");
    invalid("{\"at\": \"yesterday\"}", "at", "must be a time");
    invalid("{\"at\": 5}", "at", "must be a text");
    invalid("{\"flag\": 1}", "flag", "must be true or false");
    invalid("{\"flag\": \"true\"}", "flag", "must be true or false");
    invalid("{\"raw\": [1]}", "raw", "must be an object");
    invalid("{\"first\": []}", "first", "must be an object");
    invalid("{\"messages\": {}}", "messages", "must be a list");
    invalid("{\"words\": \"a\"}", "words", "must be a list");
    invalid("{\"words\": [\"a\", 1]}", "words[1]", "must be a text");
    invalid("[]", "", "the body must be an object");
    invalid("null", "", "the body must be an object");
    invalid("\"x\"", "", "the body must be an object");
}

TEST(nested_fields_are_named_by_their_path)
{
    invalid("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":"
            "\"a\"},{\"role\":\"wizard\",\"content\":\"a\"}]}",
            "messages[2].role", "messages[2].role must be one of \"user\", \"assistant\"");
    invalid("{\"messages\":[{\"role\":\"user\"}]}", "messages[0].content", "is required");
    invalid("{\"messages\":[{\"role\":\"user\",\"content\":null}]}", "messages[0].content",
            "is required");
    invalid("{\"messages\":[{\"role\":\"user\",\"content\":\"\",\"tags\":[{\"name\":\"a\"},"
            "{\"name\":\"b\",\"weight\":4}]}]}",
            "messages[0].tags[1].weight", "must be -3 to 3");
    invalid("{\"messages\":[1]}", "messages[0]", "must be an object");
    invalid("{\"messages\":[{\"role\":\"\",\"content\":\"\"}]}", "messages[0].role",
            "must not be blank");
    invalid("{\"first\":{\"role\":\"user\",\"content\":\"\",\"x\":1}}", "first.x",
            "is not a known field");
}

TEST(unknown_fields_are_refused_unless_the_shape_is_open)
{
    invalid("{\"txet\": \"a\"}", "txet", "is not a known field");
    invalid("{\"hidden\": \"a\"}", "hidden", "is not a known field"); /* has its place elsewhere */
    struct nima_shape open = body_shape;
    open.open = true;
    struct body body;
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    ASSERT_OK(nima_json_decode(&ctx, &open, NIMA_STR("{\"txet\":{\"x\":[]},\"count\":4}"), &body));
    assert_true(body.count == 4);
}

TEST(a_long_unknown_name_is_cut_between_characters)
{
    char text[4000] = "{\"x";
    for (size_t at = 3; at < 3000; at += 4) {
        memcpy(text + at, "🎉", 5);
    }
    memcpy(text + strlen(text), "\":1}", 5);
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    struct body body;
    ASSERT_RC(NIMA_E_INVALID, nima_json_decode(&ctx, &body_shape, nima_str_of(text), &body));
    assert_true(nima_utf8_valid(nima_str_of(ctx.error.field)));
    assert_true(nima_utf8_valid(nima_str_of(ctx.error.message)));
}

TEST(text_that_is_no_json_is_malformed)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "{\"text\"}",
        "{\"text\":}",
        "{\"text\":\"a\",}",
        "{'text':'a'}",
        "{\"text\":\"a\"} x",
        "{} {}",
        "nul",
        "// c\n{}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e999}",
        "{\"text\":\"a\nb\"}",
        "{\"text\":\"\\x\"}",
        "{\"text\":\"\\u12\"}",
        "\xEF\xBB\xBF{}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        malformed(bad[i]);
    }
}

TEST(broken_characters_are_malformed)
{
    malformed("{\"text\":\"\\ud800\"}");        /* a lone surrogate, first half */
    malformed("{\"text\":\"\\udc00\"}");        /* second half */
    malformed("{\"text\":\"\\ud800\\u0041\"}"); /* two that do not belong together */
    malformed("{\"text\":\"\xC3(\"}");
    malformed("{\"text\":\"\xED\xA0\x80\"}");
    malformed("{\"text\":\"\xC0\xAF\"}");
    malformed("{\"te\xFFxt\":1}");
}

TEST(nul_is_malformed_escaped_or_not)
{
    refuse(NIMA_STR("{\"text\":\"ab\\u0000\"}"), NIMA_E_MALFORMED, "text");
    refuse(NIMA_STR("{\"any\":[{\"deep\":[\"\\u0000\"]}]}"), NIMA_E_MALFORMED, "deep");
    refuse(NIMA_STR("{\"te\\u0000xt\":1}"), NIMA_E_MALFORMED, "");
    refuse(NIMA_STR("{\"text\":\"a\0b\"}"), NIMA_E_MALFORMED, "");
    refuse(NIMA_STR("{}\0"), NIMA_E_MALFORMED, "");
}

TEST(a_key_that_stands_twice_is_malformed_wherever_it_is)
{
    refuse(NIMA_STR("{\"count\":1,\"text\":\"ab\",\"count\":2}"), NIMA_E_MALFORMED, "count");
    refuse(NIMA_STR("{\"any\":[{\"b\":1,\"\\u0062\":1}]}"), NIMA_E_MALFORMED, "b");
    refuse(NIMA_STR("{\"raw\":{\"x\":{\"\":1,\"\":1}}}"), NIMA_E_MALFORMED, "");
    assert_non_null(strstr(ctx.error.message, "stands twice"));
}

TEST(depth_is_capped_at_64)
{
    char text[4000];
    for (int depth = 62; depth <= 66; depth++) {
        size_t used = (size_t)snprintf(text, sizeof(text), "{\"any\":");
        memset(text + used, '[', (size_t)depth);
        memset(text + used + depth, ']', (size_t)depth);
        memcpy(text + used + 2 * depth, "}", 2);
        if (depth + 1 <= 64) {
            decode(text);
        } else {
            malformed(text);
            assert_non_null(strstr(ctx.error.message, "deeper than 64"));
        }
    }
    /* Brackets within texts do not count, and escaped quotes do not end them. */
    memset(text, 0, sizeof(text));
    size_t used = (size_t)snprintf(text, sizeof(text), "{\"any\":\"\\\"");
    memset(text + used, '[', 1000);
    memcpy(text + used + 1000, "\\\\\"}", 5);
    decode(text);
}

TEST(a_hundred_thousand_brackets_do_no_harm)
{
    enum { MANY = 100000 };
    char *text = test_malloc(MANY);
    memset(text, '[', MANY);
    refuse((nima_str){text, MANY}, NIMA_E_MALFORMED, "");
    test_free(text);
}

TEST(a_bare_list_is_decoded_and_capped)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    struct nima_list list = {NULL, 7};
    nima_str two = NIMA_STR("[{\"name\":\"a\"},{\"name\":\"b\"}]");
    ASSERT_RC(NIMA_E_INVALID, nima_json_decode_list(&ctx, &tag_shape, two, 1, &list));
    assert_int_equal(list.count, 7);
    ASSERT_OK_CTX(&ctx, nima_json_decode_list(&ctx, &tag_shape, two, 2, &list));
    assert_int_equal(list.count, 2);
    ASSERT_STR_EQ(((struct tag *)list.items)[1].name, "b");
    nima_str bad = NIMA_STR("[{\"name\":\"a\"},{\"name\":7}]");
    ASSERT_RC(NIMA_E_INVALID, nima_json_decode_list(&ctx, &tag_shape, bad, 5, &list));
    assert_string_equal(ctx.error.field, "[1].name");
    ASSERT_RC(NIMA_E_INVALID, nima_json_decode_list(&ctx, &tag_shape, NIMA_STR("{}"), 5, &list));
    ASSERT_RC(NIMA_E_INVALID, nima_json_decode_list(&ctx, &tag_shape, NIMA_STR("[]"), 5, &list));
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
}

TEST_MAIN
