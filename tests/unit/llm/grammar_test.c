/* JSON Schemas as grammars: what is written, and that llama.cpp can read it. That replies keep to
 * them is local_test. */
#include "llm/support_llm.h"

#include "llm/local_guard.h"

static nima_str grammar(struct nima_ctx *ctx, const char *schema)
{
    nima_str out;
    ASSERT_OK_CTX(ctx, nima_llm_grammar(ctx, nima_str_of(schema), &out));
    struct llama_sampler *sampler = nima_guard_grammar(NULL, out.ptr);
    if (sampler == NULL) {
        fail_msg("llama.cpp refuses: " NIMA_FMT, NIMA_ARG(out));
    }
    llama_sampler_free(sampler);
    return out;
}

static bool has(nima_str text, const char *part)
{
    return nima_str_find(text, nima_str_of(part), 0) != SIZE_MAX;
}

TEST(plain_types_are_the_basic_rules)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_TRUE(has(grammar(&ctx, "{}"), "root ::= object\n"));
    ASSERT_TRUE(has(grammar(&ctx, "{\"type\":\"string\"}"), "root ::= string\n"));
    ASSERT_TRUE(has(grammar(&ctx, "{\"type\":\"integer\"}"), "root ::= integer\n"));
    ASSERT_TRUE(has(grammar(&ctx, "{\"type\":\"integer\",\"minimum\":1}"), "root ::= natural\n"));
    ASSERT_TRUE(has(grammar(&ctx, "{\"const\":\"a\\\"b\"}"), "root ::= \"\\\"a\\\\\\\"b\\\"\"\n"));
    ASSERT_TRUE(
        has(grammar(&ctx, "{\"enum\":[\"x\",2,null]}"), "\"\\\"x\\\"\" | \"2\" | \"null\""));
    ASSERT_TRUE(has(grammar(&ctx, "{\"type\":[\"string\",\"null\"]}"), "string | null"));
    ASSERT_TRUE(
        has(grammar(&ctx, "{\"type\":\"string\",\"minLength\":2,\"maxLength\":5}"), "char{2,5}"));
    nima_ctx_done(&ctx);
}

TEST(objects_lists_and_references_are_read_by_llama)
{
    static const char *const schemas[] = {
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":"
        "\"number\"},\"c\":{\"type\":\"boolean\"}},\"required\":[\"b\"]}",
        "{\"properties\":{\"only\":{}}}",
        "{\"type\":\"object\",\"properties\":{\"a\":true},\"additionalProperties\":{\"type\":"
        "\"integer\"}}",
        "{\"type\":\"object\",\"additionalProperties\":false}",
        "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1,\"maxItems\":3}",
        "{\"type\":\"array\",\"maxItems\":0}",
        "{\"type\":\"array\",\"minItems\":100000}",
        "{\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
        "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\"}]}",
        "{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}}},{\"properties\":{\"b\":{}}}]}",
        "{\"$ref\":\"#/$defs/tree\",\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{"
        "\"left\":{\"anyOf\":[{\"$ref\":\"#/$defs/tree\"},{\"type\":\"null\"}]}}}}}",
        "{\"type\":\"object\",\"properties\":{\"we\\\"ird\\n\\u0001 "
        "k\\u00e9y\":{\"enum\":[\"a\\nb\"]}}}",
        "{\"$ref\":\"#/definitions/a~1b\",\"definitions\":{\"a/b\":{\"type\":\"string\"}}}",
    };
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        (void)grammar(&ctx, schemas[i]);
    }
    nima_ctx_done(&ctx);
}

TEST(the_order_of_properties_stays_and_required_ones_cannot_be_left_out)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str out = grammar(&ctx, "{\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"type\":"
                                 "\"null\"}},\"required\":[\"b\"]}");
    /* b: nothing but itself; a: itself and then b, or b alone. */
    ASSERT_TRUE(has(out, "r1 ::= ws \"\\\"b\\\"\" \":\" ws null\n"));
    ASSERT_TRUE(has(out, "r2 ::= r1 \"\"\n"));
    ASSERT_TRUE(has(out, "r5 ::= r4 r3 | r2\n"));
    nima_ctx_done(&ctx);
}

TEST(what_is_no_schema_is_refused_by_name)
{
    static const char *const bad[] = {
        "",
        "nonsense",
        "[]",
        "3",
        "{\"type\":\"colour\"}",
        "{\"type\":[]}",
        "{\"enum\":[]}",
        "{\"anyOf\":3}",
        "{\"$ref\":\"#/nowhere\"}",
        "{\"$ref\":\"http://elsewhere/x\"}",
        "{\"$ref\":\"#\"}",
        "{\"properties\":{\"a\":3}}",
        "{\"items\":false,\"type\":\"array\"}",
        "{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}",
    };
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        nima_str out;
        if (nima_llm_grammar(&ctx, nima_str_of(bad[i]), &out) != NIMA_E_INVALID) {
            fail_msg("taken: %s", bad[i]);
        }
        ASSERT_STR_EQ(nima_str_of(ctx.error.field), "json_schema");
    }
    nima_ctx_done(&ctx);
}

TEST(size_is_bounded)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_buf deep, wide;
    nima_buf_init(&deep, 100000);
    nima_buf_init(&wide, 1000000);
    for (int i = 0; i < 30; i++) {
        nima_buf_add(&deep, NIMA_STR("{\"type\":\"array\",\"items\":"));
    }
    nima_buf_add(&wide, NIMA_STR("{\"properties\":{\"p\":{}"));
    for (int i = 0; i < 300; i++) {
        nima_buf_fmt(&wide, ",\"p%d\":{}", i);
    }
    nima_buf_add(&wide, NIMA_STR("}}"));
    nima_str out;
    ASSERT_RC(NIMA_E_INVALID, nima_llm_grammar(&ctx, nima_buf_view(&wide), &out));
    nima_buf_add(&deep, NIMA_STR("{}"));
    for (int i = 0; i < 30; i++) {
        nima_buf_add_char(&deep, '}');
    }
    ASSERT_OK(nima_llm_grammar(&ctx, nima_buf_view(&deep), &out));
    nima_buf_done(&deep);
    nima_buf_done(&wide);
    nima_ctx_done(&ctx);
}

TEST_MAIN
