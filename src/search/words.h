#pragma once
/*
 * words: a text as the terms that keyword ranking counts: folded (NFKC, case, accents off Latin,
 * Greek and Cyrillic letters), without stop words, stemmed (Snowball: English for Latin script,
 * Russian for Cyrillic). Scripts written without spaces (Chinese, Japanese, Korean, Thai, ...)
 * give overlapping pairs of characters.
 *
 * Lifetime   _open/_close; keeps its buffers between texts.
 * Threads    One at a time.
 */
#include <stddef.h>
#include <stdint.h>

#include "util/str.h"

struct nima_words;
struct nima_terms {
    const uint64_t *items; /* hashes of the terms, in the text's order; until the next call */
    size_t count;
};

struct nima_words *nima_search_words_open(void);
void nima_search_words_close(struct nima_words *words);
/* Keeps what it found out about each word: pays for thousands of texts, not for one. */
void nima_search_words_many(struct nima_words *words);
/* From here on words that mean one thing count as one (same.h). */
void nima_search_words_same(struct nima_words *words);
/* All words of a valid UTF-8 text as they are written, only folded: nothing is left out or stemmed.
 */
struct nima_terms nima_search_words_plain(struct nima_words *words, nima_str text);
/* The terms of a valid UTF-8 text; `also` (may be absent) is counted with it. */
struct nima_terms nima_search_words_of(struct nima_words *words, nima_str text, nima_str also);
