/*
 * A list's file: Markdown, of which lines such as "- [ ] milk", "* [x] eggs" and "- bread" are
 * items.
 */
#include <string.h>

#include "language/language.h"
#include "tasks/lists/lists_int.h"
#include "util/buf.h"

static size_t indent_of(nima_str line)
{
    size_t at = 0;
    while (at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t')) {
        at++;
    }
    return at;
}

static void read_line(nima_str text, struct nima_lists_line *out)
{
    size_t at = indent_of(text);
    *out = (struct nima_lists_line){.text = text};
    bool mark =
        at + 2 <= text.len && strchr("-*+", text.ptr[at]) != NULL && text.ptr[at + 1] == ' ';
    if (!mark) {
        return;
    }
    nima_str rest = nima_str_sub(text, at + 2, text.len);
    bool box = rest.len >= 3 && rest.ptr[0] == '[' && rest.ptr[2] == ']' &&
               strchr(" xX", rest.ptr[1]) != NULL && (rest.len == 3 || rest.ptr[3] == ' ');
    out->done = box && rest.ptr[1] != ' ';
    out->item = nima_str_trim(box ? nima_str_sub(rest, 3, rest.len) : rest);
    out->is_item = out->item.len > 0;
}

void nima_lists_parse(struct nima_ctx *ctx, nima_str content, size_t more,
                      struct nima_lists_file *out)
{
    nima_str rest = content, line;
    size_t lines = 1;
    for (size_t i = 0; i < content.len; i++) {
        lines += content.ptr[i] == '\n';
    }
    *out = (struct nima_lists_file){.room = lines + more};
    out->lines = NIMA_NEW(ctx->arena, struct nima_lists_line, out->room);
    while (nima_str_next(&rest, '\n', &line)) {
        bool crlf = nima_str_ends(line, NIMA_STR("\r"));
        out->crlf = out->crlf || crlf;
        read_line(nima_str_sub(line, 0, line.len - crlf), &out->lines[out->count++]);
    }
    if (out->count > 0 && nima_str_ends(content, NIMA_STR("\n")) &&
        out->lines[out->count - 1].text.len == 0) {
        out->count--; /* the end of the last line begins no other */
    }
}

nima_str nima_lists_write(struct nima_ctx *ctx, const struct nima_lists_file *file)
{
    size_t bytes = 0;
    for (size_t i = 0; i < file->count; i++) {
        bytes += file->lines[i].text.len + 2;
    }
    char *text = nima_alloc_unset(ctx->arena, bytes + 1);
    size_t used = 0;
    for (size_t i = 0; i < file->count; i++) {
        nima_str line = file->lines[i].text;
        memcpy(text + used, line.ptr != NULL ? line.ptr : "", line.len);
        used += line.len;
        if (file->crlf) {
            text[used++] = '\r';
        }
        text[used++] = '\n';
    }
    text[used] = '\0';
    return (nima_str){text, used};
}

void nima_lists_append(struct nima_ctx *ctx, struct nima_lists_file *file, nima_str item)
{
    size_t at = file->count;
    for (size_t i = file->count; i > 0; i--) {
        if (file->lines[i - 1].is_item) {
            at = i;
            break;
        }
    }
    nima_assert(file->count < file->room);
    memmove(&file->lines[at + 1], &file->lines[at], (file->count - at) * sizeof(file->lines[0]));
    file->count++;
    file->lines[at] = (struct nima_lists_line){
        .text = nima_fmt(ctx, "- [ ] " NIMA_FMT, NIMA_ARG(item)), .item = item, .is_item = true};
}

void nima_lists_drop(struct nima_lists_file *file, size_t line)
{
    file->count--;
    memmove(&file->lines[line], &file->lines[line + 1],
            (file->count - line) * sizeof(file->lines[0]));
}

void nima_lists_mark(struct nima_ctx *ctx, struct nima_lists_file *file, size_t line, bool done)
{
    struct nima_lists_line *l = &file->lines[line];
    nima_str indent = nima_str_sub(l->text, 0, indent_of(l->text));
    l->done = done;
    l->text = nima_fmt(ctx, NIMA_FMT "%c [%c] " NIMA_FMT, NIMA_ARG(indent), l->text.ptr[indent.len],
                       done ? 'x' : ' ', NIMA_ARG(l->item));
}

/* Finding what is meant */

enum { WORDS_MAX = 24 };
struct words {
    nima_str items[WORDS_MAX];
    size_t count;
};

static bool is_small(nima_str word)
{
    static const char *const small[] = {"the", "a",   "an",  "some", "my",  "of",
                                        "die", "der", "das", "la",   "le",  "les",
                                        "el",  "los", "las", "un",   "une", NULL};
    for (size_t i = 0; small[i] != NULL; i++) {
        if (nima_str_eq(word, nima_str_of(small[i]))) {
            return true;
        }
    }
    return false;
}

/* Words that name the thing: no amounts, no articles, "eggs" as "egg". */
static void read_words(struct nima_ctx *ctx, nima_str text, struct words *out)
{
    struct nima_tokens tokens;
    nima_language_tokens(ctx, text, &tokens);
    *out = (struct words){.count = 0};
    for (size_t i = 0; i < tokens.count && out->count < WORDS_MAX; i++) {
        nima_str word = tokens.items[i].fold;
        enum nima_token_kind kind = tokens.items[i].kind;
        if (kind == NIMA_TOKEN_PUNCT || kind == NIMA_TOKEN_NUMBER || is_small(word)) {
            continue;
        }
        bool plural = word.len > 3 && nima_str_ends(word, NIMA_STR("s")) &&
                      !nima_str_ends(word, NIMA_STR("ss"));
        bool es = plural &&
                  (nima_str_ends(word, NIMA_STR("oes")) || nima_str_ends(word, NIMA_STR("ches")) ||
                   nima_str_ends(word, NIMA_STR("shes")));
        out->items[out->count++] = nima_str_sub(word, 0, word.len - (es ? 2 : plural ? 1 : 0));
    }
}

static bool all_in(const struct words *a, const struct words *b)
{
    for (size_t i = 0; i < a->count; i++) {
        bool found = false;
        for (size_t n = 0; n < b->count && !found; n++) {
            found = nima_str_eq(a->items[i], b->items[n]);
        }
        if (!found) {
            return false;
        }
    }
    return a->count > 0;
}

bool nima_lists_same_item(struct nima_ctx *ctx, nima_str said, nima_str item)
{
    struct words a, b;
    if (nima_str_eq(nima_language_fold(ctx, said), nima_language_fold(ctx, item))) {
        return true;
    }
    read_words(ctx, said, &a);
    read_words(ctx, item, &b);
    return a.count == b.count && all_in(&a, &b);
}

size_t nima_lists_find(struct nima_ctx *ctx, const struct nima_lists_file *file, nima_str said)
{
    struct words wanted, own;
    size_t part = SIZE_MAX, parts = 0, same = SIZE_MAX;
    nima_str folded = nima_language_fold(ctx, said);
    read_words(ctx, said, &wanted);
    for (size_t i = 0; i < file->count; i++) {
        const struct nima_lists_line *line = &file->lines[i];
        if (!line->is_item) {
            continue;
        }
        struct nima_arena_mark mark = nima_scratch(ctx);
        read_words(ctx, line->item, &own);
        bool exact = nima_str_eq(folded, nima_language_fold(ctx, line->item));
        bool within = all_in(&wanted, &own);
        bool whole = within && wanted.count == own.count;
        nima_scratch_end(ctx, mark);
        if (exact) {
            return i;
        }
        same = whole && same == SIZE_MAX ? i : same;
        part = within && part == SIZE_MAX ? i : part;
        parts += within;
    }
    return same != SIZE_MAX ? same : parts == 1 ? part : SIZE_MAX;
}
