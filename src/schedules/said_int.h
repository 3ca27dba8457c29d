#pragma once
/*
 * What a sentence asks of schedules, by rules: private to src/schedules.
 */
#include "language/when.h"
#include "schedules/schedules_int.h"

enum { NIMA_SAID_WORDS_MAX = 60, NIMA_SAID_WORD_CHARS = 24 };

struct nima_said_word {
    char low[NIMA_SAID_WORD_CHARS]; /* lower case, without punctuation around it; cut off */
    size_t from, end;               /* where it stands in the message */
    bool stop, comma;               /* a sentence ends after it; a comma follows */
};
struct nima_said_words {
    struct nima_said_word items[NIMA_SAID_WORDS_MAX];
    size_t count;
};
bool nima_said_is(const struct nima_said_words *words, size_t at, const char *low);
/* One of those in `list`, which is " a b c ". */
bool nima_said_in(const struct nima_said_words *words, size_t at, const char *list);
/* The words from `at` on begin with these, separated by blanks: how many, else 0. */
size_t nima_said_begins(const struct nima_said_words *words, size_t at, const char *phrase);

enum nima_said_kind {
    NIMA_SAID_NOTHING,
    NIMA_SAID_REMIND,
    NIMA_SAID_WHEN, /* a reminder without a time */
    NIMA_SAID_WHAT, /* a time without what to say */
    NIMA_SAID_HALF, /* a time of which not all was understood */
    NIMA_SAID_LIST,
    NIMA_SAID_CANCEL
};
struct nima_said {
    enum nima_said_kind kind;
    struct nima_when when;
    nima_str text; /* what to say; of CANCEL: what the reminder is about, absent: not said */
    bool all;      /* CANCEL: all of them */
};
void nima_said_read(struct nima_ctx *ctx, const struct nima_when_setting *setting, nima_str message,
                    struct nima_said *out);
