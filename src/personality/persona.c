/*
 * A persona file to a struct, by a table of its keys. Whatever does not fit is told with file,
 * line, column and key.
 */
#include "personality/personality_int.h"

#include "util/buf.h"
#include "util/yaml.h"

enum kind { TEXT, TEXTS, VALUES, EXAMPLES };

static const struct key {
    const char *name;
    enum kind kind;
    size_t offset;
} keys[] = {
    {"name", TEXT, offsetof(struct nima_persona, name)},
    {"voice", TEXT, offsetof(struct nima_persona, voice)},
    {"tone", TEXT, offsetof(struct nima_persona, tone)},
    {"style", TEXTS, offsetof(struct nima_persona, style)},
    {"values", VALUES, offsetof(struct nima_persona, values)},
    {"rules", TEXTS, offsetof(struct nima_persona, rules)},
    {"forbidden", TEXTS, offsetof(struct nima_persona, forbidden)},
    {"format", TEXTS, offsetof(struct nima_persona, format)},
    {"memory", TEXTS, offsetof(struct nima_persona, memory)},
    {"examples", EXAMPLES, offsetof(struct nima_persona, examples)},
    {"system_prompt", TEXT, offsetof(struct nima_persona, system_prompt)},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

/* Where we are, for messages. */
struct reader {
    struct nima_ctx *ctx;
    const char *file;
};

static nima_rc wrong(const struct reader *r, const struct nima_yaml *node, const char *key,
                     const char *what)
{
    return nima_fail(r->ctx, NIMA_E_INVALID, "%s:%d:%d: %s %s", r->file, node->line, node->column,
                     key, what);
}

static nima_rc read_text(const struct reader *r, const struct nima_yaml *node, const char *key,
                         nima_str *out)
{
    if (node->kind != NIMA_YAML_SCALAR) {
        return wrong(r, node, key, "must be a text");
    }
    nima_str text = nima_str_trim(node->scalar);
    if (text.len == 0 || nima_utf8_blank(text)) {
        return wrong(r, node, key, "is empty");
    }
    if (nima_utf8_count(text) > NIMA_PERSONA_TEXT_CHARS_MAX) {
        return wrong(r, node, key,
                     nima_fmt(r->ctx, "is over %d characters", NIMA_PERSONA_TEXT_CHARS_MAX).ptr);
    }
    *out = text;
    return NIMA_OK;
}

static nima_rc check_list(const struct reader *r, const struct nima_yaml *node, const char *key,
                          size_t items_max)
{
    if (node->kind != NIMA_YAML_LIST) {
        return wrong(r, node, key, "must be a list");
    }
    if (node->count > items_max) {
        return wrong(r, node, key, nima_fmt(r->ctx, "has over %zu entries", items_max).ptr);
    }
    return NIMA_OK;
}

static nima_rc read_texts(const struct reader *r, const struct nima_yaml *node, const char *key,
                          struct nima_texts *out)
{
    NIMA_TRY(check_list(r, node, key, NIMA_PERSONA_ITEMS_MAX));
    out->items = NIMA_NEW(r->ctx->arena, nima_str, node->count);
    for (const struct nima_yaml *item = node->first; item != NULL; item = item->next) {
        const char *name = nima_fmt(r->ctx, "%s[%zu]", key, out->count).ptr;
        NIMA_TRY(read_text(r, item, name, &out->items[out->count]));
        out->count++;
    }
    return NIMA_OK;
}

/* A map of exactly these texts; `second` may be missing where it is optional. */
static nima_rc read_pair(const struct reader *r, const struct nima_yaml *node, const char *key,
                         const char *const names[2], bool second_optional, nima_str out[2])
{
    if (node->kind != NIMA_YAML_MAP) {
        return wrong(r, node, key,
                     nima_fmt(r->ctx, "must have the keys %s and %s", names[0], names[1]).ptr);
    }
    for (const struct nima_yaml *entry = node->first; entry != NULL; entry = entry->next) {
        size_t at = nima_str_eq(entry->key, nima_str_of(names[0])) ? 0 : 1;
        const char *full = nima_fmt(r->ctx, "%s.%s", key, names[at]).ptr;
        if (!nima_str_eq(entry->key, nima_str_of(names[at]))) {
            return wrong(
                r, entry, key,
                nima_fmt(r->ctx, "may have the keys %s and %s only", names[0], names[1]).ptr);
        }
        NIMA_TRY(read_text(r, entry, full, &out[at]));
    }
    bool whole = out[0].ptr != NULL && (second_optional || out[1].ptr != NULL);
    return whole ? NIMA_OK
                 : wrong(r, node, key,
                         nima_fmt(r->ctx, "lacks %s", names[out[0].ptr == NULL ? 0 : 1]).ptr);
}

/* A value is a word, or a word with what it means. */
static nima_rc read_values(const struct reader *r, const struct nima_yaml *node, const char *key,
                           struct nima_persona *out)
{
    static const char *const names[2] = {"name", "description"};
    NIMA_TRY(check_list(r, node, key, NIMA_PERSONA_ITEMS_MAX));
    out->values.items = NIMA_NEW(r->ctx->arena, struct nima_persona_value, node->count);
    for (const struct nima_yaml *item = node->first; item != NULL; item = item->next) {
        const char *name = nima_fmt(r->ctx, "%s[%zu]", key, out->values.count).ptr;
        nima_str pair[2] = {{NULL, 0}, {NULL, 0}};
        if (item->kind == NIMA_YAML_SCALAR) {
            NIMA_TRY(read_text(r, item, name, &pair[0]));
        } else {
            NIMA_TRY(read_pair(r, item, name, names, true, pair));
        }
        out->values.items[out->values.count++] = (struct nima_persona_value){pair[0], pair[1]};
    }
    return NIMA_OK;
}

static nima_rc read_examples(const struct reader *r, const struct nima_yaml *node, const char *key,
                             struct nima_persona *out)
{
    static const char *const names[2] = {"user", "reply"};
    NIMA_TRY(check_list(r, node, key, NIMA_PERSONA_EXAMPLES_MAX));
    out->examples.items = NIMA_NEW(r->ctx->arena, struct nima_persona_example, node->count);
    for (const struct nima_yaml *item = node->first; item != NULL; item = item->next) {
        const char *name = nima_fmt(r->ctx, "%s[%zu]", key, out->examples.count).ptr;
        nima_str pair[2] = {{NULL, 0}, {NULL, 0}};
        NIMA_TRY(read_pair(r, item, name, names, false, pair));
        out->examples.items[out->examples.count++] =
            (struct nima_persona_example){pair[0], pair[1]};
    }
    return NIMA_OK;
}

static nima_rc read_prompt(const struct reader *r, const struct nima_yaml *node, nima_str *out)
{
    nima_str text = nima_str_trim(nima_yaml_str(node));
    if (text.len == 0 || nima_utf8_blank(text)) {
        return wrong(r, node, "personality.system_prompt", "is missing or empty");
    }
    if (text.len > NIMA_PERSONA_PROMPT_BYTES_MAX) {
        return wrong(
            r, node, "personality.system_prompt",
            nima_fmt(r->ctx, "is over %d bytes; make it shorter", NIMA_PERSONA_PROMPT_BYTES_MAX)
                .ptr);
    }
    *out = text;
    return NIMA_OK;
}

static nima_rc read_key(const struct reader *r, const struct key *key, const struct nima_yaml *node,
                        struct nima_persona *out)
{
    const char *full = nima_fmt(r->ctx, "personality.%s", key->name).ptr;
    void *member = (char *)out + key->offset;
    switch (key->kind) {
    case TEXTS:
        return read_texts(r, node, full, member);
    case VALUES:
        return read_values(r, node, full, out);
    case EXAMPLES:
        return read_examples(r, node, full, out);
    default:
        return member == &out->system_prompt ? read_prompt(r, node, member)
                                             : read_text(r, node, full, member);
    }
}

static nima_rc unknown_key(const struct reader *r, const struct nima_yaml *node)
{
    struct nima_buf known;
    nima_buf_init(&known, NIMA_ERROR_CHARS_MAX);
    for (size_t i = 0; i < KEYS; i++) {
        nima_buf_fmt(&known, "%s%s", i > 0 ? ", " : "", keys[i].name);
    }
    nima_rc rc = nima_fail(
        r->ctx, NIMA_E_INVALID,
        "%s:%d:%d: personality." NIMA_FMT " is no key of a persona; there are: " NIMA_FMT, r->file,
        node->line, node->column, NIMA_ARG(nima_utf8_prefix(node->key, NIMA_PERSONA_NAME_MAX)),
        NIMA_ARG(nima_buf_view(&known)));
    nima_buf_done(&known);
    return rc;
}

static nima_rc read_persona(const struct reader *r, const struct nima_yaml *map,
                            struct nima_persona *out)
{
    for (const struct nima_yaml *entry = map->first; entry != NULL; entry = entry->next) {
        size_t at = 0;
        while (at < KEYS && !nima_str_eq(entry->key, nima_str_of(keys[at].name))) {
            at++;
        }
        if (at == KEYS) {
            return unknown_key(r, entry);
        }
        bool prompt = keys[at].kind == TEXT &&
                      keys[at].offset == offsetof(struct nima_persona, system_prompt);
        if (prompt || !nima_yaml_is_null(entry)) {
            NIMA_TRY(read_key(r, &keys[at], entry, out));
        }
    }
    if (out->system_prompt.ptr == NULL) {
        return wrong(r, map, "personality.system_prompt", "is missing or empty");
    }
    return NIMA_OK;
}

nima_rc nima_persona_parse(struct nima_ctx *ctx, const char *file, nima_str text,
                           struct nima_persona *out)
{
    struct reader r = {ctx, file};
    const struct nima_yaml *root;
    NIMA_TRY(nima_yaml_parse(ctx, file, text, &root));
    const struct nima_yaml *map = nima_yaml_get(root, "personality");
    if (map == NULL || map->kind != NIMA_YAML_MAP) {
        return wrong(&r, root, "the key personality", "with the persona below it is missing");
    }
    if (root->count > 1) {
        const struct nima_yaml *other = root->first != map ? root->first : map->next;
        return wrong(&r, other, "the key personality", "must be the only one");
    }
    struct nima_persona persona = {.file = nima_str_of(file)};
    NIMA_TRY(read_persona(&r, map, &persona));
    *out = persona;
    return NIMA_OK;
}
