#include "util/yaml.h"

#include <yaml.h>

#include "util/file.h"

enum { DEPTH_MAX = 32, NODES_MAX = 2000000, SEEN_LEAST = 16 };
#define FILE_BYTES_MAX ((size_t)64 << 20)

struct loader {
    struct nima_ctx *ctx;
    const char *name;
    nima_str text;
    yaml_parser_t parser;
    int depth;
    int nodes;
};

static nima_rc wrong(struct loader *loader, yaml_mark_t mark, const char *what)
{
    return nima_fail(loader->ctx, NIMA_E_INVALID, "%s:%zu:%zu: %s", loader->name, mark.line + 1,
                     mark.column + 1, what);
}

/* The reader of bytes knows only an offset. */
static yaml_mark_t mark_at(nima_str text, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        bool line_end = text.ptr[i] == '\n';
        mark.line += line_end;
        mark.column = line_end ? 0 : mark.column + 1;
    }
    return mark;
}

static nima_rc next_event(struct loader *loader, yaml_event_t *event)
{
    yaml_parser_t *parser = &loader->parser;
    if (yaml_parser_parse(parser, event)) {
        return NIMA_OK;
    }
    yaml_mark_t mark = parser->error == YAML_READER_ERROR
                           ? mark_at(loader->text, parser->problem_offset)
                           : parser->problem_mark;
    return wrong(loader, mark, parser->problem != NULL ? parser->problem : "this is no YAML");
}

static nima_rc check_plain(struct loader *loader, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return wrong(loader, event->start_mark, "aliases are not allowed");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    default:
        return NIMA_OK;
    }
    if (anchor != NULL || tag != NULL) {
        return wrong(loader, event->start_mark, "anchors and tags are not allowed");
    }
    return NIMA_OK;
}

static struct nima_yaml *node_of(struct loader *loader, const yaml_event_t *event)
{
    struct nima_yaml *node = NIMA_NEW(loader->ctx->arena, struct nima_yaml, 1);
    node->line = (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    return node;
}

/* The keys of a map so far, in an open table: a long map must not be compared key by key. */
struct seen {
    nima_str *slots; /* a power of two of them */
    size_t room, count;
};

static void put_key(const struct seen *seen, nima_str key)
{
    size_t at = nima_str_hash(key) & (seen->room - 1);
    while (seen->slots[at].ptr != NULL) {
        at = (at + 1) & (seen->room - 1);
    }
    seen->slots[at] = key;
}

static void grow_seen(struct loader *loader, struct seen *seen)
{
    struct seen grown = {.room = seen->room > 0 ? 2 * seen->room : SEEN_LEAST,
                         .count = seen->count};
    grown.slots = NIMA_NEW(loader->ctx->arena, nima_str, grown.room);
    for (size_t i = 0; i < seen->room; i++) {
        if (seen->slots[i].ptr != NULL) {
            put_key(&grown, seen->slots[i]);
        }
    }
    *seen = grown;
}

/* False when the key was there already. */
static bool add_key(struct loader *loader, struct seen *seen, nima_str key)
{
    if (2 * (seen->count + 1) > seen->room) {
        grow_seen(loader, seen);
    }
    size_t mask = seen->room - 1;
    for (size_t at = nima_str_hash(key) & mask; seen->slots[at].ptr != NULL; at = (at + 1) & mask) {
        if (nima_str_eq(seen->slots[at], key)) {
            return false;
        }
    }
    put_key(seen, key);
    seen->count++;
    return true;
}

static nima_rc load_node(struct loader *loader, yaml_event_t *event, struct nima_yaml **out);

/* One key, then its value; *out is NULL when the map is over instead. */
static nima_rc load_entry(struct loader *loader, struct seen *seen, struct nima_yaml **out)
{
    yaml_event_t event;
    NIMA_TRY(next_event(loader, &event));
    if (event.type == YAML_MAPPING_END_EVENT) {
        yaml_event_delete(&event);
        *out = NULL;
        return NIMA_OK;
    }
    struct nima_yaml *key;
    yaml_mark_t mark = event.start_mark;
    NIMA_TRY(load_node(loader, &event, &key));
    if (key->kind != NIMA_YAML_SCALAR) {
        return wrong(loader, mark, "a key must be a plain text");
    }
    if (!add_key(loader, seen, key->scalar)) {
        return wrong(loader, mark, "this key stands twice");
    }
    struct nima_yaml *value;
    NIMA_TRY(next_event(loader, &event));
    NIMA_TRY(load_node(loader, &event, &value));
    value->key = key->scalar;
    value->line = key->line;
    value->column = key->column;
    *out = value;
    return NIMA_OK;
}

static nima_rc load_item(struct loader *loader, struct nima_yaml **out)
{
    yaml_event_t event;
    NIMA_TRY(next_event(loader, &event));
    if (event.type == YAML_SEQUENCE_END_EVENT) {
        yaml_event_delete(&event);
        *out = NULL;
        return NIMA_OK;
    }
    return load_node(loader, &event, out);
}

static nima_rc load_children(struct loader *loader, yaml_mark_t mark, struct nima_yaml *parent)
{
    if (++loader->depth > DEPTH_MAX) {
        return wrong(loader, mark, "this is nested too deep");
    }
    struct nima_yaml **tail = &parent->first;
    struct seen seen = {0};
    for (;;) {
        struct nima_yaml *child;
        if (parent->kind == NIMA_YAML_MAP) {
            NIMA_TRY(load_entry(loader, &seen, &child));
        } else {
            NIMA_TRY(load_item(loader, &child));
        }
        if (child == NULL) {
            break;
        }
        *tail = child;
        tail = &child->next;
        parent->count++;
    }
    loader->depth--;
    return NIMA_OK;
}

/* Takes the event over and deletes it. */
static nima_rc load_node(struct loader *loader, yaml_event_t *event, struct nima_yaml **out)
{
    nima_rc rc = check_plain(loader, event);
    yaml_mark_t mark = event->start_mark;
    struct nima_yaml *node = node_of(loader, event);
    if (rc == NIMA_OK && ++loader->nodes > NODES_MAX) {
        rc = wrong(loader, mark, "this file has too many entries");
    }
    yaml_event_type_t type = event->type;
    if (rc == NIMA_OK && type == YAML_SCALAR_EVENT) {
        nima_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
        node->scalar = nima_str_copy(loader->ctx->arena, text);
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        if (!nima_utf8_valid(text)) {
            rc = wrong(loader, mark, "this text holds a NUL or invalid UTF-8");
        }
    }
    yaml_event_delete(event);
    NIMA_TRY(rc);
    if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) {
        node->kind = type == YAML_MAPPING_START_EVENT ? NIMA_YAML_MAP : NIMA_YAML_LIST;
        NIMA_TRY(load_children(loader, mark, node));
    }
    *out = node;
    return NIMA_OK;
}

/* Skips the stream and document marks; *more is false at the end of the stream. */
static nima_rc next_document(struct loader *loader, yaml_event_t *event, bool *more)
{
    for (;;) {
        NIMA_TRY(next_event(loader, event));
        *more = event->type != YAML_STREAM_END_EVENT;
        bool mark = event->type == YAML_STREAM_START_EVENT ||
                    event->type == YAML_DOCUMENT_START_EVENT ||
                    event->type == YAML_DOCUMENT_END_EVENT;
        if (!mark) {
            return NIMA_OK;
        }
        yaml_event_delete(event);
    }
}

static nima_rc load_document(struct loader *loader, const struct nima_yaml **out)
{
    yaml_event_t event;
    bool more;
    NIMA_TRY(next_document(loader, &event, &more));
    struct nima_yaml *root = NIMA_NEW(loader->ctx->arena, struct nima_yaml, 1);
    root->kind = NIMA_YAML_MAP;
    root->line = root->column = 1;
    if (more) {
        NIMA_TRY(load_node(loader, &event, &root));
        NIMA_TRY(next_document(loader, &event, &more));
    }
    yaml_mark_t mark = event.start_mark;
    yaml_event_delete(&event);
    if (more) {
        return wrong(loader, mark, "a second document is not allowed");
    }
    *out = root;
    return NIMA_OK;
}

nima_rc nima_yaml_parse(struct nima_ctx *ctx, const char *name, nima_str text,
                        const struct nima_yaml **out)
{
    struct loader loader = {.ctx = ctx, .name = name, .text = text};
    if (!yaml_parser_initialize(&loader.parser)) {
        return nima_fail(ctx, NIMA_E_INTERNAL, "the YAML reader could not start");
    }
    yaml_parser_set_input_string(&loader.parser, (const unsigned char *)text.ptr, text.len);
    yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
    nima_rc rc = load_document(&loader, out);
    yaml_parser_delete(&loader.parser);
    return rc;
}

nima_rc nima_yaml_load(struct nima_ctx *ctx, const char *path, const struct nima_yaml **out)
{
    nima_str text;
    NIMA_TRY(nima_file_read(ctx, path, FILE_BYTES_MAX, &text));
    return nima_yaml_parse(ctx, path, text, out);
}

const struct nima_yaml *nima_yaml_get(const struct nima_yaml *map, const char *key)
{
    if (map == NULL || map->kind != NIMA_YAML_MAP) {
        return NULL;
    }
    for (const struct nima_yaml *e = map->first; e != NULL; e = e->next) {
        if (nima_str_eq(e->key, nima_str_of(key))) {
            return e;
        }
    }
    return NULL;
}

nima_str nima_yaml_str(const struct nima_yaml *node)
{
    if (node == NULL || node->kind != NIMA_YAML_SCALAR) {
        return (nima_str){NULL, 0};
    }
    return node->scalar;
}

bool nima_yaml_is_null(const struct nima_yaml *node)
{
    if (node == NULL) {
        return true;
    }
    return node->kind == NIMA_YAML_SCALAR && !node->quoted &&
           (node->scalar.len == 0 || nima_str_eq(node->scalar, NIMA_STR("null")) ||
            nima_str_eq(node->scalar, NIMA_STR("~")));
}

bool nima_yaml_bool(const struct nima_yaml *node, bool *out)
{
    nima_str text = nima_yaml_str(node);
    bool yes = nima_str_eq(text, NIMA_STR("true"));
    if (node == NULL || node->quoted || (!yes && !nima_str_eq(text, NIMA_STR("false")))) {
        return false;
    }
    *out = yes;
    return true;
}

bool nima_yaml_int(const struct nima_yaml *node, int64_t *out)
{
    return node != NULL && !node->quoted && nima_str_to_i64(nima_yaml_str(node), out);
}

bool nima_yaml_num(const struct nima_yaml *node, double *out)
{
    return node != NULL && !node->quoted && nima_str_to_f64(nima_yaml_str(node), out);
}
