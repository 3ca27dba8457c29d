/*
 * Which hosts may be reached. A name must be on the list; the address it stands for is looked at
 * when it is connected to, so that a name cannot lead into the machine or its network.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>

#include "tasks/api/api_int.h"

enum { URL_BYTES_MAX = 8000, V4 = 4, V6 = 16 };

/* URLs */

static nima_rc no_url(struct nima_ctx *ctx, const char *why)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "params.url", "url %s", why);
}

static nima_str part_of(struct nima_ctx *ctx, CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    nima_str copy = {0};
    if (curl_url_get(url, part, &text, flags) == CURLUE_OK) {
        copy = nima_str_copy(ctx->arena, nima_str_of(text));
    }
    curl_free(text);
    return copy;
}

static nima_str lower(struct nima_ctx *ctx, nima_str text)
{
    char *out = nima_cstr(ctx, text);
    for (size_t i = 0; i < text.len; i++) {
        out[i] = (char)tolower((unsigned char)out[i]);
    }
    return (nima_str){out, text.len};
}

/* "[::1]" and "example.com." as they are compared. */
static nima_str plain_host(nima_str host)
{
    if (nima_str_starts(host, NIMA_STR("[")) && nima_str_ends(host, NIMA_STR("]"))) {
        return nima_str_sub(host, 1, host.len - 1);
    }
    return nima_str_ends(host, NIMA_STR(".")) ? nima_str_sub(host, 0, host.len - 1) : host;
}

static nima_rc take_apart(struct nima_ctx *ctx, CURLU *url, struct nima_url *out)
{
    int64_t port;
    out->scheme = part_of(ctx, url, CURLUPART_SCHEME, 0);
    out->host = plain_host(lower(ctx, part_of(ctx, url, CURLUPART_HOST, 0)));
    out->path = part_of(ctx, url, CURLUPART_PATH, 0);
    nima_str number = part_of(ctx, url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!nima_str_eq(out->scheme, NIMA_STR("http")) &&
        !nima_str_eq(out->scheme, NIMA_STR("https"))) {
        return no_url(ctx, "must begin with http:// or https://");
    }
    if (part_of(ctx, url, CURLUPART_USER, 0).ptr != NULL ||
        part_of(ctx, url, CURLUPART_PASSWORD, 0).ptr != NULL) {
        return no_url(ctx, "must not hold a user or password: use a header and a secret");
    }
    for (size_t i = 0; i < out->host.len; i++) {
        if ((unsigned char)out->host.ptr[i] >= 0x80 || out->host.ptr[i] == '%') {
            return no_url(ctx, "must name its host in ASCII (xn--…)");
        }
    }
    if (out->host.len == 0 || !nima_str_to_i64(number, &port)) {
        return no_url(ctx, "names no host");
    }
    out->port = (int)port;
    return NIMA_OK;
}

nima_rc nima_url_read(struct nima_ctx *ctx, nima_str text, struct nima_url *out)
{
    struct nima_url read = {.text = text};
    if (text.len > URL_BYTES_MAX) {
        return no_url(ctx, "is too long");
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= 0x20 || text.ptr[i] == 0x7f || text.ptr[i] == '\\') {
            return no_url(ctx, "holds a blank, a backslash or a control character");
        }
    }
    CURLU *url = curl_url();
    nima_assert(url != NULL);
    nima_rc rc = NIMA_OK;
    if (curl_url_set(url, CURLUPART_URL, nima_cstr(ctx, text), 0) != CURLUE_OK) {
        rc = no_url(ctx, "is not one that can be asked");
    }
    rc = rc == NIMA_OK ? take_apart(ctx, url, &read) : rc;
    curl_url_cleanup(url);
    NIMA_TRY(rc);
    *out = read;
    return NIMA_OK;
}

nima_str nima_url_escape(struct nima_ctx *ctx, nima_str text, const char *also)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = nima_alloc(ctx->arena, text.len * 3 + 1);
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (isalnum(c) || (c != 0 && (strchr("-._~", c) != NULL || strchr(also, c) != NULL))) {
            out[used++] = (char)c;
        } else {
            out[used++] = '%';
            out[used++] = digits[c >> 4];
            out[used++] = digits[c & 15];
        }
    }
    return (nima_str){out, used};
}

/* The list */

/* "host:port", "[v6]:port", "host"; an IPv6 address alone has several colons. */
static nima_str split_entry(nima_str entry, int *port)
{
    size_t at = SIZE_MAX;
    int64_t number = 0;
    for (size_t i = entry.len; i > 0 && at == SIZE_MAX; i--) {
        at = entry.ptr[i - 1] == ':' ? i - 1 : at;
    }
    bool bracket = nima_str_starts(entry, NIMA_STR("["));
    bool alone = at == SIZE_MAX || (bracket && entry.ptr[entry.len - 1] == ']') ||
                 (!bracket && nima_str_find(entry, NIMA_STR(":"), 0) != at);
    *port = 0;
    if (alone || !nima_str_to_i64(nima_str_sub(entry, at + 1, entry.len), &number)) {
        return plain_host(entry);
    }
    *port = number > 0 && number < 65536 ? (int)number : -1;
    return plain_host(nima_str_sub(entry, 0, at));
}

bool nima_host_listed(nima_str list, nima_str host, int port)
{
    nima_str entry;
    while (nima_str_next(&list, ',', &entry)) {
        int wanted;
        nima_str name = split_entry(nima_str_trim(entry), &wanted);
        if (name.len > 0 && nima_str_eq_nocase(name, host) && (wanted == 0 || wanted == port)) {
            return true;
        }
    }
    return false;
}

/* Addresses */

struct block {
    unsigned char bytes[V6];
    int bits;
};
/* IANA's special-purpose registry of IPv4: what is not reachable, or not meant to be, from outside;
 * and multicast. */
static const struct block blocks_v4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared with the provider */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, with the metadata services of clouds */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* IETF protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays, deprecated */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, and the broadcast address */
};
/* Of IPv6, only 2000::/3 is given out for the Internet at large; these parts of it are special.
 * Everything else (::/3 with ::1 and 100::/64, 5f00::/16, fc00::/7, fe80::/10, fec0::/10, ff00::/8)
 * lies outside. */
static const struct block global_v6 = {{0x20}, 3};
static const struct block blocks_v6[] = {
    {{0x20, 0x01}, 23},             /* IETF protocol assignments: Teredo, ORCHID … */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff}, 20},             /* documentation */
    {{0x3f, 0xfe}, 16},             /* 6bone, returned */
};
/* Forms of an IPv6 address that hold an IPv4 address, at byte `at`: it must be a public one. */
static const struct carrier {
    int from; /* the byte that `block` begins at */
    struct block block;
    int at;
    bool whole; /* the IPv4 address alone decides: the form itself lies outside 2000::/3 or is
                   special */
} carriers[] = {
    {0, {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12, true}, /* mapped, RFC 4291 */
    {0, {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12, true},       /* translated, RFC 2765 */
    {0, {{0x00, 0x64, 0xff, 0x9b}, 96}, 12, true},                   /* NAT64, RFC 6052 */
    {0, {{0x20, 0x02}, 16}, 2, false},                               /* 6to4, RFC 3056 */
    {8, {{0x00, 0x00, 0x5e, 0xfe}, 32}, 12, false},                  /* ISATAP, RFC 5214 */
    {8, {{0x02, 0x00, 0x5e, 0xfe}, 32}, 12, false},
};

static bool in_block(const unsigned char *address, const struct block *block)
{
    for (int bit = 0; bit < block->bits; bit++) {
        int mask = 0x80 >> bit % 8;
        if ((address[bit / 8] & mask) != (block->bytes[bit / 8] & mask)) {
            return false;
        }
    }
    return true;
}

static bool in_any(const unsigned char *address, const struct block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (in_block(address, &blocks[i])) {
            return true;
        }
    }
    return false;
}

#define IN_ANY(address, blocks) in_any(address, blocks, sizeof(blocks) / sizeof((blocks)[0]))

static bool is_public(const unsigned char *address, int bytes)
{
    if (bytes == V4) {
        return !IN_ANY(address, blocks_v4);
    }
    for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
        const struct carrier *carrier = &carriers[i];
        if (!in_block(address + carrier->from, &carrier->block)) {
            continue;
        }
        if (IN_ANY(address + carrier->at, blocks_v4)) {
            return false;
        }
        if (carrier->whole) {
            return true;
        }
    }
    return in_block(address, &global_v6) && !IN_ANY(address, blocks_v6);
}

static bool is_loopback(const unsigned char *address, int bytes)
{
    static const unsigned char six[V6] = {[15] = 1};
    return bytes == V4 ? address[0] == 127 : memcmp(address, six, V6) == 0;
}

static bool entry_is_address(nima_str name, const unsigned char *address, int bytes)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char parsed[V6];
    if (name.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return inet_pton(bytes == V4 ? AF_INET : AF_INET6, text, parsed) == 1 &&
           memcmp(parsed, address, (size_t)bytes) == 0;
}

bool nima_address_allowed(nima_str list, const struct sockaddr *address)
{
    unsigned char bytes[V6] = {0};
    int count, port, wanted;
    nima_str entry;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        count = V4;
        port = ntohs(in->sin_port);
        memcpy(bytes, &in->sin_addr, V4);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)address;
        count = V6;
        port = ntohs(in->sin6_port);
        memcpy(bytes, &in->sin6_addr, V6);
    } else {
        return false;
    }
    if (is_public(bytes, count)) {
        return true;
    }
    while (nima_str_next(&list, ',', &entry)) {
        nima_str name = split_entry(nima_str_trim(entry), &wanted);
        bool local = nima_str_eq_nocase(name, NIMA_STR("localhost")) && is_loopback(bytes, count);
        if ((wanted == 0 || wanted == port) && (local || entry_is_address(name, bytes, count))) {
            return true;
        }
    }
    return false;
}
