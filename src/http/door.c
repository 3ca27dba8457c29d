/*
 * The door: what a request must satisfy before its body is read or a worker hears of it. Runs on
 * the http thread when the headers are complete, and never blocks.
 */
#include <ctype.h>
#include <string.h>

#include "http/http_int.h"
#include "util/uuid.h"

nima_str nima_exchange_header(struct nima_exchange *exchange, const char *name)
{
    nima_str wanted = nima_str_of(name);
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (nima_str_eq_nocase(exchange->headers[i].name, wanted)) {
            return exchange->headers[i].value;
        }
    }
    return (nima_str){0};
}

static bool is_token(nima_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (!isalnum(c) && strchr("!#$%&'*+-.^_`|~", c) == NULL) {
            return false;
        }
    }
    return s.len > 0;
}

static enum MHD_Result count_header(void *user, enum MHD_ValueKind kind, const char *name,
                                    size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (*(size_t *)user)++;
    return MHD_YES;
}

static enum MHD_Result copy_header(void *user, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct nima_exchange *exchange = user;
    struct nima_arena *arena = exchange->ctx.arena;
    struct http_header *header = &exchange->headers[exchange->header_count++];
    header->name = nima_str_copy(arena, (nima_str){name, name_len});
    header->value = nima_str_copy(
        arena, nima_str_trim(value != NULL ? (nima_str){value, value_len} : NIMA_STR("")));
    return MHD_YES;
}

static void copy_headers(struct nima_exchange *exchange)
{
    size_t count = 0;
    MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, count_header, &count);
    exchange->headers = NIMA_NEW(exchange->ctx.arena, struct http_header, count);
    MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, copy_header, exchange);
}

/* The client's own id when it is fit for logs and headers, else a new one. */
static void take_request_id(struct nima_exchange *exchange)
{
    nima_str sent = nima_exchange_header(exchange, "X-Request-Id");
    bool sane = sent.len > 0 && sent.len <= NIMA_HTTP_REQUEST_ID_MAX;
    for (size_t i = 0; sane && i < sent.len; i++) {
        unsigned char c = (unsigned char)sent.ptr[i];
        sane = isalnum(c) || c == '.' || c == '_' || c == '-';
    }
    if (sane) {
        memcpy(exchange->request_id, sent.ptr, sent.len);
        exchange->request_id[sent.len] = '\0';
    } else {
        nima_uuid_write(exchange->request_id);
    }
    exchange->ctx.request_id = nima_str_of(exchange->request_id);
}

static size_t count_of(struct nima_exchange *exchange, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < exchange->header_count; i++) {
        count += nima_str_eq_nocase(exchange->headers[i].name, nima_str_of(name)) ? 1 : 0;
    }
    return count;
}

/* What lets two parties disagree on where a request ends (request smuggling) is refused. */
static nima_rc check_framing(struct nima_exchange *exchange)
{
    struct nima_ctx *ctx = &exchange->ctx;
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (!is_token(exchange->headers[i].name)) {
            return nima_fail(ctx, NIMA_E_MALFORMED, "a header's name is malformed");
        }
    }
    size_t lengths = count_of(exchange, "Content-Length");
    size_t codings = count_of(exchange, "Transfer-Encoding");
    if (lengths > 1 || codings > 1 || count_of(exchange, "Host") > 1 || lengths + codings > 1) {
        return nima_fail(ctx, NIMA_E_MALFORMED,
                         "Host, Content-Length or Transfer-Encoding stand there more than once, "
                         "or the latter two together");
    }
    nima_str coding = nima_exchange_header(exchange, "Transfer-Encoding");
    if (coding.ptr != NULL &&
        (!nima_str_eq_nocase(coding, NIMA_STR("chunked")) || exchange->http_1_0)) {
        return nima_fail(ctx, NIMA_E_MALFORMED, "the only transfer encoding read is \"chunked\"");
    }
    return NIMA_OK;
}

static nima_rc check_header_size(struct nima_exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t max = exchange->http->options.header_bytes_max;
    if (info != NULL && info->header_size > max) {
        exchange->door_status = 431;
        return nima_fail(&exchange->ctx, NIMA_E_TOO_LARGE,
                         "the headers have %zu bytes, at most %zu are taken", info->header_size,
                         max);
    }
    return NIMA_OK;
}

bool nima_http_has_body(struct nima_exchange *exchange)
{
    nima_str length = nima_exchange_header(exchange, "Content-Length");
    return nima_exchange_header(exchange, "Transfer-Encoding").ptr != NULL ||
           (length.ptr != NULL && !nima_str_eq(length, NIMA_STR("0")));
}

static nima_rc check_body(struct nima_exchange *exchange)
{
    struct nima_ctx *ctx = &exchange->ctx;
    const struct http_route *route = exchange->route;
    if (route->row->body_bytes_max > 0) {
        exchange->body_bytes_max = route->row->body_bytes_max;
        exchange->body.max = route->row->body_bytes_max;
    }
    int64_t length = 0;
    nima_str declared = nima_exchange_header(exchange, "Content-Length");
    if (declared.ptr != NULL && (!nima_str_to_i64(declared, &length) || length < 0 ||
                                 (uint64_t)length > (uint64_t)exchange->body_bytes_max)) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE,
                         "the body has " NIMA_FMT " bytes, at most %zu are "
                         "taken here",
                         NIMA_ARG(nima_str_sub(declared, 0, 20)), exchange->body_bytes_max);
    }
    nima_str type = nima_exchange_header(exchange, "Content-Type");
    if (!route->wants_body || !nima_http_has_body(exchange) || type.ptr == NULL) {
        return NIMA_OK;
    }
    nima_str kind;
    nima_str_next(&type, ';', &kind);
    kind = nima_str_trim(kind);
    if (nima_str_eq_nocase(kind, NIMA_STR("application/json"))) {
        return NIMA_OK;
    }
    return nima_fail(ctx, NIMA_E_MEDIA_TYPE,
                     "the body must be application/json; send the header Content-Type");
}

static nima_rc check_idempotency_key(struct nima_exchange *exchange)
{
    nima_str key = nima_exchange_header(exchange, "Idempotency-Key");
    bool sane = key.ptr == NULL || (key.len > 0 && key.len <= 255);
    for (size_t i = 0; sane && i < key.len; i++) {
        sane = key.ptr[i] >= 0x20 && key.ptr[i] < 0x7F;
    }
    return sane ? NIMA_OK
                : nima_fail_field(&exchange->ctx, NIMA_E_INVALID, "Idempotency-Key",
                                  "Idempotency-Key must be 1 to 255 printable ASCII characters");
}

nima_rc nima_http_door(struct nima_exchange *exchange)
{
    copy_headers(exchange);
    take_request_id(exchange);
    NIMA_TRY(check_framing(exchange));
    NIMA_TRY(check_header_size(exchange));
    NIMA_TRY(nima_http_check_host(exchange));
    NIMA_TRY(nima_http_check_origin(exchange));
    if (nima_str_eq(exchange->method, NIMA_STR("OPTIONS")) &&
        nima_str_eq(exchange->raw_target, NIMA_STR("*"))) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_http_target_read(&exchange->ctx, exchange->raw_target, &exchange->target));
    if (nima_str_eq(exchange->method, NIMA_STR("OPTIONS"))) {
        nima_rc rc = nima_http_route_find(exchange);
        return rc == NIMA_E_METHOD ? NIMA_OK : rc;
    }
    NIMA_TRY(nima_http_route_find(exchange));
    if (atomic_load(&exchange->http->stopping)) {
        return nima_fail(&exchange->ctx, NIMA_E_UNAVAILABLE, "the server is stopping");
    }
    NIMA_TRY(check_idempotency_key(exchange));
    return check_body(exchange);
}

bool nima_http_door_closes(const struct nima_exchange *exchange)
{
    nima_rc rc = exchange->door_rc;
    return rc == NIMA_E_MALFORMED || rc == NIMA_E_TOO_LARGE;
}
