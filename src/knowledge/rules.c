/* rules.yaml, and the words of all rules as stems. */
#include <stdlib.h>
#include <string.h>

#include "knowledge/knowledge_int.h"
#include "util/yaml.h"

enum { PHRASES_MAX = 500, PHRASE_CHARS_MAX = 80, LINES_MAX = 16, LINE_CHARS_MAX = 300 };

static nima_rc wrong(struct nima_ctx *ctx, const char *name, const struct nima_yaml *node,
                     const char *what)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "rules", "%s:%d:%d: " NIMA_FMT " %s", name,
                           node->line, node->column, NIMA_ARG(node->key), what);
}

static nima_rc read_list(struct nima_ctx *ctx, const char *name, const struct nima_yaml *node,
                         size_t max, struct nima_pack_texts *out)
{
    if (nima_yaml_is_null(node)) {
        return NIMA_OK;
    }
    if (node->kind != NIMA_YAML_LIST) {
        return wrong(ctx, name, node, "must be a list of texts");
    }
    if (node->count > max) {
        return wrong(ctx, name, node, nima_fmt(ctx, "must have at most %zu entries", max).ptr);
    }
    struct nima_pack_texts texts = {NIMA_NEW(ctx->arena, nima_str, node->count), 0};
    for (const struct nima_yaml *item = node->first; item != NULL; item = item->next) {
        if (item->kind != NIMA_YAML_SCALAR || nima_utf8_blank(item->scalar)) {
            return wrong(ctx, name, node, "must be a list of texts");
        }
        texts.items[texts.count++] = item->scalar;
    }
    *out = texts;
    return NIMA_OK;
}

nima_rc nima_pack_rules_read(struct nima_ctx *ctx, const char *name, nima_str text,
                             struct nima_pack_rules *rules)
{
    const struct nima_yaml *root;
    NIMA_TRY(nima_yaml_parse(ctx, name, text, &root));
    if (root->kind != NIMA_YAML_MAP) {
        return nima_fail(ctx, NIMA_E_INVALID, "%s:1:1: must be keys with lists below them", name);
    }
    struct {
        const char *key;
        struct nima_pack_texts *to;
        size_t max;
    } lists[] = {
        {"topics", &rules->topics, PHRASES_MAX},     {"hints", &rules->hints, PHRASES_MAX},
        {"negative", &rules->negative, PHRASES_MAX}, {"cautions", &rules->cautions, LINES_MAX},
        {"ask_first", &rules->ask_first, LINES_MAX},
    };
    for (const struct nima_yaml *e = root->first; e != NULL; e = e->next) {
        bool known = nima_str_eq(e->key, NIMA_STR("tone"));
        if (known && e->kind != NIMA_YAML_SCALAR) {
            return wrong(ctx, name, e, "must be a text");
        }
        rules->tone = known ? e->scalar : rules->tone;
        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
            if (nima_str_eq(e->key, nima_str_of(lists[i].key))) {
                NIMA_TRY(read_list(ctx, name, e, lists[i].max, lists[i].to));
                known = true;
            }
        }
        if (!known) {
            return wrong(ctx, name, e,
                         "is not a known key; there are topics, hints, negative, tone, cautions "
                         "and ask_first");
        }
    }
    return NIMA_OK;
}

static int by_first_term(const void *a, const void *b)
{
    const struct nima_pack_phrase *left = a, *right = b;
    if (left->terms[0] != right->terms[0]) {
        return left->terms[0] < right->terms[0] ? -1 : 1;
    }
    return (int)right->count - (int)left->count;
}

static nima_rc add_phrases(struct nima_ctx *ctx, nima_str shown, const char *key,
                           const struct nima_pack_texts *texts, enum nima_phrase_kind kind,
                           struct nima_words *words, struct nima_pack *pack)
{
    for (size_t i = 0; i < texts->count; i++) {
        struct nima_terms terms = {0};
        bool fits = nima_utf8_count(texts->items[i]) <= PHRASE_CHARS_MAX;
        if (fits) {
            terms = nima_search_words_of(words, texts->items[i], (nima_str){0});
        }
        if (terms.count == 0 || terms.count > NIMA_PACK_PHRASE_TERMS_MAX) {
            nima_str text = nima_utf8_prefix(texts->items[i], 40);
            return nima_fail_field(ctx, NIMA_E_INVALID, "rules",
                                   NIMA_FMT ": rules.%s[%zu] (\"" NIMA_FMT "\") %s",
                                   NIMA_ARG(shown), key, i, NIMA_ARG(text),
                                   fits && terms.count == 0 ? "holds no word that counts"
                                                            : "is too long for a phrase");
        }
        struct nima_pack_phrase *phrase = &pack->phrases[pack->phrase_count++];
        memcpy(phrase->terms, terms.items, terms.count * sizeof(*terms.items));
        phrase->count = (uint8_t)terms.count;
        phrase->kind = kind;
        phrase->text = texts->items[i];
    }
    return NIMA_OK;
}

static nima_rc check_lines(struct nima_ctx *ctx, nima_str shown, const char *key,
                           const struct nima_pack_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (nima_utf8_count(texts->items[i]) > LINE_CHARS_MAX) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "rules",
                                   NIMA_FMT ": rules.%s[%zu] is over %d characters",
                                   NIMA_ARG(shown), key, i, LINE_CHARS_MAX);
        }
    }
    return NIMA_OK;
}

nima_rc nima_pack_rules_compile(struct nima_ctx *ctx, nima_str shown, struct nima_words *words,
                                struct nima_pack *pack)
{
    const struct nima_pack_rules *r = &pack->rules;
    NIMA_TRY(check_lines(ctx, shown, "cautions", &r->cautions));
    NIMA_TRY(check_lines(ctx, shown, "ask_first", &r->ask_first));
    if (r->tone.ptr != NULL) {
        NIMA_TRY(
            check_lines(ctx, shown, "tone", &(struct nima_pack_texts){(nima_str[]){r->tone}, 1}));
    }
    pack->phrases = NIMA_NEW(pack->keep.arena, struct nima_pack_phrase,
                             r->topics.count + r->hints.count + r->negative.count);
    NIMA_TRY(add_phrases(ctx, shown, "topics", &r->topics, NIMA_PHRASE_TOPIC, words, pack));
    NIMA_TRY(add_phrases(ctx, shown, "hints", &r->hints, NIMA_PHRASE_HINT, words, pack));
    NIMA_TRY(add_phrases(ctx, shown, "negative", &r->negative, NIMA_PHRASE_NEGATIVE, words, pack));
    qsort(pack->phrases, pack->phrase_count, sizeof(*pack->phrases), by_first_term);
    return NIMA_OK;
}
