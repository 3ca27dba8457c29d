#pragma once
/* openapi_int: what writes the OpenAPI document: an indenting JSON writer, and schemas of shapes.
 */
#include "http/http.h"

enum { DOC_DEPTH_MAX = 40, DOC_SHAPES_MAX = 300 };

struct doc_shape {
    const struct nima_shape *shape;
    bool in, out; /* where it is used; in both, the two differ and have two names */
};

struct doc {
    struct nima_buf *buf;
    int depth;
    bool filled[DOC_DEPTH_MAX]; /* something stands at this depth already */
    struct doc_shape shapes[DOC_SHAPES_MAX];
    size_t shape_count;
};

/* `key` is NULL in arrays. */
void nima_doc_open(struct doc *doc, const char *key, char bracket);
void nima_doc_close(struct doc *doc, char bracket);
void nima_doc_str(struct doc *doc, const char *key, const char *text);
void nima_doc_int(struct doc *doc, const char *key, int64_t value);
void nima_doc_num(struct doc *doc, const char *key, double value);
void nima_doc_raw(struct doc *doc, const char *key, const char *json);

/* Notes the shape and those in it. */
void nima_doc_shape_use(struct doc *doc, const struct nima_shape *shape, bool in);
void nima_doc_shape_ref(struct doc *doc, const char *key, const struct nima_shape *shape, bool in);
/* components.schemas of all shapes noted. */
void nima_doc_shapes_write(struct doc *doc);
/* The members of one field's schema, into an object that is open. */
void nima_doc_field_schema(struct doc *doc, const struct nima_field *field, bool in);
bool nima_doc_has_body_field(const struct nima_shape *shape);
