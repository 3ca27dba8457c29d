/*
 * The request's address: "/v1/facts/a%20b?limit=5" to segments and query, all of it checked. Bytes
 * that mean nothing (bad escapes, broken UTF-8, NUL) are refused here, so nobody behind the door
 * has to think of them.
 */
#include <string.h>

#include "http/http_int.h"

static int hex_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

nima_rc nima_http_unescape(struct nima_ctx *ctx, nima_str raw, bool plus, nima_str *out)
{
    char *text = nima_alloc(ctx->arena, raw.len + 1);
    size_t used = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%') {
            bool two = raw.len - i > 2;
            int high = two ? hex_of(raw.ptr[i + 1]) : -1;
            int low = two ? hex_of(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return nima_fail(
                    ctx, NIMA_E_MALFORMED,
                    "the address holds a %% that two hexadecimal digits do not follow");
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        text[used++] = c;
    }
    nima_str whole = {text, used};
    if (!nima_utf8_valid(whole)) {
        return nima_fail(ctx, NIMA_E_MALFORMED, "the address is not valid UTF-8 without NUL");
    }
    *out = whole;
    return NIMA_OK;
}

/* "http://host/path", which a proxy may send, to "/path". */
static nima_str without_authority(nima_str raw)
{
    size_t from = SIZE_MAX;
    if (nima_str_starts_nocase(raw, NIMA_STR("http://"))) {
        from = 7;
    } else if (nima_str_starts_nocase(raw, NIMA_STR("https://"))) {
        from = 8;
    }
    if (from == SIZE_MAX) {
        return raw;
    }
    for (; from < raw.len && raw.ptr[from] != '/' && raw.ptr[from] != '?'; from++) {
    }
    nima_str rest = nima_str_sub(raw, from, raw.len);
    return rest.len > 0 ? rest : NIMA_STR("/");
}

static bool has_control(nima_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= 0x20 || s.ptr[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

nima_rc nima_http_target_read(struct nima_ctx *ctx, nima_str raw, struct http_target *out)
{
    nima_str rest = without_authority(raw);
    if (rest.len == 0 || rest.ptr[0] != '/' || has_control(rest)) {
        return nima_fail(ctx, NIMA_E_MALFORMED, "the address must be a path that begins with /");
    }
    struct http_target target = {0};
    size_t mark = nima_str_find(rest, NIMA_STR("#"), 0);
    rest = mark != SIZE_MAX ? nima_str_sub(rest, 0, mark) : rest;
    mark = nima_str_find(rest, NIMA_STR("?"), 0);
    target.path = nima_str_sub(rest, 0, mark != SIZE_MAX ? mark : rest.len);
    if (mark != SIZE_MAX) {
        target.query = nima_str_sub(rest, mark + 1, rest.len);
    }
    nima_str path = nima_str_sub(target.path, 1, target.path.len);
    nima_str segment;
    while (path.len > 0 || target.count > 0) {
        if (!nima_str_next(&path, '/', &segment)) {
            break;
        }
        if (target.count == NIMA_HTTP_SEGMENTS_MAX) {
            return nima_fail(ctx, NIMA_E_NOT_FOUND, "there is nothing at this address");
        }
        NIMA_TRY(nima_http_unescape(ctx, segment, false, &target.segments[target.count]));
        target.count++;
    }
    *out = target;
    return NIMA_OK;
}
