#pragma once
/*
 * said: what a person wrote, cut down to what they say themselves: without code, quotations and
 * other people's lines; as sentences, as words, as clauses with one subject each.
 *
 * Ownership  Results live in ctx->arena or point into the text.
 */
#include "util/ctx.h"

enum {
    NIMA_SENTENCES_MAX = 64,
    NIMA_TOKENS_MAX = 80, /* a longer sentence is no plain statement */
    NIMA_CLAUSES_MAX = 12,
    NIMA_TOKEN_CHARS = 48,
    NIMA_TAIL_MAX = 8,
};

/* A letter that stands where something was quoted. */
#define NIMA_SAID_QUOTED "\x01"

/* The text as a plain keyboard would have written it: blanks of every kind are blanks, marks
 * without width are gone, apostrophes are ', and a sentence that begins right behind a stop
 * ("Lisbon.I work") has its blank. The text itself where nothing is to change. */
nima_str nima_memory_said_normal(struct nima_ctx *ctx, nima_str text);
/* The text without code blocks, inline code, quoted lines and passages, transcripts, brackets. */
nima_str nima_memory_said_plain(struct nima_ctx *ctx, nima_str text);

struct nima_sentence {
    nima_str text;
    bool question; /* ends with a question mark */
};
size_t nima_memory_said_sentences(nima_str plain, struct nima_sentence out[NIMA_SENTENCES_MAX]);

struct nima_said_word {
    nima_str raw;               /* as written, punctuation off */
    char low[NIMA_TOKEN_CHARS]; /* ASCII letters lower, typographic apostrophes plain */
    bool comma;                 /* a comma, dash or the like follows */
    bool capital;               /* begins with a capital letter */
};
/* Words of a sentence, contractions taken apart ("I'm" is I, am). 0 when there are too many. */
size_t nima_memory_said_tokens(struct nima_ctx *ctx, nima_str sentence,
                               struct nima_said_word out[NIMA_TOKENS_MAX]);
bool nima_memory_token_is(const struct nima_said_word *token, const char *low);
/* One of the words in `list`, which is " a b c ". */
bool nima_memory_token_in(const struct nima_said_word *token, const char *list);
bool nima_memory_token_number(const struct nima_said_word *token);

struct nima_clause {
    struct nima_said_word t[NIMA_TOKENS_MAX]; /* begins with its subject: I, my, we, our */
    size_t count;
    struct nima_said_word tail[NIMA_TAIL_MAX]; /* "in my free time", said before the subject */
    size_t tail_count;
};
/* Clauses whose subject is the speaker or what is theirs. *asked is set for "remember that …",
 * with the words after it in `rest` for what no rule understands. */
struct nima_clauses {
    struct nima_clause items[NIMA_CLAUSES_MAX];
    size_t count;
    bool asked_to_remember;
    struct nima_said_word rest[NIMA_TOKENS_MAX];
    size_t rest_count;
};
void nima_memory_said_clauses(const struct nima_said_word *tokens, size_t count, bool question,
                              struct nima_clauses *out);
/* Whether this sentence makes what follows it somebody's text: translate, pretend, a story. */
bool nima_memory_said_begins_text(const struct nima_said_word *tokens, size_t count);
