#pragma once
/*
 * yaml: a YAML file as a read-only tree that remembers lines, for configuration and packs.
 * Only block and flow maps, lists and scalars; anchors, aliases, tags, a second document and
 * duplicate keys are refused, depth and size are capped. Only `true` and `false` are booleans.
 * Errors     INVALID with "FILE:LINE:COLUMN: what".
 */
#include "util/ctx.h"

enum nima_yaml_kind { NIMA_YAML_SCALAR, NIMA_YAML_MAP, NIMA_YAML_LIST };

struct nima_yaml {
    enum nima_yaml_kind kind;
    int line, column;        /* from 1 */
    nima_str scalar;         /* SCALAR: its text */
    bool quoted;             /* SCALAR: was quoted or a block text, so it is no number or boolean */
    nima_str key;            /* of an entry of a MAP */
    struct nima_yaml *first; /* entries or items, in order */
    struct nima_yaml *next;
    size_t count;
};

/* `name` stands for the file in messages. An empty document gives a MAP without entries. */
NIMA_MUST_USE nima_rc nima_yaml_parse(struct nima_ctx *ctx, const char *name, nima_str text,
                                      const struct nima_yaml **out);
NIMA_MUST_USE nima_rc nima_yaml_load(struct nima_ctx *ctx, const char *path,
                                     const struct nima_yaml **out);
const struct nima_yaml *nima_yaml_get(const struct nima_yaml *map, const char *key); /* or NULL */
nima_str nima_yaml_str(const struct nima_yaml *node); /* absent when NULL or no scalar */
bool nima_yaml_is_null(const struct nima_yaml *node); /* NULL, empty, null or ~ */
bool nima_yaml_bool(const struct nima_yaml *node, bool *out);
bool nima_yaml_int(const struct nima_yaml *node, int64_t *out);
bool nima_yaml_num(const struct nima_yaml *node, double *out);
