/*
 * Pages and documents: ETag from what they hold, 304 when the client has them, gzip for texts. The
 * packed forms are kept, since the same few files are asked for again and again.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http/http_int.h"
#include "util/digest.h"

enum {
    ETAG_CHARS = 24, /* 96 bits of the hash in hexadecimal */
    PACK_BYTES_MIN = 512,
    PACK_BYTES_MAX = 1024 * 1024,
    PACKED_ITEMS_MAX = 64
};

struct http_packed {
    char etag[ETAG_CHARS + 1];
    unsigned char *bytes; /* NULL: a free place */
    size_t len;
    int64_t used;
};

static const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

void nima_http_packed_open(struct http_packed_cache *cache)
{
    pthread_mutex_init(&cache->lock, NULL);
    cache->items = NIMA_XNEW(struct http_packed, PACKED_ITEMS_MAX);
}

void nima_http_packed_close(struct http_packed_cache *cache)
{
    for (size_t i = 0; i < PACKED_ITEMS_MAX; i++) {
        free(cache->items[i].bytes);
    }
    free(cache->items);
    pthread_mutex_destroy(&cache->lock);
}

static bool is_text(nima_str type)
{
    return nima_str_starts(type, NIMA_STR("text/")) ||
           nima_str_starts(type, NIMA_STR("application/json")) ||
           nima_str_starts(type, NIMA_STR("application/javascript")) ||
           nima_str_starts(type, NIMA_STR("image/svg+xml"));
}

/* gzip named, or "*", and not with q=0. */
static bool takes_gzip(nima_str accepted)
{
    nima_str item;
    while (nima_str_next(&accepted, ',', &item)) {
        nima_str name;
        nima_str_next(&item, ';', &name);
        name = nima_str_trim(name);
        if (nima_str_eq_nocase(name, NIMA_STR("gzip")) || nima_str_eq(name, NIMA_STR("*"))) {
            nima_str q = nima_str_trim(item);
            double weight = 1;
            if (nima_str_starts_nocase(q, NIMA_STR("q=")) &&
                !nima_str_to_f64(nima_str_sub(q, 2, q.len), &weight)) {
                return false;
            }
            return weight > 0;
        }
    }
    return false;
}

/* Absent when it does not get smaller. */
static nima_str pack(struct nima_ctx *ctx, nima_str bytes)
{
    z_stream z = {0};
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return (nima_str){0};
    }
    char *room = nima_alloc(ctx->arena, bytes.len);
    z.next_in = (Bytef *)(uintptr_t)bytes.ptr;
    z.avail_in = (uInt)bytes.len;
    z.next_out = (Bytef *)room;
    z.avail_out = (uInt)bytes.len;
    int rc = deflate(&z, Z_FINISH);
    size_t len = z.total_out;
    deflateEnd(&z);
    return rc == Z_STREAM_END ? (nima_str){room, len} : (nima_str){0};
}

static nima_str packed_find(struct nima_ctx *ctx, struct http_packed_cache *cache, const char *etag)
{
    nima_str found = {0};
    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < PACKED_ITEMS_MAX && found.ptr == NULL; i++) {
        struct http_packed *item = &cache->items[i];
        if (item->bytes != NULL && strcmp(item->etag, etag) == 0) {
            item->used = ++cache->uses;
            found = nima_str_copy(ctx->arena, (nima_str){(const char *)item->bytes, item->len});
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

static void packed_keep(struct http_packed_cache *cache, const char *etag, nima_str packed)
{
    pthread_mutex_lock(&cache->lock);
    struct http_packed *oldest = &cache->items[0];
    for (size_t i = 0; i < PACKED_ITEMS_MAX; i++) {
        struct http_packed *item = &cache->items[i];
        if (item->bytes != NULL && strcmp(item->etag, etag) == 0) {
            oldest = NULL; /* another thread was here first */
            break;
        }
        if (item->used < oldest->used) {
            oldest = item;
        }
    }
    if (oldest != NULL) {
        free(oldest->bytes);
        oldest->bytes = (unsigned char *)nima_xstrdup(packed);
        oldest->len = packed.len;
        oldest->used = ++cache->uses;
        memcpy(oldest->etag, etag, sizeof(oldest->etag));
    }
    pthread_mutex_unlock(&cache->lock);
}

static nima_str packed_of(struct nima_ctx *ctx, struct http_packed_cache *cache, const char *etag,
                          nima_str bytes)
{
    nima_str packed = packed_find(ctx, cache, etag);
    if (packed.ptr == NULL) {
        packed = pack(ctx, bytes);
        if (packed.ptr != NULL) {
            packed_keep(cache, etag, packed);
        }
    }
    return packed;
}

/* Weak comparison, as If-None-Match asks for; the gzip form has a tag of its own. */
static bool has_it(nima_str tags, const char *etag)
{
    nima_str tag;
    while (nima_str_next(&tags, ',', &tag)) {
        tag = nima_str_trim(tag);
        tag = nima_str_starts(tag, NIMA_STR("W/")) ? nima_str_sub(tag, 2, tag.len) : tag;
        if (nima_str_eq(tag, nima_str_of(etag)) || nima_str_eq(tag, NIMA_STR("*"))) {
            return true;
        }
    }
    return false;
}

nima_rc nima_http_bytes(struct nima_ctx *ctx, struct nima_exchange *exchange,
                        const char *content_type, nima_str bytes)
{
    nima_assert(!exchange->replied);
    nima_str type = nima_str_of(content_type);
    nima_str hash = nima_sha256_hex(ctx, bytes);
    char key[ETAG_CHARS + 1] = {0};
    memcpy(key, hash.ptr, ETAG_CHARS);
    bool text = is_text(type) && bytes.len >= PACK_BYTES_MIN && bytes.len <= PACK_BYTES_MAX;
    nima_str packed = {0};
    if (text && takes_gzip(nima_exchange_header(exchange, "Accept-Encoding"))) {
        packed = packed_of(ctx, &exchange->http->packed, key, bytes);
    }
    char etag[ETAG_CHARS + 8];
    snprintf(etag, sizeof(etag), "\"%s%s\"", key, packed.ptr != NULL ? "-gz" : "");
    nima_str chosen = packed.ptr != NULL ? packed : bytes;
    bool known =
        exchange->status == 0 && has_it(nima_exchange_header(exchange, "If-None-Match"), etag);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        known ? 0 : chosen.len, (void *)(uintptr_t)chosen.ptr, MHD_RESPMEM_MUST_COPY);
    nima_assert(response != NULL);
    MHD_add_response_header(response, "ETag", etag);
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "Content-Type", content_type);
    if (text) {
        MHD_add_response_header(response, "Vary", "Accept-Encoding");
    }
    if (packed.ptr != NULL) {
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    }
    if (nima_str_starts(type, NIMA_STR("text/html"))) {
        MHD_add_response_header(response, "Content-Security-Policy", page_policy);
    }
    nima_http_reply_headers(exchange, response);
    exchange->replied = true;
    int status = exchange->status != 0 ? exchange->status : 200;
    nima_http_exchange_ready(exchange, known ? 304 : status, response);
    return NIMA_OK;
}
