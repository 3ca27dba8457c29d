/* Body, path and query of a request into the struct of its row. */
#include <string.h>

#include "http/http_int.h"

enum { QUERY_FIELDS_MAX = 64 };

static bool has_query_field(const struct nima_shape *shape, nima_str name, size_t *index_out)
{
    for (size_t i = 0; shape != NULL && i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (field->place == NIMA_IN_QUERY && nima_str_eq(name, nima_str_of(field->name))) {
            *index_out = i;
            return true;
        }
    }
    return false;
}

static nima_rc wrong_parameter(struct nima_ctx *ctx, nima_str name, const char *what)
{
    char *shown = nima_cstr(ctx, nima_utf8_prefix(name, 60));
    return nima_fail_field(ctx, NIMA_E_INVALID, shown, "%s %s", shown, what);
}

static nima_rc set_parameter(struct nima_exchange *exchange, nima_str pair, bool *given, void *in)
{
    struct nima_ctx *ctx = &exchange->ctx;
    const struct nima_route *row = exchange->route->row;
    nima_str raw_name, name, value;
    nima_str_next(&pair, '=', &raw_name);
    NIMA_TRY(nima_http_unescape(ctx, raw_name, true, &name));
    NIMA_TRY(nima_http_unescape(ctx, pair.ptr != NULL ? pair : NIMA_STR(""), true, &value));
    size_t index = 0;
    if (!has_query_field(row->in_list ? NULL : row->in, name, &index)) {
        /* Pages get all sorts of parameters by links, and open shapes take what they are sent. */
        bool open = row->kind == NIMA_ROUTE_BYTES || (row->in != NULL && row->in->open);
        return open ? NIMA_OK : wrong_parameter(ctx, name, "is not a known parameter");
    }
    nima_assert(index < QUERY_FIELDS_MAX);
    if (given[index]) {
        return wrong_parameter(ctx, name, "stands in the query twice");
    }
    given[index] = true;
    return nima_json_set_text(ctx, row->in, NIMA_IN_QUERY, name, value, in);
}

static nima_rc decode_query(struct nima_exchange *exchange, void *in)
{
    const struct nima_shape *shape = exchange->route->row->in;
    bool given[QUERY_FIELDS_MAX] = {false};
    nima_str rest = exchange->target.query;
    nima_str pair;
    while (nima_str_next(&rest, '&', &pair)) {
        if (pair.len > 0) {
            NIMA_TRY(set_parameter(exchange, pair, given, in));
        }
    }
    for (size_t i = 0; shape != NULL && i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (field->place == NIMA_IN_QUERY && field->required && !given[i]) {
            return wrong_parameter(&exchange->ctx, nima_str_of(field->name), "is required");
        }
    }
    return NIMA_OK;
}

static nima_rc decode_path(struct nima_exchange *exchange, void *in)
{
    const struct http_route *route = exchange->route;
    for (size_t i = 0; route->row->in != NULL && i < route->count; i++) {
        if (route->is_param[i]) {
            NIMA_TRY(nima_json_set_text(&exchange->ctx, route->row->in, NIMA_IN_PATH,
                                        route->segments[i], exchange->target.segments[i], in));
        }
    }
    return NIMA_OK;
}

static nima_rc decode_body(struct nima_exchange *exchange, void *in)
{
    const struct http_route *route = exchange->route;
    nima_str text = nima_buf_view(&exchange->body);
    if (!route->wants_body) {
        nima_json_preset(route->row->in, in);
        return NIMA_OK;
    }
    if (nima_str_trim(text).len == 0 && route->body_optional) {
        text = NIMA_STR("{}");
    }
    return nima_json_decode(&exchange->ctx, route->row->in, text, in);
}

nima_rc nima_http_decode(struct nima_exchange *exchange, void **in_out)
{
    struct nima_ctx *ctx = &exchange->ctx;
    const struct nima_route *row = exchange->route->row;
    void *in = NULL;
    if (row->in_list) {
        struct nima_list *list = nima_alloc(ctx->arena, sizeof(*list));
        NIMA_TRY(nima_json_decode_list(ctx, row->in, nima_buf_view(&exchange->body),
                                       (size_t)row->in_list_max, list));
        in = list;
    } else if (row->in != NULL) {
        in = nima_alloc(ctx->arena, row->in->size);
        NIMA_TRY(decode_body(exchange, in));
        NIMA_TRY(decode_path(exchange, in));
    }
    NIMA_TRY(decode_query(exchange, in));
    *in_out = in;
    return NIMA_OK;
}
