/*
 * A JSON Schema as a grammar that the model's reply must fit (GBNF, llama.cpp's notation).
 *
 * Held to: type, properties, required, additionalProperties, items, prefixItems, minItems,
 * maxItems, minLength, maxLength, enum, const, anyOf, oneOf, allOf (of objects), $ref within the
 * schema; minimum >= 0 for whole numbers. Not held to, because a grammar cannot or not at a
 * bearable size: pattern, format, other bounds of numbers, uniqueItems, not, if. Properties come in
 * the order in which the schema lists them; properties that it does not list come only where it
 * says so.
 *
 * White space is bounded: a small model that may write blanks for ever does.
 */
#include <string.h>

#include "llm/llm_int.h"
#include "util/json.h"

enum {
    DEPTH_MAX = 32,
    RULES_MAX = 4000,
    PARTS_MAX = 16,       /* schemas that allOf puts together */
    PROPERTIES_MAX = 200, /* of one object */
    REPEAT_MAX = 1000,    /* a larger bound is none: each repetition costs memory */
    GBNF_BYTES_MAX = 1024 * 1024,
};

static const char basics[] =
    "ws ::= | \" \" | \"\\n\" [ \\t]{0,20}\n"
    "char ::= [^\"\\\\\\x7F\\x00-\\x1F] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" [0-9a-fA-F]{4})\n"
    "string ::= \"\\\"\" char* \"\\\"\"\n"
    "natural ::= \"0\" | [1-9] [0-9]{0,15}\n"
    "integer ::= \"-\"? natural\n"
    "number ::= integer (\".\" [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?\n"
    "boolean ::= \"true\" | \"false\"\n"
    "null ::= \"null\"\n"
    "member ::= string \":\" ws value\n"
    "object ::= \"{\" (ws member (\",\" ws member)*)? ws \"}\"\n"
    "array ::= \"[\" (ws value (\",\" ws value)*)? ws \"]\"\n"
    "value ::= object | array | string | number | boolean | null\n";

struct reference {
    const struct nima_json *target;
    nima_str rule; /* absent until it is written */
};

struct writer {
    const struct nima_json *root;
    struct nima_buf out;
    int rules, depth;
    struct reference refs[64];
    size_t ref_count;
};

static nima_rc expression(struct nima_ctx *ctx, struct writer *w, const struct nima_json *schema,
                          nima_str *out);

static nima_rc bad(struct nima_ctx *ctx, const char *why)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "json_schema", "%s", why);
}

/* Writes a rule of its own and gives its name. */
static nima_rc rule(struct nima_ctx *ctx, struct writer *w, nima_str body, nima_str *name_out)
{
    if (++w->rules > RULES_MAX || w->out.overflowed) {
        return bad(ctx, "the schema is too large");
    }
    *name_out = nima_fmt(ctx, "r%d", w->rules);
    nima_buf_fmt(&w->out, NIMA_FMT " ::= ", NIMA_ARG(*name_out));
    nima_buf_add(&w->out, body);
    nima_buf_add_char(&w->out, '\n');
    return NIMA_OK;
}

/* JSON text as a quoted literal of the grammar. */
static nima_str literal(struct nima_ctx *ctx, nima_str text)
{
    struct nima_buf buf;
    nima_buf_init(&buf, GBNF_BYTES_MAX);
    nima_buf_add_char(&buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
            nima_buf_add_char(&buf, '\\');
        }
        nima_buf_add_char(&buf, text.ptr[i]);
    }
    nima_buf_add_char(&buf, '"');
    nima_str quoted = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return quoted;
}

static nima_str quoted_key(struct nima_ctx *ctx, nima_str key)
{
    struct nima_buf buf;
    nima_buf_init(&buf, GBNF_BYTES_MAX);
    nima_json_write_str(&buf, key);
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return literal(ctx, text);
}

/* A step of a JSON pointer: ~1 is /, ~0 is ~. */
static const struct nima_json *pointer_step(struct nima_ctx *ctx, const struct nima_json *node,
                                            nima_str step)
{
    char *key = nima_cstr(ctx, step);
    size_t to = 0;
    for (size_t from = 0; from < step.len; from++, to++) {
        key[to] = key[from];
        if (key[from] == '~' && (key[from + 1] == '0' || key[from + 1] == '1')) {
            key[to] = key[++from] == '1' ? '/' : '~';
        }
    }
    key[to] = '\0';
    int64_t index;
    if (nima_json_kind(node) == NIMA_JSON_ARRAY && nima_str_to_i64(nima_str_of(key), &index)) {
        return index >= 0 && (size_t)index < nima_json_count(node)
                   ? nima_json_at(node, (size_t)index, NULL)
                   : NULL;
    }
    return nima_json_get(node, key);
}

static nima_rc resolve(struct nima_ctx *ctx, const struct nima_json *root, nima_str ref,
                       const struct nima_json **out)
{
    const struct nima_json *node = root;
    if (!nima_str_eq(ref, NIMA_STR("#"))) {
        nima_str rest = nima_str_sub(ref, 2, ref.len), step;
        if (!nima_str_starts(ref, NIMA_STR("#/"))) {
            node = NULL;
        }
        while (node != NULL && nima_str_next(&rest, '/', &step)) {
            node = pointer_step(ctx, node, step);
        }
    }
    if (node == NULL) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "json_schema",
                               "$ref '" NIMA_FMT "' leads to nothing in the schema",
                               NIMA_ARG(nima_utf8_prefix(ref, 200)));
    }
    *out = node;
    return NIMA_OK;
}

/* One rule for each target, so that a schema may refer to itself. */
static nima_rc reference(struct nima_ctx *ctx, struct writer *w, nima_str ref, nima_str *out)
{
    const struct nima_json *target;
    NIMA_TRY(resolve(ctx, w->root, ref, &target));
    for (size_t i = 0; i < w->ref_count; i++) {
        if (w->refs[i].target == target) {
            *out = w->refs[i].rule;
            return NIMA_OK;
        }
    }
    if (w->ref_count == sizeof(w->refs) / sizeof(w->refs[0])) {
        return bad(ctx, "the schema refers to too many of its parts");
    }
    nima_str name = nima_fmt(ctx, "ref%zu", w->ref_count);
    w->refs[w->ref_count++] = (struct reference){target, name};
    nima_str body;
    NIMA_TRY(expression(ctx, w, target, &body));
    if (nima_str_eq(body, name)) {
        return bad(ctx, "$ref leads to itself");
    }
    nima_buf_fmt(&w->out, NIMA_FMT " ::= ", NIMA_ARG(name));
    nima_buf_add(&w->out, body);
    nima_buf_add_char(&w->out, '\n');
    *out = name;
    return NIMA_OK;
}

static int64_t bound(const struct nima_json *schema, const char *key, int64_t otherwise)
{
    int64_t value;
    return nima_json_int(nima_json_get(schema, key), &value) && value >= 0 ? value : otherwise;
}

/* "{low,high}"; a bound too large for a grammar is none. */
static nima_str repeat(struct nima_ctx *ctx, int64_t low, int64_t high)
{
    low = low > REPEAT_MAX ? REPEAT_MAX : low;
    if (high < 0 || high > REPEAT_MAX) {
        return nima_fmt(ctx, "{%d,}", (int)low);
    }
    return nima_fmt(ctx, "{%d,%d}", (int)low, (int)(high < low ? low : high));
}

static nima_str string_expression(struct nima_ctx *ctx, const struct nima_json *schema)
{
    int64_t low = bound(schema, "minLength", 0), high = bound(schema, "maxLength", -1);
    if (low == 0 && (high < 0 || high > REPEAT_MAX)) {
        return NIMA_STR("string");
    }
    return nima_fmt(ctx, "\"\\\"\" char" NIMA_FMT " \"\\\"\"", NIMA_ARG(repeat(ctx, low, high)));
}

static nima_rc alternatives(struct nima_ctx *ctx, struct writer *w, const struct nima_json *list,
                            bool are_schemas, nima_str *out)
{
    size_t count = nima_json_count(list);
    if (nima_json_kind(list) != NIMA_JSON_ARRAY || count == 0) {
        return bad(ctx, "enum, anyOf and oneOf must be arrays with something in them");
    }
    nima_str body = NIMA_STR("");
    for (size_t i = 0; i < count; i++) {
        const struct nima_json *item = nima_json_at(list, i, NULL);
        nima_str one = are_schemas ? (nima_str){0} : literal(ctx, nima_json_text(ctx, item));
        if (are_schemas) {
            NIMA_TRY(expression(ctx, w, item, &one));
        }
        /* Joined as rules of bounded length: the text would grow with the square otherwise. */
        body = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(body), i > 0 ? " | " : "",
                        NIMA_ARG(one));
        if (body.len > 4000) {
            NIMA_TRY(rule(ctx, w, body, &body));
        }
    }
    return rule(ctx, w, body, out);
}

static nima_rc array_expression(struct nima_ctx *ctx, struct writer *w,
                                const struct nima_json *schema, nima_str *out)
{
    const struct nima_json *prefix = nima_json_get(schema, "prefixItems");
    const struct nima_json *items = nima_json_get(schema, "items");
    nima_str body = NIMA_STR("");
    if (nima_json_kind(prefix) == NIMA_JSON_ARRAY && nima_json_count(prefix) > 0) {
        for (size_t i = 0; i < nima_json_count(prefix); i++) {
            nima_str item;
            NIMA_TRY(expression(ctx, w, nima_json_at(prefix, i, NULL), &item));
            body = nima_fmt(ctx, NIMA_FMT "%s ws " NIMA_FMT, NIMA_ARG(body), i > 0 ? " \",\"" : "",
                            NIMA_ARG(item));
        }
        return rule(ctx, w, nima_fmt(ctx, "\"[\"" NIMA_FMT " ws \"]\"", NIMA_ARG(body)), out);
    }
    nima_str item = NIMA_STR("value");
    if (items != NULL) {
        NIMA_TRY(expression(ctx, w, items, &item));
    }
    int64_t low = bound(schema, "minItems", 0), high = bound(schema, "maxItems", -1);
    if (high == 0) {
        *out = NIMA_STR("\"[\" ws \"]\"");
        return NIMA_OK;
    }
    nima_str more = repeat(ctx, low > 0 ? low - 1 : 0, high > 0 ? high - 1 : -1);
    body = nima_fmt(ctx, "\"[\" (ws " NIMA_FMT " (\",\" ws " NIMA_FMT ")" NIMA_FMT ")%s ws \"]\"",
                    NIMA_ARG(item), NIMA_ARG(item), NIMA_ARG(more), low > 0 ? "" : "?");
    return rule(ctx, w, body, out);
}

struct property {
    nima_str key;
    const struct nima_json *schema;
    bool required;
};

struct object {
    const struct nima_json *parts[PARTS_MAX];
    size_t part_count;
    struct property properties[PROPERTIES_MAX];
    size_t count;
    const struct nima_json *more; /* what other properties must be; NULL: there are none */
};

/* The schema and all that allOf adds to it, references followed. */
static nima_rc collect_parts(struct nima_ctx *ctx, const struct nima_json *root,
                             const struct nima_json *schema, int depth, struct object *object)
{
    nima_str ref = nima_json_str(nima_json_get(schema, "$ref"));
    if (depth > DEPTH_MAX || object->part_count == PARTS_MAX) {
        return bad(ctx, "allOf is nested too deep");
    }
    if (ref.ptr != NULL) {
        NIMA_TRY(resolve(ctx, root, ref, &schema));
        return collect_parts(ctx, root, schema, depth + 1, object);
    }
    object->parts[object->part_count++] = schema;
    const struct nima_json *all = nima_json_get(schema, "allOf");
    for (size_t i = 0; i < nima_json_count(all); i++) {
        NIMA_TRY(collect_parts(ctx, root, nima_json_at(all, i, NULL), depth + 1, object));
    }
    return NIMA_OK;
}

static bool listed(const struct object *object, const char *list_name, nima_str key)
{
    for (size_t p = 0; p < object->part_count; p++) {
        const struct nima_json *list = nima_json_get(object->parts[p], list_name);
        for (size_t i = 0; i < nima_json_count(list); i++) {
            if (nima_str_eq(nima_json_str(nima_json_at(list, i, NULL)), key)) {
                return true;
            }
        }
    }
    return false;
}

static nima_rc collect_properties(struct nima_ctx *ctx, const struct nima_json *root,
                                  const struct nima_json *schema, struct object *object)
{
    NIMA_TRY(collect_parts(ctx, root, schema, 0, object));
    for (size_t p = 0; p < object->part_count; p++) {
        const struct nima_json *properties = nima_json_get(object->parts[p], "properties");
        const struct nima_json *more = nima_json_get(object->parts[p], "additionalProperties");
        object->more = nima_json_kind(more) == NIMA_JSON_OBJECT || nima_json_bool(more, false)
                           ? more
                           : object->more;
        for (size_t i = 0; i < nima_json_count(properties); i++) {
            if (object->count == PROPERTIES_MAX) {
                return bad(ctx, "an object of the schema has too many properties");
            }
            struct property *property = &object->properties[object->count++];
            property->schema = nima_json_at(properties, i, &property->key);
            property->required = listed(object, "required", property->key);
        }
    }
    return NIMA_OK;
}

/* From the last property to the first, two rules each: what may follow when nothing was written
 * yet, and when something was (then a comma comes first). */
static nima_rc object_expression(struct nima_ctx *ctx, struct writer *w,
                                 const struct nima_json *schema, nima_str *out)
{
    struct object *object = NIMA_NEW(ctx->arena, struct object, 1);
    NIMA_TRY(collect_properties(ctx, w->root, schema, object));
    if (object->count == 0 && object->more == NULL) {
        *out = NIMA_STR("object");
        return NIMA_OK;
    }
    nima_str first = NIMA_STR("\"\""), rest = first; /* "" is the empty text of the notation */
    if (object->more != NULL) {
        nima_str value, member;
        NIMA_TRY(expression(ctx, w, object->more, &value));
        NIMA_TRY(
            rule(ctx, w, nima_fmt(ctx, "ws string \":\" ws " NIMA_FMT, NIMA_ARG(value)), &member));
        first = nima_fmt(ctx, "(" NIMA_FMT " (\",\" " NIMA_FMT ")*)?", NIMA_ARG(member),
                         NIMA_ARG(member));
        rest = nima_fmt(ctx, "(\",\" " NIMA_FMT ")*", NIMA_ARG(member));
    }
    for (size_t i = object->count; i > 0; i--) {
        const struct property *property = &object->properties[i - 1];
        nima_str value, member, new_first, new_rest;
        NIMA_TRY(expression(ctx, w, property->schema, &value));
        NIMA_TRY(rule(ctx, w,
                      nima_fmt(ctx, "ws " NIMA_FMT " \":\" ws " NIMA_FMT,
                               NIMA_ARG(quoted_key(ctx, property->key)), NIMA_ARG(value)),
                      &member));
        new_first = nima_fmt(ctx, NIMA_FMT " " NIMA_FMT, NIMA_ARG(member), NIMA_ARG(rest));
        new_rest = nima_fmt(ctx, "\",\" " NIMA_FMT " " NIMA_FMT, NIMA_ARG(member), NIMA_ARG(rest));
        if (!property->required) {
            new_first =
                nima_fmt(ctx, NIMA_FMT " | " NIMA_FMT, NIMA_ARG(new_first), NIMA_ARG(first));
            new_rest = nima_fmt(ctx, NIMA_FMT " | " NIMA_FMT, NIMA_ARG(new_rest), NIMA_ARG(rest));
        }
        NIMA_TRY(rule(ctx, w, new_first, &first));
        NIMA_TRY(rule(ctx, w, new_rest, &rest));
    }
    return rule(ctx, w, nima_fmt(ctx, "\"{\" " NIMA_FMT " ws \"}\"", NIMA_ARG(first)), out);
}

static nima_rc of_type(struct nima_ctx *ctx, struct writer *w, const struct nima_json *schema,
                       nima_str type, nima_str *out)
{
    static const char *const plain[] = {"number", "boolean", "null"};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (nima_str_eq(type, nima_str_of(plain[i]))) {
            *out = type;
            return NIMA_OK;
        }
    }
    if (nima_str_eq(type, NIMA_STR("string"))) {
        *out = string_expression(ctx, schema);
    } else if (nima_str_eq(type, NIMA_STR("integer"))) {
        bool natural = nima_json_num(nima_json_get(schema, "minimum"), -1) >= 0 ||
                       nima_json_num(nima_json_get(schema, "exclusiveMinimum"), -2) >= -1;
        *out = natural ? NIMA_STR("natural") : NIMA_STR("integer");
    } else if (nima_str_eq(type, NIMA_STR("object"))) {
        return object_expression(ctx, w, schema, out);
    } else if (nima_str_eq(type, NIMA_STR("array"))) {
        return array_expression(ctx, w, schema, out);
    } else {
        return nima_fail_field(ctx, NIMA_E_INVALID, "json_schema", "'" NIMA_FMT "' is no JSON type",
                               NIMA_ARG(nima_utf8_prefix(type, 100)));
    }
    return NIMA_OK;
}

static nima_rc of_types(struct nima_ctx *ctx, struct writer *w, const struct nima_json *schema,
                        const struct nima_json *types, nima_str *out)
{
    nima_str body = NIMA_STR("");
    for (size_t i = 0; i < nima_json_count(types); i++) {
        nima_str one;
        NIMA_TRY(of_type(ctx, w, schema, nima_json_str(nima_json_at(types, i, NULL)), &one));
        body = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(body), i > 0 ? " | " : "",
                        NIMA_ARG(one));
    }
    return body.len > 0 ? rule(ctx, w, body, out) : bad(ctx, "type must name a type");
}

static nima_rc of_schema(struct nima_ctx *ctx, struct writer *w, const struct nima_json *schema,
                         nima_str *out)
{
    const struct nima_json *type = nima_json_get(schema, "type");
    const struct nima_json *node;
    nima_str ref = nima_json_str(nima_json_get(schema, "$ref"));
    if (ref.ptr != NULL) {
        return reference(ctx, w, ref, out);
    }
    if ((node = nima_json_get(schema, "const")) != NULL) {
        *out = literal(ctx, nima_json_text(ctx, node));
        return NIMA_OK;
    }
    if ((node = nima_json_get(schema, "enum")) != NULL) {
        return alternatives(ctx, w, node, false, out);
    }
    if ((node = nima_json_get(schema, "anyOf")) != NULL ||
        (node = nima_json_get(schema, "oneOf")) != NULL) {
        return alternatives(ctx, w, node, true, out);
    }
    if (nima_json_kind(type) == NIMA_JSON_ARRAY) {
        return of_types(ctx, w, schema, type, out);
    }
    if (nima_json_kind(type) == NIMA_JSON_STR) {
        return of_type(ctx, w, schema, nima_json_str(type), out);
    }
    node = nima_json_get(schema, "allOf");
    if (nima_json_count(node) == 1 && nima_json_get(schema, "properties") == NULL) {
        return expression(ctx, w, nima_json_at(node, 0, NULL), out);
    }
    if (node != NULL || nima_json_get(schema, "properties") != NULL ||
        nima_json_get(schema, "additionalProperties") != NULL) {
        return object_expression(ctx, w, schema, out);
    }
    if (nima_json_get(schema, "items") != NULL || nima_json_get(schema, "prefixItems") != NULL) {
        return array_expression(ctx, w, schema, out);
    }
    *out = NIMA_STR("value");
    return NIMA_OK;
}

static nima_rc expression(struct nima_ctx *ctx, struct writer *w, const struct nima_json *schema,
                          nima_str *out)
{
    if (nima_json_kind(schema) == NIMA_JSON_BOOL && nima_json_bool(schema, false)) {
        *out = NIMA_STR("value");
        return NIMA_OK;
    }
    if (nima_json_kind(schema) != NIMA_JSON_OBJECT) {
        return bad(ctx, "every part of the schema must be an object");
    }
    if (w->depth >= DEPTH_MAX) {
        return bad(ctx, "the schema is nested too deep");
    }
    w->depth++;
    nima_rc rc = of_schema(ctx, w, schema, out);
    w->depth--;
    return rc;
}

static nima_rc parse_schema(struct nima_ctx *ctx, nima_str json_schema,
                            const struct nima_json **out)
{
    if (nima_json_parse(ctx, json_schema, out) != NIMA_OK ||
        nima_json_kind(*out) != NIMA_JSON_OBJECT) {
        return bad(ctx, "the schema must be a JSON object");
    }
    return NIMA_OK;
}

nima_rc nima_llm_grammar(struct nima_ctx *ctx, nima_str json_schema, nima_str *out)
{
    struct writer w = {0};
    NIMA_TRY(parse_schema(ctx, json_schema, &w.root));
    nima_buf_init(&w.out, GBNF_BYTES_MAX);
    nima_str body = NIMA_STR("object");
    nima_rc rc = NIMA_OK;
    if (nima_json_count(w.root) > 0) {
        rc = expression(ctx, &w, w.root, &body);
    }
    if (rc == NIMA_OK) {
        nima_buf_fmt(&w.out, "root ::= ");
        nima_buf_add(&w.out, body);
        nima_buf_add_char(&w.out, '\n');
        nima_buf_add(&w.out, nima_str_of(basics));
        rc = w.out.overflowed ? bad(ctx, "the schema is too large")
                              : nima_buf_take(ctx, &w.out, out);
    }
    nima_buf_done(&w.out);
    return rc;
}
