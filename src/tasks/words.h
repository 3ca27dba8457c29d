#pragma once
/*
 * words: a message as words, and patterns over them, for the rules that find what is asked for.
 */
#include "util/ctx.h"

enum { NIMA_TASK_WORDS_MAX = 120, NIMA_TASK_SLOTS_MAX = 4 };
struct nima_task_word {
    nima_str text; /* without its quotes or its last punctuation; a view into the message */
    bool quoted;
};
struct nima_task_words {
    struct nima_task_word items[NIMA_TASK_WORDS_MAX];
    size_t count;
    nima_str after; /* the type of what was done last in the conversation; absent: nothing */
};
/* False: it has more words than that, or code in a block, and is no order. */
bool nima_task_words_read(nima_str message, struct nima_task_words *out);
/* Leaves out "please", "could you …" in front and "please", "for me" behind. */
void nima_task_words_polite(const struct nima_task_words *words, size_t *from, size_t *end);
bool nima_task_word_is(const struct nima_task_word *word, const char *choices); /* "a|b" */
/* "5", "five": zero or more. */
bool nima_task_number(nima_str text, int64_t *out);
/* A name with an ending or with a slash: "notes.txt", "notes/today". Not a host. */
bool nima_task_is_path(nima_str text);
/* With a capital, as a title begins. */
nima_str nima_task_sentence(struct nima_ctx *ctx, nima_str text);

struct nima_task_slot {
    nima_str field; /* a view into the pattern */
    nima_str value; /* a view into the message */
};
struct nima_task_match {
    struct nima_task_slot slots[NIMA_TASK_SLOTS_MAX];
    size_t count;
};
/* Whether the words from..end are the pattern, all of it. A pattern's words: "a|b" one of them,
 * "[a|b]" perhaps one of them, "<kind:field>" a value: p a path, d a path or one plain word,
 * q something in quotes, w any words, u a URL, n a number, m a method of HTTP; r "owner/name", g
 * "owner/name#12" (R, G: with a colon behind), h a number or "#12", t all words that are left; of
 * a cluster k a name, i an image, c a count, which may be zero or a word. */
bool nima_task_pattern(const char *pattern, const struct nima_task_words *words, size_t from,
                       size_t end, struct nima_task_match *out);
