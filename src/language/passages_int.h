#pragma once
/*
 * Private to passages*.c: a message with a mark for each byte that is not the person's own.
 */
#include "language/passages.h"

enum {
    NIMA_LEAD_WORDS_MAX = 20, /* a longer clause announces nothing */
    NIMA_LEAD_WORD_CHARS = 24,
};

struct nima_word_lists {
    /* Each is " a b c "; phrases stand between bars, "|about me|note|". */
    char *reports, *texts, *orders_strict, *orders_loose, *pointing, *judged, *questions, *polite,
        *own_labels, *third, *roles, *speaking, *greetings, *block_tags, *mail_headers,
        *mail_begins;
};
const struct nima_word_lists *nima_language_word_lists(void);

struct nima_marked {
    nima_str text;
    char *other; /* 1: not the person's own */
};
void nima_language_mark(struct nima_marked *m, size_t from, size_t end);

struct nima_lead_words {
    char items[NIMA_LEAD_WORDS_MAX][NIMA_LEAD_WORD_CHARS];
    bool capital[NIMA_LEAD_WORDS_MAX];
    size_t count;
    bool cut; /* there are more */
};
/* Words of the text in lower case, typographic apostrophes plain. */
void nima_language_lead_words(nima_str text, struct nima_lead_words *out);
bool nima_language_word_in(const char *list, const char *word);
bool nima_language_any_in(const char *list, const struct nima_lead_words *words);

/* passages_blocks.c: fences, tags, quoted lines, comments, mails, speakers, role play. */
void nima_language_mark_blocks(struct nima_marked *m);
void nima_language_mark_speakers(struct nima_marked *m);
/* passages_leads.c: what a lead-in or an order makes of the text around it. */
void nima_language_mark_leads(struct nima_ctx *ctx, struct nima_marked *m);
