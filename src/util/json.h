#pragma once
/*
 * json: JSON text to structs and back, by tables of fields. One table parses, validates, writes
 * and documents a body. For the few places that must walk unknown JSON there is a read-only tree.
 *
 * A struct described by a table holds, for each kind:
 *   STR, UUID, TIME_TEXT, JSON, ANY   nima_str (ptr NULL: absent; JSON and ANY hold raw JSON text)
 *   INT int64_t    NUM double    BOOL bool    TIME int64_t (ms since 1970; on the wire RFC 3339)
 *   OBJECT         a pointer to the nested struct, NULL: absent
 *   LIST           {T *items; size_t count;} of the nested shape, layout of struct nima_list
 *   STR_LIST       {nima_str *items; size_t count;}
 * `has` may name a bool member that tells whether INT, NUM, BOOL, TIME or a LIST was given (in)
 * or is to be written (out).
 *
 * Ownership  Results live in ctx->arena; strings are copies.
 * Errors     MALFORMED for text that is no JSON (depth over 64, duplicate keys and invalid UTF-8
 *            included), INVALID with the field's path for JSON that does not fit the table.
 */
#include "util/buf.h"
#include "util/ctx.h"

enum nima_field_kind {
    NIMA_KIND_STR,
    NIMA_KIND_UUID,
    NIMA_KIND_TIME,
    NIMA_KIND_INT,
    NIMA_KIND_NUM,
    NIMA_KIND_BOOL,
    NIMA_KIND_JSON, /* any object, as raw text */
    NIMA_KIND_ANY,  /* any value, as raw text */
    NIMA_KIND_OBJECT,
    NIMA_KIND_LIST,
    NIMA_KIND_STR_LIST,
};

enum nima_field_place { NIMA_IN_BODY, NIMA_IN_QUERY, NIMA_IN_PATH };

struct nima_shape;

struct nima_field {
    const char *name;
    enum nima_field_kind kind;
    enum nima_field_place place;
    size_t offset;
    size_t has; /* NIMA_HAS(struct, member); 0: none */
    bool required;
    bool nullable;     /* out: an absent value is written as null instead of left out; in: null sets
                          `has`, so that it can clear what is there (else it is taken as absent) */
    bool blank_ok;     /* STR: blanks only are taken (default: refused when required) */
    int64_t min, max;  /* INT: bounds when max > min; STR: characters; LIST: items */
    double low, high;  /* NUM: bounds when high > low */
    int64_t preset;    /* INT, BOOL, TIME when not given */
    double preset_num; /* NUM when not given */
    const char *preset_str;         /* STR when not given */
    const char *const *choices;     /* STR: NULL-terminated list of allowed values */
    const struct nima_shape *shape; /* OBJECT, LIST */
    const char *schema; /* ANY, JSON: JSON Schema text for the document, instead of {} */
    const char *doc;    /* one sentence for the reference */
};

struct nima_shape {
    const char *name; /* "Fact": the schema's name in the OpenAPI document */
    const struct nima_field *fields;
    size_t count;
    size_t size; /* bytes of the struct */
    bool open;   /* unknown fields are ignored instead of refused */
    const char *doc;
};

struct nima_list {
    void *items;
    size_t count;
};

#define NIMA_HAS(type, member) (offsetof(type, member) + 1)
#define NIMA_FIELD(kind_, type, member, ...)                                                       \
    {                                                                                              \
        .name = #member, .kind = NIMA_KIND_##kind_, .offset = offsetof(type, member), __VA_ARGS__  \
    }
/* The same under another name on the wire: NIMA_FIELD_AS(STR, "id", struct hit, fact.id). */
#define NIMA_FIELD_AS(kind_, name_, type, member, ...)                                             \
    {                                                                                              \
        .name = name_, .kind = NIMA_KIND_##kind_, .offset = offsetof(type, member), __VA_ARGS__    \
    }
#define NIMA_SHAPE(name_, type, table, ...)                                                        \
    {                                                                                              \
        .name = name_, .fields = (table), .count = sizeof(table) / sizeof((table)[0]),             \
        .size = sizeof(type), __VA_ARGS__                                                          \
    }

/* Text to struct. Only fields placed in the body are read; presets fill what is not given. */
NIMA_MUST_USE nima_rc nima_json_decode(struct nima_ctx *ctx, const struct nima_shape *shape,
                                       nima_str text, void *out);
/* A body that is a bare array of the shape. */
NIMA_MUST_USE nima_rc nima_json_decode_list(struct nima_ctx *ctx, const struct nima_shape *shape,
                                            nima_str text, size_t max_items, struct nima_list *out);
/* Sets every field of the shape to its preset or to absent. */
void nima_json_preset(const struct nima_shape *shape, void *out);
/* Sets one field from plain text, as in a query string or a path. */
NIMA_MUST_USE nima_rc nima_json_set_text(struct nima_ctx *ctx, const struct nima_shape *shape,
                                         enum nima_field_place place, nima_str name, nima_str text,
                                         void *out);
/* INVALID when a required field of that place is absent. */
NIMA_MUST_USE nima_rc nima_json_check_required(struct nima_ctx *ctx, const struct nima_shape *shape,
                                               enum nima_field_place place, const void *in);

/* Struct to text. */
void nima_json_encode(struct nima_buf *buf, const struct nima_shape *shape, const void *in);
/* The same into ctx->arena; TOO_LARGE over `max` bytes. */
NIMA_MUST_USE nima_rc nima_json_encode_text(struct nima_ctx *ctx, const struct nima_shape *shape,
                                            const void *in, size_t max, nima_str *out);
void nima_json_encode_list(struct nima_buf *buf, const struct nima_shape *shape,
                           const struct nima_list *list);
void nima_json_write_str(struct nima_buf *buf, nima_str s);   /* quoted, escaped, always UTF-8 */
void nima_json_write_num(struct nima_buf *buf, double value); /* shortest that reads back */

/* Read-only tree, for JSON whose shape is not ours. Nodes live in ctx->arena. */
struct nima_json;
enum nima_json_kind {
    NIMA_JSON_NULL,
    NIMA_JSON_BOOL,
    NIMA_JSON_NUM,
    NIMA_JSON_STR,
    NIMA_JSON_ARRAY,
    NIMA_JSON_OBJECT
};
NIMA_MUST_USE nima_rc nima_json_parse(struct nima_ctx *ctx, nima_str text,
                                      const struct nima_json **out);
enum nima_json_kind nima_json_kind(const struct nima_json *node); /* NULL counts as null */
const struct nima_json *nima_json_get(const struct nima_json *object,
                                      const char *key); /* or NULL */
size_t nima_json_count(const struct nima_json *node);   /* of an array or object, else 0 */
/* The i-th item of an array or value of an object; *key_out (may be NULL) is set for an object. */
const struct nima_json *nima_json_at(const struct nima_json *node, size_t i, nima_str *key_out);
nima_str nima_json_str(const struct nima_json *node); /* absent when it is no string */
/* False when it is no whole number that fits (1.0 counts as whole). */
bool nima_json_int(const struct nima_json *node, int64_t *out);
double nima_json_num(const struct nima_json *node, double otherwise);
bool nima_json_bool(const struct nima_json *node, bool otherwise);
/* Walks an array in order, where nima_json_at would count from the start each time: `last` NULL
 * gives the first item; NULL at the end. `index` is kept by the walk, from 0. */
const struct nima_json *nima_json_next(const struct nima_json *array, const struct nima_json *last,
                                       size_t *index);
/* Walks an object in the same way: the value, and its key in *key_out. */
const struct nima_json *nima_json_next_member(const struct nima_json *object,
                                              const struct nima_json *last, size_t *index,
                                              nima_str *key_out);
/* The node as JSON text with the keys of each object in the order of their bytes, and numbers that
 * mean the same written the same: two texts of one meaning become one. */
nima_str nima_json_ordered(struct nima_ctx *ctx, const struct nima_json *node);
/* The node as compact JSON text in ctx->arena. */
nima_str nima_json_text(struct nima_ctx *ctx, const struct nima_json *node);
