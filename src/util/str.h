#pragma once
/*
 * str: borrowed views of bytes, UTF-8 where text is meant.
 * Ownership  A nima_str never owns; whoever keeps it longer than its source copies it.
 * Errors     Nothing here fails.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nima_str {
    const char *ptr; /* NULL means "absent"; an empty text has ptr != NULL and len 0 */
    size_t len;
} nima_str;

#define NIMA_STR(literal) ((nima_str){"" literal, sizeof(literal) - 1})
#define NIMA_STR_INIT(literal)                                                                     \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    } /* in static tables */
#define NIMA_FMT    "%.*s"
#define NIMA_ARG(s) (int)(s).len, ((s).ptr != NULL ? (s).ptr : "")

nima_str nima_str_of(const char *cstr); /* NULL gives the absent string */
bool nima_str_eq(nima_str a, nima_str b);
bool nima_str_eq_nocase(nima_str a, nima_str b); /* ASCII case only */
int nima_str_cmp(nima_str a, nima_str b);        /* by bytes, as memcmp */
bool nima_str_starts(nima_str s, nima_str prefix);
bool nima_str_starts_nocase(nima_str s, nima_str prefix);
bool nima_str_ends(nima_str s, nima_str suffix);
nima_str nima_str_trim(nima_str s);                         /* ASCII white space off both ends */
nima_str nima_str_sub(nima_str s, size_t from, size_t end); /* clipped to the string */
/* Position of the first `needle` at or after `from`, or SIZE_MAX. */
size_t nima_str_find(nima_str s, nima_str needle, size_t from);
size_t nima_str_find_nocase(nima_str s, nima_str needle, size_t from);
/* Cuts at the first `sep`: *head is before it, *s what follows. False when *s was absent. */
bool nima_str_next(nima_str *s, char sep, nima_str *head);
bool nima_str_to_i64(nima_str s, int64_t *out);
bool nima_str_to_f64(nima_str s, double *out);
uint64_t nima_str_hash(nima_str s); /* FNV-1a: for tables in memory, never stored */

/* UTF-8 */
bool nima_utf8_valid(nima_str s); /* well-formed, no surrogates, no NUL */
/* Nothing but blanks, control characters and others that show nothing; of valid UTF-8. */
bool nima_utf8_blank(nima_str s);
/* The longest prefix of at most max_bytes that does not cut a character. */
nima_str nima_utf8_prefix(nima_str s, size_t max_bytes);
size_t nima_utf8_count(nima_str s); /* characters (code points) of a valid text */
/* Decodes one code point; returns its bytes, 0 when the text ends or is broken there. */
int nima_utf8_decode(nima_str s, size_t at, uint32_t *code_point);
int nima_utf8_encode(uint32_t code_point, char out[4]); /* bytes written */
/* How many bytes at the end of s begin a character that is not complete yet: 0..3. */
size_t nima_utf8_incomplete_tail(nima_str s);
