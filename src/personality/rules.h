#pragma once
/*
 * Private to src/personality: the rules for a reply, as rows. docs/personality.md lists them.
 *
 * A pattern is ASCII text, in lower case; ' is also the curly one. (a|b|) is one of these; * is up
 * to NIMA_RULE_STAR_MAX letters, blanks, commas and apostrophes, as few as will do; $ is . and !,
 * one to NIMA_RULE_MARKS_MAX of them; ? may have ! beside it.
 */
#include "util/ctx.h"

enum { NIMA_RULE_STAR_MAX = 80, NIMA_RULE_GROUPS_MAX = 4, NIMA_RULE_MARKS_MAX = 8 };

enum nima_rule_kind {
    NIMA_RULE_OPENING,  /* dropped where a reply begins and something follows */
    NIMA_RULE_YES,      /* the same, but only before an offer: "Sure! Here is …" */
    NIMA_RULE_SENTENCE, /* a whole sentence, dropped; where a reply begins it is an OPENING */
    NIMA_RULE_CLOSING,  /* the same, but never where a reply begins */
    NIMA_RULE_PREFIX,   /* dropped where a sentence begins; what follows is capitalised */
    NIMA_RULE_FIRST,    /* replaced where a sentence begins */
    NIMA_RULE_WORDS,    /* replaced anywhere */
    NIMA_RULE_NOTE,     /* counted, not changed */
    NIMA_RULE_CODED     /* a few lines of C in the filter */
};

struct nima_rule {
    const char *id;
    enum nima_rule_kind kind;
    const char *pattern;
    const char *with; /* \1 … \4 are the pattern's groups */
    double weight;    /* how much of a sentence's score it takes */
};
extern const struct nima_rule nima_rules[];
extern const size_t nima_rule_count;

/* The coded ones. */
extern const struct nima_rule nima_rule_exclamation, nima_rule_repeat, nima_rule_language,
    nima_rule_steps, nima_rule_emoji, nima_rule_forbidden;

/* What may follow a YES; what may be capitalised; words that keep their "!". */
extern const char *const nima_rule_offers[], *const nima_rule_capitals[], *const nima_rule_shouts[];

/* The language of a code block that begins with `begin` on its first line; where `end` is given
 * that line ends in it. */
struct nima_rule_language {
    const char *name, *begin, *end;
};
extern const struct nima_rule_language nima_rule_languages[]; /* ends in {0} */

/* Bytes to match against: a byte, or less than 0 where there is none. */
typedef int (*nima_rule_byte)(void *user, size_t at);
struct nima_rule_group {
    size_t from, len;
};
/* The end of the pattern's match at `at`; 0: none. `groups` may be NULL. A pattern never matches
 * nothing. */
size_t nima_rule_match(const char *pattern, nima_rule_byte byte, void *user, size_t at,
                       struct nima_rule_group groups[NIMA_RULE_GROUPS_MAX]);
