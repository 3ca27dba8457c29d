/*
 * Manifests, as YAML or JSON, become JSON of ours before anything is decided on: what the rules
 * were asked about is then what is sent, and no second parser can see another thing in it.
 */
#include <string.h>

#include "tasks/k8s/k8s_int.h"
#include "util/yaml.h"

static nima_rc bad(struct nima_ctx *ctx, const char *what)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "params.manifest", "%s", what);
}

/* YAML */

/* 0644 is how modes are written, and means what it means in C. */
static bool octal(nima_str text, int64_t *out)
{
    int64_t value = 0;
    if (text.len < 2 || text.len > 12 || text.ptr[0] != '0') {
        return false;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7') {
            return false;
        }
        value = value * 8 + (text.ptr[i] - '0');
    }
    *out = value;
    return true;
}

static void write_scalar(struct nima_buf *buf, const struct nima_yaml *node)
{
    bool truth;
    int64_t whole;
    double number;
    if (!node->quoted && nima_yaml_is_null(node)) {
        nima_buf_add(buf, NIMA_STR("null"));
    } else if (!node->quoted && nima_yaml_bool(node, &truth)) {
        nima_buf_add(buf, truth ? NIMA_STR("true") : NIMA_STR("false"));
    } else if (!node->quoted && (octal(node->scalar, &whole) || nima_yaml_int(node, &whole))) {
        nima_buf_fmt(buf, "%lld", (long long)whole);
    } else if (!node->quoted && nima_yaml_num(node, &number)) {
        nima_json_write_num(buf, number);
    } else {
        nima_json_write_str(buf, node->scalar);
    }
}

/* Recursion is bounded: nima_yaml_parse refuses what is nested too deep. */
static void write_yaml(struct nima_buf *buf, const struct nima_yaml *node)
{
    if (node->kind == NIMA_YAML_SCALAR) {
        write_scalar(buf, node);
        return;
    }
    bool map = node->kind == NIMA_YAML_MAP;
    nima_buf_add_char(buf, map ? '{' : '[');
    for (const struct nima_yaml *item = node->first; item != NULL; item = item->next) {
        nima_buf_add(buf, item == node->first ? NIMA_STR("") : NIMA_STR(","));
        if (map) {
            nima_json_write_str(buf, item->key);
            nima_buf_add_char(buf, ':');
        }
        write_yaml(buf, item);
    }
    nima_buf_add_char(buf, map ? '}' : ']');
}

static nima_rc yaml_to_json(struct nima_ctx *ctx, nima_str text, nima_str *out)
{
    const struct nima_yaml *root;
    struct nima_buf buf;
    NIMA_TRY(nima_yaml_parse(ctx, "manifest", text, &root));
    nima_buf_init(&buf, NIMA_K8S_OBJECT_BYTES_MAX);
    write_yaml(&buf, root);
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

/* Objects */

static nima_rc add_object(struct nima_ctx *ctx, const struct nima_json *object, nima_str namespace,
                          struct nima_k8s_objects *out)
{
    struct nima_k8s_object *item = &out->items[out->count];
    nima_str lives = nima_k8s_text(object, "metadata", "namespace");
    if (out->count >= NIMA_K8S_OBJECTS_MAX) {
        return bad(ctx, "a manifest holds at most 16 objects");
    }
    if (nima_json_kind(object) != NIMA_JSON_OBJECT) {
        return bad(ctx, "a manifest holds objects");
    }
    NIMA_TRY(nima_k8s_kind_in(ctx, object, &item->kind));
    item->name = nima_k8s_text(object, "metadata", "name");
    if (item->name.ptr == NULL) {
        return bad(ctx, "an object needs \"metadata\" with its \"name\"");
    }
    NIMA_TRY(nima_k8s_check_name(ctx, "params.manifest", item->name));
    if (!item->kind.namespaced) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "params.manifest",
                               "a " NIMA_FMT " is not in a namespace, and is out of reach here",
                               NIMA_ARG(item->kind.name));
    }
    if (lives.ptr != NULL && !nima_str_eq(lives, namespace)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.manifest",
                               NIMA_FMT " " NIMA_FMT
                                        " says another namespace than params.namespace",
                               NIMA_ARG(item->kind.name), NIMA_ARG(item->name));
    }
    item->text = nima_json_text(ctx, object);
    out->count++;
    return NIMA_OK;
}

static nima_rc add_json(struct nima_ctx *ctx, const struct nima_json *tree, nima_str namespace,
                        struct nima_k8s_objects *out)
{
    if (nima_json_kind(tree) != NIMA_JSON_ARRAY) {
        return add_object(ctx, tree, namespace, out);
    }
    for (size_t i = 0; i < nima_json_count(tree); i++) {
        NIMA_TRY(add_object(ctx, nima_json_at(tree, i, NULL), namespace, out));
    }
    return NIMA_OK;
}

/* Documents are divided by a line of three dashes. */
static bool next_document(nima_str *rest, nima_str *out)
{
    if (rest->ptr == NULL) {
        return false;
    }
    nima_str text = *rest;
    for (size_t at = 0; at < text.len;) {
        size_t end = nima_str_find(text, NIMA_STR("\n"), at);
        end = end == SIZE_MAX ? text.len : end;
        nima_str line = nima_str_sub(text, at, end);
        if (nima_str_starts(line, NIMA_STR("---")) &&
            nima_str_trim(nima_str_sub(line, 3, line.len)).len == 0) {
            *out = nima_str_sub(text, 0, at);
            *rest = end < text.len ? nima_str_sub(text, end + 1, text.len) : (nima_str){0};
            return true;
        }
        at = end + 1;
    }
    *out = text;
    *rest = (nima_str){0};
    return true;
}

static nima_rc add_text(struct nima_ctx *ctx, nima_str text, nima_str namespace,
                        struct nima_k8s_objects *out)
{
    const struct nima_json *tree;
    nima_str document, json;
    if (nima_str_starts(nima_str_trim(text), NIMA_STR("{"))) {
        NIMA_TRY(nima_json_parse(ctx, text, &tree));
        return add_json(ctx, tree, namespace, out);
    }
    while (next_document(&text, &document)) {
        NIMA_TRY(yaml_to_json(ctx, document, &json));
        NIMA_TRY(nima_json_parse(ctx, json, &tree));
        if (nima_json_count(tree) > 0) { /* an empty one, or comments only */
            NIMA_TRY(add_json(ctx, tree, namespace, out));
        }
    }
    return NIMA_OK;
}

nima_rc nima_k8s_manifest(struct nima_ctx *ctx, nima_str manifest, nima_str namespace,
                          struct nima_k8s_objects *out)
{
    const struct nima_json *tree;
    *out = (struct nima_k8s_objects){0};
    NIMA_TRY(nima_json_parse(ctx, manifest, &tree));
    nima_str text = nima_json_str(tree);
    nima_rc rc = text.ptr != NULL ? add_text(ctx, text, namespace, out)
                                  : add_json(ctx, tree, namespace, out);
    if (rc == NIMA_E_MALFORMED || rc == NIMA_E_INVALID) {
        const char *why = nima_fmt(ctx, "%s", ctx->error.message).ptr;
        return bad(ctx, why);
    }
    NIMA_TRY(rc);
    return out->count > 0 ? NIMA_OK : bad(ctx, "the manifest is empty");
}
