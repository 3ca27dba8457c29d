/*
 * From a request's address and body to the struct of a row: the first line is the address, the rest
 * the body. What decodes is encoded again and must decode to the same text.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "http/http_int.h"

struct part {
    nima_str text;
    double weight;
};
static const struct nima_field part_fields[] = {
    NIMA_FIELD(STR, struct part, text, .required = true, .max = 50),
    NIMA_FIELD(NUM, struct part, weight, .low = -1, .high = 1),
};
static const struct nima_shape part_shape = NIMA_SHAPE("Part", struct part, part_fields);

struct whole {
    nima_str id, q, name, kind, data, any;
    int64_t count, since, until, limit;
    double score;
    bool loud, has_since;
    struct part *part;
    struct nima_list parts, tags;
};
static const char *const kinds[] = {"one", "two", NULL};
static const struct nima_field whole_fields[] = {
    NIMA_FIELD(UUID, struct whole, id, .place = NIMA_IN_PATH),
    NIMA_FIELD(INT, struct whole, limit, .place = NIMA_IN_QUERY, .min = 1, .max = 500),
    NIMA_FIELD(STR, struct whole, q, .place = NIMA_IN_QUERY, .max = 100),
    NIMA_FIELD(TIME, struct whole, until, .place = NIMA_IN_QUERY),
    NIMA_FIELD(NUM, struct whole, score, .place = NIMA_IN_QUERY, .high = 1),
    NIMA_FIELD(BOOL, struct whole, loud, .place = NIMA_IN_QUERY),
    NIMA_FIELD(STR, struct whole, name, .max = 100),
    NIMA_FIELD(STR, struct whole, kind, .choices = kinds, .preset_str = "one"),
    NIMA_FIELD(INT, struct whole, count),
    NIMA_FIELD(TIME, struct whole, since, .has = NIMA_HAS(struct whole, has_since)),
    NIMA_FIELD(JSON, struct whole, data),
    NIMA_FIELD(ANY, struct whole, any),
    NIMA_FIELD(OBJECT, struct whole, part, .shape = &part_shape),
    NIMA_FIELD(LIST, struct whole, parts, .shape = &part_shape, .max = 20),
    NIMA_FIELD(STR_LIST, struct whole, tags, .max = 20),
};
static const struct nima_shape whole_shape = NIMA_SHAPE("Whole", struct whole, whole_fields);
static const struct nima_route row = {.method = "POST", .path = "/v1/{id}", .in = &whole_shape};
static const struct http_route route = {
    .row = &row,
    .segments = {NIMA_STR_INIT("v1"), NIMA_STR_INIT("id")},
    .is_param = {false, true},
    .count = 2,
    .wants_body = true,
    .body_optional = true,
};

static void check_target(const struct http_target *target)
{
    fuzz_must(target->count <= NIMA_HTTP_SEGMENTS_MAX);
    fuzz_must(nima_str_starts(target->path, NIMA_STR("/")));
    for (size_t i = 0; i < target->count; i++) {
        fuzz_must(nima_utf8_valid(target->segments[i]));
    }
}

/* Encoding what was decoded, and once more, gives the same text. */
static void check_round(struct nima_ctx *ctx, const void *in)
{
    struct nima_buf first, second;
    struct whole again;
    nima_buf_init(&first, 1 << 20);
    nima_buf_init(&second, 1 << 20);
    nima_json_encode(&first, &whole_shape, in);
    if (!first.overflowed &&
        nima_json_decode(ctx, &whole_shape, nima_buf_view(&first), &again) == NIMA_OK) {
        nima_json_encode(&second, &whole_shape, &again);
        fuzz_must(nima_str_eq(nima_buf_view(&first), nima_buf_view(&second)));
    }
    nima_buf_done(&first);
    nima_buf_done(&second);
}

/* Whatever was wrong can be told in JSON. */
static void check_error(struct nima_ctx *ctx, nima_rc rc)
{
    const struct nima_json *root;
    struct nima_buf error;
    fuzz_check_error(ctx, rc);
    nima_buf_init(&error, 8 * 1024);
    nima_http_error_json(ctx, rc, &error);
    fuzz_must(nima_json_parse(ctx, nima_buf_view(&error), &root) == NIMA_OK);
    nima_buf_done(&error);
}

static nima_rc decode(struct nima_exchange *exchange, nima_str address, nima_str body, void **in)
{
    NIMA_TRY(nima_http_target_read(&exchange->ctx, address, &exchange->target));
    check_target(&exchange->target);
    if (exchange->target.count != route.count) {
        return nima_fail(&exchange->ctx, NIMA_E_NOT_FOUND, "there is nothing at this address");
    }
    nima_buf_add(&exchange->body, body);
    return nima_http_decode(exchange, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nima_exchange *exchange = NIMA_XNEW(struct nima_exchange, 1);
    void *in = NULL;
    exchange->route = &route;
    nima_ctx_init(&exchange->ctx);
    nima_buf_init(&exchange->body, 1 << 20);
    nima_str body = fuzz_str(data, size);
    nima_str address = {0};
    nima_str_next(&body, '\n', &address);
    nima_rc rc = decode(exchange, address, body.ptr != NULL ? body : NIMA_STR(""), &in);
    if (rc == NIMA_OK) {
        check_round(&exchange->ctx, in);
    } else {
        check_error(&exchange->ctx, rc);
    }
    nima_buf_done(&exchange->body);
    nima_ctx_done(&exchange->ctx);
    free(exchange);
    return 0;
}
