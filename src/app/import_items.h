#pragma once
/*
 * import_items: the values of a file that another program exported, one at a time, so that one odd
 * value is that value's trouble alone and a large file never is a tree in memory as a whole. The
 * file may be a list, values behind one another (JSON lines), one bare object, or an object that
 * has the list as a member; a byte order mark before it is passed over.
 * Ownership  Borrows the text; a value's tree lives in ctx->arena.
 */
#include "util/json.h"

struct nima_items {
    nima_str text;
    size_t at;
    bool in_list;
};

/* `members`: names of the members that may hold the list, up to NULL. */
void nima_items_open(struct nima_items *items, nima_str text, const char *const *members);
/* The next value's text in *out, absent at the end. MALFORMED when the text ends within a value or
 * there is what is no JSON between values: nothing behind it can be found then. */
NIMA_MUST_USE nima_rc nima_items_next(struct nima_ctx *ctx, struct nima_items *items,
                                      nima_str *out);
/* Parses a value. A NUL within it is replaced by U+FFFD, since no text here may hold one. */
NIMA_MUST_USE nima_rc nima_items_parse(struct nima_ctx *ctx, nima_str value,
                                       const struct nima_json **out);
