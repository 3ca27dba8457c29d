#pragma once
/*
 * language: reads text, in the languages that src/language/data describes (de en es fr it nl pt).
 * Tokens, sentences and clauses here; numbers in language/numbers.h; days and times in
 * language/when.h. A language is a file of data: none has rules of its own in the code.
 *
 * Lifetime   The tables are parsed from the binary at first use and stay as long as the process.
 * Ownership  Results live in ctx->arena; offsets are bytes of the text that was given.
 * Threads    Any: the tables never change once they are there.
 * Errors     Nothing here fails. Text that is no UTF-8 is read byte by byte as other characters.
 */
#include "util/ctx.h"

struct nima_language; /* one of nima_language_codes */

enum { NIMA_LANGUAGES = 7, NIMA_TOKENS_MAX = 32768 };
extern const char *const nima_language_codes[NIMA_LANGUAGES + 1]; /* "de" … ; ends in NULL */

/* By the code that `code` begins with ("en", "pt-BR", "de_AT"); NULL: none of ours. */
const struct nima_language *nima_language_get(nima_str code);
/* As _get, English for what is unknown or absent. */
const struct nima_language *nima_language_or_english(nima_str code);
nima_str nima_language_code(const struct nima_language *language); /* "en" */

/* The language that most words of the text speak for. `before` (the profile's or that of the
 * message before; NULL: English) when the text says too little to tell. */
const struct nima_language *nima_language_identify(struct nima_ctx *ctx, nima_str text,
                                                   const struct nima_language *before);

enum nima_token_kind {
    NIMA_TOKEN_WORD,   /* letters, with apostrophes inside: "o'clock", "don't" */
    NIMA_TOKEN_NUMBER, /* digits, with one of .,:/'- between two of them: "18:30", "1.5" */
    NIMA_TOKEN_PUNCT,  /* one character */
    NIMA_TOKEN_EMOJI,  /* one, with what joins to it */
    NIMA_TOKEN_CJK     /* one character of a script that is written without blanks */
};
struct nima_token {
    enum nima_token_kind kind;
    size_t from, end; /* bytes of the text */
    nima_str fold;    /* NFKC, lower case, without accents, every apostrophe ' */
    nima_str lower;   /* the same with its accents: "mañana", not "manana" */
    bool joined;      /* nothing stands between it and the token before: "6|pm", "don|." */
    bool hyphen;      /* but a hyphen does: "twenty-|one" */
    bool upper;       /* begins with a capital letter */
    bool line;        /* the first of a line */
    bool sentence;    /* the first of a sentence */
};
struct nima_tokens {
    struct nima_token *items;
    size_t count;
    bool cut; /* there were more than NIMA_TOKENS_MAX */
};
/* Blanks of every kind separate, characters without width are nothing. A hyphen between letters
 * separates ("half-past" is two words); digits end where letters begin ("6pm"); a stop between
 * letters of which the second is a capital ends a sentence ("Lisbon.I work"). */
void nima_language_tokens(struct nima_ctx *ctx, nima_str text, struct nima_tokens *out);

/* A passage of the text, blanks off its ends. */
struct nima_passage {
    size_t from, end;
};
struct nima_passages {
    struct nima_passage *items;
    size_t count;
};
/* Ends at . ! ? … ; and line breaks, but not at abbreviations, decimals and initials. */
void nima_language_sentences(struct nima_ctx *ctx, nima_str text, struct nima_passages *out);
/* Parts of sentences that could stand alone: at commas, semicolons, dashes, and words such as
 * "and", "but", "then" of the language. A list ("milk, eggs and bread") is cut too: the caller
 * joins what is no clause of its own. Conjunctions belong to no passage. */
void nima_language_clauses(struct nima_ctx *ctx, const struct nima_language *language,
                           nima_str text, struct nima_passages *out);

/* The folded text of the tokens, one blank between two, none where they are joined. */
nima_str nima_language_fold(struct nima_ctx *ctx, nima_str text);
