/* JSON to a struct by a table with every kind of field, and back: what was encoded decodes to
 * the same text again. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "util/json.h"

struct inner {
    nima_str name, role;
    int64_t weight;
};
struct outer {
    nima_str text, id, raw, any;
    int64_t count, at;
    double score;
    bool flag, has_count, has_at, has_score, has_flag, has_list, has_words;
    struct inner *first;
    struct {
        struct inner *items;
        size_t count;
    } list;
    struct {
        nima_str *items;
        size_t count;
    } words;
};

static const char *const roles[] = {"user", "assistant", NULL};
static const struct nima_field inner_fields[] = {
    NIMA_FIELD(STR, struct inner, name, .required = true, .max = 20),
    NIMA_FIELD(STR, struct inner, role, .choices = roles),
    NIMA_FIELD(INT, struct inner, weight, .min = -3, .max = 3, .preset = 1),
};
static const struct nima_shape inner_shape = NIMA_SHAPE("Inner", struct inner, inner_fields);
static const struct nima_field outer_fields[] = {
    NIMA_FIELD(STR, struct outer, text, .min = 1, .max = 100),
    NIMA_FIELD(UUID, struct outer, id),
    NIMA_FIELD(JSON, struct outer, raw),
    NIMA_FIELD(ANY, struct outer, any),
    NIMA_FIELD(INT, struct outer, count, .has = NIMA_HAS(struct outer, has_count)),
    NIMA_FIELD(TIME, struct outer, at, .has = NIMA_HAS(struct outer, has_at)),
    NIMA_FIELD(NUM, struct outer, score, .has = NIMA_HAS(struct outer, has_score)),
    NIMA_FIELD(BOOL, struct outer, flag, .has = NIMA_HAS(struct outer, has_flag)),
    NIMA_FIELD(OBJECT, struct outer, first, .shape = &inner_shape),
    NIMA_FIELD(LIST, struct outer, list, .shape = &inner_shape, .max = 50,
               .has = NIMA_HAS(struct outer, has_list)),
    NIMA_FIELD(STR_LIST, struct outer, words, .max = 50, .has = NIMA_HAS(struct outer, has_words)),
};
static const struct nima_shape outer_shape = NIMA_SHAPE("Outer", struct outer, outer_fields);

static nima_str encode(struct nima_ctx *ctx, const struct outer *in)
{
    struct nima_buf buf;
    nima_buf_init(&buf, 16 << 20);
    nima_json_encode(&buf, &outer_shape, in);
    nima_str text;
    fuzz_must(nima_buf_take(ctx, &buf, &text) == NIMA_OK);
    nima_buf_done(&buf);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct outer out;
    struct nima_list list;
    nima_rc rc = nima_json_decode(&ctx, &outer_shape, fuzz_str(data, size), &out);
    fuzz_check_error(&ctx, rc);
    if (rc == NIMA_OK) {
        nima_str once = encode(&ctx, &out);
        struct outer again;
        fuzz_must(nima_json_decode(&ctx, &outer_shape, once, &again) == NIMA_OK);
        fuzz_must(nima_str_eq(once, encode(&ctx, &again)));
    }
    rc = nima_json_decode_list(&ctx, &inner_shape, fuzz_str(data, size), 20, &list);
    fuzz_check_error(&ctx, rc);
    nima_ctx_done(&ctx);
    return 0;
}
