/*
 * Who may talk to us from a browser.
 *
 * Host: on a loopback bind nobody but this machine can connect, yet any web page can make the
 * browser of this machine do it: it points a name of its own at 127.0.0.1 (DNS rebinding) and is
 * then of "the same origin". The name stands in the Host header, so only names of this machine and
 * configured ones are served.
 *
 * Origin: a page of another origin may send simple requests without asking first. Those of origins
 * that are not allowed are refused, not just kept from reading the answer.
 */
#include "http/http_int.h"

/* "localhost:8002" to "localhost", "[::1]:8002" to "[::1]". */
static nima_str without_port(nima_str host)
{
    size_t end = host.len;
    while (end > 0 && host.ptr[end - 1] >= '0' && host.ptr[end - 1] <= '9') {
        end--;
    }
    bool port = end > 0 && end < host.len && host.ptr[end - 1] == ':';
    return port ? nima_str_sub(host, 0, end - 1) : host;
}

static bool is_local_name(nima_str host)
{
    nima_str name = without_port(host);
    return nima_str_eq_nocase(name, NIMA_STR("localhost")) ||
           nima_str_eq(name, NIMA_STR("127.0.0.1")) || nima_str_eq(name, NIMA_STR("[::1]"));
}

static bool among(const nima_str *list, size_t count, nima_str value)
{
    for (size_t i = 0; i < count; i++) {
        if (nima_str_eq(list[i], NIMA_STR("*")) || nima_str_eq_nocase(list[i], value)) {
            return true;
        }
    }
    return false;
}

nima_rc nima_http_check_host(struct nima_exchange *exchange)
{
    const struct nima_http *http = exchange->http;
    const struct nima_http_options *options = &http->options;
    nima_str host = nima_exchange_header(exchange, "Host");
    if (host.ptr == NULL) {
        /* HTTP/1.0 has no Host; no browser speaks it, so rebinding is no matter there. */
        return exchange->http_1_0
                   ? NIMA_OK
                   : nima_fail(&exchange->ctx, NIMA_E_MALFORMED, "the request has no Host header");
    }
    if (!http->loopback && options->allowed_host_count == 0) {
        return NIMA_OK;
    }
    if (is_local_name(host) || nima_str_eq_nocase(without_port(host), options->host) ||
        among(options->allowed_hosts, options->allowed_host_count, host) ||
        among(options->allowed_hosts, options->allowed_host_count, without_port(host))) {
        return NIMA_OK;
    }
    nima_str shown = nima_utf8_prefix(host, 100);
    if (!nima_utf8_valid(shown)) {
        shown = NIMA_STR("?");
    }
    return nima_fail(&exchange->ctx, NIMA_E_FORBIDDEN,
                     "this server does not answer to the name \"" NIMA_FMT
                     "\"; use localhost, or add the name to server.allowed_hosts",
                     NIMA_ARG(shown));
}

static bool is_own(struct nima_exchange *exchange, nima_str authority)
{
    nima_str host = nima_exchange_header(exchange, "Host");
    return host.ptr != NULL && nima_str_eq_nocase(authority, host);
}

nima_rc nima_http_check_origin(struct nima_exchange *exchange)
{
    const struct nima_http_options *options = &exchange->http->options;
    nima_str origin = nima_exchange_header(exchange, "Origin");
    if (origin.ptr == NULL) {
        return NIMA_OK;
    }
    nima_str authority = {0};
    if (nima_str_starts(origin, NIMA_STR("http://"))) {
        authority = nima_str_sub(origin, 7, origin.len);
    } else if (nima_str_starts(origin, NIMA_STR("https://"))) {
        authority = nima_str_sub(origin, 8, origin.len);
    }
    bool known = authority.ptr != NULL && (is_own(exchange, authority) || is_local_name(authority));
    if (known || among(options->cors_origins, options->cors_origin_count, origin)) {
        exchange->cors_origin = origin;
        return NIMA_OK;
    }
    return nima_fail(&exchange->ctx, NIMA_E_FORBIDDEN,
                     "pages of this origin may not use this server; add the origin to "
                     "server.cors_origins to allow it");
}
