/*
 * Values are found by their brackets and quotes alone; whether one is JSON is the parser's to say.
 */
#include "app/import_items.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(const struct nima_items *items, size_t *at)
{
    while (*at < items->text.len && is_blank(items->text.ptr[*at])) {
        ++*at;
    }
}

/* Behind the text that begins at `at` with its quote; SIZE_MAX when it does not end. */
static size_t skip_string(nima_str text, size_t at)
{
    for (at++; at < text.len; at++) {
        if (text.ptr[at] == '\\') {
            at++;
        } else if (text.ptr[at] == '"') {
            return at + 1;
        }
    }
    return SIZE_MAX;
}

/* Behind the value that begins at `at`; SIZE_MAX when it does not end. */
static size_t skip_value(nima_str text, size_t at)
{
    size_t depth = 0, start = at;
    while (at < text.len) {
        char c = text.ptr[at];
        if (c == '"') {
            at = skip_string(text, at);
            if (at == SIZE_MAX || depth == 0) {
                return at;
            }
            continue;
        }
        if (depth == 0 && (is_blank(c) || c == ',' || c == ']' || c == '}' || c == ':')) {
            return at > start ? at : SIZE_MAX;
        }
        depth += c == '{' || c == '[';
        at++;
        if ((c == '}' || c == ']') && --depth == 0) {
            return at;
        }
    }
    return depth == 0 && at > start ? at : SIZE_MAX;
}

static bool is_member(nima_str name, const char *const *members)
{
    for (; *members != NULL; members++) {
        if (nima_str_eq(name, nima_str_of(*members))) {
            return true;
        }
    }
    return false;
}

/* Where the list begins that is a member of the object at `at`, or of a member of those names;
 * SIZE_MAX when there is none. */
static size_t list_within(const struct nima_items *items, size_t at, const char *const *members)
{
    nima_str text = items->text;
    for (at++;; at++) {
        skip_blanks(items, &at);
        if (at >= text.len || text.ptr[at] != '"') {
            return SIZE_MAX;
        }
        size_t end = skip_string(text, at);
        if (end == SIZE_MAX) {
            return SIZE_MAX;
        }
        nima_str name = nima_str_sub(text, at + 1, end - 1);
        skip_blanks(items, &end);
        if (end >= text.len || text.ptr[end] != ':') {
            return SIZE_MAX;
        }
        at = end + 1;
        skip_blanks(items, &at);
        if (at < text.len && is_member(name, members)) {
            if (text.ptr[at] == '[') {
                return at;
            }
            if (text.ptr[at] == '{') { /* looked at from here on, and never left again */
                continue;
            }
        }
        at = skip_value(text, at);
        if (at == SIZE_MAX) {
            return SIZE_MAX;
        }
        skip_blanks(items, &at);
        if (at >= text.len || text.ptr[at] != ',') {
            return SIZE_MAX;
        }
    }
}

void nima_items_open(struct nima_items *items, nima_str text, const char *const *members)
{
    *items = (struct nima_items){.text = text};
    if (nima_str_starts(text, NIMA_STR("\xef\xbb\xbf"))) {
        items->at = 3;
    }
    skip_blanks(items, &items->at);
    if (items->at >= text.len) {
        return;
    }
    size_t list = text.ptr[items->at] == '[' ? items->at : SIZE_MAX;
    if (text.ptr[items->at] == '{') {
        list = list_within(items, items->at, members);
    }
    items->in_list = list != SIZE_MAX;
    items->at = items->in_list ? list + 1 : items->at;
}

nima_rc nima_items_next(struct nima_ctx *ctx, struct nima_items *items, nima_str *out)
{
    size_t at = items->at;
    skip_blanks(items, &at);
    while (at < items->text.len && items->text.ptr[at] == ',') {
        at++;
        skip_blanks(items, &at);
    }
    bool ends = at < items->text.len && items->text.ptr[at] == ']';
    if (at >= items->text.len && items->in_list) {
        return nima_fail(ctx, NIMA_E_MALFORMED, "the file is cut short: its list does not end");
    }
    if (at >= items->text.len || (ends && items->in_list)) {
        *out = (nima_str){0};
        return NIMA_OK;
    }
    size_t end = skip_value(items->text, at);
    if (end == SIZE_MAX) {
        return nima_fail(ctx, NIMA_E_MALFORMED,
                         "this is not JSON: the value at byte %zu does not end", at);
    }
    items->at = end;
    *out = nima_str_sub(items->text, at, end);
    return NIMA_OK;
}

/* "\u0000" in place of a character, told from "\\u0000", which is six of them. */
static nima_str without_nul(struct nima_ctx *ctx, nima_str value)
{
    char *copy = NULL;
    for (size_t at = 0; at + 6 <= value.len; at++) {
        if (value.ptr[at] != '\\') {
            continue;
        }
        if (memcmp(value.ptr + at, "\\u0000", 6) == 0) {
            copy = copy != NULL ? copy : nima_cstr(ctx, value);
            memcpy(copy + at, "\\ufffd", 6);
        }
        at++;
    }
    return copy != NULL ? (nima_str){copy, value.len} : value;
}

nima_rc nima_items_parse(struct nima_ctx *ctx, nima_str value, const struct nima_json **out)
{
    return nima_json_parse(ctx, without_nul(ctx, value), out);
}
