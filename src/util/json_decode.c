/* JSON text, or plain text of a query, to the struct that a table of fields describes. */
#include <stdio.h>
#include <string.h>

#include "util/clock.h"
#include "util/json.h"
#include "util/uuid.h"

enum { FIELDS_MAX = 64 }; /* of a shape that is read from JSON */

/* Where in the body we are; written out only when something is wrong. */
struct path {
    const struct path *up;
    const char *name; /* NULL: an item of a list */
    size_t index;
};

static size_t path_write(const struct path *path, char *out, size_t room)
{
    if (path == NULL || room < 2) {
        return 0;
    }
    size_t used = path_write(path->up, out, room);
    int wrote = 0;
    if (path->name == NULL) {
        wrote = snprintf(out + used, room - used, "[%zu]", path->index);
    } else {
        wrote = snprintf(out + used, room - used, "%s%s", used > 0 ? "." : "", path->name);
    }
    size_t end = used + (size_t)(wrote > 0 ? wrote : 0);
    return end < room ? end : room - 1;
}

/* INVALID at this place: "messages[2].role must be one of …". */
static nima_rc wrong(struct nima_ctx *ctx, const struct path *path, const char *what)
{
    char field[NIMA_FIELD_CHARS_MAX + 1] = "";
    path_write(path, field, sizeof(field));
    return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s %s",
                           field[0] != '\0' ? field : "the body", what);
}

static void *at(const struct nima_field *field, void *out)
{
    return (char *)out + field->offset;
}

static void mark_given(const struct nima_field *field, void *out)
{
    if (field->has != 0) {
        *((bool *)((char *)out + field->has - 1)) = true;
    }
}

static void preset_field(const struct nima_field *field, void *out)
{
    switch (field->kind) {
    case NIMA_KIND_INT:
    case NIMA_KIND_TIME:
        *(int64_t *)at(field, out) = field->preset;
        break;
    case NIMA_KIND_NUM:
        *(double *)at(field, out) = field->preset_num;
        break;
    case NIMA_KIND_BOOL:
        *(bool *)at(field, out) = field->preset != 0;
        break;
    case NIMA_KIND_OBJECT:
        *(void **)at(field, out) = NULL;
        break;
    case NIMA_KIND_LIST:
    case NIMA_KIND_STR_LIST:
        *(struct nima_list *)at(field, out) = (struct nima_list){0};
        break;
    default:
        *(nima_str *)at(field, out) = nima_str_of(field->preset_str);
    }
}

void nima_json_preset(const struct nima_shape *shape, void *out)
{
    memset(out, 0, shape->size);
    for (size_t i = 0; i < shape->count; i++) {
        preset_field(&shape->fields[i], out);
    }
}

static bool among(const char *const *choices, nima_str value)
{
    for (; *choices != NULL; choices++) {
        if (nima_str_eq(value, nima_str_of(*choices))) {
            return true;
        }
    }
    return false;
}

static nima_rc wrong_choice(struct nima_ctx *ctx, const struct path *path,
                            const char *const *choices)
{
    char what[256];
    size_t used = (size_t)snprintf(what, sizeof(what), "must be one of");
    for (; *choices != NULL && used < sizeof(what); choices++) {
        used += (size_t)snprintf(what + used, sizeof(what) - used, " \"%s\"%s", *choices,
                                 choices[1] != NULL ? "," : "");
    }
    return wrong(ctx, path, what);
}

/* Borrows the value, which lives in ctx->arena. */
static nima_rc set_str(struct nima_ctx *ctx, const struct nima_field *field,
                       const struct path *path, nima_str value, void *out)
{
    char what[100];
    size_t chars = nima_utf8_count(value);
    if (field->max > field->min && chars > (size_t)field->max) {
        snprintf(what, sizeof(what), "has %zu characters, at most %lld are allowed", chars,
                 (long long)field->max);
        return wrong(ctx, path, what);
    }
    bool filled = (field->required || field->min > 0) && !field->blank_ok;
    if (filled && nima_utf8_blank(value)) {
        return wrong(ctx, path, "must not be blank");
    }
    if (field->min > 0 && chars < (size_t)field->min) {
        snprintf(what, sizeof(what), "has %zu characters, at least %lld are needed", chars,
                 (long long)field->min);
        return wrong(ctx, path, what);
    }
    if (field->choices != NULL && !among(field->choices, value)) {
        return wrong_choice(ctx, path, field->choices);
    }
    *(nima_str *)at(field, out) = value;
    return NIMA_OK;
}

static nima_rc set_uuid(struct nima_ctx *ctx, const struct nima_field *field,
                        const struct path *path, nima_str value, void *out)
{
    nima_str id;
    if (nima_uuid_read(ctx, value, field->name, &id) != NIMA_OK) {
        /* In a path, what cannot be an id is simply not there. */
        if (field->place == NIMA_IN_PATH) {
            return nima_fail(ctx, NIMA_E_NOT_FOUND, "there is no such thing");
        }
        return wrong(ctx, path, "must be a UUID");
    }
    *(nima_str *)at(field, out) = id;
    return NIMA_OK;
}

static nima_rc set_time(struct nima_ctx *ctx, const struct nima_field *field,
                        const struct path *path, nima_str value, void *out)
{
    int64_t ms;
    if (!nima_time_read(value, &ms)) {
        return wrong(ctx, path, "must be a time such as 2026-11-22T13:08:59Z");
    }
    *(int64_t *)at(field, out) = ms;
    return NIMA_OK;
}

static nima_rc set_int(struct nima_ctx *ctx, const struct nima_field *field,
                       const struct path *path, int64_t value, void *out)
{
    if (field->max > field->min && (value < field->min || value > field->max)) {
        char what[100];
        snprintf(what, sizeof(what), "must be %lld to %lld", (long long)field->min,
                 (long long)field->max);
        return wrong(ctx, path, what);
    }
    *(int64_t *)at(field, out) = value;
    return NIMA_OK;
}

static nima_rc set_num(struct nima_ctx *ctx, const struct nima_field *field,
                       const struct path *path, double value, void *out)
{
    /* Written so that NaN fails too. */
    if (field->high > field->low && !(value >= field->low && value <= field->high)) {
        char what[100];
        snprintf(what, sizeof(what), "must be %g to %g", field->low, field->high);
        return wrong(ctx, path, what);
    }
    *(double *)at(field, out) = value;
    return NIMA_OK;
}

static nima_rc decode_object(struct nima_ctx *ctx, const struct nima_shape *shape,
                             const struct path *path, const struct nima_json *node, void *out);

static nima_rc decode_list(struct nima_ctx *ctx, const struct nima_field *field,
                           const struct path *path, const struct nima_json *node, void *out)
{
    bool strings = field->kind == NIMA_KIND_STR_LIST;
    if (nima_json_kind(node) != NIMA_JSON_ARRAY) {
        return wrong(ctx, path, "must be a list");
    }
    size_t count = nima_json_count(node);
    bool bounded = field->max > 0 && field->max >= field->min;
    if (bounded && (count < (size_t)field->min || count > (size_t)field->max)) {
        char what[100];
        snprintf(what, sizeof(what), "must have %lld to %lld items", (long long)field->min,
                 (long long)field->max);
        return wrong(ctx, path, what);
    }
    size_t item_bytes = strings ? sizeof(nima_str) : field->shape->size;
    struct nima_list list = {nima_alloc_array(ctx->arena, count, item_bytes), count};
    const struct nima_json *value = NULL;
    for (size_t i = 0; (value = nima_json_next(node, value, &i)) != NULL;) {
        struct path inner = {path, NULL, i};
        void *item = (char *)list.items + i * item_bytes;
        if (!strings) {
            NIMA_TRY(decode_object(ctx, field->shape, &inner, value, item));
            continue;
        }
        if (nima_json_kind(value) != NIMA_JSON_STR) {
            return wrong(ctx, &inner, "must be a text");
        }
        *(nima_str *)item = nima_json_str(value);
    }
    *(struct nima_list *)at(field, out) = list;
    return NIMA_OK;
}

static nima_rc decode_nested(struct nima_ctx *ctx, const struct nima_field *field,
                             const struct path *path, const struct nima_json *node, void *out)
{
    void *inner = nima_alloc(ctx->arena, field->shape->size);
    NIMA_TRY(decode_object(ctx, field->shape, path, node, inner));
    *(void **)at(field, out) = inner;
    return NIMA_OK;
}

static nima_rc decode_number(struct nima_ctx *ctx, const struct nima_field *field,
                             const struct path *path, const struct nima_json *node, void *out)
{
    if (field->kind == NIMA_KIND_INT) {
        int64_t value;
        if (!nima_json_int(node, &value)) {
            return wrong(ctx, path, "must be a whole number");
        }
        return set_int(ctx, field, path, value, out);
    }
    if (nima_json_kind(node) != NIMA_JSON_NUM) {
        return wrong(ctx, path, "must be a number");
    }
    return set_num(ctx, field, path, nima_json_num(node, 0), out);
}

static nima_rc decode_text(struct nima_ctx *ctx, const struct nima_field *field,
                           const struct path *path, const struct nima_json *node, void *out)
{
    if (nima_json_kind(node) != NIMA_JSON_STR) {
        return wrong(ctx, path, "must be a text");
    }
    nima_str text = nima_json_str(node);
    switch (field->kind) {
    case NIMA_KIND_UUID:
        return set_uuid(ctx, field, path, text, out);
    case NIMA_KIND_TIME:
        return set_time(ctx, field, path, text, out);
    default:
        return set_str(ctx, field, path, text, out);
    }
}

static nima_rc decode_field(struct nima_ctx *ctx, const struct nima_field *field,
                            const struct path *path, const struct nima_json *node, void *out)
{
    switch (field->kind) {
    case NIMA_KIND_INT:
    case NIMA_KIND_NUM:
        return decode_number(ctx, field, path, node, out);
    case NIMA_KIND_BOOL:
        if (nima_json_kind(node) != NIMA_JSON_BOOL) {
            return wrong(ctx, path, "must be true or false");
        }
        *(bool *)at(field, out) = nima_json_bool(node, false);
        return NIMA_OK;
    case NIMA_KIND_JSON:
        if (nima_json_kind(node) != NIMA_JSON_OBJECT) {
            return wrong(ctx, path, "must be an object");
        }
        *(nima_str *)at(field, out) = nima_json_text(ctx, node);
        return NIMA_OK;
    case NIMA_KIND_ANY:
        *(nima_str *)at(field, out) = nima_json_text(ctx, node);
        return NIMA_OK;
    case NIMA_KIND_OBJECT:
        return decode_nested(ctx, field, path, node, out);
    case NIMA_KIND_LIST:
    case NIMA_KIND_STR_LIST:
        return decode_list(ctx, field, path, node, out);
    default:
        return decode_text(ctx, field, path, node, out);
    }
}

static const struct nima_field *find_field(const struct nima_shape *shape,
                                           enum nima_field_place place, nima_str name)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (field->place == place && nima_str_eq(name, nima_str_of(field->name))) {
            return field;
        }
    }
    return NULL;
}

static bool is_called(const struct nima_field *field, nima_str key)
{
    return field->place == NIMA_IN_BODY && strncmp(field->name, key.ptr, key.len) == 0 &&
           field->name[key.len] == '\0';
}

static nima_rc unknown(struct nima_ctx *ctx, const struct path *path, nima_str key)
{
    char *name = nima_cstr(ctx, nima_utf8_prefix(key, 60));
    struct path inner = {path, name, 0};
    return wrong(ctx, &inner, "is not a known field");
}

/* The values of an object in the order of the shape's fields, and its first key that is none. */
struct members {
    const struct nima_json *values[FIELDS_MAX];
    nima_str unknown; /* ptr NULL: there is none */
};

/* In one walk; keys mostly stand in the order of the fields, so the search goes on from the last.
 */
static void find_members(const struct nima_shape *shape, const struct nima_json *node,
                         struct members *out)
{
    size_t index = 0, guess = 0;
    nima_str key;
    const struct nima_json *value = NULL;
    nima_assert(shape->count <= FIELDS_MAX);
    memset(out->values, 0, shape->count * sizeof(out->values[0]));
    out->unknown = (nima_str){NULL, 0};
    while ((value = nima_json_next_member(node, value, &index, &key)) != NULL) {
        size_t tried = 0;
        while (tried < shape->count && !is_called(&shape->fields[guess], key)) {
            guess = guess + 1 < shape->count ? guess + 1 : 0;
            tried++;
        }
        if (tried < shape->count) {
            out->values[guess] = value;
        } else if (out->unknown.ptr == NULL) {
            out->unknown = key;
        }
    }
}

static nima_rc decode_object(struct nima_ctx *ctx, const struct nima_shape *shape,
                             const struct path *path, const struct nima_json *node, void *out)
{
    struct members members;
    if (nima_json_kind(node) != NIMA_JSON_OBJECT) {
        return wrong(ctx, path, "must be an object");
    }
    nima_json_preset(shape, out);
    find_members(shape, node, &members);
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (field->place != NIMA_IN_BODY) {
            continue;
        }
        struct path inner = {path, field->name, 0};
        const struct nima_json *value = members.values[i];
        if (nima_json_kind(value) == NIMA_JSON_NULL) {
            if (field->required) {
                return wrong(ctx, &inner, "is required");
            }
            if (value != NULL && field->nullable) {
                mark_given(field, out);
            }
            continue;
        }
        NIMA_TRY(decode_field(ctx, field, &inner, value, out));
        mark_given(field, out);
    }
    return shape->open || members.unknown.ptr == NULL ? NIMA_OK
                                                      : unknown(ctx, path, members.unknown);
}

nima_rc nima_json_decode(struct nima_ctx *ctx, const struct nima_shape *shape, nima_str text,
                         void *out)
{
    const struct nima_json *root;
    NIMA_TRY(nima_json_parse(ctx, text, &root));
    void *filled = nima_alloc(ctx->arena, shape->size);
    NIMA_TRY(decode_object(ctx, shape, NULL, root, filled));
    memcpy(out, filled, shape->size);
    return NIMA_OK;
}

nima_rc nima_json_decode_list(struct nima_ctx *ctx, const struct nima_shape *shape, nima_str text,
                              size_t max_items, struct nima_list *out)
{
    const struct nima_json *root;
    NIMA_TRY(nima_json_parse(ctx, text, &root));
    struct nima_field whole = {
        .kind = NIMA_KIND_LIST, .shape = shape, .min = 1, .max = (int64_t)max_items};
    struct nima_list list;
    NIMA_TRY(decode_list(ctx, &whole, NULL, root, &list));
    *out = list;
    return NIMA_OK;
}

static nima_rc set_bool_text(struct nima_ctx *ctx, const struct nima_field *field,
                             const struct path *path, nima_str text, void *out)
{
    bool yes = nima_str_eq(text, NIMA_STR("true")) || nima_str_eq(text, NIMA_STR("1"));
    if (!yes && !nima_str_eq(text, NIMA_STR("false")) && !nima_str_eq(text, NIMA_STR("0"))) {
        return wrong(ctx, path, "must be true or false");
    }
    *(bool *)at(field, out) = yes;
    return NIMA_OK;
}

static nima_rc set_from_text(struct nima_ctx *ctx, const struct nima_field *field, nima_str text,
                             void *out)
{
    struct path path = {NULL, field->name, 0};
    int64_t whole;
    double number;
    switch (field->kind) {
    case NIMA_KIND_INT:
        if (!nima_str_to_i64(text, &whole)) {
            return wrong(ctx, &path, "must be a whole number");
        }
        return set_int(ctx, field, &path, whole, out);
    case NIMA_KIND_NUM:
        if (!nima_str_to_f64(text, &number)) {
            return wrong(ctx, &path, "must be a number");
        }
        return set_num(ctx, field, &path, number, out);
    case NIMA_KIND_BOOL:
        return set_bool_text(ctx, field, &path, text, out);
    case NIMA_KIND_UUID:
        return set_uuid(ctx, field, &path, text, out);
    case NIMA_KIND_TIME:
        return set_time(ctx, field, &path, text, out);
    case NIMA_KIND_STR:
        return set_str(ctx, field, &path, nima_str_copy(ctx->arena, text), out);
    default:
        nima_assert(!"this kind of field has no plain text form");
        return NIMA_E_INTERNAL;
    }
}

nima_rc nima_json_set_text(struct nima_ctx *ctx, const struct nima_shape *shape,
                           enum nima_field_place place, nima_str name, nima_str text, void *out)
{
    const struct nima_field *field = find_field(shape, place, name);
    if (field == NULL) {
        if (place == NIMA_IN_QUERY) {
            struct path path = {NULL, nima_cstr(ctx, nima_utf8_prefix(name, 60)), 0};
            return wrong(ctx, &path, "is not a known parameter");
        }
        return NIMA_OK;
    }
    if (!nima_utf8_valid(text)) {
        struct path path = {NULL, field->name, 0};
        return wrong(ctx, &path, "must be valid UTF-8 without NUL");
    }
    NIMA_TRY(set_from_text(ctx, field, text, out));
    mark_given(field, out);
    return NIMA_OK;
}

nima_rc nima_json_check_required(struct nima_ctx *ctx, const struct nima_shape *shape,
                                 enum nima_field_place place, const void *in)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        bool is_text = field->kind == NIMA_KIND_STR || field->kind == NIMA_KIND_UUID;
        if (field->place != place || !field->required || !is_text) {
            continue;
        }
        const nima_str *value = (const nima_str *)(const void *)((const char *)in + field->offset);
        if (value->ptr == NULL) {
            struct path path = {NULL, field->name, 0};
            return wrong(ctx, &path, "is required");
        }
    }
    return NIMA_OK;
}
