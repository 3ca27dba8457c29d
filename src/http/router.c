/* Which row serves an address. Literal segments win over parameters: "facts/batch" over "{id}". */
#include <string.h>

#include "http/http_int.h"

static void cut_path(struct http_route *route)
{
    nima_str rest = nima_str_of(route->row->path);
    nima_assert(rest.len > 0 && rest.ptr[0] == '/');
    rest = nima_str_sub(rest, 1, rest.len);
    nima_str segment;
    while (rest.len > 0 && nima_str_next(&rest, '/', &segment)) {
        nima_assert(route->count < NIMA_HTTP_SEGMENTS_MAX);
        bool param = nima_str_starts(segment, NIMA_STR("{"));
        route->is_param[route->count] = param;
        route->segments[route->count] = param ? nima_str_sub(segment, 1, segment.len - 1) : segment;
        route->count++;
    }
}

static void look_at_body(struct http_route *route)
{
    const struct nima_route *row = route->row;
    if (row->in == NULL) {
        return;
    }
    route->body_optional = !row->in_list;
    for (size_t i = 0; i < row->in->count; i++) {
        const struct nima_field *field = &row->in->fields[i];
        if (field->place == NIMA_IN_BODY) {
            route->wants_body = true;
            route->body_optional = route->body_optional && !field->required;
        }
    }
    route->wants_body = route->wants_body || row->in_list || row->in->open;
    if (strcmp(row->method, "GET") == 0) {
        nima_assert(!route->wants_body || row->in->open);
        route->wants_body = false;
    }
}

/* Mistakes in a table stop the start, where they are seen. */
static void check_row(const struct nima_http *http, const struct http_route *route)
{
    const struct nima_route *row = route->row;
    nima_assert(row->call != NULL);
    nima_assert(!row->quick || row->kind != NIMA_ROUTE_STREAM);
    nima_assert(!row->in_list || (row->in != NULL && row->in_list_max > 0));
    nima_assert(row->kind != NIMA_ROUTE_LIST || row->out != NULL);
    for (size_t i = 0; &http->routes[i] != route; i++) {
        const struct nima_route *other = http->routes[i].row;
        nima_assert(strcmp(other->path, row->path) != 0 || strcmp(other->method, row->method) != 0);
    }
}

void nima_http_routes_open(struct nima_http *http)
{
    size_t count = 0;
    for (size_t t = 0; http->options.tables[t] != NULL; t++) {
        for (const struct nima_route *row = http->options.tables[t]; row->method != NULL; row++) {
            count++;
        }
    }
    http->routes = NIMA_NEW(http->arena, struct http_route, count);
    for (size_t t = 0; http->options.tables[t] != NULL; t++) {
        for (const struct nima_route *row = http->options.tables[t]; row->method != NULL; row++) {
            struct http_route *route = &http->routes[http->route_count++];
            route->row = row;
            cut_path(route);
            look_at_body(route);
            check_row(http, route);
        }
    }
}

static bool fits(const struct http_route *route, const struct http_target *target)
{
    if (route->count != target->count) {
        return false;
    }
    for (size_t i = 0; i < route->count; i++) {
        if (route->is_param[i] ? target->segments[i].len == 0
                               : !nima_str_eq(route->segments[i], target->segments[i])) {
            return false;
        }
    }
    return true;
}

/* True when `a` has its first parameter later than `b`. */
static bool is_closer(const struct http_route *a, const struct http_route *b)
{
    for (size_t i = 0; b != NULL && i < a->count; i++) {
        if (a->is_param[i] != b->is_param[i]) {
            return b->is_param[i];
        }
    }
    return b == NULL;
}

/* The closest path of all methods, so that GET /facts/batch is 405 and no fact named "batch". */
static const struct http_route *closest_path(const struct nima_exchange *exchange)
{
    const struct nima_http *http = exchange->http;
    const struct http_route *best = NULL;
    for (size_t i = 0; i < http->route_count; i++) {
        const struct http_route *route = &http->routes[i];
        if (fits(route, &exchange->target) && is_closer(route, best)) {
            best = route;
        }
    }
    return best;
}

nima_rc nima_http_route_find(struct nima_exchange *exchange)
{
    const struct nima_http *http = exchange->http;
    const struct http_route *path = closest_path(exchange);
    if (path == NULL) {
        return nima_fail(&exchange->ctx, NIMA_E_NOT_FOUND, "there is nothing at this address");
    }
    nima_str method = exchange->method;
    method = nima_str_eq(method, NIMA_STR("HEAD")) ? NIMA_STR("GET") : method;
    for (size_t i = 0; i < http->route_count; i++) {
        const struct http_route *route = &http->routes[i];
        if (nima_str_eq(method, nima_str_of(route->row->method)) &&
            fits(route, &exchange->target) && !is_closer(path, route)) {
            exchange->route = route;
            return NIMA_OK;
        }
    }
    nima_str allow = nima_http_route_allow(exchange);
    return nima_fail(&exchange->ctx, NIMA_E_METHOD, "this address takes " NIMA_FMT,
                     NIMA_ARG(allow));
}

nima_str nima_http_route_allow(struct nima_exchange *exchange)
{
    const struct nima_http *http = exchange->http;
    const struct http_route *path = closest_path(exchange);
    nima_str list = {0};
    for (size_t i = 0; path != NULL && i < http->route_count; i++) {
        const struct http_route *route = &http->routes[i];
        if (!fits(route, &exchange->target) || is_closer(path, route)) {
            continue;
        }
        const char *method = route->row->method;
        list = nima_fmt(
            &exchange->ctx, "%s%s, " NIMA_FMT, method, strcmp(method, "GET") == 0 ? ", HEAD" : "",
            list.ptr != NULL ? (int)list.len : 7, list.ptr != NULL ? list.ptr : "OPTIONS");
    }
    return list;
}
