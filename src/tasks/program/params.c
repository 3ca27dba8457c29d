/*
 * JSON Schema in a manifest to the table of fields that the params of every action have, so that
 * they are checked, filled in, shown and written as those of our own. A subset: what the table
 * cannot keep is refused rather than ignored.
 */
#include <float.h>
#include <string.h>

#include "tasks/program/program_int.h"

enum {
    PARAMS_MAX = 32,
    NAME_CHARS_MAX = 60,
    DOC_BYTES_MAX = 400,
    TEXT_BYTES_MAX = 4000,
    CHOICES_MAX = 64,
    ITEMS_MAX = 1000,
};
static const int64_t whole_max = (int64_t)1 << 53; /* beyond, JSON's readers differ */

static const struct {
    const char *name;
    enum nima_field_kind kind;
    const char *keys[9];
} types[] = {
    {"string", NIMA_KIND_STR, {"type", "description", "default", "enum", "minLength", "maxLength"}},
    {"integer", NIMA_KIND_INT, {"type", "description", "default", "minimum", "maximum"}},
    {"number", NIMA_KIND_NUM, {"type", "description", "default", "minimum", "maximum"}},
    {"boolean", NIMA_KIND_BOOL, {"type", "description", "default"}},
    {"array", NIMA_KIND_STR_LIST, {"type", "description", "items", "minItems", "maxItems"}},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static nima_rc read_text(struct nima_ctx *ctx, const struct nima_spot *place,
                         struct nima_field *field)
{
    struct nima_spot least = nima_spot_at(ctx, place, "minLength");
    struct nima_spot most = nima_spot_at(ctx, place, "maxLength");
    struct nima_spot choices = nima_spot_at(ctx, place, "enum");
    struct nima_spot preset = nima_spot_at(ctx, place, "default");
    nima_str text = {0};
    field->max = NIMA_TASK_PARAMS_BYTES_MAX;
    NIMA_TRY(nima_spot_int(ctx, &least, 0, NIMA_TASK_PARAMS_BYTES_MAX - 1, &field->min));
    NIMA_TRY(nima_spot_int(ctx, &most, field->min + 1, NIMA_TASK_PARAMS_BYTES_MAX, &field->max));
    NIMA_TRY(nima_spot_texts(ctx, &choices, CHOICES_MAX, &field->choices));
    NIMA_TRY(nima_spot_text(ctx, &preset, TEXT_BYTES_MAX, &text));
    field->blank_ok = field->min == 0;
    bool among = text.ptr == NULL || field->choices == NULL;
    for (size_t i = 0; !among && field->choices[i] != NULL; i++) {
        among = nima_str_eq(text, nima_str_of(field->choices[i]));
    }
    size_t chars = nima_utf8_count(text);
    if (!among ||
        (text.ptr != NULL && (chars < (size_t)field->min || chars > (size_t)field->max))) {
        return nima_spot_fail(ctx, &preset, "does not fit the schema beside it");
    }
    field->preset_str = text.ptr != NULL ? nima_cstr(ctx, text) : NULL;
    return NIMA_OK;
}

static nima_rc read_whole(struct nima_ctx *ctx, const struct nima_spot *place,
                          struct nima_field *field)
{
    struct nima_spot least = nima_spot_at(ctx, place, "minimum");
    struct nima_spot most = nima_spot_at(ctx, place, "maximum");
    struct nima_spot preset = nima_spot_at(ctx, place, "default");
    field->min = -whole_max;
    field->max = whole_max;
    NIMA_TRY(nima_spot_int(ctx, &least, -whole_max, whole_max - 1, &field->min));
    NIMA_TRY(nima_spot_int(ctx, &most, field->min + 1, whole_max, &field->max));
    return nima_spot_int(ctx, &preset, field->min, field->max, &field->preset);
}

static nima_rc read_number(struct nima_ctx *ctx, const struct nima_spot *place,
                           struct nima_field *field)
{
    struct nima_spot least = nima_spot_at(ctx, place, "minimum");
    struct nima_spot most = nima_spot_at(ctx, place, "maximum");
    struct nima_spot preset = nima_spot_at(ctx, place, "default");
    field->low = -DBL_MAX;
    field->high = DBL_MAX;
    NIMA_TRY(nima_spot_num(ctx, &least, &field->low));
    NIMA_TRY(nima_spot_num(ctx, &most, &field->high));
    if (!(field->low < field->high)) {
        return nima_spot_fail(ctx, &most, "must be over minimum");
    }
    field->preset_num = field->low > 0 || field->high < 0 ? field->low : 0;
    NIMA_TRY(nima_spot_num(ctx, &preset, &field->preset_num));
    bool fits = field->preset_num >= field->low && field->preset_num <= field->high;
    return fits ? NIMA_OK : nima_spot_fail(ctx, &preset, "does not fit the schema beside it");
}

static nima_rc read_list(struct nima_ctx *ctx, const struct nima_spot *place,
                         struct nima_field *field)
{
    static const char *const item_keys[] = {"type", NULL};
    struct nima_spot items = nima_spot_at(ctx, place, "items");
    struct nima_spot type = nima_spot_at(ctx, &items, "type");
    struct nima_spot least = nima_spot_at(ctx, place, "minItems");
    struct nima_spot most = nima_spot_at(ctx, place, "maxItems");
    NIMA_TRY(nima_spot_keys(ctx, &items, item_keys));
    if (!nima_str_eq(nima_yaml_str(type.node), NIMA_STR("string"))) {
        return nima_spot_fail(ctx, &type, "must be string: other lists are not kept");
    }
    field->max = ITEMS_MAX;
    NIMA_TRY(nima_spot_int(ctx, &least, 0, ITEMS_MAX, &field->min));
    return nima_spot_int(ctx, &most, field->min > 0 ? field->min : 1, ITEMS_MAX, &field->max);
}

static nima_rc read_kind(struct nima_ctx *ctx, const struct nima_spot *place,
                         struct nima_field *field)
{
    struct nima_spot preset = nima_spot_at(ctx, place, "default");
    bool on = false;
    switch (field->kind) {
    case NIMA_KIND_STR:
        return read_text(ctx, place, field);
    case NIMA_KIND_INT:
        return read_whole(ctx, place, field);
    case NIMA_KIND_NUM:
        return read_number(ctx, place, field);
    case NIMA_KIND_STR_LIST:
        return read_list(ctx, place, field);
    default:
        NIMA_TRY(nima_spot_bool(ctx, &preset, &on));
        field->preset = on;
        return NIMA_OK;
    }
}

static nima_rc read_property(struct nima_ctx *ctx, const struct nima_spot *place,
                             struct nima_field *field)
{
    struct nima_spot type = nima_spot_at(ctx, place, "type");
    struct nima_spot doc = nima_spot_at(ctx, place, "description");
    nima_str name = nima_yaml_str(type.node), told = NIMA_STR("");
    size_t t = 0;
    while (t < TYPES && !nima_str_eq(name, nima_str_of(types[t].name))) {
        t++;
    }
    if (t == TYPES) {
        return nima_spot_fail(ctx, &type,
                              "must be one of: string, integer, number, boolean, array");
    }
    NIMA_TRY(nima_spot_keys(ctx, place, types[t].keys));
    if (!nima_spot_is_name(place->node->key, NAME_CHARS_MAX)) {
        return nima_spot_fail(ctx, place, "is no name: letters, digits and _, at most %d",
                              NAME_CHARS_MAX);
    }
    NIMA_TRY(nima_spot_text(ctx, &doc, DOC_BYTES_MAX, &told));
    *field = (struct nima_field){.name = nima_cstr(ctx, place->node->key),
                                 .kind = types[t].kind,
                                 .doc = nima_cstr(ctx, told)};
    return read_kind(ctx, place, field);
}

/* Each value has as much room as the largest kind, and one more says whether it was given. */
union value {
    nima_str text;
    int64_t whole;
    double number;
    bool on;
    struct nima_list list;
};
struct slot {
    union value value;
    bool given;
};

static nima_rc read_required(struct nima_ctx *ctx, const struct nima_spot *schema,
                             struct nima_field *fields, size_t count)
{
    struct nima_spot place = nima_spot_at(ctx, schema, "required");
    const char *const *names = NULL;
    NIMA_TRY(nima_spot_texts(ctx, &place, PARAMS_MAX, &names));
    for (size_t n = 0; names != NULL && names[n] != NULL; n++) {
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, names[n]) != 0) {
            i++;
        }
        if (i == count) {
            return nima_spot_fail(ctx, &place, "names %s, which is no property", names[n]);
        }
        fields[i].required = true;
    }
    return NIMA_OK;
}

static nima_rc check_whole(struct nima_ctx *ctx, const struct nima_spot *schema)
{
    static const char *const keys[] = {
        "type", "properties", "required", "additionalProperties", "description", NULL};
    struct nima_spot type = nima_spot_at(ctx, schema, "type");
    struct nima_spot more = nima_spot_at(ctx, schema, "additionalProperties");
    bool others = false;
    NIMA_TRY(nima_spot_keys(ctx, schema, keys));
    if (type.node != NULL && !nima_str_eq(nima_yaml_str(type.node), NIMA_STR("object"))) {
        return nima_spot_fail(ctx, &type, "must be object");
    }
    NIMA_TRY(nima_spot_bool(ctx, &more, &others));
    return others ? nima_spot_fail(ctx, &more, "must be false: what is not described is refused")
                  : NIMA_OK;
}

nima_rc nima_program_params(struct nima_ctx *ctx, const struct nima_spot *schema, size_t head,
                            struct nima_shape *out)
{
    struct nima_shape shape = {.name = "Program", .size = head};
    if (schema->node == NULL) {
        *out = shape;
        return NIMA_OK;
    }
    NIMA_TRY(check_whole(ctx, schema));
    struct nima_spot list = nima_spot_at(ctx, schema, "properties");
    size_t count = list.node != NULL ? list.node->count : 0;
    if (list.node != NULL && (list.node->kind != NIMA_YAML_MAP || count > PARAMS_MAX)) {
        return nima_spot_fail(ctx, &list, "must be a map of at most %d", PARAMS_MAX);
    }
    struct nima_field *fields = NIMA_NEW(ctx->arena, struct nima_field, count + 1);
    for (const struct nima_yaml *e = list.node != NULL ? list.node->first : NULL; e != NULL;
         e = e->next) {
        struct nima_spot place = nima_spot_of(ctx, &list, shape.count, e);
        struct nima_field *field = &fields[shape.count++];
        NIMA_TRY(read_property(ctx, &place, field));
        struct nima_spot preset = nima_spot_at(ctx, &place, "default");
        bool always = field->kind == NIMA_KIND_STR || preset.node != NULL;
        field->offset = shape.size;
        field->has = always ? 0 : shape.size + offsetof(struct slot, given) + 1;
        shape.size += sizeof(struct slot);
    }
    NIMA_TRY(read_required(ctx, schema, fields, shape.count));
    shape.fields = fields;
    *out = shape;
    return NIMA_OK;
}
