#pragma once
/*
 * claims: keeps a reply from saying that something was done, or will be, when nothing was. The text
 * of a reply goes through it piece by piece; a clause that claims an act is held until its sentence
 * ends and then left out, and once per reply a sentence that is true stands in its place. Patterns
 * and words are data (data/claims.yaml), by language.
 *
 * Lifetime   One nima_claims per reply. The tables are parsed at first use and stay.
 * Ownership  _take lends until the next call.
 * Threads    One at a time; the tables may be read by any.
 * Bounds     At most NIMA_CLAIMS_HOLD_BYTES_MAX bytes are held back, and only while a clause may
 *            still become a claim. Code between fences and inline is never looked at.
 */
#include "language/language.h"

enum { NIMA_CLAIMS_HOLD_BYTES_MAX = 400 };

struct nima_claims;

struct nima_claims_options {
    const struct nima_language *language; /* of the reply; one without patterns: English */
    bool ordered;     /* the message asked for an act: "Done." claims one, too */
    nima_str instead; /* what is true; absent: the language's own sentence. Copied */
};
struct nima_claims *nima_claims_new(const struct nima_claims_options *options);
void nima_claims_free(struct nima_claims *claims);
void nima_claims_add(struct nima_claims *claims, nima_str piece);
void nima_claims_end(struct nima_claims *claims);            /* nothing is added any more */
nima_str nima_claims_take(struct nima_claims *claims);       /* what is ready since the last call */
size_t nima_claims_caught(const struct nima_claims *claims); /* clauses that were left out */

/* Whether the clause, all of it, says that an act was done or will be. */
bool nima_claims_is(const struct nima_language *language, bool ordered, nima_str clause);
