/* A value in a manifest, and where it stands: what is wrong is told with file, line and path. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "tasks/program/program_int.h"

enum { TEXT_BYTES_MAX = 4096 };

static struct nima_spot place_of(const struct nima_spot *in, nima_str path,
                                 const struct nima_yaml *node)
{
    return (struct nima_spot){.file = in->file,
                              .path = path,
                              .node = node,
                              .line = node != NULL ? node->line : in->line,
                              .column = node != NULL ? node->column : in->column};
}

static nima_str below(struct nima_ctx *ctx, nima_str path, nima_str key)
{
    return nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(path), path.len > 0 ? "." : "",
                    NIMA_ARG(nima_utf8_prefix(key, 60)));
}

struct nima_spot nima_spot_at(struct nima_ctx *ctx, const struct nima_spot *map, const char *key)
{
    const struct nima_yaml *node = nima_yaml_get(map->node, key);
    return place_of(map, below(ctx, map->path, nima_str_of(key)),
                    nima_yaml_is_null(node) ? NULL : node);
}

struct nima_spot nima_spot_of(struct nima_ctx *ctx, const struct nima_spot *in, size_t index,
                              const struct nima_yaml *node)
{
    return place_of(in,
                    in->node->kind == NIMA_YAML_MAP
                        ? below(ctx, in->path, node->key)
                        : nima_fmt(ctx, NIMA_FMT "[%zu]", NIMA_ARG(in->path), index),
                    node);
}

nima_rc nima_spot_fail(struct nima_ctx *ctx, const struct nima_spot *place, const char *fmt, ...)
{
    char what[NIMA_ERROR_CHARS_MAX + 1];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return nima_fail_field(ctx, NIMA_E_INVALID, nima_cstr(ctx, place->path),
                           "%s:%d:%d: " NIMA_FMT " %s", place->file, place->line, place->column,
                           NIMA_ARG(place->path.len > 0 ? place->path : NIMA_STR("the manifest")),
                           what);
}

nima_rc nima_spot_keys(struct nima_ctx *ctx, const struct nima_spot *place, const char *const *keys)
{
    if (place->node == NULL || place->node->kind != NIMA_YAML_MAP) {
        return nima_spot_fail(ctx, place, "must be a map");
    }
    size_t i = 0;
    for (const struct nima_yaml *e = place->node->first; e != NULL; e = e->next) {
        bool known = false;
        for (size_t k = 0; keys[k] != NULL; k++) {
            known = known || nima_str_eq(e->key, nima_str_of(keys[k]));
        }
        if (!known) {
            struct nima_spot wrong = nima_spot_of(ctx, place, i, e);
            return nima_spot_fail(ctx, &wrong, "is not known here");
        }
        i++;
    }
    return NIMA_OK;
}

nima_rc nima_spot_text(struct nima_ctx *ctx, const struct nima_spot *place, size_t most,
                       nima_str *out)
{
    nima_str text = nima_yaml_str(place->node);
    if (place->node == NULL) {
        return NIMA_OK;
    }
    if (text.ptr == NULL || text.len > most || !nima_utf8_valid(text)) {
        return nima_spot_fail(ctx, place, "must be a text of at most %zu bytes", most);
    }
    *out = text;
    return NIMA_OK;
}

nima_rc nima_spot_int(struct nima_ctx *ctx, const struct nima_spot *place, int64_t low,
                      int64_t high, int64_t *out)
{
    int64_t value;
    if (place->node == NULL) {
        return NIMA_OK;
    }
    if (!nima_yaml_int(place->node, &value) || value < low || value > high) {
        return nima_spot_fail(ctx, place, "must be a whole number, %lld to %lld", (long long)low,
                              (long long)high);
    }
    *out = value;
    return NIMA_OK;
}

nima_rc nima_spot_num(struct nima_ctx *ctx, const struct nima_spot *place, double *out)
{
    if (place->node != NULL && !nima_yaml_num(place->node, out)) {
        return nima_spot_fail(ctx, place, "must be a number");
    }
    return NIMA_OK;
}

nima_rc nima_spot_bool(struct nima_ctx *ctx, const struct nima_spot *place, bool *out)
{
    if (place->node != NULL && !nima_yaml_bool(place->node, out)) {
        return nima_spot_fail(ctx, place, "must be true or false");
    }
    return NIMA_OK;
}

nima_rc nima_spot_texts(struct nima_ctx *ctx, const struct nima_spot *place, size_t most,
                        const char *const **out)
{
    if (place->node == NULL) {
        return NIMA_OK;
    }
    if (place->node->kind != NIMA_YAML_LIST || place->node->count > most) {
        return nima_spot_fail(ctx, place, "must be a list of at most %zu texts", most);
    }
    const char **made = NIMA_NEW(ctx->arena, const char *, place->node->count + 1);
    size_t i = 0;
    for (const struct nima_yaml *e = place->node->first; e != NULL; e = e->next, i++) {
        struct nima_spot item = nima_spot_of(ctx, place, i, e);
        nima_str text = {0};
        NIMA_TRY(nima_spot_text(ctx, &item, TEXT_BYTES_MAX, &text));
        made[i] = nima_cstr(ctx, text);
    }
    *out = made;
    return NIMA_OK;
}

bool nima_spot_is_name(nima_str text, size_t most)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x80 || !(isalpha(c) || (i > 0 && (isdigit(c) || c == '_')))) {
            return false;
        }
    }
    return text.len > 0 && text.len <= most;
}
