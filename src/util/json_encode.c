/* The struct that a table of fields describes, to JSON text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/clock.h"
#include "util/json.h"

static void write_escaped(struct nima_buf *buf, unsigned char c)
{
    switch (c) {
    case '"':
        nima_buf_add(buf, NIMA_STR("\\\""));
        break;
    case '\\':
        nima_buf_add(buf, NIMA_STR("\\\\"));
        break;
    case '\n':
        nima_buf_add(buf, NIMA_STR("\\n"));
        break;
    case '\r':
        nima_buf_add(buf, NIMA_STR("\\r"));
        break;
    case '\t':
        nima_buf_add(buf, NIMA_STR("\\t"));
        break;
    default:
        if (c >= 0x80) { /* a file's name may be any bytes, JSON may not */
            nima_buf_add(buf, NIMA_STR("\xEF\xBF\xBD"));
        } else {
            nima_buf_fmt(buf, "\\u%04x", c);
        }
    }
}

/* How many bytes may be written as they are: a character, or none. */
static size_t plain_bytes(nima_str s, size_t at)
{
    unsigned char c = (unsigned char)s.ptr[at];
    uint32_t point;
    if (c >= 0x80) {
        return (size_t)nima_utf8_decode(s, at, &point);
    }
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7F ? 1 : 0;
}

void nima_json_write_str(struct nima_buf *buf, nima_str s)
{
    nima_buf_add_char(buf, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len;) {
        size_t plain = plain_bytes(s, i);
        i += plain;
        if (plain == 0) {
            nima_buf_add(buf, nima_str_sub(s, from, i));
            write_escaped(buf, (unsigned char)s.ptr[i]);
            from = ++i;
        }
    }
    nima_buf_add(buf, nima_str_sub(s, from, s.len));
    nima_buf_add_char(buf, '"');
}

void nima_json_write_num(struct nima_buf *buf, double value)
{
    if (!isfinite(value)) {
        nima_buf_add(buf, NIMA_STR("null"));
        return;
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    nima_buf_add(buf, nima_str_of(text));
}

static const void *at(const struct nima_field *field, const void *in)
{
    return (const char *)in + field->offset;
}

static bool is_absent(const struct nima_field *field, const void *in)
{
    if (field->has != 0) {
        return !*(const bool *)((const char *)in + field->has - 1);
    }
    switch (field->kind) {
    case NIMA_KIND_INT:
    case NIMA_KIND_NUM:
    case NIMA_KIND_BOOL:
    case NIMA_KIND_TIME:
    case NIMA_KIND_LIST:
    case NIMA_KIND_STR_LIST:
        return false;
    case NIMA_KIND_OBJECT:
        return *(void *const *)at(field, in) == NULL;
    default:
        return ((const nima_str *)at(field, in))->ptr == NULL;
    }
}

static void encode_str_list(struct nima_buf *buf, const struct nima_list *list)
{
    const nima_str *items = list->items;
    nima_buf_add_char(buf, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) {
            nima_buf_add_char(buf, ',');
        }
        nima_json_write_str(buf, items[i]);
    }
    nima_buf_add_char(buf, ']');
}

static void encode_time(struct nima_buf *buf, int64_t unix_ms)
{
    char text[NIMA_TIME_CHARS + 1];
    nima_time_write(unix_ms, text);
    nima_buf_fmt(buf, "\"%s\"", text);
}

static void encode_field(struct nima_buf *buf, const struct nima_field *field, const void *in)
{
    const void *value = at(field, in);
    switch (field->kind) {
    case NIMA_KIND_INT:
        nima_buf_fmt(buf, "%lld", (long long)*(const int64_t *)value);
        break;
    case NIMA_KIND_NUM:
        nima_json_write_num(buf, *(const double *)value);
        break;
    case NIMA_KIND_BOOL:
        nima_buf_add(buf, *(const bool *)value ? NIMA_STR("true") : NIMA_STR("false"));
        break;
    case NIMA_KIND_TIME:
        encode_time(buf, *(const int64_t *)value);
        break;
    case NIMA_KIND_JSON:
    case NIMA_KIND_ANY:
        nima_buf_add(buf, *(const nima_str *)value);
        break;
    case NIMA_KIND_OBJECT:
        nima_json_encode(buf, field->shape, *(void *const *)value);
        break;
    case NIMA_KIND_LIST:
        nima_json_encode_list(buf, field->shape, value);
        break;
    case NIMA_KIND_STR_LIST:
        encode_str_list(buf, value);
        break;
    default:
        nima_json_write_str(buf, *(const nima_str *)value);
    }
}

void nima_json_encode(struct nima_buf *buf, const struct nima_shape *shape, const void *in)
{
    bool first = true;
    nima_buf_add_char(buf, '{');
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        bool absent = is_absent(field, in);
        if (field->place != NIMA_IN_BODY || (absent && !field->nullable)) {
            continue;
        }
        nima_buf_fmt(buf, "%s\"%s\":", first ? "" : ",", field->name);
        first = false;
        if (absent) {
            nima_buf_add(buf, NIMA_STR("null"));
        } else {
            encode_field(buf, field, in);
        }
    }
    nima_buf_add_char(buf, '}');
}

nima_rc nima_json_encode_text(struct nima_ctx *ctx, const struct nima_shape *shape, const void *in,
                              size_t max, nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, max);
    nima_json_encode(&buf, shape, in);
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

void nima_json_encode_list(struct nima_buf *buf, const struct nima_shape *shape,
                           const struct nima_list *list)
{
    nima_buf_add_char(buf, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) {
            nima_buf_add_char(buf, ',');
        }
        nima_json_encode(buf, shape, (const char *)list->items + i * shape->size);
    }
    nima_buf_add_char(buf, ']');
}
