/* Fields from the plain text of a query or a path. */
#include <string.h>

#include "support/test.h"
#include "util/json.h"

struct query {
    nima_str q, id, cursor, body;
    int64_t limit, since;
    double min_score;
    bool full, has_limit;
};

static const struct nima_field fields[] = {
    NIMA_FIELD(STR, struct query, q, .place = NIMA_IN_QUERY, .required = true, .min = 1, .max = 10),
    NIMA_FIELD(UUID, struct query, id, .place = NIMA_IN_PATH, .required = true),
    NIMA_FIELD(UUID, struct query, cursor, .place = NIMA_IN_QUERY),
    NIMA_FIELD(STR, struct query, body),
    NIMA_FIELD(INT, struct query, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500, .preset = 20,
               .has = NIMA_HAS(struct query, has_limit)),
    NIMA_FIELD(TIME, struct query, since, .place = NIMA_IN_QUERY),
    NIMA_FIELD(NUM, struct query, min_score, .place = NIMA_IN_QUERY, .high = 1),
    NIMA_FIELD(BOOL, struct query, full, .place = NIMA_IN_QUERY),
};
static const struct nima_shape shape = NIMA_SHAPE("Query", struct query, fields);

static nima_rc set(struct nima_ctx *ctx, struct query *query, const char *name, nima_str text)
{
    return nima_json_set_text(ctx, &shape, NIMA_IN_QUERY, nima_str_of(name), text, query);
}

TEST(each_kind_is_read_from_text)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct query query;
    nima_json_preset(&shape, &query);
    assert_true(query.limit == 20 && !query.has_limit);
    ASSERT_OK(set(&ctx, &query, "q", NIMA_STR("ação")));
    ASSERT_OK(set(&ctx, &query, "limit", NIMA_STR("500")));
    ASSERT_OK(set(&ctx, &query, "min_score", NIMA_STR("0.5")));
    ASSERT_OK(set(&ctx, &query, "since", NIMA_STR("1970-01-01T00:00:02Z")));
    ASSERT_OK(set(&ctx, &query, "full", NIMA_STR("1")));
    ASSERT_STR_EQ(query.q, "ação");
    assert_true(query.limit == 500 && query.has_limit);
    assert_true(query.min_score == 0.5 && query.since == 2000 && query.full);
    ASSERT_OK(set(&ctx, &query, "full", NIMA_STR("false")));
    assert_false(query.full);
    nima_ctx_done(&ctx);
}

TEST(wrong_texts_name_the_parameter)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    static const struct {
        const char *name;
        nima_str text;
    } bad[] = {
        {"limit", NIMA_STR_INIT("501")},
        {"limit", NIMA_STR_INIT("0")},
        {"limit", NIMA_STR_INIT("")},
        {"limit", NIMA_STR_INIT("1.0")},
        {"limit", NIMA_STR_INIT("99999999999999999999")},
        {"full", NIMA_STR_INIT("yes")},
        {"full", NIMA_STR_INIT("")},
        {"since", NIMA_STR_INIT("1")},
        {"min_score", NIMA_STR_INIT("nan")},
        {"min_score", NIMA_STR_INIT("2")},
        {"q", NIMA_STR_INIT("")},
        {"q", NIMA_STR_INIT("01234567890")},
        {"q", NIMA_STR_INIT("a\0b")},
        {"q", NIMA_STR_INIT("\xFF")},
        {"cursor", NIMA_STR_INIT("x")},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct query query;
        nima_json_preset(&shape, &query);
        ASSERT_RC(NIMA_E_INVALID, set(&ctx, &query, bad[i].name, bad[i].text));
        assert_string_equal(ctx.error.field, bad[i].name);
        assert_true(query.limit == 20 && query.q.ptr == NULL && !query.has_limit);
    }
    nima_ctx_done(&ctx);
}

TEST(an_unknown_parameter_is_told_and_a_body_field_is_none)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct query query;
    nima_json_preset(&shape, &query);
    ASSERT_RC(NIMA_E_INVALID, set(&ctx, &query, "lmit", NIMA_STR("1")));
    assert_string_equal(ctx.error.field, "lmit");
    ASSERT_RC(NIMA_E_INVALID, set(&ctx, &query, "body", NIMA_STR("x")));
    nima_ctx_done(&ctx);
}

TEST(an_id_in_a_path_that_is_none_is_not_found)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct query query;
    nima_json_preset(&shape, &query);
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_json_set_text(&ctx, &shape, NIMA_IN_PATH, NIMA_STR("id"),
                                                   NIMA_STR("17"), &query));
    nima_ctx_done(&ctx);
}

TEST(what_is_required_is_asked_for_place_by_place)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct query query;
    nima_json_preset(&shape, &query);
    ASSERT_RC(NIMA_E_INVALID, nima_json_check_required(&ctx, &shape, NIMA_IN_QUERY, &query));
    assert_string_equal(ctx.error.field, "q");
    ASSERT_OK(set(&ctx, &query, "q", NIMA_STR("x")));
    ASSERT_OK(nima_json_check_required(&ctx, &shape, NIMA_IN_QUERY, &query));
    ASSERT_RC(NIMA_E_INVALID, nima_json_check_required(&ctx, &shape, NIMA_IN_PATH, &query));
    assert_string_equal(ctx.error.field, "id");
    nima_ctx_done(&ctx);
}

TEST_MAIN
