/*
 * A small instance of a JSON Schema: what the scripted backend answers when one is asked for.
 */
#include "llm/llm_int.h"
#include "util/json.h"

enum { DEPTH_MAX = 16, SAMPLE_BYTES_MAX = 256 * 1024, ITEMS_MAX = 100 };

struct sample {
    const struct nima_json *root;
    nima_str text; /* for free strings */
    struct nima_buf out;
};

static const struct nima_json *follow(struct nima_ctx *ctx, const struct nima_json *root,
                                      const struct nima_json *schema)
{
    for (int hops = 0; hops < DEPTH_MAX; hops++) {
        nima_str ref = nima_json_str(nima_json_get(schema, "$ref"));
        nima_str rest = nima_str_sub(ref, 2, ref.len), step;
        if (ref.ptr == NULL) {
            return schema;
        }
        schema = root;
        while (ref.len > 1 && nima_str_next(&rest, '/', &step)) {
            schema = nima_json_get(schema, nima_cstr(ctx, step));
        }
    }
    return NULL;
}

static void write_value(struct nima_ctx *ctx, struct sample *s, const struct nima_json *schema,
                        int depth);

static bool is_required(const struct nima_json *schema, nima_str key, int depth)
{
    const struct nima_json *required = nima_json_get(schema, "required");
    for (size_t i = 0; i < nima_json_count(required); i++) {
        if (nima_str_eq(nima_json_str(nima_json_at(required, i, NULL)), key)) {
            return true;
        }
    }
    return required == NULL && depth < 4;
}

static void write_object(struct nima_ctx *ctx, struct sample *s, const struct nima_json *schema,
                         int depth)
{
    const struct nima_json *properties = nima_json_get(schema, "properties");
    bool first = true;
    nima_buf_add_char(&s->out, '{');
    for (size_t i = 0; i < nima_json_count(properties); i++) {
        nima_str key;
        const struct nima_json *property = nima_json_at(properties, i, &key);
        if (is_required(schema, key, depth)) {
            nima_buf_fmt(&s->out, "%s", first ? "" : ",");
            nima_json_write_str(&s->out, key);
            nima_buf_add_char(&s->out, ':');
            write_value(ctx, s, property, depth + 1);
            first = false;
        }
    }
    nima_buf_add_char(&s->out, '}');
}

static void write_array(struct nima_ctx *ctx, struct sample *s, const struct nima_json *schema,
                        int depth)
{
    int64_t count = 0;
    (void)nima_json_int(nima_json_get(schema, "minItems"), &count);
    nima_buf_add_char(&s->out, '[');
    for (int64_t i = 0; i < count && i < ITEMS_MAX; i++) {
        nima_buf_fmt(&s->out, "%s", i > 0 ? "," : "");
        write_value(ctx, s, nima_json_get(schema, "items"), depth + 1);
    }
    nima_buf_add_char(&s->out, ']');
}

static void write_string(struct sample *s, const struct nima_json *schema)
{
    int64_t most;
    nima_str text = s->text;
    if (nima_json_int(nima_json_get(schema, "maxLength"), &most) && most >= 0) {
        text = nima_utf8_prefix(text, (size_t)most);
    }
    nima_json_write_str(&s->out, text);
}

static void write_value(struct nima_ctx *ctx, struct sample *s, const struct nima_json *schema,
                        int depth)
{
    schema = depth < DEPTH_MAX ? follow(ctx, s->root, schema) : NULL;
    const struct nima_json *node, *type = nima_json_get(schema, "type");
    if ((node = nima_json_get(schema, "const")) != NULL) {
        nima_buf_add(&s->out, nima_json_text(ctx, node));
        return;
    }
    if (nima_json_count(node = nima_json_get(schema, "enum")) > 0) {
        nima_buf_add(&s->out, nima_json_text(ctx, nima_json_at(node, 0, NULL)));
        return;
    }
    if (nima_json_count(node = nima_json_get(schema, "anyOf")) > 0 ||
        nima_json_count(node = nima_json_get(schema, "oneOf")) > 0) {
        write_value(ctx, s, nima_json_at(node, 0, NULL), depth + 1);
        return;
    }
    nima_str kind =
        nima_json_str(nima_json_kind(type) == NIMA_JSON_ARRAY ? nima_json_at(type, 0, NULL) : type);
    if (nima_str_eq(kind, NIMA_STR("string"))) {
        write_string(s, schema);
    } else if (nima_str_eq(kind, NIMA_STR("integer")) || nima_str_eq(kind, NIMA_STR("number"))) {
        nima_json_write_num(&s->out, nima_json_num(nima_json_get(schema, "minimum"), 0));
    } else if (nima_str_eq(kind, NIMA_STR("boolean"))) {
        nima_buf_add(&s->out, NIMA_STR("false"));
    } else if (nima_str_eq(kind, NIMA_STR("array"))) {
        write_array(ctx, s, schema, depth);
    } else if (nima_str_eq(kind, NIMA_STR("object")) || depth == 0 ||
               nima_json_get(schema, "properties") != NULL) {
        write_object(ctx, s, schema, depth);
    } else {
        nima_buf_add(&s->out, NIMA_STR("null"));
    }
}

nima_rc nima_llm_schema_sample(struct nima_ctx *ctx, nima_str json_schema, nima_str text,
                               nima_str *out)
{
    struct sample s = {.text = text};
    nima_str checked;
    NIMA_TRY(nima_llm_grammar(ctx, json_schema, &checked));
    NIMA_TRY(nima_json_parse(ctx, json_schema, &s.root));
    nima_buf_init(&s.out, SAMPLE_BYTES_MAX);
    write_value(ctx, &s, s.root, 0);
    nima_rc rc = nima_buf_take(ctx, &s.out, out);
    nima_buf_done(&s.out);
    return rc;
}
