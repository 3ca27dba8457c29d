/* The lists, the marks, and from the marks to ranges. */
#include "language/passages_int.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/embed.h"
#include "util/yaml.h"

NIMA_EMBEDDED(language);

enum { LIST_BYTES_MAX = 16 * 1024 };

static struct nima_word_lists lists; /* set once, before anybody reads it */

static char *joined(struct nima_ctx *ctx, const struct nima_yaml *tree, const char *name, char sep)
{
    struct nima_buf buf;
    nima_buf_init(&buf, LIST_BYTES_MAX);
    nima_buf_add_char(&buf, sep);
    const struct nima_yaml *list = nima_yaml_get(tree, name);
    nima_assert(list != NULL && list->kind == NIMA_YAML_LIST);
    for (const struct nima_yaml *item = list->first; item != NULL; item = item->next) {
        nima_buf_add(&buf, item->scalar);
        nima_buf_add_char(&buf, sep);
    }
    nima_assert(!buf.overflowed);
    (void)ctx;
    char *kept = nima_xstrdup(nima_buf_view(&buf));
    nima_buf_done(&buf);
    return kept;
}

static void load_lists(void)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    const struct nima_embedded *file =
        nima_embedded_find(nima_embedded_language, NIMA_STR("passages.yaml"));
    nima_assert(file != NULL);
    const struct nima_yaml *tree = NULL;
    nima_rc rc = nima_yaml_parse(&ctx, "passages.yaml", nima_embedded_data(file), &tree);
    nima_assert(rc == NIMA_OK);
    const struct {
        const char *name;
        char **to;
        char sep;
    } rows[] = {
        {"reports", &lists.reports, ' '},
        {"texts", &lists.texts, ' '},
        {"orders_strict", &lists.orders_strict, ' '},
        {"orders_loose", &lists.orders_loose, ' '},
        {"pointing", &lists.pointing, ' '},
        {"judged", &lists.judged, ' '},
        {"questions", &lists.questions, ' '},
        {"polite", &lists.polite, ' '},
        {"own_labels", &lists.own_labels, '|'},
        {"third", &lists.third, ' '},
        {"roles", &lists.roles, ' '},
        {"speaking", &lists.speaking, ' '},
        {"greetings", &lists.greetings, ' '},
        {"block_tags", &lists.block_tags, ' '},
        {"mail_headers", &lists.mail_headers, '|'},
        {"mail_begins", &lists.mail_begins, '|'},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        *rows[i].to = joined(&ctx, tree, rows[i].name, rows[i].sep);
    }
    nima_ctx_done(&ctx);
}

const struct nima_word_lists *nima_language_word_lists(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_lists);
    return &lists;
}

bool nima_language_word_in(const char *list, const char *word)
{
    size_t len = strlen(word);
    char sep = list[0];
    for (const char *at = list; len > 0 && (at = strstr(at, word)) != NULL; at++) {
        if (at > list && at[-1] == sep && at[len] == sep) {
            return true;
        }
    }
    return false;
}

bool nima_language_any_in(const char *list, const struct nima_lead_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (nima_language_word_in(list, words->items[i])) {
            return true;
        }
    }
    return false;
}

static bool word_byte(nima_str text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    bool inner = strchr("'-;", c) != NULL && at > 0 && at + 1 < text.len &&
                 isalnum((unsigned char)text.ptr[at - 1]) &&
                 isalnum((unsigned char)text.ptr[at + 1]);
    return isalnum(c) || c >= 0x80 || inner || c == '^';
}

void nima_language_lead_words(nima_str text, struct nima_lead_words *out)
{
    out->count = 0;
    out->cut = false;
    size_t at = 0;
    while (at < text.len) {
        while (at < text.len && !word_byte(text, at)) {
            at++;
        }
        if (at == text.len) {
            return;
        }
        if (out->count == NIMA_LEAD_WORDS_MAX) {
            out->cut = true;
            return;
        }
        char *word = out->items[out->count];
        out->capital[out->count] = isupper((unsigned char)text.ptr[at]) != 0;
        size_t len = 0;
        for (; at < text.len && word_byte(text, at); at++) {
            bool apostrophe = nima_str_starts(nima_str_sub(text, at, text.len), NIMA_STR("’"));
            char c = apostrophe ? '\'' : (char)tolower((unsigned char)text.ptr[at]);
            at += apostrophe ? strlen("’") - 1 : 0;
            if (len + 1 < NIMA_LEAD_WORD_CHARS) {
                word[len++] = c;
            }
        }
        word[len] = '\0';
        out->count++;
    }
}

void nima_language_mark(struct nima_marked *m, size_t from, size_t end)
{
    if (end > from) {
        memset(m->other + from, 1, end - from);
    }
}

static bool blank(char c)
{
    return isspace((unsigned char)c) != 0;
}

void nima_language_own_ranges(struct nima_ctx *ctx, nima_str text, struct nima_own_ranges *out)
{
    struct nima_marked m = {.text = text, .other = nima_alloc(ctx->arena, text.len + 1)};
    *out = (struct nima_own_ranges){0};
    nima_language_mark_blocks(&m);
    nima_language_mark_speakers(&m);
    nima_language_mark_leads(ctx, &m);
    size_t changes = 1;
    for (size_t i = 1; i < text.len; i++) {
        changes += m.other[i] != m.other[i - 1];
    }
    out->items = NIMA_NEW(ctx->arena, struct nima_own_range, changes);
    out->whole = text.len == 0 || memchr(m.other, 1, text.len) == NULL;
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && m.other[end] == m.other[at]) {
            end++;
        }
        size_t from = at, to = end;
        while (from < to && blank(text.ptr[from])) {
            from++;
        }
        while (to > from && blank(text.ptr[to - 1])) {
            to--;
        }
        if (m.other[at] == 0 && to > from) {
            out->items[out->count++] = (struct nima_own_range){from, to};
        }
        at = end;
    }
}

nima_str nima_language_own_text(struct nima_ctx *ctx, nima_str text)
{
    struct nima_own_ranges ranges;
    nima_language_own_ranges(ctx, text, &ranges);
    if (ranges.whole) {
        return text;
    }
    struct nima_buf buf;
    nima_buf_init(&buf, text.len + ranges.count + 1);
    for (size_t i = 0; i < ranges.count; i++) {
        nima_buf_add(&buf, i > 0 ? NIMA_STR("\n") : NIMA_STR(""));
        nima_buf_add(&buf, nima_str_sub(text, ranges.items[i].from, ranges.items[i].end));
    }
    nima_str own = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return own.ptr != NULL ? own : NIMA_STR("");
}
