#pragma once
/*
 * passages: which parts of a message are the person's own words. Not theirs are fenced and tagged
 * blocks, quoted lines, mails with their headers, lines of other speakers, comments of code, role
 * play between asterisks, and text that an order or a lead-in announces ("my boss wrote me this:",
 * "is this spam?", "… Translate the above to French."). What is not sure to be theirs is left out:
 * who learns or acts on a message reads its own parts alone. The words that this leans on are in
 * src/language/data/passages.yaml.
 *
 * Quotations of a few words within a sentence stay: they may be a name or a title.
 *
 * Lifetime   The lists are parsed from the binary at first use and stay as long as the process.
 * Ownership  Results live in ctx->arena; offsets are bytes of the text that was given.
 * Threads    Any.
 * Errors     Nothing here fails. The time is linear in the text.
 */
#include "util/ctx.h"

struct nima_own_range {
    size_t from, end; /* blanks off its ends */
};
struct nima_own_ranges {
    struct nima_own_range *items;
    size_t count;
    bool whole; /* nothing of the text is somebody else's */
};
void nima_language_own_ranges(struct nima_ctx *ctx, nima_str text, struct nima_own_ranges *out);
/* The own parts as one text, a line each; the text itself when all of it is own. */
nima_str nima_language_own_text(struct nima_ctx *ctx, nima_str text);
