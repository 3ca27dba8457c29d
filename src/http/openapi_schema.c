/* JSON Schema (2020-12, as OpenAPI 3.1 has it) of fields and shapes. */
#include <string.h>

#include "http/openapi_int.h"

static void next_line(struct doc *doc)
{
    if (doc->filled[doc->depth]) {
        nima_buf_add_char(doc->buf, ',');
    }
    doc->filled[doc->depth] = true;
    if (doc->depth > 0) {
        nima_buf_fmt(doc->buf, "\n%*s", 2 * doc->depth, "");
    }
}

static void key_of(struct doc *doc, const char *key)
{
    next_line(doc);
    if (key != NULL) {
        nima_json_write_str(doc->buf, nima_str_of(key));
        nima_buf_add(doc->buf, NIMA_STR(": "));
    }
}

void nima_doc_open(struct doc *doc, const char *key, char bracket)
{
    key_of(doc, key);
    nima_buf_add_char(doc->buf, bracket);
    doc->depth++;
    nima_assert(doc->depth < DOC_DEPTH_MAX);
    doc->filled[doc->depth] = false;
}

void nima_doc_close(struct doc *doc, char bracket)
{
    bool filled = doc->filled[doc->depth];
    doc->depth--;
    if (filled) {
        nima_buf_fmt(doc->buf, "\n%*s", 2 * doc->depth, "");
    }
    nima_buf_add_char(doc->buf, bracket);
}

void nima_doc_str(struct doc *doc, const char *key, const char *text)
{
    key_of(doc, key);
    nima_json_write_str(doc->buf, nima_str_of(text));
}

void nima_doc_int(struct doc *doc, const char *key, int64_t value)
{
    key_of(doc, key);
    nima_buf_fmt(doc->buf, "%lld", (long long)value);
}

void nima_doc_num(struct doc *doc, const char *key, double value)
{
    key_of(doc, key);
    nima_json_write_num(doc->buf, value);
}

void nima_doc_raw(struct doc *doc, const char *key, const char *json)
{
    key_of(doc, key);
    nima_buf_add(doc->buf, nima_str_of(json));
}

static struct doc_shape *find(struct doc *doc, const struct nima_shape *shape)
{
    for (size_t i = 0; i < doc->shape_count; i++) {
        if (strcmp(doc->shapes[i].shape->name, shape->name) == 0) {
            /* One name, one schema: two shapes of one name would hide each other. */
            nima_assert(doc->shapes[i].shape == shape ||
                        doc->shapes[i].shape->fields == shape->fields);
            return &doc->shapes[i];
        }
    }
    return NULL;
}

void nima_doc_shape_use(struct doc *doc, const struct nima_shape *shape, bool in)
{
    struct doc_shape *known = find(doc, shape);
    if (known != NULL && (in ? known->in : known->out)) {
        return;
    }
    if (known == NULL) {
        nima_assert(doc->shape_count < DOC_SHAPES_MAX);
        known = &doc->shapes[doc->shape_count++];
        *known = (struct doc_shape){.shape = shape};
    }
    known->in = known->in || in;
    known->out = known->out || !in;
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (field->place == NIMA_IN_BODY && field->shape != NULL) {
            nima_doc_shape_use(doc, field->shape, in);
        }
    }
}

static const char *suffix_of(const struct doc_shape *known, bool in)
{
    return known->in && known->out && in ? "Input" : "";
}

void nima_doc_shape_ref(struct doc *doc, const char *key, const struct nima_shape *shape, bool in)
{
    const struct doc_shape *known = find(doc, shape);
    nima_assert(known != NULL);
    if (key != NULL) {
        nima_doc_open(doc, key, '{');
    }
    key_of(doc, "$ref");
    nima_buf_fmt(doc->buf, "\"#/components/schemas/%s%s\"", shape->name, suffix_of(known, in));
    if (key != NULL) {
        nima_doc_close(doc, '}');
    }
}

bool nima_doc_has_body_field(const struct nima_shape *shape)
{
    for (size_t i = 0; shape != NULL && i < shape->count; i++) {
        if (shape->fields[i].place == NIMA_IN_BODY) {
            return true;
        }
    }
    return shape != NULL && shape->open;
}

static const char *type_of(const struct nima_field *field)
{
    switch (field->kind) {
    case NIMA_KIND_INT:
        return "integer";
    case NIMA_KIND_NUM:
        return "number";
    case NIMA_KIND_BOOL:
        return "boolean";
    case NIMA_KIND_JSON:
        return "object";
    case NIMA_KIND_LIST:
    case NIMA_KIND_STR_LIST:
        return "array";
    default:
        return "string";
    }
}

static void write_type(struct doc *doc, const struct nima_field *field, bool nullable)
{
    if (!nullable) {
        nima_doc_str(doc, "type", type_of(field));
        return;
    }
    nima_doc_open(doc, "type", '[');
    nima_doc_str(doc, NULL, type_of(field));
    nima_doc_str(doc, NULL, "null");
    nima_doc_close(doc, ']');
}

static void write_choices(struct doc *doc, const struct nima_field *field, bool nullable)
{
    nima_doc_open(doc, "enum", '[');
    for (const char *const *choice = field->choices; *choice != NULL; choice++) {
        nima_doc_str(doc, NULL, *choice);
    }
    if (nullable) {
        nima_doc_raw(doc, NULL, "null");
    }
    nima_doc_close(doc, ']');
}

/* What nima_utf8_blank takes for blank. */
#define NOT_BLANK                                                                                  \
    "[^\\u0000-\\u0020\\u007F\\u00A0\\u00AD\\u1680\\u2000-\\u200F\\u2028-\\u202F\\u205F\\u2060"    \
    "\\u3000\\uFEFF]"

static void write_text_limits(struct doc *doc, const struct nima_field *field, bool in)
{
    if (field->kind == NIMA_KIND_UUID) {
        nima_doc_str(doc, "format", "uuid");
    } else if (field->kind == NIMA_KIND_TIME) {
        nima_doc_str(doc, "format", "date-time");
    } else if (in && field->choices == NULL) {
        if ((field->required || field->min > 0) && !field->blank_ok) {
            nima_doc_int(doc, "minLength", 1);
            nima_doc_str(doc, "pattern", NOT_BLANK);
        }
        if (field->max > field->min) {
            nima_doc_int(doc, "maxLength", field->max);
        }
    }
}

static void write_limits(struct doc *doc, const struct nima_field *field, bool in)
{
    bool bounded = field->max > field->min;
    switch (field->kind) {
    case NIMA_KIND_INT:
        if (bounded) {
            nima_doc_int(doc, "minimum", field->min);
            nima_doc_int(doc, "maximum", field->max);
        }
        break;
    case NIMA_KIND_NUM:
        if (field->high > field->low) {
            nima_doc_num(doc, "minimum", field->low);
            nima_doc_num(doc, "maximum", field->high);
        }
        break;
    case NIMA_KIND_LIST:
    case NIMA_KIND_STR_LIST:
        if (bounded && in) {
            nima_doc_int(doc, "minItems", field->min);
            nima_doc_int(doc, "maxItems", field->max);
        }
        if (field->kind == NIMA_KIND_LIST) {
            nima_doc_shape_ref(doc, "items", field->shape, in);
        } else {
            nima_doc_raw(doc, "items", "{\"type\": \"string\"}");
        }
        break;
    case NIMA_KIND_STR:
    case NIMA_KIND_UUID:
    case NIMA_KIND_TIME:
        write_text_limits(doc, field, in);
        break;
    default:
        break;
    }
}

static void write_default(struct doc *doc, const struct nima_field *field)
{
    bool told = field->has == 0 || field->preset != 0;
    /* 0 stands for "not given" where it is out of range. */
    bool fits =
        field->max <= field->min || (field->preset >= field->min && field->preset <= field->max);
    if (field->kind == NIMA_KIND_STR && field->preset_str != NULL) {
        nima_doc_str(doc, "default", field->preset_str);
    } else if (field->kind == NIMA_KIND_INT && told && fits) {
        nima_doc_int(doc, "default", field->preset);
    } else if (field->kind == NIMA_KIND_NUM && (field->has == 0 || field->preset_num != 0)) {
        nima_doc_num(doc, "default", field->preset_num);
    } else if (field->kind == NIMA_KIND_BOOL && told) {
        nima_doc_raw(doc, "default", field->preset != 0 ? "true" : "false");
    }
}

static void write_doc(struct doc *doc, const struct nima_field *field)
{
    if (field->doc != NULL) {
        nima_doc_str(doc, "description", field->doc);
    }
}

/* `schema` of the table is JSON text; with null allowed it becomes one of two. */
static void write_given_schema(struct doc *doc, const struct nima_field *field, bool nullable)
{
    if (!nullable && field->doc == NULL) {
        nima_doc_open(doc, "allOf", '[');
        nima_doc_raw(doc, NULL, field->schema);
        nima_doc_close(doc, ']');
        return;
    }
    write_doc(doc, field);
    nima_doc_open(doc, nullable ? "anyOf" : "allOf", '[');
    nima_doc_raw(doc, NULL, field->schema);
    if (nullable) {
        nima_doc_raw(doc, NULL, "{\"type\": \"null\"}");
    }
    nima_doc_close(doc, ']');
}

void nima_doc_field_schema(struct doc *doc, const struct nima_field *field, bool in)
{
    bool body = field->place == NIMA_IN_BODY;
    /* Of an optional field in a body null says "absent". */
    bool nullable = body && (in ? !field->required : field->nullable);
    if (field->schema != NULL) {
        write_given_schema(doc, field, nullable);
    } else if (field->kind == NIMA_KIND_ANY) {
        write_doc(doc, field);
    } else if (field->kind == NIMA_KIND_OBJECT) {
        write_doc(doc, field);
        nima_doc_open(doc, "anyOf", '[');
        nima_doc_open(doc, NULL, '{');
        nima_doc_shape_ref(doc, NULL, field->shape, in);
        nima_doc_close(doc, '}');
        if (nullable) {
            nima_doc_raw(doc, NULL, "{\"type\": \"null\"}");
        }
        nima_doc_close(doc, ']');
    } else {
        write_type(doc, field, nullable);
        if (field->choices != NULL) {
            write_choices(doc, field, nullable);
        }
        write_limits(doc, field, in);
        if (in && !field->required) {
            write_default(doc, field);
        }
        write_doc(doc, field);
    }
}

/* Out: what is always written. */
static bool is_required(const struct nima_field *field, bool in)
{
    if (in || field->required) {
        return field->required;
    }
    switch (field->kind) {
    case NIMA_KIND_INT:
    case NIMA_KIND_NUM:
    case NIMA_KIND_BOOL:
    case NIMA_KIND_TIME:
    case NIMA_KIND_LIST:
    case NIMA_KIND_STR_LIST:
        return field->has == 0 || field->nullable;
    default:
        return field->nullable;
    }
}

static void write_required(struct doc *doc, const struct nima_shape *shape, bool in)
{
    bool any = false;
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (field->place != NIMA_IN_BODY || !is_required(field, in)) {
            continue;
        }
        if (!any) {
            nima_doc_open(doc, "required", '[');
        }
        any = true;
        nima_doc_str(doc, NULL, field->name);
    }
    if (any) {
        nima_doc_close(doc, ']');
    }
}

static void write_shape(struct doc *doc, const struct nima_shape *shape, const char *suffix,
                        bool in)
{
    char name[100];
    snprintf(name, sizeof(name), "%s%s", shape->name, suffix);
    nima_doc_open(doc, name, '{');
    nima_doc_str(doc, "type", "object");
    if (shape->doc != NULL) {
        nima_doc_str(doc, "description", shape->doc);
    }
    nima_doc_open(doc, "properties", '{');
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (field->place == NIMA_IN_BODY) {
            nima_doc_open(doc, field->name, '{');
            nima_doc_field_schema(doc, field, in);
            nima_doc_close(doc, '}');
        }
    }
    nima_doc_close(doc, '}');
    write_required(doc, shape, in);
    if (in && !shape->open) {
        nima_doc_raw(doc, "additionalProperties", "false");
    }
    nima_doc_close(doc, '}');
}

void nima_doc_shapes_write(struct doc *doc)
{
    for (size_t i = 0; i < doc->shape_count; i++) {
        const struct doc_shape *known = &doc->shapes[i];
        if (known->out) {
            write_shape(doc, known->shape, "", false);
        }
        if (known->in) {
            write_shape(doc, known->shape, suffix_of(known, true), true);
        }
    }
}
