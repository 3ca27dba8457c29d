/*
 * The only file that knows yyjson. Its documents are allocated in the request's arena, so nodes
 * and strings live as long as everything else of the request.
 *
 * yyjson keeps duplicate keys and nests as deep as memory reaches; both are refused here, before
 * anybody walks the tree: two parsers that disagree about a duplicate key are a way past checks.
 */
#include "util/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum { DEPTH_MAX = 64, FEW_KEYS = 12 };

static void *arena_malloc(void *arena, size_t size)
{
    return nima_alloc_unset(arena, size);
}

static void *arena_realloc(void *arena, void *old, size_t old_size, size_t size)
{
    if (size <= old_size) {
        return old;
    }
    void *fresh = nima_alloc_unset(arena, size);
    memcpy(fresh, old, old_size);
    return fresh;
}

static void arena_free(void *arena, void *ptr)
{
    (void)arena;
    (void)ptr;
}

static yyjson_alc alc_of(struct nima_ctx *ctx)
{
    return (yyjson_alc){arena_malloc, arena_realloc, arena_free, ctx->arena};
}

/* Where the string ends whose first quote is before `at`: at a quote after an even number of
 * backslashes. */
static size_t string_end(nima_str text, size_t at)
{
    for (size_t i = at; i < text.len; i++) {
        const char *quote = memchr(text.ptr + i, '"', text.len - i);
        if (quote == NULL) {
            return text.len;
        }
        size_t slashes = 0, end = (size_t)(quote - text.ptr);
        while (end - slashes > at && text.ptr[end - slashes - 1] == '\\') {
            slashes++;
        }
        i = end;
        if (slashes % 2 == 0) {
            return end;
        }
    }
    return text.len;
}

/* Brackets are counted in the text, since the tree of a hostile one may already be huge. */
static bool too_deep(nima_str text)
{
    int depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"') {
            i = string_end(text, i + 1);
        } else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MAX) {
                return true;
            }
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

static int by_key(const void *a, const void *b)
{
    yyjson_val *const *left = a;
    yyjson_val *const *right = b;
    nima_str x = {yyjson_get_str(*left), yyjson_get_len(*left)};
    nima_str y = {yyjson_get_str(*right), yyjson_get_len(*right)};
    return nima_str_cmp(x, y);
}

static nima_rc stands_twice(struct nima_ctx *ctx, yyjson_val *key)
{
    nima_str name = {yyjson_get_str(key), yyjson_get_len(key)};
    nima_str shown = nima_utf8_prefix(name, NIMA_FIELD_CHARS_MAX);
    return nima_fail_field(ctx, NIMA_E_MALFORMED, nima_cstr(ctx, shown),
                           "the key \"" NIMA_FMT "\" stands twice in one object", NIMA_ARG(shown));
}

/* Of a few keys each is held against each. */
static nima_rc check_few_keys(struct nima_ctx *ctx, yyjson_val *object)
{
    nima_str names[FEW_KEYS];
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, max, key, value)
    {
        names[i] = (nima_str){yyjson_get_str(key), yyjson_get_len(key)};
        for (size_t k = 0; k < i; k++) {
            if (nima_str_eq(names[k], names[i])) {
                return stands_twice(ctx, key);
            }
        }
    }
    return NIMA_OK;
}

static nima_rc check_keys(struct nima_ctx *ctx, yyjson_val *object)
{
    size_t count = yyjson_obj_size(object);
    if (count <= FEW_KEYS) {
        return check_few_keys(ctx, object);
    }
    struct nima_arena_mark mark = nima_scratch(ctx);
    yyjson_val **keys = NIMA_NEW(ctx->arena, yyjson_val *, count);
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, max, key, value)
    {
        keys[i] = key;
    }
    qsort(keys, count, sizeof(keys[0]), by_key);
    nima_rc rc = NIMA_OK;
    for (i = 1; i < count && rc == NIMA_OK; i++) {
        if (by_key(&keys[i - 1], &keys[i]) == 0) {
            rc = stands_twice(ctx, keys[i]);
        }
    }
    nima_scratch_end(ctx, mark);
    return rc;
}

static nima_rc check_string(struct nima_ctx *ctx, yyjson_val *value, nima_str key)
{
    if (memchr(yyjson_get_str(value), '\0', yyjson_get_len(value)) == NULL) {
        return NIMA_OK;
    }
    char *field = nima_cstr(ctx, nima_utf8_prefix(key, NIMA_FIELD_CHARS_MAX));
    return nima_fail_field(ctx, NIMA_E_MALFORMED, field, "a text holds a NUL character");
}

/* Recursion is bounded by DEPTH_MAX. */
static nima_rc check_tree(struct nima_ctx *ctx, yyjson_val *value, nima_str key)
{
    size_t i, max;
    yyjson_val *name, *item;
    if (yyjson_is_str(value)) {
        return check_string(ctx, value, key);
    }
    if (yyjson_is_obj(value)) {
        NIMA_TRY(check_keys(ctx, value));
        yyjson_obj_foreach(value, i, max, name, item)
        {
            NIMA_TRY(check_string(ctx, name, key));
            nima_str inner = {yyjson_get_str(name), yyjson_get_len(name)};
            NIMA_TRY(check_tree(ctx, item, inner));
        }
    }
    if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, max, item)
        {
            NIMA_TRY(check_tree(ctx, item, key));
        }
    }
    return NIMA_OK;
}

nima_rc nima_json_parse(struct nima_ctx *ctx, nima_str text, const struct nima_json **out)
{
    if (too_deep(text)) {
        return nima_fail(ctx, NIMA_E_MALFORMED, "the JSON is nested deeper than %d", DEPTH_MAX);
    }
    if (text.len == 0) {
        return nima_fail(ctx, NIMA_E_MALFORMED, "the JSON is empty");
    }
    yyjson_alc alc = alc_of(ctx);
    yyjson_read_err error;
    /* Without YYJSON_READ_INSITU the text is copied and stays as it is; hence the cast. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len, YYJSON_READ_NOFLAG, &alc, &error);
    if (doc == NULL) {
        return nima_fail(ctx, NIMA_E_MALFORMED, "this is not JSON: %s at byte %zu", error.msg,
                         error.pos);
    }
    yyjson_val *root = yyjson_doc_get_root(doc);
    NIMA_TRY(check_tree(ctx, root, NIMA_STR("")));
    *out = (const struct nima_json *)root;
    return NIMA_OK;
}

static yyjson_val *val(const struct nima_json *node)
{
    return (yyjson_val *)(uintptr_t)node;
}

enum nima_json_kind nima_json_kind(const struct nima_json *node)
{
    switch (yyjson_get_type(val(node))) {
    case YYJSON_TYPE_BOOL:
        return NIMA_JSON_BOOL;
    case YYJSON_TYPE_NUM:
        return NIMA_JSON_NUM;
    case YYJSON_TYPE_STR:
        return NIMA_JSON_STR;
    case YYJSON_TYPE_ARR:
        return NIMA_JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return NIMA_JSON_OBJECT;
    default:
        return NIMA_JSON_NULL;
    }
}

const struct nima_json *nima_json_get(const struct nima_json *object, const char *key)
{
    return (const struct nima_json *)yyjson_obj_get(val(object), key);
}

size_t nima_json_count(const struct nima_json *node)
{
    return yyjson_is_arr(val(node)) ? yyjson_arr_size(val(node)) : yyjson_obj_size(val(node));
}

const struct nima_json *nima_json_at(const struct nima_json *node, size_t i, nima_str *key_out)
{
    if (i >= nima_json_count(node)) {
        return NULL;
    }
    if (yyjson_is_arr(val(node))) {
        return (const struct nima_json *)yyjson_arr_get(val(node), i);
    }
    yyjson_obj_iter iter = yyjson_obj_iter_with(val(node));
    yyjson_val *key = NULL;
    for (size_t at = 0; at <= i; at++) {
        key = yyjson_obj_iter_next(&iter);
    }
    if (key_out != NULL) {
        *key_out = (nima_str){yyjson_get_str(key), yyjson_get_len(key)};
    }
    return (const struct nima_json *)yyjson_obj_iter_get_val(key);
}

nima_str nima_json_str(const struct nima_json *node)
{
    /* yyjson tells the length of a list or an object where a text was asked for. */
    yyjson_val *value = val(node);
    return yyjson_is_str(value) ? (nima_str){yyjson_get_str(value), yyjson_get_len(value)}
                                : (nima_str){NULL, 0};
}

bool nima_json_int(const struct nima_json *node, int64_t *out)
{
    yyjson_val *value = val(node);
    if (yyjson_is_sint(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX)) {
        *out = yyjson_get_sint(value);
        return true;
    }
    if (yyjson_is_real(value)) {
        double number = yyjson_get_real(value);
        if (floor(number) == number && fabs(number) < 9007199254740992.0) {
            *out = (int64_t)number;
            return true;
        }
    }
    return false;
}

double nima_json_num(const struct nima_json *node, double otherwise)
{
    return yyjson_is_num(val(node)) ? yyjson_get_num(val(node)) : otherwise;
}

bool nima_json_bool(const struct nima_json *node, bool otherwise)
{
    return yyjson_is_bool(val(node)) ? yyjson_get_bool(val(node)) : otherwise;
}

nima_str nima_json_text(struct nima_ctx *ctx, const struct nima_json *node)
{
    yyjson_alc alc = alc_of(ctx);
    size_t length = 0;
    yyjson_write_err error;
    char *text = yyjson_val_write_opts(val(node), YYJSON_WRITE_NOFLAG, &alc, &length, &error);
    nima_assert(text != NULL); /* what was parsed can be written */
    return (nima_str){text, length};
}

const struct nima_json *nima_json_next(const struct nima_json *array, const struct nima_json *last,
                                       size_t *index)
{
    if (last == NULL) {
        *index = 0;
        return nima_json_count(array) > 0
                   ? (const struct nima_json *)yyjson_arr_get_first(val(array))
                   : NULL;
    }
    return ++*index < nima_json_count(array)
               ? (const struct nima_json *)unsafe_yyjson_get_next(val(last))
               : NULL;
}

const struct nima_json *nima_json_next_member(const struct nima_json *object,
                                              const struct nima_json *last, size_t *index,
                                              nima_str *key_out)
{
    *index = last == NULL ? 0 : *index + 1;
    if (*index >= yyjson_obj_size(val(object))) {
        return NULL;
    }
    yyjson_val *key =
        last == NULL ? unsafe_yyjson_get_first(val(object)) : unsafe_yyjson_get_next(val(last));
    *key_out = (nima_str){yyjson_get_str(key), yyjson_get_len(key)};
    return (const struct nima_json *)yyjson_obj_iter_get_val(key);
}

enum { ORDERED_BYTES_MAX = 1 << 30 };

/* 100, 100.0 and 1e2 are one number to whoever reads it, and PostgreSQL keeps but one of them. */
static void write_ordered_num(struct nima_buf *buf, yyjson_val *value)
{
    if (yyjson_is_uint(value)) {
        nima_buf_fmt(buf, "%llu", (unsigned long long)yyjson_get_uint(value));
    } else if (yyjson_is_sint(value)) {
        nima_buf_fmt(buf, "%lld", (long long)yyjson_get_sint(value));
    } else {
        double real = yyjson_get_real(value);
        bool whole = fabs(real) < 18446744073709551616.0 && floor(real) == real;
        if (whole) {
            nima_buf_fmt(buf, "%.0f", real == 0 ? 0 : real);
        } else {
            nima_json_write_num(buf, real);
        }
    }
}

static void write_ordered(struct nima_ctx *ctx, struct nima_buf *buf, yyjson_val *value);

static void write_ordered_object(struct nima_ctx *ctx, struct nima_buf *buf, yyjson_val *object)
{
    size_t count = yyjson_obj_size(object), i, max;
    yyjson_val **keys = NIMA_NEW(ctx->arena, yyjson_val *, count + 1);
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, max, key, value)
    {
        keys[i] = key;
    }
    if (count > 1) {
        qsort(keys, count, sizeof(keys[0]), by_key);
    }
    nima_buf_add_char(buf, '{');
    for (i = 0; i < count; i++) {
        nima_buf_add(buf, i > 0 ? NIMA_STR(",") : NIMA_STR(""));
        nima_json_write_str(buf, (nima_str){yyjson_get_str(keys[i]), yyjson_get_len(keys[i])});
        nima_buf_add_char(buf, ':');
        write_ordered(ctx, buf, yyjson_obj_iter_get_val(keys[i]));
    }
    nima_buf_add_char(buf, '}');
}

/* Recursion is bounded by DEPTH_MAX. */
static void write_ordered(struct nima_ctx *ctx, struct nima_buf *buf, yyjson_val *value)
{
    size_t i, max;
    yyjson_val *item;
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_BOOL:
        nima_buf_add(buf, yyjson_get_bool(value) ? NIMA_STR("true") : NIMA_STR("false"));
        break;
    case YYJSON_TYPE_NUM:
        write_ordered_num(buf, value);
        break;
    case YYJSON_TYPE_STR:
        nima_json_write_str(buf, (nima_str){yyjson_get_str(value), yyjson_get_len(value)});
        break;
    case YYJSON_TYPE_ARR:
        nima_buf_add_char(buf, '[');
        yyjson_arr_foreach(value, i, max, item)
        {
            nima_buf_add(buf, i > 0 ? NIMA_STR(",") : NIMA_STR(""));
            write_ordered(ctx, buf, item);
        }
        nima_buf_add_char(buf, ']');
        break;
    case YYJSON_TYPE_OBJ:
        write_ordered_object(ctx, buf, value);
        break;
    default:
        nima_buf_add(buf, NIMA_STR("null"));
    }
}

nima_str nima_json_ordered(struct nima_ctx *ctx, const struct nima_json *node)
{
    struct nima_buf buf;
    nima_str text = {0};
    nima_buf_init(&buf, ORDERED_BYTES_MAX);
    write_ordered(ctx, &buf, val(node));
    nima_rc rc = nima_buf_take(ctx, &buf, &text);
    nima_assert(rc == NIMA_OK); /* what was parsed is smaller than that */
    nima_buf_done(&buf);
    return text;
}
